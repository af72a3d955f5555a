"""`lmc explain --why`: where the prompts of two calls, of two rows or two runs part, and what a run counted."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from lmc.cli.remedy import remedy
from lmc.errors import ArgumentError
from lmc.passes.reasons import MISSES
from lmc.viz.text_table import wrapped

if TYPE_CHECKING:
    from lmc.calls import CallRecord
    from lmc.compiler import Compiled
    from lmc.ir.prompt import Tokenizer
    from lmc.program import Program
    from lmc.viz import Terminal

MAX_CALLS = 20  # of a loop's that are told one by one


def first_rows(prog: Program, path: str, given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The arguments of the first two rows of a file. Raises ArgumentError where it has not so many, or a bad one."""
    from lmc.cli.read_rows import RowReader
    from lmc.tables import BadItem

    found = []
    for row in islice(RowReader(prog, given, carries=True).rows(path), 2):
        if isinstance(row.item, BadItem):
            raise row.item.error
        found.append(row.item)
    if len(found) < 2:
        has, more = ("one row", "one more") if found else ("no rows", "two")
        raise ArgumentError(f"`{path}` has {has}, and two are compared", help=f"write {more}")
    return found[0], found[1]


def calls_of_run(
    prog: Program, values: Mapping[str, Any], backend: str, model: str | None, level: int
) -> tuple[Compiled, list[CallRecord]]:
    """What a run did, and its calls; what it fails with is raised."""
    with contextlib.redirect_stdout(sys.stderr):
        results: list[Any] = prog.run_batch(
            [values], backend=backend, model=model, opt_level=level, record=True, calls=True
        )
    (result,) = results
    if result.error is not None:
        raise result.error
    return result.compiled, result.calls


def why(
    done: Compiled,
    calls: str,
    format: str,
    terminal: Terminal,
    *,
    rows: tuple[Mapping[str, Any], Mapping[str, Any]] | None = None,
    ran: Sequence[CallRecord] | None = None,
    tokenizer: Tokenizer | None = None,
) -> str:
    """The divergence as text or JSON, with what was counted of both calls behind it."""
    from lmc.viz import why as shown
    from lmc.viz.view import View

    a, _, b = (name.strip() for name in calls.partition(","))
    view = View(done.planned)
    asked = {call.step.id: call for call in (shown.call_named(view, name) for name in (a, b or a))}
    known = (done.by_path(rows[0]), done.by_path(rows[1])) if rows is not None else None
    places = {
        (call.node.attr("name") or None, call.node.span and f"{call.node.span.file}:{call.node.span.line}")
        for call in asked.values()
    }
    counted = None if ran is None else [call for call in ran if (call.name, call.place) in places]
    if format == "json":
        told = None if counted is None else [_json(call) for call in counted]
        return shown.render_json(done.planned, a, b or a, rows=known, ran=told)
    text = shown.render(done.planned, a, b or a, terminal, rows=known)
    if counted is None:
        return text
    assert ran is not None
    lines = _lines(counted, ran, tokenizer)
    return text + "\n" + "".join(wrapped(line, terminal.width) for line in lines)


def _lines(calls: Sequence[CallRecord], ran: Sequence[CallRecord], tokenizer: Tokenizer | None) -> Iterator[str]:
    yield "in this run" if calls else "the run did not come to these calls"
    for call in calls[:MAX_CALLS]:
        name = f" {call.name}" if call.name else ""
        told = f"call {call.number}: {call.kind}{name}: {call.prompt_tokens} prompt tokens, {call.cached_tokens} cached"
        yield told + (
            f", {call.miss.tokens} missed: {call.miss.reason}: {MISSES[call.miss.reason]}" if call.miss else ""
        )
        yield from filter(None, (remedy(call, ran, tokenizer),))
    if len(calls) > MAX_CALLS:
        yield f"and {len(calls) - MAX_CALLS} more"


def _json(call: CallRecord) -> dict[str, Any]:
    kept = call.as_dict()
    return {name: kept[name] for name in ("number", "name", "place", "prompt_tokens", "cached_tokens", "miss")}
