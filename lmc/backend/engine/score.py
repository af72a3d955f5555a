"""Exact scoring of choices: the rows of one forward pass, and the decision.

The logits after `prompt + choice[:j]` score choice[j], so a choice needs a row over its *stem*, the choice short of
its last token, behind the prompt's last token. A stem that another one begins with needs no row of its own: choices
of one token cost a single row together.
"""

from __future__ import annotations

from collections.abc import Sequence as Seq
from dataclasses import dataclass
from itertools import accumulate, pairwise

from lmc.backend.base import ChoiceScores, ChoicesMethod

Ids = tuple[int, ...]
UNCONDITIONAL: ChoicesMethod = "unconditional_likelihood_normalized"
Logprobs = tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class ScorePlan:
    """What is computed for one Score segment.

    choices      ids of every choice
    stems    stems that get a row behind the prompt
    free     those that get one with nothing in front, for the unconditional method (stems of one token and more)
    """

    method: ChoicesMethod
    choices: tuple[Ids, ...]
    stems: tuple[Ids, ...]
    free: tuple[Ids, ...] = ()

    @property
    def num_tokens(self) -> int:
        """Tokens of the forward pass."""
        return sum(1 + len(stem) for stem in self.stems) + sum(len(stem) for stem in self.free)

    @property
    def num_scratch(self) -> int:
        """Slots beside the prompt's: the first row keeps its first token in the prompt's own last slot."""
        return self.num_tokens - 1

    def picks(self) -> tuple[list[int], list[int]]:
        """Which row of the pass's logits scores which id: choice by choice, then the unconditional ones.

        What several choices begin with is scored in one row for all of them, so equal tokens have equal scores.
        """
        own = _rows_after(self.stems, 0, 0)
        rows = [own[choice[:j]] for choice in self.choices for j in range(len(choice))]
        ids = [token for choice in self.choices for token in choice]
        if self.method == UNCONDITIONAL:
            free = _rows_after(self.free, sum(1 + len(stem) for stem in self.stems), 1)
            rows += [free[choice[:j]] for choice in self.choices for j in range(1, len(choice))]
            ids += [token for choice in self.choices for token in choice[1:]]
        return rows, ids

    def decide(self, logprobs: list[float]) -> ChoiceScores:
        """The winner, from the log-probabilities of `picks`."""
        lengths = [len(choice) for choice in self.choices]
        own, rest = _cut(logprobs, lengths)
        if self.method == "token_length_normalized":
            return self._best(own, [_mean(row) for row in own])
        if self.method == "greedy_token_selection":
            return self._best(own, _columns_survived(own))
        free, _ = _cut(rest, [length - 1 for length in lengths])
        unconditional = tuple((0.0, *row) for row in free)
        gains = [_mean(row) - _mean(base) for row, base in zip(own, unconditional)]
        return self._best(own, gains, unconditional)

    def _best(self, logprobs: Logprobs, scores: list[float], free: Logprobs | None = None) -> ChoiceScores:
        index = scores.index(max(scores))
        return ChoiceScores(self.method, index, self.choices, logprobs, tuple(scores), free)


def plan_scoring(method: ChoicesMethod, choices: tuple[Ids, ...]) -> ScorePlan:
    """The rows that score `choices` (at least one, none empty)."""
    stems = _cover([choice[:-1] for choice in choices])
    free = tuple(stem for stem in stems if stem) if method == UNCONDITIONAL else ()
    return ScorePlan(method, choices, stems, free)


def _rows_after(stems: Seq[Ids], first: int, shortest: int) -> dict[Ids, int]:
    """For every beginning of a stem, `shortest` tokens and longer, the row of logits behind it (the first one)."""
    rows: dict[Ids, int] = {}
    for stem in stems:
        for length in range(shortest, len(stem) + 1):
            rows.setdefault(stem[:length], first + length - shortest)
        first += len(stem) + 1 - shortest
    return rows


def _cover(stems: Seq[Ids]) -> tuple[Ids, ...]:
    """The stems that no other begins with, in order."""
    ordered = sorted(set(stems))
    # in sorted order a stem that another begins with is a prefix of its direct successor
    return tuple(s for s, after in zip(ordered, [*ordered[1:], None]) if after is None or after[: len(s)] != s)


def _columns_survived(logprobs: Logprobs) -> list[float]:
    """Per choice, the columns in which it was among the best of those still in; the winner has the most."""
    width = max(len(row) for row in logprobs)
    matrix = [[*row, *[_mean(row)] * (width - len(row))] for row in logprobs]
    survived, left = [0.0] * len(matrix), list(range(len(matrix)))
    for column in range(width):
        best = max(matrix[i][column] for i in left)
        left = [i for i in left if matrix[i][column] == best]
        for i in left:
            survived[i] += 1
        if len(left) == 1:
            break
    return survived


def _mean(row: Seq[float]) -> float:
    return sum(row) / len(row)


def _cut(values: list[float], lengths: Seq[int]) -> tuple[Logprobs, list[float]]:
    starts = [0, *accumulate(lengths)]
    return tuple(tuple(values[a:b]) for a, b in pairwise(starts)), values[starts[-1] :]
