"""What a program does, as far as its cost goes: its calls in order, with what is decided only when it runs."""

from __future__ import annotations

from dataclasses import dataclass, field

from lmc.passes.cost.alternatives import Way
from lmc.passes.cost.interval import Interval
from lmc.passes.prefix_tree import TreeNode
from lmc.passes.prompt_ids import Fragments


@dataclass(frozen=True, slots=True)
class CallTrace:
    """A model call.

    step       of the plan
    prompts    where the prompt ends in the tree, for each way that the program may have come here
    ways       these ways
    cuts_last  tokens at the end of the prompt that may go over to the answer
    output     of one sample
    again      whether the call may be asked a second time
    is_idle    whether the prompt may not be read at all
    ends       what the prompts are made of
    shares     how likely each of them is
    """

    step: int
    prompts: tuple[TreeNode, ...]
    ways: tuple[Way, ...]
    cuts_last: int
    output: Interval
    samples: Interval
    again: bool
    is_idle: bool
    ends: tuple[Fragments | None, ...] = ()
    shares: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class BranchTrace:
    """One of two arms, each with the share of runs that take it, and what leads to it where that is one question."""

    arms: tuple[tuple[CostTrace, float, Way | None], ...]


@dataclass(frozen=True, slots=True)
class LoopTrace:
    """The turns of a loop: those that are sure to come, then those that may, each with its share of the runs.

    is_bounded  False where more turns may follow than stand here
    """

    turns: tuple[tuple[CostTrace, float], ...]
    num_sure: int
    is_bounded: bool


@dataclass(frozen=True, slots=True)
class TryTrace:
    """The body of a `try`, which may end anywhere, and then the handler."""

    body: CostTrace
    handler: CostTrace


@dataclass(frozen=True, slots=True)
class FunctionTrace:
    """A function that calls itself: once for sure, and who knows how often more."""

    body: CostTrace


Part = CallTrace | BranchTrace | LoopTrace | TryTrace | FunctionTrace


@dataclass(slots=True)
class CostTrace:
    """Parts one after another."""

    parts: list[Part] = field(default_factory=list)
