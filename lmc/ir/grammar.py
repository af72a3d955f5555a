"""The rules of a grammar as a value: what `parser` reads of a user's text, and lints and masks look at.

A leaf is a regular language, a terminal of Lark or a character class of EBNF. Looks in a leaf see its own text alone,
as for a lexer that takes the longest match.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from lmc.ir.regex import Alt, RegexTree, Repeat, Seq

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


# --- what may stand beside what ----------------------------------------------------------------------------------


def flattened(rules: GrammarRules) -> GrammarRules:
    """The same texts with larger leaves: rules but the start that call none, and what is repeated, are one each."""
    made = []
    for rule in rules.rules:
        body = rule.body
        if rule.name != rules.start and (tree := _tree(body)) is not None:
            made.append(GrammarRule(rule.name, LeafPart(tree, rule.name, rule.place), rule.place))
        else:
            made.append(GrammarRule(rule.name, _joined(body), rule.place))
    return GrammarRules(rules.start, tuple(made), rules.ignored)


def _joined(part: GrammarPart) -> GrammarPart:
    match part:
        case InRow(parts):
            return InRow(tuple(map(_joined, parts)))
        case OneOf(options):
            return OneOf(tuple(map(_joined, options)))
        case Times(inner, least, most):
            tree = _tree(part)
            first = next((leaf for leaf in walk(inner) if isinstance(leaf, LeafPart)), None)
            if tree is not None and first is not None and most != 1:
                return LeafPart(tree, f"{first.shown}{'*' if not least else '+'}", first.place)
            return Times(_joined(inner), least, most)
    return part


def _tree(part: GrammarPart) -> RegexTree | None:
    """A part without calls as one regular tree."""
    match part:
        case LeafPart(tree):
            return tree
        case RuleCall():
            return None
        case InRow(parts):
            trees = [_tree(each) for each in parts]
            return None if None in trees else Seq(tuple(tree for tree in trees if tree is not None))
        case OneOf(options):
            trees = [_tree(each) for each in options]
            return None if None in trees else Alt(tuple(tree for tree in trees if tree is not None))
        case Times(inner, least, most):
            repeated = _tree(inner)
            return None if repeated is None else Repeat(repeated, least, most)


Leaves = frozenset[LeafPart]


@dataclass(frozen=True, slots=True)
class PartEdges:
    """The leaves that a part may begin and end with, and whether it may be empty."""

    first: Leaves = frozenset()
    last: Leaves = frozenset()
    is_nullable: bool = False


def neighbours(rules: GrammarRules, is_nullable: Callable[[LeafPart], bool]) -> Iterator[tuple[LeafPart, LeafPart]]:
    """The leaves that may stand directly one behind the other, in the order of the grammar, each pair once."""
    known = {rule.name: PartEdges() for rule in rules.rules}
    nullable = {
        leaf: is_nullable(leaf) for rule in rules.rules for leaf in walk(rule.body) if isinstance(leaf, LeafPart)
    }
    while True:
        found = {rule.name: _edges(rule.body, known, nullable) for rule in rules.rules}
        if found == known:
            break
        known = found
    pairs: dict[tuple[LeafPart, LeafPart], None] = {}
    for name in rules.reached():
        for part in walk(rules.by_name()[name].body):
            pairs.update(dict.fromkeys(_touching(part, known, nullable)))
    ignored = dict.fromkeys(
        pair for leaf in nullable for skip in rules.ignored for pair in ((leaf, skip), (skip, leaf))
    )
    yield from pairs | ignored


def _edges(part: GrammarPart, known: dict[str, PartEdges], nullable: dict[LeafPart, bool]) -> PartEdges:
    match part:
        case LeafPart():
            return PartEdges(frozenset({part}), frozenset({part}), nullable[part])
        case RuleCall(name):
            return known[name]
        case OneOf(options):
            ways = [_edges(each, known, nullable) for each in options]
            return PartEdges(
                frozenset[LeafPart]().union(*(each.first for each in ways)),
                frozenset[LeafPart]().union(*(each.last for each in ways)),
                any(each.is_nullable for each in ways),
            )
        case Times(inner, least):
            own = _edges(inner, known, nullable)
            return PartEdges(own.first, own.last, own.is_nullable or not least)
        case InRow(parts):
            row = [_edges(each, known, nullable) for each in parts]
            return PartEdges(_outer(row), _outer(row[::-1], last=True), all(each.is_nullable for each in row))


def _outer(row: list[PartEdges], *, last: bool = False) -> Leaves:
    found: Leaves = frozenset()
    for each in row:
        found |= each.last if last else each.first
        if not each.is_nullable:
            break
    return found


def _touching(
    part: GrammarPart, known: dict[str, PartEdges], nullable: dict[LeafPart, bool]
) -> Iterator[tuple[LeafPart, LeafPart]]:
    match part:
        case Times(inner, _, most) if most != 1:
            own = _edges(inner, known, nullable)
            yield from _all_pairs(own.last, own.first)
        case InRow(parts):
            row = [_edges(each, known, nullable) for each in parts]
            for at, each in enumerate(row):
                yield from _all_pairs(each.last, _outer(row[at + 1 :]))


def _all_pairs(before: Leaves, behind: Leaves) -> Iterator[tuple[LeafPart, LeafPart]]:
    by_place = [sorted(leaves, key=lambda leaf: leaf.place) for leaves in (before, behind)]
    yield from ((one, other) for one in by_place[0] for other in by_place[1])
