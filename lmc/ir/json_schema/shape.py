"""The universe of a schema: place by place, which JSON texts are looked at at all.

Within it a value has its properties in one order: those that the schema names anywhere, as it names them, then the
others. So each condition of a schema is a set of texts that is exact on this universe, and unions, intersections and
complements of conditions are exact as well. A value without a text here is one that cannot come out; what comes out
is never wrong.

No automaton remembers all names, so those of properties that are not told may repeat: a text in which one does is found
when it is complete. Where nobody looks at complete texts, and properties are counted or asked for by a complement, they
are told apart instead: at most one of each class of names, by its first letter, in one order.

A closed universe has only properties that a schema tells, by name or by a pattern of names: none beside them, unless
the schema says itself what further ones hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from lmc.ir.json_schema.findings import Finding, NotRegular
from lmc.ir.json_schema.keywords import Json
from lmc.ir.json_schema.references import References
from lmc.ir.json_schema.source import SchemaSource, is_container, referenced, value_schema, values_of
from lmc.ir.json_schema.strings import search
from lmc.ir.json_schema.trees import alt
from lmc.ir.json_schema.unions import are_disjoint
from lmc.ir.regex import RegexTree

DEPTH = 4  # objects and arrays within one another where a schema says nothing about them
MAX_SHAPES = 1000
MAX_ITEMS = 100

EVERYWHERE = ("additionalProperties", "unevaluatedProperties")
COUNTED = ("additionalProperties", "patternProperties", "unevaluatedProperties")


@dataclass(slots=True)
class Shape:
    """One place in a document. `others` and `rest` None: anything, up to DEPTH.

    names    the properties that are told by name, in order
    others   every other property
    items    the first items of an array
    rest     the further ones
    place    of a schema that looks at it
    is_told  whether a schema says what the other properties hold
    free     what their names may be; None: anything
    counted  keywords, by place, that ask more of the other properties than the same of each
    apart    whether the other properties have to be told apart
    """

    names: dict[str, Shape] = field(default_factory=dict)
    others: Shape | None = None
    items: list[Shape] = field(default_factory=list)
    rest: Shape | None = None
    place: str = "#"
    is_told: bool = True
    free: RegexTree | None = None
    counted: tuple[tuple[str, str], ...] = ()
    apart: bool = False


@dataclass(slots=True)
class Shapes:
    """Makes shapes of one document; `canonical` turns True where a complement is met: then a value has one text.

    patterns     what the patterns of names match
    is_closed    whether properties that are not told have no place
    tells_apart  whether properties that are counted are told apart by their names
    """

    references: References
    patterns: Mapping[str, RegexTree | str] = field(default_factory=dict)
    is_closed: bool = False
    tells_apart: bool = False
    canonical: bool = False
    count: int = 0

    def shape(self, sources: list[SchemaSource]) -> Shape:
        """The shape of a place that all of these schemas look at. Raises NotRegular, SchemaError."""
        self.count += 1
        if self.count > MAX_SHAPES:
            raise NotRegular(Finding("#", "$ref", "exact", f"the schema describes more than {MAX_SHAPES:,} places"))
        flat = [each for source in sources for each in self.flat(source)]
        self.canonical = self.canonical or any(not each.positive or each.schema.get("uniqueItems") for each in flat)
        counted = tuple((each.place, keyword) for each in flat for keyword in _counted(each))
        apart = self.tells_apart and bool(counted)
        told = [each.schema for each in flat if each.positive]
        is_told = any(keyword in schema for schema in told for keyword in EVERYWHERE)
        place = flat[0].place if flat else "#"
        parts = *self._members(flat), *self._items(flat)
        return Shape(*parts, place, is_told, self._free(told), counted, apart)

    def flat(self, source: SchemaSource) -> Iterator[SchemaSource]:
        """The schema and all that apply to the same value through it, objects alone."""
        schema = source.schema
        if not isinstance(schema, dict):
            return
        yield source
        for _, value in values_of(source):
            if is_container(value):
                yield source.with_schema(value_schema(value), source.place)
        for each in self.beside(source):
            yield from self.flat(each)

    def beside(self, source: SchemaSource) -> Iterator[SchemaSource]:
        """The schemas right within one that apply to the same value."""
        schema = source.schema
        for keyword in ("$ref", "$dynamicRef"):
            if keyword in schema:
                yield referenced(source, keyword, self.references)
        yield from source.each("allOf")
        yield from source.each("anyOf")
        yield from source.each("oneOf", positive=self.is_exclusive(source))
        yield from source.each("dependentSchemas")
        if "not" in schema:
            yield source.at("not", positive=False)
        if "if" in schema:
            yield source.at("if", positive=False)
            yield from (source.at(keyword) for keyword in ("then", "else") if keyword in schema)

    def is_exclusive(self, source: SchemaSource) -> bool:
        """Whether no value satisfies two branches of `oneOf`, so that it means the same as `anyOf`."""
        return "oneOf" in source.schema and are_disjoint(source.each("oneOf"), self.references)

    def _members(self, flat: list[SchemaSource]) -> tuple[dict[str, Shape], Shape | None]:
        everywhere = [each.at(keyword) for each in flat for keyword in EVERYWHERE if keyword in each.schema]
        everywhere += [inner for each in flat for inner in each.each("patternProperties")]
        by_name: dict[str, list[SchemaSource]] = {}
        for each in flat:
            for name in dict.fromkeys(_names(each.schema)):  # told twice, it is one place all the same
                inner = each.schema.get("properties", {})
                by_name.setdefault(name, []).extend([each.at("properties", name)] if name in inner else [])
        names = {name: self.shape(own + everywhere) for name, own in by_name.items()}
        return names, self.shape(everywhere) if _say_something(everywhere) else None

    def _free(self, told: list[dict[str, Json]]) -> RegexTree | None:
        """The names of properties that no schema of a place names, and some schema tells."""
        if not self.is_closed or any(schema.get(each, False) is not False for schema in told for each in EVERYWHERE):
            return None
        patterns = [self.patterns.get(text) for schema in told for text in schema.get("patternProperties", ())]
        # of one that has no tree the lowering says so
        return alt(search(tree) for tree in patterns if tree is not None and not isinstance(tree, str))

    def _items(self, flat: list[SchemaSource]) -> tuple[list[Shape], Shape | None]:
        longest = max((len(each.schema.get("prefixItems", ())) for each in flat), default=0)
        if longest > MAX_ITEMS:
            raise NotRegular(Finding("#", "prefixItems", "exact", f"more than {MAX_ITEMS} items are described"))
        anywhere = [each.at(key) for each in flat for key in ("items", "unevaluatedItems") if key in each.schema]
        for each in flat:
            if "contains" in each.schema:
                anywhere.append(each.at("contains", positive="maxContains" not in each.schema))
        first = [each.each("prefixItems") for each in flat]
        items = [self.shape([own[at] for own in first if at < len(own)] + anywhere) for at in range(longest)]
        return items, self.shape(anywhere) if _say_something(anywhere) else None


def _say_something(sources: list[SchemaSource]) -> bool:
    return any(isinstance(each.schema, dict) for each in sources)


def _names(schema: dict[str, Json]) -> Iterator[str]:
    """The properties that a schema tells by name."""
    yield from schema.get("properties", ())
    yield from schema.get("required", ())
    yield from schema.get("dependentSchemas", ())
    for name, others in schema.get("dependentRequired", {}).items():
        yield from (name, *others)


def _counted(source: SchemaSource) -> list[str]:
    """Keywords of a schema that ask more of the further properties than the same of each."""
    schema = source.schema
    found = ["minProperties"] if schema.get("minProperties", 0) > 1 else []
    if not source.positive:
        found += ["maxProperties"] if schema.get("maxProperties", 0) > 0 else []
        found += [keyword for keyword in COUNTED if schema.get(keyword, False) is not False]
    return found
