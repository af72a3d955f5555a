"""Files of rows, as abilities and prices keep them: read once as long as they stay as they are, matched by model."""

from __future__ import annotations

import fnmatch
import re
import tomllib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

from lmc.errors import ArgumentError, did_you_mean

SNAPSHOT = re.compile(r"-(\d{4}-\d{2}-\d{2}|\d{8}|latest)")  # of a model on one day; that model all the same


def fits(patterns: Iterable[str], model: str) -> int:
    """How exactly a row names a model: 0 not at all. A dated snapshot of a model is that model."""
    best = 0
    for pattern in patterns:
        rest = model.removeprefix(pattern) if model.startswith(pattern) else None
        if rest == "" or (rest is not None and SNAPSHOT.fullmatch(rest)):
            best = max(best, 2 * len(pattern) + 2)
        elif "*" in pattern and fnmatch.fnmatchcase(model, pattern):
            best = max(best, 2 * len(pattern.replace("*", "")) + 1)
    return best


def near(name: object, known: Iterable[str]) -> str:
    """What helps after an unknown name."""
    known = list(known)
    return did_you_mean(str(name), known) or f"there are {', '.join(known)}"


def read_table(path: Path) -> dict[str, Any]:
    """A file as TOML. Raises ArgumentError."""
    return _read(path, stamp_of(path))


def stamp_of(path: Path) -> float:
    """What changes with a file. Raises ArgumentError where there is none."""
    try:
        return path.stat().st_mtime
    except OSError as error:
        raise ArgumentError(f"`{path}` cannot be read: {error.strerror}") from None


@lru_cache(8)
def _read(path: Path, stamp: float) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ArgumentError(f"`{path}` cannot be read: {error.strerror}") from None
    except ValueError as error:  # no UTF-8, or no TOML
        raise ArgumentError(f"`{path}` is no TOML: {error}") from None
