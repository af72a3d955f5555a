"""Where things stand in the user's files: spans, and the lines they point at.

Standard library only; knows nothing of the IR.
"""

from __future__ import annotations

import linecache
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of one source line; `line` and `col` count from 1, `end` is the column past the last character."""

    file: str
    line: int
    col: int = 1
    end: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.col}"

    @property
    def place(self) -> str:
        """`file.py:12`, with the folder left out: what tables and trees show."""
        return f"{self.file.rsplit('/', 1)[-1]}:{self.line}"

    def text(self) -> str:
        """The whole source line, or an empty string where the file cannot be read."""
        return linecache.getline(self.file, self.line).rstrip("\n")

    def caret(self, indent: str = "  ") -> str:
        """The source line with the span underlined by carets, or an empty string."""
        line = self.text()
        if not line:
            return ""
        number = f"{self.line}"
        width = max(1, min(self.end, len(line) + 1) - self.col)
        gutter = " " * len(number)
        return f"{indent}{number} | {line}\n{indent}{gutter} | {' ' * (self.col - 1)}{'^' * width}"
