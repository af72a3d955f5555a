"""The hash of a tuple that goes on from another one, without the items of that one: xxHash, as CPython hashes tuples.

A strand equals the tuple of its items, so its hash must be that tuple's; a conversation's prompts are hashed again and
again, each a little longer. Where this Python hashes tuples in another way, the whole is hashed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

WORD = (1 << 64) - 1
P1, P2, P5 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x27D4EB2F165667C5
LENGTH = P5 ^ 3527539
NO_MINUS_ONE = 1546275796  # what a hash of -1, which C has for errors, becomes

WORTH = 50  # how many items C hashes while Python does one


def hash_on(known: Sequence[object], its_hash: int, items: Iterable[object], length: int) -> int:
    """The hash of `known` and then `items`, `length` items together."""
    if not IS_XXHASH or (length - len(known)) * WORTH > length:
        return hash((*known, *items))
    return _gone_on((its_hash & WORD) - (len(known) ^ LENGTH), items, length)


def _gone_on(at: int, items: Iterable[object], length: int) -> int:
    for item in items:
        at = (at + (hash(item) & WORD) * P2) & WORD
        at = ((at << 31) | (at >> 33)) * P1 & WORD
    at = (at + (length ^ LENGTH)) & WORD
    if at == WORD:
        return NO_MINUS_ONE
    return at - (1 << 64) if at >> 63 else at


IS_XXHASH = _gone_on((hash((1, -2)) & WORD) - (2 ^ LENGTH), ("", 1 << 70, 5), 5) == hash((1, -2, "", 1 << 70, 5))
