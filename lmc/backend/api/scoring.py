"""A select by scores: each choice is sent behind the prompt, and the server tells how likely its tokens are there."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from lmc.backend.api.ask import WireAsk
from lmc.backend.api.exchange import Exchange
from lmc.backend.api.generation import Samples, add, shares
from lmc.backend.api.retry import Trouble
from lmc.backend.api.wire import Dialect, sglang_scores, vllm_scores
from lmc.backend.base import ChoiceScores, Score, Usage
from lmc.backend.choices import choice_ids, compared, drawn
from lmc.ir.sampling import Sampling

if TYPE_CHECKING:
    from lmc.backend.api.session import ApiSession

Ids = tuple[int, ...]
Row = tuple[float, ...]
UNCONDITIONAL = "unconditional_likelihood_normalized"


class Scoring:
    """One Score segment behind a prompt of token ids."""

    def __init__(self, session: ApiSession, score: Score, priority: int) -> None:
        self._target, self._account, self._priority = session.target, session.account, priority
        self._score, self._choices = score, choice_ids(score, session.tokenizer.encode)
        is_sglang = self._target.known.dialect == "sglang"
        self._dialect = cast(Dialect, sglang_scores if is_sglang else vllm_scores)
        # vLLM does not read its cache where it tells log-probabilities of a prompt: nobody need wait for the first
        self._leads = is_sglang
        self._usage = Usage()

    async def run(self, prompt: Ids, sample: int) -> tuple[ChoiceScores, Usage]:
        """The scores with the choice that is taken, and what they came to. Raises Trouble, LMError."""
        if not prompt:
            what = f"{self._target.known.called} scores no first token of a text, and the prompt has none"
            raise Trouble("unsupported", what, help="put a text before the choices")
        own = await self._rows([(prompt + choice, len(choice)) for choice in self._choices])
        free: tuple[Row, ...] | None = None
        if self._score.method == UNCONDITIONAL:
            rows = await self._rows([(choice, len(choice) - 1) for choice in self._choices])
            free = tuple((0.0, *row) for row in rows)
        scores = compared(self._score.method, self._choices, own, free)
        return drawn(scores, self._score, sample, len(prompt)), self._usage

    async def _rows(self, asks: Sequence[tuple[Ids, int]]) -> tuple[Row, ...]:
        """For each, the log-probabilities of its last tokens."""
        lead = 1 if self._leads else 0
        first = [await self._row(*ask) for ask in asks[:lead]]
        try:
            async with asyncio.TaskGroup() as group:
                rest = [group.create_task(self._row(*ask)) for ask in asks[lead:]]
        except ExceptionGroup as group_error:  # the others have been given up
            raise group_error.exceptions[0] from None
        return (*first, *(each.result() for each in rest))

    async def _row(self, ids: Ids, num: int) -> Row:
        if not num:
            return ()
        target = self._target
        ask = WireAsk(target.known.model, Sampling(temperature=0.0), ids=ids, scored=num)
        heard = Samples(1, None, is_held=True, tell=lambda _, text: None)
        exchange = Exchange(target, self._dialect, ask, heard, self._account, self._priority)
        await exchange.run()
        (used,) = shares(exchange.spent, [1])
        self._usage = add(self._usage, used)
        told = heard.grown[0].likely[-num:]
        if tuple(each.id for each in told) != ids[-num:] or any(math.isnan(each.logprob) for each in told):
            raise Trouble("broken_answer", f"{target.place} scored other tokens than those of the choice")
        return tuple(each.logprob for each in told)
