"""Every kind of attention launch compiles and does not spill; the main ones are in test_compile.py."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kernels.compile_only import MAX_SHARED, Resources, table

CHILD = """
import json
from dataclasses import asdict
from tests.kernels.compile_only import measure
from tests.kernels.configs_attention import MORE
print(json.dumps([asdict(measure(config, each)) for config in MORE for each in config.capabilities]))
"""


@pytest.mark.slow
def test_other_attention_launches_compile_and_do_not_spill():
    """In a process of its own, since kernels imported for the interpreter cannot be compiled."""

    env = {key: value for key, value in os.environ.items() if key != "TRITON_INTERPRET"}
    child = subprocess.run(
        [sys.executable, "-c", CHILD], env=env, cwd=Path(__file__).parents[2], capture_output=True, text=True
    )
    assert child.returncode == 0, child.stderr
    records = tuple(Resources(**record) for record in json.loads(child.stdout))
    print("\n" + table(records))
    assert [r for r in records if r.error or r.spill_bytes or r.shared_bytes > MAX_SHARED[r.capability]] == []
