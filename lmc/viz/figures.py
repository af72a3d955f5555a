"""What a run came to, as the pictures show it: each call with its tokens and times, and the forward passes it sat in.

Plain data; who has a run fills it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from lmc.viz.wording import numbered


@dataclass(frozen=True, slots=True)
class CallFigures:
    """A call that was made: of which step of the plan; seconds since the run began, None where it did not come so far.

    cached, computed   tokens of its prompt; output: generated ones
    came               what was generated, as text
    missed             what of its prompt the cache might have had, and why it had not; nothing where that is not known
    """

    step: int
    cached: int
    computed: int
    output: int
    begin_s: float
    first_s: float | None
    end_s: float | None
    came: str
    missed: str = ""


@dataclass(frozen=True, slots=True)
class CallInPass:
    """What a pass did for a call, which goes by its place in `Figures.calls`; None: a call of another item."""

    call: int | None
    cached: int
    computed: int
    output: int


@dataclass(frozen=True, slots=True)
class PassFigures:
    """A forward pass: when it began, how long it took, and what it did for whom; `num_tokens` of all runs."""

    begin_s: float
    seconds: float
    num_tokens: int
    rows: tuple[CallInPass, ...]


@dataclass(frozen=True)
class Figures:
    """Of one item of a run: its calls in program order, and the passes if they were recorded."""

    calls: tuple[CallFigures, ...]
    passes: tuple[PassFigures, ...] = ()

    @cached_property
    def by_step(self) -> dict[int, list[CallFigures]]:
        """The calls of each step: of a loop's body one a turn."""
        found: dict[int, list[CallFigures]] = {}
        for call in self.calls:
            found.setdefault(call.step, []).append(call)
        return found

    @cached_property
    def most(self) -> int:
        """The tokens of the step that has most."""
        return max((sum(tokens(calls)) for calls in self.by_step.values()), default=0)

    @property
    def says(self) -> str:
        """All calls together, in a sentence."""
        cached, computed, output = tokens(self.calls)
        passes = f", {numbered(len(self.passes), 'forward pass', 'forward passes')}" if self.passes else ""
        words = f"{numbered(cached, 'prompt token')} from the cache, {computed} computed, {output} generated"
        return f"this run: {numbered(len(self.calls), 'call')}{passes}; {words}"


def tokens(calls: Sequence[CallFigures]) -> tuple[int, int, int]:
    """From the cache, computed and generated, all together."""
    return sum(c.cached for c in calls), sum(c.computed for c in calls), sum(c.output for c in calls)


def seconds(calls: Sequence[CallFigures]) -> float:
    """How long the calls took, one after another."""
    return sum(call.end_s - call.begin_s for call in calls if call.end_s is not None)


def brief(calls: Sequence[CallFigures]) -> str:
    """`28>5 tok, 0.31 s`: what went in and came out, and how long that took."""
    cached, computed, output = tokens(calls)
    many = f"{len(calls)}x " if len(calls) > 1 else ""
    return f"{many}{cached + computed}>{output} tok, {seconds(calls):.2f} s"
