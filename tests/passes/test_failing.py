"""What surely fails is said while compiling, with its place; what runs is left alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import lmc
from lmc.cli.notes import notes_of
from lmc.compiler import Compiled
from tests.corpus.sglang_programs import RUNS as SGLANG


def wrong(program: Any) -> list[tuple[int, str]]:
    """(line of the function, text) of each note on what goes wrong."""
    done: Compiled = lmc.compile(program)
    first = program.func.__code__.co_firstlineno + 1  # behind the decorator
    notes = [note for note in notes_of(done) if (note.code or "").startswith("LMC-PR")]
    return [(note.span.line - first, note.text) for note in notes if note.span is not None]


def a_parameter_of_another_kind(s):
    s += lmc.gen("a", temperature="x")


def a_parameter_out_of_range(s):
    s += lmc.gen("a", top_p=7)


def a_misspelt_name(s):
    s += lmc.gen("out", max_tokens=4)
    return s["otu"]


def a_name_before_its_call(s):
    early = s["a"]
    s += lmc.gen("a", max_tokens=4)
    return early


def an_undefined_name(s):
    s += "x" + nowhere  # noqa: F821


def a_number(s):
    s += 3


def in_a_branch(s):
    s += lmc.gen("a", max_tokens=4)
    if s["a"] == "x":
        s += lmc.gen("b", max_tokens=-1)


def nothing_appended(s):
    lmc.gen("a", max_tokens=4)


WRONG = {
    a_parameter_of_another_kind: (1, "temperature='x': a number is needed, not str: the call fails"),
    a_parameter_out_of_range: (1, "top_p=7: it must be above 0 and at most 1: the call fails"),
    a_misspelt_name: (2, "KeyError: nothing gives 'otu' a value; did you mean 'out'?"),
    a_name_before_its_call: (1, "KeyError: 'a' has no value here yet; read it behind the call that gives it one"),
    an_undefined_name: (1, "NameError: name 'nowhere' is not defined: what comes here fails"),
    a_number: (1, "TypeError: only text can be appended to a program state, not int; use an f-string or str(): "
                  "what comes here fails"),
    in_a_branch: (3, "max_tokens=-1: it cannot be less than 0: the call fails"),
    nothing_appended: (1, "`lmc.gen(...)` is not appended, so nothing comes of it; write s += ..."),
}  # fmt: skip


@pytest.mark.parametrize("fn", WRONG)
def test_what_surely_fails_is_said(fn: Callable[..., Any]) -> None:
    """With its line; and where the run comes there, it does fail."""
    line, text = WRONG[fn]

    assert wrong(lmc.Program(fn)) == [(line - 1, text)]
    if fn not in (in_a_branch, nothing_appended):
        with pytest.raises(Exception):  # noqa: B017
            lmc.Program(fn).run(backend="echo", mode="eager")


def caught(s):
    try:
        found = s["a"]
    except KeyError:
        found = "none"
    s += found


def raised_by_itself(s):
    s += lmc.gen("a", regex="[xy]")
    if s["a"] == "z":
        raise ValueError("never")
    assert s["a"] != "z", "never"


def set_in_a_loop(s):
    for i in range(3):
        if i:
            s += s["a"]
        s += lmc.gen("a", max_tokens=3)
    s.set_var("b", "x")
    with s.var_scope("c"):
        s += "y"
    forks = s.fork(2)
    for fork in forks:
        fork += fork["b"] + lmc.gen("d", max_tokens=2)
    forks.join()
    return s["c"], s["d"], s["b"]


def named_by_the_run(s, name: str):
    s += lmc.gen(name, max_tokens=3)
    return s["anything"] if name == "anything" else None


def turns_of_its_own(s):
    s.user("hi")
    s.assistant(lmc.gen("a", max_tokens=3))


FINE = [caught, raised_by_itself, set_in_a_loop, named_by_the_run, turns_of_its_own]


@pytest.mark.parametrize("fn", FINE)
def test_what_may_succeed_is_left_alone(fn: Callable[..., Any]) -> None:
    """Handlers, own exceptions, names that a loop or the run gives."""
    assert wrong(lmc.Program(fn)) == []


@pytest.mark.parametrize("name", SGLANG)
def test_programs_that_run_have_no_such_notes(name: str) -> None:
    """SGLang's own."""
    fn = SGLANG[name][0]
    try:
        assert wrong(lmc.Program(fn)) == []
    except lmc.CaptureError:
        pytest.skip("there is no graph without arguments")
