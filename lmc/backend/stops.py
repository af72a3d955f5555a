"""Where a text must end: stop strings and stop patterns, found as the text grows.

Says two things: where to cut, and how much of the text's end may yet become part of a match and so must not be
shown.
"""

from __future__ import annotations

import re
from importlib import import_module

from lmc.backend.patterns import PatternSearch

UNBOUNDED = 1 << 20
_LOOKS = re.compile(r"\(\?(?:[=!]|<[=!])|\\[bBZ]|\$")  # these match depending on what follows


class Stops:
    """The stop strings and patterns of one text that grows. Raises re.error on a pattern that is none."""

    __slots__ = ("_first", "_longest", "_patterns", "_strings", "_width")

    def __init__(self, strings: tuple[str, ...], patterns: tuple[str, ...]) -> None:
        self._strings = tuple(string for string in strings if string)
        self._patterns = [PatternSearch(pattern) for pattern in patterns]
        self._first = frozenset(string[0] for string in self._strings)
        self._longest = max((len(string) for string in self._strings), default=0)
        self._width = max((max_width(pattern) for pattern in patterns), default=0)

    def __bool__(self) -> bool:
        return bool(self._strings or self._patterns)

    def may_begin(self, text: str) -> bool:
        """False where no match, nor the beginning of one, can begin in `text`."""
        return bool(self._patterns) or not self._first.isdisjoint(text)

    def find(self, text: str, old: int, floor: int) -> int | None:
        """Where to cut `text`, if at all; its first `old` characters were searched, patterns start at `floor`."""
        cuts = [at for string in self._strings if (at := text.find(string, max(0, old - len(string) + 1))) >= 0]
        earliest = max(0, old - self._width)
        found = (pattern.find(text, earliest, floor) for pattern in self._patterns)
        cuts += [begin for begin in found if begin is not None]
        return min(cuts, default=None)

    def safe(self, text: str) -> int:
        """How many characters of `text` no later match can cut off."""
        if self._patterns and self._width >= len(text):
            return 0
        return len(text) - max(self._open_string(text), self._width - 1 if self._patterns else 0)

    def _open_string(self, text: str) -> int:
        """Length of the longest end of `text` that a stop string begins with."""
        for length in range(min(self._longest - 1, len(text)), 0, -1):
            end = text[-length:]
            if any(len(string) > length and string.startswith(end) for string in self._strings):
                return length
        return 0


def max_width(pattern: str) -> int:
    """The longest text that `pattern` can match, UNBOUNDED where there is no end or what follows decides."""
    if _LOOKS.search(pattern):
        return UNBOUNDED
    try:
        parser = import_module("re._parser")
        return min(int(parser.parse(pattern).getwidth()[1]), UNBOUNDED)
    except (ImportError, AttributeError):  # a private module of CPython: without it nothing is shown early
        return UNBOUNDED
