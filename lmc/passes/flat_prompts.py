"""Flat prompts: what a state's prompt is made of, from `begin` (or from where it came in) to its end.

Not a pass: `schedule` and `hoist_prefix` read prompts through it. It sees through `fork`, `set` and scopes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from lmc.ir.fused import FusedText, parts_of
from lmc.ir.graph import Atom, Graph, Lit, Node, Value

# ops whose prompt is that of their first input
_SEES_THROUGH = frozenset(("fork", "fork_list", "set", "scope_begin", "scope_end"))


@dataclass(frozen=True, slots=True)
class PromptPiece:
    """One piece of a flat prompt.

    text     text known before the call: a literal, or a hole that is text by then; encoded with its neighbours
    control  a literal of the chat template
    made     what a call of this very state generated: a boundary of tokenisation, its tokens stay as they are
    state    the prompt of a state that came into the region, or that a host op chose
    role     a role marker whose literal is not known; `atom` is the state behind it
    """

    kind: Literal["text", "control", "made", "state", "role"]
    atom: Atom


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """A stretch of a flat prompt that no run of text leaves: it ends in a piece that is not text, or is the last one.

    Shared by all prompts that go through it, so that what is made of it can be kept by its identity.
    """

    pieces: tuple[PromptPiece, ...]


class FlatPrompts:
    """The flat prompts of a graph's states, made as they are asked for, each from the one before it."""

    def __init__(self, graph: Graph) -> None:
        self.makers: dict[str, Node] = {value.name: node for node in graph.walk() for value in node.outputs}
        self._segments: dict[str, tuple[Segment, ...]] = {}

    def of(self, state: Atom) -> tuple[PromptPiece, ...]:
        """The pieces of a state's prompt, first to last; pieces without text are left out."""
        return tuple(piece for segment in self.segments(state) for piece in segment.pieces)

    def segments(self, state: Atom) -> tuple[Segment, ...]:
        """The pieces of a state's prompt in segments, first to last, which prompts with a common beginning share."""
        assert isinstance(state, Value)
        pieces: list[PromptPiece] = []
        at: Atom | None = state
        while isinstance(at, Value) and at.name not in self._segments:
            at = self._step_back(at, pieces)
        known = self._segments[at.name] if isinstance(at, Value) else ()
        self._segments[state.name] = _extended(known, pieces[::-1])
        return self._segments[state.name]

    def _step_back(self, state: Value, pieces: list[PromptPiece]) -> Atom | None:
        """Adds what the state's maker put at the end, last piece first; the state before it, None at the beginning."""
        node = self.makers.get(state.name)
        match node.op if node else "":
            case "begin":
                return None
            case "append" if node:
                pieces += (PromptPiece("text", a) for a in reversed(node.inputs[1:]) if a != Lit(""))
            case "gen" | "select" if node:
                pieces.append(PromptPiece("made", node.outputs[1]))
            case "fused" if node:
                pieces += reversed(_row(node))
            case "role_begin" | "role_end" if node:
                pieces += _marker(node)
            case "join" | "join_list" if node and node.attr("mode") == "gather_variable":
                pass
            case "join" if node and (added := self._added_by(node.inputs[1:])) is not None:
                pieces += reversed(added)
            case op if op not in _SEES_THROUGH:
                pieces.append(PromptPiece("state", state))
                return None
        assert node
        return node.inputs[0]

    def _added_by(self, children: Iterable[Atom]) -> list[PromptPiece] | None:
        """The text that joined children bring along: all since their forks, as text. None where it is not known."""
        added: list[PromptPiece] = []
        for child in children:
            pieces: list[PromptPiece] = []
            at: Atom | None = child
            while isinstance(at, Value) and (node := self.makers.get(at.name)) and node.op != "fork":
                at = self._step_back(at, pieces)
            if not isinstance(at, Value) or at.name not in self.makers or any(p.kind == "role" for p in pieces):
                return None
            added += (PromptPiece("text", piece.atom) for piece in reversed(pieces))
        return added


def _extended(known: tuple[Segment, ...], pieces: list[PromptPiece]) -> tuple[Segment, ...]:
    """More pieces behind a prompt; its last segment is continued where it ends in text."""
    if pieces and known and known[-1].pieces[-1].kind == "text":
        known, pieces = known[:-1], [*known[-1].pieces, *pieces]
    ends = [i + 1 for i, piece in enumerate(pieces) if piece.kind != "text" or i + 1 == len(pieces)]
    return (*known, *(Segment(tuple(pieces[start:end])) for start, end in pairwise([0, *ends])))


def _row(node: Node) -> list[PromptPiece]:
    """What a fused call wrote: its literals are generated with the rest, and keep their tokens."""
    values, atoms = iter(node.outputs[1:]), list[Atom]()
    for part in parts_of(node):
        if isinstance(part, FusedText):
            atoms += (Lit(atom) if isinstance(atom, str) else node.inputs[1 + atom] for atom in part.atoms)
        else:
            atoms.append(Lit(part) if isinstance(part, str) else next(values))
    return [PromptPiece("made", atom) for atom in atoms]


def _marker(node: Node) -> tuple[PromptPiece, ...]:
    text = node.attr("text")
    if not isinstance(text, str):
        return (PromptPiece("role", node.outputs[0]),)
    return (PromptPiece("control", Lit(text)),) if text else ()
