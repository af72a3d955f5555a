"""How a call differs from a recorded one, for people: the lines of the prompt that do, or the parameters."""

from __future__ import annotations

import json
from collections.abc import Iterable
from difflib import SequenceMatcher, unified_diff
from heapq import nlargest
from typing import TypeVar

from lmc.backend.recording.asked import Asked, shown
from lmc.common_prefix import common_len

MAX_COMPARED = 20  # of the calls that begin most alike
MAX_LINES = 12
MAX_WIDTH = 100  # characters of a line
ROUND = 30  # characters that are shown before the first difference of a long line

T = TypeVar("T")


def nearest(wanted: Asked, calls: Iterable[tuple[T, Asked]]) -> T | None:
    """Of the calls the one whose prompt, and then whose parameters, differ least; None where there are none."""
    text = shown(wanted["prompt"])
    begin = nlargest(MAX_COMPARED, calls, key=lambda call: common_len(shown(call[1]["prompt"]), text))
    if not begin:
        return None

    def likeness(call: tuple[T, Asked]) -> tuple[float, int]:
        ratio = SequenceMatcher(None, shown(call[1]["prompt"]), text, autojunk=False).quick_ratio()
        return ratio, -len(_parameters(call[1], wanted))

    return max(begin, key=likeness)[0]


def apart(recorded: Asked, wanted: Asked) -> str:
    """The lines that differ, `-` as it was recorded and `+` as it is now."""
    then, now = shown(recorded["prompt"]), shown(wanted["prompt"])
    if then != now:
        return _of_texts(then, now)
    if recorded["prompt"] != wanted["prompt"]:
        return "  the prompt's text is the same, but other parts of it were generated, or belong to roles"
    return "\n".join(_parameters(recorded, wanted))


def _of_texts(then: str, now: str) -> str:
    lines = list(unified_diff(then.splitlines(), now.splitlines(), n=1, lineterm=""))[3:]
    if not lines:
        return "  white space at the end of a line"
    rows = [line for line in lines if not line.startswith("@@")]
    shift = _first_difference(rows)
    shown_rows = [f"  {row[0]} {_clipped(row[1:], shift)}" for row in rows[:MAX_LINES]]
    return "\n".join(shown_rows + ["  ..."] * (len(rows) > MAX_LINES))


def _first_difference(rows: list[str]) -> int:
    """Where the first line that differs begins to."""
    old = next((row[1:] for row in rows if row[0] == "-"), "")
    new = next((row[1:] for row in rows if row[0] == "+"), "")
    return common_len(old, new)


def _clipped(line: str, shift: int) -> str:
    begin = max(0, shift - ROUND) if len(line) > MAX_WIDTH else 0
    part = line[begin : begin + MAX_WIDTH]
    return f"{'...' * (begin > 0)}{part}{'...' * (begin + MAX_WIDTH < len(line))}"


def _parameters(recorded: Asked, wanted: Asked) -> list[str]:
    """What is asked for differently, a line each."""
    then, now = _flat(recorded), _flat(wanted)
    return [
        f"  {name}: {_short(then.get(name))} then, {_short(now.get(name))} now"
        for name in dict.fromkeys((*then, *now))
        if then.get(name) != now.get(name)
    ]


def _flat(call: Asked) -> dict[str, object]:
    found: dict[str, object] = {"n": call.get("n", 1)}
    for number, segment in enumerate(call["out"]):
        where = f" of part {number + 1}" if len(call["out"]) > 1 else ""
        found.update((f"{name}{where}", value) for name, value in segment.items())
    return found


def _short(value: object) -> str:
    text = "not given" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MAX_WIDTH else text[:MAX_WIDTH] + "..."
