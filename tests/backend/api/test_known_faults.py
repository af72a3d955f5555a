"""Faults that clients of such APIs are known for, each shown not to be one of lmc's."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

import lmc
from lmc.backend.api import keeping
from lmc.backend.api.abilities import abilities
from lmc.cli.remote import DIALECTS
from tests.backend.api.serving import DONE, END, STREAM, Asked, Serving, delta, says, usage
from tests.support.api_fakes import Fake, Pace, faults

MODELS = {"openai": "gpt-4o", "anthropic": "claude-haiku-4-5", "vllm": "m", "sglang": "m", "llamacpp": "m"}
LONG = "".join(f"Rule {i}: look at what tool number {i} says, and do what it says.\n" for i in range(160))


@lmc.function
def ask(s: lmc.State, question: str = "Say it.") -> None:
    s += lmc.user(question)
    s += lmc.assistant(lmc.gen("said", max_tokens=64))


def remote(url: str, dialect: str = "openai", **options) -> lmc.Remote:
    return lmc.Remote(url, model=MODELS.get(dialect, "m"), dialect=dialect, api_key="k", **options)


# --- answers that are cut, or are not whole ----------------------------------------------------------------


@lmc.function
def measured(s: lmc.State) -> None:
    s += lmc.user("Measure it.")
    s += lmc.assistant(lmc.gen("size", json_schema={"type": "object", "properties": {"x": {"type": "integer"}}}))


def test_json_that_was_cut_is_not_repaired() -> None:
    """It is what came, and says that its length ended it."""
    with Fake.vllm('{"x": 123456789}', faults.early_length(2)) as fake:
        result = lmc.run(measured, backend=remote(fake.url, "vllm"))
    assert result.get_meta_info("size")["finish_reason"] == "length"
    assert '{"x": 123456789}'.startswith(result["size"]) and not result["size"].endswith("}")


def test_json_that_was_cut_is_no_typed_value() -> None:
    """An error in place of a value that is half there."""

    @lmc.function
    def typed(s: lmc.State) -> None:
        s += lmc.user("Measure it.")
        s += lmc.assistant(lmc.gen("size", type=dict[str, int]))
        s += lmc.user(str(s["size"]))

    with Fake.vllm('{"x": 123456789}', faults.early_length(2)) as fake, pytest.raises(lmc.LMError, match="size"):
        lmc.run(typed, backend=remote(fake.url, "vllm")).text()


def test_white_space_without_end_ends_by_its_limit() -> None:
    """A model that writes spaces before a JSON value for ever is cut, and that is told."""

    async def spaces(asked: Asked) -> AsyncIterator[bytes]:
        async for piece in says(asked, *[" \n" * 8] * 32, finish="length"):
            yield piece

    with Serving(spaces) as serving:
        result = lmc.run(measured, backend=remote(serving.url, "vllm"))
    assert result.get_meta_info("size")["finish_reason"] == "length" and result["size"] == " \n" * 256


def test_a_sample_without_an_end_fails_the_call() -> None:
    """Two of three are whole: nobody is told that the third is."""

    async def two_of_three(asked: Asked) -> AsyncIterator[bytes]:
        yield STREAM
        for index in range(3):
            yield delta("yes", index)
        for index in range(2):
            yield delta("", index, "stop")
        yield usage(7, 3)
        yield DONE + END

    @lmc.function
    def three(s: lmc.State) -> None:
        s += lmc.user("Say something.")
        s += lmc.assistant(lmc.gen("said", n=3))

    with Serving(two_of_three) as serving, pytest.raises(lmc.RequestError, match="ended before it was complete"):
        lmc.run(three, backend=remote(serving.url, retries=0))["said"]


# --- stops -------------------------------------------------------------------------------------------------


CUT = (["a STO", "NE b"], ["a S", "TO", "P b"], ["a STOP b"], ["a STO", "STO", "STOP"], ["STOP"])


@pytest.mark.parametrize("pieces", CUT)
def test_a_stop_that_is_found_here_is_told_once_and_whole(pieces: list[str]) -> None:
    """Across deltas, where it begins and does not come, and right at the start; streamed text is the text."""

    @lmc.function
    def until(s: lmc.State) -> None:
        s += lmc.user("Say it.")
        s += lmc.assistant(lmc.gen("said", stop_regex="STOP", max_tokens=64))

    async def cut(asked: Asked) -> AsyncIterator[bytes]:
        async for piece in says(asked, *pieces):
            yield piece

    told: list[str] = []

    def heard(event: object) -> None:
        if isinstance(event, lmc.TextGrew) and event.call is not None:
            told.append(event.text)

    with Serving(cut) as serving:
        backend = remote(serving.url, "vllm", fallback="emulate")
        result = lmc.run(until, backend=backend, on_event=heard)
    assert result["said"] == "".join(pieces).partition("STOP")[0] == "".join(told)


# --- what is sent to whom ----------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_limit_of_tokens_has_the_name_that_the_server_knows(dialect: str) -> None:
    """A new name for one API is no new name for the others."""
    with Fake(dialect, "Yes.") as fake:
        lmc.run(ask, backend=remote(fake.url, dialect))["said"]
        body = fake.posts[-1].body
    flat = body | (body.get("options") or {}) | (body.get("sampling_params") or {})
    names = {"max_completion_tokens", "max_tokens", "n_predict", "num_predict", "max_new_tokens"} & set(flat)
    assert len(names) == 1 and flat[names.pop()] == 64
    assert abilities("openai", "gpt-4o").max_tokens_name == "max_completion_tokens"


def test_ollama_is_told_not_to_cut_a_prompt() -> None:
    """It would leave the beginning out without a word: now it is an error that names the reason."""
    with Fake.ollama(lambda prompt: str(len(prompt)), num_ctx=1000) as fake:
        assert int(lmc.run(ask, "short", backend=remote(fake.url, "ollama"))["said"]) < 200
        with pytest.raises(lmc.RequestError, match="exceeds the context length"):
            lmc.run(ask, LONG, backend=remote(fake.url, "ollama"))["said"]
        cut = Fake.ollama(lambda prompt: str(len(prompt)), num_ctx=1000)
    assert all(post.body["truncate"] is False and post.body["shift"] is False for post in fake.posts)
    assert cut.dialect._fitted({}, LONG) == LONG[-2000:], "which it does where nothing is said"


# --- what it comes to --------------------------------------------------------------------------------------


def test_an_awaited_run_shows_its_own_money() -> None:
    """Of two beside one another each its own, which together are the bill."""

    async def both(backend: lmc.Remote) -> list[lmc.Result]:
        return list(await asyncio.gather(lmc.arun(ask, "One?", backend=backend), lmc.arun(ask, LONG, backend=backend)))

    with Fake.openai("Yes.", {0: faults.server_error()}, price=_price()) as fake:
        short, long = asyncio.run(both(remote(fake.url)))
        money = fake.money
    each = [result.report.extra["money USD"] for result in (short, long)]
    assert 0 < each[0] < each[1] and sum(each) == pytest.approx(money, rel=1e-9)
    assert sum(result.report.extra["attempts"] for result in (short, long)) == 3
    assert "USD" in str(short.report)


def test_an_awaited_batch_shows_its_money() -> None:
    async def batch(backend: lmc.Remote) -> list[lmc.Result]:
        return await lmc.arun_batch(ask, [{"question": f"Number {i}?"} for i in range(20)], backend=backend)

    with Fake.openai("Yes.", price=_price()) as fake:
        results = asyncio.run(batch(remote(fake.url)))
        assert results[0].report.extra["money USD"] == pytest.approx(fake.money, rel=1e-9)


def test_what_is_given_up_is_of_unknown_cost() -> None:
    """Its last attempt was under way: it may be billed."""

    async def late(backend: lmc.Remote) -> list[lmc.Result]:
        return await lmc.arun_batch(ask, [{}], backend=backend, timeout=lmc.Timeout(call=0.3))

    with Fake.openai("Yes.", pace=Pace(first_s=5.0)) as fake:
        (result,) = asyncio.run(late(remote(fake.url)))
    assert isinstance(result.error, lmc.RequestError)
    assert result.report.extra["attempts_of_unknown_cost"] == 1 and "money unknown" in str(result.report)


def test_a_server_of_one_s_own_has_no_price() -> None:
    """That is said; and a price that a user gives counts, also where it is nothing."""
    with Fake.vllm("Yes.") as fake:
        report = lmc.run(ask, backend=remote(fake.url, "vllm")).report
    assert "money none: a server of one's own has no price (LMC_PRICES gives it one)" in str(report)


def test_a_price_of_nothing_is_nothing(tmp_path) -> None:
    prices = tmp_path / "prices.toml"
    prices.write_text(
        '[[price]]\nmodels = ["m"]\nas_of = 2026-12-01\nsource = "us"\ncurrency = "EUR"\ninput = 0\noutput = 0\n'
    )
    with Fake.vllm("Yes.") as fake:
        report = lmc.run(ask, backend=remote(fake.url, "vllm", prices=prices)).report
    assert "money 0.000000 EUR" in str(report)


def test_a_server_that_was_found_out_is_called_what_it_is() -> None:
    """In the report of a run at a URL."""
    with Fake.llamacpp("Yes.") as fake:
        assert str(lmc.run(ask, backend=fake.url).report).startswith("llamacpp: 1 call")


# --- the loop ----------------------------------------------------------------------------------------------


def test_answers_are_held_against_their_constraint_off_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """An automaton that takes long to build holds up no other call."""
    is_building, may_go_on = threading.Event(), threading.Event()
    build = keeping.regular_tree

    def slowly(constraint: object) -> object:
        is_building.set()
        assert may_go_on.wait(10), "the other call has not come through"
        return build(constraint)

    monkeypatch.setattr(keeping, "regular_tree", slowly)
    keeping._automaton.cache_clear()
    results: list[lmc.Result] = []
    with Fake.vllm('{"x": 1}') as fake:
        backend = remote(fake.url, "vllm")
        first = threading.Thread(target=lambda: results.append(lmc.run(measured, backend=backend)))
        first.start()
        assert is_building.wait(10)
        assert lmc.run(ask, backend=backend)["said"] == '{"x": 1}'
        may_go_on.set()
        first.join(10)
    assert results[0]["size"] == '{"x": 1}'


def _price() -> object:
    from lmc.backend.api.prices import price
    from tests.support.api_fakes import Price

    known = price("gpt-4o", dialect="openai")
    assert known is not None and known.cached is not None
    return Price(known.input, known.output, known.cached / known.input, 1.0)
