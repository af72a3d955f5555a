"""Stops and a least length beside a constraint: refused where they cannot be kept, and said where they say nothing."""

from __future__ import annotations

from collections.abc import Iterator

from lmc.codes import IDLE_STOP
from lmc.errors import ConstraintError, LMError
from lmc.ir.ends import check_ends, never_occurs
from lmc.ir.params import merged
from lmc.ir.sampling import Sampling
from lmc.passes.base import Note, called
from lmc.passes.lint.call import LintedCall

ENDS = ("stop", "stop_regex", "min_tokens")


def refuse_ends(call: LintedCall) -> None:
    """Raises ConstraintError, with the place, where a stop or `min_tokens` cannot be kept under the constraint."""
    if call.is_scored or call.constraint is None:
        return
    try:
        check_ends(call.constraint, _sampling(call))
    except ConstraintError as error:
        message = f"{called(call.node)}: {error.message}"
        raise ConstraintError(message, span=call.node.span, help=error.help, notes=error.notes) from None


def idle_stop(call: LintedCall) -> Iterator[Note]:
    """A note where no text of the constraint holds a stop that the call has."""
    if call.is_scored or call.constraint is None or not call.node.has("stop"):
        return
    for stop in _sampling(call).stop:
        if never_occurs(call.constraint, stop):
            yield call.note(IDLE_STOP, f"stop={stop!r} never occurs in what its constraint allows; leave it out")


def _sampling(call: LintedCall) -> Sampling:
    """Of the parameters that end a call, those that are known before the run."""
    run = call.inputs.sampling
    if not any(call.node.has(name) or getattr(run, name) for name in ENDS):
        return run
    known = {name: call.node.attr(name) if call.node.has(name) else getattr(run, name) or None for name in ENDS}
    asked = {name: value for name, value in known.items() if name not in call.node.kwargs}
    try:
        return merged({**asked, "max_tokens": max(run.max_tokens, run.min_tokens)}, _limit(call))
    except LMError:  # a parameter that is none is said by the call itself
        return Sampling()


def _limit(call: LintedCall) -> dict[str, object]:
    return {"max_tokens": call.node.attr("max_tokens")} if call.node.has("max_tokens") else {}
