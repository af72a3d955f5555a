"""A prompt as an API with breakpoints sees it: blocks in the order in which they are rendered."""

from __future__ import annotations

from itertools import accumulate
from typing import NamedTuple


class Block(NamedTuple):
    """A block of a prompt: its text, its tokens, and the seconds for which the prefix up to its end is to be kept.

    ttl_s   None where there is no breakpoint
    closes  True where a user's or a tool's message ends with it
    """

    text: str
    tokens: int
    ttl_s: float | None = None
    closes: bool = False


def lengths(blocks: list[Block]) -> list[int]:
    """Tokens of every prefix: [i] those of the first i blocks."""
    return list(accumulate((block.tokens for block in blocks), initial=0))
