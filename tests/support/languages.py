"""Whether two trees say the same: what they differ in, as a text."""

from __future__ import annotations

from lmc.ir.automaton.algebra import sample, shortest_path
from lmc.ir.automaton.dfa import DEAD, CharDfa
from lmc.ir.regex import And, Not, RegexTree


def difference(left: RegexTree, right: RegexTree) -> RegexTree:
    """What `left` accepts and `right` does not."""
    return And((left, Not(right)))


def is_empty(tree: RegexTree) -> bool:
    """Whether no text of Unicode scalar values matches."""
    return CharDfa(tree).start == DEAD


def example(tree: RegexTree) -> str | None:
    """A shortest accepted text, the first by code points among those of its path; None where there is none."""
    dfa = CharDfa(tree)
    path = shortest_path(dfa)
    return None if path is None else "".join(sample(dfa.alphabet, mask) for mask in path)


def distinguishing(left: RegexTree, right: RegexTree) -> str | None:
    """A text that exactly one of both accepts; None where they are equivalent."""
    found = example(difference(left, right))
    return example(difference(right, left)) if found is None else found
