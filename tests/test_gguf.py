"""The head of a GGUF file is read as it was written, and nothing that is damaged passes for one."""

from __future__ import annotations

import random
import struct
import tracemalloc
from pathlib import Path

import pytest

from lmc.errors import ModelLoadError
from lmc.gguf import GgufFile, GgufTensor, is_gguf, read_gguf

VALUES: dict[str, tuple[int, object]] = {
    "a byte": (0, 200), "a sign": (1, -3), "short": (2, 60_000), "shorter": (3, -7), "whole": (4, 4_000_000_000),
    "negative": (5, -9), "single": (6, 0.5), "flag": (7, True), "text": (8, "Straße <s>"), "long": (10, 1 << 60),
    "longer": (11, -(1 << 60)), "double": (12, 0.1),
}  # fmt: skip
LETTERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}


def text(value: str) -> bytes:
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def plain(kind: int, value: object) -> bytes:
    return text(str(value)) if kind == 8 else struct.pack(f"<{LETTERS[kind]}", value)


def value(name: str, kind: int, value: object) -> bytes:
    return text(name) + struct.pack("<I", kind) + plain(kind, value)


def array(name: str, kind: int, values: list[object]) -> bytes:
    head = struct.pack("<IIQ", 9, kind, len(values))
    return text(name) + head + b"".join(plain(kind, each) for each in values)


def tensor(name: str, dims: tuple[int, ...], kind: int, offset: int) -> bytes:
    return text(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, kind, offset)


def head(values: list[bytes], tensors: list[bytes] = [], version: int = 3) -> bytes:  # noqa: B006  # never changed
    counts = struct.pack("<IQQ", version, len(tensors), len(values))
    return b"GGUF" + counts + b"".join(values) + b"".join(tensors)


def read(path: Path, data: bytes) -> GgufFile:
    path.write_bytes(data)
    return read_gguf(path)


def refused(path: Path, data: bytes) -> str:
    with pytest.raises(ModelLoadError) as error:
        read(path, data)
    assert error.value.help and str(path) in error.value.message
    return error.value.render()


WHOLE = head(
    [*(value(name, *given) for name, given in VALUES.items()), array("words", 8, ["a", "", "▁b"])],
    [tensor("w", (3, 2), 0, 0), tensor("b", (4,), 8, 96)],
)


def test_values_and_tensors_are_what_was_written(tmp_path: Path) -> None:
    """Every kind of value; shapes turned round, places from the beginning of the file."""
    found = read(tmp_path / "m.gguf", WHOLE)

    assert found.values == {name: given for name, (_, given) in VALUES.items()} | {"words": ("a", "", "▁b")}
    first = -(-len(WHOLE) // 32) * 32
    assert found.tensors == {"w": GgufTensor("w", (2, 3), 0, first), "b": GgufTensor("b", (4,), 8, first + 96)}
    assert found.num_bytes == len(WHOLE)


def test_lists_of_numbers_and_another_alignment(tmp_path: Path) -> None:
    """The second version of the format is laid out as the third."""
    data = head([array("n", 5, [1, -2]), array("f", 6, [0.5]), value("general.alignment", 4, 64)], version=2)
    found = read(tmp_path / "m.gguf", data + b"")

    assert (found.values["n"], found.values["f"]) == ((1, -2), (0.5,))
    data = head([value("general.alignment", 4, 64)], [tensor("w", (1,), 0, 0)])
    assert read(tmp_path / "m.gguf", data).tensors["w"].start == 128


@pytest.mark.parametrize("end", [*range(4, len(WHOLE), 7), len(WHOLE) - 1])
def test_a_head_that_is_cut_anywhere_is_refused(tmp_path: Path, end: int) -> None:
    """As a download that stopped."""
    says = refused(tmp_path / "m.gguf", WHOLE[:end])

    assert "ends within its head" in says or "version" in says


def test_damage_is_refused_or_read_and_takes_no_memory(tmp_path: Path) -> None:
    """Whatever a byte becomes: no other error, and no room for what a length claims."""
    rng, path = random.Random(0), tmp_path / "m.gguf"
    tracemalloc.start()
    for _ in range(200):
        data = bytearray(WHOLE)
        for _ in range(rng.randrange(1, 4)):
            data[rng.randrange(len(data))] = rng.choice((0, 1, 8, 9, 127, 255, rng.randrange(256)))
        path.write_bytes(data)
        try:
            read_gguf(path)
        except ModelLoadError as error:
            assert error.help
    assert tracemalloc.get_traced_memory()[1] < 4 << 20
    tracemalloc.stop()


REFUSED = {
    "a page of the web": (b"<html>404</html>", "it begins with b'<htm'"),
    "nothing": (b"", "it begins with b''"),
    "the first version": (head([], version=1), "version 1 of the format; lmc reads 2 and 3"),
    "a later version": (head([], version=9), "version 9"),
    "another byte order": (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "big-endian"),
    "a part of a model": (head([value("split.count", 2, 3), value("split.no", 2, 1)]), "part 2 of 3 of a model"),
    "an adapter": (head([value("general.type", 8, "adapter")]), "of type 'adapter'"),
    "an unknown kind": (head([text("x") + struct.pack("<I", 99)]), "unknown kind 99"),
    "a list of lists": (head([text("x") + struct.pack("<IIQ", 9, 9, 1)]), "unknown kind 9"),
    "a value twice": (head([value("x", 4, 1), value("x", 4, 2)]), "gives `x` twice"),
    "a tensor twice": (head([], [tensor("w", (1,), 0, 0)] * 2), "two tensors of one name"),
    "too many dimensions": (head([], [tensor("w", (1,) * 5, 0, 0)]), "of 5 dimensions"),
    "no text": (head([text("x") + struct.pack("<IQ", 8, 1) + b"\xff"]), "not UTF-8"),
    "a wrong alignment": (head([value("general.alignment", 4, 0)]), "general.alignment"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_model_is_told(tmp_path: Path, name: str) -> None:
    """With what it is, and what to do."""
    data, says = REFUSED[name]

    assert says in refused(tmp_path / "m.gguf", data)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """A name that ends as a file's is one; a folder of that name is a folder."""
    with pytest.raises(ModelLoadError, match="does not exist"):
        read_gguf(tmp_path / "m.gguf")
    (tmp_path / "d.gguf").mkdir()

    assert is_gguf(tmp_path / "m.gguf") and not is_gguf(tmp_path / "d.gguf") and not is_gguf(tmp_path / "nowhere")


def test_values_are_asked_for_by_their_kind(tmp_path: Path) -> None:
    """A wrong one is quoted."""
    found = read(tmp_path / "m.gguf", WHOLE)

    assert (found.text("text"), found.whole("short"), found.flag("flag", False)) == ("Straße <s>", 60_000, True)
    assert (found.texts("words"), found.whole("none", 3)) == (("a", "", "▁b"), 3)
    for ask, says in (
        (lambda: found.text("flag"), "`flag` = True, which is not a text"),
        (lambda: found.whole("flag"), "not a whole number"),
        (lambda: found.whole("a sign"), "`a sign` = -3, which is not a whole number of at least 1"),
        (lambda: found.flag("short", True), "not true or false"),
        (lambda: found.texts("text"), "not a list of texts"),
        (lambda: found.text("none"), "has no `none`"),
    ):
        with pytest.raises(ModelLoadError) as error:
            ask()
        assert says in error.value.message
