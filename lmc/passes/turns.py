"""Where a state may stand in a conversation, as far as the graph says.

Not a pass: `chat_template` asks which role came before, `dce` whether a role marker may be refused when it runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lmc.ir.graph import Graph, Node, Value, invoked_in, unwinds_in

Turn = tuple[str, str | None]  # the role of the last closed turn, "" for none; and that of the open turn
Turns = frozenset[Turn]

MARKERS = frozenset(("role_begin", "role_end"))
_CARRY = frozenset(("for", "loop", "try", "function"))
_FIRST_DECIDES = frozenset(("join", "join_list"))  # the children add text, not turns


def turns_of(graph: Graph) -> Mapping[str, Turns]:
    """For each state and list of states all places it may stand at. Loops go round until nothing changes."""
    turns: dict[str, Turns] = {}
    grown = any(node.op in MARKERS for node in graph.walk())
    invoked = list(invoked_in(graph.body)) if grown else []
    while grown:
        grown = False
        for flow in (*(_flow(node, turns) for node in graph.walk()), *(_flow_round(*each, turns) for each in invoked)):
            for value, new in flow:
                old = turns.get(value.name, frozenset())
                turns[value.name] = old | new
                grown = grown or not new <= old
    return turns


def before(node: Node, turns: Mapping[str, Turns]) -> Turns:
    """Where the state that a role marker is put on may stand."""
    return _joined(node.inputs, turns)


def may_be_refused(marker: Node, turns: Mapping[str, Turns]) -> bool:
    """True where a turn may begin inside another, or end without being open: an error when the program runs."""
    wanted = None if marker.op == "role_begin" else marker.attr("role")
    return any(is_open != wanted for _, is_open in before(marker, turns))


def _flow(node: Node, turns: Mapping[str, Turns]) -> Iterable[tuple[Value, Turns]]:
    """What a node says about its outputs and about the parameters of its regions."""
    if node.op == "begin":
        yield node.outputs[0], frozenset((("", None),))
    elif node.op == "role_begin":
        yield node.outputs[0], frozenset((last, str(node.attr("role"))) for last, _ in before(node, turns))
    elif node.op == "role_end":
        yield node.outputs[0], frozenset(((str(node.attr("role")), None),))
    elif node.op == "invoke":
        return
    elif node.regions:
        yield from _flow_through(node, turns)
    else:
        place = _joined(node.inputs[:1] if node.op in _FIRST_DECIDES else node.inputs, turns)
        yield from ((value, place) for value in node.outputs if value.type.is_state)


def _flow_through(node: Node, turns: Mapping[str, Turns]) -> Iterable[tuple[Value, Turns]]:
    carries = node.inputs[node.op == "for" :] if node.op in _CARRY else ()
    for region in node.regions:
        carried = {"next": region.end.inputs[1:], "yield": region.end.inputs}.get(region.end.op, ())
        params = region.params[len(region.params) - len(carries) :] if region.params else ()
        yield from ((param, _joined((carry,), turns)) for param, carry in zip(params, carries))
        if region.end.op == "next":
            yield from ((param, _joined((atom,), turns)) for param, atom in zip(params, carried))
        yield from ((value, _joined((atom,), turns)) for value, atom in zip(node.outputs, carried))
    if node.op == "try":
        for unwind in unwinds_in(node.regions[0]):
            handed = zip(node.regions[1].params[1:], unwind.inputs)
            yield from ((param, _joined((atom,), turns)) for param, atom in handed)
    if node.op == "for":  # it may run no times
        yield from ((value, _joined((atom,), turns)) for value, atom in zip(node.outputs, carries))


def _flow_round(invoke: Node, function: Node, turns: Mapping[str, Turns]) -> Iterable[tuple[Value, Turns]]:
    """What a function that invokes itself is given, and gives."""
    yield from ((to, _joined((atom,), turns)) for to, atom in zip(function.regions[0].params, invoke.inputs))
    yield from ((to, _joined((value,), turns)) for to, value in zip(invoke.outputs, function.outputs))


def _joined(atoms: Iterable[object], turns: Mapping[str, Turns]) -> Turns:
    known = [turns.get(atom.name, frozenset()) for atom in atoms if isinstance(atom, Value)]
    return frozenset().union(*known)
