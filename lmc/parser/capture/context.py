"""The context of a trace: whose names are whose, what may be baked, and ordinary values as stand-ins and back.

Capture is an abstract interpreter: it walks the AST of the user's function as Python would, with *stand-ins* for what
only the run knows. Every rule is given the context first, as `cx`: the frame at hand, the place in the source, the
tracer `t` that emits. It stands below all rules and finds them in a table (`Rules`), as an expression may hold a call,
and a call traces statements.

What a program reads from outside itself (globals, closures, attributes) is *baked*: taken as it is now, under a guard
that is asked again before the graph is used once more. Only what cannot change behind the graph's back may be baked: a
list that two runs shared would carry one run's changes into the other. Anything else is read when the program runs.
"""

from __future__ import annotations

import ast
import enum
import inspect
import operator
import re
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from types import (
    BuiltinFunctionType,
    CellType,
    FunctionType,
    GenericAlias,
    MethodDescriptorType,
    ModuleType,
    UnionType,
)
from typing import Any, get_args

from lmc.codes import DEFERRED, NO_RULE, TWO_KINDS
from lmc.ir.builtins import PURE, read_global
from lmc.ir.constraint import Constraint
from lmc.ir.graph import Atom, Lit, Value
from lmc.ir.types import ANY, BOOL, INT, MAYBE_STATE, REF
from lmc.parser.capture import looking
from lmc.parser.capture.breaks import graph_break
from lmc.parser.capture.near import modules_of
from lmc.parser.capture.scope import node_span
from lmc.parser.capture.tracer import Arm, Guard, NeedLift, NotLifted, ProgramRaise, Tracer, ordinary, wrap
from lmc.parser.capture.values import (
    ACC,
    FOUND,
    UNBOUND,
    Choice,
    Closure,
    Constant,
    Container,
    Content,
    DictView,
    Element,
    Escapes,
    Frame,
    LazyStr,
    Owner,
    StandIn,
    StateCell,
    Sym,
    Tracked,
    Unmergeable,
    is_literal,
    is_ordinary,
    is_program,
    plain,
)
from lmc.parser.capture.writers import Stores, Writers, writers
from lmc.source import Span

STOP_RECURSION = 20_000


# Any: the class of the node that the rule is listed under
ExpressionRule = Callable[["Capture", Any], StandIn]
StatementRule = Callable[["Capture", Any], None]


@dataclass(frozen=True, slots=True)
class Rules:
    """What is done with each node of the user's AST, and with a call: the trace recurs through these tables.

    expressions   rules by the class of the node, which is their second argument
    statements    the same for all but `if`, whose rule also decides where the rest of its block is traced
    call          calls a stand-in
    function     makes a function of the program one that Python can be given
    """

    expressions: Mapping[type[ast.expr], ExpressionRule]
    statements: Mapping[type[ast.stmt], StatementRule]
    call: Callable[[Capture, StandIn, tuple[StandIn, ...], dict[str, StandIn]], StandIn]
    function: Callable[[Capture, Closure], Atom]


@dataclass(frozen=True, slots=True)
class GlobalName:
    """A variable of a module, given by the identity of its names, which the program binds."""

    module: int
    name: str


@dataclass(frozen=True, slots=True)
class GivenAway:
    """A class, module or function of the user's, by identity, that code gets which may not be in sight."""

    owner: int


class Capture:
    """One trace in progress."""

    def __init__(
        self,
        rules: Rules,
        *,
        opaque: frozenset[object] = frozenset(),
        names_are_live: bool = False,
        recursive: frozenset[ast.AST] = frozenset(),
    ) -> None:
        self.rules = rules
        self.opaque = opaque  # classes and functions whose objects are Python's, as code that is not followed gets them
        self.names_are_live = names_are_live  # a name of a state may hold an object of the user's
        self.names_were_read = False  # as values that nobody can change
        self.t = Tracer()
        self.frame: Frame = None  # type: ignore[assignment]  # set by the first call
        self.node: ast.AST = ast.Pass()
        self.whole: Span | None = None  # where the program stands
        self.returns: list[tuple[Span | None, StandIn]] = []  # its `return`s that were come to, and what each gave
        self.active: list[ast.AST] = []  # the functions that are being traced, outermost first
        self.endless: ast.AST | None = None  # the one that did not end
        self.recursive = recursive  # functions whose calls of themselves the run decides
        self.recursions: dict[ast.AST, Any] = {}  # those being traced; their class stands above this file
        self.giving: list[Closure] = []  # the functions that are being made for Python, which calls them
        self.has_closures = False  # a function defined inside the program may read locals after their function ended
        self.guarded: set[object] = set()
        self.modules: dict[int, dict[str, object]] = {}  # whose code is in the program
        self._writers: Writers | None = None
        self.given_away: set[int] = set()  # classes, modules and functions that code got, by id
        self.read_of: set[int] = set()  # those an attribute of which was baked
        self.own_names: set[str] = set()  # arguments that are containers of the program's own: `**more`
        self.settings: dict[str, StandIn] = {}  # sampling that calls of an inner program take where they do not say
        self.constants: dict[int, Container] = {}  # what is known of lists and dicts of the user's, by identity
        self.outside: tuple[object, ...] = ()  # these lists and dicts, and what is in places that the run reads
        self.live: dict[str, object] = {}  # the objects of the user's that values surely are, by name of the value
        self.lost: dict[tuple[Span, str], None] = {}  # expressions of the language that nothing appends
        self.root = Owner(0)
        self.root.fields["programs"] = 0
        self.handling: StandIn = None  # the exception whose handler is being traced

    # --- the rules ---------------------------------------------------------------------------------------

    def at(self, node: ast.AST) -> Span | None:
        """Say where in the user's source the trace is; gives the span."""
        if hasattr(node, "lineno"):
            self.node = node
            self.t.span = node_span(node, self.frame.scope.file)
        return self.t.span

    def eval(self, node: ast.expr) -> StandIn:
        """Trace an expression."""
        rule = self.rules.expressions.get(type(node))
        self.at(node)
        if rule is None:
            if isinstance(node, ast.Await | ast.Yield | ast.YieldFrom):
                raise graph_break(DEFERRED, self.t.span, f"`{type(node).__name__.lower()}`")
            raise graph_break(NO_RULE, self.t.span, f"`{type(node).__name__}`")
        made = rule(self, node)
        return self.placed(made, node) if isinstance(made, Container) else made

    def placed(self, made: Container, node: ast.AST, what: str = "") -> Container:
        """A container, with where it was made: a live object where the trace was begun anew for that."""
        if made.site is None and not made.borrowed and made.path is None:
            made.site = (self.frame.scope.file, *_place(node), what)
            if made.site in self.t.live_sites and not made.holds_states:
                self.t.given(made)
                self.t.journals[-1].pop((made, "content"), None)  # nobody has seen it otherwise
        return made

    def call(self, fn: StandIn, args: tuple[StandIn, ...], kwargs: dict[str, StandIn]) -> StandIn:
        """Call a stand-in."""
        return self.rules.call(self, fn, args, kwargs)

    # --- names -------------------------------------------------------------------------------------------

    def load(self, name: str) -> StandIn:
        """What a name holds."""
        frame: Frame | None = self.frame
        while frame is not None:
            # capture's own names are in no scope of the user's
            if name.startswith("$") and name in frame.fields:
                return frame.fields[name]
            if frame.scope.is_local(name):
                return self._load_local(frame, name)
            # declared `global`: the functions around are not asked
            if not frame.is_comprehension and frame.scope.is_global(name):
                break
            if frame.closure is not None and name in frame.closure.free:
                return self._bake_free(frame.closure.free, name)
            frame = frame.parent
        return self._load_global(name)

    def _load_local(self, frame: Frame, name: str) -> StandIn:
        value = frame.fields.get(name, UNBOUND)
        if isinstance(value, NotLifted):
            raise NeedLift(value)
        if value is UNBOUND:
            own = frame is self.frame
            error = UnboundLocalError if own else NameError
            text = "cannot access local variable" if own else "cannot access free variable"
            scope = "" if own else " in enclosing scope"
            said = (f"{text} '{name}' where it is not associated with a value{scope}",)
            raise ProgramRaise(error, said, {} if own else {"name": name})
        if isinstance(value, Unmergeable):
            raise graph_break(value.code, self.t.span, value.what)
        if isinstance(value, Choice) and value.index.type.maybe:
            value = Choice(self._sure(frame, name, value.index), value.options)
            self.t.write(frame, name, value)
        if isinstance(value, Sym) and value.type.maybe:
            value = wrap(self.t, self._sure(frame, name, value.value), borrowed=True)
            self.t.write(frame, name, value)
        return value

    def _sure(self, frame: Frame, name: str, value: Value) -> Value:
        """What a name holds that may be unset, made sure of."""
        # a check raises UnboundLocalError, where Python raises NameError in an inner function
        if frame is not self.frame:
            raise graph_break(TWO_KINDS, self.t.span, f"`{name}`, which an inner function reads,")
        sure = self.t.fresh(value.type.when_set(), name)
        self.t.emit("check", (value,), (sure,), name=name)
        return sure

    def _bake_free(self, free: dict[str, CellType], name: str) -> StandIn:
        cell = free[name]
        try:
            value = cell.cell_contents
        except ValueError:
            said = f"cannot access free variable '{name}' where it is not associated with a value in enclosing scope"
            raise ProgramRaise(NameError, (said,), {"name": name}) from None

        def now() -> StandIn:
            return self._read_now(cell, "cell_contents")

        self._writers_in_sight_of(modules_of(value))
        stores = self.writers.of_cell(name, self.frame.scope.file)
        return self._outside(value, stores, now, lambda: cell.cell_contents, (id(cell), name))

    def _load_global(self, name: str) -> StandIn:
        module = self.frame.scope.globals
        if GlobalName(id(module), name) in self.opaque:
            return Sym(self.t.call(read_global, self._module(module), Lit(name), type=ANY))
        stores = self.writers.of_global(module, name)
        # every read is guarded, that of a builtin too: a global of its name may be there the next time
        if name in module:

            def now() -> StandIn:
                table = self.t.host("extern", type=REF, fn=self.t.extern(module, "ordered", REF))
                return Sym(self.t.host("item", table, Lit(name), type=ANY))

            return self._outside(module[name], stores, now, lambda: module[name], (id(module), name))
        if stores is Stores.YES:
            raise graph_break(NO_RULE, self.t.span, f"`{name}`, a global that is bound while the program runs,")
        builtins = module.get("__builtins__", {})
        table = builtins.__dict__ if isinstance(builtins, ModuleType) else builtins
        assert isinstance(table, dict)
        if name not in table:
            self.guard(lambda: name in module or name in table, False, (id(module), name))
            raise ProgramRaise(NameError, (f"name '{name}' is not defined",), {"name": name})
        self.guard(lambda: module.get(name, table.get(name)), table[name], (id(module), name))
        return table[name]

    def set_global(self, name: str, value: StandIn) -> None:
        """Bind a variable of the module: the trace begins anew with it as something that the run reads and binds."""
        module = self.frame.scope.globals
        key = GlobalName(id(module), name)
        if key not in self.opaque:
            raise Escapes(key)
        self.t.call(operator.setitem, self._module(module), Lit(name), self.argument(value))

    def _module(self, module: dict[str, object]) -> Value:
        return self.t.host("extern", type=REF, fn=self.t.extern(module, "ordered", REF))

    @property
    def writers(self) -> Writers:
        """What code may bind anew while the program runs; looked for again with each module that comes into sight."""
        return self._writers_in_sight_of((self.frame.scope.globals,))

    def _writers_in_sight_of(self, modules: Iterable[dict[str, object]]) -> Writers:
        """The same, with further modules that may run."""
        new = {id(module): module for module in modules if id(module) not in self.modules}
        if self._writers is None or new:
            self.modules |= new
            self._writers = writers(self.modules.values())
        return self._writers

    def _read_now(self, owner: object, name: str) -> StandIn:
        """An attribute of an object of the user's, read when the program runs."""
        live = self.t.host("extern", type=REF, fn=self.t.extern(owner, "ordered", REF))
        return Sym(self.t.host("attr", live, type=ANY, name=name))

    def _outside(
        self, value: StandIn, stores: Stores, now: Callable[[], StandIn], read: Callable[[], object], key: object
    ) -> StandIn:
        """What is read from a place outside the program: baked where nobody binds it anew, else read by the run."""
        # nobody binds a module or a word of the language anew under a name that is made when it runs
        made_in = str(value.__module__) if looking.is_a(value, FunctionType) else ""
        is_word = looking.is_a(value, ModuleType) or made_in.startswith("lmc.")
        anew = stores is Stores.YES or (stores is Stores.ANY and not is_word)
        if anew or (stores is Stores.MAYBE and is_literal(value)):
            self.outside += (value,)
            return now()
        return self.bake(value, read, key)

    def guard_code(self) -> None:
        """Once the trace is over: it holds while no code has come that might bind what it has baked."""
        seen = self._writers_in_sight_of(())
        self.guard(seen.signature, seen.made_of, "code")

    def guard(self, read: Callable[[], object], value: object, key: object = None) -> None:
        """The graph may be used again while `read()` gives `value`; one guard a key is enough."""
        if key is None or key not in self.guarded:
            self.guarded.add(key)
            self.t.guards.append(Guard(read, value))

    def bake(self, value: StandIn, read: Callable[[], object], key: object = None) -> StandIn:
        """Something read from outside the program: baked under a guard, or a live object read at run time."""
        self.guard(read, value, key)
        return self.given(value)

    def given(self, value: StandIn) -> StandIn:
        """An object of the user's: itself where it cannot change, else a live object."""
        if looking.is_a(value, ModuleType) or bakeable(value):
            return value
        if is_constant(value) and not self.t.live_touched and ALL_CONSTANTS not in self.opaque:
            return self._constant(value)
        live = self.t.host("extern", type=REF, fn=self.t.extern(value, "ordered", REF))
        self.live[live.name] = value
        return Sym(live)

    def _constant(self, value: StandIn) -> StandIn:
        """A list, tuple or dict of the user's whose content is known as long as nothing can have changed it."""
        if type(value) is tuple:
            return tuple(map(self._constant, value))
        if type(value) not in (list, dict):
            return value
        if _key(value) in self.opaque:
            return Sym(self.t.host("extern", type=REF, fn=self.t.extern(value, "ordered", REF)))
        known = self.constants.get(id(value))
        if known is None:
            content = _with_items(value, self._constant)
            known = Container(self.t.born(), type(value).__name__, content, borrowed=True)
            known.constant = Constant(_key(value), lambda: self.t.live_touched)
            self.constants[id(value)] = known
            self.outside += (value,)
            seen = partial(fingerprint, value, self.opaque)
            self.guard(seen, seen(), _key(value))
        return known

    def _stores_of(self, owner: object, name: str) -> Stores:
        """Whether an attribute of a class, module or function may be bound anew."""
        if id(owner) in self.given_away or GivenAway(id(owner)) in self.opaque:
            return Stores.YES
        self.read_of.add(id(owner))
        return self.writers.of_attribute(owner, name)

    def bake_attribute(self, owner: StandIn, name: str) -> StandIn:
        """`owner.name` of an ordinary object; properties and mutable attributes are read at run time."""
        if isinstance(owner, ModuleType | type):
            value = ordinary(looking.attribute, owner, name)
            if value is not looking.UNSEEN:
                stores = self._stores_of(owner, name)
                now = lambda: self._read_now(owner, name)  # noqa: E731
                return self._outside(value, stores, now, lambda: looking.attribute(owner, name), (id(owner), name))
        elif is_program(owner):
            return ordinary(getattr, owner, name)
        elif not looking.reads_by_code(owner):
            static = inspect.getattr_static(owner, name, UNBOUND)
            if looking.is_a(static, (FunctionType, MethodDescriptorType)):
                return ordinary(getattr, owner, name)
            # looked at without running a descriptor: a property is code of the user's, which the run must see
            if static is not UNBOUND and bakeable(static) and not hasattr(static, "__get__"):
                stores = self._stores_of(owner, name)
                now = lambda: self._read_now(owner, name)  # noqa: E731
                return self._outside(static, stores, now, lambda: inspect.getattr_static(owner, name, UNBOUND), None)
        return self._read_now(owner, name)

    @contextmanager
    def handling_of(self, error: StandIn) -> Iterator[None]:
        """Trace the handler of an exception."""
        outer, self.handling = self.handling, error
        try:
            yield
        finally:
            self.handling = outer

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
        # its names end with it; only what it gathers is read afterwards
        if self.frame.is_comprehension:
            # and what `:=` binds is a name of the function's
            return {ACC, FOUND, *(n.target.id for n in ast.walk(node) if isinstance(n, ast.NamedExpr))}
        assert self.frame.closure is not None
        inside = {id(n) for n in ast.walk(node)}
        every = ast.walk(self.frame.closure.node)
        return {n.id for n in every if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load) and id(n) not in inside}

    def bound_in(self, node: ast.AST) -> list[str]:
        """Names that `node` binds, in source order."""
        names = [n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
        names += [n.name for n in ast.walk(node) if isinstance(n, _NAMED) and n.name is not None]
        aliases = [a for n in ast.walk(node) if isinstance(n, ast.Import | ast.ImportFrom) for a in n.names]
        names += [a.asname or a.name.split(".")[0] for a in aliases]
        return list(dict.fromkeys(names))

    # --- stand-ins and ordinary values -------------------------------------------------------------------

    def truth(self, x: StandIn) -> bool | Value:
        """`bool(x)`: known, or a run-time bool."""
        if isinstance(x, Sym):
            return x.value if x.type == BOOL else self.t.host("truth", x.value, type=BOOL)
        if isinstance(x, LazyStr):
            # one known part that is not empty decides, whatever the others come to
            if any(isinstance(p, str) and p for p in x.parts):
                return True
            return self.t.host("truth", self.t.text_value(x), type=BOOL)
        if isinstance(x, DictView):
            return self.truth(x.container)
        if isinstance(x, Container):
            if x.is_static:
                return bool(x.content)
            count = self.t.host("states_len", x.value, type=INT) if x.holds_states else x.value
            return self.t.host("truth", count, type=BOOL)
        # a state is always true; one that may be unset is None where it is not set
        if isinstance(x, StateCell) and not isinstance(x, Element) and x.value.type == MAYBE_STATE:
            return self.t.host("compare", x.value, Lit(None), type=BOOL, op="is not")
        if isinstance(x, Tracked):
            return self._truth_of_object(x)
        if isinstance(x, Choice):
            trial = Arm(self.t)
            with trial.open():
                known = [self.truth(option) for option in x.options]
            if trial.nodes or trial.writes or not all(isinstance(one, bool) for one in known):
                raise graph_break(TWO_KINDS, self.t.span, "what is chosen here")
            return self.is_among(x, [i for i, one in enumerate(known) if one])
        if is_ordinary(x) and not is_literal(x) and not looking.is_quiet(x):
            return self.t.host("truth", self.t.atom(x), type=BOOL)
        return bool(x) if is_ordinary(x) else True

    def _truth_of_object(self, x: Tracked) -> bool | Value:
        for name in ("__bool__", "__len__"):
            method = next((base.__dict__[name] for base in x.cls.__mro__ if name in base.__dict__), None)
            if self.writers.of_class(x.cls, name):
                raise Escapes(x.cls)
            if method is not None:
                return self.truth(self.call(method, (x,), {}))
        return True

    def is_among(self, x: Choice, numbers: list[int]) -> bool | Value:
        """Whether a choice fell on one of the options with these numbers."""
        if len(numbers) in (0, len(x.options)):
            return bool(numbers)
        return self.t.host("compare", x.index, Lit(tuple(numbers)), type=BOOL, op="in")

    def python(self, x: StandIn) -> StandIn:
        """A stand-in as the Python value it is; raises ValueError where any part is run-time."""
        if isinstance(x, Container) and x.is_static and not x.holds_states:
            if "$scrambled" in x.fields:
                raise ValueError("its order is not known")
            if isinstance(x.content, dict):
                return {k: self.python(v) for k, v in x.content.items()}
            return (set if x.kind == "set" else list)(self.python(i) for i in x.members)
        if isinstance(x, tuple):
            return tuple(self.python(i) for i in x)
        if plain(x) or (looking.is_a(x, (type, enum.Enum)) and looking.is_quiet(x)):
            return x
        if is_ordinary(x) and looking.can_hash(x) and x in PURE:
            return x
        raise ValueError("run-time")

    def unordered(self, x: StandIn) -> StandIn:
        """What walking over a set or dict gives, a set in any order; all else as it is."""
        if not isinstance(x, Container) or not x.is_static:
            return x
        is_odd = isinstance(x.content, dict) or (x.kind == "set" and "$scrambled" in x.fields)
        return Container(self.t.born(), "list", x.members) if is_odd else x

    def python_or(self, x: StandIn) -> StandIn:
        """A stand-in as the Python value it is, None where any part is run-time."""
        try:
            return self.python(x)
        except (ValueError, TypeError):
            return None

    def owned(self, x: StandIn) -> StandIn:
        """A Python value computed at trace time as a stand-in: its containers belong to the program now."""
        if isinstance(x, list):
            return Container(self.t.born(), "list", tuple(self.owned(i) for i in x))
        if isinstance(x, dict):
            if all(is_literal(k) for k in x):
                return Container(self.t.born(), "dict", {k: self.owned(v) for k, v in x.items()})
        elif isinstance(x, set):
            made = Container(self.t.born(), "set", tuple(x))
            made.fields["$scrambled"] = ()  # what Python made of it in which order is not known any more
            return made
        elif isinstance(x, tuple):
            return tuple(self.owned(i) for i in x)
        return x

    def argument(self, x: StandIn) -> Atom:
        """An operand handed to Python that may keep or change it: a container becomes a live object."""
        if looking.is_a(x, (type, ModuleType, FunctionType)) and any(True for _ in modules_of(x)):
            self._give_away(GivenAway(id(x)))
        return self.rules.function(self, x) if isinstance(x, Closure) else self.t.given(x)

    def _give_away(self, key: GivenAway) -> None:
        # what was read of it before, in a turn of a loop, may be read after it the next time
        if key not in self.opaque and key.owner in self.read_of:
            raise Escapes(key)
        self.given_away.add(key.owner)

    def stored(self, x: StandIn) -> Atom:
        """An operand put into a run-time container: a container of the program's must not change any more."""
        self._freeze(x)
        return self.t.value_atom(x)

    def _freeze(self, x: StandIn) -> None:
        if isinstance(x, Container) and not x.holds_states and not x.is_live:
            self.t.write(x, "$frozen", True)
        for part in x.parts if isinstance(x, Container) else x if type(x) is tuple else ():
            self._freeze(part)


def _place(node: ast.AST) -> tuple[int, ...]:
    return tuple(getattr(node, name, 0) or 0 for name in ("lineno", "col_offset", "end_lineno", "end_col_offset"))


_NAMED = (ast.FunctionDef, ast.ClassDef, ast.ExceptHandler, ast.MatchAs, ast.MatchStar)

IMMUTABLE = (
    type,
    FunctionType,
    BuiltinFunctionType,
    MethodDescriptorType,
    re.Pattern,
    enum.Enum,
    *get_args(Constraint),
    GenericAlias,
    UnionType,
)


def bakeable(value: object) -> bool:
    """True for what cannot change behind the graph's back: atoms, tuples of such, functions, classes, annotations."""
    if plain(value) or looking.is_a(value, IMMUTABLE) or type(value).__module__ == "typing":
        return True
    return is_program(value)


ALL_CONSTANTS = ("constant", 0)  # the key of every list and dict of the user's
MAX_CONSTANT_DEPTH = 32  # of lists in lists
MAX_CONSTANT = 256  # items of a list or dict of the user's whose content is taken as known


def is_constant(value: object) -> bool:
    """True for a list or dict, not empty, of what cannot change, and of such lists and dicts; or a tuple with some."""
    if type(value) not in (list, dict, tuple) or not value:
        return False
    return 0 < _num_constants(value) <= MAX_CONSTANT


def _num_constants(value: object, depth: int = 0) -> int:
    """How many items there are in all; more than MAX_CONSTANT where one of them is no constant, or holds itself."""
    if depth > MAX_CONSTANT_DEPTH:
        return MAX_CONSTANT + 1
    if type(value) is dict and all(map(is_literal, value)):
        items: Collection[object] = value.values()
    elif type(value) in (list, tuple):
        items = value  # type: ignore[assignment]
    else:
        return 1 if bakeable(value) else MAX_CONSTANT + 1
    if len(items) > MAX_CONSTANT:
        return MAX_CONSTANT + 1
    count = 0
    for item in items:
        count += _num_constants(item, depth + 1)
        if count > MAX_CONSTANT:
            break
    return max(count, 1)


def fingerprint(value: object, live: frozenset[object]) -> object:
    """What a constant holds, as a literal, less what is live: alike for two that are. Functions by identity."""
    if type(value) in (list, dict) and _key(value) in live:
        return "live", id(value)
    if type(value) is dict:
        return ("dict", *((key, fingerprint(item, live)) for key, item in value.items()))
    if isinstance(value, list | tuple):
        return (type(value).__name__, *(fingerprint(item, live) for item in value))
    return ("=", value) if is_literal(value) else (type(value).__name__, id(value))


def _with_items(value: object, change: Callable[[StandIn], StandIn]) -> Content:
    if isinstance(value, dict):
        return {key: change(item) for key, item in value.items()}
    assert isinstance(value, list)
    return tuple(map(change, value))


def _key(value: object) -> tuple[str, int]:
    return ("constant", id(value))


def deep_recursion() -> None:
    """Let a long unrolled program nest as deep as it needs; Python frames are cheap, the default limit is not."""
    sys.setrecursionlimit(max(sys.getrecursionlimit(), STOP_RECURSION))
