"""What a function of the language takes, on Python's TypeError for a keyword that it does not.

Where there is a graph, capture says it; Python's own words name the wrong keyword and no other.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from types import FrameType, FunctionType, ModuleType
from typing import Any, TypeVar

from lmc.parser.primitives import PRIMITIVES, what_it_takes

E = TypeVar("E", bound=BaseException)

_UNKNOWN = re.compile(r"(\w+)\(\) got an unexpected keyword argument '(\w+)'")


def hinted(error: E) -> E:
    """The error, with a note where one of the language's functions was given a keyword that it has not."""
    said = _UNKNOWN.fullmatch(str(error)) if isinstance(error, TypeError) else None
    trace = error.__traceback__
    if said is None or trace is None:
        return error
    while trace.tb_next is not None:
        trace = trace.tb_next
    called = _called(trace.tb_frame, said[1])
    if called is not None:
        error.add_note(what_it_takes(called, [said[2]]))
    return error


def _called(frame: FrameType, name: str) -> Callable[..., Any] | None:
    """The function of the language that is meant by a name in the frame whose call has failed, if it is one."""
    names = {**frame.f_globals, **frame.f_locals}
    meant = (
        [names[name]] if name in names else [getattr(m, name, None) for m in names.values() if type(m) is ModuleType]
    )
    return next((found for found in meant if isinstance(found, FunctionType) and found in PRIMITIVES), None)
