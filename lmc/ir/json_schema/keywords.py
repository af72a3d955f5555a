"""Which keywords of draft 2020-12 hold schemas, which say nothing about values, and which are not supported."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

Json = Any  # any JSON value

ONE = (
    *("items", "contains", "additionalProperties", "propertyNames", "not", "if", "then", "else"),
    *("unevaluatedItems", "unevaluatedProperties", "contentSchema"),
)
# what applies to the same value as the schema that it stands in
APPLICATORS = ("$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "not", "if", "dependentSchemas")
SAME_VALUE = frozenset((*APPLICATORS, "then", "else"))
MANY = ("prefixItems", "anyOf", "oneOf", "allOf")
NAMED = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")

_SAY_NOTHING = """
$schema $id $anchor $dynamicAnchor $comment $defs definitions $vocabulary title description default examples
deprecated readOnly writeOnly discriminator then else minContains maxContains
"""
UNENFORCED = frozenset(("contentEncoding", "contentMediaType", "contentSchema"))
_ASK = """
type enum const minLength maxLength pattern format minimum maximum exclusiveMinimum exclusiveMaximum multipleOf
properties required additionalProperties patternProperties propertyNames minProperties maxProperties
dependentRequired dependentSchemas items prefixItems minItems maxItems contains uniqueItems allOf anyOf oneOf not
if $ref $dynamicRef unevaluatedItems unevaluatedProperties
"""
ANNOTATIONS = frozenset(_SAY_NOTHING.split())
ENFORCED = frozenset(_ASK.split())
DRAFTS = (
    "https://json-schema.org/draft/2020-12/schema",
    "https://json-schema.org/draft/2019-09/schema",
    "http://json-schema.org/draft-07/schema",
    "http://json-schema.org/draft-06/schema",
    "http://json-schema.org/draft-04/schema",
    "http://json-schema.org/schema",
)


def children(schema: Json) -> Iterator[tuple[str, Json]]:
    """The schemas right within one, each with its place behind the schema's own, as in `/properties/age`."""
    if not isinstance(schema, dict):
        return
    for keyword in ONE:
        if keyword in schema:
            yield f"/{keyword}", schema[keyword]
    for keyword in MANY:
        if isinstance(inner := schema.get(keyword), list):
            yield from ((f"/{keyword}/{at}", each) for at, each in enumerate(inner))
    for keyword in NAMED:
        if isinstance(inner := schema.get(keyword), dict):
            yield from ((f"/{keyword}/{escaped(name)}", each) for name, each in inner.items())


def pointed_keys(fragment: str) -> list[str]:
    """The names and numbers that a JSON pointer goes along, as it stands in a URI."""
    steps = unquote(fragment.removeprefix("#")).split("/")[1:]
    return [step.replace("~1", "/").replace("~0", "~") for step in steps]


def pointed_index(key: str, values: list[Json]) -> int | None:
    """The place in a list that a step of a JSON pointer means, where there is one."""
    at = int(key) if key.isascii() and key.isdigit() else len(values)
    return at if at < len(values) and str(at) == key else None


def escaped(name: str) -> str:
    """A name as a step of a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")
