"""What no automaton knows of a JSON schema, held against a text when it is complete: one that breaks it is an error.

A generation that its length or a stop string has cut short is not a whole text, and is not looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

from lmc.backend.base import Gen, Segment, SegmentEnd
from lmc.codes import BROKEN
from lmc.errors import ConstraintError
from lmc.ir.constraint import Blank, Fused, JsonSchema, ToolCalls
from lmc.ir.json_schema.exact import repeated_name
from lmc.ir.json_schema.regular import texts_of
from lmc.ir.tool_text import unread

LENGTHS = "ask again with another seed or temperature, or give the text more room in `maxLength`"
WHOLE = ("constraint", "eos", "forced")  # reasons of a text that came to its end


def broken(segments: Iterable[tuple[Segment, SegmentEnd]]) -> ConstraintError | None:
    """The error of the first text that breaks its schema."""
    for segment, end in segments:
        error = _of_calls(segment, end)
        if error is not None:
            return error
        for schema, text in _texts(segment, end):
            error = _of_text(schema, text)
            if error is not None:
                return error
    return None


def _texts(segment: Segment, end: SegmentEnd) -> Iterator[tuple[JsonSchema, str]]:
    """The whole texts of a segment that a schema is about."""
    if not isinstance(segment, Gen):
        return
    if isinstance(segment.constraint, Fused):
        blanks: Sequence[Blank] = [part for part in segment.constraint.parts if isinstance(part, Blank)]
        said = [(blank.constraint, each.text, each.reason) for blank, each in zip(blanks, end.filled)]
    else:
        said = [(segment.constraint, end.text, end.reason)]  # type: ignore[list-item]  # it is not a Fused
    for constraint, text, reason in said:
        if isinstance(constraint, JsonSchema) and reason in WHOLE:
            yield constraint, text


def _of_calls(segment: Segment, end: SegmentEnd) -> ConstraintError | None:
    """What is to be checked of an answer with calls of tools."""
    if not isinstance(segment, Gen) or not isinstance(segment.constraint, ToolCalls) or end.reason not in WHOLE:
        return None
    error = unread(end.text, segment.constraint)
    return None if error is None else ConstraintError(error.message, code=BROKEN, help=LENGTHS)


def _of_text(schema: JsonSchema, text: str) -> ConstraintError | None:
    with suppress(ValueError, RecursionError):  # a backend that keeps no constraint may say what is no JSON
        name = repeated_name(text)
        if name is not None:
            return _error(f"the text has the name {name!r} twice in one object, of which readers keep one: {text}")
    try:
        finding = texts_of(schema).broken_by(text)
    except ConstraintError:
        return None  # what is refused has no text
    if finding is None:
        return None
    return _error(f"the text breaks `{finding.keyword}` at `{finding.place}` of its JSON schema: {text}")


def _error(message: str) -> ConstraintError:
    help = (
        "ask again with another seed or temperature, or name what there may be: items in `enum`, names in `properties`"
    )
    return ConstraintError(message, code=BROKEN, help=help)
