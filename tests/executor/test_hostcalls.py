"""Calls into the user's Python: on the thread that runs, or on a bounded pool where they say so."""

from __future__ import annotations

import threading
import time
from contextvars import ContextVar
from typing import Any

import lmc
from tests.support.echo_runs import run


def test_host_calls_run_on_the_thread_of_who_runs() -> None:
    """One at a time, so that thread-locals and connections are the caller's."""
    seen: set[int] = set()

    def slow(text: str) -> str:
        seen.add(threading.get_ident())
        return text.upper()

    ran = run(
        " %s0 = begin\n %r = call @tool, %q\n %s1 = append %s0, %r\n %s2, %a = gen %s1\n return %s2, %r",
        "%q: str",
        [{"q": f"a{i}"} for i in range(300)],
        externs={"tool": slow},
    )

    assert [f"A{i}" for i in range(300)] == [o.ret for o in ran.outcomes]
    assert seen == {threading.get_ident()}


def test_blocking_tools_use_a_bounded_pool() -> None:
    """Three hundred items with a slow tool need no more threads than allowed."""
    seen: set[str] = set()

    @lmc.tool(blocking=True)
    def slow(text: str) -> str:
        seen.add(threading.current_thread().name)
        time.sleep(0.001)
        return text.upper()

    ran = run(
        " %s0 = begin\n %r = call @tool, %q\n %s1 = append %s0, %r\n %s2, %a = gen %s1\n return %s2, %r",
        "%q: str",
        [{"q": f"a{i}"} for i in range(300)],
        externs={"tool": slow},
        max_workers=4,
    )

    assert [f"A{i}" for i in range(300)] == [o.ret for o in ran.outcomes]
    assert 1 <= len(seen) <= 4
    assert all(name.startswith("lmc-tool") for name in seen)


def test_pure_host_calls_run_inline() -> None:
    """No thread is started for them."""
    names: list[str] = []

    def pure(text: str) -> str:
        names.append(threading.current_thread().name)
        return text

    run(' %s0 = begin\n %r = call @pure, "x"\n return %s0, %r', externs={"pure": pure})

    assert [threading.current_thread().name] == names


def test_methods_run_in_program_order_in_the_callers_context() -> None:
    """On the caller's thread, those of lists and of the user's classes."""
    seen: list[tuple[str, str]] = []
    name: ContextVar[str] = ContextVar("name", default="lost")
    name.set("kept")

    class Client:
        def ask(self, what: str) -> str:
            seen.append((what, name.get()))
            return threading.current_thread().name

    class Log(list[Any]):
        pass

    log = Log()
    ran = run(
        """
  %s0 = begin
  %a: str = method %client, "one" {name="ask"}
  %1: none = method %log, "two" {name="append"}
  %b: str = method %client, "three" {name="ask"}
  return %s0, %b""",
        "%client: ref, %log: ref",
        [{"client": Client(), "log": log}],
    )

    assert seen == [("one", "kept"), ("three", "kept")]
    assert log == ["two"]
    assert ran.ret == threading.current_thread().name


def test_a_long_tool_does_not_stop_other_items() -> None:
    """Item 1 ends while item 0 still waits for its tool."""
    released = threading.Event()

    @lmc.tool(blocking=True)
    def tool(text: str) -> str:
        if text == "wait":
            assert released.wait(5)
        else:
            released.set()
        return text

    ran = run(
        " %s0 = begin\n %r = call @tool, %q\n return %s0, %r",
        "%q: str",
        [{"q": "wait"}, {"q": "go"}],
        externs={"tool": tool},
    )

    assert [o.ret for o in ran.outcomes] == ["wait", "go"]
