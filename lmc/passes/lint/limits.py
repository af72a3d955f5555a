"""Limits and lengths: a max_tokens that no text of the constraint fits in, and a regex that neither bounds."""

from __future__ import annotations

from collections.abc import Iterator

from lmc.codes import TOO_SHORT, UNBOUNDED
from lmc.ir.constraint import Regex
from lmc.passes.base import Note
from lmc.passes.lint.call import LintedCall
from lmc.passes.lint.fewest import fewest_tokens


def too_short(call: LintedCall) -> Iterator[Note]:
    """A note where every text that fits takes more tokens than the call may make."""
    limit, extent = call.node.attr("max_tokens"), call.facts.extent
    if not isinstance(limit, int) or isinstance(limit, bool) or extent is None or extent.shortest <= limit:
        return
    assert call.constraint is not None
    least = fewest_tokens(call.constraint, limit, call.inputs.spellings)
    if least > limit:
        what = f"max_tokens={limit}, but the shortest text that fits has {extent.shortest} characters"
        rest = f"which takes {least} tokens at least: what comes out is cut off and never fits"
        yield call.note(TOO_SHORT, f"{what}, {rest}; give max_tokens={extent.shortest}, or allow a shorter text")


def unbounded(call: LintedCall) -> Iterator[Note]:
    """A note where a regex has no longest text and the call no limit of its own."""
    extent = call.facts.extent
    if not isinstance(call.constraint, Regex) or extent is None or extent.longest is not None:
        return
    if call.says("dtype", "max_tokens", "stop", "stop_regex", "stop_token_ids"):
        return
    what = "its regex has no longest text and the call no max_tokens"
    why = (
        f"where the model does not end it, it is cut off at the run's limit ({call.inputs.sampling.max_tokens} tokens)"
    )
    yield call.note(UNBOUNDED, f"{what}: {why} and may not match; give max_tokens, or a bound, as in `{{1,40}}`")
