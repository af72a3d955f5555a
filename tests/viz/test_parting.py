"""Why each call does not go on from the one above it: the tree says what two calls say by themselves."""

from __future__ import annotations

import json
from typing import Any

import pytest

import lmc
from lmc.backend.default_model import folder_of
from lmc.passes.divergence import Divergences
from lmc.tokenizer import load_tokenizer
from lmc.viz.parting import Parting, partings
from lmc.viz.sharing import goes_on, sharing
from lmc.viz.view import View

RULES = "You are a careful assistant. You answer in one sentence and say so where you do not know.\n"


@lmc.function
def asks(s, question: str, note: str):
    s += RULES
    short, long, last = s.fork(3)
    short += f"Q: {question}\nIn a word:" + lmc.gen("short")
    long += f"Q: {question}\nIn a sentence:" + lmc.gen("long")
    last += f"Q: {note}\n"
    last += "So:" + lmc.gen("last")
    short += " Why?" + lmc.gen("why")
    return short["why"], long["long"], last["last"]


@lmc.function
def spaces(s, question: str):
    a, b, c = s.fork(3)
    a += "Rules of the house." + lmc.gen("a", max_tokens=4)
    b += "Rules of the house. " + lmc.gen("b", max_tokens=4)
    c += "Rules of the  house.\n" + lmc.gen("c", max_tokens=4)
    return a["a"], b["b"], c["c"]


@lmc.function
def arms(s, is_long: bool):
    s += RULES
    if is_long:
        s += "In a sentence:" + lmc.gen("x")
    else:
        s += "In a word:" + lmc.gen("x")
    t = s.copy()
    t += "And?" + lmc.gen("y")
    return t["y"]


@lmc.function
def turns(s, question: str):
    a, b = s.fork(2)
    a += lmc.system(RULES)
    a += lmc.user(question)
    a += lmc.assistant(lmc.gen("a"))
    b += lmc.user(RULES + question)
    b += lmc.assistant(lmc.gen("b"))
    return a["a"], b["b"]


PROGRAMS = (asks, spaces, arms, turns)


def parted(program: Any, tokenizer: Any = None, **given: Any) -> tuple[View, dict[int, Parting]]:
    """A program's view and partings."""
    view = View(lmc.compile(program, tokenizer=tokenizer, **given).planned)
    return view, partings(sharing(view), view)


@pytest.mark.parametrize("model", ["", "lmc-tiny"])
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.func.__name__)
def test_it_is_what_the_two_calls_say_by_themselves(program: Any, model: str) -> None:
    """Though it looks at no more than what lies behind the prefix that both share."""

    tokenizer = load_tokenizer(folder_of(model)) if model else None
    view, found = parted(program, tokenizer)
    assert sorted(found) == [each.step.id for each in view.calls[1:] if not goes_on(each)]
    nodes = {each.step.id: each.node for each in view.calls}
    divergences = Divergences(view.plan.graph, view.planned.inputs, view.prompts)
    for each in found.values():
        alone = divergences.of(nodes[each.above], nodes[each.call])
        assert (each.reason, each.span, each.above_span) == (alone.reason, alone.b.span, alone.a.span)
        assert (each.shared, each.behind, each.goes_on) == (alone.shared, alone.behind, bool(alone.b.rest))


def test_tree_and_json_say_it() -> None:
    """By the same words; a call that goes on from the one above says nothing."""

    done = lmc.compile(asks)
    rows = [line for line in done.emit("tree").splitlines() if "#" in line]
    steps = json.loads(done.emit("json"))["steps"]
    told = {step["id"]: step["parts"]["reason"] for step in steps if "parts" in step}
    _, found = parted(asks)
    assert told == {id: each.reason for id, each in found.items() if each.reason}
    assert set(told.values()) == {"text", "hole"}
    for id, reason in told.items():
        (row,) = (line for line in rows if f"#{id} " in line)
        assert row.split("  ")[-1].strip().startswith(reason)
    (silent,) = {each["id"] for each in steps} - set(told) - {0}
    assert found[silent].reason is None and "begins with all of" in found[silent].sentence()


def test_drawings_say_it() -> None:
    """In the box of a call where there is room for it, and where one points at it."""

    _, found = parted(asks)
    done = lmc.compile(asks)
    drawn = {format: done.emit(format) for format in ("dot", "mermaid", "svg", "svg-graph")}
    for each in found.values():
        assert each.sentence() in drawn["svg"] and each.sentence() in drawn["svg-graph"]
        (box,) = (line for line in drawn["dot"].splitlines() if line.strip().startswith(f"s{each.call} ["))
        assert each.short in box.split("tooltip=")[0] and each.sentence() in box.split("tooltip=")[1]
        (box,) = (line for line in drawn["mermaid"].splitlines() if line.strip().startswith(f"s{each.call}("))
        assert ("parts from" in box) == (each.reason is not None)
        assert each.short.replace("#", "#35;") in box


def test_a_place_that_is_not_the_calls_own_is_named() -> None:
    """Where it is the call's own line the tree has it already."""

    view, found = parted(asks)
    own = {each.step.id: each.place for each in view.calls}
    elsewhere = [each for each in found.values() if each.reason and each.place != own[each.call]]
    tree = lmc.compile(asks).emit("tree")
    assert elsewhere and all(f"{each.reason}, line {each.span.line}" in tree for each in elsewhere if each.span)


def test_a_long_conversation_and_a_wide_fork_are_read_once() -> None:
    """Twice as many calls are twice as many pieces that are looked at."""
    from lmc.passes.flat_prompts import FlatPrompts

    def num_read(program: Any, count: int, monkeypatch: pytest.MonkeyPatch) -> int:
        view = View(lmc.compile(program, questions=[str(i) for i in range(count)]).planned)
        tree, read = sharing(view), [0]
        step_back = FlatPrompts._step_back

        def counted(self: FlatPrompts, *args: Any) -> Any:
            read[0] += 1
            return step_back(self, *args)

        monkeypatch.setattr(FlatPrompts, "_step_back", counted)
        assert len(partings(tree, view)) == count - 1
        monkeypatch.undo()
        return read[0]

    with pytest.MonkeyPatch.context() as patch:
        for program in (conversation, forked):
            assert num_read(program, 40, patch) < 2.5 * num_read(program, 20, patch)


@lmc.function
def conversation(s, questions: list[str]):
    for question in questions:
        s += question + "?" + lmc.gen("a")
    return s["a"]


@lmc.function
def forked(s, questions: list[str]):
    found = []
    for question in questions:
        one = s.copy()
        one += "Q: " + question + lmc.gen("a")
        found.append(one["a"])
    return found
