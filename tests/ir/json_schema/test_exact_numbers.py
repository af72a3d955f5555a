"""Numbers of any size: what a schema says of them is kept to the last digit."""

from __future__ import annotations

import json
import random
from collections import Counter
from decimal import Context, Decimal
from fractions import Fraction

import pytest

import lmc
from lmc.errors import ConstraintError
from lmc.ir.automaton.dfa import CharDfa
from lmc.ir.json_schema.exact import read_json, write_json
from lmc.ir.json_schema.findings import NotRegular, SchemaError
from lmc.ir.json_schema.lower import lower
from lmc.ir.json_schema.numbers import is_multiple, number_text
from lmc.ir.json_schema.regular import texts_of
from lmc.parser.schema.parse import parse_schema

LONG = 12345678901234567890123456789012345
TINY = "0.1234567890123456789012345678901234567891"


def accepted(schema, texts):
    """Which of the texts come out."""
    dfa = CharDfa(lower(parse_schema(schema)).tree)
    return [text for text in texts if dfa.accepts(text)]


@pytest.mark.parametrize(
    "schema, yes, no",
    [
        ({"const": LONG}, [str(LONG)], [str(LONG + 1), "12345678901234567890123456790000000"]),
        ({"enum": [LONG, -LONG]}, [str(LONG), str(-LONG)], [str(1 - LONG)]),
        (f'{{"const":{TINY}}}', [TINY], [TINY[:-1], TINY[:-1] + "2", "0.12345678901234568"]),
        ({"type": "number", "minimum": LONG}, [str(LONG), f"{LONG}.5", str(LONG * 10)], [str(LONG - 1), f"-{LONG}"]),
        ({"type": "integer", "exclusiveMaximum": -LONG}, [str(-LONG - 1)], [str(-LONG), str(1 - LONG)]),
        (f'{{"type":"number","exclusiveMinimum":{TINY},"maximum":1}}', [TINY + "1", "1"], [TINY, TINY[:-1]]),
        ({"not": {"const": LONG}}, [str(LONG + 1), '"a"'], [str(LONG), f"{LONG}.0"]),
        ({"oneOf": [{"const": LONG}, {"type": "integer", "minimum": LONG}]}, [str(LONG + 1)], [str(LONG)]),
        ('{"type":"number","multipleOf":1e-30}', ["1." + "0" * 29 + "1"], ["1." + "0" * 30 + "1"]),
        ({"type": "integer", "multipleOf": 5 * 10**30}, [str(LONG * 10**31), "0"], [str(LONG * 10**29)]),
        ('{"type":"number","multipleOf":0.000001953125}', ["0.000001953125", "1"], ["0.00000195312"]),
        ({"enum": [LONG, 5], "maximum": 10}, ["5"], [str(LONG)]),
        ({"enum": [LONG, 5, 6], "not": {"multipleOf": 5}}, ["6"], ["5", str(LONG)]),
        # far exponents
        ('{"type":"number","minimum":1e400}', ["1" + "0" * 400], ["9" * 400, "5"]),
        ('{"const":1e400,"minimum":0}', ["1" + "0" * 400], ["1" + "0" * 399]),
        ('{"enum":[1E4000,3,-1E4000],"minimum":0}', ["1e4000", "3"], ["-1e4000"]),
        ('{"const":1E-5000}', ["1e-5000"], ["0", "1e-500"]),
        ('{"type":"number","maximum":1E-5000}', ["0", "-1"], ["0." + "0" * 900 + "1"]),
        ('{"type":"number","exclusiveMinimum":1E-5000}', ["0.1", "0." + "0" * 999 + "2"], ["0", "-1"]),
        ('{"type":"integer","maximum":1E999999999}', ["9" * 400, "-5"], ["0.5"]),
        (f'{{"type":"integer","minimum":{"7" * 300},"maximum":{"8" * 300}}}', ["8" * 300], ["8" * 299 + "9"]),
        (f'{{"const":{"7" * 5000}}}', ["7" * 5000], ["7" * 4999]),
    ],
)
def test_a_number_is_what_it_says(schema, yes, no):
    """Accepted and rejected texts, as two lists."""
    assert accepted(schema, yes) == yes
    assert accepted(schema, no) == []


@pytest.mark.parametrize(
    "schema, error",
    [
        ('{"minimum":1e4000}', SchemaError),
        ('{"not":{"const":1e4000}}', SchemaError),
        ('{"not":{"maximum":1e-4000}}', SchemaError),
        ('{"multipleOf":1e-5000}', NotRegular),
        ('{"const":1e99999999999999999999}', ConstraintError),
        ('{"maxLength":1e400}', ConstraintError),
        ('{"type":"string","maxLength":1e999999999}', ConstraintError),
    ],
)
def test_a_number_that_is_too_far_is_refused(schema, error):
    """At once, with a reason; what is near it is not said to be it."""
    with pytest.raises(error):
        lower(parse_schema(schema))


def test_bounds_of_any_size_against_fractions():
    """Random numbers of up to 40 digits around random bounds and steps, judged by fractions."""
    rng = random.Random(28)
    for _ in range(60):
        bound, places = rng.randrange(-(10**34), 10**34), rng.choice((0, 0, 1, 31))
        keyword = rng.choice(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"))
        low = number_text(Decimal(f"{bound}e-{places}"))
        dfa = CharDfa(lower(parse_schema(f'{{"type":"number","{keyword}":{low}}}')).tree)
        for step in (-(10**6), -1, 0, 1, rng.randrange(10**20)):
            text = number_text(Decimal(f"{bound + step}e-{places}"))
            value, limit = Fraction(text), Fraction(low)
            wanted = {
                "minimum": value >= limit, "maximum": value <= limit, "exclusiveMinimum": value > limit,
                "exclusiveMaximum": value < limit,
            }[keyword]  # fmt: skip
            assert dfa.accepts(text) == wanted, (keyword, low, text)


def test_multiples_against_fractions():
    """Whatever the digits and exponents."""
    rng = random.Random(5)
    for _ in range(500):
        step = Decimal(f"{rng.choice((1, 5, 12, 25, rng.randrange(1, 10**32)))}e{rng.randint(-40, 40)}")
        number = Decimal(f"{rng.randrange(-(10**33), 10**33)}e{rng.randint(-40, 40)}")
        for value in (number, step, Decimal(0)):
            assert is_multiple(value, step) == ((Fraction(value) / Fraction(step)).denominator == 1)


STEPS = (
    "3.7",
    "0.99",
    "365",
    "1024",
    "0.0009765625",
    "9973",
    "0.000003814697265625",
    "3e30",
    "0.0011",
    "12.5",
    "1e-30",
)


@pytest.mark.parametrize("written", STEPS)
def test_every_step_with_some_thousand_remainders_is_followed(written):
    """Whatever factors it has, with and without a point, against fractions."""
    rng = random.Random(written)
    step, places = Fraction(written), max(0, -Decimal(written).normalize().as_tuple().exponent)
    dfa = CharDfa(lower(parse_schema(f'{{"type":"number","multipleOf":{written}}}')).tree)
    seen = Counter()
    for _ in range(150):
        near = step * rng.randrange(rng.choice((10, 1000, 10**6)))
        value = near + rng.choice((0, 0, Fraction(rng.choice((1, 2, 5)), 10 ** rng.randint(0, places))))
        text = number_text(Decimal(value.numerator * 10**60 // value.denominator).scaleb(-60, Context(200)))
        wanted = (Fraction(text) / step).denominator == 1
        assert dfa.accepts(text) == dfa.accepts(f"-{text}" if value else text) == wanted, text
        seen[wanted] += 1
    assert min(seen.values()) > 20
    assert not any(map(dfa.accepts, (".", "-", "", "1.", ".5", "00", "-0", "1.0.0")))


@pytest.mark.parametrize(
    "schema, numbers",
    [
        ({"multipleOf": 365, "minimum": 364, "exclusiveMaximum": 1095}, ["365", "730"]),
        ({"multipleOf": 65536, "minimum": 1, "maximum": 200_000}, ["65536", "131072", "196608"]),
        ({"multipleOf": 0.99, "minimum": -1, "maximum": 1}, ["-0.99", "0", "0.0", "0.00", "0.99"]),
        ({"multipleOf": 2.5, "minimum": 0, "maximum": 8}, ["0", "0.0", "2.5", "5", "5.0", "7.5"]),
        ({"allOf": [{"multipleOf": 3.7}, {"multipleOf": 0.99}], "minimum": 1, "maximum": 400}, ["366.3"]),
        ({"multipleOf": 365, "minimum": 366, "maximum": 729}, []),
    ],
)
def test_multiples_within_bounds_are_all_there(schema, numbers):
    """Few of them are told one by one, with the zeros that may stand behind them."""
    dfa = CharDfa(lower(parse_schema({"type": "number", **schema})).tree)
    found, pending = [], [("", dfa.start)] if dfa.start else []
    while pending:
        text, state = pending.pop()
        found += [text] if dfa.is_accepting(state) else []
        for mask, target in dfa.moves(state):
            pending += [(text + chr(code), target) for a, b in dfa.alphabet.ranges(mask) for code in range(a, b + 1)]
    assert sorted(found) == sorted(numbers)


@pytest.mark.parametrize("schema, said", [
    ({"multipleOf": 3.14159}, "multiples of 3.14159 are told by"),
    ({"multipleOf": 65536}, "multiples of 65536 are told by 65,536 remainders, more than 20,000"),
    ({"allOf": [{"multipleOf": 365}, {"multipleOf": 1024}]}, "multiples of 365 and 1024 are told by 373,760"),
])  # fmt: skip
def test_a_step_with_more_is_refused_with_the_numbers(schema, said):
    """Also where only several together have too many."""
    with pytest.raises(SchemaError, match=said):
        texts_of(parse_schema({"type": "number", **schema}))


def test_a_text_is_read_back_to_the_last_digit():
    """Ints and floats where they are the number, Decimals where a float is another one."""
    text = f'{{"a":[1,-0.5,1e3,{TINY},1e400],"b":{{"é\\"":{"7" * 5000}}}}}'
    value = read_json(text)

    assert value["a"][:3] == [1, -0.5, 1000.0] and isinstance(value["a"][1], float)
    assert value["a"][3] == Decimal(TINY)
    assert read_json(write_json(value)) == value
    assert write_json({"a": 1, "é": [True, None]}) == '{"a":1,"é":[true,null]}'
    assert json.loads(write_json({"a": Decimal("0.1")})) == {"a": 0.1}


def test_a_generation_writes_the_number():
    """All of it, on an engine; as text of the program, too, so that the printed graph means the same."""

    @lmc.function
    def ask(s):
        s += "id: " + lmc.gen("x", json_schema={"enum": [12345678901234567890123456789012345]})
        s += lmc.gen("y", json_schema='{"const":0.1234567890123456789012345678901234567891}')

    result = ask.run(backend="echo")
    assert (result["x"], result["y"]) == (str(LONG), TINY)
    assert str(lmc.compile(ask).graph).count(TINY) == 1


def test_a_checked_text_is_held_to_every_digit():
    """Where items ought to differ, numbers that differ in their last digit do."""
    lowered = lower(parse_schema({"type": "array", "items": {"type": "number"}, "uniqueItems": True}))

    assert lowered.broken_by(f"[{LONG},{LONG + 1},{TINY}]") is None
    assert lowered.broken_by(f"[{LONG},1,{LONG}.0]") is not None
    assert lowered.broken_by(f"[{'7' * 5000}]") is None
