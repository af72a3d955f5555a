"""The texts of a tree, where they are few."""

from __future__ import annotations

from lmc.ir.automaton.dfa import DEAD, CharDfa
from lmc.ir.automaton.extent import is_endless
from lmc.ir.regex import RegexTree

MAX_STEPS = 20_000  # characters looked at


def finite(tree: RegexTree, most: int) -> list[str] | None:
    """Every text of a tree; None where there are more than `most`, or they are not found in a few steps."""
    if is_endless(tree):
        return None
    dfa = CharDfa(tree)
    found: list[str] = []
    pending = [("", dfa.start)] if dfa.start != DEAD else []
    for _ in range(MAX_STEPS):
        if not pending:
            return found
        text, state = pending.pop()
        if dfa.is_accepting(state):
            found.append(text)
        for mask, target in dfa.moves(state):
            ranges = dfa.alphabet.ranges(mask)
            if sum(high - low + 1 for low, high in ranges) > most:
                return None
            pending += [(text + chr(code), target) for low, high in ranges for code in range(low, high + 1)]
        if len(found) > most or len(pending) > 4 * most:
            return None
    return None
