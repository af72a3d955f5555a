"""schedule: graph to plan. One step for each model call, each host call with effects and each region.

    %a, %x = gen %s                   #0 gen %x node 1 wave 0 prompt "Hi "
    %b, %y = gen %t             ->    #1 gen %y node 2 wave 0 prompt "Ho "
    %u = append %r, %x, %y            #2 gen %z node 4 wave 1 after #0 #1 prompt %x %y
    %c, %z = gen %u

Calls that do not need each other stand in the same wave, without the user asking. A step waits for the calls whose
text or state it reads; one with effects also for earlier effects, and for whatever might have raised before it.
In the body of a `try` a model call waits as well for what might have raised before it; its handler comes after it.
A region counts as one step that waits for all that it reads; a loop's body counts once.

Prompts are flat, from `begin` on, through states of outer regions too. A hole is a Value; a state at the front is
a prompt that came into the region. Keeps: the graph.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lmc.ir.analysis import effect_of, raises
from lmc.ir.graph import Atom, Block, Graph, Node, Value, walk
from lmc.ir.ops import OPS
from lmc.ir.plan import Plan, Step
from lmc.ir.rewrite import defined_in
from lmc.ir.strand import Strand
from lmc.passes.base import Inputs, Pass, Report
from lmc.passes.flat_prompts import FlatPiece, FlatPrompts, atom_of


def run(graph: Graph, inputs: Inputs) -> tuple[Plan, Report]:
    """The graph's plan, without hints."""
    scheduler = _Scheduler(graph)
    _, waves = scheduler.block(graph.body, None)
    steps = tuple(sorted(scheduler.steps, key=lambda step: step.id))
    calls = sum(OPS[step.op].kind == "model" for step in steps)
    return Plan(graph, steps), Report("schedule", (("steps", len(steps)), ("calls", calls), ("waves", waves)))


@dataclass(frozen=True, slots=True)
class _Reach:
    """How far one has to go to have a value: model calls in a row, and the last steps on the way, in its region."""

    calls: int = 0
    steps: frozenset[int] = frozenset()


_START = _Reach()


def _both(reaches: Iterable[_Reach]) -> _Reach:
    found = [reach for reach in reaches if reach is not _START]
    if len(found) < 2:
        return found[0] if found else _START
    return _Reach(max(r.calls for r in found), frozenset().union(*(r.steps for r in found)))


@dataclass(slots=True)
class _Order:
    """What effects wait for, within one block: `written` by the last change, `seen` by all that read or may raise."""

    written: _Reach = _START
    seen: _Reach = _START


class _Scheduler:
    """One walk; nodes and steps are numbered as it goes. `reach` of a value is counted inside its own region."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.prompts = FlatPrompts(graph)
        self.atoms: dict[int, Strand[Atom]] = {}  # of the parts of prompts
        self.steps: list[Step] = []
        self.num_nodes = self.num_steps = self.num_tries = 0

    def block(self, block: Block, inside: int | None) -> tuple[dict[str, _Reach], int]:
        """How far the values of a block are, and how many calls in a row the block has."""
        reach: dict[str, _Reach] = {}
        order, depth = _Order(), 0
        for node in block.nodes:
            number = self.num_nodes
            self.num_nodes += 1
            start = _waits_for(node, reach, order, self.graph)
            if self.num_tries and OPS[node.op].kind == "model":
                start = _both((start, order.seen))
            if not self.has_step(node):
                ends = [start] * len(node.outputs)
            else:
                ends, length = self.step(node, number, start, inside)
                depth, start = max(depth, length), _Reach(length, frozenset((self.steps[-1].id,)))
            reach.update((value.name, end) for value, end in zip(node.outputs, ends))
            _commit(node, start, order, self.graph)
        return reach, depth

    def has_step(self, node: Node) -> bool:
        if node.op == "call":
            return effect_of(node, self.graph) != "none"
        return OPS[node.op].kind in ("model", "region")

    def step(self, node: Node, number: int, start: _Reach, inside: int | None) -> tuple[list[_Reach], int]:
        """Adds the node's step, and those of its regions. How far its outputs are, and how many calls until it ends."""
        id, kind = self.num_steps, OPS[node.op].kind
        self.num_steps += 1
        inner, depth = self.regions(node, id)
        length = start.calls + (1 if kind == "model" else depth)
        ends = inner if kind == "region" else [length - start.calls] * len(node.outputs)
        prompt = self.prompts.of(node.inputs[0]).mapped(_atoms, self.atoms) if kind == "model" else ()
        self.steps.append(Step(id, number, node.op, inside, start.calls, tuple(sorted(start.steps)), prompt))
        return [_Reach(start.calls + end, frozenset((id,))) for end in ends], length

    def regions(self, node: Node, id: int) -> tuple[list[int], int]:
        """For each result of a region node the calls in a row inside it; the same for all that is inside."""
        results, deepest, before = [0] * len(node.outputs), 0, 0
        for i, region in enumerate(node.regions):
            is_tried = node.op == "try" and i == 0
            self.num_tries += is_tried
            reach, depth = self.block(region, id)
            self.num_tries -= is_tried
            deepest = max(deepest, before + depth)
            carried = region.end.inputs[1:] if region.end.op == "next" else region.end.inputs
            for i, atom in enumerate(carried[: len(results)] if region.end.op != "raise" else ()):
                results[i] = max(results[i], before + _reach_of(atom, reach).calls)
            before = depth if is_tried else 0
        return results, deepest


def _atoms(pieces: tuple[FlatPiece, ...]) -> tuple[Atom, ...]:
    return tuple(map(atom_of, pieces))


def _reach_of(atom: Atom, reach: dict[str, _Reach]) -> _Reach:
    return reach.get(atom.name, _START) if isinstance(atom, Value) else _START


def _read(node: Node) -> Iterable[Atom]:
    """What a node reads; a region node also what its regions read from around them."""
    if not node.regions:
        return node.inputs
    inside = {value.name for region in node.regions for value in defined_in(region)}
    used = [atom for region in node.regions for each in walk(region) for atom in each.inputs]
    return (*node.inputs, *(atom for atom in used if isinstance(atom, Value) and atom.name not in inside))


def _waits_for(node: Node, reach: dict[str, _Reach], order: _Order, graph: Graph) -> _Reach:
    data = _both([_reach_of(atom, reach) for atom in _read(node)])
    match effect_of(node, graph):
        case "none":
            return data
        case "reads":
            return _both((data, order.written))
    return _both((data, order.seen))


def _commit(node: Node, end: _Reach, order: _Order, graph: Graph) -> None:
    """What later effects wait for, now that this node stands before them."""
    effect = effect_of(node, graph)
    if effect in ("writes", "ordered"):
        order.written = order.seen = end
    elif effect == "reads" or raises(node, graph):
        order.seen = _both((order.seen, end))


PASS = Pass(name="schedule", level="plan", takes="graph", run=run, doc=__doc__)
