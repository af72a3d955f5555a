"""A record: every call that is made while it is open, with what came of it, a line of JSON each.

    {"lmc_record": 1, "lmc": "0.1.0"}
    {"backend": 0, "name": "openai", "model": "...", "caps": {...}, "chat": {...}}
    {"call": 0, "backend": 0, "asked": {"prompt": [...], "out": [...]}, "answer": [...]}

It stands between the executor and a session, so any backend can be recorded, and nothing that a backend keeps to itself
(keys, headers) can come into it. A line is written whole, when the last sample of its call has ended.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any

from lmc.backend.base import (
    Backend,
    Counters,
    Event,
    Failed,
    Finished,
    ForwardPass,
    PrefixHint,
    Request,
    Session,
)
from lmc.backend.recording.answer import event_json
from lmc.backend.recording.asked import asked
from lmc.backend.recording.facts import facts_of
from lmc.errors import ArgumentError
from lmc.ir.caps import Caps
from lmc.ir.prompt import Tokenizer
from lmc.version import __version__

VERSION = 1
BEGIN = b'{"lmc_record":'


class Recording:
    """A file of calls, open until `close` or the end of a `with`; runs that begin meanwhile are written down.

    Raises ArgumentError for a file that is there and is no record, OSError where it cannot be written. An earlier
    record is replaced.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        _check_free(self.path)
        self._file = open(self.path, "w", encoding="utf-8")  # noqa: SIM115
        self._lock = threading.Lock()
        self._calls = count()
        self._backends: dict[int, RecordedBackend] = {}
        self._write({"lmc_record": VERSION, "lmc": __version__})
        _open_records.append(self)

    @property
    def is_closed(self) -> bool:
        """True once nothing is written any more."""
        return self._file.closed

    def backend(self, backend: Backend) -> RecordedBackend:
        """The backend, so that what its sessions are asked is written down."""
        if isinstance(backend, RecordedBackend) and backend.record is self:
            return backend
        with self._lock:
            found = self._backends.get(id(backend))
            if found is None:
                found = self._backends[id(backend)] = RecordedBackend(backend, self, len(self._backends))
        return found

    def begin(self, backend: RecordedBackend) -> None:
        """Write what a backend is, once, before its first session."""
        with self._lock:
            if not backend.has_begun:
                backend.has_begun = True
                self._put({"backend": backend.number, **facts_of(backend.inner)})

    def add(self, number: int, request: Request, tokenizer: Tokenizer, events: list[Event]) -> None:
        """Write a call that has ended; nothing where the record is closed."""
        answer = [event_json(each, tokenizer) for each in events]
        line = {"call": next(self._calls), "backend": number, "asked": asked(request, tokenizer), "answer": answer}
        self._write(line)

    def close(self) -> None:
        """Runs are not written down any more."""
        with self._lock:
            self._file.close()
        if self in _open_records:
            _open_records.remove(self)

    def __enter__(self) -> Recording:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _write(self, line: Mapping[str, Any]) -> None:
        with self._lock:
            self._put(line)

    def _put(self, line: Mapping[str, Any]) -> None:
        if not self._file.closed:
            self._file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")
            self._file.flush()


_open_records: list[Recording] = []


def _forget_records() -> None:
    """A forked process does not write into its parent's file."""
    _open_records.clear()


os.register_at_fork(after_in_child=_forget_records)


def recorded(backend: Backend) -> Backend:
    """The backend, recorded by every record that is open."""
    for record in _open_records:
        backend = record.backend(backend)
    return backend


def _check_free(path: Path) -> None:
    try:
        with open(path, "rb") as file:
            begin = file.read(len(BEGIN))
    except FileNotFoundError:
        return
    if begin and begin != BEGIN:
        raise ArgumentError(f"`{path}` is there, and is no record of calls", help="name another file, or remove it")


class RecordedBackend:
    """A backend whose sessions are written down."""

    def __init__(self, inner: Backend, record: Recording, number: int) -> None:
        self.inner, self.record, self.number = inner, record, number
        self.has_begun = False
        self.name, self.tokenizer = inner.name, inner.tokenizer

    @property
    def caps(self) -> Caps:
        """What the backend can do; a server may have to be asked for it."""
        return self.inner.caps

    @caps.setter
    def caps(self, caps: Caps) -> None:
        self.inner.caps = caps

    def open(self, namespace: str = "") -> Session:
        """A new session of the backend's."""
        session = self.inner.open(namespace)
        self.record.begin(self)
        return _RecordedSession(session, self)

    def close(self) -> None:
        """Close the backend."""
        self.inner.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class _RecordedSession:
    """A session whose calls are written down as they end."""

    def __init__(self, inner: Session, backend: RecordedBackend) -> None:
        self.tokenizer = inner.tokenizer
        self._inner, self._backend = inner, backend
        self._asked: dict[int, tuple[Request, list[Event]]] = {}

    def submit(self, requests: list[Request]) -> None:
        """Queue requests."""
        self._asked.update((request.rid, (request, [])) for request in requests)
        self._inner.submit(requests)

    def abort(self, rid: int, reason: str) -> None:
        """End a request early."""
        self._inner.abort(rid, reason)

    def hint(self, hint: PrefixHint) -> None:
        """Hand advice on."""
        self._inner.hint(hint)

    def step(self, timeout_s: float | None = None) -> list[Event]:
        """What has happened; the calls that ended with it are written down."""
        events = self._inner.step(timeout_s)
        for event in events:
            self._note(event)
        return events

    def _note(self, event: Event) -> None:
        found = self._asked.get(event.rid)
        if found is None:
            return
        request, events = found
        events.append(event)
        if isinstance(event, Finished | Failed):
            ended = {each.sample for each in events if isinstance(each, Finished | Failed)}
            if len(ended) == request.n:
                del self._asked[event.rid]
                self._backend.record.add(self._backend.number, request, self.tokenizer, events)

    def counters(self) -> Counters:
        """What has been done so far."""
        return self._inner.counters()

    def record_passes(self, max_rows: int) -> None:
        """Keep a record of each forward pass."""
        self._inner.record_passes(max_rows)

    def take_passes(self) -> list[ForwardPass]:
        """The passes recorded since the last call."""
        return self._inner.take_passes()

    def wake(self) -> None:
        """Make a waiting `step` return."""
        self._inner.wake()

    def close(self) -> None:
        """Give back what the session holds; calls that have not ended are written down as given up."""
        self._inner.close()
        for request, events in self._asked.values():
            ended = {each.sample for each in events if isinstance(each, Finished | Failed)}
            left = (sample for sample in range(request.n) if sample not in ended)
            given_up = [Failed(request.rid, sample, "aborted", "the run was closed") for sample in left]
            self._backend.record.add(self._backend.number, request, self.tokenizer, [*events, *given_up])
        self._asked.clear()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)
