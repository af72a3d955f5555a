"""Pseudo log-probabilities for the echo backend: hashes of the tokens before, so equal prefixes score equally.

They are numbers between -8 and 0 that sum to nothing; what holds is that they are the same in every run, and that
a token's value depends on the backend's seed, the tokens before it and itself only, as a model's would. Where the
choices that go on with another one have more than all of it, that one is left with nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from lmc.backend.base import ChoiceScores, ChoicesMethod, Score, TokenLogprob
from lmc.backend.choices import log_masses, probabilities
from lmc.backend.echo.text import advance, mix

Rows = tuple[tuple[float, ...], ...]


def token_logprob(context: int, token: int) -> float:
    """The pseudo log-probability of `token` where `context` is the mix of everything before."""
    return -((advance(mix(context, token)) >> 40) % 8000) / 1000 - 0.001


def chain(context: int, ids: Sequence[int]) -> tuple[float, ...]:
    """The log-probability of each of `ids`, one after another."""
    values = []
    for token in ids:
        values.append(token_logprob(context, token))
        context = mix(context, token)
    return tuple(values)


def token_logprobs(context: int, ids: Sequence[int], num_top: int) -> tuple[TokenLogprob, ...]:
    """`chain` as events carry it, each with `num_top` tokens beside it (the chosen one first, then bytes by value)."""
    values = chain(context, ids)
    return tuple(TokenLogprob(t, v, _top(t, v, num_top)) for t, v in zip(ids, values))


def score(segment: Score, ids: tuple[tuple[int, ...], ...], context: int, empty: int) -> ChoiceScores:
    """Which choice wins; `context` is the mix of the prompt, `empty` that of the unconditional one."""
    logprobs = tuple(chain(context, choice) for choice in ids)
    masses = tuple(log_masses(ids, [sum(row) for row in logprobs]))
    unconditional = None
    if segment.method == "unconditional_likelihood_normalized":
        unconditional = tuple(chain(empty, choice) for choice in ids)
    scores = masses if segment.method == "exact" else _scores(segment.method, logprobs, unconditional)
    index = scores.index(max(scores))
    return ChoiceScores(segment.method, index, ids, logprobs, scores, unconditional, probabilities(masses))


def _top(token: int, value: float, num_top: int) -> tuple[tuple[int, float], ...]:
    others = ((i, value - 0.5 * k) for k, i in enumerate((b for b in range(97, 123) if b != token), start=1))
    return tuple(((token, value), *others)[:num_top])


def _scores(method: ChoicesMethod, logprobs: Rows, unconditional: Rows | None) -> tuple[float, ...]:
    """What the method compares; the greatest wins."""
    if unconditional is not None:
        return tuple(_mean(row) - _mean(free) for row, free in zip(logprobs, unconditional))
    if method == "greedy_token_selection":
        return _columns_survived(logprobs)
    return tuple(_mean(row) for row in logprobs)


def _columns_survived(logprobs: Rows) -> tuple[float, ...]:
    """Per choice, the tokens for which it was among the likeliest; one that has ended goes on with its mean."""
    survived = [0.0] * len(logprobs)
    left = list(range(len(logprobs)))
    for column in range(max(map(len, logprobs))):
        values = {i: logprobs[i][column] if column < len(logprobs[i]) else _mean(logprobs[i]) for i in left}
        left = [i for i in left if values[i] == max(values.values())]
        for i in left:
            survived[i] += 1
        if len(left) == 1:
            break
    return tuple(survived)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
