"""OpenAI's cache from GPT-5.6 on: an implicit breakpoint at the last user or tool message, and explicit ones.

Implicit mode writes the implicit one and the last three explicit ones, explicit mode the last four. Reading tries the
last eighty places where a breakpoint could have been, without a limit of blocks. Writes cost 1.25 times the input.
"""

from __future__ import annotations

from .blocks import Block, lengths
from .entries import Charges, Entries, digests

LEAST_TOKENS = 1024
TRIED = 80
TTL_S = 1800.0


def charge(entries: Entries, salt: str, blocks: list[Block], mode: str) -> Charges:
    """What the prompt costs now, and what it writes."""
    tokens, names = lengths(blocks), digests(salt, (block.text.encode() for block in blocks))
    explicit = [at + 1 for at, block in enumerate(blocks) if block.ttl_s is not None]
    implicit = [at + 1 for at, block in enumerate(blocks) if block.closes] if mode == "implicit" else []
    tried = sorted({*explicit, *implicit}, reverse=True)[:TRIED]
    read = next((at for at in tried if entries.has(names[at])), 0)
    marks = {*explicit[-4:]} if mode == "explicit" else {*implicit[-1:], *explicit[-3:]}
    marks = {at for at in marks if tokens[at] >= LEAST_TOKENS and at > read}
    last = max(marks, default=read)
    writes = tuple((names[at], blocks[at - 1].ttl_s or TTL_S) for at in sorted(marks))
    return Charges(tokens[-1] - tokens[last], tokens[read], tokens[last] - tokens[read], 0, writes)
