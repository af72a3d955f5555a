"""The texts of a JSON schema as a regular language, where they are one and its automaton can be walked.

Lowering is work; it is done once for each schema that recurs in a compilation or a session. Automata are lazy, so how
many states there are in all does not matter (a list of long strings has a hundred thousand), and none is made here.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from lmc.ir.constraint import JsonSchema
from lmc.ir.json_schema.findings import Finding, NotRegular, refuse
from lmc.ir.regex import RegexTree
from lmc.ir.work import MAX_STEPS, TooMuchWork, bounded

if TYPE_CHECKING:
    from lmc.ir.json_schema.lower import Lowered

READING = "reading the schema"


def regular_tree(schema: JsonSchema) -> RegexTree:
    """The texts of a schema.

    Raises NotRegular where it recurs or has too many parts, SchemaError where a keyword cannot be kept.
    """
    return regular(schema).tree


def regular(schema: JsonSchema) -> Lowered:
    """The texts of a schema, its values, and what became of its keywords. Raises NotRegular, SchemaError."""
    found = _looked_at(schema)
    if isinstance(found, Finding):
        raise NotRegular(found)
    return found


def texts_of(schema: JsonSchema) -> Lowered:
    """The texts of a schema: one tree where that is regular, else places that call each other. Raises SchemaError."""
    found = _looked_at(schema)
    return found if not isinstance(found, Finding) else placed(schema)


@lru_cache(maxsize=256)
def placed(schema: JsonSchema, *, tells_apart: bool = False) -> Lowered:
    """The texts of a schema as places. Raises SchemaError where a keyword cannot be kept or there are too many."""
    from lmc.ir.json_schema.lower import lowered, lowering_of

    try:
        with bounded(READING, MAX_STEPS):
            return lowered(lowering_of(schema, shared=True, tells_apart=tells_apart))
    except NotRegular as reason:
        finding = reason.finding
        refuse(finding.place, finding.keyword, finding.why)
    except TooMuchWork as reason:
        refuse("#", "(size)", reason.message, reason.help or "")
    except RecursionError:
        refuse("#", "(nesting)", "its parts are too deep within one another")


@lru_cache(maxsize=256)
def _looked_at(schema: JsonSchema) -> Lowered | Finding:
    """The lowered schema, or what is not regular."""
    # late, as most programs have no schema and starting is quicker without
    from lmc.ir.json_schema.lower import lower

    try:
        # what takes more is done sooner in places
        with bounded(READING, MAX_STEPS // 3):
            return lower(schema)
    except NotRegular as reason:
        return reason.finding
    except TooMuchWork as reason:
        return Finding("#", "(size)", "exact", reason.message)
    except RecursionError:
        return Finding("#", "(nesting)", "exact", "its parts are too deep within one another")
