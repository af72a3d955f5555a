"""What a C++ library prints on file descriptor 2, caught: xgrammar's warnings go nowhere else."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_WARNING = re.compile(r"\[\d\d:\d\d:\d\d\] \S+\.(?:cc|h):\d+: Warning: (.*)")
_LOCK = threading.RLock()  # file descriptor 2 belongs to the whole process


@contextmanager
def caught_warnings() -> Iterator[list[str]]:
    """A list that holds xgrammar's warnings, each once, after the block; other lines are printed then."""
    warnings: list[str] = []
    with _LOCK, tempfile.TemporaryFile() as caught:
        try:
            saved = os.dup(2)
        except OSError:  # a process without standard error
            yield warnings
            return
        _flush()
        os.dup2(caught.fileno(), 2)
        try:
            yield warnings
        finally:
            _flush()
            os.dup2(saved, 2)
            os.close(saved)
            caught.seek(0)
            warnings += _sorted_out(caught.read())


def _sorted_out(output: bytes) -> list[str]:
    """The warnings among the lines, without repetition; the other lines go to the real standard error."""
    found: dict[str, None] = {}
    for line in output.splitlines(keepends=True):
        if warning := _WARNING.match(line.decode(errors="replace")):
            found[warning[1].strip()] = None
        else:
            os.write(2, line)
    return list(found)


def _flush() -> None:
    if sys.stderr is not None:
        sys.stderr.flush()
