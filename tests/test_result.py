"""Results as people print, copy and pickle them, and states as a program prints them."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
from collections.abc import Callable
from typing import Any

import pytest

import lmc

COPIES = [lambda x: pickle.loads(pickle.dumps(x)), copy.copy, copy.deepcopy]


@lmc.function
def told(s, word, times=1):
    s += lmc.user(word)
    for i in range(times):
        s += f" {i}"
    s += lmc.assistant(lmc.gen("said", max_tokens=4))
    forks = s.fork(2)
    for fork in forks:
        fork += "k" + lmc.gen("each", max_tokens=2)
    forks.join()
    return [forks[0], word]


@lmc.function
def whole(s, word):
    s += lmc.user("Number?") + lmc.assistant(lmc.gen("n", type=dict[str, int], max_tokens=2))


def seen(result: lmc.Result) -> tuple[Any, ...]:
    calls = [call.as_dict() for call in result.calls]
    inner = result.ret_value[0]
    return result.variables(), result.text(), result.messages(), result.usage, calls, inner.text(), inner.variables()


@pytest.mark.parametrize("copied", COPIES)
@pytest.mark.parametrize(("mode", "times"), [("auto", 3), ("eager", 3000)])
def test_a_copy_reads_as_the_result(copied: Callable[[Any], Any], mode: Any, times: int) -> None:
    """However long the prompt is: its pieces are a linked list, which no recursion goes through."""
    result = told.run("a", times, backend="echo", mode=mode)
    found = copied(result)
    assert seen(found) == seen(result) == seen(copied(found))
    assert found.report == result.report
    with pytest.raises(lmc.ArgumentError, match="has no graph"):
        _ = found.graph


@pytest.mark.parametrize("copied", COPIES)
def test_a_copy_has_the_error(copied: Callable[[Any], Any]) -> None:
    result = whole.run_batch(["a"], temperature=0)[0]
    assert isinstance(result.error, lmc.OutputError)
    error = copied(result).error
    assert (type(error), str(error), error.text) == (lmc.OutputError, str(result.error), result.error.text)


def in_process(word: str) -> list[lmc.Result]:
    return told.run_batch([[word], {"wort": word}], backend="echo")


def test_results_come_back_from_other_processes() -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        ((good, bad),) = pool.map(in_process, ["a"])
    assert good.variables() == told.run("a", backend="echo").variables()
    assert str(bad.error) == "`told` has no argument `wort`\n  help: did you mean `word`?"


def test_a_result_is_printed_by_its_values() -> None:
    @lmc.function
    def values(s):
        s += "q" + lmc.select("mood", ["good"])
        s["n"] = 3
        return ("x", 1)

    @lmc.function
    def text(s):
        s += "only text"

    @lmc.function
    def fails(s):
        raise ValueError("no such word")

    assert str(values.run(backend="echo")) == "mood: good\nn: 3\n-> ('x', 1)"
    assert str(text.run(backend="echo")) == "only text"
    assert str(fails.run_batch([{}], backend="echo")[0]) == "failed: ValueError: no such word"


@pytest.mark.parametrize("mode", ["auto", "eager"])
def test_a_state_is_printed_as_sglang_prints_it(mode: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """`print(s)` waits for what the state holds, and so does text that is made of it."""

    @lmc.function
    def prints(s):
        s += "a" + lmc.select("x", ["b"])
        print(s)
        s += f"<{s}>"
        (child,) = s.fork(1)
        child += "c"
        s += str([child]) + repr(child)

    text = prints.run(backend="echo", mode=mode).text()
    assert capsys.readouterr().out == "ProgramState(ab)\n"
    child = "ProgramState(ab<ProgramState(ab)>c)"
    assert text == f"ab<ProgramState(ab)>[{child}]{child}"


def test_a_state_that_cannot_be_read_has_a_repr() -> None:
    """`str` raises the call's error, as `text` does; `repr` does not, as debuggers and tracebacks ask for it."""
    said: list[str] = []

    @lmc.function
    def fails(s):
        s += "a" + lmc.gen("x")
        said.append(repr(s))
        said.append(str(s))

    (result,) = fails.run_batch([{}], backend=lmc.EchoBackend(fail=lambda *_: "no"), mode="eager")
    assert isinstance(result.error, lmc.RequestError)
    assert said == ["<ProgramState: RequestError>"]
