"""One generation of a request: asked for, its text told as it grows, held against its constraint, asked again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lmc.backend.api import keeping
from lmc.backend.api.ask import Chunk, Likely, Spent, WireAsk
from lmc.backend.api.asking import asked, single
from lmc.backend.api.exchange import Exchange, Follower
from lmc.backend.api.growing import Growing
from lmc.backend.api.retry import Trouble
from lmc.backend.api.wire.constraints import is_wrapped, unwrapped
from lmc.backend.base import Delta, FinishReason, Gen, SegmentEnd, TokenLogprob, Usage
from lmc.backend.stops import Stops
from lmc.ir.caps import kind_of
from lmc.ir.constraint import Constraint
from lmc.ir.prompt import Ids, Piece

if TYPE_CHECKING:
    from lmc.backend.api.session import ApiSession

MAX_AGAIN = 4  # times in all that is asked for what the server does not enforce


@dataclass(frozen=True, slots=True)
class SaidBefore:
    """What segments of a row said before this one: as pieces, and as tokens."""

    pieces: tuple[Piece, ...] = ()
    ids: tuple[int, ...] = ()

    def then(self, end: SegmentEnd, tail: tuple[int, ...]) -> SaidBefore:
        """The same with one more; `tail` are the tokens of the text left of its last."""
        ids = (*end.ids, *tail)
        return SaidBefore((*self.pieces, Ids(ids, end.text)), self.ids + ids)


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of one sample: how it grew, its text, why it ended, and what it came to."""

    grown: Growing
    text: str
    reason: FinishReason
    usage: Usage


class ApiGeneration:
    """A gen segment for some samples of a request. `is_held`: nothing of it is told before all of it is there."""

    def __init__(
        self,
        session: ApiSession,
        gen: Gen,
        rid: int,
        index: int,
        samples: Sequence[int],
        priority: int = 0,
        *,
        is_held: bool = False,
        goes_on: bool = False,
    ) -> None:
        self._session, self._target = session, session.target
        self._gen, self._rid, self._index, self._samples = gen, rid, index, samples
        self._priority, self._goes_on = priority, goes_on
        self._constraint = single(gen, self._target.known)
        self._is_enforced = self._constraint is None or kind_of(self._constraint) in self._target.known.constraints
        self._is_wrapped = self._is_enforced and is_wrapped(self._constraint, self._target.known)
        self._is_held = is_held or self._is_wrapped or not self._is_enforced

    async def run(self, pieces: Sequence[Piece], ids: tuple[int, ...] | None) -> tuple[list[SegmentEnd], list[Usage]]:
        """Ask for it behind that prompt; how each sample ended, and what it came to. Raises Trouble, LMError."""
        heard = await self.heard(pieces, ids)
        return self._tell(heard), [each.usage for each in heard]

    async def heard(self, pieces: Sequence[Piece], ids: tuple[int, ...] | None) -> list[Heard]:
        """The same without telling its end. Raises Trouble, LMError."""
        await self._check_enforced()
        usages = [Usage()] * len(self._samples)
        for turn in range(MAX_AGAIN):
            grown, spent = await self._asked(pieces, ids, turn)
            ended = [self._ended(each) for each in grown]
            usages = list(map(add, usages, shares(spent, [len(each[0]) for each in ended])))
            broken = ""
            for text, reason in ended:
                broken = broken or await self._broken(text, reason)
            if not broken:
                return [Heard(one, *end, usage) for one, end, usage in zip(grown, ended, usages)]
            if self._is_enforced:
                break
        raise Trouble("broken_constraint", f"{self._target.place}: {broken}", help="ask again, or ask another model")

    async def _check_enforced(self) -> None:
        """Raises Trouble for a constraint that nobody would keep."""
        if self._is_enforced:
            return
        assert self._constraint is not None
        if self._target.fallback != "emulate" or not await keeping.is_known(self._constraint):
            kind, known = kind_of(self._constraint), self._target.known
            help = f'leave it out, or check it afterwards: Remote(..., fallback="emulate"); {known.known_from}'
            raise Trouble("unsupported", f"{known.called} takes no {kind}", help=help)

    async def _asked(
        self, pieces: Sequence[Piece], ids: tuple[int, ...] | None, turn: int
    ) -> tuple[list[Growing], Spent | None]:
        target, samples = self._target, self._samples
        ask = asked(
            target.known, self._gen, pieces, ids if target.sends_ids else None, n=len(samples),
            constraint=self._constraint if self._is_enforced else None, turn=samples[0] + turn * 65_537,
        )  # fmt: skip
        cache = target.prompt_cache()
        if cache is None:
            return await self._exchanged(ask, None)
        async with cache.turn(ask, self._goes_on) as lead:
            heard, spent = await self._exchanged(lead.ask, lead)
            cache.learn(lead, spent)
        return heard, spent

    async def _exchanged(self, ask: WireAsk, follower: Follower | None) -> tuple[list[Growing], Spent | None]:
        target, samples = self._target, self._samples
        stops = self._own_stops(ask)
        heard = Samples(len(samples), stops, self._is_held, lambda i, text: self._tell_text(samples[i], text))
        dialect = target.dialect_of(ask)
        exchange = Exchange(target, dialect, ask, heard, self._session.account, self._priority, follower)
        await exchange.run()
        return heard.grown, exchange.spent

    def _tell_text(self, sample: int, text: str) -> None:
        self._session.tell(Delta(self._rid, sample, self._index, text, tuple(self._session.tokenizer.encode(text))))

    def _own_stops(self, ask: WireAsk) -> Stops | None:
        """What the server is not told to stop at, and is found in what it says."""
        sampling = self._gen.sampling
        strings = tuple(stop for stop in sampling.stop if stop not in ask.stop)
        patterns = () if "stop_regex" in self._target.known.follows else sampling.stop_regex
        return Stops(strings, patterns) if strings or patterns else None

    def _ended(self, grown: Growing) -> tuple[str, FinishReason]:
        """The text of a sample, and why it ended. Raises Trouble where it has no end that counts."""
        place = self._target.place
        if grown.refusal or grown.ending == "refusal":
            why = grown.refusal or "a filter stopped the answer"
            raise Trouble("refusal", f"{place} refuses to answer: {why}", help="ask otherwise, or ask another model")
        if grown.ending == "aborted":
            raise Trouble("server_error", f"{place} gave the answer up", help="ask again", is_passing=True)
        if grown.ending == "tool":
            raise Trouble("tool_call", f"{place} called a tool, and none was given to it", help="ask again")
        if self._is_wrapped and grown.ending != "length":
            try:
                grown.text = unwrapped(grown.text)
            except (ValueError, RecursionError):
                message = f"{place} answered with no choice: {grown.text[:80]!r}"
                raise Trouble("broken_constraint", message, help="ask again") from None
        return grown.text, _reason(self._gen, self._constraint, grown)

    async def _broken(self, text: str, reason: FinishReason) -> str:
        """How a whole text breaks the constraint; what nobody here can tell is counted."""
        if self._constraint is None or reason == "length":
            return ""
        if not await keeping.is_known(self._constraint):
            self._session.account.not_checked()
            return ""
        why = await keeping.breaks(self._constraint, text)
        return f"{why}: {text[:120]!r}" if why else ""

    def _tell(self, heard: Sequence[Heard]) -> list[SegmentEnd]:
        tokenizer, wants = self._session.tokenizer, self._gen.sampling
        ends = []
        for sample, one in zip(self._samples, heard):
            each, text = one.grown, one.text
            if each.is_held and text:
                self._tell_text(sample, text)
            ids, tail = each.tokens(tokenizer)
            logprobs = None
            if wants.return_logprob or wants.top_logprobs_num:
                logprobs = tuple(_logprob(token, each.ids, i) for i, token in enumerate(each.likely))
            end = SegmentEnd(
                self._rid, sample, self._index, text, ids, one.reason, tail, logprobs,
                num_tokens=one.usage.output_tokens,
            )  # fmt: skip
            self._session.tell(end)
            ends.append(end)
        return ends


class Samples:
    """The samples of one call, as they are heard."""

    def __init__(self, num: int, stops: Stops | None, is_held: bool, tell: Callable[[int, str], None]) -> None:
        self._num, self._stops, self._is_held, self._tell = num, stops, is_held, tell
        self.has_told = False
        self.restart()

    def restart(self) -> None:
        """Nothing has been heard."""
        self.grown = [Growing(self._stops, is_held=self._is_held) for _ in range(self._num)]

    @property
    def is_whole(self) -> bool:
        """Each has ended."""
        return all(each.ending is not None for each in self.grown)

    def take(self, chunk: Chunk) -> bool:
        """Hear what a frame says of one; True where no more is wanted."""
        if not 0 <= chunk.sample < self._num:
            return False
        each = self.grown[chunk.sample]
        text = each.take(chunk)
        if text:
            self.has_told = True
            self._tell(chunk.sample, text)
        # the server counts its tokens behind its own end: that is waited for, not the rest of what was cut here
        return each.was_cut and all(sample.was_cut for sample in self.grown)


def _reason(gen: Gen, constraint: Constraint | None, grown: Growing) -> FinishReason:
    if grown.ending == "length":
        return "length"
    sampling = gen.sampling
    # where the server does not tell which of the two it was, a call that has stops is taken to have met one
    has_stops = sampling.stop or sampling.stop_regex or sampling.stop_token_ids
    met = bool(grown.matched) if grown.matched is not None else bool(has_stops)
    if grown.was_cut or met:
        return "stop"
    return "constraint" if constraint is not None else "eos"


def _logprob(token: Likely, ids: Sequence[int], at: int) -> TokenLogprob:
    """Where the server tells no ids, the first byte of a token stands for it; its text is told beside it."""
    own = token.id if token.id is not None else ids[at] if at < len(ids) else _first(token.raw)
    texts = tuple(raw.decode("utf-8", "replace") for raw in (token.raw, *(raw for raw, _ in token.top)))
    return TokenLogprob(own, token.logprob, tuple((_first(raw), logprob) for raw, logprob in token.top), texts=texts)


def _first(raw: bytes) -> int:
    return raw[0] if raw else 0


def shares(spent: Spent | None, sizes: Sequence[int]) -> list[Usage]:
    """What each sample of a call came to: the first has the prompt, as it is computed and paid for once."""
    spent = spent or Spent()
    prompt, cached, output = spent.prompt or 0, spent.cached or 0, spent.output or 0
    usages, left, size_left = list[Usage](), output, sum(sizes)
    for size in sizes:
        num = left if size == size_left else round(left * size / size_left)
        usages.append(Usage(prompt, cached, prompt - cached, num))
        left, size_left, prompt, cached = left - num, size_left - size, 0, 0
    return usages


def add(one: Usage, other: Usage) -> Usage:
    """Both together."""
    return replace(
        one,
        prompt_tokens=one.prompt_tokens + other.prompt_tokens,
        cached_tokens=one.cached_tokens + other.cached_tokens,
        computed_tokens=one.computed_tokens + other.computed_tokens,
        output_tokens=one.output_tokens + other.output_tokens,
    )
