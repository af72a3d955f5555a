"""Whitespace in a regex, free where all else is forced: nothing behind it can be written ahead of the model."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from lmc.codes import FREE_WHITESPACE
from lmc.ir.constraint import Regex
from lmc.ir.ranges import Ranges
from lmc.ir.regex import Alt, And, Atomic, Chars, Look, Multiples, Not, RegexTree, Repeat, Seq, Whole
from lmc.passes.base import Note
from lmc.passes.lint.call import LintedCall


def whitespace(call: LintedCall) -> Iterator[Note]:
    """One note for a call whose constraint lets spaces stand between texts that are fixed."""
    match call.constraint:
        case Regex() if places := free_places(call.constraint):
            count = f"in {places} places" if places > 1 else "in one place"
            what = f"its regex allows any whitespace between fixed texts {count}"
            write = "write the spaces that you want, as in `: ` for `:\\s*`, and show the model the same in the prompt"
        case _:
            return
    why = "the model is asked at each of them, and the fixed text behind it is not forced"
    yield call.note(FREE_WHITESPACE, f"{what}: {why}; {write}")


@lru_cache(maxsize=1024)
def free_places(regex: Regex) -> int:
    """How many repeats of whitespace, of no fixed number, stand right between two fixed characters."""
    return _places(regex.tree)


def _places(tree: RegexTree) -> int:
    match tree:
        case Seq(items):
            flat = list(_flat(items))
            here = sum(_is_free(b) and _is_fixed(a) and _is_fixed(c) for a, b, c in zip(flat, flat[1:], flat[2:]))
            return here + sum(map(_places, (item for item in flat if not isinstance(item, Chars))))
        case Alt(parts) | And(parts):
            return sum(map(_places, parts))
        case Repeat(item) | Atomic(item) | Whole(item):
            return _places(item)
        case Chars() | Not() | Look() | Multiples():
            return 0


def _flat(items: tuple[RegexTree, ...]) -> Iterator[RegexTree]:
    """The items of a sequence, sequences within it taken apart."""
    for item in items:
        if isinstance(item, Seq):
            yield from _flat(item.items)
        else:
            yield item


def _is_free(tree: RegexTree) -> bool:
    return (
        isinstance(tree, Repeat)
        and tree.min != tree.max
        and isinstance(tree.item, Chars)
        and _is_space(tree.item.ranges)
    )


def _is_space(ranges: Ranges) -> bool:
    few = sum(high - low + 1 for low, high in ranges) <= 64
    return bool(ranges) and few and all(chr(c).isspace() for low, high in ranges for c in range(low, high + 1))


def _is_fixed(tree: RegexTree) -> bool:
    return isinstance(tree, Chars) and len(tree.ranges) == 1 and tree.ranges[0][0] == tree.ranges[0][1]
