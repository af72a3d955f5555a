"""Whether a form with places can be split into its parts in one way only, looked at stretch by stretch.

A value of JSON that begins at a certain place ends at a certain place: none is the begin of another, but for numbers.
So where two splits of a text differ, they do so between two such generations, or in where the second of them begins.
A stretch is what stands between two, behind it a text that begins as the second one does (its own texts, and more),
and before it a number where the first may be one. A form of whose stretches each can be split in one way only is
such a form itself. The other way round that need not be: a stretch may be split in two ways by a text of which the
form has only the begin. Then it is taken for ambiguous.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lmc.codes import TOO_LARGE
from lmc.errors import ConstraintError
from lmc.ir.automaton.algebra import literal
from lmc.ir.automaton.alphabet import sets_of
from lmc.ir.automaton.ambiguity import Ambiguity, Undecided, ambiguity
from lmc.ir.automaton.calls import CallAlphabet, MarkedDfa
from lmc.ir.automaton.parts import ANY, Hole, Part, PlacedHole
from lmc.ir.ranges import Ranges, union
from lmc.ir.regex import Chars, RegexTree, Repeat, Seq

MAX_BEGIN = 64  # characters that a value surely begins with
BEGINS = union((ord(char), ord(char)) for char in '{["-0123456789tfn')

_DIGITS = Repeat(Chars(((ord("0"), ord("9")),)), 1, None)
_SIGN = Chars(((ord("+"), ord("+")), (ord("-"), ord("-"))))
_EXPONENT = Seq((Chars(((ord("E"), ord("E")), (ord("e"), ord("e")))), Repeat(_SIGN, 0, 1), _DIGITS))
_FRACTION = Seq((literal("."), _DIGITS))
NUMBER = Seq((Repeat(literal("-"), 0, 1), _DIGITS, Repeat(_FRACTION, 0, 1), Repeat(_EXPONENT, 0, 1)))


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some parts of a form, of which the first is part `first`; `is_open`: the last only begins as its own does."""

    first: int
    parts: tuple[Part, ...]
    is_open: bool


def ambiguous_stretch(parts: Sequence[Part]) -> tuple[Stretch, Ambiguity | Undecided] | None:
    """The first stretch that a text may split in two ways, and how; None where every text of the form has one split."""
    for stretch in stretches(parts):
        found = ambiguity(stretch.parts)
        if found is not None:
            return stretch, found
    return None


def stretches(parts: Sequence[Part]) -> list[Stretch]:
    """The stretches of a form, in order; of one without places, all of it."""
    found: list[Stretch] = []
    first, before = 0, list[Part]()
    for at, part in enumerate(parts):
        if not isinstance(part, PlacedHole):
            before.append(part)
            continue
        found.append(Stretch(first, (*before, Hole(_begin(part))), True))
        before = [Hole(NUMBER)] if part.may_be_number else []
        first = at + 1 - len(before)
    return [*found, Stretch(first, tuple(before), False)]


def _begin(part: PlacedHole) -> RegexTree:
    """Texts that begin as those of a generation do, as far as that is one row of characters and one choice."""
    try:
        text, next = _certain(part.places)
    except ConstraintError as error:
        if error.code != TOO_LARGE:
            raise
        text, next = "", BEGINS
    return Seq((literal(text), Chars(next), ANY))


def _certain(places: tuple[RegexTree, ...]) -> tuple[str, Ranges]:
    """The characters that a text begins with in any case, and what may come next. No value begins with another."""
    alphabet = CallAlphabet(sets_of(places[0]), len(places))
    dfa = MarkedDfa(places[0], alphabet=alphabet)
    text, state = "", dfa.start
    while True:
        moves = dfa.moves(state)
        mask = 0
        for each, _ in moves:
            mask |= each
        if mask & ~alphabet.chars or dfa.is_accepting(state) or not mask:
            # a value of its own begins here, or what begins so may be over
            return (text[:-1], ((ord(text[-1]), ord(text[-1])),)) if text else ("", BEGINS)
        ranges = tuple(alphabet.ranges(mask))
        if len(moves) > 1 or len(ranges) > 1 or ranges[0][0] != ranges[0][1] or len(text) == MAX_BEGIN:
            return text, ranges
        text, state = text + chr(ranges[0][0]), moves[0][1]
