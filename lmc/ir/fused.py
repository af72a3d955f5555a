"""A `fused` node's attribute, and how its form is written: put, written and scored in turn.

A form is text with blanks: literal texts and the calls whose results stand between them, written as one call. In
the attribute `parts` a generation is (name, constraint, parameters), a choice
(name, choices, parameters), and a text in which values stand that only the running program knows is
texts and numbers in order, each the number of an operand behind the state.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from lmc.ir.constraint import Choices, JsonSchema, Regex
from lmc.ir.graph import Attr, Node
from lmc.ir.prompt import well_formed
from lmc.ir.scoring import default_boundary

Params = tuple[tuple[str, Any], ...]


@dataclass(frozen=True, slots=True)
class FusedGen:
    """A generation of a form: its name, what it may say and the sampling parameters given for it."""

    name: str | None
    constraint: Regex | Choices | JsonSchema | None = None
    params: Params = ()

    @property
    def stop(self) -> str:
        """The text that it ends before, "" where a constraint says what it is."""
        stop = dict(self.params).get("stop") or ("",)
        return stop if isinstance(stop, str) else stop[0]


@dataclass(frozen=True, slots=True)
class FusedSelect:
    """A choice of a form, scored as it is alone: its name, its choices, and the parameters of `select`."""

    name: str | None
    choices: tuple[str, ...]
    params: Params = ()

    @property
    def is_exact(self) -> bool:
        """Whether the text before it is cut into tokens together with each choice."""
        params = dict(self.params)
        return (params.get("boundary") or default_boundary(str(params.get("method")))) == "exact"


@dataclass(frozen=True, slots=True)
class FusedText:
    """A text with values in it, each as the number of an operand."""

    atoms: tuple[str | int, ...]

    def filled(self, texts: Sequence[str]) -> str:
        """The text with the operands in their places."""
        return well_formed("".join(atom if isinstance(atom, str) else texts[atom] for atom in self.atoms))


FormPart = str | FusedGen | FusedSelect | FusedText


def to_attr(parts: Sequence[FormPart]) -> Attr:
    """The form as an attribute."""
    return tuple(map(_attr, parts))


def _attr(part: FormPart) -> Attr:
    match part:
        case FusedGen(name, constraint, params):
            return (name, constraint, params)
        case FusedSelect(name, choices, params):
            return (name, choices, params)
        case FusedText(atoms):
            return atoms
    return part


def parts_of(node: Node) -> tuple[FormPart, ...]:
    """The form of a `fused` node."""
    return tuple(map(part_of, cast("tuple[Attr, ...]", node.attr("parts"))))


def part_of(attr: Attr) -> FormPart:
    """A part of the form. Raises ValueError where it is not one."""
    match attr:
        case str():
            return well_formed(attr)
        case (None | str() as name, None | Regex() | Choices() | JsonSchema() as constraint, tuple() as params):
            return FusedGen(name, constraint, cast(Params, params))
        case (None | str() as name, tuple() as choices, tuple() as params) if choices and all(map(_is_text, choices)):
            return FusedSelect(name, cast("tuple[str, ...]", choices), cast(Params, params))
        case tuple() if attr and all(isinstance(atom, str) or type(atom) is int for atom in attr):
            return FusedText(cast("tuple[str | int, ...]", attr))
    raise ValueError(attr)


def _is_text(choice: object) -> bool:
    return isinstance(choice, str) and choice != ""


# --- how a form is written ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Written:
    """Parts that one automaton writes, or a single generation that ends as it does alone; `first` is their place."""

    first: int
    parts: tuple[str | FusedGen, ...]


@dataclass(frozen=True, slots=True)
class Put:
    """Text that is put behind what was written, in the tokenizer's own tokens."""

    text: FusedText


Section = Written | Put | FusedSelect


def sections(parts: Sequence[FormPart]) -> tuple[Section, ...]:
    """A form as what is written, put and scored in turn.

    Text behind a generation is written with it, so that it ends the generation and tokens may cross the boundary.
    It is put where it stands behind a choice, where not all of it is known, and before a choice at an exact boundary,
    whose tokens it shares: there a generation ends by itself, as it does alone.
    """
    found: list[Section] = []
    at = 0
    while at < len(parts):
        part = parts[at]
        if isinstance(part, FusedSelect):
            found.append(part)
            at += 1
            continue
        end = _end_of_written(parts, at) if isinstance(part, FusedGen) else at
        if end > at:
            found += _ended(Written(at, cast("tuple[str | FusedGen, ...]", tuple(parts[at:end]))))
        else:
            end = end_of_text(parts, at)
            found.append(Put(_joined(parts[at:end])))
        at = end
    return tuple(found)


def _end_of_written(parts: Sequence[FormPart], at: int) -> int:
    """Up to where one automaton writes what begins with the generation at a place."""
    while at < len(parts) and isinstance(parts[at], FusedGen):
        at += 1
        end = end_of_text(parts, at)
        after = parts[end] if end < len(parts) else None
        is_exact = isinstance(after, FusedSelect) and after.is_exact
        if is_exact or any(isinstance(text, FusedText) for text in parts[at:end]):
            break
        at = end
    return at


def end_of_text(parts: Sequence[FormPart], at: int) -> int:
    """Where the text ends that begins at a place."""
    return next((i for i in range(at, len(parts)) if not isinstance(parts[i], str | FusedText)), len(parts))


def _ended(written: Written) -> list[Section]:
    """What is written; a generation that ends at its stop string by itself is asked for alone."""
    *before, last = written.parts
    if before and isinstance(last, FusedGen) and last.stop:
        return [Written(written.first, tuple(before)), Written(written.first + len(before), (last,))]
    return [written]


def _joined(texts: Sequence[FormPart]) -> FusedText:
    atoms: list[str | int] = []
    for text in texts:
        assert isinstance(text, str | FusedText)
        atoms += (text,) if isinstance(text, str) else text.atoms
    return FusedText(tuple(atoms))
