"""A program may call its variables and attributes what it likes: no name means anything to capture."""

from __future__ import annotations

import linecache
from typing import Any

import pytest

import lmc

NAMES = (
    "used",
    "stale",
    "frozen",
    "resized",
    "shown",
    "it",
    "content",
    "value",
    "ret",
    "programs",
    "scrambled",
    "text",
)
SOURCE = """
import lmc

class Box:
    def __init__(self, NAME):
        self.NAME = NAME

def program(s, xs):
    NAME = 0
    box = Box("")
    for x in xs:
        if NAME > 3:
            break
        NAME += len(x)
        box.NAME = x
    more = [NAME + 1 for x in xs]
    s += lmc.select("c", ["a", "b"])
    if s["c"] == "a":
        NAME += 10
        box.NAME += "."
    return NAME, box.NAME, more
"""


@pytest.mark.parametrize("name", NAMES)
def test_a_name_means_what_the_program_says(name: str) -> None:
    source = SOURCE.replace("NAME", name)
    file = f"<names {name}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    names: dict[str, Any] = {}
    exec(compile(source, file, "exec"), names)
    program = lmc.Program(names["program"])
    for seed in range(3):
        eager, compiled = (
            program.run(backend="echo", seed=seed, mode=mode, xs=["a", "bb", "ccc", "dddd"]).ret_value
            for mode in ("eager", "compiled")
        )
        assert compiled == eager
