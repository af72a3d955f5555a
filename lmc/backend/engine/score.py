"""Exact scoring of choices: the rows of one forward pass, and the decision.

The logits after `prompt + choice[:j]` score choice[j], so a choice needs a row over its *stem*, the choice short of
its last token, behind the prompt's last token. A stem that another one begins with needs no row of its own: choices
of one token cost a single row together.
"""

from __future__ import annotations

from collections.abc import Sequence as Seq
from dataclasses import dataclass
from itertools import pairwise

from lmc.backend.base import ChoiceScores, ChoicesMethod

Ids = tuple[int, ...]
Logprobs = tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class ScorePlan:
    """What is computed for one Score segment.

    choices      ids of every choice
    stems, row   stems that get a row behind the prompt; per choice, the index of its row
    free, free_row   the same with nothing in front, for the unconditional method (stems of one token and more)
    """

    method: ChoicesMethod
    choices: tuple[Ids, ...]
    stems: tuple[Ids, ...]
    row: tuple[int, ...]
    free: tuple[Ids, ...] = ()
    free_row: tuple[int, ...] = ()

    @property
    def num_tokens(self) -> int:
        """Tokens of the forward pass."""
        return sum(1 + len(stem) for stem in self.stems) + sum(len(stem) for stem in self.free)

    @property
    def num_scratch(self) -> int:
        """Slots beside the prompt's: the first row keeps its first token in the prompt's own last slot."""
        return self.num_tokens - 1

    def picks(self) -> tuple[list[int], list[int]]:
        """Which row of the pass's logits scores which id: choice by choice, then the unconditional ones."""
        rows: list[int] = []
        ids: list[int] = []
        bases = _starts([1 + len(stem) for stem in self.stems])
        for choice, row in zip(self.choices, self.row):
            rows += range(bases[row], bases[row] + len(choice))
            ids += choice
        free_bases = _starts([len(stem) for stem in self.free], bases[-1])
        for choice, row in zip(self.choices, self.free_row):
            rows += range(free_bases[row], free_bases[row] + len(choice) - 1)
            ids += choice[1:]
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
    stems, row = _cover([choice[:-1] for choice in choices])
    if method != "unconditional_likelihood_normalized":
        return ScorePlan(method, choices, stems, row)
    free, free_row = _cover([choice[:-1] for choice in choices])
    if not free[0]:
        free, free_row = (), tuple(0 for _ in choices)
    return ScorePlan(method, choices, stems, row, free, free_row)


def _cover(stems: Seq[Ids]) -> tuple[tuple[Ids, ...], tuple[int, ...]]:
    """The stems that no other begins with, in order, and for each stem one that begins with it."""
    ordered = sorted(set(stems))
    # in sorted order a stem that another begins with is a prefix of its direct successor
    kept = [s for s, after in zip(ordered, [*ordered[1:], None]) if after is None or after[: len(s)] != s]
    rows = {stem: next(i for i, whole in enumerate(kept) if whole[: len(stem)] == stem) for stem in ordered}
    return tuple(kept), tuple(rows[stem] for stem in stems)


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


def _starts(lengths: Seq[int], first: int = 0) -> list[int]:
    starts = [first]
    for length in lengths:
        starts.append(starts[-1] + length)
    return starts


def _cut(values: list[float], lengths: Seq[int]) -> tuple[Logprobs, list[float]]:
    starts = _starts(lengths)
    return tuple(tuple(values[a:b]) for a, b in pairwise(starts)), values[starts[-1] :]
