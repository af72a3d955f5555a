"""Random lineage: the number from which a model call draws, a pure function of where it stands in the program.

A call's stream is mix(run seed, item, lineage of its state, calls of that state so far). Nothing depends on when
a call was made, on the process, or on untaken branches.
"""

from __future__ import annotations

from lmc.backend.mixing import mix

SEED_MASK = (1 << 63) - 1


def child_lineage(lineage: int, calls: int, index: int) -> int:
    """The lineage of the `index`-th child of a fork made after `calls` calls."""
    return mix(lineage, calls, index)


def call_seed(base: int, lineage: int, calls: int) -> int:
    """The seed of a call, 63 bits; `base` is mix(run seed, item)."""
    return mix(base, lineage, calls) & SEED_MASK
