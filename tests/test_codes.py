"""The table of codes: each has a page whose examples are run, and nothing spells a code that is not in the table.

The example of a page gives its code, with the output that stands there; the repaired one does not. `pytest --accept`
writes the outputs and docs/codes.md.
"""

from __future__ import annotations

import ast
import logging
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click
import pytest
from click.testing import CliRunner

from lmc import codes
from lmc.cli import main
from lmc.codes import CODES, PAGES
from lmc.errors import LMError
from lmc.parser.capture.breaks import BREAKS
from tests.support.sampled import one_in
from tests.support.source_trees import nodes_of
from tests.support.tokenizer_folder import byte_tokenizer_folder

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "codes.md"
CODE = re.compile(r"LMC-[A-Z]{2}[0-9]{3}")
PAGE = re.compile(
    r"(?P<head>.+\n\n### Why\n\n.+\n\n### An example\n\n"
    r"```python\n(?P<bad>.+?)```\n\n```console\n\$ lmc (?P<command>[^\n]+)\n)(?P<output>.*?)```\n\n"
    r"### Repaired\n\n```python\n(?P<good>.+?)```\n",
    re.DOTALL,
)
# each turn is numbered from the end, so that a new one changes those before it
REWRITING = "{% for m in messages %}{{ loop.revindex }} {{ m.role }}: {{ m.content }}\n{% endfor %}"


class Page(NamedTuple):
    """A page, taken apart."""

    head: str
    bad: str
    command: str
    output: str
    good: str


def page(code: str) -> Page:
    """The page of a code."""
    match = PAGE.fullmatch((PAGES / f"{code}.md").read_text(encoding="utf-8"))
    assert match is not None, "a page is: what, why, an example and its output, a repaired example"
    return Page(**match.groupdict())


class Shown(logging.Handler):
    """Shows warnings as a shell does: pytest's own handlers keep Python's from doing it."""

    def emit(self, record: logging.LogRecord) -> None:
        click.echo(record.getMessage(), err=True)


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """(a program, a command) -> exit status and all that is printed; the program is example.py there.

    Its engines are its own: one that another test has opened has other numbers, and prompts of that test in its cache.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("LMC_DTYPE", "fp32")
    monkeypatch.setattr("lmc.backend._open", {})
    byte_tokenizer_folder(tmp_path / "rewriting", REWRITING)
    byte_tokenizer_folder(tmp_path / "ascii", alphabet=map(chr, range(33, 127)))
    handler = Shown()

    def run(program: str, command: str) -> tuple[int, str]:
        Path("example.py").write_text(program, encoding="utf-8")
        sys.modules.pop("example", None)
        logging.getLogger("lmc").addHandler(handler)
        ran = CliRunner().invoke(main, shlex.split(command), prog_name="lmc")
        logging.getLogger("lmc").removeHandler(handler)
        return ran.exit_code, ran.output

    yield run
    sys.modules.pop("example", None)


@pytest.mark.parametrize("code", CODES)
def test_the_example_of_a_page_gives_its_code(code: str, shell, request: pytest.FixtureRequest):
    """With the words that the page shows."""

    told = page(code)
    _, output = shell(told.bad, told.command)
    assert code in output, output
    if request.config.getoption("accept"):
        text = f"{told.head}{output}```\n\n### Repaired\n\n```python\n{told.good}```\n"
        (PAGES / f"{code}.md").write_text(text, encoding="utf-8")
    else:
        assert told.output == output


@pytest.mark.parametrize("code", one_in(3, CODES))
def test_the_repaired_example_does_not(code: str, shell):
    """It runs without an error, too."""

    told = page(code)
    status, output = shell(told.good, told.command)
    assert status == 0, output
    assert code not in output, output


def test_the_document_is_printed_from_the_table(request: pytest.FixtureRequest):
    """docs/codes.md holds every page."""

    if request.config.getoption("accept"):
        DOCUMENT.parent.mkdir(exist_ok=True)
        DOCUMENT.write_text(codes.document(), encoding="utf-8")
    assert DOCUMENT.read_text(encoding="utf-8") == codes.document()


def test_every_page_is_of_a_code():
    """No page is left of a code that went."""

    assert {path.stem for path in PAGES.glob("*.md")} == set(CODES)


def test_every_code_has_a_name_of_its_own():
    """A name that is bound twice would give one code's page for the other's message."""
    named = [value for value in vars(codes).values() if isinstance(value, str) and CODE.fullmatch(value)]

    assert sorted(named) == sorted(CODES)


def test_breaks_are_codes():
    """The parser has a message for each break of the table."""

    assert list(BREAKS) == [code for code in CODES if code.startswith("LMC-GB")]


def spelt_codes(path: Path) -> Iterator[tuple[int, str, bool]]:
    """(line, code, whether it stands in a docstring) of each code that a string of a file spells."""
    told = {node.value for node in nodes_of(path) if isinstance(node, ast.Expr)}
    for node in nodes_of(path):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from ((node.lineno, code, node in told) for code in CODE.findall(node.value))


def test_no_code_is_outside_the_table():
    """Only lmc/codes.py spells codes: all else takes its constants; a docstring may name a code that there is."""

    spelt = [
        f"{path.relative_to(ROOT)}:{line} {code}"
        for path in ROOT.glob("lmc/**/*.py")
        for line, code, is_told in spelt_codes(path)
        if code not in CODES or not (is_told or path == ROOT / "lmc" / "codes.py")
    ]
    assert spelt == []


def test_an_error_with_a_code_says_how_to_read_its_page():
    """Once, as its last line; an error without one has no such line."""

    assert LMError("no", code=codes.EMPTY).render().splitlines()[-1] == "  `lmc explain LMC-CN001` says more"
    assert "explain" not in LMError("no").render()


# --- the command -----------------------------------------------------------------------------------------


def test_explain_prints_a_page():
    """In whatever case the code is written."""

    for written in ("LMC-GB014", "lmc-gb014"):
        ran = CliRunner().invoke(main, ["explain", written])
        assert (ran.exit_code, ran.output) == (0, CODES["LMC-GB014"].page)


def test_explain_of_an_unknown_code_names_near_ones():
    """And says where all of them are."""

    ran = CliRunner().invoke(main, ["explain", "LMC-GB041"])
    assert ran.exit_code == 1
    assert "there is no code `LMC-GB041`" in ran.output and "did you mean `LMC-GB0" in ran.output
    assert "`lmc explain --codes`" in CliRunner().invoke(main, ["explain", "LMC-XXXXX"]).output


def test_explain_lists_codes():
    """A line each."""

    ran = CliRunner().invoke(main, ["explain", "--codes"])
    assert ran.exit_code == 0
    assert [line.split()[0] for line in ran.output.splitlines()] == list(CODES)
    assert CliRunner().invoke(main, ["explain"]).exit_code == 2, "a program or a code is needed"
