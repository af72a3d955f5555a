"""Maximal runs: where a prompt may be cut before it is encoded."""

from __future__ import annotations

from lmc.ir.prompt import Control, Ids, Text
from lmc.ir.runs import joined, last_run, merged, runs

A, B, C, SAID, NOTHING = Text("a"), Text("b"), Control("<c>"), Ids((1,), "x"), Ids((), "")


def test_only_a_generated_value_ends_a_run() -> None:
    """Template text does not, an empty piece is none, and a value without tokens is a value."""
    assert list(runs([A, C, Text(""), B, SAID, NOTHING, B])) == [(A, C, B), SAID, NOTHING, (B,)]
    assert list(runs([SAID, Text(""), NOTHING])) == [SAID, NOTHING]
    assert list(runs([])) == []


def test_the_last_run_comes_with_the_value_before_it() -> None:
    """None where the prompt is one run, () where it ends in a value."""
    assert last_run((A, C, B)) == ((A, C, B), None)
    assert last_run((A, SAID, C, B)) == ((C, B), SAID)
    assert last_run((A, NOTHING)) == ((), NOTHING)
    assert last_run(()) == ((), None)


def test_neighbouring_texts_are_one_piece() -> None:
    """Template text keeps its pieces, as each has a role."""
    assert merged([A, Text(""), B, C, C, A, NOTHING, B]) == (Text("ab"), C, C, A, NOTHING, B)
    assert merged([Text(""), Control("")]) == ()


def test_template_text_is_told_from_the_rest() -> None:
    """Neighbours of a kind as one text."""
    assert joined((C, C, A, B, C)) == [(True, "<c><c>"), (False, "ab"), (True, "<c>")]
