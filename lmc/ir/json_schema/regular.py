"""The texts of a JSON schema as a regular language, where they are one and its automaton is not too large.

Lowering and counting states is work; it is done once for each schema that recurs in a compilation or a session.
"""

from __future__ import annotations

from functools import lru_cache

from lmc.errors import ConstraintError
from lmc.ir.automaton.algebra import states
from lmc.ir.automaton.dfa import TOO_LARGE, CharDfa
from lmc.ir.constraint import JsonSchema
from lmc.ir.json_schema.findings import Finding, NotRegular
from lmc.ir.json_schema.lower import lower
from lmc.ir.regex import RegexTree

MAX_STATES = 15_000


def regular_tree(schema: JsonSchema) -> RegexTree:
    """The texts of a schema.

    Raises NotRegular where it recurs or has too many states, SchemaError where a keyword cannot be kept.
    """
    found = _looked_at(schema)
    if isinstance(found, Finding):
        raise NotRegular(found)
    return found


@lru_cache(maxsize=256)
def _looked_at(schema: JsonSchema) -> RegexTree | Finding:
    """The tree, or what is not regular."""
    try:
        tree = lower(schema).tree
        for _ in states(CharDfa(tree, max_states=MAX_STATES)):
            pass
    except NotRegular as reason:
        return reason.finding
    except ConstraintError as error:
        if error.code != TOO_LARGE:
            raise
        return Finding("#", "(size)", "exact", error.message)
    return tree
