"""What a run tells of the texts of an item: those of its prompt, of each fork, of each program called inside it.

A branch has a path: "" is the program's own state, "0.2" the third child of its first fork, "0.2/1.0" the first child
of that one's second fork, "p0" the first program called inside. All that a branch gains is told once and in order,
whether a model wrote it or not: its texts together (of several samples the first) are its prompt.
"""

from __future__ import annotations

from collections.abc import Sequence

from lmc.executor.events import RunEvent, TextGrew
from lmc.executor.lineage import child_lineage
from lmc.executor.state import Link, ProgramState
from lmc.ir.prompt import Piece
from lmc.ir.runs import text_of


class Branches:
    """The branches of one item, by lineage.

    has_text  whether their text is told; else they only have their paths
    """

    __slots__ = ("_ends", "_item", "_num_calls", "_num_forks", "_paths", "_told", "has_text")

    def __init__(self, item: int, told: list[RunEvent], has_text: bool) -> None:
        self.has_text = has_text
        self._item = item
        self._told = told
        self._paths: dict[int, str] = {0: ""}
        self._ends: dict[
            int, Link | None
        ] = {}  # up to where the text was told; from where the branch was born, if absent
        self._num_forks: dict[int, int] = {}
        self._num_calls = 0

    def path(self, state: ProgramState) -> str:
        """The path of a state's branch."""
        return self._paths.setdefault(state.lineage, f"?{len(self._paths)}")

    def next_call(self) -> int:
        """The number of the next call of the item."""
        self._num_calls += 1
        return self._num_calls - 1

    def reached(self, state: ProgramState) -> None:
        """Tell what the state's branch has gained."""
        if not self.has_text:
            return
        pieces = _pieces_after(state.head, self._ends.get(state.lineage, state.born))
        if not pieces:
            return
        self._ends[state.lineage] = state.head
        text = text_of(pieces)
        if text:
            self._told.append(TextGrew(self._item, self.path(state), text))

    def said(self, state: ProgramState) -> None:
        """What stands before `state` has been told."""
        self._ends[state.lineage] = state.head

    def forked(self, parent: ProgramState, children: Sequence[ProgramState]) -> None:
        """Some branches begin."""
        before = self.path(parent)
        number = self._num_forks.get(parent.lineage, 0)
        self._num_forks[parent.lineage] = number + 1
        for i, child in enumerate(children):
            self._paths[child.lineage] = f"{before}/{number}.{i}" if before else f"{number}.{i}"

    def called(self, number: int) -> None:
        """The prompt of a program that is called inside begins; they are counted from 0."""
        self._paths[child_lineage(1, number, 0)] = f"p{number}"


def _pieces_after(head: Link | None, link: Link | None) -> list[Piece] | None:
    """The pieces after `link` up to `head`; None where it is not in this state: a graph written by hand may do that."""
    pieces = []
    while head is not link:
        if head is None:
            return None
        head, piece = head
        pieces.append(piece)
    pieces.reverse()
    return pieces
