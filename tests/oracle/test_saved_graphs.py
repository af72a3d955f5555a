"""Saved graphs run anywhere: every program of the corpus is printed, read by a fresh process, and run there.

That process never captures. It has nothing of the user's either, so graphs that call a function or read an object of
the program's file are left out, and counted.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from lmc.arguments import bind, value_at
from lmc.ir.builtins import BY_LABEL
from lmc.parser.capture.trace import Trace
from tests.oracle.programs import all_cases
from tests.oracle.test_round_trip import traced
from tests.support.saved_graphs import Saved, seen

ROOT = Path(__file__).parents[2]
SEED = 3


def containers(x: object) -> Iterator[int]:
    """The ids of all that can be changed in a value."""
    if isinstance(x, list | dict | set):
        yield id(x)
    for part in x.values() if isinstance(x, dict) else x if isinstance(x, list | tuple) else ():
        yield from containers(part)


def saved(made: Trace, arguments: dict[str, Any]) -> tuple[Saved, tuple[object, ...]] | str:
    """The graph as text with its arguments; or why it cannot run from text alone."""
    if any(extern.label not in BY_LABEL for extern in made.graph.externs):
        return "an object of the user's must be bound"
    leaves = tuple(value_at(arguments, param.path) for param in made.graph.params)
    held = list(containers(leaves))
    if len(set(held)) < len(held):
        return "one object stands under two names"
    try:
        assert ast.literal_eval(repr(leaves)) == leaves
    except (ValueError, SyntaxError, AssertionError):
        return "an argument is not a literal"
    return Saved(str(made.graph), repr(leaves), SEED), leaves


@pytest.mark.parametrize("every", [400, pytest.param(1, marks=pytest.mark.slow)])
def test_saved_graphs_run_in_a_process_that_never_captured(every: int):
    """What they give there is what they give here, externs bound by capture here and by their labels there."""
    jobs: list[Saved] = []
    here: list[Any] = []
    left_out: Counter[str] = Counter()
    for case in all_cases()[::every]:
        for given in case.args:
            made = traced(case, given) if "sets" not in str(case) else None  # each process has an order of its own
            if made is None:
                left_out["it is not captured"] += 1
                continue
            arguments = bind(case.fn, {}, (), given)
            job = saved(made, arguments)
            if isinstance(job, str):
                left_out[job] += 1
                continue
            jobs.append(job[0])
            here.append((str(case), json.loads(json.dumps(seen(made.graph, job[1], made.externs, SEED)))))

    lines = "".join(json.dumps(asdict(job)) + "\n" for job in jobs)
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.saved_graphs"],
        cwd=ROOT, input=lines, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    there = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(there) == len(jobs)
    assert [(name, found) for (name, _), found in zip(here, there)] == here
    assert len(jobs) >= 360 // every, f"{len(jobs)} ran; left out: {left_out}"
    assert sum("error" not in found for found in there) >= 360 // every
    assert left_out["an object of the user's must be bound"] <= 300
    if every == 1:
        assert any("builtins.gather" in job.text for job in jobs)
        assert any("builtins.unpack_starred" in job.text for job in jobs)
