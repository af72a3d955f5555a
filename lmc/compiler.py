"""From a program and the shape of its arguments to a plan: trace, passes, and a cache of what was compiled.

One graph serves all argument values of one shape: leaves are symbolic, container structure is static.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any, get_args, get_origin

from lmc.errors import ArgumentError
from lmc.ir.graph import Graph
from lmc.ir.types import ANY, BOOL, DATA, FLOAT, INT, STR, Type, type_of
from lmc.parser.capture.trace import Container, Leaf, Shape, Trace, trace

if TYPE_CHECKING:
    from lmc.backend.base import Tokenizer
    from lmc.ir.caps import Caps
    from lmc.ir.plan import Plan
    from lmc.passes import Inputs, Planned, Report

Path = tuple[str | int, ...]
MAX_LEAVES = 64  # a container with more leaves than this is one run-time value
DEFAULT_LEVEL = 2


@dataclass(frozen=True, slots=True)
class Compiled:
    """A program compiled for one shape of arguments.

    trace    the capture, from before any pass
    planned  the plan, with what the passes did and were told
    """

    trace: Trace
    planned: Planned

    @property
    def graph(self) -> Graph:
        """The graph as captured."""
        return self.trace.graph

    @property
    def plan(self) -> Plan:
        """What runs."""
        return self.planned.plan

    @property
    def reports(self) -> tuple[Report, ...]:
        """What each pass did."""
        return self.planned.reports

    def emit(self, format: str = "table") -> str:
        """The compiled program as text: table, ir, tree, dot, mermaid or json. Raises ArgumentError for another."""
        from lmc.viz import emit

        return emit(self.planned, format)

    def fsm(self, name: str, format: str = "ascii") -> str:
        """The automaton of a call's constraint as ascii, dot or svg. Raises ArgumentError where there is none."""
        from lmc.viz import emit_fsm

        return emit_fsm(self.planned, name, format)

    def explain(self) -> str:
        """What each pass did, in sentences."""
        return "\n".join(str(r) for r in self.reports)

    def __str__(self) -> str:
        return str(self.plan)


@dataclass(slots=True)
class Cache:
    """What a program has been compiled to, by the shape of its arguments."""

    traces: dict[tuple[tuple[str, Shape], ...], Trace] = field(default_factory=dict)
    plans: dict[tuple[int, str, str, Caps | None], tuple[Trace, Planned]] = field(default_factory=dict)

    def trace(self, fn: FunctionType | MethodType, shapes: Mapping[str, Shape]) -> Trace:
        """The trace for these shapes; traced again where something it baked has changed."""
        key = tuple(shapes.items())
        kept = self.traces.get(key)
        if kept is None or not kept.holds():
            self.traces[key] = kept = trace(fn, shapes)
        return kept


def compile_trace(
    cache: Cache, made: Trace, pipeline: str, tokenizer: Tokenizer | None, caps: Caps | None = None
) -> Compiled:
    """Run a pipeline over a trace; kept, as it depends on nothing else."""
    from lmc.passes import parse_pipeline, run_pipeline

    inputs = replace(inputs_of(tokenizer), caps=caps)
    key = (id(made), pipeline, tokenizer.key if tokenizer is not None else "", caps)
    kept = cache.plans.get(key)
    if kept is None or kept[0] is not made:
        cache.plans[key] = kept = (made, run_pipeline(made.graph, parse_pipeline(pipeline), inputs))
    return Compiled(made, kept[1])


def pipeline_of(level: int | str) -> str:
    """The pipeline of -O0 to -O3, or a pipeline as it stands."""
    from lmc.passes import LEVELS

    if isinstance(level, str):
        return level
    if level not in LEVELS:
        raise ArgumentError(f"there is no optimisation level {level}", help="0, 1, 2 or 3")
    return LEVELS[level]


def inputs_of(tokenizer: Tokenizer | None, items: Sequence[Mapping[Path, object]] = ()) -> Inputs:
    """What passes need from outside, from a tokenizer and a batch's argument values."""
    from lmc.passes import Inputs

    if tokenizer is None:
        return Inputs(batch=tuple(items))

    def encode(pieces: tuple[tuple[str, str], ...]) -> tuple[int, ...]:
        ids: list[int] = []
        for kind, text in pieces:
            ids += tokenizer.encode(text, control=kind == "control")
        return tuple(ids)

    return Inputs(
        encode,
        lambda ids: tokenizer.decode(ids),
        tokenizer.begin_ids,
        tokenizer.chat,
        tuple(items),
        spellings=getattr(tokenizer, "vocab_bytes", None),
    )


# --- arguments -------------------------------------------------------------------------------------------


def bind(
    fn: FunctionType | MethodType, bound: Mapping[str, Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    """The program's arguments by name, defaults filled in. Raises ArgumentError where they do not fit."""
    signature = _signature(fn)
    try:
        call = signature.bind(None, *args, **{**bound, **kwargs})
    except TypeError as error:
        names = list(signature.parameters)[1:]
        unknown = next((k for k in kwargs if k not in names), None)
        what = f"{fn.__name__}: {error}" if unknown is None else f"`{fn.__name__}` has no argument `{unknown}`"
        raise ArgumentError(what, help=f"its arguments are: {', '.join(names) or 'none'}") from None
    call.apply_defaults()
    return dict(list(call.arguments.items())[1:])


@functools.lru_cache(maxsize=1024)
def _signature(fn: FunctionType | MethodType) -> inspect.Signature:
    return inspect.signature(fn)


def shape_of(value: object, room: int = MAX_LEAVES) -> Shape:
    """The shape of an argument value: structure of small containers, types of leaves."""
    if type(value) in (list, tuple, dict) and 0 < _num_leaves(value, room) <= room:
        pairs: Iterator[tuple[Any, Any]] = iter(value.items() if isinstance(value, dict) else enumerate(value))  # type: ignore[arg-type]
        pairs = iter(list(pairs))
        items = tuple((key, shape_of(item, room)) for key, item in pairs)
        if all(isinstance(key, str | int) for key, _ in items):
            return Container(type(value).__name__, items)
    return Leaf(type_of(value))


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


_ANNOTATED: dict[object, Type] = {
    str: STR, int: INT, float: FLOAT, bool: BOOL, list: DATA, dict: DATA, tuple: DATA, set: DATA,
    "str": STR, "int": INT, "float": FLOAT, "bool": BOOL, "list": DATA, "dict": DATA, "tuple": DATA, "set": DATA,
}  # fmt: skip


def holes(fn: FunctionType | MethodType, bound: Mapping[str, Any]) -> dict[str, Shape]:
    """Shapes for compiling without arguments: given values and defaults bind, the rest are holes of annotated type."""
    shapes: dict[str, Shape] = {}
    parameters = _signature(fn).parameters
    for name, parameter in list(parameters.items())[1:]:
        if name in bound:
            shapes[name] = shape_of(bound[name])
        elif parameter.default is not inspect.Parameter.empty:
            shapes[name] = shape_of(parameter.default)
        elif parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            shapes[name] = Container("tuple", ())
        elif parameter.kind is inspect.Parameter.VAR_KEYWORD:
            shapes[name] = shape_of({k: v for k, v in bound.items() if k not in parameters})
        else:
            shapes[name] = Leaf(_annotated(parameter.annotation))
    return shapes


def _annotated(note: object) -> Type:
    if isinstance(note, str):
        note = note.partition("[")[0]
    elif get_origin(note) is not None and get_args(note):
        note = get_origin(note)
    return _ANNOTATED.get(note, ANY)
