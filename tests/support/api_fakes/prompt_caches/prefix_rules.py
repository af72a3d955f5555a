"""Automatic caches: the longest prefix of tokens that was seen before, in whole chunks; writing costs nothing.

OpenAI's before GPT-5.6 (chunks of 128 from 1,024 tokens on), vLLM's blocks of 16, SGLang's radix tree.
"""

from __future__ import annotations

from collections.abc import Sequence

from .entries import Charges, Entries, digests


def charge(
    entries: Entries, salt: str, ids: Sequence[int], *, chunk: int, least_tokens: int = 0, ttl_s: float = 600.0
) -> Charges:
    """What the prompt costs now, and what it writes. The last token is always computed."""
    whole = len(ids) // chunk
    parts = (repr(ids[at * chunk : (at + 1) * chunk]).encode() for at in range(whole))
    names = digests(salt, parts)
    usable = (len(ids) - 1) // chunk
    held = 0
    while held < usable and entries.has(names[held + 1]):
        held += 1
    read = held * chunk if held * chunk >= least_tokens else 0
    return Charges(len(ids) - read, read, 0, 0, tuple((name, ttl_s) for name in names[1:]))
