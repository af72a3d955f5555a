"""The programs of a file, each with the arguments that it is run with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Runs = dict[str, tuple[Any, list[dict[str, Any]]]]


def registry() -> tuple[Runs, Callable[..., Any]]:
    """A table, and the decorator that fills it: `@runs({"n": 1}, {"n": 2})`."""
    table: Runs = {}

    def runs(*arguments: dict[str, Any]) -> Any:
        def add(fn: Any) -> Any:
            table[fn.__name__] = (fn, list(arguments or ({},)))
            return fn

        return add

    return table, runs
