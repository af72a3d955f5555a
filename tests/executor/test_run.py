"""A run that one holds: items added, stepped, aborted, closed; sources without an end; bounds."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, islice
from typing import Any

import pytest

import lmc
from lmc.backend.base import Event, Failed, Request
from lmc.backend.echo import EchoBackend, EchoSession
from lmc.errors import ArgumentError, RequestError
from lmc.executor import Executor, ItemEnded, PlanItem, Run
from lmc.executor.call_params import CallParams
from lmc.executor.callsteps import ask
from lmc.executor.future import Future
from lmc.executor.instance import Instance
from lmc.executor.runnable import compile_plan
from lmc.executor.state import ProgramState
from tests.support.alive import num_alive
from tests.support.echo_runs import program, says

ONE = compile_plan(program(" %s0 = begin\n %s1 = append %s0, %q\n %s2, %a = gen %s1\n return %s2, %q", "%q: int"))
TEXT = compile_plan(program(' %s0 = begin\n %s1, %a = gen %s0 {name="a"}\n return %s1, %a'))
TWO = compile_plan(program(" %s0 = begin\n %s1, %a = gen %s0\n %s2, %b = gen %s1\n return %s2, %b"))
TOOL = compile_plan(program(' %s0 = begin\n %r = call @tool, "x"\n %s1, %a = gen %s0\n return %s1, %r'))
HOST = compile_plan(program(" %s0 = begin\n return %s0, %q", "%q: int"))


class Counting(EchoSession):
    """A session that notes what is submitted and given up."""

    def __init__(self, backend: EchoBackend) -> None:
        super().__init__(backend)
        self.submitted: list[int] = []
        self.aborted: list[int] = []
        self.most_live = 0

    def submit(self, requests: list[Request]) -> None:
        super().submit(requests)
        self.submitted += [request.rid for request in requests]
        self.most_live = max(self.most_live, len(self._live))

    def abort(self, rid: int, reason: str) -> None:
        self.aborted.append(rid)
        super().abort(rid, reason)


def opened(session: EchoSession | None = None, **options: Any) -> Run:
    """An open run that tells of items."""
    return Executor(session or EchoBackend().open(), **options).open("items")


def items(numbers: Iterator[int] | range) -> Iterator[PlanItem]:
    """One-call items that return their number."""
    return (PlanItem(ONE, {("q",): str(n)}, number=n) for n in numbers)


def rest(run: Run) -> dict[int, Any]:
    """Step to the end: what each item returned, or its error."""
    found: dict[int, Any] = {}
    while not run.is_idle:
        found |= {e.item: e.outcome.error or e.outcome.ret for e in run.step() if isinstance(e, ItemEnded)}
    return found


# --- adding and ending -----------------------------------------------------------------------------------------


def test_items_are_added_while_others_run() -> None:
    """Ids count from 0; what is added late ends with the rest."""
    with opened(EchoBackend(delay=lambda request: 3 * (request.rid == 0)).open()) as run:
        assert [run.add(item) for item in items(range(2))] == [0, 1]
        early = [run.step() for _ in range(2)]
        assert run.add(next(items(range(7, 8)))) == 2
        found = rest(run)

    assert [event.item for events in early for event in events if isinstance(event, ItemEnded)] == [1]
    assert found == {0: "0", 2: "7"}


def test_an_item_without_calls_ends_in_the_first_step() -> None:
    """Nothing waits for a session that has nothing to do."""
    with opened() as run:
        run.add(PlanItem(HOST, {("q",): 5}))
        (ended,) = run.step(60.0)

    assert isinstance(ended, ItemEnded) and ended.outcome.ret == 5


def test_an_idle_run_returns_at_once() -> None:
    """There is nothing to wait for."""
    with opened() as run:
        assert run.is_idle and run.step(60.0) == []


def test_a_step_waits_no_longer_than_it_may() -> None:
    """A request on the clock: the step comes back without news, and `wake` ends it before its time."""
    session = EchoBackend(delay_s=30.0).open()
    with opened(session) as run:
        run.add(next(items(range(1))))
        assert run.step(0.01) == []
        threading.Timer(0.05, session.wake).start()
        begin = time.monotonic()
        assert run.step(25.0) == []

    assert time.monotonic() - begin < 20


@pytest.mark.parametrize(
    "others", [[PlanItem(HOST, {("q",): 5})], [PlanItem(ONE, {("q",): "x"})] * 1030], ids=["news", "more"]
)
def test_a_step_does_not_wait_where_something_can_go_on(others: list[PlanItem]) -> None:
    """An item has ended, or more wait than a round starts: the requests on the clock are not waited for."""
    with opened(EchoBackend(delay_s=30.0).open()) as run:
        for item in (*items(range(1)), *others):
            run.add(item)
        begin = time.monotonic()
        run.step(25.0)

    assert time.monotonic() - begin < 20


def test_ends_come_as_they_come() -> None:
    """Not in order: a slow first item keeps nobody waiting."""
    slow = EchoBackend(delay=lambda request: 5 * (request.rid == 0)).open()
    with opened(slow) as run:
        order = [ended.item for ended in run.ends_of(items(range(4)))]

    assert order == [1, 2, 3, 0]


def test_a_failed_item_touches_no_other() -> None:
    """One lacks its argument, one has a program without its tool; the others end well."""
    with opened() as run:
        run.add(PlanItem(ONE, {}, number=0))
        run.add(PlanItem(TOOL, {}, number=1))
        run.add(next(items(range(2, 3))))
        found = rest(run)

    assert [type(found[i]) for i in (0, 1)] == [ArgumentError, ArgumentError]
    assert found[2] == "2"


# --- sources ---------------------------------------------------------------------------------------------------


def test_a_source_without_an_end_is_taken_as_items_end() -> None:
    """Never more in flight than may be, and never more taken than that."""
    taken = 0

    def endless() -> Iterator[PlanItem]:
        nonlocal taken
        for taken, item in enumerate(items(count()), 1):  # noqa: B007
            yield item

    session = Counting(EchoBackend(shuffle=3))
    most_ahead = 0
    with opened(session, max_active=50) as run:
        for ended_so_far, _ in enumerate(islice(run.ends_of(endless()), 2000)):
            most_ahead = max(most_ahead, taken - ended_so_far)
            assert run.num_active <= 50

    assert session.most_live == 50
    assert most_ahead <= 100  # those in flight, and those that a step has ended and are not yet handed out


@pytest.mark.slow
def test_memory_is_flat_over_a_source_without_an_end() -> None:
    """As many objects alive after 6,000 items as after 2,000."""
    with opened(max_active=100) as run:
        ends = run.ends_of(items(count()))
        counts = []
        for _ in range(3):
            for _ in range(2000):
                next(ends)
            counts.append(num_alive())

    assert abs(counts[2] - counts[0]) < 2500  # two hundred items at most that are on their way or not handed out yet
    assert sum(type(each) is Instance for each in gc.get_objects()) <= 200


def test_a_slow_source_does_not_keep_back_what_has_ended() -> None:
    """Each end is handed out before the next item, but for one, is asked for."""
    log: list[tuple[str, int]] = []

    def slow() -> Iterator[PlanItem]:
        for number, item in enumerate(items(range(6))):
            time.sleep(0.03)  # longer than a round may take for items
            log.append(("taken", number))
            yield item

    with opened() as run:
        for ended in run.ends_of(slow()):
            log.append(("ended", ended.item))

    assert log == [(what, number) for number in range(6) for what in ("taken", "ended")]


@pytest.mark.parametrize("at", [0, 1, 3000])
def test_what_a_source_raises_is_the_error_of_one_more_item(at: int) -> None:
    """All items before it end as they would; nothing comes after it."""

    def broken() -> Iterator[PlanItem]:
        yield from items(range(at))
        raise OSError("the file is gone")

    outcomes = Executor(EchoBackend().open()).run_items(broken())

    assert [outcome.ret for outcome in outcomes[:-1]] == [str(n) for n in range(at)]
    assert isinstance(outcomes[-1].error, OSError) and len(outcomes) == at + 1


def test_an_iteration_that_is_left_leaves_nothing_in_flight() -> None:
    """The run is closed behind it."""
    session = Counting(EchoBackend(delay=2))
    with opened(session, max_active=20) as run:
        next(run.ends_of(items(count())))

    assert run.is_closed and not session._live


# --- abort and close -------------------------------------------------------------------------------------------


def test_an_aborted_item_ends_with_an_error_and_gives_up_its_calls() -> None:
    """Code `aborted`; its request is aborted in the session, the other's is not."""
    session = Counting(EchoBackend(delay=5))
    with opened(session) as run:
        ids = [run.add(item) for item in items(range(2))]
        run.step()
        run.abort(ids[0], "the user left")
        found = rest(run)

    assert isinstance(found[0], RequestError)
    assert (found[0].message, found[0].code) == ("the user left", "aborted")
    assert (found[1], session.aborted) == ("1", [0])


def test_an_item_that_waits_can_be_aborted() -> None:
    """It never starts, and ends as others do; those behind it move up."""
    session = Counting(EchoBackend(delay=1))
    with opened(session, max_active=1) as run:
        ids = [run.add(item) for item in items(range(3))]
        run.step()
        run.abort(ids[1])
        run.abort(ids[1])
        found = rest(run)

    assert [type(found[i]) for i in ids] == [str, RequestError, str]
    assert len(session.submitted) == 2


def test_what_has_ended_cannot_be_aborted() -> None:
    """Its result stands; an id that never was is nothing."""
    with opened() as run:
        run.add(next(items(range(1))))
        assert rest(run) == {0: "0"}
        run.abort(0)
        run.abort(17)
        assert run.is_idle and run.step() == []


def test_an_aborted_program_runs_no_effect_any_more() -> None:
    """Its tool had to wait for its turn, which never comes."""
    seen: list[str] = []
    plan = compile_plan(program(" %s0 = begin\n %s1, %a = gen %s0\n %r = call @tool, %a\n return %s1, %r"))
    with opened(EchoBackend(delay=3).open()) as run:
        id = run.add(PlanItem(plan, {}, {"tool": seen.append}))
        run.step()
        run.abort(id)
        rest(run)
        run.step()

    assert seen == []


def test_closing_gives_up_all_that_is_open() -> None:
    """The session owes nothing, nothing more is told, nothing starts."""
    session = Counting(EchoBackend(delay=3))
    run = opened(session, max_active=5)
    for item in items(range(9)):
        run.add(item)
    run.step()
    run.close()

    assert sorted(session.aborted) == session.submitted == [0, 1, 2, 3, 4]
    assert not session._live and run.num_active == 0
    assert (run.is_idle, run.step()) == (True, [])
    with pytest.raises(ArgumentError, match="closed run"):
        run.add(next(items(range(1))))


def test_a_run_that_was_interrupted_is_closed() -> None:
    """Ctrl-C may have cut off work that others would wait for: nothing is asked of the run any more."""

    class Interrupted(Counting):
        def submit(self, requests: list[Request]) -> None:
            raise KeyboardInterrupt

    run = opened(Interrupted(EchoBackend()))
    with pytest.raises(KeyboardInterrupt):
        next(run.ends_of(items(range(3))))

    assert run.is_closed and run.is_idle
    with pytest.raises(ArgumentError, match="closed run"):
        next(run.ends_of(items(range(0))))


def test_what_was_told_before_a_close_keeps_no_iteration_going() -> None:
    """An item that was aborted while it waited has been told of; the run is idle once it is closed all the same."""
    run = opened(max_active=1)
    waiting = [run.add(item) for item in items(range(3))][-1]
    run.step(0)
    run.abort(waiting)
    run.close()

    assert run.is_idle


def test_no_work_is_opened_after_a_close() -> None:
    """Neither by a call whose answer had come, nor by a tool that ends later."""
    may_end, ended = threading.Event(), threading.Event()

    @lmc.tool(blocking=True)
    def tool(text: str) -> str:
        assert may_end.wait(5)
        ended.set()
        return text

    session = Counting(EchoBackend())
    run = opened(session)
    run.add(PlanItem(TOOL, {}, {"tool": tool}))
    run.add(PlanItem(TWO, {}))
    run.step(0.0)
    run.close()
    before = list(session.submitted)
    may_end.set()
    assert ended.wait(5)
    run.step()
    session.step(0.0)

    assert session.submitted == before


def test_after_a_close_there_is_not_another_word() -> None:
    """Neither on what had ended and was not told yet, nor may an item that is still held ask anything."""
    held: list[Instance] = []

    @dataclass(frozen=True)
    class Held:
        number: int = 0

        def start(self, inst: Instance) -> None:
            held.append(inst)
            inst.num_open += 1
            ask(inst, CallParams(), ProgramState(), [Future(inst.ready), Future(inst.ready)])

    run = opened(EchoBackend(delay=9).open(), max_active=1)
    run.add(Held())
    waiting = run.add(Held())
    run.step(0.0)
    run.abort(waiting)
    run.close()
    (inst,) = held
    ask(inst, CallParams(), ProgramState(), [Future(inst.ready), Future(inst.ready)])

    assert run.step() == [] and inst.shared.outbox == []


def test_a_second_run_on_the_executor_hears_nothing_of_the_first() -> None:
    """What a closed run left in the session is not taken for an answer."""
    executor = Executor(EchoBackend(script=says(a="yes")).open())
    with executor.open("items") as run:
        run.add(PlanItem(TEXT, {}))
        run.step()
    with executor.open("items") as run:
        run.add(PlanItem(TEXT, {}))
        assert rest(run) == {0: "yes"}


def test_two_open_runs_on_one_executor_are_our_mistake() -> None:
    """They would take each other's events."""
    executor = Executor(EchoBackend().open())
    executor.open()
    with pytest.raises(AssertionError, match="each other's events"):
        executor.open()


# --- other items -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Other:
    """An item that is not a compiled program."""

    number: int = 0

    def start(self, inst: Instance) -> None:
        inst.finish(None, f"number {self.number}")


def test_whatever_starts_can_be_an_item() -> None:
    """The protocol is `number` and `start`."""
    with opened() as run:
        run.add(Other(3))
        assert rest(run) == {0: "number 3"}


def test_many_programs_are_forgotten_when_they_are_no_longer_run() -> None:
    """One program an item, with live objects of its own: the run keeps a bounded number."""
    with opened() as run:
        source = (PlanItem(TOOL, {}, {"tool": lambda text, n=n: f"{n}"}, n) for n in range(600))
        found = {ended.item: ended.outcome.ret for ended in run.ends_of(source)}
        kept = len(run._shared.programs)

    assert found == {n: str(n) for n in range(600)}
    assert kept <= 256


def test_an_answer_to_what_was_never_asked_is_left_alone() -> None:
    """A session may still owe events to who used it before."""

    class Talking(EchoSession):
        def step(self, timeout_s: float | None = None) -> list[Event]:
            return [Failed(999, 0, "aborted", "of another run"), *super().step(timeout_s)]

    with opened(Talking(EchoBackend())) as run:
        run.add(next(items(range(1))))
        assert rest(run) == {0: "0"}
