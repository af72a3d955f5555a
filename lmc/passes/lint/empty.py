"""A constraint that nothing fits is an error where the program is compiled, not a note: the call could never begin."""

from __future__ import annotations

from lmc.codes import EMPTY
from lmc.errors import RefusedConstraint
from lmc.ir.constraint import Constraint, JsonSchema, Regex
from lmc.passes.lint.call import LintedCall

MAX_SHOWN = 3


def refuse_empty(call: LintedCall) -> None:
    """Raises RefusedConstraint (LMC-CN001) where surely no text fits."""
    if call.facts.is_empty:
        what = f"the regex {call.constraint.pattern!r}" if isinstance(call.constraint, Regex) else "the JSON schema"
        raise RefusedConstraint(
            f"no text satisfies {what}",
            span=call.node.span,
            code=EMPTY,
            help="a generation under it could not begin; allow at least one text",
            notes=_reasons(call.constraint),
        )


def _reasons(constraint: Constraint | None) -> tuple[str, ...]:
    if not isinstance(constraint, JsonSchema):
        return ()
    from lmc.ir.json_schema.vacant import vacant_places

    return tuple(vacant_places(constraint)[:MAX_SHOWN])
