"""How far two sequences begin alike. Standard library only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

S = TypeVar("S", bound=Sequence[Any])  # of anything that can be compared


def common_len(a: S, b: S) -> int:
    """How many leading elements two sequences of one type share; halving, so that slices are compared in C."""
    assert type(a) is type(b), "slices of different types are never equal"
    low, high = 0, min(len(a), len(b))
    if a[:high] == b[:high]:
        return high
    while high - low > 1:
        middle = (low + high) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle
    return low
