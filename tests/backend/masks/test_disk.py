"""The disk cache of constraints: by content and code, bounded, shared by processes, and never in anybody's way."""

from __future__ import annotations

import logging
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from lmc.backend.masks import disk
from lmc.backend.masks.disk import DiskCache
from lmc.backend.masks.kept import MIN_TOKENS
from lmc.backend.masks.shapes import shapes_of
from lmc.backend.masks.token_masks import TokenMasks
from lmc.backend.masks.trie import TokenTrie
from lmc.ir.automaton.dfa import CharDfa
from lmc.ir.automaton.names import StateNames
from lmc.ir.json_schema.regular import texts_of
from lmc.parser.regex.parse import parse_regex
from lmc.parser.schema.parse import parse_schema


@pytest.fixture(autouse=True)
def nothing_said():
    """What was said once is forgotten."""
    disk._say_off.cache_clear()
    yield
    disk._say_off.cache_clear()


def test_the_folder_follows_xdg(tmp_path, monkeypatch) -> None:
    """Where none is named; whole files only."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cache = DiskCache()
    cache.put([1, 2], "a", "b")

    assert cache.get("a", "b") == [1, 2] and cache.get("a", "c") is None
    assert cache.folder == tmp_path / "lmc" / "constraints"
    assert not list(cache.folder.glob("*.partial"))


def test_a_folder_that_cannot_be_written_is_said_once(tmp_path, caplog) -> None:
    """In one line, and then nothing is kept."""
    (tmp_path / "file").write_text("")
    with caplog.at_level(logging.WARNING, "lmc"):
        for _ in range(3):
            blocked = DiskCache(tmp_path / "file")
            blocked.put(1, "a")
            blocked.put(2, "b")
            assert blocked.get("a") is None
    (said,) = caplog.messages
    assert "not kept on disk" in said and str(tmp_path / "file") in said


def test_no_home_is_no_cache(monkeypatch) -> None:
    """Neither an error of a program that would run without one."""

    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(disk.knobs, "cache_folder", nowhere)
    cache = DiskCache()
    cache.put(1, "a")
    assert cache.get("a") is None


def test_other_code_reads_nothing_of_it(tmp_path, monkeypatch) -> None:
    """The key holds a digest of the sources that lower constraints."""
    cache = DiskCache(tmp_path)
    cache.put(1, "a")
    monkeypatch.setattr(disk, "code_digest", lambda: "other")
    assert cache.get("a") is None
    cache.put(2, "a")
    assert cache.get("a") == 2 and len(list(tmp_path.iterdir())) == 2


def test_the_digest_is_of_every_source_that_lowers(tmp_path, monkeypatch) -> None:
    """A changed byte in one of them changes it."""
    root = tmp_path / "lmc"
    for folder in disk.SOURCES:
        (root / folder).mkdir(parents=True)
    (root / "ir" / "regex.py").write_text("a = 1")
    monkeypatch.setattr(disk, "__file__", str(root / "backend" / "masks" / "disk.py"))
    digests = []
    for text in ("a = 1", "a = 2"):
        (root / "ir" / "regex.py").write_text(text)
        disk.code_digest.cache_clear()
        digests.append(disk.code_digest())
    disk.code_digest.cache_clear()
    assert digests[0] != digests[1]


def test_the_files_used_longest_ago_go(tmp_path, monkeypatch) -> None:
    """As many as are too much; reading is a use."""
    cache = DiskCache(tmp_path)
    now = time.time()
    for age, name in enumerate("abc"):
        cache.put("x" * 1000, name)
        os.utime(cache._file((name,)), (now - 100 + age, now - 100 + age))
    assert cache.get("a") is not None
    monkeypatch.setattr(disk, "MAX_BYTES", 3500)
    cache.put("x" * 1000, "d")

    assert [name for name in "abcd" if cache.get(name) is not None] == ["a", "c", "d"]


def test_a_large_value_is_not_kept(tmp_path, monkeypatch) -> None:
    """One file does not drive out all others."""
    monkeypatch.setattr(disk, "MAX_FILE_BYTES", 100)
    cache = DiskCache(tmp_path)
    cache.put("x" * 100, "a")
    assert cache.get("a") is None and not list(tmp_path.iterdir())


def test_what_a_dead_process_left_goes(tmp_path) -> None:
    """And what another one may be writing stays."""
    old, new = tmp_path / "old.partial", tmp_path / "new.partial"
    for path in (old, new):
        path.write_text("{")
    os.utime(old, (0, 0))
    DiskCache(tmp_path).put(1, "a")
    assert not old.exists() and new.exists()


WRITER = """
import sys
from pathlib import Path
from lmc.backend.masks import disk
disk.MAX_BYTES = 20_000
cache = disk.DiskCache(Path(sys.argv[1]))
for i in range(60):
    cache.put(["x" * 500, i % 20], str(i % 20))
    found = cache.get(str(i % 20))
    assert found in (None, ["x" * 500, i % 20]), found
assert not cache._is_off
"""


def test_processes_share_a_folder(tmp_path) -> None:
    """They write and remove the same files at once; each reads a whole one or none."""
    runs = [subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stderr=subprocess.PIPE) for _ in range(3)]
    said = [run.communicate(timeout=60)[1].decode() for run in runs]
    assert [run.returncode for run in runs] == [0, 0, 0], said
    assert "".join(said) == ""


# --- arrays ------------------------------------------------------------------------------------------------------

ARRAYS = {
    "numbers": np.arange(12, dtype=np.int32).reshape(3, 4),
    "flags": np.array([True, False, True]),
    "none": np.zeros(0, dtype=np.int64),
    "letters": np.frombuffer(b"abc", np.uint8),
}


def kept_as(cache: DiskCache) -> bool:
    """Whether what is there is what was put there."""
    found = cache.get_arrays("a", "b")
    if found is None:
        return False
    assert found.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert found[name].dtype == array.dtype and found[name].shape == array.shape
        assert found[name].tolist() == array.tolist() and not found[name].flags.writeable
    return True


def test_arrays_come_back_as_they_were(tmp_path) -> None:
    cache = DiskCache(tmp_path)
    assert not kept_as(cache)
    cache.put_arrays(ARRAYS, "a", "b")
    assert kept_as(cache) and cache.get_arrays("a", "c") is None and cache.get("a", "b") is None


def test_arrays_that_were_damaged_are_a_miss(tmp_path) -> None:
    """Cut anywhere, a byte changed anywhere, another key, or no arrays at all: never an error, never other numbers."""
    cache = DiskCache(tmp_path)
    cache.put_arrays(ARRAYS, "a", "b")
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    for at in range(0, len(whole), 7):
        path.write_bytes(whole[:at])
        assert not kept_as(cache)
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert not kept_as(cache)
    for other in (
        b"",
        b"\n",
        b"{}\n",
        b"[1]\n",
        b"null\n",
        whole.replace(b"flags", b"flogs"),
        whole.replace(b"<i4", b"|O8"),
    ):
        path.write_bytes(other)
        assert not kept_as(cache)
    cache.put_arrays(ARRAYS, "a", "b")
    assert kept_as(cache)


def test_a_vocabulary_is_what_it_was_without_a_disk(tmp_path) -> None:
    """Made, read by a later process, and made beside files that are damaged."""
    rng = random.Random(5)
    vocab = [bytes(rng.choices(b'abcAB01 "\\{}:,.-\xc3\xa9\xe2\x82', k=rng.randrange(1, 9))) for _ in range(MIN_TOKENS)]
    schema = parse_schema({"properties": {"a": {"type": "string"}, "b": {"type": "number"}}, "required": ["a"]})

    def said(disk: DiskCache | None) -> list[bytes]:
        trie = TokenTrie(vocab, disk)
        masks = TokenMasks(trie, texts_of(schema).tree)
        states = [masks.dfa.run(text) for text in (b"", b'{"a":"', b'{"a":"x\\', b'{"a":"x","b":', b'{"a":"x","b":-1')]
        shapes = shapes_of(trie)
        return [*(masks.mask(state).tobytes() for state in states), trie.nodes.tobytes(), shapes.ends.tobytes()]

    expected = said(None)
    assert said(DiskCache(tmp_path)) == expected
    files = [path for path in tmp_path.iterdir() if path.suffix == ".arrays"]
    assert len(files) > 3
    assert said(DiskCache(tmp_path)) == expected
    for path in files:
        path.write_bytes(path.read_bytes()[:-1] + b"?")
    assert said(DiskCache(tmp_path)) == expected


def test_states_of_one_name_have_one_language() -> None:
    """In whatever order the automata were made; those of other languages have other names."""
    patterns = ["[a-c]*x", "[a-c]{2,5}x", "(?:ab|c)*x", "[a-c]+x"]
    alphabet = CharDfa(*(parse_regex(pattern).tree for pattern in patterns)).alphabet

    def names(order: list[str]) -> dict[str, str | None]:
        dfa = CharDfa(*(parse_regex(pattern).tree for pattern in order), alphabet=alphabet)
        known = StateNames(dfa)
        return {pattern: known.of(start) for pattern, start in zip(order, dfa.starts, strict=True)}

    found = names(patterns)
    assert found == names(patterns[::-1]) and None not in found.values()
    assert len(set(found.values())) == len(patterns)


def test_what_is_read_around_a_place_has_no_name() -> None:
    dfa = CharDfa(parse_regex(r"a\b.*").tree)
    assert StateNames(dfa).of(dfa.start) is None
