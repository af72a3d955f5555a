"""A question answered in a forked process: what it does to this one, and for how long, does not matter.

The process leads a group of its own, which ends with it: what it has started does not go on.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable

_YES, _NO = 10, 11
FIRST_LOOK_S, LOOK_S = 0.001, 0.02


def answered_apart(question: Callable[[], bool], timeout_s: float) -> bool:
    """The answer; False where it raises, crashes or takes too long. What it prints goes nowhere."""
    if not hasattr(os, "fork"):  # pragma: no cover
        return _answer(question)
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if not child:
        _in_child(question)
    try:
        _wait(child, time.monotonic() + timeout_s)
    finally:  # by Ctrl-C too
        status = _end_of_group(child)
    return os.WIFEXITED(status) and os.WEXITSTATUS(status) == _YES


def _wait(child: int, until_s: float) -> None:
    """Until the process has ended, or then. It may do to its own clocks and signals what it likes."""
    pause_s = FIRST_LOOK_S
    while not os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) and time.monotonic() < until_s:
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, LOOK_S)


def _end_of_group(child: int) -> int:
    """Ends the process and its group, and gives how it ended. Its number is its own until it is waited for."""
    for end in (os.killpg, os.kill):  # it may have no group yet
        with contextlib.suppress(ProcessLookupError, PermissionError):
            end(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1]


def _in_child(question: Callable[[], bool]) -> None:
    status = _NO
    try:
        os.setpgid(0, 0)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)
        sys.stdout = sys.stderr = os.fdopen(nowhere, "w")
        status = _YES if _answer(question) else _NO
    finally:
        os._exit(status)


def _answer(question: Callable[[], bool]) -> bool:
    try:
        return question()
    except Exception:
        return False
