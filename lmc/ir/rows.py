"""Rows of a plan: generations of one state with nothing but text between them, which may be asked for in one call.

    %a, %x = gen %s             row 0
    %b = append %a, ", age "
    %c, %y = gen %b             row 0

Which calls are a row the plan says (the hint `row`); here it is read from the graph what stands between them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lmc.ir.graph import Atom, Block, Graph, Node, Value

READS = frozenset(("get", "has", "text", "messages", "meta"))  # what looks at a state and does not go on from it


@dataclass(frozen=True, slots=True)
class Behind:
    """The texts behind a call, and the call behind them."""

    atoms: tuple[Atom, ...]
    call: Node


class StateUsers:
    """Who goes on from the states of a block."""

    def __init__(self, block: Block) -> None:
        self._users: dict[str, list[Node]] = {}
        for node in block.body:
            for name in dict.fromkeys(_read(node)):
                self._users.setdefault(name, []).append(node)

    def going_on(self, state: Value) -> list[Node]:
        """The nodes that read it and do more than look at it; the end of the block is none."""
        return [node for node in self._users.get(state.name, ()) if node.op not in READS]

    def behind(self, call: Node) -> Behind | None:
        """The texts behind a call up to the next one; None where something else comes, or more than one."""
        atoms: list[Atom] = []
        at = call
        while True:
            users = self.going_on(at.outputs[0])
            if len(users) != 1 or users[0].inputs[:1] != (at.outputs[0],):
                return None
            (at,) = users
            if at.op == "gen":
                return Behind(tuple(atoms), at)
            if at.op != "append":
                return None
            atoms += at.inputs[1:]


def _read(node: Node) -> Iterator[str]:
    yield from (atom.name for atom in node.inputs if isinstance(atom, Value))
    for region in node.regions:
        for each in (*region.body, region.end):
            yield from _read(each)


def blocks_of(block: Block) -> Iterator[Block]:
    """The block and all blocks in it."""
    yield block
    for node in block.body:
        for region in node.regions:
            yield from blocks_of(region)


def rows_of(graph: Graph, rows: Mapping[int, int]) -> dict[int, tuple[Behind, ...]]:
    """For each call of a row, by the id of its node, what comes behind it in the row.

    rows  the row of each call, by the number of its node
    """
    numbered = {id(node): rows[number] for number, node in enumerate(graph.nodes) if number in rows}
    found: dict[int, tuple[Behind, ...]] = {}
    for block in blocks_of(graph.body):
        users = StateUsers(block)
        for node in reversed(block.body):
            if id(node) not in numbered:
                continue
            behind = users.behind(node)
            is_same = behind is not None and numbered.get(id(behind.call)) == numbered[id(node)]
            found[id(node)] = (behind, *found.get(id(behind.call), ())) if behind is not None and is_same else ()
    return found
