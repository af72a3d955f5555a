"""The source of a function: its AST, its file's symbol table, and which names are whose.

Scopes come from `symtable`, never from a scan of our own. One parse a file, kept until the file changes.
"""

from __future__ import annotations

import ast
import linecache
import symtable
from dataclasses import dataclass
from types import FunctionType

from lmc.codes import NO_SOURCE, NOT_A_PLAIN_FUNCTION
from lmc.parser.capture.breaks import graph_break
from lmc.source import Span


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A parsed file."""

    name: str
    tree: ast.Module
    tables: dict[tuple[str, int], symtable.SymbolTable]
    functions: dict[tuple[str, int], ast.FunctionDef | ast.AsyncFunctionDef]
    lambdas: dict[int, list[ast.Lambda]]


@dataclass(frozen=True, slots=True)
class Scope:
    """The names of one function: where each is looked up."""

    file: str
    table: symtable.SymbolTable | None
    globals: dict[str, object]
    locals: frozenset[str]

    def is_local(self, name: str) -> bool:
        """True for a name that this function binds itself."""
        return name in self.locals

    def is_global(self, name: str) -> bool:
        """True for a name that belongs to the module."""
        if self.table is None:
            return False
        try:
            symbol = self.table.lookup(name)
        except KeyError:
            return False
        return symbol.is_declared_global()


_FILES: dict[str, tuple[str, SourceFile]] = {}


def source_file(name: str) -> SourceFile | None:
    """The parsed file, or None where it cannot be read."""
    linecache.checkcache(name)
    text = "".join(linecache.getlines(name))
    if not text:
        return None
    kept = _FILES.get(name)
    if kept is None or kept[0] != text:
        try:
            parsed = _parse(name, text)
        except (SyntaxError, ValueError):  # not the text that the function was compiled from
            return None
        _FILES[name] = kept = (text, parsed)
    return kept[1]


def _parse(name: str, text: str) -> SourceFile:
    tree = _Mangled().visit(ast.parse(text, name))
    tables: dict[tuple[str, int], symtable.SymbolTable] = {}
    stack = [symtable.symtable(text, name, "exec")]
    while stack:
        table = stack.pop()
        stack.extend(table.get_children())
        if table.get_type() == "function":
            tables[(table.get_name(), table.get_lineno())] = table
    functions: dict[tuple[str, int], ast.FunctionDef | ast.AsyncFunctionDef] = {}
    lambdas: dict[int, list[ast.Lambda]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            functions[(node.name, first)] = node
        elif isinstance(node, ast.Lambda):
            lambdas.setdefault(node.lineno, []).append(node)
    return SourceFile(name, tree, tables, functions, lambdas)


class _Mangled(ast.NodeTransformer):
    """Gives private names of a class (`__name`) the ones that Python compiles them to, as `symtable` does."""

    def __init__(self) -> None:
        self.cls = ""

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        outer, self.cls = self.cls, node.name.lstrip("_")
        self.generic_visit(node)
        self.cls = outer
        return node

    def _mangle(self, name: str) -> str:
        private = self.cls and name.startswith("__") and not name.endswith("__") and "." not in name
        return f"_{self.cls}{name}" if private else name

    def visit_Attribute(self, node: ast.Attribute) -> ast.Attribute:
        node.attr = self._mangle(node.attr)
        self.generic_visit(node)
        return node

    def visit_Name(self, node: ast.Name) -> ast.Name:
        node.id = self._mangle(node.id)
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.arg = self._mangle(node.arg)
        self.generic_visit(node)
        return node

    def visit_keyword(self, node: ast.keyword) -> ast.keyword:
        node.arg = node.arg and self._mangle(node.arg)
        self.generic_visit(node)
        return node


def function_source(fn: FunctionType) -> tuple[ast.FunctionDef | ast.Lambda, Scope]:
    """The AST and scope of a Python function; raises CaptureError where its source cannot be read."""
    code = fn.__code__
    file = source_file(code.co_filename)
    span = Span(code.co_filename, code.co_firstlineno)
    if file is None:
        raise graph_break(NO_SOURCE, None, f"`{fn.__name__}`")
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | None
    if code.co_name == "<lambda>":
        found = file.lambdas.get(code.co_firstlineno, [])
        node = found[0] if len(found) == 1 else None
    else:
        node = file.functions.get((code.co_name, code.co_firstlineno))
    if node is None:
        raise graph_break(NO_SOURCE, span, f"`{fn.__name__}`")
    if isinstance(node, ast.AsyncFunctionDef) or code.co_flags & 0x2A0:  # generator, coroutine, async generator
        raise graph_break(NOT_A_PLAIN_FUNCTION, node_span(node, code.co_filename), f"`{fn.__name__}`")
    return node, function_scope(node, code.co_filename, fn.__globals__)


def function_scope(node: ast.FunctionDef | ast.Lambda, file: str, module: dict[str, object]) -> Scope:
    """The scope of a function or lambda node of a file."""
    parsed = source_file(file)
    assert parsed is not None
    if isinstance(node, ast.Lambda):
        return Scope(file, None, module, frozenset(a.arg for a in _all_args(node.args)))
    table = parsed.tables[(node.name, node.lineno)]
    return Scope(file, table, module, frozenset(s.get_name() for s in table.get_symbols() if s.is_local()))


def _all_args(args: ast.arguments) -> list[ast.arg]:
    extra = [a for a in (args.vararg, args.kwarg) if a is not None]
    return [*args.posonlyargs, *args.args, *args.kwonlyargs, *extra]


def node_span(node: ast.AST, file: str) -> Span:
    """The span of an AST node; one that runs over several lines keeps its first."""
    line: int = getattr(node, "lineno", 1)
    col: int = getattr(node, "col_offset", 0)
    end = node.end_col_offset if getattr(node, "end_lineno", None) == line else None  # type: ignore[attr-defined]
    text = linecache.getline(file, line)
    if end is None:
        return Span(file, line, _column(text, col), len(text.rstrip()) + 1)
    return Span(file, line, _column(text, col), _column(text, end))


def _column(text: str, offset: int) -> int:
    """The column, from 1, at an offset as ast counts it: in UTF-8 bytes, where people count characters."""
    if text.isascii():
        return min(offset, len(text)) + 1
    return len(text.encode()[:offset].decode(errors="replace")) + 1
