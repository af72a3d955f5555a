"""Programs as a type checker sees them, read by test_typing.py and run by nobody: `# ERROR` is what it must refuse."""

from typing import assert_type

import lmc
from lmc.program import Program


@lmc.function
def judge(s, essay: str):
    s += lmc.user("Judge: " + essay)
    forks = s.fork(2)
    for fork, side in zip(forks, ("form", "content")):
        fork += lmc.user(side) + lmc.assistant(lmc.gen("judgment", max_tokens=8))
    forks.join()
    s += lmc.assistant("Grade: " + lmc.select("grade", ["A", "B"]))
    return s["grade"]


@lmc.function
def typed(s: lmc.State, essay: str, times: int = 1) -> list[str]:
    s += "Judge: " + essay
    with s.user():
        s += essay
    kept: list[str] = []
    for fork in s.fork(times):
        fork += lmc.gen("a", max_tokens=8)
        kept.append(fork["a"])
    with s.copy() as other:
        other += "x"
    if "a" in s:
        kept.append(s.text())
    return kept


@lmc.function()
def with_parentheses(s: lmc.State, n: int) -> int:
    return n


@lmc.function
async def waits(s: lmc.State, q: str) -> str:
    s += q
    return q


class Agent:
    @lmc.function
    def ask(self, s: lmc.State, q: str) -> str:
        return q


async def awaited() -> None:
    assert_type((await waits.arun("x")).ret_value, str)


assert_type(typed("x", times=2).ret_value, list[str])
assert_type(typed.run("x", times=2).ret_value, list[str])
assert_type(typed.run("x", backend="echo", temperature=0.5).ret_value, list[str])
assert_type(typed.run(essay="x", stream=True), lmc.Stream)
assert_type(typed.run_batch(["a"], backend="echo")[0].ret_value, list[str])
assert_type(lmc.run(typed, "x", backend="echo").ret_value, list[str])
assert_type(with_parentheses(3).ret_value, int)
assert_type(Agent().ask.run(q="x").ret_value, str)
judge.run(essay="x", backend="echo")["grade"].upper()
held: Program[[str], str] = waits
made: lmc.Expr = lmc.user("x") + lmc.gen("a")
typed("x", tymes=3)  # ERROR
typed(3)  # ERROR
typed.run("x", backend=3)  # ERROR
typed.run("x", temperature=0.5, seed="a")  # ERROR
with_parentheses(3).ret_value.upper()  # ERROR
