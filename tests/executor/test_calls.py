"""A model call from its answer to the state and the value: samples, meta, names, failures."""

from __future__ import annotations

from typing import Any

from lmc.backend.base import Failed, Finished, SegmentEnd, TokenLogprob
from lmc.backend.echo import EchoBackend, EchoSession
from lmc.errors import RequestError
from lmc.executor import Executor
from tests.support.echo_runs import program, run, says


def test_a_straight_line() -> None:
    """Text, a call, more text, another call: the second prompt holds the first answer."""
    ran = run(
        """
  %s0 = begin
  %s1 = append %s0, "Q: ", %q, " A:"
  %s2, %a = gen %s1 {name="a"}
  %s3 = append %s2, " B:"
  %s4, %b = gen %s3 {name="b"}
  return %s4, %b""",
        "%q: str",
        [{"q": "x"}, {"q": "y"}],
        EchoBackend(script=says(a="yes", b="no"), shuffle=1),
    )

    assert [o.state.text() for o in ran.outcomes if o.state] == ["Q: x A:yes B:no", "Q: y A:yes B:no"]
    assert [o.ret for o in ran.outcomes] == ["no", "no"]
    assert dict(ran.outcomes[0].state.names.values) == {"a": "yes", "b": "no"}  # type: ignore[union-attr]
    assert sorted(ran.backend.prompts(), key=lambda p: (len(p), p)) == [
        "Q: x A:",
        "Q: y A:",
        "Q: x A:yes B:",
        "Q: y A:yes B:",
    ]


def test_usage_and_calls_are_summed() -> None:
    """Prompt and output tokens of every call of the item."""
    ran = run(
        """
  %s0 = begin
  %s1 = append %s0, "abc"
  %s2, %a = gen %s1 {name="a"}
  %s3, %b = gen %s2 {name="b"}
  return %s3, none""",
        backend=EchoBackend(script=says(a="12345", b="67")),
    )

    assert (ran.one.calls, ran.one.usage.prompt_tokens, ran.one.usage.output_tokens) == (2, 3 + 8, 7)


def test_a_call_without_a_name_is_not_stored() -> None:
    """Its text is in the state, its value in the graph."""
    ran = run(" %s0 = begin\n %s1, %a = gen %s0\n return %s1, %a")

    assert not ran.one.state.names.values  # type: ignore[union-attr]
    assert ran.ret == ran.text


def test_meta_says_how_a_call_went() -> None:
    """Reason, tokens, and what was asked for beside."""
    ran = run(
        """
  %s0 = begin
  %s1 = append %s0, "abc"
  %s2, %a = gen %s1 {max_tokens=4, name="a"}
  %m = meta %s2, "a"
  return %s2, %m"""
    )

    assert ran.ret == {
        "id": 0, "finish_reason": "length", "prompt_tokens": 3, "cached_tokens": 0, "completion_tokens": 4,
    }  # fmt: skip


def test_several_samples_are_a_list_and_the_state_goes_on_with_the_first() -> None:
    """n=3: three texts, three meta records, one continuation."""
    ran = run(
        """
  %s0 = begin
  %s1, %a = gen %s0 {n=3, name="a"}
  return %s1, %a"""
    )

    texts: Any = ran.one.ret
    assert isinstance(texts, list) and len(set(texts)) == 3
    assert (texts[0], texts) == (ran.text, ran.one.state.get("a"))  # type: ignore[union-attr]
    assert len(ran.one.state.meta("a")["samples"]) == 3  # type: ignore[union-attr,index]


def test_every_failed_sample_fails_the_call() -> None:
    """The first failed sample speaks for the call."""

    class Half(EchoSession):
        def step(self, timeout_s: float | None = None) -> Any:
            return [failed(e) if isinstance(e, Finished) and e.sample else e for e in super().step(timeout_s)]

    def failed(end: Finished) -> Failed:
        return Failed(end.rid, end.sample, "odd", f"sample {end.sample}")

    body = ' %s0 = begin\n %s1, %a = gen %s0 {n=3, name="a"}\n return %s1, %a'
    (outcome,) = Executor(Half(EchoBackend())).run(program(body), [{}])

    assert isinstance(outcome.error, RequestError) and outcome.error.message == "sample 1"


def test_logprobs_come_in_sglang_s_shape() -> None:
    """(log-probability, id, text) a token, the text only if asked for."""

    class Scored(EchoSession):
        def step(self, timeout_s: float | None = None) -> Any:
            row = (TokenLogprob(97, -0.5, ((97, -0.5), (98, -1.0))),)
            return [
                SegmentEnd(e.rid, e.sample, e.segment, "a", (97,), "eos", logprobs=row)
                if isinstance(e, SegmentEnd)
                else e
                for e in super().step(timeout_s)
            ]

    body = ' %s0 = begin\n %s1, %a = gen %s0 {name="a", return_text_in_logprobs=true}\n return %s1, none'
    (outcome,) = Executor(Scored(EchoBackend())).run(program(body), [{}])

    meta: Any = outcome.state.meta("a")  # type: ignore[union-attr]
    assert meta["output_token_logprobs"] == [(-0.5, 97, "a")]
    assert meta["output_top_logprobs"] == [[(-0.5, 97, "a"), (-1.0, 98, "b")]]
