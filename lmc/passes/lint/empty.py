"""A constraint that nothing fits is an error where the program is compiled, not a note: the call could never begin."""

from __future__ import annotations

from lmc.codes import EMPTY
from lmc.errors import ConstraintError
from lmc.ir.constraint import Regex
from lmc.passes.lint.call import LintedCall


def refuse_empty(call: LintedCall) -> None:
    """Raises ConstraintError (LMC-CN001) where surely no text fits."""
    if call.facts.is_empty:
        what = f"the regex {call.constraint.pattern!r}" if isinstance(call.constraint, Regex) else "the JSON schema"
        raise ConstraintError(
            f"no text satisfies {what}",
            span=call.node.span,
            code=EMPTY,
            help="a generation under it could not begin; allow at least one text",
        )
