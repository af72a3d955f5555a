"""Shared by the end-to-end tests: checkpoints made once, a backend that keeps what crosses the waist, an alarm.

Torch and transformers are imported inside the functions, so that collecting tests stays quick.
"""

from __future__ import annotations

import atexit
import shutil
import signal
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from lmc.backend.base import (
    Backend,
    Caps,
    Counters,
    Event,
    Failed,
    ForwardPass,
    PrefixHint,
    Request,
    SegmentEnd,
    Session,
)
from lmc.ir.prompt import Tokenizer
from scripts.support.checkpoint import Family, tiny_checkpoint

LIMIT_S = 30.0


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny tensors: a second thread only waits, long where other tests run beside this one."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@contextmanager
def at_most(limit_s: float = LIMIT_S) -> Iterator[None]:
    """What hangs in here fails; where there is no alarm it hangs."""

    def fail(*_: object) -> None:
        raise TimeoutError(f"it did not end in {limit_s} seconds")

    before = signal.signal(signal.SIGALRM, fail)
    signal.setitimer(signal.ITIMER_REAL, limit_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture(autouse=True)
def alarm() -> Iterator[None]:
    """No test hangs."""
    with at_most():
        yield


# --- checkpoints ------------------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def checkpoint(family: Family = "llama", *fields: tuple[str, Any]) -> Path:
    """A tiny checkpoint, made once a process; `fields` are arguments of `tiny_checkpoint` in pairs."""
    folder = _home() / f"{family}-{len(list(_home().iterdir()))}"
    folder.mkdir()
    return tiny_checkpoint(folder, family, **dict(fields))


@lru_cache(maxsize=64)
def transformers_model(folder: Path) -> Any:
    """The reference: transformers' own model of a checkpoint, in fp32."""
    import torch
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


@lru_cache(maxsize=1)
def _home() -> Path:
    home = Path(tempfile.mkdtemp(prefix="lmc-tests-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    return home


# --- what crosses the waist -------------------------------------------------------------------------------


class Recording:
    """A backend that passes everything on and keeps every request, and every event by request."""

    def __init__(self, inner: Backend) -> None:
        self.inner = inner
        self.name = inner.name
        self.caps: Caps = inner.caps
        self.tokenizer: Tokenizer = inner.tokenizer
        self.requests: list[Request] = []
        self.events: list[tuple[Request, Event]] = []
        self.sessions: list[RecordingSession] = []

    def open(self, namespace: str = "") -> RecordingSession:
        """A new session."""
        self.sessions.append(RecordingSession(self, self.inner.open(namespace)))
        return self.sessions[-1]

    def close(self) -> None:
        """Free the inner backend."""
        self.inner.close()

    @property
    def counters(self) -> Counters:
        """Those of the last session."""
        return self.sessions[-1].counters()

    def calls(self) -> Counter[Any]:
        """How often each call was made and how it ended: prompt ids, what was asked, sample, ids and text."""
        return Counter(
            (request.prompt.ids, request.out, event.sample, event.segment, event.ids, event.tail, event.text)
            for request, event in self.events
            if isinstance(event, SegmentEnd)
        )

    def failures(self) -> list[Failed]:
        """Every Failed that came."""
        return [event for _, event in self.events if isinstance(event, Failed)]


class RecordingSession:
    """A session that tells its backend what goes in and comes out."""

    def __init__(self, backend: Recording, inner: Session) -> None:
        self.backend, self.inner = backend, inner
        self.tokenizer = inner.tokenizer
        self._by_rid: dict[int, Request] = {}

    def submit(self, requests: list[Request]) -> None:
        self.backend.requests += requests
        self._by_rid |= {request.rid: request for request in requests}
        self.inner.submit(requests)

    def abort(self, rid: int, reason: str) -> None:
        self.inner.abort(rid, reason)

    def hint(self, hint: PrefixHint) -> None:
        self.inner.hint(hint)

    def step(self, timeout_s: float | None = None) -> list[Event]:
        events = self.inner.step(timeout_s)
        self.backend.events += [(self._by_rid[event.rid], event) for event in events]
        return events

    def counters(self) -> Counters:
        return self.inner.counters()

    def record_passes(self, max_rows: int) -> None:
        self.inner.record_passes(max_rows)

    def take_passes(self) -> list[ForwardPass]:
        return self.inner.take_passes()

    def wake(self) -> None:
        self.inner.wake()

    def close(self) -> None:
        self.inner.close()


def distinct_tokens(prompts: list[tuple[int, ...]]) -> int:
    """Nodes of the prompts' prefix tree, counted the slow way."""
    return len({prompt[:end] for prompt in set(prompts) for end in range(1, len(prompt) + 1)})
