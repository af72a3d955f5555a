"""Capture: an abstract interpreter of the program's own AST, which emits the graph as it goes.

Rules live beside it, one table a syntactic class (`expressions`, `statements`, `calls`, ...); this file holds what
they share: frames and names, what may be baked, and calling the program's functions.
"""

from __future__ import annotations

import ast
import copy
import enum
import functools
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import BuiltinFunctionType, CodeType, FunctionType, MethodDescriptorType, MethodType, ModuleType
from typing import Any, get_args

from lmc.errors import LMError
from lmc.ir.builtins import PURE, unpack_starred
from lmc.ir.constraint import Constraint
from lmc.ir.graph import Atom, Lit, Value
from lmc.ir.types import ANY, BOOL, DATA, INT, MAYBE_STATE, REF, STATE
from lmc.parser.capture import calls, comprehensions, exits, expressions, loops, methods, statements
from lmc.parser.capture.breaks import graph_break
from lmc.parser.capture.scope import function_scope, function_source, node_span
from lmc.parser.capture.tracer import Guard, ProgramRaise, Tracer, kind, ordinary, wrap
from lmc.parser.capture.values import (
    UNBOUND,
    Box,
    Closure,
    Element,
    Frame,
    Generator,
    Method,
    Once,
    Owner,
    Pieces,
    StateCell,
    Sym,
    Unmergeable,
    View,
    is_literal,
    is_ordinary,
)
from lmc.source import Span

MAX_DEPTH = 60
STOP_RECURSION = 20_000


class Capture:
    """One trace in progress."""

    def __init__(self) -> None:
        self.t = Tracer()
        self.frame: Frame = None  # type: ignore[assignment]  # set by the first call
        self.node: ast.AST = ast.Pass()
        self.depth = 0
        self.has_closures = False  # a function defined inside the program may read locals after their function ended
        self.guarded: set[object] = set()
        self.root = Owner(0)
        self.root.slots["programs"] = 0

    # --- the tables --------------------------------------------------------------------------------------

    def at(self, node: ast.AST) -> Span | None:
        """Say where in the user's source the trace is; gives the span."""
        if hasattr(node, "lineno"):
            self.node = node
            self.t.span = node_span(node, self.frame.scope.file)
        return self.t.span

    def eval(self, node: ast.expr) -> Any:
        """Trace an expression."""
        rule = EXPRESSIONS.get(type(node))
        self.at(node)
        if rule is None:
            if isinstance(node, ast.Await | ast.Yield | ast.YieldFrom):
                raise graph_break("LMC-GB003", self.t.span, f"`{type(node).__name__.lower()}`")
            raise graph_break("LMC-GB002", self.t.span, f"`{type(node).__name__}`")
        return rule(self, node)

    def exec(self, stmts: list[ast.stmt]) -> None:
        """Trace statements in the current frame."""
        statements.execute(self, stmts)

    def call(self, fn: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a stand-in."""
        return calls.call(self, fn, args, kwargs)

    def set_item(self, owner: Any, index: Any, value: Any) -> None:
        """`owner[index] = value`."""
        methods.set_item(self, owner, index, value)

    # --- names -------------------------------------------------------------------------------------------

    def load(self, name: str) -> Any:
        """What a name holds."""
        frame: Frame | None = self.frame
        while frame is not None:
            if name.startswith("$") and name in frame.slots:
                return frame.slots[name]
            if frame.scope.is_local(name):
                return self._load_local(frame, name)
            if not frame.is_comprehension and frame.scope.is_global(name):
                break
            if frame.closure is not None and name in frame.closure.free:
                return self._bake_free(frame.closure.free, name)
            frame = frame.parent
        return self._load_global(name)

    def _load_local(self, frame: Frame, name: str) -> Any:
        value = frame.slots.get(name, UNBOUND)
        if isinstance(value, loops.NotLifted):
            raise loops.NeedLift(value)
        if value is UNBOUND:
            own = frame is self.frame
            error = UnboundLocalError if own else NameError
            text = "cannot access local variable" if own else "cannot access free variable"
            scope = "" if own else " in enclosing scope"
            raise ProgramRaise(error, (f"{text} '{name}' where it is not associated with a value{scope}",))
        if isinstance(value, Unmergeable):
            raise graph_break(value.code, self.t.span, value.what)
        if isinstance(value, Sym) and value.type.maybe:
            if frame is not self.frame:
                raise graph_break("LMC-GB004", self.t.span, f"`{name}`, which an inner function reads,")
            sure = self.t.fresh(value.type.when_set(), name)
            self.t.emit("check", (value.value,), (sure,), name=name)
            value = wrap(self.t, sure, borrowed=True)
            self.t.write(frame, name, value)
        return value

    def _bake_free(self, free: dict[str, Any], name: str) -> Any:
        cell = free[name]
        try:
            value = cell.cell_contents
        except ValueError:
            raise ProgramRaise(NameError, (f"cannot access free variable '{name}'",)) from None
        return self.bake(value, lambda: cell.cell_contents, (id(cell), name))

    def _load_global(self, name: str) -> Any:
        module = self.frame.scope.globals
        if name in module:
            return self.bake(module[name], lambda: module[name], (id(module), name))
        builtins = module.get("__builtins__", {})
        table: dict[str, Any] = builtins.__dict__ if isinstance(builtins, ModuleType) else builtins
        if name not in table:
            self.guard(lambda: name in module or name in table, False, (id(module), name))
            raise ProgramRaise(NameError, (f"name '{name}' is not defined",))
        self.guard(lambda: module.get(name, table.get(name)), table[name], (id(module), name))
        return table[name]

    def guard(self, read: Callable[[], object], value: object, key: object = None) -> None:
        """The graph may be used again while `read()` gives `value`; one guard a key is enough."""
        if key is None or key not in self.guarded:
            self.guarded.add(key)
            self.t.guards.append(Guard(read, value))

    def bake(self, value: Any, read: Callable[[], object], key: object = None) -> Any:
        """Something read from outside the program: baked under a guard, or a live object read at run time."""
        self.guard(read, value, key)
        return self.given(value)

    def given(self, value: Any) -> Any:
        """An object of the user's: itself where it cannot change, else a live object."""
        if isinstance(value, ModuleType) or bakeable(value):
            return value
        return Sym(self.t.host("extern", type=REF, fn=self.t.extern(value, "ordered", REF)))

    def bake_attribute(self, owner: Any, name: str) -> Any:
        """`owner.name` of an ordinary object; properties and mutable attributes are read at run time."""
        if isinstance(owner, ModuleType | type):
            value = ordinary(getattr, owner, name)
            return self.bake(value, lambda: getattr(owner, name), (id(owner), name))
        static = inspect.getattr_static(owner, name, UNBOUND)
        if getattr(type(owner), "__lmc_program__", False) or isinstance(static, FunctionType | MethodDescriptorType):
            return ordinary(getattr, owner, name)
        if static is not UNBOUND and bakeable(static) and not hasattr(static, "__get__"):
            return self.bake(static, lambda: inspect.getattr_static(owner, name, UNBOUND))
        live = self.t.host("extern", type=REF, fn=self.t.extern(owner, "ordered", REF))
        return Sym(self.t.host("attr", live, type=ANY, name=name))

    def assign(self, target: ast.expr, value: Any, *, skip_comprehensions: bool = False) -> None:
        """Bind a target."""
        if isinstance(target, ast.Name):
            self._assign_name(target.id, value, skip_comprehensions)
        elif isinstance(target, ast.Tuple | ast.List):
            self._unpack(target.elts, value)
        elif isinstance(target, ast.Subscript) and not isinstance(target.slice, ast.Slice):
            self.set_item(self.eval(target.value), self.eval(target.slice), value)
        elif isinstance(target, ast.Attribute):
            self._assign_attribute(target, value)
        else:
            raise graph_break("LMC-GB002", self.t.span, "assignment to this target")

    def _assign_name(self, name: str, value: Any, skip_comprehensions: bool) -> None:
        frame: Frame | None = self.frame
        if name.startswith("$"):
            self.t.write(self.frame, name, value)
            return
        while frame is not None and (
            not frame.scope.is_local(name) or (skip_comprehensions and frame.is_comprehension)
        ):
            if frame.scope.is_global(name):
                raise graph_break("LMC-GB009", self.t.span, f"`{name} = ...`")
            frame = frame.parent
        if frame is None:
            raise graph_break("LMC-GB009", self.t.span, f"`{name} = ...`")
        self._name_after(name, value)
        self.t.write(frame, name, value)

    def _name_after(self, name: str, value: Any) -> None:
        """Let the graph use the user's name."""
        if name.startswith("$"):
            return
        if isinstance(value, StateCell) and value.hint in ("s", "fork", "copy"):
            value.hint = name
        elif isinstance(value, Sym):
            self.t.names.setdefault(value.value.name, name)
        elif isinstance(value, Box) and isinstance(value.content, Value):
            self.t.names.setdefault(value.content.name, name)

    def _assign_attribute(self, target: ast.Attribute, value: Any) -> None:
        owner = self.eval(target.value)
        if isinstance(owner, StateCell | Box | Pieces):
            raise graph_break("LMC-GB013", self.t.span, f"assigning `.{target.attr}`")
        self.t.call(setattr, self.t.atom(owner), Lit(target.attr), self.argument(value))

    def _unpack(self, targets: list[ast.expr], value: Any) -> None:
        value = self.listed(value)
        items = self.items_or_none(value)
        if items is None:
            at = next((i for i, t in enumerate(targets) if isinstance(t, ast.Starred)), None)
            if at is not None:
                parts = (Lit(at), Lit(len(targets) - at - 1), expressions.value_atom(self, value))
                value = Sym(self.t.call(unpack_starred, *parts, effect="none", type=DATA))
            items = self._unpacked(value, len(targets))
        elif any(isinstance(t, ast.Starred) for t in targets):
            items = self._starred(targets, items)
        if len(items) != len(targets):
            few = len(items) < len(targets)
            got = f"not enough values to unpack (expected {len(targets)}, got {len(items)})"
            raise ProgramRaise(ValueError, (got if few else f"too many values to unpack (expected {len(targets)})",))
        for target, item in zip(targets, items):
            self.assign(target.value if isinstance(target, ast.Starred) else target, item)

    def _unpacked(self, value: Any, num: int) -> tuple[Any, ...]:
        if isinstance(value, Box) and value.holds_states:
            raise graph_break("LMC-GB017", self.t.span, "unpacking a list of unknown length")
        atom = expressions.value_atom(self, value)
        odd = kind(atom).name in ("any", "ref")
        outs = tuple(self.t.fresh(ANY if odd else DATA) for _ in range(num))
        self.t.emit("unpack", (atom,), outs, n=num)
        return tuple(wrap(self.t, o, borrowed=True) for o in outs)

    def _starred(self, targets: list[ast.expr], items: tuple[Any, ...]) -> tuple[Any, ...]:
        at = next(i for i, t in enumerate(targets) if isinstance(t, ast.Starred))
        after = len(targets) - at - 1
        middle = Box(self.t.born(), "list", items[at : len(items) - after])
        return (*items[:at], middle, *items[len(items) - after :])

    @contextmanager
    def in_frame(self, frame: Frame) -> Iterator[None]:
        """Trace in another frame."""
        outer, self.frame = self.frame, frame
        try:
            yield
        finally:
            self.frame = outer

    def loaded_outside(self, node: ast.AST) -> set[str]:
        """Names that the current function reads anywhere but inside `node`."""
        if self.frame.is_comprehension:
            return {comprehensions.ACC}
        assert self.frame.closure is not None
        inside = {id(n) for n in ast.walk(node)}
        every = ast.walk(self.frame.closure.node)
        return {n.id for n in every if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load) and id(n) not in inside}

    def bound_in(self, node: ast.AST) -> list[str]:
        """Names that `node` binds, in source order."""
        names = [n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
        names += [n.name for n in ast.walk(node) if isinstance(n, ast.FunctionDef)]
        return list(dict.fromkeys(names))

    # --- stand-ins and ordinary values -------------------------------------------------------------------

    def truth(self, x: Any) -> bool | Value:
        """`bool(x)`: known, or a run-time bool."""
        if isinstance(x, Sym):
            return x.value if x.type == BOOL else self.t.host("truth", x.value, type=BOOL)
        if isinstance(x, Pieces):
            if any(isinstance(p, str) and p for p in x.parts):
                return True
            return self.t.host("truth", self.t.text_value(x), type=BOOL)
        if isinstance(x, View):
            return self.truth(x.box)
        if isinstance(x, Box):
            if x.is_static:
                return bool(x.content)
            count = self.t.host("states_len", x.content, type=INT) if x.holds_states else x.content
            return self.t.host("truth", count, type=BOOL)
        if isinstance(x, StateCell) and not isinstance(x, Element) and x.slots["value"].type == MAYBE_STATE:
            return self.t.host("compare", x.slots["value"], Lit(None), type=BOOL, op="is not")
        if is_ordinary(x) and not is_literal(x):
            return bool(ordinary(bool, x)) if bakeable(x) else True
        return bool(x) if is_ordinary(x) else True

    def listed(self, x: Any) -> Any:
        """All that a one-pass iterable gives, which ends it; anything else as it is."""
        if isinstance(x, Generator):
            return comprehensions.all_of(self, x)
        if isinstance(x, Once):
            comprehensions.begin(self, x, f"`{x.name}`")
            return x.make()
        return x

    def has_code(self, x: Any) -> bool:
        """True for an iterable that runs code of the program while it is walked over."""
        if isinstance(x, Generator):
            return not comprehensions.is_quiet(self, x)
        return isinstance(x, Once) and (x.has_code or any(self.has_code(i) for i in x.sources))

    def items_or_none(self, x: Any) -> tuple[Any, ...] | None:
        """The items of an iterable, where the trace knows them."""
        return loops.known_items(x)

    def static_items(self, x: Any, node: ast.AST | None = None) -> tuple[Any, ...]:
        """The items of an iterable; a graph break where only the run knows them."""
        items = loops.known_items(self.listed(x))
        if items is None:
            span = self.at(node) if node is not None else self.t.span
            raise graph_break("LMC-GB002", span, "`*` of a run-time sequence")
        return items

    def python(self, x: Any) -> Any:
        """A stand-in as the Python value it is; raises ValueError where any part is run-time."""
        if isinstance(x, Box) and x.is_static and not x.holds_states:
            if isinstance(x.content, dict):
                return {k: self.python(v) for k, v in x.content.items()}
            return (set if x.kind == "set" else list)(self.python(i) for i in x.content)
        if isinstance(x, tuple):
            return tuple(self.python(i) for i in x)
        if is_ordinary(x) and (expressions.plain(x) or isinstance(x, type | enum.Enum) or x in PURE):
            return x
        raise ValueError("run-time")

    def python_or(self, x: Any) -> Any:
        """Like `python`, None where any part is run-time."""
        try:
            return self.python(x)
        except (ValueError, TypeError):
            return None

    def box(self, x: Any) -> Any:
        """A Python value computed at trace time as a stand-in: its containers belong to the program now."""
        if isinstance(x, list):
            return Box(self.t.born(), "list", tuple(self.box(i) for i in x))
        if isinstance(x, dict):
            if all(is_literal(k) for k in x):
                return Box(self.t.born(), "dict", {k: self.box(v) for k, v in x.items()})
        elif isinstance(x, set):
            return Box(self.t.born(), "set", tuple(x))
        elif isinstance(x, tuple):
            return tuple(self.box(i) for i in x)
        return x

    def argument(self, x: Any) -> Atom:
        """An operand handed to Python that may keep or change it: a container becomes a live object."""
        if isinstance(x, Box) and x.path is None and not x.holds_states and not x.borrowed:
            if not x.is_static and x.content.type.name in ("ref", "any"):
                return x.content  # type: ignore[no-any-return]
            inner: Any = () if not x.is_static else x.content.values() if isinstance(x.content, dict) else x.content
            for part in inner:
                if isinstance(part, Box):
                    self.argument(part)
            own: Any = {"dict": dict, "set": set, "data": copy.deepcopy}.get(x.kind, list)
            self.t.write(x, "content", self.t.call(own, self.t.box_value(x), effect="ordered", type=REF))
            return x.content  # type: ignore[no-any-return]
        return expressions.value_atom(self, x)

    def stored(self, x: Any) -> Atom:
        """An operand put into a run-time container: a container of the program's must not change any more."""
        if isinstance(x, Box) and not x.holds_states:
            self.t.write(x, "frozen", True)
        return expressions.value_atom(self, x)

    def each_element(self, box: Box, body: Callable[[Any, StateCell], None]) -> None:
        """Do something to every element of a run-time list of states."""
        loops.each_element(self, box, body)

    def filter_over(self, x: Any, keep: Callable[[Any], Any]) -> Box:
        """`[i for i in x if keep(i)]`."""
        out = Box(self.t.born(), "list", ())

        def one(item: Any) -> None:
            truth = self.truth(keep(item))
            if isinstance(truth, bool):
                if truth:
                    self._push(out, item)
            else:
                exits.under(self, truth, lambda: self._push(out, item))

        with loops.unchanged(self, x):
            x = self.listed(x)
            items = self.items_or_none(x)
            if items is not None:
                for item in items:
                    one(item)
            elif isinstance(x, Box) and x.holds_states:
                loops.each_element(self, x, lambda i, cell: one(cell))
            else:
                self._walk(x, one)
        return out

    def _walk(self, x: Any, body: Callable[[Any], None]) -> None:
        holder = ast.Pass()
        ast.copy_location(holder, self.node)
        loops.Region(self, holder, "for", (loops.in_turn(self, self.t.atom(x)),), DATA, body).trace()

    def map_over(self, x: Any, each: Callable[[Any], Any]) -> Box:
        """`[each(i) for i in x]`."""
        with loops.unchanged(self, x):
            x = self.listed(x)
            items = self.items_or_none(x)
            if items is not None:
                return Box(self.t.born(), "list", tuple(each(i) for i in items))
            out = Box(self.t.born(), "list", ())
            if isinstance(x, Box) and x.holds_states:
                loops.each_element(self, x, lambda i, cell: self._push(out, each(cell)))
            else:
                self._walk(x, lambda item: self._push(out, each(item)))
            return out

    def _push(self, box: Box, x: Any) -> None:
        methods.call_method(self, Method(box, "append"), (x,), {})

    def is_function(self, x: Any) -> bool:
        """True for what can be called with an index."""
        return isinstance(x, Closure | FunctionType)

    # --- functions ---------------------------------------------------------------------------------------

    def closure(self, node: ast.FunctionDef | ast.Lambda) -> Closure:
        """A function or lambda defined inside the program."""
        args = node.args
        self.has_closures = True
        defaults = tuple(self.eval(d) for d in args.defaults)
        keyword = {a.arg: self.eval(d) for a, d in zip(args.kwonlyargs, args.kw_defaults) if d is not None}
        scope = function_scope(node, self.frame.scope.file, self.frame.scope.globals)
        return Closure(node, scope, self.frame, defaults, keyword, {}, self._qualname(node))

    def _qualname(self, node: ast.FunctionDef | ast.Lambda) -> str:
        frame: Frame | None = self.frame
        while frame is not None and frame.closure is None:
            frame = frame.parent
        outer = f"{frame.closure.qualname}.<locals>." if frame is not None and frame.closure is not None else ""
        return outer + getattr(node, "name", "<lambda>")

    def closure_of(self, fn: FunctionType) -> Closure:
        """A plain Python function, to be looked into."""
        node, scope = function_source(fn)
        free = dict(zip(fn.__code__.co_freevars, fn.__closure__ or ()))
        self.guard(lambda: fn.__code__, fn.__code__, (id(fn), "code"))
        self.guard(lambda: fn.__defaults__, fn.__defaults__, (id(fn), "defaults"))
        self.guard(lambda: tuple(fn.__kwdefaults__ or ()), tuple(fn.__kwdefaults__ or ()), (id(fn), "keywords"))
        defaults = tuple(self.given(d) for d in fn.__defaults__ or ())
        keyword = {k: self._keyword_default(fn, k) for k in fn.__kwdefaults__ or ()}
        return Closure(node, scope, None, defaults, keyword, free, fn.__qualname__)

    def _keyword_default(self, fn: FunctionType, name: str) -> Any:
        return self.bake((fn.__kwdefaults__ or {})[name], lambda: (fn.__kwdefaults__ or {})[name], (id(fn), "=", name))

    def opened(self, fn: FunctionType | MethodType) -> tuple[Closure, tuple[Any, ...]]:
        """A program's function, and what comes before its state: the object that a method is bound to."""
        if isinstance(fn, MethodType):
            assert isinstance(fn.__func__, FunctionType)
            return self.closure_of(fn.__func__), (self.given(fn.__self__),)
        return self.closure_of(fn), ()

    def run_closure(self, fn: Closure, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a function of the program by tracing its body."""
        if self.depth >= MAX_DEPTH:
            raise graph_break("LMC-GB012", self.t.span, f"`{fn.name}`")
        frame = Frame(self.t.born(), fn.scope, fn.parent, fn)
        frame.slots.update(self._bound(fn, args, kwargs))
        span, self.depth = self.t.span, self.depth + 1
        try:
            with self.in_frame(frame):
                if isinstance(fn.node, ast.Lambda):
                    return self.eval(fn.node.body)
                statements.execute(self, fn.node.body, tail=True)
                return frame.slots["$ret"]
        except LMError as error:
            error.span = error.span or self.t.span
            raise
        finally:
            self.t.span, self.depth = span, self.depth - 1

    def _bound(self, fn: Closure, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """The parameters of a function by name, bound as Python does it, or in error as Python says it."""
        stub = FunctionType(_parameters(fn.node), {"$locals": locals}, fn.name, fn.defaults)
        stub.__kwdefaults__, stub.__qualname__ = dict(fn.kw_defaults), fn.qualname
        try:
            bound: dict[str, Any] = stub(*args, **kwargs)
        except TypeError as error:
            raise ProgramRaise(TypeError, error.args) from None
        if fn.node.args.kwarg is not None:
            name = fn.node.args.kwarg.arg
            bound[name] = Box(self.t.born(), "dict", bound[name])
        return bound

    def run_program(self, program: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> StateCell:
        """Call another lmc program: a prompt of its own, whose random lineage counts the calls so far."""
        from lmc.ir.sampling import RUN_NAMES, SAMPLING_FIELDS

        names = program.arg_names
        if any(k in (*SAMPLING_FIELDS, *RUN_NAMES, "backend", "stream") and k not in names for k in kwargs):
            raise graph_break("LMC-GB018", self.t.span)
        number = expressions.binary(self, "+", self.root.slots["programs"], 1)
        self.t.write(self.root, "programs", number)
        state = self.t.fresh(STATE)
        self.t.emit("begin", (self.t.atom(number),), (state,))
        cell = self.t.new_cell(state, program.func.__name__)
        bound = {**program.bound, **kwargs}
        closure, owner = self.opened(program.func)
        ret = self.run_closure(closure, (*owner, cell, *args), {k: self.box(v) for k, v in bound.items()})
        self.t.write(cell, "ret", ret)
        return cell


EXPRESSIONS: dict[type[ast.expr], Callable[[Any, Any], Any]] = {**expressions.RULES, ast.Call: calls.call_node}


@functools.lru_cache(maxsize=1024)
def _parameters(node: ast.FunctionDef | ast.Lambda) -> CodeType:
    """A function of the same parameters that gives what they are bound to; defaults are its caller's."""
    spec = node.args
    no_defaults: list[ast.expr | None] = [None] * len(spec.kwonlyargs)
    given = ast.arguments(spec.posonlyargs, spec.args, spec.vararg, spec.kwonlyargs, no_defaults, spec.kwarg, [])
    body = ast.Call(ast.Name("$locals", ast.Load()), [], [])
    made = ast.fix_missing_locations(ast.Expression(ast.copy_location(ast.Lambda(given, body), node)))
    code: CodeType = compile(made, "<parameters>", "eval").co_consts[0]
    return code


IMMUTABLE = (
    type,
    FunctionType,
    BuiltinFunctionType,
    MethodDescriptorType,
    re.Pattern,
    enum.Enum,
    range,
    frozenset,
    complex,
    *get_args(Constraint),
)


def bakeable(value: object) -> bool:
    """True for what cannot change behind the graph's back: atoms, tuples of them, functions, classes, programs."""
    if is_literal(value) or isinstance(value, IMMUTABLE):
        return True
    return getattr(type(value), "__lmc_program__", False) is True


def deep_recursion() -> None:
    """Let a long unrolled program nest as deep as it needs; Python frames are cheap, the default limit is not."""
    sys.setrecursionlimit(max(sys.getrecursionlimit(), STOP_RECURSION))
