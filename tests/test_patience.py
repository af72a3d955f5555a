"""`timeout` and `retry`: they mean the same of a single run and of a batch, whoever waits for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

import lmc
from lmc import EchoBackend


@lmc.function
def plain(s: Any, x: str) -> Any:
    s += f"Say {x}: "
    s += lmc.gen("a", max_tokens=6, temperature=1)
    return s["a"]


@lmc.function
async def coroutine(s: Any, x: str) -> Any:
    s += f"Say {x}: "
    s += lmc.gen("a", max_tokens=6, temperature=1)
    return s["a"]


def awaited(program: Any, *args: Any, **given: Any) -> Any:
    return asyncio.run(program.arun(*args, **given))


def called(program: Any, *args: Any, **given: Any) -> Any:
    return program.run(*args, **given)


RUNS = [
    pytest.param(lambda *a, **k: called(plain, *a, mode="compiled", **k), id="compiled"),
    pytest.param(lambda *a, **k: called(plain, *a, mode="eager", **k), id="eager"),
    pytest.param(lambda *a, **k: called(coroutine, *a, **k), id="coroutine"),
    pytest.param(lambda *a, **k: awaited(plain, *a, **k), id="awaited"),
    pytest.param(lambda *a, **k: awaited(coroutine, *a, **k), id="awaited coroutine"),
]
Run = Callable[..., Any]
QUICK = lmc.Retry(items=2, wait_s=0.01)


def flaky(num_failures: int) -> EchoBackend:
    """Its first requests fail, in a way that may pass."""
    left = iter([True] * num_failures)
    return EchoBackend(fail=lambda request: "busy" if next(left, False) else None, fail_retryable=True, record=True)


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize(
    "limit, said", [(0.1, "the item"), (lmc.Timeout(item=0.1), "the item"), (lmc.Timeout(call=0.1), "the call")]
)
def test_a_run_that_takes_too_long_is_given_up(run: Run, limit: Any, said: str) -> None:
    """With the error that its item has in a batch."""
    begin = time.monotonic()
    with pytest.raises(lmc.RequestError, match=rf"{said} had no.* 0\.1 s") as raised:
        run("a", backend=EchoBackend(delay_s=60), timeout=limit)

    assert time.monotonic() - begin < 10
    assert (raised.value.code, raised.value.retryable) == ("timeout", True)


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("retry", [QUICK, lmc.Retry(calls=2, wait_s=0.01)], ids=["items", "calls"])
def test_a_run_is_tried_again(run: Run, retry: lmc.Retry) -> None:
    """With the draws of the first attempt; the report counts all of them."""
    backend = flaky(2)
    result = run("a", backend=backend, seed=5, retry=retry)

    assert result.ret_value == plain.run("a", backend="echo", seed=5).ret_value
    assert (len(backend.log), result.report.requests) == (3, 3)


@pytest.mark.parametrize("run", RUNS)
def test_the_last_attempt_s_error_is_raised(run: Run) -> None:
    """Also where it was too late."""
    with pytest.raises(lmc.RequestError, match="busy"):
        run("a", backend=flaky(9), retry=QUICK)
    with pytest.raises(lmc.RequestError, match="the item had not ended"):
        run("a", backend=EchoBackend(delay_s=60), timeout=0.05, retry=QUICK)


@pytest.mark.parametrize("run", RUNS)
def test_what_will_not_pass_is_not_tried_again(run: Run) -> None:
    """An error that the backend does not say it of."""
    backend = EchoBackend(fail=lambda request: "no", record=True)
    with pytest.raises(lmc.RequestError, match="no"):
        run("a", backend=backend, retry=QUICK)

    assert len(backend.log) == 1


@pytest.mark.parametrize("program", [plain, coroutine])
def test_calls_of_a_stream_are_bounded(program: Any) -> None:
    """What is told cannot be taken back, so that is all."""
    stream = program.stream("a", backend=EchoBackend(delay_s=60), timeout=lmc.Timeout(call=0.1))
    assert isinstance(stream.result().error, lmc.RequestError)
    assert "the call had no answer after 0.1 s" in stream.result().error.message

    for given in ({"timeout": 1.0}, {"retry": 1}):
        with pytest.raises(lmc.ArgumentError, match="does not go with stream=True"):
            program.run("a", backend="echo", stream=True, **given)
    with pytest.raises(lmc.ArgumentError, match="`retry` does not go with on_event"):
        program.run("a", backend="echo", retry=1, on_event=print)


@pytest.mark.parametrize("run", RUNS)
def test_wrong_limits_are_refused(run: Run) -> None:
    """As for a batch."""
    with pytest.raises(lmc.ArgumentError, match="a timeout of -1"):
        run("a", backend="echo", timeout=-1)
    with pytest.raises(lmc.ArgumentError, match="retry='x'"):
        run("a", backend="echo", retry="x")


@pytest.mark.parametrize("options", [{"retry": lmc.Retry(calls=2, wait_s=0.01)}, {"timeout": lmc.Timeout(call=0.1)}])
def test_calls_of_coroutines_in_a_batch_are_bounded_too(options: dict[str, Any]) -> None:
    """Though nothing of the backend wakes their loop."""
    failing = "timeout" in options
    backend = EchoBackend(delay_s=60) if failing else flaky(2)
    (result,) = coroutine.run_batch(["a"], backend=backend, **options)

    assert (result.error is not None) == failing


def test_a_program_s_own_argument_comes_first() -> None:
    """`timeout` and `retry` may be names of its own."""

    @lmc.function
    def own(s: Any, timeout: int, retry: str) -> Any:
        return timeout, retry

    assert own.run(timeout=-3, retry="x", backend="echo").ret_value == (-3, "x")


@pytest.mark.parametrize("mode", ["auto", "eager"])
def test_a_program_inside_another_one_has_no_limits_of_its_own(mode: Any) -> None:
    """Said so, captured or not."""

    @lmc.function
    def outer(s: Any) -> Any:
        return plain.run("a", timeout=5)["a"]

    with pytest.raises(lmc.ArgumentError, match="which has its `timeout`"):
        outer.run(backend="echo", mode=mode)


@pytest.mark.parametrize("mode", ["auto", "eager"])
def test_a_state_inside_a_program_has_no_error(mode: Any) -> None:
    """What failed has raised already, at the call or at the reading, and so is caught there."""

    @lmc.function
    def asks(s: Any) -> Any:
        return plain.run("a").error()

    @lmc.function
    def tries(s: Any) -> Any:
        try:
            return plain.run("a")["a"]
        except lmc.RequestError as error:
            return error.message

    with pytest.raises(lmc.ArgumentError, match="a program state keeps no error"):
        asks.run(backend="echo", mode=mode)
    assert tries.run(backend=flaky(1), mode=mode).ret_value == "busy"


# --- batches that are awaited, and runs that are held -----------------------------------------------------------


def awaited_batch(program: Any, items: Any, **given: Any) -> list[Any]:
    async def main() -> list[Any]:
        return await program.arun_batch(items, **given)

    return asyncio.run(main())


def iterated_batch(program: Any, items: Any, **given: Any) -> list[Any]:
    async def source() -> Any:
        for item in items:
            yield item

    async def main() -> list[Any]:
        found = {index: result async for index, result in program.arun_batch(source(), **given)}
        return [found[index] for index in sorted(found)]

    return asyncio.run(main())


def held(program: Any, items: Any, **given: Any) -> list[Any]:
    with program.open_run(**given) as run:
        found = dict(run.results(iter(items)))
        assert run.is_idle
    return [found[index] for index in sorted(found)]


def called_batch(program: Any, items: Any, **given: Any) -> list[Any]:
    return program.run_batch(items, **given)


BATCHES = [called_batch, awaited_batch, iterated_batch, held]
PROGRAMS = [plain, coroutine]


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("retry", [QUICK, lmc.Retry(calls=2, wait_s=0.01)], ids=["items", "calls"])
def test_items_are_tried_again(batch: Run, program: Any, retry: lmc.Retry) -> None:
    """With the draws of the first attempt, whichever item it was that failed."""
    backend = flaky(2)
    results = batch(program, ["a", "b", "c", "d"], backend=backend, seed=5, retry=retry)

    assert [r.ret_value for r in results] == [
        r.ret_value for r in plain.run_batch(["a", "b", "c", "d"], backend="echo", seed=5)
    ]
    assert len(backend.log) == 6


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("limit, said", [(0.1, "the item"), (lmc.Timeout(call=0.1), "the call")])
def test_items_that_take_too_long_are_given_up(batch: Run, program: Any, limit: Any, said: str) -> None:
    """Each by itself, tried again as the batch says; what will not pass is not."""
    results = batch(program, ["a", "b"], backend=EchoBackend(delay_s=60), timeout=limit)
    assert [(r.error.code, said in r.error.message) for r in results] == [("timeout", True)] * 2

    backend = EchoBackend(delay_s=60, record=True)
    (result,) = batch(program, ["a"], backend=backend, timeout=0.05, retry=QUICK)
    assert (result.error.code, len(backend.log)) == ("timeout", 3)

    backend = EchoBackend(fail=lambda request: "no", record=True)
    (result,) = batch(program, ["a"], backend=backend, retry=QUICK)
    assert (result.error.message, len(backend.log)) == ("no", 1)


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("batch", [iterated_batch, held])
def test_a_source_that_fails_is_one_more_item(batch: Run, program: Any) -> None:
    """The last; those before it are tried again all the same."""

    def items() -> Any:
        yield "a"
        raise ValueError("no more")

    results = batch(program, items(), backend=flaky(1), retry=QUICK)

    assert results[0].ret_value == plain.run("a", backend="echo").ret_value
    assert repr(results[1].error) == "ValueError('no more')"


def test_a_held_run_goes_on_with_what_was_left() -> None:
    """Items of an iteration that was left come with the next one; all are counted from its begin."""
    with plain.open_run(backend=flaky(3), retry=QUICK) as run:
        first = next(iter(run.results(["a", "b", "c"])))
        rest = dict(run.results(["d"]))

    assert {first[0], *rest} == {0, 1, 2, 3} and first[0] not in rest


@pytest.mark.parametrize("method", ["arun_batch", "open_run"])
def test_wrong_limits_of_batches_are_refused(method: str) -> None:
    """As by run_batch."""
    given: Any = (["a"],) if method == "arun_batch" else ()
    for options, said in (
        ({"timeout": -1}, "a timeout of -1"),
        ({"retry": "x"}, "retry='x'"),
        ({"retry": 1, "on_event": print}, "`retry` does not go with on_event"),
    ):
        with pytest.raises(lmc.ArgumentError, match=said):
            getattr(plain, method)(*given, backend="echo", **options)
