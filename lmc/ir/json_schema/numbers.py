"""JSON numbers within bounds and of a step, as trees of their decimal digits; exact, whatever their size.

Arithmetic of Decimals rounds to the digits of a context: here they are compared and taken apart, never added.

A number is written without an exponent and never as -0. `canonical` is one writing for each value (1, not 1.0);
without it a fraction may end in zeros, and a number that nothing else is asked of may have an exponent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from fractions import Fraction
from math import ceil, floor, gcd, lcm

from lmc.ir.automaton.algebra import literal
from lmc.ir.automaton.multiples import num_states
from lmc.ir.json_schema.trees import EMPTY, NOTHING, alt, both, many, maybe, one_of, seq, span
from lmc.ir.regex import Multiples, Not, RegexTree

DIGIT = span("0", "9")
DIGITS = many(DIGIT)
NON_ZERO = span("1", "9")
WHOLE = alt([seq("0"), seq(NON_ZERO, DIGITS)])
FRACTION = seq(".", many(DIGIT, 1))
CANONICAL_FRACTION = seq(".", DIGITS, NON_ZERO)
SOME = seq(".", DIGITS, NON_ZERO, DIGITS)  # a fraction that is not 0
MAGNITUDE = seq(WHOLE, maybe(FRACTION))
EXPONENT = seq(one_of("eE"), maybe(one_of("+-")), many(DIGIT, 1, 2))

MAX_ENDINGS = 64
MAX_REMAINDERS = 20_000
MAX_LISTED = 512  # multiples within bounds that are told one by one
MAX_DIGITS = 1000  # before the point, and behind it, of a number that is written without an exponent
_ONE, _FINEST = Decimal(1), Decimal((0, (1,), -MAX_DIGITS))


class NoStep(ValueError):
    """Multiples of a number have no small automaton: why."""


@dataclass(frozen=True, slots=True)
class Number:
    """One number."""

    value: Decimal


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers from `low` to `high` that are multiples of all `steps`; `integer`: and whole."""

    integer: bool = False
    low: Decimal | None = None
    above: bool = False  # low itself is not one
    high: Decimal | None = None
    below: bool = False
    steps: tuple[Decimal, ...] = ()

    def meet(self, other: Numbers) -> Numbers:
        """The numbers in both."""
        low, above = _tighter(self.low, self.above, other.low, other.above, 1)
        high, below = _tighter(self.high, self.below, other.high, other.below, -1)
        steps = tuple(dict.fromkeys((*self.steps, *other.steps)))
        return Numbers(self.integer or other.integer, low, above, high, below, steps)

    def tree(self, *, canonical: bool) -> RegexTree:
        """Their texts. Raises NoStep."""
        parts = [_syntax(self, canonical)]
        if self.low is not None:
            parts.append(_least(self.low, self.above))
        if self.high is not None:
            parts.append(_most(self.high, self.below))
        if self.steps:
            step = _common(self.steps)
            listed = self._listed(step)
            if listed is not None:
                return alt(_written(number, step, canonical or self.integer) for number in listed)
            parts.append(_multiples(step))
        return both(parts)

    def _listed(self, step: Decimal) -> list[Decimal] | None:
        """All of them, where they are few: an automaton would look for them among all that is within the bounds."""
        if self.low is None or self.high is None or not (is_short(self.low) and is_short(self.high)):
            return None
        unit, exponent = _parts(_common((step, _ONE)) if self.integer else step)
        low, high = (_times(bound, exponent) / unit for bound in (self.low, self.high))
        first, last = ceil(low), floor(high)
        if last - first >= MAX_LISTED:
            return None
        found = (_scaled(unit * n, exponent) for n in range(first, last + 1))
        return [number for number in found if self.holds(number)]

    def holds(self, value: float | Decimal) -> bool:
        """Whether a number is one of them."""
        number = decimal(value)
        if self.low is not None and (number < self.low or (self.above and number == self.low)):
            return False
        if self.high is not None and (number > self.high or (self.below and number == self.high)):
            return False
        steps = (*self.steps, _ONE) if self.integer else self.steps
        return all(is_multiple(number, step) for step in steps)


def decimal(value: float | Decimal) -> Decimal:
    """A number of a schema or a text, as it was written; -0 is 0."""
    found = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    return found if found else Decimal(0)


def is_multiple(number: Decimal, step: Decimal) -> bool:
    """Whether a number is a whole multiple of a step; quickly, however far apart their exponents are."""
    (unit, exponent), (divisor, its) = _parts(number), _parts(step)
    if exponent >= its:
        return unit * pow(10, exponent - its, divisor) % divisor == 0
    # the unit is no multiple of 10, so that a step that is one divides nothing but 0
    return unit == 0


def number_text(value: float | Decimal) -> str:
    """The canonical writing of a number: without an exponent, but where many zeros would stand for it."""
    unit, exponent = _parts(decimal(value))
    sign, digits = "-" * (value < 0), str(Decimal(unit))
    if exponent and not is_short(decimal(value)):
        return f"{sign}{digits}e{exponent}"
    if exponent >= 0:
        return sign + digits + "0" * exponent
    digits = digits.rjust(1 - exponent, "0")
    return f"{sign}{digits[:exponent]}.{digits[exponent:]}"


def within(bound: Decimal, *, is_low: bool) -> Decimal | None:
    """The bound, or the short one nearest to it on its inner side; None where no short number is there."""
    if bound.adjusted() >= MAX_DIGITS:
        return Decimal((bound < 0, (1,), MAX_DIGITS - 1)) if is_low == (bound < 0) else None
    rounding = ROUND_CEILING if is_low else ROUND_FLOOR
    return bound if is_short(bound) else Context(3 * MAX_DIGITS, rounding).quantize(bound, _FINEST)


def is_short(value: Decimal) -> bool:
    """Whether a number has at most MAX_DIGITS before its point, and behind it."""
    return value.adjusted() < MAX_DIGITS and -_parts(value)[1] <= MAX_DIGITS


def _parts(number: Decimal) -> tuple[int, int]:
    """The magnitude as unit * 10 ** exponent, the unit no multiple of 10; 0 is 0 * 10 ** 0."""
    _, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    if not number:
        return 0, 0
    written = "".join(map(str, digits))
    short = written.rstrip("0")
    return int(Decimal(short)), exponent + len(written) - len(short)


def _common(steps: Sequence[Decimal]) -> Decimal:
    """The least step whose multiples are multiples of all. Raises NoStep."""
    if not all(map(is_short, steps)):
        raise NoStep(f"have more than {MAX_DIGITS:,} digits")
    parts = list(map(_parts, steps))
    exponent = min(its for _, its in parts)
    return _scaled(lcm(*(unit * 10 ** (its - exponent) for unit, its in parts)), exponent)


def _scaled(unit: int, exponent: int) -> Decimal:
    return Decimal(f"{Decimal(unit)}e{exponent}")


def _times(number: Decimal, exponent: int) -> Fraction:
    """How often 10 ** exponent goes into a number."""
    unit, its = _parts(number)
    return Fraction((number > 0) - (number < 0)) * unit * Fraction(10) ** (its - exponent)


def _written(number: Decimal, step: Decimal, canonical: bool) -> RegexTree:
    """A multiple of a step; unless `canonical`, with zeros behind it, up to as many places as the step has."""
    text = number_text(number)
    room = -_parts(step)[1] - len(text.partition(".")[2])
    if canonical or room <= 0:
        return literal(text)
    return seq(text, many(seq("0"), 0, room)) if "." in text else seq(text, maybe(seq(".", many(seq("0"), 1, room))))


def _tighter(
    a: Decimal | None, a_open: bool, b: Decimal | None, b_open: bool, sign: int
) -> tuple[Decimal | None, bool]:
    if a is None or b is None:
        return (b, b_open) if a is None else (a, a_open)
    if a == b:
        return a, a_open or b_open
    return (a, a_open) if (a > b) == (sign > 0) else (b, b_open)


def _syntax(form: Numbers, canonical: bool) -> RegexTree:
    if form.integer:
        return alt([seq("0"), seq(maybe(seq("-")), NON_ZERO, DIGITS)])
    if form == Numbers() and not canonical:
        return seq(maybe(seq("-")), MAGNITUDE, maybe(EXPONENT))
    fraction, some = (CANONICAL_FRACTION, CANONICAL_FRACTION) if canonical else (FRACTION, SOME)
    negative = seq("-", alt([seq(NON_ZERO, DIGITS, maybe(fraction)), seq("0", some)]))
    return alt([seq(WHOLE, maybe(fraction)), negative])


# --- bounds ---------------------------------------------------------------------------------------------------


def _least(bound: Decimal, strict: bool) -> RegexTree:
    """Texts of numbers not below the bound (`strict`: above it)."""
    if bound > 0 or (bound == 0 and strict):
        return _at_least(bound, strict)
    if bound == 0:
        return MAGNITUDE
    return alt([MAGNITUDE, seq("-", _at_most(bound.copy_negate(), strict))])


def _most(bound: Decimal, strict: bool) -> RegexTree:
    if bound < 0 or (bound == 0 and strict):
        return seq("-", _at_least(bound.copy_negate(), strict and bound < 0))
    return alt([seq("-", MAGNITUDE), _at_most(bound, strict)])


def _at_most(bound: Decimal, strict: bool) -> RegexTree:
    return both([MAGNITUDE, Not(_at_least(bound, not strict))])


def _at_least(bound: Decimal, strict: bool) -> RegexTree:
    """Magnitudes from a bound that is not negative: longer, or greater at the first digit that differs."""
    whole, fraction = _digits(bound)
    longer = seq(NON_ZERO, many(DIGIT, len(whole)))
    return alt(
        [seq(alt([longer, _greater(whole, fixed=True)]), maybe(FRACTION)), seq(whole, _fraction_from(fraction, strict))]
    )


def _fraction_from(fraction: str, strict: bool) -> RegexTree:
    if not fraction:
        return SOME if strict else maybe(FRACTION)
    equal = seq(fraction, DIGITS, NON_ZERO, DIGITS) if strict else seq(fraction, DIGITS)
    return seq(".", alt([seq(_greater(fraction, fixed=False), DIGITS), equal]))


def _greater(digits: str, *, fixed: bool) -> RegexTree:
    """Digits up to the first that is greater than its place has it; `fixed`: and others, as many as there are.

    By halves, so that many digits have a tree that is neither large nor deep.
    """
    if len(digits) == 1:
        return _above(digits)
    half = len(digits) // 2
    first, last = digits[:half], digits[half:]
    others = many(DIGIT, len(last), len(last)) if fixed else EMPTY
    sooner = _greater(first, fixed=fixed)
    return alt(
        [
            NOTHING if sooner is NOTHING else seq(sooner, others),
            NOTHING if (later := _greater(last, fixed=fixed)) is NOTHING else seq(first, later),
        ]
    )


def _above(digit: str) -> RegexTree:
    return span(chr(ord(digit) + 1), "9")


def _digits(value: Decimal) -> tuple[str, str]:
    """The digits before and after the point; none after it for a whole number."""
    if not is_short(value):
        raise NoStep(f"have more than {MAX_DIGITS:,} digits")
    whole, _, fraction = number_text(value).partition(".")
    return whole, fraction


# --- multiples ------------------------------------------------------------------------------------------------


def _multiples(step: Decimal) -> RegexTree:
    whole, fraction = _digits(step)
    unit, places = int(whole + fraction), len(fraction)
    twos, fives, rest = _factors(unit)
    decided = unit // rest  # by the last digits alone
    endings = _by_ending(decided, places, max(twos, fives))
    parts = [] if endings is None else [endings]
    # zeros that fill a fraction up do not matter to a factor that 10 has no part of
    if (left := unit if endings is None else rest) != 1:
        parts.append(_by_remainder(left, places))
    return seq(maybe(seq("-")), both(parts))


def _by_remainder(unit: int, places: int) -> RegexTree:
    """Multiples of unit / 10 ** places, by an automaton."""
    made = Multiples(unit, places)
    if (states := num_states(made)) > MAX_REMAINDERS:
        raise NoStep(f"are told by {states:,} remainders, more than {MAX_REMAINDERS:,}")
    return made


def _by_ending(unit: int, places: int, tail: int) -> RegexTree | None:
    """Multiples of unit / 10 ** places by the last `tail` digits; None where those are more than a few."""
    if 10**tail // unit > MAX_ENDINGS:
        return None
    if not places:
        return both([WHOLE, _ending_in(range(0, 10**tail, unit), tail)]) if tail else WHOLE
    return _decimals_from_whole(unit, places, tail) if tail > places else _decimals(unit, places, tail)


def _decimals(unit: int, places: int, tail: int) -> RegexTree:
    """Numbers of which digits of the fraction alone decide."""
    options: list[RegexTree] = []
    for count in range(1, places + 1):
        deciding = max(0, count - (places - tail))
        endings = range(0, 10**deciding, unit // gcd(unit, 10 ** (tail - deciding)))
        ending = alt(seq(f"{n:0{deciding}d}" if deciding else "") for n in endings)
        options.append(seq(many(DIGIT, count - deciding, count - deciding), ending))
    return seq(WHOLE, maybe(seq(".", alt(options))))


def _decimals_from_whole(unit: int, places: int, tail: int) -> RegexTree:
    """Numbers of which the last digits before the point decide too."""
    options: list[RegexTree] = []
    for number in range(0, 10**tail, unit):
        whole, fraction = divmod(number, 10**places)
        own = f"{fraction:0{places}d}".rstrip("0")
        written = seq(".", own, many(seq("0"), 0, places - len(own)))
        options.append(
            seq(_ending_in([whole], tail - places), written if own else maybe(seq(".", many(seq("0"), 1, places))))
        )
    return both([seq(WHOLE, maybe(FRACTION)), alt(options)])


def _ending_in(endings: Sequence[int], tail: int) -> RegexTree:
    """Digits whose last ones, `tail` of them, are such a number."""
    longer = seq(DIGITS, alt(seq(f"{n:0{tail}d}") for n in endings))
    return alt([longer, *(seq(str(n)) for n in endings if len(str(n)) < tail)])


def _factors(number: int) -> tuple[int, int, int]:
    """How often 2 and 5 divide a number, and what is left."""
    counts = {2: 0, 5: 0}
    for prime in counts:
        while number % prime == 0:
            number //= prime
            counts[prime] += 1
    return counts[2], counts[5], number
