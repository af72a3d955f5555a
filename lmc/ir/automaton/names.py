"""States by what their texts may be, in words that are the same in every process."""

from __future__ import annotations

import hashlib

from lmc.ir.automaton.dfa import CharDfa
from lmc.ir.automaton.nodes import RegexNode

SAID = ("chars", "empty", "cat", "alt", "repeat", "and", "not")  # kinds whose parts and value say all of them


class StateNames:
    """The names of an automaton's states. Equal names are equal languages, whatever automata they are of."""

    def __init__(self, chars: CharDfa) -> None:
        self._chars = chars
        self._alphabet = repr((chars.alphabet.starts, chars.alphabet.classes))
        self._nodes: dict[RegexNode, str | None] = {}

    def of(self, state: int) -> str | None:
        """The name of a state; None where there is none."""
        nodes = self._chars.alternatives(state)
        names = [None] if nodes is None else [self._node(node) for node in nodes]
        known = sorted(name for name in names if name is not None)
        return _digest(self._alphabet, *known) if len(known) == len(names) else None

    def _node(self, node: RegexNode) -> str | None:
        """A chain is read from its end, which may be far."""
        chain = [node]
        while chain[-1].kind == "cat" and chain[-1] not in self._nodes:
            chain.append(chain[-1].parts[1])
        for each in reversed(chain):
            if each not in self._nodes:
                self._nodes[each] = self._made(each)
        return self._nodes[node]

    def _made(self, node: RegexNode) -> str | None:
        parts = [self._node(part) for part in node.parts]
        known = [part for part in parts if part is not None]
        if node.kind not in SAID or len(known) < len(parts):
            return None
        return _digest(node.kind, repr(node.value), *known)


def _digest(*words: str) -> str:
    return hashlib.sha256("\n".join(words).encode()).hexdigest()
