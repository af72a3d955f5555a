"""The JSON Schema test suite against our masks: how an instance is written, and what is counted.

An instance is accepted where one of its writings is: compact, numbers without exponents and needless zeros, strings as
`json.dumps` writes them, and the properties of each object of up to 4 in every order, of a larger one in its own (at
most 600 writings are tried). A test is

    right          accepted and valid, or not accepted and invalid
    refused        the schema was refused with an error that names place and keyword
    relaxed        a valid instance is not accepted, and the audit says what was relaxed
    false reject   as relaxed, but nothing says so
    false accept   accepted and invalid
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice, permutations, product
from pathlib import Path
from typing import Any

from lmc.backend.masks.call_walk import CallWalk
from lmc.errors import ConstraintError
from lmc.ir.automaton.calls import call_dfa
from lmc.ir.automaton.dfa import CharDfa
from lmc.ir.json_schema.findings import NotRegular
from lmc.ir.json_schema.lower import Lowered, lower
from lmc.ir.json_schema.numbers import number_text
from lmc.ir.json_schema.regular import placed
from lmc.parser.schema.parse import parse_schema

FOLDER = Path(__file__).parents[3] / "shared" / "data" / "json_schema_test_suite" / "draft2020-12"
MAX_WRITINGS = 600
Judge = Callable[[Any], tuple[Callable[[str], bool], bool]]


def writings(value: Any) -> Iterator[str]:
    """The texts of an instance."""
    match value:
        case list():
            yield from ("[" + ",".join(each) + "]" for each in product(*(list(writings(item)) for item in value)))
        case dict():
            items = list(value.items())
            for order in permutations(items) if len(items) <= 4 else [items]:
                members = [[f"{_quoted(name)}:{text}" for text in writings(inner)] for name, inner in order]
                yield from ("{" + ",".join(each) + "}" for each in product(*members))
        case bool() | None:
            yield json.dumps(value)
        case int() | float():
            yield number_text(value)
        case _:
            yield _quoted(value)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def by_one(schema: Any) -> tuple[Callable[[str], bool], bool]:
    """Whether a text is accepted, and whether anything was relaxed. Raises NotRegular."""
    lowered = lower(parse_schema(json.dumps(schema)))
    return _asked(lowered, CharDfa(lowered.tree).accepts)


def by_places(schema: Any) -> tuple[Callable[[str], bool], bool]:
    """The same, of a schema as places that call each other."""
    lowered = placed(parse_schema(json.dumps(schema)))
    walk = CallWalk(call_dfa(lowered.places))
    return _asked(lowered, lambda text: walk.is_accepting(walk.run(text.encode())))


def by_masks(schema: Any) -> tuple[Callable[[str], bool], bool]:
    """The same, by whatever the engine runs the schema on."""
    try:
        return by_one(schema)
    except NotRegular:
        return by_places(schema)


def _asked(lowered: Lowered, accepts: Callable[[str], bool]) -> tuple[Callable[[str], bool], bool]:
    is_relaxed = any(finding.verdict == "relaxed" for finding in lowered.findings)
    return lambda text: accepts(text) and lowered.broken_by(text) is None, is_relaxed


def judged(file: Path, by: Judge = by_masks) -> Iterator[tuple[str, str]]:
    """(verdict, the test's name) for every test of a file."""
    for group in json.loads(file.read_text(encoding="utf-8")):
        name = f"{file.stem}: {group['description']}"
        try:
            accepts, is_relaxed = by(group["schema"])
        except ConstraintError as error:
            assert error.code in ("LMC-CN001", "LMC-CN002", "LMC-CN003", "LMC-CN007") or "#" in error.message, error
            yield from (("refused", name) for _ in group["tests"])
            continue
        for test in group["tests"]:
            is_accepted = any(map(accepts, islice(writings(test["data"]), MAX_WRITINGS)))
            yield verdict(is_accepted, test["valid"], is_relaxed), f"{name}: {test['description']}"


def verdict(is_accepted: bool, is_valid: bool, is_relaxed: bool) -> str:
    """What became of a test."""
    if is_accepted == is_valid:
        return "right"
    if is_accepted:
        return "false accept"
    return "relaxed" if is_relaxed else "false reject"


def counted(found: list[tuple[str, str]]) -> Counter[str]:
    """How many of each verdict."""
    return Counter(kind for kind, _ in found)
