"""What was computed for a constraint and a tokenizer, kept on disk by content: a miss is always an answer.

Files are JSON, or arrays behind a line of JSON with their checksum, in $XDG_CACHE_HOME/lmc/constraints (~/.cache by
default), written whole or not at all, so that several processes may share the folder. A file that cannot be read, or
does not say what it should, is a miss. The key holds a digest of the sources that compute what is kept: other code
never reads it. Of more than `MAX_BYTES` the files that were used longest ago go. A folder that cannot be written is
said once, and then nothing is kept.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import math
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lmc import knobs

MAX_BYTES = 256 << 20  # of the folder
MAX_FILE_BYTES = MAX_BYTES // 8
WORD = 64  # bytes at whose multiples arrays begin
DTYPES = ("<i4", "<i8", "<u4", "|u1", "|b1")
STALE_S = 3600.0  # after which a file that is half written belongs to a process that died
SOURCES = ("backend/masks", "ir", "parser")  # folders of lmc in which constraints are read and lowered

_log = logging.getLogger("lmc")


class DiskCache:
    """JSON values by key; $XDG_CACHE_HOME/lmc/constraints where no folder is named."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._is_off = False

    @property
    def folder(self) -> Path:
        """Where the files are; it need not exist. Raises RuntimeError where there is no home."""
        return self._folder or knobs.cache_folder() / "constraints"

    def get(self, *parts: str) -> Any:  # what `put` was given, None where there is none
        """The value under a key, None where there is none that can be read."""
        try:
            path = self._file(parts)
            kept = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RuntimeError):
            return None
        if not isinstance(kept, dict) or kept.get("key") != list(parts):
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # used just now: it goes last
        return kept.get("value")

    def put(self, value: object, *parts: str) -> None:
        """Keep a value, unless it is large; a folder that cannot be written is said once and left alone."""
        if self._is_off:
            return
        self._put(lambda: json.dumps({"key": list(parts), "value": value}).encode(), parts)

    def get_arrays(self, *parts: str) -> dict[str, npt.NDArray[Any]] | None:
        """The arrays under a key, not to be written to; None where there are none that can be read."""
        try:
            path = self._file(parts, ".arrays")
            found = _unpacked(path.read_bytes(), parts)
        except (OSError, ValueError, RuntimeError, LookupError, TypeError):
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # used just now: it goes last
        return found

    def put_arrays(self, arrays: Mapping[str, npt.NDArray[Any]], *parts: str) -> None:
        """Keep arrays as `put` keeps a value."""
        if not self._is_off:
            self._put(lambda: _packed(arrays, parts), parts, ".arrays")

    def _put(self, content: Callable[[], bytes], parts: tuple[str, ...], suffix: str = ".json") -> None:
        made = content()
        if len(made) > MAX_FILE_BYTES:
            return
        try:
            self._write(made, self._file(parts, suffix))
            self._trim()
        except (OSError, RuntimeError) as error:
            self._is_off = True
            _say_off(str(error))

    def _write(self, content: bytes, path: Path) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(dir=self.folder, suffix=".partial")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            os.replace(partial, path)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(partial)
            raise

    def _trim(self) -> None:
        """Remove the files that were used longest ago, as far as there are too many bytes; others may do so too."""
        files = sorted(self._files(), reverse=True)  # the newest first
        total, now = 0, time.time()
        for used, size, path in files:
            total += size
            is_partial = path.suffix == ".partial"  # another process may be writing it
            if now - used > STALE_S if is_partial else total > MAX_BYTES:
                path.unlink(missing_ok=True)

    def _files(self) -> Iterator[tuple[float, int, Path]]:
        """When each file was used, its bytes, and its path."""
        for path in self.folder.iterdir():
            with contextlib.suppress(FileNotFoundError):  # another process removed it
                found = path.stat()
                yield found.st_mtime, found.st_size, path

    def _file(self, parts: tuple[str, ...], suffix: str = ".json") -> Path:
        name = hashlib.sha256(json.dumps([code_digest(), *parts]).encode()).hexdigest()
        return self.folder / f"{name}{suffix}"


def _packed(arrays: Mapping[str, npt.NDArray[Any]], parts: tuple[str, ...]) -> bytes:
    """A line of JSON that says what comes, filled up to whole words, and the arrays one after another."""
    flat = [np.ascontiguousarray(array) for array in arrays.values()]
    body = b"".join(array.tobytes() for array in flat)
    shapes = [[name, array.dtype.str, list(array.shape)] for name, array in zip(arrays, flat, strict=True)]
    head = json.dumps({"arrays": shapes, "sha256": _checksum(shapes, body, parts)}).encode()
    return head + b" " * (-(len(head) + 1) % WORD) + b"\n" + body


def _checksum(shapes: object, body: bytes | memoryview, parts: tuple[str, ...]) -> str:
    content = hashlib.sha256(json.dumps([parts, shapes]).encode())
    content.update(body)
    return content.hexdigest()


def _unpacked(content: bytes, parts: tuple[str, ...]) -> dict[str, npt.NDArray[Any]] | None:
    """What was packed; None, or an error, where it is not that."""
    begin = content.index(b"\n") + 1
    head, body = json.loads(content[:begin]), memoryview(content)[begin:]
    if head["sha256"] != _checksum(head["arrays"], body, parts):
        return None
    found = {}
    at = 0
    for name, dtype, shape in head["arrays"]:
        if dtype not in DTYPES:
            return None
        count = math.prod(shape)
        found[name] = np.frombuffer(body, dtype, count, at).reshape(shape)
        at += found[name].nbytes
    return found


@cache
def code_digest() -> str:
    """Of the sources that read and lower constraints. Raises OSError where they cannot be read."""
    root = Path(__file__).parents[2]
    digest = hashlib.sha256()
    for folder in SOURCES:
        for path in sorted((root / folder).rglob("*.py")):
            digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


@cache
def _say_off(why: str) -> None:
    """Once a process for each reason."""
    _log.warning(f"lmc: compiled constraints are not kept on disk: {why}")
