"""What README and the page of the command line say in words; their code and outputs are held by test_docs."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path

import click
import pytest

import lmc
from lmc.backend import BACKENDS, resolve
from lmc.backend.models import ARCHITECTURES
from lmc.cli import COMMANDS
from lmc.errors import BackendError
from lmc.program import Program
from lmc.run_options import OPTIONS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CLI = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")


def options(command: str) -> list[list[str]]:
    """The spellings of each option of a command."""
    module, name = COMMANDS[command].split(":")
    found: click.Command = getattr(importlib.import_module(module), name)
    return [parameter.opts for parameter in found.params if isinstance(parameter, click.Option)]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_page_of_the_command_line_names_every_option(command: str) -> None:
    """In one spelling at least, whole."""
    assert re.search(rf"^lmc {command}\b|\| lmc {command}\b", CLI, re.M)
    assert [each for each in options(command) if not any(re.search(rf"{opt}(?![\w-])", CLI) for opt in each)] == []


def test_the_page_of_the_command_line_names_no_option_that_is_not_there() -> None:
    """Of no command."""
    known = {opt for command in COMMANDS for each in options(command) for opt in each} | {"-V", "--version"}
    usage = CLI[CLI.index("```sh") : CLI.index("```", CLI.index("```sh") + 3)]
    assert set(re.findall(r"(?<![\w-])--?[a-zA-Z][\w-]*", usage)) - known == set()


def test_the_readme_s_numbers_were_measured() -> None:
    """Those of the prefix that many prompts share stand in a kept result of that benchmark."""
    said = re.search(r"([\d.]+) times\s+as fast without the cache, ([\d.]+) times with it, ([\d.]+) times when", README)
    assert said is not None
    kept = [path.read_text() for path in (ROOT / "benchmarks/results").glob("shared_prefix_cpu_*.txt")]
    assert any(re.findall(r"^lmc, cache .* ([\d.]+) x$", text, re.M) == list(said.groups()) for text in kept)


def test_the_readme_s_backends_are_all_there_are() -> None:
    """`auto` is the CPU's; what is said not to be there says so itself."""
    table = README[README.index("| `backend=`") :].partition("\n\n")[0]
    cells = [line.split("|")[1] for line in table.splitlines()[2:]]
    assert set(re.findall(r'`"(\w+)"`', " ".join(cells))) == {*BACKENDS, "auto"} - {"cuda"}
    assert resolve("auto", None) is resolve("cpu", None)
    with pytest.raises(BackendError, match="no CUDA engine"):
        resolve("cuda", None)
    with pytest.raises(lmc.LMError):
        lmc.image("a.png")


def test_the_readme_s_families_are_those_of_the_engine() -> None:
    """By the names that configs have."""
    said = re.search(r"lmc's engine for (.+?) checkpoints", README)
    assert said is not None
    named = {name.strip().lower() for name in re.split(r",| and ", said[1])}
    assert named == {name.removesuffix("ForCausalLM").lower() for name in ARCHITECTURES}


def test_the_pages_name_every_option_of_a_run_and_every_public_name() -> None:
    """As a word of some page."""
    pages = README + "".join(path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*.md"))
    names = {*OPTIONS, *lmc.__all__}
    for method in (
        Program.run,
        Program.stream,
        Program.run_batch,
        Program.arun_batch,
        Program.open_run,
        Program.compile,
    ):
        parameters = inspect.signature(method).parameters.values()
        names |= {each.name for each in parameters if each.kind is each.KEYWORD_ONLY}
    assert sorted(name for name in names if not re.search(rf"\b{name}\b", pages)) == []
