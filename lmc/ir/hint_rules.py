"""What must hold of a step's hints: each has what its row of `ir.hints.HINTS` asks for, and names what is there."""

from __future__ import annotations

import math
from typing import NoReturn

from lmc.errors import VerifyError
from lmc.ir.hints import HINTS, Hint, HintRule, print_hint
from lmc.ir.ops import OPS
from lmc.ir.plan import Prefix, Step


def check_hints(step: Step, prefixes: dict[int, Prefix]) -> None:
    """Raises VerifyError at the first hint of the step that does not fit its kind, the step or the prefixes."""
    if step.hints and OPS[step.op].kind != "model":
        _fail(step, "only a model call has hints")
    seen: set[object] = set()
    for hint in step.hints:
        rule = HINTS.get(hint.kind)
        if rule is None:
            _fail(step, f"there is no hint `{hint.kind}`")
        _check_target(step, hint, rule, prefixes)
        _check_extras(step, hint, rule)
        key = hint.kind if rule.once else (hint.kind, hint.target)
        if key in seen:
            _fail(step, f"it has more than one `{hint.kind if rule.once else print_hint(hint)}`")
        seen.add(key)


def _check_target(step: Step, hint: Hint, rule: HintRule, prefixes: dict[int, Prefix]) -> None:
    if rule.names == "gang" and hint.target < 0:
        _fail(step, f"`{hint.kind}` names gang {hint.target}; gangs are numbered from 0")
    if rule.least is not None and hint.target < rule.least:
        _fail(step, f"`{hint.kind}` needs {rule.least} or more, and has {hint.target}")
    if rule.names != "prefix":
        return
    if hint.target not in prefixes:
        _fail(step, f"`{hint.kind}` names p{hint.target}, and there is no such prefix")
    if rule.needs_own and step.id not in prefixes[hint.target].steps:
        _fail(step, f"`{hint.kind}` names p{hint.target}, which its prompt does not begin with")


def _check_extras(step: Step, hint: Hint, rule: HintRule) -> None:
    if rule.has_ttl and (hint.ttl_s is None or not 0 < hint.ttl_s < math.inf):
        _fail(step, f"`{hint.kind}` needs a time to live in seconds: `{hint.kind} p{hint.target} for 60.0`")
    if not rule.has_ttl and hint.ttl_s is not None:
        _fail(step, f"`{hint.kind}` has no time to live")
    if hint.waves != 1 and not rule.has_waves:
        _fail(step, f"`{hint.kind}` does not say in how many waves")
    if hint.waves < 1:
        _fail(step, f"`{hint.kind}` is for a use that comes, in 1 wave or more, not {hint.waves}")
    if hint.is_shared and not rule.may_share:
        _fail(step, f"`{hint.kind}` is never `all`; only a gang is one for all items")


def _fail(step: Step, message: str) -> NoReturn:
    raise VerifyError(f"step #{step.id} ({step.op}): {message}")
