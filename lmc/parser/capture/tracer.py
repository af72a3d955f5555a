"""The tracer: emits nodes into the region at hand, and logs what is written, so that it can be put back or merged.

It knows nothing of Python syntax, the rules drive it. Three things it keeps make all the rest simple:

* Every change of a cell goes through `write`, which notes in the innermost journal what the field held before. So what
  a region did is exactly what its journal says, and leaving the region is putting those fields back (`Arm.open`). No
  rule looks into an AST to find out what a branch might change.
* `birth` numbers order cells against regions: a region hands on what it wrote to cells that are older than itself. What
  is younger is garbage when it ends, unless something older holds it.
* Aliases. When two states are merged, the merged cell may be the same state as either. Such cells are linked, and
  writing to one makes the others *stale*: reading a stale cell is a graph break, never a wrong answer.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import BuiltinFunctionType, FunctionType, MethodDescriptorType, MethodType, ModuleType
from typing import TypeVar

from lmc.codes import CHOSEN_EXPRESSION, DEFERRED, FUNCTION_GIVEN_AWAY, STALE_STATE, STATE_GIVEN_AWAY
from lmc.ir.builtins import BUILTINS
from lmc.ir.graph import Atom, Attr, Block, Extern, Lit, Node, Param, Value
from lmc.ir.output import OutputType
from lmc.ir.types import ANY, DATA, MAYBE_STATE, REF, STATE, STATES, STR, Type, type_of
from lmc.parser.capture.breaks import graph_break
from lmc.parser.capture.looking import is_a, is_quiet
from lmc.parser.capture.values import (
    UNBOUND,
    Cell,
    Choice,
    Closure,
    Columns,
    Container,
    DictView,
    Element,
    Generator,
    LazyStr,
    Method,
    Once,
    Owner,
    PartialCall,
    RoleBlock,
    Stale,
    StandIn,
    StateCell,
    Super,
    Sym,
    Tracked,
    Unmergeable,
    is_literal,
    same_literal,
    states_in,
)
from lmc.parser.primitives import Expr
from lmc.source import Span

Result = TypeVar("Result")
Key = tuple[Owner, str]
NO_ATTRS: Mapping[str, Attr] = {}
FLAGS = ("stale", "frozen", "used", "resized", "shown")  # fields that only matter where they are set
_SAYS = frozenset(("append", "as_text", "concat", "format", "gen", "select"))  # with these a number is only written
RUNNING, BREAK, CONTINUE, RETURN = range(4)  # the field `$exit` of a frame


class Escapes(Exception):
    """An object that is followed gets where it cannot be: the program is traced anew, with its maker left to Python."""

    def __init__(self, maker: object) -> None:
        super().__init__(maker)
        self.maker = maker


class ProgramRaise(Exception):
    """The traced program surely raises here; unwinds to the region it stands in."""

    def __init__(self, kind: object, args: tuple[StandIn, ...] = ()) -> None:
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
        # never `==` on objects of the user's: that would run their code, and an equal object may behave otherwise
        if now is self.value or type(now) is not type(self.value):
            return now is self.value
        if isinstance(now, MethodType | BuiltinFunctionType):  # a new object each time it is read
            return now == self.value
        return same_literal(now, self.value)


class Arm:
    """A region being traced: its nodes, and what it wrote. May be entered again to go on where it stopped."""

    __slots__ = ("birth", "first_value", "nodes", "raised", "tracer", "writes")

    def __init__(self, tracer: Tracer) -> None:
        self.tracer = tracer
        # what is born later is this region's own: others hold it only through what the region writes
        self.birth = tracer.clock
        self.first_value = tracer.num_values  # values with this number or above were made in here, or later
        self.nodes: list[Node] = []
        self.writes: dict[Key, StandIn] = {}
        self.raised = False

    def run(self, body: Callable[[], None]) -> None:
        """Trace `body` into this region, then put every field back as it was."""
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
            # entered again: the world is as this region left it
            for (owner, name), new in self.writes.items():
                tracer.put(owner, name, new)
            yield
        finally:
            tracer.nodes = outer
            # the journal has what each field held when the region was entered, whatever was written in between
            for (owner, name), old in tracer.journals.pop().items():
                self.writes[(owner, name)] = owner.fields.get(name, UNBOUND)
                _put(owner, name, old)

    def now(self, owner: Owner, name: str) -> StandIn:
        """What a field holds at the end of this region."""
        return self.writes.get((owner, name), owner.fields.get(name, UNBOUND))

    def commit(self) -> None:
        """Make this region's nodes and writes those of the region around it."""
        self.tracer.nodes.extend(self.nodes)
        # put, not written: what had to go stale did so while it was traced
        for (owner, name), new in self.writes.items():
            self.tracer.put(owner, name, new)

    def outer_writes(self) -> dict[Key, StandIn]:
        """The writes to what existed before this region."""
        return {key: new for key, new in self.writes.items() if key[0].birth <= self.birth}


def _put(owner: Owner, name: str, value: StandIn) -> None:
    # a field that was not there is not there again: rules ask whether it is
    if value is UNBOUND:
        owner.fields.pop(name, None)
    else:
        owner.fields[name] = value


class Tracer:
    """Builds one graph."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.journals: list[dict[Key, StandIn]] = [{}]
        self.clock = 0
        self.span: Span | None = None
        self.externs: dict[tuple[str, str], Extern] = {}
        self.objects: dict[str, object] = {}
        self._extern_ids: dict[tuple[int, str], str] = {}
        self.guards: list[Guard] = []
        self.params: dict[tuple[str | int, ...], Param] = {}
        self.names: dict[str, str | StateCell] = {}
        self.known: dict[str, dict[str, Atom]] = {}
        self.numbers: dict[str, tuple[str | int, ...]] = {}  # arguments that are whole numbers, by name of the value
        self.used_numbers: set[str] = set()  # those that something was computed with
        self.num_values = 0
        self.has_called = False  # a model call stands in the graph
        self.is_timing = False  # and a clock was read after it
        self.live_touched = False  # something may have changed an argument or another object of the user's
        self.origins: dict[str, object] = {}  # of the values read from outside: where they were read
        self.changed: list[object] = []  # the origins of the live objects that the program itself has changed
        self.role: dict[str, str] = {}
        self.alias_log: list[tuple[Cell, Cell]] = []

    # --- fields ------------------------------------------------------------------------------------------

    def born(self) -> int:
        """The birth number of a new cell."""
        self.clock += 1
        return self.clock

    def put(self, owner: Owner, name: str, value: StandIn) -> None:
        """Write down in a field what was changed in a region that is over, and has made stale what it must."""
        self.journals[-1].setdefault((owner, name), owner.fields.get(name, UNBOUND))
        _put(owner, name, value)

    def write(self, owner: Owner, name: str, value: StandIn) -> None:
        """Change a field; the regions being traced remember what it was, lists that may be the same go stale."""
        self.put(owner, name, value)
        if name == "content" and isinstance(owner, Container):
            for other in owner.aliases:
                # the first change stays the one that a message names
                if isinstance(other, Container) and "stale" not in other.fields:
                    self.write(other, "stale", Stale("another list", self.span))
        if isinstance(owner, Tracked) and name.startswith("."):
            for other in owner.aliases:
                if "stale" not in other.fields:
                    self.write(other, "stale", Stale(f"an object of {owner.cls.__name__}", self.span))

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
        if self.numbers and op not in _SAYS:
            self.used_numbers.update(i.name for i in inputs if isinstance(i, Value) and i.name in self.numbers)
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
        # this runs code of the user's, which may change any live object, not only this one
        self.live_touched |= op in ("method", "binary") and any(kind(i).name in ("any", "ref") for i in inputs)
        out = self.fresh(type)
        self.emit(op, inputs, (out,), keys=keys, attrs={**attrs, **more})
        if op in ("extern", "attr"):
            self.origins[out.name] = (op, *more.values(), *(self.origin(i) for i in inputs))
        return out

    def origin(self, atom: Atom) -> object:
        """Where a value was read from: alike for two values that surely are one live object."""
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
        # by identity: the `append` of two lists has one qualified name, and is two objects
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

    def atom(self, x: StandIn) -> Atom:
        """A stand-in as an operand; what is not one value yet is made one here."""
        if isinstance(x, Sym):
            return x.value
        if is_literal(x):
            return Lit(x)
        if isinstance(x, LazyStr):
            return self.text_value(x)
        if isinstance(x, StateCell):
            return self.state(x)
        if isinstance(x, Container):
            return self.container_value(x)
        if isinstance(x, tuple):
            return self.host("tuple", *(self.atom(i) for i in x))
        if isinstance(x, DictView):
            return self.view_value(x)
        if isinstance(x, range):
            return self.call(range, Lit(x.start), Lit(x.stop), Lit(x.step), effect="none", type=DATA)
        return self._odd_atom(x)

    def _odd_atom(self, x: StandIn) -> Atom:
        if isinstance(x, Unmergeable):
            raise graph_break(x.code, self.span, x.what)
        if isinstance(x, Expr):
            raise graph_break(CHOSEN_EXPRESSION, self.span)
        if isinstance(x, Generator | Once):
            what = f"`{x.name}`" if isinstance(x, Once) else "a generator expression"
            raise graph_break(DEFERRED, self.span, what)
        if isinstance(x, Tracked):
            raise Escapes(x.cls)
        if isinstance(x, PartialCall | Super):
            raise Escapes(_maker(x))
        if isinstance(x, Choice):
            every = self.host("tuple", *(self.atom(option) for option in x.options))
            return self.host("item", every, x.index, type=ANY)
        if isinstance(x, Closure | Method):
            raise graph_break(FUNCTION_GIVEN_AWAY, self.span, f"`{x.name}`")
        if isinstance(x, RoleBlock | Columns | Owner):
            raise graph_break(STATE_GIVEN_AWAY, self.span, "an operation")
        return self.host("extern", type=REF, fn=self.extern(x))

    def text_value(self, x: LazyStr) -> Atom:
        """LazyStr as one str."""
        if not x.parts:
            return Lit("")
        if len(x.parts) == 1:
            part = x.parts[0]
            return part if isinstance(part, Value) else Lit(part)
        return self.host("concat", *(p if isinstance(p, Value) else Lit(p) for p in x.parts), type=STR)

    def container_value(self, container: Container) -> Value:
        """A container as one run-time value; its static structure stays as it is."""
        content = container.content
        # a part of a list of states shares them with it: gathered anew where the whole has changed since
        if container.window is not None:
            source, order = container.window
            whole = self.container_value(source)
            assert isinstance(content, Value)
            return content if whole == container.seen else self.host("states_gather", whole, order, type=STATES)
        if isinstance(content, Value):
            return content
        if container.holds_states:
            return self.host("states", *(self.state(c) for c in states_in(content)), type=STATES)
        if isinstance(content, dict):
            flat = [self.atom(x) for pair in content.items() for x in pair]
            return self.host("dict", *flat)
        return self.host("set_of" if container.kind == "set" else "list", *(self.atom(i) for i in content))

    def view_value(self, view: DictView) -> Value:
        """A view of a dict as it is now."""
        # by identity: every change puts a new content there, however like the old one
        if view.value is not None and view.container.content is view.content:
            return view.value
        return self.host("method", self.container_value(view.container), type=DATA, name=view.name)

    def value_atom(self, x: StandIn) -> Atom:
        """An operand that must not be a state."""
        if _holds_state(x):
            raise graph_break(STATE_GIVEN_AWAY, self.span, "an operation on text and values")
        return self.atom(x)

    # --- states ------------------------------------------------------------------------------------------

    def state(self, cell: StateCell) -> Value:
        """The SSA state a cell holds now."""
        if "stale" in cell.fields:
            stale = cell.stale
            assert stale is not None
            raise graph_break(STALE_STATE, self.span or stale.span, f"`{stale.name}`")
        if isinstance(cell, Element):
            # read anew each time, as a write by another index may have been to the same state
            read = self.fresh(STATE, cell)
            self.emit("states_item", (self.container_value(cell.container), self.atom(cell.index)), (read,))
            return read
        value = cell.value
        if value.type == MAYBE_STATE:
            sure = self.fresh(STATE, cell)
            self.emit("check", (value,), (sure,), name=cell.hint)
            # checked once: from here on in this region the cell surely holds a state
            self.write(cell, "value", sure)
            return sure
        return value

    def set_state(self, cell: StateCell, value: Value, *, keeps: bool = False) -> None:
        """Make a cell hold a new state; `keeps` says that the names set so far are still what they were."""
        if not isinstance(cell, Element):
            before = cell.value.name
            # unless the rule has said it: a turn may begin or end with the new value
            self.role.setdefault(value.name, self.role.get(before, ""))
            if keeps:
                self.known[value.name] = self.known.get(before, {})
        # before the write: it is what the others may share that changes now
        self._mark_stale(cell)
        if isinstance(cell, Element):
            out = self.fresh(STATES)
            self.emit("states_set", (self.container_value(cell.container), self.atom(cell.index), value), (out,))
            self.write(cell.container, "content", out)
        else:
            self.write(cell, "value", value)

    def _mark_stale(self, cell: StateCell) -> None:
        for other in cell.container.aliases if isinstance(cell, Element) else cell.aliases:
            if "stale" not in other.fields:
                self.write(other, "stale", Stale(other.hint if isinstance(other, StateCell) else cell.hint, self.span))

    def new_cell(self, value: Value, hint: str) -> StateCell:
        """A cell for a state."""
        cell = StateCell(self.born(), value, hint)
        self.names[value.name] = cell
        return cell

    def may_be(self, cell: StandIn, before: int) -> list[Cell]:
        """What a state or list may share something with, of what existed before."""
        if isinstance(cell, Element):
            cell = cell.container
        if isinstance(cell, Container) and cell.window is not None:
            return self.may_be(cell.window[0], before)
        if not isinstance(cell, StateCell | Container | Tracked):
            return []
        # what is younger ends with its region, and nobody writes to it any more
        elements = states_in(cell.fields["content"]) if isinstance(cell, Container) else ()
        return [other for other in (cell, *cell.aliases, *elements) if other.birth <= before]

    def alias(self, cell: Cell, others: list[Cell]) -> None:
        """Record that `cell` may be one of `others`."""
        for other in {id(o): o for o in others if o is not cell}.values():
            self.link(cell, other)

    def alias_elements(self, container: Container, content: StandIn) -> None:
        """Record that a run-time list of states may hold those of a list, which have names of their own."""
        for cell in states_in(content):
            self.link(container, cell)

    def link(self, a: Cell, b: Cell) -> None:
        """Record that two cells may be one, or may hold the same."""
        b = b.container if isinstance(b, Element) else b
        if a is b or b in a.aliases:
            return
        a.aliases.append(b)
        b.aliases.append(a)
        self.alias_log.append((a, b))

    def forget_aliases(self, since: int) -> None:
        """Take back the aliases recorded after `since`: that trace is thrown away."""
        while len(self.alias_log) > since:
            # links were appended to both in the order of the log, so the last of each is this one
            a, b = self.alias_log.pop()
            a.aliases.pop()
            b.aliases.pop()


def wrap(tracer: Tracer, value: Value, *, borrowed: bool = False, kind: str = "data") -> StandIn:
    """The stand-in of a run-time value: a mutable one gets a Container, so that its aliases see what is done to it."""
    if value.type == STATES:
        return Container(tracer.born(), "list", value, borrowed=borrowed)
    if value.type.is_state:
        return tracer.new_cell(value, "s")
    if value.type == DATA:
        return Container(tracer.born(), kind, value, borrowed=borrowed)
    return Sym(value)


def _maker(x: PartialCall | Super) -> object:
    """What made an object that is bound: its class, or `functools.partial`."""
    first = x.owner if isinstance(x, Super) else next(iter(x.args), None)
    return first.cls if isinstance(first, Tracked) else functools.partial


def kind(atom: Atom) -> Type:
    """The type of an operand."""
    return atom.type if isinstance(atom, Value) else type_of(atom.value)


def ordinary(fn: Callable[..., Result], *args: StandIn, **kwargs: StandIn) -> Result:
    """Compute on ordinary values at trace time; an exception is the program's own."""
    try:
        return fn(*args, **kwargs)
    except Exception as error:
        # what cannot stand in the graph as a literal is told in words
        said: tuple[object, ...] = error.args
        raise ProgramRaise(type(error), said if is_literal(error.args) else (str(error),)) from None


# what has a name of its own, to be read without running code of the user's
_NAMED = (type, FunctionType, BuiltinFunctionType, MethodType, MethodDescriptorType, ModuleType)


def _label(obj: object) -> str:
    if isinstance(obj, OutputType):
        return f"type {obj.name}"
    if not (is_a(obj, _NAMED) and is_quiet(obj)):
        return f"{type(obj).__module__}.{type(obj).__qualname__} object"
    module = getattr(obj, "__module__", None)
    name = getattr(obj, "__qualname__", None)
    if name is not None and BUILTINS.get(name) is not None and BUILTINS[name].fn is obj:
        return f"builtins.{name}"
    if isinstance(module, str) and isinstance(name, str):
        code = getattr(obj, "__code__", None)
        # a function made in a function: others made there have the same qualified name
        if code is not None and "<locals>" in name:
            return f"{code.co_filename.rsplit('/', 1)[-1]}:{code.co_firstlineno} {name.rsplit('.', 1)[-1]}"
        return f"{module}.{name}"
    return f"{type(obj).__module__}.{type(obj).__qualname__} object"


class NeedLift(Exception):
    """A name bound only in the loop's body is read before it is bound: it must be carried."""

    def __init__(self, marker: NotLifted) -> None:
        super().__init__(marker.key[1])
        self.marker = marker


class NotLifted:
    """Stands in a name's field at the start of a turn while the name is not carried."""

    __slots__ = ("key", "region")

    def __init__(self, key: Key, region: object) -> None:
        self.key, self.region = key, region


def _holds_state(x: StandIn) -> bool:
    if isinstance(x, tuple):
        return any(_holds_state(i) for i in x)
    if isinstance(x, Container) and x.is_static:
        return any(_holds_state(i) for i in x.parts)
    return isinstance(x, StateCell) or (isinstance(x, Container) and x.holds_states)
