"""The peer llguidance in benchmarks: our vocabulary as its tokenizer, and a walk with a mask at every token."""

from __future__ import annotations

import time
from typing import Any


def tokenizer_of(vocab: list[bytes | None]) -> Any:
    """llguidance's tokenizer, told our bytes; token 1 ends a text."""
    import llguidance

    names = [v if v else f"\xff<special{i}>".encode("latin-1") for i, v in enumerate(vocab)]
    special = [i for i, v in enumerate(vocab) if not v]
    members = {"eos_token_id": 1, "bos_token_id": None, "tokens": names, "special_token_ids": special}
    wrapper = type("Vocabulary", (), {**members, "__call__": lambda self, text: []})()
    return llguidance.LLTokenizer(llguidance.TokenizerWrapper(wrapper))


def matcher_of(tokenizer: Any, grammar: str) -> Any:
    """What is compiled. Raises RuntimeError where llguidance refuses it."""
    import llguidance

    matcher = llguidance.LLMatcher(tokenizer, grammar)
    if matcher.get_error():
        raise RuntimeError(matcher.get_error())
    return matcher


def walk(compiled: Any, tokens: list[int], size: int) -> list[float]:
    """CPU seconds of each mask along a text, and of the one behind it."""
    import llguidance.numpy

    matcher = compiled.deep_copy()
    mask = llguidance.numpy.allocate_token_bitmask(1, size)
    times = []
    for token in [*tokens, -1]:
        begin = time.process_time()
        llguidance.numpy.fill_next_token_bitmask(matcher, mask, 0)
        times.append(time.process_time() - begin)
        assert token < 0 or matcher.consume_token(token), matcher.get_error()
    return times
