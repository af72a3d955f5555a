"""Detokenising, stops and scoring by themselves."""

from __future__ import annotations

import random
import re

import pytest

from lmc.backend.base import Gen
from lmc.backend.engine import detokenize
from lmc.backend.engine.detokenize import Decoder, Detokenizer
from lmc.backend.engine.forecast import peak
from lmc.backend.engine.generation import Generation, sample_seed
from lmc.backend.engine.score import branches, num_nodes, plan_scoring
from lmc.backend.stops import UNBOUNDED, Stops, max_width
from lmc.errors import ConstraintError
from lmc.ir.sampling import Sampling
from tests.support.fake_engine import TOKENIZER
from tests.support.fake_model import EOS, FakeMatcher, FakeTokenizer

# --- detokenising --------------------------------------------------------------------------------------------


class SpaceTrimming(FakeTokenizer):
    """Like sentencepiece ones: the first space of what is decoded is lost, each byte of no character is U+FFFD."""

    is_byte_level = False

    def decode(self, ids: list[int] | tuple[int, ...]) -> str:
        data = b"".join(self.bytes_of[id] for id in ids)
        try:
            return data.decode().removeprefix(" ")
        except UnicodeDecodeError:
            return "".join(chr(b) if b < 128 else "\ufffd" for b in data).removeprefix(" ")


def test_characters_come_out_whole() -> None:
    """A character over three tokens shows when its last byte is there, and ends with it."""
    text = Detokenizer(Decoder(TOKENIZER))
    shown = []
    for byte in "a日b".encode():
        text.push(byte)
        shown.append(text.text)

    assert shown == ["a", "a", "a", "a日", "a日b"]
    assert text.ends == [1, 2, 2, 2, 3]


def test_bytes_that_are_no_character_come_out_at_last() -> None:
    """Held back while they might become one, then shown as they are; each has its own end."""
    text = Detokenizer(Decoder(TOKENIZER))
    for byte in (0xFF, 0x41, 0xE6):
        text.push(byte)
    assert (text.text, text.ends) == ("\ufffdA", [1, 2])
    text.finish()
    assert (text.text, text.ends) == ("\ufffdA\ufffd", [1, 2, 3])


def test_space_after_the_prompt_is_kept() -> None:
    """A tokenizer that trims a leading space sees a prompt token in front."""
    tokenizer = SpaceTrimming()
    text = Detokenizer(Decoder(tokenizer), tokenizer.encode("The answer is"))
    for id in tokenizer.encode(" yes, 日 no"):
        text.push(id)

    assert text.text == " yes, 日 no"


class Forgetful(Decoder):
    """Decodes every window anew."""

    def learned(self, front: detokenize.Front, id: int) -> detokenize.Added | None:
        """Nothing is said before the window has been decoded."""
        return None


@pytest.mark.parametrize("max_pairs", [1, 7, 1 << 17])
@pytest.mark.parametrize("tokenizer", [TOKENIZER, SpaceTrimming()], ids=["plain", "trimming"])
def test_what_is_remembered_of_pairs_changes_no_text(
    tokenizer: FakeTokenizer, max_pairs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many texts through one decoder, the same pairs again and again, some forgotten: each is what decoding says."""
    monkeypatch.setattr(detokenize, "MAX_PAIRS", max_pairs)
    rng, decoder = random.Random(5), Decoder(tokenizer)
    some = [*tokenizer.encode(" the answer ing日é"), 0xE6, EOS]
    for _ in range(60):
        ids, context = rng.choices(some, k=12), rng.choices(some, k=3)
        known, fresh = Detokenizer(decoder, context), Detokenizer(Forgetful(tokenizer), context)
        for id in ids:
            known.push(id)
            fresh.push(id)
        known.finish()
        fresh.finish()
        assert (known.text, known.ends) == (fresh.text, fresh.ends)


def test_short_way_says_what_the_long_one_says() -> None:
    """A token that ends nothing and whose pair is remembered: the same text, ids and count as by push and news."""
    ids = TOKENIZER.encode("the answer is the answer is the ab日 the ab日 ")
    short, long = make(Sampling(max_tokens=99)), make(Sampling(max_tokens=99))
    said, num_short = "", 0
    for _ in range(2):  # the second time every pair is known
        for id in ids:
            text = short.continued(id)
            num_short += text is not None
            if text is None:
                assert short.push(id) is None
                text, _, _ = short.news()
            said += text
            assert long.push(id) is None
            long.news()
            assert (short.ids, short.num_tokens, said) == (long.ids, long.num_tokens, long.text)
    assert num_short > len(ids)


@pytest.mark.parametrize("stop", [("the end",), ("\n\nQ:", "end."), ("x",)])
def test_short_way_with_stops_says_what_the_long_one_says(stop: tuple[str, ...]) -> None:
    """A stop, its beginning, and a beginning that comes to nothing: shown and cut as by push and news."""
    sampling = Sampling(max_tokens=99, stop=stop)
    short, long = make(sampling), make(sampling)
    num_short = 0
    for id in TOKENIZER.encode("the answer is no: the\n\nAnswer yes.\n\nQ, the egg, the end. x"):
        text, reason = short.continued(id), None
        num_short += text is not None
        if text is None:
            reason = short.push(id)
            text = short.end()[0] if reason else short.news()[0]
        assert long.push(id) == reason
        assert (long.end() if reason else long.news())[0] == text
        assert (short.ids, short.text) == (long.ids, long.text)
        if reason:
            break
    assert reason == "stop" and num_short > 15


@pytest.mark.parametrize("jumps", [True, False])
def test_short_way_under_a_constraint_says_what_the_long_one_says(jumps: bool) -> None:
    """What is forced, and the end, are left to the long way; a token that may not come is taken by neither."""
    options = (b"the answer is the end", b"the answer is yes, or no", b"the answer is yes")
    short, long = (make(Sampling(max_tokens=99), FakeMatcher(options, TOKENIZER, jumps=jumps)) for _ in range(2))
    ids, num_short, reason = TOKENIZER.encode("the answer is yes, or no"), 0, None
    assert short.jump() is None and long.jump() is None
    while reason is None:
        id = ids[len(long.ids)]
        if short.continued(id) is None:
            reason = short.push(id) or short.jump()
            short.news()
        else:
            num_short += 1
        assert (long.push(id) or long.jump()) == reason
        assert (short.ids, short.num_forced, short.text) == (long.ids, long.num_forced, long.text)
    assert reason == "constraint" and (jumps or num_short > 10)
    assert make(Sampling(max_tokens=9), FakeMatcher(options, TOKENIZER)).continued(ord("z")) is None


@pytest.mark.parametrize("seed", range(4))
def test_text_is_what_decode_says(seed: int) -> None:
    """Any ids, garbage included: text only grows, and is the whole's."""
    rng = random.Random(seed)
    ids = [rng.randrange(TOKENIZER.vocab_size) for _ in range(200)] + list("é日🙂".encode())
    rng.shuffle(ids)
    text, before = Detokenizer(Decoder(TOKENIZER)), ""
    for id in ids:
        text.push(id)
        assert text.text.startswith(before)
        before = text.text
    text.finish()

    assert text.text == TOKENIZER.decode(ids)
    assert len(text.ends) == len(ids) and text.ends == sorted(text.ends)


# --- stops ---------------------------------------------------------------------------------------------------


def test_first_stop_cuts() -> None:
    """Across what was searched before and what is new."""
    stops = Stops(("end", "d."), ())

    assert stops.find("the en", 3, 0) is None
    assert stops.find("the end.", 6, 0) == 4
    assert stops.find("road.", 3, 0) == 3


def test_held_back_is_what_a_stop_may_begin_with() -> None:
    """The longest such end, nothing more."""
    stops = Stops(("\n\nUser:", "\n\n"), ())

    assert [stops.safe(text) for text in ("ab", "ab\n", "ab\n\nUs", "ab\n\nUx")] == [2, 2, 2, 6]


@pytest.mark.parametrize(
    "pattern, width",
    [("a{2,5}", 5), ("[0-9]", 1), ("x|yyy", 3), ("a+", UNBOUNDED), ("a(?=b)", UNBOUNDED), ("a$", UNBOUNDED)],
)
def test_pattern_holds_back_its_width(pattern: str, width: int) -> None:
    """As much as a match could have begun before it is complete."""
    assert max_width(pattern) >= width
    assert (max_width(pattern) == width) or width == UNBOUNDED


@pytest.mark.parametrize("pattern", ["[xy]{3}", "ab?c", "q+u", "z(?=e)", r"\bno\b"])
def test_pattern_never_takes_back_text(pattern: str) -> None:
    """What was safe before is before every later cut."""
    rng = random.Random(pattern)
    for _ in range(200):
        stops, text, safe = Stops((), (pattern,)), "", 0
        for _ in range(12):
            old = len(text)
            text += "".join(rng.choices("abcqunoxyze ", k=rng.randrange(1, 4)))
            cut = stops.find(text, old, 0)
            if cut is not None:
                assert cut >= safe and re.search(pattern, text)
                break
            safe = max(safe, stops.safe(text))


# --- generation ----------------------------------------------------------------------------------------------


def make(sampling: Sampling, matcher: FakeMatcher | None = None) -> Generation:
    """A generation without a prompt."""
    return Generation(
        Gen(None, sampling),
        start=0,
        seed=0,
        max_tokens=sampling.max_tokens,
        eos_ids=TOKENIZER.eos_ids,
        decoder=Decoder(TOKENIZER),
        context=(),
        matcher=matcher,
    )


def feed(generation: Generation, text: str) -> str | None:
    """Push the text's bytes one by one until it ends."""
    for byte in text.encode():
        reason = generation.push(byte)
        if reason is not None:
            return reason
    return None


def test_stop_below_min_tokens_is_text() -> None:
    """A stop that is complete before them does not end, even where a longer one is searched later."""
    generation = make(Sampling(min_tokens=4, stop=("ab", "zzzzzzzz"), stop_regex=("[q]",)))

    assert feed(generation, "qabcdefab") == "stop"
    assert generation.text == "qabcdef"


def test_cut_inside_a_token_leaves_a_tail() -> None:
    """The kept ids end before it."""
    generation = make(Sampling(stop=("g",)))
    ing = TOKENIZER.encode("ing")[0]
    assert [generation.push(id) for id in (65, ing)] == [None, "stop"]

    assert (generation.text, generation.num_kept, generation.tail) == ("Ain", 1, "in")
    assert generation.end()[:2] == ("Ain", (65,))


def test_seeds_of_samples_differ() -> None:
    """Sample 0 uses the request's own; the others are spread over 64 bits and depend on both numbers."""
    seeds = {sample_seed(seed, sample) for seed in range(50) for sample in range(1, 50)}

    assert sample_seed(7, 0) == 7 and sample_seed(None, 0) == 0
    assert len(seeds) == 50 * 49 and all(0 <= seed < 1 << 64 for seed in seeds)


# --- scoring -------------------------------------------------------------------------------------------------


def test_stems_that_others_begin_with_need_no_row() -> None:
    """One-token choices and prefixes ride along; what choices begin with alike is scored in one row."""
    plan = plan_scoring("token_length_normalized", ((1,), (2,), (1, 2, 3), (1, 2), (5, 6)))

    assert plan.stems == ((1, 2), (5,))
    assert (plan.num_tokens, plan.num_scratch) == (4, 3)
    rows, ids = plan.picks()
    assert list(zip(rows, ids)) == [(0, 1), (0, 2), (0, 1), (1, 2), (2, 3), (0, 1), (1, 2), (0, 5), (3, 6)]


def test_token_length_normalized_takes_the_best_mean() -> None:
    """Long choices are not punished for their length; a tie goes to the first."""
    plan = plan_scoring("token_length_normalized", ((1,), (2, 3, 4), (5,)))
    scores = plan.decide([-2.0, -1.0, -1.5, -0.5, -1.0])

    assert (scores.index, scores.scores) == (1, (-2.0, -1.0, -1.0))
    assert scores.logprobs == ((-2.0,), (-1.0, -1.5, -0.5), (-1.0,))


def test_greedy_token_selection_goes_column_by_column() -> None:
    """Rows are padded with their own mean; who leads the first column alone wins, whatever follows."""
    plan = plan_scoring("greedy_token_selection", ((1, 2), (1, 3), (4,)))

    assert plan.decide([-1.0, -9.0, -1.0, -8.0, -2.0]).index == 1
    assert plan.decide([-1.0, -9.0, -1.0, -9.0, -2.0]).index == 0
    assert plan.decide([-1.5, -0.1, -1.5, -0.1, -1.0]).index == 2
    # (4,) is padded with -1.0 and beats both in the second column
    assert plan.decide([-1.0, -3.0, -1.0, -2.0, -1.0]).index == 2


def test_unconditional_likelihood_is_taken_off() -> None:
    """The first token's counts as 0."""
    plan = plan_scoring("unconditional_likelihood_normalized", ((1, 2), (3, 4), (5,)))
    assert plan.free == ((1,), (3,))
    scores = plan.decide([-1.0, -2.0, -1.0, -2.0, -1.2, -0.5, -4.0])

    assert scores.unconditional == ((0.0, -0.5), (0.0, -4.0), (0.0,))
    assert scores.scores == pytest.approx((-1.25, 0.5, -1.2))
    assert scores.index == 1


def test_what_stems_share_is_computed_once() -> None:
    """A row holds a stem from where it leaves the row before; every token of the tree is in one row."""
    stems = ((1, 2, 3, 4), (1, 2, 3, 5, 6), (1, 2, 7), (8,))

    assert list(branches(stems)) == [(stems[0], 0), (stems[1], 3), (stems[2], 2), (stems[3], 0)]
    assert num_nodes(stems) == 4 + 2 + 1 + 1


def test_every_beginning_has_the_row_behind_it() -> None:
    """Random choices: the picks are the tree's nodes in the order of the rows, against a walk over all of them."""
    rng = random.Random(1)
    for _ in range(100):
        choices = tuple(tuple(rng.randrange(3) for _ in range(rng.randrange(1, 6))) for _ in range(rng.randrange(1, 8)))
        plan = plan_scoring("exact", choices)
        behind: list[tuple[int, ...]] = [()]  # what each row of logits is behind
        for stem, shared in branches(plan.stems):
            behind += [stem[:end] for end in range(shared + 1, len(stem) + 1)]
        rows, ids = plan.picks()

        assert len(behind) == len(set(behind)) == plan.num_tokens
        assert [(*behind[row], token) for row, token in zip(rows, ids)] == [
            c[: j + 1] for c in choices for j in range(len(c))
        ]


def test_exact_needs_some_probability() -> None:
    """Choices that the model rules out have no distribution, and that is said; one of them is enough."""
    plan = plan_scoring("exact", ((1,), (2, 3)))
    nothing = float("-inf")

    with pytest.raises(ConstraintError, match="gives none of the choices any probability"):
        plan.decide([nothing, nothing, -1.0])
    assert plan.decide([nothing, -1.0, -2.0]).probabilities == (0.0, 1.0)


# --- forecast ------------------------------------------------------------------------------------------------


def test_peak_is_the_most_that_is_held_at_once() -> None:
    """Against a simulation, step by step."""
    rng = random.Random(0)
    for _ in range(200):
        count = rng.randrange(1, 8)
        held = [rng.randrange(30) for _ in range(count)]
        left = [rng.randrange(1, 20) for _ in range(count)]
        most = max(sum(h + t for h, n in zip(held, left) if n >= t) for t in range(1, 20))
        assert peak(held, left) >= most
        assert peak(held, left) <= max(most, sum(held) + 1)
