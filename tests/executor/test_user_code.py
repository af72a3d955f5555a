"""The user's code in a run: its thread, its context, what it may wait for."""

from __future__ import annotations

import asyncio
import threading
import time
from contextvars import ContextVar
from typing import Any

import pytest

import lmc

MODES = ("compiled", "eager")
NAME: ContextVar[str] = ContextVar("NAME", default="nobody")


def set_name(name: str) -> None:
    try:  # called as it is
        NAME.set(name)
    except TypeError:
        raise


def get_name() -> str:
    return NAME.get()


@lmc.function
def remembers(s: Any, name: str) -> Any:
    set_name(name)
    s += lmc.gen("k", regex="[a-z]")
    assert s["k"]
    return get_name(), threading.get_ident()


@lmc.tool(blocking=True)
def slow(x: str) -> tuple[str, str]:
    time.sleep(0.1)
    return x, NAME.get()


@lmc.tool
async def fetched(x: str) -> tuple[str, str]:
    await asyncio.sleep(0.1)
    return x, NAME.get()


@lmc.tool(blocking=True)
def broken(x: str) -> None:
    raise ValueError(x)


@lmc.function
def uses_tools(s: Any, name: str) -> Any:
    set_name(name)
    return slow("a"), fetched("b")


@lmc.function
def survives(s: Any) -> str:
    try:
        broken("it")
    except ValueError as error:
        return f"caught {error}"
    return "no"


def inner(s: Any) -> None:
    s += lmc.gen("z", max_tokens=2)


INNER = lmc.Program(inner)


def found(name: str) -> Any:
    """A program that no reading of the code finds."""
    return globals()[name]


@lmc.function
def hidden(s: Any) -> None:
    s += found("IN" + "NER")()["z"]


@pytest.mark.parametrize("mode", MODES)
def test_items_have_contexts_of_their_own(mode: Any) -> None:
    """On the thread of who runs them; the caller's is as it was."""
    NAME.set("caller")
    results = remembers.run_batch([{"name": n} for n in "abc"], backend="echo", mode=mode)
    assert [r.ret_value for r in results] == [(n, threading.get_ident()) for n in "abc"]
    assert NAME.get() == "caller"


@pytest.mark.parametrize("mode", MODES)
def test_awaited_runs_have_contexts_of_their_own(mode: Any) -> None:
    async def all_of_them() -> tuple[list[str], str]:
        NAME.set("caller")
        results = await asyncio.gather(*(remembers.arun(n, backend="echo", mode=mode) for n in "ab"))
        return [r.ret_value[0] for r in results], NAME.get()

    assert asyncio.run(all_of_them()) == (["a", "b"], "caller")


def test_one_run_is_in_the_callers_context() -> None:
    """What a function sets is there afterwards, as after any call."""
    NAME.set("caller")
    remembers.run("mine", backend="echo", mode="compiled")
    assert NAME.get() == "mine"


@pytest.mark.parametrize("mode", MODES)
def test_tools_that_block_overlap(mode: Any) -> None:
    """Ten programs wait as long as one, each with its own context; coroutines too."""
    begin = time.monotonic()
    results = uses_tools.run_batch([{"name": str(i)} for i in range(8)], backend="echo", mode=mode)
    assert time.monotonic() - begin < 8 * 0.2
    assert [r.ret_value for r in results] == [(("a", str(i)), ("b", str(i))) for i in range(8)]


@pytest.mark.parametrize("mode", MODES)
def test_what_a_tool_raises_is_caught(mode: Any) -> None:
    assert survives.run(backend="echo", mode=mode).ret_value == "caught it"


def test_a_tool_is_a_function_outside_of_a_run() -> None:
    assert slow("x")[0] == "x"
    assert asyncio.run(fetched("y"))[0] == "y"


@pytest.mark.parametrize("mode", MODES)
def test_a_program_found_by_its_name_runs_in_this_run(mode: Any) -> None:
    """On this backend, with the draws that it would have in Python."""
    lmc.set_default_backend(lmc.EchoBackend(99))
    try:
        text = hidden.run(backend=lmc.EchoBackend(5), mode=mode).text()
        assert text == hidden.run(backend=lmc.EchoBackend(5), mode="eager").text()
    finally:
        lmc.set_default_backend(None)


@pytest.mark.parametrize("wrong", [{"pure": True, "writes": True}, {"reads": True, "writes": True}])
def test_a_tool_says_one_thing(wrong: dict[str, bool]) -> None:
    with pytest.raises(lmc.ArgumentError, match="pure, reads or writes"):
        lmc.tool(**wrong)(lambda: None)
