"""Stand-in values: what a program's Python names hold while it is traced.

Anything that is none of these is an ordinary Python object and means itself. A cell is mutable, so it keeps what
may change in `fields`, which only `Tracer.write` writes: that log is how branches and loops are merged.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from lmc.ir.graph import Value
from lmc.ir.types import Type
from lmc.parser.capture.breaks import graph_break
from lmc.parser.capture.scope import Scope
from lmc.source import Span

MAX_UNROLL = 64  # items of a text, range, bytes or frozenset that a loop is unrolled over
ACC = "$acc"  # what a comprehension has collected, in a frame of its own


@dataclass(frozen=True, slots=True)
class Stale:
    """Why a cell must not be read: what it shares a state with was changed, under another name."""

    name: str
    span: Span | None


class Owner:
    """Something with fields; `birth` orders it against regions (a region merges only what is older than itself)."""

    __slots__ = ("birth", "fields")

    def __init__(self, birth: int) -> None:
        self.birth = birth
        self.fields: dict[str, Any] = {}


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

    __slots__ = ("aliases", "depth", "hint")

    def __init__(self, birth: int, value: Value, hint: str) -> None:
        super().__init__(birth)
        self.fields = {"value": value}
        self.hint = hint
        self.aliases: list[StateCell | Container] = []


class Element(StateCell):
    """A state inside a run-time list of states: read from the list, written through to it."""

    __slots__ = ("box", "index")

    def __init__(self, birth: int, box: Container, index: Any, hint: str) -> None:
        Owner.__init__(self, birth)
        self.box, self.index, self.hint, self.aliases = box, index, hint, []


class Container(Owner):
    """A list, dict, set or fork group. Field `content` is a tuple or dict of stand-ins, or a Value once it is run-time.

    kind      list, dict, set, group (what fork returns)
    parent    of a group: the state that was forked, which `join` extends
    path      of an argument: where it sits among the arguments
    borrowed  a part of another container, or a view: it cannot be changed in place
    aliases   states that may be elements of a run-time list, and lists that may be this one
    window    of a run-time list of states: (list, order), whose states these are; `seen` is what that list held
    """

    __slots__ = ("aliases", "borrowed", "kind", "parent", "path", "seen", "window")

    def __init__(
        self,
        birth: int,
        kind: str,
        content: tuple[Any, ...] | dict[Any, Any] | Value,
        *,
        parent: StateCell | None = None,
        path: tuple[str | int, ...] | None = None,
        borrowed: bool = False,
    ) -> None:
        super().__init__(birth)
        self.fields = {"content": content}
        self.kind, self.parent, self.path, self.borrowed = kind, parent, path, borrowed
        self.aliases: list[StateCell | Container] = []
        self.window: tuple[Container, Value] | None = None
        self.seen: Value | None = None

    @property
    def content(self) -> Any:
        """What it holds now. Raises CaptureError where it may have been changed under another name."""
        if "stale" in self.fields:
            stale = self.fields["stale"]
            raise graph_break("LMC-GB005", stale.span, f"this list (it shares `{stale.name}`)")
        return self.fields["content"]

    @property
    def is_static(self) -> bool:
        """True while its structure is known at trace time."""
        return not isinstance(self.content, Value)

    @property
    def holds_states(self) -> bool:
        """True for a list of states, static or not."""
        if isinstance(self.content, Value):
            return self.content.type.is_state
        items = self.content if isinstance(self.content, tuple) else ()
        return bool(items) and all(isinstance(x, StateCell) for x in items)


class DictView:
    """The keys, values or items of a dict: what it shows is what the dict holds when it is looked at."""

    __slots__ = ("box", "content", "name", "value")

    def __init__(self, box: Container, name: str, value: Value | None) -> None:
        self.box, self.name, self.value = box, name, value
        self.content = box.content if value is not None else None

    @property
    def items(self) -> tuple[Any, ...] | None:
        """What it shows, where the trace knows."""
        content = self.box.content
        if not isinstance(content, dict):
            return None
        return tuple(getattr(content, self.name)())


class Once(Owner):
    """A one-pass iterable that has not begun: what zip, enumerate, reversed, map and filter give.

    make      gives its items, as a stand-in to iterate over
    sources   what it will walk over
    has_code  True where walking over it runs code of the program's
    """

    __slots__ = ("has_code", "make", "name", "sources")

    def __init__(
        self, birth: int, name: str, make: Callable[[], Any], sources: tuple[Any, ...], *, has_code: bool = False
    ) -> None:
        super().__init__(birth)
        self.name, self.make, self.sources, self.has_code = name, make, sources, has_code


class Columns:
    """zip or enumerate over a run-time list of states: its columns, walked by index.

    A column is a Container of states, a Value of ordinary data, or an int: the count starting there.
    """

    __slots__ = ("columns", "single")

    def __init__(self, columns: tuple[Any, ...], *, single: bool = False) -> None:
        self.columns, self.single = columns, single


class Closure:
    """A function or lambda defined while tracing, or a plain Python function to be looked into."""

    __slots__ = ("defaults", "free", "kw_defaults", "name", "node", "parent", "qualname", "scope")

    def __init__(
        self,
        node: ast.FunctionDef | ast.Lambda,
        scope: Scope,
        parent: Frame | None,
        defaults: tuple[Any, ...],
        kw_defaults: dict[str, Any],
        free: dict[str, Any],
        qualname: str,
    ) -> None:
        self.node, self.scope, self.parent = node, scope, parent
        self.defaults, self.kw_defaults, self.free = defaults, kw_defaults, free
        self.name = getattr(node, "name", "<lambda>")
        self.qualname = qualname


class Generator(Owner):
    """A generator expression that has not begun; `first` is what its first `for` walks over."""

    __slots__ = ("first", "frame", "node")

    def __init__(self, birth: int, node: ast.GeneratorExp, frame: Frame, first: Any) -> None:
        super().__init__(birth)
        self.node, self.frame, self.first = node, frame, first


class Method:
    """A method not called yet."""

    __slots__ = ("name", "receiver")

    def __init__(self, receiver: Any, name: str) -> None:
        self.receiver, self.name = receiver, name


class RoleBlock:
    """What `s.user()` gives when it is used with `with`."""

    __slots__ = ("cell", "role")

    def __init__(self, cell: StateCell, role: str) -> None:
        self.cell, self.role = cell, role


class ScopeBlock:
    """What `s.var_scope(name)` gives."""

    __slots__ = ("cell", "name")

    def __init__(self, cell: StateCell, name: Any) -> None:
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
        self.code, self.what = code, what


class Unbound:
    """Marks a name that has no value."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<unbound>"


UNBOUND = Unbound()


class Frame(Owner):
    """One activation of a traced function: its locals are fields; `$exit` and `$ret` say how it is being left.

    $exit  0 running, 1 break, 2 continue, 3 return; a Sym where that depends on run-time values
    """

    __slots__ = ("closure", "exits", "is_comprehension", "parent", "scope")

    def __init__(self, birth: int, scope: Scope, parent: Frame | None, closure: Closure | None) -> None:
        super().__init__(birth)
        self.scope, self.parent, self.closure = scope, parent, closure
        self.fields = {"$exit": 0, "$ret": None}
        self.exits: set[int] = set()
        self.is_comprehension = False


STAND_INS = (Sym, LazyStr, Owner, DictView, Columns, Closure, Method, RoleBlock, ScopeBlock, Unmergeable, Unbound)


def is_ordinary(x: object) -> bool:
    """True for a Python object that means itself; a tuple is ordinary when all in it is."""
    if isinstance(x, tuple):
        return all(is_ordinary(i) for i in x)
    return not isinstance(x, STAND_INS)


def is_literal(x: object) -> bool:
    """True for what may stand inline in a graph."""
    if type(x) is tuple:
        return all(is_literal(i) for i in x)
    return x is None or type(x) in (bool, int, float, str, bytes)


def same_literal(x: object, y: object) -> bool:
    """True for two literals that are alike in every part: 1, 1.0 and True differ."""
    return is_literal(x) and is_literal(y) and repr(x) == repr(y)


def plain(x: Any) -> bool:
    """True for an ordinary immutable value that Python may compute with at trace time."""
    return is_literal(x) or isinstance(x, range | frozenset | complex)


def containers_in(x: Any) -> Iterator[Container]:
    """The containers inside a container's content, and in them."""
    parts = x.values() if isinstance(x, dict) else x if isinstance(x, tuple) else ()
    for part in parts:
        if isinstance(part, Container):
            yield part
            yield from containers_in(part.fields["content"])
        elif isinstance(part, tuple):
            yield from containers_in(part)


def of_states(content: Any) -> bool:
    if isinstance(content, Value):
        return content.type.is_state
    return isinstance(content, tuple) and bool(content) and all(isinstance(c, StateCell) for c in content)


def known_items(x: Any) -> tuple[Any, ...] | None:
    """What an iterable gives, where the trace knows; None where only the run does."""
    if isinstance(x, Container):
        if x.is_static and x.kind == "set":
            return tuple(set(x.content))  # a set has an order of its own
        return tuple(x.content) if x.is_static else None
    if isinstance(x, DictView):
        return x.items
    if isinstance(x, tuple):
        return x
    if isinstance(x, str | range | bytes | frozenset):
        return tuple(x) if len(x) <= MAX_UNROLL else None
    return None
