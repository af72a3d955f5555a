"""Frames out of chunks of bytes that are cut anywhere: server-sent events, or a JSON text a line.

Bytes are decoded a whole line at a time, so a character cut in two is put together again. Of an event only its `event:`
and `data:` count; comments, `id:`, `retry:` and events without data are passed over. A last event without the empty
line behind it counts too. No line and no event may be longer than MAX_BYTES.
"""

from __future__ import annotations

from collections.abc import Iterator

MAX_BYTES = 8 << 20


class FrameTooLong(ValueError):
    """More bytes than an answer may have in one piece."""


class Lines:
    """Lines as they are complete: ended by LF, CRLF or CR."""

    __slots__ = ("_after_cr", "_rest")

    def __init__(self) -> None:
        self._rest = b""
        self._after_cr = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that end in this chunk. Raises FrameTooLong."""
        if self._after_cr and chunk:
            self._after_cr = False
            if chunk.startswith(b"\n"):
                chunk = chunk[1:]
        data = self._rest + chunk if self._rest else chunk
        if b"\r" in data:
            self._after_cr = data.endswith(b"\r")
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        lines = data.split(b"\n")
        self._rest = lines.pop()
        if len(self._rest) > MAX_BYTES:
            raise FrameTooLong(f"a line of more than {MAX_BYTES} bytes")
        return lines

    def rest(self) -> bytes:
        """What was begun and not ended."""
        rest, self._rest = self._rest, b""
        return rest


class Events:
    """Server-sent events: (event name, data)."""

    __slots__ = ("_data", "_event", "_lines", "_num_bytes")

    def __init__(self) -> None:
        self._lines = Lines()
        self._event = ""
        self._data: list[bytes] = []
        self._num_bytes = 0

    def feed(self, chunk: bytes) -> Iterator[tuple[str, bytes]]:
        """The events that end in this chunk. Raises FrameTooLong."""
        for line in self._lines.feed(chunk):
            if not line:
                if self._data:
                    yield self._taken()
                self._event = ""
            else:
                self._field(line)

    def rest(self) -> Iterator[tuple[str, bytes]]:
        """The last event, where no empty line ended it."""
        line = self._lines.rest()
        if line:
            self._field(line)
        if self._data:
            yield self._taken()

    def _taken(self) -> tuple[str, bytes]:
        data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
        event, self._event, self._data, self._num_bytes = self._event, "", [], 0
        return event, data

    def _field(self, line: bytes) -> None:
        if line.startswith(b"data:"):
            value = line[6:] if line.startswith(b" ", 5) else line[5:]
            self._num_bytes += len(value)
            if self._num_bytes > MAX_BYTES:
                raise FrameTooLong(f"an event of more than {MAX_BYTES} bytes")
            self._data.append(value)
        elif line.startswith(b"event:"):
            self._event = line[6:].strip().decode("utf-8", "replace")


class JsonLines:
    """A JSON text a line: each as an event without a name; empty lines are passed over."""

    __slots__ = ("_lines",)

    def __init__(self) -> None:
        self._lines = Lines()

    def feed(self, chunk: bytes) -> Iterator[tuple[str, bytes]]:
        """The lines that end in this chunk. Raises FrameTooLong."""
        return (("", line) for line in self._lines.feed(chunk) if line.strip())

    def rest(self) -> Iterator[tuple[str, bytes]]:
        """The last line, where nothing ended it."""
        line = self._lines.rest()
        if line.strip():
            yield "", line
