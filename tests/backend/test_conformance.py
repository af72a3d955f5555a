"""What every backend promises at the waist, whatever is behind it. A new backend is one line in BACKENDS.

Nothing here knows what a model says; it knows what may be said, in which events and in which order.
"""

from __future__ import annotations

import json
import re
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from lmc.backend.base import (
    Backend,
    ChoicesMethod,
    Delta,
    Event,
    Failed,
    Finished,
    Forced,
    Gen,
    PrefixHint,
    Prompt,
    Request,
    Score,
    Segment,
    SegmentEnd,
    Session,
)
from lmc.backend.echo import EchoBackend
from lmc.codes import EMPTY
from lmc.ir.constraint import Choices, Grammar, Lark
from lmc.ir.sampling import Sampling
from lmc.parser.regex.parse import parse_regex
from lmc.parser.schema.parse import parse_schema
from lmc.parser.structural_tag import parse_structural_tag
from lmc.parser.tools import parse_tool_calls
from scripts.support.checkpoint import tiny_checkpoint


def _cpu(**options: int) -> Backend:
    """The engine, on a small random-weight checkpoint."""
    from lmc.backend.local import CpuBackend

    folder = Path(tempfile.mkdtemp(prefix="lmc-conformance-"))
    return CpuBackend(tiny_checkpoint(folder, "qwen3"), dtype="fp32", num_slots=4096, **options)


BACKENDS: dict[str, Callable[[], Backend]] = {
    "echo": EchoBackend,
    "echo_streaming": lambda: EchoBackend(chunks=4),
    "echo_shuffled": lambda: EchoBackend(shuffle=3, delay=5),
    "echo_clock": lambda: EchoBackend(delay_s=0.002),
    "cpu": _cpu,
    "cpu_small_chunks": lambda: _cpu(chunk_len=7, page_size=4),
}
PATIENCE_S = 30.0  # a backend that is still silent then has lost a request
METHODS: list[ChoicesMethod] = [
    "exact",
    "token_length_normalized",
    "greedy_token_selection",
    "unconditional_likelihood_normalized",
]


@pytest.fixture(params=list(BACKENDS), scope="module")
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    """One backend of each kind, kept for all tests: sessions are what tests do not share."""
    made = BACKENDS[request.param]()
    yield made
    made.close()


@pytest.fixture
def session(backend: Backend) -> Iterator[Session]:
    opened = backend.open()
    yield opened
    opened.close()


# --- asking ----------------------------------------------------------------------------------------------

GREEDY = Sampling(max_tokens=24, temperature=0.0)
SAMPLED = Sampling(max_tokens=24, seed=7)


def ask(session: Session, rid: int, *out: Segment, text: str = "Once upon a time ", n: int = 1) -> Request:
    """A request for `out` after `text`."""
    return Request(rid, Prompt(tuple(session.tokenizer.encode(text))), out, n=n)


def answers(session: Session, requests: Sequence[Request]) -> list[Event]:
    """Submit, then step until every sample has ended."""
    session.submit(list(requests))
    return drain(session, sum(request.n for request in requests))


def drain(session: Session, num_samples: int) -> list[Event]:
    """Step until `num_samples` more samples have ended."""
    events: list[Event] = []
    until = time.monotonic() + PATIENCE_S
    while sum(is_end(e) for e in events) < num_samples:
        assert time.monotonic() < until, f"silent after {events[-3:]}"
        events += session.step(0.1)
    return events


def answer(session: Session, *out: Segment, text: str = "Once upon a time ") -> list[SegmentEnd]:
    """The segment ends of a single request, which must not fail."""
    events = answers(session, [ask(session, 0, *out, text=text)])
    assert not [e for e in events if isinstance(e, Failed)]
    return segment_ends(events)


def failure(session: Session, *out: Segment) -> Failed:
    """The Failed of a single request, which must fail."""
    event = answers(session, [ask(session, 0, *out)])[-1]
    assert isinstance(event, Failed), event
    return event


def is_end(event: Event) -> bool:
    return isinstance(event, Finished | Failed)


def segment_ends(events: Sequence[Event]) -> list[SegmentEnd]:
    return [e for e in events if isinstance(e, SegmentEnd)]


def of_sample(events: Sequence[Event], rid: int, sample: int = 0) -> list[Event]:
    return [e for e in events if (e.rid, e.sample) == (rid, sample)]


# --- events ----------------------------------------------------------------------------------------------


def test_every_sample_ends_exactly_once(session: Session) -> None:
    """Many requests at once, several samples each: one Finished or Failed for each and nothing after it."""
    requests = [ask(session, rid, Gen(None, SAMPLED), text=f"Number {rid}: ", n=1 + rid % 3) for rid in range(20)]
    events = answers(session, requests)
    ends = Counter((e.rid, e.sample) for e in events if is_end(e))

    assert ends == Counter((r.rid, sample) for r in requests for sample in range(r.n))
    assert all(is_end(of_sample(events, rid, sample)[-1]) for rid, sample in ends)
    assert session.step(0.0) == []


def test_recorded_passes_add_up_to_what_each_sample_cost(session: Session) -> None:
    """A row for each pass of a sample; without being asked no pass is recorded."""
    before = [ask(session, rid, Gen(None, SAMPLED)) for rid in range(3)]
    answers(session, before)
    assert session.take_passes() == []
    session.record_passes(10_000)
    requests = [
        ask(session, 10 + rid, Gen(None, SAMPLED), text=f"Number {rid % 3}: ", n=1 + rid % 2) for rid in range(8)
    ]
    events = answers(session, [*requests, ask(session, 30, Gen(None, GREEDY), Score(None, ("yes", "no")))])
    passes = session.take_passes()
    found: dict[tuple[int, int], Counter[str]] = {}
    for row in (row for each in passes for row in each.rows):
        cost = {"cached": row.cached_tokens, "computed": row.computed_tokens, "output": row.output_tokens}
        found.setdefault((row.rid, row.sample), Counter()).update(cost)
    cost_of = {
        (e.rid, e.sample): Counter(
            cached=e.usage.cached_tokens, computed=e.usage.computed_tokens, output=e.usage.output_tokens
        )
        for e in events
        if isinstance(e, Finished)
    }

    assert found == cost_of
    assert [each.number for each in passes] == list(range(len(passes)))
    assert all(one.begin_s + one.seconds <= two.begin_s + 1e-9 for one, two in pairwise(passes))
    session.record_passes(0)
    answers(session, [ask(session, 50, Gen(None, SAMPLED))])
    assert session.take_passes() == []


def test_events_of_a_sample_come_in_order(session: Session) -> None:
    """Per segment its Deltas, then its SegmentEnd; segments one after another; Finished last."""
    forced = Forced(tuple(session.tokenizer.encode(" and ")))
    request = ask(session, 5, Gen("a", SAMPLED), forced, Score("b", ("yes", "no")), Gen("c", SAMPLED), n=2)
    events = answers(session, [request])

    for sample in range(2):
        own = of_sample(events, 5, sample)
        *parts, last = own
        order = [(e.segment, isinstance(e, SegmentEnd)) for e in parts if isinstance(e, Delta | SegmentEnd)]
        assert isinstance(last, Finished)
        assert len(order) == len(parts)
        assert order == sorted(order)
        assert [e.segment for e in segment_ends(own)] == [0, 1, 2, 3]


def test_deltas_add_up_to_the_segment(session: Session) -> None:
    """Text that was streamed is never taken back, and none is missing."""
    forced = Forced(tuple(session.tokenizer.encode(" -> ")))
    out = (
        Gen("a", SAMPLED),
        forced,
        Score("b", ("left", "right")),
        Gen("c", Sampling(max_tokens=40, stop=("e",), seed=1)),
    )
    events = answers(session, [ask(session, 0, *out)])
    streamed: dict[int, str] = {}
    for event in events:
        if isinstance(event, Delta):
            streamed[event.segment] = streamed.get(event.segment, "") + event.text

    assert {i: text for i, text in streamed.items() if text} == {
        e.segment: e.text for e in segment_ends(events) if e.text
    }


def test_ids_and_tail_are_the_text(session: Session) -> None:
    """What stays in the state reads as what the program reads."""
    for stop in ((), ("a",), ("er", " ")):
        (end,) = answer(session, Gen(None, Sampling(max_tokens=30, stop=stop, seed=3)))
        assert session.tokenizer.decode(end.ids) + end.tail == end.text


# --- length and stops ------------------------------------------------------------------------------------


@pytest.mark.parametrize("max_tokens", [1, 2, 16])
def test_max_tokens_is_kept(session: Session, max_tokens: int) -> None:
    """No more ids than asked for; who reaches the limit says so."""
    (end,) = answer(session, Gen(None, Sampling(max_tokens=max_tokens, seed=1)))

    assert len(end.ids) <= max_tokens
    assert end.reason in ("length", "eos")


def test_min_tokens_is_kept(session: Session) -> None:
    """Nothing ends by itself before it."""
    (end,) = answer(session, Gen(None, Sampling(max_tokens=90, min_tokens=80, seed=1)))

    assert 80 <= len(end.ids) <= 90


def test_ignore_eos_runs_to_the_limit(session: Session) -> None:
    """Without an end token only the limit ends it."""
    (end,) = answer(session, Gen(None, Sampling(max_tokens=200, ignore_eos=True, seed=1)))

    assert (len(end.ids), end.reason) == (200, "length")


def test_text_ends_before_a_stop_string(session: Session) -> None:
    """The stop is cut off, and the reason is `stop` only if it came."""
    stops = ("e", "a", "\n", "o")
    for seed in range(8):
        (end,) = answer(session, Gen(None, Sampling(max_tokens=60, stop=stops, seed=seed)))
        assert not any(stop in end.text for stop in stops)


def test_text_ends_before_a_stop_pattern(session: Session) -> None:
    """The match is cut off."""
    for seed in range(8):
        (end,) = answer(session, Gen(None, Sampling(max_tokens=60, stop_regex=("[aeiou]",), seed=seed)))
        assert not re.search("[aeiou]", end.text)


def test_stop_token_is_cut_off(session: Session) -> None:
    """A stop token ends the text and does not stay."""
    vowels = tuple(session.tokenizer.encode("aeiou"))
    for seed in range(4):
        (end,) = answer(session, Gen(None, Sampling(max_tokens=60, stop_token_ids=vowels, seed=seed)))
        assert not set(end.ids) & set(vowels)


def test_invalid_stop_pattern_fails_the_request(session: Session) -> None:
    """A pattern that is none is the request's failure; nothing raises."""
    assert failure(session, Gen(None, Sampling(stop_regex=("(",), seed=1))).message


# --- constraints -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pattern", ["[0-9]{1,3}", "(yes|no|maybe)!?", r"\d{4}-\d{2}", "[a-f]+x", "é?(ü|🙂)", "a*b*", "[^a-z\\s]{2}"]
)
def test_regex_holds(session: Session, pattern: str) -> None:
    """Whatever comes out and was not cut matches as `re.fullmatch` would."""
    constraint = parse_regex(pattern)
    for seed in range(4):
        (end,) = answer(session, Gen(None, Sampling(max_tokens=60, seed=seed), constraint))
        assert end.reason == "length" or re.fullmatch(pattern, end.text), end


def test_choices_hold(session: Session) -> None:
    """One of the options, whole."""
    options = ("red", "green", "dark green", "é")
    for seed in range(6):
        (end,) = answer(session, Gen(None, Sampling(max_tokens=32, seed=seed), Choices(options)))
        assert end.text in options


def test_json_schema_holds(session: Session) -> None:
    """An object with its required properties and their types."""
    schema = {
        "type": "object",
        "properties": {
            "name": {"type": "string", "maxLength": 8},
            "age": {"type": "integer", "minimum": 0, "maximum": 99},
        },
        "required": ["name", "age"],
        "additionalProperties": False,
    }
    for seed in range(4):
        (end,) = answer(session, Gen(None, Sampling(max_tokens=120, seed=seed), parse_schema(schema)))
        if end.reason == "length":
            continue
        value = json.loads(end.text)
        assert set(value) == {"name", "age"}
        assert isinstance(value["name"], str) and len(value["name"]) <= 8
        assert isinstance(value["age"], int) and 0 <= value["age"] <= 99


@pytest.mark.parametrize("grammar", [Grammar('root ::= "yes" | "no"'), Lark('start: "yes" | "no"')])
def test_grammar_holds_or_fails_with_a_word(backend: Backend, session: Session, grammar: Grammar | Lark) -> None:
    """A backend whose Caps leave grammars out says so in a Failed."""
    gen = Gen(None, SAMPLED, grammar)
    if "grammar" in backend.caps.constraints:
        (end,) = answer(session, gen)
        assert end.text in ("yes", "no")
    else:
        failed = failure(session, gen)
        assert (failed.code, failed.retryable) == ("constraint", False)
        assert "grammar" in failed.message


def test_structural_tag_holds_or_fails_with_a_word(backend: Backend, session: Session) -> None:
    """Its control tokens come by id, and stand in the text."""
    schema = {"type": "json_schema", "json_schema": {"type": "integer", "minimum": 1, "maximum": 999}}
    format = {"type": "tag", "begin": "<|im_start|>n=", "content": schema, "end": "<|im_start|>"}
    tag = parse_structural_tag({"type": "structural_tag", "format": format})
    if "structural_tag" not in backend.caps.constraints:
        assert "structural tags" in failure(session, Gen(None, SAMPLED, tag)).message
        return
    (mark,) = session.tokenizer.encode("<|im_start|>", control=True)
    for seed in range(3):
        (end,) = answer(session, Gen(None, Sampling(max_tokens=24, seed=seed), tag))
        assert re.fullmatch(r"<\|im_start\|>n=[1-9][0-9]{0,2}<\|im_start\|>", end.text), end
        assert [id for id in end.ids if id == mark] == [mark] * 2 and end.ids[0] == end.ids[-1] == mark


@pytest.mark.parametrize("choice", ["auto", "required", "now"])
def test_tool_calls_hold_or_fail_with_a_word(backend: Backend, session: Session, choice: str) -> None:
    """A call of the tool that there is, or with `auto` any text."""
    calls = parse_tool_calls([{"name": "now"}], format="qwen_3", choice=choice, parallel=False)
    gen = Gen(None, Sampling(max_tokens=60, seed=2), calls)
    if "structural_tag" not in backend.caps.constraints:
        assert "tool calls" in failure(session, gen).message
        return
    (end,) = answer(session, gen)
    assert choice == "auto" or end.text == '<tool_call>\n{"name": "now", "arguments": {}}\n</tool_call>'


def test_empty_language_fails_the_request(session: Session) -> None:
    """A pattern that nothing matches is a failure, never an empty text."""
    assert failure(session, Gen(None, SAMPLED, parse_regex(r"a[^\s\S]"))).code == EMPTY


# --- segments --------------------------------------------------------------------------------------------


def test_forced_tokens_come_back_as_they_are(session: Session) -> None:
    """A Forced segment is its ids and their text, sampled by nobody."""
    ids = tuple(session.tokenizer.encode("\nAnswer: é🙂"))
    _, end, _ = answer(session, Gen("a", SAMPLED), Forced(ids), Gen("b", SAMPLED))

    assert (end.ids, end.text, end.reason, end.tail) == (ids, "\nAnswer: é🙂", "forced", "")


def test_fused_segments_say_what_separate_requests_say(session: Session) -> None:
    """A segment sees the tokens before it, whoever put them there."""
    middle = tuple(session.tokenizer.encode("\nSo: "))
    first, _, second = answer(session, Gen("a", GREEDY), Forced(middle), Gen("b", GREEDY))
    whole = Prompt((*session.tokenizer.encode("Once upon a time "), *first.ids, *middle))
    events = answers(session, [Request(1, whole, (Gen("b", GREEDY),))])

    assert [e.ids for e in segment_ends(events)] == [second.ids]


@pytest.mark.parametrize("method", METHODS)
def test_score_picks_the_greatest_score(session: Session, method: ChoicesMethod) -> None:
    """The winner's text and ids are the segment's, and every number behind it is there."""
    choices = ("a dog", "a cat", "nothing of the kind", "a")
    (end,) = answer(session, Score("pet", choices, method))
    scores = end.scores

    assert scores is not None
    assert scores.method == method
    assert scores.ids == tuple(tuple(session.tokenizer.encode(choice)) for choice in choices)
    assert [len(row) for row in scores.logprobs] == [len(ids) for ids in scores.ids]
    assert all(value <= 0 for row in scores.logprobs for value in row)
    assert scores.index == scores.scores.index(max(scores.scores))
    assert (end.text, end.ids, end.reason) == (choices[scores.index], scores.ids[scores.index], "score")
    assert (scores.unconditional is not None) == (method == "unconditional_likelihood_normalized")


def test_choices_with_equal_beginnings_score_them_equally(session: Session) -> None:
    """Equal tokens after equal tokens have equal log-probabilities."""
    (end,) = answer(session, Score(None, ("the red house", "the red door")))

    assert end.scores is not None
    common = len(session.tokenizer.encode("the red"))
    one, other = (row[:common] for row in end.scores.logprobs)
    assert one == pytest.approx(other, abs=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_has_the_distribution(session: Session, method: ChoicesMethod) -> None:
    """One number a choice, which sum to 1; those of `exact` are what it compares."""
    (end,) = answer(session, Score(None, ("a dog", "a cat", "a", "nothing"), method))
    assert end.scores is not None and end.scores.probabilities is not None
    parts = end.scores.probabilities

    assert len(parts) == 4 and sum(parts) == pytest.approx(1.0, abs=1e-9)
    assert all(0 <= part <= 1 for part in parts)
    if method == "exact":
        assert parts.index(max(parts)) == end.scores.index


def test_score_takes_the_tokens_it_is_given(session: Session) -> None:
    """Instead of encoding the choices; the winner's stay, and its text is the choice."""
    encode = session.tokenizer.encode
    ids = tuple(tuple(encode(" " + choice)) for choice in ("dog", "cat"))
    given, spaced = (
        answer(session, score)[0]
        for score in (Score(None, ("dog", "cat"), "exact", ids), Score(None, (" dog", " cat"), "exact"))
    )

    assert given.scores is not None and spaced.scores is not None
    assert (given.scores.ids, given.ids) == (ids, ids[given.scores.index])
    assert given.text == ("dog", "cat")[given.scores.index]
    assert given.scores.scores == pytest.approx(spaced.scores.scores, abs=1e-4)


def test_a_drawn_choice_depends_on_seed_and_sample(session: Session) -> None:
    """The same seed draws the same; samples and seeds draw for themselves."""

    def picks(first: int) -> list[str]:
        requests = [
            ask(session, first + i, Score(None, ("a", "b", "c"), "exact", temperature=8.0, seed=i), n=3)
            for i in range(12)
        ]
        ends = segment_ends(answers(session, requests))
        return [end.text for end in sorted(ends, key=lambda e: (e.rid, e.sample))]

    once, again = picks(100), picks(200)
    assert once == again
    assert len(set(once[::3])) > 1 and any(once[i] != once[i + 1] for i in range(0, 36, 3))


# --- sampling --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sampling", [GREEDY, SAMPLED])
def test_equal_requests_have_equal_answers(backend: Backend, sampling: Sampling) -> None:
    """In one session, in another one, alone or among others: same prompt, same sampling, same ids."""
    first, second = backend.open(), backend.open()
    alone = segment_ends(answers(first, [ask(first, 0, Gen(None, sampling))]))
    requests = [ask(second, rid, Gen(None, sampling), text=f"Other {rid} ") for rid in range(1, 4)]
    among = segment_ends(answers(second, [*requests, ask(second, 0, Gen(None, sampling))]))
    first.close()
    second.close()

    assert [e.ids for e in among if e.rid == 0] == [e.ids for e in alone]


def test_prompt_and_seed_change_what_is_sampled(session: Session) -> None:
    """Answers are a function of the prompt and of the seed, not a constant."""
    by_prompt = {answer(session, Gen(None, SAMPLED), text=f"Tell me of number {i}. ")[0].ids for i in range(4)}
    by_seed = {answer(session, Gen(None, Sampling(max_tokens=24, seed=i)))[0].ids for i in range(4)}

    assert len(by_prompt) > 1
    assert len(by_seed) > 1


def test_samples_differ_and_greedy_ones_do_not(session: Session) -> None:
    """Sample i draws from (seed, i); nothing is drawn where sampling is greedy."""
    sampled = segment_ends(answers(session, [ask(session, 0, Gen(None, SAMPLED), n=4)]))
    greedy = segment_ends(answers(session, [ask(session, 1, Gen(None, GREEDY), n=3)]))

    assert sorted(e.sample for e in sampled) == [0, 1, 2, 3]
    assert len({e.ids for e in sampled}) > 1
    assert len({e.ids for e in greedy}) == 1


def test_logprobs_come_where_asked_for(backend: Backend, session: Session) -> None:
    """One for each id that stays, the chosen token's own first, with the likeliest tokens beside it."""
    if not backend.caps.logprobs:
        pytest.skip("no log-probabilities")
    sampling = Sampling(max_tokens=10, seed=1, return_logprob=True, top_logprobs_num=3)
    (end,) = answer(session, Gen(None, sampling))
    (plain,) = answer(session, Gen(None, SAMPLED))

    assert end.logprobs is not None
    assert tuple(entry.id for entry in end.logprobs) == end.ids
    assert all(entry.logprob <= 0 and len(entry.top) == 3 for entry in end.logprobs)
    assert plain.logprobs is None


# --- the session -----------------------------------------------------------------------------------------


def test_usage_and_counters_add_up(session: Session) -> None:
    """A prompt's tokens were cached or computed; the session's counters are the sum over its samples."""
    requests = [ask(session, rid, Gen(None, SAMPLED), text="Count me. " * (rid + 1)) for rid in range(4)]
    events = answers(session, requests)
    usages = {e.rid: e.usage for e in events if isinstance(e, Finished)}

    for request in requests:
        usage = usages[request.rid]
        assert usage.prompt_tokens == len(request.prompt.ids)
        assert usage.prompt_tokens == usage.cached_tokens + usage.computed_tokens
    for end in segment_ends(events):
        assert usages[end.rid].output_tokens >= len(end.ids)
    assert session.counters().requests == 4
    assert session.counters().prompt_tokens == sum(u.prompt_tokens for u in usages.values())
    assert session.counters().output_tokens == sum(u.output_tokens for u in usages.values())


def test_abort_fails_every_sample_once(session: Session) -> None:
    """An aborted request ends with `aborted`; the others are not touched."""
    gen = Gen(None, Sampling(max_tokens=200, ignore_eos=True, seed=1))
    session.submit([ask(session, 0, gen, n=2), ask(session, 1, gen), ask(session, 2, gen)])
    session.abort(0, "the user went away")
    events = drain(session, 4)

    assert [(e.sample, e.code) for e in events if isinstance(e, Failed)] == [(0, "aborted"), (1, "aborted")]
    assert "the user went away" in next(e.message for e in events if isinstance(e, Failed))
    assert sorted(e.rid for e in events if isinstance(e, Finished)) == [1, 2]


def test_abort_of_nothing_is_nothing(session: Session) -> None:
    """A request that has ended, or never was, cannot be aborted."""
    answer(session, Gen(None, SAMPLED))
    session.abort(0, "too late")
    session.abort(99, "never seen")

    assert session.step(0.0) == []


def test_abort_in_the_middle_ends_once(session: Session) -> None:
    """After its first events a request still ends exactly once."""
    session.submit([ask(session, 0, Gen(None, Sampling(max_tokens=300, ignore_eos=True, seed=1)), n=2)])
    events = session.step(0.1)
    session.abort(0, "enough")
    events += drain(session, 2 - sum(map(is_end, events)))
    events += session.step(0.0)

    assert sorted(e.sample for e in events if is_end(e)) == [0, 1]
    assert all(is_end(of_sample(events, 0, sample)[-1]) for sample in range(2))


def test_wake_ends_a_waiting_step(session: Session) -> None:
    """A thread that has nothing to do but wait can be called back."""
    waited: list[list[Event]] = []
    thread = threading.Thread(target=lambda: waited.append(session.step(PATIENCE_S)))
    began = time.monotonic()
    thread.start()
    session.wake()
    thread.join(PATIENCE_S)

    assert waited == [[]]
    assert time.monotonic() - began < PATIENCE_S / 2


def test_wake_before_step_is_not_lost(session: Session) -> None:
    """Between two steps a wake counts for the next one."""
    session.wake()
    began = time.monotonic()

    assert session.step(PATIENCE_S) == []
    assert time.monotonic() - began < PATIENCE_S / 2


def test_step_without_work_returns_after_its_timeout(session: Session) -> None:
    """Nothing to do is no reason to hang."""
    assert session.step(0.0) == []
    assert session.step(0.01) == []


def test_sessions_do_not_see_each_other(backend: Backend) -> None:
    """Two sessions with the same request numbers: each gets its own events only, and closing one leaves the other."""
    one, other = backend.open("one"), backend.open("other")
    one.submit([ask(one, 0, Gen(None, GREEDY), text="One. ")])
    other.submit([ask(other, 0, Gen(None, GREEDY), text="Other, much longer. "), ask(other, 1, Gen(None, GREEDY))])
    from_one = drain(one, 1)
    one.close()
    from_other = drain(other, 2)
    other.close()

    assert {e.rid for e in from_one} == {0}
    assert sorted(e.rid for e in from_other if is_end(e)) == [0, 1]
    usage = next(e.usage for e in from_one if isinstance(e, Finished))
    assert usage.prompt_tokens == len(backend.tokenizer.encode("One. "))


def test_later_requests_join_earlier_ones(session: Session) -> None:
    """Submitting between steps loses nothing."""
    events: list[Event] = []
    for rid in range(6):
        session.submit([ask(session, rid, Gen(None, SAMPLED), text=f"Late {rid}. ")])
        events += session.step(0.0)
    events += drain(session, 6 - sum(map(is_end, events)))

    assert sorted(e.rid for e in events if is_end(e)) == list(range(6))


def test_hints_change_nothing(session: Session) -> None:
    """A hint is advice: known prefix or not, the answer is the same."""
    ids = tuple(session.tokenizer.encode("Once upon a time "))
    before = answer(session, Gen(None, GREEDY))[0].ids
    session.hint(PrefixHint("pin", ids))
    session.hint(PrefixHint("prefetch", (1, 2, 3)))
    after = answer(session, Gen(None, GREEDY))[0].ids
    session.hint(PrefixHint("release", ids))

    assert before == after


def test_empty_prompt_or_output_ends(session: Session) -> None:
    """The smallest requests end like any other."""
    requests = [
        Request(0, Prompt(()), (Gen(None, SAMPLED),)),
        ask(session, 1),
        ask(session, 2, Gen(None, Sampling(max_tokens=0, seed=1))),
    ]
    events = answers(session, requests)

    assert sorted(e.rid for e in events if is_end(e)) == [0, 1, 2]
