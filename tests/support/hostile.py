"""Texts that masks allow, written by somebody who wants to break out of them: an attack wherever it may stand."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import numpy as np

from lmc.backend.matcher import Matcher

CLOSINGS = ('"', "}", "]", '"}', '"]', "0", "null", "\n", ",")


class Bytes:
    """A tokenizer of bytes."""

    eos_ids = frozenset({256})
    turn_ids: frozenset[int] = frozenset()

    def vocab_bytes(self) -> list[bytes]:
        """All of them, and the end."""
        return [bytes((byte,)) for byte in range(256)] + [b""]

    def control_tokens(self) -> dict[str, int]:
        """None: marks are text."""
        return {}


def written(
    matcher: Matcher,
    ids: Mapping[int, int],
    attacks: Sequence[str],
    closings: Sequence[str],
    rng: random.Random,
    length: int,
) -> str | None:
    """A text of the matcher's, None where it does not end. Attacks are tried for `length` bytes, then it is to end.

    ids       of the tokens of one byte: these alone are chosen, so that any attack can be tried
    closings  texts that end a value
    """
    said = bytearray()
    plan: list[int] = []
    while len(said) < length + 3000:
        allowed = _allowed(matcher, ids)
        is_over = len(said) >= length
        if not allowed or (is_over and matcher.can_stop()):
            return said.decode() if matcher.can_stop() else None
        if not plan:
            begin = 0 if is_over else rng.choice((0, 0, 0, 1, 2))
            plan = list(rng.choice((*closings, *CLOSINGS) if is_over else attacks)[begin:].encode())
        byte = _next(allowed, plan, rng)
        assert matcher.accept(ids[byte])
        said.append(byte)
    return None


def _allowed(matcher: Matcher, ids: Mapping[int, int]) -> list[int]:
    bits = np.unpackbits(matcher.mask().view(np.uint8), bitorder="little")
    return [byte for byte, id in ids.items() if bits[id]]


def _next(allowed: Sequence[int], plan: list[int], rng: random.Random) -> int:
    """The next byte of the attack, or of what is left of it behind one that cannot come."""
    if len(allowed) == 1:
        return allowed[0]
    while plan:
        byte = plan.pop(0)
        if byte in allowed:
            return byte
        if rng.random() < 0.5:
            break
    plan.clear()
    escapes = [byte for byte in allowed if byte in b"\\u003c<"]
    return rng.choice(escapes if escapes and rng.random() < 0.3 else allowed)
