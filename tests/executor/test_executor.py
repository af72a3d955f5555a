"""Many items at once on one executor."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from lmc.backend.base import Request
from lmc.backend.echo import EchoBackend, EchoSession
from lmc.errors import ArgumentError
from lmc.executor import Executor
from tests.support.echo_runs import program, run


def test_an_item_without_an_argument_fails_alone() -> None:
    """The others run."""
    ran = run(" %s0 = begin\n return %s0, %q", "%q: str", [{"q": 1}, {}, {"q": 3}])

    assert [o.ret for o in ran.outcomes] == [1, None, 3]
    with pytest.raises(ArgumentError, match="item 1 has no argument 'q'"):
        raise ran.outcomes[1].error  # type: ignore[misc]


def test_no_items_is_no_work() -> None:
    """An empty batch gives an empty list."""
    assert Executor(EchoBackend().open()).run(program(" %s0 = begin\n return %s0, none"), []) == []


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


def test_an_interrupt_aborts_all_requests() -> None:
    """Ctrl-C during a step leaves nothing in flight, and is raised."""

    class Interrupted(EchoSession):
        def step(self, timeout_s: float | None = None) -> Any:
            raise KeyboardInterrupt

    session = Interrupted(EchoBackend())
    with pytest.raises(KeyboardInterrupt):
        Executor(session).run(program(" %s0 = begin\n %s1, %a = gen %s0\n return %s1, %a"), [{}, {}, {}])

    assert not session._live


def test_an_executor_can_run_again() -> None:
    """Request numbers go on; the session is as it was."""
    session = EchoBackend().open()
    executor = Executor(session)
    plan = program(" %s0 = begin\n %s1, %a = gen %s0\n return %s1, %a")

    assert executor.run(plan, [{}])[0].ret == executor.run(plan, [{}])[0].ret
    assert not session._live
