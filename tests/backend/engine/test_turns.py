"""Sessions of several threads and processes: each has its turn, and a forked process is told that it has none."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

import pytest

from lmc.backend.base import Finished
from lmc.backend.engine.turns import TurnLock
from lmc.errors import BackendError
from tests.support.fake_engine import Bench, ask, assert_as_expected, gen


def test_a_lock_goes_to_whoever_waits_longest() -> None:
    """A thread that takes it again and again lets the others in, in the order they came."""
    lock, order, threads = TurnLock(), [], []

    def enter(number: int) -> None:
        with lock, lock:
            order.append(number)

    with lock:
        for number in range(4):
            threads.append(threading.Thread(target=enter, args=(number,)))
            threads[-1].start()
            while len(lock._waiting) <= number:
                time.sleep(0.001)
    with lock:
        order.append(4)
    for thread in threads:
        thread.join(10)

    assert order == [0, 1, 2, 3, 4]


def test_many_threads_never_hold_a_lock_together() -> None:
    """However often it is handed on."""
    lock, inside, most = TurnLock(), [0], []

    def enter() -> None:
        for _ in range(300):
            with lock:
                inside[0] += 1
                most.append(inside[0])
                inside[0] -= 1

    threads = [threading.Thread(target=enter) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert len(most) == 1800 and set(most) == {1}


def test_one_request_does_not_wait_for_another_sessions_batch() -> None:
    """It is admitted after as many of the batch as run already: nothing of either is resident."""
    bench = Bench(max_running=4)
    batch = [ask(rid, [rid, 65, 66], gen(6, ignore_eos=True)) for rid in range(60)]
    bench.session.submit(batch)
    events = bench.step()
    single, own = ask(0, [99, 65], gen(6, ignore_eos=True)), bench.open()
    own.submit([single])
    heard = []
    while not any(isinstance(event, Finished) for event in heard):
        heard += bench.step(own)
    events += bench.session.step(0)

    assert sum(isinstance(event, Finished) for event in events) <= 12
    assert_as_expected(heard, [single])
    assert_as_expected(events + bench.finish(), batch)


def test_a_session_of_which_nothing_runs_is_let_in_beside_a_full_batch() -> None:
    """One of its requests at once; its second waits for a place, and so does a second such session."""
    bench = Bench(max_running=16)
    bench.session.submit([ask(rid, [rid, 65, 66], gen(40, ignore_eos=True)) for rid in range(60)])
    bench.step()
    assert bench.session.counters().max_running == 16
    first, second = bench.open(), bench.open()
    requests = [ask(0, [99, 65], gen(6, ignore_eos=True)), ask(1, [98, 65], gen(6, ignore_eos=True))]
    first.submit(requests)
    second.submit([ask(0, [97, 65], gen(30, ignore_eos=True))])
    heard = []
    for _ in range(10):
        heard += bench.step(first)
    assert [event.rid for event in heard if isinstance(event, Finished)] == [0]
    assert (first.counters().max_running, second.counters().max_running) == (1, 1)
    while bench.engine.has_work:
        heard += bench.step(first)

    assert_as_expected(heard, requests)
    assert bench.session.counters().max_running == 16


def test_requests_of_one_session_go_in_the_order_they_came() -> None:
    """Beside an idle session, and after one that has had its turns."""
    bench = Bench(max_running=1)
    bench.run([ask(rid, "Before. ", gen(2)) for rid in range(5)])
    other = bench.open()
    requests = [ask(rid, f"{rid}. ", gen(3, ignore_eos=True)) for rid in range(6)]
    other.submit(requests)
    heard = other.step(0)
    while bench.engine.has_work:
        heard += other.step(0)

    assert [event.rid for event in heard if isinstance(event, Finished)] == [0, 1, 2, 3, 4, 5]


def in_a_child(do: Callable[[], object]) -> str:
    """What a forked process says: the name of the error, or "done"; "" where it hangs."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        try:
            do()
            said = "done"
        except BaseException as error:
            said = type(error).__name__
        os.write(write, said.encode())
        os._exit(0)
    os.close(write)
    end = time.monotonic() + 30
    while time.monotonic() < end and not os.waitpid(child, os.WNOHANG)[0]:
        time.sleep(0.01)
    said = os.read(read, 99).decode() if time.monotonic() < end else ""
    os.close(read)
    return said


@pytest.mark.depth1  # the process is what matters
def test_a_forked_process_is_told_that_the_engine_is_not_its_own() -> None:
    """Though a thread of the parent holds the engine's lock for good there; what was open can still be closed."""
    bench = Bench()
    held, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        with bench.engine._lock:
            held.set()
            go_on.wait(60)

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(60)
    try:
        request = ask(0, "Q: ", gen(2))
        assert in_a_child(lambda: bench.session.submit([request])) == BackendError.__name__
        assert in_a_child(lambda: bench.session.step(None)) == BackendError.__name__
        assert in_a_child(lambda: (bench.session.abort(0, ""), bench.session.close())) == "done"
    finally:
        go_on.set()
        holder.join(60)
    assert_as_expected(bench.run([request]), [request])
