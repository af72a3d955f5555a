"""What code of the user's may bind anew, as read off its bytecode."""

from __future__ import annotations

import importlib
import json
import sys
import types
from typing import Any
from unittest import mock

import pytest

from lmc.parser.capture.near import Near
from lmc.parser.capture.stores import SELF, stores_of
from lmc.parser.capture.writers import Stores, Writers


def _store_global() -> None:
    global ONE
    ONE = 1


def _store_in_an_inner_function() -> Any:
    def inner() -> None:
        global TWO
        TWO = 2

    return inner


class Conf:
    n = 1


def _store_of_a_class() -> None:
    Conf.n += 1


def _by_name(name: str) -> None:
    setattr(Conf, name, 1)
    setattr(Conf, "known", 1)  # noqa: B010


class Holder:
    def put(self, x: Any) -> None:
        self.n = x


def _cell() -> Any:
    n = 0

    def step() -> int:
        nonlocal n
        n += 1
        return n

    return step


def _wild(name: str) -> None:
    globals()[name] = 1


def _constant_name() -> None:
    globals()["ONE"] = 1


def _reads_globals(name: str) -> Any:
    return globals()[name], globals().get(name), name in globals()


def _gives_globals() -> None:
    globals().update(THREE=1)


def _reloads() -> None:
    importlib.reload(json)


def _by_module(name: str) -> None:
    setattr(sys.modules[__name__], name, 1)


def _gets_a_module() -> Any:
    return sys.modules[__name__]


def _of_any(x: Any, name: str) -> None:
    setattr(x, name, 1)


def _patches() -> None:
    with mock.patch(f"{__name__}.TWO", 5), mock.patch("json.dumps"):
        pass


def _sets_one(monkeypatch: Any, x: Any) -> None:
    monkeypatch.setattr(x, "TWO", 1)


def _runs_text(text: str) -> None:
    exec(text)


def _runs_text_elsewhere(text: str) -> None:
    exec(text, {})


ONE = TWO = THREE = 0


def _writers(*fns: Any) -> Writers:
    found = Writers(Near())
    for fn in fns:
        found.add(fn)
    return found


def test_what_a_function_stores() -> None:
    """Globals, attributes with whose they are, and variables of the functions around it; inner functions included."""
    assert stores_of(_store_global.__code__).globals == {"ONE"}
    assert stores_of(_store_in_an_inner_function.__code__).globals == {"TWO"}
    assert stores_of(_store_of_a_class.__code__).attrs == {("Conf", "n")}
    assert stores_of(Holder.put.__code__).attrs == {(SELF, "n")}
    assert stores_of(_by_name.__code__).attrs == {("Conf", "known")}
    assert stores_of(_by_name.__code__).any_attr == {"Conf"}
    assert stores_of(_cell.__code__).cells == {(__file__, "n")}
    assert stores_of(_wild.__code__).wild and stores_of(_runs_text.__code__).wild
    assert not stores_of(_runs_text_elsewhere.__code__).wild


@pytest.mark.parametrize("name, fns, want", [
    ("ONE", (_store_global,), Stores.YES), ("THREE", (_store_global,), Stores.NO), ("THREE", (_wild,), Stores.ANY),
    ("ONE", (_constant_name,), Stores.YES), ("TWO", (_constant_name,), Stores.MAYBE),
    ("ONE", (_reads_globals,), Stores.MAYBE), ("THREE", (_gives_globals,), Stores.ANY),
])  # fmt: skip
def test_globals(name: str, fns: tuple[Any, ...], want: Stores) -> None:
    """By name and module; of a module that makes up names every one may be."""
    assert _writers(*fns).of_global(globals(), name) is want
    assert _writers(*fns).of_global({"__name__": "elsewhere"}, name) is Stores.NO


def test_a_module_may_be_what_a_function_binds_a_name_of() -> None:
    """Where some code has a module as an object, and other code binds names of what it is given."""
    assert _writers(_of_any).of_global(globals(), "THREE") is not Stores.ANY
    assert _writers(_of_any, _gets_a_module).of_global(globals(), "THREE") is Stores.ANY


@pytest.mark.parametrize("owner, name, fns, want", [
    (Conf, "n", (_store_of_a_class,), Stores.YES), (Holder, "n", (_store_of_a_class,), Stores.NO),
    (Conf, "n", (Holder.put,), Stores.NO), (Conf, "m", (_by_name,), Stores.YES),
    (Conf, "m", (_of_any,), Stores.MAYBE),
    (json, "loads", (_patches,), Stores.NO),
    (types, "n", (_store_of_a_class,), Stores.NO),
])  # fmt: skip
def test_attributes(owner: object, name: str, fns: tuple[Any, ...], want: Stores) -> None:
    """Of the very class that is stored to; `self` is never a class."""
    assert _writers(*fns).of_attribute(owner, name) is want
