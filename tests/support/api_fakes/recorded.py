"""What a fake remembers of a request, for the test to look at."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .bill import Bill
from .http.request import Request


@dataclass(slots=True, eq=False)
class Recorded:
    """One request: what came, what went out, what it is billed.

    number        among those that ask for something (POST), from 0; -1 of a GET
    body          parsed JSON; None where there is none
    begun_s       when it came, `ended_s` when it was over, on time.perf_counter's clock
    status        of the answer; 0 before it
    sent_bytes    of the body, frames included
    frames        that went out
    closed_early  True where the client (or a fault) ended it before the answer was whole
    faults        names of those that befell it
    """

    request: Request
    number: int
    connection: int
    on_connection: int
    body: Any = None
    begun_s: float = field(default_factory=time.perf_counter)
    ended_s: float | None = None
    status: int = 0
    sent_bytes: int = 0
    frames: int = 0
    closed_early: bool = False
    faults: tuple[str, ...] = ()
    bill: Bill = field(default_factory=Bill)

    @property
    def method(self) -> str:
        """GET, POST."""
        return self.request.method

    @property
    def path(self) -> str:
        """Without the query."""
        return self.request.path

    @property
    def headers(self) -> Mapping[str, str]:
        """By lower case name."""
        return self.request.headers
