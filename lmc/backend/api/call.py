"""One request as a coroutine: its row of segments as wire calls, in order, told as events."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from lmc.backend.api.ask import Chunk, Likely, Spent, WireAsk
from lmc.backend.api.asking import asked
from lmc.backend.api.exchange import Exchange
from lmc.backend.api.growing import Growing
from lmc.backend.api.retry import Trouble
from lmc.backend.base import (
    Delta,
    Failed,
    Finished,
    FinishReason,
    Forced,
    Gen,
    Request,
    Score,
    Segment,
    SegmentEnd,
    TokenLogprob,
    Usage,
)
from lmc.backend.stops import Stops
from lmc.errors import LMError
from lmc.ir.prompt import Piece, Text

if TYPE_CHECKING:
    from lmc.backend.api.session import ApiSession


class ApiCall:
    """A request on its way."""

    def __init__(self, session: ApiSession, request: Request) -> None:
        self._session, self._request = session, request
        self._target = session.target
        self._tell = session.tell
        self._left = set(range(request.n))  # samples that have not ended

    async def run(self) -> None:
        """Tell all its events: of each sample, whatever happens, one Finished or Failed."""
        try:
            if self._request.n == 1:
                await self._row(0)
            else:
                await self._side_by_side()
        except Exception as error:  # whatever it is, those who wait must hear of it
            self._fail(range(self._request.n), error)

    async def _side_by_side(self) -> None:
        """Samples of the first generation in as few wire calls as the API allows, then each by itself."""
        first, samples = self._request.out[0], range(self._request.n)
        if not isinstance(first, Gen):
            await asyncio.gather(*map(self._row, samples))
            return
        most = self._target.known.max_n or len(samples)
        groups = [samples[i : i + most] for i in range(0, len(samples), most)]
        await asyncio.gather(*(self._group(first, group) for group in groups))

    async def _group(self, gen: Gen, samples: Sequence[int]) -> None:
        try:
            ends, usages = await self._generate(gen, 0, samples, ())
        except (Trouble, LMError) as error:
            self._fail(samples, error)
            return
        await asyncio.gather(*map(self._row, samples, ends, usages))

    async def _row(self, sample: int, begun: SegmentEnd | None = None, usage: Usage | None = None) -> None:
        """The segments of one sample, without the first where that has been `begun`."""
        said: tuple[Piece, ...] = () if begun is None else (Text(begun.text),)
        end, usage = begun, usage or Usage()
        try:
            for index, segment in enumerate(self._request.out[len(said) :], len(said)):
                end, used = await self._segment(sample, index, segment, said)
                usage = _sum(usage, used)
                said = (*said, Text(end.text))
        except (Trouble, LMError) as error:
            self._fail((sample,), error)
            return
        reason: FinishReason = "stop" if end is None else end.reason
        self._left.discard(sample)
        self._tell(Finished(self._request.rid, sample, reason, usage))

    async def _segment(
        self, sample: int, index: int, segment: Segment, said: tuple[Piece, ...]
    ) -> tuple[SegmentEnd, Usage]:
        match segment:
            case Forced():
                return self._forced(sample, index, segment), Usage()
            case Gen():
                (end,), (usage,) = await self._generate(segment, index, (sample,), said)
                return end, usage
            case Score():
                raise Trouble("select", f"{self._target.known.called} compares no choices")

    def _forced(self, sample: int, index: int, segment: Forced) -> SegmentEnd:
        rid, ids = self._request.rid, segment.ids
        text = segment.text if segment.text is not None else self._session.tokenizer.decode(ids)
        end = SegmentEnd(rid, sample, index, text, ids, "forced")
        self._tell(Delta(rid, sample, index, text, ids, None, True))
        self._tell(end)
        return end

    async def _generate(
        self, gen: Gen, index: int, samples: Sequence[int], said: tuple[Piece, ...]
    ) -> tuple[list[SegmentEnd], list[Usage]]:
        """WireAsk for it; how each sample ended, and what it came to. Raises Trouble, LMError."""
        target, rid, encode = self._target, self._request.rid, self._session.tokenizer.encode
        pieces = (*self._request.prompt.pieces, *said)
        ask = asked(target.known, gen, pieces, n=len(samples), first=samples[0])
        stops = _own_stops(gen, ask)
        grown = [Growing(stops) for _ in samples]

        def take(chunk: Chunk) -> bool:
            if chunk.sample >= len(grown):
                return False
            each = grown[chunk.sample]
            text = each.take(chunk)
            if text:
                self._tell(Delta(rid, samples[chunk.sample], index, text, tuple(encode(text))))
            # the server counts its tokens behind its own end: that is waited for, not the rest of what was cut here
            return each.was_cut and all(sample.was_cut for sample in grown)

        exchange = Exchange(target, target.dialect_of(ask), ask, take, self._session.account)
        await exchange.run()
        ends = [self._ended(gen, index, sample, each) for sample, each in zip(samples, grown)]
        usages = _shares(exchange.spent, [len(end.ids) for end in ends])
        for end, usage in zip(ends, usages):
            end = SegmentEnd(
                end.rid, end.sample, end.segment, end.text, end.ids, end.reason, "", end.logprobs,
                num_tokens=usage.output_tokens,
            )  # fmt: skip
            self._tell(end)
        return ends, usages

    def _ended(self, gen: Gen, index: int, sample: int, grown: Growing) -> SegmentEnd:
        """The end of a sample's text. Raises Trouble where it is none."""
        place = self._target.place
        if grown.refusal or grown.ending == "refusal":
            why = grown.refusal or "a filter stopped the answer"
            raise Trouble("refusal", f"{place} refuses to answer: {why}", help="ask otherwise, or ask another model")
        if grown.ending is None:
            message = f"the answer of {place} ended before it was complete"
            raise Trouble("connection", message, help="ask again", is_passing=True)
        if grown.ending == "aborted":
            raise Trouble("server_error", f"{place} gave the answer up", help="ask again", is_passing=True)
        ids = tuple(self._session.tokenizer.encode(grown.text))
        logprobs = None
        if gen.sampling.return_logprob or gen.sampling.top_logprobs_num:
            logprobs = tuple(map(_logprob, grown.likely))
        reason = _reason(gen, grown)
        return SegmentEnd(self._request.rid, sample, index, grown.text, ids, reason, "", logprobs)

    def _fail(self, samples: Iterable[int], error: Exception) -> None:
        """Tell that these samples will not finish; those that have are left alone."""
        code, message, help, is_passing = _told(error)
        for sample in samples:
            if sample in self._left:
                self._left.discard(sample)
                self._tell(Failed(self._request.rid, sample, code, message, help, is_passing))


def _told(error: Exception) -> tuple[str, str, str, bool]:
    match error:
        case Trouble():
            return error.code, error.message, error.help, error.is_passing
        case LMError():
            return error.code or "unsupported", error.message, error.help or "", False
    return "internal", f"lmc's own mistake: {type(error).__name__}: {error}", "please report it", False


def _own_stops(gen: Gen, ask: WireAsk) -> Stops | None:
    """What the server is not told to stop at, and is found in what it says."""
    strings = tuple(stop for stop in gen.sampling.stop if stop not in ask.stop)
    return Stops(strings, gen.sampling.stop_regex) if strings or gen.sampling.stop_regex else None


def _reason(gen: Gen, grown: Growing) -> FinishReason:
    if grown.ending == "length":
        return "length"
    if gen.constraint is not None:
        return "constraint"
    # where the server does not tell which of the two it was, a call that has stops is taken to have met one
    has_stops = gen.sampling.stop or gen.sampling.stop_regex or gen.sampling.stop_token_ids
    met = bool(grown.matched) if grown.matched is not None else bool(has_stops)
    return "stop" if grown.was_cut or met else "eos"


def _logprob(token: Likely) -> TokenLogprob:
    """In text mode there are no ids of the server's tokens: the first byte stands for one."""
    top = tuple((each[0] if each else 0, logprob) for each, logprob in token.top)
    return TokenLogprob(token.raw[0] if token.raw else 0, token.logprob, top)


def _shares(spent: Spent | None, sizes: Sequence[int]) -> list[Usage]:
    """What each sample of a call came to: the first has the prompt, as it is computed and paid for once."""
    spent = spent or Spent()
    prompt, cached, output = spent.prompt or 0, spent.cached or 0, spent.output or 0
    usages, left, size_left = list[Usage](), output, sum(sizes)
    for size in sizes:
        num = left if size == size_left else round(left * size / size_left)
        usages.append(Usage(prompt, cached, prompt - cached, num))
        left, size_left, prompt, cached = left - num, size_left - size, 0, 0
    return usages


def _sum(one: Usage, other: Usage) -> Usage:
    return Usage(
        one.prompt_tokens + other.prompt_tokens,
        one.cached_tokens + other.cached_tokens,
        one.computed_tokens + other.computed_tokens,
        one.output_tokens + other.output_tokens,
    )
