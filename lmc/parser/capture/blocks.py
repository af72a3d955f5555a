"""Tracing a block of statements: in order, until one leaves it.

Leaving a block (break, continue, return) is a field of the frame, `$exit`. Where one arm of a branch surely leaves, the
rest of the block is traced inside the other arm: what the arm that left did is then never merged with it, and a
variable that only the other arm has needs no merging. Where leaving is not sure, the rest stands under a test of
`$exit`.
"""

from __future__ import annotations

import ast

from lmc.codes import NO_RULE
from lmc.ir.graph import Lit
from lmc.ir.types import BOOL
from lmc.parser.capture.breaks import graph_break
from lmc.parser.capture.cases import as_ifs
from lmc.parser.capture.context import Capture
from lmc.parser.capture.exits import leave, surely_leaves, under
from lmc.parser.capture.merge import branch
from lmc.parser.capture.tracer import RETURN, RUNNING, Arm
from lmc.parser.capture.values import Sym


def execute(cx: Capture, stmts: list[ast.stmt], *, tail: bool = False) -> None:
    """Trace a block; `tail` says that the function ends where the block does."""
    for at, stmt in enumerate(stmts):
        rest = stmts[at + 1 :]
        cx.at(stmt)
        chosen = as_ifs(cx, stmt) if isinstance(stmt, ast.Match) else stmt
        if isinstance(chosen, ast.If):
            if _branch(cx, chosen, rest, tail):
                return
        else:
            rule = cx.rules.statements.get(type(stmt))
            if rule is None:
                raise graph_break(NO_RULE, cx.at(stmt), f"`{_word(stmt)}`")
            rule(cx, stmt)
        # set by the statement itself, or by an arm of it
        left = cx.frame.fields["$exit"]
        if isinstance(left, Sym):
            if rest:
                _guard(cx, left, rest, tail)
            return
        if left != RUNNING:
            return
    if tail:
        leave(cx, RETURN)


def _word(stmt: ast.stmt) -> str:
    return {"AsyncFor": "async for", "AsyncWith": "async with", "ClassDef": "class", "Global": "global"}.get(
        type(stmt).__name__, type(stmt).__name__.lower()
    )


def _branch(cx: Capture, node: ast.If, rest: list[ast.stmt], tail: bool) -> bool:
    """Trace an `if`; True where the rest of the block was traced inside it."""
    truth = cx.truth(cx.eval(node.test))
    # where something stands behind the `if`, the function does not end with its arms
    whole = tail and not rest
    if isinstance(truth, bool):
        execute(cx, node.body if truth else node.orelse, tail=whole)
        return False
    span = cx.at(node)
    arms = Arm(cx.t), Arm(cx.t)
    for arm, block in zip(arms, (node.body, node.orelse)):
        arm.run(lambda block=block: execute(cx, block, tail=whole))  # type: ignore[misc]
    # the arms are traced, not merged yet: one may still take the rest of the block
    moved = bool(rest) and _move_rest(cx, arms, rest, tail)
    cx.t.span = span
    # a closure may still read the locals then, and a comprehension's frame is not the function's
    nothing_after = tail and (moved or not rest) and not cx.frame.is_comprehension and not cx.has_closures
    branch(cx.t, truth, *arms, ended=cx.frame if nothing_after else None)
    return moved


def _move_rest(cx: Capture, arms: tuple[Arm, Arm], rest: list[ast.stmt], tail: bool) -> bool:
    for one, two in (arms, arms[::-1]):
        # then nothing has to be merged: the branch leaves behind what the other arm did
        if one.raised or two.raised:
            continue
        if surely_leaves(cx, one) and two.now(cx.frame, "$exit") == RUNNING:
            two.run(lambda: execute(cx, rest, tail=tail))
            return True
    return False


def _guard(cx: Capture, left: Sym, rest: list[ast.stmt], tail: bool) -> None:
    """Trace the rest of a block under `$exit == 0`."""
    running = cx.t.host("compare", left.value, Lit(RUNNING), type=BOOL, op="==")

    def go_on() -> None:
        # in here the test has held, and the rest may leave the block in its own way
        cx.t.write(cx.frame, "$exit", RUNNING)
        execute(cx, rest, tail=tail)

    under(cx, running, go_on)
