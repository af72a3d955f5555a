"""What restricts a generation, by the name that `gen` has for it: one ladder for what is written in a program and for
what is known only when it runs.
"""

from __future__ import annotations

from typing import Any, cast

from lmc.errors import ArgumentError
from lmc.ir.constraint import Constraint, Grammar, Lark, Spacing, StructuralTag, ToolCalls
from lmc.ir.constraint import closed as with_closed
from lmc.ir.documents import Documented
from lmc.source import Span

# what `lark` and `tool_calls` have made already
MADE: dict[str, tuple[type, ...]] = {"grammar": (Grammar, Lark), "structural_tag": (StructuralTag, ToolCalls)}


def parse_constraint(
    kind: str,
    value: Any,  # whatever the program computed: each parser checks it
    spacing: Spacing | None = None,
    closed: bool | None = None,
    span: Span | None = None,
) -> Constraint:
    """The constraint that `kind=value` writes; `span` is where, for errors.

    kind  one of RUN_TIME_KINDS

    Raises ArgumentError for a value of a wrong type, ConstraintError where the text cannot be one.
    """
    documents = None
    if isinstance(value, Documented):
        value, documents = value.value, value.documents
    if isinstance(value, MADE.get(kind, ())):
        for name, given in (("spacing", spacing), ("documents", documents)):
            if given is not None:
                write = f"write tool_calls(..., {name}=...)"
                raise ArgumentError(f"tool calls have their own `{name}`", span=span, help=write)
        made = cast(Constraint, value)
        return made if closed is None else with_closed(made, closed)
    if kind in ("regex", "grammar") and not isinstance(value, str):
        raise ArgumentError(f"{kind} must be a str, not {type(value).__name__}", span=span, help=_instead(value))
    match kind:
        case "regex":
            from lmc.parser.regex.parse import parse_regex

            return parse_regex(value, span=span)
        case "grammar":
            from lmc.parser.grammar import parse_ebnf

            return parse_ebnf(value, span=span)
        case "json_schema":
            from lmc.parser.schema.parse import parse_schema

            return parse_schema(value, spacing=spacing or "compact", closed=closed, documents=documents, span=span)
        case "structural_tag":
            from lmc.parser.structural_tag import parse_structural_tag

            style = spacing or "compact"
            return parse_structural_tag(value, spacing=style, closed=closed, documents=documents, span=span)
    raise AssertionError(f"no constraint is written {kind}=")


def _instead(value: object) -> str | None:
    """How what is given as a text of a regex or grammar is given."""
    if isinstance(getattr(value, "pattern", None), str):
        return "give its text, as in regex=pattern.pattern; flags are written in it: (?i)"
    made_for = next((kind for kind, types in MADE.items() if isinstance(value, types)), None)
    return f"write {made_for}=" if made_for is not None else None
