"""How a program is called: parameters of every kind, methods, and what is no function."""

from __future__ import annotations

import functools
from typing import Any

import pytest

import lmc
from lmc.backend.echo import EchoBackend
from lmc.errors import ArgumentError, CaptureError


@lmc.function
def shows(s, a, b=2, *rest, c=3, **more):
    more["new"] = 0
    s += f"{a} {b} {rest} {c} {more}"
    for x in rest:
        s += f" {x}"


class Bot:
    """Has programs for methods."""

    name = "Bo"

    def greet(self, s, word="hi", *more):
        """A program."""
        s += f"{self.name}: {word} {more}"

    @classmethod
    def intro(cls, s, word="hi"):
        """A program too."""
        s += f"{cls.name}: {word}"


def text(program: Any, *args: Any, **kwargs: Any) -> str:
    """What a run writes."""
    return lmc.run(program, *args, backend=EchoBackend(0), **kwargs).text()


@pytest.mark.parametrize(
    "args, kwargs, said",
    [
        ((1,), {}, "1 2 () 3 {'new': 0}"),
        ((1, 5, 6, 7), {}, "1 5 (6, 7) 3 {'new': 0} 6 7"),
        ((), {"a": 1, "c": 8, "z": [9]}, "1 2 () 8 {'z': [9], 'new': 0}"),
        ((1, 5, 6), {"y": 1, "x": 2}, "1 5 (6,) 3 {'y': 1, 'x': 2, 'new': 0} 6"),
    ],
)
def test_parameters_of_every_kind(args: tuple[Any, ...], kwargs: dict[str, Any], said: str):
    """As Python hands them over; the program's own `**more` may be changed."""

    assert text(shows, *args, **kwargs) == said


def test_items_of_a_batch():
    """By position or by name."""

    items = [(1, 5, 6), {"a": 1, "z": 9}]
    results = shows.run_batch(items, backend=EchoBackend(0))
    assert [r.text() for r in results] == ["1 5 (6,) 3 {'new': 0} 6", "1 2 () 3 {'z': 9, 'new': 0}"]


def test_bound_and_compiled_with_names_of_their_own():
    """`**more` takes any name, wherever arguments are given."""

    assert text(shows.bind(z=9), 1) == "1 2 () 3 {'z': 9, 'new': 0}"
    assert [p.path for p in shows.compile(a=1, z=9).graph.params][-1] == ("more", "z")


@pytest.mark.parametrize(
    "item, name",
    [(list(range(100)), "*rest"), ({"a": 1} | {f"k{i}": i for i in range(70)}, "**more")],
    ids=["positional", "keyword"],
)
def test_more_than_can_be_taken_apart(item: Any, name: str):
    """Many values are run-time data, which a call cannot spread."""

    [result] = shows.run_batch([item], backend=EchoBackend(), mode="compiled")
    error = result.error
    assert isinstance(error, CaptureError) and "of unknown length" in error.message
    assert error.code == "LMC-GB002"
    assert f"`{name}`" in error.message
    assert error.help == f"take `{name.strip('*')}` as one argument"


def test_wrapped_function():
    """A wrapper gets the arguments that its `__wrapped__` function names, in their places."""

    def loud(fn):
        @functools.wraps(fn)
        def wrapper(s, *args, **kwargs):
            s += f"{args} {kwargs}: "
            return fn(s, *args, **kwargs)

        return wrapper

    @lmc.function
    @loud
    def program(s, x, *rest, y=2):
        s += f"{x}{rest}{y}"

    assert text(program, 1, 5, y=4) == "(1, 5) {'y': 4}: 1(5,)4"


def test_method(monkeypatch: pytest.MonkeyPatch):
    """The object that it is bound to is read when the program runs."""

    bot = Bot()
    program = lmc.function(bot.greet)
    assert text(program, "yo", 1) == text(bot.greet, "yo", 1) == "Bo: yo (1,)"
    monkeypatch.setattr(bot, "name", "Zed")
    assert text(program) == "Zed: hi ()"
    assert text(lmc.function(Bot.intro), word="oh") == "Bo: oh"


def test_method_called_by_a_program():
    """It is looked into like any program."""

    program = lmc.function(Bot().greet)

    @lmc.function
    def outer(s):
        s += program("inner").text()

    assert text(outer) == "Bo: inner ()"


def test_lambda():
    """A program of one expression."""

    program = lmc.function(lambda s: s.set_var("k", 1))
    assert program.run(backend=EchoBackend(0))["k"] == 1


ODD = {"builtin": len, "class": Bot, "object": Bot(), "number": 3}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_what_is_no_function(odd: Any):
    """Refused where it is made a program, before anything runs."""

    with pytest.raises(ArgumentError, match="is not a Python function"):
        lmc.function(odd)
    with pytest.raises(ArgumentError, match="is not an lmc program"):
        lmc.run(odd)
