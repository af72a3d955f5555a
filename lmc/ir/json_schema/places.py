"""The texts of a JSON schema as places that call each other: for schemas that contain themselves, and for large ones.

A place is a shape (see `shape`) and a set of values that may stand there, by name (see `atoms`). It is written as the
tree of its texts, in which an object or array further in is a call of its own place: a list that holds lists is one
place that calls itself. Places are written until no new one is called. What holds no other values (a string, a
number) is written out where it stands, if it is short.

Where a tree holds an intersection or a complement, two calls in one position may have texts in common, and to a tree
they are different letters. There every call is first told apart. A value that an intersection of A or B and of C or D
reads is in A and C, A and D, B and C, or B and D: these are the places, and the call of A is one of the first two. What
a complement denies splits each of them again, into what is in it and what is not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from lmc.ir.automaton.calls import has_marks, is_plain, mark, marks, places_of, rewritten
from lmc.ir.automaton.dfa import DEAD, CharDfa
from lmc.ir.json_schema.atoms import ANY, AtomSet, Clauses, both, negated
from lmc.ir.json_schema.findings import Finding, NotRegular
from lmc.ir.json_schema.lowering import SchemaLowering
from lmc.ir.json_schema.shape import Shape
from lmc.ir.json_schema.source import SchemaSource
from lmc.ir.json_schema.texts import Writer
from lmc.ir.json_schema.trees import NOTHING as NO_TEXT
from lmc.ir.json_schema.values import NOTHING, Values, is_everything
from lmc.ir.regex import Alt, And, Atomic, Chars, Look, Multiples, Not, RegexTree, Repeat, Seq, Whole
from lmc.ir.work import steps

MAX_PLACES = 20_000
MAX_TOLD_APART = 64  # ways in which complements tell apart what stands in one position
MAX_READINGS = 1000  # ways in which intersections read it
MAX_COUNTED = 64  # turns of a repeat in what is written out where it stands: many states, which a place shares
ROOT = 0


@dataclass(slots=True)
class _Place:
    shape: Shape
    clauses: Clauses
    values: Values
    tree: RegexTree | None = None


@dataclass(slots=True)
class PlaceWriter:
    """Writes the places of one schema; the first one is the whole text."""

    cx: SchemaLowering
    writer: Writer
    _places: list[_Place] = field(default_factory=list)
    _numbers: dict[tuple[int, Clauses], int] = field(default_factory=dict)
    _inlined: dict[int, RegexTree | None] = field(default_factory=dict)
    _plain: dict[int, RegexTree] = field(default_factory=dict)  # parts of trees that call nothing
    _bare: Shape = field(init=False)
    _alls: dict[frozenset[int], Clauses] = field(default_factory=dict)
    _readings: Readings = field(init=False)

    def __post_init__(self) -> None:
        self._readings = Readings(lambda number: id(self._places[number].shape), lambda each: bool(self._all(each)))
        self._bare = Shape(free=NO_TEXT if self.writer.is_closed else None)

    def trees(self, values: Values, shape: Shape) -> tuple[RegexTree, ...]:
        """The texts of each place, whose calls are marks. Raises SchemaError, NotRegular."""
        self.writer.calls = self
        names = {ROOT: 0}
        self._places.append(_Place(shape, ANY, values))
        order = [ROOT]  # grows
        found: list[RegexTree] = []
        for place in order:
            tree = self._written(place)

            def named(numbers: list[int]) -> RegexTree:
                for number in numbers:
                    if number not in names:
                        names[number] = len(names)
                        order.append(number)
                return marks(names[number] for number in numbers)

            found.append(rewritten(tree, named, plain=self._plain))
        return tuple(found)

    def call(self, values: Values, shape: Shape | None) -> RegexTree:
        """A call, which may be written out instead later on."""
        return mark(self._called(values, shape))

    def short(self, values: Values, shape: Shape | None) -> RegexTree | None:
        """The texts of a set that holds no objects and arrays; None for one that may."""
        return self._short(self._called(values, shape))

    def only(self, text: str, shape: Shape) -> Values:
        """The set of one value."""
        return self.cx.inner(SchemaSource(self.cx.shapes.of_text(text), "#", ""), shape)

    def _called(self, values: Values, shape: Shape | None) -> int:
        if isinstance(values, AtomSet):
            assert shape is values.shape
            return self._number(shape, values.clauses, values)
        assert is_everything(values)
        return self._number(shape or self._bare, ANY, values)

    def _number(self, shape: Shape, clauses: Clauses, values: Values) -> int:
        key = (id(shape), clauses)
        found = self._numbers.get(key)
        if found is None:
            found = self._numbers[key] = len(self._places)
            self._places.append(_Place(shape, clauses, values))
            if found > MAX_PLACES:
                raise NotRegular(Finding("#", "(size)", "exact", f"its values have more than {MAX_PLACES:,} places"))
        return found

    def _written(self, number: int) -> RegexTree:
        place = self._places[number]
        if place.tree is None:
            tree = self.writer.kinds(place.values, place.shape)
            place.tree = self._told_apart(tree) if has_marks(tree) else tree
        return place.tree

    def _told_apart(self, tree: RegexTree) -> RegexTree:
        """The tree with calls that have no text in common, where that matters, and written out where they are short."""
        known = {id(part): rewritten(part, self._apart_in(part), plain=self._plain) for part in combined(tree)}

        def replaced(numbers: list[int]) -> RegexTree:
            (number,) = numbers
            return self._short(number) or mark(self._plainest(number))

        return rewritten(tree, replaced, known, self._plain)

    def _apart_in(self, tree: RegexTree) -> Callable[[list[int]], RegexTree]:
        """What stands for a call in an intersection or a complement."""
        parts: dict[int, list[int]] = {}
        for read in self._readings.of(tree).values():
            numbers = sorted(_all_of(read))
            # what is written out needs no telling apart, if all of it is
            if any(self._even(number) is None for number in numbers) and len(numbers) > 1:
                parts |= self._parts(numbers, read)

        def replaced(numbers: list[int]) -> RegexTree:
            (number,) = numbers
            if number in parts:
                return marks(map(self._plainest, parts[number]))
            return self._even(number) or mark(self._plainest(number))

        return replaced

    def _parts(self, numbers: list[int], read: Read) -> dict[int, list[int]]:
        """For each of some sets the places that stand for it: those that are read as it, and in no denied one else."""
        shape = self._places[numbers[0]].shape
        cells: dict[Clauses, set[int]] = {}
        for reading in read.together or [frozenset()]:
            clauses = self._all(reading)
            if clauses and not self._is_empty(shape, clauses, numbers):
                cells.setdefault(clauses, set()).update(reading)
        most = max(len(cells), 1) * MAX_TOLD_APART
        for number in sorted(read.denied):
            own = self._places[number].clauses
            split: dict[Clauses, set[int]] = {}
            for clauses, within in cells.items():
                for piece, members in ((both(clauses, own), {*within, number}), (both(clauses, negated(own)), within)):
                    left = self.cx.atoms.filled(piece)
                    if left and not self._is_empty(shape, left, numbers):
                        split.setdefault(left, set()).update(members)
            cells = split
            if len(cells) > most:
                raise _too_many_ways()
        found: dict[int, list[int]] = {number: [] for number in numbers}
        for clauses, within in cells.items():
            if within:
                cell = self._cell(shape, clauses, numbers)
                for number in sorted(within):
                    found[number].append(cell)
        return found

    def _all(self, numbers: frozenset[int]) -> Clauses:
        """What is in each of some sets; nothing where that is plain."""
        found = self._alls.get(numbers)
        if found is None:
            found = ANY
            for number in sorted(numbers):
                found = self.cx.atoms.filled(both(found, self._places[number].clauses))
            self._alls[numbers] = found
        return found

    def _is_empty(self, shape: Shape, clauses: Clauses, numbers: list[int]) -> bool:
        """Whether a set is empty, where that is quickly known."""
        if clauses == ANY:
            return False
        tree = self._short(self._cell(shape, clauses, numbers))
        return tree is not None and CharDfa(tree).start == DEAD

    def _cell(self, shape: Shape, clauses: Clauses, numbers: list[int]) -> int:
        sets = (self._places[number].values for number in numbers)
        atoms = next(values for values in sets if isinstance(values, AtomSet))
        return self._number(shape, clauses, atoms.with_clauses(clauses))

    def _short(self, number: int) -> RegexTree | None:
        """The texts of a place that holds no others; None for one that may."""
        if number not in self._inlined:
            place = self._places[number]
            is_short = place.clauses != ANY and place.values["array"] == NOTHING == place.values["object"]
            tree = self._written(number) if is_short else None
            self._inlined[number] = None if tree is None or counts(tree) > MAX_COUNTED else tree
        return self._inlined[number]

    def _even(self, number: int) -> RegexTree | None:
        """The same, if a complement of the texts is the complement of the set: a format has none of its own."""
        tree, place = self._short(number), self._places[number]
        if tree is None or self.writer.negated(place.values, place.shape) != tree:
            return None
        return tree

    def _plainest(self, number: int) -> int:
        """The same place, by one number wherever it stands, if nothing is said of it."""
        place = self._places[number]
        if place.clauses == ANY and place.shape.is_bare and place.shape.free == self._bare.free:
            return self._number(self._bare, ANY, place.values)
        return number


class Read(NamedTuple):
    """How calls of one shape are read in a tree.

    together  those that one value may be read as at once, one on each side of intersections
    denied    those that stand in complements
    """

    together: frozenset[frozenset[int]]
    denied: frozenset[int]


Reads = Mapping[int, Read]  # by identity of the shape
NONE: frozenset[int] = frozenset()
NOT_READ: Reads = {}


class Readings:
    """How the calls in trees are read, by shape; more than could be where not all of a shape stand in one position."""

    def __init__(self, shape_of: Callable[[int], int], may_be: Callable[[frozenset[int]], bool]) -> None:
        self._shape_of = shape_of
        self._may_be = may_be
        self._known: dict[int, tuple[RegexTree, Reads]] = {}  # by identity, with the tree, whose number it is

    def of(self, tree: RegexTree) -> Reads:
        """In a whole tree. Raises NotRegular where there are too many ways."""
        if isinstance(tree, Chars):
            return self._of_call(places_of(tree.ranges))
        found = self._known.get(id(tree))
        if found is None:
            found = self._known[id(tree)] = tree, self._new(tree)
        return found[1]

    def _of_call(self, numbers: list[int]) -> Reads:
        return {self._shape_of(each): Read(frozenset((frozenset((each,)),)), NONE) for each in numbers}

    def _new(self, tree: RegexTree) -> Reads:
        steps()
        match tree:
            case Seq(parts) | Alt(parts):
                return _merged([self.of(part) for part in parts if not is_plain(part)], _either)
            case And(parts):
                return _merged(list(map(self.of, parts)), self._together)
            case Not(item):
                return {shape: Read(frozenset(), _all_of(read)) for shape, read in self.of(item).items()}
            case Repeat(item) | Whole(item):
                return self.of(item)
            case _:
                return NOT_READ


    def _together(self, sides: list[Read]) -> Read:
        """Each of them, of the very same value."""
        found: frozenset[frozenset[int]] = frozenset()
        for side in sides:
            if found and side.together:
                steps(len(found) * len(side.together))
                pairs = frozenset(ours | theirs for ours in found for theirs in side.together)
                found = frozenset(filter(self._may_be, pairs))
                if len(found) > MAX_READINGS:
                    raise _too_many_ways()
            else:
                found = found or side.together
        return Read(found, _denied_in(sides))


def _merged(sides: list[Reads], merge: Callable[[list[Read]], Read]) -> Reads:
    """The reads of several trees, shape by shape."""
    found = [side for side in sides if side]
    if len(found) < 2:
        return found[0] if found else NOT_READ
    by_shape: dict[int, list[Read]] = {}
    for side in found:
        for shape, read in side.items():
            by_shape.setdefault(shape, []).append(read)
    steps(len(by_shape) // 4)
    return {shape: reads[0] if len(reads) == 1 else merge(reads) for shape, reads in by_shape.items()}


def _either(sides: list[Read]) -> Read:
    """One of them."""
    return Read(frozenset().union(*(side.together for side in sides)), _denied_in(sides))


def _denied_in(sides: list[Read]) -> frozenset[int]:
    return frozenset().union(*(side.denied for side in sides))


def _all_of(read: Read) -> frozenset[int]:
    """Everything that is called."""
    return read.denied.union(*read.together)


def combined(tree: RegexTree) -> list[RegexTree]:
    """The outermost intersections and complements of a tree in which anything is called."""
    found: list[RegexTree] = []
    seen: set[int] = set()
    pending = [tree]
    while pending:
        part = pending.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        steps()
        match part:
            case And() | Not() | Whole():
                found += [part] if has_marks(part) else []
            case Seq(parts) | Alt(parts):
                pending += [each for each in parts if not is_plain(each)]
            case Repeat(item):
                pending.append(item)
            case Chars() | Look() | Atomic() | Multiples():
                pass
    return found


def _too_many_ways() -> NotRegular:
    why = f"what may stand in one place has to be told apart in more than {MAX_TOLD_APART} ways"
    return NotRegular(Finding("#", "(size)", "exact", why))


def counts(tree: RegexTree) -> int:
    """The most turns that a tree counts, of repeats within one another the product."""
    match tree:
        case Seq(parts) | Alt(parts) | And(parts):
            return max(map(counts, parts), default=1)
        case Repeat(item, low, high):
            return counts(item) * max(low, high or 1)
        case Not(item) | Whole(item):
            return counts(item)
        case _:
            return 1
