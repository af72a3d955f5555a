"""What was baked into a graph is guarded: a program runs again with what its surroundings say now."""

from __future__ import annotations

from typing import Any

import pytest

import lmc
from lmc.backend.echo import EchoBackend

NUMBER: Any = 1
TABLE = {"a": 1}


class Settings:
    """Read by the programs below."""

    level = 1

    @classmethod
    def named(cls, name: str) -> str:
        """A method that is a new object each time it is read."""
        return f"{name}{cls.level}"


def helper(x: str, more: Any = 1, *, last: Any = 1) -> str:
    """Looked into by the programs below."""
    return f"{x}{more}{last}"


def other(x: str, more: Any = 1, *, last: Any = 1) -> str:
    """Of the same parameters as `helper`."""
    return f"other {x}{more}{last}"


def text(program: Any, **arguments: Any) -> str:
    """What a run writes."""
    return program.run(backend=EchoBackend(0), **arguments).text()


@lmc.function
def shows_number(s):
    s += f"{NUMBER!r}"


@lmc.function
def calls_helper(s):
    s += helper("x")


@pytest.mark.parametrize("now", [2, True, 1.0, "1", None])
def test_global(monkeypatch: pytest.MonkeyPatch, now: Any):
    """True and 1.0 equal 1, and are another value."""

    assert text(shows_number) == "1"
    monkeypatch.setitem(globals(), "NUMBER", now)
    assert text(shows_number) == repr(now)


@pytest.mark.parametrize("before, now", [((1,), (True,)), ((0.0,), (-0.0,)), (("a", (1,)), ("a", (1.0,)))])
def test_global_tuple(monkeypatch: pytest.MonkeyPatch, before: Any, now: Any):
    """Inside a tuple too."""

    monkeypatch.setitem(globals(), "NUMBER", before)
    assert text(shows_number) == repr(before)
    monkeypatch.setitem(globals(), "NUMBER", now)
    assert text(shows_number) == repr(now)


def test_mutable_global_is_read_when_the_program_runs(monkeypatch: pytest.MonkeyPatch):
    """No guard is needed for what is in it."""

    @lmc.function
    def program(s):
        s += f"{TABLE}"

    assert text(program) == "{'a': 1}"
    monkeypatch.setitem(TABLE, "b", 2)
    assert text(program) == "{'a': 1, 'b': 2}"


def test_global_that_hides_a_builtin(monkeypatch: pytest.MonkeyPatch):
    """A name that was not in the module when the program was traced, and then is, and then is not."""

    @lmc.function
    def program(s):
        s += f"{len('abc')}"

    assert text(program) == "3"
    with monkeypatch.context() as patch:
        patch.setitem(globals(), "len", lambda x: "hidden")
        assert text(program) == "hidden"
    assert text(program) == "3"


def test_global_that_is_missing_at_first(monkeypatch: pytest.MonkeyPatch):
    """A NameError is baked under a guard as well."""

    @lmc.function
    def program(s):
        s += f"{MISSING}"  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(NameError, match="name 'MISSING' is not defined"):
        text(program)
    monkeypatch.setitem(globals(), "MISSING", "here")
    assert text(program) == "here"


def test_closure_cell():
    """A variable of the function around the program."""

    value = 1

    @lmc.function
    def program(s):
        s += f"{value}"

    assert text(program) == "1"
    value = 2
    assert text(program) == "2"


def test_class_attribute(monkeypatch: pytest.MonkeyPatch):
    """Read by the program, and by a method that it calls."""

    @lmc.function
    def program(s):
        s += f"{Settings.level}" + Settings.named("n")

    assert text(program) == "1n1"
    monkeypatch.setattr(Settings, "level", 2)
    assert text(program) == "2n2"


@pytest.mark.parametrize(
    "attribute, now, said",
    [
        ("__defaults__", (7,), "x71"),
        ("__defaults__", (True,), "xTrue1"),
        ("__kwdefaults__", {"last": 7}, "x17"),
        ("__kwdefaults__", {"last": True}, "x1True"),
        ("__code__", other.__code__, "other x11"),
    ],
)
def test_part_of_a_function(monkeypatch: pytest.MonkeyPatch, attribute: str, now: Any, said: str):
    """What a function is made of may be changed in place, as a reloader does."""

    assert text(calls_helper) == "x11"
    monkeypatch.setattr(helper, attribute, now)
    assert text(calls_helper) == said


def test_default_changed_inside_its_dict(monkeypatch: pytest.MonkeyPatch):
    """The dict of keyword defaults stays the same object."""

    assert helper.__kwdefaults__ is not None
    assert text(calls_helper) == "x11"
    monkeypatch.setitem(helper.__kwdefaults__, "last", 7)
    assert text(calls_helper) == "x17"


def test_helper_replaced(monkeypatch: pytest.MonkeyPatch):
    """The name means another function."""

    assert text(calls_helper) == "x11"
    monkeypatch.setitem(globals(), "helper", other)
    assert text(calls_helper) == "other x11"
