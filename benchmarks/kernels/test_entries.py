"""The benchmarks walk every entry without a GPU, and never make up a time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from benchmarks.kernels.catalogue import catalogue
from benchmarks.kernels.machine import Limits, machine
from benchmarks.kernels.report import heading, save, table
from benchmarks.kernels.run import Line, not_run
from benchmarks.kernels.timing import Time

ROOT = Path(__file__).parents[2]
KERNELS = {
    "rms_norm",
    "swiglu",
    "gather_rows",
    "rope_kv_write",
    "sample",
    "token_logprobs",
    "automaton_words",
    "tier_copy",
}


@pytest.mark.slow
def test_dry_run_walks_every_entry():
    """Each is built at a tiny size on the CPU, ours is compared with torch's ways, and no time is given."""

    env = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"}
    command = [sys.executable, "-m", "benchmarks.kernels", "--dry-run"]
    run = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    lines = [line for line in run.stdout.splitlines() if "not run" in line]
    assert len(lines) == len(list(catalogue(quick=False))) + (0 if torch.cuda.is_available() else 1)


def test_every_kernel_has_an_entry():
    """And the quick ones are some of them."""

    names = [entry.kernel for entry in catalogue(quick=False)]
    assert set(names) >= KERNELS
    assert 0 < len(list(catalogue(quick=True))) < len(names)


def test_a_line_tells_share_and_ratio(tmp_path, monkeypatch):
    """Floor over time, torch's best over ours; what failed is named; both files are written."""

    line = Line(
        "k", "rows 1", 8_000_000, 0, Time(4.0, True), 2.0, {"a": Time(8.0, True), "b": Time(6.0, False)}, {"c": "no"}
    )
    text = table([line, not_run(next(catalogue(quick=True)))])
    assert "50 %" in text and "1.50 (b)" in text and "c failed: no" in text and "not run" in text
    monkeypatch.setattr("benchmarks.kernels.report.RESULTS", tmp_path)
    limits = Limits(4e12, 8e14)
    paths = save(machine(), limits, [line], quick=True)
    assert [path.suffix for path in paths] == [".txt", ".json"]
    assert heading(machine(), limits) in paths[0].read_text()
