"""Which code counts for what may be bound anew while a program runs."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from typing import Any

import pytest

import lmc.parser.capture.near as nearness
from lmc.parser.capture.near import Near, naming, near
from tests.parser.levels import bumped, leveled


@pytest.fixture
def elsewhere() -> Iterator[types.ModuleType]:
    """A module that the program does not name."""
    module = types.ModuleType("tests_elsewhere")
    module.__file__ = "/home/user/elsewhere.py"
    sys.modules[module.__name__] = module
    yield module
    del sys.modules[module.__name__]


def write(module: types.ModuleType, text: str) -> Any:
    exec(compile(text, str(module.__file__), "exec"), vars(module))
    return module


BUMP = "def bump(x):\n    x.level += 1\n"


def in_sight(x: object) -> Near:
    return near([{"x": x}])


def reads_it() -> bool:
    """True where the graph reads the level when it runs."""
    return " attr " in str(leveled.trace().graph)


def test_stores_of_unrelated_code_cost_no_constant(elsewhere: types.ModuleType) -> None:
    """`x.level = ...` of who knows what, in a module that has nothing to do with the program."""
    write(elsewhere, BUMP)
    assert not reads_it()


def test_code_that_is_given_a_class_may_change_it(elsewhere: types.ModuleType) -> None:
    """A callback of the caller's, from a module that the program's does not know."""
    bump = write(elsewhere, BUMP).bump
    said = [bumped.run(backend="echo", mode=mode, bump=bump).text() for mode in ("eager", "compiled")]
    assert said == ["1, 2, 3", "3, 4, 5"]


def test_a_module_that_names_the_class_counts(elsewhere: types.ModuleType) -> None:
    """What it stores by that name, and nothing else."""
    write(elsewhere, "from tests.parser.levels import Conf\n\ndef bump():\n    Conf.level += 1\n")
    sight = in_sight(leveled)
    assert id(vars(elsewhere)) not in sight.modules
    assert [fn.__name__ for fn in naming(sight).functions if fn.__globals__ is vars(elsewhere)] == ["bump"]
    assert reads_it()


def test_what_is_named_is_in_sight(elsewhere: types.ModuleType) -> None:
    """Through a table, a method, a closure, or an import inside a function."""
    write(elsewhere, BUMP)
    assert id(vars(elsewhere)) not in in_sight(leveled).modules

    class Holder:
        table = ({"a": [elsewhere.bump]},)

    def inside() -> None:
        import tests_elsewhere  # noqa: F401

    def around(fn: Any) -> Any:
        return lambda x: fn(x)

    for held in (elsewhere, elsewhere.bump, [elsewhere.bump], Holder, Holder(), around(elsewhere.bump), inside):
        assert id(vars(elsewhere)) in in_sight(held).modules, held


def test_what_leads_nowhere_is_seen_at_once() -> None:
    """Of whatever is loaded here, the same modules name something in sight as by the definition."""
    for program in (leveled, bumped):
        sight = in_sight(program)
        is_any = any(id(module) in sight.modules for module in nearness.own_modules())
        for module in nearness.own_modules():
            values = list(module.values())
            by_definition = [any(id(each) in sight.modules for each in nearness.modules_of(x)) for x in values]
            assert [nearness.leads_to(x, sight.modules, is_any) for x in values] == by_definition
