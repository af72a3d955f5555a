"""What comes of a request: the head of an answer, and its body chunk by chunk; or that there is none."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Protocol

CONNECT_S = 5.0
KEEP_S = 4.0  # an idle connection is given up before a server's usual 5 s are over


class NoAnswer(Exception):
    """The connection failed, or nothing came for too long.

    began     some of an answer had come
    was_sent  False where the server never had the request, so that it cannot have done anything for it
    lasts     True where another attempt comes to the same
    times     how often it was sent
    """

    def __init__(self, what: str, *, began: bool = False, was_sent: bool = True, lasts: bool = False) -> None:
        super().__init__(what)
        self.what = what
        self.began, self.was_sent, self.lasts = began, was_sent, lasts
        self.times = 1


class Reply(Protocol):
    """The head of an answer; its body comes chunk by chunk. To be closed in any case.

    times  how often the request was sent until there was one
    """

    status: int
    headers: Mapping[str, str]
    times: int

    def chunks(self) -> AsyncIterator[bytes]:
        """The body. Raises NoAnswer."""

    async def close(self) -> None:
        """Give the connection back, or close it where not all of the answer was read."""
