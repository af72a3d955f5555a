"""`match` as a chain of `if`, one a case; what the test of a case means is `matching`'s."""

from __future__ import annotations

import ast

from lmc.parser.capture.context import Capture


class CaseTest(ast.expr):
    """The test of one case, as the condition of an `if`: its pattern on what a field holds, then its guard."""

    _fields = ("pattern", "guard")

    def __init__(self, subject: str, case: ast.match_case) -> None:
        super().__init__()
        self.subject, self.pattern, self.guard = subject, case.pattern, case.guard


def as_ifs(cx: Capture, node: ast.Match) -> ast.If:
    """The statement as a chain of `if`; its subject is evaluated here, once."""
    subject = f"$subject{node.lineno}_{node.col_offset}"
    cx.t.write(cx.frame, subject, cx.eval(node.subject))
    rest: list[ast.stmt] = []
    for case in reversed(node.cases):
        test = CaseTest(subject, case)
        for name in ("lineno", "col_offset", "end_lineno", "end_col_offset"):
            setattr(test, name, getattr(case.pattern, name))
        rest = [ast.copy_location(ast.If(test, case.body, rest), test)]
    [first] = rest
    assert isinstance(first, ast.If)
    return first
