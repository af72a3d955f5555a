"""`cli("compile", "tips.py")`: a command run in this process, in the folder of the programs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lmc.cli import main

PROGRAMS = Path(__file__).parent / "programs"
Cli = Callable[..., Result]


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cli]:
    """Runs a command; modules that it imported from the programs' folder are forgotten afterwards."""
    monkeypatch.chdir(PROGRAMS)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield lambda *args: CliRunner().invoke(main, args, prog_name="lmc")
    for name in set(sys.modules) - before:
        if (getattr(sys.modules[name], "__file__", None) or "").startswith(str(PROGRAMS)):
            del sys.modules[name]


@pytest.fixture(scope="session")
def tokenizer_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tokenizer of one token a byte and a ChatML template, as transformers saves them."""
    from tests.support.tokenizer_folder import byte_tokenizer_folder

    return byte_tokenizer_folder(tmp_path_factory.mktemp("tokenizer"))
