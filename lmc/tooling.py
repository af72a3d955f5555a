"""`lmc.tool`: a Python function says what it does, and that it may be slow. `lmc.read_calls`: what a model asks for."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from types import FunctionType
from typing import TYPE_CHECKING, Any, TypeVar, cast

from lmc.errors import ArgumentError

if TYPE_CHECKING:
    from lmc.ir.constraint import ToolCalls
    from lmc.ir.tool_text import ToolCall

F = TypeVar("F", bound=Callable[..., Any])


def tool(
    func: Any = None, *, pure: bool = False, reads: bool = False, writes: bool = False, blocking: bool = False
) -> Any:
    """Decorator, with or without parentheses: capture calls the function as it is, and knows what is said of it.

    pure      it does the same for the same arguments and changes nothing: calls of it need no order
    reads     it reads what others may change; writes: it changes something. Undeclared it may do both, in program order
    blocking  it may take its time and can run on another thread: the calls of a batch's programs overlap. Context
              variables are those of its program, thread-locals are not

    A coroutine function is called like any other inside a plain program, which gets its result; it runs on an event
    loop beside the program's thread. An `async def` program awaits it, on its own loop. Outside of a run the function
    is what it was.
    """
    if func is None:
        return functools.partial(tool, pure=pure, reads=reads, writes=writes, blocking=blocking)
    if not isinstance(func, FunctionType):
        raise ArgumentError(f"{func!r} is not a Python function", help="write a function that calls it")
    if pure + reads + writes > 1:
        raise ArgumentError("a tool is pure, reads or writes", help="keep the strongest: writes, then reads")
    is_async = inspect.iscoroutinefunction(func)

    @functools.wraps(func)
    def called(*args: Any, **kwargs: Any) -> Any:
        running = _running() if blocking or is_async else None
        if running is None:
            return func(*args, **kwargs)
        if is_async:
            return running.awaited(func(*args, **kwargs))
        return running.apart(functools.partial(func, *args, **kwargs))

    vars(called)["__lmc_effect__"] = "none" if pure else "reads" if reads else "writes" if writes else "ordered"
    return called


def _running() -> Any:
    """The user's code of a run that this call stands in, None outside of one."""
    user_code = sys.modules.get("lmc.executor.user_code")
    return None if user_code is None else cast(Any, user_code).current()


@functools.partial(tool, pure=True)
def read_calls(text: str, tools: ToolCalls) -> list[ToolCall]:
    """The calls in an answer that was generated under `tool_calls(...)`, in order, with their arguments as values.

    Raises OutputError, with the text, where a call is cut off, is of no tool that there is, or has arguments that do
    not fit its schema; and where there is none although the choice asks for one.
    """
    from lmc.ir.tool_text import read

    return read(text, tools)
