"""Where things stand in the user's files: spans, and the lines they point at.

Standard library only; knows nothing of the IR.
"""

from __future__ import annotations

import linecache
from dataclasses import dataclass
from functools import lru_cache

MAX_SOURCE = 2_000_000  # characters of a file that is looked at


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

    @property
    def spot(self) -> str:
        """`file.py:12:5`, with its column: what records know a place by."""
        return f"{self.place}:{self.col}"

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


def span_in_string(text: str, place: tuple[int, int], span: Span | None) -> Span | None:
    """Where line and column of a text are in the file of `span`, where a string in it is that text; else None."""
    if span is None:
        return None
    line, column = place
    lines = text.splitlines()
    if not 0 < line <= len(lines):
        return None
    for shown in dict.fromkeys((lines[line - 1], lines[line - 1].replace("\\", "\\\\"))):
        found = [
            (number, source.find(shown))
            for first, last in _strings(span.file, text)
            for number in range(first, last + 1)
            if (source := linecache.getline(span.file, number)).count(shown) == 1
        ]
        if len(found) != 1 and lines.count(lines[line - 1]) == 1:
            continue
        if found:
            number, at = found[min(lines[: line - 1].count(lines[line - 1]), len(found) - 1)]
            begin = at + column + shown[: column - 1].count("\\\\") * (shown != lines[line - 1])
            return Span(span.file, number, begin, begin + 1)
    return None


@lru_cache(maxsize=64)
def _strings(file: str, text: str) -> tuple[tuple[int, int], ...]:
    """The first and last lines of the strings of a file that are this text."""
    source = "".join(linecache.getlines(file))
    if not source or len(source) > MAX_SOURCE:
        return ()
    import ast  # only a message needs it

    try:
        tree = ast.parse(source)
    except SyntaxError:
        return ()
    return tuple(
        (node.lineno, node.end_lineno or node.lineno)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and node.value == text
    )
