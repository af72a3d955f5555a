"""Stand-ins: what a program's Python names hold while it is traced.

Anything that is none of these is an ordinary Python object and means itself. What can change is an `Owner`: it keeps
that in `fields`, which only the tracer writes: its log of writes is how branches and loops are merged.
"""

from __future__ import annotations

import ast
import enum
import marshal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import CellType, FunctionType, MappingProxyType, MethodType
from typing import Any, Protocol, TypeGuard

from lmc.codes import NO_RULE, SET_ORDER, STALE_STATE
from lmc.ir.graph import Literal, Value
from lmc.ir.literal import spelled
from lmc.ir.types import Type
from lmc.parser.capture.breaks import graph_break
from lmc.parser.capture.scope import Scope
from lmc.source import Span

MAX_UNROLL = 64  # items that a loop is unrolled over; more are a region: the graph would grow with the data
FOUND = "$found"  # whether a search has ended
ACC = "$acc"  # what a comprehension has collected, in a frame of its own


# What a name of the program holds while it is traced: one of the classes below, or an ordinary object, which means
# itself. So it can be any object, and whoever needs to know which looks with isinstance.
StandIn = object
# what a container holds: its items by number or by key, or a value once only the run knows its structure
Content = tuple[StandIn, ...] | dict[Any, StandIn] | Value  # Any: a key is a literal, of any type

_HELD = (tuple, dict, Value)
Site = tuple[object, ...]  # a place in the user's source, and what stands there
ARGUMENTS: Site = ("arguments",)  # where all containers among the arguments are made
PART: Site = ("part",)  # begins the site of what cannot be made a live object by itself
VARIABLES_SITE: Site = ("variables",)  # where those are made that states hold under their names


@dataclass(frozen=True, slots=True)
class Stale:
    """Why a cell must not be read: what it shares a state with was changed, under another name."""

    name: str
    span: Span | None


class Escapes(Exception):
    """Something that is followed gets where it cannot be: the program is traced anew, with it left to Python.

    maker   a class or function whose objects were followed, or the key of a constant
    """

    def __init__(self, maker: object) -> None:
        super().__init__(maker)
        self.maker = maker


@dataclass(frozen=True, slots=True)
class Constant:
    """Where the content of a container outside the program was taken from, while nothing can have changed it.

    key         says which object, to trace it as a live one
    is_changed  True once code that is not followed may have changed it
    """

    key: tuple[str, int]
    is_changed: Callable[[], bool]


class Owner:
    """Something with fields; `birth` orders it against regions (a region merges only what is older than itself)."""

    __slots__ = ("birth", "fields")

    def __init__(self, birth: int) -> None:
        self.birth = birth
        self.fields: dict[str, StandIn] = {}

    @property
    def stale(self) -> Stale | None:
        """Why it must not be read, None where it may be."""
        found = self.fields.get("$stale")
        assert isinstance(found, Stale | None)
        return found


class Sym:
    """An immutable run-time value."""

    __slots__ = ("value",)

    def __init__(self, value: Value) -> None:
        self.value = value

    @property
    def type(self) -> Type:
        """The type of the value."""
        return self.value.type


class LazyStr:
    """A str made of literals and run-time strings, not joined until something needs it as one value."""

    __slots__ = ("parts",)

    def __init__(self, parts: tuple[str | Value, ...]) -> None:
        self.parts = parts


class StateCell(Owner):
    """A program state: field `value` holds the SSA state, `stale` the reason why it must not be read.

    hint     the user's name for it
    aliases  cells that may be the same state, and lists it may be in
    """

    __slots__ = ("aliases", "hint")

    def __init__(self, birth: int, value: Value, hint: str) -> None:
        super().__init__(birth)
        self.fields = {"value": value}
        self.hint = hint
        self.aliases: list[Cell] = []

    @property
    def value(self) -> Value:
        """The SSA state, which may be unset; an element of a list has none of its own."""
        held = self.fields["value"]
        assert isinstance(held, Value)
        return held


class Element(StateCell):
    """A state inside a run-time list of states: read from the list, written through to it."""

    __slots__ = ("container", "index")

    def __init__(self, birth: int, container: Container, index: StandIn, hint: str) -> None:
        Owner.__init__(self, birth)
        self.container, self.index, self.hint, self.aliases = container, index, hint, []


class Container(Owner):
    """A list, dict, set or fork group. Field `content` is a tuple or dict of stand-ins, or a Value once it is run-time.

    kind      list, dict, set, group (what fork returns)
    parent    of a group: the state that was forked, which `join` extends
    path      of an argument: where it sits among the arguments
    borrowed  a part of another container, or a view: it cannot be changed in place
    aliases   states that may be elements of a run-time list, and lists that may be this one
    window    of a run-time list of states: (list, order), whose states these are; `seen` is what that list held
    site      where in the source it is made: traced anew, it can be a live object from there on; None of a part or view
    constant  of one that is not the program's: it may be read as long as nothing can have changed it
    sorting   True while its sort key runs: to that it is a list of nothing
    """

    __slots__ = ("aliases", "borrowed", "constant", "kind", "parent", "path", "seen", "site", "sorting", "window")

    def __init__(
        self,
        birth: int,
        kind: str,
        content: Content,
        *,
        parent: StateCell | None = None,
        path: tuple[str | int, ...] | None = None,
        borrowed: bool = False,
        site: Site | None = None,
    ) -> None:
        super().__init__(birth)
        self.fields = {"content": content}
        self.site = site
        self.kind, self.parent, self.path, self.borrowed = kind, parent, path, borrowed
        self.aliases: list[Cell] = []
        self.window: tuple[Container, Value] | None = None
        self.seen: Value | None = None
        self.constant: Constant | None = None
        self.sorting = False

    @property
    def content(self) -> Content:
        """What it holds now. Raises CaptureError where it may have been changed under another name."""
        if "$stale" in self.fields:
            assert self.stale is not None
            raise graph_break(STALE_STATE, self.stale.span, f"this list (it shares `{self.stale.name}`)")
        if self.constant is not None and self.constant.is_changed():
            raise Escapes(self.constant.key)
        if self.sorting:
            raise graph_break(NO_RULE, None, "a list that is used while it is sorted")
        held = self.fields["content"]
        return held if isinstance(held, _HELD) else known_content(held)

    @property
    def members(self) -> tuple[StandIn, ...]:
        """The items, or the keys of a dict: what walking over it gives. Its structure must be known."""
        content = self.content
        assert not isinstance(content, Value)
        return tuple(content)

    @property
    def pairs(self) -> dict[Any, StandIn]:
        """The items of a dict by key. Its structure must be known."""
        content = self.content
        assert isinstance(content, dict)
        return content

    @property
    def parts(self) -> tuple[StandIn, ...]:
        """The items, or the values of a dict, as far as the trace knows them: none of what is run-time."""
        return parts_of(self.content)

    @property
    def value(self) -> Value:
        """The run-time value that it is. Its structure must not be known."""
        content = self.content
        assert isinstance(content, Value)
        return content

    @property
    def is_static(self) -> bool:
        """True while its structure is known at trace time."""
        return not isinstance(self.content, Value)

    @property
    def is_live(self) -> bool:
        """True for a live object: what is done to it is done in place, in program order."""
        content = self.fields["content"]
        return isinstance(content, Value) and content.type.name in ("ref", "any")

    @property
    def holds_states(self) -> bool:
        """True for a list of states, static or not."""
        content = self.content
        if isinstance(content, Value):
            return content.type.is_state
        return isinstance(content, tuple) and bool(content) and all(isinstance(x, StateCell) for x in content)


class DictView:
    """The keys, values or items of a dict: what it shows is what the dict holds when it is looked at."""

    __slots__ = ("container", "content", "name", "value")

    def __init__(self, container: Container, name: str, value: Value | None) -> None:
        self.container, self.name, self.value = container, name, value
        self.content = container.content if value is not None else None

    @property
    def items(self) -> tuple[StandIn, ...] | None:
        """What it shows, where the trace knows."""
        content = self.container.content
        if not isinstance(content, dict):
            return None
        return tuple(getattr(content, self.name)())


class Since(Protocol):
    """The sources of a one-pass iterable, as they were when it was made."""

    def changed(self) -> bool:
        """True where one of them is not what it was."""


class Once(Owner):
    """A one-pass iterable that has not begun: what zip, enumerate, reversed, map and filter give.

    make      gives its items, as a stand-in to iterate over
    sources   what it will walk over
    has_code  True where walking over it runs code of the program's
    builtin   the class of the iterator, called with `args` and `kwargs`; None where it could not be
    since     the sources as they were when it was made
    """

    __slots__ = ("args", "builtin", "has_code", "kwargs", "make", "name", "since", "sources")

    def __init__(
        self,
        birth: int,
        name: str,
        make: Callable[[], StandIn],
        sources: tuple[StandIn, ...],
        *,
        has_code: bool = False,
        builtin: Callable[..., Any] | None = None,
        args: tuple[StandIn, ...] = (),
        kwargs: Mapping[str, StandIn] = MappingProxyType({}),
    ) -> None:
        super().__init__(birth)
        self.name, self.make, self.sources, self.has_code = name, make, sources, has_code
        self.builtin, self.args, self.kwargs = builtin, args, kwargs
        self.since: Since | None = None


class Columns:
    """zip or enumerate over a run-time list of states: its columns, walked by index.

    A column is a Container of states, a Value of ordinary data, or an int: the count starting there.
    """

    __slots__ = ("columns", "single")

    def __init__(self, columns: tuple[StandIn, ...], *, single: bool = False) -> None:
        self.columns, self.single = columns, single


class Closure:
    """A function or lambda defined while tracing, or a plain Python function to be looked into."""

    __slots__ = ("defaults", "free", "kw_defaults", "name", "node", "parent", "qualname", "scope")

    def __init__(
        self,
        node: ast.FunctionDef | ast.Lambda,
        scope: Scope,
        parent: Frame | None,
        defaults: tuple[StandIn, ...],
        kw_defaults: dict[str, StandIn],
        free: dict[str, CellType],
        qualname: str,
    ) -> None:
        self.node, self.scope, self.parent = node, scope, parent
        self.defaults, self.kw_defaults, self.free = defaults, kw_defaults, free
        self.name = getattr(node, "name", "<lambda>")
        self.qualname = qualname


class LmProgram(Protocol):
    """A program as `lmc.function` makes it, which another program may call."""

    func: FunctionType | MethodType
    bound: dict[str, Any]
    arg_names: list[str]


class Tracked(Owner):
    """An object that the program made of a plain class of its own; the field `.name` is its attribute `name`.

    aliases  objects that may be the same one, after a branch
    """

    __slots__ = ("aliases", "cls")

    def __init__(self, birth: int, cls: type) -> None:
        super().__init__(birth)
        self.cls = cls
        self.aliases: list[Cell] = []


class PartialCall:
    """A function with its first arguments and some keywords given: a bound method, or `functools.partial`."""

    __slots__ = ("args", "fn", "is_partial", "kwargs")

    def __init__(
        self, fn: StandIn, args: tuple[StandIn, ...], kwargs: dict[str, StandIn], *, is_partial: bool = False
    ) -> None:
        self.fn, self.args, self.kwargs, self.is_partial = fn, args, kwargs, is_partial

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return str(getattr(self.fn, "__name__", getattr(self.fn, "name", "partial")))


class InnerProgram:
    """A function defined inside the program and decorated with `lmc.function`."""

    __slots__ = ("closure",)

    def __init__(self, closure: Closure) -> None:
        self.closure = closure

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return self.closure.name


class Manager:
    """What a function decorated with `contextlib.contextmanager` gives, or where `bound` is None the function itself.

    bound    the parameters of its generator, by name
    is_used  a generator runs once
    """

    __slots__ = ("bound", "closure", "is_used")

    def __init__(self, closure: Closure, bound: dict[str, StandIn] | None) -> None:
        self.closure, self.bound, self.is_used = closure, bound, False

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return self.closure.name


class FixedProgram:
    """What `bind` of a program gives in another program: the same program, with arguments fixed."""

    __slots__ = ("arg_names", "bound", "func")

    def __init__(self, program: LmProgram, given: Mapping[str, StandIn]) -> None:
        self.func, self.arg_names = program.func, program.arg_names
        self.bound: dict[str, Any] = {**program.bound, **given}  # Any: as in any program

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return self.func.__name__


class Super:
    """What `super()` gives in a method: attributes of the classes that come after `after` in the object's order."""

    __slots__ = ("after", "owner")

    def __init__(self, after: type, owner: StandIn) -> None:
        self.after, self.owner = after, owner


class Choice:
    """One of several stand-ins that no value can be: the run knows the number of which."""

    __slots__ = ("index", "options")

    def __init__(self, index: Value, options: tuple[StandIn, ...]) -> None:
        self.index, self.options = index, options


class Generator(Owner):
    """A generator expression that has not begun; `first` is what its first `for` walks over, `since` as it was then."""

    __slots__ = ("first", "frame", "node", "since")

    def __init__(self, birth: int, node: ast.GeneratorExp, frame: Frame, first: StandIn) -> None:
        super().__init__(birth)
        self.node, self.frame, self.first = node, frame, first
        self.since: Since | None = None


class Method:
    """A method not called yet."""

    __slots__ = ("name", "receiver")

    def __init__(self, receiver: StandIn, name: str) -> None:
        self.receiver, self.name = receiver, name


class RoleBlock:
    """What `s.user()` gives when it is used with `with`."""

    __slots__ = ("cell", "role")

    def __init__(self, cell: StateCell, role: str) -> None:
        self.cell, self.role = cell, role


class ScopeBlock:
    """What `s.var_scope(name)` gives."""

    __slots__ = ("cell", "name")

    def __init__(self, cell: StateCell, name: StandIn) -> None:
        self.cell, self.name = cell, name


class CopyBlock(StateCell):
    """What `s.copy()` gives: a state of its own, which joins its parent when used with `with`."""

    __slots__ = ("parent",)

    def __init__(self, birth: int, value: Value, hint: str, parent: StateCell) -> None:
        super().__init__(birth, value, hint)
        self.parent = parent


class Unmergeable:
    """A name that a branch or loop left in a state capture cannot express; reading it is a graph break."""

    __slots__ = ("code", "what")

    def __init__(self, code: str, what: str) -> None:
        # no name of the user's begins with a `$`
        self.code, self.what = code, "what the function returns" if what == "`$ret`" else what


class Unbound:
    """Marks a name that has no value."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<unbound>"


UNBOUND = Unbound()


class Frame(Owner):
    """One activation of a traced function: its locals are fields; `$exit` and `$ret` say how it is being left.

    $exit  0 running, 1 break, 2 continue, 3 return; a Sym where that depends on run-time values
    block  of a context manager's generator: traces the block of its `with`, given what is yielded
    """

    __slots__ = ("block", "closure", "exits", "is_comprehension", "parent", "scope")

    def __init__(self, birth: int, scope: Scope, parent: Frame | None, closure: Closure | None) -> None:
        super().__init__(birth)
        self.scope, self.parent, self.closure = scope, parent, closure
        self.fields = {"$exit": 0, "$ret": None}
        self.exits: set[int] = set()
        self.is_comprehension = False
        self.block: Callable[[StandIn], None] | None = None


# what can be one thing under two names after a branch
Cell = StateCell | Container | Tracked
STAND_INS = (
    Sym, LazyStr, Owner, DictView, Columns, Closure, Method, RoleBlock, ScopeBlock, Unmergeable, Unbound, PartialCall,
    Super, Choice, InnerProgram, FixedProgram, Manager,
)  # fmt: skip


def is_ordinary(x: object) -> bool:
    """True for a Python object that means itself; a tuple is ordinary when all in it is."""
    if isinstance(x, tuple):
        return all(is_ordinary(i) for i in x)
    return not isinstance(x, STAND_INS)


def is_program(x: object) -> TypeGuard[LmProgram]:
    """True for an lmc program; what makes them stands above this room."""
    kind = type(x)
    # a metaclass of the user's may have code that says what its class has
    return type(kind) is type and getattr(kind, "__lmc_program__", False) is True


def is_word(x: object) -> bool:
    """True for an object that is nothing but itself: None, a function, a class, a member of an Enum."""
    return x is None or callable(x) or issubclass(type(x), enum.Enum)


def is_literal(x: object) -> TypeGuard[Literal]:
    """True for what may stand inline in a graph."""
    if type(x) is tuple:
        return all(is_literal(i) for i in x)
    return x is None or type(x) in (bool, int, float, str, bytes)


def same_literal(x: object, y: object) -> bool:
    """True for two literals that are alike in every part: 1, 1.0 and True differ."""
    return is_literal(x) and is_literal(y) and spelled(x) == spelled(y)


def plain(x: StandIn) -> bool:
    """True for an ordinary immutable value that Python may compute with at trace time."""
    # exactly these classes: one that is derived from them may have code of its own
    return is_literal(x) or type(x) in (range, complex) or (type(x) is frozenset and all(is_literal(i) for i in x))


def known_content(x: StandIn) -> Content:
    """What the field `content` holds. Raises CaptureError where a branch or loop left two things that are not alike."""
    if isinstance(x, Unmergeable):
        raise graph_break(x.code, None, x.what)
    assert isinstance(x, _HELD)
    return x


def parts_of(content: StandIn) -> tuple[StandIn, ...]:
    """The items of a tuple, the values of a dict: what is in a container whose structure is known. () for all else."""
    return tuple(content.values()) if isinstance(content, dict) else content if isinstance(content, tuple) else ()


def containers_in(x: StandIn) -> Iterator[Container]:
    """The containers inside a container's content, and in them."""
    for part in parts_of(x):
        if isinstance(part, Container):
            yield part
            yield from containers_in(part.fields["content"])
        elif isinstance(part, tuple):
            yield from containers_in(part)


def states_in(content: StandIn) -> tuple[StateCell, ...]:
    """The states of a list that is known and holds nothing else; () for all else."""
    items = content if isinstance(content, tuple) else ()
    states = tuple(item for item in items if isinstance(item, StateCell))
    return states if len(states) == len(items) else ()


def set_order(x: Container) -> tuple[StandIn, ...]:
    """The items of a set in the order that Python would give. Raises CaptureError where that cannot be told."""
    made: list[list[StandIn]] = [list(set(x.members))]
    display = x.fields.get("$scrambled", ())
    if display:
        # a display of constants is made from a frozen set, which was made here, or read from a compiled file
        assert isinstance(display, tuple)
        frozen = frozenset(display)
        made = [list(frozen)] if display == x.members else []
        for constant in (frozen, marshal.loads(marshal.dumps(frozen)) if is_literal(display) else frozen):
            as_made: set[StandIn] = set()
            as_made.update(constant)
            as_made.update(x.members[len(display) :])
            made.append(list(as_made))
    if "$scrambled" in x.fields and (not display or any(list(map(id, m)) != list(map(id, made[0])) for m in made)):
        raise graph_break(SET_ORDER, None)
    return tuple(made[0])


def known_items(x: StandIn) -> tuple[StandIn, ...] | None:
    """What an iterable gives, where the trace knows; None where only the run does."""
    if isinstance(x, Container):
        if not x.is_static:
            return None
        return set_order(x) if x.kind == "set" else x.members  # a set has an order of its own
    if isinstance(x, DictView):
        return x.items
    if type(x) is tuple:
        return x
    if type(x) in (str, range, bytes, frozenset):
        assert isinstance(x, str | range | bytes | frozenset)
        return tuple(x) if len(x) <= MAX_UNROLL else None
    return None


def has_state(x: StandIn, inside: frozenset[int] = frozenset()) -> bool:
    """True for a state, and for what holds one; `inside` has the objects that it is looked for in already."""
    if isinstance(x, StateCell | Columns):
        return True
    if isinstance(x, Tracked):  # objects may hold one another
        return id(x) not in inside and any(has_state(i, inside | {id(x)}) for i in x.fields.values())
    if isinstance(x, PartialCall):
        return any(has_state(i, inside) for i in (*x.args, *x.kwargs.values()))
    if isinstance(x, Choice):
        return any(has_state(i, inside) for i in x.options)
    if isinstance(x, Container):
        if x.holds_states:
            return True
        return any(has_state(i, inside) for i in x.parts)
    if isinstance(x, DictView):
        return has_state(x.container, inside)
    if isinstance(x, Once):
        return any(has_state(i, inside) for i in x.sources)
    parts = x.values() if isinstance(x, dict) else x if isinstance(x, tuple) else ()
    return any(has_state(i, inside) for i in parts)
