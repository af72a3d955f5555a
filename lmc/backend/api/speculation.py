"""Several generations of a turn by one call: what it says is cut where each of them ends, strictly left to right.

    asked for the first:  "Name:"  ->  " Lena\\nAge: 34\\nCity: Oslo"
    the first is          " Lena", as it ends before its stop text, "\\n"
    the program asks for  "Name: Lena\\nAge:", which is what has been written up to here: " 34" is its answer
    and then for          "Name: Lena\\nAge: 34\\nTown:": something else; it is asked as any other call

A later call has its answer here only if its prompt is what the model has read and written, token for token. Then what
the model wrote next was drawn behind that very prompt. Nothing that was drawn is drawn again, and what was written
behind a place where the program went on otherwise is for nobody. A value ends where it would end alone: before the
first of its stop texts, after its max_tokens, or where the model ended its turn.

Where tokens end is known of servers that tell their ids or texts. Elsewhere texts alone are compared (by="text"): a
token may then lie across the place where a value begins, and limits are kept by estimate. On the loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from lmc.backend.api.ask import Chunk
from lmc.backend.api.growing import Growing
from lmc.backend.base import FinishReason, Request, Then
from lmc.backend.stops import Stops
from lmc.ir.prompt import GENERATED, Text, Tokenizer
from lmc.ir.sampling import SAMPLING_FIELDS, Sampling
from lmc.recent import Recent

if TYPE_CHECKING:
    from lmc.backend.api.ask import Spent

Means = Literal["ids", "tokens", "text"]
OWN = frozenset(("max_tokens", "stop", "seed"))  # what calls of a row may differ in
# what is counted over all that was generated, or told of each token
ALONE = (
    "n", "min_tokens", "stop_token_ids", "stop_regex", "frequency_penalty", "presence_penalty", "repetition_penalty",
    "ignore_eos", "return_logprob", "logprob_start_len", "top_logprobs_num", "return_text_in_logprobs",
    "on_distortion",
)  # fmt: skip
# tokens behind the last value that are read for the sake of the server's count at the end, which may say more than what
# it has told on the way
MAX_TAIL, SHORT_TAIL = 64, 8
_PLAIN = Sampling()


def alike(one: Sampling, other: Sampling) -> bool:
    """Whether two calls draw their tokens in the same way."""
    return all(getattr(one, name) == getattr(other, name) for name in SAMPLING_FIELDS if name not in OWN)


def in_a_row(first: Sampling, then: Sequence[Then]) -> tuple[Then, ...]:
    """As much of what comes behind a call as may be asked for together with it."""
    if any(getattr(first, name) != getattr(_PLAIN, name) for name in ALONE):
        return ()
    found: list[Then] = []
    last = first
    for each in then:
        ends = [stop for stop in last.stop if stop]
        if not ends or not any(each.text.startswith(stop) for stop in ends) or not alike(first, each.sampling):
            break
        found.append(each)
        last = each.sampling
    return tuple(found)


@dataclass(frozen=True, slots=True)
class SaidValue:
    """A value as it was cut out of what a call said.

    text, reason  as of a call by itself
    begin, end    in bytes of all that was said
    tokens        [first, last) that it took, those of its stop text included; counted or estimated
    ids           its token ids that are told, those of its stop text included
    """

    text: str
    reason: FinishReason
    begin: int
    end: int
    tokens: tuple[int, int]
    ids: tuple[int, ...] = ()


@dataclass(slots=True)
class _Open:
    """The value that is being written: where it begins, and what of it was looked through."""

    sampling: Sampling
    first: int  # token
    begin: int  # byte
    prompt: tuple[int, ...]  # what the session's tokenizer makes of all before it
    at: int = 0  # tokens that were taken
    raw: bytes = b""
    searched: int = 0  # characters
    stops: Stops = field(init=False)

    def __post_init__(self) -> None:
        self.at = self.first
        self.stops = Stops(self.sampling.stop, ())

    @property
    def text(self) -> str:
        return self.raw.decode("utf-8", "ignore")  # the end may be a part of a character


class Speculation:
    """A call of a row while it is answered, and afterwards: an exchange.Sink.

    values     those that are complete, the first of them that of the request itself
    prompts    by value, the tokens that a request for it begins with
    why        why nothing more is cut out of it; "" while more may be
    is_over    the call has ended, well or not; `error` says how not
    closes     the connection is closed where nothing more is wanted: nobody is billed for what the server has not told
    usage      what the server has counted so far; `cancel` ends the call
    """

    def __init__(
        self, request: Request, first: Sampling, then: Sequence[Then], tokenizer: Tokenizer, by: Means
    ) -> None:
        self.rid, self.by = request.rid, by
        self._tokenizer, self._then = tokenizer, tuple(then)
        self._samplings = (first, *(each.sampling for each in then))
        self._prompt = request.prompt.ids
        self._spellings: list[bytes] = []
        self.has_told = False
        self.is_over = False
        self.error: Exception | None = None
        self.closes = False
        self.usage: Callable[[], Spent | None] = lambda: None
        self.cancel: Callable[[], object] = lambda: None
        self._news = asyncio.Event()
        self._closed_at: int | None = None
        self.restart()

    def restart(self) -> None:
        """Nothing has been heard."""
        self._grown = Growing(None)
        self._raws: list[bytes] = []
        self._num_read = 0  # bytes of the text that tokens stand for
        self.values: list[SaidValue] = []
        self.prompts: list[tuple[int, ...]] = [self._prompt]
        self.why = ""
        self._open: _Open | None = _Open(self._samplings[0], 0, 0, self._prompt)

    # --- hearing -------------------------------------------------------------------------------------------

    @property
    def is_whole(self) -> bool:
        """The server has said why it ended, or nothing more is wanted."""
        return self._grown.ending is not None or self._closed_at is not None

    @property
    def num_tokens(self) -> int:
        """That were heard, as far as that is known."""
        return len(self._raws)

    @property
    def refusal(self) -> str | None:
        """What the server says instead of answering."""
        grown = self._grown
        return grown.refusal or "a filter stopped the answer" if grown.refusal or grown.ending == "refusal" else None

    @property
    def ending(self) -> str | None:
        """Why the server ended."""
        return self._grown.ending

    def take(self, chunk: Chunk) -> bool:
        """Hear what a frame says; True where no more is wanted."""
        if chunk.sample != 0 or self._grown.ending is not None:
            return False
        self._grown.take(chunk)
        self._read_tokens()
        if self._grown.ending is not None and self._num_read < len(self._grown.text.encode("utf-8", "replace")):
            self._give_up("the server does not tell all of its tokens")
        self._cut()
        if self._grown.ending is not None:
            self._end()
        self._tell_news()
        return self._is_enough()

    def _is_enough(self) -> bool:
        if not self.why or self._grown.ending is not None:
            return False
        spent = self.usage()
        is_counted = spent is not None and spent.prompt is not None and spent.output is not None
        if self._closed_at is None:
            self._closed_at = len(self._raws)
        return self.closes and len(self._raws) - self._closed_at > (SHORT_TAIL if is_counted else MAX_TAIL)

    def _read_tokens(self) -> None:
        """Take the tokens whose text is there."""
        text = self._grown.text.encode("utf-8", "replace")
        if self.by == "text":
            if len(text) > self._num_read:
                self._raws.append(text[self._num_read :])
                self._num_read = len(text)
            return
        for raw in self._told()[len(self._raws) :]:
            end = self._num_read + len(raw)
            if end > len(text):
                return
            if text[self._num_read : end] != raw:
                self._give_up("the tokens that the server tells are not its text")
                return
            self._raws.append(raw)
            self._num_read = end

    def _told(self) -> list[bytes]:
        if self.by == "tokens":
            return [each.raw for each in self._grown.likely]
        return [b"" if id in self._tokenizer.eos_ids else self._spelling(id) for id in self._grown.ids]

    def _spelling(self, id: int) -> bytes:
        if not self._spellings:
            self._spellings = spellings_of(self._tokenizer)
        return self._spellings[id] if 0 <= id < len(self._spellings) else b"\xff"

    def _give_up(self, why: str) -> None:
        """Cut nothing more; where not even the first value is there, cut by the text."""
        if not self.values and self.by != "text":
            self.by = "text"
            self._raws.clear()
            self._num_read = 0
            self._open = _Open(self._samplings[0], 0, 0, self._prompt)
            self._then = ()
            self._read_tokens()
        else:
            self.why, self._open = why, None

    # --- cutting -------------------------------------------------------------------------------------------

    def _cut(self) -> None:
        """Go on through what was read: to the end of a value, and over the text behind it to the next."""
        while not self.why:
            if self._open is None:
                if not self._goes_on():
                    return
            elif not self._has_ended(self._open):
                return

    def _has_ended(self, value: _Open) -> bool:
        """Whether the open value has come to an end by itself."""
        counts = self.by != "text"
        while value.at < len(self._raws):
            value.raw += self._raws[value.at]
            value.at += 1
            text = value.text
            cut = value.stops.find(text, value.searched, 0) if value.stops else None
            if cut is not None:
                self._close(value, text[:cut], "stop")
                return True
            value.searched = len(text)
            if counts and value.at - value.first >= value.sampling.max_tokens:
                self._close(value, value.raw.decode("utf-8", "replace"), "length")
                return True
        return False

    def _close(self, value: _Open, text: str, reason: FinishReason) -> None:
        end = value.begin + len(value.raw if reason == "length" else text.encode("utf-8", "replace"))
        ids = tuple(self._grown.ids[value.first : value.at]) if self.by == "ids" else ()
        self.values.append(SaidValue(text, reason, value.begin, end, (value.first, value.at), ids))
        self._open = None
        if len(self.values) > len(self._then):
            self.why = "all of the row is there"
        elif reason == "eos":
            self.why = "the model has ended its turn"

    def _goes_on(self) -> bool:
        """Whether the program's next text is there, so that the next value is open; False where more is to come."""
        then, last = self._then[len(self.values) - 1], self.values[-1]
        text = self._grown.text.encode("utf-8", "replace")
        wanted = then.text.encode("utf-8", "replace")
        said = text[last.end : last.end + len(wanted)]
        if not wanted.startswith(said):
            self.why = "the model has written something else"
            return False
        if len(said) < len(wanted) or self._num_read < last.end + len(wanted):
            return False
        found = self._token_behind(last, then.text)
        if found is None:
            return False
        first, prompt = found
        self.prompts.append(prompt)
        self._open = _Open(then.sampling, first, last.end + len(wanted), prompt)
        return True

    def _token_behind(self, last: SaidValue, text: str) -> tuple[int, tuple[int, ...]] | None:
        """The first token of the next value, and the prompt before it; None where another token lies across."""
        ids, tail = self.tokens_of(last)
        run = tuple(self._tokenizer.encode_pieces((Text(tail + text),), after=GENERATED))
        prompt = (*self.prompts[-1], *ids, *run)
        if self.by == "text":
            return self._split_text(last.end + len(text.encode("utf-8", "replace"))), prompt
        if self.by == "ids":
            first = last.tokens[0] + len(ids) + len(run)
            if tuple(self._grown.ids[last.tokens[0] : first]) == (*ids, *run):
                return first, prompt
            self.why = "the model has written the text in other tokens than the program"
            return None
        end, at = last.begin, last.tokens[0]
        while end < last.end + len(text.encode("utf-8", "replace")):
            end, at = end + len(self._raws[at]), at + 1
        if end == last.end + len(text.encode("utf-8", "replace")):
            return at, prompt
        self.why = "a token of the model's lies across the end of the program's text"
        return None

    def _split_text(self, at: int) -> int:
        """Make a place in the text one where a part of it begins."""
        begin = 0
        for number, raw in enumerate(self._raws):
            if begin == at:
                return number
            if begin < at < begin + len(raw):
                self._raws[number : number + 1] = [raw[: at - begin], raw[at - begin :]]
                return number + 1
            begin += len(raw)
        return len(self._raws)

    def tokens_of(self, value: SaidValue) -> tuple[tuple[int, ...], str]:
        """The tokens that stay of a value, and its end that is only a part of one."""
        alone = Growing(None)
        alone.text, alone.ids = value.text, list(value.ids)
        return alone.tokens(self._tokenizer)

    # --- ends ----------------------------------------------------------------------------------------------

    def _end(self) -> None:
        """The server has ended: so has what it was writing."""
        value = self._open
        if value is None:
            self.why = self.why or "the model has ended its turn"
            return
        if self._grown.ending == "stop":
            self._close(value, self._rest_of(value), "eos")
        elif self._grown.ending == "length" and not self.values:
            self._close(value, self._rest_of(value), "length")
        else:
            self.why = "the answer was cut off"  # what there is of the value is gone on from

    def _rest_of(self, value: _Open) -> str:
        return self._grown.text.encode("utf-8", "replace")[value.begin :].decode("utf-8", "replace")

    def ended(self, error: Exception | None = None) -> None:
        """The call is over."""
        self.is_over, self.error = True, error
        self.why = self.why or "the answer broke off"
        self._tell_news()

    def _tell_news(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def news(self) -> None:
        """Wait until more has been heard."""
        await self._news.wait()

    # --- whose answer it is --------------------------------------------------------------------------------

    def is_reached(self, number: int) -> bool:
        """Whether a value has begun."""
        return number < len(self.prompts)

    def fits(self, number: int, request: Request, sampling: Sampling) -> bool:
        """Whether a value is what the model says behind a request's prompt."""
        ours = self._samplings[number]
        is_same = alike(ours, sampling) and (ours.stop, ours.max_tokens) == (sampling.stop, sampling.max_tokens)
        return is_same and self.prompts[number] == request.prompt.ids

    def certain(self, number: int) -> str:
        """What of a value will not change any more."""
        if number < len(self.values):
            return self.values[number].text
        value = self._open
        if value is None or number != len(self.values):
            return ""
        return value.text[: value.stops.safe(value.text) if value.stops else None]

    def begun(self, number: int) -> tuple[str, int, tuple[int, ...]] | None:
        """What there is of a value that was cut off: its text, how many tokens, and these where they are told."""
        value = self._open
        if value is None or number != len(self.values):
            return None
        ids = tuple(self._grown.ids[value.first : value.at]) if self.by == "ids" else ()
        return self._rest_of(value), self.size_of(value.begin, value.begin + len(value.raw), value.first, value.at), ids

    def size_of(self, begin: int, end: int, first: int, last: int) -> int:
        """How many tokens a part of the text took; by its share of all, where none are told."""
        if self.by != "text":
            return last - first
        spent, size = self.usage(), len(self._grown.text.encode("utf-8", "replace"))
        output = spent.output if spent is not None and spent.output is not None else size
        return min(end - begin, round(output * (end - begin) / size)) if size else 0

    def size_between(self) -> int:
        """Tokens of the texts between the values, as far as they were written."""
        if self.by == "text":
            size = sum(len(each.text.encode("utf-8", "replace")) for each in self._then[: len(self.prompts) - 1])
            return self.size_of(0, size, 0, 0)
        begins = [value.tokens[0] for value in self.values[1:]]
        if self._open is not None and self.values:
            begins.append(self._open.first)
        return sum(max(0, begin - value.tokens[1]) for begin, value in zip(begins, self.values))

    def size(self, number: int) -> int:
        """Tokens of a value that is complete, those of its stop text included."""
        value = self.values[number]
        return self.size_of(value.begin, value.end, *value.tokens)


_known: Recent[str, list[bytes]] = Recent("spellings of tokens", 8)  # by the tokenizer's key


def spellings_of(tokenizer: Tokenizer) -> list[bytes]:
    """The bytes of each token of a vocabulary."""
    found = _known.get(tokenizer.key)
    if found is None:
        found = tokenizer.vocab_bytes()  # type: ignore[attr-defined]
        _known.put(tokenizer.key, found)
    return found
