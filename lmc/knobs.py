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
    """An environment variable; `default` is what an unset or empty one means, a secret one is never shown."""

    name: str
    default: str
    meaning: str
    is_secret: bool = False

    def read(self) -> str:
        """The knob's value now."""
        return os.environ.get(self.name) or self.default

    def shown(self) -> str:
        """The same as `lmc knobs` says it."""
        value = self.read()
        return "(set)" if value and self.is_secret else value


DTYPE = Knob("LMC_DTYPE", "auto", "What the CPU engine computes in where a program does not say: auto, fp32 or bf16.")
WEIGHTS = Knob("LMC_WEIGHTS", "full", "How it holds linears where a program does not say: full, fp16 or int8.")
DEBUG = Knob("LMC_DEBUG", "0", "1: whole tracebacks, and a verifier after every pass; verify: only the latter.")
CACHE_HOME = Knob("XDG_CACHE_HOME", "~/.cache", "Where lmc keeps compiled constraints, in a folder lmc.")
MODELS = Knob("LMC_MODELS", "", "A file of rows that stand before lmc's table of what models behind APIs can do.")
PRICES = Knob("LMC_PRICES", "", "A file of rows that stand before lmc's table of what they cost.")
OPENAI_API_KEY = Knob("OPENAI_API_KEY", "", "The key of the `openai` backend; never shown.", is_secret=True)
OPENAI_BASE_URL = Knob("OPENAI_BASE_URL", "https://api.openai.com/v1", "Where the `openai` backend is.")
ANTHROPIC_API_KEY = Knob("ANTHROPIC_API_KEY", "", "The key of the `anthropic` backend; never shown.", is_secret=True)
ANTHROPIC_BASE_URL = Knob("ANTHROPIC_BASE_URL", "https://api.anthropic.com", "Where the `anthropic` backend is.")
VLLM_BASE_URL = Knob("VLLM_BASE_URL", "http://localhost:8000/v1", "Where the `vllm` backend is.")
SGLANG_BASE_URL = Knob("SGLANG_BASE_URL", "http://localhost:30000/v1", "Where the `sglang` backend is.")
LLAMACPP_BASE_URL = Knob("LLAMACPP_BASE_URL", "http://localhost:8080/v1", "Where the `llamacpp` backend is.")
OLLAMA_BASE_URL = Knob("OLLAMA_BASE_URL", "http://localhost:11434/v1", "Where the `ollama` backend is.")
NO_COLOR = Knob("NO_COLOR", "", "Anything: no colours (https://no-color.org).")
TERM = Knob("TERM", "", "dumb: no colours.")

COLUMNS = Knob("COLUMNS", "", "How wide text in a pipe may get; 100 columns where it is not set.")

WAIT_POLICY = Knob("OMP_WAIT_POLICY", "passive", "How OpenMP threads wait: passive (asleep) or active (spinning).")

KNOBS = (
    DTYPE, WEIGHTS, DEBUG, CACHE_HOME, OPENAI_API_KEY, OPENAI_BASE_URL, ANTHROPIC_API_KEY, ANTHROPIC_BASE_URL,
    VLLM_BASE_URL, SGLANG_BASE_URL, LLAMACPP_BASE_URL, OLLAMA_BASE_URL, MODELS, PRICES, NO_COLOR, TERM, COLUMNS,
    WAIT_POLICY,
)  # fmt: skip


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
