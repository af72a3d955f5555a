"""One request as a coroutine: its row of segments as wire calls, in order, told as events."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from lmc.backend.api.generation import ApiGeneration, SaidBefore, add
from lmc.backend.api.retry import Trouble
from lmc.backend.api.select import ApiSelect
from lmc.backend.api.speculation_calls import RowCall
from lmc.backend.base import Delta, Failed, Finished, FinishReason, Forced, Gen, Request, Score, SegmentEnd, Usage
from lmc.errors import LMError

if TYPE_CHECKING:
    from lmc.backend.api.session import ApiSession


class ApiCall:
    """A request on its way."""

    def __init__(self, session: ApiSession, request: Request) -> None:
        self._session, self._request = session, request
        self._tell = session.tell
        self._left = set(range(request.n))  # samples that have not ended

    async def run(self) -> None:
        """Tell all its events: of each sample, whatever happens, one Finished or Failed."""
        request = self._request
        with self._session.account.counting_for(request.user):
            try:
                if request.site and await self._in_row():
                    return
                if request.n == 1:
                    await self._row(0)
                else:
                    await self._side_by_side()
            except Exception as error:  # whatever it is, those who wait must hear of it
                self._fail(range(request.n), error)

    async def _in_row(self) -> bool:
        """Whether it was answered as one of a row."""
        first, *others = self._request.out
        if others or not isinstance(first, Gen) or first.constraint is not None or self._request.n != 1:
            return False
        call = RowCall(self._session, self._request, first)
        said = await call.run()
        if said is None:
            return False
        end, usage = said
        self._left.discard(0)
        self._tell(Finished(self._request.rid, 0, end.reason, usage, said_with=call.said_with))
        return True

    async def _side_by_side(self) -> None:
        """Samples of the first generation in as few wire calls as the API allows, then each by itself."""
        first, samples = self._request.out[0], range(self._request.n)
        if not isinstance(first, Gen):
            await asyncio.gather(*map(self._row, samples))
            return
        most = self._session.target.known.max_n or len(samples)
        groups = [samples[i : i + most] for i in range(0, len(samples), most)]
        await asyncio.gather(*(self._group(first, group) for group in groups))

    async def _group(self, gen: Gen, samples: Sequence[int]) -> None:
        try:
            ends, usages = await self._generate(gen, 0, samples, SaidBefore())
        except (Trouble, LMError) as error:
            self._fail(samples, error)
            return
        await asyncio.gather(*map(self._row, samples, ends, usages))

    async def _row(self, sample: int, begun: SegmentEnd | None = None, usage: Usage | None = None) -> None:
        """The segments of one sample, without the first where that has been `begun`."""
        said = SaidBefore() if begun is None else self._then(SaidBefore(), begun)
        first, usage = int(begun is not None), usage or Usage()
        reason: FinishReason = "stop" if begun is None else begun.reason
        try:
            for index, segment in enumerate(self._request.out[first:], first):
                match segment:
                    case Forced():
                        end = self._forced(sample, index, segment)
                    case Gen():
                        (end,), (used,) = await self._generate(segment, index, (sample,), said)
                        usage = add(usage, used)
                    case Score():
                        end, used = await self._select(segment, index, sample, said)
                        usage = add(usage, used)
                said, reason = self._then(said, end), end.reason
        except (Trouble, LMError) as error:
            self._fail((sample,), error)
            return
        self._left.discard(sample)
        self._tell(Finished(self._request.rid, sample, reason, usage))

    async def _generate(
        self, gen: Gen, index: int, samples: Sequence[int], said: SaidBefore
    ) -> tuple[list[SegmentEnd], list[Usage]]:
        prompt = self._request.prompt
        ids = prompt.ids + said.ids if self._session.target.sends_ids else None
        request = self._request
        goes_on = request.goes_on and not index
        generation = ApiGeneration(self._session, gen, request.rid, index, samples, request.priority, goes_on=goes_on)
        return await generation.run((*prompt.pieces, *said.pieces), ids)

    async def _select(self, score: Score, index: int, sample: int, said: SaidBefore) -> tuple[SegmentEnd, Usage]:
        prompt = self._request.prompt
        ids = prompt.ids + said.ids if self._session.target.sends_ids else None
        select = ApiSelect(self._session, score, self._request.rid, index, sample, self._request.priority)
        return await select.run((*prompt.pieces, *said.pieces), ids)

    def _then(self, said: SaidBefore, end: SegmentEnd) -> SaidBefore:
        return said.then(end, tuple(self._session.tokenizer.encode(end.tail)) if end.tail else ())

    def _forced(self, sample: int, index: int, segment: Forced) -> SegmentEnd:
        rid, ids = self._request.rid, segment.ids
        text = segment.text if segment.text is not None else self._session.tokenizer.decode(ids)
        end = SegmentEnd(rid, sample, index, text, ids, "forced")
        self._tell(Delta(rid, sample, index, text, ids, None, True))
        self._tell(end)
        return end

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
