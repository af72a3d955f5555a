"""Folders that are not what they say: refused when they are loaded, by a typed error."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import lmc
from lmc.backend.default_model import FOLDER
from lmc.backend.local import CpuBackend
from lmc.errors import ModelLoadError, RequestError

Change = Callable[[Path], object]


def changed(at: Path, change: Change) -> Path:
    """A copy of lmc-tiny with a change."""
    folder = at / "model"
    shutil.copytree(FOLDER, folder)
    change(folder)
    return folder


def load(folder: Path) -> CpuBackend:
    return CpuBackend(folder, dtype="fp32", num_slots=600)


def written(name: str, content: bytes | str) -> Change:
    """A file with that content."""
    data = content if isinstance(content, bytes) else content.encode()
    return lambda folder: (folder / name).write_bytes(data)


def index(name: object) -> Change:
    """An index that names one shard."""
    return written("model.safetensors.index.json", json.dumps({"weight_map": {"a": name}}))


def without_template(named: str) -> Change:
    """Templates in tokenizer_config.json only."""

    def change(folder: Path) -> None:
        (folder / "chat_template.jinja").unlink()
        (folder / "tokenizer_config.json").write_text(named)

    return change


@pytest.mark.parametrize(
    "change",
    [
        index(3),
        index(["a"]),
        index(None),
        index("../model/model.safetensors"),
        index("/etc/passwd"),
        index("a/../../model.safetensors"),
        index(""),
        written("model.safetensors.index.json", "[" * 100_000),
        written("chat_template.jinja", b"\xff\xfe"),
        without_template('{"chat_template": [{"name": "default"}]}'),
        without_template('{"chat_template": ["default"]}'),
        without_template('{"chat_template": 5}'),
        written("generation_config.json", '{"text_config": "y"}'),
        written("generation_config.json", "[" * 100_000),
        written("config.json", "[" * 100_000),
        written("config.json", b"\xff\xfe"),
    ],
)
def test_an_odd_file_is_a_folder_that_cannot_be_loaded(change: Change, tmp_path: Path) -> None:
    """Whatever is in it."""
    with pytest.raises(ModelLoadError):
        load(changed(tmp_path, change))


def test_an_index_does_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    """Not even to weights that would fit."""

    def change(folder: Path) -> None:
        with safe_open(folder / "model.safetensors", "pt") as file:
            names = list(file.keys())
        shutil.move(folder / "model.safetensors", folder.parent / "outside.safetensors")
        (folder / "model.safetensors.index.json").write_text(
            json.dumps({"weight_map": dict.fromkeys(names, "../outside.safetensors")})
        )

    with pytest.raises(ModelLoadError, match=r"no files of its folder: '../outside.safetensors'"):
        load(changed(tmp_path, change))


@lmc.function
def asked(s):
    s += "A word:" + lmc.gen("word", max_tokens=2)


@lmc.function
def constrained(s):
    s += "A word:" + lmc.gen("word", regex="[a-z]+", max_tokens=2)


@lmc.function
def chosen(s):
    s += "A word:" + lmc.select("word", [" yes", " no, never"])


@pytest.mark.parametrize("program", [asked, constrained, chosen])
def test_weights_that_are_no_numbers_are_the_models_fault(program: lmc.Program, tmp_path: Path) -> None:
    """The message speaks of the model, whatever was asked."""

    def change(folder: Path) -> None:
        path = folder / "model.safetensors"
        save_file({name: tensor * float("nan") for name, tensor in load_file(path).items()}, path)

    with pytest.raises(RequestError, match="the model's logits are no numbers") as caught:
        program.run(backend=load(changed(tmp_path, change)))
    assert "constraint" not in caught.value.message and caught.value.code == "broken_model"
