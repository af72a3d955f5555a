"""Every kernel over shapes of LM programs: time, share of its floor, ratio to torch in the same run.

python -m benchmarks.kernels             times all entries on the GPU, writes benchmarks/results/kernels_*
python -m benchmarks.kernels --quick     the few that matter most
python -m benchmarks.kernels --dry-run   walks every entry on the CPU at tiny sizes; no time is measured
"""

from __future__ import annotations

import argparse

import torch

from benchmarks.kernels.catalogue import catalogue
from benchmarks.kernels.machine import limits, machine
from benchmarks.kernels.report import heading, save, table
from benchmarks.kernels.run import not_run, timed, walked
from benchmarks.kernels.timing import Stopwatch

BUDGET_S = 450.0


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kernels", description="time every kernel on this GPU")
    parser.add_argument("--quick", action="store_true", help="only the entries that matter most")
    parser.add_argument("--dry-run", action="store_true", help="walk the entries on the CPU at tiny sizes")
    options = parser.parse_args()
    entries = list(catalogue(quick=options.quick))
    here = machine()
    if options.dry_run or not here.gpu:
        print(heading(here, None))
        print("\n" + table([walked(entry) if options.dry_run else not_run(entry) for entry in entries]))
        return
    watch = Stopwatch()
    found = limits(watch)
    print(heading(here, found), flush=True)
    lines = []
    for line in timed(entries, watch, found, budget_s=BUDGET_S):
        lines.append(line)
        print(f"{len(lines)}/{len(entries)}  {line.kernel}  {line.shape}", flush=True)
    print("\n" + table(lines))
    for path in save(here, found, lines, quick=options.quick):
        print(path)


if __name__ == "__main__":
    with torch.inference_mode():
        main()
