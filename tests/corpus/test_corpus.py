"""Every program of the corpus runs, and says what Python says: as a graph where capture can, as Python elsewhere."""

from __future__ import annotations

import contextlib
import copy
import io
from importlib import import_module
from typing import Any

import pytest

import lmc
from lmc.errors import CaptureError
from tests.oracle.compiled import plain
from tests.oracle.test_compiled_equals_eager import at_most

PLACES = ("sglang", "framework", "agent", "data", "chat", "search", "notebook", "scripts", "corner", "object")
MODULES = tuple(f"{place}_programs" for place in PLACES)
LIMIT_S = 30.0
SEEDS = [0, pytest.param(1, marks=pytest.mark.slow), pytest.param(2, marks=pytest.mark.slow)]
RUNS = [
    pytest.param(fn, arguments, id=f"{module.removesuffix('_programs')}.{name}-{i}")
    for module in MODULES
    for name, (fn, runs) in import_module(f"tests.corpus.{module}").RUNS.items()
    for i, arguments in enumerate(runs)
]


def seen(fn: Any, arguments: dict[str, Any], seed: int, mode: Any) -> tuple[Any, ...]:
    """What a run shows: what it returns, says, prints, and does to its arguments."""
    given, printed = copy.deepcopy(arguments), io.StringIO()
    try:
        with at_most(LIMIT_S), contextlib.redirect_stdout(printed):
            result = lmc.Program(fn).run(backend=lmc.EchoBackend(seed=0), seed=seed, mode=mode, **given)
    except (CaptureError, TimeoutError):
        raise
    except Exception as error:
        return type(error).__name__, getattr(error, "message", str(error)), plain(given), printed.getvalue()
    shown = plain(result.ret_value), result.text(), result.messages(), plain(result.variables())
    return *shown, plain(given), printed.getvalue()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("fn, arguments", RUNS)
def test_a_program_says_what_python_says(fn: Any, arguments: dict[str, Any], seed: int) -> None:
    expected = seen(fn, arguments, seed, "eager")
    try:
        got = seen(fn, arguments, seed, "compiled")
    except CaptureError:
        got = seen(fn, arguments, seed, "auto")
    assert got == expected


@pytest.mark.parametrize("every", [4, pytest.param(1, marks=pytest.mark.slow)])
def test_most_programs_are_graphs(every: int, capsys: pytest.CaptureFixture[str]) -> None:
    """How many of the programs are captured, printed: at least 95 of a hundred."""
    runs = [param.values for param in RUNS[::every]]
    programs = {f"{fn.__module__}.{fn.__name__}": (fn, arguments) for fn, arguments in runs}
    broken = []
    for name, (fn, arguments) in programs.items():
        try:
            lmc.Program(fn).run(backend="echo", mode="compiled", **copy.deepcopy(arguments))
        except CaptureError as error:
            broken.append(f"{name}: {error.code} {error.message}")
        except Exception:  # the program's own, of a graph that ran
            pass
    with capsys.disabled():
        print(f"\n{len(programs)} programs: {len(programs) - len(broken)} as graphs, {len(broken)} as Python")
        print("".join(f"  {line}\n" for line in broken), end="")
    assert len(broken) <= 0.05 * len(programs)
