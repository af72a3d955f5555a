"""What a dialect answers: a document, or a stream of frames; bytes are made of it later."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal


def as_json(value: Any) -> str:
    """Compact JSON, characters as they are."""
    return "".join(_encode(value, 0))


def _unknown(value: object) -> Any:
    raise TypeError(f"{value!r} is not JSON")


# what json.dumps makes anew for every call; a server that answers thousands a second has one
_encode = json.encoder.c_make_encoder(
    None, _unknown, json.encoder.encode_basestring, None, ":", ",", False, False, True
)


@dataclass(slots=True)
class Frame:
    """One frame of a stream: `doc` is JSON or a text to be sent as it is.

    event   its name, "" for none
    tokens  that it bills
    raw     bytes to send instead of it
    """

    doc: Any = None
    event: str = ""
    tokens: int = 0
    raw: bytes | None = None


@dataclass(slots=True)
class Answer:
    """An answer: `doc`, or `frames` where it is a stream (doc is then None).

    form     how frames are written: server-sent events, or a JSON document a line
    tokens   that a whole answer bills
    began    called once when the first byte goes out: what was computed can be read from the cache from then on
    """

    doc: Any = None
    status: int = 200
    frames: Iterator[Frame] | None = None
    form: Literal["sse", "ndjson"] = "sse"
    headers: dict[str, str] = field(default_factory=dict)
    tokens: int = 0
    began: Callable[[], None] | None = None


class Refused(Exception):
    """The API says no.

    kind    a name that a dialect has a status and a shape for: "invalid", "unauthorized", "not_found", ...
    wait_s  told as `retry-after`
    """

    def __init__(
        self,
        kind: str,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        wait_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.wait_s = wait_s
        self.kind, self.message, self.param, self.code = kind, message, param, code
