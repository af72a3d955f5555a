"""Where a run of a row stands, told byte by byte: which part comes next, which captures are final.

A way is a part, the state of its automaton over bytes, and where each part before it ended. A progress holds every
way that fits the bytes so far and can still be completed, in the order of leftmost-shortest meaning: of two ways, the
one that ended the first part they differ in earlier. Ways that are in the same state of the same part have the same
future, so only the first is kept; in a row without ambiguity (see ambiguity.py) there never are two, every way is
the one of some continuation, and all answers here are exact. Otherwise `parts` may name a part too many, and an end
may become certain later than it could; what is said to be certain stays so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from lmc.ir.automaton.bytes import ByteDfa
from lmc.ir.automaton.dfa import DEAD
from lmc.ir.automaton.parts import Part
from lmc.ir.automaton.row import Row


class Way(NamedTuple):
    """In `part` (the number of parts: at the end), at a byte `state`; `ends[i]` is where part i ended, in bytes."""

    part: int
    state: int
    ends: tuple[int, ...]


class Tracker:
    """Follows runs of one row; what is learnt of its automata is shared by them. For one thread at a time.

    Raises ConstraintError (LMC-CN004) where a part needs too many states.
    """

    def __init__(self, parts: Sequence[Part]) -> None:
        self.row = Row(parts)
        self._bytes = ByteDfa(self.row.chars, DEAD)
        self._begins = [self._bytes.at_char(start) for start in (*self.row.chars.starts, DEAD)]

    def begin(self) -> Progress:
        """Before any text."""
        return Progress(self, 0, ()) if self.row.is_empty else self.begun(0, (), 0)

    def begun(self, part: int, ends: tuple[int, ...], at: int) -> Progress:
        """Where a part begins after `at` bytes, whatever the parts before it were."""
        return Progress(self, at, tuple(self._opened(Way(part, self._begins[part], ends), at, set())))

    def read(self, ways: Iterable[Way], byte: int, at: int) -> list[Way]:
        """The ways after one more byte, with which there are `at`."""
        found: list[Way] = []
        seen: set[tuple[int, int]] = set()
        for part, before, ends in ways:
            state = self._bytes.step(before, byte)
            if state != DEAD:
                found += self._opened(Way(part, state, ends), at, seen)
        return found

    def _opened(self, way: Way, at: int, seen: set[tuple[int, int]]) -> list[Way]:
        """What a way may be before the next byte: the next part if this one may end, itself if it goes on.

        Where it meets a state that is in `seen`, an earlier way has opened the rest already.
        """
        found: list[Way] = []
        while way[:2] not in seen:
            seen.add(way[:2])
            if way.part == len(self.row.parts) or self._bytes.goes_on(way.state):
                found.append(way)
            if not self._bytes.is_accepting(way.state):
                break
            way = Way(way.part + 1, self._begins[way.part + 1], (*way.ends, at))
        return found[::-1]


@dataclass(frozen=True, slots=True)
class Progress:
    """A run of a row after `num_bytes` bytes. A value: keep an old one to roll back, go on from one twice to fork."""

    tracker: Tracker = field(repr=False)
    num_bytes: int
    ways: tuple[Way, ...]

    def after(self, data: bytes) -> Progress:
        """After more bytes, which may end within a character."""
        ways: Sequence[Way] = self.ways
        for at, byte in enumerate(data, self.num_bytes + 1):
            ways = self.tracker.read(ways, byte, at)
        return Progress(self.tracker, self.num_bytes + len(data), tuple(ways))

    @property
    def is_live(self) -> bool:
        """Whether the bytes are the beginning of a text of the row. Nothing brings back what is not."""
        return bool(self.ways)

    @property
    def is_complete(self) -> bool:
        """Whether the text may end here."""
        return any(way.part == len(self.tracker.row.parts) for way in self.ways)

    @property
    def parts(self) -> tuple[int, ...]:
        """The parts that the next character (within one: the rest of it) may belong to, the earliest first."""
        found = {way.part for way in self.ways} - {len(self.tracker.row.parts)}
        return tuple(sorted(found))

    @property
    def ends(self) -> tuple[int, ...]:
        """Where the first parts ended, in bytes, as far as that is certain."""
        first, *others = [way.ends for way in self.ways] or [()]
        count = len(first)
        for ends in others:
            pairs = zip(first[:count], ends, strict=False)
            count = next((i for i, (a, b) in enumerate(pairs) if a != b), min(count, len(ends)))
        return first[:count]

    def began(self, part: int) -> int | None:
        """Where one of `parts` began, in bytes, on the first way that is in it; None where none is."""
        return next((way.ends[-1] if part else 0 for way in self.ways if way.part == part), None)

    def skip_to(self, part: int) -> Progress:
        """The generation before `part` is cut here: what it wrote so far is its capture, and `part` begins.

        Nothing changes where that generation has ended on every way. It must not lie ahead on all of them.
        """
        assert 0 < part <= len(self.tracker.row.parts) and self.tracker.row.is_capture(part - 1)
        if all(way.part >= part for way in self.ways):
            return self
        cut = next((way for way in self.ways if way.part == part - 1), None)
        assert cut is not None, "the generation to be cut has not begun"
        return self.tracker.begun(part, (*cut.ends, self.num_bytes), self.num_bytes)

    def spans(self) -> tuple[tuple[int, int], ...] | None:
        """Where each part lies in the bytes if the text ends here; None where it may not."""
        at_end = (way.ends for way in self.ways if way.part == len(self.tracker.row.parts))
        ends = next(at_end, None)
        return None if ends is None else tuple(zip((0, *ends), ends, strict=False))

    def captures(self, data: bytes) -> tuple[str, ...] | None:
        """The text of each generation if the text, `data`, ends here; None where it may not.

        A generation that was cut within a character ends in U+FFFD.
        """
        assert len(data) == self.num_bytes
        spans = self.spans()
        if spans is None:
            return None
        row = self.tracker.row
        return tuple(data[a:b].decode(errors="replace") for part, (a, b) in enumerate(spans) if row.is_capture(part))
