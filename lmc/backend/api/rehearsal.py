"""A run that is foretold: its calls are led and marked by the very code that does it later, and billed by the rules.

    expected calls, in the order in which they become ready  ->  what each is sent with, and when  ->  BilledTokens

Answers take no time here: those of a round come when nobody has anything left to send. What one call writes the calls
of later rounds can read. Nothing is sent to anybody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from lmc.backend.api.abilities import CacheRules
from lmc.backend.api.ask import CacheMarks, Spent, Turn, WireAsk
from lmc.backend.api.caching import BilledTokens
from lmc.backend.api.prompt_cache import Lead, PromptCache
from lmc.ir.sampling import Sampling

CLOSING = ("user", "tool")  # turns whose end an API marks that does so by itself
QUIET = 12  # steps of a loop in which nothing is sent: then everybody waits for an answer

SAMPLING = Sampling()


@dataclass(frozen=True, slots=True)
class ForetoldCall:
    """A call that is expected.

    turns    what it says, none where it has no messages; a text that is not known is stood for by another one, the
             same for the same text
    tokens   of all its prompt
    before   (turn, characters of its text) -> tokens from the beginning of the prompt up to there
    goes_on  others are going to begin with all of its prompt
    output   tokens of the answer that are expected
    """

    turns: tuple[Turn, ...]
    tokens: float
    before: Callable[[int, int], float]
    goes_on: bool = False
    output: float = 0.0


Waves = Sequence[Sequence[ForetoldCall]]  # of one item: the calls of a wave are ready together, when all before ended


@dataclass(frozen=True, slots=True)
class SentCall:
    """A call as it is sent: what is asked of the cache, and in which round."""

    call: ForetoldCall
    kept: CacheMarks | None
    round: int


def rehearsed(items: Sequence[Waves], cache: PromptCache | None) -> list[SentCall]:
    """The calls of all items, side by side, in the order in which they are sent."""
    return asyncio.run(_Rehearsal(cache).run(items))


class _Rehearsal:
    def __init__(self, cache: PromptCache | None) -> None:
        self._cache = cache
        self._sent: list[SentCall] = []
        self._round = 0
        self._answered = asyncio.Event()

    async def run(self, items: Sequence[Waves]) -> list[SentCall]:
        work = asyncio.ensure_future(asyncio.gather(*map(self._item, items)))
        while not work.done():
            await self._nobody_sends()
            self._round += 1
            answered, self._answered = self._answered, asyncio.Event()
            answered.set()
        await work
        return self._sent

    async def _nobody_sends(self) -> None:
        quiet, num = 0, -1
        while quiet < QUIET:
            await asyncio.sleep(0)
            quiet = quiet + 1 if num == len(self._sent) else 0
            num = len(self._sent)

    async def _item(self, waves: Waves) -> None:
        for wave in waves:
            await asyncio.gather(*map(self._call, wave))

    async def _call(self, call: ForetoldCall) -> None:
        ask = WireAsk("", SAMPLING, turns=call.turns or None)
        if self._cache is None:
            await self._send(call, Lead(ask))
            return
        async with self._cache.turn(ask, call.goes_on) as lead:
            await self._send(call, lead)
            self._cache.learn(lead, Spent(prompt=round(call.tokens)))

    async def _send(self, call: ForetoldCall, lead: Lead) -> None:
        self._sent.append(SentCall(call, lead.ask.kept, self._round))
        await self._answered.wait()
        lead.began()


# --- what the API bills ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Blocks:
    """A prompt in the parts in which it is sent: names of its beginnings, and the tokens of each.

    marks  how many parts stand before each mark
    own    how many before each place that the API marks by itself, where nothing is said
    """

    names: tuple[Hashable, ...]
    tokens: tuple[float, ...]
    marks: tuple[int, ...]
    own: tuple[int, ...]


def billed(sent: Sequence[SentCall], rules: CacheRules, *, is_implicit: bool) -> list[BilledTokens]:
    """What each call is billed for by an API with breakpoints. `is_implicit`: it sets one where nothing is said."""
    known: dict[Hashable, int] = {}
    entries: dict[Hashable, int] = {}  # the round in which each was written
    found = []
    for call in sent:
        blocks = _blocks(call, known)
        tries, writes = blocks.marks, blocks.marks
        if is_implicit and call.kept is None:
            tries, writes = blocks.own, blocks.own[-1:]
        there = {name for name in blocks.names if entries.get(name, call.round) < call.round}
        read = max((_read(blocks, mark, there, rules) for mark in tries), default=0)
        kept = [mark for mark in writes if mark > read and blocks.tokens[mark] >= rules.min_tokens]
        last = max(kept, default=read)
        for mark in kept:
            entries.setdefault(blocks.names[mark], call.round)
        whole = call.call.tokens
        cached, end = blocks.tokens[read], blocks.tokens[last]
        found.append(BilledTokens(whole - end, cached, end - cached, call.call.output))
    return found


def _read(blocks: _Blocks, mark: int, there: set[Hashable], rules: CacheRules) -> int:
    """The longest beginning in the cache that ends at a mark, or so few parts before it as the API looks back."""
    back = mark if rules.look_back_blocks is None else max(1, rules.look_back_blocks)
    return next((at for at in range(mark, max(0, mark - back), -1) if blocks.names[at] in there), 0)


def _blocks(sent: SentCall, known: dict[Hashable, int]) -> _Blocks:
    """The parts of a call; a beginning has a number, so that no text is compared twice."""
    kept = sent.kept or CacheMarks()
    call, names, tokens, marks, own = sent.call, [0], [0.0], list[int](), list[int]()
    for number, turn in enumerate(call.turns):
        parts = kept.parts(number, turn)
        ends = accumulate(len(text) for text, _ in parts)
        for at, ((text, is_mark), end) in enumerate(zip(parts, ends)):
            key = (names[-1], turn.role if at == 0 else "", text)
            names.append(known.setdefault(key, len(known) + 1))
            tokens.append(call.before(number, end))
            if is_mark:
                marks.append(len(names) - 1)
        if turn.role in CLOSING:
            own.append(len(names) - 1)
    return _Blocks(tuple(names), tuple(tokens), tuple(marks), tuple(own))
