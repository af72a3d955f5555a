"""The graph view: boxes around steps, columns by wave, nothing on top of another, and bands through what shares."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest

import lmc
from lmc.viz.graph_view import GraphView
from lmc.viz.nest import MAX_GROUPS, MAX_SHOWN, GraphItem
from lmc.viz.placing import PlacedItem, placed
from lmc.viz.stripes import MIN_WIDTH, STRIPES_WIDTH, Card, Stripe, common, ribbons, runs
from lmc.viz.view import View
from tests.viz.pictured import pictured
from tests.viz.test_pictures import fan, long

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.py"))


def drawn(program: lmc.Program) -> GraphView:
    return GraphView(View(lmc.compile(program).planned))


def outline(item: GraphItem) -> object:
    return (item.title, [outline(each) for each in item.below]) if item.is_box else item.title


def all_items(item: GraphItem) -> Iterator[GraphItem]:
    yield item
    for each in item.below:
        yield from all_items(each)


def test_steps_stand_in_the_boxes_of_the_program() -> None:
    """A fork is a box, with what follows it beside it; each arm of a branch is one."""
    assert outline(drawn(pictured).whole) == (
        "pictured(topic: str)",
        [
            ("fork x2", ["#0 gen good", "#1 gen bad"]),
            "#2 select best",
            ('#3 if s["best"] == "for"', [("then", ["#4 gen why"])]),
            ("#5 for word in topic.split()", ["#6 gen more"]),
        ],
    )


def test_calls_stand_in_columns_by_wave() -> None:
    """A call of a region is counted on from where that begins."""
    columns = {item.title: item.first for item in all_items(drawn(pictured).whole) if item.kind == "call"}
    assert columns == {"#0 gen good": 0, "#1 gen bad": 0, "#2 select best": 1, "#4 gen why": 2, "#6 gen more": 3}


@lmc.function
def nested(s):
    """A fork in a fork, a copy, and one that is gone on with after its children."""
    a, b = s.fork(2)
    c, d = a.fork(2)
    c += lmc.gen("c")
    d += lmc.gen("d")
    b += lmc.gen("b")
    copy = s.fork(1)[0]
    copy += "Alone: " + lmc.gen("alone")
    s += c["c"] + d["d"] + b["b"] + copy["alone"] + lmc.gen("end")


def test_a_fork_in_another_stands_in_its_box() -> None:
    found = [outline(item) for item in drawn(nested).whole.below if item.kind == "fork"]
    assert found == [("fork x2", [("fork x2", ["#0 gen c", "#1 gen d"]), "#2 gen b"])]
    assert [item.title for item in drawn(nested).whole.below[1:]] == ["#3 gen alone", "#4 gen end"]


@pytest.mark.parametrize("program", [pictured, nested, fan, long(5), long(50), long(500)])
@pytest.mark.parametrize("is_all", [False, True])
def test_nothing_stands_on_top_of_another(program: lmc.Program, is_all: bool) -> None:
    """What is beside another does not touch it, and what is in a box is inside; opened at first, or all of it."""
    graph = drawn(program)
    for item in all_items(graph.whole):
        item.is_open |= is_all
    found = placed(graph.whole, graph.under)
    spots = {spot.item: spot for spot in found.spots}
    for box in all_items(graph.whole):
        inside = [spots[item] for item in box.below if item in spots]
        near = sorted(inside, key=lambda spot: (spot.y, spot.x))[:80]
        assert not any(_touch(a, b) for a, b in combinations(near, 2))
        if box in spots:
            assert all(_is_in(spot, spots[box]) for spot in inside)
    assert all(spot.x + spot.width <= found.width + 20 and spot.y + spot.height <= found.height for spot in found.spots)


def _touch(a: PlacedItem, b: PlacedItem) -> bool:
    return a.x < b.x + b.width and b.x < a.x + a.width and a.y < b.y + b.height and b.y < a.y + a.height


def _is_in(a: PlacedItem, b: PlacedItem) -> bool:
    return b.x <= a.x and a.x + a.width <= b.x + b.width and b.y < a.y and a.y + a.height < b.y + b.height


@pytest.mark.parametrize("num", [5, 50, 500, pytest.param(10_000, marks=pytest.mark.slow)])
def test_a_picture_begins_with_what_can_be_read(num: int) -> None:
    """However many calls there are; all of them are in it, each once."""
    graph = drawn(long(num))
    cards = [spot for spot in placed(graph.whole, graph.under).spots if spot.is_card]
    assert len(cards) <= (num if num <= MAX_SHOWN else MAX_GROUPS)
    assert Counter(step.number for spot in cards for step in spot.item.steps()) == Counter(range(num))


def test_stripes_are_as_wide_as_prompts_are_long() -> None:
    """One behind the other, the longest prompt as wide as all; none is too thin to be seen."""
    graph = drawn(pictured)
    assert max(graph.stripes.ends) == STRIPES_WIDTH
    for stripe in graph.stripes.all:
        assert stripe.end - stripe.start >= MIN_WIDTH
        assert stripe.start == (stripe.parent.end if stripe.parent else 0)
    by_row = {row.step: graph.stripes.of_row[place] for place, row in enumerate(graph.bands.rows)}
    assert by_row[0] is by_row[1]
    shared = by_row[0]
    assert shared is not None and all(shared in stripe.chain() for stripe in by_row.values() if stripe)


def _card(y: float, *chain: Stripe, x: float = 0.0) -> Card:
    return Card(x, y, 10, 10, chain)


def test_a_stripe_runs_through_neighbours_and_on_to_later_columns() -> None:
    """From the nearest card that has it; where a neighbour lacks it, it stops and comes again."""
    p = Stripe(0, 0, None, 0, 10)
    q = Stripe(1, 1, p, 10, 15)
    a, b, c, d = _card(0, p, q), _card(20, p), _card(40), _card(60, p)
    assert [(run.stripe, run.top, run.bottom) for run in runs([a, b, c, d])] == [(q, a, a), (p, a, b), (p, d, d)]
    late, low = _card(0, p, q, x=20), _card(58, p, x=40)
    found = [(each.stripe, each.source, each.target, each.above) for each in ribbons([[a, b, c, d], [late], [low]])]
    assert found == [(p, a, late, 0.0), (q, a, late, 10.0), (p, late, low, 0.0)]
    assert list(common([(p, q), (p,)])) == [p] and common([]) == ()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.stem)
def test_an_example_is_drawn(example: Path) -> None:
    """Each call once."""
    from lmc.cli.loading import load_program

    graph = drawn(load_program(str(example)))
    calls = [item.number for item in all_items(graph.whole) if item.kind == "call"]
    assert sorted(calls) == [call.step.id for call in graph.view.calls]
