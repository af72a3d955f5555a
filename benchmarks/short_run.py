"""What a short `lmc run` takes, by itself and beside busy processes, here and in another checkout.

    python -m benchmarks.short_run [--against DIR] [--example examples/essay_judge.py] [--rounds 5] [--busy 2]

Each run is a process of its own, from nothing to its last line, on lmc-tiny with all settings as they come; DIR has an
environment `.venv` of its own. The checkouts take turns, so that what else the machine does slows both. Busy processes
are endless loops of Python, at the same priority, on whatever cores the system gives them. Printed are medians, with
the least and the most: seconds on the wall, seconds of CPU (all threads), and the largest resident size.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.host_time import cpu_name

HERE = Path(__file__).parents[1]
LOOP = "while True: pass"


@dataclass(frozen=True, slots=True)
class Run:
    """One run; `said` is the line of its report on what it did."""

    wall_s: float
    cpu_s: float
    peak_mb: float
    said: str


def run(checkout: Path, example: Path) -> Run:
    """A run in a process of its own."""
    command = [str(lmc_of(checkout)), "run", str(example), "--backend", "cpu"]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("OMP_")}
    begin = time.monotonic()
    process = subprocess.Popen(command, cwd=checkout, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    text = process.stdout.read().decode()
    _, status, used = os.wait4(process.pid, 0)
    wall_s = time.monotonic() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} exited with {process.returncode}")
    said = re.search(r"\d+ calls?, .*generated", text)
    return Run(wall_s, used.ru_utime + used.ru_stime, used.ru_maxrss / 1e3, said[0] if said else "?")


def lmc_of(checkout: Path) -> Path:
    """The command of the checkout's environment, or of this process' own."""
    own = checkout / ".venv/bin/lmc"
    return own if own.exists() else Path(sys.executable).with_name("lmc")


@contextmanager
def busy(number: int) -> Iterator[None]:
    """So many processes that never rest."""
    loops = [subprocess.Popen([sys.executable, "-c", LOOP]) for _ in range(number)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def line(name: str, runs: list[Run]) -> str:
    """The figures of some runs."""
    cells = []
    for values, unit in (
        ([each.wall_s for each in runs], "s wall"),
        ([each.cpu_s for each in runs], "s CPU"),
        ([each.peak_mb for each in runs], "MB"),
    ):
        digits = 0 if unit == "MB" else 2
        least, middle, most = (
            f"{number:.{digits}f}" for number in (min(values), statistics.median(values), max(values))
        )
        cells.append(f"{middle:>6} {unit} ({least} to {most})")
    return f"{name:<16}" + "  ".join(f"{cell:<26}" for cell in cells).rstrip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", type=Path)
    parser.add_argument("--example", type=Path, default=Path("examples/essay_judge.py"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--busy", type=int, default=2)
    given = parser.parse_args()
    checkouts = {"here": HERE, **({"there": given.against.resolve()} if given.against else {})}
    print(f"{cpu_name()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.2f}; {given.example}, {given.rounds} runs")
    for checkout in checkouts.values():
        run(checkout, given.example)  # warm: files are in memory, sources compiled
    for number in (0, given.busy):
        found: dict[str, list[Run]] = {name: [] for name in checkouts}
        with busy(number):
            for _ in range(given.rounds):
                for name, checkout in checkouts.items():
                    found[name].append(run(checkout, given.example))
        print(f"\n{f'beside {number} busy processes' if number else 'by itself'} (load {os.getloadavg()[0]:.2f})")
        for name, runs in found.items():
            print(f"{line(name, runs)}  {runs[0].said}", flush=True)


if __name__ == "__main__":
    main()
