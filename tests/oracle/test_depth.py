"""Programs on lmc-tiny say the same where the engine runs ahead of a device that does all work as late as it may."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import lmc
from lmc.backend.local import CpuBackend
from tests.support.end_to_end import one_thread  # noqa: F401
from tests.support.late_device import LateDevice, late


@lmc.function
def talk(s, topic: str):
    s += lmc.system("You answer in few words.")
    s += lmc.user(f"What is {topic}?")
    s += lmc.assistant(lmc.gen("plain", max_tokens=24, temperature=0.8, top_p=0.9, frequency_penalty=0.5))
    s += lmc.user("Is it big?")
    s += lmc.assistant(lmc.select("size", ["big", "small", "of no size"]) + lmc.gen("why", max_tokens=12, stop="."))


@lmc.function
def record(s, topic: str):
    s += lmc.user(f"Say what {topic} is.")
    s += lmc.assistant(
        "Name: " + lmc.gen("name", max_tokens=8, stop="\n") + "\nAge: " + lmc.gen("age", regex="[0-9]{1,3}")
    )
    s += lmc.user("And once more, three ways.")
    s += lmc.assistant(lmc.gen("ways", max_tokens=10, n=3, temperature=1.0))


TOPICS = ("a house", "the sea", "a long road", "rain", "the old king")


@pytest.fixture(scope="module", params=["exact", "off"])
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[CpuBackend, CpuBackend]]:
    """The model at depth 1 and at depth 2, with jumps over forced text and without."""
    backends = [CpuBackend("lmc-tiny", dtype="fp32", num_slots=2048, boundary=request.param) for _ in range(2)]
    backends[1].engine.runner = late(backends[1].engine.runner)
    yield backends[0], backends[1]
    for backend in backends:
        backend.close()


@pytest.mark.parametrize("program", [talk, record], ids=["talk", "record"])
def test_programs_say_the_same_at_both_depths(program: Any, pair: tuple[CpuBackend, CpuBackend]) -> None:
    """Penalties, stops, select, fused forms, constraints and samples; many at once."""
    device = pair[1].engine.runner
    assert isinstance(device, LateDevice)
    before = device.num_fed
    items = [{"topic": topic} for topic in TOPICS]
    here, ahead = (program.run_batch(items, backend=backend, seed=3) for backend in pair)

    assert [result.text() for result in here] == [result.text() for result in ahead]
    assert device.num_fed - before > 20
