"""What each keyword says of a value by itself, as a set of values.

Keywords that are about the same kind of value are read together (`minimum` with `multipleOf`, `properties` with
`additionalProperties`), as they mean something only beside one another. A keyword says nothing about values of other
kinds: `minLength` holds for every number. So each gives a set that is everything but for one kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from lmc.ir.automaton.algebra import literal
from lmc.ir.automaton.dfa import CharDfa
from lmc.ir.automaton.extent import texts
from lmc.ir.json_schema.findings import Finding, NotRegular, refuse
from lmc.ir.json_schema.keywords import Json
from lmc.ir.json_schema.lowering import SchemaLowering
from lmc.ir.json_schema.numbers import MAX_DIGITS, NoStep, Number, Numbers, decimal, is_short, within
from lmc.ir.json_schema.shape import Shape
from lmc.ir.json_schema.source import SchemaSource, is_container
from lmc.ir.json_schema.strings import Format, Strings
from lmc.ir.json_schema.texts import characters
from lmc.ir.json_schema.trees import alt
from lmc.ir.json_schema.values import (
    KINDS,
    Arrays,
    Contains,
    Kind,
    MemberRule,
    Objects,
    Texts,
    Values,
    everything,
    is_everything,
    join,
    meet,
    nothing,
    only,
    where,
)
from lmc.ir.regex import Not, RegexTree


def own_values(cx: SchemaLowering, source: SchemaSource, shape: Shape) -> Values:
    """What a schema says by itself: by all of its keywords that hold no other schema for the same value."""
    # keywords that are read together have one rule, which is asked once
    handlers = {HANDLERS[keyword]: None for keyword in source.schema if keyword in HANDLERS}
    return meet(*(handler(cx, source, shape) for handler in handlers))


def hits(cx: SchemaLowering, source: SchemaSource, shape: Shape) -> tuple[Values, ...]:
    """The items that `contains` means: a set for each shape of items, the last one for the rest."""
    inner = source.at("contains", positive="maxContains" not in source.schema)
    return tuple(cx.inner(inner, each) for each in (*shape.items, shape.rest))


def members_outside(
    cx: SchemaLowering, names: frozenset[str], keys: list[RegexTree], inner: SchemaSource, shape: Shape
) -> Objects:
    """Objects whose members but for some names keep a schema."""
    known = alt(keys)
    outside = [n for n in shape.names if n not in names and not (keys and CharDfa(known).accepts(n))]
    named = {name: cx.inner(inner, shape.names[name]) for name in outside}
    return Objects(_asked(named), rules=_rules(Not(known) if keys else None, cx.inner(inner, shape.others)))


def _asked(named: dict[str, Values]) -> dict[str, Values]:
    """The properties of which anything is asked."""
    return {name: values for name, values in named.items() if not is_everything(values)}


def _rules(keys: RegexTree | None, values: Values) -> tuple[MemberRule, ...]:
    return () if is_everything(values) else (MemberRule(keys, values),)


def absent(name: str) -> Values:
    """All values but objects with this property."""
    return where("object", Objects({name: nothing()}))


_TYPES: Mapping[str, tuple[Kind, ...]] = {"integer": ("number",), **{kind: (kind,) for kind in KINDS}}


def _type(cx: SchemaLowering, source: SchemaSource, shape: Shape) -> Values:
    """The kinds of values; an integer is a number without a fraction."""
    types = source.schema["type"]
    names = types if isinstance(types, list) else [types]
    return join(only("number", Numbers(integer=True)) if n == "integer" else only(_TYPES[n][0]) for n in names)


def _const(cx: SchemaLowering, source: SchemaSource, shape: Shape) -> Values:
    """One value."""
    return _of_value(cx, source, shape, source.schema["const"])


def _enum(cx: SchemaLowering, source: SchemaSource, shape: Shape) -> Values:
    """Some values."""
    return join(_of_value(cx, source, shape, value) for value in source.schema["enum"])


def _of_value(cx: SchemaLowering, source: SchemaSource, shape: Shape, value: Json) -> Values:
    """A value that is written out: a container is a schema of its parts."""
    match value:
        case None:
            return only("null")
        case bool():
            return only("boolean", Texts(literal("true" if value else "false")))
        case int() | float() | Decimal():
            return _of_number(source, decimal(value))
        case str():
            return only("string", Strings(trees=(literal(value),)))
        case _:
            assert is_container(value)
            return cx.values(source.with_schema(cx.shapes.written(value), source.place), shape)


def _of_number(source: SchemaSource, value: Decimal) -> Values:
    # in a complement it would have to be told apart from each of its writings
    if not source.positive and not is_short(value):
        refuse(source.place, "const", f"a complement of a number has at most {MAX_DIGITS:,} digits")
    return only("number", Number(value))


def _string(cx: SchemaLowering, source: SchemaSource, shape: Shape) -> Values:
    """Strings by length (in characters) and by what is found in them."""
    schema = source.schema
    trees = (cx.pattern(source, "pattern", schema["pattern"]),) if "pattern" in schema else ()
    formats = _format(cx, source, schema["format"]) if "format" in schema else ()
    high = schema.get("maxLength")
    return where(
        "string", Strings(int(schema.get("minLength", 0)), None if high is None else int(high), trees, formats)
    )


def _format(cx: SchemaLowering, source: SchemaSource, name: str) -> tuple[Format, ...]:
    """The strings of a format, which the standard leaves open: some have it for sure, and some have not."""
    narrow = cx.whole.patterns.get(f"format:{name}")
    if narrow is None or isinstance(narrow, str):
        cx.note(source.place, "format", "relaxed", f"{name!r} is taken for an annotation")
        return ()
    why = f"only texts of the format {name!r} come out; the standard asks for none"
    if not source.positive:
        why = (
            f"texts that have the format {name!r} for sure, or have it not, are told apart; the standard asks for none"
        )
    cx.note(source.place, "format", "relaxed", why)
    wide = cx.whole.patterns.get(f"wide:{name}", narrow)
    assert not isinstance(wide, str)
    return (Format(narrow, wide),)


def _number(cx: SchemaLowering, source: SchemaSource, shape: Shape) -> Values:
    """Numbers between bounds, and multiples."""
    schema = source.schema
    form = Numbers()
    for keyword, is_low, is_open in _BOUNDS:
        if keyword in schema:
            bound = _bound(cx, source, keyword, is_low)
            form = form.meet(Numbers(low=bound, above=is_open) if is_low else Numbers(high=bound, below=is_open))
    if "multipleOf" in schema:
        form = form.meet(Numbers(steps=(decimal(schema["multipleOf"]),)))
        # asked now, while it is known which keyword is to blame
        try:
            form.tree(canonical=True)
        except NoStep as reason:
            why = f"multiples of {schema['multipleOf']} {reason}"
            raise NotRegular(Finding(source.place, "multipleOf", "refused", why)) from None
    return where("number", form)


def _bound(cx: SchemaLowering, source: SchemaSource, keyword: str, is_low: bool) -> Decimal:
    """A bound, or a narrower one where it has too many digits."""
    bound = decimal(source.schema[keyword])
    if is_short(bound):
        return bound
    shorter = within(bound, is_low=is_low)
    why = f"numbers are written with at most {MAX_DIGITS:,} digits before the point, and behind it"
    if shorter is None or not source.positive:
        refuse(source.place, keyword, why)
    cx.note(source.place, keyword, "relaxed", why)
    return shorter


_BOUNDS = (
    ("minimum", True, False), ("exclusiveMinimum", True, True), ("maximum", False, False),
    ("exclusiveMaximum", False, True),
)  # fmt: skip


def _array(cx: SchemaLowering, source: SchemaSource, shape: Shape) -> Values:
    """Arrays: the first items, the further ones, how many, how many of a kind, whether any two are equal."""
    schema = source.schema
    first = tuple(cx.inner(each, shape.items[at]) for at, each in enumerate(source.each("prefixItems")))
    rest = everything()
    if "items" in schema:
        inner = source.at("items")
        # items that another schema of this place tells one by one have shapes of their own
        further = [cx.inner(inner, each) for each in shape.items[len(first) :]]
        first, rest = (*first, *further), cx.inner(inner, shape.rest)
    contains: tuple[Contains, ...] = ()
    if "contains" in schema:
        high = schema.get("maxContains")
        least = int(schema.get("minContains", 1))
        contains = (Contains(hits(cx, source, shape), least, None if high is None else int(high)),)
    high = schema.get("maxItems")
    most = None if high is None else int(high)
    unique = source.place if schema.get("uniqueItems") else None
    return where("array", Arrays(first, rest, int(schema.get("minItems", 0)), most, contains, unique))


def _object(cx: SchemaLowering, source: SchemaSource, shape: Shape) -> Values:
    """Objects: properties by name and by pattern, all others, how many, and which ask for which."""
    schema = source.schema
    named = {
        n: cx.inner(each, shape.names[n]) for n, each in zip(schema.get("properties", ()), source.each("properties"))
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
    # "additional" is what neither a name nor a pattern of this very schema is about
    if "additionalProperties" in schema:
        inner = source.at("additionalProperties")
        form = form.meet(members_outside(cx, frozenset(named), keys, inner, shape))
    if "propertyNames" in schema:
        form = form.meet(_only_named(cx, source.at("propertyNames"), shape))
    found = where("object", form)
    for name, others in schema.get("dependentRequired", {}).items():
        found = meet(found, join([absent(name), only("object", Objects(required=frozenset((name, *others))))]))
    return found


def _matching(cx: SchemaLowering, keys: RegexTree, inner: SchemaSource, shape: Shape) -> Objects:
    """Objects whose members with a name among `keys` keep a schema."""
    matches = CharDfa(keys)
    named = {name: cx.inner(inner, each) for name, each in shape.names.items() if matches.accepts(name)}
    return Objects(_asked(named), rules=_rules(keys, cx.inner(inner, shape.others)))


def _only_named(cx: SchemaLowering, inner: SchemaSource, shape: Shape) -> Objects:
    """Objects whose names are strings that keep a schema."""
    own = cx.shapes.shape([inner])
    named = cx.values(inner, own)["string"]
    keys = characters(named)
    if not inner.positive and keys != characters(named, wide=True):
        why = "in a complement names cannot have a format whose borders the standard leaves open"
        refuse(inner.place, "format", why, "use `pattern`")
    matches = CharDfa(keys)
    absent = {name: nothing() for name in shape.names if not matches.accepts(name)}
    listed = texts(keys)
    # where all of them are told, there is no further property at all
    others = Not(keys) if listed is None or any(name not in shape.names for name in listed) else None
    return Objects(absent, rules=(MemberRule(others, nothing()),))


HANDLERS: dict[str, Callable[[SchemaLowering, SchemaSource, Shape], Values]] = {
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
