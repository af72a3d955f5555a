"""What pydantic refuses of a type though its JSON schema allows it."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import json
import uuid
from pathlib import Path
from typing import Annotated, Any, Literal, Optional

import pydantic
import pytest

import lmc
from lmc.ir.automaton.dfa import CharDfa
from lmc.ir.automaton.drawn import drawn
from lmc.ir.json_schema.regular import regular_tree
from lmc.parser.output_type import output_type
from lmc.parser.regex.parse import parse_regex
from lmc.parser.schema.parse import parse_schema
from lmc.parser.type_gaps import gaps_of
from lmc.passes.lint.type_gaps import NARROWER

WEB = Annotated[pydantic.HttpUrl, pydantic.WithJsonSchema(json.loads(NARROWER["HttpUrl"]))]
Money = Annotated[decimal.Decimal, pydantic.WithJsonSchema({"type": "number"})]


def _never(value: Any) -> Any:
    raise AssertionError("code of the user's was called")


class Colour(enum.Enum):
    RED = "red"


class Place(pydantic.BaseModel):
    site: pydantic.HttpUrl
    near: Optional[Place] = None  # noqa: UP045
    checked: Annotated[decimal.Decimal, pydantic.AfterValidator(_never)] = decimal.Decimal(0)

    @pydantic.field_validator("site")
    @classmethod
    def _own(cls, value: Any) -> Any:
        return _never(value)


@dataclasses.dataclass
class Trip:
    places: list[Place]
    costs: dict[str, decimal.Decimal]
    day: datetime.date


@pytest.mark.parametrize(
    "hint, places",
    [
        (decimal.Decimal, [""]),
        (Annotated[decimal.Decimal, pydantic.Field(max_digits=5)], [""]),
        (pydantic.HttpUrl, [""]),
        (pydantic.UUID4, [""]),
        (pydantic.PastDate, [""]),
        (pydantic.IPvAnyAddress, [""]),
        (Annotated[str, pydantic.StringConstraints(strip_whitespace=True, min_length=2)], [""]),
        (pydantic.FilePath, [""]),
        (list[decimal.Decimal] | None, ["[]"]),
        (Place, ["site", "checked"]),
        (Trip, ["places[].site", "places[].checked", "costs[]"]),
        # these read all that comes out
        (datetime.date, []),
        (datetime.datetime, []),
        (datetime.time, []),
        (datetime.timedelta, []),
        (uuid.UUID, []),
        (pydantic.AnyUrl, []),
        (Path, []),
        (WEB, []),
        (Money, []),
        (Annotated[decimal.Decimal, pydantic.WithJsonSchema(json.loads(NARROWER["Decimal"]))], []),
        (Annotated[pydantic.AnyUrl, pydantic.WithJsonSchema(json.loads(NARROWER["AnyUrl"]))], []),
        (Annotated[str, pydantic.Field(pattern=r"^\d{3}[a-z]$")], []),
        (Annotated[int, pydantic.Field(ge=3)], []),
        (tuple[int, str, float | bool], []),
        (Colour, []),
        (Literal["a", 1], []),
    ],
)
def test_a_field_that_refuses_is_found(hint, places):
    """By its place; no code of the user's is called."""
    found = gaps_of(hint)

    assert [gap.place for gap in found] == places
    assert all(gap.why for gap in found)
    assert output_type(hint).gaps() == (found if not isinstance(hint, type(Colour)) else ())


@pytest.mark.parametrize("hint", [decimal.Decimal, pydantic.HttpUrl, pydantic.UUID4, pydantic.PastDate])
def test_what_is_shown_is_allowed_and_refused(hint):
    """The text comes out of the schema, and the type cannot read it."""
    ((_, _, text, _),) = gaps_of(hint)
    kind, schema = output_type(hint).written
    assert kind == "json_schema" and CharDfa(regular_tree(parse_schema(schema))).accepts(text)
    with pytest.raises(pydantic.ValidationError):
        pydantic.TypeAdapter(hint).validate_json(text)


def test_the_linter_says_it():
    """Where the call stands, once for each field; not of one that was narrowed."""

    class Bill(pydantic.BaseModel):
        total: decimal.Decimal
        tip: Money

    @lmc.function
    def bill(s):
        s += lmc.gen("bill", type=Bill)

    notes = [note for report in bill.compile().reports for note in report.notes if note.code == "LMC-CN031"]
    assert len(notes) == 1 and "`total` is a `Decimal`" in notes[0].text and notes[0].span is not None


@pytest.mark.parametrize("pattern", ["[a-z]{2,9}x", "(a|bc)*", "é?", "a{40}", "(?!aa)[ab]{2}"])
def test_drawn_texts_are_those_of_the_tree(pattern):
    """The first is a shortest one, and they differ where they may."""
    tree = parse_regex(pattern).tree
    dfa = CharDfa(tree)
    found = list(drawn(dfa, 20))

    assert len(found) == 20 and all(map(dfa.accepts, found))
    assert len(found[0]) == min(map(len, found)) and list(drawn(CharDfa(tree), 20)) == found
    assert list(drawn(CharDfa(parse_regex("(?!)").tree), 20)) == []
