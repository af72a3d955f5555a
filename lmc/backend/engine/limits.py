"""Which requests can never run here, and what to tell their user.

A request is held against the model's length and the pool at its own worst: its prompt and all it may generate, as if
it ran alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lmc.backend.base import Forced, Gen, Request, Score, Segment
from lmc.backend.choices import choice_ids
from lmc.backend.engine.score import ScorePlan, plan_scoring
from lmc.ir.prompt import Tokenizer


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not taken: the fields of its Failed."""

    code: str
    message: str
    help: str = ""
    retryable: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """What the model and the pool have room for; `page_size` tokens are stored together."""

    max_len: int
    num_slots: int
    page_size: int
    vocab_size: int

    def refuse(self, request: Request, plans: dict[int, ScorePlan]) -> Refusal | None:
        """Why `request` cannot run, or None."""
        return _malformed(request, plans, self.vocab_size) or self._too_long(request, plans)

    def _too_long(self, request: Request, plans: dict[int, ScorePlan]) -> Refusal | None:
        prompt_len = len(request.prompt.tokens)
        shortest = sum(least(segment, plans.get(i)) for i, segment in enumerate(request.out))
        if prompt_len + shortest > self.max_len:
            return Refusal(
                "prompt_too_long",
                f"The prompt has {prompt_len} tokens and what must follow it at least {shortest}; "
                f"the model takes {self.max_len} together",
                f"shorten the prompt by {prompt_len + shortest - self.max_len} tokens, or use a model of more context",
            )
        longest = sum(most(segment, plans.get(i)) for i, segment in enumerate(request.out))
        scratch = max((self._scratch(plan) for plan in plans.values()), default=0)
        slots = self._pages(min(prompt_len + longest, self.max_len)) + scratch
        if slots > self.num_slots:
            return Refusal(
                "pool_too_small",
                f"The request may need {slots} KV slots (prompt {prompt_len}, output up to {longest}, "
                f"scoring {scratch}); the pool has {self.num_slots}",
                f"lower max_tokens or the prompt by {slots - self.num_slots} tokens, or give the engine a larger pool",
            )
        return None

    def _scratch(self, plan: ScorePlan) -> int:
        return self._pages(plan.num_scratch)

    def _pages(self, length: int) -> int:
        return -(-length // self.page_size) * self.page_size


def least(segment: Segment, plan: ScorePlan | None) -> int:
    """The fewest tokens of room a segment can do with."""
    match segment:
        case Gen():
            return min(1, segment.sampling.max_tokens)
        case Forced():
            return len(segment.ids)
        case Score():
            return max(len(choice) for choice in plan.choices) if plan else 0


def most(segment: Segment, plan: ScorePlan | None) -> int:
    """The most tokens a segment can come to."""
    return segment.sampling.max_tokens if isinstance(segment, Gen) else least(segment, plan)


def score_plans(request: Request, tokenizer: Tokenizer) -> dict[int, ScorePlan]:
    """The rows of each Score segment whose choices are sound; the others are left out."""
    plans = {}
    for i, segment in enumerate(request.out):
        if isinstance(segment, Score):
            choices = choice_ids(segment, tokenizer.encode)
            if choices and all(choices):
                plans[i] = plan_scoring(segment.method, choices)
    return plans


def _malformed(request: Request, plans: dict[int, ScorePlan], vocab_size: int) -> Refusal | None:
    ids = request.prompt.ids
    if not ids:
        return Refusal("empty_prompt", "The prompt has no tokens", "begin the prompt with some text")
    given = [id for segment in request.out if isinstance(segment, Forced) for id in segment.ids]
    given += [id for plan in plans.values() for choice in plan.choices for id in choice]
    if min(ids) < 0 or max((*ids, *given)) >= vocab_size or min(given, default=0) < 0:
        bad = next(id for id in (*ids, *given) if not 0 <= id < vocab_size)
        return Refusal(
            "bad_token",
            f"Token {bad} is not in the model's vocabulary of {vocab_size}",
            "encode the prompt with this model's own tokenizer",
        )
    for i, segment in enumerate(request.out):
        if isinstance(segment, Score) and i not in plans:
            return Refusal(
                "empty_choice",
                f"A choice of {segment.name or 'select'!r} has no tokens" if segment.choices else "There is no choice",
                "give at least one choice, none of them empty",
            )
        if isinstance(segment, Gen) and (refusal := _bad_pattern(segment)):
            return refusal
    return None


def _bad_pattern(segment: Gen) -> Refusal | None:
    for pattern in segment.sampling.stop_regex:
        try:
            re.compile(pattern)
        except (re.error, OverflowError, RecursionError) as error:
            return Refusal(
                "stop_regex",
                f"The stop pattern {pattern!r} is not a regular expression: {error}",
                "correct the pattern, or use `stop` for plain text",
            )
    return None
