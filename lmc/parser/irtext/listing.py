"""A text being parsed: places in it, and errors that point at them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NoReturn, cast

from lmc.errors import ParseError
from lmc.source import Span

if TYPE_CHECKING:
    from lark import Token

MAX_SHOWN = 120  # columns of a line that a message shows


@dataclass(frozen=True)
class Source:
    """A text being parsed, and what messages call it."""

    file: str
    text: str

    @cached_property
    def lines(self) -> list[str]:
        return [*self.text.split("\n"), ""]

    def place(self, token: Token) -> tuple[int, int]:
        """Line and column of a token; the end of the text is behind its last line."""
        if token.type == "$END":
            last = max(len(self.text.rstrip().split("\n")), 1)
            return last, len(self.lines[last - 1].rstrip()) + 1
        return cast("int", token.line), cast("int", token.column)

    def span(self, line: int, col: int, width: int) -> Span:
        return Span(self.file, line, col, col + width)

    def caret(self, line: int, col: int, width: int) -> tuple[str, ...]:
        """The line with carets, as notes; empty where the span can read the file and draws its own."""
        if self.span(line, col, width).caret():
            return ()
        start = max(0, col - 1 - MAX_SHOWN // 2)
        shown = self.lines[line - 1].rstrip("\r")[start : start + MAX_SHOWN]
        carets = "^" * min(max(1, width), MAX_SHOWN // 2)
        return (f"{line} | {shown}", f"{' ' * len(str(line))} | {' ' * (col - 1 - start)}{carets}")

    def fail(self, token: Token, message: str, help: str | None = None) -> NoReturn:
        """Raises ParseError at a token."""
        (line, col), width = self.place(token), len(token)
        span = self.span(line, col, width)
        raise ParseError(message, span=span, notes=self.caret(line, col, width), help=help)
