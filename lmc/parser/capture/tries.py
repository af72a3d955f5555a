"""`try` statements, and blocks that are ended however they are left.

`else` and `finally` are no regions of their own. The block of an `else` stands behind the `try`, under a test of
whether its body has come to its end; that of a `finally` is traced twice: where the body has left, in whatever way,
and in the handler of whatever it has raised, which is then raised again.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

from lmc.codes import GLOBAL_UNBOUND, NO_RULE
from lmc.ir.builtins import exception_in, exception_matches, raised
from lmc.ir.graph import Lit, Value
from lmc.ir.types import BOOL, REF
from lmc.parser.capture.attempts import attempt
from lmc.parser.capture.blocks import execute
from lmc.parser.capture.breaks import graph_break
from lmc.parser.capture.context import Capture
from lmc.parser.capture.exits import RUNNING, under
from lmc.parser.capture.merge import branch
from lmc.parser.capture.targets import assign
from lmc.parser.capture.tracer import Arm, ProgramRaise, passes_through
from lmc.parser.capture.values import UNBOUND, StandIn, Sym


def try_node(cx: Capture, node: ast.Try) -> None:
    """`try: ... except ...: ... else: ... finally: ...`."""
    if not node.finalbody:
        _try_except(cx, node)
        return
    inner = (lambda: _try_except(cx, node)) if node.handlers else (lambda: execute(cx, node.body))

    def ended() -> None:
        execute(cx, node.finalbody)

    def failed(error: Sym) -> None:
        execute(cx, node.finalbody)
        _check_left(cx, node)
        if cx.frame.fields["$exit"] == RUNNING:  # what leaves a `finally` has taken the place of the exception
            raise ProgramRaise(raised, (error,))

    guarded(cx, node, inner, ended, failed)


def guarded(
    cx: Capture,
    node: ast.stmt | ast.expr,
    body: Callable[[], None],
    ended: Callable[[], None],
    failed: Callable[[Sym], None],
) -> None:
    """A block with what is done at its end, in whatever way it was left, or with what has failed in it."""
    flag = f"$ended{node.lineno}_{node.col_offset}"
    frame = cx.frame
    cx.t.write(frame, flag, False)

    def whole() -> None:
        body()
        cx.t.write(frame, flag, True)

    attempt(cx, whole, failed)
    cx.at(node)
    under_flag(cx, flag, lambda: _at_the_end(cx, node, ended))


def _at_the_end(cx: Capture, node: ast.AST, ended: Callable[[], None]) -> None:
    frame = cx.frame
    left, returned = frame.fields["$exit"], frame.fields["$ret"]
    cx.t.write(frame, "$exit", RUNNING)
    ended()
    _check_left(cx, node)
    if frame.fields["$exit"] == RUNNING:
        cx.t.write(frame, "$exit", left)
        cx.t.write(frame, "$ret", returned)


def _check_left(cx: Capture, node: ast.AST) -> None:
    if isinstance(cx.frame.fields["$exit"], Sym):
        raise graph_break(NO_RULE, cx.at(node), "leaving a `finally` block, or not,")


def under_flag(cx: Capture, flag: str, body: Callable[[], None]) -> None:
    """Do something where the flag is set; it is over then."""
    held = cx.frame.fields[flag]
    if isinstance(held, Sym):
        under(cx, held.value, body)
    elif held is True:
        body()
    cx.t.write(cx.frame, flag, None)


def _try_except(cx: Capture, node: ast.Try) -> None:
    frame = cx.frame
    flag = f"$else{node.lineno}_{node.col_offset}"
    if node.orelse:
        cx.t.write(frame, flag, False)

    def body() -> None:
        execute(cx, node.body)
        if node.orelse:
            _set_where_running(cx, flag)

    attempt(cx, body, lambda error: _dispatch(cx, node.handlers, error))
    if node.orelse:
        cx.at(node)
        under_flag(cx, flag, lambda: _orelse(cx, node))


def _set_where_running(cx: Capture, flag: str) -> None:
    left = cx.frame.fields["$exit"]
    if isinstance(left, Sym):
        running = cx.t.host("compare", left.value, Lit(RUNNING), type=BOOL, op="==")
        cx.t.write(cx.frame, flag, Sym(running))
    else:
        cx.t.write(cx.frame, flag, left == RUNNING)


def _orelse(cx: Capture, node: ast.Try) -> None:
    cx.t.write(cx.frame, "$exit", RUNNING)
    execute(cx, node.orelse)


def _dispatch(cx: Capture, handlers: list[ast.ExceptHandler], error: Sym) -> None:
    """The first handler that takes the exception; where none does it is raised again."""
    if not handlers:
        raise ProgramRaise(raised, (error,))
    first, *others = handlers
    matched = _matched(cx, first, error)
    if matched is None:
        _handle(cx, first, error)
        return
    arms = Arm(cx.t), Arm(cx.t)
    span = cx.t.span
    arms[0].run(lambda: _handle(cx, first, error))
    arms[1].run(lambda: _dispatch(cx, others, error))
    cx.t.span = span
    branch(cx.t, matched, *arms)


def _matched(cx: Capture, handler: ast.ExceptHandler, error: Sym) -> Value | None:
    """Whether a handler takes the exception; None where it takes any."""
    if handler.type is None:
        return None
    kinds = cx.eval(handler.type)
    cx.at(handler.type)
    flat = kinds if isinstance(kinds, tuple) else (kinds,)
    if not all(isinstance(kind, type) and issubclass(kind, BaseException) for kind in flat):
        return cx.t.call(exception_in, error.value, cx.t.value_atom(kinds), effect="none", type=BOOL)
    if BaseException in flat:
        return None
    for kind in flat:
        if passes_through(kind):
            raise graph_break(NO_RULE, cx.t.span, f"`except` of {kind.__name__}")
    symbols = [cx.t.host("extern", type=REF, fn=cx.t.extern(kind, "none", REF)) for kind in flat]
    return cx.t.call(exception_matches, error.value, *symbols, effect="none", type=BOOL)


def _handle(cx: Capture, handler: ast.ExceptHandler, error: Sym) -> None:
    if handler.name is not None:
        assign(cx, ast.Name(handler.name, ast.Store()), error)
    execute(cx, handler.body)
    if handler.name is not None:
        _forget(cx, handler)


def _forget(cx: Capture, handler: ast.ExceptHandler) -> None:
    """The name of the exception ends with its handler, whatever it was bound to before."""
    assert handler.name is not None
    if cx.frame.scope.is_global(handler.name):
        raise graph_break(GLOBAL_UNBOUND, cx.at(handler), f"`as {handler.name}`")
    if not cx.frame.scope.is_local(handler.name):
        raise graph_break(NO_RULE, cx.at(handler), f"`as {handler.name}` of a name of the function around it")
    cx.t.write(cx.frame, handler.name, UNBOUND)


def reraised(cx: Capture) -> ProgramRaise:
    """A bare `raise`: what is being handled is raised again."""
    error: StandIn = cx.handling
    if error is None:
        return ProgramRaise(RuntimeError, ("No active exception to reraise",))
    return ProgramRaise(raised, (error,))
