"""A call of a row: answered by what another one was told already, or asked together with those that come behind it."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lmc.backend.api.ask import Spent, WireAsk
from lmc.backend.api.asking import asked
from lmc.backend.api.exchange import Exchange
from lmc.backend.api.generation import ApiGeneration
from lmc.backend.api.messages import conversation
from lmc.backend.api.retry import Trouble
from lmc.backend.api.speculation import Speculation, in_a_row
from lmc.backend.api.speculation_gains import RowClock
from lmc.backend.api.speculation_schema import SchemaRow, fields_of, in_one_object, schema_ask
from lmc.backend.base import Delta, FinishReason, Gen, Request, SegmentEnd, Then, Usage
from lmc.backend.stops import Stops
from lmc.ir.prompt import Ids

if TYPE_CHECKING:
    from lmc.backend.api.session import ApiSession

MAX_KEPT = 4096  # answers that nobody has come for
OF_ROWS = ("bad_request", "too_long", "refused")  # why a server may refuse a row and take each of its calls
MARGIN = 16  # tokens beside those that values and texts may take: the end of the turn


class KeptRows:
    """The rows of a session that a next call may find its answer in, by the request that has had the one before."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, tuple[Speculation, int]] = OrderedDict()
        self.tasks: set[asyncio.Task[None]] = set()

    def put(self, rid: int, row: Speculation, number: int) -> None:
        """Whoever follows this request may have that value."""
        self._kept[rid] = row, number
        if len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)

    def take(self, rid: int | None) -> tuple[Speculation, int] | None:
        """What there is for who follows this request; there is nothing for a second one."""
        return None if rid is None else self._kept.pop(rid, None)

    def close(self) -> None:
        """End the calls that are on their way."""
        for task in list(self.tasks):
            task.cancel()


class RowCall:
    """A generation that may be one of a row."""

    def __init__(self, session: ApiSession, request: Request, gen: Gen) -> None:
        self._session, self._target = session, session.target
        self._request, self._gen = request, gen
        self._told = 0
        self.said_with: int | None = None

    async def run(self) -> tuple[SegmentEnd, Usage] | None:
        """Its end and what it came to; None where it is to be asked as any other. Raises Trouble, LMError."""
        request, gen = self._request, self._gen
        kept = self._session.rows.take(request.follows)
        if kept is not None:
            row, number = kept
            while not (row.is_reached(number) or row.why):
                await row.news()
            if row.is_reached(number) and row.fits(number, request, gen.sampling):
                self.said_with = row.rid
                return await self._followed(row, number)
        if self._target.speculates == "schema":
            return await self._as_object()
        then = in_a_row(gen.sampling, request.then)
        by = self._target.speculates_by
        if not then or by is None or not await self._target.gains().decide(request.site):
            return None
        row = Speculation(request, gen.sampling, then, self._session.tokenizer, by)
        return await self._with_row(row, self._all(row, then))

    async def _as_object(self) -> tuple[SegmentEnd, Usage] | None:
        """The same where no turn is gone on with; None for a call that has nothing before or behind it in its turn."""
        request, gen, known = self._request, self._gen, self._target.known
        then = in_one_object(gen.sampling, request.then)
        fields = fields_of(gen, then)
        ask = schema_ask(known, request, gen, then, fields)
        if ask is None or not (then or conversation(request.prompt.pieces).continues):
            return None
        row = SchemaRow(request, gen, then, self._session.tokenizer, fields)
        return await self._with_row(row, ask)

    async def _with_row(self, row: Speculation, ask: WireAsk) -> tuple[SegmentEnd, Usage] | None:
        """Ask for a row, and have its first value."""
        task = asyncio.get_running_loop().create_task(self._ask(row, ask))
        self._session.rows.tasks.add(task)
        task.add_done_callback(self._session.rows.tasks.discard)
        row.cancel = task.cancel
        return await self._followed(row, 0)

    # --- asking --------------------------------------------------------------------------------------------

    async def _ask(self, row: Speculation, ask: WireAsk) -> None:
        """The call itself; what came of it is noted when it is over."""
        target, clock = self._target, RowClock(None)
        error: Exception | None = None
        row.closes = target.price is None
        try:
            cache = target.prompt_cache()
            if cache is None:
                await self._exchange(row, ask, clock)
            else:
                async with cache.turn(ask, self._request.goes_on) as lead:
                    clock = RowClock(lead)
                    await self._exchange(row, lead.ask, clock)
                    cache.learn(lead, row.usage())
        except asyncio.CancelledError:
            error = Trouble("aborted", "the call was given up")
            raise
        except Exception as failure:  # whatever it is, those who wait must hear of it
            error = failure
        finally:
            row.ended(error)
            account = self._session.account
            foreseen = sum(row.size(number) for number in range(len(row.values)))
            heard = _output(row)
            written = max(0, heard - foreseen)
            between = min(row.size_between(), written)
            account.row_ended(between=between, wasted=written - between)
            if not isinstance(row, SchemaRow):
                await target.gains().over(self._request.site, self._gained(row, written, clock))

    def _gained(self, row: Speculation, written: int, clock: RowClock) -> float | None:
        """What the row has saved, less what it cost; None where that is not known."""
        saved, rates, spent = max(0, len(row.values) - 1), self._target.row_rates(), row.usage()
        if rates is None:
            return saved * clock.first_s - clock.of_tokens(written, _output(row)) if row.values else None
        if spent is None or spent.prompt is None or spent.output is None:
            return None
        return saved * rates.of_call(spent.prompt) - written * rates.output

    def _all(self, row: Speculation, then: Sequence[Then]) -> WireAsk:
        """All of the row in one call: without an end but the model's own, and with room for all of it."""
        target, sampling, prompt = self._target, self._gen.sampling, self._request.prompt
        room = sum(each.sampling.max_tokens + len(each.text.encode("utf-8", "replace")) for each in then)
        room += sampling.max_tokens + MARGIN
        if target.known.max_output is not None:
            room = max(sampling.max_tokens, min(room, target.known.max_output))
        whole = replace(sampling, stop=(), max_tokens=room, return_logprob=row.by == "tokens")
        ids = prompt.ids if target.sends_ids else None
        ask = asked(target.known, replace(self._gen, sampling=whole), prompt.pieces, ids)
        return replace(ask, counts_early=True)

    async def _exchange(self, row: Speculation, ask: WireAsk, clock: RowClock) -> None:
        dialect = self._target.dialect_of(ask)
        account, priority = self._session.account, self._request.priority
        exchange = Exchange(self._target, dialect, ask, row, account, priority, clock)
        row.usage = lambda: exchange.spent
        await exchange.run()

    # --- answering -----------------------------------------------------------------------------------------

    async def _followed(self, row: Speculation, number: int) -> tuple[SegmentEnd, Usage] | None:
        """What a row says for this call. Who gives the call up gives up the row: nobody else waits for it."""
        try:
            return await self._said(row, number)
        except asyncio.CancelledError:
            row.cancel()
            raise

    async def _said(self, row: Speculation, number: int) -> tuple[SegmentEnd, Usage] | None:
        """The same as it comes. Raises Trouble, LMError."""
        while len(row.values) <= number and not row.is_over:
            self._tell(row.certain(number), row)
            await row.news()
        if len(row.values) <= number:
            return await self._unsaid(row, number)
        row.has_told = True
        value = row.values[number]
        if row.by == "text" or (number == 0 and (row.usage() or Spent()).prompt is None):
            while not row.is_over:
                await row.news()
        text, reason, size = value.text, value.reason, row.size(number)
        limit = self._gen.sampling.max_tokens
        if row.by == "text" and size > limit:
            text, reason, size = text[: max(1, len(text) * limit // size)], "length", limit
        ids, tail = row.tokens_of(replace(value, text=text))
        return self._end(text, ids, tail, reason, size), self._usage(row, number, size)

    def _usage(self, row: Speculation, number: int, size: int) -> Usage:
        """What the call came to: the first of a row has paid for its prompt, and for what is for nobody."""
        self._session.rows.put(self._request.rid, row, number + 1)
        if number:
            spent = row.usage() or Spent()
            prompt = (spent.prompt or 0) + row.values[number].tokens[0]
            self._session.account.call_saved(size, prompt, self._target.row_rates())
            return Usage(output_tokens=size)
        spent = row.usage() or Spent()
        prompt, cached = spent.prompt or 0, spent.cached or 0
        others = sum(row.size(i) for i in range(1, len(row.values)))
        output = max(size, _output(row) - others) if row.is_over else size
        return Usage(prompt, cached, prompt - cached, output)

    async def _unsaid(self, row: Speculation, number: int) -> tuple[SegmentEnd, Usage] | None:
        """The call is over, and not all of the value is there."""
        place = self._target.place
        if row.refusal is not None:
            raise Trouble("refusal", f"{place} refuses to answer: {row.refusal}", help="ask otherwise")
        if row.ending == "aborted":
            raise Trouble("server_error", f"{place} gave the answer up", help="ask again", is_passing=True)
        if row.ending == "tool":
            raise Trouble("tool_call", f"{place} called a tool, and none was given to it", help="ask again")
        error = row.error
        if error is None and (begun := row.begun(number)) is not None:
            return await self._gone_on(*begun)
        if error is not None and not self._may_be_alone(row, number, error):
            raise error
        self.said_with = None
        return None

    def _may_be_alone(self, row: Speculation, number: int, error: Exception) -> bool:
        """Whether the call can be asked by itself where a row has failed: none of it was told, and it may be taken."""
        if self._told or isinstance(row, SchemaRow):
            return False
        return number > 0 or (isinstance(error, Trouble) and error.code in OF_ROWS)

    async def _gone_on(self, text: str, size: int, told: tuple[int, ...]) -> tuple[SegmentEnd, Usage]:
        """The rest of a value that the server has cut off before its limit, behind what there is of it."""
        request, tokenizer = self._request, self._session.tokenizer
        ids = told or tuple(tokenizer.encode(text))
        sampling = replace(self._gen.sampling, max_tokens=max(1, self._gen.sampling.max_tokens - size))
        generation = ApiGeneration(
            self._session, replace(self._gen, sampling=sampling), request.rid, 0, (0,), request.priority, is_held=True
        )
        behind = request.prompt.ids + ids if self._target.sends_ids else None
        (rest,) = await generation.heard((*request.prompt.pieces, Ids(ids, text)), behind)
        whole, reason = text + rest.text, rest.reason
        cut = Stops(self._gen.sampling.stop, ()).find(whole, 0, 0)
        if cut is not None:
            whole, reason = whole[:cut], "stop"
        alone = rest.grown
        alone.text = whole
        alone.ids = [*told, *alone.ids] if told else []
        kept, tail = alone.tokens(tokenizer)
        usage = replace(rest.usage, output_tokens=rest.usage.output_tokens + size)
        return self._end(whole, kept, tail, reason, usage.output_tokens), usage

    def _end(self, text: str, ids: tuple[int, ...], tail: str, reason: FinishReason, size: int) -> SegmentEnd:
        self._tell(text)
        end = SegmentEnd(self._request.rid, 0, 0, text, ids, reason, tail, num_tokens=size)
        self._session.tell(end)
        return end

    def _tell(self, text: str, row: Speculation | None = None) -> None:
        """Tell what is certain of the text and was not told yet."""
        new = text[self._told :]
        if not new or (row is not None and row.by == "text"):
            return
        self._told = len(text)
        if row is not None:
            row.has_told = True
        self._session.tell(Delta(self._request.rid, 0, 0, new, tuple(self._session.tokenizer.encode(new))))


def _output(row: Speculation) -> int:
    """Tokens that a call wrote: as the server counts them, or as they were told."""
    spent = row.usage()
    return row.num_tokens if spent is None or spent.output is None else spent.output
