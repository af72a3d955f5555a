"""The graph: SSA values, nodes with regions, blocks. Frozen; equality ignores spans, not names.

A prompt is a value: `append` takes a state and gives a new one, `gen` gives a new state and the text beside it.
Program order is the textual order of a block's nodes; it matters only to nodes that raise or have effects.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from types import EllipsisType

from lmc.ir.constraint import Constraint
from lmc.ir.literal import spelled
from lmc.ir.types import REF, Type, Unset
from lmc.ir.types import UNSET as UNSET
from lmc.notebook import pre
from lmc.source import Span

Literal = None | bool | int | float | str | bytes | EllipsisType | Unset | tuple["Literal", ...]
Attr = Literal | Constraint | tuple["Attr", ...]


@dataclass(frozen=True, slots=True)
class Value:
    """An SSA value: defined once, in a graph where its name is unique."""

    name: str
    type: Type

    def __str__(self) -> str:
        return f"%{self.name}"


@dataclass(frozen=True, slots=True, eq=False)
class Lit:
    """A literal, inline. Two are equal when they print alike, so 1, 1.0 and True differ."""

    value: Literal

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Lit):
            return False
        if type(self.value) is str and type(other.value) is str:  # a long prompt need not be printed to be compared
            return self.value == other.value
        return spelled(self.value) == spelled(other.value)

    def __hash__(self) -> int:
        return hash(self.value if type(self.value) is str else spelled(self.value))


Atom = Value | Lit


@dataclass(frozen=True, slots=True)
class Node:
    """One operation.

    keys    names of the last len(keys) inputs: `gen %s, temperature=%t` has keys ("temperature",)
    attrs   what is known at compile time, sorted by name
    places  of an append that was several: from which operand on, and from which character of it, it was written where
    """

    op: str
    inputs: tuple[Atom, ...] = ()
    keys: tuple[str, ...] = ()
    attrs: tuple[tuple[str, Attr], ...] = ()
    regions: tuple[Block, ...] = ()
    outputs: tuple[Value, ...] = ()
    span: Span | None = field(default=None, compare=False)
    places: tuple[tuple[int, int, Span | None], ...] = field(default=(), compare=False)

    def attr(self, name: str, default: Attr = None) -> Attr:
        """The attribute, or `default` where the node has none of that name."""
        for key, value in self.attrs:
            if key == name:
                return value
        return default

    def has(self, name: str) -> bool:
        """True if the node carries the attribute, whatever its value."""
        return any(key == name for key, _ in self.attrs)

    def with_attrs(self, **attrs: Attr) -> Node:
        """This node with attributes added or replaced."""
        return replace(self, attrs=tuple(sorted({**dict(self.attrs), **attrs}.items())))

    @property
    def args(self) -> tuple[Atom, ...]:
        """The inputs that have no name."""
        return self.inputs[: len(self.inputs) - len(self.keys)]

    @property
    def kwargs(self) -> dict[str, Atom]:
        """The inputs that have one."""
        return dict(zip(self.keys, self.inputs[len(self.inputs) - len(self.keys) :]))


@dataclass(frozen=True, slots=True)
class Block:
    """Nodes one after another; the last is a terminator (`yield`, `next`, `return` or `raise`)."""

    params: tuple[Value, ...]
    nodes: tuple[Node, ...]

    @property
    def body(self) -> tuple[Node, ...]:
        """All nodes but the terminator."""
        return self.nodes[:-1]

    @property
    def end(self) -> Node:
        """The terminator."""
        return self.nodes[-1]


@dataclass(frozen=True, slots=True)
class Param:
    """An argument leaf: `path` says where it sits in the call's arguments, as in ("dims", 0) for dims[0]."""

    value: Value
    path: tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Extern:
    """A name for something of the user's Python that the graph calls or reads: a symbol, never the object.

    label   what it is: "builtins.int", or "agent.py:12 search"
    effect  none, reads, writes or ordered
    """

    name: str
    label: str
    effect: str = "ordered"
    raises: bool = True
    type: Type = REF


@dataclass(frozen=True, slots=True, repr=False)
class Graph:
    """A program as a graph. `str(graph)` parses back to an equal one (spans aside)."""

    name: str
    params: tuple[Param, ...]
    externs: tuple[Extern, ...]
    body: Block

    def __str__(self) -> str:
        from lmc.ir.printer import print_graph

        return print_graph(self)

    def __repr__(self) -> str:
        return f"<lmc graph {self.name}({', '.join(p.value.name for p in self.params)}), {len(self.nodes)} nodes>"

    def _repr_html_(self) -> str:
        return pre(str(self), "print(...) shows them")

    def walk(self) -> Iterator[Node]:
        """Every node in program order, a region's node before what is inside it."""
        return walk(self.body)

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Every node at its number, by which a plan's steps and a networkx graph name it: the order of `walk`."""
        return tuple(self.walk())

    def extern(self, name: str) -> Extern:
        """The extern of that name."""
        return next(e for e in self.externs if e.name == name)


def unwinds_in(body: Block) -> Iterator[Node]:
    """The `unwind` nodes of a `try` with this body: those of the bodies inside it are other ones'."""
    for node in body.nodes:
        if node.op == "unwind":
            yield node
        for region in node.regions[node.op == "try" :]:
            yield from unwinds_in(region)


def invoked_in(body: Block, around: tuple[Node, ...] = ()) -> Iterator[tuple[Node, Node]]:
    """The `invoke` nodes of a block, each with the `function` node around it that it names; `around` are known."""
    for node in body.nodes:
        if node.op == "invoke":
            yield node, next(each for each in reversed(around) if each.attr("name") == node.attr("name"))
        for region in node.regions:
            yield from invoked_in(region, (*around, node) if node.op == "function" else around)


def walk(block: Block) -> Iterator[Node]:
    """Every node of a block and of the regions inside it, in program order."""
    for node in block.nodes:
        yield node
        for region in node.regions:
            yield from walk(region)
