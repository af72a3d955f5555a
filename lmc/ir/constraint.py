"""What may come out of a generation: frozen values, parsed once at the border.

`Regex` and `JsonSchema` are made by `parser.regex.parse_regex` and `parser.schema.parse_schema`, which raise
ConstraintError on bad input; nothing below parses their text again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from lmc.ir.regex import RegexTree

Spacing = Literal["compact", "spaced", "any"]


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

    schema    the parsed JSON value, never mutated
    spacing   how the text is spaced: compact `{"a":1,"b":2}`, spaced `{"a": 1, "b": 2}`, or with any spaces
    patterns  what every `pattern`, name in `patternProperties` and `format` in it matches, by its text (a format by
              "format:" and its name): a tree that may match anywhere, or why there is none
    """

    text: str
    schema: Any = field(compare=False, repr=False)
    spacing: Spacing = "compact"
    patterns: Mapping[str, RegexTree | str] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Grammar:
    """The generated text is a sentence of an EBNF grammar (xgrammar's dialect, start rule `root`)."""

    text: str


Constraint = Regex | Choices | JsonSchema | Grammar


@dataclass(frozen=True, slots=True)
class Blank:
    """A generation in a fused row: what may come out of it, or the text that it ends before; any text without both."""

    constraint: Regex | Choices | JsonSchema | None = None
    stop: str = ""


@dataclass(frozen=True, slots=True)
class Fused:
    """The generated text is a row of literals and generations, written as one (see passes.fuse_constraints)."""

    parts: tuple[str | Blank, ...]

    @property
    def num_blanks(self) -> int:
        """How many generations the row has."""
        return sum(isinstance(part, Blank) for part in self.parts)
