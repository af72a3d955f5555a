"""From a live expression to a call: what it asks, checked at once, as the node of a graph would ask it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import cast

from lmc.executor.call_params import NOTHING, CallParams
from lmc.executor.requests import RunParams, prepared, segment
from lmc.ir.constraint import RUN_TIME_KINDS, Spacing
from lmc.parser.primitives import DTYPE_REGEX, GenExpr, SelectExpr
from lmc.source import Span

MAX_KEPT = 1024  # expressions whose parameters are remembered: a program writes a few, and a batch the same ones
ATOMS = frozenset((str, int, float, bool, type(None)))


class Expressions:
    """Makes calls of expressions, with a run's parameters; the same expression at the same place is looked at once."""

    def __init__(self, run: RunParams) -> None:
        self.run = run
        self._checked: dict[object, CallParams] = {}  # by expression
        self._placed: dict[object, CallParams] = {}  # by expression and place

    def within(self, settings: Mapping[str, object]) -> Expressions:
        """The same run with other defaults for calls that do not say."""
        given = {**self.run.defaults, **settings}
        closed = cast("bool | None", given.pop("closed", self.run.closed))
        return Expressions(replace(self.run, defaults=given, closed=closed))

    def call(self, x: GenExpr | SelectExpr, number: int, span: Span, seed_of: Callable[[], int]) -> CallParams:
        """The `number`-th call of a program, made ready; `seed_of` gives a seed where it brings none.

        Raises ArgumentError, ConstraintError.
        """
        key = _key(x) if isinstance(x, GenExpr) else None
        if key is None:
            return self._placed_at(x, None, number, span, seed_of)
        at = (key, number, span)
        kept = self._placed.get(at)
        if kept is None:
            kept = _keep(self._placed, at, self._placed_at(x, key, number, span, seed_of))
        return kept

    def _placed_at(
        self, x: GenExpr | SelectExpr, key: object, number: int, span: Span, seed_of: Callable[[], int]
    ) -> CallParams:
        found = self._gen(x, key) if isinstance(x, GenExpr) else _select(x)
        wanted = segment(found, self.run, NOTHING, seed_of)
        return replace(found, number=number, span=span, line=partial(_line, span), ready=found.ready or wanted)

    def _gen(self, x: GenExpr, key: object) -> CallParams:
        if key is None:
            return self._made(x)
        return self._checked.get(key) or _keep(self._checked, key, self._made(x))

    def _made(self, x: GenExpr) -> CallParams:
        written, sampling = _written(x), dict(x.params)
        if x.dtype in ("int", "float"):
            stop = sampling.get("stop", ())
            sampling["stop"] = (*((stop,) if isinstance(stop, str) else stop), " ", "\n")
        call = CallParams(
            "gen", x.name, sampling, written=written, spacing=x.spacing, closed=x.closed, boundary=x.boundary,
            dtype=x.dtype, output=x.output, reasoning=x.reasoning,
        )  # fmt: skip
        if written is not None and self.run.parse_constraint is not None:
            constraint = self.run.parsed(*written, cast("Spacing | None", x.spacing), x.closed)
            call = replace(call, constraint=constraint, written=None)
        return prepared(call, self.run)


def _keep(kept: dict[object, CallParams], key: object, call: CallParams) -> CallParams:
    if len(kept) == MAX_KEPT:
        kept.clear()
    kept[key] = call
    return call


def _written(x: GenExpr) -> tuple[str, object] | None:
    """What restricts a generation, and its kind."""
    if x.dtype is not None:
        return "regex", DTYPE_REGEX[x.dtype]
    return next(((kind, getattr(x, kind)) for kind in RUN_TIME_KINDS if getattr(x, kind) is not None), None)


def _select(x: SelectExpr) -> CallParams:
    return CallParams(
        "select", x.name, dict(x.params), choices=x.choices, method=x.method,
        boundary=x.boundary,
    )  # fmt: skip


def _key(x: GenExpr) -> object:
    """What tells an expression from others, None where that may change: 1, 1.0 and True are three values."""
    schema = None if x.output else x.json_schema  # that of an output is its own
    values = (x.name, x.dtype, x.regex, schema, x.grammar, x.structural_tag, x.spacing, x.closed, x.boundary)
    given = [value for _, value in x.params]
    if not all(type(value) in ATOMS for value in (*values, *given)):
        return None
    return values, x.output, x.reasoning, x.params, tuple(map(type, given))


def _line(span: Span) -> str:
    return span.text().strip() or "a call"
