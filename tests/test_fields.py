"""What crosses between compiler, executor and engine is written by somebody and read by somebody.

A field that only one side knows is a promise that nobody keeps; both sides are looked for in the source.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

import pytest

from lmc.backend import base
from lmc.ir import hints
from lmc.ir.caps import Caps
from lmc.ir.plan import Plan, Prefix, Step
from tests.support.source_trees import nodes_of

ROOT = Path(__file__).parents[1] / "lmc"


@dataclass(frozen=True)
class Record:
    """A class, the names it is made under, what those that hold one are called, and in which folder to look."""

    cls: type
    makers: tuple[str, ...]
    holders: tuple[str, ...]
    below: str = ""

    def __str__(self) -> str:
        return f"{self.cls.__module__}.{self.cls.__name__}"


RECORDS = (
    Record(Caps, ("Caps",), ("caps",)),
    Record(base.Request, ("Request",), ("request",)),
    Record(base.Prompt, ("Prompt",), ("prompt",)),
    Record(base.PrefixHint, ("PrefixHint",), ("hint",), "backend"),
    Record(hints.Hint, ("Hint",), ("hint", "gang")),
    Record(Step, ("Step",), ("step",)),
    Record(Prefix, ("Prefix",), ("prefix",)),
    Record(Plan, ("Plan",), ("plan",)),
)
FIELDS = [
    pytest.param(record, field.name, id=f"{record}.{field.name}") for record in RECORDS for field in fields(record.cls)
]


@dataclass(frozen=True)
class Uses:
    """What the package's source says, each with the file it stands in.

    calls  every call
    reads  by name, where an attribute of that name is read
    """

    calls: list[tuple[str, ast.Call]]
    reads: dict[str, list[tuple[str, ast.Attribute]]]


@cache
def uses() -> Uses:
    """Every file is read once, whatever the number of fields."""
    found = Uses([], {})
    for path in sorted(ROOT.rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        for node in nodes_of(path):
            if isinstance(node, ast.Call):
                found.calls.append((name, node))
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                found.reads.setdefault(node.attr, []).append((name, node))
    return found


def name_of(node: ast.AST) -> str:
    """`step` of `step`, `row.step` and `steps[i].step`; "" of anything else."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def writers(record: Record, field: str) -> Iterator[str]:
    """Calls that give the field a value: where one is made, or a copy of one with the field changed."""
    place = [each.name for each in fields(record.cls)].index(field)
    for file, node in uses().calls:
        keys = [keyword.arg for keyword in node.keywords]
        is_made = name_of(node.func) in record.makers and (field in keys or len(node.args) > place)
        is_copy = name_of(node.func) == "replace" and field in keys and name_of(node.args[0]) in record.holders
        if is_made or is_copy:
            yield f"{file}:{node.lineno}"


def readers(record: Record, field: str) -> Iterator[str]:
    """Places where the field is asked for, of something that goes by the name of one."""
    for file, node in uses().reads.get(field, ()):
        if name_of(node.value) in record.holders and file.startswith(record.below):
            yield f"{file}:{node.lineno}"


@pytest.mark.parametrize("record, field", FIELDS)
def test_every_field_has_a_writer_and_a_reader(record: Record, field: str) -> None:
    """Or it goes."""
    assert list(writers(record, field)), "nobody writes it"
    assert list(readers(record, field)), "nobody reads it"


def test_the_search_finds_what_is_missing() -> None:
    """A field that no class has is found by neither."""

    @dataclass
    class Odd:
        nobody: int = 0

    record = Record(Odd, ("Caps",), ("caps",))
    assert not list(writers(record, "nobody")) and not list(readers(record, "nobody"))
