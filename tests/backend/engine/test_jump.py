"""Jump-forward in the engine, on the fake model: same text, fewer passes, and every limit holds on forced tokens."""

from __future__ import annotations

import pytest

from lmc.backend.base import Delta, SegmentEnd
from lmc.ir.constraint import Choices
from tests.support.fake_engine import TOKENIZER, Bench, ask, assert_as_expected, failed, finished, gen, logprob_of, said

PHRASES = Choices(("the answer is: yes, and that is a long way", "the answer is: no! stop"))
FORCED = "the answer is: "


@pytest.mark.depth1("counts passes: without jumps one more is launched before the end is known")
def test_forced_tokens_ride_in_the_next_pass() -> None:
    """Two decisions, two passes behind the prompt's: what is forced costs none of its own."""
    counts = []
    for jumps in (True, False):
        bench = Bench(jumps=jumps)
        events = bench.run([ask(0, "Q", gen(60, constraint=PHRASES))])
        counts.append((bench.runner.passes, finished(events, 0).usage.output_tokens))
    (passes, tokens), (slow_passes, slow_tokens) = counts
    assert passes <= 3 < slow_passes == slow_tokens
    assert tokens <= slow_tokens


def test_one_choice_needs_no_model() -> None:
    """Nothing is left to ask, so no pass is run."""
    bench = Bench()
    events = bench.run([ask(0, "Q", gen(60, constraint=Choices(("only this",))))])
    assert said(events, 0) == [("only this", tuple(TOKENIZER.encode("only this")), "constraint")]
    assert bench.runner.passes == 0
    assert finished(events, 0).usage.forced_tokens == len(TOKENIZER.encode("only this"))


@pytest.mark.parametrize(
    "options", [{}, {"chunk_len": 3}, {"chunk_len": 1}, {"cache": False}, {"page_size": 4}], ids=str
)
def test_log_probabilities_of_forced_tokens(options) -> None:
    """T13: they are the model's own, flagged, the same however the pass was cut, and come with their text."""
    requests = [ask(rid, "Q" * 5, gen(60, constraint=PHRASES, return_logprob=True), gen(3)) for rid in range(3)]
    events = Bench(**options).run(requests)
    assert_as_expected(events, requests)
    prompt = list(requests[0].prompt.ids)
    for end in (e for e in events if isinstance(e, SegmentEnd) and e.segment == 0):
        assert end.logprobs is not None and [t.id for t in end.logprobs] == list(end.ids)
        for at, token in enumerate(end.logprobs):
            assert token.logprob == pytest.approx(logprob_of([*prompt, *end.ids[:at]], token.id), abs=1e-5)
        assert [t.forced for t in end.logprobs[:4]] == [True] * 4
        assert not all(t.forced for t in end.logprobs)
    shown = [e for e in events if isinstance(e, Delta) and e.logprobs]
    assert all(len(e.logprobs) == len(e.ids) for e in shown)


def test_log_probabilities_survive_retraction() -> None:
    """Forced tokens that still lack one are computed again rather than read from the tree."""
    requests = [
        ask(0, "Q" * 9, gen(60, constraint=PHRASES, return_logprob=True)),
        ask(1, "Q" * 9, gen(60, constraint=PHRASES)),
    ]
    bench, calm = Bench(chunk_len=2), Bench()
    bench.session.submit(requests)
    events = []
    while bench.engine.has_work:
        events += bench.step()
        if bench.runner.passes % 3 == 0:
            bench.retract(lambda running: running[0])
        assert bench.runner.passes < 500
    events += bench.step()
    assert_as_expected(events, requests)
    expected = {e.rid: e.logprobs for e in calm.run(requests) if isinstance(e, SegmentEnd)}
    assert {e.rid: e.logprobs for e in events if isinstance(e, SegmentEnd)} == expected


@pytest.mark.parametrize("max_tokens", range(1, 14))
def test_max_tokens_counts_forced_tokens(max_tokens: int) -> None:
    """T8: never a token too many, and the reason is the length."""
    events = Bench().run([ask(0, "Q", gen(max_tokens, constraint=PHRASES))])
    ((_, ids, reason),) = said(events, 0)
    assert len(ids) == max_tokens and reason == "length"


@pytest.mark.parametrize("logprobs", [False, True])
def test_stop_strings_and_tokens_end_forced_text(logprobs: bool) -> None:
    """T8: found inside what is forced, cut there, and nothing behind is shown; a token that cuts a text is an error."""
    requests = [ask(0, "Q", gen(60, constraint=PHRASES, return_logprob=logprobs, stop=("swer i",)), gen(3))]
    events = Bench().run(requests)
    assert_as_expected(events, requests)
    assert said(events, 0)[0][0::2] == ("the an", "stop")
    cut = ask(1, "Q", gen(60, constraint=PHRASES, return_logprob=logprobs, stop_token_ids=(ord(":"),)), gen(3))
    assert failed(Bench().run([cut]), 1).code == "constraint"


def test_streamed_once_and_in_order() -> None:
    """T12: sampled and forced text leave by one door; its pieces are the text."""
    requests = [ask(0, "Q", gen(60, constraint=Choices(("日本語の文章 a", "日本語の文章 b"))))]
    events = Bench().run(requests)
    assert_as_expected(events, requests)
    assert "".join(e.text for e in events if isinstance(e, Delta)).startswith("日本語の文章 ")


def test_forced_tokens_are_published() -> None:
    """T15: the same forced text behind the same prompt is read from the cache."""
    bench = Bench()
    bench.run([ask(0, "Q" * 20, gen(60, constraint=PHRASES))])
    before = bench.runner.computed
    bench.run([ask(1, [*TOKENIZER.encode("Q" * 20 + FORCED)], gen(1))])
    assert bench.runner.computed - before <= 2
