"""From a constraint to what xgrammar compiles: one text, for whatever vocabulary.

xgrammar's front ends are kept at a distance: regexes and choices go in as EBNF that we write (`ebnf`), schemas are
audited and rewritten first (`schema`), structural tags are made of both (`structural`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from lmc.backend.masks.ebnf import regex_ebnf
from lmc.backend.masks.grammar_text import rules_ebnf
from lmc.backend.masks.structural import Tags
from lmc.backend.masks.tag_parts import ebnf
from lmc.backend.masks.tag_xml import xml_arguments
from lmc.backend.masks.tool_tags import format_of, part_of
from lmc.backend.masks.xgrammar_schema import lower_schema
from lmc.codes import EMPTY, TOO_LARGE
from lmc.errors import ConstraintError
from lmc.ir.automaton.algebra import one_of, states
from lmc.ir.automaton.dfa import CharDfa
from lmc.ir.constraint import (
    Choices,
    Constraint,
    Grammar,
    JsonSchema,
    Lark,
    Regex,
    Spacing,
    StructuralTag,
    ToolCalls,
)
from lmc.ir.json_schema.findings import NotRegular, refuse
from lmc.ir.json_schema.keywords import Json
from lmc.ir.json_schema.lower import Lowered, lower

SEPARATORS = {"compact": (",", ":"), "spaced": (", ", ": "), "any": None}
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|.)", re.DOTALL)
MAX_STATES = 2_000  # of a schema in a structural tag, above which xgrammar's own automaton is asked


@dataclass(frozen=True, slots=True)
class GrammarSource:
    """What xgrammar compiles; `spacing` is for a schema alone."""

    kind: Literal["ebnf", "lark", "schema", "tag"]
    text: str
    spacing: Spacing = "compact"


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
        case JsonSchema(spacing=spacing):
            return GrammarSource("schema", lower_schema(constraint)[0], spacing)
        case StructuralTag(parts=parts):
            # a text that it holds may be an argument of the program, which must not forge a turn
            return _tag(constraint.format, lambda _, place: parts[place], "#/format", controls, controls.turns)
        case ToolCalls():
            return _tag(format_of(constraint), lambda format, _: part_of(constraint, format), "#/format", controls)


def compile_source(
    source: GrammarSource, compiler: Any
) -> Any:  # xgrammar.GrammarCompiler, CompiledGrammar: they have no types
    """The source for the compiler's vocabulary."""
    match source.kind:
        case "ebnf":
            return compiler.compile_grammar(source.text)
        case "lark":
            return compiler.compile_lark(source.text)
        case "schema":
            return compiler.compile_json_schema(source.text, **_style(source.spacing))
        case "tag":
            return compiler.compile_structural_tag(source.text)


def _style(spacing: Spacing) -> dict[str, Any]:
    # strict mode closes open objects, which changes what a schema means
    return {"any_whitespace": spacing == "any", "separators": SEPARATORS[spacing], "strict_mode": False}


def _ebnf(text: str | None) -> GrammarSource | None:
    return None if text is None else GrammarSource("ebnf", text)


def _tag(format: Json, part: Any, place: str, controls: Controls, never: frozenset[int] = frozenset()) -> GrammarSource:
    tags = Tags(
        part,
        controls.ids,
        controls.ends,
        never,
        _schema_format,
        lambda schema, format, _: xml_arguments(schema, format, _schema_format),
    )
    lowered = tags.lower(format, place)
    return GrammarSource("tag", json.dumps({"type": "structural_tag", "format": lowered}, ensure_ascii=False))


def _schema_format(schema: JsonSchema) -> Json:
    """A schema's texts as a grammar: by our automata, and by xgrammar where it recurs or has too many states."""
    text = _regular_ebnf(schema)
    if text is not None:
        return ebnf(text)
    from xgrammar import Grammar as XGrammar

    grammar = XGrammar.from_json_schema(lower_schema(schema)[0], **_style(schema.spacing))
    return ebnf(_readable(str(grammar)))


def _readable(printed: str) -> str:
    """A grammar as xgrammar prints it, fit to be read again: `\\xe9` is read on for as long as hex digits come."""
    return _ESCAPE.sub(lambda escape: f"\\U000000{escape[1]}" if escape[1] else escape[0], printed)


def _regular_ebnf(schema: JsonSchema) -> str | None:
    try:
        lowered = lower(schema)
        _refuse_checked(lowered)
        tree = lowered.tree
        for _ in states(CharDfa(tree, max_states=MAX_STATES)):
            pass
    except NotRegular:
        return None
    except ConstraintError as error:
        if error.code != TOO_LARGE:
            raise
        return None
    text = regex_ebnf(tree)
    if text is None:
        raise ConstraintError(f"no value satisfies the JSON schema {schema.text}", code=EMPTY)
    return text


def _refuse_checked(lowered: Lowered) -> None:
    """Nobody holds a part of a structural tag against its schema when it is complete."""
    for finding in lowered.findings:
        if finding.verdict == "checked":
            why = "in a structural tag only items of a few known values can be told apart"
            refuse(finding.place, finding.keyword, why, "give the items an `enum`")
