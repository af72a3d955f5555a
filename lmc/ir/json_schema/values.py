"""Sets of JSON values, kind by kind, as schemas describe them: with unions, intersections and complements.

A set is exact within a universe (see `shape`): the sets in an array or object are of the shapes of their places.
Intersections of two plain descriptions are described again, so that `allOf` gives one object and no product.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial, reduce
from typing import Any, Literal, cast

from lmc.ir.automaton.dfa import CharDfa
from lmc.ir.json_schema.numbers import Number, Numbers
from lmc.ir.json_schema.strings import Strings
from lmc.ir.regex import RegexTree
from lmc.ir.work import steps

Kind = Literal["null", "boolean", "number", "string", "array", "object"]
KINDS: tuple[Kind, ...] = ("null", "boolean", "number", "string", "array", "object")
MAX_ALTERNATIVES = 12  # descriptions that an intersection is multiplied out to
MAX_TRIED = 64  # that may turn out to be so many
FEW, MAX_SPREAD = 3, 2000  # with so few on one side, that many are tried
MAX_COMPARED = 64  # descriptions in a union that are compared with each other
MAX_FAILING = 4  # descriptions of a complement


@dataclass(frozen=True, slots=True)
class Everything:
    """All values of a kind."""


@dataclass(frozen=True, slots=True)
class Nothing:
    """No value of a kind."""


@dataclass(frozen=True, slots=True)
class Texts:
    """The value with this text: `true` or `false`."""

    tree: RegexTree


@dataclass(frozen=True, slots=True)
class Either:
    """What is in any of them."""

    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Both:
    """What is in all of them."""

    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Without:
    """All values of a kind but these."""

    part: Part


@dataclass(frozen=True, slots=True)
class Contains:
    """Arrays with `low` to `high` items in a set, which is one for each shape of items (the last one: the rest)."""

    sets: tuple[Values, ...]
    low: int
    high: int | None


@dataclass(frozen=True, slots=True)
class Arrays:
    """Arrays of `low` to `high` items, the first ones in `prefix`, the others in `rest`; `unique`: no two are equal.

    place  of the schema that wants them unique
    """

    prefix: tuple[Values, ...] = ()
    rest: Values = field(default_factory=lambda: everything())
    low: int = 0
    high: int | None = None
    contains: tuple[Contains, ...] = ()
    unique: str | None = None

    def item(self, at: int) -> Values:
        """The set of an item."""
        return self.prefix[at] if at < len(self.prefix) else self.rest

    def meet(self, other: Arrays) -> Arrays:
        """The arrays in both."""
        longest = max(len(self.prefix), len(other.prefix))
        prefix = tuple(meet(self.item(at), other.item(at)) for at in range(longest))
        contains = (*self.contains, *other.contains)
        unique = self.unique or other.unique
        rest, low = meet(self.rest, other.rest), max(self.low, other.low)
        return Arrays(prefix, rest, low, _lower(self.high, other.high), contains, unique)


@dataclass(frozen=True, slots=True)
class MemberRule:
    """Each further property whose name is in `keys` (characters; None: any name) has a value in `values`."""

    keys: RegexTree | None
    values: Values


@dataclass(frozen=True, slots=True)
class Objects:
    """Objects of `low` to `high` properties: by name, and the further ones by rules.

    named     a set for a named property, where it is there; nothing: it is not
    required  named properties that are there
    """

    named: Mapping[str, Values] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    rules: tuple[MemberRule, ...] = ()
    low: int = 0
    high: int | None = None

    def meet(self, other: Objects) -> Objects:
        """The objects in both."""
        named = dict(self.named)
        steps((len(named) + len(other.named)) // 4)
        for name, values in other.named.items():
            named[name] = meet(named[name], values) if name in named else values
        rules = (*self.rules, *(rule for rule in other.rules if all(rule is not each for each in self.rules)))
        low = max(self.low, other.low)
        return Objects(named, self.required | other.required, rules, low, _lower(self.high, other.high))


Part = Everything | Nothing | Texts | Either | Both | Without | Contains | Number | Numbers | Strings | Arrays | Objects
Values = Mapping[Kind, Part]
EVERYTHING, NOTHING = Everything(), Nothing()
_EVERY: Values = dict.fromkeys(KINDS, EVERYTHING)
_NONE: Values = dict.fromkeys(KINDS, NOTHING)
# by identity of what is kept beside the answer: parts are held in many places, and comparing would walk each of them
Complements = dict[int, tuple[Values | Part, Values | Part]]
Weights = dict[int, tuple[object, int]]


class Deferred(Mapping[Kind, Part]):
    """A set that is looked into when a kind of it is asked for: so a set may hold itself, in a place further in.

    Those of one place are put together without being looked into. None is plainly nothing or everything.
    """

    __slots__ = ()

    @abstractmethod
    def meet(self, other: Deferred) -> Values:
        """What is in both."""

    @abstractmethod
    def join(self, other: Deferred) -> Values:
        """What is in either."""

    @abstractmethod
    def complement(self) -> Values:
        """What is not in it."""


def everything() -> Values:
    """Every value."""
    return _EVERY


def nothing() -> Values:
    """No value."""
    return _NONE


def only(kind: Kind, part: Part = EVERYTHING) -> Values:
    """Values of one kind."""
    return {**nothing(), kind: part}


def where(kind: Kind, part: Part) -> Values:
    """Values of a kind that are in a set, and all of every other kind."""
    return {**everything(), kind: part if part not in _PLAIN else EVERYTHING}


def is_nothing(values: Values) -> bool:
    """Whether it is plain that no value is in it."""
    return values is _NONE or (type(values) is dict and all(type(part) is Nothing for part in values.values()))


def is_everything(values: Values) -> bool:
    """Whether it is plain that every value is in it."""
    return values is _EVERY or (type(values) is dict and all(type(part) is Everything for part in values.values()))


def meet(*sets: Values) -> Values:
    """What is in all of them."""
    if any(isinstance(values, Deferred) for values in sets):
        return reduce(_meet_deferred, sets)
    return {kind: _meet_all(values[kind] for values in sets) for kind in KINDS}


def join(sets: Iterable[Values]) -> Values:
    """What is in any of them."""
    listed = list(sets)
    if any(isinstance(values, Deferred) for values in listed):
        return reduce(_join_deferred, listed)
    return {kind: _join_all(values[kind] for values in listed) for kind in KINDS}


def complement(values: Values, known: Complements | None = None) -> Values:
    """What is not in it; `known`: sets and parts hold others in common, and each has one complement."""
    if isinstance(values, Deferred):
        return values.complement()
    known = {} if known is None else known
    found = known.get(id(values))
    if found is None:
        found = known[id(values)] = (values, {kind: _complement(part, known) for kind, part in values.items()})
    return cast(Values, found[1])


def weight(values: Values, known: Weights | None = None) -> int:
    """How many descriptions a set has, each counted wherever it is held: there may be more than could be written."""
    known = {} if known is None else known

    def of(part: object) -> int:
        if isinstance(part, tuple):
            return sum(map(of, part))
        if isinstance(part, Deferred) or not isinstance(part, _HOLDERS):
            return 1
        if id(part) not in known:
            known[id(part)] = (part, of_holder(part))
        return known[id(part)][1]

    def of_holder(part: Any) -> int:
        steps()
        if isinstance(part, Mapping):
            return sum(map(of, part.values()))
        return 1 + sum(of(getattr(part, name)) for name in part.__slots__)

    return of(values)


def _meet_deferred(a: Values, b: Values) -> Values:
    if isinstance(a, Deferred) and isinstance(b, Deferred):
        return a.meet(b)
    if is_everything(a) or is_nothing(b):
        return b
    if is_everything(b) or is_nothing(a):
        return a
    return {kind: _meet(a[kind], b[kind]) for kind in KINDS}


def _join_deferred(a: Values, b: Values) -> Values:
    if isinstance(a, Deferred) and isinstance(b, Deferred):
        return a.join(b)
    if is_everything(a) or is_nothing(b):
        return a
    if is_everything(b) or is_nothing(a):
        return b
    return {kind: _join(a[kind], b[kind]) for kind in KINDS}


def _lower(a: int | None, b: int | None) -> int | None:
    return b if a is None else a if b is None else min(a, b)


def _meet(a: Part, b: Part) -> Part:
    steps()
    match a, b:
        case (Nothing(), _) | (_, Nothing()):
            return NOTHING
        case (Everything(), other) | (other, Everything()):
            return other
        case Numbers(), Numbers():
            return a.meet(b)
        case Texts(), Texts():
            return a if a == b else NOTHING  # one word each
        case Strings(), Strings() if a.text is None and b.text is None:
            return a.meet(b)
        case Arrays(), Arrays():
            return a.meet(b)
        case Objects(), Objects():
            both = a.meet(b)
            return NOTHING if any(is_nothing(both.named.get(name, _SOME)) for name in both.required) else both
    # numbers one by one are asked themselves: some are too long for an automaton of bounds
    for few, others in ((a, b), (b, a)):
        if all(isinstance(each, Number) for each in _options(few)):
            return _join_all(each for each in _options(few) if isinstance(each, Number) and has(others, each.value))
    # so are strings
    for few, others in ((a, b), (b, a)):
        texts = _texts(few)
        is_held = None if texts is None else _asked_of_texts(others)
        if texts is not None and is_held is not None:
            return _join_all(each for text, each in texts.items() if is_held(text))
    if isinstance(a, Strings) and isinstance(b, Strings):
        return a.meet(b)
    return _spread(a, b) or Both((*_conjuncts(a), *_conjuncts(b)))


def _spread(a: Part, b: Part) -> Part | None:
    """An intersection of unions as a union of intersections; None where that has many parts."""
    ours, theirs = _options(a), _options(b)
    least = min(len(ours), len(theirs))
    if not 1 < len(ours) * len(theirs) <= (MAX_SPREAD if least <= FEW else MAX_TRIED):
        return None
    found = _join_all(_meet(x, y) for x in ours for y in theirs)
    parts = _options(found)
    if len(parts) <= MAX_ALTERNATIVES:
        return found
    # no more than before, and each of them told as simply: a condition, or the branch of a union
    is_told = len(parts) <= len(ours) + len(theirs) and not any(isinstance(each, Both) for each in parts)
    return found if is_told else None


def _texts(part: Part) -> dict[str, Strings] | None:
    """Strings that are told one by one; None of any other set."""
    found: dict[str, Strings] = {}
    for each in _options(part):
        text = each.text if isinstance(each, Strings) else None
        if text is None:
            return None
        assert isinstance(each, Strings)
        found[text] = each
    return found


def _asked_of_texts(part: Part) -> Callable[[str], bool] | None:
    """Whether a string is in a set; None where a format is asked, whose borders are open."""
    texts = _texts(part)
    if texts is not None:
        return texts.__contains__
    match part:
        case Everything():
            return lambda _: True
        case Strings():
            return None if part.formats else CharDfa(part.characters()).accepts
        case Either(parts) | Both(parts):
            inner = [asked for each in parts if (asked := _asked_of_texts(each)) is not None]
            if len(inner) < len(parts):
                return None
            whole = any if isinstance(part, Either) else all
            return lambda text: whole(asked(text) for asked in inner)
        case Without(other):
            asked = _asked_of_texts(other)
            return None if asked is None else lambda text: not asked(text)
        case _:
            return None


def has(part: Part, number: Decimal) -> bool:
    """Whether a number is in a set of numbers."""
    match part:
        case Everything():
            return True
        case Number(value):
            return value == number
        case Numbers():
            return part.holds(number)
        case Either(parts):
            return any(has(each, number) for each in parts)
        case Both(parts):
            return all(has(each, number) for each in parts)
        case Without(inner):
            return not has(inner, number)
        case _:
            return False


def _join(a: Part, b: Part) -> Part:
    steps()
    if type(a) is Everything or type(b) is Everything:
        return EVERYTHING
    if type(a) is Nothing or type(b) is Nothing:
        return b if type(a) is Nothing else a
    return a if _is_same(a, b) else _either(a, b)


def _either(a: Part, b: Part) -> Part:
    """A union, without objects that others of it hold."""
    ours, theirs = _options(a), _options(b)
    steps((len(ours) + len(theirs)) // 64)
    if len(ours) + len(theirs) <= MAX_COMPARED:
        steps(len(ours) * len(theirs) // 8)
        ours = tuple(each for each in ours if not any(map(partial(_is_within, each), theirs)))
        theirs = tuple(each for each in theirs if not any(map(partial(_is_within, each), ours)))
    kept = (*ours, *theirs)
    return kept[0] if len(kept) == 1 else Either(kept)


def _is_within(few: Part, many: Part) -> bool:
    """Whether it is plain that all objects of a set are in another one."""
    if not isinstance(few, Objects) or not isinstance(many, Objects):
        return False
    return (
        many.required <= few.required
        and many.low <= max(few.low, len(few.required))
        and (many.high is None or (few.high is not None and few.high <= many.high))
        and all(any(rule is each for each in few.rules) for rule in many.rules)
        and all(
            name in few.named and (few.named[name] is values or is_nothing(few.named[name]))
            for name, values in many.named.items()
        )
    )


def _is_same(a: Part, b: Part) -> bool:
    """Whether it is plain that they are equal: parts are held in many places, and comparing walks each of them."""
    return a is b or (isinstance(a, Number | Numbers | Strings | Texts) and a == b)


def _complement(part: Part, known: Complements) -> Part:
    if type(part) is Everything:
        return NOTHING
    found = known.get(id(part))
    if found is None:
        steps()
        found = known[id(part)] = (part, _new_complement(part, known))
    return cast(Part, found[1])


def _new_complement(part: Part, known: Complements) -> Part:
    match part:
        case Nothing():
            return EVERYTHING
        case Without(inner):
            return inner
        case Either(parts):
            return _meet_all(_complement(each, known) for each in parts)
        case Both(parts):
            return _join_all(_complement(each, known) for each in parts)
        case Objects():
            return _join_all(_failing(part, known))
        case _:
            return Without(part)


def _failing(form: Objects, known: Complements) -> list[Part]:
    """For each thing that is asked of objects, those that fail it; all of them described again where that is few."""
    count = len(form.required) + len(form.named) + bool(form.low) + (form.high is not None) + bool(form.rules)
    if not 0 < count <= MAX_FAILING:
        return [Without(form)]
    found: list[Part] = [Objects({name: nothing()}) for name in sorted(form.required)]
    for name, values in form.named.items():
        found.append(Objects({name: complement(values, known)}, frozenset((name,))))
    found += [Objects(high=form.low - 1)] if form.low else []
    found += [Objects(low=form.high + 1)] if form.high is not None else []
    found += [Without(Objects(rules=form.rules))] if form.rules else []
    return found


def _meet_all(parts: Iterable[Part]) -> Part:
    found: Part = EVERYTHING
    for part in parts:
        found = _meet(found, part)
    return found


def _join_all(parts: Iterable[Part]) -> Part:
    found: Part = NOTHING
    for part in parts:
        found = _join(found, part)
    return found


def _options(part: Part) -> tuple[Part, ...]:
    return part.parts if isinstance(part, Either) else (part,)


def _conjuncts(part: Part) -> tuple[Part, ...]:
    return part.parts if isinstance(part, Both) else (part,)


_SOME = everything()
_HOLDERS = (dict, Either, Both, Without, Contains, Arrays, Objects, MemberRule)
_PLAIN = (Numbers(), Strings(), Arrays(), Objects())
