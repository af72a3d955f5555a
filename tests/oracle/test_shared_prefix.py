"""A prefix that many calls share is computed once, and the run report predicts and counts it.

The number to meet is the number of distinct tokens in the prefix tree of the prompts, counted here from the text with
the tokenizer alone; a request may compute one token more, as it needs its last token's logits.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import pytest

import lmc
from lmc.backend.local import CpuBackend
from lmc.ir.prompt import Tokenizer
from tests.support.end_to_end import Recording, alarm, checkpoint, distinct_tokens, one_thread  # noqa: F401

Prompts = list[tuple[int, ...]]

SHOTS = (
    ("What is the capital of France?", "Paris"),
    ("How many legs has a spider?", "eight"),
    ("Who wrote Faust?", "Goethe"),
    ("Which is the longest river of Africa?", "the Nile"),
    ("What is two and two?", "four"),
)
FEW_SHOT = "Answer in a word or two.\n\n" + "".join(f"Q: {q}\nA: {a}\n\n" for q, a in SHOTS * 3)
TOPICS = ("river", "city", "song", "book", "star", "bird", "tree", "king")
QUESTIONS = [f"Which {topic} comes number {i} in the list?" for i in range(8) for topic in TOPICS]
DOCUMENTS = [f"Document {letter}. " + f"The {letter} lines say what {letter} is. " * 4 for letter in "ABCD"]


@lmc.function
def few_shot(s, question):
    s += FEW_SHOT
    s += f"Q: {question}\nA:"
    s += lmc.gen("answer", max_tokens=4, stop="\n", temperature=0)


@lmc.function
def about(s, document, question):
    s += "Read the document and answer in one word.\n\n"
    s += document
    s += f"\n\nQuestion: {question}\nAnswer:"
    s += lmc.gen("answer", max_tokens=4, temperature=0)


@lmc.function
def chat_about(s, document, question):
    s += lmc.system("Read the document and answer in one word.")
    s += lmc.user(document + "\n\n" + question)
    s += lmc.assistant(lmc.gen("answer", max_tokens=4, temperature=0))


@lmc.function
def tips(s, topic):
    s += FEW_SHOT
    s += f"Now four tips about a {topic}.\n"
    forks = s.fork(4)
    for number, f in enumerate(forks):
        f += f"Tip {number + 1}:"
        f += lmc.gen("tip", max_tokens=6, temperature=0)
    forks.join()


@lmc.function
def talk(s, topic):
    """What is forked here was generated: its tokens are in the cache already."""
    s += FEW_SHOT
    s += f"Now write about a {topic}:"
    s += lmc.gen("text", max_tokens=24, temperature=0, ignore_eos=True)
    forks = s.fork(4)
    for number, f in enumerate(forks):
        f += f"\nComment {number + 1}:"
        f += lmc.gen("comment", max_tokens=6, temperature=0)
        f += "\nGood?"
        f += lmc.select("good", ["yes", "no"])
    forks.join()


def open_backend(**options: Any) -> Recording:
    return Recording(CpuBackend(checkpoint("llama"), dtype="fp32", **{"num_slots": 8192, "chunk_len": 64, **options}))


@lru_cache(maxsize=1)
def tokenizer() -> Any:
    """Transformers' own tokenizer of the checkpoint."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(checkpoint("llama"))


def encoded(texts: list[str]) -> Prompts:
    return [tuple(tokenizer().encode(text, add_special_tokens=False)) for text in texts]


def check(results: list[lmc.Result], backend: Recording, prompts: Prompts, predicted: bool = True) -> None:
    """The engine read these prompts, computed each distinct token once, and the report says so."""
    assert [r.error for r in results] == [None] * len(results)
    assert sorted(request.prompt.ids for request in backend.requests) == sorted(prompts)
    distinct, total = distinct_tokens(prompts), sum(map(len, prompts))
    report = results[0].report
    assert report is not None
    assert (report.requests, report.prompt_tokens) == (len(prompts), total)
    assert distinct <= report.computed_tokens <= distinct + len(prompts)
    assert report.cached_tokens == total - report.computed_tokens
    assert sum(r.usage.computed_tokens for r in results) == report.computed_tokens
    said = str(report)
    assert f"prompt tokens {total}: {report.cached_tokens} from the cache" in said
    assert f"{report.computed_tokens} computed" in said
    if predicted:
        assert report.predicted is not None and report.predicted.is_exact
        assert (report.predicted.calls, report.predicted.prompt_tokens) == (len(prompts), total)
        assert report.predicted.computed_tokens == distinct
        assert f"predicted: {distinct} distinct prompt tokens" in said


OPTIONS: list[dict[str, Any]] = [
    {},
    {"chunk_len": 512},
    {"chunk_len": 7, "token_budget": 32, "max_running": 8},
    {"max_running": 1},
    {"num_slots": 700, "chunk_len": 64},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_64_questions_compute_their_400_tokens_once(options: dict[str, Any]) -> None:
    """Whatever the chunks, how many run at once, and on a pool that could not hold the prefix twice."""
    backend = open_backend(**options)
    prompts = encoded([f"{FEW_SHOT}Q: {q}\nA:" for q in QUESTIONS])
    assert len(set(QUESTIONS)) == 64 and len(encoded([FEW_SHOT])[0]) >= 400

    results = few_shot.run_batch([{"question": q} for q in QUESTIONS], backend=backend)

    check(results, backend, prompts)


def test_without_a_cache_every_token_is_computed() -> None:
    """The count that the tests above would give if nothing were shared."""
    backend = open_backend(cache=False)
    [result, *_] = few_shot.run_batch([{"question": q} for q in QUESTIONS[:8]], backend=backend)
    assert (
        result.report.computed_tokens == result.report.prompt_tokens == sum(len(r.prompt.ids) for r in backend.requests)
    )
    assert result.report.cached_tokens == 0 and result.report.predicted is None


def test_a_second_batch_computes_only_what_is_new() -> None:
    """The cache outlives a session: the first batch's questions cost a token each, new ones their own."""
    backend = open_backend()
    items = [{"question": q} for q in QUESTIONS]
    few_shot.run_batch(items[:32], backend=backend)
    again = few_shot.run_batch(items[:32], backend=backend)[0].report
    assert again.computed_tokens == 32
    both = few_shot.run_batch(items, backend=backend)[0].report
    texts = [f"{FEW_SHOT}Q: {q}\nA:" for q in QUESTIONS]
    new = distinct_tokens(encoded(texts)) - distinct_tokens(encoded(texts[:32]))
    assert new <= both.computed_tokens <= new + 64


@pytest.mark.parametrize("order", ["by document", "by question"])
@pytest.mark.parametrize("program", [about, chat_about], ids=lambda p: p.func.__name__)
def test_two_levels_four_documents_of_eight_questions(program: lmc.Program, order: str) -> None:
    """The instruction once, each document once, each question once, in whatever order they come."""
    pairs = [(d, q) for d in DOCUMENTS for q in QUESTIONS[:8]]
    if order == "by question":
        pairs = [(d, q) for q in QUESTIONS[:8] for d in DOCUMENTS]
    backend = open_backend(max_running=6)
    head = "Read the document and answer in one word."
    if program is about:
        prompts = encoded([f"{head}\n\n{d}\n\nQuestion: {q}\nAnswer:" for d, q in pairs])
    else:
        messages = [[{"role": "system", "content": head}, {"role": "user", "content": f"{d}\n\n{q}"}] for d, q in pairs]
        prompts = encoded(
            [tokenizer().apply_chat_template(m, tokenize=False, add_generation_prompt=True) for m in messages]
        )

    results = program.run_batch([{"document": d, "question": q} for d, q in pairs], backend=backend)

    check(results, backend, prompts)


@pytest.mark.parametrize("topics", [1, 6])
def test_a_fork_computes_its_parent_once(topics: int) -> None:
    """Four branches of one program, and of six programs that share their beginning."""
    backend = open_backend()
    prompts = encoded(
        [f"{FEW_SHOT}Now four tips about a {t}.\nTip {i}:" for t in TOPICS[:topics] for i in (1, 2, 3, 4)]
    )
    check(tips.run_batch([{"topic": t} for t in TOPICS[:topics]], backend=backend), backend, prompts)


def test_generated_tokens_are_not_computed_again() -> None:
    """A fork behind 24 generated tokens: of those at most the last is computed, and once for all branches."""
    backend = open_backend()
    results = talk.run_batch([{"topic": t} for t in TOPICS], backend=backend)
    prompts = [request.prompt.ids for request in backend.requests]
    report = results[0].report
    distinct = distinct_tokens(prompts)
    generated = len(TOPICS) * 24
    assert len(prompts) == len(TOPICS) * 9
    assert report.computed_tokens <= distinct - generated + len(prompts)
    assert report.predicted is not None and not report.predicted.is_exact
    assert "predicted" not in str(report)


def test_pages_cost_at_most_a_page_a_request() -> None:
    """With pages of 16 the tail of a page is computed again by each that needs it, and nothing else."""
    backend = open_backend(page_size=16)
    results = few_shot.run_batch([{"question": q} for q in QUESTIONS], backend=backend)
    report, distinct = results[0].report, distinct_tokens([r.prompt.ids for r in backend.requests])
    assert distinct <= report.computed_tokens <= distinct + 16 * 64


def test_the_tokenizer_is_that_of_transformers() -> None:
    """What the counts above rest on."""
    ours: Tokenizer = open_backend().tokenizer
    assert tuple(ours.encode(FEW_SHOT)) == encoded([FEW_SHOT])[0]
