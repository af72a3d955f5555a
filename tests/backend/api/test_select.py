"""`select` on APIs: by which means it is made, what it says of that, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

import lmc
from lmc.backend.api.ask import Likely
from lmc.backend.api.select import distribution
from tests.backend.api.serving import Asked, Serving, says, whole
from tests.support.api_fakes import Fake

CHOICES = ["yes", "yes, with joy", "no"]


@lmc.function
def praise(s: lmc.State, text: str) -> None:
    s += lmc.user(f"Is this praise? {text}")
    s += lmc.assistant(lmc.select("praise", ["yes", "yes, with joy", "no"]))
    s += lmc.user("Why?")
    s += lmc.assistant(lmc.gen("why", max_tokens=8))


@lmc.function
def asked_in_gen(s: lmc.State) -> None:
    s += lmc.user("Is this praise?")
    s += lmc.assistant(lmc.gen("praise", choices=["yes", "no"]))


@lmc.function
def exactly(s: lmc.State) -> None:
    s += lmc.user("Is this praise?")
    s += lmc.assistant(lmc.select("praise", ["yes", "no"], choices_method=lmc.exact, temperature=0.5))


MODELS = {"openai": "gpt-4o", "anthropic": "claude-haiku-4-5"}


def remote(fake: Fake | Serving, dialect: str, **options: Any) -> lmc.Remote:
    return lmc.Remote(fake.url, model=MODELS.get(dialect, "fake"), dialect=dialect, **options)


@pytest.mark.parametrize("dialect", ["openai", "anthropic", "vllm", "sglang", "llamacpp", "ollama"])
@pytest.mark.parametrize("said", CHOICES)
def test_a_choice_is_made_and_stays_in_the_conversation(dialect: str, said: str) -> None:
    """Also one that another begins with; the next turn is asked behind it, and the usage is the server's."""
    with Fake(dialect, said, models=(MODELS.get(dialect, "fake"),)) as fake:
        result = lmc.run(praise, "Well done!", backend=remote(fake, dialect))
        bodies = [request.body for request in fake.posts]
        bill = fake.bill
    assert result["praise"] == said
    meta = result.get_meta_info("praise")
    assert (meta["select_by"], meta["choice"], meta["distribution"]) == ("enum", CHOICES.index(said), None)
    assert meta["completion_tokens"] > 0 and "scores" not in meta
    assert len(bodies) == 2
    assert {"role": "assistant", "content": said} in bodies[1]["messages"]
    assert result.report.output_tokens == bill.output


def test_a_gen_with_choices_is_a_select() -> None:
    """Made by the same means."""
    with Fake.openai("no", models=("gpt-4o",)) as fake:
        result = lmc.run(asked_in_gen, backend=remote(fake, "openai"))
        (body,) = [request.body for request in fake.posts]
    assert result["praise"] == "no" and result.get_meta_info("praise")["select_by"] == "enum"
    schema = body["response_format"]["json_schema"]
    assert schema["strict"] and schema["schema"]["properties"]["choice"]["enum"] == ["yes", "no"]
    assert body["temperature"] == 0
