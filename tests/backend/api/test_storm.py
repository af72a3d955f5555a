"""Thousands of calls while a share of them fails in every way: nothing is lost, and the money is right."""

from __future__ import annotations

import random
from typing import Any

import pytest

import lmc
from lmc.backend.api import retry
from lmc.backend.api.prices import price
from tests.support.api_fakes import Fake, Price, faults
from tests.support.api_fakes.faults.fault import Fault

MODELS = {"openai": "gpt-4o", "anthropic": "claude-haiku-4-5"}

UNBILLED = (faults.rate_limited(retry_after_ms=5), faults.server_error(), faults.unavailable(), faults.overloaded())
HARMLESS = (faults.byte_by_byte(), faults.crlf(), faults.noise_frames(), faults.duplicate_finish())
# the work was done and is billed, and the client is not told what it came to
UNTOLD = (faults.cut_before_headers(), faults.wrong_json(), faults.cut_in_stream(4), faults.error_in_stream(3))
KINDS = (*UNBILLED, *HARMLESS, *UNTOLD)


@lmc.function
def ask(s: lmc.State, i: int) -> None:
    s += lmc.user(f"Number {i}?")
    s += lmc.assistant(lmc.gen("said", max_tokens=32))


def storm(request: Any) -> Fault | None:
    """One request in twenty has one of these, by its number."""
    draws = random.Random(request.number)
    return draws.choice(KINDS) if request.number >= 0 and draws.random() < 0.05 else None


def says(prompt: str) -> str:
    """The number that is asked for, in a few words."""
    number = prompt.rpartition("Number ")[2].partition("?")[0]
    return f"It is number {number}, and no other one."


@pytest.mark.parametrize("dialect, num", [("openai", 200), ("anthropic", 200)])
def test_nothing_is_lost_in_a_storm(dialect: str, num: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each item its own answer, or the error of a text that broke off; every attempt is counted."""
    check(dialect, num, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("dialect", MODELS)
def test_nothing_is_lost_in_a_storm_of_ten_thousand(dialect: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same."""
    check(dialect, 10_000, monkeypatch)


def check(dialect: str, num: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_S", 0.01)
    known = price(MODELS[dialect], dialect=dialect)
    assert known is not None and known.cached is not None
    rates = Price(known.input, known.output, known.cached / known.input, 1.25)
    with Fake(dialect, says, [storm], price=rates) as fake:
        backend = lmc.Remote(
            fake.url, model=MODELS[dialect], dialect=dialect, api_key="k", retries=8, max_in_flight=256
        )
        results = lmc.run_batch(ask, [{"i": i} for i in range(num)], backend=backend)
    assert [result.item for result in results] == list(range(num))
    broken = [result for result in results if result.error is not None]
    for i, result in enumerate(results):
        if result.error is None:
            assert result["said"] == f"It is number {i}, and no other one."
        else:
            assert isinstance(result.error, lmc.RequestError) and result.error.retryable
    told = {name for post in fake.posts for name in post.faults}
    assert {fault.name for fault in KINDS} <= told or num < 1000, "every kind has come"
    assert len(broken) <= sum(bool({"cut in stream", "error in stream"} & set(post.faults)) for post in fake.posts)
    extra = results[0].report.extra
    unseen = extra["attempts"] - len(fake.posts)  # sent on a connection that was just closed
    assert 0 <= unseen <= 5
    untold = [post for post in fake.posts if {fault.name for fault in UNTOLD} & set(post.faults)]
    assert 0 <= extra["attempts_of_unknown_cost"] - len(untold) <= unseen
    sure = sum(post.bill.money for post in fake.posts if post not in untold)
    begun = sum(post.bill.fresh * known.input + known.output for post in untold) / 1e6  # a token that began the answer
    assert sure - 1e-12 <= extra["money USD"] <= sure + begun + 1e-12, "of what broke off the prompt may have been told"
    if dialect == "openai":  # which tells everything at the end, or nothing
        assert extra["money USD"] == pytest.approx(sure, rel=1e-9)
