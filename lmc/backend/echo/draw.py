"""Texts of an automaton, drawn at random, plausible and short: what the echo backend says under a constraint.

A text is a walk from choice to choice; what is forced between two of them is known. One that grows long takes the
shortest way to an end, and one that would pass its limit goes back to where that way was short enough.
"""

from __future__ import annotations

from dataclasses import dataclass

from lmc.backend.echo.taste import BEGIN, BEHIND_WORD, SPELLING, Place, Saying, Taste
from lmc.backend.echo.text import WORDS, advance
from lmc.backend.echo.walk import TextWalk
from lmc.ir.automaton.dfa import DEAD

LONG = 600  # bytes from which on a short way to an end is taken
MAX_NEAR = 300  # states that are looked at for the shortest way to an end
MAX_FAR = 20_000  # and for any
MAX_FORCED = 4096
_WORDS = tuple(word.encode() for word in WORDS)


@dataclass(frozen=True, slots=True)
class Spot:
    """What is forced from a state on, and the choice behind it."""

    forced: bytes
    state: int
    behind: int
    place: Place


class Draw:
    """Draws texts of one automaton; the same number gives the same text. For one thread at a time."""

    def __init__(self, walk: TextWalk) -> None:
        self._walk = walk
        self._taste = Taste(walk)
        self._places: dict[int, Place] = {}
        self._spots: dict[tuple[int, int], Spot] = {}
        self._words: dict[tuple[int, int], tuple[bytes, int]] = {}
        self._rests: dict[int, bytes | None] = {}

    def text(self, seed: int, limit: int) -> bytes:
        """A text of at most `limit` bytes where one that short is found."""
        state, behind = self._walk.start, BEGIN
        said = bytearray()
        trace: list[tuple[int, int]] = []
        long = min(LONG, limit)
        while True:
            spot = self._spots.get((state, behind)) or self._spot(state, behind)
            trace.append((len(said), state))
            said += spot.forced
            state = spot.state
            if len(said) > long or not spot.place.ways:
                return self._ended(said, trace, limit)
            seed = advance(seed)
            way = spot.place.pick(seed >> 33, spot.behind)
            if way is None:
                return bytes(said) if len(said) <= limit else self._ended(said, trace, limit)
            if way.is_word:
                at, room = state, limit - len(said)
                word, state = self._word(way, at, (seed >> 20) % len(_WORDS), spot.behind)
                if len(word) > room:
                    word, state = self._walked(word[: max(1, room)], at, way)
                said += word
                behind = BEHIND_WORD
            else:
                said += way.letters[(seed >> 17) % len(way.letters)]
                state, behind = way.target, SPELLING if way.spells else BEGIN

    # --- words and what is forced ------------------------------------------------------------------------------

    def _place(self, state: int) -> Place:
        found = self._places.get(state)
        if found is None:
            found = self._places[state] = self._taste.place(state)
        return found

    def _spot(self, state: int, behind: int) -> Spot:
        forced, at, now = bytearray(), state, behind
        place = self._place(at)
        while len(place.ways) == 1 and len(forced) < MAX_FORCED:
            (way,) = place.ways
            if way is None or len(way.letters) > 1:
                break
            forced += way.letters[0]
            at, now = way.target, SPELLING if way.spells else BEGIN
            place = self._place(at)
        found = self._spots[state, behind] = Spot(bytes(forced), at, now, place)
        return found

    def _word(self, way: Saying, state: int, number: int, behind: int) -> tuple[bytes, int]:
        """As much of a word as fits, and the state behind it; a space before it where there was one already."""
        key = (state, number + len(_WORDS) * (behind == BEHIND_WORD))
        found = self._words.get(key)
        if found is None:
            spaced = behind == BEHIND_WORD and way.has_space
            found = self._words[key] = self._walked(b" " * spaced + _WORDS[number], state, way)
        return found

    def _walked(self, word: bytes, state: int, way: Saying) -> tuple[bytes, int]:
        at = state
        for length, byte in enumerate(word):
            after = self._walk.step(at, byte)
            if after == DEAD:
                # a word whose first letter is none of these begins with another
                return (word[:length], at) if length else (way.letters[0], way.target)
            at = after
        return word, at

    # --- ends ------------------------------------------------------------------------------------------------

    def _ended(self, said: bytearray, trace: list[tuple[int, int]], limit: int) -> bytes:
        """The text with a shortest end: behind all of it, or else behind as much as lets it end within the limit."""
        low, high = 0, len(trace)  # an end behind `low` is as good as there is, one behind `high` is too late
        while high - low > 1:
            middle = (low + high) // 2 if high < len(trace) else high - 1
            length, state = trace[middle]
            rest = self._rest(state)
            if rest is not None and length + len(rest) <= limit:
                low = middle
            else:
                high = middle
        length, state = trace[low]
        return bytes(said[:length]) + (self._rest(state) or b"")

    def _rest(self, state: int) -> bytes | None:
        """A short way from a state to an end, a shortest one where that is near; None where none is found."""
        if state in self._rests:
            return self._rests[state]
        found = self._walk.rest(state)
        if found is not None:
            self._rests[state] = found
        elif not self._near(state):
            self._far(state)
        return self._rests.setdefault(state, None)

    def _near(self, state: int) -> bool:
        """Look for an end breadth first."""
        before: dict[int, tuple[int, bytes]] = {}
        reached = [state]  # grows
        for at in reached:
            for way in self._place(at).ways:
                if way is None:
                    self._keep(state, at, before)
                    return True
                if way.target not in before and way.target != state:
                    before[way.target] = (at, way.letters[0])
                    reached.append(way.target)
            if len(reached) > MAX_NEAR:
                break
        return False

    def _far(self, state: int) -> None:
        """Look for an end depth first, by what ends things."""
        before: dict[int, tuple[int, bytes]] = {}
        pending, seen = [state], {state}
        while pending and len(seen) < MAX_FAR:
            at = pending.pop()
            place = self._place(at)
            if None in place.ways or self._rests.get(at) is not None:
                self._keep(state, at, before)
                return
            for way in place.ending:
                if way.target not in seen:
                    seen.add(way.target)
                    before[way.target] = (at, way.letters[0])
                    pending.append(way.target)

    def _keep(self, state: int, end: int, before: dict[int, tuple[int, bytes]]) -> None:
        """Keep the way that was found, of every state along it."""
        rest = self._rests[end] = self._rests.get(end) or b""
        while end != state:
            end, symbol = before[end]
            rest = self._rests[end] = symbol + rest
