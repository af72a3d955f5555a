"""A question answered in a forked process: what it does to this one, and for how long, does not matter."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable

_YES, _NO = 10, 11


def answered_apart(question: Callable[[], bool], timeout_s: float) -> bool:
    """The answer; False where it raises, crashes or takes too long. What it prints goes nowhere."""
    if not hasattr(os, "fork"):  # pragma: no cover
        return _answer(question)
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if not child:
        _in_child(question, timeout_s)
    try:
        _, status = os.waitpid(child, 0)
    except BaseException:  # Ctrl-C
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        raise
    return os.WIFEXITED(status) and os.WEXITSTATUS(status) == _YES


def _in_child(question: Callable[[], bool], timeout_s: float) -> None:
    status = _NO
    try:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, timeout_s)
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
