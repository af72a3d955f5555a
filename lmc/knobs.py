"""The environment variables that lmc reads: name, default, meaning. `lmc knobs` lists them.

A knob is for what belongs to a machine or a terminal and not to a program; what a program may want is an argument.
Nothing else in lmc reads them. Read when it is asked for, so that a test or a notebook may change it. Standard library
only.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Knob:
    """An environment variable; `default` is what an unset or empty one means."""

    name: str
    default: str
    meaning: str

    def read(self) -> str:
        """The knob's value now."""
        return os.environ.get(self.name) or self.default


DTYPE = Knob("LMC_DTYPE", "auto", "What the CPU engine computes in where a program does not say: auto, fp32 or bf16.")
DEBUG = Knob("LMC_DEBUG", "0", "1: whole tracebacks, and a verifier after every pass; verify: only the latter.")
CACHE_HOME = Knob("XDG_CACHE_HOME", "~/.cache", "Where lmc keeps compiled constraints, in a folder lmc.")
MODELS = Knob("LMC_MODELS", "", "A file of rows that stand before lmc's table of what models behind APIs can do.")
PRICES = Knob("LMC_PRICES", "", "A file of rows that stand before lmc's table of what they cost.")
NO_COLOR = Knob("NO_COLOR", "", "Anything: no colours (https://no-color.org).")
TERM = Knob("TERM", "", "dumb: no colours.")

COLUMNS = Knob("COLUMNS", "", "How wide text in a pipe may get; 100 columns where it is not set.")

WAIT_POLICY = Knob("OMP_WAIT_POLICY", "passive", "How OpenMP threads wait: passive (asleep) or active (spinning).")

KNOBS = (DTYPE, DEBUG, CACHE_HOME, MODELS, PRICES, NO_COLOR, TERM, COLUMNS, WAIT_POLICY)


@contextmanager
def standing(knob: Knob) -> Iterator[None]:
    """The variable stands in the environment inside, whether or not somebody has set it.

    For a library that reads it when it is loaded; programs that are started later are not to find it.
    """
    if knob.name in os.environ:
        yield
        return
    os.environ[knob.name] = knob.default
    try:
        yield
    finally:
        del os.environ[knob.name]


def shows_tracebacks() -> bool:
    """Whether a command that fails shows where in lmc, instead of one message."""
    return DEBUG.read() == "1"


def verifies_each_pass() -> bool:
    """Whether every pass is followed by the verifier, not only the last."""
    return DEBUG.read() in ("1", "verify")


def is_plain() -> bool:
    """Whether the terminal wants no colours."""
    return bool(NO_COLOR.read()) or TERM.read() == "dumb"


def cache_folder() -> Path:
    """lmc's folder of what can be computed again; it need not exist. Raises RuntimeError where there is no home."""
    home = Path(CACHE_HOME.read()).expanduser()
    if not home.is_absolute():  # to be passed over, as the standard of these names says
        home = Path(CACHE_HOME.default).expanduser()
    return home / "lmc"
