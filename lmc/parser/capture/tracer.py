"""The tracer: emits nodes, logs writes, and merges what two arms of a branch or the turns of a loop left behind.

It knows nothing of Python syntax; `statements` and `expressions` drive it. Every change of a cell goes through
`write`, so a region's effects are exactly the slots in its log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MethodType
from typing import Any

from lmc.ir.builtins import BUILTINS
from lmc.ir.graph import UNSET, Atom, Attr, Block, Extern, Lit, Node, Param, Value
from lmc.ir.types import ANY, DATA, MAYBE_STATE, REF, STATE, STATES, STR, Type, join, type_of
from lmc.parser.capture.breaks import graph_break
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
    RoleBlock,
    Rows,
    Stale,
    StateCell,
    Sym,
    Unmergeable,
    View,
    is_literal,
    is_ordinary,
    same_literal,
)
from lmc.parser.primitives import Expr
from lmc.source import Span

Key = tuple[Owner, str]
NO_ATTRS: Mapping[str, Attr] = {}
FLAGS = ("stale", "frozen", "used", "resized", "shown")  # slots that only matter where they are set
RUNNING, BREAK, CONTINUE, RETURN = range(4)  # the slot `$exit` of a frame


class ProgramRaise(Exception):
    """The traced program surely raises here; unwinds to the region it stands in."""

    def __init__(self, kind: object, args: tuple[Any, ...] = ()) -> None:
        super().__init__(kind)
        self.kind, self.arguments = kind, args


@dataclass(slots=True)
class Guard:
    """Something of the user's Python that was baked: `read()` must still give `value` when the graph is used again."""

    read: Callable[[], object]
    value: object

    def holds(self) -> bool:
        """True if the baked read would give the same."""
        try:
            now = self.read()
        except Exception:
            return False
        if now is self.value or type(now) is not type(self.value):
            return now is self.value
        if isinstance(now, MethodType):  # a new object each time it is read
            return now == self.value
        return same_literal(now, self.value)


class Arm:
    """A region being traced: its nodes, and what it wrote. May be entered again to go on where it stopped."""

    __slots__ = ("birth", "nodes", "raised", "tracer", "writes")

    def __init__(self, tracer: Tracer) -> None:
        self.tracer = tracer
        self.birth = tracer.clock
        self.nodes: list[Node] = []
        self.writes: dict[Key, Any] = {}
        self.raised = False

    def run(self, body: Callable[[], None]) -> None:
        """Trace `body` into this region, then put every slot back as it was."""
        tracer = self.tracer
        with self.open():
            try:
                body()
            except ProgramRaise as stop:
                tracer.emit_raise(stop)
                self.raised = True

    @contextmanager
    def open(self) -> Iterator[None]:
        """Emit into this region, under its own writes."""
        tracer, outer = self.tracer, self.tracer.nodes
        tracer.nodes = self.nodes
        tracer.journals.append({})
        try:
            for (owner, name), new in self.writes.items():
                tracer.put(owner, name, new)
            yield
        finally:
            tracer.nodes = outer
            for (owner, name), old in tracer.journals.pop().items():
                self.writes[(owner, name)] = owner.slots.get(name, UNBOUND)
                _put(owner, name, old)

    def now(self, owner: Owner, name: str) -> Any:
        """What a slot holds at the end of this region."""
        return self.writes.get((owner, name), owner.slots.get(name, UNBOUND))

    def commit(self) -> None:
        """Make this region's nodes and writes those of the region around it."""
        self.tracer.nodes.extend(self.nodes)
        for (owner, name), new in self.writes.items():
            self.tracer.put(owner, name, new)

    def outer_writes(self) -> dict[Key, Any]:
        """The writes to what existed before this region."""
        return {key: new for key, new in self.writes.items() if key[0].birth <= self.birth}


def _put(owner: Owner, name: str, value: Any) -> None:
    if value is UNBOUND:
        owner.slots.pop(name, None)
    else:
        owner.slots[name] = value


class Tracer:
    """Builds one graph."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.journals: list[dict[Key, Any]] = [{}]
        self.clock = 0
        self.span: Span | None = None
        self.externs: dict[tuple[str, str], Extern] = {}
        self.objects: dict[str, object] = {}
        self._extern_ids: dict[tuple[int, str], str] = {}
        self.guards: list[Guard] = []
        self.params: dict[tuple[str | int, ...], Param] = {}
        self.names: dict[str, str | StateCell] = {}
        self.known: dict[str, dict[str, Atom]] = {}
        self.num_values = 0
        self.live_touched = False  # something may have changed an argument or another object of the user's
        self.origins: dict[str, object] = {}  # of the values read from outside: where they were read
        self.changed: list[object] = []  # the origins of the live objects that the program itself has changed
        self.role: dict[str, str] = {}
        self.alias_log: list[tuple[StateCell | Box, StateCell | Box]] = []

    # --- slots -------------------------------------------------------------------------------------------

    def born(self) -> int:
        """The birth number of a new cell."""
        self.clock += 1
        return self.clock

    def put(self, owner: Owner, name: str, value: Any) -> None:
        """Write down in a slot what was changed in a region that is over, and has made stale what it must."""
        self.journals[-1].setdefault((owner, name), owner.slots.get(name, UNBOUND))
        _put(owner, name, value)

    def write(self, owner: Owner, name: str, value: Any) -> None:
        """Change a slot; the regions being traced remember what it was, lists that may be the same go stale."""
        self.put(owner, name, value)
        if name == "content" and isinstance(owner, Box):
            for other in owner.aliases:
                if isinstance(other, Box) and "stale" not in other.slots:
                    self.write(other, "stale", Stale("another list", self.span))

    # --- emitting ----------------------------------------------------------------------------------------

    def fresh(self, type: Type, name: str | StateCell | None = None) -> Value:
        """A new value; its printed name is settled at the end."""
        value = Value(f"~{self.num_values}", type)
        self.num_values += 1
        if name is not None:
            self.names[value.name] = name
        return value

    def emit(
        self,
        op: str,
        inputs: tuple[Atom, ...] = (),
        outputs: tuple[Value, ...] = (),
        /,
        *,
        keys: tuple[str, ...] = (),
        attrs: Mapping[str, Attr] = NO_ATTRS,
        regions: tuple[Block, ...] = (),
        **more: Attr,
    ) -> Node:
        """Append a node at the current place of the user's source; its attributes come in either way."""
        node = Node(op, inputs, keys, tuple(sorted({**attrs, **more}.items())), regions, outputs, self.span)
        self.nodes.append(node)
        return node

    def host(
        self,
        op: str,
        /,
        *inputs: Atom,
        type: Type = DATA,
        keys: tuple[str, ...] = (),
        attrs: Mapping[str, Attr] = NO_ATTRS,
        **more: Attr,
    ) -> Value:
        """Emit a host op with one result."""
        self.live_touched |= op in ("method", "binary") and any(kind(i).name in ("any", "ref") for i in inputs)
        out = self.fresh(type)
        self.emit(op, inputs, (out,), keys=keys, attrs={**attrs, **more})
        if op in ("extern", "attr"):
            self.origins[out.name] = (op, *more.values(), *(self.origin(i) for i in inputs))
        return out

    def origin(self, atom: Atom) -> object:
        """The same for two values that surely are one live object."""
        return self.origins.get(atom.name, atom.name) if isinstance(atom, Value) else None

    def change(self, atom: Atom) -> None:
        """Say that a live object is changed in place."""
        self.changed.append(self.origin(atom))

    def emit_raise(self, stop: ProgramRaise) -> None:
        """End the current region by an exception."""
        fn = self.extern(stop.kind, "none")
        self.emit("raise", tuple(self.atom(a) for a in stop.arguments), fn=fn)

    def extern(self, obj: object, effect: str = "ordered", type: Type = ANY, *, raises: bool = True) -> str:
        """The symbol of a Python object; the object itself stays in a side table."""
        known = self._extern_ids.get((id(obj), effect))
        if known is not None:
            return known
        label = _label(obj)
        base = label.rsplit(".", 1)[-1].rsplit(" ", 1)[-1]
        base = base if base.isidentifier() else "object"
        name, num = base, 1
        while name in self.objects:
            num += 1
            name = f"{base}_{num}"
        self.externs[(name, effect)] = Extern(name, label, effect, raises, type)
        self.objects[name] = obj
        self._extern_ids[(id(obj), effect)] = name
        return name

    def call(
        self, fn: object, *inputs: Atom, effect: str = "ordered", type: Type = ANY, keys: tuple[str, ...] = ()
    ) -> Value:
        """Emit a call of a Python function."""
        self.live_touched |= effect != "none"
        return self.host("call", *inputs, type=type, keys=keys, fn=self.extern(fn, effect, type))

    # --- stand-ins to atoms ------------------------------------------------------------------------------

    def atom(self, x: Any) -> Atom:
        """A stand-in as an operand; what is not one value yet is made one here."""
        if isinstance(x, Sym):
            return x.value
        if is_literal(x):
            return Lit(x)
        if isinstance(x, Pieces):
            return self.text_value(x)
        if isinstance(x, StateCell):
            return self.state(x)
        if isinstance(x, Box):
            return self.box_value(x)
        if isinstance(x, tuple):
            return self.host("tuple", *(self.atom(i) for i in x))
        if isinstance(x, View):
            return self.view_value(x)
        if isinstance(x, range):
            return self.call(range, Lit(x.start), Lit(x.stop), Lit(x.step), effect="none", type=DATA)
        return self._odd_atom(x)

    def _odd_atom(self, x: Any) -> Atom:
        if isinstance(x, Unmergeable):
            raise graph_break(x.code, self.span, x.what)
        if isinstance(x, Expr):
            raise graph_break("LMC-GB006", self.span)
        if isinstance(x, Generator | Once):
            what = f"`{x.name}`" if isinstance(x, Once) else "a generator expression"
            raise graph_break("LMC-GB003", self.span, what)
        if isinstance(x, Closure | Method):
            raise graph_break("LMC-GB015", self.span, f"`{x.name}`")
        if isinstance(x, RoleBlock | Rows | Owner):
            raise graph_break("LMC-GB010", self.span, "an operation")
        return self.host("extern", type=REF, fn=self.extern(x))

    def text_value(self, x: Pieces) -> Atom:
        """Pieces as one str."""
        if not x.parts:
            return Lit("")
        if len(x.parts) == 1:
            part = x.parts[0]
            return part if isinstance(part, Value) else Lit(part)
        return self.host("concat", *(p if isinstance(p, Value) else Lit(p) for p in x.parts), type=STR)

    def box_value(self, box: Box) -> Value:
        """A container as one run-time value; its static structure stays as it is."""
        content = box.content
        if box.window is not None:
            source, order = box.window
            whole = self.box_value(source)
            return content if whole == box.seen else self.host("states_gather", whole, order, type=STATES)
        if isinstance(content, Value):
            return content
        if box.holds_states:
            return self.host("states", *(self.state(c) for c in content), type=STATES)
        if isinstance(content, dict):
            flat = [self.atom(x) for pair in content.items() for x in pair]
            return self.host("dict", *flat)
        return self.host("set_of" if box.kind == "set" else "list", *(self.atom(i) for i in content))

    def view_value(self, view: View) -> Value:
        """A view of a dict as it is now."""
        if view.value is not None and view.box.content is view.content:
            return view.value
        return self.host("method", self.box_value(view.box), type=DATA, name=view.name)

    # --- states ------------------------------------------------------------------------------------------

    def state(self, cell: StateCell) -> Value:
        """The SSA state a cell holds now."""
        if "stale" in cell.slots:
            stale = cell.slots["stale"]
            raise graph_break("LMC-GB005", self.span or stale.span, f"`{stale.name}`")
        if isinstance(cell, Element):
            read = self.fresh(STATE, cell)
            self.emit("states_item", (self.box_value(cell.box), self.atom(cell.index)), (read,))
            return read
        value: Value = cell.slots["value"]
        if value.type == MAYBE_STATE:
            sure = self.fresh(STATE, cell)
            self.emit("check", (value,), (sure,), name=cell.hint)
            self.write(cell, "value", sure)
            return sure
        return value

    def set_state(self, cell: StateCell, value: Value, *, keeps: bool = False) -> None:
        """Make a cell hold a new state; `keeps` says that the names set so far are still what they were."""
        if not isinstance(cell, Element):
            before = cell.slots["value"].name
            self.role.setdefault(value.name, self.role.get(before, ""))
            if keeps:
                self.known[value.name] = self.known.get(before, {})
        self._mark_stale(cell)
        if isinstance(cell, Element):
            out = self.fresh(STATES)
            self.emit("states_set", (self.box_value(cell.box), self.atom(cell.index), value), (out,))
            self.write(cell.box, "content", out)
        else:
            self.write(cell, "value", value)

    def _mark_stale(self, cell: StateCell) -> None:
        for other in cell.box.aliases if isinstance(cell, Element) else cell.aliases:
            if "stale" not in other.slots:
                self.write(other, "stale", Stale(cell.hint if isinstance(other, Box) else other.hint, self.span))

    def new_cell(self, value: Value, hint: str) -> StateCell:
        """A cell for a state."""
        cell = StateCell(self.born(), value, hint)
        self.names[value.name] = cell
        return cell

    def may_be(self, cell: Any, before: int) -> list[StateCell | Box]:
        """What a state or list may share something with, of what existed before."""
        if isinstance(cell, Element):
            cell = cell.box
        if isinstance(cell, Box) and cell.window is not None:
            return self.may_be(cell.window[0], before)
        every: tuple[Any, ...] = (cell, *cell.aliases) if isinstance(cell, StateCell | Box) else ()
        if isinstance(cell, Box) and _of_states(cell.slots["content"]) and isinstance(cell.slots["content"], tuple):
            every += cell.slots["content"]
        return [other for other in every if other.birth <= before]

    def alias(self, cell: StateCell | Box, others: list[StateCell | Box]) -> None:
        """Record that `cell` may be one of `others`."""
        for other in {id(o): o for o in others if o is not cell}.values():
            self.link(cell, other)

    def alias_box(self, box: Box, cells: tuple[StateCell, ...]) -> None:
        """Record that a run-time list of states may hold these, which have names of their own."""
        for cell in cells:
            self.link(box, cell)

    def link(self, a: Any, b: Any) -> None:
        """Record that two cells may be one, or may hold the same."""
        b = b.box if isinstance(b, Element) else b
        if a is b or b in a.aliases:
            return
        a.aliases.append(b)
        b.aliases.append(a)
        self.alias_log.append((a, b))

    def forget_aliases(self, since: int) -> None:
        """Take back the aliases recorded after `since`: that trace is thrown away."""
        while len(self.alias_log) > since:
            a, b = self.alias_log.pop()
            a.aliases.pop()
            b.aliases.pop()

    # --- branches ----------------------------------------------------------------------------------------

    def branch(self, cond: Value, then: Arm, other: Arm, *, ended: Frame | None = None) -> None:
        """Close two traced arms into an `if`, and write what they left behind.

        The function of the frame `ended` ends with them, so nobody reads its locals any more.
        """
        if then.raised and other.raised:
            self._emit_if(cond, then, other, [])
            raise ProgramRaise(AssertionError, ("unreachable",))
        merge = Merge(self, then, other)
        keys = dict.fromkeys((*then.outer_writes(), *other.outer_writes()))
        keys = {key: None for key in keys if key[0] is not ended or key[1] == "$ret"}
        news = [(key, merge.slot(*key)) for key in keys]
        self._emit_if(cond, then, other, merge.outs)
        for (owner, name), new in news:
            self.put(owner, name, new)
        merge.seal()
        if ended is not None:
            self.write(ended, "$exit", RETURN)

    def _emit_if(self, cond: Value, then: Arm, other: Arm, outs: list[tuple[Atom, Atom, Value]]) -> None:
        for arm, side in ((then, 0), (other, 1)):
            if not arm.raised:
                arm.nodes.append(Node("yield", tuple(o[side] for o in outs), span=self.span))
        regions = (Block((), tuple(then.nodes)), Block((), tuple(other.nodes)))
        self.emit("if", (cond,), tuple(o[2] for o in outs), regions=regions)

    def choose(self, cond: Value, then: Callable[[], Any], other: Callable[[], Any]) -> Any:
        """A conditional expression: trace both sides, give the merged value."""
        frame, result = Owner(self.born()), [UNBOUND]
        arms = Arm(self), Arm(self)
        for arm, side in zip(arms, (then, other)):
            arm.run(lambda side=side: self.write(frame, "it", side()))  # type: ignore[misc]
        del result
        self.branch(cond, *arms)
        return frame.slots.get("it")


class Merge:
    """Makes one stand-in of two: collects what each arm must yield."""

    def __init__(self, tracer: Tracer, a: Arm, b: Arm) -> None:
        self.tracer, self.a, self.b = tracer, a, b
        self.outs: list[tuple[Atom, Atom, Value]] = []
        self.made: dict[tuple[int, int], tuple[Any, Any, Any]] = {}  # what two cells or containers became
        self.sealed: dict[int, Box] = {}  # containers inside one that is run-time from here on

    def seal(self) -> None:
        """What is inside a run-time container must not change any more."""
        for x, y, both in self.made.values():
            if isinstance(both, Box) and (id(x) in self.sealed or id(y) in self.sealed):
                self.sealed[id(both)] = both
        for box in self.sealed.values():
            self.tracer.write(box, "frozen", True)

    def slot(self, owner: Owner, name: str) -> Any:
        """The merged content of a slot."""
        x, y = self.a.now(owner, name), self.b.now(owner, name)
        if self.a.raised or self.b.raised:
            x = y = y if self.a.raised else x
        label = f"`{name}`" if isinstance(owner, Frame) else f"`{getattr(owner, 'hint', 'this value')}`"
        if name == "content" and isinstance(owner, Box):
            merged = self._content(x, y, owner.kind, label)
            self._alias_elements(owner, merged, x, y)
            return merged
        if name == "value" and isinstance(owner, StateCell):
            return self._state_value(x, y, owner)
        if name in FLAGS:
            return x if x is not UNBOUND else y
        return self.value(x, y, label)

    def value(self, x: Any, y: Any, label: str) -> Any:
        """The merged stand-in, or an Unmergeable."""
        if x is y and (not self._local(x)):
            return x
        if is_ordinary(x) and is_ordinary(y) and type(x) is type(y) and is_literal(x) and repr(x) == repr(y):
            return x
        if isinstance(x, Unmergeable) or isinstance(y, Unmergeable):
            return x if isinstance(x, Unmergeable) else y
        if isinstance(x, StateCell | None) and isinstance(y, StateCell | None):
            return self._once(self._cells, x, y, label)
        if isinstance(x, Box) and isinstance(y, Box):
            return self._once(self._boxes, x, y, label)
        if type(x) is tuple and type(y) is tuple and len(x) == len(y):
            return self._tuple(x, y, label)
        if isinstance(x, Expr) or isinstance(y, Expr):
            return Unmergeable("LMC-GB006", label)
        if self._leaf(x, self.a) and self._leaf(y, self.b):
            return self._leaves(x, y, label)
        return Unmergeable("LMC-GB004", label)

    def _once(self, merge: Callable[[Any, Any, str], Any], x: Any, y: Any, label: str) -> Any:
        """Two names of one thing before are two names of one thing after."""
        key = id(x), id(y)
        if key not in self.made:
            self.made[key] = x, y, merge(x, y, label)
        return self.made[key][2]

    def _local(self, x: Any) -> bool:
        """Born in an arm (only possible for both sides when one of the arms raised): usable only through a yield."""
        if isinstance(x, Sym):
            return self.a.raised or self.b.raised
        if isinstance(x, Pieces | tuple):
            return self.a.raised or self.b.raised
        return isinstance(x, Owner) and x.birth > self.a.birth

    def _tuple(self, x: tuple[Any, ...], y: tuple[Any, ...], label: str) -> Any:
        merged = tuple(self.value(i, j, label) for i, j in zip(x, y))
        bad = next((m for m in merged if isinstance(m, Unmergeable)), None)
        return bad if bad is not None else merged

    def _leaf(self, x: Any, arm: Arm) -> bool:
        if x is UNBOUND or isinstance(x, Sym | Pieces) or is_literal(x):
            return True
        if isinstance(x, tuple):
            return all(self._leaf(i, arm) and i is not UNBOUND for i in x)
        if not isinstance(x, Box):
            return False
        content = arm.now(x, "content")
        if isinstance(content, Value):
            return not content.type.is_state
        return all(self._leaf(i, arm) for i in (content.values() if isinstance(content, dict) else content))

    def _leaves(self, x: Any, y: Any, label: str) -> Any:
        p, q = self._in(self.a, x), self._in(self.b, y)
        shared = join(kind(p), kind(q))
        if shared is None:
            return Unmergeable("LMC-GB004", label)
        for one in (x, y):
            self.sealed.update((id(box), box) for box in boxes_in(one))
        return wrap(self.tracer, self._yield(p, q, shared, label.strip("`")), borrowed=True)

    def _yield(self, p: Atom, q: Atom, type: Type, name: str | StateCell | None = None) -> Value:
        for had_p, had_q, out in self.outs:
            if had_p == p and had_q == q:
                return out
        if isinstance(name, str) and (not name.isidentifier() or name == "it"):
            name = None
        out = self.tracer.fresh(type, name)
        self.outs.append((p, q, out))
        return out

    def _in(self, arm: Arm, x: Any) -> Atom:
        if x is UNBOUND:
            return Lit(UNSET)
        if isinstance(x, Sym):
            return x.value
        if is_literal(x):
            return Lit(x)
        if arm.raised:
            arm = self.b if arm is self.a else self.a
        with arm.open():
            return self.tracer.atom(x)

    def _cells(self, x: StateCell | None, y: StateCell | None, label: str) -> Any:
        if x is y is None:
            return None
        hint = next(c.hint for c in (x, y) if c is not None)
        p, q = self._in(self.a, x), self._in(self.b, y)
        if isinstance(p, Value) and isinstance(q, Value):
            self._check_roles(p, q)
        sure = isinstance(p, Value) and isinstance(q, Value) and MAYBE_STATE not in (p.type, q.type)
        shared = STATE if sure else MAYBE_STATE
        name = label.strip("`")
        cell = self.tracer.new_cell(self._yield(p, q, shared), name if name.isidentifier() and name != "it" else hint)
        self.tracer.alias(cell, [o for c in (x, y) for o in self.tracer.may_be(c, self.a.birth)])
        return cell

    def _state_value(self, x: Value, y: Value, cell: StateCell) -> Value:
        if x == y and not (self.a.raised or self.b.raised):
            return x
        self._check_roles(x, y)
        out = self._yield(x, y, MAYBE_STATE if MAYBE_STATE in (x.type, y.type) else STATE, cell)
        known = self.tracer.known
        left, right = known.get(x.name, {}), known.get(y.name, {})
        self.tracer.role[out.name] = self.tracer.role.get(x.name, "")
        if not (self.a.raised or self.b.raised):
            known[out.name] = {k: v for k, v in left.items() if right.get(k) == v}
        return out

    def _check_roles(self, x: Value, y: Value) -> None:
        role = self.tracer.role
        if role.get(x.name, "") != role.get(y.name, ""):
            raise graph_break("LMC-GB014", self.tracer.span)

    def _boxes(self, x: Box, y: Box, label: str) -> Any:
        kinds = {x.kind, y.kind}
        if len(kinds) > 1 and kinds != {"list", "group"} and "data" not in kinds:
            return Unmergeable("LMC-GB004", label)
        form = y.kind if x.kind == "data" else x.kind  # of data no structure is known
        content = self._content(self._held(self.a, x), self._held(self.b, y), form, label)
        if isinstance(content, Unmergeable):
            return content
        old = [o for b in (x, y) for o in self.tracer.may_be(b, self.a.birth)]
        box = Box(self.tracer.born(), "data" if "data" in kinds else x.kind, content, borrowed=bool(old))
        self._alias_elements(box, content, self._held(self.a, x), self._held(self.b, y))
        self.tracer.alias(box, old)
        return box

    def _held(self, arm: Arm, box: Box) -> Any:
        return arm.now(box, "content") if box.window is None else self._in(arm, box)

    def _alias_elements(self, box: Box, merged: Any, *contents: Any) -> None:
        """A list of states that is run-time from here on may hold states that have names of their own."""
        if isinstance(merged, Value) and merged.type.is_state:
            for content in contents:
                if isinstance(content, tuple):
                    self.tracer.alias_box(box, content)

    def _content(self, x: Any, y: Any, form: str, label: str) -> Any:
        if isinstance(x, Unmergeable) or isinstance(y, Unmergeable):
            return x if isinstance(x, Unmergeable) else y
        if isinstance(x, tuple) and isinstance(y, tuple) and len(x) == len(y):
            return self._tuple(x, y, label)
        if isinstance(x, dict) and isinstance(y, dict) and list(x) == list(y):
            merged = {k: self.value(x[k], y[k], label) for k in x}
            bad = next((m for m in merged.values() if isinstance(m, Unmergeable)), None)
            return bad if bad is not None else merged
        for one in (x, y):
            self.sealed.update((id(box), box) for box in boxes_in(one))
        p, q = self._run_time(self.a, x, y, form), self._run_time(self.b, y, x, form)
        shared = join(kind(p), kind(q))
        if shared is None:
            return Unmergeable("LMC-GB004", label)
        return self._yield(p, q, shared)

    def _run_time(self, arm: Arm, content: Any, other: Any, form: str) -> Atom:
        if isinstance(content, Value):
            return content
        if arm.raised:
            arm = self.b if arm is self.a else self.a
        with arm.open():
            if not content and _of_states(other):
                return self.tracer.host("states", type=STATES)
            return self.tracer.box_value(Box(0, form, content))


def boxes_in(x: Any) -> Iterator[Box]:
    """The containers inside a container's content, and in them."""
    parts = x.values() if isinstance(x, dict) else x if isinstance(x, tuple) else ()
    for part in parts:
        if isinstance(part, Box):
            yield part
            yield from boxes_in(part.slots["content"])
        elif isinstance(part, tuple):
            yield from boxes_in(part)


def _of_states(content: Any) -> bool:
    if isinstance(content, Value):
        return content.type.is_state
    return isinstance(content, tuple) and bool(content) and all(isinstance(c, StateCell) for c in content)


def wrap(tracer: Tracer, value: Value, *, borrowed: bool = False, kind: str = "data") -> Any:
    """The stand-in of a run-time value: a mutable one gets a Box, so that its aliases see what is done to it."""
    if value.type == STATES:
        return Box(tracer.born(), "list", value, borrowed=borrowed)
    if value.type.is_state:
        return tracer.new_cell(value, "s")
    if value.type == DATA:
        return Box(tracer.born(), kind, value, borrowed=borrowed)
    return Sym(value)


def kind(atom: Atom) -> Type:
    """The type of an operand."""
    return atom.type if isinstance(atom, Value) else type_of(atom.value)


def ordinary(fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Compute on ordinary values at trace time; an exception is the program's own."""
    try:
        return fn(*args, **kwargs)
    except Exception as error:
        raise ProgramRaise(type(error), error.args if is_literal(error.args) else (str(error),)) from None


def _label(obj: object) -> str:
    module = getattr(obj, "__module__", None)
    name = getattr(obj, "__qualname__", None)
    if name is not None and BUILTINS.get(name) is not None and BUILTINS[name].fn is obj:
        return f"builtins.{name}"
    if isinstance(module, str) and isinstance(name, str):
        code = getattr(obj, "__code__", None)
        if code is not None and "<locals>" in name:
            return f"{code.co_filename.rsplit('/', 1)[-1]}:{code.co_firstlineno} {name.rsplit('.', 1)[-1]}"
        return f"{module}.{name}"
    return f"{type(obj).__module__}.{type(obj).__qualname__} object"
