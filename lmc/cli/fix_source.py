"""Changes a program's source as a fix-it says: operands of `s += a + b`, or such statements, change places whole.

Text is never cut: where a constant stands in one literal with what differs, there is no change, and None comes back.
All else in the file stays as it is, comments and all.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lmc.passes.fixits import Fixit
from lmc.source import Span

LEAST = 24  # characters of a constant that is worth moving
TURNS = ("system", "user", "assistant")
MARK = "# lmc: order-free"  # on a line whose text may be said in another order
Constants = Mapping[str, object]


def changed(text: str, fix: Fixit, constants: Constants) -> str | None:
    """The source with a fix-it applied; `constants` are the globals of the program. None where it cannot be done."""
    lines = _Lines(text)
    here = _appended(lines.tree, fix.span)
    if here is None:
        return None
    match fix.change:
        case "later":
            return _later(lines, here, constants)
        case "sorted":
            return _sorted(lines, here, constants)
        case "alike":
            other = _appended(lines.tree, fix.like) if fix.like is not None else None
            return _alike(lines, here, other, constants) if other is not None else None


def is_marked(text: str, span: Span) -> bool:
    """Whether the statement there says that the order of its text has no meaning."""
    here = _appended(ast.parse(text), span)
    if here is None:
        return False
    rows = text.splitlines()[here.stmt.lineno - 1 : here.stmt.end_lineno]
    return any(MARK in row for row in rows)


class _Lines:
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

    def _at(self, line: int, column: int) -> int:
        # columns of the tree are bytes
        return self._starts[line - 1] + len(self._lines[line - 1].encode()[:column].decode())


@dataclass(frozen=True, slots=True)
class _Appended:
    """A statement `s += a + b`, its operands, and the statements that follow it in its block."""

    stmt: ast.AugAssign
    operands: tuple[ast.expr, ...]
    behind: tuple[ast.stmt, ...]


def _appended(tree: ast.AST, span: Span | None) -> _Appended | None:
    """The innermost such statement at a place."""
    found = None
    for block in _blocks(tree):
        for index, stmt in enumerate(block):
            is_there = span is not None and stmt.lineno <= span.line <= (stmt.end_lineno or stmt.lineno)
            if is_there and isinstance(stmt, ast.AugAssign) and isinstance(stmt.op, ast.Add):
                found = _Appended(stmt, tuple(_operands(stmt.value)), tuple(block[index + 1 :]))
    return found


def _blocks(tree: ast.AST) -> Iterator[list[ast.stmt]]:
    for node in ast.walk(tree):
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
                yield block


def _operands(value: ast.expr) -> Iterator[ast.expr]:
    """Those of a sum; of one within a turn (`lmc.system(a + b)`) the turn's."""
    if isinstance(value, ast.Call) and len(value.args) == 1 and not value.keywords and _name(value.func) in TURNS:
        value = value.args[0]
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add):
        yield from _operands_of_sum(value)
    else:
        yield value


def _operands_of_sum(value: ast.expr) -> Iterator[ast.expr]:
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add):
        yield from _operands_of_sum(value.left)
        yield value.right
    else:
        yield value


def _name(func: ast.expr) -> str:
    return func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""


def _constant(operand: ast.expr, constants: Constants) -> str | None:
    """The text of an operand that is the same in every run."""
    if isinstance(operand, ast.Constant):
        return operand.value if isinstance(operand.value, str) else None
    if isinstance(operand, ast.Name):
        text = constants.get(operand.id)
        return text if isinstance(text, str) else None
    return None


def _later(lines: _Lines, here: _Appended, constants: Constants) -> str | None:
    """Constants behind the first operand that is none go before it: within the statement, or the next ones whole."""
    texts = [_constant(each, constants) for each in here.operands]
    first = next((i for i, text in enumerate(texts) if text is None), None)
    if first is None:
        return None
    moved = []
    for index in range(first + 1, len(texts)):
        if isinstance(here.operands[index], ast.Call):
            break
        if len(texts[index] or "") >= LEAST:
            moved.append(index)
    if moved:
        return _reordered(lines, here, moved)
    if any(isinstance(each, ast.Call) for each in here.operands):  # a generation: what follows is another prompt
        return None
    following = []
    for stmt in here.behind:
        if not _is_constant(stmt, here.stmt, constants):
            break
        following.append(stmt)
    if not following:
        return None
    (start, end), (begin, stop) = lines.rows(here.stmt), (lines.rows(following[0])[0], lines.rows(following[-1])[1])
    text = lines.text
    return text[:start] + _ended(text[begin:stop]) + text[end:begin] + text[start:end] + text[stop:]


def _ended(rows: str) -> str:
    return rows if rows.endswith("\n") else rows + "\n"


def _is_constant(stmt: ast.stmt, like: ast.AugAssign, constants: Constants) -> bool:
    """Whether a statement appends constant text to the same state."""
    if not isinstance(stmt, ast.AugAssign) or ast.dump(stmt.target) != ast.dump(like.target):
        return False
    return all(_constant(each, constants) is not None for each in _operands_of_sum(stmt.value))


def _reordered(lines: _Lines, here: _Appended, moved: list[int]) -> str:
    """The operands of these numbers before all others."""
    rest = [index for index in range(len(here.operands)) if index not in moved]
    texts = [lines.of(here.operands[index]) for index in (*moved, *rest)]
    start, end = lines.start(here.operands[0]), lines.end(here.operands[-1])
    return lines.text[:start] + " + ".join(texts) + lines.text[end:]


def _sorted(lines: _Lines, here: _Appended, constants: Constants) -> str | None:
    """The set that is said there within `sorted()`."""
    ordered = {id(arg) for node in ast.walk(here.stmt) for arg in _arguments(node, "sorted")}
    for node in ast.walk(here.stmt):
        if id(node) not in ordered and isinstance(node, ast.Set | ast.SetComp | ast.Name) and _is_set(node, constants):
            start, end = lines.start(node), lines.end(node)
            return f"{lines.text[:start]}sorted({lines.text[start:end]}){lines.text[end:]}"
    return None


def _is_set(node: ast.expr, constants: Constants) -> bool:
    return not isinstance(node, ast.Name) or isinstance(constants.get(node.id), set | frozenset)


def _arguments(node: ast.AST, function: str) -> list[ast.expr]:
    return node.args if isinstance(node, ast.Call) and _name(node.func) == function else []


def _alike(lines: _Lines, here: _Appended, other: _Appended, constants: Constants) -> str | None:
    """The first constant that differs from the other statement's becomes that one."""
    for mine, theirs in zip(here.operands, other.operands):
        if lines.of(mine) == lines.of(theirs):
            continue
        if _constant(mine, constants) is None or _constant(theirs, constants) is None:
            return None
        start, end = lines.start(mine), lines.end(mine)
        return lines.text[:start] + lines.of(theirs) + lines.text[end:]
    return None
