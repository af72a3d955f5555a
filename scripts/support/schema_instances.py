"""Instances of a JSON schema that aim at its borders, and others that miss it by little; whoever asks judges them.

They are made from the schema's own words: a bound and what is next to it, exactly what is required and one less, both
branches of a union, names that begin alike, long numbers, strings that need escapes. None of our sets is asked.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any  # any JSON value

from lmc.ir.automaton.dfa import CharDfa
from lmc.ir.constraint import JsonSchema
from lmc.ir.json_schema.references import References
from lmc.ir.json_schema.source import SchemaSource
from lmc.ir.json_schema.strings import search

DEPTH = 6
STRINGS = ("", "a", "ab", 'say "hi"\\\n', "São", "日本", "\u0001\x7f", "😀x", "null", "1")
NUMBERS = (0, 1, -1, 2.5, 10**30 + 1, 0.1, 7)
FORMATS = {
    "date": ("2024-02-29", "1999-12-31"), "date-time": ("2024-02-29T23:59:59Z", "2020-01-01T00:00:00.123+01:00"),
    "time": ("12:00:00Z",), "email": ("a.b@c.de",), "uri": ("http://a.b/c?d=e#f", "http://x"),
    "uuid": ("0" * 8 + "-0000" * 3 + "-" + "f" * 12,),
    "ipv4": ("1.2.3.4", "255.255.255.255"), "ipv6": ("::1", "1:2:3:4:5:6:7:8"), "hostname": ("a.b-c.de",),
    "duration": ("P1DT2H",),
}  # fmt: skip


class Instances:
    """Makes instances of one schema."""

    def __init__(self, schema: JsonSchema, rng: random.Random) -> None:
        self.schema = schema
        self.rng = rng
        self._references = References(schema.schema)

    def near(self) -> Any:
        """An instance that is often valid."""
        return self._of(SchemaSource(self.schema.schema, "#", self._references.root.base), 0)

    def missing(self, value: Any) -> Any:
        """A value that differs in one place."""
        if isinstance(value, dict) and value and self.rng.random() < 0.7:
            name = self.rng.choice(list(value))
            if self.rng.random() < 0.3:
                return {key: each for key, each in value.items() if key != name}
            return {**value, name: self.missing(value[name])}
        if isinstance(value, dict) and self.rng.random() < 0.5:
            return {**value, self.rng.choice(("x", "x-y", "zz", *value)) + "s": self._scalar()}
        if isinstance(value, list) and value and self.rng.random() < 0.7:
            at = self.rng.randrange(len(value))
            ways = (
                value[:at] + value[at + 1 :],
                [*value, value[at]],
                [*value[:at], self.missing(value[at]), *value[at + 1 :]],
            )
            return self.rng.choice(ways)
        return self._scalar()

    def _scalar(self) -> Any:
        return self.rng.choice((None, True, False, *NUMBERS, *STRINGS, [], {}))

    # --- by the schema's words -------------------------------------------------------------------------------

    def _of(self, source: SchemaSource, depth: int) -> Any:
        merged = self._merged(source, depth)
        if merged is None or depth > DEPTH:
            return self._scalar()
        schema = merged.schema
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self.rng.choice(schema["enum"])
        makers: dict[str, Callable[[SchemaSource, int], Any]] = {
            "object": self._object, "array": self._array, "string": self._string, "number": self._number,
            "integer": self._number, "boolean": lambda s, d: self.rng.random() < 0.5, "null": lambda s, d: None,
        }  # fmt: skip
        kinds = schema.get("type", _kinds(schema))
        kind = self.rng.choice(kinds) if isinstance(kinds, list) else kinds
        return makers[kind](merged, depth) if kind else self._scalar()

    def _merged(self, source: SchemaSource, depth: int, seen: int = 0) -> SchemaSource | None:
        """The schema with what applies to the same value in it, one branch of each union."""
        schema = source.schema
        if not isinstance(schema, dict) or seen > 20:
            return None
        found = dict(schema)
        for each in self._beside(source):
            inner = self._merged(each, depth, seen + 1)
            if inner is not None:
                found = _both(found, inner.schema)
        return source.with_schema(found, source.place)

    def _beside(self, source: SchemaSource) -> list[SchemaSource]:
        schema = source.schema
        found = list(source.each("allOf"))
        for keyword in ("$ref", "$dynamicRef"):
            if keyword in schema and (target := self._references.resolve(schema[keyword], source.base)):
                found.append(SchemaSource(target.schema, target.place, target.base))
        found += [self.rng.choice(source.each(key)) for key in ("anyOf", "oneOf") if key in schema]
        if "if" in schema:
            key = self.rng.choice(("then", "else"))
            found += [source.at("if")] if key == "then" else []
            found += [source.at(key)] if key in schema else []
        return found

    def _object(self, source: SchemaSource, depth: int) -> dict[str, Any]:
        schema = source.schema
        names = list(schema.get("properties", {}))
        wanted = set(schema.get("required", ()))
        share = self.rng.choice((0.0, 0.2, 1.0 if depth < 2 else 0.3))
        wanted |= {name for name in names if self.rng.random() < share}
        for name, others in schema.get("dependentRequired", {}).items():
            wanted |= set(others) if name in wanted else set()
        order = sorted(wanted, key=lambda name: (names.index(name) if name in names else len(names), name))
        found = {
            name: self._of(source.at("properties", name), depth + 1) if name in names else self._scalar()
            for name in order
        }
        for pattern in schema.get("patternProperties", ()):
            if self.rng.random() < 0.5:
                found[self._matching(pattern)] = self._of(source.at("patternProperties", pattern), depth + 1)
        if isinstance(schema.get("additionalProperties"), dict) and self.rng.random() < 0.5:
            name = self.rng.choice(("x", "zz", "É", 'q"', *(name + "s" for name in names[:3])))
            found.setdefault(name, self._of(source.at("additionalProperties"), depth + 1))
        while len(found) < schema.get("minProperties", 0) and len(found) < 20:
            found[f"n{len(found)}"] = self._scalar()
        return found

    def _array(self, source: SchemaSource, depth: int) -> list[Any]:
        schema = source.schema
        low = int(schema.get("minItems", 0))
        high = min(int(schema.get("maxItems", low + 2)), low + 3)
        count = self.rng.choice((low, min(low + 1, high), high))
        found = []
        for at in range(count):
            if at < len(schema.get("prefixItems", ())):
                found.append(self._of(source.at("prefixItems", str(at)), depth + 1))
            else:
                found.append(self._of(source.at("items"), depth + 1) if "items" in schema else self._scalar())
        return found

    def _string(self, source: SchemaSource, depth: int) -> str:
        schema = source.schema
        if "pattern" in schema:
            return self._matching(schema["pattern"], schema.get("minLength", 0), schema.get("maxLength"))
        if schema.get("format") in FORMATS:
            return self.rng.choice(FORMATS[schema["format"]])
        low, high = int(schema.get("minLength", 0)), schema.get("maxLength")
        fits = [text for text in STRINGS if low <= len(text) and (high is None or len(text) <= high)]
        border = [low, low + 1, low - 1] + ([int(high), int(high) + 1] if high is not None and high < 3000 else [])
        lengths = [n for n in border if n >= 0]
        return self.rng.choice((*fits, "é" * self.rng.choice(lengths), "x" * self.rng.choice(lengths)))

    def _number(self, source: SchemaSource, depth: int) -> int | float:
        schema = source.schema
        bounds = [
            schema[key] for key in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum") if key in schema
        ]
        near = [bound + step for bound in bounds for step in (0, 1, -1)]
        step = schema.get("multipleOf")
        near += [step, 3 * step, 0] if step is not None else []
        return self.rng.choice([*near, *NUMBERS] if not near else [*near, near[0], self.rng.choice(NUMBERS)])

    def _matching(self, pattern: str, low: int = 0, high: int | None = None) -> str:
        """A string in which a pattern is found."""
        tree = self.schema.patterns.get(pattern)
        if tree is None or isinstance(tree, str):
            return self.rng.choice(STRINGS)
        dfa, text = CharDfa(search(tree)), ""
        state = dfa.start
        for _ in range(min(60, 60 if high is None else int(high))):
            if dfa.is_accepting(state) and len(text) >= low and self.rng.random() < 0.4:
                break
            ways = dfa.moves(state)
            if not ways:
                break
            mask, state = self.rng.choice(ways)
            lo, hi = self.rng.choice(dfa.alphabet.ranges(mask))
            text += chr(self.rng.choice((lo, hi, self.rng.randint(lo, hi))))
        return "".join(char for char in text if not 0xD800 <= ord(char) < 0xE000)


def _kinds(schema: dict[str, Any]) -> str | None:
    about = {
        "object": ("properties", "required", "additionalProperties", "patternProperties"),
        "array": ("items", "prefixItems"), "string": ("pattern", "minLength", "format"),
        "number": ("minimum", "maximum", "multipleOf"),
    }  # fmt: skip
    return next((kind for kind, keys in about.items() if any(key in schema for key in keys)), None)


def _both(a: dict[str, Any], b: dict[str, Any]) -> dict[str, Any]:
    found = {**b, **a}
    for key in ("properties", "patternProperties"):
        if key in a and key in b:
            inner = {**b[key], **a[key]}
            for name in set(a[key]) & set(b[key]):
                if isinstance(a[key][name], dict) and isinstance(b[key][name], dict):
                    inner[name] = _both(b[key][name], a[key][name]) if "$ref" not in b[key][name] else b[key][name]
            found[key] = inner
    if "required" in a and "required" in b:
        found["required"] = list(dict.fromkeys((*a["required"], *b["required"])))
    for key in ("minimum", "minLength", "minItems", "minProperties"):
        if key in a and key in b:
            found[key] = max(a[key], b[key])
    return found
