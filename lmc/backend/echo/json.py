"""JSON values that a schema accepts, drawn at random and kept short: what the echo backend says under a JsonSchema.

Understands the keywords in KEYWORDS and the formats in FORMATS; any other keyword is a ConstraintError, never
skipped, since a value that only seems valid is worse than none. `pattern` is one of those: nothing below the
parser reads regular expressions.
"""

from __future__ import annotations

import math
import random
from typing import Any  # a JSON value, and a schema, is any of JSON's types

from lmc.backend.echo.text import WORDS
from lmc.errors import ConstraintError
from lmc.ir.json_schema.exact import write_json

_ANNOTATIONS = """
$schema $id $anchor $comment $defs definitions title description default examples deprecated readOnly writeOnly
discriminator
"""
_KEYWORDS = """
type properties required additionalProperties minProperties maxProperties enum const items prefixItems minItems
maxItems uniqueItems minLength maxLength format minimum maximum exclusiveMinimum exclusiveMaximum multipleOf
anyOf oneOf allOf $ref
"""
ANNOTATIONS = frozenset(_ANNOTATIONS.split())
KEYWORDS = frozenset(_KEYWORDS.split())
FORMATS: dict[str, tuple[str, ...]] = {
    "date": ("2024-02-29", "2025-07-01"),
    "time": ("08:30:00Z", "23:59:59Z"),
    "date-time": ("2024-02-29T08:30:00Z", "2025-07-01T23:59:59Z"),
    "duration": ("P1D", "PT15M"),
    "email": ("cat@lake.org", "dog@hill.net"),
    "uuid": ("6f1d2c3b-4a59-4687-9a0b-1c2d3e4f5a6b",),
    "uri": ("https://lake.org/cat", "https://hill.net/dog"),
    "ipv4": ("192.0.2.1",),
    "ipv6": ("2001:db8::1",),
}
# the types that the keywords of an untyped schema speak of
_IMPLIED: tuple[tuple[str, frozenset[str]], ...] = (
    ("object", frozenset(("properties", "required", "additionalProperties", "minProperties", "maxProperties"))),
    ("array", frozenset(("items", "prefixItems", "minItems", "maxItems", "uniqueItems"))),
    ("string", frozenset(("minLength", "maxLength", "format"))),
    ("number", frozenset(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"))),
)
SHALLOW = 3  # below this depth only what is required is written
DEEPEST = 40  # a value nested deeper is taken for one without an end
MAX_VALUES = 4000  # drawn for one text, failed alternatives included
MAX_TRIES = 6  # texts drawn to find one within the budget
_ENDLESS = "echo finds no end in this JSON schema: it contains itself at every level"


def draw_json(schema: Any, rng: random.Random, budget: int) -> str:
    """Compact JSON text; of a few tries the first within `budget` bytes, else the shortest.

    Raises ConstraintError where the schema accepts nothing, or says something that echo does not know.
    """
    text = shortest = _Draw(schema, rng).text(0)
    for _ in range(MAX_TRIES - 1):
        if len(text.encode("utf-8", "replace")) <= budget:
            return text
        text = _Draw(schema, rng).text(SHALLOW)
        shortest = min(shortest, text, key=len)
    return shortest


class TooDeep(ConstraintError):
    """A value without an end; caught where another alternative may have one."""


class _Draw:
    """One value being drawn from the schema `root`, which `$ref` points into."""

    def __init__(self, root: Any, rng: random.Random) -> None:
        self._root = root
        self._rng = rng
        self._num_values = 0

    def text(self, depth: int) -> str:
        return write_json(self._value(self._root, depth))

    def _value(self, schema: Any, depth: int) -> Any:
        self._num_values += 1
        if self._num_values > MAX_VALUES:
            raise ConstraintError(f"echo gave up on this JSON schema after {MAX_VALUES} values")
        if depth > DEEPEST:
            raise TooDeep(_ENDLESS)
        if schema is True:
            return None
        schema = self._resolved(schema, depth)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._rng.choice(schema["enum"])
        if options := schema.get("anyOf") or schema.get("oneOf"):
            return self._one_of(schema, options, depth)
        return self._typed(schema, depth)

    # --- what a schema refers to -----------------------------------------------------------------------------

    def _resolved(self, schema: Any, depth: int) -> dict[str, Any]:
        """The schema with its `$ref` and `allOf` written into it, each keyword known."""
        if depth > DEEPEST:
            raise TooDeep(_ENDLESS)
        _check_keywords(schema)
        merged = {key: value for key, value in schema.items() if key not in ("$ref", "allOf")}
        parts = [part for part in schema.get("allOf", ()) if part is not True]
        if "$ref" in schema:
            parts.append(self._target(schema["$ref"]))
        for part in parts:
            merged = _merged(merged, self._resolved(part, depth + 1))
        return merged

    def _target(self, ref: str) -> Any:
        """What a `$ref` inside this document points to."""
        if not ref.startswith("#"):
            raise ConstraintError(f"echo reads `$ref` within a schema only, not {ref!r}")
        node = self._root
        for step in ref[1:].split("/")[1:]:
            key = step.replace("~1", "/").replace("~0", "~")
            try:
                node = node[int(key)] if isinstance(node, list) else node[key]
            except (KeyError, IndexError, ValueError, TypeError):
                raise ConstraintError(f"`$ref` {ref!r} points to nothing in this JSON schema") from None
        return node

    def _one_of(self, schema: dict[str, Any], options: list[Any], depth: int) -> Any:
        """A value of one alternative, another one tried where the first has no end."""
        rest = {key: value for key, value in schema.items() if key not in ("anyOf", "oneOf")}
        order = self._rng.sample(options, len(options))
        if depth >= SHALLOW:
            order.sort(key=_is_nested)  # stable: what ends soon goes first
        error = TooDeep("a JSON schema offers no alternative")
        for option in order:
            try:
                whole = rest if option is True else _merged(rest, self._resolved(option, depth + 1))
                return self._value(whole, depth + 1)
            except TooDeep as deeper:
                error = deeper
        raise error

    # --- types -----------------------------------------------------------------------------------------------

    def _typed(self, schema: dict[str, Any], depth: int) -> Any:
        kind = schema.get("type") or next((kind for kind, keys in _IMPLIED if keys & schema.keys()), "null")
        if isinstance(kind, list):
            kind = self._rng.choice(kind)
        match kind:
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, depth)
            case "string":
                return _string(schema, self._rng)
            case "integer":
                return _integer(schema, self._rng)
            case "number":
                return _number(schema, self._rng)
            case "boolean":
                return self._rng.random() < 0.5
            case "null":
                return None
            case _:
                raise ConstraintError(f"a JSON schema has no type {kind!r}")

    def _object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        required: list[str] = schema.get("required", [])
        low, high = schema.get("minProperties", 0), schema.get("maxProperties", math.inf)
        inner = schema.get("properties", {})
        names = self._listed(list(inner), required, high, depth)
        extra = schema.get("additionalProperties", True)
        names += [name for name in required if name not in names]
        if extra is not False:
            wanted = self._rng.randint(0, 2) if isinstance(extra, dict) and depth < SHALLOW else 0
            names = self._filled(names, inner, low, min(high, len(names) + wanted))
        if not low <= len(names) <= high:
            raise ConstraintError(f"echo finds {len(names)} properties where the JSON schema wants {low} to {high}")
        return {name: self._value(inner.get(name, extra), depth + 1) for name in names}

    def _listed(self, names: list[str], required: list[str], high: float, depth: int) -> list[str]:
        """Which of the listed properties to write, in the schema's order: the required and, higher up, most others."""
        room = high - len(required)
        chosen = []
        for name in names:
            is_extra = name not in required
            if is_extra and (depth >= SHALLOW or room < 1 or self._rng.random() < 0.3):
                continue
            room -= is_extra
            chosen.append(name)
        return chosen

    def _filled(self, names: list[str], listed: dict[str, Any], low: int, wanted: float) -> list[str]:
        """`names` with words behind them until there are `low`, or `wanted`."""
        words = [word for word in self._rng.sample(WORDS, len(WORDS)) if word not in names and word not in listed]
        return names + words[: int(max(low, wanted)) - len(names)]

    def _array(self, schema: dict[str, Any], depth: int) -> list[Any]:
        first, rest = schema.get("prefixItems", []), schema.get("items", True)
        low, high = schema.get("minItems", 0), schema.get("maxItems", math.inf)
        least = max(low, min(len(first), high))
        most = least if rest is False or depth >= SHALLOW else min(high, least + 2)
        values: list[Any] = []
        for index in range(self._rng.randint(int(least), int(max(least, most)))):
            value = self._item(first[index] if index < len(first) else rest, values, schema, depth)
            if value is values:  # no further one is different
                break
            values.append(value)
        if len(values) < low:
            raise ConstraintError(f"echo finds {len(values)} different values where the JSON schema wants {low}")
        return values

    def _item(self, schema: Any, taken: list[Any], array: dict[str, Any], depth: int) -> Any:
        """A value of `schema`; where `array` wants different ones and none is found, `taken` itself."""
        is_unique = array.get("uniqueItems", False)
        for _ in range(64):
            value = self._value(schema, depth + 1)
            if not is_unique or value not in taken:
                return value
        return taken


def _check_keywords(schema: Any) -> None:
    if schema is False:
        raise ConstraintError("no value satisfies this JSON schema: a part of it is `false`")
    if not isinstance(schema, dict):
        raise ConstraintError(f"a JSON schema is an object or a boolean, not {schema!r}")
    if unknown := sorted(schema.keys() - KEYWORDS - ANNOTATIONS):
        raise ConstraintError(
            f"the echo backend does not know the JSON schema keyword {unknown[0]!r}",
            help="leave it out, or run this program on a backend that decodes under JSON schemas",
        )


def _merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Both schemas at once, where that is plain: keywords of one only, equal ones, and objects' parts."""
    merged = {**other, **one}
    for key in one.keys() & other.keys() - ANNOTATIONS:
        if key == "properties":
            merged[key] = {**other[key], **one[key]}
        elif key == "required":
            merged[key] = list(dict.fromkeys([*other[key], *one[key]]))
        elif one[key] != other[key]:
            raise ConstraintError(f"echo cannot join two JSON schemas that both set {key!r}")
    return merged


def _is_nested(schema: Any) -> bool:
    """Whether a value of `schema` may contain others."""
    if not isinstance(schema, dict):
        return False
    if schema.keys() & {"const", "enum"}:
        return False
    kind = schema.get("type", "object")
    return bool({"object", "array"} & set(kind if isinstance(kind, list) else (kind,)))


# --- strings and numbers ---------------------------------------------------------------------------------


def _string(schema: dict[str, Any], rng: random.Random) -> str:
    low, high = schema.get("minLength", 0), schema.get("maxLength", math.inf)
    if name := schema.get("format"):
        return _formatted(name, low, high, rng)
    text = " ".join(rng.sample(WORDS, rng.randint(1, 2)))
    while len(text) < low:
        text += " " + rng.choice(WORDS)
    return text if len(text) <= high else text[: int(high)]


def _formatted(name: str, low: int, high: float, rng: random.Random) -> str:
    fitting = [text for text in FORMATS.get(name, ()) if low <= len(text) <= high]
    if not fitting:
        raise ConstraintError(
            f"the echo backend has no text of JSON schema format {name!r} with {low} to {high} characters",
            help="its formats are " + ", ".join(FORMATS),
        )
    return rng.choice(fitting)


def _integer(schema: dict[str, Any], rng: random.Random) -> int:
    every = schema.get("multipleOf", 1)
    if every != int(every):
        raise ConstraintError(f"echo draws integers that are multiples of integers, not of {every}")
    return int(_multiple(schema, int(every), rng))


def _number(schema: dict[str, Any], rng: random.Random) -> float:
    if every := schema.get("multipleOf"):
        return round(float(_multiple(schema, every, rng)), 9)
    low, high = _bounds(schema, 1)
    value = round(low + (high - low) * rng.uniform(0.25, 0.75), 2)
    return value if low < value < high else low + (high - low) / 2


def _multiple(schema: dict[str, Any], every: float, rng: random.Random) -> float:
    """A multiple of `every` within the schema's bounds."""
    low, high = _bounds(schema, every)
    fewest, most = math.ceil(low / every), math.floor(high / every)
    fewest += fewest * every <= schema.get("exclusiveMinimum", -math.inf)
    most -= most * every >= schema.get("exclusiveMaximum", math.inf)
    if fewest > most:
        raise ConstraintError(f"echo finds no multiple of {every} from {low} to {high}, as this JSON schema wants")
    return rng.randint(fewest, most) * every


def _bounds(schema: dict[str, Any], every: float) -> tuple[float, float]:
    """Where to look for a number: between the bounds, exclusive ones included, at most a hundred steps wide."""
    low = max(schema.get("minimum", -math.inf), schema.get("exclusiveMinimum", -math.inf))
    high = min(schema.get("maximum", math.inf), schema.get("exclusiveMaximum", math.inf))
    if low > high:
        raise ConstraintError(f"no number is at least {low} and at most {high}, as this JSON schema wants")
    width = 100 * max(1, every)
    if low == -math.inf:
        low = 0 if high > 0 else high - width
    return low, min(high, low + width)
