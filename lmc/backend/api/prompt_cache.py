"""The prompt cache of an API as its calls use it: who goes first, what is marked, and what is there to be read.

    system | few shots | question 1     goes first, marks the end of the few shots; as soon as its answer begins
    system | few shots | question 2     these can read them, which have waited for that
    system | few shots | question 3

What is marked is what calls that wait have in common, what an earlier call began with too, and the end of a prompt that
goes on from an earlier one, as conversations do. An API that keeps all prompts by itself is told nothing, and its calls
wait as well. Sizes are estimates, by the bytes that a token has had so far. On the loop.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from hashlib import blake2b

from lmc.backend.api.abilities import CacheRules
from lmc.backend.api.ask import CacheMarks, Spent, WireAsk
from lmc.backend.api.beginnings import Beginnings
from lmc.backend.api.caching import MarkedPlace, fitting
from lmc.backend.api.marking import MarkedPrompt

LEAD_S = 20.0  # for so long a call that was sent is waited for; then the others go without what it writes
MAX_IN_VAIN = 2  # calls that a call waits for and that fail, or take too long
MIN_GAIN = 256  # tokens more in the cache that a wait has to be for, and a mark where other prompts part
MAX_CHARS = 1 << 23  # of prompts that are remembered
MAX_PARTINGS = 16  # places that are looked at where other prompts part from one

Clock = Callable[[], float]


@dataclass(slots=True)
class KnownBeginning:
    """A beginning that the API keeps: where its messages were cut, what its calls are called, and until when."""

    ends: tuple[int, ...]
    key: str | None
    until: float


@dataclass(slots=True, eq=False)
class Lead:
    """A call on its way; others may wait for the moment when what it writes can be read.

    ask      what is sent, with its marks
    writes   the beginnings that can be read once its answer has begun
    is_over  set then, or when it has failed, or has taken too long
    """

    ask: WireAsk
    writes: dict[str, KnownBeginning] = field(default_factory=dict)
    is_over: asyncio.Event = field(default_factory=asyncio.Event)
    has_begun: bool = False
    chars: int = 0
    _keep: Callable[[Lead], None] | None = None
    _timer: asyncio.TimerHandle | None = None

    def sent(self) -> None:
        """It is on its way to the server."""
        if not self.is_over.is_set() and self.writes:
            self._timer = asyncio.get_running_loop().call_later(LEAD_S, self.over)

    def began(self) -> None:
        """The first of its answer has come."""
        if not self.has_begun:
            self.has_begun = True
            if self._keep is not None:
                self._keep(self)
            self.over()

    def over(self) -> None:
        """Nobody waits for it any longer."""
        if self._timer is not None:
            self._timer.cancel()
        self.is_over.set()


class Remembered:
    """Beginnings with what is known of each; the oldest are forgotten where they come to too much."""

    def __init__(self) -> None:
        self.known: OrderedDict[str, KnownBeginning] = OrderedDict()
        self.begin = Beginnings()
        self._chars = 0

    def put(self, text: str, entry: KnownBeginning) -> None:
        """Know this, in place of what was known of the same text."""
        if self.known.pop(text, None) is None:
            self.begin.add(text)
            self._chars += len(text)
        self.known[text] = entry
        while self._chars > MAX_CHARS and len(self.known) > 1:
            self.drop(next(iter(self.known)))

    def drop(self, text: str) -> None:
        """Know nothing of it."""
        if self.known.pop(text, None) is not None:
            self.begin.remove(text)
            self._chars -= len(text)


class PromptCache:
    """What is known of one model's cache.

    rules        of the API; `factors` are what written and cached tokens cost beside others
    is_implicit  the API marks the last turn of the user by itself where nothing is said
    """

    def __init__(
        self, rules: CacheRules, factors: tuple[float, float], bytes_a_token: float, *, is_implicit: bool, now: Clock
    ) -> None:
        self._rules, self._is_implicit, self._now = rules, is_implicit, now
        self._write, self._read = factors
        self._bytes, self._tokens = bytes_a_token * 1000, 1000.0
        self._waiting = Beginnings()
        self._seen = Remembered()
        self._entries = Remembered()
        self._leads: dict[str, Lead] = {}
        self._led = Beginnings()

    @asynccontextmanager
    async def turn(self, ask: WireAsk, goes_on: bool = False) -> AsyncIterator[Lead]:
        """Wait for a call that this one can read from, if there is one; the call as it is to be sent then.

        goes_on  others are going to begin with all of its prompt
        """
        if ask.turns is None:
            yield Lead(ask)
            return
        prompt = MarkedPrompt(ask.turns, goes_on)
        self._waiting.add(prompt.text)
        try:
            await asyncio.sleep(0)  # those that are submitted with it come too
            in_vain = 0
            while in_vain < MAX_IN_VAIN and (lead := self._to_follow(prompt)) is not None:
                await lead.is_over.wait()
                in_vain += not lead.has_begun
        finally:
            self._waiting.remove(prompt.text)
        lead = self._marked(ask, prompt)
        try:
            yield lead
        finally:
            lead.over()
            for text in lead.writes:
                self._lead_is_gone(text, lead)

    def learn(self, lead: Lead, spent: Spent | None) -> None:
        """How many tokens a prompt was."""
        if lead.chars and spent is not None and spent.prompt:
            self._bytes += lead.chars
            self._tokens += spent.prompt

    # --- who goes first --------------------------------------------------------------------------------------

    def _to_follow(self, prompt: MarkedPrompt) -> Lead | None:
        """A call on its way that writes what this one begins with, and more of it than can be read now."""
        there = self._there(prompt)[0]
        if self._marks:
            length = len(self._led.longest_in(prompt.text) or "")
        else:
            length = next((length for length, _ in self._led.shared(prompt.text, there)), 0)
        if not self._is_long(prompt, length, there):
            return None
        lead = self._leads[self._led.first_with(prompt.text[:length])]
        return None if lead.is_over.is_set() else lead

    @property
    def _marks(self) -> bool:
        return self._rules.kind == "breakpoints"

    def _lead_is_gone(self, text: str, lead: Lead) -> None:
        if self._leads.get(text) is lead:
            del self._leads[text]
            self._led.remove(text)

    def _keep(self, lead: Lead) -> None:
        for text, entry in lead.writes.items():
            self._lead_is_gone(text, lead)
            self._entries.put(text, entry)

    # --- what is there, and what is worth to be ----------------------------------------------------------------

    def _there(self, prompt: MarkedPrompt) -> tuple[int, KnownBeginning | None]:
        """How much of a prompt can be read, and the entry that it is found by."""
        entries = self._entries
        if not self._marks:
            while (length := next((length for length, _ in entries.begin.shared(prompt.text, 0)), 0)) > 0:
                begun = entries.begin.first_with(prompt.text[:length])
                if entries.known[begun].until >= self._now():
                    break
                entries.drop(begun)
            return length, None
        text = entries.begin.longest_in(prompt.text)
        while text is not None:
            entry = entries.known[text]
            if entry.until < self._now():
                entries.drop(text)
            elif prompt.can_cut(entry.ends):
                return len(text), entry
            else:
                return 0, None
            text = entries.begin.longest_in(prompt.text)
        return 0, None

    def _tokens_of(self, prompt: MarkedPrompt, end: int) -> float:
        text = prompt.text[:end]
        size = end if text.isascii() else len(text.encode("utf-8", "replace"))
        return size * self._tokens / self._bytes

    def _is_long(self, prompt: MarkedPrompt, end: int, there: int) -> bool:
        """Whether a beginning can be kept, and is so much longer than what is kept already."""
        if end <= there:
            return False
        tokens = self._tokens_of(prompt, end)
        return tokens >= self._rules.min_tokens and tokens - self._tokens_of(prompt, there) >= MIN_GAIN

    def _wanted(self, prompt: MarkedPrompt, there: int) -> list[int]:
        """Places up to which other calls are going to begin alike."""
        ends, text = set[int](), prompt.text
        for _, (length, num) in zip(range(MAX_PARTINGS), self._waiting.shared(text, there)):
            if self._write + num * self._read < 1 + num:
                ends.add(length)
        if self._write + self._read < 2:
            # what came twice is taken to come again; as what has gone on once is taken to go on, below
            ends.update(length for _, (length, _) in zip(range(1), self._seen.begin.shared(text, there)))
        places = {place for end in ends if self._is_long(prompt, place := prompt.place(end), there)}
        if self._write + self._read < 2 and self._goes_on(prompt):
            end = prompt.place(len(text))
            if end > there and self._tokens_of(prompt, end) >= self._rules.min_tokens:
                places.add(end)
        return sorted(places)

    def _goes_on(self, prompt: MarkedPrompt) -> bool:
        """Whether others go on from it, as it does from an earlier one where nobody knows."""
        if prompt.goes_on:
            return True
        before = self._seen.begin.longest_in(prompt.text)
        # behind whole turns only: a message may begin with all of another one
        return before is not None and prompt.text[len(before) : len(before) + 1] == "\0"

    # --- marks -----------------------------------------------------------------------------------------------

    def _marked(self, ask: WireAsk, prompt: MarkedPrompt) -> Lead:
        """The call with its marks, and what it writes."""
        there, entry = self._there(prompt)
        until = self._now() + self._rules.ttl_s
        if entry is not None:
            entry.until = until
        lead = Lead(ask, chars=len(prompt.text.encode("utf-8", "replace")), _keep=self._keep)
        if not self._marks:
            lead.writes = {prompt.text: KnownBeginning((), None, until)}
        else:
            self._mark(lead, prompt, there, entry, until)
        self._seen.put(prompt.text, KnownBeginning((), None, until))
        for text in lead.writes:
            other = self._leads.get(text)
            if other is None:
                self._led.add(text)
            if other is None or other.is_over.is_set():
                self._leads[text] = lead
        return lead

    def _mark(self, lead: Lead, prompt: MarkedPrompt, there: int, entry: KnownBeginning | None, until: float) -> None:
        before = entry.ends if entry is not None else ()
        wanted = self._wanted(prompt, there)
        if not prompt.can_cut((*before, *wanted)):
            wanted = []
        if not wanted and entry is None:
            self._leave(lead, prompt, until)
            return
        ends = (*before, *wanted)
        places = [MarkedPlace(prompt.blocks_before(e, ends), self._tokens_of(prompt, e)) for e in (there, *wanted)]
        end_of = {place.depth: end for place, end in zip(places, (there, *wanted))}
        chosen = fitting(places[0] if entry is not None else None, places[1:], self._rules, self._write, self._read)
        marked = sorted(end_of[place.depth] for place in chosen)
        if entry is not None:
            key = entry.key
        else:
            key = blake2b(prompt.text[: marked[0]].encode("utf-8", "replace"), digest_size=16).hexdigest()
        ends = tuple(sorted({*before, *marked}))
        lead.ask = replace(lead.ask, kept=CacheMarks(prompt.cuts(ends, marked), key))
        for end in marked:
            if end > there:
                lead.writes[prompt.text[:end]] = KnownBeginning(tuple(each for each in ends if each <= end), key, until)

    def _leave(self, lead: Lead, prompt: MarkedPrompt, until: float) -> None:
        """Say nothing; an API that marks by itself then writes what nobody is known to read, as it always does."""
        end = prompt.end_of_role(("user", "tool")) if self._is_implicit else 0
        if end and self._is_long(prompt, end, 0):
            lead.writes[prompt.text[:end]] = KnownBeginning((), None, until)
