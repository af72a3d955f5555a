"""A JSON schema as the tree of its texts, keyword by keyword; what is relaxed is found, what cannot be kept refused.

The texts are those of a universe (see `shape`) whose values the schema accepts: never one more.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property

from lmc.ir.automaton.algebra import literal
from lmc.ir.automaton.dfa import CharDfa
from lmc.ir.constraint import JsonSchema
from lmc.ir.json_schema.findings import SAYS_NOTHING, Finding, NotRegular, refuse
from lmc.ir.json_schema.keywords import ANNOTATIONS, DRAFTS, ENFORCED, OTHER_DRAFTS, UNENFORCED, Json
from lmc.ir.json_schema.membership import contains
from lmc.ir.json_schema.numbers import NoStep, Numbers, decimal, number_text
from lmc.ir.json_schema.references import References
from lmc.ir.json_schema.shape import DEPTH, Shape, Shapes
from lmc.ir.json_schema.source import Source, is_container, referenced, value_schema
from lmc.ir.json_schema.strings import Strings, search
from lmc.ir.json_schema.texts import Writer, characters
from lmc.ir.json_schema.trees import alt
from lmc.ir.json_schema.values import (
    KINDS,
    NOTHING,
    Arrays,
    Contains,
    Kind,
    Objects,
    Rule,
    Texts,
    Values,
    complement,
    everything,
    is_everything,
    join,
    meet,
    nothing,
    only,
    weight,
    where,
)  # fmt: skip
from lmc.ir.regex import Not, RegexTree

Handler = Callable[["Lowering", Source, Shape], Values]
APPLICATORS = ("$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "not", "if", "dependentSchemas")
MAX_CASES = 64
MAX_WEIGHT = 100_000  # descriptions of a set whose complement is asked for


@dataclass(frozen=True, slots=True)
class Lowered:
    """The texts of a schema, and what became of its keywords.

    values, shape   what it accepts, in a universe (see `shape`)
    """

    tree: RegexTree
    findings: tuple[Finding, ...]
    values: Values = field(repr=False)
    shape: Shape = field(repr=False)

    @property
    def may_be_number(self) -> bool:
        """Whether a number may come out: of all values they alone may be the begin of another."""
        return self.values["number"] != NOTHING

    def broken_by(self, text: str) -> Finding | None:
        """What a text of the tree breaks, of what is to be checked when it is complete; None where it is right."""
        checked = [finding for finding in self.findings if finding.verdict == "checked"]
        if not checked or contains(self.values, json.loads(text, parse_float=Decimal), self.shape):
            return None
        return checked[0]


def lower(schema: JsonSchema) -> Lowered:
    """The texts of a schema. Raises SchemaError where a keyword cannot be kept, NotRegular where it recurs."""
    return Lowering(schema).lowered()


@dataclass(slots=True)
class Evaluated:
    """Values that took one way through a schema, and the parts of them that it looked at.

    names, keys  properties by name and by tree of names; `all_names`: every one
    first        items from the begin; `all_items`: every one; `hits`: those in sets (one for each shape of items)
    """

    values: Values
    names: frozenset[str] = frozenset()
    keys: tuple[RegexTree, ...] = ()
    all_names: bool = False
    first: int = 0
    all_items: bool = False
    hits: tuple[tuple[Values, ...], ...] = ()

    def and_(self, other: Evaluated) -> Evaluated:
        """Both ways at once."""
        return Evaluated(
            meet(self.values, other.values),
            self.names | other.names,
            (*self.keys, *other.keys),
            self.all_names or other.all_names,
            max(self.first, other.first),
            self.all_items or other.all_items,
            (*self.hits, *other.hits),
        )


@dataclass
class Lowering:
    """One schema on its way to a tree."""

    whole: JsonSchema
    found: dict[tuple[str, str], Finding] = field(default_factory=dict)

    @cached_property
    def references(self) -> References:
        return References(self.whole.schema)

    @cached_property
    def shapes(self) -> Shapes:
        return Shapes(self.references)

    def lowered(self) -> Lowered:
        root = Source(self.whole.schema, "#", self.references.root.base)
        shape = self.shapes.shape([root])
        values = self.values(root, shape)
        writer = Writer(self.whole.spacing, self.shapes.canonical)
        tree = writer.value(values, shape)
        if writer.is_cut:
            why = f"where any value may stand, at most {DEPTH} objects and arrays are within one another"
            self.note("#", "(nesting)", "relaxed", why)
        for place in sorted(writer.repeating):
            self.note(place, "uniqueItems", "checked", "items that are equal are an error when the text is complete")
        return Lowered(tree, tuple(self.found.values()), values, shape)

    def note(self, place: str, keyword: str, verdict: str, why: str = "") -> None:
        """Keep a finding; one that is not exact stays."""
        before = self.found.get((place, keyword))
        if before is None or before.verdict == "exact":
            self.found[place, keyword] = Finding(place, keyword, verdict, why)  # type: ignore[arg-type]

    # --- a schema --------------------------------------------------------------------------------------------

    def values(self, source: Source, shape: Shape | None) -> Values:
        """The values that a schema accepts, in a place; a boolean needs no shape."""
        schema = source.schema
        if not isinstance(schema, dict):
            return everything() if schema else nothing()
        assert shape is not None
        self._check(source)
        if "unevaluatedProperties" in schema or "unevaluatedItems" in schema:
            return join(case.values for case in self.cases(source, shape))
        return meet(self._own(source, shape), *(self._applied(k, source, shape) for k in APPLICATORS if k in schema))

    def _check(self, source: Source) -> None:
        for keyword, value in source.schema.items():
            if keyword in OTHER_DRAFTS:
                refuse(source.place, keyword, "draft 2020-12 does not have it", "write it in draft 2020-12")
            if keyword == "$schema" and value.rstrip("#") not in DRAFTS:
                self.note(source.place, keyword, "relaxed", f"{value!r} is not known, and taken for draft 2020-12")
            elif keyword in ENFORCED:
                self.note(source.place, keyword, "exact")
            elif keyword not in ANNOTATIONS:
                known = keyword in UNENFORCED
                why = "it is an annotation" if known else SAYS_NOTHING
                self.note(source.place, keyword, "relaxed", why)

    def _own(self, source: Source, shape: Shape) -> Values:
        """What the keywords say that no other schema for the same value is in."""
        handlers = {HANDLERS[keyword]: None for keyword in source.schema if keyword in HANDLERS}
        return meet(*(handler(self, source, shape) for handler in handlers))

    def _applied(self, keyword: str, source: Source, shape: Shape) -> Values:
        match keyword:
            case "$ref" | "$dynamicRef":
                return self.values(referenced(source, keyword, self.references), shape)
            case "allOf":
                return meet(*(self.values(each, shape) for each in source.each("allOf")))
            case "anyOf":
                return join(self.values(each, shape) for each in source.each("anyOf"))
            case "oneOf":
                return self._one_of(source, shape)
            case "not":
                return self.complement(self.values(source.at("not", positive=False), shape))
            case "if":
                return self._if(source, shape)
            case _:
                return meet(*(join(way) for way in self._dependent(source, shape)))

    def _one_of(self, source: Source, shape: Shape) -> Values:
        exclusive = self.shapes.is_exclusive(source)
        branches = [self.values(each, shape) for each in source.each("oneOf", positive=exclusive)]
        if exclusive:
            return join(branches)
        return join(meet(branch, self._others(branches, at)) for at, branch in enumerate(branches))

    def complement(self, values: Values) -> Values:
        """What is not in a set. Raises NotRegular where it is so large that its complement could not be written."""
        if weight(values) > MAX_WEIGHT:
            raise NotRegular(Finding("#", "(size)", "exact", "a complement in it is too large"))
        return complement(values)

    def _others(self, branches: list[Values], at: int) -> Values:
        """What is in no other branch."""
        return self.complement(join(each for other, each in enumerate(branches) if other != at))

    def _if(self, source: Source, shape: Shape) -> Values:
        condition = self.values(source.at("if", positive=False), shape)
        then, other = (
            self.values(source.at(key), shape) if key in source.schema else everything() for key in ("then", "else")
        )
        if is_everything(then) and is_everything(other):
            return everything()
        return join([meet(condition, then), meet(self.complement(condition), other)])

    def _dependent(self, source: Source, shape: Shape) -> list[tuple[Values, Values]]:
        """For each name: objects without it (and what is no object), and objects with it that keep its schema."""
        found = []
        for name, each in zip(source.schema["dependentSchemas"], source.each("dependentSchemas")):
            present = only("object", Objects(required=frozenset((name,))))
            found.append((_absent(name), meet(present, self.values(each, shape))))
        return found

    # --- what was not looked at ------------------------------------------------------------------------------

    def cases(self, source: Source, shape: Shape) -> list[Evaluated]:
        """The ways through a schema; together they hold its values, each with the most that was looked at."""
        schema = source.schema
        if not isinstance(schema, dict):
            return [Evaluated(everything())] if schema else []
        self._check(source)
        found = [self._own_case(source, shape)]
        for keyword in APPLICATORS:
            if keyword in schema:
                for ways in self._ways(keyword, source, shape):
                    found = [a.and_(b) for a in found for b in ways]
                    if len(found) > MAX_CASES:
                        refuse(source.place, keyword, f"there are more than {MAX_CASES} ways to look at a value")
        for keyword in ("unevaluatedProperties", "unevaluatedItems"):
            if keyword in schema:
                found = [self._unevaluated(keyword, case, source, shape) for case in found]
        return found

    def _own_case(self, source: Source, shape: Shape) -> Evaluated:
        schema = source.schema
        hits = (self._hits(source, shape),) if "contains" in schema else ()
        return Evaluated(
            self._own(source, shape),
            frozenset(schema.get("properties", ())),
            tuple(self.pattern(source, "patternProperties", each) for each in schema.get("patternProperties", ())),
            "additionalProperties" in schema,
            len(schema.get("prefixItems", ())),
            "items" in schema,
            hits,
        )

    def _ways(self, keyword: str, source: Source, shape: Shape) -> list[list[Evaluated]]:
        """Lists of cases, of each of which one holds."""
        match keyword:
            case "$ref" | "$dynamicRef":
                return [self.cases(referenced(source, keyword, self.references), shape)]
            case "allOf":
                return [self.cases(each, shape) for each in source.each("allOf")]
            case "anyOf":
                return [self._any_cases(source, shape)]
            case "oneOf":
                return [self._one_cases(source, shape)]
            case "not":
                return [[Evaluated(self._applied("not", source, shape))]]
            case "if":
                return [self._if_cases(source, shape)]
            case _:
                return [self._dependent_cases(name, source, shape) for name in source.schema["dependentSchemas"]]

    def _any_cases(self, source: Source, shape: Shape) -> list[Evaluated]:
        """Each choice of branches that hold, at least one."""
        found: list[Evaluated] = []
        for each in source.each("anyOf"):
            own = self.cases(each, shape)
            found += [*own, *(a.and_(b) for a in found for b in own)]
            if len(found) > MAX_CASES:
                refuse(source.place, "anyOf", f"there are more than {MAX_CASES} ways to look at a value")
        return found

    def _one_cases(self, source: Source, shape: Shape) -> list[Evaluated]:
        exclusive = self.shapes.is_exclusive(source)
        branches = source.each("oneOf", positive=exclusive)
        values = [self.values(each, shape) for each in branches]
        found = []
        for at, each in enumerate(branches):
            alone = everything() if exclusive else self._others(values, at)
            found += [case.and_(Evaluated(alone)) for case in self.cases(each, shape)]
        return found

    def _if_cases(self, source: Source, shape: Shape) -> list[Evaluated]:
        condition = source.at("if", positive=False)
        otherwise = Evaluated(self.complement(self.values(condition, shape)))
        holds = self.cases(condition, shape)
        if "then" in source.schema:
            holds = [a.and_(b) for a in holds for b in self.cases(source.at("then"), shape)]
        other = self.cases(source.at("else"), shape) if "else" in source.schema else [Evaluated(everything())]
        return [*holds, *(otherwise.and_(each) for each in other)]

    def _dependent_cases(self, name: str, source: Source, shape: Shape) -> list[Evaluated]:
        present = Evaluated(only("object", Objects(required=frozenset((name,)))))
        inner = self.cases(source.at("dependentSchemas", name), shape)
        return [Evaluated(_absent(name)), *(present.and_(each) for each in inner)]

    def _unevaluated(self, keyword: str, case: Evaluated, source: Source, shape: Shape) -> Evaluated:
        inner = source.at(keyword)
        if keyword == "unevaluatedItems":
            wanted = where("array", self._rest_items(case, inner, shape))
            return case.and_(Evaluated(everything() if case.all_items else wanted, all_items=True))
        wanted = where("object", self._rest_names(case, inner, shape))
        return case.and_(Evaluated(everything() if case.all_names else wanted, all_names=True))

    def _rest_names(self, case: Evaluated, inner: Source, shape: Shape) -> Objects:
        return self._members_outside(case.names, list(case.keys), inner, shape)

    def _rest_items(self, case: Evaluated, inner: Source, shape: Shape) -> Arrays:
        shapes = [*shape.items, shape.rest]
        sets = [join([self.values(inner, each), *(hit[at] for hit in case.hits)]) for at, each in enumerate(shapes)]
        prefix = [everything() if at < case.first else values for at, values in enumerate(sets[:-1])]
        return Arrays(tuple(prefix), sets[-1])

    def _members_outside(self, names: frozenset[str], keys: list[RegexTree], inner: Source, shape: Shape) -> Objects:
        """Objects whose members but for some names keep a schema."""
        known = alt(keys)
        outside = [n for n in shape.names if n not in names and not (keys and CharDfa(known).accepts(n))]
        named = {name: self.values(inner, shape.names[name]) for name in outside}
        return Objects(_asked(named), rules=_rules(Not(known) if keys else None, self.values(inner, shape.others)))

    def _hits(self, source: Source, shape: Shape) -> tuple[Values, ...]:
        inner = source.at("contains", positive="maxContains" not in source.schema)
        return tuple(self.values(inner, each) for each in (*shape.items, shape.rest))

    # --- patterns --------------------------------------------------------------------------------------------

    def pattern(self, source: Source, keyword: str, text: str) -> RegexTree:
        """The whole strings in which a pattern is found. Raises SchemaError where it has no tree."""
        tree = self.whole.patterns.get(text, "it was not read")
        if isinstance(tree, str):
            refuse(source.place, keyword, f"in {text!r} {tree}", "write the pattern without it")
        return search(tree)


def _asked(named: dict[str, Values]) -> dict[str, Values]:
    """The properties of which anything is asked."""
    return {name: values for name, values in named.items() if not is_everything(values)}


def _rules(keys: RegexTree | None, values: Values) -> tuple[Rule, ...]:
    return () if is_everything(values) else (Rule(keys, values),)


def _absent(name: str) -> Values:
    return where("object", Objects({name: nothing()}))


# --- keywords -------------------------------------------------------------------------------------------------

_TYPES: Mapping[str, tuple[Kind, ...]] = {"integer": ("number",), **{kind: (kind,) for kind in KINDS}}


def _type(cx: Lowering, source: Source, shape: Shape) -> Values:
    types = source.schema["type"]
    names = types if isinstance(types, list) else [types]
    return join(only("number", Numbers(integer=True)) if n == "integer" else only(_TYPES[n][0]) for n in names)


def _const(cx: Lowering, source: Source, shape: Shape) -> Values:
    return _of_value(cx, source, shape, source.schema["const"])


def _enum(cx: Lowering, source: Source, shape: Shape) -> Values:
    return join(_of_value(cx, source, shape, value) for value in source.schema["enum"])


def _of_value(cx: Lowering, source: Source, shape: Shape, value: Json) -> Values:
    match value:
        case None:
            return only("null")
        case bool():
            return only("boolean", Texts(literal("true" if value else "false")))
        case int() | float():
            return only("number", Texts(literal(number_text(value))))
        case str():
            return only("string", Strings(trees=(literal(value),)))
        case _:
            assert is_container(value)
            before = dict(cx.found)  # the parts of a value are no keywords of the schema
            found = cx.values(source.with_schema(value_schema(value), source.place), shape)
            cx.found = before
            return found


def _string(cx: Lowering, source: Source, shape: Shape) -> Values:
    schema = source.schema
    trees = [cx.pattern(source, "pattern", schema["pattern"])] if "pattern" in schema else []
    if "format" in schema:
        trees += _format(cx, source, schema["format"])
    high = schema.get("maxLength")
    form = Strings(int(schema.get("minLength", 0)), None if high is None else int(high), tuple(trees))
    return where("string", form)


def _format(cx: Lowering, source: Source, name: str) -> list[RegexTree]:
    tree = cx.whole.patterns.get(f"format:{name}")
    if tree is None or isinstance(tree, str):
        cx.note(source.place, "format", "relaxed", f"{name!r} is taken for an annotation")
        return []
    if not source.positive:
        refuse(source.place, "format", "a complement of a format is what the standard leaves open", "use `pattern`")
    cx.note(
        source.place, "format", "relaxed", f"only texts of the format {name!r} come out; the standard asks for none"
    )
    return [tree]


def _number(cx: Lowering, source: Source, shape: Shape) -> Values:
    schema = source.schema
    form = Numbers()
    for keyword, is_low, is_open in _BOUNDS:
        if keyword in schema:
            bound = decimal(schema[keyword])
            form = form.meet(Numbers(low=bound, above=is_open) if is_low else Numbers(high=bound, below=is_open))
    if "multipleOf" in schema:
        form = form.meet(Numbers(steps=(decimal(schema["multipleOf"]),)))
        try:
            form.tree(canonical=True)
        except NoStep:
            why = f"multiples of {schema['multipleOf']} have no small automaton"
            raise NotRegular(Finding(source.place, "multipleOf", "refused", why)) from None
    return where("number", form)


_BOUNDS = (
    ("minimum", True, False), ("exclusiveMinimum", True, True), ("maximum", False, False),
    ("exclusiveMaximum", False, True),
)  # fmt: skip


def _array(cx: Lowering, source: Source, shape: Shape) -> Values:
    schema = source.schema
    first = tuple(cx.values(each, shape.items[at]) for at, each in enumerate(source.each("prefixItems")))
    rest = everything()
    if "items" in schema:
        inner = source.at("items")
        further = [cx.values(inner, each) for each in shape.items[len(first) :]]
        first, rest = (*first, *further), cx.values(inner, shape.rest)
    contains: tuple[Contains, ...] = ()
    if "contains" in schema:
        high = schema.get("maxContains")
        least = int(schema.get("minContains", 1))
        contains = (Contains(cx._hits(source, shape), least, None if high is None else int(high)),)
    high = schema.get("maxItems")
    most = None if high is None else int(high)
    unique = source.place if schema.get("uniqueItems") else None
    return where("array", Arrays(first, rest, int(schema.get("minItems", 0)), most, contains, unique))


def _object(cx: Lowering, source: Source, shape: Shape) -> Values:
    schema = source.schema
    named = {
        n: cx.values(each, shape.names[n]) for n, each in zip(schema.get("properties", ()), source.each("properties"))
    }
    high = schema.get("maxProperties")
    required = frozenset(schema.get("required", ()))
    form = Objects(
        _asked(named), required, (), int(schema.get("minProperties", 0)), None if high is None else int(high)
    )
    keys = []
    for text, each in zip(schema.get("patternProperties", ()), source.each("patternProperties")):
        keys.append(cx.pattern(source, "patternProperties", text))
        form = form.meet(_matching(cx, keys[-1], each, shape))
    if "additionalProperties" in schema:
        inner = source.at("additionalProperties")
        form = form.meet(cx._members_outside(frozenset(named), keys, inner, shape))
    if "propertyNames" in schema:
        form = form.meet(_only_named(cx, source.at("propertyNames"), shape))
    found = where("object", form)
    for name, others in schema.get("dependentRequired", {}).items():
        found = meet(found, join([_absent(name), only("object", Objects(required=frozenset((name, *others))))]))
    return found


def _matching(cx: Lowering, keys: RegexTree, inner: Source, shape: Shape) -> Objects:
    """Objects whose members with a name among `keys` keep a schema."""
    matches = CharDfa(keys)
    named = {name: cx.values(inner, each) for name, each in shape.names.items() if matches.accepts(name)}
    return Objects(_asked(named), rules=_rules(keys, cx.values(inner, shape.others)))


def _only_named(cx: Lowering, inner: Source, shape: Shape) -> Objects:
    """Objects whose names are strings that keep a schema."""
    own = cx.shapes.shape([inner])
    keys = characters(cx.values(inner, own)["string"])
    matches = CharDfa(keys)
    named = {name: nothing() for name in shape.names if not matches.accepts(name)}
    return Objects(named, rules=(Rule(Not(keys), nothing()),))


HANDLERS: dict[str, Handler] = {
    "type": _type,
    "const": _const,
    "enum": _enum,
    **dict.fromkeys(("minLength", "maxLength", "pattern", "format"), _string),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"), _number),
    **dict.fromkeys(("items", "prefixItems", "minItems", "maxItems", "contains", "uniqueItems"), _array),
    **dict.fromkeys(
        ("properties", "required", "additionalProperties", "patternProperties", "propertyNames", "minProperties",
         "maxProperties", "dependentRequired"), _object,
    ),
}  # fmt: skip
