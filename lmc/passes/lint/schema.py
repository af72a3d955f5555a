"""What a JSON schema's audit has to say: keywords that were relaxed, and spaces that cost what was forced."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from lmc.ir.constraint import JsonSchema
from lmc.ir.json_schema.audit import Remark, lint
from lmc.passes.base import Note
from lmc.passes.lint.call import Call


def schema(call: Call) -> Iterator[Note]:
    """A note for each remark."""
    if isinstance(call.constraint, JsonSchema):
        yield from (call.note(remark.code, f"{remark.message}; {remark.help}") for remark in remarks(call.constraint))


@lru_cache(maxsize=256)
def remarks(constraint: JsonSchema) -> tuple[Remark, ...]:
    """What is worth a remark, once for all calls that have the schema."""
    return lint(constraint)
