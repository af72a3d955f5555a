"""What Claude models take, by family and version read off their names."""

from __future__ import annotations

import re

NO_SAMPLING_VERSION = "2026-10-21"  # of the API: from it on, sampling parameters are refused for every model
VERSIONS = ("2023-01-01", "2023-06-01", NO_SAMPLING_VERSION)

_LEAST = {
    ("opus", (5, 0)): 512,
    ("fable", (5, 1)): 512,
    ("mythos", (5, 1)): 512,
    ("opus", (4, 7)): 2048,
    ("haiku", (3, 5)): 2048,
    ("opus", (4, 6)): 4096,
    ("opus", (4, 5)): 4096,
    ("haiku", (4, 5)): 4096,
}


def family_of(model: str) -> tuple[str, tuple[int, int]]:
    """As ("opus", (4, 5)); ("", (0, 0)) for a name that is no Claude model's."""
    new = re.match(r"claude-([a-z]+)-(\d)(?:[-.](\d)(?!\d))?", model)
    old = re.match(r"claude-(\d)(?:[-.](\d)(?!\d))?-([a-z]+)", model)
    if new:
        return new[1], (int(new[2]), int(new[3] or 0))
    return (old[3], (int(old[1]), int(old[2] or 0))) if old else ("", (0, 0))


def takes_prefill(model: str) -> bool:
    """Whether the last message may be the assistant's: up to 4.5."""
    return family_of(model)[1] <= (4, 5)


def takes_sampling(model: str) -> bool:
    """Whether temperature and its kin may be sent under an old version of the API: before Opus 4.7, and up to 4.6."""
    return family_of(model)[1] <= (4, 6)


def least_cached(model: str) -> int:
    """Tokens below which a prefix is silently not cached."""
    return _LEAST.get(family_of(model), 1024)
