"""Programs in greenlets: what runs together, what is waited for, and how they end."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from itertools import count
from typing import Any

import pytest

import lmc
from lmc.backend.base import Request
from lmc.backend.echo import EchoBackend
from lmc.eager import EagerItem, Expressions
from lmc.errors import ArgumentError, RequestError
from lmc.executor import Executor
from lmc.executor.events import CallEnded, TextGrew
from lmc.executor.requests import RunParams
from lmc.executor.run import Run
from tests.support.alive import num_alive


class Rounds:
    """An echo backend that notes how many requests it was given at once."""

    def __init__(self, **options: Any) -> None:
        self.backend = EchoBackend(**options)
        self.sizes: list[int] = []

    def open(self) -> Any:
        session = self.backend.open()
        submit = session.submit

        def noted(requests: list[Request]) -> None:
            self.sizes.append(len(requests))
            submit(requests)

        session.submit = noted  # type: ignore[method-assign]
        return session


def opened(*functions: Callable[[Any], object], session: Any = None, **options: Any) -> Run:
    """A run with these programs in it, not stepped yet."""
    executor = Executor(session or EchoBackend(**options).open())
    run = executor.open("items")
    for number, function in enumerate(functions):
        run.add(EagerItem(function, Expressions(executor.params), number))
    return run


def outcomes(run: Run) -> dict[int, Any]:
    """Step to the end."""
    ended = {}
    while not run.is_idle:
        ended.update((event.item, event.outcome) for event in run.step())  # type: ignore[union-attr]
    return ended


def run_one(function: Callable[..., object], **options: Any) -> lmc.Result:
    """The function as the one item of a batch, so that its error comes back."""
    [result] = lmc.run_batch(function, [{}], backend=EchoBackend(**options), mode="eager")
    return result


def ask(s: Any, name: str = "x", **params: Any) -> None:
    s += lmc.gen(name, max_tokens=3, **params)


# --- what runs together ------------------------------------------------------------------------------------------


def sizes_of(function: Callable[[Any], object]) -> list[int]:
    """How many calls each round submits."""
    rounds = Rounds()
    run = opened(function, session=rounds.open())
    [outcome] = outcomes(run).values()
    assert outcome.error is None, outcome.error
    return rounds.sizes


def test_forks_are_submitted_in_one_round() -> None:
    """Nothing has been read: four calls go out at once."""

    def program(s: Any) -> None:
        s += "Four: "
        for i, f in enumerate(s.fork(4)):
            f += f"{i}"
            ask(f)

    assert sizes_of(program) == [4]


def test_a_read_in_between_splits_rounds() -> None:
    """What stands behind a read is not known before its value is."""

    def program(s: Any) -> None:
        for f in s.fork(4):
            ask(f)
            assert f["x"]

    assert sizes_of(program) == [1, 1, 1, 1]


def test_a_read_waits_for_its_own_call_only() -> None:
    """The first of two calls in a row is read before the second is there, whose prompt it belongs to."""
    rounds, seen = Rounds(), []

    def program(s: Any) -> None:
        ask(s, "a")
        ask(s, "b")
        s["a"]
        seen.append(list(rounds.sizes))
        s["b"]
        seen.append(list(rounds.sizes))

    outcomes(opened(program, session=rounds.open()))

    assert rounds.sizes == [1, 1]
    assert seen[0] == [1] and seen[1] == [1, 1]


def test_turns_behind_a_call_do_not_wait_for_it() -> None:
    """Roles, names, scopes, copies and joins of what is to come go on at once."""

    def program(s: Any) -> str:
        with s.user():
            s += "hello"
        forks = s.fork(3)
        for f in forks:
            with f.assistant(), f.var_scope("all"):
                ask(f)
                f += "!"
        forks.join()
        with s.copy() as c:
            c["seen"] = 1
        assert "x" in s and "all" in s and "seen" in s and "y" not in s
        return str([text.endswith("!") for text in s["all"]])

    rounds = Rounds()
    [outcome] = outcomes(opened(program, session=rounds.open())).values()

    assert outcome.error is None and outcome.ret == "[True, True, True]"
    assert rounds.sizes == [3]


def test_items_of_a_batch_run_together() -> None:
    """Each waits for its own answer while the others ask."""

    def program(s: Any) -> None:
        for _ in range(3):
            ask(s)
            s["x"]

    rounds = Rounds()
    outcomes(opened(*[program] * 50, session=rounds.open()))

    assert rounds.sizes == [50, 50, 50]


@pytest.mark.slow
def test_ten_thousand_programs_need_no_thread() -> None:
    """All are in flight at once, on this thread."""
    threads, most = threading.active_count(), 0
    names = set()

    def program(s: Any, number: int) -> str:
        nonlocal most
        s += f"Item {number}:"
        s += lmc.gen("x", max_tokens=4)
        most = max(most, run.num_active)
        names.add(threading.current_thread().name)
        return str(s["x"])

    run = opened(*[lambda s, number=i: program(s, number) for i in range(10_000)], delay=12)
    ended = outcomes(run)

    assert len(ended) == 10_000 and all(outcome.error is None for outcome in ended.values())
    assert most == 10_000
    assert threading.active_count() == threads and len(names) == 1


def test_context_variables_are_a_program_s_own() -> None:
    """What one helper sets the next one sees; neither the caller nor another item does."""
    who: ContextVar[str] = ContextVar("who")
    who.set("caller")
    seen = []

    def program(s: Any, number: int) -> None:
        seen.append(who.get())
        who.set(f"item {number}")
        ask(s)
        s["x"]
        seen.append(who.get())

    lmc.run_batch(program, [{"number": i} for i in range(3)], backend=EchoBackend(), mode="eager")

    assert seen == ["caller"] * 3 + ["item 0", "item 1", "item 2"]
    assert who.get() == "caller"


def test_a_run_tells_of_its_calls() -> None:
    """Text as it grows and the end of each call, by the names that the program gave them."""
    run = Executor(EchoBackend(chunks=2).open()).open("text")
    events: list[Any] = []

    def program(s: Any) -> str:
        ask(s, "a")
        ask(s, "b")
        return str(s["a"] + s["b"])

    run.add(EagerItem(program, Expressions(RunParams())))
    while not run.is_idle:
        events += run.step()
    grown, ended = ([e for e in events if type(e) is kind] for kind in (TextGrew, CallEnded))

    assert [e.name for e in ended] == ["a", "b"]
    assert "".join(e.text for e in grown) == events[-1].outcome.ret and len(grown) > 2


# --- how they end ------------------------------------------------------------------------------------------------


def test_an_error_of_one_program_is_its_item_s() -> None:
    """The others complete; the traceback begins in the program."""

    def program(s: Any, number: int) -> float:
        ask(s)
        s["x"]
        return 6 / number

    results = lmc.run_batch(program, [{"number": n} for n in (1, 0, 3)], backend=EchoBackend(), mode="eager")

    assert [r.error is None for r in results] == [True, False, True]
    assert isinstance(results[1].error, ZeroDivisionError)
    frames = traceback.extract_tb(results[1].error.__traceback__)
    assert [frame.name for frame in frames] == ["program"] and frames[0].line == "return 6 / number"


def test_a_mistake_is_raised_where_it_stands() -> None:
    """Parameters and turns are looked at when the statement runs, with its place; nothing was asked."""
    log = []

    def program(s: Any) -> None:
        try:
            ask(s, temperature=-1)
        except ArgumentError as error:
            log.append(error.message)
        ask(s, "y")
        with s.user():
            s += lmc.user("inner")

    result = run_one(program)

    assert log and "temperature" in log[0]
    assert isinstance(result.error, lmc.LMError) and "cannot begin inside" in result.error.message
    assert result.error.span is not None and result.error.span.text().strip() == 's += lmc.user("inner")'


def failing(request: Request) -> str | None:
    return "no luck" if "bad" in "".join(piece.text for piece in request.prompt.pieces) else None


def test_a_failed_call_raises_where_it_is_read() -> None:
    """And every time; a state that holds it too, at its text."""
    log = []

    def program(s: Any) -> None:
        f, g = s.fork(2)
        f += "bad"
        ask(f)
        ask(g)
        f += " more"
        log.append(g["x"] != "")
        for read in (lambda: f["x"], f.text, f.sync, lambda: f.get_meta_info("x")):
            with pytest.raises(RequestError, match="no luck"):
                read()

    result = run_one(program, fail=failing)

    assert log == [True] and result.error is None


def test_a_failed_call_that_nobody_read_fails_the_program() -> None:
    """At its end, after all of its effects; the first of several in the program's order, with its place."""
    log = []

    def program(s: Any) -> None:
        f, g = s.fork(2)
        f += "bad one"
        ask(f)
        g += "bad two"
        ask(g)
        log.append("end")

    result = run_one(program, fail=lambda request: failing(request) and str(len(request.prompt.ids)))

    assert log == ["end"] and isinstance(result.error, RequestError)
    assert result.error.span is not None
    assert result.error.span.text().strip() == "s += lmc.gen(name, max_tokens=3, **params)"


def test_calls_behind_a_failed_one_are_not_asked() -> None:
    """Their prompt is not known."""
    backend = EchoBackend(fail=failing, record=True)

    def program(s: Any) -> None:
        s += "bad"
        ask(s, "a")
        ask(s, "b")
        s["b"]

    [result] = lmc.run_batch(program, [{}], backend=backend, mode="eager")

    assert isinstance(result.error, RequestError) and len(backend.log) == 1


def test_an_aborted_program_is_left_where_it_waits() -> None:
    """Its `finally` blocks run, its handlers for errors do not; the others go on."""
    log = []

    def program(s: Any) -> str:
        try:
            ask(s)
            return str(s["x"])
        except Exception:
            log.append("except")
            raise
        finally:
            log.append("finally")

    run = opened(program, program, delay=1)
    assert run.step() == []
    run.abort(0)
    assert log == ["finally"]
    ended = outcomes(run)

    assert ended[0].error.code == "aborted" and ended[1].error is None and ended[1].ret
    assert log == ["finally", "finally"]


def test_closing_a_run_leaves_its_programs() -> None:
    """Whatever they do on their way out: nothing is asked any more, and no wait holds them."""
    log = []

    def program(s: Any) -> None:
        try:
            ask(s)
            s["x"]
        finally:
            log.append("finally")
            ask(s)
            try:
                s["x"]
            finally:
                log.append("left")

    backend = EchoBackend(record=True, delay=1)
    run = opened(program, program, session=backend.open())
    assert run.step() == []
    run.close()

    assert log == ["finally", "left"] * 2 and len(backend.log) == 2


def test_an_iteration_that_is_left_leaves_its_programs() -> None:
    """The end of the `with` of a launch unwinds what is on its way."""
    log = []

    @lmc.function
    def program(s: Any, number: int) -> None:
        try:
            ask(s)
            s["x"]
        finally:
            log.append(number)

    before = threading.active_count()
    with program.open_run(backend=EchoBackend(), mode="eager") as run:
        results: Iterator[Any] = run.results({"number": n} for n in count())
        for _ in range(10):
            next(results)

    assert len(log) == len(set(log)) > 10
    assert threading.active_count() == before


def test_keyboard_interrupt_stops_the_run() -> None:
    """It is not an item's error; the others are left."""
    log = []

    def program(s: Any, number: int) -> None:
        try:
            ask(s)
            s["x"]
            if number == 1:
                raise KeyboardInterrupt
            s += lmc.gen("y", max_tokens=3)
            s["y"]
        finally:
            log.append(number)

    with pytest.raises(KeyboardInterrupt):
        lmc.run_batch(program, [{"number": n} for n in range(3)], backend=EchoBackend(), mode="eager")
    assert sorted(log) == [0, 1, 2]


def test_system_exit_is_an_error_of_the_item() -> None:
    """As in a compiled program."""

    def program(s: Any) -> None:
        raise SystemExit(3)

    assert isinstance(run_one(program).error, SystemExit)


def test_nothing_is_left_of_programs_that_have_ended() -> None:
    """No greenlet, state or future is kept, however they ended."""

    def program(s: Any, number: int) -> float:
        ask(s)
        s["x"]
        return 6 / number

    def run() -> None:
        lmc.run_batch(program, [{"number": n % 3} for n in range(300)], backend=EchoBackend(), mode="eager")

    run()
    before = num_alive()
    run()
    assert num_alive() <= before


def test_a_state_is_read_where_its_program_runs() -> None:
    """Not from another thread, which could not wait for it."""
    errors = []

    def program(s: Any) -> None:
        ask(s)

        def read() -> None:
            try:
                s["x"]
            except ArgumentError as error:
                errors.append(error.message)

        thread = threading.Thread(target=read)
        thread.start()
        thread.join()

    assert run_one(program).error is None
    assert errors == ["a program state is read where its program does not run"]
