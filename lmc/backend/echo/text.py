"""What the echo backend says where nothing constrains it: short plausible words, a pure function of a seed.

Knows nothing of requests or events. A seed is a 64-bit number made by `mix`; the same seed gives the same words.
"""

from __future__ import annotations

import re
from functools import lru_cache

from lmc.backend.patterns import automaton_of

MASK = (1 << 64) - 1

# 128 words: seven bits of the generator pick one
_LINES = """
the a one this that some each every old new small large warm cold quiet bright red blue green dark
cat dog bird fish river lake hill road house door window garden table book page letter word story song city
day night morning winter summer rain snow wind sun moon star light shadow stone tree leaf root seed bread salt
runs walks sings reads writes finds keeps opens turns moves grows falls waits sleeps sees hears knows asks makes
takes slowly quickly gently often never always here there near far above below before after with without under over
into from and or but so then while because when where if as like until once again still almost just only even
plan idea answer reason number rule sure right
"""
WORDS: tuple[str, ...] = tuple(_LINES.split())


def mix(*parts: int) -> int:
    """A 64-bit number from integers, the same in every process (the hash of a tuple of ints takes no salt)."""
    return hash(parts) & MASK


def advance(seed: int) -> int:
    """The next state of the generator; read its high bits, the low ones repeat early."""
    return (seed * 6364136223846793005 + 1442695040888963407) & MASK


def words(seed: int, least: int, most: int) -> tuple[str, bool]:
    """ASCII words of at least `least` and at most `most` bytes, and whether they end by themselves.

    Three to ten words and a full stop; one that passes `most` is cut there, anywhere in a word.
    """
    seed = advance(seed)
    parts: list[str] = []
    for _ in range(3 + (seed >> 61)):
        seed = advance(seed)
        parts.append(WORDS[seed >> 57])
    text = " ".join(parts) + "."
    while len(text) < least:
        seed = advance(seed)
        text += " " + WORDS[seed >> 57]
    return (text, True) if len(text) <= most else (text[:most], False)


def cut_at_stop(
    text: str, stop: tuple[str, ...], stop_regex: tuple[str, ...], *, least: int = 0
) -> tuple[int, int] | None:
    """Where generation would have stopped: (text kept, text generated), both in characters; None if it does not stop.

    The stop that is complete first wins, as it would token by token; of two that end together the longer one.
    A string must end, and a pattern begin, with at least `least` characters generated.
    """
    found = [(at + len(s), at) for s in stop if s and (at := text.find(s, max(0, least - len(s)))) >= 0]
    matches = (_searched(p, text, max(0, least - 1)) for p in stop_regex)
    found += [(m.end(), m.start()) for m in matches if m and m.group()]
    if not found:
        return None
    end, start = min(found)
    return start, end


def _searched(pattern: str, text: str, begin: int) -> re.Match[str] | None:
    """The leftmost match; where it begins is found without trying one way after another."""
    automaton = automaton_of(pattern)
    if automaton is None:
        return _compiled(pattern).search(text, begin)
    start = automaton.leftmost(text, begin)
    return None if start is None else _compiled(pattern).match(text, start)


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
