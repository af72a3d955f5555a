"""Long work gives way to an engine that steps: it waits, it has its share, and nothing hangs on it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from lmc import giving_way
from lmc.giving_way import PATIENCE_S, PressingLock, engine_is_idle, engine_step, give_way


@pytest.fixture(autouse=True)
def idle() -> Iterator[None]:
    """No engine has stepped just now."""
    engine_is_idle()
    yield
    engine_is_idle()


class Worker(threading.Thread):
    """Counts for so many seconds of its CPU time, and gives way at each number."""

    def __init__(self, cpu_s: float) -> None:
        super().__init__(daemon=True)
        self.cpu_s, self.count, self.started = cpu_s, 0, threading.Event()

    def run(self) -> None:
        end = time.thread_time() + self.cpu_s
        while time.thread_time() < end:
            self.count += 1
            self.started.set()
            give_way()


def busy(cpu_s: float) -> None:
    end = time.thread_time() + cpu_s
    while time.thread_time() < end:
        pass


@contextmanager
def steps() -> Iterator[threading.Event]:
    """A thread steps an engine inside, without a pause, until the event is set."""
    done, first = threading.Event(), threading.Event()

    def run() -> None:
        while not done.is_set():
            with engine_step():
                first.set()
                busy(0.002)
        engine_is_idle()

    thread = threading.Thread(target=run)
    thread.start()
    assert first.wait(60)
    try:
        yield done
    finally:
        done.set()
        thread.join(60)
        assert not thread.is_alive()


def test_nothing_waits_where_no_engine_steps() -> None:
    began = time.thread_time()
    for _ in range(10_000):
        give_way()
    assert time.thread_time() - began < 0.1


def test_work_waits_during_a_step_and_goes_on_behind_it() -> None:
    worker = Worker(0.01)
    with engine_step():
        worker.start()
        assert worker.started.wait(60)
        time.sleep(PATIENCE_S / 2)
        assert worker.count == 1 and worker.is_alive()
    worker.join(60)
    assert worker.count > 1 and not worker.is_alive()


def test_work_has_a_share_of_the_time_in_which_an_engine_steps() -> None:
    """Less than a quarter, and not nothing."""
    worker = Worker(0.03)
    with steps():
        before = time.process_time()
        worker.start()
        worker.join(120)
        took = time.process_time() - before
    assert not worker.is_alive()
    assert took > 4 * 0.03


def test_the_thread_that_steps_gives_way_to_nobody() -> None:
    with engine_step(), engine_step():
        give_way()
    with engine_step():
        give_way()


def test_a_step_that_wants_what_a_waiting_thread_holds_comes_to_its_end() -> None:
    lock, held = threading.Lock(), threading.Event()

    def work() -> None:
        with lock:
            held.set()
            for _ in range(1000):
                give_way()

    with engine_step():
        worker = threading.Thread(target=work, daemon=True)
        worker.start()
        assert held.wait(60)
        assert lock.acquire(timeout=60)
    worker.join(60)
    assert not worker.is_alive()


def test_who_holds_a_pressing_lock_goes_on_at_once() -> None:
    lock, done, worker = PressingLock(), threading.Event(), None

    def work() -> None:
        with lock, lock:
            for _ in range(1000):
                give_way()
        done.set()
        give_way()

    with engine_step():
        began = time.perf_counter()
        worker = threading.Thread(target=work, daemon=True)
        worker.start()
        with lock:
            pass
        assert done.wait(60)
        assert worker.is_alive() or time.perf_counter() - began > PATIENCE_S  # behind the lock it waits as all do
    worker.join(60)
    assert not worker.is_alive()


def test_all_that_wait_come_to_their_ends() -> None:
    workers = [Worker(0.004) for _ in range(5)]
    with steps():
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(120)
            assert not worker.is_alive()


def test_nobody_grows_impatient_while_steps_come_to_their_ends() -> None:
    """Though they take long on the wall, as on a machine that has much else to do."""
    turn, road = giving_way._Turn(), giving_way._road
    road._holder = None  # of a thread that has ended
    with engine_step():
        now = road._left = time.perf_counter()
        road._look(turn, now - 3 * PATIENCE_S)
        assert road._holder is not turn
        road._left = now - 2 * PATIENCE_S
        road._look(turn, now - 3 * PATIENCE_S)
        assert road._holder is turn
    road._holder = None


def test_ctrl_c_ends_a_wait_and_leaves_nobody_in_the_queue() -> None:
    program = """
import os, signal, threading, time
from lmc import giving_way
in_step, over = threading.Event(), threading.Event()
def step():
    with giving_way.engine_step():
        in_step.set()
        over.wait(60)
threading.Thread(target=step).start()
in_step.wait(60)
giving_way.PATIENCE_S = 60
threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    giving_way.give_way()
except KeyboardInterrupt:
    print("stopped", len(giving_way._road._waiting))
over.set()
"""
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert (found.stdout, found.returncode) == ("stopped 0\n", 0), found.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_process_waits_for_nobody() -> None:
    """The step goes on in the other one."""
    with engine_step():
        child = os.fork()
        if child == 0:
            thread = threading.Thread(target=give_way)
            thread.start()
            thread.join(60)
            os._exit(3 if thread.is_alive() else 0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
