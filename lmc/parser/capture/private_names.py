"""Private names: inside a class, Python writes `__name` out with the name of the class before it."""

from __future__ import annotations

import ast

_WRITTEN = "_written_name"  # of a function whose name was written out: as it stands in the text


def write_out_private_names(tree: ast.AST) -> None:
    """Do the same in a tree, in place."""
    _Private("").visit(tree)


def written_name(node: ast.FunctionDef) -> str:
    """The name of a function as it stands in the text."""
    return str(getattr(node, _WRITTEN, node.name))


class _Private(ast.NodeVisitor):
    def __init__(self, owner: str) -> None:
        self.prefix = f"_{owner.lstrip('_')}" if owner.strip("_") else ""

    def _out(self, name: str) -> str:
        is_private = name.startswith("__") and not name.endswith("__") and "." not in name
        return self.prefix + name if is_private and self.prefix else name

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for each in (*node.decorator_list, *node.bases, *node.keywords):
            self.visit(each)
        inner = _Private(node.name)
        for statement in node.body:
            inner.visit(statement)
        node.name = self._out(node.name)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.generic_visit(node)
        setattr(node, _WRITTEN, node.name)
        node.name = self._out(node.name)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Name(self, node: ast.Name) -> None:
        node.id = self._out(node.id)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self.visit(node.value)
        node.attr = self._out(node.attr)

    def visit_arg(self, node: ast.arg) -> None:
        self.generic_visit(node)
        node.arg = self._out(node.arg)

    def visit_Global(self, node: ast.Global | ast.Nonlocal) -> None:
        node.names = [self._out(name) for name in node.names]

    visit_Nonlocal = visit_Global

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        self.generic_visit(node)
        node.name = self._out(node.name) if node.name else None

    def visit_alias(self, node: ast.alias) -> None:
        node.asname = self._out(node.asname or node.name)
        if node.asname == node.name:
            node.asname = None
