"""Frames as bytes: server-sent events, or a JSON document a line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .answer import Frame, as_json
from .http.acts import Act


@dataclass(frozen=True, slots=True)
class Style:
    """How events are written: the end of a line, what stands before JSON, whether the last has no blank line."""

    line: str = "\n"
    colon: str = ": "
    last_is_open: bool = False


PLAIN = Style()


def encoded(frames: Iterable[Frame | float], form: str, style: Style = PLAIN) -> Iterator[Act]:
    """The bytes of each frame; pauses stay."""
    held = b""
    for frame in frames:
        if isinstance(frame, float):
            yield frame
            continue
        payload = frame.raw if frame.raw is not None else _event(frame, style) if form == "sse" else _line(frame, style)
        if style.last_is_open:
            if held:
                yield held
            held = payload
        else:
            yield payload
    if held:
        yield held.rstrip(b"\r\n")


def _event(frame: Frame, style: Style) -> bytes:
    text = frame.doc if isinstance(frame.doc, str) else as_json(frame.doc)
    name = f"event{style.colon}{frame.event}{style.line}" if frame.event else ""
    # a mark such as [DONE] with more than one space before it would be another mark
    colon = PLAIN.colon if isinstance(frame.doc, str) else style.colon
    return f"{name}data{colon}{text}{style.line}{style.line}".encode()


def _line(frame: Frame, style: Style) -> bytes:
    return (as_json(frame.doc) + style.line).encode()
