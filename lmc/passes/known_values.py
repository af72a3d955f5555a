"""What a graph's values are for one item of a batch, as far as its arguments and literals say.

Not a pass: `hoist_prefix` reads argument values through it. Only ops that take and give plain values are computed
here, never the user's code; what cannot be known is None.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lmc.ir.graph import Atom, Graph, Lit, Node
from lmc.ir.ops import OPS
from lmc.ir.types import is_plain
from lmc.passes.base import ArgPath

_COMPUTED = frozenset(("concat", "format", "as_text", "item", "slice", "tuple"))
MAX_SPEC = 8  # characters of a format spec: a longer one could ask for a text of any size


class KnownValues:
    """The values of one item. `texts` are computed on demand and kept."""

    def __init__(self, graph: Graph, makers: Mapping[str, Node], arguments: Mapping[ArgPath, object]) -> None:
        self._makers = makers
        self._known: dict[str, tuple[object, ...]] = {  # (value,), or () where it cannot be known
            param.value.name: (arguments[param.path],)
            for param in graph.params
            if param.path in arguments and is_plain(arguments[param.path])
        }

    def text(self, atom: Atom) -> str | None:
        """The text an atom stands for; None where it is not known, or no text."""
        known = self._value(atom)
        return known[0] if known and isinstance(known[0], str) else None

    def _value(self, atom: Atom) -> tuple[object, ...]:
        if isinstance(atom, Lit):
            return (atom.value,)
        if atom.name not in self._known:
            self._known[atom.name] = ()
            self._known[atom.name] = self._computed(self._makers.get(atom.name))
        return self._known[atom.name]

    def _computed(self, node: Node | None) -> tuple[object, ...]:
        if node is None or node.op not in _COMPUTED:
            return ()
        operands = [self._value(atom) for atom in node.inputs]
        if not all(operands):
            return ()
        return _evaluated(node, [known[0] for known in operands])


def _evaluated(node: Node, operands: list[Any]) -> tuple[object, ...]:
    compute = OPS[node.op].eval
    assert compute is not None
    specs = (*operands[1:], node.attr("spec", ""))
    if node.op == "format" and any(len(str(spec)) > MAX_SPEC for spec in specs):
        return ()
    try:
        return (compute(dict(node.attrs), *operands),)
    except Exception:  # it raises when the program runs, in its place
        return ()
