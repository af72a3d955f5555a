"""What a graph knows of the arguments that it is for: types of leaves, the structure of containers, some numbers.

Apart from capture, as a program that only is defined needs no more than this.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from types import FunctionType, MethodType

from lmc.ir.types import Type

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class ArgumentLeaf:
    """An argument leaf: only its type is known."""

    type: Type


@dataclass(frozen=True, slots=True)
class ArgumentContainer:
    """An argument list, tuple or dict whose structure is known: `items` are (key or index, shape)."""

    kind: str
    items: tuple[tuple[str | int, ArgumentShape], ...]


@dataclass(frozen=True, slots=True)
class ArgumentNumber:
    """An argument leaf whose value is known: a number that decides the structure of the graph. True and 1 differ."""

    type: Type
    value: int


ArgumentShape = ArgumentLeaf | ArgumentContainer | ArgumentNumber


def signature_of(fn: FunctionType | MethodType) -> inspect.Signature:
    """A program's parameters, the state first; one that takes any arguments takes the state as the first of them."""
    signature = inspect.signature(fn)
    first = next(iter(signature.parameters.values()), None)
    if first is None or first.kind is not first.VAR_POSITIONAL:
        return signature
    state = inspect.Parameter("_lmc_state", inspect.Parameter.POSITIONAL_ONLY)
    return signature.replace(parameters=[state, *signature.parameters.values()])
