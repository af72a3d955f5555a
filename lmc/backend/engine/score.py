"""Exact scoring of choices: the token tree of one forward pass, and the decision.

The logits after `prompt + choice[:j]` score choice[j], so what is computed is the tree of the *stems*, the choices
short of their last tokens, behind the prompt's last token. A row of the pass is a branch: the tokens of a stem from
where it leaves the row before. Every node of the tree is computed once; choices of one token cost one row together.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from collections.abc import Sequence as Seq
from dataclasses import dataclass
from itertools import accumulate, pairwise

from lmc.backend.base import ChoiceScores, ChoicesMethod
from lmc.backend.choices import compared
from lmc.common_prefix import common_len
from lmc.errors import BackendError

Ids = tuple[int, ...]
UNCONDITIONAL: ChoicesMethod = "unconditional_likelihood_normalized"
Logprobs = tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class ScorePlan:
    """What is computed for one Score segment.

    choices  ids of every choice
    stems    stems that get a row behind the prompt, in order, so that `branches` finds what they share
    free     those that get one with nothing in front, for the unconditional method (stems of one token and more)
    """

    method: ChoicesMethod
    choices: tuple[Ids, ...]
    stems: tuple[Ids, ...]
    free: tuple[Ids, ...] = ()

    @property
    def num_tokens(self) -> int:
        """Tokens of the forward pass."""
        return 1 + num_nodes(self.stems) + num_nodes(self.free)

    @property
    def num_scratch(self) -> int:
        """Slots beside the prompt's: the first row keeps its first token in the prompt's own last slot."""
        return self.num_tokens - 1

    def picks(self) -> tuple[list[int], list[int]]:
        """Which row of the pass's logits scores which id: choice by choice, then the unconditional ones.

        What several choices begin with is scored in one row for all of them, so equal tokens have equal scores.
        """
        own = {(): 0, **_rows_after(self.stems, 1)}
        rows = [own[choice[:j]] for choice in self.choices for j in range(len(choice))]
        ids = [token for choice in self.choices for token in choice]
        if self.method == UNCONDITIONAL:
            free = _rows_after(self.free, 1 + num_nodes(self.stems))
            rows += [free[choice[:j]] for choice in self.choices for j in range(1, len(choice))]
            ids += [token for choice in self.choices for token in choice[1:]]
        return rows, ids

    def decide(self, logprobs: list[float]) -> ChoiceScores:
        """The winner, from the log-probabilities of `picks`. Raises ConstraintError where `exact` finds no mass,
        and BackendError where the model gave no numbers.
        """
        if any(map(math.isnan, logprobs)):
            raise broken_model()
        own, rest = _split(logprobs, [len(choice) for choice in self.choices])
        return compared(self.method, self.choices, own, self._unconditional(rest))

    def _unconditional(self, logprobs: list[float]) -> Logprobs | None:
        """The rows with nothing in front, where the method has them; a first token counts as 0."""
        if self.method != UNCONDITIONAL:
            return None
        rest, _ = _split(logprobs, [len(choice) - 1 for choice in self.choices])
        return tuple((0.0, *each) for each in rest)


def broken_model() -> BackendError:
    """The error of a model that answers with no numbers."""
    return BackendError("the model's logits are no numbers", help="its weights are damaged: load them again")


def plan_scoring(method: ChoicesMethod, choices: tuple[Ids, ...]) -> ScorePlan:
    """The rows that score `choices` (at least one, none empty)."""
    stems = _cover([choice[:-1] for choice in choices])
    free = tuple(stem for stem in stems if stem) if method == UNCONDITIONAL else ()
    return ScorePlan(method, choices, stems, free)


def branches(stems: Seq[Ids]) -> Iterator[tuple[Ids, int]]:
    """Each stem, and how many of its tokens are those of the stem before: the tree's rows, `stem[shared:]` each.

    The stems are in order and none begins with another, so every node of their tree is in one row, and what a row
    leaves out is in the slots of the row before.
    """
    before: Ids = ()
    for stem in stems:
        yield stem, common_len(before, stem)
        before = stem


def num_nodes(stems: Seq[Ids]) -> int:
    """Tokens of the tree: each beginning of a stem once."""
    return sum(len(stem) - shared for stem, shared in branches(stems))


def _rows_after(stems: Seq[Ids], first: int) -> dict[Ids, int]:
    """For every beginning of a stem, one token and longer, the row of logits behind it."""
    nodes = (stem[:end] for stem, shared in branches(stems) for end in range(shared + 1, len(stem) + 1))
    return {node: row for row, node in enumerate(nodes, first)}


def _cover(stems: Seq[Ids]) -> tuple[Ids, ...]:
    """The stems that no other begins with, in order."""
    ordered = sorted(set(stems))
    # in sorted order a stem that another begins with is a prefix of its direct successor
    return tuple(s for s, after in zip(ordered, [*ordered[1:], None]) if after is None or after[: len(s)] != s)


def _split(values: list[float], lengths: Seq[int]) -> tuple[Logprobs, list[float]]:
    starts = [0, *accumulate(lengths)]
    return tuple(tuple(values[a:b]) for a, b in pairwise(starts)), values[starts[-1] :]
