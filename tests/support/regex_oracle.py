"""Trees of regexes matched the slow way, by sets of positions: the meaning of `&`, `~` and looks written down twice.

Knows nothing of automata. Atomic groups are left to `re`.
"""

from __future__ import annotations

from lmc.ir.regex import Alt, And, Chars, Look, Not, RegexTree, Repeat, Seq, Whole


def matches(tree: RegexTree, text: str) -> bool:
    """Whether the whole text matches."""
    return len(text) in ends(tree, text, 0)


def ends(tree: RegexTree, text: str, begin: int) -> frozenset[int]:
    """Every place where a match that begins at a place can end."""
    match tree:
        case Chars(ranges):
            found = begin < len(text) and any(low <= ord(text[begin]) <= high for low, high in ranges)
            return frozenset((begin + 1,)) if found else frozenset()
        case Seq(items):
            places = frozenset((begin,))
            for item in items:
                places = frozenset().union(*(ends(item, text, place) for place in places))
            return places
        case Alt(options):
            return frozenset().union(*(ends(option, text, begin) for option in options))
        case Repeat():
            return _repeated(tree, text, begin)
        case And(parts):
            return frozenset.intersection(*(ends(part, text, begin) for part in parts))
        case Not(item):
            return frozenset(range(begin, len(text) + 1)) - ends(item, text, begin)
        case Look(body, behind, negated):
            places = range(begin + 1) if behind else range(begin, begin + 1)
            found = any((begin in ends(body, text, place)) if behind else ends(body, text, place) for place in places)
            return frozenset((begin,)) if found != negated else frozenset()
        case Whole(item):
            return frozenset(end for end in range(begin, len(text) + 1) if matches(item, text[begin:end]))
        case _:
            raise AssertionError(tree)


def _repeated(tree: Repeat, text: str, begin: int) -> frozenset[int]:
    places = frozenset((begin,))
    for _ in range(tree.min):
        places = frozenset().union(*(ends(tree.item, text, place) for place in places))
    found = places
    for _ in range(len(text) + 1 if tree.max is None else tree.max - tree.min):
        places = frozenset().union(*(ends(tree.item, text, place) for place in places)) - found
        found |= places
    return found
