"""The automaton of the decimal writings of multiples: it remembers a remainder, and how far behind the point it is.

Of `number` = digits / 10 ** behind, what decides is the remainder of the digits by a modulus which grows behind the
point: of multiples of 1/64 = 15625 / 10 ** 6 every whole number is one, the first digit behind the point leaves 5
remainders, the next one 25. A state from which no further digits lead to a multiple is none.
"""

from __future__ import annotations

from math import gcd

from lmc.ir.automaton.alphabet import DIGITS, POINT, Alphabet
from lmc.ir.regex import Multiples

DEAD = 0
WHOLE = -1  # before a point

# (digits behind the point or WHOLE, remainder, whether a digit must come)
_State = tuple[int, int, bool]


class MultiplesDfa:
    """An automaton over some alphabet; its states are made when they are first reached, and all are live but DEAD."""

    def __init__(self, of: Multiples, alphabet: Alphabet) -> None:
        self._unit = of.unit
        self._places = of.places
        self._digits = [alphabet.mask(ranges) for ranges in DIGITS]
        self._point = alphabet.mask(POINT)
        self._states: list[_State] = [(0, 0, True)]  # that of DEAD is none
        self._numbers: dict[_State, int] = {}
        self.start = self._number((WHOLE, 0, True))

    def __len__(self) -> int:
        """States made so far, DEAD among them."""
        return len(self._states)

    def moves(self, state: int) -> list[tuple[int, int]]:
        """The next states with the classes that lead to each; disjoint."""
        if state == DEAD:
            return []
        behind, remainder, must_go_on = self._states[state]
        found: dict[int, int] = {}
        if behind < self._places:
            after = behind if behind == WHOLE else behind + 1
            for digit, mask in enumerate(self._digits):
                target = self._number((after, (10 * remainder + digit) % self._modulus(after), False))
                found[target] = found.get(target, 0) | mask
        if behind == WHOLE and self._places and not must_go_on:
            found[self._number((0, remainder, True))] = self._point
        return [(mask, target) for target, mask in found.items() if target != DEAD]

    def is_accepting(self, state: int) -> bool:
        """Whether a text may end in the state."""
        _, remainder, must_go_on = self._states[state]
        return not must_go_on and remainder == 0

    def _modulus(self, behind: int) -> int:
        """By what digits are a multiple, so many of them behind the point."""
        return modulus(self._unit, self._places - max(behind, 0))

    def _number(self, state: _State) -> int:
        found = self._numbers.get(state)
        if found is None:
            found = DEAD
            if self._is_live(state):
                found = len(self._states)
                self._states.append(state)
            self._numbers[state] = found
        return found

    def _is_live(self, state: _State) -> bool:
        behind, remainder, _ = state
        if behind == WHOLE:
            return True  # any digits may follow
        room: int = 10 ** (self._places - behind)
        return -remainder * room % self._unit < room


def num_states(of: Multiples) -> int:
    """How many states the automaton may have: remainders of whole numbers, and behind the point those that are live."""
    behind = (gcd(of.unit, 10**left) for left in range(of.places))
    return modulus(of.unit, of.places) + sum(min(of.unit, 10**left) // common for left, common in enumerate(behind))


def modulus(unit: int, left: int) -> int:
    """What a number must be a multiple of, so that it is one of `unit` with `left` zeros behind it."""
    power: int = 10**left
    return unit // gcd(unit, power)
