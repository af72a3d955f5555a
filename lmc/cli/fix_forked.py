"""A state that says again what another one generated becomes a copy of that one, from behind the generation.

    again = s.copy()                        s += lmc.gen("thing")
    s += lmc.gen("thing")          ->       again = s.copy()
    again += s["thing"] + " How?"           again += " How?"

The text of each prompt stays the same, and where it was encoded anew it has the tokens now that were generated.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from lmc.cli.appended import Appended, SourceLines, as_appended, name_of


def forked(lines: SourceLines, here: Appended) -> str | None:
    """The source with `here`, which says it again, changed so; None where its block is written otherwise."""
    again = here.stmt.target
    at = next((i for i in range(here.index - 1, -1, -1) if _copied(here.block[i], again)), None)
    if not isinstance(again, ast.Name) or at is None:
        return None
    owner = _copied(here.block[at], again)
    assert owner is not None
    between = here.block[at + 1 : here.index]
    if again.id in _names(between):
        return None
    writers = [i for i in range(at + 1, here.index) if _writes(here.block[i], owner)]
    made = as_appended(here.block, writers[0]) if writers else None
    if made is None or not _says_again(lines, made, here, owner):
        return None
    rest = here.operands[len(made.operands) :]
    copy, behind = lines.rows(here.block[at]), lines.rows(made.stmt)[1]
    said = " + ".join(lines.of(each) for each in rest)
    end = (lines.start(here.said), lines.end(here.said), said) if rest else (*lines.rows(here.stmt), "")
    return lines.with_text((*copy, ""), (behind, behind, lines.text[slice(*copy)]), end)


def _copied(stmt: ast.stmt, again: ast.expr) -> str | None:
    """Of `again = s.copy()` the `s`."""
    match stmt:
        case ast.Assign(
            targets=[ast.Name(id=name)], value=ast.Call(func=ast.Attribute() as copy, args=[], keywords=[])
        ):
            is_it = isinstance(again, ast.Name) and name == again.id and copy.attr == "copy"
            return copy.value.id if is_it and isinstance(copy.value, ast.Name) else None
    return None


def _writes(stmt: ast.stmt, owner: str) -> bool:
    """Whether a statement may change the state of that name."""
    return any(isinstance(node, ast.Name) and node.id == owner for node in ast.walk(stmt))


def _says_again(lines: SourceLines, made: Appended, here: Appended, owner: str) -> bool:
    """Whether `here` begins with all that `made` says, the generated text read of its state."""
    *texts, last = made.operands
    if not isinstance(made.stmt.target, ast.Name) or made.stmt.target.id != owner or len(here.operands) <= len(texts):
        return False
    if [lines.of(each) for each in texts] != [lines.of(each) for each in here.operands[: len(texts)]]:
        return False
    match last, here.operands[len(texts)]:
        case (
            ast.Call(args=[ast.Constant(value=name), *_]) as call,
            ast.Subscript(value=ast.Name(id=read), slice=ast.Constant(value=key)),
        ):
            return name_of(call.func) == "gen" and made.turn is None and read == owner and name == key
    return False


def _names(stmts: Sequence[ast.stmt]) -> set[str]:
    found: Iterator[str] = (node.id for stmt in stmts for node in ast.walk(stmt) if isinstance(node, ast.Name))
    return set(found)
