"""A JSON schema as the tree of its texts; what is relaxed is found, what cannot be kept is refused.

The texts are those of a universe (see `shape`) whose values the schema accepts: never one more. The way there has three
stations, and each is exact with regard to the one before:

1. **The universe.** `Shapes` walks over the document once and says, place by place, which properties are told by name,
   in which order, and how many items one by one. A value outside of it has no text here and cannot come out.
2. **Sets of values.** Each schema is the set of the values that it accepts, kind by kind (`values`). A keyword is a set
   (`assertions`); a schema is the intersection of its keywords; `allOf`, `anyOf`, `not` and the like are intersections,
   unions and complements of the sets of the schemas in them (this file). Only for `unevaluated...` does it matter how a
   value came to be accepted (`evaluated`).
3. **Texts.** `Writer` writes a set as the regular tree of its JSON texts, place by place of the universe.

For example, `{"type": "string", "not": {"minLength": 3}}` is

    {string: everything}  and  not {string: length >= 3, all other kinds: everything}
    =  {string: everything}  and  {string: length <= 2, all other kinds: nothing}
    =  {string: length <= 2}                                     written as  " [^"\\]{0,2} "  (and escapes)

Sets, not trees, because complement and intersection of trees know nothing of JSON: the complement of the texts of a
schema holds texts that are not JSON at all, and one value has many texts (`1`, `1.0`, `1e0`). On sets of values they
are what the schema says, and most intersections are described again as simply as their parts.

A keyword is kept exactly, or relaxed, or checked when the text is complete, or refused; `Finding` says which. Relaxed
always means fewer texts, or a keyword that says nothing. Under `not` fewer would mean more, so what is relaxed is
refused there: `SchemaSource.positive` says where one stands. What recurs has no regular tree (NotRegular): then the
sets of inner places are not looked into, but named (`atoms`), and each is a tree of its own that calls others
(`places`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lmc.ir.constraint import JsonSchema
from lmc.ir.json_schema.assertions import absent, own_values
from lmc.ir.json_schema.evaluated import cases
from lmc.ir.json_schema.exact import read_json
from lmc.ir.json_schema.findings import Finding
from lmc.ir.json_schema.keywords import APPLICATORS
from lmc.ir.json_schema.lowering import SchemaLowering
from lmc.ir.json_schema.membership import contains
from lmc.ir.json_schema.places import ROOT, PlaceWriter
from lmc.ir.json_schema.shape import DEPTH, Shape
from lmc.ir.json_schema.source import SchemaSource, referenced
from lmc.ir.json_schema.texts import Writer
from lmc.ir.json_schema.values import NOTHING, Objects, Values, everything, is_everything, join, meet, nothing, only
from lmc.ir.regex import RegexTree


@dataclass(frozen=True, slots=True)
class Lowered:
    """The texts of a schema, and what became of its keywords.

    tree            the whole text
    values, shape   what it accepts, in a universe (see `shape`)
    places          the texts of each place, where the tree calls some (see `places`); the first is the tree
    """

    tree: RegexTree
    findings: tuple[Finding, ...]
    values: Values = field(repr=False)
    shape: Shape = field(repr=False)
    places: tuple[RegexTree, ...] = ()

    @property
    def may_be_number(self) -> bool:
        """Whether a number may come out: of all values they alone may be the begin of another."""
        return self.values["number"] != NOTHING

    def broken_by(self, text: str) -> Finding | None:
        """What a text of the tree breaks, of what is to be checked when it is complete; None where it is right."""
        # whether names repeat is a matter of the text, and no value says so
        checked = [each for each in self.findings if each.verdict == "checked" and each.keyword != NAMES]
        if not checked or contains(self.values, read_json(text), self.shape):
            return None
        return checked[0]


def lower(schema: JsonSchema, *, tells_apart: bool = False) -> Lowered:
    """The texts of a schema. Raises SchemaError where a keyword cannot be kept, NotRegular where it recurs.

    tells_apart  nobody looks at complete texts: properties that are counted are told apart by their names
    """
    return lowered(lowering_of(schema, tells_apart=tells_apart))


def lowering_of(schema: JsonSchema, *, shared: bool = False, tells_apart: bool = False) -> SchemaLowering:
    """A schema before anything of it was lowered; `shared`: as places, so that it may contain itself."""
    return SchemaLowering(schema, values_of, tells_apart, shared=shared)


def lowered(cx: SchemaLowering) -> Lowered:
    """The texts; `cx.found` holds what was found even where it raises SchemaError or NotRegular."""
    root = SchemaSource(cx.whole.schema, "#", cx.references.root.base)
    shape = cx.shapes.shape([root])
    values = cx.values(root, shape)
    writer = Writer(cx.whole.spacing, cx.shapes.canonical, cx.whole.marks, bool(cx.whole.closed))
    places = PlaceWriter(cx, writer).trees(values, shape) if cx.shared else ()
    tree = places[ROOT] if places else writer.value(values, shape)
    if writer.is_cut:
        why = f"where any value may stand, at most {DEPTH} objects and arrays are within one another"
        cx.note("#", "(nesting)", "relaxed", why)
    for place, is_told in writer.free_names.items():
        cx.note(place, NAMES, "checked", TOLD if is_told else OPEN)
    for place, keyword in sorted(writer.counted):
        cx.note(place, keyword, *(("relaxed", APART) if cx.tells_apart else ("checked", COUNTED)))
    # no automaton of a reasonable size remembers items to compare: said here, tested on the whole text
    for place in sorted(writer.repeating):
        cx.note(place, "uniqueItems", "checked", REPEATS)
    return Lowered(tree, tuple(cx.found.values()), values, shape, places)


NAMES = "(names)"
TOLD = "a name that repeats in an object is an error when the text is complete"
OPEN = f"a further property may have any name, and hold anything; {TOLD}"
COUNTED = "a name counts once: that none repeats is seen when the text is complete"
REPEATS = "whether items that ought to differ are equal, or the other way round, is seen when the text is complete"
APART = "names that the schema does not tell have different first letters, in order"


def values_of(cx: SchemaLowering, source: SchemaSource, shape: Shape | None) -> Values:
    """The values that a schema accepts, in a place; a boolean needs no shape."""
    schema = source.schema
    if not isinstance(schema, dict):
        return everything() if schema else nothing()
    assert shape is not None
    cx.check(source)
    # a set does not tell which keyword has looked at what: these need it, case by case
    if "unevaluatedProperties" in schema or "unevaluatedItems" in schema:
        return join(case.values for case in cases(cx, source, shape))
    return meet(own_values(cx, source, shape), *(_applied(cx, k, source, shape) for k in APPLICATORS if k in schema))


def _applied(cx: SchemaLowering, keyword: str, source: SchemaSource, shape: Shape) -> Values:
    """What a keyword says that holds schemas for the same value."""
    match keyword:
        case "$ref" | "$dynamicRef":
            return cx.values(referenced(source, keyword, cx.references), shape)
        case "allOf":
            return meet(*(cx.values(each, shape) for each in source.each("allOf")))
        case "anyOf":
            return join(cx.values(each, shape) for each in source.each("anyOf"))
        case "oneOf":
            return _one_of(cx, source, shape)
        case "not":
            return cx.complement(cx.values(source.at("not", positive=False), shape))
        case "if":
            return _if(cx, source, shape)
        case _:
            return meet(*(join(way) for way in _dependent(cx, source, shape)))


def _one_of(cx: SchemaLowering, source: SchemaSource, shape: Shape) -> Values:
    """Exactly one branch; of a kind of which no value can be in two, that is `anyOf`."""
    told = cx.shapes.exclusion(source)
    # else each stands under a complement as well, where fewer texts would become more
    branches = [cx.values(each, shape) for each in source.each("oneOf", positive=told.is_plain)]
    return join(meet(branch, cx.alone(branches, at, told)) for at, branch in enumerate(branches))


def _if(cx: SchemaLowering, source: SchemaSource, shape: Shape) -> Values:
    """`if` and `then`, or not `if` and `else`."""
    # not positive: it stands for itself, and in its complement
    condition = cx.values(source.at("if", positive=False), shape)
    then, other = (
        cx.values(source.at(key), shape) if key in source.schema else everything() for key in ("then", "else")
    )
    # asks nothing either way: then the complement, which may be large or refused, need not be made
    if is_everything(then) and is_everything(other):
        return everything()
    return join([meet(condition, then), meet(cx.complement(condition), other)])


def _dependent(cx: SchemaLowering, source: SchemaSource, shape: Shape) -> list[tuple[Values, Values]]:
    """For each name: objects without it (and what is not an object), and objects with it that keep its schema."""
    found = []
    for name, each in zip(source.schema["dependentSchemas"], source.each("dependentSchemas")):
        present = only("object", Objects(required=frozenset((name,))))
        found.append((absent(name), meet(present, cx.values(each, shape))))
    return found
