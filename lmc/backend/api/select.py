"""A select on an API: by the best of the model's means, which the answer names.

Only scores are what the methods of `select` compare. The other means stand for the default method alone:

scores    the tokens of every choice behind the prompt, where prompts are token ids (scoring.py)
logprobs  the model writes one of the choices, and the likeliest tokens in its first one's place are told beside it.
          Where every choice is one of these tokens, whole, they are a distribution, and the likeliest is taken
decisions OpenAI's endpoint of that name weighs labels that stand for the choices, and tells their probabilities
enum      it writes one, held to them by the API

What is no choice is never passed on, whatever the API promised.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lmc.backend.api.abilities import Abilities, select_means
from lmc.backend.api.ask import Likely
from lmc.backend.api.asking import asked
from lmc.backend.api.exchange import Exchange
from lmc.backend.api.generation import ApiGeneration, Samples, shares
from lmc.backend.api.retry import Trouble
from lmc.backend.api.scoring import Scoring
from lmc.backend.api.wire import decisions
from lmc.backend.api.wire.constraints import is_wrapped
from lmc.backend.base import ChoiceScores, Chosen, Delta, FinishReason, Gen, Score, SegmentEnd, Usage
from lmc.backend.choices import probabilities
from lmc.ir.constraint import Choices
from lmc.ir.prompt import Piece
from lmc.ir.sampling import Sampling
from lmc.ir.scoring import DEFAULT_METHOD, SelectBy

if TYPE_CHECKING:
    from lmc.backend.api.session import ApiSession

NUM_TOLD = 20  # the most likely tokens that are asked for
AROUND = 8  # tokens beside those of the choice: the end of the turn
WRAPPING = 56  # those of an object around it, with white space


class ApiSelect:
    """A select for one sample of a request."""

    def __init__(self, session: ApiSession, score: Score, rid: int, index: int, sample: int, priority: int = 0) -> None:
        self._session, self._target, self._score = session, session.target, score
        self._rid, self._index, self._sample, self._priority = rid, index, sample, priority

    async def run(self, pieces: Sequence[Piece], ids: tuple[int, ...] | None) -> tuple[SegmentEnd, Usage]:
        """Make it behind that prompt; how it ended, and what it came to. Raises Trouble, LMError."""
        by = self._means()
        if by == "scores":
            scoring = Scoring(self._session, self._score, self._priority)
            scores, usage = await scoring.run(ids or (), self._sample)
            return self._told(scores.index, "score", usage, scores.ids[scores.index], scores=scores), usage
        if by == "decisions":
            chosen, reason, usage = await self._decided(pieces)
        else:
            chosen, reason, usage = await self._written(by, pieces, ids)
        text_ids = tuple(self._session.tokenizer.encode(self._score.choices[chosen.index]))
        return self._told(chosen.index, reason, usage, text_ids, chosen=chosen), usage

    def _means(self) -> SelectBy:
        """Raises Trouble where there is none, or none that does what is asked."""
        known = self._target.known
        means = select_means(known, sends_ids=self._target.sends_ids)
        if not means:
            help = f"ask for a JSON schema with an enum, or use another backend; {known.known_from}"
            raise Trouble("unsupported", f"{known.called} compares no choices", help=help)
        if means[0] == "scores":
            return "scores"
        if self._score.method != DEFAULT_METHOD or self._score.temperature:
            help = "leave choices_method and temperature out: it is then made by other means; or use another backend"
            raise Trouble("unsupported", f"{known.called} does not compare choices by {self._score.method}", help=help)
        fitting = (by for by in means if by != "decisions" or decisions.takes(self._score.choices))
        by = next(fitting, None)
        if by is None:
            message = f"{known.called} takes from {decisions.LEAST} to {decisions.MOST} choices"
            raise Trouble("unsupported", message, help="give as many, or use another backend")
        return by

    async def _decided(self, pieces: Sequence[Piece]) -> tuple[Chosen, FinishReason, Usage]:
        """What the endpoint for decisions says."""
        choices, target = self._score.choices, self._target
        constraint = Choices(choices)
        ask = asked(target.known, Gen(self._score.name, Sampling()), pieces, constraint=constraint)
        heard = Samples(1, None, is_held=True, tell=lambda _, text: None)
        exchange = Exchange(target, decisions, ask, heard, self._session.account, self._priority)
        await exchange.run()
        (grown,) = heard.grown
        if grown.refusal:
            raise Trouble("refusal", f"{target.place} refuses to choose: {grown.refusal}", help="ask otherwise")
        likely = distribution(choices, grown.likely)
        if grown.text not in choices or likely is None:
            message = f"{target.place} answered with no choice, or without its probability: {grown.text[:80]!r}"
            raise Trouble("broken_answer", message, help="ask again")
        (usage,) = shares(exchange.spent, [1])
        return Chosen("decisions", choices.index(grown.text), likely), "score", usage

    async def _written(
        self, by: SelectBy, pieces: Sequence[Piece], ids: tuple[int, ...] | None
    ) -> tuple[Chosen, FinishReason, Usage]:
        """What the model wrote under the constraint, or what its log-probabilities say."""
        choices, known = self._score.choices, self._target.known
        gen = Gen(self._score.name, _sampling(choices, known, with_logprobs=by == "logprobs"), Choices(choices))
        generation = ApiGeneration(
            self._session, gen, self._rid, self._index, (self._sample,), self._priority, is_held=True
        )
        (heard,) = await generation.heard(pieces, ids)
        likely = distribution(choices, heard.grown.likely) if by == "logprobs" else None
        if likely is not None:
            return Chosen("logprobs", likely.index(max(likely)), likely), "score", heard.usage
        if heard.text not in choices or heard.reason == "length":
            why = ", cut off by its limit of tokens" if heard.reason == "length" else ""
            message = f"{self._target.place} answered with no choice{why}: {heard.text[:80]!r}"
            raise Trouble("broken_constraint", message, help="ask again, or ask another model")
        return Chosen("enum", choices.index(heard.text)), "constraint", heard.usage

    def _told(
        self,
        index: int,
        reason: FinishReason,
        usage: Usage,
        ids: tuple[int, ...],
        *,
        scores: ChoiceScores | None = None,
        chosen: Chosen | None = None,
    ) -> SegmentEnd:
        """Tell the choice and its end."""
        text = self._score.choices[index]
        self._session.tell(Delta(self._rid, self._sample, self._index, text, ids))
        end = SegmentEnd(
            self._rid, self._sample, self._index, text, ids, reason, scores=scores, num_tokens=usage.output_tokens,
            chosen=chosen,
        )  # fmt: skip
        self._session.tell(end)
        return end


def _sampling(choices: Sequence[str], known: Abilities, *, with_logprobs: bool) -> Sampling:
    """The likeliest, where the model can be told so, and room for the longest choice however it is spelt."""
    if is_wrapped(Choices(tuple(choices)), known):
        room = max(len(json.dumps(choice)) for choice in choices) + AROUND + WRAPPING
    else:
        room = max(len(choice.encode()) for choice in choices) + AROUND
    if known.thinks == "always" or (known.max_output is not None and room > known.max_output):
        room = known.max_output or room  # thoughts count too
    num = min(NUM_TOLD, known.max_logprobs or 0) if with_logprobs else 0
    return Sampling(
        max_tokens=room,
        temperature=0.0 if "temperature" in known.follows else 1.0,
        return_logprob=bool(num),
        top_logprobs_num=num,
    )


def distribution(choices: Sequence[str], told: Sequence[Likely]) -> tuple[float, ...] | None:
    """How likely each choice is of the set, by the first token that was told; None where that does not tell.

    It does where every choice is one of the tokens told, whole, and none of them stands there twice: tokens of other
    bytes may be shown alike.
    """
    if not told:
        return None
    logs: list[float] = []
    for choice in choices:
        raw = choice.encode()
        found = [logprob for each, logprob in told[0].top if each == raw]
        if len(found) != 1:
            return None
        logs += found
    return probabilities(logs)
