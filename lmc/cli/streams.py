"""The standard streams as the command line finds them: closed, full, or without a reader.

A stream that was closed (`>&-`) is the null device, as git has it: the next file to be opened would else get its
number, and what a library writes to "stdout" would stand in that file. What cannot be written is an error of one line.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import traceback
from collections.abc import Iterator
from typing import IO

import click

FAILED = 1
UNREAD = 141  # as shells have it where who read the output has gone


def open_closed() -> None:
    """Give each standard stream that is closed the null device."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # which gets the lowest free number, and the lower ones are taken
            if getattr(sys, name) is None:
                setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115


@contextlib.contextmanager
def written_out() -> Iterator[None]:
    """Inside, a command; what it has printed is written out. Where that cannot be done, says so in a line and exits."""
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
            if hasattr(sys.stdout, "wrapped"):  # by click, which found that nobody reads it
                raise SystemExit(UNREAD)
    except OSError as error:  # of the command's own there is none left: `reported` has told it
        tell(error)
        raise SystemExit(UNREAD if error.errno == errno.EPIPE else FAILED) from None
    finally:
        _drop_rest(sys.stderr)  # where this is lost, there is nowhere to say so


def is_of_output(error: OSError) -> bool:
    """Whether what failed was printing."""
    frames = list(traceback.walk_tb(error.__traceback__))
    return bool(frames) and frames[-1][0].f_globals.get("__name__") == click.utils.__name__


def tell(error: OSError) -> None:
    """Say on stderr that stdout failed; not that nobody reads it, as in `| head -1`, which is as it should be.

    What is left in it, and all that is still written to it, goes to the null device.
    """
    drop(sys.stdout)
    if error.errno != errno.EPIPE:
        with contextlib.suppress(OSError):
            print(f"lmc: stdout cannot be written: {error.strerror}", file=sys.stderr, flush=True)


def drop(stream: IO[str]) -> None:
    """Point a stream to the null device; nothing where it is none of the system's."""
    with contextlib.suppress(OSError, AttributeError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)


def _drop_rest(stream: IO[str]) -> None:
    try:
        stream.flush()
    except OSError:
        drop(stream)
