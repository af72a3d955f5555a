"""Which of the bytes that may come next echo likes to say: short words, small numbers, and an end before long.

A place is a state of an automaton, and what may be said there is settled once: by what may come there, and by whether
the last byte was of a word.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate

from lmc.backend.echo.walk import TextWalk
from lmc.ir.automaton.dfa import DEAD

LETTERS = frozenset(range(0x61, 0x7B))
CAPITALS = frozenset(range(0x41, 0x5B))
DIGITS = frozenset(range(0x30, 0x3A))
NAMES = LETTERS | CAPITALS | DIGITS | {0x5F}
OPENERS, CLOSERS = frozenset(b"[{(<"), frozenset(b"]})>")
MAX_SPELT = 200  # letters of a name, all ways it may go on counted: then it is taken for any word
MANY = 8  # letters that lead to the same: any word may stand here
SPACE, QUOTE, COMMA = 0x20, 0x22, 0x2C

# what is said of a group, the first kind that it has, with its weight; what has none is said where nothing else may be
KINDS: tuple[tuple[frozenset[int], int], ...] = (
    (LETTERS, 6000),
    (DIGITS, 0),  # by their number
    (CAPITALS, 3000),
    (frozenset(b'"'), 5000),
    (CLOSERS, 3000),
    (frozenset(b","), 1500),
    (OPENERS, 1500),
    (frozenset(b" "), 1000),
    (frozenset(b"-"), 150),
    (frozenset(b"."), 1500),
    (frozenset(range(0x21, 0x7F)) - frozenset(b"\\"), 400),
    (frozenset(b"\n"), 300),
)
SAYABLE = frozenset[int]().union(*(kind for kind, _ in KINDS))
END = 6000  # of the text
NAMED = 6000  # what goes on with a name that is spelt out
A_WORD, ANOTHER_WORD, MORE_LETTERS = 6000, 1500, 200  # where any word may stand; without a space between two
PADDING = 60  # a space where no words are
HARDLY = 20
A_LETTER = 250  # one of those beside which any word may stand
ANOTHER_FREE_NAME = 300  # of an object that may have any
EXPONENT = 40

BEGIN, BEHIND_WORD, SPELLING = range(3)  # what the last byte was of: none of these, any word, a name that is spelt out

Group = tuple[int, frozenset[int]]  # where its bytes lead, and they


@dataclass(frozen=True, slots=True)
class Saying:
    """A group of bytes that lead to one state, and those of it that echo says.

    is_word    any word may stand here; with `has_space` several
    spells     they go on with a name that is spelt out
    """

    letters: tuple[bytes, ...]
    target: int
    is_word: bool = False
    has_space: bool = False
    spells: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """What may be said in a state: `ways` (None is the end), and which, by sums of weights behind BEGIN and the others.

    ending  the ways but for the end, those last that come to one soonest
    """

    ways: tuple[Saying | None, ...]
    sums: tuple[tuple[int, ...], ...]
    ending: tuple[Saying, ...]

    def pick(self, number: int, behind: int) -> Saying | None:
        """The way that a number of 31 bits picks."""
        sums = self.sums[behind]
        return self.ways[bisect_right(sums, number * sums[-1] >> 31)]


class Taste:
    """What echo likes to say of one automaton."""

    def __init__(self, walk: TextWalk) -> None:
        self.walk = walk
        self._is_named: dict[int, bool] = {}
        self._looked: dict[int, tuple[bool, tuple[int, ...]]] = {}

    def place(self, state: int) -> Place:
        """What may be said in a state; without a way where nothing may be and the text cannot end."""
        return _Tasted(self, state).place()

    def is_named(self, state: int) -> bool:
        """Whether a name that is spelt out goes on here: it comes to where not all is as it is behind any word."""
        found = self._is_named.get(state)
        if found is None:
            found = self._is_named[state] = self._goes_on(state)
        return found

    def _goes_on(self, state: int) -> bool:
        seen, pending = {state}, [state]  # grows
        for at in pending:
            shown, targets = self._looked_at(at)
            if shown:
                return True
            pending += (target for target in targets if target not in seen)
            seen.update(targets)
            if len(pending) > MAX_SPELT:
                break
        return False

    def _looked_at(self, state: int) -> tuple[bool, tuple[int, ...]]:
        """Whether not all is here as it is behind any word, and where letters of no word lead."""
        found = self._looked.get(state)
        if found is None:
            groups = _groups(self.walk, state)
            word = _free(groups)
            others = [group for group in groups if group is not word]
            shown = word is None or any(
                own & SAYABLE and not own <= NAMES and self.walk.step(word[0], _said(own)[0]) != target
                for target, own in others
            )
            targets = tuple(dict.fromkeys(target for target, own in others if own <= NAMES))
            found = self._looked[state] = shown, targets
        return found

    def is_free_name(self, behind_comma: int) -> bool:
        """Whether any name of a property may come, and none that is spelt out."""
        spaced = self.walk.step(behind_comma, SPACE)
        at = self.walk.step(behind_comma if spaced == DEAD else spaced, QUOTE)
        if at == DEAD or _free(_groups(self.walk, at)) is None or self._goes_on(at):
            return False
        for symbol in b'a":':
            at = self.walk.step(at, symbol)
            if at == DEAD:
                return False
        return True


class _Tasted:
    """One state: its groups, the one in which any word may stand, and a shortest way to an end where it is known."""

    def __init__(self, taste: Taste, state: int) -> None:
        self._taste, self._walk = taste, taste.walk
        walk = taste.walk
        self._groups = _groups(walk, state)
        self._free = _free(self._groups)
        self._here = frozenset[int]().union(*(own for _, own in self._groups))
        self._may_end = walk.is_accepting(state)
        self._rest = walk.rest(state)

    def place(self) -> Place:
        ways = list[Saying | None](map(self._way, self._groups))
        weights, exits = list(map(self._weight, self._groups)), list(map(self._is_exit, self._groups))
        if self._may_end:
            ways.append(None)
            weights.append(END)
            exits.append(self._free is not None and self._walk.is_accepting(self._free[0]))
        rows = [weights] * 3 if self._free is None else _beside_words(ways, weights, exits)
        if not any(weights):
            rows = [[1 + 999 * self._is_nearer(group) for group in self._groups]] * 3
        by_end = sorted(zip(ways, self._groups, strict=False), key=lambda each: _steps_to_end(*each), reverse=True)
        ending = tuple(way for way, _ in by_end if way is not None)
        return Place(tuple(ways), tuple(tuple(accumulate(row)) for row in rows), ending)

    def _way(self, group: Group) -> Saying:
        target, own = group
        said = _said(own)
        if not own & SAYABLE and self._rest and self._rest[0] in own:
            said = [self._rest[0]]
        return Saying(
            tuple(map(self._walk.spell, said)), target, group is self._free, SPACE in own, self._spells(group)
        )

    def _is_exit(self, group: Group) -> bool:
        """Whether a group does here what it does behind any word."""
        if self._free is None:
            return False
        behind = self._walk.step(self._free[0], _said(group[1])[0])
        if behind == group[0] or behind == DEAD:
            return behind != DEAD
        one, other = self._walk.rest(behind), self._walk.rest(group[0])
        return one is not None and one == other

    def _spells(self, group: Group) -> bool:
        """Whether a group goes on with what is spelt out: a name, or a tag that comes nearer to an end."""
        target, own = group
        if self._free is None or group is self._free:
            return False
        if not own <= NAMES:
            return len(own) == 1 and not self._is_exit(group) and self._is_nearer(group)
        return self._taste.is_named(target)

    def _is_nearer(self, group: Group) -> bool:
        rest = self._walk.rest(group[0]) if self._rest is not None else None
        return rest is not None and self._rest is not None and len(rest) < len(self._rest)

    def _weight(self, group: Group) -> int:
        """The weight of a group by itself."""
        target, own = group
        said = own & DIGITS
        if said and not own & LETTERS:
            return (400 + 600 * len(said)) // (3 if self._may_end or self._here - DIGITS else 1)
        if self._free is None:
            if own == {SPACE} and len(self._groups) > 1:
                return PADDING
        elif group is not self._free and own <= NAMES:
            return A_LETTER * len(own)
        elif own <= OPENERS and self._rest is not None and not self._is_nearer(group):
            return 0
        if own <= frozenset(b"eE") and self._here & DIGITS:
            return EXPONENT
        if own == {COMMA} and self._taste.is_free_name(target):
            return ANOTHER_FREE_NAME
        return next((weight for kind, weight in KINDS if own & kind), 0)


def _beside_words(ways: list[Saying | None], weights: list[int], exits: list[bool]) -> list[list[int]]:
    """The weights behind BEGIN, BEHIND_WORD and SPELLING of the ways of a state where any word may stand."""
    is_spelt = any(way is not None and way.spells for way in ways)
    ends_here = any(not is_exit for way, is_exit in zip(ways, exits) if way is None or not way.is_word)

    def weight(way: Saying | None, own: int, is_exit: bool, behind: int) -> int:
        if way is not None and way.is_word:
            more = ANOTHER_WORD if way.has_space else MORE_LETTERS
            return more if behind == BEHIND_WORD else HARDLY if behind == SPELLING or is_spelt else A_WORD
        if way is not None and way.spells:
            return HARDLY if behind == BEHIND_WORD else NAMED
        if not is_exit or behind == BEHIND_WORD:
            return own
        return min(own, HARDLY) if behind == BEGIN or ends_here else own

    table = list(zip(ways, weights, exits, strict=True))
    return [[weight(*each, behind) for each in table] for behind in (BEGIN, BEHIND_WORD, SPELLING)]


def _steps_to_end(way: Saying | None, group: Group) -> int:
    """The smaller, the sooner something is at its end behind the way, in most texts."""
    kinds = (CLOSERS, DIGITS, frozenset(b'"'), frozenset(range(0x80)) - LETTERS)
    of_kind = next((number for number, kind in enumerate(kinds) if group[1] <= kind), len(kinds))
    return of_kind + (of_kind == len(kinds) and way is not None and way.is_word)


def _free(groups: list[Group]) -> Group | None:
    """The group that most letters are in, where that is many."""
    most = max(groups, key=lambda group: len(LETTERS & group[1]), default=None)
    return most if most is not None and len(LETTERS & most[1]) >= MANY else None


def _groups(walk: TextWalk, state: int) -> list[Group]:
    """What may come next by where it leads."""
    found: dict[int, set[int]] = {}
    for group in walk.ways(state):
        target = walk.step(state, group[0])
        if target != DEAD:
            found.setdefault(target, set()).update(group)
    return [(target, frozenset(group)) for target, group in found.items()]


def _said(own: frozenset[int]) -> list[int]:
    """Those of the first kind that there is; of a few letters beside digits, as in `[0-9a]`, all of both."""
    if own & DIGITS and 0 < len(own & LETTERS) < MANY:
        return sorted(own & (LETTERS | DIGITS | CAPITALS))
    return sorted(next((own & kind for kind, _ in KINDS if own & kind), own))
