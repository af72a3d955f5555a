"""Code objects: whether the code that a function has is what its file says."""

from __future__ import annotations
import __future__

import ast
from types import CodeType

# the flags of `from __future__ import ...`, as a code object carries them
FUTURE = sum({getattr(__future__, name).compiler_flag for name in __future__.all_feature_names} - {0x10})
_SAME = (
    "co_name", "co_argcount", "co_posonlyargcount", "co_kwonlyargcount", "co_flags", "co_code", "co_names",
    "co_varnames", "co_freevars", "co_cellvars", "co_exceptiontable",
)  # fmt: skip


def place_of(code: CodeType) -> tuple[str, int]:
    """The name and the first line of a function, decorators included."""
    return code.co_name, code.co_firstlineno


def codes_in(code: CodeType) -> dict[tuple[str, int], list[CodeType]]:
    """Every code object inside one, by its place."""
    found: dict[tuple[str, int], list[CodeType]] = {}
    stack = [code]
    while stack:
        inner = [const for const in stack.pop().co_consts if isinstance(const, CodeType)]
        stack.extend(inner)
        for each in inner:
            found.setdefault(place_of(each), []).append(each)
    return found


def same_code(written: CodeType, has: CodeType) -> bool:
    """True where both do the same; `written` was compiled from the text."""
    # pytest writes asserts out at import, in names that no program has: what they do is the same
    if any(name.startswith("@py") for name in (*has.co_names, *has.co_varnames)):
        return written.co_name == has.co_name and written.co_freevars == has.co_freevars
    return all(getattr(written, name) == getattr(has, name) for name in _SAME) and _same_constants(
        written.co_consts, has.co_consts
    )


def _same_constants(written: tuple[object, ...], has: tuple[object, ...]) -> bool:
    return len(written) == len(has) and all(map(_same_constant, written, has))


def _same_constant(x: object, y: object) -> bool:
    if type(x) is not type(y):
        return False
    if isinstance(x, CodeType) and isinstance(y, CodeType):
        return same_code(x, y)
    if isinstance(x, tuple) and isinstance(y, tuple):
        return _same_constants(x, y)
    if isinstance(x, frozenset) and isinstance(y, frozenset):
        return {(type(each), each) for each in x} == {(type(each), each) for each in y}
    return repr(x) == repr(y)  # 0.0 and -0.0 are equal, and two constants


def lambda_of(code: CodeType, lambdas: list[ast.Lambda]) -> ast.Lambda | None:
    """The lambda of a line that has this code: the innermost that its instructions stand in."""
    # what begins and ends a function stands at column 0, and is no wider than that
    spots = [(line, col) for line, _, col, end in code.co_positions() if line and col is not None and end]
    if not spots:
        return lambdas[0] if len(lambdas) == 1 else None
    return min((node for node in lambdas if all(_is_in(node.body, spot) for spot in spots)), key=_length, default=None)


def _is_in(node: ast.expr, spot: tuple[int, int]) -> bool:
    assert node.end_lineno is not None and node.end_col_offset is not None
    return (node.lineno, node.col_offset) <= spot < (node.end_lineno, node.end_col_offset)


def _length(node: ast.Lambda) -> tuple[int, int]:
    assert node.end_lineno is not None and node.end_col_offset is not None
    return node.end_lineno - node.lineno, node.end_col_offset - node.col_offset
