"""A function that calls itself until the run says so, as one region of the graph: its body once, and `invoke` in it.

    def solve(s):                          %s5, %n: int = function %s0 {name="solve"} do(%s1) {
        s += gen("done", regex="[yn]")         %s2, %done = gen %s1 {...}
        if s["done"] == "y":                   %c = compare %done, "y" {op="=="}
            return 0                           %s4, %m: int = if %c {
        return 1 + solve(s)                        yield %s2, 0
                                               } else {
                                                   %s3, %k: int = invoke %s2 {name="solve"}
                                                   ...
                                               yield %s4, %m

A function is inlined wherever it is called, and so is one that calls itself as long as what is known ends that. Only
where it does not is the program traced anew, with this function as a region. What the body may do is little, and all
else is the break that it was:

* each argument that is a state is a parameter, and a result: what it is when the function has ended;
* an argument that is the same in every call is no parameter: the body sees it as the first call gave it;
* all others are values, whose type is the join of what any call gives;
* of these, what can be changed is handed on as a live object, by reference;
* nothing that exists before the call is changed but those states, be it for as long as a call of itself goes on, and
  these are not read under another name; a list, dict or set of the program's that is changed in place is a live object.

The types of the parameters and of what is returned are found as a loop finds those of its carries: the body is traced
until nothing grows. In the first trace a call of itself leads nowhere, so what is returned is what the paths say that
do without; where there is none, the recursion has no end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from lmc.codes import ENDLESS_RECURSION
from lmc.errors import CaptureError
from lmc.ir.graph import Atom, Block, Value
from lmc.ir.types import STATE, Type, join
from lmc.parser.capture.breaks import graph_break
from lmc.parser.capture.carried import field_type, maybe_atom
from lmc.parser.capture.contents import NOTHING
from lmc.parser.capture.context import Capture
from lmc.parser.capture.tracer import Arm, Key, ProgramRaise, wrap
from lmc.parser.capture.values import (
    UNBOUND,
    Cell,
    Closure,
    Container,
    CopyBlock,
    Element,
    Owner,
    Stale,
    StandIn,
    StateCell,
    Sym,
    is_literal,
    same_literal,
)

Bound = dict[str, StandIn]  # what a call gives, by the name of the parameter
Activate = Callable[[Capture, Closure, Bound], StandIn]  # traces the function's body in a frame of its own


@dataclass(frozen=True, slots=True)
class One:
    """A result that is one value of the run."""

    type: Type


@dataclass(frozen=True, slots=True)
class Given:
    """A result that is the very state which the parameter of that name was given."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """A result that is the same literal however the function ends."""

    value: StandIn


Shape = One | Given | Known | tuple["Shape", ...]  # what is returned, as far as it is known


def called(cx: Capture, fn: Closure, bound: Bound, activate: Activate) -> StandIn:
    """Call a function that is known to call itself: from outside, or from its own body."""
    inside = cx.recursions.get(fn.node)
    if inside is not None:
        return inside.invoke(fn, bound)
    region = Recursion(cx, fn, bound, activate)
    cx.recursions[fn.node] = region
    try:
        arm = region.trace()
    finally:
        del cx.recursions[fn.node]
    return region.emit(arm)


class Recursion:
    """One function being traced to a fixpoint.

    given   what the call from outside gives
    types   those of the arguments that are parameters
    shape   what is returned; None while no trace has said it
    params  their values inside the body, of the trace in progress
    grew    True where the trace in progress has to be made anew
    """

    def __init__(self, cx: Capture, fn: Closure, given: Bound, activate: Activate) -> None:
        self.cx, self.fn, self.given, self.activate = cx, fn, given, activate
        self.span = cx.t.span
        self.settings, self.handling = cx.settings, cx.handling
        others = [region.fn.name for region in cx.recursions.values()]
        num = others.count(fn.name)
        self.name: str = f"{fn.name} {num + 1}" if num else fn.name  # one in another has a name of its own
        self.types: dict[str, Type] = {name: STATE for name, x in given.items() if isinstance(x, StateCell)}
        self.shape: Shape | None = None
        self.params: dict[str, Value] = {}
        self.grew = False
        self.ends: tuple[Atom, ...] = ()
        self.birth = self.depth = 0
        self._check_states(given)
        self.role = {name: cx.t.role.get(cell.value.name, "") for name, cell in self._states(given)}

    def trace(self) -> Arm:
        """Trace the body until nothing new is found; gives the last trace."""
        t = self.cx.t
        if t.tries:  # its handler would have to be given what the states are inside
            raise self._refused()
        aliases, touched, num_boxes = len(t.alias_log), t.live_touched, len(t.boxes)
        while True:
            t.forget_aliases(aliases)
            del t.boxes[num_boxes:]
            t.span, self.grew = self.span, False
            arm = Arm(t, again=True)
            self.birth = arm.birth
            arm.run(self._body)
            if arm.raised and not self.grew:  # no path ends but those that raise
                raise self._refused()
            self._check_writes(arm)
            # once the body may change live objects, each activation must read them anew
            touched, before = t.live_touched, touched
            if not self.grew and touched == before:
                return arm

    def _body(self) -> None:
        cx, t = self.cx, self.cx.t
        self.depth = len(t.journals) - 1
        for _, cell in self._states(self.given):
            # inside it goes by the parameter: whatever else leads to it would show what it was
            for each in (cell, *cell.aliases):
                t.put(each, "$stale", Stale(cell.hint, self.span))
        inside = {name: self._param(name, x) if name in self.types else x for name, x in self.given.items()}
        ret = self.activate(cx, self.fn, dict(inside))
        t.span = self.span
        ends = [self._end(name, inside[name]) for name, _ in self._states(self.given)]
        shape = self._shape(ret, inside, [])
        known = self.shape
        self.shape = shape if known is None else self._joined(known, shape)
        self.grew |= known is None or not _alike(known, self.shape)
        if not self.grew:
            t.emit("yield", (*ends, *self._atoms(self.shape, ret)))

    def _param(self, name: str, outside: StandIn) -> StandIn:
        t = self.cx.t
        param = self.params[name] = t.fresh(self.types[name])
        t.leave_unread((param,))
        if isinstance(outside, StateCell):
            t.role[param.name] = self.role[name]
            return t.new_cell(param, outside.hint)
        t.names[param.name] = name
        return self._value(param)

    def _value(self, value: Value) -> StandIn:
        """What was handed on: live, or nothing that can be changed."""
        t = self.cx.t
        t.contents.be(value, NOTHING, NOTHING)
        t.contents.flatten(value, atom=True)
        return wrap(t, value, borrowed=True)

    def _end(self, name: str, cell: StandIn) -> Value:
        """What a state is when the function has ended."""
        assert isinstance(cell, StateCell)
        value = self.cx.t.state(cell)
        # something was said of it that its value does not say, or it may be another state as well
        older = [one for one in cell.aliases if one.birth <= self.birth]
        if set(cell.fields) != {"value"} or older or self.cx.t.role.get(value.name, "") != self.role[name]:
            raise self._refused()
        return value

    def _check_now(self) -> None:
        """Before it calls itself: what is put back behind the call is changed as well while the call goes on."""
        before: dict[Key, StandIn] = {}
        for journal in self.cx.t.journals[self.depth :]:
            for key, old in journal.items():
                before.setdefault(key, old)
        now = {key: key[0].fields.get(key[1], UNBOUND) for key in before if key[0].birth <= self.birth}
        self._check_changes(now, before)

    def _check_writes(self, arm: Arm) -> None:
        """Nothing that exists before may be changed."""
        now = arm.outer_writes()
        self._check_changes(now, {key: key[0].fields.get(key[1], UNBOUND) for key in now})

    def _check_changes(self, now: Mapping[Key, StandIn], before: Mapping[Key, StandIn]) -> None:
        hidden = {id(each) for _, cell in self._states(self.given) for each in (cell, *cell.aliases)}
        for (owner, name), new in now.items():
            if new is before[(owner, name)] or (name == "$stale" and id(owner) in hidden):
                continue
            if name == "content" and isinstance(owner, Container) and not (owner.is_live or owner.holds_states):
                need = self.cx.t.make_live(owner)  # what each activation changes in place is no variable of it
                need.error = self._refused()
                raise need
            raise self._refused()

    # --- calls -------------------------------------------------------------------------------------------

    def invoke(self, fn: Closure, bound: Bound) -> StandIn:
        """The function calls itself."""
        cx, t = self.cx, self.cx.t
        is_same = fn.parent is self.fn.parent and _cells(fn) == _cells(self.fn)
        if not is_same or t.tries or cx.settings is not self.settings or cx.handling is not self.handling:
            raise self._refused()
        self._check_now()
        self._check_states(bound)
        for name, cell in self._states(bound):
            if t.role.get(cell.value.name, "") != self.role.get(name):
                raise self._refused()
        for name, x in bound.items():
            self._widen(name, x)
        # the path that goes on behind it is found once it is known what it gives
        if self.shape is None:
            raise ProgramRaise(AssertionError, ("unreachable",))
        atoms = self._arguments(bound)
        outs = self._outs(bound)
        t.emit("invoke", atoms, outs, name=self.name)
        return self._behind(bound, outs)

    def emit(self, arm: Arm) -> StandIn:
        """Make a node of the last trace; what the call from outside gives."""
        t = self.cx.t
        t.span = self.span
        atoms = self._arguments(self.given)
        outs = self._outs(self.given)
        params = tuple(self.params[name] for name in self._names())
        t.emit("function", atoms, outs, regions=(Block(params, tuple(arm.nodes)),), name=self.name)
        return self._behind(self.given, outs)

    def _widen(self, name: str, x: StandIn) -> None:
        """Make a parameter of an argument that is not the same in every call, of a type that holds them all."""
        first = self.given[name]
        if isinstance(x, StateCell) and isinstance(first, StateCell):
            return
        if name not in self.types and _same(x, first):
            return
        known = self.types.get(name) or self._type(first)
        wide = join(known, self._type(x))
        assert wide is not None, "of values there is always one"
        self.grew |= self.types.get(name) != wide
        self.types[name] = wide

    def _type(self, x: StandIn) -> Type:
        self._check_data(x)
        found = field_type(x, (self.cx.root, ""), _field)
        if found is None or found.is_state or found.maybe:
            raise self._refused()
        return found

    def _check_data(self, x: StandIn) -> None:
        """What can be changed is handed on by reference: raises MakeLive for what is not live yet."""
        for container in self.cx.t.data_in(x):
            raise self.cx.t.make_live(container)

    def _names(self) -> list[str]:
        return [name for name in self.given if name in self.types]

    def _arguments(self, bound: Bound) -> tuple[Atom, ...]:
        t = self.cx.t
        given = [bound[name] for name in self._names()]
        return tuple(t.state(x) if isinstance(x, StateCell) else maybe_atom(t, x) for x in given)

    def _outs(self, bound: Bound) -> tuple[Value, ...]:
        t = self.cx.t
        states = [t.fresh(STATE, cell) for _, cell in self._states(bound)]
        assert self.shape is not None
        return (*states, *(t.fresh(one.type) for one in _ones(self.shape)))

    def _behind(self, bound: Bound, outs: tuple[Value, ...]) -> StandIn:
        """Put into the states what they are behind a call; what it gives."""
        values = iter(outs)
        for _, cell in self._states(bound):
            self.cx.t.set_state(cell, next(values))
        assert self.shape is not None
        return self._result(self.shape, bound, values)

    def _states(self, bound: Bound) -> list[tuple[str, StateCell]]:
        return [(name, x) for name, x in bound.items() if isinstance(x, StateCell)]

    def _check_states(self, bound: Bound) -> None:
        """A state is given once, under one name, and is nothing but a state."""
        cells: list[Cell] = [cell for _, cell in self._states(bound)]
        for i, cell in enumerate(cells):
            is_plain = not isinstance(cell, Element | CopyBlock) and set(cell.fields) == {"value"}
            if not is_plain or any(cell is other or other in cell.aliases for other in cells[:i]):
                raise self._refused()
        if {name for name, _ in self._states(bound)} != {name for name, _ in self._states(self.given)}:
            raise self._refused()

    # --- results -----------------------------------------------------------------------------------------

    def _shape(self, x: StandIn, inside: Bound, seen: list[Cell]) -> Shape:
        """What is known of a result."""
        name = next((name for name, cell in self._states(inside) if cell is x), None)
        if name is not None:
            return Given(name)
        if type(x) is tuple:
            return tuple(self._shape(i, inside, seen) for i in x)
        if is_literal(x):
            return Known(x)
        if isinstance(x, Owner):
            if not isinstance(x, StateCell | Container):
                raise self._refused()
            others = [*seen, *(cell for _, cell in self._states(inside))]
            is_own = x.birth > self.birth and not self.cx.t.may_be(x, self.birth)
            if not is_own or any(x is other or other in x.aliases for other in others if isinstance(x, StateCell)):
                raise self._refused()
            seen.append(x)
        self._check_data(x)
        found = field_type(x, (self.cx.root, ""), _field)
        if found is None or found.maybe or (found.is_state and not isinstance(x, StateCell)):
            raise self._refused()
        return One(found)

    def _joined(self, a: Shape, b: Shape) -> Shape:
        if _alike(a, b):
            return a
        if isinstance(a, tuple) and isinstance(b, tuple) and len(a) == len(b):
            return tuple(self._joined(x, y) for x, y in zip(a, b))
        wide = join(self._type_of(a), self._type_of(b))
        if wide is None:
            raise self._refused()
        return One(wide)

    def _type_of(self, shape: Shape) -> Type:
        if isinstance(shape, One):
            return shape.type
        if isinstance(shape, Known):
            return self._type(shape.value)
        if isinstance(shape, Given) or any(one.type.is_state for one in _ones(shape)):
            raise self._refused()
        return self._type(("",))

    def _atoms(self, shape: Shape, x: StandIn) -> list[Atom]:
        """A result as the values that a shape says."""
        if isinstance(shape, tuple):
            assert isinstance(x, tuple)
            return [atom for one, i in zip(shape, x) for atom in self._atoms(one, i)]
        return [maybe_atom(self.cx.t, x)] if isinstance(shape, One) else []

    def _result(self, shape: Shape, bound: Bound, values: Iterator[Value]) -> StandIn:
        if isinstance(shape, tuple):
            return tuple(self._result(one, bound, values) for one in shape)
        if isinstance(shape, Given):
            return bound[shape.name]
        return shape.value if isinstance(shape, Known) else self._value(next(values))

    def _refused(self) -> CaptureError:
        return graph_break(ENDLESS_RECURSION, self.span, f"`{self.fn.name}`")


def _cells(fn: Closure) -> dict[str, int]:
    # by identity: to compare what they hold would run code of the user's
    return {name: id(cell) for name, cell in fn.free.items()}


def _field(owner: Owner, name: str) -> StandIn:
    return owner.fields.get(name, UNBOUND)


def _same(x: StandIn, y: StandIn) -> bool:
    """True for two arguments that are one thing to whoever gets them."""
    if x is y or same_literal(x, y):
        return True
    if isinstance(x, tuple) and isinstance(y, tuple):
        return len(x) == len(y) and all(map(_same, x, y))
    return isinstance(x, Sym) and isinstance(y, Sym) and x.value == y.value


def _alike(a: Shape, b: Shape) -> bool:
    if isinstance(a, Known) and isinstance(b, Known):
        return same_literal(a.value, b.value)
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(_alike, a, b))
    return a == b


def _ones(shape: Shape) -> list[One]:
    if isinstance(shape, tuple):
        return [one for part in shape for one in _ones(part)]
    return [shape] if isinstance(shape, One) else []
