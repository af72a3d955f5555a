"""What an item did where its program may do this or that: the arms that it took, and the turns of its loops."""

from __future__ import annotations

from collections import Counter
from typing import Any


class Taken:
    """Counts by the place in the source, as `Span.spot` writes it."""

    __slots__ = ("_arms", "_turns")

    def __init__(self) -> None:
        self._arms: dict[str, list[int]] = {}
        self._turns: dict[str, Counter[int]] = {}

    def arm(self, spot: str, is_then: bool) -> None:
        """A branch went one way."""
        self._arms.setdefault(spot, [0, 0])[0 if is_then else 1] += 1

    def turns(self, spot: str, number: int) -> None:
        """A loop has ended after so many turns."""
        self._turns.setdefault(spot, Counter())[number] += 1

    def as_json(self) -> dict[str, Any]:
        """`arms`: by place, how often its condition held and how often not; `turns`: by place, how often so many."""
        turns = {spot: {str(num): count for num, count in sorted(each.items())} for spot, each in self._turns.items()}
        found: dict[str, Any] = {"arms": dict(self._arms), "turns": turns}
        return {name: each for name, each in found.items() if each}
