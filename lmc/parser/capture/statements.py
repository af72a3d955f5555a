"""Python statements but `if`, one rule an AST node; `blocks` says how they are traced one after another."""

from __future__ import annotations

import ast

from lmc.codes import NO_RULE, NOT_A_STATES_METHOD
from lmc.ir.graph import Value
from lmc.ir.types import BOOL
from lmc.parser.capture import choices, expressions, groups, states
from lmc.parser.capture.blocks import execute
from lmc.parser.capture.breaks import graph_break
from lmc.parser.capture.context import Capture
from lmc.parser.capture.exits import BREAK, CONTINUE, RETURN, leave, under
from lmc.parser.capture.functions import closure
from lmc.parser.capture.methods import call_method, extend, set_item
from lmc.parser.capture.targets import assign, set_attribute
from lmc.parser.capture.tracer import ProgramRaise
from lmc.parser.capture.values import (
    UNBOUND,
    Choice,
    Container,
    CopyBlock,
    Method,
    RoleBlock,
    ScopeBlock,
    StandIn,
    StateCell,
    Sym,
    is_ordinary,
)

# --- simple statements -----------------------------------------------------------------------------------


def expr_node(cx: Capture, node: ast.Expr) -> None:
    """An expression as a statement."""
    cx.eval(node.value)


def assign_node(cx: Capture, node: ast.Assign) -> None:
    """`x = y = value`."""
    value = cx.eval(node.value)
    for target in node.targets:
        cx.at(node)
        assign(cx, target, value)


def annassign_node(cx: Capture, node: ast.AnnAssign) -> None:
    """`x: T = value`."""
    if node.value is not None:
        assign(cx, node.target, cx.eval(node.value))


def augassign_node(cx: Capture, node: ast.AugAssign) -> None:
    """`x += value`, which changes a state, list or group in place."""
    chosen = isinstance(node.value, ast.IfExp) and isinstance(node.target, ast.Name)
    if chosen and isinstance(cx.load(node.target.id), StateCell):  # type: ignore[union-attr]
        execute(cx, [_append_in_arms(node)])  # an expression cannot be chosen by a branch, but a statement can
        return
    op = expressions.BIN_OPS[type(node.op)]
    if isinstance(node.target, ast.Name):
        old = cx.load(node.target.id)
        new = _augmented(cx, op, old, cx.eval(node.value), node)
        if new is not old:
            assign(cx, node.target, new)
        return
    if isinstance(node.target, ast.Subscript) and not isinstance(node.target.slice, ast.Slice):
        owner, index = cx.eval(node.target.value), cx.eval(node.target.slice)
        old = expressions.item(cx, owner, index)
        new = _augmented(cx, op, old, cx.eval(node.value), node)
        if new is not old or isinstance(owner, tuple) or not isinstance(old, StateCell | Choice):
            set_item(cx, owner, index, new)
        return
    if isinstance(node.target, ast.Attribute):
        owner, name = cx.eval(node.target.value), node.target.attr
        old = expressions.attribute(cx, owner, name)
        new = _augmented(cx, op, old, cx.eval(node.value), node)
        set_attribute(cx, owner, name, new)  # what was changed in place too, as Python does
        return
    raise graph_break(NO_RULE, cx.at(node), "an augmented assignment to a slice")


def _append_in_arms(node: ast.AugAssign) -> ast.If:
    choice = node.value
    assert isinstance(choice, ast.IfExp)
    arms = [ast.copy_location(ast.AugAssign(node.target, node.op, v), v) for v in (choice.body, choice.orelse)]
    return ast.copy_location(ast.If(choice.test, [arms[0]], [arms[1]]), node)


def _augmented(cx: Capture, op: str, old: StandIn, value: StandIn, node: ast.stmt) -> StandIn:
    cx.at(node)
    if isinstance(old, Choice):
        if not all(isinstance(option, StateCell) for option in old.options):
            raise graph_break(NO_RULE, cx.at(node), f"`{op}=` on what was chosen")
        choices.each(cx, old, lambda option: _appended(cx, option, value))
        return old
    if isinstance(old, StateCell):
        if op != "+":
            raise graph_break(NOT_A_STATES_METHOD, cx.at(node), f"`{op}=`")
        states.append(cx, old, value)
        return old
    if isinstance(old, Container) and op == "+" and old.kind == "group":
        groups.append_group(cx, old, value)
        return old
    if isinstance(old, Container) and op == "+" and old.kind == "list":
        return extend(cx, old, value)
    if isinstance(old, Container | Sym) and not (
        isinstance(old, Sym) and old.type.name in ("str", "int", "float", "bool")
    ):
        live = old.value if isinstance(old, Sym) else old.content
        if isinstance(live, Value):
            cx.t.change(live)
        return expressions.binary(cx, f"{op}=", old, value)
    return expressions.binary(cx, op, old, value)


def _appended(cx: Capture, cell: StandIn, value: StandIn) -> None:
    assert isinstance(cell, StateCell)
    states.append(cx, cell, value)


def delete_node(cx: Capture, node: ast.Delete) -> None:
    """`del x`, `del xs[i]`."""
    for target in node.targets:
        if isinstance(target, ast.Subscript) and not isinstance(target.slice, ast.Slice):
            owner = cx.eval(target.value)
            if isinstance(owner, Container) and owner.kind in ("list", "dict"):
                call_method(cx, Method(owner, "pop"), (cx.eval(target.slice),), {})
                continue
        if not isinstance(target, ast.Name) or not cx.frame.scope.is_local(target.id):
            raise graph_break(NO_RULE, cx.at(node), "`del` of anything but a local name")
        cx.load(target.id)
        cx.t.write(cx.frame, target.id, UNBOUND)


def pass_node(cx: Capture, node: ast.stmt) -> None:
    """`pass`, and what only tells whose a name is, which the scope knows already."""
    pass


def return_node(cx: Capture, node: ast.Return) -> None:
    """`return value`."""
    value = None if node.value is None else cx.eval(node.value)
    cx.t.write(cx.frame, "$ret", value)
    leave(cx, RETURN)


def break_node(cx: Capture, node: ast.Break) -> None:
    """`break`."""
    leave(cx, BREAK)


def continue_node(cx: Capture, node: ast.Continue) -> None:
    """`continue`."""
    leave(cx, CONTINUE)


def raise_node(cx: Capture, node: ast.Raise) -> None:
    """`raise X(...)`: surely raises here, which ends the region."""
    if node.exc is None:
        raise graph_break(NO_RULE, cx.at(node), "a bare `raise`")
    _raise_expr(cx, node.exc)


def _raise_expr(cx: Capture, node: ast.expr) -> None:
    span = cx.at(node)
    if isinstance(node, ast.Call) and not node.keywords:
        kind = cx.eval(node.func)
        args = tuple(cx.eval(a) for a in node.args)
    else:
        kind, args = cx.eval(node), ()
    cx.t.span = span
    if not is_ordinary(kind):
        raise graph_break(NO_RULE, span, "`raise` of a run-time value")
    raise ProgramRaise(kind, args)


def assert_node(cx: Capture, node: ast.Assert) -> None:
    """`assert test, message`."""
    truth = cx.truth(cx.eval(node.test))
    args = [] if node.msg is None else [node.msg]

    def fail() -> None:
        raise ProgramRaise(AssertionError, tuple(cx.eval(a) for a in args))

    if isinstance(truth, bool):
        if not truth:
            fail()
        return
    failed = cx.t.host("unary", truth, type=BOOL, op="not")
    under(cx, failed, fail)


def function_node(cx: Capture, node: ast.FunctionDef) -> None:
    """A function defined inside the program."""
    if node.decorator_list:
        raise graph_break(NO_RULE, cx.at(node), "a decorated function inside a program")
    assign(cx, ast.Name(node.name, ast.Store()), closure(cx, node))


def with_node(cx: Capture, node: ast.With) -> None:
    """`with s.user(): ...`, over states alone."""
    _with_items(cx, node.items, node.body)


def _with_items(cx: Capture, items: list[ast.withitem], body: list[ast.stmt]) -> None:
    if not items:
        execute(cx, body)
        return
    block = cx.eval(items[0].context_expr)
    span = cx.at(items[0].context_expr)
    if not isinstance(block, RoleBlock | ScopeBlock | CopyBlock):
        raise graph_break(NO_RULE, span, "`with` over something that is not a program state")
    entered = states.enter(cx, block)
    if items[0].optional_vars is not None:
        assign(cx, items[0].optional_vars, entered)
    _with_items(cx, items[1:], body)
    cx.t.span = span
    states.leave(cx, block)
