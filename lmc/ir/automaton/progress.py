"""Where a run of a form stands, told byte by byte: which part comes next, which captures are final.

A way is a part, the state of its automaton over bytes, and where each part before it ended. A progress holds every
way that fits the bytes so far and can still be completed, in the order of leftmost-shortest meaning: of two ways, the
one that ended the first part they differ in earlier. Ways that are in the same state of the same part have the same
future, so only the first is kept; in a form without ambiguity (see ambiguity.py) there never are two, every way is
the one of some continuation, and all answers here are exact. Otherwise `parts` may name a part too many, and an end
may become certain later than it could; what is said to be certain stays so.

A byte costs a look-up: the parts and states of all ways together are made once for each that occurs (`Places`), with
what every byte makes of them. Where the parts ended is kept as the trail of those steps and told when it is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from lmc.ir.automaton.bytes import ByteDfa
from lmc.ir.automaton.dfa import DEAD
from lmc.ir.automaton.part_automata import FormAutomata
from lmc.ir.automaton.parts import Literal, Part

Place = tuple[int, int]  # a part, and a state of its automaton over bytes
# where ways come from: the index of the way before, and how many parts of it have ended just now
Origins = tuple[tuple[int, int], ...]


class PartWalk(Protocol):
    """The automata of a form's parts over bytes; DEAD is 0.

    class_of  by byte; bytes of one class lead to the same
    """

    @property
    def class_of(self) -> Sequence[int]: ...

    def step(self, state: int, byte: int) -> int:
        """The state after one more byte, DEAD where no text goes on so."""

    def is_accepting(self, state: int) -> bool:
        """Whether a text may end here."""

    def goes_on(self, state: int) -> bool:
        """Whether any byte may come next."""


class FormWay(NamedTuple):
    """In `part` (the number of parts: at the end), at a byte `state`; `ends[i]` is where part i ended, in bytes."""

    part: int
    state: int
    ends: tuple[int, ...]


class Places:
    """The places of all ways of a run, in their order, and what the next byte makes of them.

    parts        the parts among them, the earliest first, short of the end
    is_complete  whether one is at the end
    steps        by byte class, as far as they were asked for; written by Tracker
    """

    __slots__ = ("all", "is_complete", "parts", "steps")

    def __init__(self, all: tuple[Place, ...], num_parts: int) -> None:
        self.all = all
        self.parts = tuple(sorted({part for part, _ in all} - {num_parts}))
        self.is_complete = any(part == num_parts for part, _ in all)
        self.steps: dict[int, ByteStep] = {}


class ByteStep(NamedTuple):
    """The places after a byte; `origins` is None where every way only went on."""

    after: Places
    origins: Origins | None


class Trail(NamedTuple):
    """Where the ways after `at` bytes come from; `before` is the trail up to there, or the ends of all ways before."""

    before: Trail | tuple[tuple[int, ...]]
    at: int
    origins: Origins


class Tracker:
    """Follows runs of one form; what is learnt of its automata is shared by them. For one thread at a time.

    walk, begins  the automata of the parts, and where each begins, where they have been made

    Raises ConstraintError (LMC-CN004) where a part needs too many states.
    """

    def __init__(self, parts: Sequence[Part], walk: PartWalk | None = None, begins: Sequence[int] = ()) -> None:
        if walk is None:
            chars = FormAutomata(parts).chars
            walk = made = ByteDfa(chars, DEAD)
            begins = [made.at_char(start) for start in chars.starts]
        self.parts = tuple(parts)
        self._bytes: PartWalk = walk
        self._begins = [*begins, DEAD]
        self._is_empty = DEAD in begins
        self._places: dict[tuple[Place, ...], Places] = {}

    def begin(self) -> Progress:
        """Before any text."""
        if self._is_empty:
            return Progress(self, 0, self._interned(()), Trail(((),), 0, ()))
        return self.begun(0, (), 0)

    def begun(self, part: int, ends: tuple[int, ...], at: int) -> Progress:
        """Where a part begins after `at` bytes, whatever the parts before it were."""
        step = self._step(self._opened((part, self._begins[part]), 0, set()))
        return Progress(self, at, step.after, Trail((ends,), at, step.origins or ((0, 0),)))

    def step(self, places: Places, byte: int) -> ByteStep:
        """What one more byte makes of some places."""
        cls = self._bytes.class_of[byte]
        found = places.steps.get(cls)
        if found is None:
            found = places.steps[cls] = self._read(places, byte)
        return found

    def is_capture(self, part: int) -> bool:
        """Whether the part is a generation."""
        return not isinstance(self.parts[part], Literal)

    def may_end(self, places: Places, part: int) -> bool:
        """Whether a generation with a literal after it (or nothing) may have its end right here."""
        return (part + 1, self._begins[part + 1]) in places.all

    def _read(self, places: Places, byte: int) -> ByteStep:
        found: list[tuple[Place, tuple[int, int]]] = []
        seen: set[Place] = set()
        for origin, (part, before) in enumerate(places.all):
            state = self._bytes.step(before, byte)
            if state != DEAD:
                found += self._opened((part, state), origin, seen)
        step = self._step(found)
        went_on = len(step.after.all) == len(places.all) and all(
            origin == (way, 0) for way, (_, origin) in enumerate(found)
        )
        return ByteStep(step.after, None) if went_on else step

    def _step(self, found: list[tuple[Place, tuple[int, int]]]) -> ByteStep:
        return ByteStep(self._interned(tuple(place for place, _ in found)), tuple(origin for _, origin in found))

    def _interned(self, all: tuple[Place, ...]) -> Places:
        if all not in self._places:
            self._places[all] = Places(all, len(self.parts))
        return self._places[all]

    def _opened(self, place: Place, origin: int, seen: set[Place]) -> list[tuple[Place, tuple[int, int]]]:
        """What a way may be before the next byte: the next part if this one may end, itself if it goes on.

        Where it meets a place that is in `seen`, an earlier way has opened the rest already.
        """
        found: list[tuple[Place, tuple[int, int]]] = []
        num_ended = 0
        while place not in seen:
            seen.add(place)
            part, state = place
            if part == len(self.parts) or self._bytes.goes_on(state):
                found.append((place, (origin, num_ended)))
            if not self._bytes.is_accepting(state):
                break
            place, num_ended = (part + 1, self._begins[part + 1]), num_ended + 1
        return found[::-1]


@dataclass(frozen=True, slots=True, eq=False)
class Progress:
    """A run of a form after `num_bytes` bytes. A value: keep an old one to roll back, go on from one twice to fork."""

    tracker: Tracker = field(repr=False)
    num_bytes: int
    places: Places = field(repr=False)
    trail: Trail = field(repr=False)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Progress):
            return NotImplemented
        return (self.tracker, self.num_bytes, self.ways) == (other.tracker, other.num_bytes, other.ways)

    def after(self, data: bytes) -> Progress:
        """After more bytes, which may end within a character."""
        places, trail = self.places, self.trail
        for at, byte in enumerate(data, self.num_bytes + 1):
            places, origins = self.tracker.step(places, byte)
            if origins is not None:
                trail = Trail(trail, at, origins)
        return Progress(self.tracker, self.num_bytes + len(data), places, trail)

    @property
    def ways(self) -> tuple[FormWay, ...]:
        """Every way, told from the trail."""
        trails = []
        trail: Trail | tuple[tuple[int, ...]] = self.trail
        while isinstance(trail, Trail):
            trails.append(trail)
            trail = trail.before
        found: list[tuple[int, ...]] = list(trail)
        for _, at, origins in reversed(trails):
            found = [(*found[way], *(at,) * num_ended) for way, num_ended in origins]
        return tuple(FormWay(part, state, ends) for (part, state), ends in zip(self.places.all, found, strict=True))

    @property
    def is_live(self) -> bool:
        """Whether the bytes are the beginning of a text of the form. Nothing brings back what is not."""
        return bool(self.places.all)

    @property
    def is_complete(self) -> bool:
        """Whether the text may end here."""
        return self.places.is_complete

    @property
    def parts(self) -> tuple[int, ...]:
        """The parts that the next character (within one: the rest of it) may belong to, the earliest first."""
        return self.places.parts

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
        assert 0 < part <= len(self.tracker.parts) and self.tracker.is_capture(part - 1)
        ways = self.ways
        if all(way.part >= part for way in ways):
            return self
        cut = next((way for way in ways if way.part == part - 1), None)
        assert cut is not None, "the generation to be cut has not begun"
        return self.tracker.begun(part, (*cut.ends, self.num_bytes), self.num_bytes)

    def may_end(self, part: int) -> bool:
        """Whether the generation `part`, which a literal or nothing comes after, may have its end right here."""
        return self.tracker.may_end(self.places, part)

    def spans(self) -> tuple[tuple[int, int], ...] | None:
        """Where each part lies in the bytes if the text ends here; None where it may not."""
        at_end = (way.ends for way in self.ways if way.part == len(self.tracker.parts))
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
        is_capture = self.tracker.is_capture
        return tuple(data[a:b].decode(errors="replace") for part, (a, b) in enumerate(spans) if is_capture(part))
