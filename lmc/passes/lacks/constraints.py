"""Constraints that the backend does not enforce, or of which it enforces a part."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from lmc.codes import NOT_ENFORCED
from lmc.ir.caps import Caps, kind_of
from lmc.ir.constraint import Constraint, JsonSchema
from lmc.ir.json_schema.subsets import beyond
from lmc.passes.lacks.lack import Lack

# what lmc can check of a text that is complete, without a model
CHECKED = ("regex", "choices", "json_schema")
AGAIN = "what comes is checked, and asked for again where it does not fit"
MOST_PLACES = 4  # of a schema that are named beside the first


def constraint_lacks(constraint: object, caps: Caps) -> Iterator[Lack]:
    """The lacks of a call with this constraint."""
    if not isinstance(constraint, get_args(Constraint)):
        return
    kind = kind_of(constraint)
    instead = AGAIN if kind in CHECKED else ""
    if kind not in caps.constraints:
        what = f"{caps.called} takes no {kind}"
        yield Lack(what, other_constraints(caps), instead, code=_code(caps))
    elif isinstance(constraint, JsonSchema):
        yield from _schema_lacks(constraint, caps)


def _schema_lacks(constraint: JsonSchema, caps: Caps) -> Iterator[Lack]:
    found = list(beyond(constraint.schema, caps.schema_subset, is_closed=bool(constraint.closed)))
    if not found:
        return
    first, *rest = found
    facts = [f"nor {each.what} at `{each.place}`" for each in rest[:MOST_PLACES]]
    if len(rest) > MOST_PLACES:
        facts.append(f"and {len(rest) - MOST_PLACES} more places")
    what = f"of JSON schemas {caps.called} does not take {first.what}, at `{first.place}`"
    yield Lack(what, first.help, AGAIN, code=NOT_ENFORCED, facts=tuple(facts))


def other_constraints(caps: Caps) -> str:
    """What constraints there are beside one that there is not."""
    others = ", ".join(sorted(caps.constraints))
    return f"it takes {others}; or use another backend" if others else "use another backend"


def _code(caps: Caps) -> str | None:
    return NOT_ENFORCED if caps.known_from else None
