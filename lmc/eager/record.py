"""What a program did, noted as it goes: a tuple an operation, of which a graph is made only when somebody asks.

A state is a number here, 0 before there is one. What an operation was given is kept as it was then: containers as
copies, so that what the program does to them afterwards does not show.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from lmc.eager.place import Where, where

ATOMS = frozenset((str, int, float, bool, bytes, type(None), type(...)))
CONTAINERS: dict[type, str] = {list: "list", tuple: "tuple", dict: "dict"}


class NotedOp(NamedTuple):
    """An operation of the op table; or `read`, where the program has waited for what a state holds.

    before    the state it works on, 0 where it begins one
    after     the state that came out of it, the first of several
    operands  what else it was given
    """

    op: str
    before: int
    after: int
    operands: tuple[object, ...]
    where: Where | None


@dataclass(frozen=True, slots=True)
class StateAt:
    """A state that stands in a value."""

    number: int


@dataclass(frozen=True, slots=True)
class Made:
    """A container: its op (`list`, `tuple` or `dict`), and its items; a dict's keys and values in turn."""

    op: str
    items: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Other:
    """Any other object: a graph names it and does not hold it."""

    value: object


class ProgramRecord:
    """The log of one program.

    entries   what it did, in order
    returned  the final state and what the program returned; None where it has not
    """

    __slots__ = ("entries", "num_states", "returned")

    def __init__(self) -> None:
        self.entries: list[NotedOp] = []
        self.num_states = 0
        self.returned: tuple[int, object] | None = None

    def did(self, op: str, before: int, operands: tuple[object, ...] = (), num_states: int = 1) -> int:
        """Note an operation; the number of the (first) state that it gives."""
        after = self.num_states + 1
        self.num_states += num_states
        self.entries.append(NotedOp(op, before, after, operands, where()))
        return after

    def read(self, state: int, name: str | None = None, value: object = None) -> None:
        """Note that the program has a value of a state now, or knows the whole of it."""
        self.entries.append(NotedOp("read", state, 0, (name, value), where()))

    def ends(self, state: int, value: object) -> None:
        """Note what the program returned."""
        self.returned = (state, value)


def kept(value: object, own: Callable[[object], object], around: tuple[int, ...] = ()) -> object:
    """A value as it is now; `own` gives what stands for a state, None for what is none.

    around  the containers that it stands in: one of these, in itself, is any other object
    """
    if type(value) in ATOMS:
        return value
    inside = (*around, id(value))
    if isinstance(value, list | tuple | dict) and type(value) in CONTAINERS and id(value) not in around:
        parts = value if not isinstance(value, dict) else [each for pair in value.items() for each in pair]
        return Made(CONTAINERS[type(value)], tuple(kept(each, own, inside) for each in parts))
    return own(value) or Other(value)
