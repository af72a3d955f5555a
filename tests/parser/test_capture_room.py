"""The room of capture is built in floors: each file imports files below it, and the table of rules stands on top."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter

import pytest

from lmc.parser.capture.rules import EXPRESSIONS, STATEMENTS
from tests.test_architecture import imports, modules

ROOM = "lmc.parser.capture."


def below() -> dict[str, set[str]]:
    """For each file of the room, those it imports: at the top, inside functions, or for a type."""
    found: dict[str, set[str]] = {name: set() for name in modules() if name.startswith(ROOM)}
    for each in imports():
        if each.module in found and each.target in found:
            found[each.module].add(each.target)
    return found


def test_no_file_of_the_room_imports_one_that_imports_it():
    """Not even by way of others, inside a function, or under TYPE_CHECKING."""
    try:
        floors = list(TopologicalSorter(below()).static_order())
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))
    assert floors[-2:] == [f"{ROOM}rules", f"{ROOM}trace"]


def test_context_knows_no_rule():
    """What the rules share stands below all of them."""
    assert below()[f"{ROOM}context"] == {
        ROOM + name for name in ("breaks", "looking", "near", "scope", "tracer", "values", "writers")
    }


def test_rules_are_listed_under_classes_that_python_parses_into():
    """Old classes, which the parser no longer makes, would never be looked up."""
    for kind in (*EXPRESSIONS, *STATEMENTS):
        assert issubclass(kind, ast.expr | ast.stmt)
        assert kind not in (ast.Num, ast.Str, ast.Bytes, ast.NameConstant, ast.Ellipsis, ast.Index, ast.ExtSlice)
