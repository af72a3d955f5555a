"""The dataflow behind `dot` and `mermaid`: which box leads to which, and as what."""

from __future__ import annotations

import pytest

import lmc
from lmc.program import Program
from lmc.viz import FORMATS, emit
from lmc.viz.flow import flow
from lmc.viz.view import View


def edges(program: Program) -> set[tuple[str, str, str, str]]:
    """(from, to, kind, label), boxes by their first line."""
    drawn = flow(View(program.compile().planned))
    names: dict[str, str] = {}

    def name(boxes):
        for box in boxes:
            names[box.id] = box.lines[0]
            name(box.inside)

    name(drawn.boxes)
    return {(names[edge.start], names[edge.end], edge.kind, edge.label) for edge in drawn.edges}


@lmc.function
def forks(s, topic: str):
    s += "About " + topic
    a, b = s.fork(2)
    a += lmc.gen("easy")
    b += lmc.gen("hard")
    s += a["easy"] + b["hard"] + lmc.gen("all")
    s += lmc.gen("more")
    return s["all"]


def test_values_and_prompts_are_different_edges():
    """Text that was generated elsewhere is a value with its name; a prompt that goes on is a state."""
    assert edges(forks) == {
        ("topic: str", "gen easy", "data", ""),
        ("topic: str", "gen hard", "data", ""),
        ("topic: str", "gen all", "data", ""),
        ("gen easy", "gen all", "data", "easy"),
        ("gen hard", "gen all", "data", "hard"),
        ("gen all", "gen more", "state", ""),
        ("gen more", "return", "state", ""),
        ("gen all", "return", "data", "all"),
    }


@lmc.function
def branch(s, topic: str):
    s += topic + lmc.select("kind", ["cat", "dog"])
    if s["kind"] == "cat":
        s += "meow" + lmc.gen("sound")
    s += lmc.gen("rest")


def test_a_branch_has_a_head_that_decides():
    """What the condition reads leads to it; it leads to the calls of its arms; a way around the arm is kept."""
    assert edges(branch) == {
        ("topic: str", "select kind", "data", ""),
        ("select kind", 's["kind"] == "cat"', "data", "kind"),
        ("select kind", "gen sound", "state", ""),
        ('s["kind"] == "cat"', "gen sound", "arm", "then"),
        ("gen sound", "gen rest", "state", ""),
        ("select kind", "gen rest", "state", ""),
        ("gen rest", "return", "state", ""),
    }


@lmc.function
def tools(s, query: str):
    print("one")
    s += query + lmc.gen("a", max_tokens=2)
    print("two")


def test_effects_are_ordered():
    """A host call with an effect waits for the one before it."""
    assert ("call print", "call print", "order", "") in edges(tools)


@lmc.function
def chain_of_effects(s, query: str):
    print("one")
    print("two")
    print("three")
    s += query + lmc.gen("a", max_tokens=2)
    print("four")


def test_what_follows_anyway_is_not_drawn():
    """The third effect waits for the second, which waits for the first: no line leads from the first to the third."""
    drawn = flow(View(chain_of_effects.compile().planned))
    order = [(edge.start, edge.end) for edge in drawn.edges if edge.kind == "order"]

    assert order == [("s0", "s1"), ("s1", "s2"), ("s2", "s4")]


def test_the_critical_path_is_a_longest_row_of_calls():
    """Of two that could be drawn the first, through the arm of a branch; one call alone is no path."""
    assert flow(View(forks.compile().planned)).critical == {"s0", "s2", "s3"}
    assert flow(View(branch.compile().planned)).critical == {"s0", "s2", "s3"}

    @lmc.function
    def one(s):
        s += "Say: " + lmc.gen("a")

    assert not flow(View(one.compile().planned)).critical


def answer(s):
    s += "go " + lmc.gen("done", regex="[yn]")
    if s["done"] == "y":
        return 0
    return 1 + answer(s)


@lmc.function
def recursion(s):
    n = answer(s)
    s += f"{n}" + lmc.gen("end")


def test_a_function_that_calls_itself_is_one_box():
    """It is named, its body drawn once; a call of it inside leads back to it, and on to what reads what it gives."""
    drawn = flow(View(recursion.compile().planned))
    [box] = [box for box in drawn.boxes if box.kind == "function"]
    assert box.lines[0] == "answer"
    assert [inner.lines[0] for inner in box.inside] == ["gen done", 's["done"] == "y"']
    assert [(inner.kind, inner.lines[0]) for inner in box.inside[1].inside] == [("call", "invoke answer")]
    found = edges(recursion)
    assert ("answer", "gen done", "arm", "each call") in found
    assert ("gen done", "invoke answer", "state", "") in found
    assert ("invoke answer", "answer", "again", "") in found
    assert ("invoke answer", "gen end", "state", "") in found


@pytest.mark.parametrize("format", FORMATS)
def test_every_picture_draws_its_body_once(format: str):
    """Its one call of the model stands once in each; in these two a second time, for who points at it."""
    text = emit(recursion.compile().planned, format)
    num = 2 if format in ("svg-graph", "html") else 1
    assert text.count({"json": '"id": 1,', "ir": "[yn]"}.get(format, "gen done")) == num
    assert "function" in text


@lmc.function
def read_later(s, topic: str):
    s += topic + lmc.select("grade", ["A", "B"])
    while len(s["grade"]) < 3:
        s += lmc.gen("step", max_tokens=3)
        if s["step"] == "x":
            break
    s += lmc.gen("answer", max_tokens=5)
    return s["step"], s["grade"]


def test_a_value_comes_from_the_call_that_named_it():
    """However many calls the prompt has seen since; never from the last of them."""
    drawn = edges(read_later)

    assert ("gen step", "return", "data", "step") in drawn
    assert ("select grade", "return", "data", "grade") in drawn
    assert not {edge for edge in drawn if edge[0] == "gen answer" and edge[2] == "data"}


@lmc.function
def judged(s, essay: str):
    s += "Judge: " + essay
    forks = s.fork(2)
    for fork, aspect in zip(forks, ("form", "style")):
        fork += aspect + lmc.gen("judgment", max_tokens=8)
    forks.join()
    s += lmc.select("grade", ["A", "B"])
    while len(s["judgment"][0]) > 3:
        s += lmc.gen("step", max_tokens=3)


def test_what_children_were_joined_with_is_theirs():
    """A choice that was made in between has no part in it."""
    into = {(start, label) for start, end, kind, label in edges(judged) if kind == "data" and end.startswith("len(")}

    assert into == {("gen judgment", "judgment"), ("gen judgment_1", "judgment")}
