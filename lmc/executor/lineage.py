"""Random lineage: the number from which a model call draws, a pure function of where it stands in the program.

A call's stream is mix(run seed, item, lineage of its state, calls of that state so far). Nothing depends on when
a call was made, on the process, or on untaken branches. splitmix64 (Steele, Lea, Flood 2014) does the mixing.
"""

from __future__ import annotations

MASK = (1 << 64) - 1
SEED_MASK = (1 << 63) - 1


def mix(*parts: int) -> int:
    """A 64-bit number from integers, in order."""
    h = 0
    for part in parts:
        h = (h ^ (part & MASK)) + 0x9E3779B97F4A7C15 & MASK
        h = (h ^ h >> 30) * 0xBF58476D1CE4E5B9 & MASK
        h = (h ^ h >> 27) * 0x94D049BB133111EB & MASK
        h ^= h >> 31
    return h


def child_lineage(lineage: int, calls: int, index: int) -> int:
    """The lineage of the `index`-th child of a fork made after `calls` calls."""
    return mix(lineage, calls, index)


def call_seed(base: int, lineage: int, calls: int) -> int:
    """The seed of a call, 63 bits; `base` is mix(run seed, item)."""
    return mix(base, lineage, calls) & SEED_MASK
