"""Programs run for batches of any kind: lists, generators, sources without an end."""

from __future__ import annotations

import time
from collections import UserDict
from collections.abc import Iterator
from itertools import count, islice
from typing import Any

import pytest

import lmc
from lmc.backend.echo import EchoBackend
from lmc.backend.local import CpuBackend
from lmc.executor.run import MAX_ACTIVE
from tests.support.alive import num_alive
from tests.support.end_to_end import checkpoint


@lmc.function
def one(s, number):
    s += f"Item {number:06}:"
    s += lmc.gen("x", max_tokens=20)
    return number


def said(prompt: str, gen: object) -> str:
    """The answer names the question, so that a mix-up shows."""
    return f"<{prompt[-12:]}>"


def numbers(end: int | None = None) -> Iterator[dict[str, int]]:
    return ({"number": n} for n in (count() if end is None else range(end)))


# --- run_batch ---------------------------------------------------------------------------------------------------


def test_a_generator_gives_what_its_list_gives() -> None:
    """Item for item, draws and all."""
    listed = one.run_batch(list(numbers(50)), backend=EchoBackend(), seed=4)
    generated = one.run_batch(numbers(50), backend=EchoBackend(), seed=4)

    assert [r["x"] for r in generated] == [r["x"] for r in listed]
    assert len({r["x"] for r in generated}) == 50


@pytest.mark.parametrize(
    "make", [tuple, lambda items: dict.fromkeys(range(5), 0) and items, iter], ids=["tuple", "list", "iterator"]
)
def test_a_batch_may_be_any_iterable(make: Any) -> None:
    """Results in order."""
    assert [r.ret_value for r in one.run_batch(make(list(numbers(5))), backend=EchoBackend())] == list(range(5))


def test_items_of_one_shape_are_compiled_once() -> None:
    """In whatever order an item names its arguments, and whichever way it gives them."""

    @lmc.function
    def two(s, a, b):
        s += f"{a} {b}"

    results = two.run_batch([{"a": "x", "b": 1}, {"b": 2, "a": "y"}, ["z", 3]], backend=EchoBackend())

    assert [r.text() for r in results] == ["x 1", "y 2", "z 3"]
    assert len(two._cache.traces) == 1


def test_what_a_batch_raises_is_the_error_of_one_more_item() -> None:
    """The results of those before it are not lost."""

    def broken() -> Iterator[dict[str, int]]:
        yield from numbers(3)
        raise OSError("the file is gone")

    results = one.run_batch(broken(), backend=EchoBackend())

    assert [r.ret_value for r in results[:3]] == [0, 1, 2]
    assert isinstance(results[3].error, OSError) and len(results) == 4


def test_an_item_that_raises_when_it_is_looked_at_fails_alone() -> None:
    """A mapping of the user's own."""

    class Odd(UserDict[str, int]):
        def __getitem__(self, key: str) -> int:
            raise ZeroDivisionError("no values today")

    odd = Odd(number=2)
    results = one.run_batch([{"number": 1}, odd, {"number": 3}], backend=EchoBackend())

    assert [type(r.error) for r in results] == [type(None), ZeroDivisionError, type(None)]


def test_a_prediction_needs_the_whole_batch() -> None:
    """There for a list, on a backend with a prefix cache; None for what is not there from the start."""
    backend = CpuBackend(checkpoint(), dtype="fp32")
    listed = one.run_batch(list(numbers(3)), backend=backend, max_new_tokens=2)[0].report
    generated = one.run_batch(numbers(3), backend=backend, max_new_tokens=2)[0].report
    backend.close()

    assert listed is not None and listed.predicted is not None
    assert listed.predicted.prompt_tokens == listed.prompt_tokens
    assert generated is not None and generated.predicted is None
    assert generated.requests == 3


@pytest.mark.slow
def test_a_hundred_thousand_items_of_a_generator() -> None:
    """Each in its place; at a rate that does not fall."""

    def rate(num_items: int) -> float:
        begin = time.process_time()
        results = one.run_batch(numbers(num_items), backend=EchoBackend(script=said))
        seconds = time.process_time() - begin
        assert all(result["x"] == f"<Item {i:06}:>" for i, result in enumerate(results))
        assert len(results) == num_items
        return num_items / seconds

    small, large = rate(10_000), rate(100_000)
    assert large > small / 3


# --- a run to hold -----------------------------------------------------------------------------------------------


def test_a_source_without_an_end_gives_results_as_they_end() -> None:
    """With their index, from no further ahead than the bound."""
    taken = 0

    def endless() -> Iterator[dict[str, int]]:
        nonlocal taken
        for taken, item in enumerate(numbers(), 1):  # noqa: B007
            yield item

    with one.open_run(backend=EchoBackend(script=said, shuffle=1)) as run:
        found = dict(islice(run.results(endless()), 500))

    assert all(result["x"] == f"<Item {index:06}:>" for index, result in found.items())
    assert taken <= MAX_ACTIVE + 500


@pytest.mark.slow
def test_nothing_is_kept_of_a_result_that_was_taken() -> None:
    """As many objects alive after 15,000 items as after 5,000."""
    with one.open_run(backend=EchoBackend(script=said)) as run:
        counts = []
        for _ in range(3):
            assert sum(1 for _ in run.results(numbers(5000))) == 5000
            counts.append(num_alive())

    assert counts[2] - counts[0] < 500


def test_sources_follow_one_another() -> None:
    """Indices and random streams go on; what was left on its way is yielded by the next call."""
    whole = [r["x"] for r in one.run_batch(list(numbers(6)), backend=EchoBackend(), seed=2)]
    with one.open_run(backend=EchoBackend(), seed=2) as run:
        first = dict(islice(run.results([{"number": 0}, [1], {"number": 2}]), 2))
        second = dict(run.results({"number": n} for n in range(3, 6)))

    assert sorted(first | second) == list(range(6)) and len(first) == 2
    assert [(first | second)[i]["x"] for i in range(6)] == whole


def test_a_bad_item_of_a_stream_fails_alone() -> None:
    """With the error that it has in a list."""
    with one.open_run(backend=EchoBackend()) as run:
        found = dict(run.results(item for item in ({"number": 1}, {"numbr": 2}, None, {"number": 4})))

    assert [isinstance(found[i].error, lmc.ArgumentError) for i in range(4)] == [False, True, True, False]


def test_a_report_says_what_was_counted_so_far() -> None:
    """The results of a stream have none: the run has not ended."""
    with one.open_run(backend=EchoBackend()) as run:
        results = dict(run.results(numbers(3)))
        report = run.report()

    assert results[0].report is None
    assert (report.requests, report.predicted) == (3, None)


def test_a_run_that_is_left_gives_up_its_requests() -> None:
    """An exception in the loop's body closes it, and is raised."""
    backend = EchoBackend(delay=3)
    with pytest.raises(ZeroDivisionError), one.open_run(backend=backend) as run:
        for index, _ in run.results(numbers()):
            1 / index

    with pytest.raises(lmc.ArgumentError, match="closed run"):
        dict(run.results(numbers(1)))


def test_a_run_refuses_parameters_that_it_does_not_know() -> None:
    """As run_batch does, by its own name."""
    with pytest.raises(lmc.ArgumentError, match="open_run has no parameter `temprature`"):
        one.open_run(backend="echo", temprature=0.5)


@pytest.mark.parametrize("items", [{"number": 1}, "12", 5, None])
def test_what_is_not_a_list_of_items_is_refused_at_once(items: Any) -> None:
    """A dict is one item, and letters are none: an error of the call, not of each."""
    with one.open_run(backend=EchoBackend()) as run, pytest.raises(lmc.ArgumentError, match="results takes a list"):
        run.results(items)
    with pytest.raises(lmc.ArgumentError, match="run_batch takes a list"):
        one.run_batch(items, backend=EchoBackend())
