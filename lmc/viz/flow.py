"""The dataflow between steps: what `dot` and `mermaid` draw. Knows neither language.

A step's inputs are followed back through ordinary nodes to the steps and arguments that they come from. A branch
or a loop is a box with a head, which decides; its arms begin at the head. What a step waits for is drawn where nothing
else leads there from it, and a longest row of calls, each of which needs the one before, is known as the critical path.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lmc.ir.graph import Atom, Block, Lit, Node, Value
from lmc.ir.printer import print_path
from lmc.viz.view import StepView, View

if TYPE_CHECKING:
    import networkx

_READS = frozenset(("get", "has", "meta"))  # read one value of a state, not the text in it
_JOIN = "join"  # under which name a joined child's values go on
Kind = Literal["state", "data", "order", "arm", "again"]
Feed = tuple[str, Kind, str]  # where a value comes from: box id, as what, under which name


@dataclass(frozen=True, slots=True)
class FlowEdge:
    """From one box to another. state: a prompt goes on; data: a value; order: effects; arm, again: control."""

    start: str
    end: str
    kind: Kind
    label: str = ""


@dataclass(frozen=True, slots=True)
class Box:
    """Something to draw. `kind`: arg, model, call, if, try, loop, function, end. A region's box is its head."""

    id: str
    kind: str
    lines: tuple[str, ...]
    inside: tuple[Box, ...] = ()


@dataclass(frozen=True, slots=True)
class Flow:
    """Boxes in program order, regions nested, and edges between them; the ids of the boxes on the critical path."""

    boxes: tuple[Box, ...]
    edges: tuple[FlowEdge, ...]
    critical: frozenset[str] = frozenset()


def flow(view: View) -> Flow:
    """The dataflow of a plan."""
    return _Follower(view).flow()


class _Follower:
    """One walk over the graph. `sources`: where each value comes from."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.step_views = {step_view.step.node: step_view for step_view in view.steps}
        self.regions = frozenset(_id(step_view) for step_view in view.steps if step_view.node.regions)
        self.functions: dict[str, str] = {}  # the boxes of those that this is in, by name
        self.sources: dict[str, tuple[Feed, ...]] = {}
        self.edges: dict[FlowEdge, None] = {}  # a set that keeps its order
        self.named: dict[str, list[str]] = {}  # the calls so far that give a name its value
        self.always: set[str] = set()  # the boxes that no region is around
        self.number = 0  # of the node that comes next in walk order

    def flow(self) -> Flow:
        """Everything."""
        params = self.view.plan.graph.params
        for number, param in enumerate(params):
            self.sources[param.value.name] = ((f"arg{number}", "data", ""),)
        boxes = self._block(self.view.plan.graph.body, "", "")
        self._reads(self.view.plan.graph.body.end.inputs, "end")
        used = {edge.start for edge in self.edges}
        args = [Box(f"arg{i}", "arg", (f"{print_path(p.path)}: {p.value.type}",)) for i, p in enumerate(params)]
        boxes = [*(box for box in args if box.id in used), *boxes, Box("end", "end", ("return",))]
        network = _network(self.edges)
        return Flow(tuple(boxes), tuple(_drawn(self.edges, network)), _critical(boxes, network))

    def _block(self, block: Block, head: str, arm: str) -> list[Box]:
        """The boxes of a block; those that wait for nothing in it hang on the head of the region around it."""
        boxes: list[Box] = []
        for node in block.nodes:
            number = self.number
            self.number += 1
            step_view = self.step_views.get(number)
            if step_view is None:
                self._pass_on(node)
                continue
            boxes.append(self._region(node, step_view) if node.regions else self._call(node, step_view))
            if not head:
                self.always.add(boxes[-1].id)
            if head and not step_view.step.after:
                self._edge(head, boxes[-1].id, "arm", arm)
        return boxes

    def _pass_on(self, node: Node) -> None:
        """An ordinary node: what comes out comes from where its inputs come from."""
        found = dict.fromkeys(source for atom in node.inputs for source in self._from(atom))
        if node.op in ("join", "join_list"):  # the children's values come along, their prompts end here
            joined = [source for atom in node.inputs[1:] for source in _as_data(self._from(atom), _JOIN)]
            found = dict.fromkeys((*self._from(node.inputs[0]), *joined))
        if node.op in _READS:
            states = [start for start, kind, label in found if kind == "state" or label == _JOIN]
            name = node.inputs[1].value if len(node.inputs) > 1 and isinstance(node.inputs[1], Lit) else None
            found = dict.fromkeys((start, "state", "") for start in self._makers(name, states) or states)
        for value in node.outputs:
            read = node.inputs[1].value if node.op == "get" and isinstance(node.inputs[1], Lit) else value.name
            self.sources[value.name] = tuple(found if value.type.is_state else _as_data(found, str(read)))

    def _makers(self, name: object, states: Iterable[str]) -> list[str]:
        """The calls before a state that may have given it the value of a name; none where that is not known."""
        known = self.named.get(name, ()) if isinstance(name, str) else ()
        found = [id for id in known if id in self._before(states)]
        later = {id: self._before([id]) - {id} for id in found if id in self.always}
        return [id for id in found if not any(id in before for before in later.values())]

    def _before(self, ids: Iterable[str]) -> set[str]:
        """These boxes and all that lead to them."""
        seen, todo = set(ids), list(ids)
        leading: dict[str, list[str]] = {}
        for edge in self.edges:
            leading.setdefault(edge.end, []).append(edge.start)
        while todo:
            new = [id for id in leading.get(todo.pop(), ()) if id not in seen]
            seen.update(new)
            todo += new
        return seen

    def _call(self, node: Node, step_view: StepView) -> Box:
        id = _id(step_view)
        name = node.attr("name") if node.has("name") else None
        if isinstance(name, str):
            self.named.setdefault(name, []).append(id)
        self._reads(node.inputs, id)
        self._order(step_view)
        if node.op == "invoke":
            self._edge(id, self.functions[self.view.name(step_view)], "again")
        for value in node.outputs:
            state = value.type.is_state
            self.sources[value.name] = ((id, "state" if state else "data", "" if state else value.name),)
        return Box(
            id,
            "model" if step_view.is_call else "call",
            (f"{step_view.step.op} {self.view.name(step_view)}", *_place(step_view), *_hints(step_view)),
        )

    def _region(self, node: Node, step_view: StepView) -> Box:
        id, kind = _id(step_view), step_view.step.op if step_view.step.op in ("if", "try", "function") else "loop"
        name = self.view.name(step_view)
        if kind == "function":
            self.functions[name] = id
        decides = node.inputs[:1] if step_view.step.op in ("if", "for") else ()
        self._reads(decides, id)
        self._order(step_view)
        self._enter(node, id, node.inputs[1:] if step_view.step.op == "for" else node.inputs)
        inside: list[Box] = []
        for region, arm in zip(node.regions, _ARMS.get(kind, ("each turn",))):
            inside += self._block(region, id, arm)
        self._leave(node, id)
        return Box(id, kind, (name, *_place(step_view)), tuple(inside))

    def _enter(self, node: Node, id: str, inputs: tuple[Atom, ...]) -> None:
        """A loop's slots hold what came in (and, from the second turn on, what the turn before left)."""
        for region in (region for region in node.regions if region.params):
            if len(region.params) > len(inputs):  # the item of a `for`, or the exception, comes first
                self.sources[region.params[0].name] = ((id, "data", region.params[0].name),)
            for value, atom in zip(region.params[len(region.params) - len(inputs) :], inputs):
                self.sources[value.name] = self._from(atom)

    def _leave(self, node: Node, id: str) -> None:
        ends = [region.end for region in node.regions]
        for end in ends:
            if end.op == "next":
                self._reads(end.inputs[:1], id, "again")
        carried = [end.inputs[1:] if end.op == "next" else end.inputs for end in ends if end.op in ("next", "yield")]
        for i, value in enumerate(node.outputs):
            found = tuple(dict.fromkeys(source for atoms in carried for source in self._from(atoms[i])))
            decided: tuple[Feed, ...] = () if value.type.is_state else ((id, "data", value.name),)
            self.sources[value.name] = found or decided

    def _from(self, atom: Atom) -> tuple[Feed, ...]:
        return self.sources.get(atom.name, ()) if isinstance(atom, Value) else ()

    def _reads(self, atoms: Iterable[Atom], end: str, kind: Kind | None = None) -> None:
        for atom in atoms:
            for start, what, label in self._from(atom):
                self._edge(start, end, kind or what, "" if kind else label)

    def _edge(self, start: str, end: str, kind: Kind, label: str = "") -> None:
        if start != end:
            self.edges.setdefault(FlowEdge(start, end, kind, label))

    def _order(self, step_view: StepView) -> None:
        """What it waits for beside its data: earlier effects."""
        for start in (f"s{step}" for step in step_view.step.after):
            if start not in self.regions:
                self._edge(start, _id(step_view), "order")


_ARMS = {"if": ("then", "else"), "try": ("body", "except"), "function": ("each call",)}


def _network(edges: Iterable[FlowEdge]) -> networkx.DiGraph:
    """The boxes and what leads from one to another within one turn of each loop; it has no cycle."""
    import networkx

    return networkx.DiGraph((edge.start, edge.end) for edge in edges if edge.kind != "again")


def _drawn(edges: Iterable[FlowEdge], network: networkx.DiGraph) -> Iterator[FlowEdge]:
    """The edges, those of order only where the one box follows from the other in no other way."""
    import networkx

    others = {(edge.start, edge.end) for edge in edges if edge.kind != "order"}
    places = {id: place for place, id in enumerate(networkx.topological_sort(network))}
    for edge in edges:
        pair = (edge.start, edge.end)
        if edge.kind != "order" or (pair not in others and not _leads_round(*pair, network, places)):
            yield edge


def _leads_round(start: str, end: str, network: networkx.DiGraph, places: dict[str, int]) -> bool:
    """Whether one box follows from another by way of a third. Only what lies between the two is looked at."""
    todo = [id for id in network.successors(start) if id != end]
    seen = set(todo)
    while todo:
        for id in network.successors(todo.pop()):
            if id == end:
                return True
            if id not in seen and places[id] < places[end]:
                seen.add(id)
                todo.append(id)
    return False


def _critical(boxes: Iterable[Box], network: networkx.DiGraph) -> frozenset[str]:
    """The model calls of a longest row; none where no two come in a row."""
    import networkx

    calls = {box.id for box in _all(boxes) if box.kind == "model"}
    weighted = networkx.DiGraph(network)
    for start, _, told in weighted.edges(data=True):
        told["weight"] = int(start in calls)
    chain = [id for id in networkx.dag_longest_path(weighted) if id in calls]
    return frozenset(chain if len(chain) > 1 else ())


def _all(boxes: Iterable[Box]) -> Iterator[Box]:
    for box in boxes:
        yield box
        yield from _all(box.inside)


def _as_data(sources: Iterable[Feed], name: str) -> Iterator[Feed]:
    """A value that is read out of a prompt, or computed from others, keeps their names; out of a prompt, its own."""
    for start, kind, label in sources:
        yield (start, "data", label if kind == "data" else name)


def box_number(id: str) -> int:
    """The step's number in the id of its box."""
    return int(id[1:])


def _id(step_view: StepView) -> str:
    return f"s{step_view.step.id}"


def _hints(step_view: StepView) -> tuple[str, ...]:
    return (step_view.hints,) if step_view.hints else ()


def _place(step_view: StepView) -> tuple[str, ...]:
    return (step_view.place,) if step_view.place else ()
