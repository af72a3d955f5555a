"""The JSON Schema test suite against our masks: how an instance is written, and what is counted.

An instance is accepted where one of its writings is: compact, numbers without exponents and needless zeros, strings as
`json.dumps` writes them, and the properties of each object of up to 4 in every order, of a larger one in its own (at
most 600 writings are tried). A schema that is not regular is judged by the masks of its grammar. A test is

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
from functools import cache
from itertools import islice, permutations, product
from pathlib import Path
from typing import Any

from lmc.backend.masks.xgrammar import XGrammarMasks
from lmc.backend.masks.xgrammar_schema import lower_schema
from lmc.errors import ConstraintError
from lmc.ir.automaton.dfa import CharDfa
from lmc.ir.json_schema.findings import NotRegular
from lmc.ir.json_schema.lower import lower
from lmc.ir.json_schema.numbers import number_text
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


def by_automata(schema: Any) -> tuple[Callable[[str], bool], bool]:
    """Whether a text is accepted, and whether anything was relaxed."""
    lowered = lower(parse_schema(json.dumps(schema)))
    dfa = CharDfa(lowered.tree)
    is_relaxed = any(finding.verdict == "relaxed" for finding in lowered.findings)
    return lambda text: dfa.accepts(text) and lowered.broken_by(text) is None, is_relaxed


class Bytes:
    """A vocabulary of single bytes, and an end token behind them."""

    eos_ids = frozenset({256})

    def vocab_bytes(self) -> list[bytes]:
        """The bytes of each token by id."""
        return [bytes((byte,)) for byte in range(256)] + [b""]


@cache
def grammar_masks() -> XGrammarMasks:
    """Masks that judge a text byte by byte."""
    return XGrammarMasks(Bytes(), len(Bytes().vocab_bytes()))


def by_grammar(schema: Any) -> tuple[Callable[[str], bool], bool]:
    """The same as `by_automata`, of a schema that runs on xgrammar. Raises ConstraintError where it is refused."""
    constraint = parse_schema(json.dumps(schema))
    start = grammar_masks().make(constraint)
    findings = lower_schema(constraint)[1]

    def accepts(text: str) -> bool:
        matcher = start.fork()
        return all(map(matcher.accept, text.encode())) and matcher.can_stop()

    return accepts, any(finding.verdict == "relaxed" for finding in findings)


def by_masks(schema: Any) -> tuple[Callable[[str], bool], bool]:
    """Whether a text is accepted, and whether anything was relaxed, by whatever the engine runs the schema on."""
    try:
        return by_automata(schema)
    except NotRegular:
        return by_grammar(schema)


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
