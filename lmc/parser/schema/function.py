"""The JSON schema of a Python function's arguments, from its annotations.

Small on purpose: what JSON has (texts, numbers, truth values, lists, dicts, None), `Literal`, unions, dataclasses,
and classes that say their schema themselves, such as pydantic models. All else is refused by name.
"""

from __future__ import annotations

import dataclasses
import inspect
import types
import typing
from collections.abc import Callable
from typing import Any, Literal, Union, get_args, get_origin  # an annotation is any object, a schema any JSON value

from lmc.errors import ConstraintError

Schema = dict[str, Any]
_SIMPLE: dict[Any, Schema] = {
    str: {"type": "string"}, int: {"type": "integer"}, float: {"type": "number"}, bool: {"type": "boolean"},
    type(None): {"type": "null"}, None: {"type": "null"}, list: {"type": "array"}, dict: {"type": "object"}, Any: {},
}  # fmt: skip
_KNOWN = "str, int, float, bool, None, list[...], dict[str, ...], Literal, unions, dataclasses and pydantic models"
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
        return typing.get_type_hints(owner)
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
    if origin is Literal:
        return {"enum": list(args)}
    if origin in (Union, types.UnionType):
        return {"anyOf": [_schema(each, where, defs) for each in args]}
    if origin is list:
        return {"type": "array", "items": _schema(args[0], where, defs)}
    if origin is dict and args[0] is str:
        return {"type": "object", "additionalProperties": _schema(args[1], where, defs)}
    if isinstance(hint, type) and hasattr(hint, "model_json_schema"):
        return _of_model(hint, where, defs)
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return _of_dataclass(hint, where, defs)
    shown = hint.__name__ if isinstance(hint, type) and not args else str(hint)
    raise ConstraintError(f"{where} is a `{shown}`, which has no JSON schema here", help=f"use {_KNOWN}")


def _of_dataclass(cls: type, where: str, defs: Schema) -> Schema:
    """By reference, so that a class may hold itself."""
    place = {"$ref": f"#/$defs/{cls.__name__}"}
    if cls.__name__ in defs:
        return place
    defs[cls.__name__] = {}
    hints = _hints(cls, cls.__name__)
    properties, required = {}, []
    for field in dataclasses.fields(cls):
        properties[field.name] = _schema(hints[field.name], f"the field `{field.name}` in {where}", defs)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            required.append(field.name)
    defs[cls.__name__] = _object(properties, required)
    return place


def _of_model(cls: Any, where: str, defs: Schema) -> Schema:
    """What the class says itself, with its definitions moved to the root."""
    try:
        schema = dict(cls.model_json_schema())
    except Exception as error:  # whatever the class raises is about the user's fields
        raise ConstraintError(f"`{cls.__qualname__}` cannot say its JSON schema: {error}") from error
    for name, definition in schema.pop("$defs", {}).items():
        if defs.setdefault(name, definition) != definition:
            raise ConstraintError(f"{where} needs two different classes called `{name}`", help="rename one of them")
    return schema
