"""What a cache holds: digests of prefixes, each readable from when its writer began to answer until its time is up."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from ..clock import Clock


@dataclass(slots=True)
class Entry:
    """One prefix."""

    until: float
    ttl_s: float


@dataclass(frozen=True, slots=True)
class Charges:
    """Tokens of one prompt by what they cost, and the entries that it writes (digest, seconds) once it begins."""

    fresh: int = 0
    read: int = 0
    written_short: int = 0
    written_long: int = 0
    writes: tuple[tuple[bytes, float], ...] = ()


class Entries:
    """All prefixes of one server."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._held: dict[bytes, Entry] = {}

    def has(self, digest: bytes) -> bool:
        """Whether the prefix can be read; reading it makes its time begin anew."""
        entry = self._held.get(digest)
        if entry is None:
            return False
        now = self._clock.now()
        if entry.until < now:
            del self._held[digest]
            return False
        entry.until = now + entry.ttl_s
        return True

    def write(self, writes: Iterable[tuple[bytes, float]]) -> None:
        """From now on these can be read."""
        now = self._clock.now()
        for digest, ttl_s in writes:
            self._held[digest] = Entry(now + ttl_s, ttl_s)

    def clear(self) -> None:
        """Nothing is held."""
        self._held.clear()

    def __len__(self) -> int:
        return len(self._held)


def digests(salt: str, parts: Iterable[bytes]) -> list[bytes]:
    """The digest of every prefix of the parts, the empty one first: [i] is that of the first i parts."""
    running = hashlib.blake2b(salt.encode(), digest_size=16)
    found = [running.digest()]
    for part in parts:
        running.update(len(part).to_bytes(8, "big"))
        running.update(part)
        found.append(running.digest())
    return found
