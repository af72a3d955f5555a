"""Thousands of calls wait at once, on one thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

import lmc
from tests.backend.api.serving import Asked, Serving, says


@lmc.function
def ask(s: lmc.State, i: int) -> None:
    s += lmc.user(f"Number {i}?")
    s += lmc.assistant(lmc.gen("said", max_tokens=8))


@pytest.mark.parametrize("num", [200, pytest.param(2000, marks=pytest.mark.slow)])
def test_all_of_a_batch_is_in_flight_at_once(num: int) -> None:
    """No answer comes before all have been asked; no program costs a thread."""
    all_there = asyncio.Event()
    threads = 0

    async def meet(asked: Asked) -> AsyncIterator[bytes]:
        nonlocal threads
        if asked.number == num - 1:
            threads = threading.active_count()
            all_there.set()
        await all_there.wait()
        async for piece in says(asked, asked.body["messages"][0]["content"]):
            yield piece

    before = threading.active_count()
    with Serving(meet) as serving:
        backend = lmc.Remote(serving.url, model="gpt-4o", dialect="openai", max_in_flight=num)
        results = lmc.run_batch(ask, [{"i": i} for i in range(num)], backend=backend)
    assert [r["said"] for r in results] == [f"Number {i}?" for i in range(num)]
    assert serving.most_at_once == num
    assert threads <= before + 3  # the server's, the loop's, and one more of the run's
