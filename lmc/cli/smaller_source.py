"""Smaller Python files than a given one: what delta debugging tries. All of them are parsed, none is run here."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import TypeGuard

_MOST = 16  # ways in which one node is made smaller


def num_statements(source: str) -> int:
    """How many statements may be left out."""
    return sum(1 for _ in _places(ast.parse(source)))


def without(source: str, left_out: set[int]) -> str:
    """The source without some statements, by their place in the file; a block that has none left is `pass`."""
    tree = ast.parse(source)
    gone: dict[int, tuple[list[ast.stmt], set[int]]] = {}
    for number, (block, index) in enumerate(_places(tree)):
        if number in left_out:
            gone.setdefault(id(block), (block, set()))[1].add(index)
    for block, indices in gone.values():
        block[:] = [each for i, each in enumerate(block) if i not in indices]
    _fill(tree)
    return ast.unparse(tree) + "\n"


def variants(source: str) -> Iterator[str]:
    """The source with one thing less: what stands around a block, an argument, an operand, half of a text."""
    tree = ast.parse(source)
    guards = {id(each) for node in ast.walk(tree) if _guards_a_script(node) for each in ast.walk(node.test)}
    numbers = [number for number, node in enumerate(ast.walk(tree)) if id(node) not in guards]
    for number in numbers:
        for which in range(_MOST):
            smaller = copy.deepcopy(tree)
            node = next(each for i, each in enumerate(ast.walk(smaller)) if i == number)
            if not _shrink(smaller, node, which):
                break
            _fill(smaller)
            yield ast.unparse(ast.fix_missing_locations(smaller)) + "\n"


def first_effect(source: str) -> int | None:
    """The first line at the top of a file that calls something for what it does; None where there is none."""
    for statement in ast.parse(source).body:
        may_act = isinstance(statement, ast.Expr | ast.With | ast.For | ast.While | ast.Try | ast.If)
        calls = any(isinstance(each, ast.Call) for each in ast.walk(statement))
        if may_act and calls and not _guards_a_script(statement):
            return statement.lineno
    return None


def _places(tree: ast.AST) -> Iterator[tuple[list[ast.stmt], int]]:
    """Every statement: the block that holds it, and where."""
    for node in ast.walk(tree):
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list):
                yield from ((block, i) for i in range(len(block)) if not isinstance(block[i], ast.Pass))


def _fill(tree: ast.AST) -> None:
    """Put `pass` where a block must not be empty."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Module) and getattr(node, "body", None) == []:
            node.body = [ast.Pass()]  # type: ignore[attr-defined]


def _shrink(tree: ast.AST, node: ast.AST, which: int) -> bool:
    """Make a node smaller in the way of that number; False where there is none."""
    way = next(islice(_ways(tree, node), which, None), None)
    if way is not None:
        way()
    return way is not None


def _ways(tree: ast.AST, node: ast.AST) -> Iterator[Callable[[], object]]:
    match node:
        case ast.If() | ast.With() | ast.For() | ast.While() | ast.Try() if not _guards_a_script(node):
            yield partial(_unwrap, tree, node)
        case ast.Call():
            yield from (partial(node.keywords.pop, i) for i in range(len(node.keywords)))
            yield from (partial(node.args.pop, i) for i in range(len(node.args)))
        case ast.List() | ast.Tuple() | ast.Set():
            yield from (partial(node.elts.pop, i) for i in range(len(node.elts)))
        case ast.JoinedStr():
            yield from (partial(node.values.pop, i) for i in range(len(node.values)))
        case ast.BinOp():
            yield from (partial(_put, tree, node, side) for side in (node.left, node.right))
        case ast.BoolOp():
            yield from (partial(_put, tree, node, side) for side in node.values)
        case ast.Constant(value=str(text)) if len(text) > 4:
            yield partial(setattr, node, "value", text[: len(text) // 2])
        case ast.FunctionDef():
            # the state is the program's first argument
            yield from (partial(_without_argument, node.args, i) for i in range(1, len(node.args.args)))


def _guards_a_script(node: ast.AST) -> TypeGuard[ast.If]:
    """Whether it is `if __name__ == "__main__":`, whose body is not to run when the file is imported."""
    return isinstance(node, ast.If) and "__name__" in ast.unparse(node.test)


def _unwrap(tree: ast.AST, node: ast.stmt) -> None:
    """Put the body of a statement in its place."""
    for each in ast.walk(tree):
        for name in ("body", "orelse", "finalbody"):
            block = getattr(each, name, None)
            if isinstance(block, list) and node in block:
                at = block.index(node)
                block[at : at + 1] = node.body  # type: ignore[attr-defined]


def _put(tree: ast.AST, node: ast.expr, side: ast.expr) -> None:
    """Put one side of an expression in its place."""
    for each in ast.walk(tree):
        for name, value in ast.iter_fields(each):
            if value is node:
                setattr(each, name, side)
            elif isinstance(value, list) and node in value:
                value[value.index(node)] = side


def _without_argument(args: ast.arguments, index: int) -> None:
    first = len(args.args) - len(args.defaults)
    if index >= first:
        del args.defaults[index - first]
    del args.args[index]
