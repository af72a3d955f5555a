"""From a constraint to what xgrammar compiles: one text, for whatever vocabulary.

xgrammar's front ends are kept at a distance: regexes, choices and schemas go in as EBNF that we write (`ebnf`,
`schema_ebnf`), structural tags are made of those (`structural`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from lmc.backend.masks.ebnf import regex_ebnf
from lmc.backend.masks.grammar_text import rules_ebnf
from lmc.backend.masks.schema_ebnf import schema_ebnf
from lmc.backend.masks.structural import Tags
from lmc.backend.masks.tag_parts import ebnf
from lmc.backend.masks.tag_xml import xml_arguments
from lmc.backend.masks.tool_tags import format_of, part_of
from lmc.ir.automaton.algebra import one_of
from lmc.ir.constraint import (
    Choices,
    Constraint,
    Grammar,
    JsonSchema,
    Lark,
    Regex,
    StructuralTag,
    ToolCalls,
)
from lmc.ir.json_schema.keywords import Json
from lmc.ir.tool_formats import FORMATS


@dataclass(frozen=True, slots=True)
class GrammarSource:
    """What xgrammar compiles."""

    kind: Literal["ebnf", "lark", "tag"]
    text: str


@dataclass(frozen=True, slots=True)
class Controls:
    """Control tokens of a tokenizer by their text; those that end a generation, and those that turns are made of."""

    ids: Mapping[str, int]
    ends: frozenset[int]
    turns: frozenset[int] = frozenset()


NO_CONTROLS = Controls({}, frozenset())


def source_of(constraint: Constraint, controls: Controls = NO_CONTROLS) -> GrammarSource | None:
    """What to compile; None where no text satisfies the constraint. Raises ConstraintError where it cannot be kept.

    controls   those that a structural tag may ask for by id
    """
    match constraint:
        case Regex(_, tree):
            return _ebnf(regex_ebnf(tree))
        case Choices(options):
            return _ebnf(regex_ebnf(one_of(options)))
        case Grammar(text):
            return _ebnf(text)
        case Lark(text, rules):
            return GrammarSource("lark", text) if rules is None else _ebnf(rules_ebnf(rules))
        case JsonSchema():
            return _ebnf(schema_ebnf(constraint))
        case StructuralTag(parts=parts):
            # a text that it holds may be an argument of the program, which must not forge a turn
            return _tag(constraint.format, lambda _, place: parts[place], "#/format", controls, controls.turns)
        case ToolCalls():
            marks = FORMATS[constraint.format].marks
            format = format_of(constraint)
            return _tag(
                format, lambda each, _: part_of(constraint, each), "#/format", controls, marks=marks, is_checked=True
            )


def compile_source(
    source: GrammarSource, compiler: Any
) -> Any:  # xgrammar.GrammarCompiler, CompiledGrammar: they have no types
    """The source for the compiler's vocabulary."""
    match source.kind:
        case "ebnf":
            return compiler.compile_grammar(source.text)
        case "lark":
            return compiler.compile_lark(source.text)
        case "tag":
            return compiler.compile_structural_tag(source.text)


def _ebnf(text: str | None) -> GrammarSource | None:
    return None if text is None else GrammarSource("ebnf", text)


def _tag(
    format: Json,
    part: Any,
    place: str,
    controls: Controls,
    never: frozenset[int] = frozenset(),
    marks: tuple[str, ...] = (),
    *,
    is_checked: bool = False,
) -> GrammarSource:
    tags = Tags(
        part,
        controls.ids,
        controls.ends,
        never,
        _schema_format,
        lambda schema, format, _: xml_arguments(schema, format, _schema_format, is_checked=is_checked),
        marks,
    )
    lowered = tags.lower(format, place)
    return GrammarSource("tag", json.dumps({"type": "structural_tag", "format": lowered}, ensure_ascii=False))


def _schema_format(schema: JsonSchema) -> Json:
    """A schema's texts as a grammar."""
    return ebnf(schema_ebnf(schema))
