"""Text from a table as an argument of a program: what its annotation says, and text where it says nothing."""

from __future__ import annotations

import inspect
import json
import re
import types
import typing
from collections.abc import Callable
from types import FunctionType, MethodType
from typing import Any

WHOLE = re.compile(r"\s*[+-]?\d+\s*")
TRUE, FALSE = ("true", "yes", "1"), ("false", "no", "0")
MISSING = object()  # a cell with nothing in it, where that is no value: the argument's default counts


def _int(text: str) -> int:
    if not WHOLE.fullmatch(text):
        raise ValueError(f"{text!r} is not a whole number")
    return int(text)


def _float(text: str) -> float:
    try:
        if "_" not in text:
            return float(text)
    except ValueError:
        pass
    raise ValueError(f"{text!r} is not a number")


def _bool(text: str) -> bool:
    word = text.strip().lower()
    if word not in (*TRUE, *FALSE):
        raise ValueError(f"{text!r} is not true or false")
    return word in TRUE


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is not JSON: {error}") from None


_READ: dict[object, Callable[[str], object]] = {
    int: _int, float: _float, bool: _bool, list: _json, dict: _json, tuple: lambda text: tuple(_json(text)),  # type: ignore[arg-type]
}  # fmt: skip


class Converter:
    """Reads cells for the arguments of a function.

    needed  its arguments that have no default
    """

    def __init__(self, func: FunctionType | MethodType) -> None:
        parameters = list(inspect.signature(func).parameters.values())[1:]
        named = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
        self.needed = [p.name for p in named if p.default is p.empty]
        self._notes = {p.name: p.annotation for p in named}
        try:
            self._notes |= {name: note for name, note in typing.get_type_hints(func).items() if name in self._notes}
        except Exception:  # annotations that name what is not there: those that are plain words still count
            self._notes = {name: _WORDS.get(note, note) for name, note in self._notes.items()}

    def kind(self, name: str) -> object:
        """What the annotation of an argument asks for, None where text will do."""
        note, _ = _plain(self._notes.get(name))
        kind = typing.get_origin(note) or note
        return kind if kind in _READ else None

    def value(self, name: str, text: str) -> object:
        """The argument that a cell stands for; MISSING where it is empty and not text. Raises ValueError."""
        note, may_be_none = _plain(self._notes.get(name))
        read = _READ.get(typing.get_origin(note) or note)
        if not text.strip() and (read is not None or may_be_none):
            if may_be_none:
                return None
            if name in self.needed:
                raise ValueError("it is empty")
            return MISSING
        return text if read is None else read(text)


_WORDS = {kind.__name__: kind for kind in (int, float, bool, list, dict, tuple, str)}


def _plain(note: Any) -> tuple[Any, bool]:
    """The annotation without `| None`, and whether that was there; of other unions nothing is known."""
    if typing.get_origin(note) not in (typing.Union, types.UnionType):
        return note, False
    kinds = [kind for kind in typing.get_args(note) if kind is not type(None)]
    return (kinds[0] if len(kinds) == 1 else None), type(None) in typing.get_args(note)
