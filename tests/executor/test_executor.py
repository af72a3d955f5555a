"""The executor: concurrency, order, failures, control flow, sampling; on the echo backend."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

import pytest

from lmc.backend.base import Failed, Finished, Gen, Request, Score, SegmentEnd, TokenLogprob
from lmc.backend.echo import EchoBackend, EchoSession
from lmc.backend.echo.byte_tokenizer import ByteTokenizer
from lmc.backend.mixing import mix
from lmc.errors import ArgumentError, ChatTemplateError, RequestError
from lmc.executor import Executor, Job, Outcome
from lmc.executor.lineage import call_seed, child_lineage
from lmc.executor.runnable import compile_plan
from lmc.ir.constraint import Choices, Constraint
from lmc.ir.graph import Block, Graph, Lit, Node, Param, Value
from lmc.ir.plan import Plan, Prefix, Step
from lmc.ir.types import STATE, STR
from lmc.parser.irtext.parse import parse_graph
from lmc.source import Span

Args = Mapping[str, object]
EXTERNS = """
  extern @log = "t.py:1 log" ordered raises ref
  extern @tool = "t.py:2 tool" ordered raises str
  extern @pure = "t.py:3 pure" none raises str
  extern @int = "builtins.int" none raises int
  extern @len = "builtins.len" none raises int
  extern @ValueError = "builtins.ValueError" none raises ref
"""


class Ran:
    """What a run did."""

    def __init__(self, backend: EchoBackend, session: EchoSession, outcomes: list[Outcome]) -> None:
        self.backend = backend
        self.session = session
        self.outcomes = outcomes

    @property
    def one(self) -> Outcome:
        """The only outcome."""
        (outcome,) = self.outcomes
        return outcome

    @property
    def ret(self) -> Any:
        """What the only item returned; raises its error."""
        if self.one.error is not None:
            raise self.one.error
        return self.one.ret

    @property
    def text(self) -> str:
        """The only item's final text."""
        assert self.ret is not Ran and self.one.state is not None
        return self.one.state.text()

    @property
    def gens(self) -> list[Gen]:
        """The gen segments, in order of submission."""
        return [segment for request in self.backend.log for segment in request.out if isinstance(segment, Gen)]


def program(body: str, params: str = "") -> Plan:
    """A plan without hints."""
    return Plan(parse_graph(f"program p({params}) {{{EXTERNS}{body}\n}}\n"), ())


def run(
    body: str,
    params: str = "",
    items: list[Args] | None = None,
    backend: EchoBackend | None = None,
    externs: Args | None = None,
    **options: Any,
) -> Ran:
    """Run a program's text for some items (one without arguments if none are given)."""
    backend = backend or EchoBackend(record=True)
    backend.record = True
    session = backend.open()
    live = {"log": print, "tool": str.upper, "pure": str.upper, "ValueError": ValueError, **(externs or {})}
    executor = Executor(session, externs=live, **options)
    rows = [{(name,): value for name, value in item.items()} for item in items or [{}]]
    return Ran(backend, session, executor.run(program(body, params), rows))


def says(**answers: str) -> Callable[[str, Gen], str | None]:
    """A script: what a named gen says."""
    return lambda prompt, gen: answers.get(str(gen.name))


def fails(*names: str) -> Callable[[Request], str | None]:
    """A failure for the named calls."""
    return lambda request: f"no {request.out[0].name}" if getattr(request.out[0], "name", None) in names else None


FORKS = """
  %s0 = begin
  %s1 = append %s0, "topic "
  %p, %a0, %b0, %c0, %d0 = fork %s1 {n=4}
  %a1 = append %a0, "a"
  %b1 = append %b0, "b"
  %a2, %a = gen %a1 {name="x"}
  %b2, %b = gen %b1 {name="x"}
  %c2, %c = gen %c0 {name="x"}
  %d2, %d = gen %d0 {name="x"}
"""


# --- straight lines --------------------------------------------------------------------------------------------


def test_a_straight_line() -> None:
    """Text, a call, more text, another call: the second prompt holds the first answer."""
    ran = run(
        """
  %s0 = begin
  %s1 = append %s0, "Q: ", %q, " A:"
  %s2, %a = gen %s1 {name="a"}
  %s3 = append %s2, " B:"
  %s4, %b = gen %s3 {name="b"}
  return %s4, %b""",
        "%q: str",
        [{"q": "x"}, {"q": "y"}],
        EchoBackend(script=says(a="yes", b="no"), shuffle=1),
    )

    assert [o.state.text() for o in ran.outcomes if o.state] == ["Q: x A:yes B:no", "Q: y A:yes B:no"]
    assert [o.ret for o in ran.outcomes] == ["no", "no"]
    assert dict(ran.outcomes[0].state.names.values) == {"a": "yes", "b": "no"}  # type: ignore[union-attr]
    assert sorted(ran.backend.prompts(), key=lambda p: (len(p), p)) == [
        "Q: x A:",
        "Q: y A:",
        "Q: x A:yes B:",
        "Q: y A:yes B:",
    ]


def test_usage_and_calls_are_summed() -> None:
    """Prompt and output tokens of every call of the item."""
    ran = run(
        """
  %s0 = begin
  %s1 = append %s0, "abc"
  %s2, %a = gen %s1 {name="a"}
  %s3, %b = gen %s2 {name="b"}
  return %s3, none""",
        backend=EchoBackend(script=says(a="12345", b="67")),
    )

    assert (ran.one.calls, ran.one.usage.prompt_tokens, ran.one.usage.output_tokens) == (2, 3 + 8, 7)


def test_a_call_without_a_name_is_not_stored() -> None:
    """Its text is in the state, its value in the graph."""
    ran = run(" %s0 = begin\n %s1, %a = gen %s0\n return %s1, %a")

    assert not ran.one.state.names.values  # type: ignore[union-attr]
    assert ran.ret == ran.text


def test_meta_says_how_a_call_went() -> None:
    """Reason, tokens, and what was asked for beside."""
    ran = run(
        """
  %s0 = begin
  %s1 = append %s0, "abc"
  %s2, %a = gen %s1 {max_tokens=4, name="a"}
  %m = meta %s2, "a"
  return %s2, %m"""
    )

    assert ran.ret == {
        "id": 0, "finish_reason": "length", "prompt_tokens": 3, "cached_tokens": 0, "completion_tokens": 4,
    }  # fmt: skip


def test_several_samples_are_a_list_and_the_state_goes_on_with_the_first() -> None:
    """n=3: three texts, three meta records, one continuation."""
    ran = run(
        """
  %s0 = begin
  %s1, %a = gen %s0 {n=3, name="a"}
  return %s1, %a"""
    )

    texts: Any = ran.one.ret
    assert isinstance(texts, list) and len(set(texts)) == 3
    assert (texts[0], texts) == (ran.text, ran.one.state.get("a"))  # type: ignore[union-attr]
    assert len(ran.one.state.meta("a")["samples"]) == 3  # type: ignore[union-attr,index]


def test_an_item_without_an_argument_fails_alone() -> None:
    """The others run."""
    ran = run(" %s0 = begin\n return %s0, %q", "%q: str", [{"q": 1}, {}, {"q": 3}])

    assert [o.ret for o in ran.outcomes] == [1, None, 3]
    with pytest.raises(ArgumentError, match="item 1 has no argument 'q'"):
        raise ran.outcomes[1].error  # type: ignore[misc]


def test_no_items_is_no_work() -> None:
    """An empty batch gives an empty list."""
    assert Executor(EchoBackend().open()).run(program(" %s0 = begin\n return %s0, none"), []) == []


# --- concurrency -----------------------------------------------------------------------------------------------


def test_forks_run_side_by_side() -> None:
    """Four independent calls are in flight at once."""
    ran = run(FORKS + ' %s9 = join %p, %a2, %b2, %c2, %d2 {mode="gather_variable"}\n return %s9, none')

    assert ran.session.counters().max_running == 4
    assert ran.session.counters().forward_passes == 1
    assert len(ran.one.state.get("x")) == 4  # type: ignore[union-attr,arg-type]


def test_items_run_side_by_side_without_threads() -> None:
    """Two thousand programs in flight at once, on this thread."""
    before = threading.active_count()
    peak = 0

    def watch(request: Request) -> int:
        nonlocal peak
        peak = max(peak, threading.active_count())
        return 3

    ran = run(
        " %s0 = begin\n %s1 = append %s0, %q\n %s2, %a = gen %s1 {max_tokens=2}\n return %s2, %a",
        "%q: str",
        [{"q": str(i)} for i in range(2000)],
        EchoBackend(delay=watch),
    )

    assert all(o.error is None for o in ran.outcomes)
    assert ran.session.counters().max_running == 2000
    assert before == peak


def test_no_more_items_run_than_may() -> None:
    """`max_active` bounds what is in flight; every item gets its turn."""
    ran = run(
        " %s0 = begin\n %s1, %a = gen %s0\n return %s1, %q",
        "%q: int",
        [{"q": i} for i in range(20)],
        max_active=3,
    )

    assert list(range(20)) == [o.ret for o in ran.outcomes]
    assert ran.session.counters().max_running == 3


def test_host_calls_use_a_bounded_pool() -> None:
    """Three hundred items with a slow tool need no more threads than allowed."""
    seen: set[str] = set()

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


def test_pure_host_calls_run_inline() -> None:
    """No thread is started for them."""
    names: list[str] = []

    def pure(text: str) -> str:
        names.append(threading.current_thread().name)
        return text

    run(' %s0 = begin\n %r = call @pure, "x"\n return %s0, %r', externs={"pure": pure})

    assert [threading.current_thread().name] == names


def test_methods_written_in_python_run_on_the_pool() -> None:
    """Those of lists and dicts do not; both in program order, in the caller's context."""
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
    assert ran.ret.startswith("lmc-host")


def test_a_long_tool_does_not_stop_other_items() -> None:
    """Item 1 ends while item 0 still waits for its tool."""
    released = threading.Event()

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


# --- order and failures ----------------------------------------------------------------------------------------


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


def test_an_interrupt_aborts_all_requests() -> None:
    """Ctrl-C during a step leaves nothing in flight, and is raised."""
    backend = EchoBackend()
    session = backend.open()

    def interrupted(item: int, node: Node, event: object) -> None:
        raise KeyboardInterrupt

    executor = Executor(session, on_event=interrupted)
    with pytest.raises(KeyboardInterrupt):
        executor.run(program(" %s0 = begin\n %s1, %a = gen %s0\n return %s1, %a"), [{}, {}, {}])

    assert not session._live


def test_an_extern_without_an_object_is_that_program_s_failure() -> None:
    """Only pure builtins bind themselves; a job of another program runs."""
    session = EchoBackend().open()
    needs = compile_plan(program(' %s0 = begin\n %r = call @tool, "x"\n return %s0, %r'))
    fine = compile_plan(program(' %s0 = begin\n %r: int = call @int, "7"\n return %s0, %r'))

    jobs = [Job(needs, {}), Job(fine, {}), Job(needs, {}, {"tool": str.upper})]
    bad, good, bound = Executor(session).run_jobs(jobs)

    assert (good.ret, bound.ret) == (7, "X")
    assert isinstance(bad.error, ArgumentError) and "@tool (t.py:2 tool) is not bound" in bad.error.message


# --- control flow ----------------------------------------------------------------------------------------------


def test_an_arm_that_is_not_taken_calls_nothing() -> None:
    """The condition decides when it comes."""
    body = """
  %s0 = begin
  %s1, %a = gen %s0 {name="a"}
  %c = compare %a, "yes" {op="=="}
  %s2, %b: str = if %c {
    %t0 = append %s1, " sure"
    %t1, %x = gen %t0 {name="b"}
    yield %t1, %x
  } else {
    yield %s1, "nothing"
  }
  return %s2, %b"""

    for answer, calls, ret in (("yes", 2, "B"), ("no", 1, "nothing")):
        ran = run(body.replace("%c =", "%c: bool ="), backend=EchoBackend(script=says(a=answer, b="B")))
        assert (calls, ret) == (len(ran.backend.log), ran.ret)


def test_an_if_waits_only_for_its_condition() -> None:
    """What stands behind it and does not depend on it starts with it."""
    ran = run(
        """
  %s0 = begin
  %s1, %a = gen %s0 {name="a"}
  %t = truth %a
  %s2, %x: str = if %t {
    %u1, %y = gen %s0 {name="in"}
    yield %u1, %y
  } else {
    yield %s0, ""
  }
  %v, %z = gen %s0 {name="behind"}
  return %v, %x"""
    )

    assert [gen.name for gen in ran.gens] == ["a", "behind", "in"]
    assert ran.session.counters().forward_passes == 2


def test_iterations_of_a_for_start_at_once() -> None:
    """Their carried states are futures; each call hangs on the one before only if its prompt does."""
    independent = """
  %s0 = begin
  %r: data = for %d: str in %dims, %acc: data = %none {
    %t = append %s0, %d
    %t1, %x = gen %t {name="x"}
    %one: data = list %x
    %more: data = binary %acc, %one {op="+"}
    next true, %more
  }
  return %s0, %r"""
    ran = run(independent, "%dims: data, %none: data", [{"dims": list("abcde"), "none": []}])

    assert ran.session.counters().max_running == 5
    assert len(ran.ret) == 5
    assert ran.backend.prompts() == ["a", "b", "c", "d", "e"]

    chained = """
  %s0 = begin
  %s9 = for %d: str in %dims, %s = %s0 {
    %t = append %s, %d
    %t1, %x = gen %t {name="x"}
    next true, %t1
  }
  return %s9, none"""
    ran = run(chained, "%dims: data", [{"dims": list("abc")}], EchoBackend(script=says(x="!")))

    assert (ran.session.counters().max_running, ran.text) == (1, "a!b!c!")


def test_a_for_over_an_untyped_argument_starts_at_once_too() -> None:
    """A list is a list, whatever its type was at compile time."""
    body = """
  %s0 = begin
  %n: int = for %d: any in %dims, %n0: int = 0 {
    %f = format %d
    %t = append %s0, %f
    %t1, %x = gen %t {name="x"}
    %k: int = len %x
    %n1: int = binary %n0, %k {op="+"}
    next true, %n1
  }
  return %s0, %n"""
    ran = run(body, "%dims: any", [{"dims": ["a", 2]}, {"dims": range(3)}], EchoBackend(script=says(x="12")))

    assert [o.ret for o in ran.outcomes] == [4, 6]
    assert ran.session.counters().max_running == 5


def test_a_for_over_a_live_object_takes_items_in_turn() -> None:
    """The next item is asked for only when the iteration before has succeeded."""
    log: list[Any] = []

    def source() -> Any:
        for i in range(3):
            log.append(f"take {i}")
            yield i
        log.append("end")

    ran = run(
        """
  %s0 = begin
  %s9 = for %d: any in %src, %s = %s0 {
    %s1, %x = gen %s {name="x"}
    %l: int = len %x
    %1: ref = call @log, %d
    next true, %s1
  }
  %2: ref = call @log, "after"
  return %s9, none""",
        "%src: ref",
        [{"src": source()}],
        externs={"log": log.append},
    )

    assert ran.one.error is None
    assert log == ["take 0", 0, "take 1", 1, "take 2", 2, "end", "after"]


def test_a_for_over_what_cannot_be_iterated_raises() -> None:
    """The error carries the node."""
    body = " %s0 = begin\n %s1 = for %d: any in %x, %s = %s0 {\n next true, %s\n }\n return %s1, none"
    for kind in ("int", "any", "ref"):
        ran = run(body, f"%x: {kind}", [{"x": 5}])
        assert isinstance(ran.one.error, TypeError)
        assert str(ran.one.error) == "'int' object is not iterable"
        assert "in `%s1 = for" in ran.one.error.__notes__[0]


def test_a_break_takes_no_further_item() -> None:
    """`next false` ends the loop with its slots."""
    body = """
  %s0 = begin
  %last: any = for %d: any in %src, %l: any = none {
    %go: bool = compare %d, 2 {op="<"}
    next %go, %d
  }
  return %s0, %last"""
    source = iter(range(10))
    ran = run(body, "%src: ref", [{"src": source}])

    assert (ran.ret, next(source)) == (2, 3)


LOOP = """
  %s0 = begin
  %n: int = loop %i: int = 0 {
    %j: int = binary %i, 1 {op="+"}
    %go: bool = compare %j, %max {op="<"}
    next %go, %j
  }
  return %s0, %n"""


def test_ten_thousand_iterations_do_not_recurse() -> None:
    """A loop whose condition is there at once is a Python loop."""
    assert run(LOOP, "%max: int", [{"max": 10_000}]).ret == 10_000


def test_ten_thousand_iterations_that_wait_do_not_recurse() -> None:
    """Each iteration waits for a call; the futures they leave are a long chain."""
    body = """
  %s0 = begin
  %n: int, %s = loop %i: int = 0, %t = %s0 {
    %t1, %x = gen %s0 {max_tokens=1, name="x"}
    %k: int = len %x
    %j: int = binary %i, %k {op="+"}
    %go: bool = compare %j, 10000 {op="<"}
    next %go, %j, %t
  }
  return %s, %n"""
    ran = run(body, backend=EchoBackend(script=says(x="1"), delay=0))

    assert ran.ret == 10_000


def test_a_long_chain_of_futures_does_not_recurse() -> None:
    """Five thousand carried sums hang on one call."""
    body = """
  %s0 = begin
  %s1, %x = gen %s0 {max_tokens=1, name="x"}
  %n: int = for %d: int in %r, %acc: int = 0 {
    %k: int = len %x
    %more: int = binary %acc, %k {op="+"}
    next true, %more
  }
  return %s1, %n"""

    assert run(body, "%r: data", [{"r": range(5000)}], EchoBackend(script=says(x="1"))).ret == 5000


def test_a_region_reads_what_is_around_it() -> None:
    """Two levels up, and values that are still to come."""
    body = """
  %s0 = begin
  %s1, %a = gen %s0 {name="a"}
  %r: str = for %d: str in %dims, %acc: str = "" {
    %c = truth %d
    %v: str = if %c {
      %w: str = concat %acc, %a, %d
      yield %w
    } else {
      yield %acc
    }
    next true, %v
  }
  return %s1, %r"""

    ran = run(body, "%dims: data", [{"dims": ["1", "", "2"]}], EchoBackend(script=says(a="x")))
    assert ran.ret == "x1x2"


# --- lists of states -------------------------------------------------------------------------------------------


def test_branches_of_a_list_run_side_by_side() -> None:
    """Each iteration replaces one element; the list holds calls that are still to come."""
    body = """
  %s0 = begin
  %p, %f = fork_list %s0, %n
  %k: data = call @pure, %n
  %g: list[state] = for %i: int in %k, %fs: list[state] = %f {
    %one = states_item %fs, %i
    %t, %x = gen %one {name="x"}
    %gs = states_set %fs, %i, %t
    next true, %gs
  }
  %q = join_list %p, %g {mode="gather_variable"}
  %len = states_len %g
  return %q, %len"""
    ran = run(body, "%n: int", [{"n": 5}], externs={"pure": range})

    assert ran.session.counters().max_running == 5
    assert (ran.ret, len(ran.one.state.get("x"))) == (5, 5)  # type: ignore[union-attr,arg-type]


def test_a_failed_branch_fails_only_who_reads_it() -> None:
    """An index error is raised at once; a failed element is only handed on."""
    body = """
  %s0 = begin
  %s1, %a = gen %s0 {name="a"}
  %l = states %s0, %s1
  %m = states_append %l, %s1
  %x = states_item %m, %i
  %1: ref = call @log, "there"
  %t = text %x
  return %s0, %t"""
    log: list[Any] = []
    ran = run(body, "%i: int", [{"i": 2}, {"i": 7}], EchoBackend(fail=fails("a")), {"log": log.append})

    assert log == ["there"]
    assert [RequestError, IndexError] == [type(o.error) for o in ran.outcomes]


@pytest.mark.parametrize("slow", ["a", "i"])
def test_a_failed_element_is_handed_on_whenever_it_failed(slow: str) -> None:
    """Before it is taken out of its list or after: only reading it raises."""
    body = """
  %s0 = begin
  %s1, %a = gen %s0 {name="a"}
  %s2, %b = gen %s0 {name="i"}
  %l = states %s1
  %i: int = call @int, %b
  %x = states_item %l, %i
  %y: state = check %x {name="y"}
  %1: ref = call @log, "there"
  %t = text %y
  return %s0, %t"""
    log: list[Any] = []

    def delay(request: Request) -> int:
        return 3 * (request.out[0].name == slow)  # type: ignore[union-attr]

    ran = run(body, backend=EchoBackend(fail=fails("a"), script=says(i="0"), delay=delay), externs={"log": log.append})

    assert log == ["there"]
    assert isinstance(ran.one.error, RequestError)


def test_a_program_may_return_its_forks() -> None:
    """The states, settled, in a list; gathered in another order here."""
    ran = run(
        """
  %s0 = begin
  %p, %a, %b = fork %s0 {n=2}
  %a1, %x = gen %a {name="x"}
  %b1 = append %b, "b"
  %l = states %a1, %b1
  %o: data = list 1, 0
  %g = states_gather %l, %o
  return %p, %g""",
        backend=EchoBackend(script=says(x="said")),
    )

    assert [state.text() for state in ran.ret] == ["b", "said"]


@pytest.mark.parametrize("n, words", [(-1, "cannot be negative"), ("2", "not str"), (True, "not bool")])
def test_a_wrong_number_of_forks_raises(n: object, words: str) -> None:
    """With the number in the message."""
    ran = run(" %s0 = begin\n %p, %l = fork_list %s0, %n\n return %p, none", "%n: any", [{"n": n}])

    assert isinstance(ran.one.error, ArgumentError) and words in ran.one.error.message


def test_forks_and_unpacking_of_odd_sizes() -> None:
    """One and none."""
    ran = run(
        """
  %s0 = begin
  %s1 = fork %s0 {n=0}
  %s2, %a = fork %s1 {n=1}
  %one: any = unpack %x {n=1}
  return %s2, %one""",
        "%x: data",
        [{"x": ["only"]}],
    )

    assert ran.ret == "only"


# --- random numbers --------------------------------------------------------------------------------------------


def seeds(ran: Ran) -> dict[str, int | None]:
    return {prompt: gen.sampling.seed for prompt, gen in zip(ran.backend.prompts(), ran.gens)}


def test_seeds_do_not_depend_on_the_order_of_completion() -> None:
    """They follow from run seed, item, lineage and the calls so far."""
    body = FORKS + ' %a3 = append %a2, "then"\n %a4, %e = gen %a3 {name="y"}\n return %a4, none'
    runs = [run(body, backend=EchoBackend(shuffle=i, script=says(x="!", y="?")), seed=3) for i in range(4)]

    first = {(p, s) for r in runs[:1] for p, s in zip(r.backend.prompts(), (g.sampling.seed for g in r.gens))}
    assert len({seed for _, seed in first}) == 5
    for other in runs[1:]:
        assert first == set(zip(other.backend.prompts(), (g.sampling.seed for g in other.gens)))
    assert call_seed(mix(3, 0), child_lineage(0, 0, 0), 0) == seeds(runs[0])["topic a"]
    assert call_seed(mix(3, 0), child_lineage(0, 0, 0), 1) == seeds(runs[0])["topic a!then"]


def test_items_and_runs_draw_apart() -> None:
    """Another item, another run seed: another stream."""
    body = " %s0 = begin\n %s1, %a = gen %s0\n return %s1, %a"
    drawn = [gen.sampling.seed for s in (0, 1) for gen in run(body, items=[{}, {}], seed=s).gens]

    assert len(set(drawn)) == 4


def test_greedy_calls_and_given_seeds_are_left_alone() -> None:
    """A greedy call has no seed, the user's seed is the user's."""
    ran = run(" %s0 = begin\n %s1, %a = gen %s0 {temperature=0.0}\n %s2, %b = gen %s1 {seed=7}\n return %s2, none")

    assert [gen.sampling.seed for gen in ran.gens] == [None, 7]


def test_a_job_s_number_is_its_item() -> None:
    """A batch cut in two draws as the whole one."""
    runnable = compile_plan(program(" %s0 = begin\n %s1, %a = gen %s0\n return %s1, %a"))
    whole = Executor(EchoBackend().open()).run(runnable, [{}, {}])
    part = Executor(EchoBackend().open()).run_jobs([Job(runnable, {}, {}, 1)])

    assert whole[1].ret == part[0].ret != whole[0].ret


# --- parameters ------------------------------------------------------------------------------------------------


def test_the_call_wins_over_the_run_over_the_defaults() -> None:
    """None inherits; run-level names are known."""
    ran = run(
        """
  %s0 = begin
  %s1, %a = gen %s0 {max_tokens=5, name="a", temperature=none}
  %s2, %b = gen %s1, temperature=%t, stop=%stop
  return %s2, none""",
        "%t: any, %stop: any",
        [{"t": 0, "stop": "\n"}],
        defaults={"max_new_tokens": 9, "temperature": 0.5, "stop": ["END"]},
    )

    a, b = (gen.sampling for gen in ran.gens)
    assert (a.max_tokens, a.temperature, a.stop) == (5, 0.5, ("END",))
    assert (b.max_tokens, b.temperature, b.stop) == (9, 0.0, ("\n",))


@pytest.mark.parametrize(
    "name, value, words",
    [
        ("max_tokens", -1, "max_tokens=-1: it cannot be less than 0"),
        ("max_tokens", 1.5, "max_tokens=1.5: a whole number is needed, not float"),
        ("temperature", "hot", "temperature='hot': a number is needed, not str"),
        ("temperature", float("nan"), "temperature=nan: it must be at least 0"),
        ("top_p", 0, "top_p=0: it must be above 0 and at most 1"),
        ("top_k", 0, "top_k=0: it must be at least 1, or -1 for every token"),
        ("stop", [1], "stop=[1]: a text or a list of texts is needed"),
        ("stop", "", "stop='': an empty text would end it at once"),
        ("stop_regex", "(", "stop_regex='(': '(' is no regular expression"),
        ("n", 0, "n=0: it cannot be less than 1"),
        ("min_tokens", 500, "min_tokens=500 is more than max_tokens=128"),
        ("name", 3, "name=3: a text is needed, not int"),
    ],
)
def test_a_wrong_parameter_names_itself(name: str, value: object, words: str) -> None:
    """At run time, with the call's place; other items are not touched."""
    ran = run(f" %s0 = begin\n %s1, %a = gen %s0, {name}=%v\n return %s1, none", "%v: any", [{"v": value}, {"v": None}])

    assert isinstance(ran.outcomes[0].error, ArgumentError)
    assert words in ran.outcomes[0].error.message
    assert ran.outcomes[1].error is None


def test_an_unknown_parameter_of_the_run_names_the_nearest() -> None:
    """Every call that is reached says so."""
    ran = run(" %s0 = begin\n %s1, %a = gen %s0\n return %s1, none", defaults={"temprature": 1})

    assert isinstance(ran.one.error, ArgumentError)
    assert (
        ran.one.error.message,
        ran.one.error.help,
    ) == ("unknown sampling parameter 'temprature'", "did you mean 'temperature'?")


def test_a_constraint_of_run_time_is_parsed_by_who_can() -> None:
    """The injected parser gets kind and value; without it the call fails."""
    seen: list[tuple[str, object]] = []

    def parse(kind: str, value: object, spacing: str | None) -> Constraint:
        seen.append((kind, value))
        return Choices(("a", "b"))

    body = ' %s0 = begin\n %s1, %a = gen %s0, regex=%r {name="a"}\n return %s1, %a'
    ran = run(body, "%r: str", [{"r": "[ab]"}], parse_constraint=parse)

    assert seen == [("regex", "[ab]")]
    assert (Choices(("a", "b")), True) == (ran.gens[0].constraint, ran.ret in ("a", "b"))
    assert isinstance(run(body, "%r: str", [{"r": "[ab]"}]).one.error, ArgumentError)


def test_select_scores_its_choices() -> None:
    """Duplicates are dropped, the order stays; the record says how it was decided."""
    ran = run(
        """
  %s0 = begin
  %s1, %a = select %s0, choices=%c {method="token_length_normalized", name="a"}
  %m = meta %s1, "a"
  return %s1, %m""",
        "%c: data",
        [{"c": ["yes", "no", "yes"]}],
    )

    segment = ran.backend.log[0].out[0]
    assert isinstance(segment, Score) and segment.choices == ("yes", "no")
    meta = ran.ret
    assert meta["choices"] == ["yes", "no"]
    assert meta["choices"][meta["choice"]] == ran.text == ran.one.state.get("a")  # type: ignore[union-attr]
    assert 2 == len(meta["scores"]) == len(meta["normalized_prompt_logprobs"])


@pytest.mark.parametrize(
    "choices, words",
    [([], "needs at least one choice"), ("yes", "a list of texts"), (["a", 1], "not int"), (["a", ""], "be empty")],
)
def test_wrong_choices_say_so(choices: object, words: str) -> None:
    """An ArgumentError of that item."""
    ran = run(
        ' %s0 = begin\n %s1, %a = select %s0, choices=%c {method="token_length_normalized"}\n return %s1, %a',
        "%c: any",
        [{"c": choices}],
    )

    assert isinstance(ran.one.error, ArgumentError) and words in ran.one.error.message


def test_logprobs_come_in_sglang_s_shape() -> None:
    """(log-probability, id, text) a token, the text only if asked for."""

    class Scored(EchoSession):
        def step(self, timeout_s: float | None = None) -> Any:
            row = (TokenLogprob(97, -0.5, ((97, -0.5), (98, -1.0))),)
            return [
                SegmentEnd(e.rid, e.sample, e.segment, "a", (97,), "eos", logprobs=row)
                if isinstance(e, SegmentEnd)
                else e
                for e in super().step(timeout_s)
            ]

    body = ' %s0 = begin\n %s1, %a = gen %s0 {name="a", return_text_in_logprobs=true}\n return %s1, none'
    (outcome,) = Executor(Scored(EchoBackend())).run(program(body), [{}])

    meta: Any = outcome.state.meta("a")  # type: ignore[union-attr]
    assert meta["output_token_logprobs"] == [(-0.5, 97, "a")]
    assert meta["output_top_logprobs"] == [[(-0.5, 97, "a"), (-1.0, 98, "b")]]


# --- roles -----------------------------------------------------------------------------------------------------

ROLES = """
  %s0 = begin
  %s1 = role_begin %s0 {role="user"}
  %s2 = append %s1, "hi"
  %s3 = role_end %s2 {role="user"}
  %s4 = role_begin %s3 {role="assistant"}
  %s5, %a = gen %s4 {name="a"}
  %s6 = role_end %s5 {role="assistant"}
  %m = messages %s6
  return %s6, %m"""


def test_roles_use_the_tokenizer_s_template() -> None:
    """Literals at each boundary; the messages are the turns."""
    ran = run(ROLES, backend=EchoBackend(script=says(a="yo")))

    assert ran.backend.prompts() == ["<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n"]
    assert ran.ret == [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yo"}]


def test_literals_in_the_graph_win() -> None:
    """`text`, or `after` by the previous role."""
    ran = run(
        """
  %s0 = begin
  %s1 = role_begin %s0 {role="user", text="<u>"}
  %s2 = role_end %s1 {role="user", text="</u>"}
  %s3 = role_begin %s2 {after=[["", "<first>"], ["user", "<after user>"]], role="assistant"}
  return %s3, none"""
    )

    assert ran.text == "<u></u><after user>"


def test_roles_without_a_template_say_what_to_do() -> None:
    """A ChatTemplateError, never a guess."""
    ran = run(ROLES, backend=EchoBackend(tokenizer=ByteTokenizer(chat=None)))

    assert isinstance(ran.one.error, ChatTemplateError)
    assert "use a tokenizer with a template" in str(ran.one.error.help)


# --- hints and events ------------------------------------------------------------------------------------------


def test_a_shared_prefix_is_a_gang() -> None:
    """All items together where the prefix is the same for all, else each item for itself."""
    plan = program(
        """
  %s0 = begin
  %s1 = append %s0, "all", %q
  %a, %x = gen %s1
  %b, %y = gen %s1
  %c, %z = gen %s0
  return %a, none""",
        "%q: str",
    )
    q = plan.graph.params[0].value
    prefixes = (Prefix(0, None, (Lit("all"),), 3, (0, 1), 4), Prefix(1, 0, (q,), None, (0, 1), 2))
    steps = (Step(0, 2, "gen", prefix=1), Step(1, 3, "gen", prefix=1), Step(2, 4, "gen", prefix=0))
    backend = EchoBackend(record=True)

    Executor(backend.open()).run(Plan(plan.graph, steps, prefixes), [{("q",): "a"}, {("q",): "b"}])

    gangs = [request.gang for request in backend.log]
    assert gangs[0] == gangs[1] != gangs[3] == gangs[4]
    assert gangs[2] == gangs[5] not in (gangs[0], gangs[3])


def test_events_are_handed_on_as_they_come() -> None:
    """With the item and the node they belong to."""
    seen: list[tuple[int, str, str]] = []

    def on_event(item: int, node: Node, event: object) -> None:
        seen.append((item, str(node.attr("name")), type(event).__name__))

    run(
        ' %s0 = begin\n %s1, %a = gen %s0 {name="a"}\n return %s1, %a',
        items=[{}, {}],
        backend=EchoBackend(script=says(a="one two"), chunks=2),
        on_event=on_event,
    )

    of_first = [kind for item, _, kind in seen if item == 0]
    assert of_first == ["Delta", "Delta", "SegmentEnd", "Finished"]
    assert {"a"} == {name for _, name, _ in seen}


def test_an_executor_can_run_again() -> None:
    """Request numbers go on; the session is as it was."""
    session = EchoBackend().open()
    executor = Executor(session)
    plan = program(" %s0 = begin\n %s1, %a = gen %s0\n return %s1, %a")

    assert executor.run(plan, [{}])[0].ret == executor.run(plan, [{}])[0].ret
    assert not session._live


def test_every_failed_sample_fails_the_call() -> None:
    """The first failed sample speaks for the call."""

    class Half(EchoSession):
        def step(self, timeout_s: float | None = None) -> Any:
            return [failed(e) if isinstance(e, Finished) and e.sample else e for e in super().step(timeout_s)]

    def failed(end: Finished) -> Failed:
        return Failed(end.rid, end.sample, "odd", f"sample {end.sample}")

    body = ' %s0 = begin\n %s1, %a = gen %s0 {n=3, name="a"}\n return %s1, %a'
    (outcome,) = Executor(Half(EchoBackend())).run(program(body), [{}])

    assert isinstance(outcome.error, RequestError) and outcome.error.message == "sample 1"


def test_params_by_path() -> None:
    """An argument leaf is looked up where it sits."""
    leaf = Param(Value("d0", STR), ("dims", 0))
    s0 = Value("s0", STATE)
    graph = Graph("p", (leaf,), (), Block((), (Node("begin", outputs=(s0,)), Node("return", (s0, leaf.value)))))

    (outcome,) = Executor(EchoBackend().open()).run(Plan(graph, ()), [{("dims", 0): "x"}])

    assert outcome.ret == "x"
