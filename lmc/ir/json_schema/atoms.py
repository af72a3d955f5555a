"""Sets of values in inner places, by name: boolean combinations of the schemas of a document, none of them looked into.

An atom is a schema in a place. A set is a union of clauses, a clause an intersection of atoms and complements of
atoms. There are finitely many atoms in a document, and so finitely many sets of them: that is why a schema which
contains itself has finitely many places, however deep its values are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import product

from lmc.ir.json_schema.findings import Finding, NotRegular
from lmc.ir.json_schema.keywords import ENFORCED, Json
from lmc.ir.json_schema.shape import Shape
from lmc.ir.json_schema.source import SchemaSource, is_container
from lmc.ir.json_schema.values import KINDS, Deferred, Kind, Part, Values, everything, is_nothing, join, meet, nothing
from lmc.ir.work import steps

Literal = tuple[int, bool]  # the number of an atom, and whether it is meant itself or its complement
Clause = frozenset[Literal]
Clauses = frozenset[Clause]
Key = tuple[int, Clauses]  # identity of a shape, and what stands in it

ANY: Clauses = frozenset((frozenset(),))
MAX_CLAUSES = 64
FACE = frozenset(("type", "const", "enum"))


@dataclass(slots=True)
class _Atom:
    source: SchemaSource
    shape: Shape
    values: Values | None = None


@dataclass(slots=True)
class Atoms:
    """The atoms of one document.

    lower       the values that a schema accepts in a place
    complement  what is not in a set of values
    """

    lower: Callable[[SchemaSource, Shape], Values]
    complement: Callable[[Values], Values]
    _atoms: list[_Atom] = field(default_factory=list)
    _numbers: dict[tuple[int, str, int], int] = field(default_factory=dict)
    _known: dict[Key, Values] = field(default_factory=dict)
    _faces: dict[Literal, Values | None] = field(default_factory=dict)
    _empty: dict[Clause, bool] = field(default_factory=dict)

    def of(self, source: SchemaSource, shape: Shape) -> Values:
        """The values that a schema accepts in a place, not looked into."""
        key = (id(source.schema), source.base, id(shape))
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self._atoms)
            self._atoms.append(_Atom(source, shape))
        elif not source.positive:
            self._turn_negative(number, source)
        return AtomSet(self, shape, frozenset((frozenset(((number, True),)),)))

    def _turn_negative(self, number: int, source: SchemaSource) -> None:
        """A schema that stands in a complement as well: what is relaxed there is refused."""
        atom = self._atoms[number]
        if atom.source.positive:
            atom.source = source
            if atom.values is not None:
                atom.values = self.lower(source, atom.shape)

    def set_of(self, shape: Shape, clauses: Clauses) -> Values:
        """A set by its clauses, without those that plainly hold nothing."""
        kept = self.filled(clauses)
        if not kept:
            return nothing()
        return everything() if kept == ANY else AtomSet(self, shape, kept)

    def filled(self, clauses: Clauses) -> Clauses:
        """The clauses that may hold a value, by what their schemas say on their face."""
        if all(len(each) < 2 for each in clauses):
            return clauses
        return frozenset(each for each in clauses if len(each) < 2 or not self._is_empty(each))

    def _is_empty(self, clause: Clause) -> bool:
        found = self._empty.get(clause)
        if found is None:
            steps()
            faces = [face for literal in _sorted(clause) if (face := self._face(literal)) is not None]
            found = self._empty[clause] = len(faces) > 1 and is_nothing(meet(*faces))
        return found

    def _face(self, literal: Literal) -> Values | None:
        """A set that holds all that a literal means, by `type`, `const` and `enum`; None where they say nothing.

        No other schema is looked into, which may be this one again.
        """
        if literal not in self._faces:
            number, is_meant = literal
            source = self._atoms[number].source
            told = {key: value for key, value in source.schema.items() if key in FACE and not _has_parts(key, value)}
            # a complement holds all that breaks any keyword
            is_known = bool(told) and (is_meant or not (source.schema.keys() & ENFORCED) - told.keys())
            values = self.lower(SchemaSource(told, source.place, source.base), Shape()) if is_known else None
            self._faces[literal] = values if values is None or is_meant else self.complement(values)
        return self._faces[literal]

    def looked_into(self, shape: Shape, clauses: Clauses) -> Values:
        """The set kind by kind."""
        key = (id(shape), clauses)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = join(meet(everything(), *map(self._literal, _sorted(each))) for each in clauses)
        return found

    def _literal(self, literal: Literal) -> Values:
        number, is_meant = literal
        atom = self._atoms[number]
        if atom.values is None:
            atom.values = self.lower(atom.source, atom.shape)
        return atom.values if is_meant else self.complement(atom.values)


class AtomSet(Deferred):
    """A set of one place; equal where shape and clauses are."""

    __slots__ = ("_atoms", "clauses", "shape")

    def __init__(self, atoms: Atoms, shape: Shape, clauses: Clauses) -> None:
        self._atoms = atoms
        self.shape = shape
        self.clauses = clauses

    def __getitem__(self, kind: Kind) -> Part:
        return self._atoms.looked_into(self.shape, self.clauses)[kind]

    def __iter__(self) -> Iterator[Kind]:
        return iter(KINDS)

    def __len__(self) -> int:
        return len(KINDS)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AtomSet) and other.shape is self.shape and other.clauses == self.clauses

    def __hash__(self) -> int:
        return hash((id(self.shape), self.clauses))

    def with_clauses(self, clauses: Clauses) -> Values:
        """Another set of the place."""
        return self._atoms.set_of(self.shape, clauses)

    def meet(self, other: Deferred) -> Values:
        assert isinstance(other, AtomSet) and other.shape is self.shape
        return self._atoms.set_of(self.shape, both(self.clauses, other.clauses))

    def join(self, other: Deferred) -> Values:
        assert isinstance(other, AtomSet) and other.shape is self.shape
        return self._atoms.set_of(self.shape, smallest(self.clauses | other.clauses))

    def complement(self) -> Values:
        return self._atoms.set_of(self.shape, negated(self.clauses))


def both(a: Clauses, b: Clauses) -> Clauses:
    """What is in two sets."""
    steps(len(a) * len(b))
    return smallest(frozenset(x | y for x, y in product(a, b)))


def negated(clauses: Clauses) -> Clauses:
    """What is not in a set."""
    found = ANY
    for clause in _sorted_clauses(clauses):
        found = both(found, frozenset(frozenset(((number, not sign),)) for number, sign in clause))
    return found


def smallest(clauses: Clauses) -> Clauses:
    """Without the clauses that nothing satisfies, and those that others hold. Raises NotRegular where many are left."""
    kept = [each for each in clauses if not any((number, not sign) in each for number, sign in each)]
    steps(len(kept) * len(kept) // 8)
    found = frozenset(each for each in kept if not any(other < each for other in kept))
    if any(frozenset(((number, not sign),)) in found for each in found if len(each) == 1 for number, sign in each):
        return ANY
    if len(found) > MAX_CLAUSES:
        why = f"what may stand in one place is a union of more than {MAX_CLAUSES} combinations of schemas"
        raise NotRegular(Finding("#", "(size)", "exact", why))
    return found


def _has_parts(keyword: str, value: Json) -> bool:
    """Whether an object or array is among the values that `const` or `enum` name."""
    return is_container(value) if keyword == "const" else keyword == "enum" and any(map(is_container, value))


def _sorted(clause: Clause) -> list[Literal]:
    return sorted(clause)


def _sorted_clauses(clauses: Clauses) -> list[Clause]:
    return sorted(clauses, key=sorted)
