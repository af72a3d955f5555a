"""What a JSON schema's audit has to say: keywords that were relaxed, and spaces that cost what was forced."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from lmc.codes import WHITESPACE
from lmc.ir.constraint import Constraint, JsonSchema, StructuralTag, ToolCalls
from lmc.passes.base import Note
from lmc.passes.lint.call import LintedCall

if TYPE_CHECKING:
    from lmc.ir.json_schema.audit import Remark


def schema(call: LintedCall) -> Iterator[Note]:
    """A note for each remark."""
    for about, constraint in _schemas(call.constraint):
        for remark in remarks(constraint):
            if not about or remark.code != WHITESPACE:  # calls are spaced as their family of models spaces them
                yield call.note(remark.code, f"{about}{remark.message}; {remark.help}")


def _schemas(constraint: Constraint | None) -> Iterator[tuple[str, JsonSchema]]:
    """The schemas in a constraint, with the begin of a sentence about each."""
    match constraint:
        case JsonSchema():
            yield "", constraint
        case ToolCalls(tools=tools):
            yield from ((f"tool `{tool.name}`: ", tool.parameters) for tool in tools)
        case StructuralTag(parts=parts):
            yield from ((f"at `{place}`: ", part) for place, part in parts.items() if isinstance(part, JsonSchema))


@lru_cache(maxsize=256)
def remarks(constraint: JsonSchema) -> tuple[Remark, ...]:
    """What is worth a remark, once for all calls that have the schema."""
    # late, as most programs have no schema and starting is quicker without
    from lmc.ir.json_schema.audit import lint

    return lint(constraint)
