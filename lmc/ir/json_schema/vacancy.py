"""Where plainly no value satisfies all of some schemas, kind by kind, by what the schemas say on their face.

What is not plain is left: a kind that is named may be empty all the same, one that is not named is empty for sure.
Types, values by name, bounds, properties that are required and cannot be there, and all of that again for the values of
required properties; through references, `allOf`, and each way through `anyOf` and `oneOf`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from lmc.errors import ConstraintError
from lmc.ir.automaton.dfa import CharDfa
from lmc.ir.json_schema.equality import canonical, kind_of
from lmc.ir.json_schema.keywords import Json
from lmc.ir.json_schema.numbers import decimal, is_multiple
from lmc.ir.json_schema.references import References
from lmc.ir.json_schema.source import SchemaSource
from lmc.ir.json_schema.strings import search
from lmc.ir.regex import RegexTree
from lmc.ir.work import steps

FineKind = Literal["null", "boolean", "integer", "fraction", "string", "array", "object"]
FINE_KINDS: frozenset[FineKind] = frozenset(
    ("null", "boolean", "integer", "fraction", "string", "array", "object")  # a number is one of two kinds
)
ONE = Decimal(1)
MAX_STEPS = 20_000  # schemas looked at for one question
MAX_DEPTH = 4  # properties within one another
MAX_WAYS = 32  # branches of a union that are gone through
MAX_ITEMS = 8

_ABOUT: Mapping[str, frozenset[FineKind]] = {
    **dict.fromkeys(("minLength", "maxLength", "pattern", "format"), frozenset[FineKind](("string",))),
    **dict.fromkeys(
        ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
        frozenset[FineKind](("integer", "fraction")),
    ),
    **dict.fromkeys(
        ("items", "prefixItems", "minItems", "maxItems", "contains", "uniqueItems", "unevaluatedItems"),
        frozenset[FineKind](("array",)),
    ),
    **dict.fromkeys(
        ("properties", "required", "additionalProperties", "patternProperties", "propertyNames", "minProperties",
         "maxProperties", "dependentRequired", "dependentSchemas", "unevaluatedProperties"),
        frozenset[FineKind](("object",)),
    ),
}  # fmt: skip


class Unclear(Exception):
    """The question took more than MAX_STEPS."""


@dataclass(slots=True)
class Vacancy:
    """Questions about the schemas of one document."""

    references: References
    patterns: Mapping[str, RegexTree | str]
    steps: int = 0
    _automata: dict[str, CharDfa | None] = field(default_factory=dict)
    _named: dict[int, tuple[dict[str, Json], dict[str, Json] | None]] = field(default_factory=dict)

    def left(
        self, sources: Iterable[SchemaSource], depth: int = 0, spent: frozenset[int] = frozenset()
    ) -> frozenset[FineKind]:
        """The kinds in which some value may satisfy all of the schemas. Raises Unclear."""
        flat = self.flat(sources)
        if flat is None:
            return frozenset()
        kinds = FINE_KINDS.intersection(*(types_of(each.schema) for each in flat))
        values = self.named_in(flat)
        if values is not None:
            kinds &= {fine_kind(value) for value in values if not any(self.breaks(value, each) for each in flat)}
        for each in flat:
            kinds -= self.silent(each.at("not")) if kinds and "not" in each.schema else frozenset()
        kinds -= _out_of_bounds(flat)
        if "array" in kinds and not self._has_array(flat, depth):
            kinds -= {"array"}
        if "object" in kinds and not self._has_object(flat, depth):
            kinds -= {"object"}
        return self._through_unions(kinds, flat, depth, spent)

    def flat(self, sources: Iterable[SchemaSource]) -> list[SchemaSource] | None:
        """The schemas and all that they refer to or hold in `allOf`, objects alone; None where one is `false`."""
        found: list[SchemaSource] = []
        seen: set[int] = set()
        todo = list(sources)
        while todo:
            source = todo.pop()
            schema = source.schema
            if not isinstance(schema, dict):
                if not schema:
                    return None
                continue
            if id(schema) in seen:
                continue
            self.steps += 1
            steps(2)
            if self.steps > MAX_STEPS:
                raise Unclear
            seen.add(id(schema))
            found.append(source)
            todo += [*source.each("allOf"), *self._targets(source)]
        return found

    def _targets(self, source: SchemaSource) -> Iterator[SchemaSource]:
        for keyword in ("$ref", "$dynamicRef"):
            reference = source.schema.get(keyword)
            if isinstance(reference, str):
                find = self.references.dynamic if keyword == "$dynamicRef" else self.references.resolve
                target = find(reference, source.base)
                if target is not None:
                    yield SchemaSource(target.schema, target.place, target.base)

    def silent(self, source: SchemaSource) -> frozenset[FineKind]:
        """The kinds of which a schema accepts every value, for sure. Raises Unclear."""
        flat = self.flat([source])
        if flat is None:
            return frozenset()
        found = FINE_KINDS
        for schema in (each.schema for each in flat):
            found &= types_of(schema)
            found = found.difference(*(about for keyword, about in _ABOUT.items() if keyword in schema))
            if any(keyword in schema for keyword in ("const", "enum", "anyOf", "oneOf", "not", "if")):
                return frozenset()
        # a reference that was not followed says something unknown
        return frozenset() if any(len(list(self._targets(each))) < _num_references(each) for each in flat) else found

    # --- unions ----------------------------------------------------------------------------------------------

    def _through_unions(
        self, kinds: frozenset[FineKind], flat: list[SchemaSource], depth: int, spent: frozenset[int]
    ) -> frozenset[FineKind]:
        """What is left of the kinds where each way through a union of the schemas is gone."""
        for source in flat:
            for keyword in ("anyOf", "oneOf"):
                branches = source.schema.get(keyword)
                if not kinds or branches is None or id(branches) in spent or len(branches) > MAX_WAYS:
                    continue
                spent |= {id(branches)}
                ways: frozenset[FineKind] = frozenset()
                for each in source.each(keyword):
                    if ways >= kinds:
                        break
                    ways |= self.left([*flat, each], depth, spent)
                kinds &= ways
        return kinds

    # --- objects and arrays ----------------------------------------------------------------------------------

    def _has_object(self, flat: list[SchemaSource], depth: int) -> bool:
        required = required_of(flat)
        if required & _absent(flat):
            return False
        most = [each.schema["maxProperties"] for each in flat if "maxProperties" in each.schema]
        if most and min(most) < len(required):
            return False
        return depth >= MAX_DEPTH or all(self._may_have(name, flat, depth) for name in sorted(required))

    def _may_have(self, name: str, flat: list[SchemaSource], depth: int) -> bool:
        told = members(flat, name)
        return not told or bool(self.left(told, depth + 1))

    def _has_array(self, flat: list[SchemaSource], depth: int) -> bool:
        least = int(max((each.schema.get("minItems", 0) for each in flat), default=0))
        most = [each.schema["maxItems"] for each in flat if "maxItems" in each.schema]
        if most and min(most) < least:
            return False
        return depth >= MAX_DEPTH or all(
            self.left(told, depth + 1) for at in range(min(least, MAX_ITEMS)) if (told := _items(flat, at))
        )

    # --- values ----------------------------------------------------------------------------------------------

    def breaks(self, value: Json, source: SchemaSource, depth: int = 0) -> bool:
        """Whether a value is plainly not accepted. Raises Unclear."""
        flat = self.flat([source])
        if flat is None:
            return True
        return depth <= MAX_DEPTH and any(self._breaks_one(value, each, depth) for each in flat)

    def _breaks_one(self, value: Json, source: SchemaSource, depth: int) -> bool:
        schema = source.schema
        if fine_kind(value) not in types_of(schema):
            return True
        named = self._named_by(schema)
        if named is not None and canonical(value) not in named:
            return True
        if isinstance(denied := schema.get("not"), dict) and set(denied) <= {"const", "enum"}:
            named = self._named_by(denied)
            if named is not None and canonical(value) in named:
                return True
        if any(all(self.breaks(value, each, depth + 1) for each in source.each(key))
               for key in ("anyOf", "oneOf") if key in schema):  # fmt: skip
            return True
        match value:
            case bool() | None:
                return False
            case str():
                return not _is_within(len(value), schema, "minLength", "maxLength") or not self._is_found(schema, value)
            case list():
                return not _is_within(len(value), schema, "minItems", "maxItems")
            case dict():
                return self._breaks_object(value, source, depth)
            case _:
                return bool(_out_of_bounds([source, _exactly(source, value)]) & {"integer"})

    def named_in(self, flat: list[SchemaSource]) -> list[Json] | None:
        """The values that `const` and `enum` of some schemas leave; None where none is there."""
        found: dict[str, Json] | None = None
        for values in (self._named_by(each.schema) for each in flat):
            if found is None or values is None:
                found = values if found is None else found
            else:
                found = {text: value for text, value in found.items() if text in values}
        return None if found is None else list(found.values())

    def _named_by(self, schema: dict[str, Json]) -> dict[str, Json] | None:
        """The same of one schema by what is canonical: it may name hundreds and be asked of each."""
        known = self._named.get(id(schema))
        if known is None:
            found: dict[str, Json] | None = None
            for keyword in ("const", "enum"):
                if keyword in schema:
                    values = {canonical(v): v for v in ([schema["const"]] if keyword == "const" else schema["enum"])}
                    found = values if found is None else {text: v for text, v in found.items() if text in values}
            known = self._named[id(schema)] = schema, found  # kept with it, as its number would be another's
        return known[1]

    def _is_found(self, schema: dict[str, Json], text: str) -> bool:
        """Whether a text may have the pattern and the format of a schema; also where that is not known."""
        asked = [(schema["pattern"], True)] if "pattern" in schema else []
        if "format" in schema:
            kind = "wide" if f"wide:{schema['format']}" in self.patterns else "format"
            asked.append((f"{kind}:{schema['format']}", False))
        return all(self._matches(key, text, anywhere) for key, anywhere in asked)

    def _matches(self, key: str, text: str, anywhere: bool) -> bool:
        if key not in self._automata:
            tree = self.patterns.get(key)
            if tree is None or isinstance(tree, str):
                self._automata[key] = None
            else:
                self._automata[key] = CharDfa(search(tree) if anywhere else tree)
        automaton = self._automata[key]
        try:
            return automaton is None or automaton.accepts(text)
        except ConstraintError:  # it is too large
            return True

    def _breaks_object(self, value: dict[str, Json], source: SchemaSource, depth: int) -> bool:
        schema = source.schema
        if not set(schema.get("required", ())) <= value.keys():
            return True
        if not _is_within(len(value), schema, "minProperties", "maxProperties"):
            return True
        return any(self.breaks(inner, each, depth + 1) for name in value for inner in (value[name],)
                   for each in members([source], name))  # fmt: skip


def fine_kind(value: Json) -> FineKind:
    """The kind of a value; a number without a fraction is an integer, as 1.0 is."""
    kind = kind_of(value)
    if kind == "number":
        return "integer" if is_multiple(decimal(value), ONE) else "fraction"
    return kind


def types_of(schema: dict[str, Json]) -> frozenset[FineKind]:
    """The kinds that `type` and its value allow."""
    if "type" not in schema:
        return FINE_KINDS
    types = schema["type"]
    names = set(types if isinstance(types, list) else [types])
    return frozenset((names - {"number"}) | ({"integer", "fraction"} if "number" in names else set()))


def required_of(flat: list[SchemaSource]) -> set[str]:
    """The properties that an object of all the schemas has."""
    found = {name for each in flat for name in each.schema.get("required", ())}
    asked = [each.schema["dependentRequired"] for each in flat if "dependentRequired" in each.schema]
    while more := {name for each in asked for key in each if key in found for name in each[key]} - found:
        found |= more
    return found


def members(flat: list[SchemaSource], name: str) -> list[SchemaSource]:
    """What the schemas say of a property, as far as that is told by name or of every other."""
    found = []
    for each in flat:
        if name in each.schema.get("properties", ()):
            found.append(each.at("properties", name))
        elif "additionalProperties" in each.schema and "patternProperties" not in each.schema:
            found.append(each.at("additionalProperties"))
    return found


def _items(flat: list[SchemaSource], at: int) -> list[SchemaSource]:
    found = []
    for each in flat:
        if at < len(each.schema.get("prefixItems", ())):
            found.append(each.at("prefixItems", str(at)))
        elif "items" in each.schema:
            found.append(each.at("items"))
    return found


def _absent(flat: list[SchemaSource]) -> set[str]:
    """The properties that no object of all the schemas has, as `not: {required: [name]}` says."""
    denied = [each.schema["not"] for each in flat if isinstance(each.schema.get("not"), dict)]
    return {each["required"][0] for each in denied if list(each) == ["required"] and len(each["required"]) == 1}


def _is_within(count: int, schema: dict[str, Json], low: str, high: str) -> bool:
    return bool(schema.get(low, 0) <= count <= schema.get(high, count))


def _exactly(source: SchemaSource, value: Json) -> SchemaSource:
    return source.with_schema({"minimum": value, "maximum": value}, source.place)


def _out_of_bounds(flat: list[SchemaSource]) -> set[FineKind]:
    """The kinds that bounds leave nothing of."""
    found: set[FineKind] = set()
    lows = [each.schema["minLength"] for each in flat if "minLength" in each.schema]
    highs = [each.schema["maxLength"] for each in flat if "maxLength" in each.schema]
    if lows and highs and max(lows) > min(highs):
        found.add("string")
    # a bound and whether it is itself out: of equal ones the one that is out is tighter
    least = [(decimal(each.schema[key]), key == "exclusiveMinimum")
             for each in flat for key in ("minimum", "exclusiveMinimum") if key in each.schema]  # fmt: skip
    most = [(decimal(each.schema[key]), key == "maximum")
            for each in flat for key in ("maximum", "exclusiveMaximum") if key in each.schema]  # fmt: skip
    if least and most:
        (low, is_low_out), (high, is_high_in) = max(least), min(most)
        if low > high or (low == high and (is_low_out or not is_high_in)):
            found |= {"integer", "fraction"}
    return found


def _num_references(source: SchemaSource) -> int:
    return sum(keyword in source.schema for keyword in ("$ref", "$dynamicRef"))
