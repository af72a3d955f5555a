"""Prompt caching on the wire, held against fakes that have the caches and the bills of the APIs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import lmc
from lmc.backend.api.prices import price
from tests.support.api_fakes import Fake, Pace, Price

SHOTS = "".join(f"Example {i}: the word number {i} is told like this: it is good.\n" for i in range(160))
RULES = "".join(f"Rule {i}: look at what tool number {i} says, and do what it says.\n" for i in range(160))
ESSAY = "".join(f"Sentence {i} of the essay speaks about cats and dogs.\n" for i in range(200))
WORDS = ("cats", "cars", "dogs", "trees", "rain", "snow", "sun", "moon")


@lmc.function
def few_shots(s: lmc.State, word: str) -> None:
    s += lmc.system(SHOTS)
    s += lmc.user(f"Now the word: {word}")
    s += lmc.assistant(lmc.gen("answer", max_tokens=16))


@lmc.function
def judge(s: lmc.State, essay: str) -> None:
    s += lmc.system("You judge essays.")
    s += lmc.user(essay)
    forks = s.fork(4)
    for fork, what in zip(forks, ("clarity", "wit", "facts", "style")):
        fork += lmc.user(f"Judge its {what}.")
        fork += lmc.assistant(lmc.gen("verdict", max_tokens=16))
    s += lmc.user("Sum up: " + " ".join(fork["verdict"] for fork in forks))
    s += lmc.assistant(lmc.gen("answer", max_tokens=16))


@lmc.function
def talk(s: lmc.State, essay: str) -> None:
    s += lmc.system("You answer questions about an essay.")
    s += lmc.user(essay)
    for i in range(8):
        s += lmc.user(f"Question {i}: what does it say of cats?")
        s += lmc.assistant(lmc.gen("answer", max_tokens=16))


@lmc.function
def agent(s: lmc.State, task: str) -> None:
    s += lmc.system(RULES)
    s += lmc.user(task)
    for i in range(8):
        s += lmc.assistant(lmc.gen("thought", max_tokens=16))
        if "done" in s["thought"]:
            break
        s += lmc.user(f"The tool says {i}. " + "More of what it says, of no use. " * 20)
    s += lmc.user("What have you found?")
    s += lmc.assistant(lmc.gen("answer", max_tokens=16))


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
