"""What a schema will give, before any text is: its audit, keyword by keyword, and what a linter says of it."""

from __future__ import annotations

from typing import NamedTuple

from lmc.ir.constraint import JsonSchema
from lmc.ir.json_schema.findings import RELAXED, WHITESPACE, Finding, NotRegular, SchemaError
from lmc.ir.json_schema.lower import Lowering


class Remark(NamedTuple):
    """Something that a reader of a program should know: a stable code, one sentence, and what to do."""

    code: str
    message: str
    help: str


def audit(schema: JsonSchema) -> tuple[Finding, ...]:
    """What our automata make of each keyword; nothing is raised.

    A keyword that makes the texts no regular language (a schema within itself) is a finding too: then a grammar has to
    say the rest.
    """
    lowering = Lowering(schema)
    try:
        return lowering.lowered().findings
    except (SchemaError, NotRegular) as error:
        return (*lowering.found.values(), error.finding)


def lint(schema: JsonSchema) -> tuple[Remark, ...]:
    """What is worth a remark: freedom of spaces, and whatever was relaxed."""
    remarks = [_of_spaces(schema)] if schema.spacing != "compact" else []
    relaxed = (finding for finding in audit(schema) if finding.verdict == "relaxed")
    return (*remarks, *map(_of_relaxed, relaxed))


def _of_spaces(schema: JsonSchema) -> Remark:
    if schema.spacing == "spaced":
        said = "a space behind each comma and colon is paid for in tokens, and seldom read"
    else:
        said = (
            "any spaces may stand between the parts of the JSON text: none of its marks is forced, so each is sampled"
        )
    return Remark(WHITESPACE, said, "leave the spacing compact")


def _of_relaxed(finding: Finding) -> Remark:
    said = f"the JSON schema's `{finding.keyword}` at `{finding.place}` is relaxed: {finding.why}"
    return Remark(RELAXED, said, "say in the schema what is meant, or check the rest after the generation")
