"""Flat prompts: what a state's prompt is made of, from `begin` (or from where it came in) to its end.

Not a pass: `schedule` and `hoist_prefix` read prompts through it. It sees through `fork`, `set` and scopes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

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


class Prompts:
    """The flat prompts of a graph's states, made as they are asked for."""

    def __init__(self, graph: Graph) -> None:
        self.makers: dict[str, Node] = {value.name: node for node in graph.walk() for value in node.outputs}

    def of(self, state: Atom) -> tuple[PromptPiece, ...]:
        """The pieces of a state's prompt, first to last; pieces without text are left out."""
        pieces: list[PromptPiece] = []
        at: Atom | None = state
        while isinstance(at, Value):
            at = self._step_back(at, pieces)
        return tuple(reversed(pieces))

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


def _marker(node: Node) -> tuple[PromptPiece, ...]:
    text = node.attr("text")
    if not isinstance(text, str):
        return (PromptPiece("role", node.outputs[0]),)
    return (PromptPiece("control", Lit(text)),) if text else ()
