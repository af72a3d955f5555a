"""README.md is true: its code runs, and what it shows is what comes out.

```python blocks are one program, run in order; a ```text block after one is what it printed. ```console blocks hold
commands and what they print. ```sh blocks are only read. `pytest --accept` rewrites the outputs.
"""

from __future__ import annotations

import contextlib
import difflib
import io
import linecache
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import lmc
from lmc.backend import close_all

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = "tour.py"  # what the blocks are called in messages: all of them, one after another
SECONDS = 60


class Tour:
    """The page being read: its program so far, and what the last python block printed."""

    def __init__(self) -> None:
        self.source = ""
        self.names: dict[str, object] = {"__name__": "tour"}
        self.printed: str | None = None

    def block(self, match: re.Match[str]) -> str:
        """The block as it should be."""
        kind, body = match.groups()
        if kind == "python":
            self.printed = self.run(body)
        elif kind == "text":
            assert self.printed is not None, f"a text block that follows no python block:\n{body}"
            body, self.printed = self.printed, None
        elif kind == "console":
            body = "".join(f"$ {command}\n{output_of(command)}" for command in re.findall(r"^\$ (.*)$", body, re.M))
        return f"```{kind}\n{body}```"

    def run(self, code: str) -> str:
        """What the code prints; earlier blocks stand before it, so that places in messages count through."""
        before = self.source.count("\n")
        self.source += code
        lines = self.source.splitlines(keepends=True)
        linecache.cache[FILE] = (len(self.source), None, lines, FILE)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile("\n" * before + code, FILE, "exec"), self.names)
        return printed.getvalue()


def output_of(command: str) -> str:
    """What a shell prints for a command, with this environment's programs first."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    env = {**os.environ, "PATH": path, "NO_COLOR": "1"}
    run = subprocess.run(command, shell=True, cwd=ROOT, env=env, capture_output=True, text=True, timeout=SECONDS)
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.fixture
def as_on_the_page(monkeypatch: pytest.MonkeyPatch):
    """The page's outputs are those of fp32, whatever this CPU prefers."""
    monkeypatch.setenv("LMC_DTYPE", "fp32")
    close_all()
    yield
    close_all()
    linecache.cache.pop(FILE, None)


def test_page_shows_what_happens(request: pytest.FixtureRequest, as_on_the_page: None):
    """Every block of code runs, and every output is the one printed here."""

    page = README.read_text(encoding="utf-8")
    true = BLOCK.sub(Tour().block, page)
    if request.config.getoption("accept"):
        README.write_text(true, encoding="utf-8")
    elif page != true:
        lines = difflib.unified_diff(page.splitlines(), true.splitlines(), "README.md", "this run", lineterm="")
        pytest.fail("\n".join([*lines, "", "if this run is right: pytest --accept"]), pytrace=False)


def test_page_names_what_exists():
    """Files that the page speaks of are there, and so are the names it takes from lmc."""

    page = README.read_text(encoding="utf-8")
    files = re.findall(r"`((?:lmc|examples|tests|kernels)/[\w/.]+)`", page)
    assert [name for name in files if not (ROOT / name).exists()] == []
    names = re.findall(r"\blmc\.([A-Za-z_]\w*)", page)
    assert [name for name in names if not hasattr(lmc, name) and name != "kernels"] == []
