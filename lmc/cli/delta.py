"""Delta debugging: the smallest subject that is still interesting, by leaving out parts, more and more finely.

After Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input" (2002), with whole-subject variants
behind it. Deterministic; each subject is asked about once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, Protocol, TypeVar

T = TypeVar("T")


class Parts(Protocol[T]):
    """What can be made smaller: `without` gives None for what is not well formed."""

    def count(self, subject: T) -> int:
        """How many parts may be left out."""

    def without(self, subject: T, left_out: set[int]) -> T | None:
        """The subject without these parts, by number."""

    def variants(self, subject: T) -> Iterator[T]:
        """The subject with some other thing less."""


class Reduction(Generic[T]):
    """Makes a subject smaller; `best` is the smallest so far, whenever it is left.

    num_tries  subjects that were asked about
    """

    def __init__(self, subject: T, parts: Parts[T], is_interesting: Callable[[T], bool]) -> None:
        self.best = subject
        self.num_tries = 0
        self._parts, self._ask = parts, is_interesting
        self._seen: set[str] = {str(subject)}

    def run(self) -> T:
        """The smallest subject from which nothing can be taken away by itself."""
        while self._leave_out() | self._vary():
            pass
        return self.best

    def _leave_out(self) -> bool:
        """Parts of half the subject, then of a quarter, down to one."""
        has_shrunk = False
        size = max(1, self._parts.count(self.best) // 2)
        while True:
            # from the end: what stands behind depends on what stands before
            at = self._parts.count(self.best)
            while at > 0:
                at = max(0, at - size)
                chunk = set(range(at, min(at + size, self._parts.count(self.best))))
                if chunk and self._try(self._parts.without(self.best, chunk)):
                    has_shrunk = True
            if size == 1:
                return has_shrunk
            size //= 2

    def _vary(self) -> bool:
        """The first variant that is interesting, again and again."""
        has_shrunk = False
        while any(self._try(each) for each in self._parts.variants(self.best)):
            has_shrunk = True
        return has_shrunk

    def _try(self, subject: T | None) -> bool:
        if subject is None or str(subject) in self._seen:
            return False
        self._seen.add(str(subject))
        self.num_tries += 1
        if not self._ask(subject):
            return False
        self.best = subject
        return True
