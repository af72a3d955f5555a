"""What earlier runs did, read from their journals, so that a forecast knows what to expect.

A journal has for each item the arms of branches that it took and the turns of its loops, where it was written by an
lmc that kept them, and in any case how many tokens each named call generated.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import FunctionType, MethodType
from typing import Any

from lmc.errors import ArgumentError
from lmc.identity import digests_of
from lmc.passes.cost.learnt import Learnt
from lmc.saved import TAKEN_VERSION, decode


def learnt_from(path: str | Path, func: FunctionType | MethodType | None = None) -> Learnt:
    """What the runs of a journal did. Raises ArgumentError for a file that is none, or that is of another program.

    func  the program that is to be foretold, as it was written
    """
    found = Learnt()
    lines = _lines(Path(path))
    head = _line(next(lines, b""))
    if "lmc_journal" not in head:
        raise ArgumentError(
            f"`{path}` is no journal", help="`lmc run --args-file ... -o out.jsonl` writes out.jsonl.journal"
        )
    if func is not None:
        found.is_changed = _is_changed(head, func, path)
    last: dict[int, Mapping[str, Any]] = {}
    for line in lines:
        entry = _line(line)
        if isinstance(entry.get("item"), int) and "unsaved" not in entry and "error" not in entry:
            last[entry["item"]] = entry
    for entry in last.values():
        found.runs += 1
        taken = entry.get("taken")
        if isinstance(taken, Mapping) and taken.get("version") == TAKEN_VERSION:
            with suppress(AttributeError, IndexError, TypeError, ValueError):  # of a line that was written by hand
                found.add(taken)
        for name, meta in _metas(entry).items():
            if isinstance(meta, Mapping) and isinstance(meta.get("completion_tokens"), int):
                found.add_tokens(name, meta["completion_tokens"])
    return found


def said(learnt: Learnt, path: str | Path) -> str:
    """From what a forecast comes, as a person would say it."""
    runs = f"{learnt.runs} earlier run{'' if learnt.runs == 1 else 's'} in {Path(path).name}"
    if not learnt.runs:
        return f"{runs}, so nothing is learnt"
    if learnt.is_changed:
        return f"from {runs}, of the program as it was then: branches and loops are known by their lines"
    if not learnt.arms and not learnt.turns:
        return f"from {runs}, which kept no branches and turns"
    return f"from {runs}"


def _is_changed(head: Mapping[str, Any], func: FunctionType | MethodType, path: str | Path) -> bool:
    """Whether the journal's program was written otherwise. Raises ArgumentError where it is not that program at all."""
    plain = func.__func__ if isinstance(func, MethodType) else func
    assert isinstance(plain, FunctionType)
    if head.get("program", plain.__name__) != plain.__name__:
        raise ArgumentError(
            f"`{path}` is the journal of `{head['program']}`, not of `{plain.__name__}`",
            help="give the journal of a batch of this program",
        )
    return "code" in head and head["code"] != digests_of(plain)


def _lines(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            yield from file
    except OSError as error:
        raise ArgumentError(f"`{path}` cannot be read: {error.strerror}") from None


def _line(text: bytes) -> Mapping[str, Any]:
    """A line; nothing where it is torn."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _metas(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        found = decode(entry.get("meta") or {})
    except Exception:  # of a class that is not there: what its values are is not asked here
        return {}
    return found if isinstance(found, Mapping) else {}
