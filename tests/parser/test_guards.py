"""What was baked into a graph is guarded: a program runs again with what its surroundings say now."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import lmc
from lmc.backend.echo import EchoBackend

NUMBER: Any = 1
TABLE = {"a": 1}


class Settings:
    level = 1


def helper(x: str, more: Any = 1) -> str:
    return f"{x}{more}"


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    """Puts the module back."""
    before = dict(globals())
    defaults, level = helper.__defaults__, Settings.level
    yield
    globals().clear()
    globals().update(before)
    helper.__defaults__, Settings.level = defaults, level
    TABLE.clear()
    TABLE["a"] = 1


def text(program: Any, **arguments: Any) -> str:
    return program.run(backend=EchoBackend(0), **arguments).text()


@pytest.mark.parametrize("now", [2, True, 1.0, "1", None])
def test_global(now: Any):
    @lmc.function
    def program(s):
        s += f"{NUMBER!r}"

    assert text(program) == "1"
    globals()["NUMBER"] = now
    assert text(program) == repr(now)


def test_mutable_global_is_read_when_the_program_runs():
    @lmc.function
    def program(s):
        s += f"{TABLE}"

    assert text(program) == "{'a': 1}"
    TABLE["b"] = 2
    assert text(program) == "{'a': 1, 'b': 2}"


def test_global_that_hides_a_builtin():
    @lmc.function
    def program(s):
        s += f"{len('abc')}"

    assert text(program) == "3"
    globals()["len"] = lambda x: "hidden"
    assert text(program) == "hidden"
    del globals()["len"]
    assert text(program) == "3"


def test_closure_cell():
    value = 1

    @lmc.function
    def program(s):
        s += f"{value}"

    assert text(program) == "1"
    value = 2
    assert text(program) == "2"


def test_class_attribute():
    @lmc.function
    def program(s):
        s += f"{Settings.level}"

    assert text(program) == "1"
    Settings.level = 2
    assert text(program) == "2"


def test_helper_and_its_default():
    @lmc.function
    def program(s):
        s += helper("x")

    assert text(program) == "x1"
    helper.__defaults__ = (7,)
    assert text(program) == "x7"
    globals()["helper"] = lambda x: "other"
    assert text(program) == "other"


def test_nothing_changed_is_not_traced_again():
    @lmc.function
    def program(s):
        s += f"{NUMBER}{Settings.level}{len('a')}" + helper("x")

    assert program.trace().trace is program.trace().trace


def test_method_as_a_program():
    class Bot:
        name = "Bo"

        def greet(self, s, word="hi"):
            s += f"{self.name} says {word}"

    assert text(lmc.function(Bot().greet)) == "Bo says hi"


def test_lambda_as_a_program():
    program = lmc.function(lambda s: s.set_var("k", 1))
    assert program.run(backend=EchoBackend(0))["k"] == 1
