"""The table of environment variables: it is all that is read, and `lmc knobs` shows it."""

from __future__ import annotations

import ast
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from lmc import knobs
from lmc.cli import main
from lmc.knobs import KNOBS
from tests.support.source_trees import nodes_of

ROOT = Path(__file__).parents[1]


def test_nothing_else_reads_the_environment():
    """One module of lmc names `os.environ` or `os.getenv`."""

    readers = [
        path.relative_to(ROOT).as_posix()
        for path in [*ROOT.glob("lmc/**/*.py"), *ROOT.glob("kernels/**/*.py")]
        for node in nodes_of(path)
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv")
    ]
    assert set(readers) == {"lmc/knobs.py"}


def test_the_command_lists_them_with_their_values(monkeypatch: pytest.MonkeyPatch):
    """A line each where the terminal is wide, as they are now."""

    monkeypatch.setenv("LMC_DTYPE", "fp32")
    monkeypatch.setenv("COLUMNS", "200")
    ran = CliRunner().invoke(main, ["knobs"])
    assert ran.exit_code == 0
    lines = {line.split()[0]: line for line in ran.output.splitlines()}
    assert list(lines) == [knob.name for knob in KNOBS]
    assert lines["LMC_DTYPE"].split()[1] == "fp32"
    assert all(knob.meaning in lines[knob.name] for knob in KNOBS)


def test_an_empty_variable_is_an_unset_one(monkeypatch: pytest.MonkeyPatch):
    """As the XDG specification says of its own."""

    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert knobs.cache_folder() == Path.home() / ".cache" / "lmc"
    monkeypatch.setenv("XDG_CACHE_HOME", "/tmp/elsewhere")
    assert knobs.cache_folder() == Path("/tmp/elsewhere/lmc")


@pytest.mark.parametrize(
    "name, value, is_plain", [("NO_COLOR", "1", True), ("TERM", "dumb", True), ("TERM", "xterm", False)]
)
def test_a_terminal_without_colours(name: str, value: str, is_plain: bool, monkeypatch: pytest.MonkeyPatch):
    """Either variable says so."""

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv(name, value)
    assert knobs.is_plain() == is_plain


def test_a_cache_home_that_is_relative_is_passed_over(monkeypatch):
    """As the standard has it: a cache in whatever folder one works in is found by nobody."""
    monkeypatch.setenv("XDG_CACHE_HOME", "somewhere")
    monkeypatch.setenv("HOME", "/home/ada")
    assert knobs.cache_folder() == Path("/home/ada/.cache/lmc")


def test_a_variable_stands_while_a_library_is_loaded(monkeypatch: pytest.MonkeyPatch):
    """As somebody has set it, or by its default, and then it is gone: tools start programs."""

    name = knobs.WAIT_POLICY.name
    monkeypatch.delenv(name, raising=False)
    with pytest.raises(ImportError), knobs.standing(knobs.WAIT_POLICY):
        assert os.environ[name] == "passive"
        raise ImportError
    assert name not in os.environ
    monkeypatch.setenv(name, "active")
    with knobs.standing(knobs.WAIT_POLICY):
        assert os.environ[name] == "active"
    assert os.environ[name] == "active"
