"""Rate limits as hosted APIs have them: requests and tokens a minute, told in headers, enforced by 429."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from .answer import Refused


@dataclass(slots=True)
class Bucket:
    """Holds `size`, refills in a minute."""

    size: float
    held: float
    at: float

    def refill(self, now: float) -> None:
        """As much as came in since it was last looked at."""
        self.held = min(self.size, self.held + (now - self.at) * self.size / 60)
        self.at = now

    @property
    def full_in_s(self) -> float:
        """Seconds until it is full."""
        return (self.size - self.held) * 60 / self.size


@dataclass(slots=True)
class RateLimits:
    """`requests` and `tokens` (of prompts) a minute; `form` says whose headers tell them."""

    requests: float = 60.0
    tokens: float = 10_000.0
    form: Literal["openai", "anthropic"] = "openai"
    _buckets: dict[str, Bucket] = field(default_factory=dict)

    def take(self, prompt_bytes: int, now: float) -> None:
        """One request, its tokens counted as four bytes each. Raises Refused where there is no room for it."""
        wanted = {"requests": 1.0, "tokens": prompt_bytes / 4}
        for name, size in (("requests", self.requests), ("tokens", self.tokens)):
            self._buckets.setdefault(name, Bucket(size, size, now)).refill(now)
        for name, count in wanted.items():
            if self._buckets[name].held < count:
                raise Refused("rate_limit", f"Rate limit reached on {name} per min.", wait_s=self._wait_s(name, count))
        for name, count in wanted.items():
            self._buckets[name].held -= count

    def _wait_s(self, name: str, count: float) -> float:
        bucket = self._buckets[name]
        return (count - bucket.held) * 60 / bucket.size

    def headers(self, now: float) -> dict[str, str]:
        """What is left, as the API tells it."""
        told: dict[str, str] = {}
        for name, bucket in self._buckets.items():
            values = {"limit": f"{bucket.size:.0f}", "remaining": f"{max(0, bucket.held):.0f}"}
            values["reset"] = _duration(bucket.full_in_s) if self.form == "openai" else _stamp(now + bucket.full_in_s)
            for what, value in values.items():
                told[
                    f"x-ratelimit-{what}-{name}" if self.form == "openai" else f"anthropic-ratelimit-{name}-{what}"
                ] = value
        return told


def _duration(seconds: float) -> str:
    """As Go writes it: 20ms, 6.5s, 1m30s."""
    if seconds < 1:
        return f"{round(seconds * 1000)}ms"
    minutes, rest = divmod(seconds, 60)
    return f"{minutes:.0f}m{rest:.3g}s" if minutes else f"{rest:.4g}s"


def _stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
