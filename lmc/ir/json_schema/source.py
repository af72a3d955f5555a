"""A schema somewhere in a document, with what is needed to read it: where it stands and how it was reached."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from lmc.ir.json_schema.findings import Finding, NotRegular, refuse
from lmc.ir.json_schema.keywords import SAME_VALUE, Json, escaped
from lmc.ir.json_schema.references import References, own_base


@dataclass(frozen=True, slots=True)
class SchemaSource:
    """A schema at a place.

    base      the URI that its references are relative to
    positive  whether fewer values here can only be fewer values of the whole schema
    through   identities of the schemas that references have led to on the way here
    around    schemas that apply to the same value and that this one stands in: what it is said to accept holds for the
              values that they accept, so that a set made of it belongs to them and cannot be used elsewhere
    """

    schema: Json
    place: str
    base: str
    positive: bool = True
    through: frozenset[int] = frozenset()
    around: tuple[SchemaSource, ...] = field(default=(), compare=False, repr=False)

    def at(self, *steps: str, positive: bool = True) -> SchemaSource:
        """The schema under a keyword, or under a name or number in it."""
        schema, place = self.schema, self.place
        for step in steps:
            schema = schema[int(step)] if isinstance(schema, list) else schema[step]
            place = f"{place}/{escaped(step)}"
        around = (*self.around, self) if steps[0] in SAME_VALUE else ()
        base = own_base(schema, self.base)
        return SchemaSource(schema, place, base, self.positive and positive, self.through, around)

    def without(self, keyword: str) -> SchemaSource:
        """The schema but for a keyword."""
        return replace(self, schema={key: value for key, value in self.schema.items() if key != keyword})

    def with_schema(self, schema: Json, place: str, *, positive: bool = True) -> SchemaSource:
        """Another schema that stands within this one."""
        base = own_base(schema, self.base)
        return replace(self, schema=schema, place=place, base=base, positive=self.positive and positive)

    def each(self, keyword: str, *, positive: bool = True) -> list[SchemaSource]:
        """The schemas in a list or object under a keyword."""
        inner = self.schema.get(keyword, ())
        steps = inner if isinstance(inner, dict) else map(str, range(len(inner)))
        return [self.at(keyword, step, positive=positive) for step in steps]


def referenced(source: SchemaSource, keyword: str, references: References) -> SchemaSource:
    """What a `$ref` or `$dynamicRef` means. Raises NotRegular where it leads back to itself, SchemaError to nothing."""
    reference = source.schema[keyword]
    find = references.dynamic if keyword == "$dynamicRef" else references.resolve
    target = find(reference, source.base)
    if target is None and references.resolve(reference, source.base) is not None:
        refuse(source.place, keyword, f"{reference!r} means several schemas", "write `$ref`")
    if target is None:
        near = " or ".join(map(repr, references.near(reference, source.base)))
        why = f"{reference!r} is not in this document" + (f"; did you mean {near}?" if near else "")
        refuse(source.place, keyword, why, "copy it into `$defs`, or give its document in `documents`")
    if id(target.schema) in source.through:
        raise NotRegular(Finding(source.place, keyword, "exact", f"{reference!r} leads back to itself"))
    through = source.through | {id(target.schema)} if isinstance(target.schema, dict) else source.through
    return SchemaSource(target.schema, target.place, target.base, source.positive, through, (*source.around, source))


def value_schema(value: Json) -> Json:
    """A schema of one object or array, part by part."""
    if isinstance(value, dict):
        return {
            "type": "object",
            "properties": {name: {"const": inner} for name, inner in value.items()},
            "required": list(value),
            "additionalProperties": False,
        }
    return {
        "type": "array",
        "prefixItems": [{"const": inner} for inner in value],
        "items": False,
        "minItems": len(value),
    }


def is_container(value: Json) -> bool:
    """Whether a value has parts."""
    return isinstance(value, (dict, list))


def values_of(source: SchemaSource) -> Iterator[tuple[str, Json]]:
    """The values that `const` and `enum` name, with the keyword."""
    if "const" in source.schema:
        yield "const", source.schema["const"]
    yield from (("enum", value) for value in source.schema.get("enum", ()))
