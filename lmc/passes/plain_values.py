"""What a graph's values are where they are made from arguments, plain objects and builtins alone: no user's code runs.

Not a pass: a change of a program is measured with them (what_if.py). Objects are those that the program names, as they
are now; a set is walked in its own order, or backwards, as another process might.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lmc.ir.graph import Atom, Graph, Lit, Node, Value
from lmc.ir.ops import OPS
from lmc.ir.types import is_plain
from lmc.passes.known_values import MAX_SPEC

_COMPUTED = frozenset(("concat", "format", "as_text", "item", "slice", "tuple", "list", "dict", "len", "order"))
_CALLS: dict[str, Callable[..., object]] = {
    "builtins.str": str, "builtins.sorted": sorted, "builtins.list": list, "builtins.tuple": tuple,
    "builtins.len": len, "builtins.sum": sum, "builtins.min": min, "builtins.max": max,
}  # fmt: skip
_METHODS = frozenset(("join", "upper", "lower", "strip", "title", "values", "keys", "items", "get"))
MAX_TURNS = 1_000  # of a loop that is walked here
MAX_TEXT = 1_000_000  # characters of a text that is made here


class PlainValues:
    """The values of one graph with some objects behind its externs. Each is () where it cannot be known, else (it,)."""

    def __init__(
        self, graph: Graph, makers: Mapping[str, Node], objects: Mapping[str, object], *, is_backwards: bool = False
    ) -> None:
        self._graph, self._makers, self._is_backwards = graph, makers, is_backwards
        self._objects = {name: value for name, value in objects.items() if is_plain(value)}
        self._known: dict[str, tuple[object, ...]] = {}

    def of(self, atom: Atom) -> tuple[object, ...]:
        """A value of the graph's own block."""
        return self._value(atom, self._known)

    def _value(self, atom: Atom, known: dict[str, tuple[object, ...]]) -> tuple[object, ...]:
        if isinstance(atom, Lit):
            return (atom.value,)
        if atom.name not in known:
            known[atom.name] = ()  # should it be asked for while it is made
            node = self._makers.get(atom.name)
            known.update(self._made(node, known) if node is not None else {})
        return known[atom.name]

    def _made(self, node: Node, known: dict[str, tuple[object, ...]]) -> dict[str, tuple[object, ...]]:
        """What a node's outputs are."""
        if node.op == "extern":
            name = str(node.attr("fn"))
            return _named(node, (self._objects[name],)) if name in self._objects else {}
        if node.op not in ("for", "call", "method", "mutate", *_COMPUTED):
            return {}
        inputs = [self._value(atom, known) for atom in node.inputs]
        if not all(inputs):
            return {}
        values = [each[0] for each in inputs]
        try:
            return _named(node, self._walked(node, values, known) if node.op == "for" else self._computed(node, values))
        except Exception:  # it raises when the program runs, in its place
            return {}

    def _computed(self, node: Node, values: list[Any]) -> tuple[object, ...]:
        compute = OPS[node.op].eval
        made: tuple[object, ...]
        match node.op:
            case "call":
                label = self._graph.extern(str(node.attr("fn"))).label
                made = (_CALLS[label](*map(self._ordered, values)),) if label in _CALLS else ()
            case "method":
                made = (compute(dict(node.attrs), *values),) if node.attr("name") in _METHODS and compute else ()
            case "mutate" if node.attr("name") == "append":
                made = ([*values[0], *values[1:]], None)
            case "mutate":
                made = ()
            case "format" if len(str((*values[1:], node.attr("spec", "")))) > 4 * MAX_SPEC:
                made = ()
            case _:
                made = (compute(dict(node.attrs), *values),) if compute else ()
        return made if all(not isinstance(each, str) or len(each) <= MAX_TEXT for each in made) else ()

    def _walked(self, node: Node, values: list[Any], known: dict[str, tuple[object, ...]]) -> tuple[object, ...]:
        """The carries of a loop over plain items, after its last turn."""
        (body,), (items, *carries) = node.regions, values
        *inside, last = body.nodes
        if not is_plain(items) or len(items) > MAX_TURNS or last.op != "next":
            return ()
        for item in self._ordered(items):
            turn = dict(known)
            turn.update({param.name: (value,) for param, value in zip(body.params, (item, *carries))})
            for each in inside:
                turn.update(self._made(each, turn))
            found = [self._value(atom, turn) for atom in last.inputs]
            if not all(found) or found[0] != (True,):
                return ()
            carries = [each[0] for each in found[1:]]
        return tuple(carries)

    def _ordered(self, value: Any) -> Any:
        if not self._is_backwards or not isinstance(value, set | frozenset):
            return value
        return list(value)[::-1]


def _named(node: Node, values: tuple[object, ...]) -> dict[str, tuple[object, ...]]:
    outputs: tuple[Value, ...] = node.outputs
    return {value.name: (made,) for value, made in zip(outputs, values)} if len(outputs) == len(values) else {}
