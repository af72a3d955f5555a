"""Anthropic's cache: at most four breakpoints, each looks back over twenty blocks; short and long entries.

A prefix below the model's minimum is silently not cached. What a prompt writes is charged from the longest prefix read
to the last breakpoint, each stretch by the breakpoint at its end; what stands behind the last one is never cached.
"""

from __future__ import annotations

from .blocks import Block, lengths
from .entries import Charges, Entries, digests

MAX_MARKS = 4
LOOK_BACK = 20  # positions that a breakpoint tries, its own first
SHORT_S, LONG_S = 300.0, 3600.0


def charge(entries: Entries, salt: str, blocks: list[Block], least_tokens: int) -> Charges:
    """What the prompt costs now, and what it writes."""
    tokens, names = lengths(blocks), digests(salt, (block.text.encode() for block in blocks))
    marks = [at + 1 for at, block in enumerate(blocks) if block.ttl_s is not None]
    read = max((_read(entries, names, mark) for mark in marks), default=0)
    spans = {SHORT_S: 0, LONG_S: 0}
    done, writes = read, []
    for mark in marks:
        ttl_s = blocks[mark - 1].ttl_s or SHORT_S
        if mark <= read or tokens[mark] < least_tokens:
            continue
        spans[ttl_s] += tokens[mark] - tokens[done]
        writes.append((names[mark], ttl_s))
        done = mark
    return Charges(tokens[-1] - tokens[done], tokens[read], spans[SHORT_S], spans[LONG_S], tuple(writes))


def _read(entries: Entries, names: list[bytes], mark: int) -> int:
    """The longest prefix held that ends at most LOOK_BACK positions before the breakpoint."""
    return next((at for at in range(mark, max(0, mark - LOOK_BACK), -1) if entries.has(names[at])), 0)
