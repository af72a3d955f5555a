"""What lints ask of a constraint, answered once for all calls that have it.

Not a pass. An automaton is made only where the tree does not say it by itself, and only a small one: what needs more
states is not looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from lmc.errors import ConstraintError
from lmc.ir.automaton.algebra import one_of
from lmc.ir.automaton.extent import Extent, extent, texts
from lmc.ir.constraint import Choices, Constraint, JsonSchema, Regex
from lmc.ir.regex import RegexTree

MAX_STATES = 2_000  # of an automaton that a lint makes


@dataclass(frozen=True, slots=True)
class Facts:
    """A constraint, looked at.

    tree      None where its language is not known to be regular here
    extent    None where nothing fits, and where that is not known
    options   the texts it chooses from, where it is a list of texts
    is_empty  True where surely no text fits
    """

    tree: RegexTree | None
    extent: Extent | None = None
    options: tuple[str, ...] = ()
    is_empty: bool = False


@lru_cache(maxsize=1024)
def facts(constraint: Constraint) -> Facts:
    """The facts of a constraint."""
    match constraint:
        case Choices(options):
            tree = one_of(options)
            return Facts(tree, extent(tree), options)
        case Regex(_, tree):
            return _of_regex(tree)
        case JsonSchema(_, schema):
            return Facts(None, is_empty=schema is False or _is_vacant(constraint))
        case _:
            return Facts(None)


def _is_vacant(schema: JsonSchema) -> bool:
    # late, as most programs have no schema and starting is quicker without
    from lmc.ir.json_schema.vacant import is_vacant

    return is_vacant(schema)


def _of_regex(tree: RegexTree) -> Facts:
    try:
        found = extent(tree, MAX_STATES)
    except ConstraintError:
        return Facts(tree)
    several = texts(tree) or ()
    return Facts(tree, found, several if len(several) > 1 else (), is_empty=found is None)
