"""What the demo says to do next, and examples as scripts."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SAID = re.findall(r'@echo "  \$\(BIN\)/(\w+) (.+)"', (ROOT / "Makefile").read_text())


def run(*command: str) -> str:
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_demo_ends_with_three_commands() -> None:
    """Each one of the environment's, on a file that is there."""
    assert len(SAID) == 3
    assert all((ROOT / next(word for word in rest.split() if word.endswith(".py"))).is_file() for _, rest in SAID)


@pytest.mark.parametrize("tool, rest", SAID)
def test_what_the_demo_says_to_do_next_works(tool: str, rest: str) -> None:
    """As it is printed, and something comes of it."""
    start = [sys.executable] if tool == "python" else [sys.executable, "-m", tool]
    assert len(run(*start, *rest.split()).splitlines()) > 2


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.py")), ids=lambda path: path.stem)
def test_an_example_is_a_script(path: Path) -> None:
    """`python examples/x.py` runs it and prints."""
    assert re.search(r'if __name__ == "__main__":\n    (print|main)\(', path.read_text())
