"""What earlier runs did where a program may do this or that: by the place in its source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lmc.source import Span


@dataclass(slots=True)
class Learnt:
    """Counts of `runs` runs.

    arms        by the place of a branch, how often it went each way
    turns       by the place of a loop, how often it had so many turns
    tokens      by the name of a call, how many were generated, and in how many calls
    is_changed  the program was written otherwise when it ran, so that a place may be another one
    """

    runs: int = 0
    arms: dict[str, Counter[bool]] = field(default_factory=dict)
    turns: dict[str, Counter[int]] = field(default_factory=dict)
    tokens: dict[str, tuple[int, int]] = field(default_factory=dict)
    is_changed: bool = False

    def add(self, taken: Mapping[str, Any]) -> None:
        """What one run has done, as `lmc.executor.taken` records it."""
        for place, counts in taken.get("arms", {}).items():
            known = self.arms.setdefault(place, Counter())
            known.update({True: int(counts[0]), False: int(counts[1])})
        for place, found in taken.get("turns", {}).items():
            self.turns.setdefault(place, Counter()).update({int(num): int(count) for num, count in found.items()})

    def add_tokens(self, name: str, number: int) -> None:
        """A call of that name has generated so many tokens."""
        total, calls = self.tokens.get(name, (0, 0))
        self.tokens[name] = (total + number, calls + 1)

    def share_of_then(self, span: Span | None) -> float | None:
        """In how many of its runs a branch was taken; None where nobody knows."""
        counts = self.arms.get(_spot(span))
        return None if not counts else counts[True] / max(1, counts.total())

    def share_of_turns(self, span: Span | None) -> dict[int, float]:
        """By number, in how many of its runs a loop had such a turn; nothing where nobody knows."""
        counts = self.turns.get(_spot(span))
        if not counts:
            return {}
        total = counts.total()
        return {turn: sum(n for num, n in counts.items() if num >= turn) / total for turn in range(max(counts) + 1)}

    def tokens_of(self, name: object) -> float | None:
        """Tokens that a call of that name generated in the mean; None where nobody knows."""
        total, calls = self.tokens.get(str(name), (0, 0))
        return total / calls if calls else None


def _spot(span: Span | None) -> str:
    return "" if span is None else span.spot
