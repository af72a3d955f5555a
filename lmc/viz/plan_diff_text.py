"""A diff of two versions of a program as text, as Markdown for a pull request, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from lmc.viz.text_table import wrapped
from lmc.viz.wording import visible

if TYPE_CHECKING:
    from lmc.viz.plan_diff import AskEdit, Pair, PlanDiff, PromptEdit
    from lmc.viz.plan_facts import CallFacts
    from lmc.viz.terminal import Terminal

MAX_NAMED = 6  # calls that a line names
MAX_TEXT = 400  # characters of one side of an edit
MAX_EDITS = 60  # of a comment; the rest are counted
TOTALS = {
    "calls": "model calls", "waves": "critical path", "prompts": "prompt {}", "distinct": "distinct {}",
    "saved": "saved by sharing",
}  # fmt: skip

RUN = {
    "calls": "a run: calls", "prompt": "a run: prompt tokens", "cached": "a run: from the cache",
    "computed": "a run: computed", "output": "a run: generated",
}  # fmt: skip

Line = tuple[str, str]  # "-", "+", "~" or "", and what is said


# --- text ------------------------------------------------------------------------------------------------


def render(diff: PlanDiff, names: tuple[str, str], terminal: Terminal) -> str:
    """What changed, a section a kind; one line where nothing did."""
    if diff.is_same:
        return f"{names[0]} and {names[1]}: the same calls, prompts and options\n"
    parts = [f"{names[0]} -> {names[1]}\n"]
    for title, lines in _sections(diff):
        body = "".join(_shown(line, terminal) for line in lines)
        parts.append(f"{title}\n{body}")
    parts.append(_totals_text(diff))
    return "\n".join(parts)


def _shown(line: Line, terminal: Terminal) -> str:
    mark, text = line
    lead = f"  {mark} " if mark else "    "
    first, *rest = wrapped(text, max(20, terminal.width - len(lead))).splitlines() or [""]
    text = "".join([f"{lead}{first}\n", *(f"      {each}\n" for each in rest)])
    color = {"-": "31", "+": "32"}.get(mark)
    return f"\x1b[{color}m{text[:-1]}\x1b[0m\n" if terminal.color and color else text


def _totals_text(diff: PlanDiff) -> str:
    rows = _totals(diff)
    wide = [max(len(row[i]) for row in rows) for i in range(4)]
    return "cost\n" + "".join(
        f"    {name:<{wide[0]}}  {old:>{wide[1]}} -> {new:>{wide[2]}}  {change}".rstrip() + "\n"
        for name, old, new, change in rows
    )


def _totals(diff: PlanDiff) -> list[tuple[str, str, str, str]]:
    """Each total in both versions, and by how much it grew; then what a run costs, between which bounds.

    Sizes that were counted in other units are left out.
    """
    found = []
    for name, words in TOTALS.items():
        old, new = diff.old.totals[name], diff.new.totals[name]
        if diff.old.unit == diff.new.unit or name in ("calls", "waves"):
            found.append((words.format(diff.new.unit), str(old), str(new), _change(old, new)))
    for name, words in RUN.items():
        if name in diff.old.cost and name in diff.new.cost:
            a, b = diff.old.cost[name], diff.new.cost[name]
            found.append((words, str(a), str(b), _change(a.least, b.least) if a.is_exact and b.is_exact else ""))
    return found


def _change(old: int, new: int) -> str:
    """`+2 (+10 %)`."""
    share = f" ({100 * (new - old) / old:+.0f} %)" if old else ""
    return f"{new - old:+d}{share}" if new != old else ""


# --- what is said ----------------------------------------------------------------------------------------


def _sections(diff: PlanDiff) -> Iterator[tuple[str, list[Line]]]:
    """The kinds of changes there are, each with its lines."""
    gone, came = diff.args
    sections: list[tuple[str, list[Line]]] = [
        ("arguments", [("-", each) for each in gone] + [("+", each) for each in came]),
        ("calls", list(_calls(diff))),
        ("prompts", [line for edit in diff.prompts for line in _edit(edit)]),
        ("constraints and sampling", [line for edit in diff.asks for line in _ask(edit)]),
        ("branches and loops", [("-", each) for each in diff.regions[0]] + [("+", each) for each in diff.regions[1]]),
        ("sharing", list(_sharing(diff))),
    ]
    if diff.is_other:
        what = "the code around the calls differs: a condition, a host call, a text behind them, or what is returned"
        gone, came = (tuple(f'"{_cut(visible(text))}"' for text in each) for each in diff.texts)
        lines = [("~", what), *(("-", text) for text in gone), *(("+", text) for text in came)]
        sections.append(("other", lines))
    return ((title, lines) for title, lines in sections if lines)


def _calls(diff: PlanDiff) -> Iterator[Line]:
    yield from (("-", _called(call)) for call in diff.removed)
    yield from (("+", _called(call)) for call in diff.added)
    for pair in diff.renamed:
        yield "~", f"{_called(pair.old)} is now named {pair.new.label}"
    for pair in diff.retyped:
        yield "~", f"{_called(pair.new)} was a {pair.old.op}"
    for pair in diff.relocated:
        yield "~", f"{_called(pair.new)} moved from {_where(pair.old)} to {_where(pair.new)}"
    for pair in diff.moved:
        yield "~", f"{_called(pair.new)} moved: it was call {pair.old.number} and is call {pair.new.number}"


def _called(call: CallFacts) -> str:
    place = f" ({call.place})" if call.place else ""
    return f"{call.op} {call.label}{place}"


def _where(call: CallFacts) -> str:
    return f"`{' / '.join(call.around)}`" if call.around else "the top"


def _edit(edit: PromptEdit) -> Iterator[Line]:
    yield "~", f"what {_named(edit.calls)} begin with" if edit.is_shared else _named(edit.calls)
    for mark, text in (("-", edit.old), ("+", edit.new)):
        if text or edit.before or edit.after:
            yield mark, f'"{visible(edit.before)}{_cut(visible(text))}{visible(edit.after)}"'


def _ask(edit: AskEdit) -> Iterator[Line]:
    yield "~", f"{edit.name}: {_named(edit.calls)}"
    if edit.old is not None:
        yield "-", _cut(edit.old)
    if edit.new is not None:
        yield "+", _cut(edit.new)


def _sharing(diff: PlanDiff) -> Iterator[Line]:
    if diff.old.unit != diff.new.unit:
        return
    changes: dict[int, list[Pair]] = {}
    for pair in diff.sharing:
        changes.setdefault(pair.new.shared - pair.old.shared, []).append(pair)
    for change, pairs in sorted(changes.items()):
        word = "less" if change < 0 else "more"
        each = " each" if len(pairs) > 1 else f", {pairs[0].old.shared} of {pairs[0].old.size} before and " \
            f"{pairs[0].new.shared} of {pairs[0].new.size} now"  # fmt: skip
        yield "-" if change < 0 else "+", f"{abs(change)} {diff.new.unit} {word} shared: {_named(pairs)}{each}"


def _named(calls: Sequence[Pair]) -> str:
    names = list(dict.fromkeys(pair.new.label for pair in calls))
    more = len(names) - MAX_NAMED
    said = ", ".join(names[:MAX_NAMED]) + (f" and {more} more" if more > 0 else "")
    return said if len(calls) == 1 else f"{len(calls)} calls ({said})"


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT // 2]} … {text[-MAX_TEXT // 2 :]}"


# --- Markdown --------------------------------------------------------------------------------------------


def render_markdown(diff: PlanDiff, names: tuple[str, str]) -> str:
    """A comment on a pull request: a line of what changed, the totals, and the details folded."""
    program = diff.new.program
    if diff.is_same:
        return f"**`{_code(program)}`**: the same calls, prompts and options.\n"
    rows = [f"| {name} | {old} | {new} | {change} |\n" for name, old, new, change in _totals(diff)]
    table = "| | before | after | |\n| --- | ---: | ---: | ---: |\n" + "".join(rows)
    parts = [f"**`{_code(program)}`**: {_summary(diff)}\n", table]
    for title, lines in _sections(diff):
        shown, num_left = lines[:MAX_EDITS], len(lines) - MAX_EDITS
        body = "".join(f"{mark or ' '} {text}\n" for mark, text in shown)
        body += f"  ... and {num_left} lines more\n" if num_left > 0 else ""
        fence = "`" * max(3, _longest_ticks(body) + 1)
        summary = f"<details><summary>{title}</summary>"
        parts.append(f"{summary}\n\n{fence}diff\n{body}{fence}\n\n</details>\n")
    parts.append(f"<sub>`lmc diff {_code(names[0])} {_code(names[1])}`</sub>\n")
    return "\n".join(parts)


def _summary(diff: PlanDiff) -> str:
    """`1 call removed, 2 added, 1 edit in the prompts of 4 calls`."""
    touched = {pair.new.number for edit in diff.prompts for pair in edit.calls}
    asked = {pair.new.number for edit in diff.asks for pair in edit.calls}
    said = [
        _counted(len(diff.removed), "call", "removed"),
        _counted(len(diff.added), "call", "added"),
        _counted(len(diff.renamed), "call", "renamed"),
        _counted(len({*diff.moved, *diff.relocated}), "call", "moved"),
        _counted(len(touched), "prompt", "changed"),
        _counted(len(asked), "call", "with other constraints or sampling"),
    ]
    return ", ".join(filter(None, said)) or "changed outside of its calls"


def _counted(num: int, thing: str, what: str) -> str:
    return f"{num} {thing}{'' if num == 1 else 's'} {what}" if num else ""


def _code(text: str) -> str:
    return text.replace("`", "'")


def _longest_ticks(text: str) -> int:
    longest = run = 0
    for char in text:
        run = run + 1 if char == "`" else 0
        longest = max(longest, run)
    return longest


# --- JSON ------------------------------------------------------------------------------------------------


def render_json(diff: PlanDiff, names: tuple[str, str]) -> str:
    """The same for programs. Fields are added, never renamed."""
    whole: dict[str, Any] = {
        "version": 1,
        "old": names[0],
        "new": names[1],
        "same": diff.is_same,
        "program": [diff.old.program, diff.new.program],
        "unit": [diff.old.unit, diff.new.unit],
        "totals": {name: [diff.old.totals[name], diff.new.totals[name]] for name in TOTALS},
        "run": {
            name: [[each.least, each.expected, each.most] for each in (diff.old.cost[name], diff.new.cost[name])]
            for name in RUN
            if name in diff.old.cost and name in diff.new.cost
        },
        "args": {"removed": list(diff.args[0]), "added": list(diff.args[1])},
        "regions": {"removed": list(diff.regions[0]), "added": list(diff.regions[1])},
        "removed": [_json_call(call) for call in diff.removed],
        "added": [_json_call(call) for call in diff.added],
        "calls": [_json_pair(pair, diff) for pair in diff.pairs if _is_changed(pair, diff)],
        "prompts": [
            {"old": each.old, "new": each.new, "shared": each.is_shared, "calls": _numbers(each.calls)}
            for each in diff.prompts
        ],
        "options": [
            {"name": each.name, "old": each.old, "new": each.new, "calls": _numbers(each.calls)} for each in diff.asks
        ],
        "texts": {"removed": list(diff.texts[0]), "added": list(diff.texts[1])},
        "other": diff.is_other,
    }
    return json.dumps(whole, ensure_ascii=False, indent=2) + "\n"


def _is_changed(pair: Pair, diff: PlanDiff) -> bool:
    edits = [edit.calls for edit in diff.prompts] + [edit.calls for edit in diff.asks]
    return any(
        pair in pairs for pairs in (diff.renamed, diff.retyped, diff.moved, diff.relocated, diff.sharing, *edits)
    )


def _numbers(pairs: Iterable[Pair]) -> list[list[int]]:
    return [[pair.old.number, pair.new.number] for pair in pairs]


def _json_call(call: CallFacts) -> dict[str, Any]:
    return {
        "number": call.number, "name": call.name, "label": call.label, "op": call.op, "place": call.place or None,
        "around": list(call.around), "prompt": call.text, "options": dict(call.asks), "size": call.size,
        "shared": call.shared,
    }  # fmt: skip


def _json_pair(pair: Pair, diff: PlanDiff) -> dict[str, Any]:
    return {
        "old": _json_call(pair.old), "new": _json_call(pair.new), "moved": pair in diff.moved,
        "relocated": pair in diff.relocated,
    }  # fmt: skip
