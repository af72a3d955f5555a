"""A run as a Chrome trace, which Perfetto (ui.perfetto.dev) and chrome://tracing draw.

    engine             forward passes, a slice each; counters of the pool, of samples, and of prompt tokens so far
    tips, item 0       calls, a slice each, on as many tracks as were under way at once; in a call the phases: waiting,
                       prefill, and decoding or scoring. Arrows go from a call to those that the plan has wait for it

Times are microseconds since the run began. Format: "Trace Event Format", JSON object form.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from lmc.errors import ArgumentError
from lmc.observe.report import counted

if TYPE_CHECKING:
    from lmc.backend.base import ForwardPass, PassRow
    from lmc.calls import CallRecord
    from lmc.ir.plan import Plan
    from lmc.observe.report import RunReport
    from lmc.observe.timeline import Timeline
    from lmc.result import Result

Event = dict[str, Any]
ENGINE = 1  # its process; those of items come behind it
MAX_PROMPT = 2000  # characters of a prompt or an output that a slice carries


class Phase(NamedTuple):
    """What a call did for a while, in seconds since the run began."""

    name: str
    begin_s: float
    end_s: float
    args: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Slice:
    """The calls of one request on a track."""

    calls: tuple[CallRecord, ...]
    track: int

    @property
    def begin_s(self) -> float:
        return self.calls[0].begin_s

    @property
    def end_s(self) -> float:
        end_s = self.calls[0].end_s
        return self.begin_s if end_s is None else end_s


def chrome_trace(results: Sequence[Result], report: RunReport | None, program: str) -> dict[str, Any]:
    """The trace of a run's results. Raises ArgumentError where the run kept no timeline."""
    timeline = None if report is None else report.timeline
    if report is None or timeline is None:
        raise ArgumentError("this run kept no timeline", help="give timeline=True to the run")
    events = list(_engine(timeline, report.backend))
    rows = _rows_by_calls(timeline)
    for i, result in enumerate(results):
        name = program if len(results) == 1 else f"{program}, item {result.item}"
        events += _item(ENGINE + 1 + i, name, result, rows, timeline)
    return {"traceEvents": events, "displayTimeUnit": "ms", "otherData": {"num_dropped": timeline.num_dropped}}


# --- the engine ------------------------------------------------------------------------------------------


def _engine(timeline: Timeline, backend: str) -> Iterator[Event]:
    yield _named("process_name", ENGINE, 0, f"engine: {backend}")
    yield _named("thread_name", ENGINE, 0, "forward passes")
    cached = computed = 0
    for each in timeline.passes:
        cached += sum(row.cached_tokens for row in each.rows)
        computed += sum(row.computed_tokens for row in each.rows)
        yield _slice(ENGINE, 0, f"{counted(each.num_rows, 'row')}, {counted(each.num_tokens, 'token')}",
                     each.begin_s, each.begin_s + each.seconds, _pass_args(each, timeline))  # fmt: skip
        end_s = each.begin_s + each.seconds
        yield _counter("samples", end_s, running=each.num_running, waiting=each.num_waiting)
        yield _counter("prompt tokens", end_s, cached=cached, computed=computed)
        if each.max_tokens:
            others = each.held_tokens - each.cached_tokens
            yield _counter("pool, in tokens", end_s, cache=each.cached_tokens, running=max(0, others))


def _pass_args(each: ForwardPass, timeline: Timeline) -> dict[str, Any]:
    """What a pass says of itself when it is clicked on."""
    return {"number": each.number, "rows": [_row_text(row, timeline) for row in each.rows]}


def _row_text(row: PassRow, timeline: Timeline) -> str:
    asked = timeline.asked.get(row.rid)
    calls = "" if asked is None else ", ".join(f"#{number}" for number in asked.calls)
    who = f"request {row.rid}" if asked is None else f"item {asked.item} {calls}"
    return f"{who}: {row.cached_tokens} cached, {row.computed_tokens} computed, {row.output_tokens} out"


# --- an item ---------------------------------------------------------------------------------------------


Rows = dict[tuple[int, tuple[int, ...]], list[tuple["ForwardPass", "PassRow"]]]


def _rows_by_calls(timeline: Timeline) -> Rows:
    """The rows of each request's calls, with their passes."""
    found: Rows = {}
    for each in timeline.passes:
        for row in each.rows:
            asked = timeline.asked.get(row.rid)
            if asked is not None:
                found.setdefault((asked.item, asked.calls), []).append((each, row))
    return found


def _item(pid: int, name: str, result: Result, rows: Rows, timeline: Timeline) -> Iterator[Event]:
    yield _named("process_name", pid, 0, name)
    yield {"ph": "M", "name": "process_sort_index", "pid": pid, "tid": 0, "args": {"sort_index": pid}}
    slices = _on_tracks(result.calls)
    for track in sorted({each.track for each in slices}):
        yield _named("thread_name", pid, track, "calls" if not track else f"calls {track + 1}")
    for each in slices:
        numbers = tuple(call.number for call in each.calls)
        yield _slice(pid, each.track, _title(each.calls), each.begin_s, each.end_s, _call_args(each.calls))
        own = rows.get((result.item, numbers), [])
        for phase in phases(each.calls[0], own):
            yield _slice(pid, each.track, phase.name, phase.begin_s, phase.end_s, phase.args)
    yield from _arrows(pid, slices, feeds(result, timeline))


def _on_tracks(calls: Iterable[CallRecord]) -> list[_Slice]:
    """A slice for each request; slices of a track are one behind the other."""
    requests: dict[int, list[CallRecord]] = {}
    for call in calls:
        requests.setdefault(call.request, []).append(call)
    free_s: list[float] = []  # from when on each track is free
    slices: list[_Slice] = []
    for group in sorted(requests.values(), key=lambda group: (group[0].begin_s, group[0].number)):
        begin_s = group[0].begin_s
        track = next((i for i, end_s in enumerate(free_s) if end_s <= begin_s), len(free_s))
        slices.append(_Slice(tuple(group), track))
        free_s[track : track + 1] = [slices[-1].end_s]
    return slices


def _title(calls: Sequence[CallRecord]) -> str:
    return ", ".join(f"#{call.number} {call.kind}{f' {call.name}' if call.name else ''}" for call in calls)


def _call_args(calls: Sequence[CallRecord]) -> dict[str, Any]:
    first = calls[0]
    return {
        "place": first.place,
        "prompt": _cut(first.prompt),
        "output": [_cut(call.output) if isinstance(call.output, str) else call.output for call in calls],
        "prompt_tokens": first.prompt_tokens,
        "cached_tokens": first.cached_tokens,
        "output_tokens": sum(call.output_tokens for call in calls),
        "finish_reason": first.finish_reason,
        "error": first.error,
    }


def _cut(text: str) -> str:
    """The end of a long text: what a call answers to."""
    return text if len(text) <= MAX_PROMPT else f"…{text[-MAX_PROMPT:]}"


def phases(call: CallRecord, rows: Sequence[tuple[ForwardPass, PassRow]]) -> Iterator[Phase]:
    """What a call did between its begin and its end: it waited, its prompt was computed, then tokens or choices."""
    end_s = call.begin_s if call.end_s is None else call.end_s
    if not rows:
        return
    began_s = min(max(rows[0][0].begin_s, call.begin_s), end_s)
    if began_s > call.begin_s:
        yield Phase("waiting", call.begin_s, began_s, {})
    last = rows[-1][0]
    done_s = min(last.begin_s + last.seconds, end_s)
    if call.kind == "select":  # its last pass has the end of the prompt, and the choices
        prefilled_s = max(began_s, min(last.begin_s, end_s))
    else:
        computed = [each.begin_s + each.seconds for each, row in rows if row.computed_tokens or row.cached_tokens]
        prefilled_s = min(computed[-1], end_s) if computed else began_s
    if prefilled_s > began_s:
        cached, new = (sum(getattr(row, name) for _, row in rows) for name in ("cached_tokens", "computed_tokens"))
        yield Phase("prefill", began_s, prefilled_s, {"cached_tokens": cached, "computed_tokens": new})
    if done_s > prefilled_s:
        out = sum(row.output_tokens for _, row in rows)
        yield Phase("scoring" if call.kind == "select" else "decode", prefilled_s, done_s, {"output_tokens": out})


# --- what feeds what -------------------------------------------------------------------------------------


def feeds(result: Result, timeline: Timeline) -> list[tuple[int, int]]:
    """Pairs of calls, by number, of which the second one waits for the first by the plan; none without a plan.

    A call of a loop is paired with those of its own turn, and of before the loop.
    """
    if not result.has_graph:
        return []
    plan = result.compiled.plan
    asked = sorted((each for each in timeline.asked.values() if each.item == result.item), key=lambda each: each.calls)
    by_calls = {each.calls: each for each in asked}
    nodes = [step.node for step in plan.steps if step.op in ("gen", "select", "fused")]
    made = list(by_calls.values())
    if {each.position[-1] for each in made} <= set(nodes):
        places = [(each.calls[0], each.position[:-1], each.position[-1]) for each in made]
    elif len(nodes) == len(made):  # a record of what ran as Python: it has a node for each call, in their order
        places = [(each.calls[0], (), node) for each, node in zip(made, nodes)]
    else:
        return []
    return list(_pairs(places, _waits(plan)))


def _pairs(places: list[tuple[int, tuple[int, ...], int]], waits: dict[int, set[int]]) -> Iterator[tuple[int, int]]:
    latest: dict[int, list[tuple[tuple[int, ...], int]]] = {}
    for number, path, node in places:
        for before in sorted(waits.get(node, ())):
            # of the same turn, or of one that this turn stands in; else the last one there was
            ran = latest.get(before, [])
            near = [other for at, other in ran if path[: len(at)] == at] or [other for _, other in ran]
            if near:
                yield near[-1], number
        latest.setdefault(node, []).append((path, number))


def _waits(plan: Plan) -> dict[int, set[int]]:
    """For the node of each model call, the nodes of those it waits for, with no other model call between."""
    by_id = {step.id: step for step in plan.steps}
    inside: dict[int, list[int]] = {}
    for step in plan.steps:
        if step.inside is not None:
            inside.setdefault(step.inside, []).append(step.id)

    def calls_of(id: int) -> set[int]:
        """The calls that a step comes down to."""
        step = by_id[id]
        if step.op in ("gen", "select", "fused"):
            return {step.node}
        under = [calls_of(each) for each in inside.get(id, ())]
        return set().union(*under) if any(under) else before(id)

    def before(id: int) -> set[int]:
        step = by_id[id]
        found = set().union(*(calls_of(each) for each in step.after))
        return found if step.after or step.inside is None else before(step.inside)

    return {step.node: before(step.id) for step in plan.steps if step.op in ("gen", "select", "fused")}


def _arrows(pid: int, slices: Sequence[_Slice], pairs: Iterable[tuple[int, int]]) -> Iterator[Event]:
    at = {call.number: each for each in slices for call in each.calls}
    for a, b in pairs:
        start, end = at.get(a), at.get(b)
        if start is None or end is None or start is end:
            continue
        common = {"name": "waits for", "cat": "call", "id": f"{pid}.{a}.{b}", "pid": pid}
        # an arrow binds to the slice around its time: inside the first one, at the begin of the second
        begin_s = min(start.end_s, max(start.begin_s, start.end_s - 1e-6))
        yield {"ph": "s", "ts": _us(begin_s), "tid": start.track, **common}
        yield {"ph": "f", "bp": "e", "ts": _us(max(end.begin_s, begin_s)), "tid": end.track, **common}


# --- events ----------------------------------------------------------------------------------------------


def _us(seconds: float) -> float:
    return round(seconds * 1e6, 3)


def _slice(pid: int, tid: int, name: str, begin_s: float, end_s: float, args: Mapping[str, Any]) -> Event:
    begin, end = _us(begin_s), _us(end_s)
    return {
        "ph": "X", "name": name, "cat": "lmc", "pid": pid, "tid": tid, "ts": begin,
        "dur": round(max(0.0, end - begin), 3), "args": dict(args),
    }  # fmt: skip


def _counter(name: str, at_s: float, **values: int) -> Event:
    return {"ph": "C", "name": name, "pid": ENGINE, "tid": 0, "ts": _us(at_s), "args": values}


def _named(what: str, pid: int, tid: int, name: str) -> Event:
    return {"ph": "M", "name": what, "pid": pid, "tid": tid, "args": {"name": name}}
