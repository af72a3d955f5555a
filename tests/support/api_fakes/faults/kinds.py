"""The faults by name; each is made by a function, so that its numbers can be told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import chain
from typing import Any

from ..answer import Frame
from ..asked import Completion
from ..encode import Style
from ..http.acts import Act, End
from .fault import Fault

__all__ = [
    "broken_frame",
    "byte_by_byte",
    "clock_backwards",
    "close_on_reuse",
    "crlf",
    "cut_before_headers",
    "cut_characters",
    "cut_in_stream",
    "double_spaces",
    "duplicate_finish",
    "early_length",
    "empty_choices",
    "error",
    "error_in_stream",
    "headers",
    "insufficient_quota",
    "last_frame_open",
    "late",
    "no_usage",
    "noise_frames",
    "overloaded",
    "rate_limited",
    "refusal",
    "server_error",
    "silent",
    "silent_in_stream",
    "slow_loris",
    "unavailable",
    "whole_body",
    "wrong_json",
]

# --- errors instead of an answer -------------------------------------------------------------------------


def error(kind: str, headers: dict[str, str] | None = None) -> Fault:
    """The dialect's error of that name."""
    return Fault(kind, error=kind, headers=headers or {})


def rate_limited(retry_after: float | str | None = None, retry_after_ms: float | None = None) -> Fault:
    """429, which passes; `retry_after` in seconds or as a date."""
    told = {"retry-after": retry_after, "retry-after-ms": retry_after_ms}
    return error("rate_limit", {name: str(value) for name, value in told.items() if value is not None})


def insufficient_quota() -> Fault:
    """429, which will not pass."""
    return error("quota")


def server_error() -> Fault:
    """500."""
    return error("server")


def unavailable(retry_after: float | None = None) -> Fault:
    """503."""
    return error("unavailable", {} if retry_after is None else {"retry-after": str(retry_after)})


def overloaded() -> Fault:
    """529 where the API has it, else 503."""
    return error("overloaded")


def headers(**told: str) -> Fault:
    """Headers on the answer; underscores are dashes."""
    return Fault("headers", headers={name.replace("_", "-"): value for name, value in told.items()})


# --- another answer --------------------------------------------------------------------------------------


def refusal(text: str = "I can't help with that.") -> Fault:
    """The model refuses."""
    return Fault("refusal", completion=lambda said: Completion((), "", "refusal", refusal=text))


def early_length(tokens: int = 1) -> Fault:
    """The answer ends for its length, whatever was asked for."""

    def shorter(said: Completion) -> Completion:
        kept = said.tokens[:tokens]
        text = b"".join(token.text for token in kept).decode("utf-8", "ignore")
        return replace(said, tokens=kept, text=said.text[: len(text)], finish="length", stop=None)

    return Fault("early length", completion=shorter)


# --- other frames ----------------------------------------------------------------------------------------


def _by_frame(change: Callable[[Frame], Iterable[Frame]]) -> Any:
    def changed(frames: Iterator[Frame | float], _: object) -> Iterator[Frame | float]:
        return chain.from_iterable([each] if isinstance(each, float) else change(each) for each in frames)

    return changed


def no_usage() -> Fault:
    """No word about usage."""

    def without(frame: Frame) -> Iterable[Frame]:
        if isinstance(frame.doc, dict) and frame.doc.get("choices") == [] and frame.doc.get("usage"):
            return []
        frame.doc = _without(frame.doc)
        return [frame]

    return Fault("no usage", frames=_by_frame(without))


_USAGE_NAMES = ("usage", "prompt_eval_count", "eval_count", "timings", "tokens_evaluated", "tokens_predicted")


def _without(doc: Any) -> Any:
    if not isinstance(doc, dict):
        return doc
    return {name: _without(value) for name, value in doc.items() if name not in _USAGE_NAMES}


def empty_choices() -> Fault:
    """An answer, or a stream, without any choice or content in it."""

    def emptied(frame: Frame) -> Iterable[Frame]:
        if isinstance(frame.doc, dict):
            frame.doc = {name: [] if name in ("choices", "content") else each for name, each in frame.doc.items()}
        return [frame]

    return Fault("empty choices", frames=_by_frame(emptied))


def duplicate_finish() -> Fault:
    """The frame that says why a choice ended comes twice."""

    def twice(frame: Frame) -> Iterable[Frame]:
        choices = frame.doc.get("choices") if isinstance(frame.doc, dict) else None
        ends = any(choice.get("finish_reason") for choice in choices or ())
        return [frame, replace(frame, tokens=0)] if ends or frame.event == "message_delta" else [frame]

    return Fault("duplicate finish", frames=_by_frame(twice))


def noise_frames(*raws: bytes) -> Fault:
    """Before every frame, frames without data: comments, ids, retries, named pings."""
    noise = raws or (b": comment\n\n", b"id: 7\n\n", b"retry: 100\n\n", b"event: ping\n\n", b"\n\n", b": \n\n")
    return Fault("noise", frames=_by_frame(lambda frame: [*(Frame(raw=raw) for raw in noise), frame]))


def error_in_stream(after: int = 1, kind: str = "overloaded") -> Fault:
    """The status was 200; behind `after` frames comes an error, and the end."""

    def broken(frames: Iterator[Frame | float], stream_error: Callable[[str], Frame]) -> Iterator[Frame | float]:
        yield from _first(frames, after)
        yield stream_error(kind)

    return Fault("error in stream", frames=broken)


def broken_frame(after: int = 1, raw: bytes = b'data: {"choices": [{"delta\n\n') -> Fault:
    """Behind `after` frames comes one that is no JSON; then the stream goes on."""

    def broken(frames: Iterator[Frame | float], _: object) -> Iterator[Frame | float]:
        yield from _first(frames, after)
        yield Frame(raw=raw)
        yield from frames

    return Fault("broken frame", frames=broken)


def wrong_json(raw: bytes = b'{"choices": [') -> Fault:
    """A whole answer that is no JSON, under status 200."""
    return Fault("wrong json", frames=lambda frames, _: [Frame(raw=raw)])


def _first(frames: Iterator[Frame | float], count: int) -> Iterator[Frame | float]:
    while count > 0:
        frame = next(frames, None)
        if frame is None:
            return
        count -= isinstance(frame, Frame)
        yield frame


# --- other bytes -----------------------------------------------------------------------------------------


def crlf() -> Fault:
    """Lines end with CRLF."""
    return Fault("crlf", style=Style(line="\r\n"))


def double_spaces() -> Fault:
    """Two spaces between `data:` and JSON."""
    return Fault("double spaces", style=Style(colon=":  "))


def last_frame_open() -> Fault:
    """The last frame has no blank line behind it."""
    return Fault("last frame open", style=Style(last_is_open=True))


def cut_characters() -> Fault:
    """Chunks end within characters: each piece of the body is cut before its last byte and within every character."""

    def cut(acts: Iterator[Act]) -> Iterator[Act]:
        for act in acts:
            yield from _cut_up(act) if isinstance(act, bytes) else [act]

    return Fault("cut characters", payload=cut)


def _cut_up(piece: bytes) -> Iterator[Act]:
    at = 0
    for end in (*(i for i in range(1, len(piece)) if piece[i] & 0xC0 == 0x80 or i == len(piece) - 1), len(piece)):
        yield piece[at:end]
        yield 0.0
        at = end


def byte_by_byte() -> Fault:
    """The body in chunks of one byte."""
    return Fault("byte by byte", payload=lambda acts: (p for act in acts for p in _bytes_of(act)))


def _bytes_of(act: Act) -> Iterable[Act]:
    return (act[i : i + 1] for i in range(len(act))) if isinstance(act, bytes) else (act,)


def whole_body() -> Fault:
    """A stream with a content-length, in one piece."""
    return Fault("whole body", whole=True)


# --- the connection --------------------------------------------------------------------------------------


def late(seconds: float) -> Fault:
    """The answer comes that much later."""
    return Fault("late", wire=lambda acts: chain([seconds], acts))


def silent() -> Fault:
    """The request is read and never answered."""
    return Fault("silent", wire=lambda acts: [*_asked(acts), End.HANG])


def cut_before_headers() -> Fault:
    """The connection ends without an answer; the work was done and is billed."""
    return Fault("cut before headers", wire=lambda acts: [*_asked(acts), End.CUT])


def _asked(acts: Iterator[Act]) -> list[Act]:
    """Nothing goes out, yet all is computed."""
    for _ in acts:
        pass
    return []


def cut_in_stream(after: int = 1) -> Fault:
    """The connection ends behind `after` frames."""
    return _ended_in_stream("cut in stream", after, End.CUT)


def silent_in_stream(after: int = 1) -> Fault:
    """Behind `after` frames nothing comes any more."""
    return _ended_in_stream("silent in stream", after, End.HANG)


def _ended_in_stream(name: str, after: int, end: End) -> Fault:
    def ended(acts: Iterator[Act]) -> Iterator[Act]:
        left = after
        while left > 0 and (act := next(acts, None)) is not None:
            left -= isinstance(act, bytes)
            yield act
        yield end

    return Fault(name, payload=ended)


def slow_loris(pause_s: float = 0.01, size: int = 1) -> Fault:
    """Everything, the head too, `size` bytes at a time with a pause between."""

    def slowly(acts: Iterator[Act]) -> Iterator[Act]:
        for act in acts:
            if not isinstance(act, bytes):
                yield act
                continue
            for at in range(0, len(act), size):
                yield act[at : at + size]
                yield pause_s

    return Fault("slow loris", wire=slowly)


def close_on_reuse() -> Fault:
    """The answer is whole and the connection stays open, until the client sends the next request on it."""
    return Fault("close on reuse", close_next=True)


def clock_backwards(steps: Iterable[float] = (60.0, 30.0, 90.0)) -> Callable[[Any], Fault]:
    """Headers that tell the time and the resets of limits go backwards and forwards from request to request."""
    told = tuple(steps)

    def rule(request: Any) -> Fault:
        wait = told[max(0, request.number) % len(told)]
        stamp = f"Tue, 01 Dec 2026 12:{int(wait) % 60:02d}:00 GMT"
        return headers(date=stamp, x_ratelimit_reset_requests=f"{wait:g}s", x_ratelimit_reset_tokens=f"{wait:g}s")

    return rule
