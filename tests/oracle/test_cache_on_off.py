"""Nothing that makes the engine faster may change a token: one batch of programs, run in many ways.

What is compared is every call at the waist (prompt ids, what was asked, the ids and the text that came) and what each
program shows: its values, its text, what it returned. The reference is the plainest way: no cache, no optimisation,
one item after another.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pytest

import lmc
from lmc.backend.local import CpuBackend
from tests.support.end_to_end import Recording, alarm, checkpoint, one_thread  # noqa: F401

RULES = "Answer every question in one short sentence, name your source, and never guess. "


@lmc.function
def few_shot(s, question):
    s += RULES
    for shot, answer in (("What is the capital of France?", "Paris"), ("How many legs has a spider?", "eight")):
        s += f"Q: {shot}\nA: {answer}\n"
    s += f"Q: {question}\nA:"
    s += lmc.gen("answer", max_tokens=12, stop=["\n", "x"])
    return s["answer"].strip()


@lmc.function
def chat(s, question):
    s += lmc.system(RULES)
    s += lmc.user(question)
    s += lmc.assistant("I think: " + lmc.gen("first", max_tokens=10))
    s += lmc.user("Are you sure?")
    with s.assistant():
        s += lmc.select("sure", ["yes", "yes, quite", "no", "not at all"])
    if s["sure"].startswith("yes"):
        s += lmc.user("Then say why.")
    else:
        s += lmc.user(f"You said {s['first']!r}. Correct it.")
    s += lmc.assistant(lmc.gen("last", max_tokens=10))


@lmc.function
def tree(s, question):
    s += RULES + question
    forks = s.fork(3)
    for number, f in enumerate(forks):
        f += f"\nWay {number}: "
        f += lmc.gen("way", max_tokens=8)
        f += "\nHow good, 0 to 9? "
        f += lmc.gen("score", regex="[0-9]", max_tokens=2)
    best = max(forks, key=lambda f: int(f["score"]))
    forks.join()
    s += "\nAll ways: " + " | ".join(s["way"])
    s += lmc.gen("end", max_tokens=8)
    best += "\nThe best way in other words: "
    best += lmc.gen("words", max_tokens=8)
    return best["words"], s["score"]


@lmc.function
def steps(s, question):
    s += question
    count = 0
    while count < 6:
        s += f"\nStep {count + 1}: "
        s += lmc.gen("step", max_tokens=6)
        s += " Done? "
        s += lmc.select("done", ["no", "yes"], choices_method=lmc.unconditional_likelihood_normalized)
        count += 1
        if s["done"] == "yes" or "e" in s["step"]:
            break
    s += f"\nAfter {count} steps: "
    s += lmc.gen("end", max_tokens=6)
    return count


@lmc.function
def record(s, question):
    s += lmc.system(RULES)
    s += lmc.user(question)
    s += lmc.assistant(lmc.gen("id", regex=r"[A-Z]{2}-[0-9]{3}", max_tokens=16))
    a, b = s.copy(), s.copy()
    a += lmc.user("As JSON.")
    a += lmc.assistant(lmc.gen("json", json_schema=SCHEMA, max_tokens=60))
    b += lmc.user(f"Repeat {s['id']} three times.")
    b += lmc.assistant(lmc.gen("again", max_tokens=8, n=3, stop="."))
    return a["json"], b["again"]


@lmc.function
def table(s, question):
    s += RULES
    for word in question.split():
        s += f"Write a line about {word}: "
        s += lmc.gen(word.strip(".?!"), max_tokens=5, min_tokens=2)
        s += "\n"
    s += lmc.gen("number", dtype=int, max_tokens=6)


SCHEMA = {
    "type": "object",
    "properties": {"ok": {"type": "boolean"}, "kind": {"enum": ["a", "b"]}},
    "required": ["ok", "kind"],
    "additionalProperties": False,
}
PROGRAMS = {p.func.__name__: p for p in (few_shot, chat, tree, steps, record, table)}
QUESTIONS = [
    "What is the capital of France?",
    "What is the capital of Spain?",
    "Return a JSON object.",
    "What is the capital of France?",
]
SAMPLED = {"temperature": 0.8, "top_p": 0.95}


@dataclass(frozen=True)
class Way:
    """How the programs are run: options of the backend, the level, and whether all items go in one batch."""

    options: tuple[tuple[str, Any], ...] = ()
    opt_level: int = 2
    alone: bool = False
    family: Any = "llama"


def way(opt_level: int = 2, alone: bool = False, family: Any = "llama", **options: Any) -> Way:
    return Way(tuple({"num_slots": 4096, "chunk_len": 64, **options}.items()), opt_level, alone, family)


@dataclass
class Seen:
    """What a run showed."""

    results: list[Any]
    calls: Counter[Any]
    backend: Recording

    @property
    def retractions(self) -> int:
        return sum(session.counters().retractions for session in self.backend.sessions)

    @property
    def evictions(self) -> int:
        return sum(session.counters().evicted_tokens for session in self.backend.sessions)

    @property
    def cached(self) -> int:
        return sum(session.counters().cached_tokens for session in self.backend.sessions)


def see(name: str, how: Way, defaults: dict[str, Any], questions: list[str] = QUESTIONS, times: int = 1) -> Seen:
    """Run a program over the questions, `times` times on the same backend; only the last run counts."""
    backend = Recording(CpuBackend(checkpoint(how.family), dtype="fp32", **dict(how.options)))
    program, items = PROGRAMS[name], [{"question": q} for q in questions]
    results: list[lmc.Result] = []
    calls: Counter[Any] = Counter()
    for _ in range(times):
        backend.events.clear()
        if how.alone:
            results = [
                r
                for item in items
                for r in program.run_batch([item], backend=backend, opt_level=how.opt_level, **defaults)
            ]
        else:
            results = program.run_batch(items, backend=backend, opt_level=how.opt_level, **defaults)
        calls = backend.calls()
    return Seen([shown(result) for result in results], calls, backend)


def shown(result: lmc.Result) -> Any:
    return result.variables(), result.text(), result.messages(), result.ret_value


GREEDY = {"temperature": 0.0}


@lru_cache(maxsize=64)
def plainest(name: str, family: Any = "llama") -> Seen:
    """Greedy, without a cache, unoptimised, one item after another."""
    return see(name, way(opt_level=0, alone=True, cache=False, chunk_len=512, family=family), GREEDY)


WAYS: dict[str, Way] = {
    "batch": way(opt_level=0, cache=False, chunk_len=512),
    "O2": way(cache=False),
    "cache": way(opt_level=0, alone=True),
    "cache, batch, O2": way(),
    "O1": way(opt_level=1),
    "least recently used": way(by_value=False),
    "chunks of 1": way(chunk_len=1),
    "chunks of 7": way(chunk_len=7),
    "pages of 8": way(page_size=8),
    "pages of 8, chunks of 7, O0": way(opt_level=0, page_size=8, chunk_len=7),
    "pages of 8, no cache": way(page_size=8, cache=False),
    "two at a time": way(max_running=2),
    "sixteen tokens a step": way(token_budget=16, max_running=8),
}


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("name", PROGRAMS)
def test_every_way_gives_the_same_tokens(name: str, how: str) -> None:
    """At -O0 the very same calls; above it identical ones may be merged, and none is new."""
    want, got = plainest(name), see(name, WAYS[how], GREEDY)
    assert got.results == want.results
    if WAYS[how].opt_level == 0:
        assert got.calls == want.calls
    else:
        assert set(got.calls) == set(want.calls) and not got.calls - want.calls
    assert (got.cached > 0) == dict(WAYS[how].options).get("cache", True)


@pytest.mark.parametrize("page_size", [1, 8])
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_warm_cache_gives_the_same_tokens(name: str, page_size: int) -> None:
    """The third run finds everything in the cache."""
    got = see(name, way(page_size=page_size), GREEDY, times=3)
    assert got.results == plainest(name).results


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_tiny_pool_gives_the_same_tokens(name: str) -> None:
    """The batch, twice, on a pool that holds little more than its longest request."""
    want = plainest(name)
    longest = max(len(ids) + len(out_ids) for ids, _, _, _, out_ids, _, _ in want.calls)
    room = longest + 70  # the bound of a request counts max_tokens and the scoring rows
    for page_size in (1, 8):
        got = see(name, way(num_slots=room // 8 * 8, page_size=page_size, chunk_len=16), GREEDY, times=2)
        assert got.results == want.results
        assert got.retractions or got.evictions


@pytest.mark.parametrize("family", ["mistral", "qwen2", "qwen3"])
def test_other_families(family: str) -> None:
    """One way against the plainest for each."""
    for name in ("tree", "chat"):
        got = see(name, way(family=family, chunk_len=7), GREEDY)
        assert got.results == plainest(name, family).results


def test_retraction_really_happens() -> None:
    """Eight long answers on a pool for two of them."""
    questions = [f"{q} {i}" for i, q in enumerate(QUESTIONS * 2)]

    def run(num_slots: int) -> tuple[Any, Recording]:
        backend = Recording(CpuBackend(checkpoint("llama"), dtype="fp32", num_slots=num_slots))
        results = write.run_batch([{"question": q} for q in questions], backend=backend, temperature=0.8, seed=3)
        return [shown(r) for r in results], backend

    want, large = run(4096)
    got, small = run(160)
    assert got == want and small.calls() == large.calls()
    assert small.counters.retractions > 0


@lmc.function
def write(s, question):
    s += question
    s += lmc.gen("long", max_tokens=100, ignore_eos=True)


# --- sampled ----------------------------------------------------------------------------------------------

Vary = Callable[[str], Seen]
SAMPLED_WAYS: dict[str, Way] = {
    "no cache": way(cache=False),
    "chunks of 7": way(chunk_len=7),
    "pages of 8": way(page_size=8),
    "small pool": way(num_slots=400, chunk_len=16),
    "O0": way(opt_level=0),
}


@lru_cache(maxsize=64)
def sampled(name: str, how: Way, count: int, seed: int = 11) -> Seen:
    """The first `count` questions, sampled."""
    return see(name, how, {**SAMPLED, "seed": seed}, QUESTIONS[:count])


@pytest.mark.parametrize("how", SAMPLED_WAYS)
@pytest.mark.parametrize("name", ["few_shot", "tree", "record"])
def test_sampling_depends_on_seeds_only(name: str, how: str) -> None:
    """The same seeds give the same tokens whatever the cache, the chunks and the pool."""
    got, want = sampled(name, SAMPLED_WAYS[how], 4), sampled(name, way(), 4)
    assert got.results == want.results
    assert got.calls == want.calls


@pytest.mark.parametrize("name", ["few_shot", "tree", "record"])
def test_sampling_does_not_depend_on_the_batch(name: str) -> None:
    """An item's stream is its own: more items behind it change nothing."""
    few, many = sampled(name, way(), 2), sampled(name, way(), 4)
    assert many.results[:2] == few.results


def test_items_and_seeds_differ() -> None:
    """The same question twice in a batch, and another seed, give other texts."""
    once, other = sampled("few_shot", way(), 4), sampled("few_shot", way(), 4, seed=12)
    assert QUESTIONS[0] == QUESTIONS[3]
    assert once.results[0] != once.results[3]
    assert once.results[0] != other.results[0]


def test_forks_and_samples_differ() -> None:
    """Branches of a fork that are the same but for their lineage, and samples of one call."""
    backend = Recording(CpuBackend(checkpoint("llama"), dtype="fp32", num_slots=2048))
    result = lmc.run(branches, backend=backend, temperature=0.8, seed=5)
    texts = [*result.ret_value, *result["many"]]
    assert len(set(texts)) == len(texts)
    again = lmc.run(branches, backend=backend, temperature=0.8, seed=5)
    assert [*again.ret_value, *again["many"]] == texts


@lmc.function
def branches(s):
    s += "Tell me a story about a fox."
    forks = s.fork(3)
    forks += lmc.gen("story", max_tokens=12)
    s += lmc.gen("many", max_tokens=12, n=3)
    return [f["story"] for f in forks]


def test_a_seed_of_its_own_gives_one_text_everywhere() -> None:
    """gen(seed=) does not depend on the item, the run's seed or the batch."""
    backend = CpuBackend(checkpoint("llama"), dtype="fp32", num_slots=2048)
    texts = {r["x"] for seed in (1, 2) for r in lmc.run_batch(seeded, [{}] * 3, backend=backend, seed=seed)}
    assert len(texts) == 1


@lmc.function
def seeded(s):
    s += "Tell me a story about a fox."
    s += lmc.gen("x", max_tokens=12, temperature=0.8, seed=77)
