"""What every backend that scores choices does alike: their tokens, the distribution over them, a draw from it.

Standard library only; the log-probabilities of the tokens come from the backend.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from collections.abc import Sequence as Seq
from dataclasses import replace
from random import Random

from lmc.backend.base import ChoiceScores, ChoicesMethod, Score
from lmc.errors import ConstraintError

Ids = tuple[int, ...]
Logprobs = tuple[tuple[float, ...], ...]
GREEDY = 1e-5  # up to this temperature the best is taken, as Sampling.greedy has it


def choice_ids(segment: Score, encode: Callable[[str], list[int]]) -> tuple[Ids, ...]:
    """The tokens to score, choice by choice: those the segment brings, else each choice encoded by itself."""
    if segment.ids is None:
        return tuple(tuple(encode(choice)) for choice in segment.choices)
    assert len(segment.ids) == len(segment.choices), "a Score brings tokens for all of its choices or for none"
    return segment.ids


def log_masses(ids: Seq[Ids], totals: Seq[float]) -> list[float]:
    """The log-probability that what comes begins with the tokens of a choice, and with those of no longer choice.

    `totals[i]` is the sum of the log-probabilities of `ids[i]`: of all texts that begin so. Texts that begin with
    two choices begin with one inside the other on the token tree, and count for the longer: what *ends* a choice is
    that none of the set goes on. So the masses are of events that exclude each other, and divided by their sum they
    are a distribution, p(choice | prompt, it is one of the set), whatever follows in the program. (An end token or
    the program's next text would make another event of every choice: one that has to end the turn, or that depends
    on what the program does later. Who wants such an end puts it into the choices: "A." and "A but".)

    Equal tokens of different choices are one event, shared evenly.
    """
    total = dict(zip(ids, totals, strict=True))
    beyond: dict[Ids, list[float]] = {path: [] for path in total}  # of the longer ones, relative to `path`
    open_paths: list[Ids] = []
    for path in sorted(total):
        while open_paths and path[: len(open_paths[-1])] != open_paths[-1]:
            open_paths.pop()
        if open_paths:
            beyond[open_paths[-1]].append(total[path] - total[open_paths[-1]])
        open_paths.append(path)
    times = Counter(ids)
    return [total[path] + _log_rest(beyond[path]) - math.log(times[path]) for path in ids]


def _log_rest(parts: Seq[float]) -> float:
    """log(1 - the sum of exp(parts)); rounding may leave a little less than nothing, which is nothing."""
    rest = 1.0 - math.fsum(map(math.exp, parts))
    return math.log(rest) if rest > 0 else -math.inf


def probabilities(logs: Seq[float], temperature: float = 1.0) -> tuple[float, ...] | None:
    """exp(logs / temperature), divided by their sum; None where all of it is 0 or one is not a number."""
    top = max(logs)
    if any(map(math.isnan, logs)) or math.isinf(top):
        return None
    weights = [math.exp((value - top) / temperature) for value in logs]
    total = math.fsum(weights)
    return tuple(weight / total for weight in weights)


def compared(method: ChoicesMethod, ids: Seq[Ids], own: Logprobs, free: Logprobs | None = None) -> ChoiceScores:
    """Which choice a method takes, from the log-probabilities of each one's tokens behind the prompt.

    free  those with nothing in front, for the unconditional method; a first token counts as 0

    Raises ConstraintError where `exact` finds no mass.
    """
    masses = log_masses(ids, [sum(each) for each in own])
    parts = probabilities(masses)
    if method == "exact" and parts is None:
        raise ConstraintError("the model gives none of the choices any probability")
    scores = _scores(method, own, masses, free)
    return ChoiceScores(method, scores.index(max(scores)), tuple(ids), own, tuple(scores), free, parts)


def _scores(method: ChoicesMethod, own: Logprobs, masses: list[float], free: Logprobs | None) -> list[float]:
    """What the method compares; the greatest wins."""
    if method == "exact":
        return masses
    if method == "greedy_token_selection":
        return _columns_survived(own)
    if free is None:
        return [_mean(each) for each in own]
    return [_mean(each) - _mean(base) for each, base in zip(own, free)]


def _columns_survived(logprobs: Logprobs) -> list[float]:
    """Per choice, the columns in which it was among the best of those still in; the winner has the most."""
    width = max(map(len, logprobs))
    matrix = [[*each, *[_mean(each)] * (width - len(each))] for each in logprobs]
    survived, left = [0.0] * len(matrix), list(range(len(matrix)))
    for column in range(width):
        best = max(matrix[i][column] for i in left)
        left = [i for i in left if matrix[i][column] == best]
        for i in left:
            survived[i] += 1
        if len(left) == 1:
            break
    return survived


def _mean(logprobs: Seq[float]) -> float:
    return sum(logprobs) / len(logprobs)


def drawn(scores: ChoiceScores, segment: Score, *place: int) -> ChoiceScores:
    """The scores with the choice that the segment's temperature draws; the best stays where it is 0.

    Depends on the scores, the seed and `place` (sample, position) alone.
    """
    if segment.temperature <= GREEDY:
        return scores
    parts = probabilities(scores.scores, segment.temperature)
    assert parts is not None, "what has no distribution has been refused"
    return replace(scores, index=_pick(parts, Random(f"{segment.seed or 0} {place}").random()))


def _pick(parts: Seq[float], at: float) -> int:
    """The index at which the running sum passes `at`, in [0, 1); its part is never 0."""
    reached, last = 0.0, 0
    for index, part in enumerate(parts):
        reached += part
        if part > 0:
            last = index
            if reached > at:
                break
    return last
