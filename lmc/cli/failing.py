"""How a command fails: an LMError as its message, a user's exception with the user's frames, a bug as one line.

Exit status 1 for all of these; usage errors are click's, with 2, and after Ctrl-C it is 130, as shells have it,
and 141 where who read the output has gone, as after `| head -1`. LMC_DEBUG=1 shows whole tracebacks.
"""

from __future__ import annotations

import functools
import os
import sys
import sysconfig
import traceback
from collections.abc import Callable
from itertools import dropwhile
from typing import NoReturn, ParamSpec

import click

from lmc.cli.streams import FAILED, UNREAD, drop, is_of_output, tell
from lmc.errors import LMError
from lmc.knobs import shows_tracebacks

P = ParamSpec("P")

INTERRUPTED = 130

_PACKAGES = {"site-packages", "dist-packages"}
_LMC = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


def reported(command: Callable[P, None]) -> Callable[P, None]:
    """A command whose errors people can read."""

    @functools.wraps(command)
    def call(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except BrokenPipeError:
            drop(sys.stdout)
            raise click.exceptions.Exit(UNREAD) from None
        except KeyboardInterrupt:
            click.echo("\nstopped by Ctrl-C", err=True)
            raise click.exceptions.Exit(INTERRUPTED) from None
        except Exception as error:
            if isinstance(error, OSError) and is_of_output(error):
                tell(error)
                raise click.exceptions.Exit(FAILED) from None
            fail(error)

    return call


def fail(error: BaseException, status: int = FAILED) -> NoReturn:
    """Say what went wrong on stderr, and exit with 1, or another status."""
    if shows_tracebacks():
        raise error
    click.echo(told(error), err=True)
    raise click.exceptions.Exit(status)


def told(error: BaseException) -> str:
    """An error as people should see it."""
    if isinstance(error, LMError):
        return error.render()
    if isinstance(error, SyntaxError):
        return _syntax(error)
    frames = _users(traceback.extract_tb(error.__traceback__))
    said = "".join(traceback.format_exception_only(error)).rstrip()
    if frames:
        head = "Traceback (most recent call last):\n"
        return head + "".join(traceback.StackSummary.from_list(frames).format()) + said
    if getattr(error, "__notes__", ()):  # a value of the program was at fault, in a host op
        return said
    if isinstance(error, OSError) and error.strerror:  # of a file or a disk
        return said
    return f"lmc has a bug: {said}\n  help: LMC_DEBUG=1 shows where; please report it"


def _syntax(error: SyntaxError) -> str:
    """A syntax error of the user's file, as our own errors look."""
    from lmc.source import Span

    if error.filename is None or error.lineno is None:
        return f"SyntaxError: {error.msg}"
    col = error.offset or 1
    end = error.end_offset if error.end_lineno == error.lineno and error.end_offset else col + 1
    span = Span(error.filename, error.lineno, col, max(end, col + 1))
    return "\n".join(part for part in (f"{span}: SyntaxError: {error.msg}", span.caret()) if part)


def _users(frames: traceback.StackSummary) -> list[traceback.FrameSummary]:
    """From the user's first frame on, those that are not lmc's; empty where only lmc and libraries were at work."""
    paths = sysconfig.get_paths()
    ours = (_LMC, "<frozen ")
    libraries = tuple(paths[name] + os.sep for name in ("stdlib", "platstdlib", "purelib", "platlib"))

    def is_of_library(file: str) -> bool:
        # an environment may take in the packages of another
        return file.startswith((*ours, *libraries)) or not _PACKAGES.isdisjoint(file.split(os.sep))

    rest = list(dropwhile(lambda frame: is_of_library(frame.filename), frames))
    return [frame for frame in rest if not frame.filename.startswith(ours)]
