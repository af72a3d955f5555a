"""Members of enums, and other texts of a class of their own: what they add to a prompt is what Python adds."""

from __future__ import annotations

import enum

import pytest

import lmc
from lmc.parser.irtext.parse import parse_graph, parse_plan


class Tag(str, enum.Enum):  # noqa: UP042  (what many programs have; it prints otherwise)
    """Prints as `Tag.A`, and holds `alpha`."""

    A = "alpha"
    B = "beta"


class Loud(str):
    """Says something else than it holds."""

    def __str__(self) -> str:
        return "LOUD"

    def __format__(self, spec: str) -> str:
        return "loud format"


class Colour(enum.Enum):
    """A member is no text."""

    RED = "red"


LOUD = Loud("quiet")


@lmc.function
def appended(s):
    """What a text of a class of its own holds."""
    s += Tag.A
    s += LOUD + lmc.gen("x")


@lmc.function
def formatted(s):
    """What such a text prints as."""
    s += f"{Tag.A} {LOUD} {LOUD!s} {LOUD:>9} {Colour.RED} {LOUD!r}"
    s += lmc.gen("x")


@lmc.function
def added(s):
    """Python's `+` gives an ordinary text of what they hold."""
    s += "a" + Tag.A + LOUD
    s += lmc.gen("x")
    s += s["x"] + Tag.B + LOUD
    return s["x"] + Tag.A


@lmc.function
def in_turns(s):
    """Within roles, and as a name."""
    s += lmc.user(Tag.A)
    s += lmc.assistant(lmc.gen("x"))
    return Colour.RED, [Tag.B], {Tag.A: s["x"]}


@pytest.mark.parametrize("program", [appended, formatted, added, in_turns], ids=lambda program: program.func.__name__)
def test_a_members_text_is_pythons(program):
    """With a graph and without, and the graph is text that is read back."""
    eager, graph = (lmc.run(program, backend="echo", mode=mode) for mode in ("eager", "auto"))
    done = program.compile()

    assert graph.text() == eager.text() and graph.ret_value == eager.ret_value
    assert type(graph.ret_value) is type(eager.ret_value)
    assert parse_graph(str(done.graph)) == done.graph
    assert parse_plan(str(done.plan)) == done.plan
