"""Sets of code points as sorted, disjoint, inclusive ranges: union, complement, intersection."""

from __future__ import annotations

from collections.abc import Iterable

Ranges = tuple[tuple[int, int], ...]

LAST = 0x10FFFF
EVERYTHING: Ranges = ((0, LAST),)
SURROGATES = (0xD800, 0xDFFF)  # no UTF-8 text holds one


def union(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Sorted and disjoint, neighbours joined."""
    joined: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if joined and low <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(high, joined[-1][1]))
        else:
            joined.append((low, high))
    return tuple(joined)


def complement(ranges: Ranges) -> Ranges:
    """Every other code point."""
    gaps = []
    start = 0
    for low, high in ranges:
        if start < low:
            gaps.append((start, low - 1))
        start = high + 1
    return tuple(gaps) if start > LAST else (*gaps, (start, LAST))


def intersection(left: Ranges, right: Ranges) -> Ranges:
    """What both hold."""
    return complement(union((*complement(left), *complement(right))))
