"""All entries, in the order of the table. A module of entries is a function `entries()` and a line here."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator

from benchmarks.kernels.entry import Entry

MODULES = ("attention", "layers", "sampling", "tier_copy")


def catalogue(*, quick: bool) -> Iterator[Entry]:
    """Every entry, or only those of a quick run."""
    for name in MODULES:
        path = f"benchmarks.kernels.{name}"
        if importlib.util.find_spec(path):
            yield from (e for e in importlib.import_module(path).entries() if e.quick or not quick)
