"""Annotations as types of output: what may come out, and what a text is read as."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import re
from typing import Annotated, Any, Literal, Optional

import pydantic
import pytest

import lmc
from lmc.errors import ArgumentError, ConstraintError, OutputError
from lmc.ir.output import value_of
from lmc.parser.irtext.parse import parse_graph
from lmc.parser.output_type import output_type


class Color(enum.Enum):
    RED = "red"
    DARK = "a+b"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Inner(pydantic.BaseModel):
    title: str
    default: int = 3


class Plain:
    pass


@dataclasses.dataclass
class Outer:
    inner: Inner
    when: datetime.date
    more: dict[str, Inner] = dataclasses.field(default_factory=dict)


READ: list[tuple[Any, str, object]] = [
    (Color, "a+b", Color.DARK),
    (Level, "2", Level.HIGH),
    (Literal["yes", "no"], "no", "no"),
    (Literal[1, "1", True, None], '"1"', "1"),
    (Literal[1, "1", True, None], "true", True),
    (list[int], "[1, 2]", [1, 2]),
    (Optional[int], "null", None),  # noqa: UP045
    (int | None, "3", 3),
    (dict[str, float], '{"a": 1}', {"a": 1.0}),
    (tuple[int, str], '[1,"a"]', (1, "a")),
    (Outer, '{"inner":{"title":"t"},"when":"2026-01-02"}', Outer(Inner(title="t"), datetime.date(2026, 1, 2))),
    (Annotated[int, pydantic.Field(ge=3)], "3", 3),
]


@pytest.mark.parametrize("hint, text, value", READ, ids=lambda x: str(x)[:30])
def test_a_text_is_read_as_its_type(hint: Any, text: str, value: object) -> None:
    got = value_of(text, None, output_type(hint), was_cut=False)
    assert got == value and type(got) is type(value)


@pytest.mark.parametrize("dtype, text, value", [("int", "-7 ", -7), ("float", ".5", 0.5), ("bool", "False", False)])
def test_dtypes_have_values(dtype: str, text: str, value: object) -> None:
    got = value_of(text, dtype, None, was_cut=False)
    assert got == value and type(got) is type(value)


def test_texts_are_bare_and_escaped() -> None:
    kind, pattern = output_type(Color).written or ("", "")
    assert kind == "regex" and re.fullmatch(str(pattern), "a+b") and not re.fullmatch(str(pattern), "aab")


def test_a_schema_is_closed_and_names_of_fields_are_kept() -> None:
    kind, schema = output_type(Outer).written or ("", {})
    assert kind == "json_schema" and isinstance(schema, dict)
    inner = schema["$defs"]["Inner"]
    assert inner["additionalProperties"] is False and set(inner["properties"]) == {"title", "default"}
    assert inner["properties"]["title"] == {"type": "string"}  # the field of that name, not the keyword
    assert schema["properties"]["more"]["additionalProperties"] == {"$ref": "#/$defs/Inner"}


def test_equal_annotations_are_one_and_like_ones_two() -> None:
    assert output_type(list[int]) is output_type(list[int])
    assert output_type(Literal[1]) is not output_type(Literal[True])


@pytest.mark.parametrize("hint", [Plain, 3, lambda x: x, type, Literal[b"x"]])
def test_what_has_no_schema_is_refused(hint: Any) -> None:
    with pytest.raises(ConstraintError, match=r"use|values"):
        output_type(hint)


def test_a_name_of_a_type_is_no_type() -> None:
    with pytest.raises(ArgumentError, match="not its name"):
        lmc.gen("x", type="int")


def test_two_restrictions_are_refused() -> None:
    with pytest.raises(ArgumentError, match="regex and type"):
        lmc.gen("x", regex="a", type=int)


def test_what_cannot_be_read_says_why() -> None:
    with pytest.raises(OutputError, match="inner: Field required") as caught:
        value_of('{"when":"2026-01-02"}', None, output_type(Outer), was_cut=False)
    assert caught.value.text == '{"when":"2026-01-02"}'
    with pytest.raises(OutputError, match="max_tokens"):
        value_of('{"when":"2026', None, output_type(Outer), was_cut=True)
    with pytest.raises(OutputError, match="`int`"):
        value_of("", "int", None, was_cut=False)


def numbers(s):  # type: ignore[no-untyped-def]
    s += lmc.gen("n", type=int, max_tokens=2) + lmc.gen("p", type=Inner, max_tokens=60)
    return s["p"].default + s["n"]


def test_a_graph_names_the_type_and_reads_back() -> None:
    graph = lmc.compile(numbers).graph
    assert 'extern @Inner = "type Inner" none raises ref' in str(graph) and "%p: ref = gen @Inner" in str(graph)
    assert parse_graph(str(graph)) == graph


def flag(s):  # type: ignore[no-untyped-def]
    s += "a: " + lmc.gen("a", dtype=bool) + ", b: " + lmc.gen("b", regex="[ab]") + ", c: " + lmc.gen("c", regex="[ab]")


def test_a_form_leaves_out_what_is_no_text() -> None:
    result = lmc.run(flag, backend="echo", opt_level=3)
    assert isinstance(result["a"], bool) and isinstance(result["b"], str)


def test_one_item_that_cannot_be_read_loses_no_other() -> None:
    class Even(pydantic.BaseModel):
        n: int

        @pydantic.field_validator("n")
        @classmethod
        def is_even(cls, value: int) -> int:
            if value % 2:
                raise ValueError("odd")
            return value

    def even(s, i):  # type: ignore[no-untyped-def]
        s += f"{i} " + lmc.gen("e", type=Even, max_tokens=60)

    results = lmc.run_batch(even, [{"i": i} for i in range(40)], backend="echo")
    errors = [result.error for result in results]
    assert any(isinstance(e, OutputError) and e.text.startswith('{"n":') for e in errors)
    assert all(result["e"].n % 2 == 0 for result in results if result.error is None)
    assert any(e is None for e in errors)
