"""What must be known of an automaton over bytes to see what comes next: a ByteDfa is one, a grammar has another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class ByteWalk(Protocol):
    """An automaton over the bytes of its texts; states are numbers, DEAD is 0. Made as it is walked.

    Raises ConstraintError (LMC-CN004) where a question needs too many states.
    """

    @property
    def start(self) -> int:
        """The state before any byte."""

    def step(self, state: int, byte: int) -> int:
        """The state after one more byte, DEAD where no text goes on so."""

    def run(self, text: bytes, state: int | None = None) -> int:
        """The state after some bytes."""

    def is_accepting(self, state: int) -> bool:
        """Whether a text may end here."""

    def ways(self, state: int) -> Sequence[bytes]:
        """The bytes that may come next, in groups of those that are alike."""

    def is_whole(self, state: int) -> bool:
        """Whether what led here ends where a character does."""
