"""The parts of a fused form: what a program writes as generation, text, generation, ... in one stretch.

Unfused, each generation writes a text of its own language, seeing nothing of the others (`language`), and each
literal is appended as it is. A run of a form is one text of each part's language, one after another; it has a
*capture* for each generation, the text that this one wrote.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lmc.ir.automaton.algebra import literal
from lmc.ir.ranges import EVERYTHING, complement
from lmc.ir.regex import Alt, And, Chars, Not, RegexTree, Repeat, Seq, Whole, is_plain

ANY = Repeat(Chars(EVERYTHING), 0, None)


@dataclass(frozen=True, slots=True)
class Literal:
    """Exactly this text, which the program appends."""

    text: str


@dataclass(frozen=True, slots=True)
class Hole:
    """A generation that writes a text of `tree`, as `re.fullmatch` would take it."""

    tree: RegexTree


@dataclass(frozen=True, slots=True)
class Until:
    """A generation that ends where `stop` (not empty) begins for the first time; the literal after it begins so.

    It writes texts w of `tree` (None: any) with the first occurrence of `stop` in w + `stop` at len(w).
    """

    stop: str
    tree: RegexTree | None = None


@dataclass(frozen=True, slots=True, eq=False)
class PlacedHole:
    """A generation that writes a text of places that call each other (see `calls`): JSON, the first place is all of it.

    may_be_number  whether it may be a number: of all JSON numbers alone may be the begin of another
    """

    places: tuple[RegexTree, ...]
    may_be_number: bool


Part = Literal | Hole | Until | PlacedHole


def is_form(parts: Sequence[Part]) -> bool:
    """Whether the parts make a form: every stop string is the beginning of the literal after it."""
    followers = [*parts, None][1:]
    return all(_is_followed(part, after) for part, after in zip(parts, followers, strict=True))


def _is_followed(part: Part, after: Part | None) -> bool:
    if not isinstance(part, Until):
        return True
    return part.stop != "" and isinstance(after, Literal) and after.text.startswith(part.stop)


def language(part: Part) -> RegexTree:
    """The texts that a part may be, taken as texts of their own; those of places have no one tree."""
    match part:
        case Literal(text):
            return literal(text)
        case Hole(tree):
            return tree
        case Until(stop, tree):
            return _before(stop) if tree is None else And((tree, _before(stop)))
        case PlacedHole():
            raise AssertionError("places have no one tree")


def fused_tree(parts: Sequence[Part]) -> RegexTree:
    """The texts of a form: those of its parts, one after another.

    The tree of parts[k:] is where a run goes on at part k. `CharDfa(fused_tree(parts), fused_tree(parts[1:]), ...)`
    has all those places in one automaton, as its `starts`.
    """
    assert is_form(parts)
    return Seq(tuple(_apart(language(part)) for part in parts))


def _apart(tree: RegexTree) -> RegexTree:
    """A tree of the same texts, whatever stands around it. Kept as an automaton, `&` and `~` leave no dead ends."""
    return tree if is_plain(tree) else Whole(tree)


def _before(stop: str) -> RegexTree:
    """The texts before the first occurrence of `stop`: none holds it, or begins one that `stop` completes."""
    if len(stop) == 1:
        return Repeat(Chars(complement(((ord(stop), ord(stop)),))), 0, None)
    begun = (Seq((ANY, literal(stop[:at]))) for at in range(1, len(stop)) if stop.startswith(stop[at:]))
    return Not(Alt((Seq((ANY, literal(stop), ANY)), *begun)))
