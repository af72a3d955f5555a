"""Programs have types: their arguments, what they return, and `s`. mypy checks them, and pyright where it is there."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKED = Path(__file__).with_name("typed_programs.py")
WRONG = {number for number, line in enumerate(CHECKED.read_text().splitlines(), 1) if line.endswith("# ERROR")}


def lines_in_error(*command: str) -> set[int]:
    """The lines of the programs that a checker refuses."""
    done = subprocess.run([*command, str(CHECKED)], capture_output=True, text=True, cwd=CHECKED.parent.parent)
    found = re.findall(rf"{CHECKED.name}:(\d+):.*\berror\b", done.stdout)
    assert found, done.stdout + done.stderr
    return set(map(int, found))


@pytest.mark.slow
def test_mypy_sees_the_types_of_programs() -> None:
    """Without --strict, as most people have it: README's first program passes, wrong calls do not."""
    flags = ("--follow-imports=silent", "--config-file=", "--ignore-missing-imports")
    assert lines_in_error(sys.executable, "-m", "mypy", *flags) == WRONG


@pytest.mark.slow
@pytest.mark.parametrize("checker", ["pyright", "basedpyright"])
def test_pyright_sees_the_types_of_programs(checker: str) -> None:
    """The same lines."""
    if shutil.which(checker) is None:
        pytest.skip(f"{checker} is not installed")
    assert lines_in_error(checker, "--level", "error", "--pythonpath", sys.executable) == WRONG
