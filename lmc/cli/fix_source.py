"""Changes a program's source as a fix-it says: sayings of `s += a + b`, or such statements, change places whole.

Text is cut at sentences only (sayings.py); where a constant stands in one sentence with what differs, there is no
change. All else in the file stays as it is. Whether a change does what it is for is tried out by who asks.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from lmc.cli.appended import Appended, Constants, SourceLines, appended, as_appended, constant_of, name_of, operands_of
from lmc.cli.fix_alike import alike
from lmc.cli.fix_first import first
from lmc.cli.fix_forked import forked
from lmc.cli.sayings import Saying, is_call, put, sayings, split_separator, text_of
from lmc.passes.fixits import Fixit
from lmc.source import Span

LEAST = 24  # characters of a constant that is worth moving
MARK = "# lmc: order-free"  # on a line whose text may be said in another order


def ways(text: str, fix: Fixit, constants: Constants) -> list[str]:
    """The sources that a fix-it may mean; `constants` are the globals of the program. None where it cannot be done."""
    lines = SourceLines(text)
    here = appended(lines.tree, fix.span)
    other = appended(lines.tree, fix.like) if fix.like is not None else None
    if here is None or "#" in lines.of(here.said):  # a comment would be lost
        return []
    match fix.change:
        case "later":
            found = _later(lines, here, constants)
        case "sorted":
            found = _sorted(lines, here, constants)
        case "alike":
            if other is None:
                return []
            return list(alike(lines, here, other, constants, has_more=fix.reason == "text"))
        case "first":
            return list(first(lines, here, other, constants)) if other is not None else []
        case "forked":
            found = forked(lines, here)
    return [found] if found is not None else []


def is_marked(text: str, *spans: Span | None) -> bool:
    """Whether the statements there say that the order of their text has no meaning."""
    tree, rows = ast.parse(text), text.splitlines()
    found = [appended(tree, span) for span in spans if span is not None]
    return all(
        here is not None and any(MARK in row for row in rows[here.stmt.lineno - 1 : here.stmt.end_lineno])
        for here in found
    )


def _later(lines: SourceLines, here: Appended, constants: Constants) -> str | None:
    """Constants behind the first saying that is none go before it: within the statement, or the next ones whole."""
    said = sayings(lines, here, constants)
    begin = next((i for i, each in enumerate(said) if text_of(each) is None), None)
    if begin is None:
        return None
    moved = [number for group in _groups(said, begin, _is_cue(here)) for number in group if _is_long(said, group)]
    if moved:
        start, end = lines.start(here.said), lines.end(here.said)
        return lines.with_text((start, end, put(_reordered(said, moved, begin))))
    if any(map(is_call, said)):  # a generation: what follows is another prompt
        return None
    following = list(_constants_behind(here, constants))
    if not following:
        return None
    (start, end), (begin, stop) = lines.rows(here.stmt), (lines.rows(following[0])[0], lines.rows(following[-1])[1])
    text = lines.text
    return text[:start] + _ended(text[begin:stop]) + text[end:begin] + text[start:end] + text[stop:]


def _groups(said: Sequence[Saying], begin: int, has_cue: bool) -> Iterator[list[int]]:
    """Neighbours of one operand that are the same in every run, behind `begin` and up to a call."""
    group: list[int] = []
    for number in range(begin + 1, len(said)):
        each, last = said[number], said[number - 1]
        if is_call(each):
            break
        is_cue = (has_cue if number + 1 == len(said) else is_call(said[number + 1])) and not _is_line(each)
        if group and (text_of(each) is None or is_cue or last[-1].operand != each[0].operand):
            yield group
            group = []
        if text_of(each) is not None and not is_cue:
            group.append(number)
    if group:
        yield group


def _is_long(said: Sequence[Saying], group: Sequence[int]) -> bool:
    return sum(len(text_of(said[number]) or "") for number in group) >= LEAST


def _is_line(saying: Saying) -> bool:
    """Whether it ends a line; or is a whole operand, which may be moved as it is."""
    return (text_of(saying) or "").endswith("\n") or not saying[0].quote


def _is_cue(here: Appended) -> bool:
    """Whether the statement ends in what the next one has the model go on with."""
    following = as_appended(here.block, here.index + 1) if here.behind else None
    return here.turn is None and following is not None and isinstance(following.operands[0], ast.Call)


def _reordered(said: Sequence[Saying], moved: Sequence[int], begin: int) -> list[Saying]:
    """The sayings of these numbers before the one at `begin`; a space between two sentences stays between them."""
    ahead, rest = [said[i] for i in moved], [said[i] for i in range(begin, len(said)) if i not in moved]
    last, before = text_of(ahead[-1]) or "", moved[-1] + 1 == len(said)
    if before and not last[-1:].isspace() and rest[-1][-1].operand == ahead[-1][-1].operand:
        bare, gap = split_separator(rest[-1])
        if gap:
            return [*said[:begin], *ahead, gap, *rest[:-1], bare]
    return [*said[:begin], *ahead, *rest]


def _constants_behind(here: Appended, constants: Constants) -> Iterator[ast.stmt]:
    """The statements right behind one that append constant text to the same state."""
    for stmt in here.behind:
        if not isinstance(stmt, ast.AugAssign) or ast.dump(stmt.target) != ast.dump(here.stmt.target):
            return
        if any(constant_of(each, constants) is None for each in operands_of(stmt.value)):
            return
        yield stmt


def _ended(rows: str) -> str:
    return rows if rows.endswith("\n") else rows + "\n"


def _sorted(lines: SourceLines, here: Appended, constants: Constants) -> str | None:
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
    return node.args if isinstance(node, ast.Call) and name_of(node.func) == function else []
