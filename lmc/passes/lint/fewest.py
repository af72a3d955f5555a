"""The fewest tokens that a text of a constraint can take, whichever way the model spells it.

Not a pass. With a vocabulary it is searched for: which states are reached by one token, by two, and so on. The search
has a budget; what it leaves open is bounded by the longest token that can be there, so the number is never too high.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

from lmc.errors import ConstraintError
from lmc.ir.automaton.alphabet import sets_of
from lmc.ir.automaton.bytes import ByteDfa
from lmc.ir.automaton.dfa import DEAD, CharDfa
from lmc.ir.constraint import Constraint
from lmc.ir.regex import RegexTree, is_plain
from lmc.passes.lint.facts import MAX_STATES, facts

LONGEST_TOKEN = 128  # characters, where no vocabulary is known; only tokens of spaces are longer in any that is used
BUDGET = 50_000  # steps of the search: bytes of tokens that are looked at

Spellings = Callable[[], Sequence[bytes]]


@lru_cache(maxsize=1024)
def fewest_tokens(constraint: Constraint, limit: int, spellings: Spellings | None) -> int:
    """A number of tokens that every text takes at least; `limit + 1` stands for more than that, too."""
    found = facts(constraint)
    assert found.extent is not None and found.tree is not None
    if spellings is None:
        return -(-found.extent.shortest // LONGEST_TOKEN)
    known = sorted(set(filter(None, spellings())))
    searched = _searched(found.tree, limit, known)
    return -(-found.extent.shortest // _longest(found.tree, known)) if searched is None else searched


def _searched(tree: RegexTree, limit: int, known: list[bytes]) -> int | None:
    """The fewest tokens, `limit + 1` where there are more; None where the budget did not suffice."""
    try:
        dfa = ByteDfa(CharDfa(tree, max_states=MAX_STATES))
        search = _Search(dfa, known)
        reached = {dfa.start}
        seen = set(reached)
        for count in range(limit + 1):
            if any(map(dfa.is_accepting, reached)):
                return count
            reached = {after for state in reached for after in search.after(state)} - seen
            seen |= reached
    except (ConstraintError, _Spent):
        return None
    return limit + 1


class _Spent(Exception):
    """The budget is used up."""


class _Search:
    """Goes through sorted tokens and an automaton together, byte by byte."""

    def __init__(self, dfa: ByteDfa, known: list[bytes]) -> None:
        self.dfa = dfa
        self.known = known
        self.left = BUDGET

    def after(self, state: int) -> Iterator[int]:
        """The states that one token leads to."""
        pending = [(0, state, 0, len(self.known))]
        while pending:
            depth, at, low, high = pending.pop()
            if depth and len(self.known[low]) == depth:
                yield at
                low += 1
            while low < high:
                self.left -= 1
                if self.left < 0:
                    raise _Spent
                begin = self.known[low][: depth + 1]
                end = (
                    bisect_left(self.known, begin[:-1] + bytes((begin[-1] + 1,)), low, high)
                    if begin[-1] < 255
                    else high
                )
                if (next := self.dfa.step(at, begin[-1])) != DEAD:
                    pending.append((depth + 1, next, low, end))
                low = end


def _longest(tree: RegexTree, known: Sequence[bytes]) -> int:
    """Bytes of the longest token that is made of bytes the tree's texts can have."""
    used = _used_bytes(tree)
    return max((len(spelt) for spelt in known if used.issuperset(spelt)), default=1)


def _used_bytes(tree: RegexTree) -> frozenset[int]:
    """The ASCII bytes that the tree names, and all others: no complement, no look, or else every byte."""
    if not is_plain(tree):
        return frozenset(range(256))
    named = (code for ranges in sets_of(tree) for low, high in ranges for code in range(low, min(high, 0x7F) + 1))
    return frozenset(named) | frozenset(range(0x80, 0x100))
