"""CPU time of programs that run as Python, beside the same ones compiled: one process, in turns, on the echo backend.

    python -m benchmarks.eager_programs [--programs 10000] [--rounds 5]

Each program makes one call of four tokens, or is a chat of three turns; all are in flight at once, on one thread. What
is printed is the median over rounds, in programs a second of CPU time, that of the echo backend's included, and the
median of each round's ratio. `recorded` keeps a record of each program.
"""

from __future__ import annotations

import argparse
import functools
import gc
import logging
import statistics
import time
from collections.abc import Callable
from typing import Any

import lmc
from lmc.backend.echo import EchoBackend


@lmc.function
def one_call(s: Any, word: str) -> str:
    """One generation."""
    s += f"Say {word}: "
    s += lmc.gen("said", max_tokens=4, temperature=0)
    return str(s["said"])


@lmc.function
def chat(s: Any, word: str) -> str:
    """Three turns, each read before the next."""
    for i in range(3):
        with s.user():
            s += f"Question {i} on {word}"
        s += lmc.assistant(lmc.gen(f"answer{i}", max_tokens=4, temperature=0))
        if not isinstance(s[f"answer{i}"], str):
            raise AssertionError
    return str(s["answer2"])


def seconds(run: Callable[[], list[lmc.Result]]) -> float:
    """CPU time of a batch whose results are all there."""
    gc.collect()
    began = time.process_time()
    results = run()
    took = time.process_time() - began
    assert all(result.error is None for result in results)
    return took


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    logging.disable(logging.WARNING)
    items = [{"word": f"w{i}"} for i in range(args.programs)]
    for program in (one_call, chat):
        ways: dict[str, dict[str, Any]] = {
            "compiled": {"mode": "compiled"}, "eager": {"mode": "eager"}, "recorded": {"mode": "eager", "record": True},
        }  # fmt: skip
        took: dict[str, list[float]] = {way: [] for way in ways}
        for options in ways.values():
            program.run_batch(items[:100], backend=EchoBackend(), **options)  # compiled and imported before
        for _ in range(args.rounds):
            for way, options in ways.items():
                run = functools.partial(program.run_batch, items, backend=EchoBackend(), **options)
                took[way].append(seconds(run))
        for way, times in took.items():
            ratio = statistics.median(t / c for t, c in zip(times, took["compiled"]))
            speed = args.programs / statistics.median(times)
            print(f"{program.func.__name__:9} {way:9} {speed:7.0f} programs/s of CPU time, {ratio:.2f} x compiled")


if __name__ == "__main__":
    main()
