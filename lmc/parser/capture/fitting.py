"""Whether a call has the arguments that a rule is for.

A rule for a builtin has the parameters of what it stands for, and `/` behind those that Python takes by place alone:
`len(x=xs)` is a TypeError, whatever the rule calls its parameter. What does not fit is a graph break, and Python says
what is wrong with it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from lmc.codes import NO_RULE
from lmc.parser.capture.breaks import graph_break
from lmc.parser.capture.values import StandIn
from lmc.source import Span


def check_fits(
    rule: Callable[..., Any], name: str, given: tuple[object, ...], kwargs: Mapping[str, StandIn], span: Span | None
) -> None:
    """Raises CaptureError where the rule for `name` does not take these arguments."""
    try:
        _signature(rule).bind(*given, **kwargs)
    except TypeError:
        raise graph_break(NO_RULE, span, f"`{name}` with these arguments") from None


@lru_cache(maxsize=256)
def _signature(rule: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(rule)
