"""The parts of JSON Schema that APIs enforce, and where a schema goes beyond one: which keyword, at which place.

What an API does not enforce is found here before anything is sent. Annotations say nothing of values, and count as
left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lmc.ir.json_schema.keywords import ANNOTATIONS, Json, children, escaped, pointed_keys

MAX_PROPERTIES, MAX_LEVELS, MAX_NAMES, MAX_ENUM = 5_000, 10, 120_000, 1_000
LONG_ENUM, MAX_LONG_ENUM = 250, 15_000  # values of one enum from where on its characters are limited, and to how many

_STRICT = """
type enum const properties required additionalProperties items anyOf $ref pattern format minimum maximum
exclusiveMinimum exclusiveMaximum multipleOf minItems maxItems
"""
_ANTHROPIC = "type enum const properties required additionalProperties items anyOf allOf $ref format minItems"
TAKEN = {"openai_strict": frozenset(_STRICT.split()), "anthropic": frozenset(_ANTHROPIC.split())}
# that Anthropic enforces
FORMATS = frozenset(("date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"))


@dataclass(frozen=True, slots=True)
class Beyond:
    """A place of a schema that an API does not take: `what` follows its name in a sentence."""

    place: str
    what: str
    help: str


def beyond(schema: Json, subset: str, *, is_closed: bool) -> Iterator[Beyond]:
    """Where a schema goes beyond `openai_strict` or `anthropic`; nothing for `full`.

    is_closed  objects that do not say whether they have other properties have none
    """
    if subset == "full":
        return
    if subset == "openai_strict":
        yield from _root(schema)
        yield from _sizes(schema)
    found = list(_within("#", schema))
    for place, inner in found:
        yield from _object(place, inner, subset, is_closed)
        yield from _keywords(place, inner, subset)
    if subset == "anthropic":
        yield from _recursion(dict(found))


def _within(place: str, schema: Json) -> Iterator[tuple[str, Json]]:
    """A schema and all in it, by their places."""
    stack = [(place, schema)]
    while stack:
        at, each = stack.pop()
        yield at, each
        if not isinstance(each, dict):
            continue
        stack += reversed([(f"{at}{step}", inner) for step, inner in children(each) if not _is_plain(step, inner)])


def _is_plain(step: str, inner: Json) -> bool:
    """Whether other properties are only said to be there or not."""
    return step == "/additionalProperties" and isinstance(inner, bool)


def _root(schema: Json) -> Iterator[Beyond]:
    root = schema if isinstance(schema, dict) else {}
    if "anyOf" in root:
        yield Beyond("#", "`anyOf` at its root", "put it into a property of an object")
    elif root.get("type") != "object" and "$ref" not in root:
        yield Beyond("#", "a root that is no object", "put it into a property of an object")


def _keywords(place: str, schema: Json, subset: str) -> Iterator[Beyond]:
    if not isinstance(schema, dict):
        what = f"the schema `{'true' if schema else 'false'}`"
        yield Beyond(place, what, "say a type")
        return
    for keyword in schema:
        if keyword in ANNOTATIONS - {"then", "else"}:
            continue
        if keyword not in TAKEN[subset]:
            yield Beyond(place, f"`{keyword}`", _instead(keyword))
    if subset == "anthropic":
        yield from _anthropic(place, schema)
    elif not schema.keys() & {"type", "enum", "const", "anyOf", "$ref"}:
        yield Beyond(place, "a schema without a type", "say its type")
    if subset == "openai_strict":
        yield from _first_keys(place, schema)


def _instead(keyword: str) -> str:
    if keyword == "oneOf":
        return "write anyOf, where no value fits two of them"
    if keyword == "allOf":
        return "write its parts as one schema"
    return "leave it out, and check the value in Python"


def _anthropic(place: str, schema: dict[str, Json]) -> Iterator[Beyond]:
    if schema.get("minItems", 0) not in (0, 1):
        yield Beyond(place, f"`minItems` {schema['minItems']}", "it takes 0 or 1; check the length in Python")
    if "format" in schema and schema["format"] not in FORMATS:
        yield Beyond(place, f"`format` {schema['format']!r}", f"it takes {', '.join(sorted(FORMATS))}")


def _object(place: str, schema: Json, subset: str, is_closed: bool) -> Iterator[Beyond]:
    """What an object must say: that it has no other properties, and for OpenAI that all are required."""
    if not isinstance(schema, dict) or not (_is_object(schema) or "properties" in schema):
        return
    others = schema.get("additionalProperties", False if is_closed else None)
    if others is not False:
        help = "give closed=True to the call, or say additionalProperties: false"
        yield Beyond(place, "an object that may have other properties", help)
    names = schema.get("properties", {})
    lacking = [name for name in names if name not in schema.get("required", ())]
    if subset == "openai_strict" and lacking:
        help = "make it required, and give it the type `... | None` where it may be missing"
        yield Beyond(f"{place}/properties/{escaped(lacking[0])}", "a property that may be missing", help)


def _is_object(schema: dict[str, Json]) -> bool:
    kind = schema.get("type")
    return kind == "object" or (isinstance(kind, list) and "object" in kind)


def _first_keys(place: str, schema: dict[str, Json]) -> Iterator[Beyond]:
    """Objects of one `anyOf` are told apart by their first property."""
    seen: set[str] = set()
    for each in schema.get("anyOf", ()):
        names = list(each.get("properties", {})) if isinstance(each, dict) else []
        if names and names[0] in seen:
            help = "let each object begin with a property of its own"
            yield Beyond(f"{place}/anyOf", f"two objects that both begin with {names[0]!r}", help)
        seen.update(names[:1])


def _sizes(schema: Json) -> Iterator[Beyond]:
    """The limits on how much there is of everything."""
    num_names = num_enum = chars = 0
    for place, inner in _within("#", schema):
        if not isinstance(inner, dict):
            continue
        names, values = inner.get("properties", {}), inner.get("enum", ())
        num_names, num_enum = num_names + len(names), num_enum + len(values)
        texts = [each for each in (*values, inner.get("const", "")) if isinstance(each, str)]
        chars += sum(map(len, (*names, *inner.get("$defs", {}), *texts)))
        if len(values) > LONG_ENUM and sum(map(len, texts)) > MAX_LONG_ENUM:
            yield Beyond(place, f"an enum of more than {MAX_LONG_ENUM} characters", "write shorter values, or fewer")
        if place.count("/properties/") + place.count("/items") > MAX_LEVELS:
            yield Beyond(place, f"more than {MAX_LEVELS} levels of objects and arrays", "make it flatter")
            break
    for counted, most, what in (
        (num_names, MAX_PROPERTIES, "properties"),
        (num_enum, MAX_ENUM, "values of enums"),
        (chars, MAX_NAMES, "characters of names and values"),
    ):
        if counted > most:
            yield Beyond("#", f"{counted} {what}, and it takes {most}", "make it smaller")


def _recursion(places: dict[str, Json]) -> Iterator[Beyond]:
    """References that lead back to what they stand in."""
    leads = {
        place: f"#{''.join(f'/{escaped(key)}' for key in pointed_keys(schema['$ref']))}"
        for place, schema in places.items()
        if isinstance(schema, dict) and isinstance(schema.get("$ref"), str) and schema["$ref"].startswith("#")
    }
    for place in leads:
        if _comes_back(place, leads):
            yield Beyond(
                place, f"a schema that holds itself (`$ref` {leads[place]!r})", "write out as many levels as needed"
            )


def _comes_back(start: str, leads: dict[str, str]) -> bool:
    """Whether from a reference one comes to what it stands in, by references further in."""
    seen, open = set[str](), [leads[start]]
    while open:
        target = open.pop()
        if target in seen:
            continue
        seen.add(target)
        if start == target or start.startswith(f"{target}/"):
            return True
        open += [to for place, to in leads.items() if place == target or place.startswith(f"{target}/")]
    return False
