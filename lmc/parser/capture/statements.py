"""Python statements but `if`, one rule an AST node; `blocks` says how they are traced one after another."""

from __future__ import annotations

import ast
from collections.abc import Callable
from types import FunctionType

from lmc.codes import CHANGED_IN_PLACE, GLOBAL_UNBOUND, NO_RULE, NOT_A_STATES_METHOD
from lmc.errors import CaptureError
from lmc.ir.builtins import enter_context, leave_context, raised
from lmc.ir.graph import Lit, Value
from lmc.ir.ops import AUGMENTED
from lmc.ir.types import ANY, BOOL, DATA
from lmc.parser.capture import choices, expressions, groups, managers, objects, operators, slices, states, tries
from lmc.parser.capture.blocks import execute
from lmc.parser.capture.breaks import graph_break
from lmc.parser.capture.context import Capture
from lmc.parser.capture.exits import BREAK, CONTINUE, RETURN, leave, under
from lmc.parser.capture.functions import closure
from lmc.parser.capture.methods import extend, open_up, set_item, write
from lmc.parser.capture.targets import assign, set_attribute
from lmc.parser.capture.tracer import ProgramRaise, wrap
from lmc.parser.capture.values import (
    UNBOUND,
    Choice,
    Closure,
    Container,
    CopyBlock,
    Escapes,
    Generator,
    InnerProgram,
    LazyStr,
    Manager,
    Method,
    Once,
    RoleBlock,
    ScopeBlock,
    StandIn,
    StateCell,
    Sym,
    Tracked,
    has_state,
    is_ordinary,
)
from lmc.parser.primitives import Concat, Expr

# --- simple statements -----------------------------------------------------------------------------------


def expr_node(cx: Capture, node: ast.Expr) -> None:
    """An expression as a statement."""
    if isinstance(node.value, ast.Yield) and cx.frame.block is not None:
        cx.frame.block(None if node.value.value is None else cx.eval(node.value.value))
        return
    made = cx.eval(node.value)
    if isinstance(made, Expr) and not (isinstance(made, Concat) and not made.parts):
        span = cx.at(node.value)
        words = ast.unparse(node.value.func) if isinstance(node.value, ast.Call) else "this expression"
        if span is not None:
            cx.lost[(span, words)] = None


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
    elif isinstance(node.target, ast.Attribute):  # Python makes all of the target but its last step
        cx.eval(node.target.value)
    elif isinstance(node.target, ast.Subscript):
        cx.eval(node.target.value)
        slices.index_of(cx, node.target.slice)


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
        owner, index = expressions.place(cx, node.target.value), cx.eval(node.target.slice)
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
    if isinstance(old, Tracked):
        return operators.in_place(cx, op, old, value)
    if isinstance(old, StateCell):
        if op != "+":
            raise graph_break(NOT_A_STATES_METHOD, cx.at(node), f"`{op}=`")
        states.append(cx, old, value)
        return old
    if isinstance(old, Container) and op == "+" and old.kind == "group":
        groups.append_group(cx, old, value)
        return old
    if isinstance(old, Container) and op == "+" and old.kind == "list":
        if isinstance(value, Generator | Once):
            cx.call(Method(old, "extend"), (value,), {})
            return old
        return extend(cx, old, value)
    if isinstance(old, Container | Sym) and not (
        isinstance(old, Sym) and old.type.name in ("str", "int", "float", "bool")
    ):
        return _in_place(cx, op, old, value, node)
    return expressions.binary(cx, op if _is_safe(op, old, value) else f"{op}=", old, value)


def _is_safe(op: str, old: StandIn, value: StandIn) -> bool:
    """True where `old op value` raises nothing, or the same as `old op= value`: an error of types says the operator."""
    are_texts = expressions.is_text(old) and expressions.is_text(value)
    if are_texts or (type(old) is tuple and type(value) is tuple):
        return op == "+"
    numbers = all(type(x) in (bool, int, float) or _type_of(x) in ("bool", "int", "float") for x in (old, value))
    return numbers and op in ("+", "-", "*", "/", "//", "%", "**")


def _in_place(cx: Capture, op: str, old: Container | Sym, value: StandIn, node: ast.stmt) -> StandIn:
    """`old op= value` of what may be a container, or have its own way to change in place."""
    if isinstance(old, Container) and isinstance(value, Container) and value.kind == old.kind:
        method = _AS_METHODS.get((old.kind, op))
        if method is not None:
            cx.call(Method(old, method), (value,), {})
            return old
    if isinstance(old, Container) and old.kind == "list" and op == "*" and isinstance(value, int) and old.is_static:
        open_up(cx, old)
        if old.is_static:
            write(cx, old, old.members * value)
            return old
    live = old.value if isinstance(old, Sym) else old.content
    if not isinstance(live, Value):
        raise graph_break(CHANGED_IN_PLACE, cx.at(node))
    if live.type == DATA:
        if _changes(op, value) and cx.t.contents.may_change_by(op, live):
            if not isinstance(old, Container):
                raise graph_break(CHANGED_IN_PLACE, cx.at(node))
            need = cx.t.make_live(old)
            need.error = graph_break(CHANGED_IN_PLACE, cx.at(node))
            raise need
        return expressions.binary(cx, f"{op}=", old, value)
    cx.t.change(live)
    changed = cx.t.call(AUGMENTED[op], live, cx.argument(value))
    return old if isinstance(old, Container) and old.kind in ("list", "set", "dict") else Sym(changed)


def _changes(op: str, value: StandIn) -> bool:
    """True for what some list, dict or set can be changed by, with that operator: all others give an error."""
    if op == "*":
        return not isinstance(value, float | str | LazyStr) and _type_of(value) not in ("str", "float", "none")
    if op not in ("+", "-", "|", "&", "^") or value is None or isinstance(value, int | float):
        return False
    return _type_of(value) not in ("int", "float", "bool", "none")


def _type_of(x: StandIn) -> str:
    return x.type.name if isinstance(x, Sym) else ""


_AS_METHODS = {
    ("dict", "|"): "update", ("set", "|"): "update", ("set", "&"): "intersection_update",
    ("set", "-"): "difference_update", ("set", "^"): "symmetric_difference_update",
}  # fmt: skip


def _appended(cx: Capture, cell: StandIn, value: StandIn) -> None:
    assert isinstance(cell, StateCell)
    states.append(cx, cell, value)


def delete_node(cx: Capture, node: ast.Delete) -> None:
    """`del x`, `del xs[i]`, `del x.name`."""
    for target in node.targets:
        _delete(cx, target)


def _delete(cx: Capture, target: ast.expr) -> None:
    cx.at(target)
    if isinstance(target, ast.Tuple | ast.List):
        for part in target.elts:
            _delete(cx, part)
    elif isinstance(target, ast.Subscript):
        owner, index = cx.eval(target.value), slices.index_of(cx, target.slice)
        cx.at(target)
        slices.delete_item(cx, owner, index)
    elif isinstance(target, ast.Name) and cx.frame.scope.is_global(target.id):
        raise graph_break(GLOBAL_UNBOUND, cx.at(target), f"`del {target.id}`")
    elif isinstance(target, ast.Name) and cx.frame.scope.is_local(target.id):
        cx.load(target.id)
        cx.t.write(cx.frame, target.id, UNBOUND)
    elif isinstance(target, ast.Attribute) and isinstance(owner := cx.eval(target.value), Sym):
        cx.t.call(delattr, owner.value, Lit(target.attr))
    else:
        raise graph_break(NO_RULE, cx.at(target), "`del` of anything but a local name, an item or an attribute")


def pass_node(cx: Capture, node: ast.stmt) -> None:
    """`pass`, and what only tells whose a name is, which the scope knows already."""
    pass


def return_node(cx: Capture, node: ast.Return) -> None:
    """`return value`."""
    value = None if node.value is None else cx.eval(node.value)
    if len(cx.active) == 1:
        cx.returns.append((cx.at(node), value))
    cx.t.write(cx.frame, "$ret", value)
    leave(cx, RETURN)


def break_node(cx: Capture, node: ast.Break) -> None:
    """`break`."""
    leave(cx, BREAK)


def continue_node(cx: Capture, node: ast.Continue) -> None:
    """`continue`."""
    leave(cx, CONTINUE)


def raise_node(cx: Capture, node: ast.Raise) -> None:
    """`raise X(...) from Y`: surely raises here, which ends the region."""
    if node.exc is None:
        raise tries.reraised(cx)
    if node.cause is None and isinstance(node.exc, ast.Call) and not _has_stars(node.exc):
        _raise_call(cx, node, node.exc)
    error = cx.eval(node.exc)
    causes = () if node.cause is None else (cx.eval(node.cause),)
    span = cx.at(node)
    if not causes and isinstance(error, type):
        raise ProgramRaise(error)
    if not all(isinstance(x, Sym) or is_ordinary(x) for x in (error, *causes)):
        raise graph_break(NO_RULE, span, "`raise` of something that is not a run-time value")
    raise ProgramRaise(raised, (error, *causes))


def _has_stars(call: ast.Call) -> bool:
    return any(isinstance(a, ast.Starred) for a in call.args) or any(k.arg is None for k in call.keywords)


def _raise_call(cx: Capture, statement: ast.Raise, node: ast.Call) -> None:
    """`raise X(...)` of a known class, which is made where it is raised."""
    kind = cx.eval(node.func)
    if not (isinstance(kind, type) and issubclass(kind, BaseException)):
        return
    args = tuple(cx.eval(a) for a in node.args)
    keywords = {str(k.arg): cx.eval(k.value) for k in node.keywords}
    cx.at(statement)
    raise ProgramRaise(kind, tuple(_kept(cx, x) for x in args), {key: _kept(cx, x) for key, x in keywords.items()})


def _kept(cx: Capture, x: StandIn) -> StandIn:
    """An argument of an exception, which keeps what it is given: by its `args` the program gets it again."""
    is_mutable = isinstance(x, Container | tuple) and not has_state(x) and not cx.t.is_flat(x, atom=True)
    if not is_mutable:
        return x
    kept = cx.argument(x)
    return Sym(kept) if isinstance(kept, Value) else x


def assert_node(cx: Capture, node: ast.Assert) -> None:
    """`assert test, message`."""
    truth = cx.truth(cx.eval(node.test))
    args = [] if node.msg is None else [node.msg]

    def fail() -> None:
        said = tuple(_kept(cx, cx.eval(a)) for a in args)
        cx.at(node)
        raise ProgramRaise(AssertionError, said)

    if isinstance(truth, bool):
        if not truth:
            fail()
        return
    failed = cx.t.host("unary", truth, type=BOOL, op="not")
    under(cx, failed, fail)


def function_node(cx: Capture, node: ast.FunctionDef) -> None:
    """A function defined inside the program; its decorators are evaluated first, and called from the last one up."""
    decorators = [_decorator(cx, each) for each in node.decorator_list]
    made: StandIn = closure(cx, node)
    for each, decorate in zip(reversed(node.decorator_list), reversed(decorators)):
        cx.at(each)
        if _makes_programs(decorate):
            if not isinstance(made, Closure):
                raise graph_break(NO_RULE, cx.t.span, "a program of a decorated function")
            made = InnerProgram(made)
        else:
            made = cx.call(decorate, (made,), {})
    assign(cx, ast.Name(node.name, ast.Store()), made)


def _decorator(cx: Capture, node: ast.expr) -> StandIn:
    if not isinstance(node, ast.Call) or node.args or node.keywords:
        return cx.eval(node)
    fn = cx.eval(node.func)
    cx.at(node)
    return fn if _makes_programs(fn) else cx.call(fn, (), {})


def _makes_programs(fn: StandIn) -> bool:
    """True for `lmc.function`, which may be called without arguments as well."""
    return isinstance(fn, FunctionType) and getattr(fn, "__lmc_decorator__", False) is True


def with_node(cx: Capture, node: ast.With) -> None:
    """`with s.user(): ...`, and other context managers."""
    _with_items(cx, node, node.items)


def _with_items(cx: Capture, node: ast.With, items: list[ast.withitem]) -> None:
    if not items:
        execute(cx, node.body)
        return
    first, *others = items
    block = cx.eval(first.context_expr)
    cx.at(first.context_expr)

    def inner(entered: StandIn) -> None:
        if first.optional_vars is not None:
            assign(cx, first.optional_vars, entered)
        _with_items(cx, node, others)

    if isinstance(block, RoleBlock | ScopeBlock | CopyBlock):
        _with_state(cx, first.context_expr, block, inner)
    elif isinstance(block, Manager) and block.bound is not None and not block.is_used:
        managers.run(cx, block, inner)
    elif isinstance(block, Tracked):
        _with_object(cx, first.context_expr, block, inner)
    else:
        _with_manager(cx, first.context_expr, block, inner)


def _with_state(
    cx: Capture, node: ast.expr, block: RoleBlock | ScopeBlock | CopyBlock, inner: Callable[[StandIn], None]
) -> None:
    span, entered = cx.t.span, states.enter(cx, block)

    def ended() -> None:
        cx.t.span = span
        states.leave(cx, block)

    def failed(error: Sym) -> None:
        ended()
        _reraise(error)

    # outside of a `try` nobody sees a state any more after an exception
    if not cx.t.tries:
        inner(entered)
        ended()
    else:
        tries.guarded(cx, node, lambda: inner(entered), ended, failed)


def _with_object(cx: Capture, node: ast.expr, manager: Tracked, inner: Callable[[StandIn], None]) -> None:
    """An object of the program's own: its methods are looked into."""
    methods = [objects.special(cx, manager, name) for name in ("__enter__", "__exit__")]
    if None in methods:
        raise Escapes(manager.cls)
    enter, leave_it = methods

    def call(method: StandIn, *args: StandIn) -> StandIn:
        try:
            return cx.call(method, args, {})
        except CaptureError:  # what cannot be looked into is left to Python, the object with it
            raise Escapes(manager.cls) from None

    entered = call(enter)

    def ended() -> None:
        cx.at(node)
        call(leave_it, None, None, None)

    def failed(error: Sym) -> None:
        cx.at(node)
        kind, trace = (Sym(cx.t.host("attr", error.value, type=ANY, name=n)) for n in ("__class__", "__traceback__"))
        kept = cx.truth(call(leave_it, kind, error, trace))
        if isinstance(kept, bool):
            if not kept:
                _reraise(error)
            return
        under(cx, cx.t.host("unary", kept, type=BOOL, op="not"), lambda: _reraise(error))

    tries.guarded(cx, node, lambda: inner(entered), ended, failed)


def _with_manager(cx: Capture, node: ast.expr, manager: StandIn, inner: Callable[[StandIn], None]) -> None:
    live = cx.argument(manager)
    entered = wrap(cx.t, cx.t.call(enter_context, live))

    def ended() -> None:
        cx.at(node)
        cx.t.call(leave_context, live)

    def failed(error: Sym) -> None:
        cx.at(node)
        kept = cx.t.host("truth", cx.t.call(leave_context, live, error.value), type=BOOL)
        under(cx, cx.t.host("unary", kept, type=BOOL, op="not"), lambda: _reraise(error))

    tries.guarded(cx, node, lambda: inner(entered), ended, failed)


def _reraise(error: Sym) -> None:
    raise ProgramRaise(raised, (error,))
