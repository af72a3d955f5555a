"""What leaves a graph is the object that it is: a list that is returned twice is one, an argument comes back itself.

While a container's structure is known, the trace makes a value of it wherever one is needed: a *copy*. Nothing in the
graph can tell copies from the original, but who gets the result can, by `is` or by changing one of them. So of all
copies of an argument that may be in what leaves the graph the argument itself takes the place; and a container of the
program's own that would leave it as several objects is made a live one, where it is made (see `MakeLive`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from lmc.ir.graph import Atom, Block, Node, Value
from lmc.ir.rewrite import renewed, with_nodes, with_parts
from lmc.ir.types import DATA, REF
from lmc.parser.capture.contents import COPIES, MAKE, NOTHING
from lmc.parser.capture.context import Capture
from lmc.parser.capture.tracer import MakeLive, has_live
from lmc.parser.capture.values import Container, Escapes, StandIn, is_literal
from lmc.source import Span

Place = tuple[tuple[int, str, int], ...]  # the regions that a node is in: (number of the region's node, its op, which)


def returned(cx: Capture, ret: StandIn) -> Atom:
    """What a program returns as one value: containers may hold states, and each of them is one object."""
    found = _Returned(cx)
    made = found.atom(ret)
    _check_aliases(cx, [(x, cx.t.span) for x in found.containers])
    return made


@dataclass(slots=True)
class _Returned:
    cx: Capture
    made: dict[int, Atom] = field(default_factory=dict)  # by the id of the container
    containers: list[Container] = field(default_factory=list)

    def atom(self, x: StandIn) -> Atom:
        if isinstance(x, tuple) and not is_literal(x):
            return self.cx.t.host("tuple", *map(self.atom, x))
        if not isinstance(x, Container):
            return self.cx.t.atom(x)
        if id(x) not in self.made:
            self.made[id(x)] = self._container(x)
            self.containers.append(x)
        return self.made[id(x)]

    def _container(self, x: Container) -> Atom:
        t = self.cx.t
        if x.constant is not None:
            raise Escapes(x.constant.key)
        if not x.is_static or x.kind == "set":
            return t.atom(x)
        if _is_argument(self.cx, x):
            return _argument(self.cx, x)
        content = x.content
        items = [i for pair in content.items() for i in pair] if isinstance(content, dict) else x.members
        made = t.host("dict" if isinstance(content, dict) else "list", *map(self.atom, items))
        t.is_copy(made, x)
        return made


def _is_argument(cx: Capture, x: Container) -> bool:
    """True for a container that the program was given; Python makes the dict of `**kwargs` anew for each call."""
    return x.path is not None and not (len(x.path) == 1 and x.path[0] in cx.own_names)


def _argument(cx: Capture, x: Container) -> Value:
    """The argument itself."""
    assert x.path is not None
    kind = REF if has_live(x) else DATA
    known = cx.t.params.get((kind.name, *x.path) if kind == REF else x.path)
    return known.value if known is not None else cx.t.param(kind, x.path)


# --- what else may leave -----------------------------------------------------------------------------------


def with_originals(cx: Capture, nodes: tuple[Node, ...]) -> tuple[Node, ...]:
    """The nodes of a program with its arguments instead of copies of them that may leave it.

    Raises MakeLive where some container of its own would leave it as several objects.
    """
    t = cx.t
    if not t.copies:
        return nodes
    found = _Flow(nodes)
    roots = [atom for node, _ in found.all_nodes for atom in _leaving(node)]
    leaving = NOTHING.union(*map(t.contents.reach, roots))
    values: dict[str, Atom] = {}
    of: dict[str, Container] = {}
    once: dict[int, list[str]] = {}
    for name in found.reached(roots):
        copy = t.copies.get(name)
        if copy is None:
            continue
        of[name] = copy.of
        if not t.is_among(copy.of, leaving):
            continue
        if _is_argument(cx, copy.of):
            values[name] = _argument(cx, copy.of)
        elif copy.is_repeated or any(not found.exclude(name, had) for had in once.get(copy.of.birth, ())):
            raise _live(cx, copy.of, found.span(name))
        else:
            once.setdefault(copy.of.birth, []).append(name)
    _check_aliases(cx, [(copy, found.span(name)) for name, copy in of.items()])
    return _renewed(nodes, values) if values else nodes


def _check_aliases(cx: Capture, leaving: Sequence[tuple[Container, Span | None]]) -> None:
    """Raises MakeLive for what a branch made of two containers alike, where one of them is seen outside by itself."""
    seen = {id(x) for x, _ in leaving}
    for x, span in leaving:
        others = [other for other in x.aliases if isinstance(other, Container) and not other.is_live]
        if x.is_static and any(id(other) in seen or _is_argument(cx, other) for other in others):
            need = _live(cx, x, span)
            raise MakeLive(need.sites.union(*(cx.t.make_live(other).sites for other in others)), need.span)


def _live(cx: Capture, x: Container, span: Span | None) -> MakeLive:
    """The trace is over: the place is that of the value which leaves."""
    cx.t.span = cx.t.span or span
    return cx.t.make_live(x)


def _leaving(node: Node) -> tuple[Atom, ...]:
    """The values that a node hands out of the graph."""
    if node.op == "return":
        return node.inputs[1:]
    if node.op == "set":
        return node.inputs
    return node.inputs if node.op == "raise" else ()


class _Flow:
    """Where the values of a program come from.

    makers   the node that defines a value, by its name, and for a parameter of a region the region's node
    uses     by the name of a value, the numbers of the nodes that use it
    """

    def __init__(self, nodes: tuple[Node, ...]) -> None:
        self.all_nodes: list[tuple[Node, Place]] = []
        self.makers: dict[str, Node] = {}
        self.places: dict[str, Place] = {}
        self.uses: dict[str, list[int]] = {}
        self._walk(nodes, ())

    def _walk(self, nodes: tuple[Node, ...], place: Place) -> None:
        for node in nodes:
            number = len(self.all_nodes)
            self.all_nodes.append((node, place))
            for atom in node.inputs:
                if isinstance(atom, Value):
                    self.uses.setdefault(atom.name, []).append(number)
            for out in node.outputs:
                self.makers[out.name], self.places[out.name] = node, place
            for i, region in enumerate(node.regions):
                self.makers.update((param.name, node) for param in region.params)
                self._walk(region.nodes, (*place, (number, node.op, i)))

    def span(self, name: str) -> Span | None:
        """Where a value is made."""
        return self.makers[name].span if name in self.makers else None

    def exclude(self, a: str, b: str) -> bool:
        """True for two values of which a run goes on with one at most."""
        attempts = self._attempts(a) | self._attempts(b)
        is_handed_on = len(attempts) == 1 and -1 not in attempts
        together = is_handed_on and not set(self.uses[a]).isdisjoint(self.uses[b])
        return (is_handed_on and not together) or _are_apart(self.places[a], self.places[b])

    def _attempts(self, name: str) -> set[int]:
        """The `try` whose body only hands a value on: to what stands behind it, or to its handler. Else also -1."""
        return {self._attempt(*self.all_nodes[number]) for number in self.uses.get(name, ())}

    def _attempt(self, node: Node, place: Place) -> int:
        number, op, region = place[-1] if place else (-1, "", 0)
        if node.op == "unwind":
            return next((number for number, op, region in reversed(place) if op == "try" and region == 0), -1)
        return number if node.op == "yield" and op == "try" and region == 0 else -1

    def reached(self, roots: list[Atom]) -> Iterator[str]:
        """The names of the values of which something may be in the roots as the object that it is."""
        stack = [(atom, True) for atom in roots]
        seen: set[tuple[str, bool]] = set()
        told: set[str] = set()
        while stack:
            atom, itself = stack.pop()
            if not isinstance(atom, Value) or atom.type.name != "data" or (atom.name, itself) in seen:
                continue
            seen.add((atom.name, itself))
            if itself and atom.name not in told:
                told.add(atom.name)
                yield atom.name
            if atom.name in self.makers:
                stack += _sources(self.makers[atom.name], itself)


def _are_apart(a: Place, b: Place) -> bool:
    """True for places in two arms of one branch."""
    for (node, op, region), (other, _, other_region) in zip(a, b):
        if node != other:
            return False
        if region != other_region:
            return op == "if"
    return False


def _sources(node: Node, itself: bool) -> Iterator[tuple[Atom, bool]]:
    """What a value may be made of: (operand, whether it may be in there itself, and not only what it holds)."""
    if node.regions:
        yield from ((atom, itself) for atom in node.inputs)
        yield from ((atom, itself) for region in node.regions for atom in _handed_on(region))
    elif node.op in MAKE:
        yield from ((atom, True) for atom in node.inputs)
    elif node.op in ("mutate", "set_item"):
        yield node.inputs[0], False
        yield from ((atom, True) for atom in node.inputs[1:])
    elif node.op in ("item", "unpack", "slice", "binary") or node.attr("fn") in COPIES:
        yield from ((atom, False) for atom in node.inputs)
    else:
        yield from ((atom, True) for atom in node.inputs)


def _handed_on(region: Block) -> Iterator[Atom]:
    """What a region gives its node, its next turn or its handler; what it hands out of the graph is looked at there."""
    for node in region.nodes:
        if node.op in ("yield", "next", "unwind", "invoke"):
            yield from node.inputs
        for inner in node.regions:
            yield from _handed_on(inner)


def _renewed(nodes: tuple[Node, ...], values: dict[str, Atom]) -> tuple[Node, ...]:
    return tuple(
        with_parts(
            node,
            renewed(node.inputs, values),
            tuple(with_nodes(each, _renewed(each.nodes, values)) for each in node.regions),
        )
        for node in nodes
    )
