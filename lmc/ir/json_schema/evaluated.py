"""What `unevaluatedProperties` and `unevaluatedItems` are about: the parts of a value that nothing else looked at.

Which parts were looked at depends on the way that a value takes through a schema: under `anyOf` it is those of the
branches that it satisfies. So a schema with such a keyword is told as a list of *cases*, ways through it, each with the
values that take it and the most that was looked at on it:

    {"anyOf": [{"properties": {"a": A}, "required": ["a"]},       case 1: the first branch holds, "a" was looked at
               {"properties": {"b": B}}],                         case 2: the second holds, "b" was
     "unevaluatedProperties": false}                              case 3: both hold, "a" and "b" were

In each of them the keyword is an ordinary one: properties outside a known set of names keep a schema. The values of the
schema are those of all cases together. Their number multiplies with each applicator, so it is bounded.
"""

from __future__ import annotations

from dataclasses import dataclass

from lmc.ir.json_schema.assertions import absent, hits, members_outside, own_values
from lmc.ir.json_schema.findings import refuse
from lmc.ir.json_schema.keywords import APPLICATORS
from lmc.ir.json_schema.lowering import SchemaLowering
from lmc.ir.json_schema.shape import Shape
from lmc.ir.json_schema.source import SchemaSource, referenced
from lmc.ir.json_schema.values import Arrays, Objects, Values, everything, join, meet, only, where
from lmc.ir.regex import RegexTree

MAX_CASES = 64


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


def cases(cx: SchemaLowering, source: SchemaSource, shape: Shape) -> list[Evaluated]:
    """The ways through a schema; together they hold its values, each with the most that was looked at."""
    schema = source.schema
    if not isinstance(schema, dict):
        return [Evaluated(everything())] if schema else []
    cx.check(source)
    found = [_own_case(cx, source, shape)]
    for keyword in APPLICATORS:
        if keyword in schema:
            for ways in _ways(cx, keyword, source, shape):
                # the ways of two keywords are independent, so every pair of them is a way
                found = [a.and_(b) for a in found for b in ways]
                if len(found) > MAX_CASES:
                    refuse(source.place, keyword, f"there are more than {MAX_CASES} ways to look at a value")
    # last, whatever their place in the schema: they are about what all others have looked at
    for keyword in ("unevaluatedProperties", "unevaluatedItems"):
        if keyword in schema:
            found = [_unevaluated(cx, keyword, case, source, shape) for case in found]
    return found


def _own_case(cx: SchemaLowering, source: SchemaSource, shape: Shape) -> Evaluated:
    """What the schema looks at by itself."""
    schema = source.schema
    contained = (hits(cx, source, shape),) if "contains" in schema else ()
    return Evaluated(
        own_values(cx, source, shape),
        frozenset(schema.get("properties", ())),
        tuple(cx.pattern(source, "patternProperties", each) for each in schema.get("patternProperties", ())),
        "additionalProperties" in schema,
        len(schema.get("prefixItems", ())),
        "items" in schema,
        contained,
    )


def _ways(cx: SchemaLowering, keyword: str, source: SchemaSource, shape: Shape) -> list[list[Evaluated]]:
    """Lists of cases, of each of which one holds."""
    match keyword:
        case "$ref" | "$dynamicRef":
            return [cases(cx, referenced(source, keyword, cx.references), shape)]
        case "allOf":
            return [cases(cx, each, shape) for each in source.each("allOf")]
        case "anyOf":
            return [_any_cases(cx, source, shape)]
        case "oneOf":
            return [_one_cases(cx, source, shape)]
        case "not":
            # a schema that does not hold looks at nothing
            return [[Evaluated(cx.complement(cx.values(source.at("not", positive=False), shape)))]]
        case "if":
            return [_if_cases(cx, source, shape)]
        case _:
            return [_dependent_cases(cx, name, source, shape) for name in source.schema["dependentSchemas"]]


def _any_cases(cx: SchemaLowering, source: SchemaSource, shape: Shape) -> list[Evaluated]:
    """Each choice of branches that hold, at least one."""
    found: list[Evaluated] = []
    for each in source.each("anyOf"):
        own = cases(cx, each, shape)
        # with each of the choices so far, or alone
        found += [*own, *(a.and_(b) for a in found for b in own)]
        if len(found) > MAX_CASES:
            refuse(source.place, "anyOf", f"there are more than {MAX_CASES} ways to look at a value")
    return found


def _one_cases(cx: SchemaLowering, source: SchemaSource, shape: Shape) -> list[Evaluated]:
    """Each branch that holds alone: what the others look at does not count, as they do not hold."""
    told = cx.shapes.exclusion(source)
    branches = source.each("oneOf", positive=told.is_plain)
    values = [cx.values(each, shape) for each in branches]
    found = []
    for at, each in enumerate(branches):
        alone = Evaluated(cx.alone(values, at, told))
        found += [case.and_(alone) for case in cases(cx, each, shape)]
    return found


def _if_cases(cx: SchemaLowering, source: SchemaSource, shape: Shape) -> list[Evaluated]:
    """Where the condition holds it has looked too; where it does not, only `else` has."""
    condition = source.at("if", positive=False)
    otherwise = Evaluated(cx.complement(cx.values(condition, shape)))
    holds = cases(cx, condition, shape)
    if "then" in source.schema:
        holds = [a.and_(b) for a in holds for b in cases(cx, source.at("then"), shape)]
    other = cases(cx, source.at("else"), shape) if "else" in source.schema else [Evaluated(everything())]
    return [*holds, *(otherwise.and_(each) for each in other)]


def _dependent_cases(cx: SchemaLowering, name: str, source: SchemaSource, shape: Shape) -> list[Evaluated]:
    """Without the name nothing is asked and nothing looked at."""
    present = Evaluated(only("object", Objects(required=frozenset((name,)))))
    inner = cases(cx, source.at("dependentSchemas", name), shape)
    return [Evaluated(absent(name)), *(present.and_(each) for each in inner)]


def _unevaluated(cx: SchemaLowering, keyword: str, case: Evaluated, source: SchemaSource, shape: Shape) -> Evaluated:
    """A case of which the keyword asks what it has to say: then all of the value was looked at."""
    inner = source.at(keyword)
    if keyword == "unevaluatedItems":
        wanted = where("array", _rest_items(cx, case, inner, shape))
        return case.and_(Evaluated(everything() if case.all_items else wanted, all_items=True))
    wanted = where("object", _rest_names(cx, case, inner, shape))
    return case.and_(Evaluated(everything() if case.all_names else wanted, all_names=True))


def _rest_names(cx: SchemaLowering, case: Evaluated, inner: SchemaSource, shape: Shape) -> Objects:
    """Objects whose properties that were not looked at keep a schema."""
    return members_outside(cx, case.names, list(case.keys), inner, shape)


def _rest_items(cx: SchemaLowering, case: Evaluated, inner: SchemaSource, shape: Shape) -> Arrays:
    """Arrays whose items that were not looked at keep a schema; an item that `contains` meant was looked at."""
    shapes = [*shape.items, shape.rest]
    sets = [join([cx.inner(inner, each), *(hit[at] for hit in case.hits)]) for at, each in enumerate(shapes)]
    prefix = [everything() if at < case.first else values for at, values in enumerate(sets[:-1])]
    return Arrays(tuple(prefix), sets[-1])
