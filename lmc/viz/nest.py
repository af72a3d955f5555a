"""A program's steps in boxes, as the graph view draws them: branches, loops, functions and forks, one in another.

    for number in range(...)
      fork x3
        #1 gen thought
        #2 gen score

What stands in a box beside many others is put together with its neighbours in boxes of calls, so that a picture of
five hundred calls begins with some twenty.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import ceil, sqrt
from typing import TYPE_CHECKING

from lmc.ir.graph import Block, Node, Value

if TYPE_CHECKING:
    from lmc.viz.view import StepView, View

MAX_BESIDE = 16  # that stand in one box before they are put together
MAX_GROUPS = 24  # that they are put together to
MAX_SHOWN = 48  # calls and boxes that a picture begins with
Forks = tuple[int, ...]  # the numbers of the forks around a state, outermost first


@dataclass(slots=True, eq=False)
class GraphItem:
    """A step, or a box around some.

    kind         call, host, or a box: if, for, loop, try, function, arm, fork, group
    step_view    of a step or a region
    note         `judge.py:33` of a step, how many calls of a group
    first, last  the columns it covers: how many model calls in a row come before it
    is_open      whether a picture begins with what is in it
    """

    kind: str
    title: str
    step_view: StepView | None = None
    note: str = ""
    below: list[GraphItem] = field(default_factory=list)
    first: int = 0
    last: int = 0
    is_open: bool = True

    @property
    def is_box(self) -> bool:
        """Whether it is there for what stands in it."""
        return self.kind not in ("call", "host")

    @property
    def number(self) -> int | None:
        """Of its step."""
        return None if self.step_view is None else self.step_view.step.id

    def steps(self) -> Iterator[GraphItem]:
        """The steps in it, itself if it is one."""
        todo = [self]
        while todo:
            item = todo.pop()
            if item.is_box:
                todo += reversed(item.below)
            else:
                yield item


def nest(view: View) -> GraphItem:
    """The box of the whole program."""
    whole = _Nester(view).whole()
    _fold(whole)
    _place(whole)
    _open(whole)
    return whole


class _Nester:
    def __init__(self, view: View) -> None:
        self.view = view
        self.nodes = view.plan.graph.nodes
        self.forks = _ForksAround(view)
        self.boxes: dict[tuple[object, ...], GraphItem] = {}

    def whole(self) -> GraphItem:
        top = GraphItem("program", self.view.title)
        for step_view in self.view.steps:
            box = self._region(step_view, top)
            for fork in self.forks.of[step_view.step.node]:
                box = self._fork((id(box), "fork", fork), box, fork)
            box.below.append(self._item(step_view))
        _dissolve(top)
        return top

    def _region(self, step_view: StepView, top: GraphItem) -> GraphItem:
        """The box that a step stands in: of a branch, that of the arm."""
        if not step_view.around:
            return top
        region = self.boxes[("step", step_view.around[-1].id)]
        if region.kind not in ("if", "try"):
            return region
        return self._box((id(region), "arm", step_view.arm), region, "arm", step_view.arm)

    def _box(self, key: tuple[object, ...], around: GraphItem, kind: str, title: str) -> GraphItem:
        if key not in self.boxes:
            self.boxes[key] = GraphItem(kind, title)
            around.below.append(self.boxes[key])
        return self.boxes[key]

    def _item(self, step_view: StepView) -> GraphItem:
        name = self.view.name(step_view)
        if not step_view.is_region or step_view.step.op == "invoke":
            kind = "call" if step_view.is_call else "host"
            return GraphItem(kind, f"#{step_view.step.id} {step_view.step.op} {name}", step_view, step_view.place)
        op = step_view.step.op
        kind = op if op in ("if", "for", "try", "function") else "loop"
        title = name if name.startswith(op) or kind == "loop" else f"{op} {name}"
        made = GraphItem(kind, f"#{step_view.step.id} {title}", step_view, step_view.place)
        self.boxes[("step", step_view.step.id)] = made
        return made

    def _fork(self, key: tuple[object, ...], around: GraphItem, number: int) -> GraphItem:
        node = self.nodes[number]
        box = self._box(key, around, "fork", f"fork x{len(node.outputs) - 1}" if node.op == "fork" else "fork")
        box.note = node.span.place if node.span else ""
        return box


class _ForksAround:
    """For each node the forks of its own block that its prompt goes on from; `of` is by the number of the node.

    A fork that is joined again is over for the parent; a copy (one child) is none.
    """

    def __init__(self, view: View) -> None:
        self.of: dict[int, Forks] = {}
        self._values: dict[str, Forks] = {}
        self._blocks: dict[int, int] = {}  # fork -> its block
        self._number = 0
        self._block(view.plan.graph.body)

    def _block(self, block: Block) -> Forks:
        """Goes through a block; the forks around its first call that stand outside."""
        outside: Forks = ()
        for node in block.nodes:
            number = self._number
            self._number += 1
            around = next((self._from(atom) for atom in node.inputs if _is_state(atom)), ())
            inside = [self._block(region) for region in node.regions]
            around = around or next((forks for forks in inside if forks), ())
            self.of[number] = tuple(fork for fork in around if self._blocks[fork] == id(block))
            outside = outside or tuple(fork for fork in around if self._blocks[fork] != id(block))
            self._give(number, node, around, block)
        return outside

    def _give(self, number: int, node: Node, around: Forks, block: Block) -> None:
        for place, value in enumerate(node.outputs):
            forks = around
            if _makes_forks(node) and place:
                self._blocks[number] = id(block)
                forks = (*around, number)
            self._values[value.name] = forks

    def _from(self, atom: object) -> Forks:
        return self._values.get(atom.name, ()) if isinstance(atom, Value) else ()


def _makes_forks(node: Node) -> bool:
    return node.op == "fork_list" or (node.op == "fork" and len(node.outputs) > 2)


def _is_state(atom: object) -> bool:
    return isinstance(atom, Value) and (atom.type.is_state or str(atom.type) == "list[state]")


def _dissolve(box: GraphItem) -> None:
    """Takes away the boxes of forks with one step in them."""
    for item in box.below:
        _dissolve(item)
    box.below = [each for item in box.below for each in (item.below if _is_needless(item) else [item])]


def _is_needless(item: GraphItem) -> bool:
    return item.kind == "fork" and len(item.below) < 2


# --- groups, columns, and what is open at first -------------------------------------------------------------


def _fold(box: GraphItem) -> None:
    """Puts many neighbours together, about as many in each group as there are groups."""
    for item in box.below:
        _fold(item)
    box.below = _grouped(box.below, MAX_BESIDE)


def _grouped(items: list[GraphItem], most: int) -> list[GraphItem]:
    if len(items) <= most:
        return items
    size = ceil(len(items) / min(MAX_GROUPS, ceil(sqrt(len(items)))))
    return [_group(items[at : at + size]) for at in range(0, len(items), size)]


def _group(items: list[GraphItem]) -> GraphItem:
    steps = [step for item in items for step in item.steps()]
    calls = [step for step in steps if step.kind == "call"]
    if len(items) == 1 or not steps:
        return items[0] if len(items) == 1 else GraphItem("group", f"{len(items)} steps", below=items)
    ops = {step.title.split(" ", 2)[1] for step in calls or steps}
    noun = ops.pop() if len(ops) == 1 else "calls" if calls else "steps"
    title = f"#{steps[0].number} to #{steps[-1].number}"
    return GraphItem(
        "group", title, below=_grouped(items, MAX_SHOWN), note=f"{_noun(items)}{len(calls or steps)} {noun}"
    )


def _noun(items: list[GraphItem]) -> str:
    """`7 forks, ` where that is all there is."""
    kind = items[0].kind
    is_one_kind = items[0].is_box and kind not in ("group", "arm") and all(item.kind == kind for item in items)
    return f"{len(items)} {kind}s, " if is_one_kind else ""


def _place(item: GraphItem) -> None:
    """The columns of everything in a box."""
    if item.step_view is not None:
        own = sum(step.wave for step in (*item.step_view.around, item.step_view.step))
        item.first = item.last = own
    for each in item.below:
        _place(each)
    if item.below:
        item.first, item.last = min(each.first for each in item.below), max(each.last for each in item.below)


def _open(whole: GraphItem) -> None:
    """Opens boxes level by level, as long as all that is then shown is not too much."""
    level, shown = [whole], 0
    while level:
        inside = [each for box in level for each in box.below]
        is_fine = shown + len(inside) <= MAX_SHOWN or level == [whole]
        if not is_fine:
            break
        shown += sum(not each.is_box for each in inside)
        level = [each for each in inside if each.is_box]
    for box in _boxes(level):
        box.is_open = False


def _boxes(items: Iterable[GraphItem]) -> Iterator[GraphItem]:
    """All boxes among items and in them."""
    todo = list(items)
    while todo:
        item = todo.pop()
        if item.is_box:
            yield item
            todo += item.below
