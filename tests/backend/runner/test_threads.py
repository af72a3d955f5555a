"""OpenMP threads: several only for work that gains, asleep while they wait, and none that a fork left behind."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from math import inf

import pytest
import torch

from lmc.backend.runner.cpu.threads import SIZES, Threads, Using, measured


def timed(seconds: Callable[[int, int, int], float]) -> tuple[Threads, list[tuple[int, int]]]:
    """What is chosen where a piece takes seconds(tokens, threads, try); and what was tried."""
    now, tried = [0.0], list[tuple[int, int]]()

    def compute(size: int) -> None:
        did = (size, torch.get_num_threads())
        now[0] += seconds(*did, tried.count(did))
        tried.append(did)

    return measured(compute, 2, lambda: now[0]), tried


def test_several_threads_compute_from_where_they_gain() -> None:
    """And one does what is smaller."""
    threads, _ = timed(lambda size, number, _: (1e-5 * size / number) + 1e-4 * (number - 1))
    assert [threads.for_pass(size) for size in (1, 8, 31, 32, 1000)] == [1, 1, 1, 2, 2]
    assert str(threads) == "1 thread, 2 for passes of 32 tokens or more"


def test_a_busy_machine_has_one_thread_for_all_that_was_tried() -> None:
    """Several that once waited for a processor are several that will again."""
    threads, _ = timed(lambda size, number, time: 1e-5 * size / number + (number == 2 and time == 3) * 1e-2)
    assert {threads.for_pass(size) for size in SIZES} == {1}


def test_a_large_model_is_not_tried_for_long() -> None:
    """A size that takes a second is the last."""
    threads, tried = timed(lambda size, number, _: 1.0)
    assert {size for size, _ in tried} == {1}
    assert threads.for_pass(2) == 1


def test_one_thread_is_not_measured() -> None:
    """There is nothing to choose."""
    threads = measured(lambda size: pytest.fail("computed"), 1)
    assert threads.least == inf and str(threads) == "1 thread"


def test_threads_are_the_callers_again_behind_a_pass() -> None:
    """Whatever ends it."""
    before = torch.get_num_threads()
    with pytest.raises(ZeroDivisionError), Using(before + 1):
        assert torch.get_num_threads() == before + 1
        raise ZeroDivisionError
    assert torch.get_num_threads() == before


FORKED = """
import os, signal, sys
import lmc
from lmc.backend.local import CpuBackend

@lmc.function
def f(s):
    s += "Hello" + lmc.gen("a", max_tokens=4, temperature=0)

def run():
    backend = CpuBackend("lmc-tiny", dtype="fp32", num_slots=500)
    backend.engine.runner.threads.least = 0
    return f.run(backend=backend)["a"]

print(run(), flush=True)
if not (child := os.fork()):
    signal.alarm(60)
    print(run(), flush=True)
    os._exit(0)
sys.exit(os.waitpid(child, 0)[1])
"""


@pytest.mark.slow
def test_a_forked_process_computes_with_an_engine_of_its_own() -> None:
    """Though its parent computed with several threads, which are not there."""
    ran = subprocess.run(
        [sys.executable, "-c", FORKED], env={**os.environ, "OMP_NUM_THREADS": "2"}, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    first, second = ran.stdout.splitlines()
    assert first == second
