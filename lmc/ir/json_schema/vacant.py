"""Schemas that plainly no value satisfies: legal wherever they stand, and hardly ever meant."""

from __future__ import annotations

from collections.abc import Iterator

from lmc.ir.constraint import JsonSchema
from lmc.ir.json_schema.keywords import Json, children
from lmc.ir.json_schema.numbers import decimal
from lmc.ir.json_schema.references import References
from lmc.ir.json_schema.source import SchemaSource
from lmc.ir.json_schema.vacancy import Unclear, Vacancy

_BOUNDS = (
    ("minLength", "maxLength", "length"), ("minItems", "maxItems", "number of items"),
    ("minProperties", "maxProperties", "number of properties"), ("minimum", "maximum", "number"),
)  # fmt: skip
_ITS_OWN = frozenset((
    "type", "enum", "const", "pattern", "format", "minLength", "maxLength", "minItems", "maxItems", "minProperties",
    "maxProperties", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
))  # fmt: skip
MAX_FOUND = 20


def is_vacant(schema: JsonSchema) -> bool:
    """Whether plainly no value satisfies the whole schema."""
    references = References(schema.schema)
    root = SchemaSource(schema.schema, "#", references.root.base)
    try:
        return not Vacancy(references, schema.patterns).left([root])
    except Unclear:
        return False


def vacant_places(schema: JsonSchema) -> list[str]:
    """Where keywords stand beside one another that nothing satisfies together, with the reason; some of them."""
    vacancy = Vacancy(References({}), schema.patterns)
    found: list[str] = []
    seen: set[int] = set()
    pending = [(schema.schema, "#")]
    while pending and len(found) < MAX_FOUND:
        each, place = pending.pop()
        if not isinstance(each, dict) or id(each) in seen:
            continue
        seen.add(id(each))
        found += [f"at `{place}`, {why}" for why in _reasons(each, vacancy)]
        pending += [(inner, place + step) for step, inner in reversed(list(children(each)))]
    return found


def _reasons(schema: dict[str, Json], vacancy: Vacancy) -> Iterator[str]:
    for low, high, what in _BOUNDS:
        if low in schema and high in schema and decimal(schema[low]) > decimal(schema[high]):
            yield f"no {what} is from `{low}` {schema[low]} to `{high}` {schema[high]}"
            return
    own = {keyword: value for keyword, value in schema.items() if keyword in _ITS_OWN}
    vacancy.steps = 0
    if len(own) > 1 and not vacancy.left([SchemaSource(own, "#", "")]):
        yield f"no value satisfies {' and '.join(f'`{keyword}`' for keyword in own)}"
