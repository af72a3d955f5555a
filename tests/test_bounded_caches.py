"""What a program keeps of its traces and plans: as much as a server can go on with."""

from __future__ import annotations

import datetime

import pytest

import lmc
from lmc import compiler
from lmc.backend.echo import EchoBackend
from lmc.parser.capture import trace as tracing
from lmc.recent import Recent


@lmc.function
def stamped(s):
    """Calls a builtin method of a class, which is a new object each time it is read."""
    s += str(datetime.datetime.now().year > 2000 and "x".upper()) + lmc.gen("a")


def test_a_builtin_method_is_the_same_each_time_it_is_read(monkeypatch):
    """Twenty runs, one trace."""
    traced = []
    real = tracing.trace
    monkeypatch.setattr(tracing, "trace", lambda *args: traced.append(1) or real(*args))
    for _ in range(20):
        lmc.run(stamped, backend="echo")

    assert len(traced) == 1
    assert len(stamped._cache.traces) == 1 and len(stamped._cache.plans) <= 1


@lmc.function
def baked(s):
    """Depends on a global that changes from run to run."""
    s += f"{LIMIT} " + lmc.gen("a")


LIMIT = 0


def test_what_no_longer_holds_is_not_kept():
    """The plan of an earlier trace goes with it."""
    global LIMIT
    for LIMIT in range(30):  # noqa: B007
        lmc.run(baked, backend="echo")

    assert len(baked._cache.traces) == 1 and len(baked._cache.plans) == 1


@lmc.function
def shaped(s, items):
    """Unrolled over the structure of its argument."""
    s += str(len(items)) + lmc.gen("a")


@pytest.mark.slow
def test_two_thousand_shapes_leave_so_many_and_no_more():
    """Each is a trace and a plan of its own; the latest stay."""
    backend = EchoBackend()
    texts = [lmc.run(shaped, items=tuple(range(i)), backend=backend).text() for i in range(2_000)]

    assert len(shaped._cache.traces) <= compiler.MAX_KEPT
    assert len(shaped._cache.plans) <= compiler.MAX_KEPT
    assert lmc.run(shaped, items=(1, 2), backend=backend).text() == texts[2]
    results = lmc.run_batch(shaped, [{"items": tuple(range(i))} for i in range(600)], backend=backend)
    assert all(result.text().startswith(str(i)) for i, result in enumerate(results))


def test_the_last_one_asked_for_longest_ago_goes():
    """Reading a value makes it the latest."""
    kept = Recent[str, int]("test", 2)
    kept.put("a", 1)
    kept.put("b", 2)

    assert kept.get("a") == 1
    kept.put("c", 3)
    assert (list(kept), kept.values(), kept.get("b")) == (["a", "c"], [1, 3], None)
    kept.forget(lambda value: value == 1)
    assert list(kept) == ["c"]
