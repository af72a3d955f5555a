"""A `fused` node's attribute and the automaton of its row: the one place that knows both.

The attribute `parts` is a row of literals and generations, each generation as (name, constraint, parameters).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from lmc.ir.automaton.algebra import one_of
from lmc.ir.automaton.parts import Hole, Literal, Part, Until
from lmc.ir.constraint import Blank, Choices, Fused, Regex
from lmc.ir.graph import Attr, Node


@dataclass(frozen=True, slots=True)
class FusedGen:
    """A generation of a fused node: its name, what it may say and the sampling parameters given for it."""

    name: str | None
    constraint: Regex | Choices | None = None
    params: tuple[tuple[str, Any], ...] = ()

    def blank(self) -> Blank:
        """What a backend needs to know of its language."""
        stop = dict(self.params).get("stop") or ("",)
        return Blank(self.constraint, stop if isinstance(stop, str) else stop[0])


def to_attr(parts: Sequence[str | FusedGen]) -> Attr:
    """The row as an attribute."""
    return tuple(part if isinstance(part, str) else (part.name, part.constraint, part.params) for part in parts)


def parts_of(node: Node) -> tuple[str | FusedGen, ...]:
    """The row of a `fused` node."""
    return tuple(
        part if isinstance(part, str) else FusedGen(*part)
        for part in cast("tuple[str | tuple[Any, ...], ...]", node.attr("parts"))
    )


def constraint_of(parts: Sequence[str | FusedGen]) -> Fused:
    """The row as a constraint."""
    return Fused(tuple(part if isinstance(part, str) else part.blank() for part in parts))


def automaton_parts(parts: Sequence[str | Blank]) -> tuple[Part, ...]:
    """The row as the automaton knows it."""
    return tuple(map(_automaton_part, parts))


def _automaton_part(part: str | Blank) -> Part:
    if isinstance(part, str):
        return Literal(part)
    match part.constraint:
        case Regex(tree=tree):
            return Hole(tree)
        case Choices(options):
            return Hole(one_of(options))
    return Until(part.stop)
