"""What may be a program, how it behaves in a class, and that programs can be pickled and copied."""

from __future__ import annotations

import copy
import functools
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import lmc
from lmc.backend.echo import EchoBackend
from lmc.errors import ArgumentError

MODES = ("auto", "eager")


@lmc.function
def ask(s: Any, word: str, times: int = 1) -> str:
    s += word * times
    s += lmc.gen("x", max_tokens=3)
    return word


def plain(s: Any, word: str) -> str:
    s += word
    return word


def named_otherwise(prefix: str, s: Any, word: str, end: str = "!") -> str:
    s += prefix + word + end
    return prefix


other = lmc.function(plain)


def shouts(fn: Callable[..., Any]) -> Callable[..., Any]:
    """A decorator without functools.wraps."""

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return fn(*args, **kwargs).upper()

    return wrapper


@lmc.function
@shouts
def shouted(s: Any, word: str, end: str = "") -> str:
    s += word
    return word + end


class Base:
    """Programs as methods of every kind."""

    def __init__(self, name: str) -> None:
        self.name = name

    @lmc.function
    def ask(self, s: Any, word: str = "a") -> str:
        s += f"{self.name}: {word}"
        s += lmc.gen("x", max_tokens=2)
        return self.name + word

    @lmc.function
    @staticmethod
    def static(s: Any, word: str) -> str:
        s += word
        return word

    @staticmethod
    @lmc.function
    def still(s: Any, word: str) -> str:
        s += word
        return word

    @lmc.function
    @classmethod
    def of_class(cls, s: Any, word: str) -> str:
        s += cls.__name__
        return cls.__name__ + word

    @classmethod
    @lmc.function
    def of_its_class(cls, s: Any, word: str) -> str:
        s += cls.__name__
        return cls.__name__ + word

    kept = ask_of_elsewhere = ask


class Child(Base):
    """Inherits them."""

    elsewhere = other


@dataclass
class Caller:
    """A callable object, and not hashable."""

    prefix: str

    def __call__(self, s: Any, word: str) -> str:
        s += self.prefix + word
        return self.prefix


def ret(program: Any, *args: Any, **kwargs: Any) -> Any:
    return program.run(*args, backend=EchoBackend(), **kwargs).ret_value


@pytest.mark.parametrize("mode", MODES)
def test_methods(mode: str) -> None:
    """Each object's own, by position and by name; of a class too where the object comes first."""
    a, b = Base("a"), Child("b")

    assert ret(a.ask, "x", mode=mode) == "ax" and ret(b.ask, word="y", mode=mode) == "by"
    assert a.ask is a.ask and a.ask is not b.ask
    a.name = "other"
    assert ret(a.ask, "x", mode=mode) == "otherx"
    assert ret(Base.ask, b, "z", mode=mode) == "bz"
    assert [r.ret_value for r in b.ask.run_batch([{"word": "1"}, ["2"], {}], backend=EchoBackend(), mode=mode)] == [
        "b1", "b2", "ba",
    ]  # fmt: skip
    assert b.ask.bind(word="w").run(backend=EchoBackend(), mode=mode).ret_value == "bw"


@pytest.mark.parametrize("mode", MODES)
def test_static_and_class_methods(mode: str) -> None:
    """In either order of the decorators."""
    for where in (Child, Child("x")):
        assert ret(where.static, "s", mode=mode) == ret(where.still, "s", mode=mode) == "s"
        assert ret(where.of_class, "c", mode=mode) == ret(where.of_its_class, "c", mode=mode) == "Childc"
        assert ret(where.elsewhere, "e", mode=mode) == "e"


def test_a_program_of_elsewhere_is_no_method() -> None:
    """A class, or an object, may keep one."""
    child = Child("x")
    child.mine = other  # type: ignore[attr-defined]
    assert child.elsewhere is other is child.mine  # type: ignore[attr-defined]


def test_many_objects() -> None:
    """Each is asked with its own, however many there are."""
    assert [ret(Base(str(i)).ask, "x") for i in range(40)] == [f"{i}x" for i in range(40)]


@pytest.mark.parametrize("mode", MODES)
def test_what_else_can_be_called(mode: str) -> None:
    """Partials of every kind, lambdas, callable objects, inner functions, decorated ones."""
    half = functools.partial(named_otherwise, "p: ", end="?")

    def inner(s: Any, word: str, *, more: Any = half) -> str:
        s += word
        return word

    assert ret(lmc.function(half), "w", mode=mode) == "p: "
    assert lmc.function(half).run("w", backend=EchoBackend(), mode=mode).text() == "p: w?"
    assert lmc.function(half).run("w", end=".", backend=EchoBackend(), mode=mode).text() == "p: w."
    assert ret(lmc.function(functools.partial(plain, word="b")), mode=mode) == "b"
    assert ret(lmc.function(Caller("c")), word="w", mode=mode) == "c"
    assert ret(lmc.function(functools.partial(Caller("c"), word="w")), mode=mode) == "c"
    assert ret(lmc.function(lambda s, w: w), "l", mode=mode) == "l"
    assert ret(lmc.function(inner), "i", mode=mode) == "i"
    said = shouted.run_batch([["a"], {"word": "a", "end": "b"}], backend=EchoBackend(), mode=mode)
    assert [result.ret_value for result in said] == ["A", "AB"]  # it takes any name, so `run` could not be told a mode
    assert lmc.run(Caller("d"), "w", backend=EchoBackend(), mode=mode).text() == "dw"


def test_a_wrong_signature_is_an_argument_error() -> None:
    """The same in every mode."""
    for mode in ("auto", "compiled", "eager"):
        for program in (ask, Base("a").ask, lmc.function(Caller("c"))):
            with pytest.raises(ArgumentError):
                program.run(1, 2, 3, backend=EchoBackend(), mode=mode)


def test_what_is_no_program() -> None:
    """By name."""
    for odd in (len, Base, 3, Base("a")):
        with pytest.raises(ArgumentError, match="is not a Python function"):
            lmc.function(odd)


def test_pickle() -> None:
    """By name, with what is bound; a method with its object."""

    def again(program: Any) -> Any:
        return pickle.loads(pickle.dumps(program))

    assert again(ask) is ask and again(other).func is plain and again(shouted) is shouted
    bound = again(ask.bind(word="w"))
    assert bound.bound == {"word": "w"} and ret(bound) == "w"
    assert ret(again(Base("n").ask), "x") == "nx"
    assert ret(again(Child.of_class), "x") == "Childx" and again(Base.static) is Base.static
    assert ret(again(lmc.function(functools.partial(named_otherwise, "p"))), "w") == "p"
    assert ret(again(lmc.function(Caller("c"))), "w") == "c"
    with pytest.raises(pickle.PicklingError, match="not found by its name"):
        pickle.dumps(lmc.function(lambda s: None))


def test_copies() -> None:
    """A deep copy has its own arguments, and a method's its own object."""
    items = ["a"]
    program = lmc.function(lambda s, xs: xs).bind(xs=items)
    copied = copy.deepcopy(program)
    assert copied.bound == program.bound and copied.bound["xs"] is not items
    base = Base("a")
    method = copy.deepcopy(base.ask)
    base.name = "b"
    assert ret(method, "x") == "ax" and ret(base.ask, "x") == "bx"
    assert copy.copy(program).bound["xs"] is items


SOURCE = """
import lmc
from lmc.backend.echo import EchoBackend
def program(s, word):
    s += word
    s += lmc.gen("x", max_tokens=2)
    return word
class A:
    @lmc.function
    def p(self, s, word):
        s += word
        return word * 2
print(lmc.run(program, "a", backend=EchoBackend()).ret_value, A().p.run("b", backend=EchoBackend()).ret_value)
"""


def test_without_a_source(tmp_path: Path) -> None:
    """`python -c`, a program on stdin, exec, and a module of a zip file: it runs."""
    archive = tmp_path / "zipped.zip"
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("in_a_zip.py", SOURCE)
    run = functools.partial(subprocess.run, capture_output=True, text=True, timeout=60)
    for ran in (
        run([sys.executable, "-c", SOURCE]),
        run([sys.executable, "-"], input=SOURCE),
        run([sys.executable, "-c", f"exec({SOURCE!r})"]),
        run([sys.executable, "-c", f"import sys; sys.path.insert(0, {str(archive)!r}); import in_a_zip"]),
    ):
        assert ran.stdout == "a bb\n", ran.stderr
        assert "Traceback" not in ran.stderr
