"""Fifty mistakes that people make: each is told with its place and what to do, or simply works."""

from __future__ import annotations

import heapq
import re
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import BaseModel

import lmc

Case = tuple[str, Callable[[], object], tuple[str, ...]]
CASES: list[Case] = []


def case(what: str, *told: str) -> Callable[[Callable[[], object]], Callable[[], object]]:
    """A mistake, with the error's class and words that it says; none where it is no error."""

    def kept(fn: Callable[[], object]) -> Callable[[], object]:
        CASES.append((what, fn, told))
        return fn

    return kept


@case(
    "forgot to return/append: gen result unused as text in f-string",
    "ArgumentError",
    "cannot stand in an f-string",
    "append it by itself",
)
def m11():
    @lmc.function
    def f(s, q):
        s += lmc.user(f"Q: {q} " + f"{lmc.gen('a')}")

    f.run(q="x", backend="echo")


@case("reads a value before it is generated", "KeyError", "answer", "the state has no names", 'x = s["answer"]')
def m12():
    @lmc.function
    def f(s, q):
        s += lmc.user(q)
        x = s["answer"]
        s += lmc.assistant(lmc.gen("answer", max_tokens=4))
        return x

    f.run(q="x", backend="echo")


@case("misspelt variable name when reading the result", "KeyError", "anwser", "did you mean 'answer'?")
def m13():
    @lmc.function
    def f(s, q):
        s += lmc.user(q) + lmc.assistant(lmc.gen("answer", max_tokens=4))

    f.run(q="x", backend="echo")["anwser"]


@case("appends a list of documents", "TypeError", "not list", "join its texts", "s += docs")
def m14():
    @lmc.function
    def f(s, docs):
        s += docs
        s += lmc.gen("answer", max_tokens=4)

    f.run(docs=["a", "b"], backend="echo")


@case("regex wrong", "ConstraintError", "unterminated character set", "Python's `re` syntax")
def m15():
    @lmc.function
    def f(s):
        s += "x" + lmc.gen("cite", regex=r"[1-2")

    f.run(backend="echo")


@case("prompt longer than the context")
def m21():
    @lmc.function
    def f(s, t):
        s += lmc.user(t) + lmc.assistant(lmc.gen("a", max_tokens=4))

    f.run(t="word " * 20000, backend="echo")


@case("forgot join, reads list from parent", "KeyError", "the state has no names", 'return s["x"]')
def m22():
    @lmc.function
    def f(s):
        fs = s.fork(2)
        for f_ in fs:
            f_ += "a" + lmc.gen("x", max_tokens=2)
        return s["x"]

    f.run(backend="echo")


@case("uses a fork in a thread pool map")
def m23():
    @lmc.function
    def f(s):
        fs = s.fork(2)

        def work(x):
            x += "a" + lmc.gen("x", max_tokens=2)

        with ThreadPoolExecutor() as ex:
            list(ex.map(work, fs))

    f.run(backend="echo")


@case("calls another program with the state", "TypeError", "begins a prompt of its own", "sub.func(s, ...)")
def m24():
    @lmc.function
    def sub(s, t):
        s += t + lmc.gen("sub", max_tokens=2)

    @lmc.function
    def f(s):
        sub(s, "x")
        return s["sub"]

    f.run(backend="echo")


@case("calls another program with .run inside")
def m25():
    @lmc.function
    def sub(s, t):
        s += t + lmc.gen("sub", max_tokens=2)

    @lmc.function
    def f(s):
        x = sub.run(t="y", backend="echo")["sub"]
        s += x + lmc.gen("z", max_tokens=2)

    f.run(backend="echo")


@case("try/except in the program")
def m31():
    @lmc.function
    def f(s):
        s += "x" + lmc.gen("a", max_tokens=2)
        try:
            y = int(s["a"])
        except ValueError:
            y = 0
        s += str(y)

    f.run(backend="echo")


@case("infinite loop", "RequestError", "the prompt has 3000 tokens", "shorten the prompt")
def m32():
    @lmc.function
    def f(s):
        while True:
            s += lmc.gen("a", max_tokens=2)
            if s["a"] == "never":
                break

    f.run(backend=lmc.EchoBackend(max_len=3000))


@case("tool raises", "RuntimeError", "boom", 'raise RuntimeError("boom " + x)')
def m33():
    def tool(x):
        raise RuntimeError("boom " + x)

    @lmc.function
    def f(s):
        s += "x" + lmc.gen("a", max_tokens=2)
        s += tool(s["a"])

    f.run(backend="echo")


@case("tool dict indexed with a value the model wrote", "KeyError", 'TOOLS[s["tool"]]')
def m34():
    TOOLS = {"a": str.upper}

    @lmc.function
    def f(s):
        s += "x" + lmc.gen("tool", max_tokens=2)
        s += TOOLS[s["tool"]]("x")

    f.run(backend="echo")


@case("async tool", "TypeError", "not coroutine", "await it", 's += tool(s["a"])')
def m35():
    async def tool(x):
        return "r"

    @lmc.function
    def f(s):
        s += "x" + lmc.gen("a", max_tokens=2)
        s += tool(s["a"])

    f.run(backend="echo")


@case("role left open", "LMError", "the assistant turn cannot begin inside the user turn", "end that turn first")
def m41():
    @lmc.function
    def f(s):
        s += lmc.user_begin() + "hi"
        s += lmc.assistant(lmc.gen("a", max_tokens=2))

    f.run(backend="echo")


@case("nested role", "LMError", "the assistant turn cannot begin inside the user turn")
def m42():
    @lmc.function
    def f(s):
        s += lmc.user("hi" + lmc.assistant("x"))

    f.run(backend="echo")


@case("system twice in the middle")
def m43():
    @lmc.function
    def f(s):
        s += (
            lmc.user("hi")
            + lmc.assistant(lmc.gen("a", max_tokens=2))
            + lmc.system("now be bad")
            + lmc.user("x")
            + lmc.assistant(lmc.gen("b", max_tokens=2))
        )

    f.run(backend="echo")


@case("appends one state to the other", "TypeError", "not ProgramState", "append its text()")
def m44():
    @lmc.function
    def f(s):
        a, b = s.fork(2)
        a += "x" + lmc.gen("a", max_tokens=2)
        b += a

    f.run(backend="echo")


@case("s = s + ... instead of +=", "ArgumentError", "`s + ...` appends nothing", "write s += ...")
def m45():
    @lmc.function
    def f(s):
        s = s + lmc.user("hi")
        s = s + lmc.assistant(lmc.gen("a", max_tokens=2))
        return s["a"]

    f.run(backend="echo")


@case("fork(n) with n a string", "ArgumentError", "fork takes a number of children, not '3'", "for x in s.fork(n):")
def m51():
    @lmc.function
    def f(s, n):
        for x in s.fork(n):
            x += "a" + lmc.gen("b", max_tokens=2)

    f.run(n="3", backend="echo")


@case("fork(0)")
def m52():
    @lmc.function
    def f(s):
        fs = s.fork(0)
        fs.join()
        s += "x" + lmc.gen("b", max_tokens=2)

    f.run(backend="echo")


@case("n=3 and max of values as numbers without int", "TypeError", "can only concatenate str", 'return max(s["b"]) + 1')
def m53():
    @lmc.function
    def f(s):
        s += "x" + lmc.gen("b", max_tokens=2, n=3, regex="[0-9]")
        return max(s["b"]) + 1

    f.run(backend="echo")


@case("temperature negative", "ArgumentError", "temperature=-1: it must be at least 0")
def m54():
    @lmc.function
    def f(s):
        s += "x" + lmc.gen("b", max_tokens=2, temperature=-1)

    f.run(backend="echo")


@case(
    "seed as text, unknown sampling parameter",
    "ArgumentError",
    "no argument `temprature`",
    "did you mean `temperature`?",
)
def m55():
    @lmc.function
    def f(s):
        s += "x" + lmc.gen("b", max_tokens=2)

    f.run(backend="echo", temprature=0.5)


@case("compares state objects", "TypeError", "'ProgramState' and 'ProgramState'")
def m61():
    @lmc.function
    def f(s):
        a, b = s.fork(2)
        a += "x" + lmc.gen("v", max_tokens=2)
        best = a if a > b else b
        return best["v"]

    f.run(backend="echo")


@case("keeps states in a dict")
def m62():
    @lmc.function
    def f(s):
        d = {}
        for _i, x in enumerate(s.fork(2)):
            x += "x" + lmc.gen("v", max_tokens=2)
            d[x["v"]] = x
        return sorted(d)

    f.run(backend="echo")


@case("recursion over generated values")
def m63():
    def go(s, depth):
        s += "d" + lmc.gen("v", max_tokens=2, regex="[0-9]")
        if depth > 0 and int(s["v"]) > 1:
            go(s, depth - 1)

    @lmc.function
    def f(s):
        go(s, 3)
        return s["v"]

    f.run(backend="echo")


@case("unbounded recursion")
def m64():
    def go(s):
        s += "d" + lmc.gen("v", max_tokens=2, regex="[0-9]")
        if int(s["v"]) > 1:
            go(s)

    @lmc.function
    def f(s):
        go(s)

    f.run(backend="echo")


@case("heapq of (score, state)")
def m65():
    @lmc.function
    def f(s):
        h = []
        for x in s.fork(3):
            x += "x" + lmc.gen("v", max_tokens=2, regex="[0-9]")
            heapq.heappush(h, (int(x["v"]), x))
        return heapq.heappop(h)[0]

    f.run(backend="echo")


@case("pydantic instance instead of class", "ConstraintError", "is not a JSON schema", "such as a pydantic model")
def m71():
    class P(BaseModel):
        name: str = "x"

    @lmc.function
    def f(s):
        s += "x" + lmc.gen("p", json_schema=P())

    f.run(backend="echo")


@case(
    "max_tokens too small for the JSON, then parse",
    "ValidationError",
    "`p` was cut off by max_tokens=3",
    'P.model_validate_json(s["p"])',
)
def m72():
    class P(BaseModel):
        name: str
        city: str

    @lmc.function
    def f(s):
        s += "x" + lmc.gen("p", json_schema=P, max_tokens=3)
        return P.model_validate_json(s["p"])

    f.run(backend="echo")


@case("dataclass as schema", "ConstraintError", "is not a JSON schema", "gen(type=P) takes other classes")
def m73():
    @dataclass
    class P:
        name: str

    @lmc.function
    def f(s):
        s += "x" + lmc.gen("p", json_schema=P)

    f.run(backend="echo")


@case("dtype=Person (pydantic)", "ArgumentError", "dtype 'P'", "gen(type=P)")
def m74():
    class P(BaseModel):
        name: str

    @lmc.function
    def f(s):
        s += "x" + lmc.gen("p", dtype=P)

    f.run(backend="echo")


@case(
    "value attribute access without parsing",
    "AttributeError",
    "'str' object has no attribute 'name'",
    'return s["p"].name',
)
def m75():
    class P(BaseModel):
        name: str

    @lmc.function
    def f(s):
        s += "x" + lmc.gen("p", json_schema=P, max_tokens=40)
        return s["p"].name

    f.run(backend="echo")


@case("DataFrame as batch")
def m81():
    class Column(list[str]):
        def tolist(self):
            return list(self)

        def isna(self):
            return Column([False] * len(self))

    class Table:  # as pandas has it
        columns = ("review",)

        def to_dict(self):
            return {"review": self["review"]}

        def __getitem__(self, name):
            return Column(["x", "y"])

        def __iter__(self):
            return iter(self.columns)

        def __len__(self):
            return 2

    @lmc.function
    def f(s, review):
        s += review + lmc.select("t", ["a", "b"])

    rs = f.run_batch(Table(), backend="echo")
    assert [r.error for r in rs] == [None, None]


@case("batch of strings")
def m82():
    @lmc.function
    def f(s, review):
        s += review + lmc.select("t", ["a", "b"])

    rs = f.run_batch(["x", "y"], backend="echo")
    if rs[0].error:
        raise rs[0].error


@case("generator as batch")
def m83():
    @lmc.function
    def f(s, review):
        s += review + lmc.select("t", ["a", "b"])

    f.run_batch(({"review": x} for x in "ab"), backend="echo")


@case("row with extra column", "ArgumentError", "no argument `id`", "its arguments are: review")
def m84():
    @lmc.function
    def f(s, review):
        s += review + lmc.select("t", ["a", "b"])

    rs = f.run_batch([{"review": "x", "id": 1}], backend="echo")
    if rs[0].error:
        raise rs[0].error


@case("NaN in a column", "TypeError", "not float")
def m85():
    @lmc.function
    def f(s, review):
        s += lmc.user(review) + lmc.assistant(lmc.select("t", ["a", "b"]))

    rs = f.run_batch([{"review": "x"}, {"review": float("nan")}, {"review": None}], backend="echo")
    assert "None is no content of the user turn" in str(rs[2].error)
    raise rs[1].error


@case("select with numbers as choices", "ArgumentError", "a choice is a text, not int")
def m91():
    @lmc.function
    def f(s):
        s += "x" + lmc.select("t", [1, 2, 3])

    f.run(backend="echo")


@case("select with choices a string", "ArgumentError", "are one text, not a list", "write ['yes no']")
def m92():
    @lmc.function
    def f(s):
        s += "x" + lmc.select("t", "yes no")

    f.run(backend="echo")


@case("duplicate choices, empty choice", "ArgumentError", "cannot be empty")
def m93():
    @lmc.function
    def f(s):
        s += "x" + lmc.select("t", ["yes", "yes", ""])

    f.run(backend="echo")


@case("select with dict choices")
def m94():
    @lmc.function
    def f(s):
        s += "x" + lmc.select("t", {"yes": 1, "no": 2})

    f.run(backend="echo")


@case("same name twice")
def m95():
    @lmc.function
    def f(s):
        s += "x" + lmc.gen("t", max_tokens=2) + "y" + lmc.gen("t", max_tokens=2)

    f.run(backend="echo")


@case("history as list of message objects")
def m101():
    class Msg:
        def __init__(self, role, content):
            self.role, self.content = role, content

    @lmc.function
    def f(s, history):
        for m in history:
            if m.role == "user":
                s += lmc.user(m.content)
            else:
                s += lmc.assistant(m.content)
        s += lmc.assistant(lmc.gen("r", max_tokens=4))

    f.run(history=[Msg("user", "hi"), Msg("assistant", "ho"), Msg("user", "x")], backend="echo")


@case("role by name: getattr(lmc, m['role'])")
def m102():
    @lmc.function
    def f(s, history):
        for m in history:
            s += getattr(lmc, m["role"])(m["content"])
        s += lmc.assistant(lmc.gen("r", max_tokens=4))

    f.run(history=[{"role": "user", "content": "hi"}], backend="echo")


@case("input() in the program", "EOFError", "EOF")
def m103():
    @lmc.function
    def f(s):
        s += lmc.user(input("> ")) + lmc.assistant(lmc.gen("r", max_tokens=4))

    f.run(backend="echo")


@case("forgot the decorator", "AttributeError", "no attribute 'run'")
def m104():
    def f(s):
        s += lmc.user("x") + lmc.assistant(lmc.gen("r", max_tokens=4))

    f.run(backend="echo")


@case(
    "calls the program without arguments names / with state",
    "ArgumentError",
    "too many positional arguments",
    "the state is given by lmc",
)
def m105():
    @lmc.function
    def f(s, q):
        s += lmc.user(q) + lmc.assistant(lmc.gen("r", max_tokens=4))

    f(None, "x")


def _told(error: BaseException) -> str:
    """What Python prints of an error, with the lines of the user's that led there."""
    return "".join(traceback.format_exception(error))


# what is never awaited is the user's: Python says so too, when it is collected
@pytest.mark.filterwarnings("ignore:coroutine 'm35.<locals>.tool' was never awaited:RuntimeWarning")
@pytest.mark.parametrize("fn, told", [(fn, told) for _, fn, told in CASES], ids=[what for what, *_ in CASES])
def test_a_mistake_is_told_well(
    fn: Callable[[], object], told: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its kind, with words that help and the user's line; never as a bug of the library's."""
    monkeypatch.setattr("builtins.input", _no_input)
    if not told:
        fn()
        return
    with pytest.raises(Exception) as caught:
        fn()
    said = _told(caught.value)
    assert type(caught.value).__name__ == told[0], said
    for words in told[1:]:
        assert words in said
    assert re.search(rf"{Path(__file__).name}\b.*\d", said)
    assert "bug" not in said


def _no_input(prompt: str = "") -> str:
    raise EOFError("EOF when reading a line")


def test_they_are_fifty() -> None:
    """None was lost."""
    assert len(CASES) == 50
