"""Which function of a file a code object is, and whether the file still says what it does."""

from __future__ import annotations

import ast
from types import CodeType

import pytest

from lmc.parser.capture.code_objects import codes_in, lambda_of, same_code


def compiled(text: str) -> CodeType:
    """The first function of a text."""
    [code, *_] = [each for found in codes_in(compile(text, "f.py", "exec")).values() for each in found]
    return code


@pytest.mark.parametrize(
    "text, number",
    [
        ("f = lambda: 1, lambda: 2", 0),
        ("f = lambda: 1, lambda: 2", 1),
        ("f = lambda x: (lambda: x)", 0),
        ("f = sorted(g, key=lambda r: r['a'][0]), max(g, key=lambda r: r['b'])", 1),
        ("f = (lambda s: None), (lambda s, t=(lambda: 0): t)", 2),
        ("f = [lambda é: é, lambda s: s.t(a=1, b=[2])]", 1),
    ],
)
def test_lambdas_on_one_line_are_told_apart(text: str, number: int) -> None:
    """By where their instructions stand."""
    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Lambda)]
    code = compile(ast.Expression(nodes[number]), "f.py", "eval").co_consts[0]

    assert lambda_of(code, nodes) is nodes[number]


@pytest.mark.parametrize(
    "text, other",
    [
        ("def f(s): return 1", "def f(s): return 1.0"),
        ("def f(s): return 0.0", "def f(s): return -0.0"),
        ("def f(s): return (1, 2)", "def f(s): return (True, 2)"),
        ("def f(s): return 'a'", "def f(s): return 'b'"),
        ("def f(s): return s in {1, 2}", "def f(s): return s in {1, 3}"),
        ("def f(s): return s.a", "def f(s): return s.b"),
        ("def f(s, t=1): return s", "def f(s, *t): return s"),
        ("def f(s): return [x + 1 for x in s]", "def f(s): return [x + 2 for x in s]"),
        ("def f(s):\n def g(): return 1\n return g", "def f(s):\n def g(): return 2\n return g"),
        ("def f(s):\n try: s()\n except A: pass", "def f(s):\n try: pass\n except A: s()"),
        ("def f(s): return s < 1", "def f(s): return s > 1"),
    ],
)
def test_other_code_is_not_the_same(text: str, other: str) -> None:
    """However little differs."""
    assert same_code(compiled(text), compiled(text))
    assert not same_code(compiled(text), compiled(other))


def test_code_that_has_run_is_the_same() -> None:
    """The interpreter writes into code that runs often."""
    text = "def f(n):\n    t = 0\n    for i in range(n):\n        t += i * 2 + len('a')\n    return t\n"
    names: dict[str, object] = {}
    exec(text, names)
    f = names["f"]
    assert callable(f)
    for _ in range(2000):
        f(20)

    assert same_code(compiled(text), f.__code__)  # type: ignore[attr-defined]
