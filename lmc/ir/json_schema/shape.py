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
from dataclasses import dataclass, field, replace

from lmc.giving_way import give_way
from lmc.ir.json_schema.exact import read_json
from lmc.ir.json_schema.findings import Finding, NotRegular
from lmc.ir.json_schema.finite import finite
from lmc.ir.json_schema.keywords import Json
from lmc.ir.json_schema.references import References
from lmc.ir.json_schema.source import SchemaSource, is_container, referenced, value_schema, values_of
from lmc.ir.json_schema.strings import search
from lmc.ir.json_schema.trees import alt
from lmc.ir.json_schema.unions import Exclusion, exclusion
from lmc.ir.json_schema.vacancy import Vacancy
from lmc.ir.regex import RegexTree
from lmc.ir.work import steps

DEPTH = 4  # objects and arrays within one another where a schema says nothing about them
MAX_SHAPES = 1000
MAX_SHARED = 20_000
MAX_ITEMS = 100
MAX_LISTED = 64
MAX_MATCHED = 24  # names of patterns: each is a place of its own

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

    @property
    def is_bare(self) -> bool:
        """Whether nothing is said of what is within a value."""
        return not (self.names or self.items or self.apart) and self.others is None and self.rest is None


@dataclass(slots=True)
class Shapes:
    """Makes shapes of one document; `canonical` turns True where a complement is met: then a value has one text.

    shared       whether places that the same schemas look at are one: then a shape may hold itself
    patterns     what the patterns of names match
    is_closed    whether properties that are not told have no place
    tells_apart  whether properties that are counted are told apart by their names
    """

    references: References
    vacancy: Vacancy
    shared: bool = False
    patterns: Mapping[str, RegexTree | str] = field(default_factory=dict)
    is_closed: bool = False
    tells_apart: bool = False
    canonical: bool = False
    count: int = 0
    _known: dict[frozenset[tuple[object, str, bool]], Shape] = field(default_factory=dict)
    _written: dict[int, Json] = field(default_factory=dict)  # by identity of the value, whose parts it holds
    _texts: dict[str, Json] = field(default_factory=dict)
    _parts: dict[int, Json] = field(default_factory=dict)
    _lists: dict[str, list[str]] = field(default_factory=dict)
    _exclusions: dict[tuple[int, ...], tuple[SchemaSource, Exclusion]] = field(default_factory=dict)

    def shape(self, sources: list[SchemaSource]) -> Shape:
        """The shape of a place that all of these schemas look at. Raises NotRegular, SchemaError."""
        steps(4 * len(sources))
        if self.shared:
            sources = [replace(each, through=frozenset()) if each.through else each for each in sources]
            key = frozenset(map(_identity, sources))
            if key in self._known:
                return self._known[key]
            shape = self._known[key] = Shape()
            return self._fill(shape, sources)
        return self._fill(Shape(), sources)

    def _fill(self, shape: Shape, sources: list[SchemaSource]) -> Shape:
        give_way()
        self.count += 1
        limit = MAX_SHARED if self.shared else MAX_SHAPES
        if self.count > limit:
            raise NotRegular(Finding("#", "$ref", "exact", f"the schema describes more than {limit:,} places"))
        flat = [each for source in sources for each in self.flat(source)]
        self.canonical = self.canonical or any(not each.positive or each.schema.get("uniqueItems") for each in flat)
        self._names_of(flat, shape)
        self._members(flat, shape)
        self._items(flat, shape)
        return shape

    def written(self, value: Json) -> Json:
        """The schema of one object or array."""
        found = self._written.get(id(value))
        if found is None:
            found = self._written[id(value)] = value_schema(value)
            inner = found["properties"].values() if isinstance(value, dict) else found["prefixItems"]
            self._parts.update((id(each), each) for each in (found, *inner))
        return found

    def of_text(self, text: str) -> Json:
        """The schema of one value that is neither an object nor an array."""
        found = self._texts.get(text)
        if found is None:
            found = self._texts[text] = {"const": read_json(text)}
            self._parts[id(found)] = found
        return found

    def is_written(self, source: SchemaSource) -> bool:
        """Whether a schema is that of a value, or of a part of one."""
        return id(source.schema) in self._parts

    def flat(self, source: SchemaSource) -> Iterator[SchemaSource]:
        """The schema and all that apply to the same value through it, objects alone."""
        schema = source.schema
        if not isinstance(schema, dict):
            return
        steps()
        yield source
        for _, value in values_of(source):
            if is_container(value):
                yield source.with_schema(self.written(value), source.place)
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
        if "oneOf" in schema:
            yield from source.each("oneOf", positive=self.exclusion(source).is_plain)
        yield from source.each("dependentSchemas")
        if "not" in schema:
            yield source.at("not", positive=False)
        if "if" in schema:
            yield source.at("if", positive=False)
            yield from (source.at(keyword) for keyword in ("then", "else") if keyword in schema)

    def exclusion(self, source: SchemaSource) -> Exclusion:
        """How the branches of the schema's `oneOf` exclude each other, where it stands."""
        key = (*(id(each.schema) for each in source.around), id(source.schema))
        if key not in self._exclusions:
            # the source is kept: no other schema has its identity as long as it is there
            self._exclusions[key] = (source, exclusion(source, self.vacancy))
        return self._exclusions[key][1]

    def _members(self, flat: list[SchemaSource], shape: Shape) -> None:
        everywhere = [each.at(keyword) for each in flat for keyword in EVERYWHERE if keyword in each.schema]
        everywhere += [inner for each in flat for inner in each.each("patternProperties")]
        by_name: dict[str, list[SchemaSource]] = {}
        for each in flat:
            # told twice, it is one place all the same
            for name in dict.fromkeys((*_names(each.schema), *self._listed(each))):
                inner = each.schema.get("properties", {})
                by_name.setdefault(name, []).extend([each.at("properties", name)] if name in inner else [])
        # in place: what is within may be this very shape
        for name, own in by_name.items():
            shape.names[name] = self.shape(own + everywhere)
        shape.others = self.shape(everywhere) if _say_something(everywhere) else None

    def _listed(self, source: SchemaSource) -> list[str]:
        """The names that `propertyNames` and patterns list, so that none of them comes twice; not those of too many."""
        found = [name for text in source.schema.get("patternProperties", ()) for name in self._matched(text)]
        found = found if len(found) <= MAX_MATCHED else []
        if "propertyNames" in source.schema:
            values = [value for each in self.flat(source.at("propertyNames")) for _, value in values_of(each)]
            names = list(dict.fromkeys(value for value in values if isinstance(value, str)))
            found += names if len(names) <= MAX_LISTED else []
        return found

    def _matched(self, pattern: str) -> list[str]:
        """The names that a pattern matches, as `^(red|green)$` does; none where they are too many."""
        if pattern not in self._lists:
            tree = self.patterns.get(pattern)
            names = None if tree is None or isinstance(tree, str) else finite(search(tree), MAX_MATCHED)
            self._lists[pattern] = sorted(names or [])
        return self._lists[pattern]

    def _names_of(self, flat: list[SchemaSource], shape: Shape) -> None:
        """What is known of the properties that no schema names."""
        told = [each.schema for each in flat if each.positive]
        shape.place = flat[0].place if flat else "#"
        shape.is_told = any(keyword in schema for schema in told for keyword in EVERYWHERE)
        shape.free = self._free(told)
        shape.counted = tuple((each.place, keyword) for each in flat for keyword in _counted(each))
        shape.apart = self.tells_apart and bool(shape.counted)

    def _free(self, told: list[dict[str, Json]]) -> RegexTree | None:
        """The names of properties that no schema of a place names, and some schema tells."""
        if not self.is_closed or any(schema.get(each, False) is not False for schema in told for each in EVERYWHERE):
            return None
        patterns = [self.patterns.get(text) for schema in told for text in schema.get("patternProperties", ())]
        # of one that has no tree the lowering says so
        return alt(search(tree) for tree in patterns if tree is not None and not isinstance(tree, str))

    def _items(self, flat: list[SchemaSource], shape: Shape) -> None:
        longest = max((len(each.schema.get("prefixItems", ())) for each in flat), default=0)
        if longest > MAX_ITEMS:
            raise NotRegular(Finding("#", "prefixItems", "exact", f"more than {MAX_ITEMS} items are described"))
        anywhere = [each.at(key) for each in flat for key in ("items", "unevaluatedItems") if key in each.schema]
        for each in flat:
            if "contains" in each.schema:
                anywhere.append(each.at("contains", positive="maxContains" not in each.schema))
        first = [each.each("prefixItems") for each in flat]
        shape.items += (self.shape([own[at] for own in first if at < len(own)] + anywhere) for at in range(longest))
        shape.rest = self.shape(anywhere) if _say_something(anywhere) else None


def _identity(source: SchemaSource) -> tuple[object, str, bool]:
    schema = source.schema
    return (id(schema) if isinstance(schema, dict) else None, source.base, source.positive)


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
