"""How many tokens a text of ordinary length takes under a constraint: what is expected where nothing better is known.

What the constraint writes stands as it is; what it leaves open is filled with prose, words or digits of an ordinary
length, and all of it is cut by the tokenizer. Of alternatives each is as likely, of a list two items more are expected
than there must be, of what may be left out a half, and properties that no schema tells are not expected.

    {"name": string, "age": integer}     ->     {"name":"the old man and the sea w","age":12}

Nothing here is a bound: who asks holds the number between those that are.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache

from lmc.errors import LMError
from lmc.ir.automaton.calls import mark, places_of
from lmc.ir.automaton.extent import plainest
from lmc.ir.constraint import Constraint, Grammar, JsonSchema, Lark, ToolCalls
from lmc.ir.grammar import GrammarPart, GrammarRules, InRow, LeafPart, OneOf, RuleCall, Times
from lmc.ir.json_schema.findings import NotRegular
from lmc.ir.json_schema.regular import texts_of
from lmc.ir.prompt import GENERATED, Encode, Text
from lmc.ir.ranges import Ranges
from lmc.ir.regex import Alt, And, Atomic, Chars, Look, Multiples, Not, RegexTree, Repeat, Seq, Whole
from lmc.ir.tool_formats import FORMATS
from lmc.passes.lint.facts import facts

PROSE = "the old man and the sea were waiting for a long white boat to come in from the far north "
DIGITS = "1234567890"
SENTENCE, WORD, NUMBER, ITEMS = 24, 6, 1, 2  # more than there must be: characters of prose, of a word; digits; items
OF_STRING = 32  # characters that a set has at least, if what else may stand in its place is an escape
LONG = 1000  # characters; longer texts are cut only in part
PER_TOKEN = 4  # characters, where no tokenizer is given
EMPTY_OBJECT = 2.0


def typical_tokens(constraint: Constraint, encode: Encode | None) -> float | None:
    """Tokens of an ordinary text; None where it cannot be said."""
    try:
        return _typical(constraint, encode)
    except (LMError, NotRegular, RecursionError):
        return None


@lru_cache(maxsize=1024)
def _typical(constraint: Constraint, encode: Encode | None) -> float | None:
    count = _counter(encode)
    options = facts(constraint).options
    if options:
        return sum(map(count, options)) / len(options)
    match constraint:
        case JsonSchema():
            return _of_schema(constraint, count)
        case Grammar(rules=GrammarRules() as rules) | Lark(rules=GrammarRules() as rules):
            return _of_rules(rules, count)
        case ToolCalls():
            return _of_tools(constraint, count)
    tree = facts(constraint).tree
    return None if tree is None else _Texts(count).of(tree)


def _counter(encode: Encode | None) -> Callable[[str], float]:
    if encode is None:
        return lambda text: len(text) / PER_TOKEN
    return lambda text: float(len(encode((Text(text),), GENERATED))) if text else 0.0


def _of_schema(schema: JsonSchema, count: Callable[[str], float]) -> float | None:
    for each in (replace(schema, closed=True), schema):
        lowered = texts_of(each)
        found = _Texts(count, lowered.places).of(lowered.tree)
        if found is not None and found > EMPTY_OBJECT:  # an object of which nothing is told has what it wants
            return found
    return found


def _of_rules(rules: GrammarRules, count: Callable[[str], float]) -> float | None:
    """A grammar's rules are places that call each other."""
    numbers = {rule.name: number for number, rule in enumerate(rules.rules)}

    def tree(part: GrammarPart) -> RegexTree:
        match part:
            case LeafPart(leaf):
                return leaf
            case RuleCall(name):
                return mark(numbers[name])
            case InRow(parts):
                return Seq(tuple(map(tree, parts)))
            case OneOf(options):
                return Alt(tuple(map(tree, options)))
            case Times(inner, least, most):
                return Repeat(tree(inner), least, most)

    places = tuple(tree(rule.body) for rule in rules.rules)
    return _Texts(count, places).of(places[numbers[rules.start]])


def _of_tools(calls: ToolCalls, count: Callable[[str], float]) -> float | None:
    """One call, where one must come and nothing is thought or said before."""
    tools = [tool for tool in calls.tools if calls.choice in ("required", tool.name)]
    if not tools or calls.reasoning != "disabled":
        return None
    around = count("".join(FORMATS[calls.format].marks[:2]) + json.dumps({"name": "", "arguments": ""}))
    each = [(_of_schema(tool.parameters, count), count(tool.name)) for tool in tools]
    known = [arguments + name for arguments, name in each if arguments is not None]
    return around + sum(known) / len(known) if known else None


class _NoText(Exception):
    """Nothing that ends stands here."""


@dataclass(slots=True)
class _Texts:
    """Counts ordinary texts of trees; `places` are what their marks call."""

    count: Callable[[str], float]
    places: Sequence[RegexTree] = ()
    _known: dict[int, float | None] = field(default_factory=dict)  # by identity: a tree may hold one part many times

    def of(self, tree: RegexTree) -> float | None:
        """Tokens of an ordinary text; None where all texts contain themselves, or there is none."""
        if id(tree) not in self._known:
            self._known[id(tree)] = None  # what calls it meanwhile would be without end
            with suppress(_NoText):
                self._known[id(tree)] = _Text(self).of(tree)
        return self._known[id(tree)]


@dataclass(slots=True)
class _Text:
    """One text as it grows: what is written and not counted yet, and the tokens of what is."""

    texts: _Texts
    written: str = ""
    tokens: float = 0.0

    def of(self, tree: RegexTree) -> float:
        self.write(tree)
        self.counted(0.0)
        return self.tokens

    def counted(self, more: float) -> None:
        """What was written, then something that is counted already."""
        self.tokens += self.texts.count(self.written) + more
        self.written = ""

    def write(self, part: RegexTree) -> None:
        match part:
            case Chars(ranges) if places_of(ranges):
                self.one_of([self.texts.places[place] for place in places_of(ranges)])
            case Chars(ranges):
                self.fill(ranges, 1)
            case Seq(parts):
                for each in parts:
                    self.write(each)
            case Alt(options):
                ranges = _characters(part)
                self.one_of(options) if ranges is None else self.fill(ranges, 1)
            case Repeat():
                self.repeat(part)
            case And(parts):  # the part that says most
                self.counted(min(self.known(parts)))
            case Not():
                self.written += PROSE[:SENTENCE]
            case Atomic(item) | Whole(item):
                self.write(item)
            case Multiples(_, places):
                self.written += DIGITS[:2] + ("." + DIGITS[:places] if places else "")
            case Look():
                pass

    def known(self, parts: Sequence[RegexTree]) -> list[float]:
        found = [tokens for tokens in map(self.texts.of, parts) if tokens is not None]
        if not found:
            raise _NoText
        return found

    def one_of(self, options: Sequence[RegexTree]) -> None:
        found = self.known(options)
        self.counted(sum(found) / len(found))

    def repeat(self, part: Repeat) -> None:
        ranges = _characters(part.item)
        if ranges is not None:
            times = _times(part, _ordinary(ranges))
            self.fill(ranges, int(times))
            self.tokens += times % 1 * self.texts.count(_filled(ranges, 1))
            return
        item = self.texts.of(part.item) if part.max != 0 else 0.0
        if item is None and part.min:
            raise _NoText
        self.counted(0.0 if item is None else item * _times(part, ITEMS))

    def fill(self, ranges: Ranges, num: int) -> None:
        if not ranges:
            raise _NoText
        self.written += _filled(ranges, min(num, LONG))
        if num > LONG:
            self.tokens += self.texts.count(_filled(ranges, LONG)) * (num / LONG - 1)


def _times(part: Repeat, more: int) -> float:
    """How often something comes: in the middle, of a few more than it must."""
    return part.min + (more if part.max is None else min(part.max - part.min, 2 * more) / 2)


def _characters(part: RegexTree) -> Ranges | None:
    """The characters of which a part is one; escapes that may stand for one are none."""
    match part:
        case Chars(ranges) if not places_of(ranges):
            return ranges
        case Alt(options):
            sets = [each.ranges for each in options if isinstance(each, Chars) and not places_of(each.ranges)]
            widest = max(sets, key=_width, default=())
            return widest if _width(widest) >= OF_STRING else None
    return None


def _width(ranges: Ranges) -> int:
    return sum(high - low + 1 for low, high in ranges)


def _ordinary(ranges: Ranges) -> int:
    """How many characters more than it must a text of a set has."""
    is_wide = _width(ranges) >= OF_STRING
    if _has(ranges, " ") and is_wide:
        return SENTENCE
    if _has(ranges, "a") or _has(ranges, "A"):
        return WORD
    if _has(ranges, "0"):
        return NUMBER
    if is_wide:
        return WORD
    return 0 if _has(ranges, " ") or _has(ranges, "\n") else NUMBER


def _has(ranges: Ranges, char: str) -> bool:
    return any(low <= ord(char) <= high for low, high in ranges)


@lru_cache(maxsize=1024)
def _filled(ranges: Ranges, num: int) -> str:
    """So many characters of a set, as people write them."""
    for text in (PROSE, PROSE.upper(), DIGITS):
        kept = "".join(char for char in text if _has(ranges, char))
        if kept.strip():
            return (kept * (num // len(kept) + 1))[:num]
    return plainest(ranges) * num
