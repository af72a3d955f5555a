"""The JSON schema of a Python function's arguments, from its annotations.

What JSON has (texts, numbers, truth values, lists, dicts, None), `Literal`, unions, and classes that say their schema
themselves, such as pydantic models, are read here. Of all else pydantic says it, as for `gen(type=...)`: dataclasses,
Enums, dates, and `Annotated`, whose bounds hold. What it has no schema of is refused by name. As there, no object has
room for properties that no field has.
"""

from __future__ import annotations

import enum
import inspect
import types
import typing
from collections.abc import Callable
from typing import (
    Annotated,
    Any,
    Literal,
    Union,
    get_args,
    get_origin,
)  # an annotation is any object, a schema any JSON value

from lmc.errors import ConstraintError
from lmc.parser.output_type import annotation_schema, without_others
from lmc.parser.type_gaps import gaps_of

Schema = dict[str, Any]
_SIMPLE: dict[Any, Schema] = {
    str: {"type": "string"}, int: {"type": "integer"}, float: {"type": "number"}, bool: {"type": "boolean"},
    type(None): {"type": "null"}, None: {"type": "null"}, list: {"type": "array"}, dict: {"type": "object"}, Any: {},
}  # fmt: skip
_KNOWN = (
    "str, int, float, bool, None, list[...], dict[str, ...], Literal, unions, Enums, dataclasses and pydantic models"
)
_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def function_schema(function: Callable[..., Any]) -> Schema:
    """An object with a property for each parameter; those without a default are required."""
    name = getattr(function, "__name__", repr(function))
    hints = _hints(function, name)
    properties: Schema = {}
    defs: Schema = {}
    required = []
    for parameter in inspect.signature(function).parameters.values():
        where = f"the parameter `{parameter.name}` of the tool `{name}`"
        if parameter.kind not in _NAMED:
            raise ConstraintError(f"{where} has no name that a call can give", help="give each parameter a name")
        if parameter.name not in hints:
            raise ConstraintError(f"{where} has no annotation", help=f"say its type: {_KNOWN}")
        properties[parameter.name] = _schema(hints[parameter.name], where, defs)
        if parameter.default is parameter.empty:
            required.append(parameter.name)
    return _object(properties, required) | ({"$defs": defs} if defs else {})


def _hints(owner: Any, name: str) -> dict[str, Any]:
    try:
        return typing.get_type_hints(owner, include_extras=True)
    except Exception as error:  # a forward reference may raise whatever it likes
        raise ConstraintError(f"the annotations of `{name}` cannot be read: {error}") from None


def _object(properties: Schema, required: list[str]) -> Schema:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _schema(hint: Any, where: str, defs: Schema) -> Schema:
    """The schema of an annotation; what it refers to goes to `defs`, which stand at the root."""
    try:
        if hint in _SIMPLE:
            return dict(_SIMPLE[hint])
    except TypeError:  # not hashable: `Literal[[1]]` and the like
        pass
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated and all(isinstance(said, str) for said in hint.__metadata__):
        return _schema(args[0], where, defs)
    if origin is Literal and not any(isinstance(each, enum.Enum) for each in args):
        return {"enum": list(args)}
    if origin in (Union, types.UnionType):
        return {"anyOf": [_schema(each, where, defs) for each in args]}
    if origin is list:
        return {"type": "array", "items": _schema(args[0], where, defs)}
    if origin is dict and args[0] is str:
        return {"type": "object", "additionalProperties": _schema(args[1], where, defs)}
    if isinstance(hint, type) and hasattr(hint, "model_json_schema"):
        return _of_model(hint, where, defs)
    return _of_annotation(hint, where, defs)


def _of_model(cls: Any, where: str, defs: Schema) -> Schema:
    """What the class says itself."""
    try:
        schema = cls.model_json_schema()
    except Exception as error:  # whatever the class raises is about the user's fields
        raise ConstraintError(f"`{cls.__qualname__}` cannot say its JSON schema: {error}") from error
    return _moved(dict(without_others(schema)), where, defs)


def _of_annotation(hint: Any, where: str, defs: Schema) -> Schema:
    """What pydantic says of it, where that is exact; classes by reference, as they may hold themselves."""
    shown = hint.__name__ if isinstance(hint, type) and not get_args(hint) else str(hint)
    # of other keys pydantic says nothing
    if get_origin(hint) is dict and not _is_text(get_args(hint)[0]):
        raise ConstraintError(f"{where} is a `{shown}`, which has no JSON schema here", help=f"use {_KNOWN}")
    try:
        schema = annotation_schema(list[hint])
    except ConstraintError as error:
        message = f"{where} is a `{shown}`, which has no JSON schema here"
        raise ConstraintError(message, help=f"use {_KNOWN}") from error
    for gap in gaps_of(hint):
        inner = f" with `{gap.place}`, a `{gap.type}`," if gap.place else ","
        message = f"{where} is a `{shown}`{inner} which has no exact JSON schema: it refuses {gap.text}"
        raise ConstraintError(message, help=f"use {_KNOWN}")
    return _moved({**schema["items"], "$defs": schema.get("$defs", {})}, where, defs)


def _is_text(hint: Any) -> bool:
    """Whether an annotation has the texts that its schema has as names of properties."""
    return get_origin(hint) is Literal or (isinstance(hint, type) and issubclass(hint, str | enum.Enum))


def _moved(schema: Schema, where: str, defs: Schema) -> Schema:
    """A schema without its definitions, which go to the root: one of each name."""
    for name, definition in schema.pop("$defs", {}).items():
        if defs.setdefault(name, definition) != definition:
            raise ConstraintError(f"{where} needs two different classes called `{name}`", help="rename one of them")
    return schema
