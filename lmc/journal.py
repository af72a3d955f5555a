"""A journal: a file with a line for each item of a batch that has ended, from which the same batch goes on later.

The first line says what was run (identity.py). Every line is written whole, in one go, as its item ends: a process may
be killed at any moment and leaves at most one torn line at the end, which the next run takes off. The disk is told to
keep what was written (fsync) once a second and at the end: only where the machine goes down is the last second lost.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lmc.errors import ArgumentError
from lmc.identity import differences, digest
from lmc.result import Result
from lmc.saved import NotSaved, restored_result, saved_result

VERSION = 1
BEGIN = b'{"lmc_journal":'
SYNC_S = 1.0


@dataclass(frozen=True, slots=True)
class Entry:
    """Where an item's line lies, and the digest of its arguments."""

    offset: int
    length: int
    key: str
    is_failed: bool


class Journal:
    """An open journal; nobody else can open it meanwhile.

    reruns_failed  whether items that failed are taken as missing

    Raises ArgumentError for a file that is no journal, that of another program, or one that is in use; OSError.
    """

    def __init__(self, path: str | Path, identity: Mapping[str, Any], *, reruns_failed: bool = True) -> None:
        self.path = Path(path)
        self._reruns_failed = reruns_failed
        self._entries: dict[int, Entry] = {}
        self._said_unsaved = False
        self._synced_s = time.monotonic()
        self._file = _opened(self.path)
        try:
            self._end = self._read(identity)
            os.ftruncate(self._file, self._end)
            if not self._end:
                self._write({"lmc_journal": VERSION, **identity})
                self._sync()
        except BaseException:
            os.close(self._file)
            raise

    def knows(self, item: int) -> bool:
        """Whether it has a line of that item."""
        return item in self._entries

    def key(self, arguments: Mapping[str, Any]) -> str | None:
        """What an item is known by; None where its arguments cannot be held in JSON: such a one is never taken over."""
        try:
            return digest(dict(arguments))
        except (NotSaved, RecursionError):
            return None

    def check(self, item: int, key: str | None) -> None:
        """Raises ArgumentError where the journal has other arguments for that item."""
        entry = self._entries.get(item)
        if entry is not None and key != entry.key:
            raise ArgumentError(
                f"item {item} is not the one that `{self.path}` has: its arguments differ",
                help="give the items of that run in their order, or name another journal",
            )

    def result(self, item: int) -> Result | None:
        """What became of an item in an earlier run; None where it is to be run."""
        entry = self._entries.get(item)
        if entry is None or not self._counts(entry):
            return None
        return restored_result(json.loads(os.pread(self._file, entry.length, entry.offset)), item)

    def add(self, result: Result, key: str | None) -> None:
        """Write the line of an item that has ended. What cannot be held in JSON is said, and runs again next time."""
        try:
            if key is None:
                raise NotSaved("its arguments are no JSON")
            self._write({"item": result.item, "key": key, **saved_result(result)})
        except NotSaved as why:
            self._write({"item": result.item, "unsaved": str(why)})
            if result.error is None:  # an item that has failed runs again anyway
                self._say(result.item, why)
        if time.monotonic() - self._synced_s > SYNC_S:
            self._sync()

    def close(self) -> None:
        """Keep what was written, and let others have the file."""
        if self._file >= 0:
            self._sync()
            os.close(self._file)
            self._file = -1

    def _counts(self, entry: Entry) -> bool:
        return not (entry.is_failed and self._reruns_failed)

    def _say(self, item: int, why: NotSaved) -> None:
        if not self._said_unsaved:
            self._said_unsaved = True
            logging.getLogger("lmc").warning(
                "lmc: the result of item %d is not in `%s`, and will be computed again by the next run: %s",
                item, self.path, why,
            )  # fmt: skip

    # --- the file --------------------------------------------------------------------------------------------

    def _write(self, line: Mapping[str, Any]) -> None:
        data = json.dumps(line, separators=(",", ":")).encode() + b"\n"
        written = 0
        try:
            while written < len(data):
                written += os.write(self._file, data[written:])
        except BaseException:
            os.ftruncate(self._file, self._end)  # a full disk, or Ctrl-C between two parts of a long line
            raise
        self._end += written

    def _sync(self) -> None:
        os.fsync(self._file)
        self._synced_s = time.monotonic()

    def _read(self, identity: Mapping[str, Any]) -> int:
        """Take in what the file has; where its last whole line ends."""
        end = 0
        with open(self._file, "rb", closefd=False) as file:
            for number, line in enumerate(file, 1):
                if number == 1:
                    self._check_header(line, identity)
                if not line.endswith(b"\n"):
                    break
                if number > 1:
                    self._take(line, end, number)
                end += len(line)
        return end

    def _check_header(self, line: bytes, identity: Mapping[str, Any]) -> None:
        if not line.endswith(b"\n") and (BEGIN.startswith(line) or line.startswith(BEGIN)):
            return  # torn: the process was killed before any item had ended
        try:
            header = json.loads(line)
            version = header.pop("lmc_journal")
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ArgumentError(f"`{self.path}` is not a journal", help="name a file that is not there yet") from None
        if version != VERSION:
            raise ArgumentError(f"`{self.path}` is a journal of version {version}, this lmc writes {VERSION}")
        found = differences(header, json.loads(json.dumps(identity)))
        if found:
            raise ArgumentError(
                f"`{self.path}` is the journal of another run",
                notes=tuple(f"it differs in {what}" for what in found),
                help="undo the change to go on with it, or name another journal",
            )

    def _take(self, line: bytes, offset: int, number: int) -> None:
        try:
            saved = json.loads(line)
            item = saved["item"]
        except (ValueError, KeyError, TypeError):
            raise ArgumentError(f"`{self.path}`:{number} is not a line of a journal") from None
        if "unsaved" in saved:
            self._entries.pop(item, None)
        else:
            self._entries[item] = Entry(offset, len(line), saved["key"], "error" in saved)


def _opened(path: Path) -> int:
    """The file, made where it is not there, locked."""
    import fcntl

    is_new = not path.exists()
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        raise ArgumentError(f"`{path}` is in use by another run", help="wait for its end, or stop it") from None
    if is_new:
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
    return file
