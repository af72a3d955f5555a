"""The source of a function: its AST, its file's symbol table, and which names are whose.

Scopes come from `symtable`, never from a scan of our own. One parse a file, kept until the file changes.
"""

from __future__ import annotations

import ast
import linecache
import symtable
from dataclasses import dataclass, field
from types import CodeType, FunctionType

from lmc.codes import NO_SOURCE, NOT_A_PLAIN_FUNCTION, SOURCE_CHANGED
from lmc.parser.capture.breaks import graph_break
from lmc.parser.capture.code_objects import FUTURE, codes_in, lambda_of, place_of, same_code
from lmc.parser.capture.private_names import write_out_private_names, written_name
from lmc.recent import Recent
from lmc.source import Span

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
MAX_VERSIONS = 4  # of a file that changes while the process runs: its older functions still run


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A parsed file, its private names written out.

    functions  by name and first line, decorators included; lambdas by line
    compiled   its code objects by the `from __future__` flags they were compiled with, and whether of all the text
    """

    name: str
    text: str
    tables: dict[tuple[str, int], symtable.SymbolTable]
    functions: dict[tuple[str, int], ast.FunctionDef | ast.AsyncFunctionDef]
    lambdas: dict[int, list[ast.Lambda]]
    compiled: dict[tuple[int, bool], dict[tuple[str, int], list[CodeType]]] = field(default_factory=dict)

    def has(self, code: CodeType) -> bool:
        """True where the file, compiled as it is, has this code at its place."""
        return self._has(code, whole=True) or self._has(code, whole=False)

    def _has(self, code: CodeType, *, whole: bool) -> bool:
        """Of the whole text, or without what it imports: a call `m.f()` compiles to other code where `import m` stands
        in the same unit, and a notebook compiles each statement by itself."""
        flags = code.co_flags & FUTURE
        key = (flags, whole)
        if key not in self.compiled:
            tree = ast.parse(self.text)
            if not whole:
                tree.body = [each for each in tree.body if not isinstance(each, ast.Import | ast.ImportFrom)]
            self.compiled[key] = codes_in(compile(tree, self.name, "exec", flags, dont_inherit=True))
        return any(same_code(each, code) for each in self.compiled[key].get(place_of(code), ()))

    def class_code(self, node: ast.ClassDef) -> CodeType | None:
        """The body of a class as it was compiled; None where it cannot be told which it is."""
        place = (node.name, min([node.lineno, *(each.lineno for each in node.decorator_list)]))
        found = [code for codes in self.compiled.values() for code in codes.get(place, ())]
        first = found[0] if found else None
        one_of_each = len(found) <= len(self.compiled)
        alike = first is not None and all(code.co_flags == first.co_flags for code in found)
        return first if one_of_each and alike else None

    def node_of(self, code: CodeType) -> FunctionNode | None:
        """The function that the code was compiled from, None where it is not in the file."""
        if code.co_name != "<lambda>":
            return self.functions.get(place_of(code))
        return lambda_of(code, self.lambdas.get(code.co_firstlineno, []))


@dataclass(frozen=True, slots=True)
class Scope:
    """The names of one function: where each is looked up; `source` is where it was read from."""

    file: str
    table: symtable.SymbolTable | None
    globals: dict[str, object]
    locals: frozenset[str]
    source: SourceFile | None = None

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


MAX_FILES = 1024  # a cell of a notebook is one
# the versions that were seen of each file, the newest first
_FILES: Recent[str, list[SourceFile]] = Recent("source files", MAX_FILES)


def source_files(name: str) -> list[SourceFile]:
    """The file as it is now, then as it was when it was read before; nothing where it cannot be read."""
    linecache.checkcache(name)
    text = "".join(linecache.getlines(name))
    known = _FILES.get(name)
    if known is None:
        known = []
        _FILES.put(name, known)
    if text and (not known or known[0].text != text):
        try:
            known.insert(0, _parse(name, text))
        except (SyntaxError, ValueError):  # it is being edited: what runs was read before
            return known
        del known[MAX_VERSIONS:]
    return known


def _parse(name: str, text: str) -> SourceFile:
    tree = ast.parse(text, name)
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
    write_out_private_names(tree)
    return SourceFile(name, text, tables, functions, lambdas)


def function_source(fn: FunctionType, *, generators: bool = False) -> tuple[ast.FunctionDef | ast.Lambda, Scope]:
    """The AST and scope of a Python function; raises CaptureError where its source cannot be read.

    What runs is the code that the function has, so that code must come out of the text: a file that was edited after
    its import, or code that somebody has put in its place, is a graph break. So is a function that is no plain one;
    `generators` says that one that yields will do.
    """
    code = fn.__code__
    files = source_files(code.co_filename)
    span = Span(code.co_filename, code.co_firstlineno)
    if not files:
        raise graph_break(NO_SOURCE, None, f"`{fn.__name__}`")
    found = [(file, node) for file in files if (node := file.node_of(code)) is not None]
    if not found:
        raise graph_break(NO_SOURCE, span, f"`{fn.__name__}`")
    file, node = next((each for each in found if each[0].has(code)), found[0])
    if isinstance(node, ast.AsyncFunctionDef) or code.co_flags & (0x280 if generators else 0x2A0):
        raise graph_break(NOT_A_PLAIN_FUNCTION, node_span(node, code.co_filename), f"`{fn.__name__}`")
    if not file.has(code):
        raise graph_break(SOURCE_CHANGED, span, f"`{fn.__name__}`")
    return node, function_scope(node, file, fn.__globals__)


def function_scope(node: ast.FunctionDef | ast.Lambda, source: SourceFile, module: dict[str, object]) -> Scope:
    """The scope of a function or lambda node of a file."""
    if isinstance(node, ast.Lambda):
        return Scope(source.name, None, module, frozenset(a.arg for a in _all_args(node.args)), source)
    table = source.tables[(written_name(node), node.lineno)]
    names = frozenset(s.get_name() for s in table.get_symbols() if s.is_local())
    return Scope(source.name, table, module, names, source)


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
    if end <= len(text) and text.isascii():
        return Span(file, line, col + 1, end + 1)
    return Span(file, line, _column(text, col), _column(text, end))


def _column(text: str, offset: int) -> int:
    """The column, from 1, at an offset as ast counts it: in UTF-8 bytes, where people count characters."""
    if text.isascii():
        return min(offset, len(text)) + 1
    return len(text.encode()[:offset].decode(errors="replace")) + 1
