"""`select` on APIs: by which means it is made, what it says of that, and what it refuses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import lmc
from lmc.backend.api.abilities import abilities, caps_of, select_means
from lmc.backend.api.ask import Likely, Turn, WireAsk
from lmc.backend.api.select import distribution
from lmc.backend.api.wire import decisions
from lmc.ir.constraint import Choices
from lmc.ir.sampling import Sampling
from lmc.ir.scoring import CHOICES_METHODS
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


def test_a_distribution_where_the_server_tells_one() -> None:
    """Of the tokens that are choices, whatever the server masked; the likeliest is the choice."""

    async def told(asked: Asked) -> AsyncIterator[bytes]:
        tops = [("yes", -1.0), ("no", -0.5), ("maybe", -3.0)]
        top = [{"token": text, "bytes": list(text.encode()), "logprob": value} for text, value in tops]
        logprobs = {"content": [{**top[0], "top_logprobs": top}]}
        choice = {"index": 0, "message": {"content": "yes"}, "logprobs": logprobs, "finish_reason": "stop"}
        yield whole({"choices": [choice], "usage": {"prompt_tokens": 5, "completion_tokens": 1}})

    with Serving(told) as serving:
        result = lmc.run(asked_in_gen, backend=remote(serving, "vllm"))
        assert result["praise"] == "no"
        (asked,) = serving.asked
    assert asked.body["structured_outputs"] == {"choice": ["yes", "no"]}
    assert (asked.body["logprobs"], asked.body["top_logprobs"]) == (True, 20)
    meta = result.get_meta_info("praise")
    assert meta["select_by"] == "logprobs" and meta["finish_reason"] == "score"
    assert dict(meta["distribution"]) == pytest.approx({"yes": 0.3775407, "no": 0.6224593})
    assert (result.report.prompt_tokens, result.report.output_tokens) == (5, 1)


def test_no_distribution_of_less_than_whole_choices() -> None:
    """Tokens that only begin a choice, or are shown alike, or were not told, say nothing of it."""
    sure = (Likely(b"a", -0.1, ((b"a", -0.1), (b"b", -2.0))),)
    assert distribution(["a", "b"], sure) == pytest.approx((0.8698915, 0.1301085))
    for choices, told in (
        (["a", "bc"], sure),
        (["a", "c"], sure),
        (["a", "b"], ()),
        (["a", "b"], (Likely(b"a", -0.1, ((b"a", -0.1), (b"b", -2.0), (b"b", -3.0))),)),
        (["a", "b"], (Likely(b"a", -0.1, ((b"a", float("-inf")), (b"b", float("-inf")))),)),
    ):
        assert distribution(choices, told) is None


@pytest.mark.parametrize("text", ['{"choice": "perhaps"}', '{"other": "yes"}', "yes"])
def test_what_is_no_choice_is_an_error(text: str) -> None:
    """A server that does not enforce is found out, and not asked again."""

    async def loose(asked: Asked) -> AsyncIterator[bytes]:
        async for piece in says(asked, text):
            yield piece

    with Serving(loose) as serving:
        with pytest.raises(lmc.RequestError, match="choice") as caught:
            lmc.run(praise, "Well done!", backend=remote(serving, "openai"))
        assert len(serving.asked) == 1
    assert caught.value.code == "broken_constraint"


def test_a_choice_that_was_cut_off_is_an_error() -> None:
    """Even where what is there is a choice: another one begins with it."""

    async def cut(asked: Asked) -> AsyncIterator[bytes]:
        async for piece in says(asked, "yes", finish="length"):
            yield piece

    with Serving(cut) as serving, pytest.raises(lmc.RequestError, match="limit of tokens"):
        lmc.run(praise, "Well done!", backend=remote(serving, "vllm"))


def test_a_refusal_is_one() -> None:
    """It fails the call, and does not become a choice."""

    async def refuse(asked: Asked) -> AsyncIterator[bytes]:
        choice = {"index": 0, "message": {"content": None, "refusal": "I will not."}, "finish_reason": "stop"}
        yield whole({"choices": [choice], "usage": {"prompt_tokens": 5, "completion_tokens": 3}})

    with Serving(refuse) as serving, pytest.raises(lmc.RequestError, match="I will not") as caught:
        lmc.run(praise, "Well done!", backend=remote(serving, "openai"))
    assert caught.value.code == "refusal"


@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
def test_another_method_is_refused_before_anything_is_sent(dialect: str) -> None:
    """What compares scores cannot be made by what has none."""
    with Fake(dialect, "no", models=(MODELS[dialect],)) as fake:
        with pytest.raises(lmc.BackendError, match="does not compare choices by exact") as caught:
            lmc.run(exactly, backend=remote(fake, dialect))
        assert not fake.posts
    assert "leave choices_method" in str(caught.value)


def test_decisions_weigh_the_choices() -> None:
    """One question of the whole conversation; its answer's probabilities are the distribution."""
    with Fake.openai("no", models=("gpt-6-luna",)) as fake:
        backend = lmc.Remote(fake.url, model="gpt-6-luna", dialect="openai")
        result = lmc.run(praise, "Oh dear.", backend=backend)
        decision, answer = fake.posts
        bill = fake.bill
    assert result["praise"] == "no"
    assert decision.path == "/v1/decisions"
    assert decision.body["input"] == [{"role": "user", "content": "Is this praise? Oh dear."}]
    meta = result.get_meta_info("praise")
    assert meta["select_by"] == "decisions"
    assert dict(meta["distribution"]) == pytest.approx({"yes": 0.05, "yes, with joy": 0.05, "no": 0.9})
    assert answer.body["messages"][1] == {"role": "assistant", "content": "no"}
    assert result.report.prompt_tokens == bill.fresh and meta["completion_tokens"] == 0


def test_a_single_choice_is_no_decision() -> None:
    """The endpoint takes two and more; the model writes it then."""

    @lmc.function
    def only(s: lmc.State) -> None:
        s += lmc.user("Well?")
        s += lmc.assistant(lmc.select("said", ["yes"]))

    with Fake.openai("no", models=("gpt-6-luna",)) as fake:
        result = lmc.run(only, backend=lmc.Remote(fake.url, model="gpt-6-luna", dialect="openai"))
    assert result["said"] == "yes" and result.get_meta_info("said")["select_by"] == "enum"


@pytest.mark.parametrize(
    "answer, code",
    [
        ({"type": "refusal"}, "refusal"),
        ({"type": "choice", "choice": "perhaps", "confidence": 1, "probabilities": []}, "broken_answer"),
        ({"type": "choice", "choice": "no", "confidence": 1, "probabilities": []}, "broken_answer"),
        ({"type": "choice"}, "broken_answer"),
    ],
    ids=["refused", "no choice", "no probabilities", "no shape"],
)
def test_a_decision_that_is_none_is_an_error(answer: dict[str, Any], code: str) -> None:
    """And not another choice."""

    async def decided(asked: Asked) -> AsyncIterator[bytes]:
        yield whole({"answers": [answer], "usage": {"input_tokens": 5, "output_tokens": 0}})

    with Serving(decided) as serving, pytest.raises(lmc.RequestError) as caught:
        backend = lmc.Remote(serving.url, model="gpt-6-luna", dialect="openai", retries=0)
        lmc.run(praise, "Oh dear.", backend=backend)
    assert caught.value.code == code


def test_a_record_plays_the_choice_with_its_means(tmp_path: Path) -> None:
    """Without scores, and with the distribution."""
    with Fake.openai("no", models=("gpt-6-luna",)) as fake, lmc.record(tmp_path / "calls.jsonl"):
        backend = lmc.Remote(fake.url, model="gpt-6-luna", dialect="openai")
        first = lmc.run(asked_in_gen, backend=backend)
    again = lmc.run(asked_in_gen, backend=f"replay:{tmp_path / 'calls.jsonl'}")
    assert again["praise"] == "no"
    for name in ("select_by", "choice", "choices", "distribution"):
        assert again.get_meta_info("praise")[name] == first.get_meta_info("praise")[name]


def test_a_decision_in_the_middle_of_a_turn_is_refused() -> None:
    """What stands there already would be forgotten."""
    ask = WireAsk("m", Sampling(), (Turn("assistant", "I say: "),), continues=True, constraint=Choices(("a", "b")))
    with pytest.raises(lmc.BackendError, match="already has text"):
        decisions.body(ask, abilities("openai", "gpt-6-luna"))


@pytest.mark.parametrize(
    "dialect, model, by, by_ids",
    [
        ("openai", "gpt-6-luna", ("decisions", "enum"), ("decisions", "enum")),
        ("anthropic", "claude-opus-5", ("enum",), ("enum",)),
        ("anthropic", "claude-opus-4-1", (), ()),
        ("vllm", "x", ("logprobs", "enum"), ("scores", "logprobs", "enum")),
        ("sglang", "x", ("logprobs", "enum"), ("scores", "logprobs", "enum")),
        ("llamacpp", "x", ("logprobs", "enum"), ("logprobs", "enum")),
        ("ollama", "x", ("enum",), ("enum",)),
    ],
)
def test_what_is_promised_is_what_is_done(
    dialect: str, model: str, by: tuple[str, ...], by_ids: tuple[str, ...]
) -> None:
    """Methods are followed where there are scores; else the first of the means stands for the default one."""
    known = abilities(dialect, model)
    assert (select_means(known, sends_ids=False), select_means(known, sends_ids=True)) == (by, by_ids)
    text, ids = caps_of(known), caps_of(known, counts_tokens=True)
    assert not text.score and text.score_by == "".join(by[:1])
    has_scores = by_ids[:1] == ("scores",)
    assert ids.score == (frozenset(CHOICES_METHODS) if has_scores else frozenset())
    assert ids.score_by == ("" if has_scores else "".join(by_ids[:1]))
