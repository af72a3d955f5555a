"""The engine, end to end on the fake model: what comes out is what the logits say, however it was computed."""

from __future__ import annotations

import random
import threading

import numpy as np
import pytest

from lmc.backend.base import Delta, Event, Failed, Finished, Forced, Request, Score, SegmentEnd
from lmc.ir.constraint import Choices, Constraint, Grammar
from lmc.ir.sampling import Sampling
from tests.support.fake_engine import (
    TOKENIZER,
    Bench,
    ask,
    assert_as_expected,
    expect,
    failed,
    finished,
    gen,
    said,
)
from tests.support.fake_model import VOCAB, FakeMatcher
from tests.support.rows import Row


class _Nothing(FakeMatcher):
    """Allows no token and is not done."""

    def mask(self) -> np.ndarray:
        return np.zeros_like(super().mask())

    def fork(self) -> FakeMatcher:
        return self


LONG = "Tell the story of the long red house, and the answer is: " * 7


FORCED = ("the answer is: yes, and that is a long way", "the answer is: no! 789 stop", "the answer is: no! 799 abc日")


def mixed(seed: int = 0, count: int = 24) -> list[Request]:
    """Requests of every kind over a few shared beginnings."""
    rng = random.Random(seed)
    requests = []
    for rid in range(count):
        prompt = TOKENIZER.encode(LONG[: rng.choice([40, 130, 260])] + f"Q{rng.randrange(6)}")
        sampled = gen(rng.randrange(1, 30), temperature=1.0, seed=rng.randrange(99), stop=("a", "the "))
        out = rng.choice(
            [
                (gen(rng.randrange(1, 24)),),
                (sampled,),
                (gen(6, stop_regex=("[e-g]",)), Forced(tuple(TOKENIZER.encode("Answer: ing"))), sampled),
                (Score(None, ("ab", "abc", "Answer yes", "zz")), gen(4)),
                (gen(5), Score(None, ("one", "only the two")), gen(3, ignore_eos=True)),
                (gen(20, constraint=Choices(("the abc", "abc", "ab"))), gen(2)),
                (gen(rng.randrange(3, 40), constraint=Choices(FORCED), return_logprob=rng.random() < 0.5), gen(2)),
                (gen(30, constraint=Choices(FORCED), stop=("stop",)), gen(2)),
                (gen(9, min_tokens=5, stop_token_ids=(65, 97)),),
            ]
        )
        requests.append(ask(rid, prompt, *out, n=rng.choice([1, 1, 3])))
    return requests


# --- one answer, many ways to compute it -------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"cache": False},
        {"chunk_len": 1},
        {"chunk_len": 7, "token_budget": 20, "max_running": 5},
        {"chunk_len": 64},
        {"page_size": 4},
        {"page_size": 16, "chunk_len": 7},
        {"page_size": 4, "cache": False},
        {"num_slots": 420},
        {"num_slots": 416, "page_size": 8, "chunk_len": 13},
        {"num_slots": 420, "cache": False, "chunk_len": 32},
        {"max_running": 1},
    ],
    ids=str,
)
def test_results_do_not_depend_on_how_they_are_computed(options: dict[str, object]) -> None:
    """Cache, chunks, pages, pool, batch: every token is the one that the logits of its prefix give."""
    requests = mixed(count=14 if options.get("chunk_len") == 1 else 24)
    assert_as_expected(Bench(**options).run(requests), requests)  # type: ignore[arg-type]


def test_requests_alone_say_what_they_say_in_a_batch() -> None:
    """Batch of eight equals eight alone."""
    requests = mixed(3, 8)
    together = Bench().run(requests)
    for request in requests:
        alone = Bench().run([request])
        for sample in range(request.n):
            assert said(alone, request.rid, sample) == said(together, request.rid, sample)


def test_requests_that_need_no_pass_are_no_standstill() -> None:
    """However many of them end at once, a resident prompt is scored after them."""
    bench = Bench()
    requests = [ask(0, "The answer: ", gen(1)), *(ask(rid, "The answer: ", gen(0)) for rid in range(1, 6))]
    requests.append(ask(6, "The answer: ", Score(None, ("a", "b"))))
    for request in requests:
        assert not any(isinstance(event, Failed) for event in bench.run([request]))


def test_retraction_does_not_change_what_is_said() -> None:
    """A pool too small for all, and requests that turn out longer than expected."""
    requests = [ask(i, LONG[:60] + f"#{i}", gen(120, ignore_eos=True, return_logprob=True)) for i in range(8)]
    bench = Bench(num_slots=400)
    events = bench.run(requests)

    assert bench.session.counters().retractions > 0
    assert_as_expected(events, requests)
    roomy = Bench().run(requests)
    logprobs = [[e.logprobs for e in run if isinstance(e, SegmentEnd)] for run in (events, roomy)]
    assert sorted(map(str, logprobs[0])) == sorted(map(str, logprobs[1]))


@pytest.mark.depth1("counts computed tokens: running ahead, a row that is void is computed too")
def test_retracted_sequence_finds_its_own_prefix() -> None:
    """What was computed before a retraction is read from the tree, not sampled or computed again."""
    bench = Bench()
    bench.session.submit([ask(0, LONG, gen(40, ignore_eos=True))])
    events = [event for _ in range(20) for event in bench.step()]
    computed = bench.runner.computed
    bench.retract(lambda running: running[0])
    events += bench.finish()

    assert_as_expected(events, [ask(0, LONG, gen(40, ignore_eos=True))])
    assert bench.runner.computed - computed == 40 - 20
    assert finished(events, 0).usage.computed_tokens == len(TOKENIZER.encode(LONG))


# --- counts --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunk_len", [64, 512])
def test_shared_prefix_is_computed_once(chunk_len: int) -> None:
    """N requests at once: prompt tokens computed are those of the prefix tree, and one more a request at most."""
    shared = TOKENIZER.encode(LONG)[:400]
    assert len(shared) < 401
    prompts = [[*shared, *TOKENIZER.encode(f"Q{i % 5}: number {i % 5}")] for i in range(20)]
    bench = Bench(chunk_len=chunk_len)
    events = bench.run([ask(i, prompt, gen(3)) for i, prompt in enumerate(prompts)])

    distinct = len({tuple(prompt[: n + 1]) for prompt in prompts for n in range(len(prompt))})
    counters = bench.session.counters()
    assert distinct <= counters.computed_tokens <= distinct + len(prompts)
    assert counters.computed_tokens == sum(finished(events, i).usage.computed_tokens for i in range(20))
    assert counters.prompt_tokens == sum(map(len, prompts)) == counters.cached_tokens + counters.computed_tokens
    assert bench.runner.computed == counters.computed_tokens + counters.output_tokens - 20
    assert counters.waited_for_claim > 0


def test_samples_share_the_prompt() -> None:
    """n samples compute it once, and its last token once more each."""
    bench = Bench()
    request = ask(0, LONG, gen(6, temperature=1.0, seed=5), n=5)
    events = bench.run([request])

    assert_as_expected(events, [request])
    usages = [finished(events, 0, sample).usage for sample in range(5)]
    assert [usage.computed_tokens for usage in usages] == [len(request.prompt.ids), 1, 1, 1, 1]
    assert len({said(events, 0, sample)[0][1] for sample in range(5)}) > 1


def test_continuation_hits_what_was_generated() -> None:
    """Generated tokens are published: the next turn computes the last sampled one and its own."""
    bench = Bench()
    events = bench.run([ask(0, LONG, gen(12, ignore_eos=True))])
    state = [*TOKENIZER.encode(LONG), *said(events, 0)[0][1]]
    events = bench.run([ask(1, [*state, *TOKENIZER.encode(" next")], gen(2))])

    assert finished(events, 1).usage.computed_tokens == 1 + len(TOKENIZER.encode(" next"))


@pytest.mark.parametrize("page_size, again", [(1, 1), (16, 16)])
def test_full_hit_recomputes_the_last_page_only(page_size: int, again: int) -> None:
    """A prompt that is resident to its last token, and ends on a page: the logits have to come from somewhere."""
    prompt = TOKENIZER.encode(LONG)[: 16 * 12]
    bench = Bench(page_size=page_size)
    bench.run([ask(0, prompt, gen(1))])
    events = bench.run([ask(1, prompt, gen(4))])

    assert finished(events, 1).usage.computed_tokens == again
    assert said(events, 1) == expect(ask(1, prompt, gen(4)))


def test_namespaces_share_nothing() -> None:
    """The same prompt in another namespace is computed again."""
    bench = Bench()
    bench.run([ask(0, LONG, gen(2))])
    bench.session = bench.open("salt")
    events = bench.run([ask(0, LONG, gen(2))])

    assert finished(events, 0).usage.cached_tokens == 0


def test_cache_off_computes_every_prompt() -> None:
    """And keeps nothing."""
    bench = Bench(cache=False)
    events = bench.run([ask(i, LONG, gen(2)) for i in range(3)])

    assert [finished(events, i).usage.cached_tokens for i in range(3)] == [0, 0, 0]
    assert bench.engine.cache.pool.num_free == bench.engine.cache.pool.num_slots


def test_prompt_alone_can_be_computed() -> None:
    """A request without segments warms the cache."""
    bench = Bench(chunk_len=50)
    events = bench.run([ask(0, LONG)])
    assert finished(events, 0).usage.computed_tokens == len(TOKENIZER.encode(LONG))

    assert finished(bench.run([ask(1, LONG + "!", gen(1))]), 1).usage.computed_tokens == 1


# --- refusals and failures -----------------------------------------------------------------------------------


def test_too_long_prompt_is_refused_with_the_numbers() -> None:
    """The rest of the batch completes."""
    bench = Bench(max_len=100)
    good = ask(1, "short", gen(3))
    events = bench.run([ask(0, "y" * 100, gen(3)), good])

    fail = failed(events, 0)
    assert (fail.code, fail.retryable) == ("prompt_too_long", False)
    assert "100" in fail.message and fail.help
    assert said(events, 1) == expect(good)


def test_request_larger_than_the_pool_is_refused() -> None:
    """Its peak is prompt and output of one sample."""
    bench = Bench(num_slots=64)
    fits = ask(1, "y" * 32, gen(32, ignore_eos=True), n=3)
    events = bench.run([ask(0, "y" * 32, gen(33)), fits])

    fail = failed(events, 0)
    assert fail.code == "pool_too_small"
    assert "65" in fail.message and "64" in fail.message and fail.help
    assert_as_expected([e for e in events if e.rid == 1], [fits])


def test_output_is_clamped_to_the_model() -> None:
    """What fits is generated, reason `length`; a later segment keeps its room."""
    bench = Bench(max_len=60)
    events = bench.run(
        [ask(0, "y" * 50, gen(500, ignore_eos=True)), ask(1, "y" * 50, gen(99, ignore_eos=True), Forced((65, 66)))]
    )

    assert (len(said(events, 0)[0][1]), said(events, 0)[0][2]) == (10, "length")
    assert [len(ids) for _, ids, _ in said(events, 1)] == [8, 2]


@pytest.mark.parametrize(
    "request_, code",
    [
        (ask(0, [], gen(1)), "empty_prompt"),
        (ask(0, [VOCAB], gen(1)), "bad_token"),
        (ask(0, "x", Forced((-1,))), "bad_token"),
        (ask(0, "x", Score(None, ("a", ""))), "empty_choice"),
        (ask(0, "x", Score(None, ())), "empty_choice"),
        (ask(0, "x", Score(None, ("a", "b"), ids=((1,), (10_000,)))), "bad_token"),
        (ask(0, "x", gen(3, stop_regex=("(",))), "stop_regex"),
        (ask(0, "x" * 40, Score(None, ("y" * 400,))), "prompt_too_long"),
        (ask(0, "x" * 40, Score(None, tuple(f"{i} {'y' * 50}" for i in range(9)))), "pool_too_small"),
    ],
)
def test_hopeless_request_is_answered_not_raised(request_: Request, code: str) -> None:
    """Each with its own code, and without a trace in the engine."""
    bench = Bench(num_slots=256, max_len=300)

    assert failed(bench.run([request_]), 0).code == code
    assert bench.runner.passes == 0


def test_runner_error_fails_only_the_culprit() -> None:
    """The batch is tried again row by row; nothing leaks."""
    bench = Bench()
    requests = [ask(i, LONG[: 50 + i], gen(6)) for i in range(4)]
    bad = ask(9, "bad " + LONG[:60], gen(5), n=2)
    culprit = TOKENIZER.encode("bad ")[0]

    def fails(row: Row) -> bool:
        return row.start == 0 and row.tokens[0] == culprit

    bench.runner.fail_when = fails
    events = bench.run([*requests, bad])

    assert {failed(events, 9, sample).code for sample in range(2)} == {"engine_error"}
    assert_as_expected([e for e in events if e.rid != 9], requests)


def test_error_of_the_moment_fails_nobody() -> None:
    """A pass that fails once and works row by row costs time only."""
    bench = Bench()
    requests = mixed(5, 10)
    bench.runner.fail_when = lambda row: bench.runner.passes in (2, 40)

    assert_as_expected(bench.run(requests), requests)


# --- constraints ---------------------------------------------------------------------------------------------


def test_constraint_that_cannot_be_compiled_fails_the_request() -> None:
    """With the reason and the help of the compiler."""
    bench = Bench()
    bad = Request(0, ask(0, "x").prompt, (gen(3), gen(4)), n=2)
    bad = Request(0, bad.prompt, (gen(3, constraint=Grammar("root ::= x")),), n=2)  # type: ignore[arg-type]
    events = bench.run([bad])

    assert [failed(events, 0, s).code for s in range(2)] == ["constraint"] * 2
    assert failed(events, 0).help == "use choices"


def test_constraint_is_compiled_once_for_all_samples() -> None:
    """They fork one matcher."""
    bench = Bench()
    options = Choices(("the abc", "abc", "Answer"))
    request = ask(0, LONG, gen(9, constraint=options, temperature=1.0, seed=1), n=6)
    events = bench.run([request])

    assert_as_expected(events, [request])
    assert bench.masks.made == 1
    assert {said(events, 0, s)[0][0] for s in range(6)} <= set(options.options)


def test_nothing_allowed_fails_the_request() -> None:
    """A token id of -1 from the sampler is no token."""
    bench = Bench()
    events = bench.run([ask(0, "x", gen(5, constraint=Choices(("a",)), stop_token_ids=(97,), min_tokens=3))])
    # the only allowed token is also a stop token below min_tokens: it may come, and the text is not whole without it
    assert failed(events, 0).code == "constraint"

    bench.masks.make = lambda constraint: _Nothing((b"zz",), TOKENIZER, jumps=False)  # type: ignore[method-assign]
    assert failed(bench.run([ask(1, "x", gen(5, constraint=Choices(("a",))))]), 1).code == "constraint"


def test_min_tokens_cannot_hold_a_finished_constraint_open() -> None:
    """It ends short of min_tokens, and does not deadlock."""
    bench = Bench()
    events = bench.run([ask(0, "x", gen(30, min_tokens=20, constraint=Choices(("ab", "abc"))))])

    assert said(events, 0)[0][0] in ("ab", "abc")


def test_length_ends_a_constraint_in_the_middle() -> None:
    """max_tokens is kept."""
    events = Bench().run([ask(0, "x", gen(2, constraint=Choices(("Qzzzzzz",))))])

    assert said(events, 0) == [("Qz", (81, 122), "length")]


# --- stops and text ------------------------------------------------------------------------------------------


def test_stop_string_is_cut_and_never_shown() -> None:
    """Over several tokens or inside one: Deltas hold back what may become a stop."""
    for seed in range(12):
        request = ask(0, f"s{seed}", gen(60, temperature=1.0, seed=seed, stop=("ng", "e", "\n", "st")))
        events = Bench().run([request])
        assert_as_expected(events, [request])
        assert "ng" not in "".join(e.text for e in events if isinstance(e, Delta))


def test_tail_of_a_cut_token_goes_on_in_the_next_segment() -> None:
    """`ing` cut at `g`: `in` is encoded anew."""
    bench = Bench()
    ing, then = TOKENIZER.encode("ing")[0], tuple(TOKENIZER.encode("!"))
    options = Choices(("ingot",))
    events = bench.run([ask(0, "x", gen(9, constraint=options, stop=("g",)), Forced(then), gen(1))])
    end = next(e for e in events if isinstance(e, SegmentEnd))

    assert end.text == "in" and end.reason == "stop"
    assert TOKENIZER.decode(end.ids) + end.tail == "in"
    assert ing not in end.ids
    whole = [*TOKENIZER.encode("x"), *TOKENIZER.encode("in"), *then, *said(events, 0)[2][1]]
    assert bench.engine.cache.peek("", np.asarray(whole, np.int32)) >= len(whole) - 1


def test_logprobs_come_for_the_ids_that_stay() -> None:
    """Chosen first, with the likeliest beside it."""
    events = Bench().run([ask(0, "x", gen(6, return_logprob=True, top_logprobs_num=2, stop=("e",)))])
    end = next(e for e in events if isinstance(e, SegmentEnd))

    assert end.logprobs is not None
    assert tuple(entry.id for entry in end.logprobs) == end.ids
    assert all(len(entry.top) == 2 for entry in end.logprobs)


def test_zero_tokens_is_a_length() -> None:
    """Nothing is computed for it."""
    bench = Bench()
    assert said(bench.run([ask(0, "x", gen(0))]), 0) == [("", (), "length")]
    assert bench.runner.passes == 0


# --- sessions ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("when", range(14))
def test_abort_in_any_state_leaves_nothing(when: int) -> None:
    """Queued, blocked, in the middle of a chunk, decoding, scoring: one Failed a sample, and the others go on."""
    bench = Bench(chunk_len=60)
    others = [ask(i, LONG[:300] + str(i), gen(5)) for i in range(1, 4)]
    bench.session.submit([ask(0, LONG, gen(4, ignore_eos=True), Score(None, ("ab", "zz")), gen(3), n=2), *others])
    events = [event for _ in range(when) for event in bench.step()]
    bench.session.abort(0, "enough")
    bench.engine.cache.check()
    events += bench.finish()

    assert_as_expected([e for e in events if e.rid], others)
    ends = [e for e in events if isinstance(e, Finished | Failed) and e.rid == 0]
    assert sorted(e.sample for e in ends) == [0, 1]
    assert all(e.code == "aborted" and e.message == "enough" for e in ends if isinstance(e, Failed))


def test_sessions_keep_their_events_apart() -> None:
    """Any session's step moves all; each gets its own."""
    bench = Bench()
    other = bench.open()
    bench.session.submit([ask(0, "one", gen(3))])
    other.submit([ask(0, "two", gen(3))])
    mine: list[Event] = []
    while bench.engine.has_work:
        mine += bench.step()
    theirs = other.step(0)

    assert said(mine, 0) == expect(ask(0, "one", gen(3)))
    assert said(theirs, 0) == expect(ask(0, "two", gen(3)))


def test_close_aborts_what_is_left() -> None:
    """The slots come back, another session goes on."""
    bench = Bench()
    other = bench.open()
    other.submit([ask(0, LONG, gen(9)), ask(1, "q", gen(2))])
    bench.session.submit([ask(0, LONG + "x", gen(3))])
    bench.step()
    other.close()

    assert [e.code for e in other.step() if isinstance(e, Failed)] == ["aborted", "aborted"]
    assert said(bench.finish(), 0) == expect(ask(0, LONG + "x", gen(3)))


def test_wake_and_submission_end_a_wait() -> None:
    """From another thread."""
    bench = Bench()
    got: list[list[Event]] = []
    for call in (bench.session.wake, lambda: bench.session.submit([ask(0, "x", gen(1))])):
        thread = threading.Thread(target=lambda: got.append(bench.session.step(30)))
        thread.start()
        call()
        thread.join(10)
        assert not thread.is_alive()
    assert got[0] == []


def test_sampling_defaults_run() -> None:
    """temperature 1, no seed: seed 0."""
    request = Request(0, ask(0, "x").prompt, (gen(5, temperature=Sampling().temperature),))
    assert said(Bench().run([request]), 0) == expect(request)


def test_a_constraint_that_compiles_holds_nobody_up() -> None:
    """Another session runs to its end meanwhile; who asked gets what the constraint says."""
    bench = Bench()
    real, compiling, go_on = bench.masks.make, threading.Event(), threading.Event()

    def slow(constraint: Constraint) -> FakeMatcher:
        compiling.set()
        assert go_on.wait(60)
        return real(constraint)

    bench.masks.make = slow  # type: ignore[method-assign]
    other = bench.open()
    constrained, plain = ask(0, "Q: ", gen(9, constraint=Choices(("the abc",)))), ask(0, "Q: ", gen(9))
    asking = threading.Thread(target=other.submit, args=([constrained],))
    asking.start()
    assert compiling.wait(60)

    assert_as_expected(bench.run([plain]), [plain])
    go_on.set()
    asking.join(60)
    events = other.step(0)
    while bench.engine.has_work:
        events += other.step(0)
    assert_as_expected(events, [constrained])
