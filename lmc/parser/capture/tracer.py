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

import copy
import functools
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import (
    BuiltinFunctionType,
    BuiltinMethodType,
    FunctionType,
    MethodDescriptorType,
    MethodType,
    MethodWrapperType,
    ModuleType,
)
from typing import Protocol, TypeGuard, TypeVar, cast

from lmc.codes import (
    CHANGED_IN_PLACE,
    DEFERRED,
    FUNCTION_GIVEN_AWAY,
    NO_RULE,
    SET_ORDER,
    STALE_STATE,
    STATE_GIVEN_AWAY,
    UNTAKEN_EXPRESSION,
)
from lmc.errors import CaptureError, LMError
from lmc.ir.builtins import BUILTINS, PURE
from lmc.ir.graph import Atom, Attr, Block, Extern, Lit, Node, Param, Value
from lmc.ir.layers import Layers
from lmc.ir.ops import AUGMENTED, OPS
from lmc.ir.output import OutputType
from lmc.ir.types import ANY, DATA, MAYBE_STATE, REF, STATE, STATES, STR, Type, type_of
from lmc.parser.capture.breaks import graph_break
from lmc.parser.capture.contents import NOTHING, Contents, Object, Objects
from lmc.parser.capture.looking import is_a, is_quiet
from lmc.parser.capture.values import (
    ARGUMENTS,
    PART,
    UNBOUND,
    Cell,
    Choice,
    Closure,
    Columns,
    Container,
    DictView,
    Element,
    Escapes,
    FixedProgram,
    Generator,
    InnerProgram,
    LazyStr,
    Manager,
    Method,
    Once,
    Owner,
    PartialCall,
    RoleBlock,
    Site,
    Stale,
    StandIn,
    StateCell,
    Super,
    Sym,
    Tracked,
    Unmergeable,
    has_state,
    is_literal,
    is_ordinary,
    parts_of,
    plain,
    same_literal,
    set_order,
    states_in,
)
from lmc.parser.primitives import Expr
from lmc.source import Span

_BOUND = (MethodType, BuiltinMethodType, MethodWrapperType)
Result = TypeVar("Result")
Key = tuple[Owner, str]
NO_ATTRS: Mapping[str, Attr] = {}
NOTHING_KNOWN: Layers[str, Atom] = Layers()
# fields that only matter where they are set; a `$` stands in no name of the user's
FLAGS = ("$stale", "$frozen", "$used", "$resized", "$shown", "$scrambled")
NO_KEYWORDS: Mapping[str, StandIn] = {}
_SAYS = frozenset(("append", "as_text", "concat", "format", "gen", "select"))  # with these a number is only written
# what gives parts of its operands, or something new that holds them
_TAME_OPS = frozenset(("list", "dict", "set_of", "tuple", "item", "slice", "method", "binary"))
_HASHED = (type, FunctionType, BuiltinFunctionType, MethodDescriptorType)
_TAME_CALLS = frozenset((*PURE, *AUGMENTED.values(), operator.setitem, operator.delitem, copy.deepcopy))
RUNNING, BREAK, CONTINUE, RETURN = range(4)  # the field `$exit` of a frame


class ProgramRaise(Exception):
    """The traced program surely raises here; unwinds to the region it stands in."""

    def __init__(
        self, kind: object, args: tuple[StandIn, ...] = (), keywords: Mapping[str, StandIn] = NO_KEYWORDS
    ) -> None:
        super().__init__(kind)
        self.kind, self.arguments, self.keywords = kind, args, keywords
        self.span: Span | None = None  # where, once it has left that function


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
        if isinstance(now, _BOUND):  # a new object each time it is read; equal where it is the same of the same object
            return now == self.value
        return same_literal(now, self.value)


class MakeLive(Exception):
    """The trace must begin anew with what is made at these places as live objects, from where they are made."""

    def __init__(self, sites: frozenset[Site], span: Span | None) -> None:
        super().__init__(sites)
        self.sites, self.span = sites, span
        self.error: CaptureError | None = None  # what to say where that does not help


@dataclass(frozen=True, slots=True)
class MadeOf:
    """What a value was made of; `is_repeated`: one run may make it again and again of the same container."""

    of: Container
    is_repeated: bool


class Arm:
    """A region being traced: its nodes, and what it wrote. May be entered again to go on where it stopped.

    sure    what is traced in it happens whenever the region around it does: it is committed whole, or dropped
    again   a run may go through it many times
    """

    __slots__ = ("again", "birth", "first_value", "handed", "nodes", "raised", "sure", "tracer", "tries", "writes")

    def __init__(self, tracer: Tracer, *, sure: bool = False, again: bool = False) -> None:
        self.tracer, self.sure, self.again = tracer, sure, again
        # what is born later is this region's own: others hold it only through what the region writes
        self.birth = tracer.clock
        self.first_value = tracer.num_values  # values with this number or above were made in here, or later
        self.nodes: list[Node] = []
        self.writes: dict[Key, StandIn] = {}
        self.raised = False
        self.tries = tracer.tries
        self.handed: object = None  # entered again: what the handler around it was handed last

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
        tracer, outer, around = self.tracer, self.tracer.nodes, self.tracer.region_birth
        handed, tries, turn = tracer.handed, tracer.tries, tracer.turn_birth
        tracer.nodes, tracer.tries = self.nodes, self.tries
        tracer.handed = self.handed if self.handed is not None else handed
        tracer.journals.append({})
        tracer.region_birth = around if self.sure else self.birth
        tracer.turn_birth = self.birth if self.again else turn
        try:
            # entered again: the world is as this region left it
            for (owner, name), new in self.writes.items():
                tracer.put(owner, name, new)
            yield
        finally:
            tracer.nodes, tracer.tries, tracer.region_birth, tracer.turn_birth = outer, tries, around, turn
            self.handed, tracer.handed = tracer.handed, handed
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


class Watcher(Protocol):
    """The body of a `try` that is being traced."""

    def may_fail(self) -> None:
        """Called in front of a node that may fail."""


class Tracer:
    """Builds one graph.

    tries   the bodies of `try` that this stands in, outermost first
    handed  what the handler of the innermost would be handed now, None outside of one
    unread  names of values that a call may not have given, and of which no node has made sure
    cleaning  names of values that do something when nobody holds them any more
    """

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
        self.known: dict[str, Layers[str, Atom]] = {}  # of a state: its names, where they surely are one value
        self.numbers: dict[str, tuple[str | int, ...]] = {}  # arguments that are whole numbers, by name of the value
        self.used_numbers: set[str] = set()  # those that something was computed with
        self.num_values = 0
        self.has_called = False  # a model call stands in the graph
        self.is_timing = False  # and a clock was read after it
        self.live_touched = False  # something may have changed an argument or another object of the user's
        self.tame: set[str] = set()  # live objects that surely are lists, dicts and sets of plain things, by name
        self.origins: dict[str, object] = {}  # of the values read from outside: where they were read
        self.changed: list[object] = []  # the origins of the live objects that the program itself has changed
        self.role: dict[str, str] = {}
        self.alias_log: list[tuple[Cell, Cell]] = []
        self.region_birth = -1  # when the innermost region began that a run may leave out, or go through many times
        self.turn_birth = -1  # the same of the innermost region that a run may go through many times
        self.copies: dict[str, MadeOf] = {}  # by the name of the value
        self.live_sites: frozenset[Site] = frozenset()  # see `MakeLive`
        self.contents = Contents(self._born_here)
        self.places: dict[Object, Site] = {}  # where objects were made
        self.boxes: list[Container] = []  # containers that have held a run-time value
        self.owners: dict[Object, Container] = {}  # objects by what was the first to hold them
        self.arguments: list[Container] = []  # all containers among the arguments
        self.tries: tuple[Watcher, ...] = ()
        self.handed: object = None
        self.unread: set[str] = set()
        self.untold = False  # an AttributeError may not say whose it is
        self.cleaning: set[str] = set()

    # --- fields ------------------------------------------------------------------------------------------

    def born(self) -> int:
        """The birth number of a new cell."""
        self.clock += 1
        return self.clock

    def put(self, owner: Owner, name: str, value: StandIn) -> None:
        """Write down in a field what was changed in a region that is over, and has made stale what it must."""
        self.journals[-1].setdefault((owner, name), owner.fields.get(name, UNBOUND))
        _put(owner, name, value)
        if name == "content" and isinstance(owner, Container) and isinstance(value, Value):
            self.boxes.append(owner)

    def write(self, owner: Owner, name: str, value: StandIn) -> None:
        """Change a field; the regions being traced remember what it was, lists that may be the same go stale."""
        if name == "content" and isinstance(owner, Container):
            had = set(map(id, parts_of(owner.fields["content"])))
            self.check_no_cycle(owner, (part for part in parts_of(value) if id(part) not in had))
        self.put(owner, name, value)
        if name == "content" and isinstance(owner, Container):
            for other in owner.aliases:
                # the first change stays the one that a message names
                if isinstance(other, Container) and "$stale" not in other.fields:
                    self.write(other, "$stale", Stale("another list", self.span))
        if isinstance(owner, Tracked) and name.startswith("."):
            for other in owner.aliases:
                if "$stale" not in other.fields:
                    self.write(other, "$stale", Stale(f"an object of {owner.cls.__name__}", self.span))

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
        row = OPS[op]
        if self.tries and (row.raises or (row.kind == "host" and op != "extern") or self._may_be_refused(op, inputs)):
            self.tries[-1].may_fail()
        if row.kind in ("model", "region"):
            self.leave_unread(outputs)
        if self.numbers and op not in _SAYS:
            self.used_numbers.update(i.name for i in inputs if isinstance(i, Value) and i.name in self.numbers)
        node = Node(op, inputs, keys, tuple(sorted({**attrs, **more}.items())), regions, outputs, self.span)
        self.nodes.append(node)
        if not regions:
            self.contents.follow(node)
        return node

    def _may_be_refused(self, op: str, inputs: tuple[Atom, ...]) -> bool:
        """True for a turn that may not begin or end there: inside another, or by the template."""
        state = inputs[0] if inputs else None
        return op == "role_begin" or (op == "role_end" and isinstance(state, Value) and not self.role.get(state.name))

    def leave_unread(self, values: Iterable[Value]) -> None:
        """Note that these may be what a call should have said, of which nobody has made sure."""
        self.unread.update(value.name for value in values if not value.type.is_state)

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
        self.live_touched |= op in ("method", "binary") and not all(map(self.is_tame, inputs))
        out = self.fresh(type)
        if op in _TAME_OPS:
            self.keep_tame(out, *inputs)
        self.emit(op, inputs, (out,), keys=keys, attrs={**attrs, **more})
        if op in ("extern", "attr"):
            self.origins[out.name] = (op, *more.values(), *(self.origin(i) for i in inputs))
        return out

    def is_tame(self, atom: Atom) -> bool:
        """True for a value, and for a live object that the program has made of nothing but values, and lists and dicts.

        What is done to it runs no code of the user's. Once anything else is put into it, or it is given to code that
        is not followed, `live_touched` is set, and nothing depends on it any more.
        """
        return kind(atom).name not in ("any", "ref") or (isinstance(atom, Value) and atom.name in self.tame)

    def holds_plain(self, x: StandIn) -> bool:
        """True for a stand-in of nothing but values, and lists and dicts of such, which have no code of their own."""
        if isinstance(x, Container):
            held = x.fields["content"]
            return self._is_plain(held) if isinstance(held, Value) else all(map(self.holds_plain, parts_of(held)))
        if type(x) is tuple:
            return all(map(self.holds_plain, x))
        return is_literal(x) or isinstance(x, LazyStr) or (isinstance(x, Sym) and self._is_plain(x.value))

    def _is_plain(self, value: Value) -> bool:
        # what was put into it since would have been noted here
        return value.type.is_value or (self.is_tame(value) and not self.live_touched)

    def keep_tame(self, out: Value, *inputs: Atom) -> None:
        """Note that what is made of these, or is a part of them, is tame where they all are."""
        if all(map(self.is_tame, inputs)):
            self.tame.add(out.name)

    def origin(self, atom: Atom) -> object:
        """Where a value was read from: alike for two values that surely are one live object."""
        return self.origins.get(atom.name, atom.name) if isinstance(atom, Value) else None

    def change(self, atom: Atom) -> None:
        """Say that a live object is changed in place."""
        self.changed.append(self.origin(atom))

    def emit_raise(self, stop: ProgramRaise) -> None:
        """End the current region by an exception."""
        if passes_through(stop.kind):
            raise graph_break(NO_RULE, stop.span or self.span, f"`raise` of {stop.kind.__name__}")
        fn, keys = self.extern(stop.kind, "none"), tuple(stop.keywords)
        if isinstance(stop.kind, type) and issubclass(stop.kind, AttributeError):
            self.untold |= not {"name", "obj"} <= set(keys)
        given = (*stop.arguments, *(stop.keywords[key] for key in keys))
        self.span = stop.span or self.span
        self.emit("raise", tuple(self.atom(a) for a in given), keys=keys, fn=fn)

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
        is_tame = is_a(fn, _HASHED) and fn in _TAME_CALLS and all(map(self.is_tame, inputs))
        self.live_touched |= effect != "none" and not is_tame
        out = self.host("call", *inputs, type=type, keys=keys, fn=self.extern(fn, effect, type))
        if is_tame:
            self.tame.add(out.name)
        return out

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
            return self.given(x) if has_live(x) else self.container_value(x)
        if isinstance(x, tuple):
            self._check_no_state(x)
            return self._gathered("tuple", [self.atom(i) for i in x])
        if isinstance(x, DictView):
            return self.view_value(x)
        if isinstance(x, range):
            return self.call(range, Lit(x.start), Lit(x.stop), Lit(x.step), effect="none", type=DATA)
        return self._odd_atom(x)

    def _odd_atom(self, x: StandIn) -> Atom:
        if isinstance(x, Unmergeable):
            raise graph_break(x.code, self.span, x.what)
        if isinstance(x, Expr):
            raise graph_break(UNTAKEN_EXPRESSION, self.span)
        if isinstance(x, Generator | Once):
            what = f"`{x.name}`" if isinstance(x, Once) else "a generator expression"
            raise graph_break(DEFERRED, self.span, what)
        if isinstance(x, Tracked):
            raise Escapes(x.cls)
        if isinstance(x, PartialCall | Super):
            raise Escapes(maker_of(x))
        if isinstance(x, Choice):
            every = self.host("tuple", *(self.atom(option) for option in x.options))
            return self.host("item", every, x.index, type=ANY)
        if isinstance(x, Method) and not has_state(x.receiver):
            return self._bound_method(x)
        if isinstance(x, Closure | Method | InnerProgram | FixedProgram | Manager):
            raise graph_break(FUNCTION_GIVEN_AWAY, self.span, f"`{x.name}`")
        if isinstance(x, RoleBlock | Columns | Owner):
            raise graph_break(STATE_GIVEN_AWAY, self.span, "an operation")
        return self.host("extern", type=REF, fn=self.extern(x))

    def _bound_method(self, x: Method) -> Value:
        """`xs.append`, not called: whoever gets it may change the object by it, which is live from here on."""
        receiver = self.given(x.receiver)
        return self.host("attr", receiver, type=ANY, name=x.name)

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
        # who gets it may keep it or change it: then it is a live object from the start
        if container.constant is not None:
            raise Escapes(container.constant.key)
        # a part of a list of states shares them with it: gathered anew where the whole has changed since
        if container.window is not None:
            source, order = container.window
            whole = self.container_value(source)
            assert isinstance(content, Value)
            return content if whole == container.seen else self.host("states_gather", whole, order, type=STATES)
        if isinstance(content, Value):
            return content
        if "$scrambled" in container.fields:
            content = set_order(container)
        if container.holds_states:
            return self.host("states", *(self.state(c) for c in states_in(content)), type=STATES)
        self._check_no_state(parts_of(content))
        items = [x for pair in content.items() for x in pair] if isinstance(content, dict) else content
        # in a live object all that can be changed is live
        give = self.given if any(map(has_live, items)) else self.atom
        op = "dict" if isinstance(content, dict) else "set_of" if container.kind == "set" else "list"
        made = self._gathered(op, [give(i) for i in items])
        if made.type == DATA:
            self.is_copy(made, container)
        return made

    def version(self, container: Container) -> Value:
        """What a container holds now, where a branch or loop hands it on as that container."""
        made = self.container_value(container)
        self.copies.pop(made.name, None)
        return made

    def is_copy(self, made: Value, container: Container) -> None:
        """Say that a value was made of a container whose structure is known."""
        self.contents.be(made, frozenset((container.birth,)), self._objects(container))
        self.copied(made, container)

    def copied(self, made: Value, container: Container) -> None:
        """Say that a value may leave the graph beside the container, or in its place."""
        self.copies[made.name] = MadeOf(container, container.birth <= self.turn_birth)

    def _gathered(self, op: str, atoms: list[Atom]) -> Value:
        """A new container of these; one that holds something live is live."""
        live = any(kind(a).name in ("any", "ref") for a in atoms)
        return self.host(op, *atoms, type=ANY if live else DATA)

    # --- live objects ------------------------------------------------------------------------------------

    def given(self, x: StandIn) -> Atom:
        """An operand by reference, for code that may keep or change it: from here on a container is a live object.

        Where it cannot become one here (it was made outside this branch or loop, or data that is already at work shares
        a part with it), raises MakeLive; CaptureError for what can be no live object at all.
        """
        if has_state(x):
            raise graph_break(STATE_GIVEN_AWAY, self.span, "an operation on text and values")
        if type(x) is tuple and not is_literal(x):
            return self._gathered("tuple", [self.given(i) for i in x])
        if isinstance(x, DictView):
            return self.host("method", self.given(x.container), type=ANY, name=x.name)
        return self._live(x) if isinstance(x, Container) else self.atom(x)

    def _live(self, x: Container) -> Atom:
        content = x.content
        if isinstance(content, Value) and (content.type != DATA or self.contents.is_atom(content)):
            return content
        if x.constant is not None:
            raise Escapes(x.constant.key)
        if x.path is not None and not x.borrowed:
            self._give_arguments()
            return x.value
        self._check_shared(x)
        for part in x.parts:
            if _is_mutable(part):
                self.given(part)
        touched = self.live_touched
        live = self._one_object(x)
        self.live_touched = touched  # this runs no code of the user's
        self.write(x, "content", live)
        return live

    def _one_object(self, x: Container) -> Value:
        """A container as one object with one identity, made anew in each run."""
        if not x.is_static:
            if self.contents.may_be_set(x.value):
                return self._set_again(x.value)
            return self.call(copy.deepcopy, x.value, type=REF)
        if x.kind == "set":
            # from a list, as a copy of a set may have another order
            return self.call(set, self._gathered("list", [self.atom(i) for i in x.members]), type=REF)
        return self.call(dict if x.kind == "dict" else list, self.container_value(x), type=REF)

    def _set_again(self, made: Value) -> Value:
        """A set with an identity of its own: made once more of the same items, as a copy would have another order."""
        node = next((node for node in reversed(self.nodes) if made in node.outputs), None)
        if node is not None and node.op == "set_of":
            return self.call(set, self._gathered("list", list(node.inputs)), type=REF)
        if node is None or node.op != "call" or self.objects[str(node.attr("fn"))] is not set:
            raise graph_break(SET_ORDER, self.span)
        return self.call(set, *node.inputs, type=REF)

    def _give_arguments(self) -> None:
        """Make all containers among the arguments the objects that the program was given: two may be one."""
        if self.region_birth >= 0 or any(map(self._is_shared, self.arguments)):
            raise MakeLive(frozenset((ARGUMENTS,)), self.span)
        for box in self.arguments:
            if not box.is_live:
                assert box.path is not None
                self.write(box, "content", self.param(REF, box.path))

    def _is_shared(self, x: Container) -> bool:
        return "$frozen" in x.fields or any(b.path is None for b, _ in self._sharers(x, self._objects(x)))

    def param(self, type: Type, path: tuple[str | int, ...]) -> Value:
        """A parameter of the graph: what sits at a path among the arguments."""
        value = self.fresh(type, "_".join(map(str, path)))
        self.params[(type.name, *path) if type == REF else path] = Param(value, path)
        if type == DATA:
            self.contents.be(value, frozenset((ARGUMENTS,)), NOTHING)
        return value

    def make_live(self, x: Container) -> MakeLive:
        """The request to trace anew with a container, and all that may share a part with it, as live objects."""
        return self._request(x, self._objects(x))

    def _request(self, x: Container, objects: Objects) -> MakeLive:
        if x.constant is not None:
            raise Escapes(x.constant.key)
        every = objects.union(*(self.contents.reach(value) for _, value in self._sharers(x, objects)))
        return MakeLive(frozenset((_site_of(x), *map(self._site, every))), self.span)

    def check_changed(self, x: Container) -> None:
        """Before a container is changed: raises MakeLive where something else may be it, or hold it."""
        tops = self._tops(x)
        if self._is_of_known(x, tops) or any(True for _ in self._sharers(x, tops)):
            raise self._request(x, tops)

    def check_same(self, x: Container, y: Container) -> None:
        """Before two containers are compared by identity: raises MakeLive where data may be a copy of the same one."""
        if x.is_live or y.is_live or x.holds_states or y.holds_states:
            return
        if x.path is not None and y.path is not None:  # one object may have been given twice
            raise MakeLive(frozenset((ARGUMENTS,)), self.span)
        if not self._tops(x).isdisjoint(self._tops(y)):
            need = self.make_live(y if x.is_static else x)
            need.error = graph_break(STALE_STATE, self.span, "one side of this comparison")
            raise need

    def _tops(self, x: Container) -> Objects:
        held = x.fields["content"]
        return self.contents.tops(held) if isinstance(held, Value) else frozenset((x.birth,))

    def check_no_cycle(self, owner: Container, parts: Iterable[StandIn]) -> None:
        """Before these are put into a container: raises MakeLive where it would hold itself, which no data can."""
        if any(isinstance(part, Container | tuple) and _holds(part, owner) for part in parts):
            need = self.make_live(owner)
            need.error = graph_break(CHANGED_IN_PLACE, self.span)
            raise need

    def _check_shared(self, x: Container) -> None:
        """Raises MakeLive where something else shares a part with a container, or where it was made outside."""
        objects = self._objects(x)
        older = x.birth <= self.region_birth or self._is_of_known(x, objects)
        if x.borrowed or "$frozen" in x.fields or older or any(True for _ in self._sharers(x, objects)):
            raise self._request(x, objects)

    def _is_of_known(self, x: Container, objects: Objects) -> bool:
        """True for a value of run time that may be, or hold, a container whose structure is known still."""
        if not isinstance(x.fields["content"], Value):
            return False
        owners = (self.owners.get(each) for each in objects)
        return any(o is not None and o is not x and not isinstance(o.fields["content"], Value) for o in owners)

    def _sharers(self, x: Container, objects: Objects) -> Iterator[tuple[Container, Value]]:
        """The containers that are data of run time, and may be or hold one of these objects."""
        for box in self.boxes:
            held = box.fields["content"]
            if box is x or not isinstance(held, Value) or held.type != DATA:
                continue
            if not objects.isdisjoint(self.contents.reach(held)):
                yield box, held

    def _objects(self, x: StandIn) -> Objects:
        """The objects that a stand-in may be or hold."""
        if isinstance(x, DictView):
            return self._objects(x.container)
        if type(x) is tuple:
            return NOTHING.union(*map(self._objects, x))
        if not isinstance(x, Container):
            return NOTHING
        held = x.fields["content"]
        if isinstance(held, Value):
            for each in self.contents.tops(held):
                self.owners.setdefault(each, x)
            return self.contents.reach(held)
        if x.site is not None or x.path is not None:
            self.owners.setdefault(x.birth, x)
        return NOTHING.union((x.birth,), *map(self._objects, parts_of(held)))

    def data_in(self, x: StandIn) -> Iterator[Container]:
        """The containers in a stand-in that are data, and may be changed."""
        for container in mutable_in(x):
            held = container.fields["content"]
            if not (isinstance(held, Value) and self.contents.is_atom(held)):
                yield container

    def is_flat(self, x: StandIn, *, atom: bool = False) -> bool:
        """True for a stand-in in which nothing can be changed; for an atom, which cannot be changed itself."""
        if type(x) is tuple:
            return all(self.is_flat(i, atom=True) for i in x)
        if not isinstance(x, Container):
            return isinstance(x, LazyStr) or is_literal(x) or (isinstance(x, Sym) and x.type.is_value) or x is UNBOUND
        held = x.fields["content"]
        if isinstance(held, Value):
            return self.contents.is_atom(held) if atom else self.contents.is_flat(held)
        return not atom and all(self.is_flat(i, atom=True) for i in parts_of(held))

    def is_fixed(self, x: StandIn) -> bool:
        """True for a stand-in that cannot be changed itself, whatever it holds."""
        held = x.fields["content"] if isinstance(x, Container) else None
        return (
            type(x) is tuple or self.is_flat(x, atom=True) or (isinstance(held, Value) and self.contents.is_fixed(held))
        )

    def objects_of(self, x: StandIn, since: int) -> Objects:
        """The objects that a stand-in may be or hold, those made `since` by their site: a turn later they are old."""
        return frozenset(o if not isinstance(o, int) or o <= since else self._site(o) for o in self._objects(x))

    def is_among(self, x: Container, objects: Objects) -> bool:
        """True for a container that may be one of these; one of an earlier turn is known by its site."""
        return not objects.isdisjoint((x.birth, self._site(x.birth)))

    def _site(self, each: Object) -> Site:
        if not isinstance(each, int):
            return each
        owner = self.owners.get(each)
        return self.places.get(each, PART) if owner is None or _site_of(owner) is PART else _site_of(owner)

    def _born_here(self) -> int:
        """The birth number of an object that an op makes."""
        number = self.born()
        if self.span is not None:
            self.places[number] = (*PART, self.span.file, self.span.line, self.span.col)
        return number

    def _check_no_state(self, parts: tuple[StandIn, ...]) -> None:
        """A state in a value of run time would be what it is now, whatever is done to it later."""
        if any(map(has_state, parts)):
            raise graph_break(STATE_GIVEN_AWAY, self.span, "a list or tuple that only the run knows")

    def view_value(self, view: DictView) -> Value:
        """A view of a dict as it is now."""
        # by identity: every change puts a new content there, however like the old one
        if view.value is not None and view.container.content is view.content:
            return view.value
        if has_live(view.container):
            self.given(view.container)
        return self.host("method", self.container_value(view.container), type=DATA, name=view.name)

    def value_atom(self, x: StandIn) -> Atom:
        """An operand that must not be a state."""
        if has_state(x):
            raise graph_break(STATE_GIVEN_AWAY, self.span, "an operation on text and values")
        return self.atom(x)

    # --- states ------------------------------------------------------------------------------------------

    def state(self, cell: StateCell) -> Value:
        """The SSA state a cell holds now."""
        if "$stale" in cell.fields:
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

    def known_of(self, state: str) -> Layers[str, Atom]:
        """What is known of the names of a state, given by the name of its value."""
        return self.known.get(state, NOTHING_KNOWN)

    def set_state(self, cell: StateCell, value: Value, *, keeps: bool = False) -> None:
        """Make a cell hold a new state; `keeps` says that the names set so far are still what they were."""
        if not isinstance(cell, Element):
            before = cell.value.name
            # unless the rule has said it: a turn may begin or end with the new value
            self.role.setdefault(value.name, self.role.get(before, ""))
            if keeps:
                self.known[value.name] = self.known_of(before)
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
            if "$stale" not in other.fields:
                self.write(other, "$stale", Stale(other.hint if isinstance(other, StateCell) else cell.hint, self.span))

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
        made = Container(tracer.born(), kind, value, borrowed=borrowed)
        tracer.boxes.append(made)
        for each in () if borrowed else tracer.contents.tops(value):
            tracer.owners.setdefault(each, made)
        return made
    return Sym(value)


def maker_of(x: PartialCall | Super) -> object:
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
    except LMError:
        raise  # with its help; Python, which runs then, says the same
    except Exception as error:
        # what cannot stand in the graph as a literal is told in words
        told: object = error.args
        said = error.args if is_literal(told) else (str(error),)
        names = [name for name in _TOLD_APART.get(type(error), ()) if is_literal(getattr(error, name))]
        more = {name: getattr(error, name) for name in names if getattr(error, name) is not None}
        if not _can_raise(error, said, more):
            raise graph_break(NO_RULE, None, f"an exception of {type(error).__name__}") from None
        raise ProgramRaise(type(error), said, more) from None


def passes_through(kind: object) -> TypeGuard[type[BaseException]]:
    """True for KeyboardInterrupt and the like: these end a run, and no graph holds them up."""
    return isinstance(kind, type) and issubclass(kind, BaseException) and not issubclass(kind, Exception | SystemExit)


# what these say beside their arguments
_TOLD_APART: dict[type[Exception], tuple[str, ...]] = {AttributeError: ("name", "obj"), NameError: ("name",)}


def _can_raise(error: Exception, said: tuple[object, ...], more: Mapping[str, object]) -> bool:
    """True where the class makes such an exception of these arguments alone: one of JSONDecodeError needs others."""
    try:
        again = type(error)(*said, **more)
    except TypeError:
        return False
    return vars(again) == vars(error) and str(again) == str(error)


def no_attribute(t: Tracer, form: str, name: str, obj: StandIn) -> ProgramRaise:
    """What Python raises for `obj.name` that is not there; an object of the program's is not told (`Tracer.untold`)."""
    if isinstance(obj, Container | tuple) and not has_state(obj):
        held = t.given(obj)
        obj = Sym(held) if isinstance(held, Value) else obj
    more = {"obj": obj} if isinstance(obj, Sym | LazyStr) or is_literal(obj) else {}
    return ProgramRaise(AttributeError, (f"{form!r} object has no attribute {name!r}",), {"name": name, **more})


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
    if is_a(obj, BuiltinFunctionType) and isinstance(name, str):
        bound = cast("BuiltinFunctionType", obj).__self__
        owner = bound if isinstance(bound, type) else type(bound)
        return f"method {owner.__module__}.{name}"
    if type(obj) is dict and "__builtins__" in obj:
        return f"{obj.get('__name__')}.__dict__"
    if isinstance(obj, ModuleType):
        return f"{obj.__name__} module"
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


def has_live(x: StandIn) -> bool:
    """True for what has a live object in it, and so is itself no value."""
    if type(x) is tuple:
        return any(map(has_live, x))
    if isinstance(x, Container):
        return x.is_live or any(map(has_live, parts_of(x.fields["content"])))
    if isinstance(x, DictView):
        return has_live(x.container)
    if isinstance(x, Sym):
        return x.type.name in ("any", "ref")
    return isinstance(x, Method) or (is_ordinary(x) and not plain(x))


def _site_of(x: Container) -> Site:
    return x.site or (ARGUMENTS if x.path is not None else PART)


def mutable_in(x: StandIn) -> Iterator[Container]:
    """The containers that are no live objects, of a stand-in or in it."""
    if isinstance(x, DictView):
        x = x.container
    if isinstance(x, Container) and not x.is_live:
        yield x
    for part in parts_of(x.fields["content"]) if isinstance(x, Container) else x if type(x) is tuple else ():
        yield from mutable_in(part)


def _holds(x: StandIn, container: Container) -> bool:
    """True for a container, and for what it is in."""
    if isinstance(x, DictView):
        x = x.container
    parts = parts_of(x.fields["content"]) if isinstance(x, Container) else x if type(x) is tuple else ()
    return x is container or any(_holds(part, container) for part in parts)


def _is_mutable(x: StandIn) -> bool:
    return isinstance(x, Container | DictView) or (type(x) is tuple and any(map(_is_mutable, x)))
