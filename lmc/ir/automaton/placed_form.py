"""A form some of whose generations write places that call each other: all of it as places.

The form from each part on, each part by itself, and the places of the schemas have one alphabet, so that one automaton
(`calls.call_dfa` of the trees) knows all of them. A form calls the first place of a schema where that stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lmc.ir.automaton.calls import called, mark, marks, rewritten
from lmc.ir.automaton.parts import ANY, Part, PlacedHole, is_form, language
from lmc.ir.regex import And, RegexTree, Seq, Whole, is_plain


@dataclass(frozen=True, slots=True)
class PlacedForm:
    """The places of a form: what it is from each part on, the end among them; each part; what those call."""

    trees: tuple[RegexTree, ...]
    num_parts: int

    def place_from(self, part: int) -> int:
        """The place of the form from a part on."""
        return part

    def place_of(self, part: int) -> int:
        """The place of a part by itself."""
        return self.num_parts + 1 + part


def placed_form(parts: Sequence[Part]) -> PlacedForm:
    """The places of a form."""
    assert is_form(parts)
    first = 2 * len(parts) + 1
    inner: list[RegexTree] = []
    begins: dict[int, int] = {}  # by identity: a schema that stands in the form twice has its places once
    for part in parts:
        if isinstance(part, PlacedHole) and id(part.places) not in begins:
            begins[id(part.places)] = first + len(inner)
            inner += _moved(part.places, first + len(inner))
    alone = [inner[begins[id(p.places)] - first] if isinstance(p, PlacedHole) else _text(p) for p in parts]
    row = [mark(begins[id(part.places)]) if isinstance(part, PlacedHole) else _text(part) for part in parts]
    wholes = (Seq(tuple(row[at:])) for at in range(len(row) + 1))
    return PlacedForm((*wholes, *alone, *inner), len(parts))


def _moved(places: Sequence[RegexTree], by: int) -> list[RegexTree]:
    """Places as numbers further on."""
    known: dict[int, RegexTree] = {}
    plain: dict[int, RegexTree] = {}

    def further(numbers: list[int]) -> RegexTree:
        return marks(number + by for number in numbers)

    return [rewritten(place, further, known, plain) for place in places]


def _text(part: Part) -> RegexTree:
    """The texts of a part, whatever stands around it: a complement would hold calls too, which are letters here."""
    tree = language(part)
    assert not called(tree)
    return tree if is_plain(tree) else Whole(And((tree, ANY)))
