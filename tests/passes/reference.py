"""Runs a graph by walking it, one node after another, with a model that is a pure function of what it is asked.

The oracle for passes: no waves, no futures, no tokens. State and host ops are the executor's own functions.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

from lmc.executor.nodeops import compute_of
from lmc.executor.state import ProgramState
from lmc.ir.graph import Atom, Block, Graph, Lit, Node
from lmc.ir.ops import OPS

Call = tuple[str, int, int]  # prompt text, lineage, calls so far
NO_INSTANCE: Any = None  # what pure ops never look at


@dataclass
class Outcome:
    """What a run did: its result or its error, its effects in order, and its model calls."""

    text: str = ""
    names: dict[str, object] = field(default_factory=dict)
    value: object = None
    error: str = ""
    effects: list[Any] = field(default_factory=list)
    calls: Counter[Call] = field(default_factory=Counter)

    @property
    def seen(self) -> tuple[object, ...]:
        """All that a user of the program can see."""
        return self.text, self.names, repr(self.value), self.error, self.effects


def run_graph(graph: Graph, arguments: dict[str, Any], externs: dict[str, Any], effects: list[Any]) -> Outcome:
    """Runs a graph to its end; `effects` is what the externs write to."""
    outcome = Outcome(effects=effects)
    walker = _Walker(externs, outcome)
    walker.values.update((param.value.name, arguments[param.value.name]) for param in graph.params)
    try:
        end, inputs = walker.block(graph.body, ())
        if end.op == "return":
            state, outcome.value = inputs
            outcome.text, outcome.names = state.text(), dict(state.names.values)
    except Exception as error:
        outcome.error = repr(error)
    return outcome


class _Walker:
    def __init__(self, externs: dict[str, Any], outcome: Outcome) -> None:
        self.externs = externs
        self.outcome = outcome
        self.values: dict[str, Any] = {}

    def block(self, block: Block, params: tuple[Any, ...]) -> tuple[Node, list[Any]]:
        """The terminator, and the values of its inputs."""
        self.values.update((value.name, given) for value, given in zip(block.params, params))
        for node in block.body:
            outs = self.node(node, [self.value(atom) for atom in node.inputs])
            self.values.update((value.name, out) for value, out in zip(node.outputs, outs, strict=True))
        inputs = [self.value(atom) for atom in block.end.inputs]
        if block.end.op == "raise":
            raise self.externs[str(block.end.attr("fn"))](*inputs)
        return block.end, inputs

    def value(self, atom: Atom) -> Any:
        return atom.value if isinstance(atom, Lit) else self.values[atom.name]

    def node(self, node: Node, inputs: list[Any]) -> tuple[Any, ...]:
        if OPS[node.op].kind == "model":
            return self.call(node, inputs[0])
        match node.op:
            case "if":
                return tuple(self.block(node.regions[0 if inputs[0] else 1], ())[1])
            case "loop":
                return self.loop(node, inputs)
            case "for":
                return self.each(node, inputs)
            case "call":
                return (self.externs[str(node.attr("fn"))](*inputs),)
        out = compute_of(node)(NO_INSTANCE, inputs)
        return (out,) if len(node.outputs) == 1 else tuple(out)

    def call(self, node: Node, state: ProgramState) -> tuple[ProgramState, str]:
        asked = (state.text(), state.lineage, state.calls)
        self.outcome.calls[asked] += 1
        text = f"<{sum(repr((asked, node.op)).encode()) % 1000}>"
        state = replace(state.append(text), calls=state.calls + 1)
        name = node.attr("name")
        return (state.set(name, text) if isinstance(name, str) else state), text

    def loop(self, node: Node, slots: list[Any]) -> tuple[Any, ...]:
        while True:
            _, (again, *slots) = self.block(node.regions[0], tuple(slots))
            if not again:
                return tuple(slots)

    def each(self, node: Node, inputs: list[Any]) -> tuple[Any, ...]:
        items, *slots = inputs
        for item in items:
            _, (again, *slots) = self.block(node.regions[0], (item, *slots))
            if not again:
                break
        return tuple(slots)
