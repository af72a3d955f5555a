"""`import` in a program: a module that is there already is baked, any other is imported when the program gets there."""

from __future__ import annotations

import ast
import sys
from importlib import import_module
from importlib.util import resolve_name
from types import ModuleType

from lmc.ir.graph import Lit
from lmc.ir.types import REF
from lmc.parser.capture import looking
from lmc.parser.capture.context import Capture
from lmc.parser.capture.targets import assign
from lmc.parser.capture.tracer import ordinary
from lmc.parser.capture.values import StandIn, Sym


def import_node(cx: Capture, node: ast.Import) -> None:
    """`import x.y`, which binds `x`; `import x.y as z` binds `x.y`."""
    for name in node.names:
        first = name.name.split(".")[0]
        found = _imported(cx, name.name)
        bound = found if name.asname or first == name.name else _imported(cx, first)
        assign(cx, ast.Name(name.asname or first, ast.Store()), bound)


def import_from_node(cx: Capture, node: ast.ImportFrom) -> None:
    """`from x import y`."""
    module = _absolute(cx, node)
    for name in node.names:
        assign(cx, ast.Name(name.asname or name.name, ast.Store()), _part(cx, module, name.name))


def _absolute(cx: Capture, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = cx.frame.scope.globals.get("__package__")
    return ordinary(resolve_name, "." * node.level + (node.module or ""), package)


def _imported(cx: Capture, name: str) -> StandIn:
    # importing runs the module, which is the program's to do, and only where it gets there
    found = sys.modules.get(name)
    if found is None:
        return Sym(cx.t.call(import_module, Lit(name), type=REF))
    return cx.bake(found, lambda: sys.modules.get(name), ("import", name))


def _part(cx: Capture, module: str, name: str) -> StandIn:
    found = sys.modules.get(module)
    if type(found) is ModuleType and (name in vars(found)) and looking.attribute(found, name) is not looking.UNSEEN:
        _imported(cx, module)
        return cx.bake_attribute(found, name)
    return Sym(cx.t.call(import_part, Lit(module), Lit(name), type=REF))


def import_part(module: str, name: str) -> object:
    """What `from module import name` binds."""
    names: dict[str, object] = {}
    exec(f"from {module} import {name}", names)
    return names[name]
