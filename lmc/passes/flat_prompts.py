"""Flat prompts: what a state's prompt is made of, from `begin` (or from where it came in) to its end.

Not a pass: `schedule` and `hoist_prefix` read prompts through it. It sees through `fork`, `set` and scopes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeGuard

from lmc.ir.fused import FusedText, parts_of
from lmc.ir.graph import Atom, Graph, Lit, Node, Value
from lmc.ir.prompt import Control, Text
from lmc.ir.strand import Strand
from lmc.source import Span

# ops whose prompt is that of their first input
_SEES_THROUGH = frozenset(("fork", "fork_list", "set", "scope_begin", "scope_end"))


HoleKind = Literal["text", "made", "state", "role"]


@dataclass(frozen=True, slots=True)
class PromptHole:
    """A piece of a flat prompt that becomes tokens only when the program runs.

    text   text that is known by the time of the call; it belongs to the run around it
    made   what a call of this very state generated, a boundary of tokenisation; `atom` is a literal where a fused call
           writes it with the rest
    state  the prompt of a state that came into the region, or that a host op chose
    role   a role marker whose literal is not known; `atom` is the state behind it
    """

    kind: HoleKind
    atom: Atom


FlatPiece = Text | Control | PromptHole


@dataclass(frozen=True, slots=True)
class WrittenPiece:
    """A piece of a prompt and the node that wrote it, for an append its operand too; None where the prompt came in."""

    piece: FlatPiece
    node: Node | None
    operand: int = 0

    def span(self, offset: int) -> Span | None:
        """Where the character of that number of the piece is written."""
        if self.node is None:
            return None
        places = [span for index, at, span in self.node.places if (index, at) <= (self.operand, offset)]
        return places[-1] if places else self.node.span


def atom_of(piece: FlatPiece) -> Atom:
    """A piece as the graph has it: a literal, or a value."""
    return piece.atom if isinstance(piece, PromptHole) else Lit(piece.text)


def is_hole(piece: FlatPiece, *kinds: HoleKind) -> TypeGuard[PromptHole]:
    """Whether a piece is a hole of one of these kinds."""
    return isinstance(piece, PromptHole) and piece.kind in kinds


def known_text(piece: FlatPiece) -> str | None:
    """The text of a piece, that of a fused call's literal too; None where the program does not spell it out."""
    if not isinstance(piece, PromptHole):
        return piece.text
    return str(piece.atom.value) if isinstance(piece.atom, Lit) else None


class FlatPrompts:
    """The flat prompts of a graph's states, made as they are asked for, each from the one before it."""

    def __init__(self, graph: Graph) -> None:
        self.makers: dict[str, Node] = {value.name: node for node in graph.nodes for value in node.outputs}
        self._strands: dict[str, Strand[FlatPiece]] = {}
        self._writers: dict[str, Value] = {}  # for a state that adds nothing the one that does, far above in forks

    def of(self, state: Atom) -> Strand[FlatPiece]:
        """The pieces of a state's prompt, first to last; pieces without text are left out.

        States of one graph share the parts of their prompts that they have in common.
        """
        assert isinstance(state, Value)
        passed: list[tuple[str, list[FlatPiece]]] = []  # states, and what each adds, last piece first
        at: Atom | None = state
        while isinstance(at, Value) and at.name not in self._strands:
            passed.append((at.name, []))
            at = self._step_back(at, passed[-1][1])
        strand = self._strands[at.name] if isinstance(at, Value) else Strand[FlatPiece](None, ())
        for name, pieces in reversed(passed):
            strand = self._strands[name] = Strand(strand, reversed(pieces)) if pieces else strand
        return strand

    def written(self, state: Atom) -> list[WrittenPiece]:
        """The pieces of a state's prompt with what wrote each of them."""
        return list(self.backwards(state))[::-1]

    def backwards(self, state: Atom) -> Iterator[WrittenPiece]:
        """The same from the end on, made as they are asked for: who looks at a prompt's end pays for no more."""
        at: Atom | None = state
        silent: list[str] = []  # states behind the last piece, which add nothing
        while isinstance(at, Value):
            at = self._writers.get(at.name, at)
            node, pieces = self.makers.get(at.name), list[FlatPiece]()
            before = self._step_back(at, pieces)
            if pieces or before is None:
                self._writers.update(dict.fromkeys(silent, at))
                silent = []
            else:
                silent.append(at.name)
            operands = _operands(node) if node is not None and node.op == "append" else [0] * len(pieces)
            for piece, operand in zip(pieces, reversed(operands), strict=True):
                yield WrittenPiece(piece, node, operand)
            at = before

    def _step_back(self, state: Value, pieces: list[FlatPiece]) -> Atom | None:
        """Adds what the state's maker put at the end, last piece first; the state before it, None at the beginning."""
        node = self.makers.get(state.name)
        match node.op if node else "":
            case "begin":
                return None
            case "append" if node:
                pieces += (_text(node.inputs[i]) for i in reversed(_operands(node)))
            case "gen" if node and node.has("reasoning"):  # its text without the thoughts
                pieces.append(_text(node.outputs[1]))
            case "gen" | "select" if node:
                pieces.append(PromptHole("made", node.outputs[1]))
            case "fused" if node:
                pieces += reversed(_fused(node))
            case "role_begin" | "role_end" if node:
                pieces += _marker(node)
            case "join" | "join_list" if node and node.attr("mode") == "gather_variable":
                pass
            case "join" if node and (added := self._added_by(node.inputs[1:])) is not None:
                pieces += reversed(added)
            case op if op not in _SEES_THROUGH:
                pieces.append(PromptHole("state", state))
                return None
        assert node
        return node.inputs[0]

    def _added_by(self, children: Iterable[Atom]) -> list[FlatPiece] | None:
        """The text that joined children bring along: all since their forks, as text. None where it is not known."""
        added: list[FlatPiece] = []
        for child in children:
            pieces: list[FlatPiece] = []
            at: Atom | None = child
            while isinstance(at, Value) and (node := self.makers.get(at.name)) and node.op != "fork":
                at = self._step_back(at, pieces)
            has_unknown_turn = any(is_hole(piece, "role") for piece in pieces)
            if not isinstance(at, Value) or at.name not in self.makers or has_unknown_turn:
                return None
            added += (_text(atom_of(piece)) for piece in reversed(pieces))
        return added


def _operands(append: Node) -> list[int]:
    """The numbers of the operands that add something."""
    return [i for i, atom in enumerate(append.inputs) if i and atom != Lit("")]


def _text(atom: Atom) -> FlatPiece:
    return Text(atom.value) if isinstance(atom, Lit) and isinstance(atom.value, str) else PromptHole("text", atom)


def _fused(node: Node) -> list[FlatPiece]:
    """What a fused call wrote: its literals are generated with the rest, and keep their tokens."""
    values, atoms = iter(node.outputs[1:]), list[Atom]()
    for part in parts_of(node):
        if isinstance(part, FusedText):
            atoms += (Lit(atom) if isinstance(atom, str) else node.inputs[1 + atom] for atom in part.atoms)
        else:
            atoms.append(Lit(part) if isinstance(part, str) else next(values))
    return [PromptHole("made", atom) for atom in atoms]


def _marker(node: Node) -> tuple[FlatPiece, ...]:
    text = node.attr("text")
    if not isinstance(text, str):
        return (PromptHole("role", node.outputs[0]),)
    return (Control(text, str(node.attr("role")), node.op == "role_begin"),) if text else ()
