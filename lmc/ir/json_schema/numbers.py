"""JSON numbers within bounds and of a step, as trees of their decimal digits; exact in decimal arithmetic.

A number is written without an exponent and never as -0. `canonical` is one writing for each value (1, not 1.0);
without it a fraction may end in zeros, and a number that nothing else is asked of may have an exponent.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from lmc.ir.json_schema.trees import NOTHING, alt, both, many, maybe, one_of, seq, span
from lmc.ir.regex import Not, RegexTree

DIGIT = span("0", "9")
DIGITS = many(DIGIT)
NON_ZERO = span("1", "9")
WHOLE = alt([seq("0"), seq(NON_ZERO, DIGITS)])
FRACTION = seq(".", many(DIGIT, 1))
CANONICAL_FRACTION = seq(".", DIGITS, NON_ZERO)
SOME = seq(".", DIGITS, NON_ZERO, DIGITS)  # a fraction that is not 0
MAGNITUDE = seq(WHOLE, maybe(FRACTION))
EXPONENT = seq(one_of("eE"), maybe(one_of("+-")), many(DIGIT, 1, 2))

MAX_ENDINGS = 512
MAX_FACTOR = 11


class NoStep(ValueError):
    """Multiples of this number have no small automaton."""


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
        parts += [_multiples(step) for step in self.steps]
        return both(parts)

    def holds(self, value: float | Decimal) -> bool:
        """Whether a number is one of them."""
        number = decimal(value)
        if self.low is not None and (number < self.low or (self.above and number == self.low)):
            return False
        if self.high is not None and (number > self.high or (self.below and number == self.high)):
            return False
        ratios = [Fraction(number) / Fraction(step) for step in self.steps]
        return all(each.denominator == 1 for each in ratios) and not (self.integer and number % 1)


def decimal(value: float | Decimal) -> Decimal:
    """A number of a schema or a text, as it was written; -0 is 0."""
    found = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    return found if found else Decimal(0)


def number_text(value: float | Decimal) -> str:
    """The canonical writing of a number."""
    whole, fraction = _digits(abs(decimal(value)))
    return ("-" if value < 0 else "") + whole + ("." + fraction if fraction else "")


def _tighter(
    a: Decimal | None, a_open: bool, b: Decimal | None, b_open: bool, sign: int
) -> tuple[Decimal | None, bool]:
    if a is None or b is None:
        return (b, b_open) if a is None else (a, a_open)
    if a == b:
        return a, a_open or b_open
    return (a, a_open) if (a - b) * sign > 0 else (b, b_open)


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
    return alt([MAGNITUDE, seq("-", _at_most(-bound, strict))])


def _most(bound: Decimal, strict: bool) -> RegexTree:
    if bound < 0 or (bound == 0 and strict):
        return seq("-", _at_least(-bound, strict and bound < 0))
    return alt([seq("-", MAGNITUDE), _at_most(bound, strict)])


def _at_most(bound: Decimal, strict: bool) -> RegexTree:
    return both([MAGNITUDE, Not(_at_least(bound, not strict))])


def _at_least(bound: Decimal, strict: bool) -> RegexTree:
    """Magnitudes from a bound that is not negative: longer, or greater at the first digit that differs."""
    whole, fraction = _digits(bound)
    longer = seq(NON_ZERO, many(DIGIT, len(whole)))
    greater = [
        longer,
        *(seq(whole[:i], _above(d), many(DIGIT, *[len(whole) - i - 1] * 2)) for i, d in enumerate(whole)),
    ]
    return alt([seq(alt(greater), maybe(FRACTION)), seq(whole, _fraction_from(fraction, strict))])


def _fraction_from(fraction: str, strict: bool) -> RegexTree:
    if not fraction:
        return SOME if strict else maybe(FRACTION)
    greater = [seq(fraction[:i], _above(d), DIGITS) for i, d in enumerate(fraction)]
    equal = seq(fraction, DIGITS, NON_ZERO, DIGITS) if strict else seq(fraction, DIGITS)
    return seq(".", alt([*greater, equal]))


def _above(digit: str) -> RegexTree:
    return span(chr(ord(digit) + 1), "9")


def _digits(value: Decimal) -> tuple[str, str]:
    """The digits before and after the point; none after it for a whole number."""
    whole, _, fraction = format(value, "f").partition(".")
    return whole.lstrip("0") or "0", fraction.rstrip("0")


# --- multiples ------------------------------------------------------------------------------------------------


def _multiples(step: Decimal) -> RegexTree:
    whole, fraction = _digits(step)
    unit, places = int(whole + fraction), len(fraction)
    sign = maybe(seq("-"))
    return seq(sign, _decimal_multiples(unit, places) if places else _whole_multiples(unit))


def _decimal_multiples(unit: int, places: int) -> RegexTree:
    """Multiples of unit / 10 ** places: what is left of the fraction, filled up with zeros, is one of unit."""
    twos, fives, rest = _factors(unit)
    tail = max(twos, fives)  # so many last digits decide
    if rest != 1 or tail > places or 10**tail // unit > MAX_ENDINGS:
        raise NoStep
    options: list[RegexTree] = []
    for count in range(1, places + 1):
        deciding = max(0, count - (places - tail))
        filled = 10 ** (tail - deciding)
        endings = [n for n in range(10**deciding) if n * filled % unit == 0]
        ending = alt(seq(f"{n:0{deciding}d}" if deciding else "") for n in endings)
        options.append(seq(many(DIGIT, count - deciding, count - deciding), ending))
    return seq(WHOLE, maybe(seq(".", alt(options))))


def _whole_multiples(unit: int) -> RegexTree:
    twos, fives, rest = _factors(unit)
    parts: list[RegexTree] = [WHOLE]
    if tail := max(twos, fives):
        parts.append(_by_ending(2**twos * 5**fives, tail))
    if rest != 1:
        parts.append(_by_remainder(rest))
    return both(parts)


def _by_ending(unit: int, tail: int) -> RegexTree:
    if 10**tail // unit > MAX_ENDINGS:
        raise NoStep
    endings = range(0, 10**tail, unit)
    longer = seq(DIGITS, alt(seq(f"{n:0{tail}d}") for n in endings))
    return alt([longer, *(seq(str(n)) for n in endings if len(str(n)) < tail)])


def _by_remainder(unit: int) -> RegexTree:
    """Digits of a multiple of `unit`, by taking states (remainders) out of the automaton one by one."""
    if unit > MAX_FACTOR:
        raise NoStep
    way: dict[tuple[int, int], RegexTree] = {}
    for state in range(unit):
        for digit in range(10):
            edge = state, (state * 10 + digit) % unit
            way[edge] = alt([way.get(edge, NOTHING), seq(str(digit))])
    for out in range(unit - 1, 0, -1):
        loop = many(way[out, out]) if (out, out) in way else seq()
        for a in range(out):
            for b in range(out):
                if (a, out) in way and (out, b) in way:
                    around = seq(way[a, out], loop, way[out, b])
                    way[a, b] = alt([way.get((a, b), NOTHING), around])
    return many(way[0, 0], 1)


def _factors(number: int) -> tuple[int, int, int]:
    """How often 2 and 5 divide a number, and what is left."""
    counts = {2: 0, 5: 0}
    for prime in counts:
        while number % prime == 0:
            number //= prime
            counts[prime] += 1
    return counts[2], counts[5], number
