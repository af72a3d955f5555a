"""The automata of a fused form: the one place that knows both the form and what may come out of it."""

from __future__ import annotations

from collections.abc import Sequence

from lmc.errors import ConstraintError
from lmc.ir.automaton.algebra import one_of
from lmc.ir.automaton.parts import ANY, Hole, Literal, Part, Until, language
from lmc.ir.constraint import Blank, Choices, Fused, JsonSchema, Regex
from lmc.ir.fused import FormPart, FusedGen, FusedSelect, FusedText
from lmc.ir.json_schema.findings import NotRegular
from lmc.ir.json_schema.regular import regular_tree
from lmc.ir.regex import RegexTree


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


def automaton_parts(parts: Sequence[str | Blank]) -> tuple[Part, ...]:
    """The form as the automaton knows it. Raises ConstraintError where a schema is not a regular language."""
    return tuple(_automaton_part(part, after) for part, after in zip(parts, (*parts[1:], None), strict=True))


def _automaton_part(part: str | Blank, after: str | Blank | None) -> Part:
    if isinstance(part, str):
        return Literal(part)
    match part.constraint:
        case Regex(tree=tree):
            return Hole(tree)
        case Choices(options):
            return Hole(one_of(options))
        case JsonSchema() as schema:
            return Hole(_regular(schema))
    if not part.stop:
        return Hole(ANY)
    until = Until(part.stop)
    is_followed = isinstance(after, str) and after.startswith(part.stop)
    return until if is_followed else Hole(language(until))


def _regular(schema: JsonSchema) -> RegexTree:
    try:
        return regular_tree(schema)
    except NotRegular as reason:
        raise ConstraintError(f"a JSON schema of a fused form is not a regular language: {reason.finding}") from None
