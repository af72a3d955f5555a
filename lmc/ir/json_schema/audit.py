"""What a schema will give, before any text is: its audit, keyword by keyword, and what a linter says of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from lmc.codes import OPEN_OBJECT, RELAXED, TYPELESS, VACANT, WHITESPACE
from lmc.ir.constraint import JsonSchema
from lmc.ir.json_schema.findings import (
    SAYS_NOTHING,
    Finding,
    NotRegular,
    SchemaError,
)
from lmc.ir.json_schema.keywords import Json
from lmc.ir.json_schema.lower import NAMES, OPEN, lowered, lowering_of
from lmc.ir.json_schema.regular import texts_of
from lmc.ir.json_schema.vacant import vacant_places

_SAY_A_TYPE = ("type", "enum", "const", "$ref", "allOf", "anyOf", "oneOf")


MAX_SHOWN = 3  # places in a remark


class Remark(NamedTuple):
    """Something that a reader of a program should know: a stable code, one sentence, and what to do."""

    code: str
    message: str
    help: str


def audit(schema: JsonSchema) -> tuple[Finding, ...]:
    """What our automata make of each keyword; nothing is raised: what is refused is the last finding."""
    try:
        return texts_of(schema).findings
    except SchemaError as error:
        return (*_found_before(schema), error.finding)


def _found_before(schema: JsonSchema) -> Iterator[Finding]:
    """What was found of a schema before it was refused."""
    for shared in (False, True):
        lowering = lowering_of(schema, shared=shared)
        try:
            lowered(lowering)
        except SchemaError:
            yield from lowering.found.values()
            return
        except (NotRegular, RecursionError):
            pass


def lint(schema: JsonSchema) -> tuple[Remark, ...]:
    """What is worth a remark: freedom of spaces, a type that was forgotten, and whatever was relaxed or is checked."""
    remarks = [_of_spaces(schema)] if schema.spacing != "compact" else []
    remarks += [_of_type(keyword) for keyword in _typeless(schema.schema)]
    remarks += map(_of_vacant, vacant_places(schema))
    found = audit(schema)
    silent = [finding for finding in found if finding.why == SAYS_NOTHING]
    remarks += [_of_silent(silent)] if silent else []
    open_places = [finding.place for finding in found if finding.why == OPEN]
    remarks += [_of_open(open_places)] if open_places else []
    relaxed = (each for each in found if each.verdict in ("relaxed", "checked") and each not in silent)
    told = (each for each in relaxed if each.keyword != NAMES)
    return (*remarks, *map(_of_relaxed, told))


def _typeless(schema: Json) -> list[str]:
    """What a schema asks of objects or arrays without asking for one; at the root that is hardly ever meant."""
    if not isinstance(schema, dict) or any(keyword in schema for keyword in _SAY_A_TYPE):
        return []
    return [keyword for keyword in ("properties", "items") if keyword in schema][:1]


def _of_type(keyword: str) -> Remark:
    kind = "object" if keyword == "properties" else "array"
    said = f"the JSON schema has `{keyword}` and no `type`: `null`, a number or any text is valid as well"
    return Remark(TYPELESS, said, f'say `"type": "{kind}"` if that is meant')


def _of_vacant(said: str) -> Remark:
    return Remark(VACANT, f"{said}: nothing comes out there", "correct the bounds, or take the part out")


def _of_silent(findings: list[Finding]) -> Remark:
    names = ", ".join(dict.fromkeys(f"`{finding.keyword}`" for finding in findings))
    return Remark(RELAXED, f"the JSON schema's {names} say nothing of what may come out", "that is all they do")


def _of_open(places: list[str]) -> Remark:
    shown = ", ".join(f"`{place}`" for place in places[:MAX_SHOWN]) + (", ..." if len(places) > MAX_SHOWN else "")
    said = (
        f"the JSON schema's objects at {shown} take any further name: the model is asked at each comma whether there "
        "is one, their ends are never forced, and one that repeats is an error"
    )
    return Remark(OPEN_OBJECT, said, "give closed=True, or write `additionalProperties` if that is meant")


def _of_spaces(schema: JsonSchema) -> Remark:
    if schema.spacing == "spaced":
        said = "a space behind each comma and colon is paid for in tokens, and seldom read"
    else:
        said = (
            "any spaces may stand between the parts of the JSON text: none of its marks is forced, so each is sampled"
        )
    return Remark(WHITESPACE, said, "leave the spacing compact")


def _of_relaxed(finding: Finding) -> Remark:
    said = f"the JSON schema's `{finding.keyword}` at `{finding.place}` is {finding.verdict}: {finding.why}"
    if finding.verdict == "checked":
        return Remark(RELAXED, said, "name the items that there may be in an `enum` if that is too late")
    return Remark(RELAXED, said, "say in the schema what is meant, or check the rest after the generation")
