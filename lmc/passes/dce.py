"""dce: what nothing reads is not computed; each model call dropped is reported.

    %b, %x = gen %a                      %b, %x = gen %a
    %c, %unused = gen %b                 return %b, %x
    return %b, %x                 ->

Roots: the final state and the return value, nodes that may raise (a turn that may begin inside another does), and
nodes with effects that others could see.
A node stays whole while any of its outputs is used: a `gen` whose text is unread but whose state is used still
speaks, a `fork` whose parent is used still moves the lineage on, and it keeps all its children.
A `function` that calls itself keeps its parameters and results, as every call of it has the same.
Results of `if` and `try`, carries of `loop` and `for`, and what a `try` hands its handler go where nothing reads them,
with what was computed for them.
A `loop` itself stays: it may never end, and a program must not end because of us. Keeps: node order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count

from lmc.ir.analysis import effect_of, raises
from lmc.ir.graph import Atom, Block, Graph, Node, Value, unwinds_in
from lmc.ir.ops import OPS
from lmc.ir.rewrite import with_body, with_nodes, with_parts
from lmc.passes.base import Inputs, Note, Pass, Report, called
from lmc.passes.turns import MARKERS, may_be_refused, turns_of


def run(graph: Graph, inputs: Inputs) -> tuple[Graph, Report]:
    """The graph without dead nodes."""
    live = _Liveness(graph)
    body = _Sweep(live).block(graph.body)
    dropped = live.dead()
    calls = [node for node in dropped if OPS[node.op].kind == "model"]
    notes = tuple(Note(f"dropped {called(node)}: nothing reads it", node.span) for node in calls)
    counts = (("nodes dropped", len(dropped)), ("calls dropped", len(calls)))
    return with_body(graph, body), Report("dce", counts, notes)


def dead_calls(graph: Graph) -> list[Node]:
    """The model calls that nothing reads."""
    return [node for node in _Liveness(graph).dead() if OPS[node.op].kind == "model"]


ITEM = -1  # in place of a carry's number: the item of a `for`, the exception of a `try`
HANDED = -2


def _num_control(node: Node) -> int:
    """How many leading inputs of a region node decide what runs; the rest are carries."""
    return 0 if node.op in ("loop", "try", "function") else 1


def _indices(node: Node) -> Iterator[int]:
    """For each parameter of a region which carry it is."""
    match node.op:
        case "try":
            return count(ITEM, -1)
        case "for":
            return count(ITEM)
    return count()


class _Liveness:
    """Marks backwards from the roots. Nodes are numbered in `walk` order.

    nodes    each node, and the number of the region node around it
    marked   numbers of nodes that stay
    carries  (region node, i): the i-th result or carry of it that stays; HANDED - i of what a `try` hands its handler
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.turns = turns_of(graph)
        self.nodes: list[tuple[Node, int | None]] = []
        self.marked: set[int] = set()
        self.carries: set[tuple[int, int]] = set()
        self._makers: dict[str, tuple[int, int]] = {}  # value -> (node, which output); -1 for a `for`'s item
        self._todo: list[Value] = []
        self._number(graph.body, None)
        for i, (node, _) in enumerate(self.nodes):
            if self._is_root(node):
                self._mark(i)
        while self._todo:
            self._reach(self._todo.pop())

    def dead(self) -> list[Node]:
        """What goes."""
        numbered = enumerate(self.nodes)
        return [node for i, (node, _) in numbered if i not in self.marked and OPS[node.op].kind not in ("end", "mark")]

    def _number(self, block: Block, around: int | None) -> None:
        for node in block.nodes:
            here = len(self.nodes)
            self.nodes.append((node, around))
            self._makers.update((value.name, (here, i)) for i, value in enumerate(node.outputs))
            for region in node.regions:
                self._makers.update((value.name, (here, i)) for i, value in zip(_indices(node), region.params))
                self._number(region, here)

    def _is_root(self, node: Node) -> bool:
        if node.op in ("return", "loop"):
            return True
        if node.op in MARKERS and may_be_refused(node, self.turns):
            return True
        return raises(node, self.graph) or effect_of(node, self.graph) in ("writes", "ordered")

    def _mark(self, number: int | None) -> None:
        """The node stays, and so do the region nodes around it, and what decides whether they run."""
        while number is not None and number not in self.marked:
            self.marked.add(number)
            node, number = self.nodes[number]
            self._want(_needed(node))

    def _want(self, atoms: tuple[Atom, ...]) -> None:
        self._todo += [atom for atom in atoms if isinstance(atom, Value)]

    def _reach(self, value: Value) -> None:
        if value.name not in self._makers:
            return  # an argument of the program
        number, i = self._makers[value.name]
        self._mark(number)
        node = self.nodes[number][0]
        if node.regions and i != ITEM and (number, i) not in self.carries:
            self.carries.add((number, i))
            self._want(_carried(node, i))


def _needed(node: Node) -> tuple[Atom, ...]:
    """What a node that stays needs by itself; what flows through its regions is asked for carry by carry."""
    if not node.regions:
        return node.inputs
    if node.op == "function":  # whatever calls it gives and gets the same
        return (*node.inputs, *(atom for atom in node.regions[0].end.inputs if node.regions[0].end.op == "yield"))
    goes = [region.end.inputs[0] for region in node.regions if region.end.op == "next"]
    return (*node.inputs[: _num_control(node)], *goes)


def _carried(node: Node, i: int) -> tuple[Atom, ...]:
    """What the i-th result or carry of a region node is made of."""
    if node.op == "function":
        return ()
    if node.op == "try" and i < 0:
        return (node.inputs[HANDED - i], *(unwind.inputs[HANDED - i] for unwind in unwinds_in(node.regions[0])))
    yields = [region.end.inputs[i] for region in node.regions if region.end.op == "yield"]
    nexts = [region.end.inputs[1 + i] for region in node.regions if region.end.op == "next"]
    carries = () if node.op in ("if", "try") else (node.inputs[_num_control(node) + i],)
    return (*yields, *nexts, *carries)


class _Sweep:
    """Rebuilds the graph from what is marked; visits every node once, in `walk` order."""

    def __init__(self, live: _Liveness) -> None:
        self.live = live
        self.numbers: Iterator[int] = iter(range(len(live.nodes)))
        self.handed: list[list[int]] = []  # of each `try` in whose body this is: which of its inputs stay

    def block(self, block: Block) -> Block:
        nodes: list[Node] = []
        for node in block.nodes:
            number = next(self.numbers)
            if node.op == "unwind" and self.handed:
                nodes.append(replace(node, inputs=tuple(node.inputs[i] for i in self.handed[-1])))
                continue
            regions = tuple(self.region(node, number, i) for i in range(len(node.regions)))
            if number in self.live.marked or OPS[node.op].kind == "end":
                nodes.append(self.kept(node, number, regions) if regions else node)
        return with_nodes(block, nodes)

    def region(self, node: Node, number: int, i: int) -> Block:
        if node.op != "try" or i == 1:
            return self.block(node.regions[i])
        self.handed.append(self.handed_by(node, number))
        body = self.block(node.regions[i])
        self.handed.pop()
        return body

    def handed_by(self, node: Node, number: int) -> list[int]:
        """Which of its inputs a `try` goes on handing to its handler."""
        return [i for i in range(len(node.inputs)) if (number, HANDED - i) in self.live.carries]

    def kept(self, node: Node, number: int, regions: tuple[Block, ...]) -> Node:
        """A region node with its live carries only."""
        if node.op == "function":
            return with_parts(node, node.inputs, regions)
        keep = [i for i in range(len(node.outputs)) if (number, i) in self.live.carries]
        if node.op == "try":
            handed = self.handed_by(node, number)
            body, handler = (_narrowed("if", region, keep) for region in regions)
            handler = replace(handler, params=(handler.params[0], *(handler.params[1 + i] for i in handed)))
            inputs, outputs = tuple(node.inputs[i] for i in handed), tuple(node.outputs[i] for i in keep)
            return replace(node, inputs=inputs, regions=(body, handler), outputs=outputs)
        if len(keep) == len(node.outputs):
            return with_parts(node, node.inputs, regions)
        first = _num_control(node)
        inputs = node.inputs if node.op == "if" else (*node.inputs[:first], *(node.inputs[first + i] for i in keep))
        regions = tuple(_narrowed(node.op, region, keep) for region in regions)
        return replace(node, inputs=inputs, regions=regions, outputs=tuple(node.outputs[i] for i in keep))


def _narrowed(op: str, region: Block, keep: list[int]) -> Block:
    """A region with the carries in `keep` only."""
    end, params = region.end, region.params
    if op != "if":
        num_items = _num_control(Node(op))
        params = (*params[:num_items], *(params[num_items + i] for i in keep))
    if end.op == "yield":
        end = replace(end, inputs=tuple(end.inputs[i] for i in keep))
    elif end.op == "next":
        end = replace(end, inputs=(end.inputs[0], *(end.inputs[1 + i] for i in keep)))
    return Block(params, (*region.body, end))


PASS = Pass(name="dce", level="graph", run=run, doc=__doc__)
