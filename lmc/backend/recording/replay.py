"""A backend that answers from a record (recorder.py): the same calls get the same answers, and no model is asked.

Calls are known by what they ask, not by when: runs in which they come in another order are answered too. A call that
was recorded several times gets its answers in their order. One that is not in the record fails, and says how it differs
from the nearest that is.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lmc.backend.base import (
    Counters,
    Event,
    Failed,
    Finished,
    ForwardPass,
    PrefixHint,
    Request,
)
from lmc.backend.recording.answer import event_of
from lmc.backend.recording.apart import apart, nearest
from lmc.backend.recording.asked import Asked, asked
from lmc.backend.recording.facts import caps_from, chat_from
from lmc.backend.recording.recorder import VERSION
from lmc.errors import BackendError
from lmc.ir.prompt import Tokenizer
from lmc.tokenizer.byte_tokenizer import ByteTokenizer


@dataclass(frozen=True, slots=True, eq=False)
class RecordedCall:
    """A call of the record, and the line that it stands in."""

    line: int
    asked: Asked
    answer: list[Any]


class Replay:
    """A record as a backend. Raises BackendError where it is none, or has no call, or calls of several backends.

    model  a folder with the tokenizer, which is needed where a chat template rewrites earlier turns
    """

    def __init__(self, path: str | Path, model: str | None = None) -> None:
        self.path = Path(path)
        self._stamp = _stamp(self.path)
        facts, self.calls = _read(self.path)
        self.name = "replay"
        self.identity = f"{facts['name']} {facts.get('model') or ''}".strip()
        self.caps = caps_from(facts["caps"])
        self.tokenizer = _tokenizer(self.path, facts, model)
        self._lock = threading.Lock()
        self._used: set[RecordedCall] = set()  # by sessions so far
        self._by_key: dict[str, list[RecordedCall]] = {}
        for call in self.calls:
            self._by_key.setdefault(_key(call.asked), []).append(call)

    @property
    def is_closed(self) -> bool:
        """True where the file is another one by now: it is to be opened anew."""
        return self._stamp != _stamp(self.path)

    def open(self, namespace: str = "") -> ReplaySession:
        """A new session, which gets no answer twice."""
        return ReplaySession(self)

    def close(self) -> None:
        """Nothing is held."""

    def take(self, wanted: Asked, mine: set[RecordedCall]) -> RecordedCall | None:
        """The next call that asks this and that the session has not had: one that no session has had, if there is."""
        with self._lock:
            left = [call for call in self._by_key.get(_key(wanted), ()) if call not in mine]
            found = next((call for call in left if call not in self._used), left[0] if left else None)
            if found is not None:
                self._used.add(found)
                mine.add(found)
            return found

    def same(self, wanted: Asked) -> int:
        """How often the record has the call."""
        return len(self._by_key.get(_key(wanted), ()))


class ReplaySession:
    """A base.Session. Written by the one thread that submits and steps; only `wake` is for others."""

    def __init__(self, replay: Replay) -> None:
        self.tokenizer = replay.tokenizer
        self._replay = replay
        self._mine: set[RecordedCall] = set()
        self._events: list[Event] = []
        self._given_up: list[Event] = []  # of calls that were aborted when they were recorded: told when all else is
        self._live: dict[int, int] = {}  # rid -> samples
        self._num_asked = 0
        self._counters = Counters()
        self._woken = threading.Event()
        self._is_closed = False

    def submit(self, requests: list[Request]) -> None:
        """Look each request up."""
        for request in requests:
            self._num_asked += 1
            self._counters.requests += 1
            self._live[request.rid] = request.n
            if self._is_closed:
                self.abort(request.rid, "the session is closed")
            else:
                self._answer(request)
        self._counters.max_running = max(self._counters.max_running, len(self._live))

    def _answer(self, request: Request) -> None:
        wanted = asked(request, self.tokenizer)
        call = self._replay.take(wanted, self._mine)
        if call is None:
            self._events += self._unknown(request, wanted)
            return
        try:
            events = [event_of(row, request.rid, self.tokenizer) for row in call.answer]
        except (ValueError, KeyError, IndexError, TypeError):
            message = f"line {call.line} of {self._replay.path} holds no answer that this version of lmc can read"
            self._events += _failures(request, "broken-record", message, "record it again")
            return
        if any(isinstance(each, Failed) and each.code == "aborted" for each in events):
            self._given_up += events
        else:
            self._events += events

    def _unknown(self, request: Request, wanted: Asked) -> Iterable[Failed]:
        replay = self._replay
        num = replay.same(wanted)
        if num:
            times = "once" if num == 1 else f"{num} times"
            message = (
                f"call {self._num_asked} of this run is in {replay.path}, and was made {times} when it was recorded"
            )
        else:
            found = nearest(wanted, ((call, call.asked) for call in replay.calls if call not in self._mine))
            message = f"call {self._num_asked} of this run is not in {replay.path}"
            if found is not None:
                message += f"; nearest is line {found.line}, and what differs is\n{apart(found.asked, wanted)}"
        return _failures(request, "not-recorded", message, "record it again: `lmc run --record FILE`, lmc.record(FILE)")

    def abort(self, rid: int, reason: str) -> None:
        """End a request early."""
        samples = self._live.pop(rid, None)
        if samples is None:
            return
        self._events = [event for event in self._events if event.rid != rid]
        self._given_up = [event for event in self._given_up if event.rid != rid]
        self._events += (Failed(rid, sample, "aborted", reason) for sample in range(samples))

    def hint(self, hint: PrefixHint) -> None:
        """Ignored."""

    def step(self, timeout_s: float | None = None) -> list[Event]:
        """The answers of what was submitted."""
        if not self._events:
            self._events, self._given_up = self._given_up, []
        if not self._events and not self._is_closed:
            self._woken.wait(timeout_s)
        self._woken.clear()
        events, self._events = self._events, []
        for event in events:
            self._count(event)
        return events

    def _count(self, event: Event) -> None:
        if isinstance(event, Finished):
            counters, usage = self._counters, event.usage
            counters.prompt_tokens += usage.prompt_tokens
            counters.cached_tokens += usage.cached_tokens
            counters.computed_tokens += usage.computed_tokens
            counters.output_tokens += usage.output_tokens
            counters.forced_tokens += usage.forced_tokens
        if isinstance(event, Finished | Failed) and event.rid in self._live:
            self._live[event.rid] -= 1
            if not self._live[event.rid]:
                del self._live[event.rid]

    def counters(self) -> Counters:
        """What the recorded calls came to."""
        return self._counters.copy()

    def record_passes(self, max_rows: int) -> None:
        """There are no passes."""

    def take_passes(self) -> list[ForwardPass]:
        """None."""
        return []

    def wake(self) -> None:
        """Make a waiting `step` return, or the next one that would wait."""
        self._woken.set()

    def close(self) -> None:
        """Abort what is left; no step waits any more."""
        self._is_closed = True
        for rid in list(self._live):
            self.abort(rid, "the session was closed")
        self.wake()


def open_replay(path: str, model: str | None = None) -> Replay:
    """The record at a path, by `replay:PATH`."""
    return Replay(path, model)


def _key(wanted: Asked) -> str:
    return json.dumps(wanted, sort_keys=True)


def _failures(request: Request, code: str, message: str, help: str) -> list[Failed]:
    return [Failed(request.rid, sample, code, message, help) for sample in range(request.n)]


# --- the file ------------------------------------------------------------------------------------------------


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _read(path: Path) -> tuple[dict[str, Any], list[RecordedCall]]:
    facts: dict[int, dict[str, Any]] = {}
    calls: list[RecordedCall] = []
    asked_of: set[int] = set()
    try:
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if not line.endswith("\n"):
                    break  # torn: whoever wrote it was killed
                row = json.loads(line)
                if number == 1:
                    _check_version(path, row)
                elif "call" in row:
                    calls.append(RecordedCall(number, row["asked"], row["answer"]))
                    asked_of.add(row["backend"])
                else:
                    facts[row["backend"]] = row
    except OSError as error:
        raise BackendError(f"the record `{path}` cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BackendError(f"`{path}` is no record of calls", help="lmc.record(FILE) writes one") from None
    if not calls:
        raise BackendError(f"no call is recorded in `{path}`", help="run a program within `with lmc.record(FILE):`")
    if len(asked_of) > 1:
        names = ", ".join(str(facts[each]["name"]) for each in sorted(asked_of))
        raise BackendError(f"`{path}` has calls of several backends ({names})", help="record each in a file of its own")
    return facts[next(iter(asked_of))], calls


def _check_version(path: Path, row: dict[str, Any]) -> None:
    if row["lmc_record"] != VERSION:
        raise BackendError(f"`{path}` was written by another version of lmc", help="record it again")


def _tokenizer(path: Path, facts: dict[str, Any], model: str | None) -> Tokenizer:
    if model is not None:
        from lmc.backend.default_model import folder_of
        from lmc.tokenizer import load_tokenizer

        return load_tokenizer(folder_of(model))
    chat = chat_from(facts["chat"])
    if chat is not None and not chat.append_only:
        raise BackendError(
            f"`{path}` was recorded with a chat template that rewrites earlier turns",
            help='name the folder that has it: model="DIR", --model DIR',
        )
    return ByteTokenizer(bos=facts["begins"], chat=chat)
