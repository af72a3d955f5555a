"""The automata of a fused form: the one place that knows both the form and what may come out of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from lmc.ir.automaton.algebra import one_of
from lmc.ir.automaton.parts import ANY, Hole, Literal, Part, PlacedHole, Until, language
from lmc.ir.constraint import Blank, Choices, Fused, JsonSchema, Regex
from lmc.ir.fused import FormPart, FusedGen, FusedSelect, FusedText
from lmc.ir.json_schema.regular import placed, texts_of


def constraint_of(parts: Sequence[FormPart]) -> Fused:
    """What is written as a constraint; a choice is one of its texts, and a text with values in it is any."""
    return Fused(tuple(map(_constraint_part, parts)))


def _constraint_part(part: FormPart) -> str | Blank:
    match part:
        case FusedGen(_, constraint):
            return Blank(constraint, part.stop)
        case FusedSelect(_, choices):
            return Blank(Choices(choices))
        case FusedText():
            return Blank()
    return part


def automaton_parts(parts: Sequence[str | Blank], in_places: Collection[JsonSchema] = ()) -> tuple[Part, ...]:
    """The form as the automaton knows it, some schemas as places though they are regular.

    Raises SchemaError where a keyword of a schema cannot be kept.
    """
    followers = (*parts[1:], None)
    return tuple(_automaton_part(part, after, in_places) for part, after in zip(parts, followers, strict=True))


def _automaton_part(part: str | Blank, after: str | Blank | None, in_places: Collection[JsonSchema]) -> Part:
    if isinstance(part, str):
        return Literal(part)
    match part.constraint:
        case Regex(tree=tree):
            return Hole(tree)
        case Choices(options):
            return Hole(one_of(options))
        case JsonSchema() as schema:
            return _of_schema(schema, schema in in_places)
    if not part.stop:
        return Hole(ANY)
    until = Until(part.stop)
    is_followed = isinstance(after, str) and after.startswith(part.stop)
    return until if is_followed else Hole(language(until))


def _of_schema(schema: JsonSchema, in_places: bool) -> Hole | PlacedHole:
    texts = placed(schema) if in_places else texts_of(schema)
    return PlacedHole(texts.places, texts.may_be_number) if texts.places else Hole(texts.tree)
