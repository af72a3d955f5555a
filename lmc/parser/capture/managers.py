"""Context managers made by `contextlib.contextmanager`: the block of the `with` is traced where the generator yields.

    @contextmanager                        with section(s, "intro"):
    def section(s, title):                     s += gen("x")
        s += f"<{title}>"
        yield                              is traced as   s += "<intro>"; s += gen("x"); s += "</intro>"
        s += f"</{title}>"

However the block is left, the generator goes on behind its `yield`: with the exception that the block has raised, or
as if it had come to its end. That is what tracing the one inside the other means, as long as the `yield` stands where
it is come to once, and where no handler of the generator's catches what is raised before or behind it.
"""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Callable
from types import FunctionType
from typing import Any

from lmc.parser.capture.blocks import execute
from lmc.parser.capture.context import Capture
from lmc.parser.capture.functions import bound_parameters, closure_of
from lmc.parser.capture.generators import in_parts
from lmc.parser.capture.ownership import is_own_function
from lmc.parser.capture.values import (
    Choice,
    Closure,
    Frame,
    InnerProgram,
    Manager,
    PartialCall,
    StandIn,
    Tracked,
    has_state,
)


@contextlib.contextmanager
def _example():  # type: ignore[no-untyped-def]
    yield


_MADE = _example.__code__  # of what `contextmanager` makes of any function
_FOLLOWED = (Closure, InnerProgram, PartialCall, Tracked, Choice)


def made_by(cx: Capture, fn: StandIn, args: tuple[StandIn, ...], kwargs: dict[str, StandIn]) -> Manager | None:
    """What calling a function that `contextmanager` has made gives; None where Python can call it, or has to."""
    given = (*args, *kwargs.values())
    if not (isinstance(fn, FunctionType) and fn.__code__ is _MADE):
        return None
    cell = (fn.__closure__ or ())[0]
    generator = cell.cell_contents
    if not is_own_function(generator) or not any(has_state(x) or isinstance(x, _FOLLOWED) for x in given):
        return None
    cx.guard(lambda: cell.cell_contents, generator, (id(cell), "generator"))
    closure = closure_of(cx, generator, generators=True)
    return begun(cx, closure, args, kwargs) if can_follow(closure.node) else None


def begun(cx: Capture, fn: Closure, args: tuple[StandIn, ...], kwargs: dict[str, StandIn]) -> Manager:
    """A call of a generator function: its parameters are bound, none of its code has run."""
    return Manager(fn, bound_parameters(cx, fn, args, kwargs))


def run(cx: Capture, manager: Manager, inner: Callable[[StandIn], None]) -> None:
    """Trace the generator, and `inner` with what it yields where it does."""
    fn, caller = manager.closure, cx.frame
    manager.is_used = True
    frame = Frame(cx.t.born(), fn.scope, fn.parent, fn)
    frame.fields.update(manager.bound or {})

    def block(yielded: StandIn) -> None:
        with cx.in_frame(caller):
            inner(yielded)

    frame.block = block
    cx.active.append(fn.node)
    try:
        with cx.in_frame(frame):
            assert isinstance(fn.node, ast.FunctionDef)
            execute(cx, in_parts(fn.node.body), tail=True)
    finally:
        cx.active.pop()


def can_follow(node: ast.AST) -> bool:
    """True for a generator function of which is known that it yields once, whatever happens."""
    if not isinstance(node, ast.FunctionDef):
        return False
    own = list(_own_nodes(node.body))
    yields = [n for n in own if isinstance(n, ast.Yield | ast.YieldFrom | ast.Await)]
    returns = any(isinstance(n, ast.Return) for n in own)
    return len(yields) == 1 and not returns and _yields_in(node.body)


def _own_nodes(body: list[ast.stmt]) -> list[ast.AST]:
    """What stands in a function, but not in functions inside it."""
    found: list[ast.AST] = []
    left: list[ast.AST] = list(body)
    while left:
        node = left.pop()
        found.append(node)
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            left.extend(ast.iter_child_nodes(node))
    return found


def _yields_in(body: list[ast.stmt]) -> bool:
    """True where one statement of a block yields, and no other one has a part in what becomes of the block's end."""
    return any(_yields(stmt) for stmt in body)


def _yields(stmt: ast.stmt) -> bool:
    if isinstance(stmt, ast.Try):
        # a handler would catch what the rest of the body raises, as if the block had not been left
        return len(stmt.body) == 1 and _is_yield(stmt.body[0]) if stmt.handlers else _yields_in(stmt.body)
    if isinstance(stmt, ast.With):
        return len(stmt.body) == 1 and _is_yield(stmt.body[0])
    return _is_yield(stmt)


def _is_yield(stmt: ast.stmt) -> bool:
    return isinstance(stmt, ast.Expr) and isinstance(stmt.value, ast.Yield)


def of_inner(cx: Capture, fn: Any, /) -> StandIn:
    """`contextmanager` of a function that is defined inside the program."""
    return Manager(fn, None) if isinstance(fn, Closure) and can_follow(fn.node) else NotImplemented
