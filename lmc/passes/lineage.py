"""Which calls a state goes on from: those whose prompt and answer it begins with, and nothing generated behind them.

Not a pass: `liveness` asks. A loop's state goes on from what came in and from what its turns hand on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lmc.ir.graph import Graph, Node, Value, invoked_in
from lmc.ir.ops import OPS

Calls = frozenset[int]  # by the numbers of their nodes
NOTHING: Calls = frozenset()

_CARRY = frozenset(("for", "loop", "try", "function"))


def goes_on_from(graph: Graph) -> Mapping[str, Calls]:
    """For each state and list of states the calls it goes on from. Loops go round until nothing changes."""
    found: dict[str, Calls] = {}
    numbered = list(enumerate(graph.walk()))
    invoked = list(invoked_in(graph.body))
    grown = True
    while grown:
        grown = False
        for number, node in numbered:
            grown |= _put(found, _flow(number, node, found))
        for invoke, function in invoked:
            grown |= _put(found, _flow_round(invoke, function, found))
    return found


def _put(found: dict[str, Calls], flow: Iterable[tuple[Value, Calls]]) -> bool:
    grown = False
    for value, new in flow:
        old = found.get(value.name)
        if old is None or not new <= old:
            found[value.name] = new | (old or NOTHING)
            grown = grown or bool(new)
    return grown


def _flow(number: int, node: Node, found: Mapping[str, Calls]) -> Iterable[tuple[Value, Calls]]:
    """What a node says about its outputs and about the parameters of its regions."""
    if OPS[node.op].kind == "model":
        yield node.outputs[0], frozenset((number,))
    elif node.regions:
        yield from _flow_through(node, found)
    elif node.op != "invoke":
        calls = _joined(node.inputs[:1], found)
        yield from ((value, calls) for value in node.outputs if value.type.is_state)


def _flow_through(node: Node, found: Mapping[str, Calls]) -> Iterable[tuple[Value, Calls]]:
    carries = node.inputs[node.op == "for" :] if node.op in _CARRY else ()
    for region in node.regions:
        carried = {"next": region.end.inputs[1:], "yield": region.end.inputs}.get(region.end.op, ())
        params = region.params[len(region.params) - len(carries) :] if region.params else ()
        pairs = [*zip(params, carries), *zip(node.outputs, carried)]
        pairs += zip(params, carried) if region.end.op == "next" else ()
        yield from ((value, _joined((atom,), found)) for value, atom in pairs if value.type.is_state)
    if node.op == "for":  # it may run no times
        yield from ((value, _joined((atom,), found)) for value, atom in zip(node.outputs, carries))


def _flow_round(invoke: Node, function: Node, found: Mapping[str, Calls]) -> Iterable[tuple[Value, Calls]]:
    """What a function that invokes itself is given, and gives."""
    pairs = [*zip(function.regions[0].params, invoke.inputs), *zip(invoke.outputs, function.outputs)]
    yield from ((value, _joined((atom,), found)) for value, atom in pairs if value.type.is_state)


def _joined(atoms: Iterable[object], found: Mapping[str, Calls]) -> Calls:
    known = [found.get(atom.name, NOTHING) for atom in atoms if isinstance(atom, Value)]
    return frozenset().union(*known)
