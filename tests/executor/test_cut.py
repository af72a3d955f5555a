"""A text that max_tokens has cut short: its error says so, and how many tokens would have been needed at least."""

from __future__ import annotations

import json

import pydantic
import pytest

import lmc
from lmc.backend.echo.backend import EchoBackend
from lmc.errors import OutputError

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string", "minLength": 2}, "age": {"type": "integer", "minimum": 0}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
SHORTEST = '{"name":"aa","age":0}'


class Person(pydantic.BaseModel):
    name: str = pydantic.Field(min_length=2)
    age: int = pydantic.Field(ge=0)


@lmc.function
def typed(s):
    s += "Who? " + lmc.gen("who", type=Person, max_tokens=5)
    return s["who"]


@lmc.function
def parsed(s):
    s += "Who? " + lmc.gen("who", json_schema=SCHEMA, max_tokens=5)
    return json.loads(s["who"])


@lmc.function
def of_a_regex(s):
    s += "When? " + lmc.gen("when", type=tuple[int, int], max_tokens=1)
    return s["when"]


MODES = pytest.mark.parametrize("mode", ["compiled", "eager"])


@MODES
def test_a_typed_text_says_what_could_have_sufficed(mode):
    """In tokens of the backend: echo's are bytes."""
    with pytest.raises(OutputError) as caught:
        typed.run(backend="echo", mode=mode)

    assert "max_tokens has cut it short" in caught.value.message
    assert f"has {len(SHORTEST)} tokens, so give at least {len(SHORTEST)}: {SHORTEST}" in str(caught.value.help)


@MODES
def test_a_text_that_the_program_reads_itself(mode):
    """The note stands on Python's own error."""
    with pytest.raises(json.JSONDecodeError) as caught:
        parsed.run(backend="echo", mode=mode)

    (note,) = [note for note in caught.value.__notes__ if "cut off" in note]
    assert note.startswith("`who` was cut off by max_tokens=5: its text is not whole; the shortest text of its JSON")
    assert note.endswith(SHORTEST)


def test_what_could_have_sufficed_does():
    """With so many tokens a text may be whole."""
    least = len(SHORTEST)

    @lmc.function
    def enough(s):
        s += lmc.gen("who", type=Person, max_tokens=least)
        return s["who"]

    found = enough.run(backend=EchoBackend(script=lambda prompt, gen: SHORTEST)).ret_value
    assert (found.name, found.age) == ("aa", 0)


def test_an_array_is_told_as_well():
    """Whatever the type is."""
    with pytest.raises(OutputError) as caught:
        of_a_regex.run(backend="echo")
    assert "at least 5: [0,0]" in str(caught.value.help)
