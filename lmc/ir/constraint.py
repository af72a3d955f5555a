"""What may come out of a generation: frozen values, parsed once at the border.

They are made by `parser.regex`, `parser.schema`, `parser.grammar`, `parser.structural_tag` and `parser.tools`, which
raise ConstraintError on bad input; nothing below parses their text again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast

from lmc.ir.grammar import GrammarRules
from lmc.ir.regex import RegexTree

Spacing = Literal["compact", "spaced", "any"]
Reasoning = Literal["disabled", "enabled", "auto"]
# what a generation may be restricted by that only its running program knows, by parameter
RUN_TIME_KINDS = ("regex", "json_schema", "grammar", "structural_tag")
CHOICES_OF_TOOLS = ("auto", "required", "none")


@dataclass(frozen=True, slots=True)
class Regex:
    """The generated text matches `pattern` as `re.fullmatch` would."""

    pattern: str
    tree: RegexTree = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Choices:
    """The generated text is one of `options` (distinct, at least one, none empty)."""

    options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class JsonSchema:
    """The generated text is JSON that the schema accepts; `text` is the schema as canonical JSON.

    schema    the parsed JSON value, in the words of draft 2020-12, never mutated
    spacing   how the text is spaced: compact `{"a":1,"b":2}`, spaced `{"a": 1, "b": 2}`, or with any spaces
    closed    whether objects have only properties that the schema tells; None where nobody said, which is no
    patterns  what every `pattern`, name in `patternProperties` and `format` in it matches, by its text (a format by
              "format:" and its name, "wide:" what may have it): a tree that may match anywhere, or why there is none
    marks     texts that stand in no string of it: the first character of one is written as its escape, `\\u003c`
    """

    text: str
    schema: Any = field(compare=False, repr=False)
    spacing: Spacing = "compact"
    closed: bool | None = None
    patterns: Mapping[str, RegexTree | str] = field(default_factory=dict, compare=False, repr=False)
    marks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Grammar:
    """The generated text is a sentence of an EBNF grammar (xgrammar's dialect, start rule `root`).

    rules   None where the text uses parts of the dialect that only xgrammar knows
    """

    text: str
    rules: GrammarRules | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Lark:
    """The generated text is a sentence of a Lark grammar (start rule `start`).

    rules   None where the text uses parts of llguidance's dialect that only xgrammar knows
    """

    text: str
    rules: GrammarRules | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class StructuralTag:
    """The generated text is put together as a structural tag says; `text` is its format as canonical JSON.

    format    the parsed JSON value, never mutated
    spacing   of the JSON that its schemas describe; `closed` is theirs, too
    parts     the regexes and schemas in it, by their place, as in "#/format/elements/1"
    """

    text: str
    format: Any = field(compare=False, repr=False)
    spacing: Spacing = "compact"
    closed: bool | None = None
    parts: Mapping[str, Regex | JsonSchema] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that a model may call: its name, and the schema of its arguments (an object)."""

    name: str
    parameters: JsonSchema


@dataclass(frozen=True, slots=True)
class ToolCalls:
    """The generated text is an answer with tool calls in it, as one family of models writes them.

    text       all of it as canonical JSON
    format     one of `ir.tool_formats.TOOL_FORMATS`
    choice     one of CHOICES_OF_TOOLS, or the name of the tool that must be called
    parallel   whether there may be more than one call
    reasoning  whether a block of thoughts comes before the answer, or may come
    """

    text: str
    format: str = field(compare=False)
    tools: tuple[Tool, ...] = field(compare=False, repr=False)
    choice: str = field(default="auto", compare=False)
    parallel: bool = field(default=True, compare=False)
    reasoning: Reasoning = field(default="disabled", compare=False)
    spacing: Spacing = field(default="spaced", compare=False)
    closed: bool | None = field(default=None, compare=False)


Constraint = Regex | Choices | JsonSchema | Grammar | Lark | StructuralTag | ToolCalls


def closed(constraint: Constraint, value: bool = True) -> Constraint:
    """The same with every JSON schema in it closed (or not: `value`), where nobody had said whether it is."""
    if not isinstance(constraint, JsonSchema | StructuralTag | ToolCalls) or constraint.closed is not None:
        return constraint
    match constraint:
        case StructuralTag(parts=parts):
            inner = {place: closed(part, value) for place, part in parts.items()}
            return replace(constraint, closed=value, parts=cast("Mapping[str, Regex | JsonSchema]", inner))
        case ToolCalls(text=text, tools=tools):
            known = tuple(replace(tool, parameters=replace(tool.parameters, closed=value)) for tool in tools)
            told = f'{text[:-1]},"closed":{"true" if value else "false"}}}'
            return replace(constraint, text=told, tools=known, closed=value)
    return replace(constraint, closed=value)


@dataclass(frozen=True, slots=True)
class Blank:
    """A generation in a fused form: what may come out of it, or the text that it ends before; any text without both."""

    constraint: Regex | Choices | JsonSchema | None = None
    stop: str = ""


@dataclass(frozen=True, slots=True)
class Fused:
    """The generated text is a form: literals and generations in order, written as one (see passes.fuse_constraints)."""

    parts: tuple[str | Blank, ...]

    @property
    def num_blanks(self) -> int:
        """How many generations the form has."""
        return sum(isinstance(part, Blank) for part in self.parts)
