"""The arguments of a program: how they bind, what shape they have, and where each leaf sits."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Collection, Iterable, Mapping, Sequence
from types import FunctionType, MethodType
from typing import Any, get_args, get_origin

from lmc.errors import ArgumentError, did_you_mean
from lmc.ir.sampling import RUN_NAMES, SAMPLING_FIELDS
from lmc.ir.types import ANY, BOOL, DATA, FLOAT, INT, STR, Type, type_of
from lmc.parser.argument_shapes import (
    ArgumentContainer,
    ArgumentLeaf,
    ArgumentNumber,
    ArgumentShape,
    Path,
    signature_of,
)
from lmc.tables import BadItem

# beside sampling: what `run` takes that is no argument of a program
OPTIONS_OF_RUN = (
    *RUN_NAMES, "closed", "backend", "model", "seed", "opt_level", "mode", "fullgraph", "record", "timeline", "stream",
    "on_event",
)  # fmt: skip
MAX_LEAVES = 64  # a container with more leaves than this is one run-time value


def bind(
    fn: FunctionType | MethodType, bound: Mapping[str, Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    """The program's arguments by name, defaults filled in. Raises ArgumentError where they do not fit."""
    given, plain = {**bound, **kwargs}, _plain_names(fn)
    if not args and plain is not None and given.keys() == plain.keys():
        return {name: given[name] for name in plain}  # most of a batch's items: a fraction of the time of what follows
    signature = _signature(fn)
    try:
        call = signature.bind(None, *args, **given)
    except TypeError as error:
        names = list(signature.parameters)[1:]
        unknown = next((k for k in kwargs if k not in names), None)
        what = f"{fn.__name__}: {error}" if unknown is None else f"`{fn.__name__}` has no argument `{unknown}`"
        near = None if unknown is None else did_you_mean(unknown, [*names, *SAMPLING_FIELDS, *OPTIONS_OF_RUN])
        help = near or f"its arguments are: {', '.join(names) or 'none'}"
        if unknown is None and len(args) > len(names):
            help += ", and the state is given by lmc"
        raise ArgumentError(what, help=help) from None
    call.apply_defaults()
    [(first, state), *others] = call.arguments.items()
    # a wrapper takes all it is given by `*args`, the state first
    more = {first: state[1:]} if isinstance(state, tuple) and len(state) > 1 else {}
    return {**more, **dict(others)}


def call(fn: FunctionType | MethodType, arguments: Mapping[str, Any], state: object) -> Any:
    """Call a program's function with a state and the arguments that `bind` gave."""
    if _plain_names(fn) is not None:
        return fn(state, **arguments)
    signature = _signature(fn)
    first = next(iter(signature.parameters.values()))
    given = (state, *arguments.get(first.name, ())) if first.kind is first.VAR_POSITIONAL else state
    bound = inspect.BoundArguments(signature, {**arguments, first.name: given})
    return fn(*bound.args, **bound.kwargs)


def bind_item(fn: FunctionType | MethodType, bound: Mapping[str, Any], item: object) -> dict[str, Any]:
    """The arguments of a batch item: a mapping by name, or a list in order; for a program of one argument also itself.

    Raises ArgumentError for another, and the error of a BadItem.
    """
    if isinstance(item, Mapping):
        return bind(fn, bound, (), item)
    if isinstance(item, list | tuple):
        return bind(fn, bound, item, {})
    if isinstance(item, BadItem):
        raise item.error
    name = _one_name(fn, frozenset(bound))
    if name is not None and item is not None:
        return bind(fn, bound, (), {name: item})
    raise ArgumentError(
        f"a batch item is a dict or a list of arguments, not {type(item).__name__}",
        help=f"`{fn.__name__}` takes more than one argument" if len(_signature(fn).parameters) > 2 else None,
    )


def takes(fn: FunctionType | MethodType, name: object) -> bool:
    """Whether the program has an argument of that name, or takes any."""
    parameters = list(_signature(fn).parameters.values())[1:]
    return any(p.name == name or (p.kind is p.VAR_KEYWORD and isinstance(name, str)) for p in parameters)


@functools.lru_cache(maxsize=1024)
def _one_name(fn: FunctionType | MethodType, bound: frozenset[str]) -> str | None:
    """The argument that an item stands for by itself: the only one that must be given, or the only one there is."""
    names = [p for p in list(_signature(fn).parameters.values())[1:] if p.name not in bound]
    free = [p for p in names if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    needed = [p for p in free if p.default is p.empty] or free
    return needed[0].name if len(needed) == 1 else None


@functools.lru_cache(maxsize=1024)
def _signature(fn: FunctionType | MethodType) -> inspect.Signature:
    return signature_of(fn)


@functools.lru_cache(maxsize=1024)
def _plain_names(fn: FunctionType | MethodType) -> dict[str, None] | None:
    """The names of the arguments, in order; None where they cannot all be given by name."""
    parameters = list(_signature(fn).parameters.values())[1:]
    by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return dict.fromkeys(p.name for p in parameters) if all(p.kind in by_name for p in parameters) else None


def shape_of(value: object, room: int = MAX_LEAVES) -> ArgumentShape:
    """The shape of an argument value: structure of small containers, types of leaves."""
    if type(value) in (list, tuple, dict) and 0 < _num_leaves(value, room) <= room:
        pairs: Iterable[tuple[Any, Any]] = value.items() if isinstance(value, dict) else enumerate(value)  # type: ignore[arg-type]
        items = tuple((key, shape_of(item, room)) for key, item in pairs)
        if all(isinstance(key, str | int) for key, _ in items):
            return ArgumentContainer(type(value).__name__, items)
    return ArgumentLeaf(type_of(value))


def _num_leaves(value: object, room: int) -> int:
    """How many leaves a container has; counting stops past `room`. 1 for an empty container."""
    if type(value) not in (list, tuple, dict):
        return 1
    count = 0
    for item in value.values() if isinstance(value, dict) else value:  # type: ignore[attr-defined]
        count += _num_leaves(item, room)
        if count > room:
            break
    return max(count, 1)


def value_at(arguments: Mapping[str, Any], path: Path) -> object:
    """The argument leaf at a path."""
    value: Any = arguments[path[0]]  # type: ignore[index]
    for key in path[1:]:
        value = value[key]
    return value


def with_numbers(
    shapes: Mapping[str, ArgumentShape], values: Mapping[str, Any], paths: Collection[Path]
) -> dict[str, ArgumentShape]:
    """The shapes with the values of some leaves written in; a leaf that has no value stays as it is."""
    return {name: _written(shape, values.get(name), (name,), paths) for name, shape in shapes.items()}


def _written(shape: ArgumentShape, value: Any, path: Path, paths: Collection[Path]) -> ArgumentShape:
    if isinstance(shape, ArgumentContainer) and value is not None:
        items = tuple((key, _written(inner, value[key], (*path, key), paths)) for key, inner in shape.items)
        return ArgumentContainer(shape.kind, items)
    if isinstance(shape, ArgumentLeaf) and path in paths and type(value) in (int, bool):
        return ArgumentNumber(shape.type, value)
    return shape


_ANNOTATED: dict[object, Type] = {
    str: STR, int: INT, float: FLOAT, bool: BOOL, list: DATA, dict: DATA, tuple: DATA, set: DATA,
    "str": STR, "int": INT, "float": FLOAT, "bool": BOOL, "list": DATA, "dict": DATA, "tuple": DATA, "set": DATA,
}  # fmt: skip


def defaults(fn: FunctionType | MethodType, bound: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of the arguments where they are not all given: what is bound, and defaults."""
    empty = inspect.Parameter.empty
    own = {n: p.default for n, p in list(_signature(fn).parameters.items())[1:] if p.default is not empty}
    return {**own, **bound}


def holes(fn: FunctionType | MethodType, bound: Mapping[str, Any]) -> dict[str, ArgumentShape]:
    """Shapes for compiling without arguments: given values and defaults bind, the rest are holes of annotated type."""
    shapes: dict[str, ArgumentShape] = {}
    parameters = _signature(fn).parameters
    for name, parameter in list(parameters.items())[1:]:
        if name in bound:
            shapes[name] = shape_of(bound[name])
        elif parameter.default is not inspect.Parameter.empty:
            shapes[name] = shape_of(parameter.default)
        elif parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            shapes[name] = ArgumentContainer("tuple", ())
        elif parameter.kind is inspect.Parameter.VAR_KEYWORD:
            shapes[name] = shape_of({k: v for k, v in bound.items() if k not in parameters})
        else:
            shapes[name] = ArgumentLeaf(_annotated(parameter.annotation))
    return shapes


def _annotated(note: object) -> Type:
    if isinstance(note, str):
        note = note.partition("[")[0]
    elif get_origin(note) is not None and get_args(note):
        note = get_origin(note)
    return _ANNOTATED.get(note, ANY)
