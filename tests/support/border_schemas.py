"""Random schemas, and values that stand at the borders of what they accept.

Long numbers and their neighbours, names that share first letters in any order, empty and nested objects and arrays.
Schemas are JSON texts: a float in between would round them.
"""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

from lmc.ir.json_schema.exact import write_json
from lmc.ir.json_schema.numbers import number_text

NAMES = ("a", "ab", "abc", "b", "ba", "x-", "x-a", "x-ab", "é", "è", "", "A", "constructor", '"', "\\n")
LONG = 123456789012345678901234567890
Json = Any


def number(rng: random.Random) -> Decimal:
    """One of up to 36 digits, often a neighbour of a round one."""
    base = rng.choice((0, 1, 10, LONG, -LONG, 10**29, 2**128, rng.randrange(10**30)))
    return Decimal(f"{base + rng.randint(-2, 2)}e{rng.choice((0, 0, 0, 0, -1, -31, 3))}")


def schema(rng: random.Random, depth: int = 2) -> Json:
    """A schema of the keywords that the judge knows."""
    kinds = (_numbers, _numbers, _values) if depth == 0 else (_numbers, _values, _objects, _objects, _objects, _arrays)
    made = rng.choice(kinds)(rng, depth)
    return _combined(rng, made, depth) if rng.random() < 0.2 else made


def _numbers(rng: random.Random, depth: int) -> Json:
    made: dict[str, Json] = {"type": rng.choice(("number", "integer"))}
    low, high = sorted((number(rng), number(rng)))
    for keyword, bound in ((("minimum", "exclusiveMinimum"), low), (("maximum", "exclusiveMaximum"), high)):
        if rng.random() < 0.6:
            made[rng.choice(keyword)] = bound
    if rng.random() < 0.3:
        made["multipleOf"] = Decimal(rng.choice(("0.5", "3", "1e-31", "5e29", "0.25", "1e3")))
    return made


def _values(rng: random.Random, depth: int) -> Json:
    listed = [_value(rng, 1) for _ in range(rng.randint(1, 4))]
    return {"enum": listed} if rng.random() < 0.7 else {"const": listed[0]}


def _value(rng: random.Random, depth: int) -> Json:
    kinds = (lambda: number(rng), lambda: rng.choice(NAMES), lambda: rng.choice((None, True, False)))
    if depth and rng.random() < 0.3:
        return [_value(rng, depth - 1)] if rng.random() < 0.5 else {n: _value(rng, 0) for n in rng.sample(NAMES, 2)}
    return rng.choice(kinds)()


def _objects(rng: random.Random, depth: int) -> Json:
    made: dict[str, Json] = {"type": "object"}
    named = rng.sample(NAMES, rng.choice((0, 0, 1, 2, 3)))
    if named:
        made["properties"] = {name: schema(rng, depth - 1) for name in named}
    if rng.random() < 0.4:
        made["required"] = rng.sample(NAMES, rng.choice((1, 1, 2)))
    if rng.random() < 0.3:
        made["patternProperties"] = {rng.choice(("^x-", "^a", "b$")): schema(rng, depth - 1)}
    if rng.random() < 0.4:
        made["additionalProperties"] = rng.choice((True, False, {"type": "integer"}))
    if rng.random() < 0.2:
        made["propertyNames"] = {"enum": [*NAMES[:9]]}
    if rng.random() < 0.6:
        made["minProperties"] = rng.choice((1, 2, 2, 3))
    if rng.random() < 0.3:
        made["maxProperties"] = rng.choice((2, 3, 4))
    if made.get("minProperties", 0) > made.get("maxProperties", 9):
        del made["maxProperties"]
    return made


def _arrays(rng: random.Random, depth: int) -> Json:
    made: dict[str, Json] = {"type": "array", "items": schema(rng, depth - 1)}
    return made | {"minItems": rng.randint(0, 1), "maxItems": rng.randint(1, 3)} if rng.random() < 0.5 else made


def _combined(rng: random.Random, made: Json, depth: int) -> Json:
    other = schema(rng, 0 if depth < 2 else 1)
    return rng.choice(
        ({"not": made}, {"anyOf": [made, other]}, {"oneOf": [made, other]}, {"allOf": [made, {"not": other}]})
    )


def numbers_in(made: Json) -> list[Decimal]:
    """The numbers that a schema names."""
    if isinstance(made, Decimal):
        return [made]
    inner = made.values() if isinstance(made, dict) else made if isinstance(made, list) else ()
    return [found for each in inner for found in numbers_in(each)]


def instance(rng: random.Random, made: Json, depth: int = 2) -> str:
    """The text of a value near what the schema accepts, written as the masks write: named properties first."""
    if isinstance(made, dict) and rng.random() < 0.9:
        for keyword in ("allOf", "anyOf", "oneOf"):
            if keyword in made:
                return instance(rng, rng.choice(made[keyword]), depth)
        if "not" in made and rng.random() < 0.5:
            return instance(rng, made["not"], depth)
        if "enum" in made or "const" in made:
            return text_of(rng.choice(made["enum"]) if "enum" in made else made["const"])
        match made.get("type"):
            case "number" | "integer":
                return _near(rng, numbers_in(made))
            case "object":
                return _object(rng, made, depth)
            case "array":
                return "[" + ",".join(instance(rng, made["items"], depth - 1) for _ in range(rng.randint(0, 3))) + "]"
    return text_of(_value(rng, min(depth, 1) if depth > 0 else 0))


def text_of(value: Json) -> str:
    """Compact text, each number in its canonical writing."""
    match value:
        case Decimal():
            return number_text(value)
        case list():
            return "[" + ",".join(map(text_of, value)) + "]"
        case dict():
            return "{" + ",".join(f"{write_json(name)}:{text_of(each)}" for name, each in value.items()) + "}"
    return write_json(value)


def _near(rng: random.Random, told: list[Decimal]) -> str:
    base = rng.choice([*told, number(rng)])
    _, digits, exponent = base.as_tuple()
    unit = int("".join(map(str, digits))) * (-1 if base < 0 else 1)
    return number_text(Decimal(f"{unit + rng.choice((-1, 0, 0, 1, 10))}e{exponent}"))


def _object(rng: random.Random, made: Json, depth: int) -> str:
    """Named properties as the schema tells them, others behind them in any order."""
    named = [*dict.fromkeys((*made.get("properties", {}), *made.get("required", ())))]
    wanted = [name for name in named if name in made.get("required", ()) or rng.random() < 0.5]
    wanted += rng.sample([name for name in NAMES if name not in named], rng.choice((0, 0, 1, 2, 3)))
    members = []
    for name in wanted:
        inner = made.get("properties", {}).get(name)
        if inner is None:
            inner = next(iter(made.get("patternProperties", {}).values()), made.get("additionalProperties", True))
        members.append(f"{write_json(name)}:{instance(rng, inner, depth - 1)}")
    return "{" + ",".join(members) + "}"
