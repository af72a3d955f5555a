"""Jump-forward under a grammar in the engine, on the fake model: every limit holds on forced tokens."""

from __future__ import annotations

import pytest

from lmc.backend.base import SegmentEnd
from lmc.backend.masks.factory import ConstraintMasks
from lmc.backend.masks.jumps import Jump
from lmc.ir.constraint import Grammar
from tests.support.fake_engine import TOKENIZER, Bench, ask, failed, finished, gen, logprob_of, said
from tests.support.fake_model import VOCAB, FakeTokenizer

FORCED = "the answer is: "
GRAMMAR = Grammar('root ::= "the answer is: " ("yes" | "no") " " root | "the answer is: stop"')
ONE = Grammar('root ::= "(" root | "the answer is: 日本"')


class Spelling(FakeTokenizer):
    """The fake tokenizer, which says what its tokens are spelt like."""

    def vocab_bytes(self) -> list[bytes]:
        """The bytes of each token by id."""
        return self.bytes_of


def bench(jump: Jump = "exact", **options: object) -> Bench:
    return Bench(masks=ConstraintMasks(Spelling(), VOCAB, jump), **options)


def test_forced_tokens_ride_in_the_next_pass() -> None:
    """A pass for each decision, not one for each token."""
    counts = {}
    for jump in ("exact", "off"):
        engine = bench(jump)
        events = engine.run([ask(0, "Q", gen(60, constraint=GRAMMAR))])
        counts[jump] = engine.runner.passes, finished(events, 0).usage
    assert counts["exact"][1].forced_tokens > 20 and counts["off"][1].forced_tokens == 0
    assert counts["exact"][0] < counts["off"][0] / 2


@pytest.mark.parametrize("options", [{}, {"chunk_len": 1}, {"cache": False}], ids=str)
def test_log_probabilities_of_forced_tokens(options) -> None:
    """T13: they are the model's own and flagged, however the pass was cut."""
    requests = [ask(rid, "Q" * 5, gen(60, constraint=GRAMMAR, return_logprob=True), gen(3)) for rid in range(3)]
    events = bench(**options).run(requests)
    prompt = list(requests[0].prompt.ids)
    for end in (e for e in events if isinstance(e, SegmentEnd) and e.segment == 0):
        assert end.logprobs is not None and [t.id for t in end.logprobs] == list(end.ids)
        for at, token in enumerate(end.logprobs):
            assert token.logprob == pytest.approx(logprob_of([*prompt, *end.ids[:at]], token.id), abs=1e-5)
        assert [t.forced for t in end.logprobs[:4]] == [True] * 4
        assert not all(t.forced for t in end.logprobs)


@pytest.mark.parametrize("max_tokens", range(1, 20))
def test_max_tokens_counts_forced_tokens(max_tokens: int) -> None:
    """T8: never a token too many, and the reason is the length."""
    ((_, ids, reason),) = said(bench().run([ask(0, "Q", gen(max_tokens, constraint=GRAMMAR))]), 0)
    assert len(ids) == max_tokens and reason == "length"


def test_stop_strings_and_tokens_end_forced_text() -> None:
    """T8: found inside what is forced, cut there, and nothing behind is shown; a token that cuts a text is an error."""
    ((text, _, reason),) = said(bench().run([ask(0, "Q", gen(60, constraint=GRAMMAR, stop=("swer i",)))]), 0)
    assert reason == "stop" and text == "the an"
    cut = ask(1, "Q", gen(60, constraint=GRAMMAR, stop_token_ids=(ord(":"),)))
    assert failed(bench().run([cut]), 1).code == "constraint"


def test_samples_are_forks_that_share_what_is_forced() -> None:
    """Each of them says a text of the grammar, with its own decisions."""
    events = bench().run([ask(0, "Q", gen(200, constraint=GRAMMAR, temperature=1.0), n=4)])
    texts = [said(events, 0, sample)[0][0] for sample in range(4)]
    assert len(set(texts)) > 1
    for text in texts:
        *whole, last = text.split(FORCED)[1:]
        assert set(whole) <= {"yes ", "no "} and any(each.startswith(last) for each in ("yes ", "no ", "stop"))


def test_characters_of_many_bytes_come_whole() -> None:
    """T4, and what is forced to the end needs no model for it."""
    events = bench().run([ask(0, "Q", gen(200, constraint=ONE))])
    ((text, _, reason),) = said(events, 0)
    assert reason == "length" or text.endswith("the answer is: 日本")


def test_forced_tokens_are_published() -> None:
    """T15: the same forced text behind the same prompt is read from the cache."""
    engine = bench()
    engine.run([ask(0, "Q" * 20, gen(60, constraint=GRAMMAR))])
    before = engine.runner.computed
    engine.run([ask(1, [*TOKENIZER.encode("Q" * 20 + FORCED)], gen(1))])
    assert engine.runner.computed - before <= 4
