"""An annotation becomes the type of an output: the constraint its texts keep, and how a text is read.

Texts alone (`Literal["yes", "no"]`, an Enum of texts) are written bare; all else is JSON. pydantic knows the schema of
an annotation and reads what fits it, so that its validators are kept; it is imported only here.
"""

from __future__ import annotations

import enum
import json
import re
from collections.abc import Sequence
from functools import lru_cache, partial
from types import FunctionType, NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin  # an annotation is any object, a schema any JSON value

from lmc.errors import ArgumentError, ConstraintError
from lmc.ir.json_schema.keywords import MANY, NAMED, ONE
from lmc.ir.output import OutputType, TypeGap

MAX_KEPT = 1024  # annotations whose output is remembered: a program writes a few
_ATOMS = (str, int, float, bool, NoneType, None)
_KNOWN = "int, float, bool, str, Literal, Enum, list[...], dict[str, ...], unions, dataclasses and pydantic models"


def output_type(hint: Any) -> OutputType:
    """What `gen(type=hint)` asks for, one object for equal annotations.

    Raises ConstraintError where the annotation has no JSON schema.
    """
    try:
        return _kept(hint, repr(hint))
    except TypeError:  # not hashable: `Literal[[1]]` and the like
        return _made(hint)


@lru_cache(MAX_KEPT)
def _kept(hint: Any, told: str) -> OutputType:
    """`told` tells apart what is equal: Literal[1] and Literal[True]."""
    return _made(hint)


def _made(hint: Any) -> OutputType:
    if isinstance(hint, str):
        raise ArgumentError(f"type={hint!r}: a type is needed, not its name", help="write the type without quotes")
    name = _name(hint)
    if isinstance(hint, FunctionType):
        raise ConstraintError(f"`{name}` is a function, not a type", help=f"use {_KNOWN}")
    options = _options(hint)
    if options is not None:
        return _choice(name, options, is_plain=not isinstance(hint, type))
    adapter = _adapter(hint, name)
    schema = without_others(_schema(adapter, name))
    return OutputType(name, ("json_schema", schema), adapter.validate_json, _is_plain(hint), partial(_gaps, hint))


def annotation_schema(hint: Any) -> Any:
    """The JSON schema of an annotation, without properties that no field has.

    Raises ConstraintError where it has none.
    """
    name = _name(hint)
    return without_others(_schema(_adapter(hint, name), name))


def _gaps(hint: Any) -> tuple[TypeGap, ...]:
    from lmc.parser.type_gaps import gaps_of

    return gaps_of(hint)


def _options(hint: Any) -> Sequence[tuple[str, object]] | None:
    """(text, value) of each value of a Literal or Enum, None for all else."""
    if get_origin(hint) is Literal:
        values = [(value.value if isinstance(value, enum.Enum) else value, value) for value in get_args(hint)]
    elif isinstance(hint, type) and issubclass(hint, enum.Enum) and len(hint):
        values = [(member.value, member) for member in hint]
    else:
        return None
    if all(isinstance(written, str) and written for written, _ in values):
        return values
    if all(isinstance(written, str | int | float | NoneType) for written, _ in values):
        return [(json.dumps(written, ensure_ascii=False), value) for written, value in values]
    raise ConstraintError(f"`{_name(hint)}` has values that are no texts or numbers", help="give it such values")


def _choice(name: str, options: Sequence[tuple[str, object]], *, is_plain: bool) -> OutputType:
    values = dict(options)
    return OutputType(name, ("regex", "|".join(map(re.escape, values))), values.__getitem__, is_plain)


def _adapter(hint: Any, name: str) -> Any:
    from pydantic import TypeAdapter
    from pydantic.errors import PydanticUserError

    try:
        return TypeAdapter(hint)
    except (PydanticUserError, NameError, TypeError) as error:
        raise ConstraintError(f"`{name}` cannot be generated: {_first_line(error)}", help=f"use {_KNOWN}") from error


def _schema(adapter: Any, name: str) -> Any:
    try:
        return adapter.json_schema()
    except Exception as error:  # whatever pydantic or the class raises is about the user's fields
        message = f"`{name}` cannot say its JSON schema: {_first_line(error)}"
        raise ConstraintError(message, help=f"use {_KNOWN}") from error


def _first_line(error: Exception) -> str:
    return str(error).split("\n")[0]


def without_others(schema: Any) -> Any:
    """The schema without titles, and without room for properties that no field has."""
    if not isinstance(schema, dict):
        return schema
    made = {keyword: _inner(keyword, each) for keyword, each in schema.items() if keyword != "title"}
    if "properties" in schema and schema.get("type") == "object":
        made.setdefault("additionalProperties", False)
    return made


def _inner(keyword: str, value: Any) -> Any:
    if keyword in ONE:
        return without_others(value)
    if keyword in MANY:
        return [without_others(each) for each in value]
    return {name: without_others(each) for name, each in value.items()} if keyword in NAMED else value


def _is_plain(hint: Any) -> bool:
    """True where every value is an atom, or a list, tuple or dict of such."""
    if any(hint is atom for atom in (*_ATOMS, list, dict, tuple)):
        return True
    origin, args = get_origin(hint), get_args(hint)
    if origin is Literal:
        return not any(isinstance(value, enum.Enum) for value in args)
    return origin in (list, dict, tuple, Union, UnionType) and all(_is_plain(each) for each in args if each is not ...)


def _name(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) and not get_args(hint) else str(hint).replace("typing.", "")
