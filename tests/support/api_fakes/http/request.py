"""Reading requests out of a connection's bytes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


class BadRequest(Exception):
    """The bytes are no HTTP/1.1 request."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request: header names are in lower case, `path` has no query."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    raw: bytes

    def parsed(self) -> Any:
        """The body as JSON. Raises ValueError."""
        return json.loads(self.raw)


def read_request(inbox: bytearray) -> tuple[Request, int] | None:
    """The first request in `inbox` and its length; None where it is not all there yet. Raises BadRequest."""
    end = inbox.find(b"\r\n\r\n")
    if end < 0:
        if len(inbox) > 1 << 20:
            raise BadRequest("the head never ends")
        return None
    first, _, rest = bytes(inbox[:end]).decode("latin-1").partition("\r\n")
    parts = first.split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise BadRequest(f"{first[:80]!r} is no request line")
    headers: dict[str, str] = {}
    for line in rest.split("\r\n") if rest else ():
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    body = _body(inbox, end + 4, headers)
    if body is None:
        return None
    path, _, query = parts[1].partition("?")
    return Request(parts[0], path, query, headers, body[0]), body[1]


def wants_continue(inbox: bytearray) -> bool:
    """True where the client waits for `100 Continue` before it sends the body."""
    end = inbox.find(b"\r\n\r\n")
    return end >= 0 and len(inbox) == end + 4 and b"expect: 100-continue" in bytes(inbox[:end]).lower()


def _body(inbox: bytearray, at: int, headers: dict[str, str]) -> tuple[bytes, int] | None:
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return _chunked(inbox, at)
    size = headers.get("content-length", "0")
    if not size.isdigit():
        raise BadRequest(f"content-length: {size!r}")
    end = at + int(size)
    return (bytes(inbox[at:end]), end) if len(inbox) >= end else None


def _chunked(inbox: bytearray, at: int) -> tuple[bytes, int] | None:
    parts: list[bytes] = []
    while True:
        line = inbox.find(b"\r\n", at)
        if line < 0:
            return None
        try:
            size = int(bytes(inbox[at:line]).split(b";")[0], 16)
        except ValueError:
            raise BadRequest("a chunk has no size") from None
        end = line + 2 + size
        if len(inbox) < end + 2:
            return None
        parts.append(bytes(inbox[line + 2 : end]))
        at = end + 2
        if size == 0:
            return b"".join(parts), at
