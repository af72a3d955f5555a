"""The rules of a grammar as a value: what `parser` reads of a user's text, and lints and masks look at.

A leaf is a regular language, a terminal of Lark or a character class of EBNF. Looks in a leaf see its own text alone,
as for a lexer that takes the longest match.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from lmc.ir.regex import RegexTree

Place = tuple[int, int]  # line and column in the grammar's text, from 1


@dataclass(frozen=True, slots=True)
class LeafPart:
    """A text of a regular language; `shown` is how the grammar writes it."""

    tree: RegexTree = field(repr=False)
    shown: str
    place: Place = field(compare=False)


@dataclass(frozen=True, slots=True)
class RuleCall:
    """A text of a rule."""

    name: str
    place: Place = field(compare=False)


@dataclass(frozen=True, slots=True)
class InRow:
    """Parts one after another; none is the empty text."""

    parts: tuple[GrammarPart, ...]


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of some parts."""

    options: tuple[GrammarPart, ...]


@dataclass(frozen=True, slots=True)
class Times:
    """A part `least` to `most` times; None is without a bound."""

    part: GrammarPart
    least: int
    most: int | None


GrammarPart = LeafPart | RuleCall | InRow | OneOf | Times


@dataclass(frozen=True, slots=True)
class GrammarRule:
    """A rule, and where its name stands."""

    name: str
    body: GrammarPart
    place: Place = field(compare=False)


@dataclass(frozen=True, slots=True)
class GrammarRules:
    """A whole grammar.

    start    the rule of the whole text
    ignored  what may stand behind every leaf, any number of times
    """

    start: str
    rules: tuple[GrammarRule, ...]
    ignored: tuple[LeafPart, ...] = ()

    def by_name(self) -> dict[str, GrammarRule]:
        """The rules by their names."""
        return {rule.name: rule for rule in self.rules}

    def reached(self) -> list[str]:
        """The rules that the start leads to, itself first."""
        rules = self.by_name()
        found = [self.start]  # grows
        for name in found:
            called = [call.name for call in calls(rules[name].body)]
            found += dict.fromkeys(each for each in called if each not in found)
        return found


def calls(part: GrammarPart) -> Iterator[RuleCall]:
    """The calls in a part, in order."""
    for each in walk(part):
        if isinstance(each, RuleCall):
            yield each


def walk(part: GrammarPart) -> Iterator[GrammarPart]:
    """A part and all parts in it."""
    yield part
    match part:
        case InRow(parts) | OneOf(parts):
            for inner in parts:
                yield from walk(inner)
        case Times(inner):
            yield from walk(inner)


def ending(rules: GrammarRules, is_empty: frozenset[LeafPart] = frozenset()) -> set[str]:
    """The rules that some text satisfies, where the leaves `is_empty` have none."""
    found: set[str] = set()
    while more := {r.name for r in rules.rules if r.name not in found and has_text(r.body, found, is_empty)}:
        found |= more
    return found


def has_text(part: GrammarPart, ending: set[str], is_empty: frozenset[LeafPart] = frozenset()) -> bool:
    """Whether some text is of a part, given the rules that have one."""
    match part:
        case LeafPart():
            return part not in is_empty
        case RuleCall(name):
            return name in ending
        case InRow(parts):
            return all(has_text(each, ending, is_empty) for each in parts)
        case OneOf(options):
            return any(has_text(each, ending, is_empty) for each in options)
        case Times(inner, least):
            return not least or has_text(inner, ending, is_empty)
