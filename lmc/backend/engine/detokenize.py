"""Ids to text, one id at a time: text comes out once, and only when no later byte can change it.

Where a token is the same bytes wherever it stands, its text is found once; elsewhere once behind each other token.

A character may be spread over several tokens; until it is whole the tokenizer shows U+FFFD for it, so up to three
of those at the end are held back (a UTF-8 character has at most three bytes before its last).
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence as Seq
from itertools import groupby

from lmc.ir.prompt import Tokenizer

REPLACEMENT = "\ufffd"
MAX_HELD = 3
MAX_PAIRS = 1 << 17  # remembered pairs of tokens, some 20 MB
CONTEXT = 4  # prompt tokens looked at for one to decode in front of the first generated token


class Front:
    """The last token that is text by itself: tokenizers trim a space from the very first, so others stand behind it.

    ids     of it, none at the beginning of a text
    length  characters it has by itself
    after   token -> what it adds behind this one; None where its last character may not be whole
    """

    __slots__ = ("after", "ids", "length")

    def __init__(self, ids: list[int], length: int) -> None:
        self.ids = ids
        self.length = length
        self.after: dict[int, Added | None] = {}


Added = tuple[str, Front]  # the text that a token adds, and the front of what follows


class Decoder:
    """A tokenizer's decode with the text of single tokens remembered.

    shown   texts of control tokens that are not to be left out, by id
    """

    __slots__ = ("_fronts", "_is_byte_level", "_num_pairs", "_shown", "_texts", "_tokenizer")

    def __init__(self, tokenizer: Tokenizer, shown: Mapping[int, str] | None = None) -> None:
        self._tokenizer = tokenizer
        self._is_byte_level = tokenizer.is_byte_level
        self._shown = shown or {}
        self._texts: dict[int, str] = {}
        self._fronts: dict[int | None, Front] = {}
        self._num_pairs = 0

    def front(self, id: int | None) -> Front:
        """A token that is text by itself, as one to decode others behind; None for the beginning of a text."""
        front = self._fronts.get(id)
        if front is None:
            ids = [] if id is None else [id]
            front = self._fronts[id] = Front(ids, len(self.one(id)) if id is not None else 0)
        return front

    def leaned_on(self, id: int, before: Front) -> Front:
        """`id` where it is text by itself, else the one that was leaned on before it; one for all if none matters."""
        if self._is_byte_level:
            return before
        text = self.one(id)
        return self.front(id) if text and REPLACEMENT not in text else before

    def learned(self, front: Front, id: int) -> Added | None:
        """What `id` adds behind `front`, None where its last character may not be whole; remembered."""
        whole = self.many([*front.ids, id])
        is_settled = num_settled(whole, front.length) == len(whole)
        found = (whole[front.length :], self.leaned_on(id, front)) if is_settled else None
        if self._num_pairs >= MAX_PAIRS:
            self._num_pairs = 0
            for each in self._fronts.values():
                each.after.clear()
        self._num_pairs += 1
        front.after[id] = found
        return found

    def one(self, id: int) -> str:
        """The text of one token by itself."""
        text = self._texts.get(id)
        if text is None:
            text = self._texts[id] = self.many([id])
        return text

    def many(self, ids: list[int]) -> str:
        """The text of several tokens."""
        if self._shown.keys().isdisjoint(ids):
            return self._tokenizer.decode(ids)
        runs = ((name, list(run)) for name, run in groupby(ids, self._shown.get))
        return "".join(self._tokenizer.decode(run) if name is None else name * len(run) for name, run in runs)


def num_settled(whole: str, out: int) -> int:
    """How many characters of a window's text no later byte can change; the first `out` of them are out already."""
    settled = len(whole)
    while settled > out and len(whole) - settled < MAX_HELD and whole[settled - 1] == REPLACEMENT:
        settled -= 1
    return settled


class Detokenizer:
    """The text of a growing list of ids.

    text   what has come out so far; never taken back
    ends   per settled token, the length of `text` once the token's last byte was in it; tokens of a character that
           is not whole yet have no entry

    What is decoded is a window: the last token that is text by itself (tokenizers trim a space from the very
    first), then the tokens that are not settled.
    """

    __slots__ = ("_decoder", "_front", "_num_ids", "_out", "_window", "ends", "text")

    def __init__(self, decoder: Decoder, context: Seq[int] = ()) -> None:
        self.text = ""
        self.ends: list[int] = []
        self._decoder = decoder
        self._num_ids = 0
        self._front = decoder.front(None)
        self._window: list[int] = []  # empty where all is settled
        self._out = 0  # characters of the window's text that are the front's or in `text`
        for id in context[-CONTEXT:]:
            self._front = decoder.leaned_on(int(id), self._front)

    def added(self, id: int) -> Added | None:
        """What one more id would add, whatever follows; None where that cannot be said yet."""
        if self._window:
            return None
        after = self._front.after
        return after[id] if id in after else self._decoder.learned(self._front, id)

    def take(self, added: Added) -> None:
        """Take one more id, of which `added` has told what it adds."""
        text, self._front = added
        self._num_ids += 1
        self.text += text
        self.ends.append(len(self.text))

    def push(self, id: int) -> None:
        """Take one more id."""
        added = self.added(id)
        if added is not None:
            self.take(added)
            return
        if not self._window:
            self._window = [*self._front.ids]
            self._out = self._front.length
        self._num_ids += 1
        self._window.append(id)
        whole = self._decoder.many(self._window)
        settled = num_settled(whole, self._out)
        if settled > self._out:
            self.text += whole[self._out : settled]
            self._out = settled
        if settled == len(whole):
            self._settle(whole)
            self._front = self._decoder.leaned_on(id, self._front)
            self._window = []

    def finish(self) -> None:
        """No id follows: what is held back comes out as it is."""
        if len(self.ends) < self._num_ids:
            whole = self._decoder.many(self._window)
            self.text += whole[self._out :]
            self._settle(whole)

    def kept(self, cut: int) -> int:
        """How many ids lie wholly before character `cut` of the text."""
        num = len(self.ends)
        while num and self.ends[num - 1] > cut:
            num -= 1
        return num

    def _settle(self, whole: str) -> None:
        """All of the window's text is out: say where each of its tokens ends."""
        num = self._num_ids - len(self.ends)
        ends = [len(self.text)]
        for index in range(len(self._window) - 1, len(self._window) - num, -1):
            part = self._decoder.many(self._window[:index])
            # a token whose bytes need the next one's to be text ends where that one does
            ends.append(len(self.text) - len(whole) + len(part) if whole.startswith(part) else ends[-1])
        self.ends.extend(reversed(ends))
