"""The texts of a JSON schema as places that call each other: for schemas that contain themselves, and for large ones.

A place is a shape (see `shape`) and a set of values that may stand there, by name (see `atoms`). It is written as the
tree of its texts, in which an object or array further in is a call of its own place: a list that holds lists is one
place that calls itself. Places are written until no new one is called. What holds no other values (a string, a
number) is written out where it stands, if it is short.

Where a tree holds an intersection or a complement, two calls in one position may have texts in common, and to a tree
they are different letters. There every call is first told apart: for A and B, both, A alone and B alone are three
places, and the call of A is one of the first two.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lmc.ir.automaton.calls import called, has_marks, mark, marks, rewritten
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
MAX_TOLD_APART = 64  # places in one position of a tree with complements
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

    def __post_init__(self) -> None:
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
        by_shape: dict[int, list[int]] = {}
        within = called_within(tree)
        for number in within:
            numbers = by_shape.setdefault(id(self._places[number].shape), [])
            numbers += [number] if number not in numbers else []
        parts: dict[int, list[int]] = {}
        for numbers in by_shape.values():
            # what is written out needs no telling apart, if all of it is
            if any(self._even(number) is None for number in numbers) and len(numbers) > 1:
                parts |= self._parts(numbers)

        def replaced(numbers: list[int]) -> RegexTree:
            (number,) = numbers
            if number in parts:
                return marks(map(self._plainest, parts[number]))
            short = self._even(number) if number in within else self._short(number)
            return short or mark(self._plainest(number))

        return rewritten(tree, replaced, plain=self._plain)

    def _parts(self, numbers: list[int]) -> dict[int, list[int]]:
        """For each of some sets the places that make it up; no value is in two of them."""
        shape = self._places[numbers[0]].shape
        cells: list[tuple[Clauses, list[int]]] = [(ANY, [])]
        for number in numbers:
            own = self._places[number].clauses
            inside = [(both(clauses, own), [*within, number]) for clauses, within in cells]
            outside = [(both(clauses, negated(own)), within) for clauses, within in cells]
            cells = [cell for cell in inside + outside if cell[0] and not self._is_empty(shape, cell[0], numbers)]
            if len(cells) > MAX_TOLD_APART:
                why = f"what may stand in one place has to be told apart in more than {MAX_TOLD_APART} ways"
                raise NotRegular(Finding("#", "(size)", "exact", why))
        found: dict[int, list[int]] = {number: [] for number in numbers}
        for clauses, within in cells:
            if within:
                cell = self._cell(shape, clauses, numbers)
                for number in within:
                    found[number].append(cell)
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


def called_within(tree: RegexTree) -> list[int]:
    """The places that are called in intersections and complements of a tree."""
    found: dict[int, None] = {}
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
                found |= dict.fromkeys(called(part))
            case Seq(parts) | Alt(parts):
                pending += parts
            case Repeat(item):
                pending.append(item)
            case Chars() | Look() | Atomic() | Multiples():
                pass
    return list(found)


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
