"""Prompt caching on the wire, held against fakes that have the caches and the bills of the APIs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lmc
from lmc.backend.api import prompt_cache
from lmc.backend.api.ask import CacheMarks, Turn
from lmc.backend.api.beginnings import Beginnings
from lmc.backend.api.marking import MarkedPrompt
from lmc.backend.api.prices import price
from lmc.common_prefix import common_len
from tests.support.api_fakes import Fake, Pace, Price, faults
from tests.support.cached_programs import ESSAY, WORDS, agent, few_shots, judge, talk


def one(program: Any, argument: str) -> Callable[[lmc.Remote], tuple[Any, dict[str, float]]]:
    def run(backend: lmc.Remote) -> tuple[Any, dict[str, float]]:
        result = lmc.run(program, argument, backend=backend)
        return result.text(), dict(result.report.extra)

    return run


def batch(backend: lmc.Remote) -> tuple[Any, dict[str, float]]:
    results = lmc.run_batch(few_shots, [{"word": word} for word in WORDS], backend=backend)
    return [result.text() for result in results], dict(results[0].report.extra)


PROGRAMS = {
    "few-shot batch": batch,
    "judge with forks": one(judge, ESSAY),
    "conversation": one(talk, ESSAY),
    "agent": one(agent, "Find the cat."),
}
MODELS = {"anthropic": "claude-sonnet-4-5", "openai": "gpt-6-luna"}


def says(prompt: str) -> str:
    """An answer that depends on all of the prompt."""
    return f"say {sum(map(ord, prompt)) % 9973}"


def fake_of(dialect: str, **options: Any) -> Fake:
    """With the prices that lmc's table has."""
    known = price(MODELS[dialect], dialect=dialect)
    assert known is not None and known.cached is not None and known.written is not None
    rates = Price(known.input, known.output, known.cached / known.input, known.written / known.input)
    return Fake(dialect, says, price=rates, **options)


def remote(fake: Fake, dialect: str, **options: Any) -> lmc.Remote:
    return lmc.Remote(fake.url, model=MODELS[dialect], dialect=dialect, api_key="sk-no-key", **options)


def texts(body: dict[str, Any]) -> list[Any]:
    """What is said in a request, parts joined."""
    system = body.get("system") or []
    said = [("system", "".join(part["text"] for part in system))] if system else []
    for message in body["messages"]:
        content = message["content"]
        whole = content if isinstance(content, str) else "".join(part["text"] for part in content)
        said.append((message["role"], whole))
    return said


def with_and_without(dialect: str, name: str) -> tuple[Fake, Fake]:
    """Both runs of a program; results, texts and the count of money are held against each other."""
    fakes, results = [], []
    for uses in (True, False):
        with fake_of(dialect, pace=Pace(first_s=0.02)) as fake:
            result, extra = PROGRAMS[name](remote(fake, dialect, prompt_cache=uses))
        assert extra["money USD"] == pytest.approx(fake.money, rel=1e-12), "the session's count is the bill"
        assert extra["written_tokens"] == fake.bill.written
        fakes.append(fake)
        results.append(result)
    assert results[0] == results[1]
    said = [sorted(texts(request.body) for request in fake.posts) for fake in fakes]
    assert said[0] == said[1], "marks change nothing of what is said"
    return fakes[0], fakes[1]


@pytest.mark.parametrize("name", PROGRAMS)
def test_marks_cut_the_bill(name: str) -> None:
    """Of an API that keeps only what is marked: at most 60 % of what it costs without."""
    marked, plain = with_and_without("anthropic", name)
    share = marked.money / plain.money
    assert share <= 0.6, f"{name}: {marked.bill} instead of {plain.bill}: {share:.0%}"


@pytest.mark.parametrize("name", PROGRAMS)
def test_marks_beside_an_api_s_own(name: str) -> None:
    """Of an API that marks the last turn by itself: far less where prompts part there, and nowhere more."""
    marked, plain = with_and_without("openai", name)
    share, bound = marked.money / plain.money, 0.6 if "batch" in name or "forks" in name else 1.01
    assert share <= bound, f"{name}: {marked.bill} instead of {plain.bill}: {share:.0%}"


# --- who waits ---------------------------------------------------------------------------------------------


def test_the_first_goes_alone_until_it_begins() -> None:
    """The others are sent once its first event is there, and all together then."""
    with fake_of("anthropic", pace=Pace(first_s=0.15, token_s=0.05)) as fake:
        PROGRAMS["few-shot batch"](remote(fake, "anthropic"))
    first, *others = [request.begun_s for request in fake.posts]
    assert all(each - first > 0.14 for each in others)
    assert max(others) - min(others) < 0.14 and fake.posts[0].ended_s > min(others), "not until it has ended"


def test_where_it_is_off_nobody_waits() -> None:
    """And nothing is marked."""
    with fake_of("anthropic", pace=Pace(first_s=0.15)) as fake:
        PROGRAMS["few-shot batch"](remote(fake, "anthropic", prompt_cache=False, max_in_flight=8))
    begun = [request.begun_s for request in fake.posts]
    assert max(begun) - min(begun) < 0.14
    assert not any("cache_control" in str(request.body) for request in fake.posts)


def test_short_prompts_wait_for_nobody() -> None:
    """Below the least that the API keeps."""
    with fake_of("anthropic", pace=Pace(first_s=0.15)) as fake:
        items = [{"essay": f"Essay {i}"} for i in range(2)]
        lmc.run_batch(judge, items, backend=remote(fake, "anthropic", max_in_flight=8))
    begun = sorted(request.begun_s for request in fake.posts)[:8]
    assert max(begun) - min(begun) < 0.14
    assert not any("cache_control" in str(request.body) for request in fake.posts)


def test_a_call_that_fails_holds_nobody_up() -> None:
    """The next one goes at once, and writes what it would have written."""
    with fake_of("anthropic", faults={0: faults.error("unauthorized")}) as fake:
        backend = remote(fake, "anthropic")
        results = lmc.run_batch(few_shots, [{"word": word} for word in WORDS], backend=backend)
    assert sum(result.error is not None for result in results) == 1
    assert len(fake.posts) == len(WORDS)
    assert [request.bill.written > 0 for request in fake.posts] == [False, True] + [False] * 6, "the next goes first"


def test_a_call_that_says_nothing_is_waited_for_in_vain_only_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the others go without what it writes."""
    monkeypatch.setattr(prompt_cache, "LEAD_S", 0.2)
    with fake_of("anthropic", pace=Pace(first_s=0.6)) as fake:
        PROGRAMS["few-shot batch"](remote(fake, "anthropic"))
    first, *others = [request.begun_s for request in fake.posts]
    assert 0.19 < min(others) - first < 0.55


def test_a_later_run_reads_what_an_earlier_one_wrote() -> None:
    """Runs of one backend know of each other."""
    with fake_of("anthropic") as fake:
        backend = remote(fake, "anthropic")
        for word in WORDS[:4]:
            lmc.run(few_shots, word, backend=backend)
    read = [request.bill.read > 0 for request in fake.posts]
    assert read == [False, False, True, True], "what came twice is taken to come again"


# --- what is marked ----------------------------------------------------------------------------------------


def test_a_prompt_of_many_stages_has_at_most_four_marks() -> None:
    """A fifth would be refused."""
    stages = ["".join(f"Stage {i} line {j} tells something.\n" for j in range(200)) for i in range(7)]
    items = [{"essay": "".join(stages[: i + 1])} for i in range(7)]
    with fake_of("anthropic") as fake:
        lmc.run_batch(talk, items[::-1], backend=remote(fake, "anthropic"))
    numbers = [str(request.body).count("cache_control") for request in fake.posts]
    assert 1 <= max(numbers) <= 4


said = st.text(alphabet="ab \n\x00é中🙂", max_size=120)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(("system", "user", "assistant")), said), min_size=1, max_size=4), st.data())
def test_parts_joined_are_the_text(turns: list[tuple[str, str]], data: st.DataObject) -> None:
    """Wherever it is cut; each part says something, and places lie within what was asked for."""
    prompt = MarkedPrompt([Turn(*each) for each in turns])
    asked = data.draw(st.lists(st.integers(0, len(prompt.text)), max_size=4))
    places = sorted({place for end in asked if (place := prompt.place(end))})
    assert all(any(place <= end for end in asked) for place in places)
    if not prompt.can_cut(places):
        return
    marks = CacheMarks(prompt.cuts(places, places))
    for at, turn in enumerate(prompt.turns):
        parts = marks.parts(at, turn)
        assert "".join(text for text, _ in parts) == turn.text
        assert len(parts) == 1 or all(text.strip() for text, _ in parts)
    assert sum(is_marked for at, turn in enumerate(prompt.turns) for _, is_marked in marks.parts(at, turn)) == len(
        places
    )


texts_few = st.lists(st.text(alphabet="ab", max_size=5), max_size=8)


@given(texts_few, st.text(alphabet="ab", max_size=6), st.integers(0, 3))
def test_beginnings_are_what_a_look_at_all_of_them_finds(held: list[str], text: str, after: int) -> None:
    """The longest that a text begins with, and how many share how much of it."""
    beginnings = Beginnings()
    for each in held:
        beginnings.add(each)
    assert beginnings.longest_in(text) == max((e for e in held if text.startswith(e)), key=len, default=None)
    lengths = [common_len(each, text) for each in held]
    wanted = [(n, sum(other >= n for other in lengths)) for n in sorted(set(lengths), reverse=True) if n > after]
    assert list(beginnings.shared(text, after)) == wanted


def test_an_automatic_cache_is_led_too() -> None:
    """Nothing is marked, and what the first has put there the others find."""
    with Fake.openai(says, pace=Pace(first_s=0.1)) as fake:
        backend = lmc.Remote(fake.url, model="gpt-4o", dialect="openai", api_key="sk-no-key")
        PROGRAMS["few-shot batch"](backend)
    first, *others = fake.posts
    assert first.bill.read == 0 and all(request.bill.read > 2000 for request in others)
    assert all(set(request.body) & {"prompt_cache_key", "prompt_cache_options"} == set() for request in fake.posts)


def test_the_plan_says_that_a_conversation_goes_on() -> None:
    """So its first call is marked already; one with which nothing goes on is not."""
    with fake_of("anthropic") as fake:
        lmc.run(talk, ESSAY, backend=remote(fake, "anthropic"))
    assert fake.posts[0].bill.written > 2000 and all(request.bill.read for request in fake.posts[1:])
    with fake_of("anthropic") as fake:
        lmc.run(few_shots, "cats", backend=remote(fake, "anthropic"))
    assert fake.bill.written == 0, "nobody is known to read it"


def test_it_is_switched_by_a_yes_or_no() -> None:
    """Anything else is refused."""
    with pytest.raises(lmc.ArgumentError, match="neither True nor False"):
        lmc.Remote("http://localhost:1", dialect="openai", prompt_cache=1)  # type: ignore[arg-type]
