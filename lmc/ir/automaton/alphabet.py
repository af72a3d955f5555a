"""Character classes: the coarsest partition of Unicode scalar values that all sets of some trees respect.

A set becomes a bit mask over classes, so that automata never see a character. Surrogates are in no class.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from functools import cached_property, reduce
from operator import and_, or_

from lmc.giving_way import give_way
from lmc.ir.ranges import LAST, SURROGATES, Ranges, union
from lmc.ir.regex import Alt, And, Atomic, Chars, Look, Multiples, Not, RegexTree, Repeat, Seq, Whole

NO_CLASS = -1
FEW = 64  # characters that are told one by one
DIGITS: tuple[Ranges, ...] = tuple(((code, code),) for code in range(ord("0"), ord("9") + 1))
POINT: Ranges = ((ord("."), ord(".")),)
NUMERIC = (*DIGITS, POINT)  # what `Multiples` tells apart


class Alphabet:
    """The classes of some sets of characters, numbered from 0 in order of their first character.

    num_classes      at least one
    full             the mask of all classes
    starts, classes  intervals: scalar values from starts[i] up to before starts[i + 1] are in classes[i]
    """

    def __init__(self, sets: Iterable[Ranges]) -> None:
        distinct = dict.fromkeys(sets)
        self.starts, self.classes, signatures = _partition(list(distinct))
        self.num_classes = len(signatures)
        self.full = (1 << self.num_classes) - 1
        self._few: dict[int, str | None] = {}
        self._masks = dict(zip(distinct, _masks(signatures, len(distinct)), strict=True))

    @classmethod
    def of_classes(cls, starts: list[int], classes: list[int]) -> Alphabet:
        """The alphabet of these intervals, numbered already; it has no sets."""
        made = cls.__new__(cls)
        made.starts, made.classes, made._masks, made._few = starts, classes, {}, {}
        made.num_classes = max(classes) + 1
        made.full = (1 << made.num_classes) - 1
        return made

    def mask(self, ranges: Ranges) -> int:
        """The classes that make up one of the sets."""
        return self._masks[ranges]

    def class_of(self, code: int) -> int:
        """The class of a scalar value; NO_CLASS for a surrogate."""
        return self.classes[bisect_right(self.starts, code) - 1]

    def intervals(self, low: int, high: int) -> Iterator[tuple[int, int, int]]:
        """The pieces (first, last, class) of an interval of code points."""
        at = bisect_right(self.starts, low) - 1
        while low <= high:
            end = self.starts[at + 1] - 1 if at + 1 < len(self.starts) else LAST
            yield low, min(end, high), self.classes[at]
            low, at = end + 1, at + 1

    def few(self, mask: int) -> str | None:
        """The characters of some classes; None where there are more than FEW."""
        if mask not in self._few:
            small = self._small
            found = [small[cls] for cls in range(self.num_classes) if mask >> cls & 1]
            joined = None if None in found else "".join(chars for chars in found if chars is not None)
            self._few[mask] = joined if joined is None or len(joined) <= FEW else None
        return self._few[mask]

    @cached_property
    def beyond_ascii(self) -> int:
        """The mask of the classes that hold a character after ASCII."""
        found = 0
        for end, cls in zip([*self.starts[1:], LAST + 1], self.classes):
            found |= 1 << cls if cls >= 0 and end > 128 else 0
        return found

    @cached_property
    def ascii(self) -> tuple[int, int]:
        """The masks of the classes that hold a character of ASCII, and of those that hold more than one."""
        one = more = 0
        for code in range(128):
            bit = 1 << self.class_of(code)
            more |= one & bit
            one |= bit
        return one, more

    @cached_property
    def _small(self) -> list[str | None]:
        """By class its characters, None where they are more than FEW."""
        found: list[str | None] = [""] * self.num_classes
        for low, end, cls in zip(self.starts, [*self.starts[1:], LAST + 1], self.classes):
            before = found[cls] if cls >= 0 else None
            if before is not None:
                found[cls] = before + "".join(map(chr, range(low, end))) if len(before) + end - low <= FEW else None
        return found

    def ranges(self, mask: int) -> Ranges:
        """The scalar values of some classes."""
        ends = (*(start - 1 for start in self.starts[1:]), LAST)
        pieces = zip(self.starts, ends, self.classes, strict=True)
        return union((low, high) for low, high, cls in pieces if cls >= 0 and mask >> cls & 1)


def _partition(sets: list[Ranges]) -> tuple[list[int], list[int], list[int]]:
    """Interval starts, the class of each, and by class which sets hold it (bit n: set n)."""
    surrogate = 1 << len(sets)
    toggles: dict[int, int] = {0: 0}
    for number, ranges in enumerate((*sets, (SURROGATES,))):
        for low, high in ranges:
            toggles[low] = toggles.get(low, 0) ^ (1 << number)
            toggles[high + 1] = toggles.get(high + 1, 0) ^ (1 << number)
    starts: list[int] = []
    classes: list[int] = []
    known: dict[int, int] = {}
    signature = 0
    for start in sorted(toggles):
        signature ^= toggles[start]
        if start > LAST:
            break
        found = NO_CLASS if signature & surrogate else known.setdefault(signature, len(known))
        if not classes or classes[-1] != found:
            starts.append(start)
            classes.append(found)
    return starts, classes, list(known)


def _masks(signatures: list[int], num_sets: int) -> list[int]:
    """The classes of each set."""
    found = [0] * num_sets
    for cls, signature in enumerate(signatures):
        while signature:
            low = signature & -signature
            found[low.bit_length() - 1] |= 1 << cls
            signature ^= low
    return found


def used_classes(tree: RegexTree, alphabet: Alphabet) -> int:
    """The mask of the classes that a text of the tree can hold (or some more: a complement may hold any)."""
    used: dict[int, int] = {}  # by identity, as in `sets_of`

    def within(part: RegexTree) -> int:
        if id(part) not in used:
            used[id(part)] = classes(part)
        return used[id(part)]

    def classes(part: RegexTree) -> int:
        match part:
            case Chars(ranges):
                return alphabet.mask(ranges)
            case Seq(parts) | Alt(parts):
                return reduce(or_, map(within, parts), 0)
            case And(parts):
                return reduce(and_, map(within, parts), alphabet.full)
            case Repeat(item) | Atomic(item) | Whole(item):
                return within(item)
            case Not():
                return alphabet.full
            case Look():
                return 0  # it reads no text
            case Multiples():
                return reduce(or_, map(alphabet.mask, NUMERIC))

    return within(tree)


def sets_of(tree: RegexTree) -> Iterator[Ranges]:
    """Every set of characters in a tree, which may hold one part in many places."""
    seen: set[int] = set()
    pending = [tree]
    while pending:
        part = pending.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        give_way()
        match part:
            case Chars(ranges):
                yield ranges
            case Seq(parts) | Alt(parts) | And(parts):
                pending += parts
            case Repeat(item) | Not(item) | Look(item) | Atomic(item) | Whole(item):
                pending.append(item)
            case Multiples():
                yield from NUMERIC
