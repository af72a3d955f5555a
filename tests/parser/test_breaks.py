"""Every code of a graph break is raised by some program, with a place in that program and a way out."""

from __future__ import annotations

import linecache
from itertools import count
from typing import Any

import pytest

import lmc
from lmc.backend.echo import EchoBackend
from lmc.errors import CaptureError
from lmc.ir.verify import MAX_DEPTH
from lmc.parser.capture.breaks import BREAKS

_numbers = count()

PROGRAMS = {
    "LMC-GB002": "x = eval('1')",
    "LMC-GB003": "for i, x in enumerate(print(y) for y in 'ab'):\n    s += x",
    "LMC-GB004": "s += lm.select('x', ['a', 'b'])\nv = s.fork(1)[0] if s['x'] == 'a' else 'text'\nreturn v",
    "LMC-GB005": (
        "f, g = s.fork(2)\ns += lm.select('x', ['a', 'b'])\nbest = f if s['x'] == 'a' else g\nbest += 'x'\n"
        "return f.text()"
    ),
    "LMC-GB006": "s += lm.select('x', ['a', 'b'])\n"
    "e = lm.gen('y', stop=s['x'].upper()) if s['x'] == 'a' else lm.gen('z')\ns += e",
    "LMC-GB008": "s += lm.gen('x')\na, b = [1], [2]\nc = a if s['x'] else b\nc.append(3)",
    "LMC-GB009": "global K\ndel K",
    "LMC-GB010": "return callable(s)",
    "LMC-GB011": "while True:\n    s += 'a'",
    "LMC-GB012": "def f(n):\n    return f(n + 1)\nreturn f(0)",
    "LMC-GB013": "s -= 'a'",
    "LMC-GB014": "s += lm.select('x', ['a', 'b'])\nif s['x'] == 'a':\n    s += lm.user_begin()",
    "LMC-GB015": "print(lambda: 1)",
    "LMC-GB016": "s += lm.gen('x')\ns += lm.gen('y', regex='a', boundary=s['x'])",
    "LMC-GB017": "fs = list(s.fork(3))\ns += lm.gen('i', regex='[0-2]')\nfs[int(s['i'])] += 'a'\nfs.reverse()",
    "LMC-GB018": "inner(n=2)",
    "LMC-GB020": "ys = [1]\nfor y in ys:\n    ys.append(y)",
    "LMC-GB021": "z = zip('ab', 'cd')\nlist(z)\nlist(z)",
    "LMC-GB031": "both = {'a', 'b'}.copy()\ns += ', '.join(both)",
    "LMC-GB032": "s += lm.gen('x')\na, b = [1], [2]\nc = a if s['x'] else b\nprint.__call__(c)",
    "LMC-GB033": "e = lm.gen('a', max_tokens=2)\ns += e\nreturn e == 'yes'",
    "LMC-GB022": "if n == 0:\n    pass\n" + "".join(f"elif n == {i}:\n    s += 'a'\n" for i in range(MAX_DEPTH)),
}


@lmc.function
def inner(s):
    s += "inner"


def made(body: str, head: str = "def program(s, xs=('a',), n=1):") -> Any:
    """A program of that body, in a file of its own."""
    source = head + "\n" + "".join(f"    {line}\n" for line in body.splitlines())
    file = f"<break {next(_numbers)}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    names: dict[str, Any] = {"lm": lmc, "inner": inner, "__name__": "broken"}
    exec(compile(source, file, "exec"), names)
    return names["program"]


def refused(function: Any, **arguments: Any) -> CaptureError:
    """The break that capture meets."""
    with pytest.raises(CaptureError) as caught:
        lmc.function(function).compile(**arguments)
    return caught.value


@pytest.mark.parametrize("code", PROGRAMS)
def test_code_is_raised_in_the_users_file(code: str):
    """With a place there, and a way out."""

    function = made(PROGRAMS[code])
    error = refused(function, xs=["a"])
    assert error.code == code, error.render()
    assert error.span is not None and error.span.file == function.__code__.co_filename
    assert error.help


def test_branches_as_deep_as_a_graph_may_be():
    """One `elif` fewer than LMC-GB022 needs is compiled, and runs."""

    source = PROGRAMS["LMC-GB022"]
    program = lmc.function(made(source[: source.rindex("elif")]))
    last = MAX_DEPTH - 2
    assert program.run(n=last, backend=EchoBackend(0)).text() == "a"
    assert program.run(n=last + 1, backend=EchoBackend(0)).text() == ""


def test_source_that_cannot_be_read():
    """A function made from text leaves none behind."""

    names: dict[str, Any] = {}
    exec("def program(s):\n    s += 'x'\n", names)
    assert refused(names["program"]).code == "LMC-GB001"


def test_source_that_says_something_else():
    """What runs is the code that was defined: a file that was edited since is not it."""

    program = made("s += 'old'")
    file = program.__code__.co_filename
    lines = [line.replace("old", "new") for line in linecache.getlines(file)]
    linecache.cache[file] = (len("".join(lines)), None, lines, file)
    assert refused(program).code == "LMC-GB026"


def test_source_that_was_read_before_its_file_changed():
    """The text of then is known, and is what runs."""

    program = made("s += 'old'")
    file = program.__code__.co_filename
    assert lmc.function(program).run(backend=EchoBackend(0)).text() == "old"
    lines = [line.replace("old", "new") for line in linecache.getlines(file)]
    linecache.cache[file] = (len("".join(lines)), None, lines, file)
    assert lmc.function(program).run(backend=EchoBackend(0)).text() == "old"


def test_a_program_out_of_sight():
    """In a generator, which Python steps: it is Python's, and so is what it calls."""

    program = made("for z in answers():\n    s += z")

    def answers():
        yield inner().text()

    program.__globals__["answers"] = answers
    assert refused(program).code == "LMC-GB027"


def test_code_that_was_put_in_place_of_other_code():
    """Another name, another line: nothing there; the same name and line: other code."""

    program, other = made("s += 'a'"), made("s += 'b'")
    program.__code__ = other.__code__
    assert lmc.function(program).run(backend=EchoBackend(0)).text() == "b"
    program.__code__ = other.__code__.replace(co_consts=(None, "c"))
    assert refused(program).code == "LMC-GB026"


@pytest.mark.parametrize("head, body", [("async def program(s):", "s += 'a'"), ("def program(s):", "yield 1")])
def test_deferred_function(head: str, body: str):
    """Neither a coroutine nor a generator."""

    assert refused(made(body, head)).code == "LMC-GB019"


def test_every_code_is_tested():
    """The table and this file say the same."""

    assert set(BREAKS) == {*PROGRAMS, "LMC-GB001", "LMC-GB019", "LMC-GB026", "LMC-GB027"}
