"""The statements `s += a + b` of a source: where they stand, what their operands are, which of these are constant."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lmc.source import Span

TURNS = ("system", "user", "assistant")
Constants = Mapping[str, object]


class SourceLines:
    """A source, its tree, and where its nodes are as offsets."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tree = ast.parse(text)
        self._starts = [0]
        for line in text.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))
        self._lines = text.splitlines(keepends=True)

    def start(self, node: ast.expr | ast.stmt) -> int:
        """Where a node begins."""
        return self._at(node.lineno, node.col_offset)

    def end(self, node: ast.expr | ast.stmt) -> int:
        """Where it ends."""
        assert node.end_lineno is not None and node.end_col_offset is not None
        return self._at(node.end_lineno, node.end_col_offset)

    def of(self, node: ast.expr | ast.stmt) -> str:
        """The text of a node."""
        return self.text[self.start(node) : self.end(node)]

    def rows(self, stmt: ast.stmt) -> tuple[int, int]:
        """The offsets of the whole lines that a statement stands in."""
        assert stmt.end_lineno is not None
        return self._starts[stmt.lineno - 1], self._starts[stmt.end_lineno]

    def with_text(self, *changes: tuple[int, int, str]) -> str:
        """The source with other text between some offsets, which do not overlap."""
        text = self.text
        for start, end, new in sorted(changes, reverse=True):
            text = text[:start] + new + text[end:]
        return text

    def _at(self, line: int, column: int) -> int:
        # columns of the tree are bytes
        return self._starts[line - 1] + len(self._lines[line - 1].encode()[:column].decode())


@dataclass(frozen=True, slots=True)
class Appended:
    """A statement `s += a + b` and the statements of its block.

    said      the sum, within its turn where it is one (`lmc.system(a + b)`)
    operands  those of the sum
    turn      the function of the turn
    index     its place in the block
    """

    stmt: ast.AugAssign
    said: ast.expr
    operands: tuple[ast.expr, ...]
    turn: ast.expr | None
    block: tuple[ast.stmt, ...]
    index: int

    @property
    def behind(self) -> tuple[ast.stmt, ...]:
        """The statements that follow it in its block."""
        return self.block[self.index + 1 :]


def appended(tree: ast.AST, span: Span | None) -> Appended | None:
    """The innermost such statement at a place."""
    found = None
    for block in _blocks(tree):
        for index, stmt in enumerate(block):
            is_there = span is not None and stmt.lineno <= span.line <= (stmt.end_lineno or stmt.lineno)
            if is_there and (made := as_appended(block, index)) is not None:
                found = made
    return found


def as_appended(block: list[ast.stmt] | tuple[ast.stmt, ...], index: int) -> Appended | None:
    """A statement of a block, where it is such a one."""
    stmt = block[index]
    if not isinstance(stmt, ast.AugAssign) or not isinstance(stmt.op, ast.Add):
        return None
    value = stmt.value
    said: ast.expr = value
    turn: ast.expr | None = None
    if isinstance(value, ast.Call) and len(value.args) == 1 and not value.keywords and name_of(value.func) in TURNS:
        said, turn = value.args[0], value.func
    return Appended(stmt, said, tuple(operands_of(said)), turn, tuple(block), index)


def operands_of(value: ast.expr) -> Iterator[ast.expr]:
    """Those of a sum, however it is nested; of anything else itself."""
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add):
        yield from operands_of(value.left)
        yield from operands_of(value.right)
    else:
        yield value


def constant_of(operand: ast.expr, constants: Constants) -> str | None:
    """The text of an operand that is the same in every run."""
    if isinstance(operand, ast.Constant):
        return operand.value if isinstance(operand.value, str) else None
    if isinstance(operand, ast.Name):
        text = constants.get(operand.id)
        return text if isinstance(text, str) else None
    return None


def name_of(func: ast.expr) -> str:
    """The last name of what is called."""
    return func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""


def _blocks(tree: ast.AST) -> Iterator[list[ast.stmt]]:
    for node in ast.walk(tree):
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
                yield block
