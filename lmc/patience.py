"""How long a batch waits for its items and calls, and how often it tries again what failed."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING

from lmc.errors import ArgumentError, RequestError

if TYPE_CHECKING:
    from lmc.executor import Backoff, CallLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How often what failed is tried again; what may pass are errors of a backend that says so, and timeouts.

    items    an item is run again, whole, from its first line: what its tools and its Python did, they do once more
    calls    a model call is asked again by itself, with the same prompt and seed: nothing of the program runs twice
    also     exceptions for which an item is run again as well; the program's own never are unless they stand here
    wait_s   seconds before the second attempt; `factor` times as long before each further one, at most `most_s`
    """

    items: int = 0
    calls: int = 0
    also: type[BaseException] | tuple[type[BaseException], ...] = ()
    wait_s: float = 0.5
    factor: float = 2.0
    most_s: float = 30.0

    def __post_init__(self) -> None:
        for name, number in (("items", self.items), ("calls", self.calls)):
            if type(number) is not int or number < 0:
                raise ArgumentError(f"Retry({name}={number!r}): a whole number from 0 on is needed")
        for name, seconds in (("wait_s", self.wait_s), ("most_s", self.most_s), ("factor", self.factor)):
            if not _is_time(seconds) and seconds != 0:
                raise ArgumentError(f"Retry({name}={seconds!r}): a number from 0 on is needed")

    @property
    def backoff(self) -> Backoff:
        """When each attempt is made."""
        from lmc.executor import Backoff

        return Backoff(self.wait_s, self.factor, self.most_s)

    def again_in(self, error: BaseException | None, num_before: int) -> float | None:
        """Seconds until an item is run again that failed with this and so often before; None where it is not."""
        if error is None or num_before >= self.items:
            return None
        may_pass = (isinstance(error, RequestError) and error.retryable) or isinstance(error, self.also)
        return self.backoff.before(num_before + 1) if may_pass else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeout:
    """Seconds that an attempt at an item, and at a call of it, may take; None: any time.

    A program that runs as Python is interrupted only where it waits for a call: its own `time.sleep` is not cut short.
    """

    item: float | None = None
    call: float | None = None

    def __post_init__(self) -> None:
        for name, seconds in (("item", self.item), ("call", self.call)):
            if seconds is not None and not _is_time(seconds):
                raise ArgumentError(f"a timeout of {seconds!r} for each {name}: a number of seconds above 0 is needed")


def retry_of(given: int | Retry | None) -> Retry:
    """`retry=3` is `Retry(items=3)`. Raises ArgumentError."""
    if isinstance(given, Retry):
        return given
    if given is None or (type(given) is int and given >= 0):
        return Retry(items=given or 0)
    raise ArgumentError(f"retry={given!r}: how often an item may be run again", help="a number, or lmc.Retry(...)")


def timeout_of(given: float | Timeout | None) -> Timeout:
    """`timeout=60` is `Timeout(item=60)`. Raises ArgumentError."""
    return given if isinstance(given, Timeout) else Timeout(item=given)


def call_limits(retry: Retry, timeout: Timeout) -> CallLimits:
    """What the two say of calls."""
    from lmc.executor import CallLimits

    return CallLimits(timeout.call, retry.calls, retry.backoff)


def late_item(timeout_s: float) -> str:
    """What the error of an item says that was given up."""
    return f"the item had not ended after {timeout_s:g} s"


def _is_time(seconds: object) -> bool:
    return isinstance(seconds, int | float) and not isinstance(seconds, bool) and isfinite(seconds) and seconds > 0
