"""Awaited runs over the whole corpus: as a graph, as Python, and as the body of an `async def` program."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import functools
import io
from typing import Any, Literal

import pytest

from lmc.errors import CaptureError
from lmc.program import Program
from tests.oracle.compiled import _effects, _program, _seen, backend, difference, see_eager
from tests.oracle.programs import all_cases
from tests.oracle.programs.case import Case
from tests.oracle.test_compiled_equals_eager import LIMIT_S, at_most
from tests.support.sampled import one_in

Way = Literal["compiled", "eager", "coroutine"]
CASES = [case for case in all_cases() if case.runs]
RUNS = [pytest.param(case, i, id=f"{case}-{i}") for case in CASES for i in range(len(case.args))]


@functools.lru_cache(maxsize=1024)
def as_coroutine(case: Case) -> Program:
    """The same program, whose function is a coroutine function."""

    @functools.wraps(case.fn)
    async def body(s: Any, *args: Any, **kwargs: Any) -> Any:
        await asyncio.sleep(0)
        returned = case.fn(s, *args, **kwargs)
        await asyncio.sleep(0)
        return returned

    return Program(body)  # type: ignore[arg-type]


def awaited(case: Case, args: dict[str, Any], seed: int, way: Way) -> Any:
    case.prepare()
    printed = io.StringIO()
    program = as_coroutine(case) if way == "coroutine" else _program(case)
    mode = "eager" if way == "coroutine" else way

    async def main() -> Any:
        echo = backend(seed, shuffle=seed * 31)
        [result] = await program.arun_batch([copy.deepcopy(args)], backend=echo, seed=seed, mode=mode)
        return result

    with contextlib.redirect_stdout(printed):
        result = asyncio.run(main())
    return _seen(result, _effects(case, printed))


@pytest.mark.parametrize("way", ["compiled", "eager", "coroutine"])
@pytest.mark.parametrize("case, arg_number", one_in(60, RUNS))
def test_an_awaited_run_equals_the_eager_oracle(case: Case, arg_number: int, way: Way):
    """Values, text, effects and errors."""

    want = see_eager(case, case.args[arg_number], 1)
    with at_most(LIMIT_S):
        try:
            got = awaited(case, case.args[arg_number], 1, way)
        except CaptureError:
            assert way == "compiled" and case.expects != "equal"
            return
    assert not (wrong := difference(got, want)), wrong
