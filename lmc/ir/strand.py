"""A sequence that goes on from another one and shares it: the prompts of a long conversation take room once.

What a strand holds never changes; how it is cut into parts may.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, takewhile
from typing import Any, Generic, TypeVar, overload

from lmc.ir.tuple_hash import hash_on

T = TypeVar("T")
U = TypeVar("U")


class Strand(Sequence[T], Generic[T]):
    """The items of `before`, then those of `tail`; equal to any strand or tuple of equal items."""

    __slots__ = ("_hash", "_len", "before", "tail")

    def __init__(self, before: Strand[T] | None, tail: Iterable[T]) -> None:
        self.before = before
        self.tail = tuple(tail)
        self._hash: int | None = None
        self._len = len(self.tail) + (len(before) if before is not None else 0)

    @classmethod
    def of(cls, items: Iterable[T]) -> Strand[T]:
        """A strand of items; a strand as it is."""
        return items if isinstance(items, Strand) else cls(None, items)

    def parts(self) -> Iterator[Strand[T]]:
        """This strand, and those it goes on from, the longest first."""
        at: Strand[T] | None = self
        while at is not None:
            yield at
            at = at.before

    def cut(self, length: int) -> Strand[T]:
        """The first `length` items, as a part that this strand then goes on from."""
        assert 0 <= length <= self._len
        at = next(part for part in self.parts() if len(part) - len(part.tail) < length or part.before is None)
        keep = length - len(at) + len(at.tail)
        if 0 <= keep < len(at.tail):
            at.before, at.tail = Strand(at.before, at.tail[:keep]), at.tail[keep:]
            return at.before
        return at

    def upto(self, length: int) -> Strand[T]:
        """The first `length` items; of the strand itself not even the parts are touched."""
        assert 0 <= length <= self._len
        at = next(part for part in self.parts() if len(part) - len(part.tail) < length or part.before is None)
        return at if len(at) == length else Strand(at.before, at.tail[: length - len(at)])

    def last(self, length: int) -> tuple[T, ...]:
        """The last `length` items."""
        tails: list[tuple[T, ...]] = []
        for part in self.parts():
            if length <= 0:
                break
            tails.append(part.tail[-length:])
            length -= len(part.tail)
        return tuple(chain.from_iterable(reversed(tails)))

    def whole(self) -> tuple[T, ...]:
        """All items, as one tuple."""
        return self.tail if self.before is None else tuple(self)

    def mapped(self, make: Callable[[tuple[T, ...]], Iterable[U]], done: dict[int, Strand[U]]) -> Strand[U]:
        """The strand with each tail made another one; `done` keeps what was made, by the identity of the parts."""
        todo: list[Strand[T]] = []
        for part in self.parts():
            if id(part) in done:
                break
            todo.append(part)
        for part in reversed(todo):
            before = done[id(part.before)] if part.before is not None else None
            done[id(part)] = Strand(before, make(part.tail))
        return done[id(self)]

    def __len__(self) -> int:
        return self._len

    def __iter__(self) -> Iterator[T]:
        return chain.from_iterable([part.tail for part in self.parts()][::-1])

    def __reversed__(self) -> Iterator[T]:
        for part in self.parts():
            yield from reversed(part.tail)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[T, ...]: ...
    def __getitem__(self, index: int | slice) -> T | tuple[T, ...]:
        if isinstance(index, int) and -len(self.tail) <= index < 0:
            return self.tail[index]
        return self.whole()[index]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, tuple):
            return self._len == len(other) and self.whole() == other
        return equal_strands(self, other, set()) if isinstance(other, Strand) else NotImplemented

    def __hash__(self) -> int:
        """That of the tuple; a strand goes on from what is known of those before it."""
        if self._hash is None:
            new = list(takewhile(lambda part: part._hash is None, self.parts()))
            known = new[-1].before
            items = chain.from_iterable(part.tail for part in reversed(new))
            self._hash = hash(self.whole()) if known is None else hash_on(known, hash(known), items, self._len)
        return self._hash

    def __repr__(self) -> str:
        return repr(tuple(self))

    def __reduce__(self) -> tuple[Any, ...]:
        return Strand, (None, tuple(self))  # a long chain of parts is too deep to be pickled or copied as it is


@dataclass(frozen=True, slots=True)
class GoesOn(Generic[T]):
    """A strand as the first `length` items of an earlier one, which may be all of it (`is_whole`), and more."""

    earlier: int
    length: int
    is_whole: bool
    tail: tuple[T, ...]


class Earlier(Generic[T]):
    """Strands one after another, by numbers: which earlier one each of them goes on from."""

    def __init__(self) -> None:
        self._first: dict[int, tuple[int, Strand[T]]] = {}  # by the identity of a part: the first that goes through it
        self._all: list[Strand[T]] = []  # kept, so that no other part has the identity of one

    def goes_on(self, number: int, strand: Strand[T], least: int) -> GoesOn[T] | None:
        """What a strand goes on from; None where it shares no more than `least` items with any earlier one."""
        self._all.append(strand)
        new = list(takewhile(lambda part: id(part) not in self._first, strand.parts()))
        self._first.update((id(part), (number, strand)) for part in new)
        shared = new[-1].before if new else strand
        if shared is None or len(shared) <= least:
            return None
        earlier, whole = self._first[id(shared)]
        tail = tuple(item for part in reversed(new) for item in part.tail)
        return GoesOn(earlier, len(shared), len(shared) == len(whole), tail)


def equal_strands(a: Strand[Any], b: Strand[Any], known: set[tuple[int, int]]) -> bool:
    """Compares two strands from their ends.

    known  parts that were found equal, by their identities: where rows of strands that go on from one another are
           compared with one such set, no part is compared twice
    """
    if len(a) != len(b):
        return False
    passed: list[tuple[int, int]] = []  # parts that end at the same place
    x, y = _filled(a), _filled(b)
    i, j = len(a), len(b)  # how much of x and of y is not compared yet
    while x is not None and y is not None:
        if (i, j) == (len(x), len(y)):
            if x is y or (id(x), id(y)) in known:
                break
            passed.append((id(x), id(y)))
        start = max(len(x) - len(x.tail), len(y) - len(y.tail))
        if _between(x, start, i) != _between(y, start, j):
            return False
        i = j = start
        x, y = (_filled(part.before) if len(part) - len(part.tail) == start else part for part in (x, y))
    known.update(passed)
    return True


def _between(part: Strand[Any], start: int, end: int) -> tuple[Any, ...]:
    """Items [start, end) of a strand, all of which lie in its tail."""
    first = len(part) - len(part.tail)
    return part.tail[start - first : end - first]


def _filled(strand: Strand[Any] | None) -> Strand[Any] | None:
    """The strand without parts at its end that hold nothing; None where it holds nothing at all."""
    while strand is not None and not strand.tail:
        strand = strand.before
    return strand
