"""Nodes in order: which may start early, which wait, and which failure counts."""

from __future__ import annotations

from typing import Any

import pytest

from lmc.backend.base import Request, SegmentEnd
from lmc.backend.echo import EchoBackend
from lmc.errors import RequestError
from lmc.executor import Executor
from lmc.ir.graph import Block, Graph, Lit, Node, Value
from lmc.ir.plan import Plan
from lmc.ir.types import STATE, STR
from lmc.source import Span
from lmc.tokenizer.byte_tokenizer import ByteTokenizer
from tests.support.echo_runs import FORKS, Ran, fails, program, run, says


def test_forks_run_side_by_side() -> None:
    """Four independent calls are in flight at once."""
    ran = run(FORKS + ' %s9 = join %p, %a2, %b2, %c2, %d2 {mode="gather_variable"}\n return %s9, none')

    assert ran.session.counters().max_running == 4
    assert ran.session.counters().forward_passes == 1
    assert len(ran.one.state.get("x")) == 4  # type: ignore[union-attr,arg-type]


@pytest.mark.parametrize("seed", range(6))
def test_ordered_effects_run_in_program_order(seed: int) -> None:
    """Whatever completes first; also through both arms of an `if`."""
    log: list[Any] = []
    ran = run(
        FORKS
        + """
  %1: ref = call @log, %a
  %2: ref = call @log, %b
  %t = truth %c
  if %t {
    %3: ref = call @log, %c
    yield
  } else {
    yield
  }
  %4: ref = call @log, %d
  return %p, none""",
        backend=EchoBackend(shuffle=seed),
        externs={"log": log.append},
    )

    assert ran.one.error is None
    assert log == [log_of(ran, i) for i in range(4)]


def log_of(ran: Ran, index: int) -> str:
    """What the `index`-th call of a run says, asked once more of a fresh session."""
    session = EchoBackend().open()
    session.submit([ran.backend.log[index]])
    return next(e.text for e in session.step() if isinstance(e, SegmentEnd))


def test_a_failed_call_does_not_stop_what_comes_after_it() -> None:
    """Nobody reads it before the log; at the end of the program it counts."""
    log: list[Any] = []
    ran = run(
        ' %s0 = begin\n %s1, %a = gen %s0 {name="a"}\n %1: ref = call @log, "after"\n return %s1, none',
        backend=EchoBackend(fail=fails("a"), fail_retryable=True),
        externs={"log": log.append},
    )

    assert log == ["after"]
    error = ran.one.error
    assert isinstance(error, RequestError)
    assert (error.message, error.code, error.retryable) == ("no a", "injected", True)


@pytest.mark.parametrize(
    "read",
    [
        '%r: str = get %s1, "a"',
        '%r: bool = has %s1, "a"',
        "%r: str = text %s1",
        "%r: data = messages %s1",
        '%r: data = meta %s1, "a"',
        "%r: int = len %a",
        "%r: bool = truth %a",
    ],
)
def test_a_failed_call_raises_where_it_is_read(read: str) -> None:
    """No later ordered effect runs."""
    log: list[Any] = []
    ran = run(
        f' %s0 = begin\n %s1, %a = gen %s0 {{name="a"}}\n {read}\n %1: ref = call @log, 1\n return %s0, none',
        backend=EchoBackend(fail=fails("a")),
        externs={"log": log.append},
    )

    assert isinstance(ran.one.error, RequestError)
    assert log == []


def test_a_failed_call_that_nobody_reads_fails_the_run() -> None:
    """The first of them in program order, whichever ended first."""
    for seed in range(5):
        ran = run(FORKS + " return %p, none", backend=EchoBackend(fail=fail_by_prompt, shuffle=seed))

        assert isinstance(ran.one.error, RequestError)
        assert ran.one.error.message == "topic a"


def fail_by_prompt(request: Request) -> str | None:
    return ByteTokenizer().decode(request.prompt.ids)


def test_a_failure_poisons_what_depends_on_it() -> None:
    """Dependents do not run, and fail with the same exception."""
    ran = run(
        """
  %s0 = begin
  %s1, %a = gen %s0 {name="a"}
  %s2, %b = gen %s1 {name="b"}
  %t = append %s0, %a
  %s3, %c = gen %t {name="c"}
  %x: int = len %c
  return %s2, none""",
        backend=EchoBackend(fail=fails("a")),
    )

    assert len(ran.backend.log) == 1
    assert ran.one.error.message == "no a"  # type: ignore[union-attr]


@pytest.mark.parametrize("seed", range(8))
def test_the_earliest_error_in_program_order_counts(seed: int) -> None:
    """Pure failures start early, but are reported in order."""
    ran = run(
        FORKS
        + """
  %1: int = call @int, %a
  %2: int = binary 1, 0 {op="//"}
  %3: int = call @int, %b
  return %p, none""",
        backend=EchoBackend(shuffle=seed, script=lambda prompt, gen: "one" if prompt.endswith("a") else "two"),
    )

    assert str(ran.one.error) == "invalid literal for int() with base 10: 'one'"


def test_after_a_failure_no_ordered_effect_runs() -> None:
    """Neither one that was waiting nor one inside a region."""
    log: list[Any] = []
    ran = run(
        """
  %s0 = begin
  %s1, %a = gen %s0 {name="a"}
  %1: ref = call @log, "before"
  %2: int = call @int, %a
  %t = truth %a
  if %t {
    %3: ref = call @log, "inside"
    yield
  } else {
    yield
  }
  %4: ref = call @log, "after"
  return %s1, none""",
        backend=EchoBackend(script=says(a="no number")),
        externs={"log": log.append},
    )

    assert isinstance(ran.one.error, ValueError)
    assert log == ["before"]


def test_a_failed_item_gives_up_its_calls() -> None:
    """They are aborted; the run ends at once, and other items are as they were."""
    ran = run(
        """
  %s0 = begin
  %s1, %a = gen %s0 {name="a"}
  %x: int = call @int, %q
  return %s1, %x""",
        "%q: str",
        [{"q": "1"}, {"q": "x"}, {"q": "3"}],
        EchoBackend(delay=lambda request: 5),
    )

    assert [o.ret for o in ran.outcomes] == [1, None, 3]
    assert isinstance(ran.outcomes[1].error, ValueError)
    assert len(ran.backend.log) == 2


def test_a_call_in_flight_is_aborted() -> None:
    """The session's answer to it is waited for and ignored."""
    ran = run(
        """
  %s0 = begin
  %s1, %slow = gen %s0 {name="slow"}
  %s2, %fast = gen %s0 {name="fast"}
  %x: int = call @int, %fast
  return %s1, %x""",
        backend=EchoBackend(script=says(fast="x"), delay=lambda r: 1000 * (r.out[0].name == "slow")),  # type: ignore[union-attr]
    )

    assert isinstance(ran.one.error, ValueError)
    assert not ran.session._live


def test_an_error_says_where_it_comes_from() -> None:
    """The user's line and the node, once, and a traceback that begins in the user's code."""

    def tool(text: str) -> str:
        raise LookupError(text)

    s0, r, u = Value("s0", STATE), Value("r", STR), Value("u", STR)
    span = Span("/home/me/t.py", 12)
    body = (
        Node("begin", outputs=(s0,)),
        Node("call", (Lit("x"),), attrs=(("fn", "tool"),), outputs=(r,), span=span),
        Node("method", (r,), attrs=(("name", "upper"),), outputs=(u,)),
        Node("return", (s0, r)),
    )
    graph = Graph("p", (), program("return none, none").graph.externs, Block((), body))

    (outcome,) = Executor(EchoBackend().open(), externs={"tool": tool}).run(Plan(graph, ()), [{}])

    error = outcome.error
    assert isinstance(error, LookupError)
    assert error.__notes__ == ['at t.py:12, in `%r: str = call @tool, "x"`']
    assert error.__traceback__ is not None and error.__traceback__.tb_frame.f_code is tool.__code__


def test_an_unbound_name_raises_as_python_does() -> None:
    """`check` of what is unset; of a set value it is that value."""
    body = """
  %s0 = begin
  %x: str? = if %c {
    yield "set"
  } else {
    yield unset
  }
  %y: str = check %x {name="x"}
  return %s0, %y"""
    ran = run(body, "%c: bool", [{"c": True}, {"c": False}])

    assert ran.outcomes[0].ret == "set"
    assert isinstance(ran.outcomes[1].error, UnboundLocalError)
    assert str(ran.outcomes[1].error) == "cannot access local variable 'x' where it is not associated with a value"


def test_a_raise_ends_the_program() -> None:
    """Also one inside an arm; its arguments are the exception's."""
    body = """
  %s0 = begin
  %s1 = if %c {
    raise @ValueError, "bad", 1
  } else {
    yield %s0
  }
  %s2, %a = gen %s1
  return %s2, "fine"
"""
    ran = run(body, "%c: bool", [{"c": True}, {"c": False}])

    error = ran.outcomes[0].error
    assert isinstance(error, ValueError) and error.args == ("bad", 1)
    assert ran.outcomes[1].ret == "fine"


def test_an_exception_object_can_be_raised() -> None:
    """An extern may hold an instance."""
    mine = KeyError("mine")
    ran = run(" %s0 = begin\n raise @ValueError", externs={"ValueError": mine})

    assert mine is ran.one.error


def test_system_exit_in_a_tool_is_that_item_s_failure() -> None:
    """It ends neither the pool nor the process."""

    def tool(text: str) -> str:
        raise SystemExit(text)

    ran = run(' %s0 = begin\n %r = call @tool, "3"\n return %s0, %r', externs={"tool": tool})

    assert isinstance(ran.one.error, SystemExit)
