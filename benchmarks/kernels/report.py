"""The result of a run as a table and as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path

from benchmarks.kernels.machine import Limits, Machine
from benchmarks.kernels.run import Line

RESULTS = Path(__file__).parents[1] / "results"


def heading(machine: Machine, limits: Limits | None) -> str:
    """The machine and its measured limits."""
    gpu = f"{machine.gpu}, {machine.sms} SMs, sm_{machine.capability.replace('.', '')}" if machine.gpu else "no GPU"
    lines = [
        f"machine   {gpu}; {machine.host}",
        f"software  torch {machine.torch}, triton {machine.triton}, CUDA {machine.cuda}",
    ]
    if limits:
        lines.append(f"copy      {limits.copy_bytes_per_s / 1e12:.2f} TB/s measured (read + write)")
        lines.append(f"matmul    {limits.matmul_flops_per_s / 1e12:.0f} TFLOP/s measured (bf16)")
    else:
        lines.append("limits    not run")
    return "\n".join(lines)


def table(lines: Sequence[Line]) -> str:
    """One row for each line: time, what it must move, share of the floor, torch's best as a multiple of our time."""
    rows = [("kernel", "shape", "MB", "GFLOP", "us", "of floor", "torch / ours"), *map(cells, lines)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    aligned = ["  ".join(c.ljust(w) if i < 2 else c.rjust(w) for i, (c, w) in enumerate(zip(r, widths))) for r in rows]
    notes = [f"{li.kernel} {li.shape}: {name} failed: {why}" for li in lines for name, why in li.failed.items()]
    return "\n".join([*(row.rstrip() for row in aligned), *notes])


def cells(line: Line) -> tuple[str, ...]:
    """A line as text."""
    moved = f"{line.bytes / 1e6:.1f}", f"{line.flops / 1e9:.1f}" if line.flops else ""
    if line.ours is None or line.share is None:
        return (line.kernel, line.shape, *moved, "not run", "", "")
    us = f"{line.ours.us:.1f}" + ("" if line.ours.captured else " (no graph)")
    best = f"{line.best[1]:.2f} ({line.best[0]})" if line.best else ""
    return (line.kernel, line.shape, *moved, us, f"{100 * line.share:.0f} %", best)


def save(machine: Machine, limits: Limits, lines: Sequence[Line], *, quick: bool) -> list[Path]:
    """Write kernels_<gpu>_<date>.txt and .json; returns the paths."""
    gpu = re.sub(r"\W+", "-", (machine.gpu or "none").lower())
    name = f"kernels_{gpu}_{date.today()}" + ("_quick" if quick else "")
    record = {"machine": asdict(machine), "limits": asdict(limits), "quick": quick, "lines": [asdict(x) for x in lines]}
    contents = {
        ".txt": heading(machine, limits) + "\n\n" + table(lines) + "\n",
        ".json": json.dumps(record, indent=1) + "\n",
    }
    paths = [RESULTS / (name + suffix) for suffix in contents]
    for path, content in zip(paths, contents.values()):
        path.write_text(content, encoding="utf-8")
    return paths
