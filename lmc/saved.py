"""Values, results and errors as JSON, and back without loss: how a journal keeps them.

Plain JSON values stand for themselves; a dict with one key that begins with "$" is something else: a tuple, a set,
bytes, a program state, an object of a class of the user's. What would not come back the same is refused.
"""

from __future__ import annotations

import base64
import builtins
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields, is_dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from lmc import errors
from lmc.errors import LMError, OutputError, RequestError
from lmc.result import Result
from lmc.source import Span

if TYPE_CHECKING:
    from lmc.executor.state import ProgramState

Json = Any  # what json.dumps takes
TAKEN_VERSION = 1  # of how a result's arms and turns are written


class NotSaved(Exception):
    """A value that JSON cannot hold so that it comes back the same."""


def encode(value: Any) -> Json:
    """The value as JSON. Raises NotSaved."""
    kind = type(value)
    if value is None or kind in (str, int, bool):
        return value
    if kind is float:
        return value if math.isfinite(value) else {"$float": repr(value)}
    if kind is list:
        return [encode(each) for each in value]
    if kind is dict:
        if all(type(key) is str for key in value) and not (len(value) == 1 and next(iter(value)).startswith("$")):
            return {key: encode(each) for key, each in value.items()}
        return {"$dict": [[encode(key), encode(each)] for key, each in value.items()]}
    if kind in (tuple, set, frozenset):
        return {f"${kind.__name__}": [encode(each) for each in (value if kind is tuple else sorted(value, key=repr))]}
    if kind in (bytes, bytearray):
        return {f"${kind.__name__}": base64.b64encode(value).decode()}
    return _encode_object(value)


def decode(json: Json) -> Any:
    """The value that was encoded. Raises LMError where it is an object of a class that is not there any more."""
    if isinstance(json, list):
        return [decode(each) for each in json]
    if not isinstance(json, dict):
        return json
    if len(json) == 1:
        ((tag, inner),) = json.items()
        if tag in _DECODERS:
            return _DECODERS[tag](inner)
    return {key: decode(each) for key, each in json.items()}


_DECODERS: dict[str, Callable[[Any], Any]] = {
    "$float": float,
    "$dict": lambda pairs: {decode(key): decode(each) for key, each in pairs},
    "$tuple": lambda parts: tuple(map(decode, parts)),
    "$set": lambda parts: set(map(decode, parts)),
    "$frozenset": lambda parts: frozenset(map(decode, parts)),
    "$bytes": base64.b64decode,
    "$bytearray": lambda text: bytearray(base64.b64decode(text)),
    "$state": lambda saved: _state_of(saved),
    "$object": lambda saved: _object_of(saved),
}


# --- objects ---------------------------------------------------------------------------------------------


def _encode_object(value: Any) -> Json:
    from lmc.executor.state import ProgramState

    if isinstance(value, ProgramState):
        return {"$state": _saved_state(value)}
    cls = type(value)
    if _class(cls.__module__, cls.__qualname__) is not cls:
        raise NotSaved(f"{cls.__qualname__} cannot be found again by its name")
    inner: Json
    if isinstance(value, Enum):
        inner = value.name
    elif isinstance(value, tuple) and hasattr(cls, "_fields"):
        inner = [encode(each) for each in value]
    elif is_dataclass(value):
        inner = _attributes(value, {field.name for field in fields(value)})
    elif hasattr(cls, "__pydantic_validator__") and not getattr(value, "__pydantic_private__", None):
        inner = _attributes(value, set(cls.model_fields))
        inner = {"fields": inner, "set": sorted(value.model_fields_set), "extra": encode(value.__pydantic_extra__)}
    else:
        raise NotSaved(f"{cls.__qualname__} is no JSON")
    return {"$object": [cls.__module__, cls.__qualname__, inner]}


def _attributes(value: Any, names: set[str]) -> Json:
    """The fields of an object that has nothing beside them."""
    others = set(getattr(value, "__dict__", ())) - names
    if others:
        raise NotSaved(f"{type(value).__qualname__} has `{min(others)}` beside its fields")
    return {name: encode(getattr(value, name)) for name in sorted(names)}


def _class(module: str, name: str) -> Any:
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


def _object_of(saved: list[Any]) -> Any:
    module, name, inner = saved
    cls = _class(module, name)  # of modules that are imported already: reading a journal imports nothing
    if not isinstance(cls, type):
        raise LMError(f"a saved value is a `{name}` of `{module}`, which is not there", help="import what defines it")
    if issubclass(cls, Enum):
        return cls[inner]
    if issubclass(cls, tuple):
        return cls._make(map(decode, inner))  # type: ignore[attr-defined]
    made = cls.__new__(cls)
    if is_dataclass(cls):
        for key, value in inner.items():
            object.__setattr__(made, key, decode(value))
        return made
    values = {key: decode(value) for key, value in inner["fields"].items()}
    object.__setattr__(made, "__dict__", {key: values[key] for key in cls.model_fields})  # type: ignore[attr-defined]
    object.__setattr__(made, "__pydantic_fields_set__", set(inner["set"]))
    object.__setattr__(made, "__pydantic_extra__", decode(inner["extra"]))
    object.__setattr__(made, "__pydantic_private__", None)
    return made


# --- results ---------------------------------------------------------------------------------------------


def saved_result(result: Result) -> dict[str, Json]:
    """What a result says, as JSON. Raises NotSaved."""
    try:
        saved: dict[str, Json] = {"usage": asdict(result.usage)}
        if result.has_calls:
            saved["calls"] = [encode(call.as_dict()) for call in result.calls]
        if result.error is not None:
            return saved | {"error": _saved_error(result.error)}
        if result.taken:
            saved["taken"] = {"version": TAKEN_VERSION, **result.taken}
        return saved | _saved_state(result.state) | {"returned": encode(result.raw_return)}
    except RecursionError:
        raise NotSaved("a value contains itself") from None


def restored_result(saved: Mapping[str, Json], item: int) -> Result:
    """The result that was saved; it has no report. Raises LMError as `decode` does."""
    from lmc.backend.base import Usage
    from lmc.calls import CallRecord

    calls = [CallRecord.of_dict(decode(call)) for call in saved["calls"]] if "calls" in saved else None
    usage = Usage(**saved["usage"])
    if "error" in saved:
        return Result(None, None, _error_of(saved["error"]), usage, None, item, calls)
    result: Result = Result(_state_of(saved), decode(saved["returned"]), None, usage, None, item, calls)
    result.taken = {name: each for name, each in saved.get("taken", {}).items() if name != "version"}
    return result


def _saved_state(state: ProgramState) -> dict[str, Json]:
    return {
        "values": encode(dict(state.names.values)),
        "text": state.text(),
        "messages": [[turn["role"], turn["content"]] for turn in state.messages()],
        "meta": encode(dict(state.names.meta)),
    }


def _state_of(saved: Mapping[str, Json]) -> ProgramState:
    """A state that reads as the saved one did; nothing goes on from it."""
    from lmc.executor.state import Names, ProgramState, Turns
    from lmc.ir.layers import Layers
    from lmc.ir.prompt import Text
    from lmc.ir.strand import Strand

    names = Names(Layers(decode(saved["values"])), Layers(decode(saved["meta"])))
    turns = Turns(Strand(None, ((role, text) for role, text in saved["messages"])))
    return ProgramState((None, Text(saved["text"])), names=names, turns=turns)


# --- errors ----------------------------------------------------------------------------------------------


def _saved_error(error: BaseException) -> dict[str, Json]:
    saved: dict[str, Json] = {"type": type(error).__name__, "message": str(error)}
    if isinstance(error, LMError):
        saved |= {"message": error.message, "code": error.code, "help": error.help, "notes": list(error.notes)}
        saved["span"] = error.span and [error.span.file, error.span.line, error.span.col, error.span.end]
        saved["retryable"] = isinstance(error, RequestError) and error.retryable
        saved["text"] = error.text if isinstance(error, OutputError) else None
    elif type(error).__module__ == "builtins":
        try:
            saved["args"] = encode(error.args)
        except NotSaved:
            saved["args"] = encode((str(error),))
    return saved


def _error_of(saved: Mapping[str, Json]) -> BaseException:
    """An error of the same class where it is lmc's or Python's, else an LMError that names it."""
    name, message = saved["type"], saved["message"]
    if "args" in saved:
        cls: Callable[..., BaseException] = getattr(builtins, name)
        try:
            return cls(*decode(saved["args"]))
        except TypeError:
            return LMError(f"{name}: {message}")
    if "code" not in saved:
        return LMError(f"{name}: {message}")
    found = getattr(errors, name, LMError)
    span = Span(*saved["span"]) if saved["span"] else None
    told = {"span": span, "code": saved["code"], "help": saved["help"], "notes": tuple(saved["notes"])}
    if issubclass(found, RequestError):
        told["retryable"] = saved["retryable"]
    if found is OutputError:
        told["text"] = saved.get("text") or ""
    return found(message, **told)
