"""cost: what each call and the whole program will come to, as expected and between which bounds.

#  call       where      calls  prompt       computed    generated
0  gen easy   tips.py:7      1  14           14          6 (1..8)
2  gen hard   tips.py:9  0..1   9 (0..18)    4 (0..8)    3 (0..6)
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lmc.passes.cost import COUNTS, Cost, Interval, ProgramCost
from lmc.viz.text_table import GAP, Column, grid, heading, indented, keep_ends, widths, wrapped
from lmc.viz.view import View

if TYPE_CHECKING:
    from lmc.passes.cost.budget import BudgetVerdict
    from lmc.passes.cost.prices import Money, Prices
    from lmc.passes.planned import Planned
    from lmc.viz.terminal import Terminal

MAX_CALL, MAX_PLACE = 32, 24
SHOWN = {"calls": "calls", "prompt": "prompt", "cached": "cached", "computed": "computed", "output": "generated"}
ABOUT = (
    "bounds hold for runs that end without an error and try no call again, on an engine with nothing in its cache "
    "and room for all"
)
GUESSED = (
    "expected, as nothing better is known: an unconstrained answer takes all of max_tokens, a constrained one is of "
    "ordinary length, both arms of a branch are as likely, and a loop of unknown length has a turn or two (--learn "
    "FILE takes that from earlier runs)"
)


@dataclass(frozen=True, slots=True)
class Told:
    """A cost with what it is shown with.

    kv_bytes  bytes of a token's keys and values, None where no model is known
    learnt    where what is expected comes from, as a person would say it
    by_size   the dearest call first
    """

    cost: ProgramCost
    prices: Prices | None = None
    kv_bytes: int | None = None
    learnt: str = ""
    by_size: bool = False


def render(planned: Planned, told: Told, terminal: Terminal) -> str:
    """The calls with their costs, and the sums."""
    view, cost = View(planned), told.cost
    has_tokens = planned.inputs.encode is not None
    names = [name for name in COUNTS if has_tokens or name in ("calls", "output")]
    rows = _rows(view, told, names)
    columns = [Column("#", "right", "dim"), Column("call", "left", "cyan"), Column("where", "left", "dim")]
    columns += [Column(SHOWN[name], "right") for name in names]
    columns += [Column("money", "right")] * (told.prices is not None and has_tokens)
    body = fitted(columns, rows, terminal) if rows else "no model calls\n"
    notes = "\n" + "".join(wrapped(note, terminal.width) for note in _notes(planned, told, has_tokens))
    of = f" of {cost.items} items" if cost.items > 1 else ""
    return heading(f"{view.title}: what it will cost{of}", terminal) + "\n" + body + (notes if rows else "")


def fitted(columns: Sequence[Column], rows: Sequence[Sequence[str]], terminal: Terminal) -> str:
    """A line a row where the terminal has room for it, else a paragraph a row."""
    if sum(widths(columns, rows)) + GAP * (len(columns) - 1) <= terminal.width:
        return grid(columns, rows, terminal)
    titles = [column.title for column in columns]
    told = []
    for number, call, where, *cells in rows:
        head = " ".join(filter(None, (f"#{number}" if number else "", call, where)))
        sums = ", ".join(f"{title} {cell}" for title, cell in zip(titles[3:], cells))
        told.append(wrapped(head, terminal.width) + indented(wrapped(sums, terminal.width - GAP), " " * GAP))
    return "".join(told)


def _rows(view: View, told: Told, names: Sequence[str]) -> list[list[str]]:
    calls = list(view.calls)
    steps = told.cost.steps
    if told.by_size:
        calls.sort(key=lambda call: -_weight(steps[call.step.id]))
    rows = []
    for call in calls:
        label = keep_ends(f"{call.step.op} {view.name(call)}", MAX_CALL)
        where = keep_ends(call.place, MAX_PLACE)
        rows.append([str(call.step.id), label, where, *_cells(steps[call.step.id], told, names)])
    total = ["", "all", "", *_cells(told.cost.total, told, names)]
    return [*rows, total] if rows else []


def _weight(cost: Cost) -> float:
    return cost.computed.expected + cost.output.expected


def _cells(cost: Cost, told: Told, names: Sequence[str]) -> list[str]:
    cells = [str(getattr(cost, name)) for name in names]
    if told.prices is not None and "prompt" in names:
        cells.append(money(told.prices.of_cost(cost)))
    return cells


def money(amount: Money) -> str:
    """The same of an amount of money."""
    if amount.least == amount.most:
        return f"{amount.least:.3g}"
    return f"{amount.expected:.3g} ({amount.least:.3g}..{'' if amount.most is None else f'{amount.most:.3g}'})"


def _notes(planned: Planned, told: Told, has_tokens: bool) -> list[str]:
    cost, notes = told.cost, list[str]()
    if told.prices is not None and told.prices.currency and has_tokens:
        notes.append(f"money in {told.prices.currency}")
    if told.kv_bytes is not None:
        kv = cost.total.kv
        most = "no bound" if kv.most is None else _bytes(kv.most * told.kv_bytes)
        size = f"{_bytes(int(kv.expected * told.kv_bytes))}, at least {_bytes(kv.least * told.kv_bytes)}, most: {most}"
        notes.append(f"keys and values that are made: {size}; {told.kv_bytes} bytes a token in 16 bits")
    if not has_tokens:
        notes.append("tokens of prompts are not counted without a tokenizer: --model DIR")
    if any(interval.most is None for interval in _intervals(cost.total, has_tokens)):
        notes.append(no_bound(cost, planned))
    notes.append(f"expected: {told.learnt}" if told.learnt else GUESSED)
    notes.append("`4 (2..6)`: 4 are expected, between 2 and 6; `(2..)` has no bound; a number alone is exact")
    return [*notes, ABOUT]


def _intervals(cost: Cost, has_tokens: bool) -> list[Interval]:
    return [getattr(cost, name) for name in COUNTS if has_tokens or name in ("calls", "output")]


def no_bound(cost: ProgramCost, planned: Planned | None = None) -> str:
    """Why something has no bound; `planned` is what has not run, of which arguments may be left to give."""
    places = [span.place for span in cost.unbounded if span is not None]
    if cost.unbounded:
        where = f" ({', '.join(dict.fromkeys(places))})" if places else ""
        return f"no bound: how often a loop turns or a function calls itself is not known{where}"
    params, rows = ((), ()) if planned is None else (planned.plan.graph.params, planned.inputs.batch or ({},))
    is_left = any(param.path not in row for param in params for row in rows)
    hint = " (--arg NAME=VALUE gives arguments)" if is_left else ""
    return f"no bound: a text or a limit is not known before the run{hint}"


def _bytes(number: int) -> str:
    for unit, size in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return f"{number} B"


# --- JSON ------------------------------------------------------------------------------------------------


def render_json(planned: Planned, told: Told) -> str:
    """The same as JSON."""
    return json.dumps(_whole(planned, told), ensure_ascii=False, indent=2) + "\n"


def render_checked(planned: Planned, told: Told, verdicts: Sequence[BudgetVerdict]) -> str:
    """The same with what each limit of a budget came to."""
    budget = [
        {"name": each.name, "limit": each.limit, "counted": each.counted, "is_kept": each.is_kept} for each in verdicts
    ]
    whole = {"is_kept": all(each.is_kept for each in verdicts), "budget": budget, **_whole(planned, told)}
    return json.dumps(whole, ensure_ascii=False, indent=2) + "\n"


def _whole(planned: Planned, told: Told) -> dict[str, Any]:
    view = View(planned)
    calls = [
        {
            "step": call.step.id,
            "op": call.step.op,
            "name": view.name(call),
            "place": call.place or None,
            **as_json(told.cost.steps[call.step.id], told.prices),
        }
        for call in view.calls
    ]
    return {
        "program": planned.plan.graph.name,
        "items": told.cost.items,
        "total": as_json(told.cost.total, told.prices),
        "calls": calls,
        "kv_bytes_a_token": told.kv_bytes,
        "unbounded": [span.place for span in told.cost.unbounded if span is not None],
        "learnt_from_runs": told.cost.runs,
    }


def as_json(cost: Cost, prices: Prices | None = None) -> dict[str, Any]:
    """The counts by name, each as least, expected and most; null where there is no bound."""
    found: dict[str, Any] = {name: _interval(getattr(cost, name)) for name in (*COUNTS, "kv")}
    if prices is not None:
        amount = prices.of_cost(cost)
        found["money"] = {"least": amount.least, "expected": amount.expected, "most": amount.most}
    return found


def _interval(interval: Interval) -> dict[str, float | None]:
    return {"least": interval.least, "expected": round(interval.expected, 3), "most": interval.most}
