"""An automaton of characters over UTF-8 bytes: the encodings of accepted texts, no surrogates, nothing overlong.

A state is a state of the character automaton, or what the rest of one character leads to. The second kind is kept as
a function, not as a prefix: two prefixes with the same outcomes are one state. Byte classes are found from the
character classes alone, before any state is made.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from lmc.codes import TOO_LARGE
from lmc.errors import ConstraintError
from lmc.ir.automaton.alphabet import NO_CLASS, Alphabet
from lmc.ir.automaton.dfa import DEAD, CharDfa
from lmc.ir.ranges import LAST

# (first code point, last code point, first lead byte, continuation bytes)
LENGTHS = ((0x80, 0x7FF, 0xC0, 1), (0x800, 0xFFFF, 0xE0, 2), (0x10000, LAST, 0xF0, 3))
LEAD = 0xC0
MAX_BYTE_STATES = 1_000_000
UNKNOWN = -1
STATE_BYTES, PIECE_BYTES = 300, 100  # measured


@dataclass(frozen=True, slots=True)
class Partial:
    """Within a character: `left` more bytes; (offset, state) pieces over the 64 ** left code points, from offset 0."""

    left: int
    pieces: tuple[tuple[int, int], ...]

    def next(self, byte: int) -> Partial | int:
        """What a continuation byte leads to: a state of the characters, or still within."""
        span = 64 ** (self.left - 1)
        first = (byte - 0x80) * span
        at = bisect_right(self.pieces, first, key=lambda piece: piece[0]) - 1
        if not self.left - 1:
            return self.pieces[at][1]
        inner = [(0, self.pieces[at][1])]
        inner += [(offset - first, q) for offset, q in self.pieces[at + 1 :] if offset < first + span]
        return Partial(self.left - 1, tuple(inner))

    @property
    def is_dead(self) -> bool:
        return all(q == DEAD for _, q in self.pieces)


class ByteDfa:
    """The lazy automaton over bytes of one tree of a CharDfa. States are numbers, DEAD is 0.

    class_of     [256] byte -> class; bytes of a class lead to the same state from every state
    num_classes  how many
    Raises ConstraintError (LMC-CN004) where a question needs too many states.
    """

    def __init__(self, chars: CharDfa, begin: int | None = None) -> None:
        self.chars = chars
        self.class_of, self._samples = _byte_classes(chars)
        self.num_classes = len(self._samples)
        self._bytes = _by_class(self.class_of, self.num_classes)
        self._keys: list[int | Partial] = [DEAD]
        self._numbers: dict[int | Partial, int] = {DEAD: DEAD}
        self._rows: list[list[int]] = [[DEAD] * self.num_classes]
        self._leads: dict[int, tuple[int, list[tuple[int, int]], int]] = {}
        self._num_pieces = 0
        self.start = self._number(chars.start if begin is None else begin)

    def __len__(self) -> int:
        """States made so far, DEAD among them."""
        return len(self._keys)

    @property
    def num_bytes(self) -> int:
        """What it takes beside the automaton of characters, about: a large set of characters is many pieces."""
        return len(self) * (STATE_BYTES + 8 * self.num_classes) + self._num_pieces * PIECE_BYTES

    def row(self, state: int) -> Sequence[int]:
        """The next state by byte class, DEAD where no accepted text goes on so."""
        found = self._rows[state]
        for cls, target in enumerate(found):
            if target == UNKNOWN:
                found[cls] = self._after(self._keys[state], self._samples[cls])
        return found

    def step(self, state: int, byte: int) -> int:
        """The state after one more byte."""
        cls = self.class_of[byte]
        found = self._rows[state][cls]
        if found == UNKNOWN:
            found = self._rows[state][cls] = self._after(self._keys[state], self._samples[cls])
        return found

    def run(self, text: bytes, state: int | None = None) -> int:
        """The state after some bytes."""
        at = self.start if state is None else state
        class_of, rows = self.class_of, self._rows
        for byte in text:
            after = rows[at][class_of[byte]]
            at = self.step(at, byte) if after == UNKNOWN else after
        return at

    def is_accepting(self, state: int) -> bool:
        """Whether a text may end here."""
        key = self._keys[state]
        return not isinstance(key, Partial) and self.chars.is_accepting(key)

    def accepts(self, text: bytes) -> bool:
        """Whether these bytes are the encoding of an accepted text."""
        return self.is_accepting(self.run(text))

    def moves(self, state: int) -> list[tuple[int, int]]:
        """(byte class, next state) for every class that leads on."""
        return [(cls, target) for cls, target in enumerate(self.row(state)) if target != DEAD]

    def ways(self, state: int) -> list[bytes]:
        """The bytes of every class that leads on."""
        return [self._bytes[cls] for cls, _ in self.moves(state)]

    def goes_on(self, state: int) -> bool:
        """Whether any byte may come next."""
        key = self._keys[state]
        return isinstance(key, Partial) or self.chars.live_classes(key) != 0

    def is_open(self, state: int) -> bool:
        """Whether several bytes may come next, where that is plain: characters of ASCII are a byte each."""
        key = self._keys[state]
        if isinstance(key, Partial):
            return False
        one, more = self.chars.alphabet.ascii
        classes = self.chars.live_classes(key) & one
        return classes & more != 0 or classes & (classes - 1) != 0

    def char_state(self, state: int) -> int | None:
        """The state of the character automaton; None within a character."""
        key = self._keys[state]
        return None if isinstance(key, Partial) else key

    def is_whole(self, state: int) -> bool:
        """Whether what led here ends where a character does."""
        return not isinstance(self._keys[state], Partial)

    def at_char(self, char_state: int) -> int:
        """The state of these bytes at a state of the character automaton."""
        return self._number(char_state)

    def bytes_of(self, cls: int) -> bytes:
        """The bytes of a class, in order."""
        return self._bytes[cls]

    def _number(self, key: int | Partial) -> int:
        if isinstance(key, Partial) and key.is_dead:
            return DEAD
        found = self._numbers.get(key)
        if found is None:
            found = self._numbers[key] = len(self._keys)
            if found > MAX_BYTE_STATES:
                raise ConstraintError(
                    f"the byte automaton of this constraint needs more than {MAX_BYTE_STATES:,} states",
                    code=TOO_LARGE,
                    help="count less, or name fewer characters in the parts that count",
                )
            self._keys.append(key)
            self._num_pieces += len(key.pieces) if isinstance(key, Partial) else 0
            self._rows.append([UNKNOWN] * self.num_classes)
        return found

    def _after(self, key: int | Partial, byte: int) -> int:
        if isinstance(key, Partial):
            return self._number(key.next(byte)) if 0x80 <= byte < LEAD else DEAD
        row = self.chars.row(key)
        if byte < 0x80:
            return self._number(row[self.chars.alphabet.class_of(byte)])
        if byte < LEAD:
            return DEAD
        left, pieces, mask = self._lead(byte)
        if not mask & self.chars.live_classes(key):
            return DEAD
        return self._number(Partial(left, _joined([(at, row[cls] if cls >= 0 else DEAD) for at, cls in pieces])))

    def _lead(self, byte: int) -> tuple[int, list[tuple[int, int]], int]:
        found = self._leads.get(byte)
        if found is None:
            found = self._leads[byte] = _lead_pieces(self.chars.alphabet, byte)
            self._num_pieces += len(found[1])
        return found


def _by_class(class_of: bytes, num_classes: int) -> list[bytes]:
    """The bytes of each class, in order."""
    found = [bytearray() for _ in range(num_classes)]
    for byte, cls in enumerate(class_of):
        found[cls].append(byte)
    return list(map(bytes, found))


def _lead_pieces(alphabet: Alphabet, byte: int) -> tuple[int, list[tuple[int, int]], int]:
    """What follows a lead byte: how many bytes, (offset, class) pieces (NO_CLASS: no character), mask of classes."""
    low, high, lead, left = next(row for row in reversed(LENGTHS) if byte >= row[2])
    base, span = (byte - lead) * 64**left, 64**left
    pieces = [] if base >= low else [(0, NO_CLASS)]
    pieces += [(at - base, cls) for at, _, cls in alphabet.intervals(max(base, low), min(base + span - 1, high))]
    if base + span - 1 > high:
        pieces.append((max(high + 1 - base, 0), NO_CLASS))
    mask = 0
    for _, cls in pieces:
        mask |= 1 << cls if cls >= 0 else 0
    return left, pieces, mask


def _joined(pieces: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """The pieces with equal neighbours made one."""
    kept = [pieces[0]]
    for offset, q in pieces[1:]:
        if q != kept[-1][1]:
            kept.append((offset, q))
    return tuple(kept)


def _byte_classes(chars: CharDfa) -> tuple[bytes, list[int]]:
    """Class by byte, and one byte of each class: bytes between which no character class begins."""
    cuts = {0, 0x80, 0x90, 0xA0, 0xC0, 0xC2, 0xE0, 0xE1, 0xED, 0xEE, 0xF0, 0xF1, 0xF4, 0xF5}
    for start in chars.alphabet.starts:
        cuts |= _cuts(start)
    samples = sorted(cut for cut in cuts if cut < 256)
    return bytes(bisect_right(samples, byte) - 1 for byte in range(256)), samples


@lru_cache(maxsize=1 << 16)
def _cuts(start: int) -> frozenset[int]:
    """The bytes at which classes of bytes begin where one of characters does."""
    if 0xD800 < start <= 0xDFFF:
        return frozenset()
    # U+D800 begins no character; its would-be encoding is cut all the same
    encoding = chr(start).encode("utf-8", "surrogatepass")
    found: set[int] = set()
    inner = False  # whether the change lies within the bytes that begin so
    for byte in reversed(encoding):
        found |= {byte, byte + 1} if inner else {byte}
        inner = inner or byte != 0x80
    return frozenset(found)
