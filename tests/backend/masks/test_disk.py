"""The disk cache of constraints: by content and code, bounded, shared by processes, and never in anybody's way."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lmc.backend.masks import disk
from lmc.backend.masks.disk import DiskCache


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
