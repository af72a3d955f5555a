"""The head of a GGUF file: what it says of its model, and where its tensors lie. No tensor is read here.

A file begins with named values (sizes, the vocabulary, the chat template), then has a table of tensors, then their
data. All of it is little-endian. Nothing in a file is believed before it is known to fit into the file: a damaged one
is told, and takes no memory. Standard library only.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from lmc.errors import ModelLoadError

MAGIC = b"GGUF"
VERSIONS = (2, 3)
MAX_DIMS = 4
AGAIN = "the file is damaged or its download stopped early: download it again"

# kinds of values: numbers by their letter in `struct`
NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
TEXT, ARRAY = 8, 9
LENGTH = struct.Struct("<Q")

GgufValue = bool | int | float | str | tuple["bool | int | float | str", ...]


@dataclass(frozen=True, slots=True)
class GgufTensor:
    """Where one tensor lies.

    shape  as torch has it: the last dimension is the one whose values stand beside each other
    kind   the number of its number format
    start  its first byte in the file
    """

    name: str
    shape: tuple[int, ...]
    kind: int
    start: int


@dataclass(frozen=True, slots=True)
class GgufFile:
    """What the head of a file says: its values and its tensors by name."""

    path: Path
    values: Mapping[str, GgufValue]
    tensors: Mapping[str, GgufTensor]
    num_bytes: int

    def text(self, name: str, default: str | None = None) -> str:
        """A text; `default` where there is none. Raises ModelLoadError where it is none of these."""
        value = self.values.get(name, default)
        if not isinstance(value, str):
            self.refuse_value(name, "a text")
        return value

    def whole(self, name: str, default: int | None = None, *, least: int = 1) -> int:
        """A whole number of at least `least`; `default` where there is none. Raises ModelLoadError."""
        value = self.values.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            self.refuse_value(name, f"a whole number of at least {least}")
        return value

    def flag(self, name: str, default: bool) -> bool:
        """A truth value; `default` where there is none. Raises ModelLoadError."""
        value = self.values.get(name, default)
        if not isinstance(value, bool):
            self.refuse_value(name, "true or false")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts. Raises ModelLoadError."""
        value = self.values.get(name)
        if not isinstance(value, tuple) or not all(isinstance(each, str) for each in value):
            self.refuse_value(name, "a list of texts")
        return value  # type: ignore[return-value]  # each was looked at

    def refuse_value(self, name: str, wanted: str) -> NoReturn:
        """Raise ModelLoadError: a value is missing or is not what it has to be."""
        if name not in self.values:
            self.refuse(f"has no `{name}`", "convert the model again with a recent llama.cpp")
        self.refuse(f"has `{name}` = {self.values[name]!r:.60}, which is not {wanted}", "convert the model again")

    def refuse(self, what: str, help: str) -> NoReturn:
        """Raise ModelLoadError: '<path>' <what>."""
        raise ModelLoadError(f"'{self.path}' {what}", help=help)


def is_gguf(model: Path) -> bool:
    """Whether a model's path is that of a file, not of a folder: any is read as GGUF, so that a foreign one is told."""
    return model.is_file() or (model.suffix == ".gguf" and not model.exists())


def read_gguf(path: Path) -> GgufFile:
    """The head of a file. Raises ModelLoadError where it is no GGUF file, or damaged, or only a part of a model."""
    try:
        with path.open("rb") as file:
            begins = file.read(8)
            if begins[:4] != MAGIC:
                raise ModelLoadError(
                    f"'{path}' is a file, not the folder of a model, and no GGUF file: it begins with {begins[:4]!r}",
                    help="give a GGUF file, or a folder that holds config.json, *.safetensors and tokenizer.json",
                )
            _check_version(path, begins[4:])
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                found = _Cursor(path, data).head()
    except FileNotFoundError:
        raise ModelLoadError(f"model file '{path}' does not exist", help="give the path of a GGUF file") from None
    except OSError as error:
        raise ModelLoadError(f"'{path}' cannot be read: {error.strerror}", help="check its path and rights") from error
    _refuse_part(found)
    return found


def _check_version(path: Path, version: bytes) -> None:
    number = int.from_bytes(version, "little")
    if number in VERSIONS:
        return
    if int.from_bytes(version, "big") in VERSIONS:
        raise ModelLoadError(f"'{path}' was written for a big-endian machine", help="download the little-endian file")
    known = " and ".join(map(str, VERSIONS))
    raise ModelLoadError(
        f"'{path}' is of version {number} of the format; lmc reads {known}",
        help="convert the model again with a recent llama.cpp",
    )


def _refuse_part(file: GgufFile) -> None:
    """Raise ModelLoadError for one file of several, and for what goes with a model and is none."""
    parts = file.whole("split.count", 1, least=0)
    if parts > 1:
        number = file.whole("split.no", 0, least=0) + 1
        file.refuse(f"is part {number} of {parts} of a model", "make one file of them: llama-gguf-split --merge")
    kind = file.text("general.type", "model")
    if kind != "model":
        file.refuse(f"holds no model: it says that it is of type '{kind}'", "give the file of the model itself")


class _Cursor:
    """Reads on from where it stands, never beyond the end."""

    def __init__(self, path: Path, data: mmap.mmap) -> None:
        self.path, self.data, self.end = path, data, len(data)
        self.at = 8  # after magic and version

    def head(self) -> GgufFile:
        num_tensors, num_values = self.number("Q"), self.number("Q")
        values: dict[str, GgufValue] = {}
        for _ in range(num_values):
            name = self.text()
            if name in values:
                self.refuse(f"gives `{name}` twice")
            values[name] = self.value(self.number("I"))
        entries = [self.tensor() for _ in range(num_tensors)]
        file = GgufFile(self.path, values, {}, self.end)
        step = file.whole("general.alignment", 32)
        first = -(-self.at // step) * step
        tensors = {name: GgufTensor(name, shape, kind, first + offset) for name, shape, kind, offset in entries}
        if len(tensors) < num_tensors:
            self.refuse("has two tensors of one name")
        return GgufFile(self.path, values, tensors, self.end)

    def tensor(self) -> tuple[str, tuple[int, ...], int, int]:
        """Name, shape, kind, and where it lies from the first one on."""
        name, num_dims = self.text(), self.number("I")
        if not 1 <= num_dims <= MAX_DIMS:
            self.refuse(f"has a tensor '{name[:60]}' of {num_dims} dimensions")
        dims = self.numbers("Q", num_dims)
        return name, tuple(int(n) for n in reversed(dims)), self.number("I"), self.number("Q")

    def value(self, kind: int) -> GgufValue:
        if kind == TEXT:
            return self.text()
        if kind != ARRAY:
            return self.numbers(self.letter(kind), 1)[0]
        inner, count = self.number("I"), self.number("Q")
        if inner != TEXT:
            return self.numbers(self.letter(inner), count)
        return self.texts(count)

    def letter(self, kind: int) -> str:
        if kind not in NUMBERS:
            self.refuse(f"has a value of the unknown kind {kind}")
        return NUMBERS[kind]

    def number(self, letter: str) -> int:
        return int(self.numbers(letter, 1)[0])

    def numbers(self, letter: str, count: int) -> tuple[bool | int | float, ...]:
        num_bytes = count * struct.calcsize(f"<{letter}")
        if num_bytes > self.end - self.at:
            self.refuse_cut()
        found = struct.unpack_from(f"<{count}{letter}", self.data, self.at)
        self.at += num_bytes
        return found

    def text(self) -> str:
        return self.texts(1)[0]

    def texts(self, count: int) -> tuple[str, ...]:
        """Each with its length before it; a vocabulary has hundreds of thousands, so this is a loop over locals."""
        data, at, last, length_at = self.data, self.at, self.end - 8, LENGTH.unpack_from
        found: list[str] = []
        try:
            for _ in range(count):
                if at > last:
                    self.refuse_cut()
                start = at + 8
                at = start + length_at(data, at)[0]
                if at > self.end:
                    self.refuse_cut()
                found.append(data[start:at].decode())
        except UnicodeDecodeError:
            self.refuse("holds a text that is not UTF-8")
        self.at = at
        return tuple(found)

    def refuse_cut(self) -> NoReturn:
        self.refuse("ends within its head")

    def refuse(self, what: str) -> NoReturn:
        raise ModelLoadError(f"'{self.path}' {what}", help=AGAIN)
