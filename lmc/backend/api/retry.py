"""What a failure of an API means: whether the same call may succeed later, and after how long a wait."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

FIRST_S = 0.5
MOST_S = 8.0
MAX_ASKED_S = 120.0  # a server that asks for a longer wait is told of, not waited for

# of 429 and 400: what no wait mends
PERMANENT = (
    "insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "account_deactivated",
    "access_terminated", "spend_limit", "credit",
)  # fmt: skip
PASSING = (408, 409, 425, 429, 529)


class Trouble(Exception):
    """A wire call failed. `code` and `message` are for people, `is_passing` says whether it may succeed later.

    wait_s  how long the server asks to wait, None where it does not say
    """

    def __init__(
        self, code: str, message: str, *, help: str = "", is_passing: bool = False, wait_s: float | None = None
    ) -> None:
        super().__init__(message)
        self.code, self.message, self.help = code, message, help
        self.is_passing, self.wait_s = is_passing, wait_s


def trouble_of(status: int, headers: Mapping[str, str], body: bytes) -> Trouble:
    """What an answer that is an error says."""
    kind, said = _said(body)
    wait_s = asked_wait(headers)
    is_passing = (status in PASSING or status >= 500) and not any(word in kind for word in PERMANENT)
    match headers.get("x-should-retry"):
        case "true":
            is_passing = True
        case "false":
            is_passing = False
    if wait_s is not None and wait_s > MAX_ASKED_S:
        is_passing = False
    code, help = _called(status, kind, said)
    message = f"the server answered {status}" + (f": {said}" if said else "")
    if wait_s is not None and wait_s > MAX_ASKED_S:
        help = f"it asks to wait {wait_s:g} s; ask again then"
    return Trouble(code, message, help=help, is_passing=is_passing, wait_s=wait_s)


def trouble_in_stream(error: object) -> Trouble:
    """What an error in the middle of an answer says; its status was 200 already."""
    kind, said = _of_error(error)
    is_passing = any(word in kind for word in ("overloaded", "server_error", "api_error", "rate_limit", "timeout"))
    status = error.get("code") if isinstance(error, dict) else None
    if isinstance(status, int):
        is_passing = is_passing or status in PASSING or status >= 500
    is_passing = is_passing and not any(word in kind for word in PERMANENT)
    return Trouble("server_error", f"the server broke its answer off: {said or kind}", is_passing=is_passing)


def _called(status: int, kind: str, said: str) -> tuple[str, str]:
    """A word for the failure, and what to do."""
    if any(word in kind for word in PERMANENT):
        return "quota", "the account has no money or quota left: no wait mends that"
    if "context_length" in kind or "maximum context length" in said or "prompt is too long" in said:
        return "too_long", "shorten the prompt, or lower max_tokens"
    match status:
        case 400 | 422:
            return "bad_request", "the API does not take what was asked; `lmc backends -v` shows what a model can do"
        case 401 | 403:
            return "bad_key", "give a key that may use this model (api_key=, or the environment; see docs/remote.md)"
        case 402:
            return "quota", "the account has no money or quota left: no wait mends that"
        case 404:
            return "not_found", "look at the model's name and at the URL"
        case 413:
            return "too_long", "shorten the prompt"
        case 429:
            return "rate_limit", "lower max_in_flight, or allow more retries"
    return ("server_error", "ask again later") if status >= 500 else ("refused", "")


def _said(body: bytes) -> tuple[str, str]:
    """The kind and the message of an error's body, whatever its shape."""
    try:
        data = json.loads(body)
    except ValueError:
        return "", body[:200].decode("utf-8", "replace").strip()
    if isinstance(data, dict) and data.get("error") is not None:
        return _of_error(data["error"])
    return _of_error(data)


def _of_error(error: Any) -> tuple[str, str]:
    if isinstance(error, str):
        return "", error
    if isinstance(error, dict):
        kind = " ".join(str(error[name]) for name in ("type", "code") if error.get(name) is not None)
        return kind, str(error.get("message") or error.get("detail") or "")
    return "", ""


def asked_wait(headers: Mapping[str, str]) -> float | None:
    """Seconds that a server asks to wait, in any of the ways in which they say it."""
    ms = _number(headers.get("retry-after-ms"))
    if ms is not None:
        return ms / 1000
    given = headers.get("retry-after")
    if given is None:
        return None
    seconds = _number(given)
    if seconds is not None:
        return seconds
    try:
        at = parsedate_to_datetime(given)
    except (TypeError, ValueError):
        return None
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else -1.0
    except ValueError:
        return None
    return value if 0 <= value < float("inf") else None


def backoff(attempt: int) -> float:
    """Seconds before the `attempt`-th repetition, counted from 1: doubling, less up to a quarter by chance."""
    return min(MOST_S, FIRST_S * 2.0 ** min(attempt - 1, 16)) * (1 - 0.25 * random.random())
