"""A checkpoint's tensors by name: one safetensors file, or shards with an index.

Checks every tensor that will be needed before it reads the first, so a bad folder fails at once with its reason.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Protocol, cast

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from lmc.errors import ModelLoadError

INDEX, SINGLE = "model.safetensors.index.json", "model.safetensors"
FLOATS = ("F32", "BF16", "F16")
AGAIN = "the file is damaged or its download stopped early: download it again"

TensorShape = tuple[int, ...]


class SafeSlice(Protocol):
    """A tensor of a safetensors file that is not read yet."""

    def get_shape(self) -> list[int]: ...

    def get_dtype(self) -> str: ...


class SafeFile(Protocol):
    """The part of an open safetensors file that is used here; the library itself has no types."""

    def keys(self) -> list[str]: ...

    def get_slice(self, name: str) -> SafeSlice: ...

    def get_tensor(self, name: str) -> Tensor: ...


class Weights(Protocol):
    """The tensors of a model by transformers' names, whatever they are stored in."""

    def require(self, shapes: Mapping[str, TensorShape]) -> None:
        """Raise ModelLoadError unless every named tensor is there, of its shape, and can be read."""

    def refuse_unused(self, used: Mapping[str, TensorShape], prefixes: tuple[str, ...]) -> None:
        """Raise ModelLoadError for tensors that the decoder would silently leave out; `prefixes` are its layers'."""

    def tensor(self, name: str, dtype: torch.dtype) -> Tensor:
        """A tensor that `require` has seen, in `dtype`: its own, whatever becomes of the file."""


class Checkpoint:
    """Open safetensors files of one folder; `files[name]` is the file that holds the tensor `name`."""

    def __init__(self, folder: Path) -> None:
        """Raise ModelLoadError where there are no safetensors or a file cannot be opened."""
        self.folder = folder
        self.files: dict[str, SafeFile] = {}
        self.paths: dict[str, Path] = {}
        for path in weight_files(folder):
            file = open_safetensors(path)
            for name in file.keys():  # noqa: SIM118  # a file handle, not a dict
                self.files[name] = file
                self.paths[name] = path

    def require(self, shapes: Mapping[str, TensorShape]) -> None:
        """Raise ModelLoadError unless every named tensor is there, a float, and of its shape."""
        missing = [name for name in shapes if name not in self.files]
        if missing:
            raise ModelLoadError(
                f"'{self.folder}' lacks {len(missing)} of the {len(shapes)} tensors that its config.json asks for",
                notes=(f"missing: {some(missing)}",),
                help="check that config.json belongs to these weights and that no shard is left out",
            )
        for name, shape in shapes.items():
            self.require_one(name, shape)

    def require_one(self, name: str, shape: TensorShape) -> None:
        """`require` for one tensor that is there."""
        part = self.files[name].get_slice(name)
        found, dtype = tuple(part.get_shape()), part.get_dtype()
        if found != shape:
            raise ModelLoadError(
                f"tensor '{name}' in '{self.paths[name]}' has shape {list(found)}, expected {list(shape)}",
                help="check that config.json belongs to these weights",
            )
        if dtype not in FLOATS:
            raise ModelLoadError(
                f"tensor '{name}' in '{self.paths[name]}' is stored as {dtype}",
                help="load the checkpoint that was saved in bf16, fp16 or fp32",
            )

    def refuse_unused(self, used: Mapping[str, TensorShape], prefixes: tuple[str, ...]) -> None:
        """Raise ModelLoadError for tensors under `prefixes` that the decoder would silently leave out."""
        unused = [n for n in self.files if n.startswith(prefixes) and n not in used and not n.endswith("inv_freq")]
        if unused:
            raise ModelLoadError(
                f"'{self.folder}' has {len(unused)} tensors that its architecture does not use",
                notes=(f"unused: {some(unused)}",),
                help="check that `architectures` in config.json belongs to these weights",
            )

    def tensor(self, name: str, dtype: torch.dtype) -> Tensor:
        """A tensor that `require` has seen, in `dtype`; a copy, so that the file may change afterwards."""
        try:
            return self.files[name].get_tensor(name).to(dtype, copy=True)
        except (SafetensorError, OSError) as error:
            raise ModelLoadError(f"cannot read '{name}' from '{self.paths[name]}': {error}", help=AGAIN) from error


def some(names: list[str]) -> str:
    """The first three names, and how many more."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(sorted(names)[:3]) + more


def open_safetensors(path: Path) -> SafeFile:
    """Open one file; raise ModelLoadError where it is missing or damaged."""
    try:
        return cast(SafeFile, safe_open(path, framework="pt"))
    except FileNotFoundError as error:
        raise ModelLoadError(f"'{path}' does not exist", help="download the missing file") from error
    except (SafetensorError, OSError) as error:
        raise ModelLoadError(f"'{path}' is not a whole safetensors file: {error}", help=AGAIN) from error


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a folder, by its index or the single file."""
    if (folder / INDEX).is_file():
        return sharded_files(folder)
    if (folder / SINGLE).is_file():
        return [folder / SINGLE]
    others = sorted(p.name for p in folder.iterdir() if p.suffix in (".safetensors", ".bin", ".pt", ".pth", ".gguf"))
    raise ModelLoadError(
        f"'{folder}' has neither '{SINGLE}' nor '{INDEX}'",
        notes=(f"it has {some(others)}",) if others else (),
        help="save the model with `model.save_pretrained(folder)`, or download all files of the repository",
    )


def _is_inside(name: object) -> bool:
    """Whether an index may name it: a file in the folder or below, whatever a link there leads to."""
    if not isinstance(name, str) or "\0" in name or "\\" in name:
        return False
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts


def sharded_files(folder: Path) -> list[Path]:
    """The shards that the index names."""
    path = folder / INDEX
    try:
        names = set(json.loads(path.read_text(encoding="utf-8"))["weight_map"].values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ModelLoadError(f"'{path}' has no valid `weight_map`", help=AGAIN) from error
    if strange := sorted(repr(name) for name in names if not _is_inside(name)):
        raise ModelLoadError(f"'{path}' names shards that are no files of its folder: {some(strange)}", help=AGAIN)
    if missing := sorted(name for name in names if not (folder / name).is_file()):
        raise ModelLoadError(
            f"'{folder}' lacks {len(missing)} of the {len(names)} shards that '{INDEX}' names",
            notes=(f"missing: {some(missing)}",),
            help="download the missing files",
        )
    return [folder / name for name in sorted(names)]
