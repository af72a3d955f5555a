"""`select` by scores of servers that are sent token ids: the same as lmc's own engine finds on the same model."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

import lmc
from lmc.backend.default_model import folder_of
from lmc.ir.scoring import CHOICES_METHODS
from tests.backend.api.serving import Asked, Serving, whole
from tests.support.api_fakes import Fake
from tests.support.api_fakes.brains.engine import EngineBrain

CHOICES = ["yes", "yes, with joy", "no", "n"]
DIALECTS = ("sglang", "vllm")


def judged(method: str, temperature: float = 0.0) -> Any:
    """A program with a select in a turn that has text before it, and a text behind it."""

    @lmc.function
    def judge(s: lmc.State, text: str) -> None:
        s += lmc.user(f"Is this praise? {text}")
        s += lmc.assistant(
            "I say: " + lmc.select("praise", CHOICES, choices_method=method, temperature=temperature, seed=5) + "."
        )

    return judge


@pytest.fixture(scope="module")
def brain() -> Iterator[EngineBrain]:
    """One for all servers."""
    brain = EngineBrain()
    yield brain
    brain.backend.close()


def remote(fake: Fake | Serving, dialect: str) -> lmc.Remote:
    return lmc.Remote(fake.url, model="fake", dialect=dialect, tokenizer=folder_of("lmc-tiny"), retries=0)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("method", CHOICES_METHODS)
def test_scores_are_the_engine_s(dialect: str, method: str, brain: EngineBrain) -> None:
    """By every method: the same choice, the same log-probabilities, the same distribution."""
    own = lmc.run(judged(method), "Well done!", backend=brain.backend)
    with Fake(dialect, brain, models=("fake",)) as fake:
        result = lmc.run(judged(method), "Well done!", backend=remote(fake, dialect))
        bill, num = fake.bill, len(fake.posts)
    meta, wanted = result.get_meta_info("praise"), own.get_meta_info("praise")
    assert result.text() == own.text()
    assert (meta["select_by"], meta["method"], meta["choice"]) == ("scores", method, wanted["choice"])
    assert meta["scores"] == pytest.approx(wanted["scores"], abs=1e-4)
    assert dict(meta["distribution"]) == pytest.approx(dict(wanted["distribution"]), abs=1e-4)
    assert [[id for _, id in row] for row in meta["input_token_logprobs"]] == [
        [id for _, id in row] for row in wanted["input_token_logprobs"]
    ]
    assert num >= len(CHOICES)
    assert result.report.prompt_tokens == bill.fresh + bill.read


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_draw_is_the_engine_s(dialect: str, brain: EngineBrain) -> None:
    """From the exact distribution, by the same seed."""
    program = judged("exact", temperature=3.0)
    own = lmc.run(program, "Well done!", backend=brain.backend)
    with Fake(dialect, brain, models=("fake",)) as fake:
        result = lmc.run(program, "Well done!", backend=remote(fake, dialect))
    assert result["praise"] == own["praise"]


def test_the_first_choice_leads_where_the_prompt_is_kept(brain: EngineBrain) -> None:
    """The others find the prompt in the cache."""
    with Fake.sglang(brain, models=("fake",)) as fake:
        lmc.run(judged("exact"), "Well done!", backend=remote(fake, "sglang"))
        reads = [request.bill.read for request in fake.posts]
    assert reads[0] == 0 and all(reads[1:])


@pytest.mark.parametrize("dialect", DIALECTS)
def test_scores_of_other_tokens_are_an_error(dialect: str) -> None:
    """A server that tells less, or of something else, decides nothing; its usage counts."""

    async def wrong(asked: Asked) -> AsyncIterator[bytes]:
        if dialect == "sglang":
            meta = {"input_token_logprobs": [[None, 1, None], [-0.5, 1, None]], "finish_reason": {"type": "length"}}
            yield whole({"text": "", "meta_info": meta | {"prompt_tokens": 4, "completion_tokens": 0}})
        else:
            told = [None, {"1": {"logprob": -0.5}}]
            usage = {"prompt_tokens": 4, "completion_tokens": 1}
            yield whole({"choices": [{"index": 0, "text": "", "prompt_logprobs": told}], "usage": usage})

    with Serving(wrong) as serving, pytest.raises(lmc.RequestError, match="scored other tokens") as caught:
        lmc.run(judged("exact"), "Well done!", backend=remote(serving, dialect))
    assert caught.value.code == "broken_answer"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_choice_that_is_refused_fails_the_select(dialect: str) -> None:
    """Whichever it is, with the server's words: what is left is no comparison."""

    async def refuse(asked: Asked) -> AsyncIterator[bytes]:
        yield whole({"error": {"message": "this one is too long", "type": "BadRequestError", "code": 400}}, 400)

    with Serving(refuse) as serving, pytest.raises(lmc.RequestError, match="this one is too long") as caught:
        lmc.run(judged("exact"), "Well done!", backend=remote(serving, dialect))
    assert caught.value.code != "internal"
