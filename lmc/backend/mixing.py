"""Random numbers as pure functions of where they are drawn: SplitMix64 (Steele, Lea, Flood 2014).

No state and no order: the same integers give the same number in every process. Standard library only.
"""

from __future__ import annotations

GOLDEN = 0x9E3779B97F4A7C15  # 2**64 by the golden ratio
WORD = (1 << 64) - 1


def splitmix(x: int) -> int:
    """64 well-mixed bits of an integer: one step of SplitMix64 from that state."""
    x = (x + GOLDEN) & WORD
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & WORD
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & WORD
    return x ^ (x >> 31)


def mix(*parts: int) -> int:
    """A 64-bit number from integers, in order; 0 of none."""
    found = 0
    for part in parts:
        found = splitmix(found ^ (part & WORD))
    return found
