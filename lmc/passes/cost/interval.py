"""Intervals of counts: the fewest, what is expected, and the most that there may be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Interval:
    """least <= what is counted <= most, where `most` None says that there is no bound; `expected` lies between."""

    least: int = 0
    expected: float = 0.0
    most: int | None = 0

    @classmethod
    def exactly(cls, number: int) -> Interval:
        """A number that is known."""
        return cls(number, float(number), number)

    @classmethod
    def between(cls, least: int, most: int | None, expected: float | None = None) -> Interval:
        """What lies in these bounds; expected is the least where nothing else is."""
        wanted = float(least) if expected is None else max(float(least), expected)
        return cls(least, wanted if most is None else min(wanted, float(most)), most)

    @property
    def is_exact(self) -> bool:
        """True where there is one number that it can be."""
        return self.least == self.most

    def holds(self, number: int) -> bool:
        """Whether a number lies in it."""
        return self.least <= number and (self.most is None or number <= self.most)

    def __str__(self) -> str:
        """`5`; `4 (2..6)`; `4 (2..)` where there is no bound."""
        if self.is_exact:
            return str(self.least)
        expected = self.expected
        shown = f"{expected:.1f}" if expected < 10 and expected != round(expected) else str(round(expected))
        return f"{shown} ({self.least}..{'' if self.most is None else self.most})"

    def __add__(self, other: Interval) -> Interval:
        if other is NOTHING:
            return self
        if self is NOTHING:
            return other
        most = None if self.most is None or other.most is None else self.most + other.most
        return Interval(self.least + other.least, self.expected + other.expected, most)

    def less(self, other: Interval) -> Interval:
        """This without a part of it that lies in `other`; never below nothing."""
        least = 0 if other.most is None else max(0, self.least - other.most)
        most = None if self.most is None else max(0, self.most - other.least)
        return Interval.between(least, most, self.expected - other.expected)

    def times(self, other: Interval) -> Interval:
        """So many of each of so many."""
        most = 0 if 0 in (self.most, other.most) else None
        if self.most is not None and other.most is not None:
            most = self.most * other.most
        return Interval(self.least * other.least, self.expected * other.expected, most)

    def maybe(self, share: float, is_bounded: bool = True) -> Interval:
        """What may not happen at all: it is expected in a share of the runs. Unbounded, it may happen ever again."""
        return Interval(0, self.expected * share, self.most if is_bounded or self.most == 0 else None)


NOTHING = Interval()
UNKNOWN = Interval(0, 0.0, None)


def one_of(options: Iterable[tuple[Interval, float]]) -> Interval:
    """One of several; each with the share of runs in which it is the one."""
    found = list(options)
    bounds = [interval.most for interval, _ in found if interval.most is not None]
    most = max(bounds) if len(bounds) == len(found) else None
    expected = sum(interval.expected * share for interval, share in found)
    return Interval.between(min(interval.least for interval, _ in found), most, expected)
