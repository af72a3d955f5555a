"""What a server does on a connection, one act after the other: bytes, a pause in seconds, or the end of manners."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum
from http import HTTPStatus


class End(Enum):
    """How a connection ends before its answer does: cut off, or silent until the client gives up."""

    CUT = "cut"
    HANG = "hang"


Act = bytes | float | End

_REASONS = {int(status): status.phrase for status in HTTPStatus} | {529: "Overloaded"}


def head(status: int, headers: Iterable[tuple[str, str]]) -> bytes:
    """The status line and the headers."""
    lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Unknown')}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def chunked(acts: Iterable[Act]) -> Iterator[Act]:
    """Each piece of bytes as a chunk, and the last chunk."""
    for act in acts:
        yield b"%x\r\n%b\r\n" % (len(act), act) if isinstance(act, bytes) and act else act
    yield b"0\r\n\r\n"
