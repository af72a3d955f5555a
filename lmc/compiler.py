"""From a program and the shape of its arguments to a plan: trace, passes, and a cache of what was compiled.

One graph serves all argument values of one shape: leaves are symbolic, container structure is static.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from types import FunctionType, MethodType
from typing import TYPE_CHECKING

from lmc.arguments import value_at, with_numbers
from lmc.codes import NOT_APPENDED
from lmc.collector import collector_paused
from lmc.errors import ArgumentError, CaptureError
from lmc.ir.graph import Graph
from lmc.ir.output import OutputType
from lmc.notebook import bundle, folded, pre
from lmc.parser.argument_shapes import ArgumentShape, Path
from lmc.recent import Recent

if TYPE_CHECKING:
    import networkx

    from lmc.ir.caps import Caps
    from lmc.ir.plan import Plan
    from lmc.ir.prompt import Ids, Piece, Tokenizer
    from lmc.parser.capture.trace import Trace
    from lmc.parser.capture.tracer import Guard
    from lmc.passes import Inputs, Note, Planned, Report
    from lmc.passes.pipeline import OnChange

DEFAULT_LEVEL = 2
MAX_KEPT = 256  # traces of one program, and plans: a program has a few shapes, and a server's may have ever new ones
MAX_TEXTS = 16_384  # texts whose tokens are remembered while a program is compiled
MAX_BEGINNINGS = 256  # beginnings of prompts whose text is remembered
MAX_NARROW = 32  # graphs of one program for one shape of arguments, where numbers decide their structure
Key = tuple[tuple[str, ArgumentShape], ...]


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

    @property
    def lost(self) -> list[Note]:
        """A note on each expression of the language that the program makes and does not append."""
        from lmc.passes import Note

        why = "is not appended, so nothing comes of it; write s += ..."
        return [Note(f"`{words}(...)` {why}", span, NOT_APPENDED) for span, words in self.trace.lost]

    def whatever(self, error: BaseException | None) -> Compiled:
        """Itself: what ran, whatever error it ended in."""
        return self

    def emit(self, format: str = "table") -> str:
        """The compiled program as text: table, ir, tree, dot, mermaid or json. Raises ArgumentError for another."""
        from lmc.viz import emit

        return emit(self.planned, format)

    def why(
        self,
        a: str | int,
        b: str | int | None = None,
        *,
        rows: tuple[Mapping[str, object], Mapping[str, object]] | None = None,
    ) -> str:
        """Where the prompts of two calls part, and why; each by name or number. Of one call, where two runs of it do.

        rows  the arguments of these two runs by name, as two items of a batch have them

        Raises ArgumentError for a name that no call has, and for a row that this graph is not for.
        """
        from lmc.viz import PLAIN, why

        if rows is not None and len(rows) != 2:
            raise ArgumentError(f"two rows are compared, and {len(rows)} came", help="rows=({...}, {...})")
        known = (self.by_path(rows[0]), self.by_path(rows[1])) if rows is not None else None
        return why.render(self.planned, str(a), str(a if b is None else b), PLAIN, rows=known)

    def by_path(self, row: Mapping[str, object]) -> dict[Path, object]:
        """Arguments by the paths of the graph's parameters. Raises ArgumentError where they have another shape."""
        try:
            return {p.path: value_at(row, p.path) for p in self.graph.params if p.path[0] in row}
        except (KeyError, IndexError, TypeError):
            raise ArgumentError(
                f"{self.graph.name} was compiled for arguments of another shape than {dict(row)!r}",
                help="compile it with arguments that have as many entries",
            ) from None

    def cost(self) -> str:
        """What it will cost, call by call: the fewest calls and tokens, what is expected, and the most there may be."""
        from lmc.passes.cost import cost_of
        from lmc.viz import PLAIN, cost

        return cost.render(self.planned, cost.Told(cost_of(self.plan, self.planned.inputs)), PLAIN)

    def fsm(self, name: str, format: str = "ascii") -> str:
        """The automaton of a call's constraint as ascii, dot or svg. Raises ArgumentError where there is none."""
        from lmc.viz import emit_fsm

        return emit_fsm(self.planned, name, format)

    def as_networkx(self) -> networkx.DiGraph:
        """The program's nodes with what the plan says of them, and what leads from one to another (ir/network.py)."""
        from lmc.ir.network import plan_network

        return plan_network(self.plan)

    def explain(self) -> str:
        """What each pass did, in sentences."""
        return "\n".join(str(r) for r in self.reports)

    def __str__(self) -> str:
        return str(self.plan)

    def _repr_html_(self) -> str:
        from lmc.viz.glance import glance

        return glance(self.planned) + folded("its calls", pre(self.emit(), "print(....emit()) shows them"))

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return bundle(repr(self), self._repr_html_())

    def __repr__(self) -> str:
        names = ", ".join(dict.fromkeys(str(param.path[0]) for param in self.graph.params))
        return f"<lmc compiled {self.graph.name}({names})>"


@dataclass(frozen=True, slots=True)
class NoTrace:
    """A capture that failed; it would fail again while all holds that it had baked up to there."""

    error: Exception
    guards: tuple[Guard, ...]

    def holds(self) -> bool:
        """True while everything that was baked is still the same."""
        return all(g.holds() for g in self.guards)


@dataclass(slots=True)
class Cache:
    """What a program has been compiled to, by the shape of its arguments; at most MAX_KEPT traces, and as many plans.

    A trace that no longer holds gives its place to the one that is made instead of it, and so do its plans.

    numbers  what a graph for such shapes would have to know
    narrow   the shapes with values that this came to, at most MAX_NARROW for one
    """

    traces: Recent[Key, Trace | NoTrace] = field(default_factory=lambda: Recent("graphs", MAX_KEPT))
    plans: Recent[tuple[int, str, str, Caps | None], tuple[Trace, Planned]] = field(
        default_factory=lambda: Recent("plans", MAX_KEPT)
    )
    numbers: Recent[Key, frozenset[Path]] = field(default_factory=lambda: Recent("numbers of graphs", MAX_KEPT))
    narrow: Recent[Key, set[Key]] = field(default_factory=lambda: Recent("graphs for certain numbers", MAX_KEPT))

    def trace_for(
        self, fn: FunctionType | MethodType, shapes: Mapping[str, ArgumentShape], values: Mapping[str, object]
    ) -> Trace:
        """The trace for these shapes, whatever the values; where there is none, the one for the numbers among them.

        Only numbers that something was computed with, such as a count of forks or a depth, and for a few values of
        them. Raises what `trace` raises for the shapes.
        """
        try:
            return self.trace(fn, shapes)
        except CaptureError as error:
            key = tuple(shapes.items())
            self.numbers.put(key, error.numbers)
            narrow = self.narrowed(shapes, values)
            known, one = self.narrow.get(key) or set[Key](), tuple(narrow.items())
            if narrow == shapes or (len(known) >= MAX_NARROW and one not in known):
                _ask_for(error, values)
                raise
            known.add(one)
            self.narrow.put(key, known)
            try:
                return self.trace(fn, narrow)
            except CaptureError:
                raise error from None

    def narrowed(
        self, shapes: Mapping[str, ArgumentShape], values: Mapping[str, object]
    ) -> Mapping[str, ArgumentShape]:
        """The shapes with the values of numbers that a graph must know, as `trace_for` has found."""
        paths = self.numbers.get(tuple(shapes.items()))
        return with_numbers(shapes, values, paths) if paths else shapes

    def trace(self, fn: FunctionType | MethodType, shapes: Mapping[str, ArgumentShape]) -> Trace:
        """The trace for these shapes; traced again where something it baked has changed. Raises what `trace` raises."""
        key = tuple(shapes.items())
        kept = self.traces.get(key)
        if kept is None or not kept.holds():
            stale, kept = kept, _traced(fn, shapes)
            self.traces.put(key, kept)
            self.plans.forget(lambda plan: plan[0] is stale)
        if isinstance(kept, NoTrace):
            raise kept.error.with_traceback(None)
        return kept


def _ask_for(error: CaptureError, values: Mapping[str, object]) -> None:
    """Say of a graph break which numbers might have spared it, where they were not given."""
    names = sorted({str(path[0]) for path in error.numbers} - values.keys())
    if names:
        given = ", ".join(f"{name}=3" for name in names)
        error.notes = (f"with {' and '.join(names)} known there may be a graph: compile(..., {given}), --arg {given}",)


@collector_paused()
def _traced(fn: FunctionType | MethodType, shapes: Mapping[str, ArgumentShape]) -> Trace | NoTrace:
    from lmc.parser.capture.trace import trace

    guards: list[Guard] = []
    try:
        return trace(fn, shapes, guards)
    except Exception as error:
        return NoTrace(error.with_traceback(None), tuple(guards))


@collector_paused()
def compile_trace(
    cache: Cache,
    made: Trace,
    pipeline: str,
    tokenizer: Tokenizer | None,
    caps: Caps | None = None,
    *,
    items: Sequence[Mapping[Path, object]] = (),
    on_change: OnChange | None = None,
) -> Compiled:
    """Run a pipeline over a trace; kept where that depends on nothing else.

    caps       what the backend can do; None where none is known yet
    items      argument values that the prefix tree is to know, by path
    on_change  called with each pass that changed something, and what it made
    """
    from lmc.passes import is_level, parse_pipeline, run_pipeline

    inputs = replace(inputs_of(tokenizer, items), caps=caps, outputs=_outputs(made))
    key = (id(made), pipeline, tokenizer.key if tokenizer is not None else "", caps)
    kept = cache.plans.get(key)
    is_own = bool(items) or on_change is not None
    if kept is None or kept[0] is not made or is_own:
        passes, verify_each = parse_pipeline(pipeline), not is_level(pipeline)
        kept = (made, run_pipeline(made.graph, passes, inputs, on_change=on_change, verify_each=verify_each))
        if not is_own:
            cache.plans.put(key, kept)
    return Compiled(made, kept[1])


def _outputs(made: Trace) -> dict[str, OutputType]:
    return {name: known for name, known in made.externs.items() if isinstance(known, OutputType)}


def pipeline_of(level: int | str, *, closed: bool = False) -> str:
    """The pipeline of -O0 to -O3, or a pipeline as it stands; `closed`: it closes schemas first."""
    from lmc.passes import LEVELS, with_closed

    if not isinstance(level, str) and level not in LEVELS:
        raise ArgumentError(f"there is no optimisation level {level}", help="0, 1, 2 or 3")
    pipeline = level if isinstance(level, str) else LEVELS[level]
    return with_closed(pipeline) if closed else pipeline


def without_fusing(pipeline: str) -> str:
    """A pipeline that makes no form of several calls, for a backend that takes none."""
    from lmc.passes import fuse_constraints

    return ",".join(name for name in pipeline.split(",") if name.strip() != fuse_constraints.PASS.name)


def inputs_of(tokenizer: Tokenizer | None, items: Sequence[Mapping[Path, object]] = ()) -> Inputs:
    """What passes need from outside, from a tokenizer and a batch's argument values."""
    from lmc.passes import Inputs

    if tokenizer is None:
        return Inputs(batch=tuple(items))

    @functools.lru_cache(MAX_TEXTS)  # several passes ask for the same
    def encode(pieces: tuple[Piece, ...], after: Ids | None = None) -> tuple[int, ...]:
        return tuple(tokenizer.encode_pieces(pieces, after=after))

    names = {i: name for name, i in tokenizer.control_tokens().items()}

    @functools.lru_cache(MAX_BEGINNINGS)  # a prefix begins where the one above it ends
    def decode(ids: tuple[int, ...]) -> str:
        if names.keys().isdisjoint(ids):
            return tokenizer.decode(list(ids))
        runs = groupby(ids, key=names.get)
        return "".join(tokenizer.decode(list(run)) if name is None else name * len(list(run)) for name, run in runs)

    return Inputs(
        encode,
        decode,
        tokenizer.begin_ids,
        tokenizer.chat,
        tuple(items),
        spellings=getattr(tokenizer, "vocab_bytes", None),
        control_tokens=frozenset(names.values()),
    )
