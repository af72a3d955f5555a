"""From sets of values to the trees of their texts, place by place of a shape."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Protocol

from lmc.errors import ConstraintError
from lmc.ir.automaton.algebra import literal
from lmc.ir.automaton.dfa import DEAD, CharDfa
from lmc.ir.constraint import Spacing
from lmc.ir.json_schema.findings import Finding, NotRegular, refuse
from lmc.ir.json_schema.finite import finite
from lmc.ir.json_schema.numbers import NoStep, Number, Numbers, number_text
from lmc.ir.json_schema.shape import DEPTH, Shape
from lmc.ir.json_schema.strings import Strings, other_than, quoted
from lmc.ir.json_schema.trees import ANYTHING, EMPTY, NOTHING, alt, both, many, maybe, one_of, seq, span
from lmc.ir.json_schema.values import (
    KINDS,
    Arrays,
    Both,
    Contains,
    Either,
    Everything,
    Kind,
    MemberRule,
    Nothing,
    Objects,
    Part,
    Texts,
    Values,
    Without,
    complement,
    everything,
    is_everything,
    is_nothing,
    meet,
)  # fmt: skip
from lmc.ir.ranges import complement as other_chars
from lmc.ir.regex import Chars, Not, RegexTree, Seq, Whole
from lmc.ir.work import steps

MAX_UNIQUE = 32  # different items that are told apart
MAX_PARTS = 30_000  # sets of one kind written for a schema: about a second
FEW_CELLS = 8  # ways in which rules can be about one name, above which it is asked whether there is such a name
MAX_CELLS = 64
MAX_NAME_STATES = 500
BOOLEANS = alt([seq("true"), seq("false")])
LETTERS = [span(letter, letter) for letter in "abcdefghijklmnopqrstuvwxyz"]
# a class of names for each first letter, and one for all others
NAME_CLASSES = (
    *(seq(letter, ANYTHING) for letter in LETTERS),
    alt([EMPTY, seq(Chars(other_chars(((97, 122),))), ANYTHING)]),
)


@dataclass(frozen=True, slots=True)
class Spaces:
    """What stands around the marks of JSON."""

    comma: RegexTree
    colon: RegexTree
    inside: RegexTree  # after an opening and before a closing bracket


MAX_SPACES = 40  # in a row, where any may stand: enough for a line end and nine levels of four spaces
_ANY = many(one_of(" \t\r\n"), 0, MAX_SPACES)
SPACES: dict[Spacing, Spaces] = {
    "compact": Spaces(seq(","), seq(":"), EMPTY),
    "spaced": Spaces(seq(", "), seq(": "), EMPTY),
    "any": Spaces(seq(_ANY, ",", _ANY), seq(_ANY, ":", _ANY), _ANY),
}


class Calls(Protocol):
    """What stands for the values of places further in, where those are not written out."""

    def call(self, values: Values, shape: Shape | None) -> RegexTree:
        """A set of values."""

    def short(self, values: Values, shape: Shape | None) -> RegexTree | None:
        """The texts of a set that holds no objects and arrays; None for one that may."""

    def only(self, text: str, shape: Shape) -> Values:
        """The set of one value."""


@dataclass(slots=True)
class Writer:
    """Writes the sets of one schema.

    canonical   each value has one text, up to spaces
    marks       texts that stand in no string
    is_closed   where any value may stand, objects are empty
    is_cut      whether anything was cut at DEPTH
    is_negated  within a complement
    repeating   places of arrays whose items ought to differ or, in a complement, to repeat: whether is not in the texts
    free_names  places where an object may have properties that are not told by name: whether they are told at all
    counted     keywords, by place, that count such properties
    calls       writes the values of inner places, where those are not written out
    """

    spacing: Spacing
    canonical: bool
    marks: tuple[str, ...] = ()
    is_closed: bool = False
    is_cut: bool = False
    is_negated: bool = False
    repeating: set[str] = field(default_factory=set)
    free_names: dict[str, bool] = field(default_factory=dict)
    counted: set[tuple[str, str]] = field(default_factory=set)
    num_parts: int = 0
    calls: Calls | None = None
    _parts: dict[tuple[int, Kind, int, bool], tuple[Part, Shape, RegexTree]] = field(default_factory=dict)
    _wholes: dict[tuple[Kind, int], tuple[Shape, RegexTree]] = field(default_factory=dict)
    _anything: dict[int, RegexTree] = field(default_factory=dict)
    _keys: dict[str, RegexTree] = field(default_factory=dict)
    _others: dict[frozenset[str], RegexTree] = field(default_factory=dict)
    _other_keys: dict[int, tuple[RegexTree, RegexTree]] = field(default_factory=dict)

    @property
    def spaces(self) -> Spaces:
        return SPACES[self.spacing]

    def value(self, values: Values, shape: Shape | None, depth: int = DEPTH) -> RegexTree:
        """The texts of a set; a place without a shape holds anything or nothing. Raises SchemaError, NotRegular."""
        if is_nothing(values):
            return NOTHING
        if self.calls is not None:
            return self.calls.call(values, shape)
        if shape is None:
            assert is_everything(values)
            return self.anything(depth)
        return self.kinds(values, shape)

    def kinds(self, values: Values, shape: Shape) -> RegexTree:
        """The texts of a set, kind by kind."""
        return alt(self.part(kind, values[kind], shape) for kind in KINDS)

    def negated(self, values: Values, shape: Shape) -> RegexTree:
        """The texts that are not to be taken for those of the complement."""
        before, self.is_negated = self.is_negated, True
        found = self.kinds(values, shape)
        self.is_negated = before
        return found

    def anything(self, depth: int) -> RegexTree:
        """Any value of at most `depth` objects and arrays within one another."""
        found = self._anything.get(depth)
        if found is None:
            found = self._anything[depth] = self._any_of(depth)
        return found

    def _any_of(self, depth: int) -> RegexTree:
        scalars = [seq("null"), BOOLEANS, Numbers().tree(canonical=self.canonical), self._any_string]
        if not depth:
            self.is_cut = True
            return alt(scalars)
        inner = self.anything(depth - 1)
        items = self._bracketed("[]", maybe(self._row(inner)))
        member = seq(self._any_string, self.spaces.colon, inner)
        if not self.is_closed:
            self.free_names.setdefault("#", True)
        members = EMPTY if self.is_closed else maybe(self._row(member))
        return alt([*scalars, items, self._bracketed("{}", members)])

    @property
    def _any_string(self) -> RegexTree:
        return Strings().tree(canonical=self.canonical, marks=self.marks)

    def part(self, kind: Kind, part: Part, shape: Shape) -> RegexTree:
        """The texts of a set of one kind: one tree wherever the very same set is held in a place."""
        if isinstance(part, Everything | Nothing):
            return self._part(kind, part, shape)
        key = (id(part), kind, id(shape), self.is_negated)
        found = self._parts.get(key)
        if found is None:  # kept with what it is of, as their numbers would be others'
            found = self._parts[key] = part, shape, self._part(kind, part, shape)
        return found[2]

    def _part(self, kind: Kind, part: Part, shape: Shape) -> RegexTree:
        self.num_parts += 1
        steps()
        if self.num_parts > MAX_PARTS:
            raise NotRegular(Finding("#", "(size)", "exact", f"its texts have more than {MAX_PARTS:,} parts"))
        if kind == "string" and part != Everything():
            return NOTHING if part == Nothing() else quoted(characters(part, wide=self.is_negated), self.marks)
        match part:
            case Nothing():
                return NOTHING
            case Everything():
                return self.whole(kind, shape)
            case Texts(tree):
                return tree
            case Either(parts):
                return alt(self.part(kind, each, shape) for each in parts)
            case Both(parts):
                return both(self.part(kind, each, shape) for each in parts)
            case Without(inner):
                return both([self.whole(kind, shape), Not(self._negated(kind, inner, shape))])
            case Number(value):
                return literal(number_text(value))
            case Numbers():
                return self._numbers(part, shape)
            case Arrays():
                return self._array(part, shape)
            case Contains():
                return self._containing(part, shape)
            case Objects():
                return self._object(part, shape)
            case _:
                raise AssertionError(part)

    def _numbers(self, form: Numbers, shape: Shape) -> RegexTree:
        try:
            return form.tree(canonical=self.canonical)
        except NoStep as reason:  # each step has an automaton, and all of them together have not
            steps = " and ".join(map(number_text, form.steps))
            refuse(shape.place, "multipleOf", f"multiples of {steps} {reason}")

    def _negated(self, kind: Kind, part: Part, shape: Shape) -> RegexTree:
        before, self.is_negated = self.is_negated, not self.is_negated
        found = self.part(kind, part, shape)
        self.is_negated = before
        return found

    def whole(self, kind: Kind, shape: Shape) -> RegexTree:
        """Every text of a kind in a place."""
        found = self._wholes.get((kind, id(shape)))
        if found is None:
            found = self._wholes[kind, id(shape)] = (shape, self._whole(kind, shape))
        return found[1]

    def _whole(self, kind: Kind, shape: Shape) -> RegexTree:
        match kind:
            case "null":
                return seq("null")
            case "boolean":
                return BOOLEANS
            case "number":
                return Numbers().tree(canonical=self.canonical)
            case "string":
                return self._any_string
            case "array":
                return self._array(Arrays(), shape)
            case "object":
                return self._object(Objects(), shape)

    # --- rows ------------------------------------------------------------------------------------------------

    def _bracketed(self, brackets: str, inner: RegexTree) -> RegexTree:
        spaces = self.spaces.inside
        if spaces == EMPTY:
            return seq(brackets[0], inner, brackets[1])
        return seq(brackets[0], spaces, inner, spaces, brackets[1])

    def _row(self, item: RegexTree, low: int = 1, high: int | None = None) -> RegexTree:
        """`low` (at least 1) to `high` of an item with commas between them."""
        if high is not None and high < max(low, 1):
            return NOTHING
        return seq(item, many(seq(self.spaces.comma, item), low - 1, None if high is None else high - 1))

    # --- arrays ----------------------------------------------------------------------------------------------

    def _array(self, form: Arrays, shape: Shape) -> RegexTree:
        different: list[RegexTree] = []
        if form.unique is not None and (form.high is None or form.high > 1):
            told = self._all_different(form, shape)
            if told is None:
                self.repeating.add(form.unique)
                # of longer ones in a complement it is not known whether they repeat: so all those come out
                form = replace(form, high=1) if self.is_negated else form
            different = told or []
        parts = [self._bracketed("[]", self._items(form, shape))]
        return both([*parts, *(self._containing(each, shape) for each in form.contains), *different])

    def _items(self, form: Arrays, shape: Shape) -> RegexTree:
        count, comma = len(shape.items), self.spaces.comma
        rest = self.value(form.rest, shape.rest, DEPTH - 1)
        if not count:
            return self._listed(rest, form.low, form.high)
        tail = self._further(rest, max(form.low - count, 0), None if form.high is None else form.high - count)
        for at in range(count - 1, -1, -1):
            item = seq(self.value(form.item(at), shape.items[at]), tail)
            goes_on = form.high is None or at < form.high
            options = [item if not at else seq(comma, item)] if goes_on else []
            tail = alt([*([EMPTY] if at >= form.low else []), *options])
        return tail

    def _listed(self, item: RegexTree, low: int, high: int | None) -> RegexTree:
        options = [] if item is NOTHING else [self._row(item, max(low, 1), high)]
        return alt([*([EMPTY] if not low else []), *options])

    def _further(self, item: RegexTree, low: int, high: int | None) -> RegexTree:
        """Items after others."""
        if high is not None and high < low:
            return NOTHING if high < 0 or low else EMPTY
        if item is NOTHING:
            return NOTHING if low else EMPTY
        return many(seq(self.spaces.comma, item), low, high)

    def _containing(self, part: Contains, shape: Shape) -> RegexTree:
        hits = alt(self._each(part.sets, shape))
        if part.high is None:
            others = alt(self._each([everything()] * len(part.sets), shape))
        else:
            others = alt(self._each([complement(values) for values in part.sets], shape))
        return self._bracketed("[]", self._with_hits(hits, others, part.low, part.high))

    def _each(self, sets: list[Values] | tuple[Values, ...], shape: Shape) -> list[RegexTree]:
        first = [self.value(values, inner) for values, inner in zip(sets, shape.items)]
        return [*first, self.value(sets[-1], shape.rest, DEPTH - 1)]

    def _with_hits(self, hit: RegexTree, other: RegexTree, low: int, high: int | None) -> RegexTree:
        """A row with `low` to `high` hits, whatever comes first."""
        if high is not None and high < low:
            return NOTHING
        comma = self.spaces.comma
        skip = many(seq(comma, other))
        further = seq(comma, hit, skip)
        options = [seq(other, skip, many(further, low, high))]
        if high is None or high > 0:
            options.append(seq(hit, skip, many(further, max(low - 1, 0), None if high is None else high - 1)))
        return alt([*([EMPTY] if not low else []), *options])

    def _all_different(self, form: Arrays, shape: Shape) -> list[RegexTree] | None:
        """For each text of an item: not two of it; None where there are too many to tell apart."""
        assert form.unique is not None
        sets = [form.item(at) for at in range(len(shape.items))] + [form.rest]
        places = [*shape.items, shape.rest]
        texts = [self._apart(values, inner) for values, inner in zip(sets, places)]
        listed = None if None in texts else finite(alt(text for text in texts if text is not None), MAX_UNIQUE)
        if listed is None:
            return None
        parts: list[RegexTree] = []
        for text in listed:
            hit, others = self._told(text, sets, places)
            # an automaton each: the product of what they were made of would have two ways for each text
            parts.append(Whole(self._bracketed("[]", self._with_hits(hit, others, 0, 1))))
        return parts

    def _apart(self, values: Values, shape: Shape | None) -> RegexTree | None:
        """The texts of a set of items, none of them in a place of its own; None where some are."""
        if self.calls is None or is_nothing(values):
            return self.value(values, shape, DEPTH - 1)
        return self.calls.short(values, shape)

    def _told(self, text: str, sets: list[Values], places: list[Shape | None]) -> tuple[RegexTree, RegexTree]:
        """An item with a text, and one with another."""
        if self.calls is None:
            items = alt(self.value(values, inner, DEPTH - 1) for values, inner in zip(sets, places))
            return literal(text), both([items, Not(literal(text))])
        hits, others = [], []
        for values, inner in zip(sets, places):
            if inner is not None and not is_nothing(values):
                hit = self.calls.only(text, inner)
                hits.append(self.value(meet(values, hit), inner))
                others.append(self.value(meet(values, complement(hit)), inner))
        return alt(hits), alt(others)

    # --- objects ---------------------------------------------------------------------------------------------

    def _object(self, form: Objects, shape: Shape) -> RegexTree:
        members = self._members(form, shape)
        inner = self._in_order([(tree, name in form.required) for name, tree in members if tree is not NOTHING])
        missing = form.required - {name for name, tree in members if tree is not NOTHING}
        if missing:
            return NOTHING
        if any(name is None for name, _ in members):
            self.free_names[shape.place] = self.free_names.get(shape.place, True) and shape.is_told
            self.counted |= {each for each in shape.counted if form.low > max(1, len(form.required))
                             or each[1] != "minProperties"}  # fmt: skip
        parts = [self._bracketed("{}", inner)]
        if form.low > len(form.required) or form.high is not None:
            parts.append(self._counted(form, shape))
        return both(parts)

    def _counted(self, form: Objects, shape: Shape) -> RegexTree:
        whole = alt(tree for _, tree in self._members(form, shape, single=True))
        return self._bracketed("{}", self._listed(whole, form.low, form.high))

    def _members(self, form: Objects, shape: Shape, single: bool = False) -> list[tuple[str | None, RegexTree]]:
        """Each property that may be there, in order, with its name; further ones have none."""
        found: list[tuple[str | None, RegexTree]] = []
        steps(len(shape.names))
        for name, inner in shape.names.items():
            value = self.value(form.named.get(name, everything()), inner)
            key = self._key(name)
            found.append((name, NOTHING if value is NOTHING else self._member(key, value)))
        if shape.free == NOTHING:
            return found
        for names in NAME_CLASSES if shape.apart else (None,):
            keys = [each for each in (names, shape.free) if each is not None]
            member = self._further_member(form.rules, shape, keys)
            if member is not NOTHING:
                found.append((None, member if shape.apart or single else self._row(member)))
        return found

    def _member(self, key: RegexTree, value: RegexTree) -> RegexTree:
        # the key as one part of the row: whoever goes through the tree has met it before
        return Seq((key, seq(self.spaces.colon, value)))

    def _key(self, name: str) -> RegexTree:
        """The text of a name: one tree wherever it stands, as a schema may have it in a hundred places."""
        found = self._keys.get(name)
        if found is None:
            found = self._keys[name] = quoted(literal(name), self.marks)
        return found

    def _other_than(self, shape: Shape) -> list[RegexTree]:
        """Every name but those that are told in a place; nothing where none is told."""
        names = frozenset(shape.names)
        if names and names not in self._others:
            self._others[names] = other_than(list(names))
        return [self._others[names]] if names else []

    def _other_key(self, wanted: list[RegexTree]) -> RegexTree:
        """The text of a further name: it is in all of these sets."""
        if len(wanted) != 1:
            return quoted(both(wanted), self.marks) if wanted else self._any_string
        found = self._other_keys.get(id(wanted[0]))
        if found is None:  # kept with what it is of, as its number would be another's
            found = self._other_keys[id(wanted[0])] = wanted[0], quoted(wanted[0], self.marks)
        return found[1]

    def _further_member(self, rules: tuple[MemberRule, ...], shape: Shape, names: list[RegexTree]) -> RegexTree:
        """A property that is not named: for each way in which rules can be about it, the names and the values."""
        cells: list[tuple[list[RegexTree], Values]] = [(names, everything())]
        for rule in _joined(rules):
            if rule.keys is None:
                cells = [(keys, meet(values, rule.values)) for keys, values in cells]
                continue
            inside = [([*keys, rule.keys], meet(values, rule.values)) for keys, values in cells]
            cells = inside + [([*keys, Not(rule.keys)], values) for keys, values in cells]
            cells = [(keys, values) for keys, values in cells if not is_nothing(values)]
            if len(cells) > FEW_CELLS:
                cells = [(keys, values) for keys, values in cells if _has_name(keys)]
            if len(cells) > MAX_CELLS:
                why = f"its rules tell further properties apart in more than {MAX_CELLS} ways"
                refuse(shape.place, "patternProperties", why)
        return alt(self._cell(keys, values, shape) for keys, values in cells if not is_nothing(values))

    def _cell(self, keys: list[RegexTree], values: Values, shape: Shape) -> RegexTree:
        wanted = [*keys, *self._other_than(shape)]
        if len(wanted) > 1 and not _has_name(wanted):
            return NOTHING  # all of them are told
        value = self.value(values, shape.others, DEPTH - 1)
        if value is NOTHING:
            return NOTHING
        return self._member(self._other_key(wanted), value)

    def _in_order(self, members: list[tuple[RegexTree, bool]]) -> RegexTree:
        """All of the required members and any of the others, in order, with commas between them."""
        comma = self.spaces.comma
        first = next((at for at, (_, required) in enumerate(members) if required), None)
        if first is None:
            return maybe(self._some([tree for tree, _ in members])) if members else EMPTY
        before = [maybe(seq(tree, comma)) for tree, _ in members[:first]]
        after = [(seq if required else _maybe_seq)(comma, tree) for tree, required in members[first + 1 :]]
        return seq(*before, members[first][0], *after)

    def _some(self, members: list[RegexTree]) -> RegexTree:
        """At least one of them: by halves, so that the tree stays small."""
        if len(members) == 1:
            return members[0]
        half = len(members) // 2
        left, right = self._some(members[:half]), self._some(members[half:])
        return alt([seq(left, maybe(seq(self.spaces.comma, right))), right])


def _maybe_seq(*items: RegexTree) -> RegexTree:
    return maybe(seq(*items))


def _joined(rules: tuple[MemberRule, ...]) -> list[MemberRule]:
    """Rules that ask the same of several names, as one each."""
    found: list[tuple[list[RegexTree], Values]] = []
    for rule in rules:
        same = None if rule.keys is None else next((keys for keys, values in found if values == rule.values), None)
        if same is None:
            found.append(([] if rule.keys is None else [rule.keys], rule.values))
        elif rule.keys is not None and same:
            same.append(rule.keys)
    return [MemberRule(alt(keys) if keys else None, values) for keys, values in found]


def _has_name(keys: list[RegexTree]) -> bool:
    """Whether any name is of all of some sets, as far as that is quickly known."""
    try:
        return CharDfa(both(keys), max_states=MAX_NAME_STATES).start != DEAD
    except ConstraintError:
        return True


def characters(part: Part, *, wide: bool = False) -> RegexTree:
    """The characters of a set of strings; `wide`: and those of strings that may be in it, as within a complement."""
    match part:
        case Everything():
            return ANYTHING
        case Nothing():
            return NOTHING
        case Strings():
            return part.characters(wide=wide)
        case Either(parts):
            return alt(characters(each, wide=wide) for each in parts)
        case Both(parts):
            return both(characters(each, wide=wide) for each in parts)
        case Without(inner):
            return Not(characters(inner, wide=not wide))
        case _:
            raise AssertionError(part)
