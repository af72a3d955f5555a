"""`select` against a brute force: transformers' logits, one forward pass for every prefix of every choice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

import lmc
from lmc.backend.base import ChoiceScores, Gen, Prompt, Request, Score, SegmentEnd
from lmc.backend.cpu import CpuBackend
from lmc.ir.sampling import Sampling
from lmc.parser.primitives import CHOICES_METHODS
from tests.end_to_end import Recording, alarm, checkpoint, one_thread, transformers_model  # noqa: F401
from tests.tiny import FAMILIES

Ids = tuple[int, ...]

TOL = 1e-5
CHOICES: dict[str, tuple[str, ...]] = {
    "two": ("yes", "no"),
    "prefixes": ("y", "yes", "yes, of course", "yes, of course not", "no", "not at all", "n"),
    "one": ("only this",),
    "single tokens": ("a", "b", "c", "1", "2"),
    "long": ("The quick brown fox jumps over the lazy dog.", "A man, a plan, a canal: Panama!", "今日は良い天気です。"),
    "same beginning": ("The capital of France", "The capital of Spain", "The capital"),
    "like control": ("<|im_end|>", "<|im_start|>user\n", "\n"),
}
PROMPTS = ("Is it so? ", "Question: What is the capital of France?\nAnswer: ", "x")


# --- the brute force --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Brute:
    """What transformers' logits say."""

    logprobs: tuple[tuple[float, ...], ...]
    unconditional: tuple[tuple[float, ...], ...]
    scores: tuple[float, ...]
    index: int


@lru_cache(maxsize=100_000)
def next_logprobs(folder: Path, ids: Ids) -> Any:
    """The distribution behind `ids`."""
    import torch

    with torch.no_grad():
        logits = transformers_model(folder)(torch.tensor([ids])).logits[0, -1]
    return logits.double().log_softmax(-1)


@lru_cache(maxsize=1)
def their_tokenizer() -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(checkpoint("llama"))


def encode(text: str) -> Ids:
    """Ordinary text: the letters of a control token are letters."""
    return tuple(their_tokenizer().encode(text, add_special_tokens=False, split_special_tokens=True))


def brute(folder: Path, prompt: Ids, choices: Sequence[Ids], method: str) -> Brute:
    """SGLang's three ways to compare choices, token by token."""
    rows = tuple(tuple(_logprob(folder, prompt + c[:j], c[j]) for j in range(len(c))) for c in choices)
    free = tuple((0.0, *(_logprob(folder, c[:j], c[j]) for j in range(1, len(c)))) for c in choices)
    means = [sum(row) / len(row) for row in rows]
    if method == "token_length_normalized":
        scores = means
    elif method == "unconditional_likelihood_normalized":
        scores = [mean - sum(row) / len(row) for mean, row in zip(means, free)]
    else:
        scores = _columns(rows, means)
    return Brute(rows, free, tuple(scores), max(range(len(scores)), key=lambda i: (scores[i], -i)))


def _logprob(folder: Path, before: Ids, token: int) -> float:
    return float(next_logprobs(folder, before)[token])


def _columns(rows: tuple[tuple[float, ...], ...], means: list[float]) -> list[float]:
    """In how many columns each stays among the best; a row that has ended goes on with its mean."""
    width = max(map(len, rows))
    padded = [[*row, *[mean] * (width - len(row))] for row, mean in zip(rows, means)]
    score, left = [0.0] * len(rows), set(range(len(rows)))
    for column in zip(*padded):
        best = max(column[i] for i in left)
        left = {i for i in left if column[i] == best}
        for i in left:
            score[i] += 1
        if len(left) == 1:
            break
    return score


# --- at the waist -----------------------------------------------------------------------------------------


def assert_scores(got: ChoiceScores, folder: Path, prompt: Ids, choices: Sequence[str], method: str) -> None:
    ids = [encode(choice) for choice in choices]
    want = brute(folder, prompt, ids, method)
    assert got.method == method and list(got.ids) == ids
    for ours, theirs in zip(got.logprobs, want.logprobs, strict=True):
        assert ours == pytest.approx(theirs, abs=TOL)
    assert got.scores == pytest.approx(want.scores, abs=TOL)
    if method == "unconditional_likelihood_normalized":
        assert got.unconditional is not None
        for ours, theirs in zip(got.unconditional, want.unconditional, strict=True):
            assert ours == pytest.approx(theirs, abs=TOL)
    else:
        assert got.unconditional is None
    best, *others = sorted(want.scores, reverse=True)
    if not others or best - others[0] > 2 * TOL:
        assert got.index == want.index


def open_backend(family: Any = "llama", **options: Any) -> Recording:
    return Recording(CpuBackend(checkpoint(family), dtype="fp32", **{"num_slots": 4096, **options}))


OPTIONS: dict[str, dict[str, Any]] = {
    "default": {},
    "chunks of 1": {"chunk_len": 1},
    "no cache": {"cache": False},
    "pages of 8": {"page_size": 8},
    "small pool": {"num_slots": 200, "chunk_len": 16},
    "eight tokens a step": {"token_budget": 8, "max_running": 2},
}


@pytest.mark.parametrize("family, options", [*((f, "default") for f in FAMILIES), *(("llama", o) for o in OPTIONS)])
def test_every_method_scores_as_the_brute_force(family: Any, options: str) -> None:
    """All methods, choices and prompts as one batch; then again with a warm cache."""
    backend, folder = open_backend(family, **OPTIONS[options]), checkpoint(family)
    asked = [(p, c, m) for p in PROMPTS for c in CHOICES.values() for m in CHOICES_METHODS]
    requests = [Request(i, Prompt(encode(p)), (Score("c", c, m),)) for i, (p, c, m) in enumerate(asked)]  # type: ignore[arg-type]
    session = backend.open()
    for _ in range(2):
        backend.events.clear()
        session.submit(requests)
        while len(ends := [e for _, e in backend.events if isinstance(e, SegmentEnd)]) < len(requests):
            session.step(1.0)
            assert not backend.failures()
        for end in ends:
            prompt, choices, method = asked[end.rid]
            assert end.scores is not None and end.reason == "score"
            assert_scores(end.scores, folder, encode(prompt), choices, method)
            assert (end.text, end.ids) == (choices[end.scores.index], encode(choices[end.scores.index]))
        while session.step(0.0):
            pass


def test_a_choice_between_two_generations() -> None:
    """In one request: the prompt of the scores is what was generated, the choice goes on in the next generation."""
    folder = checkpoint("qwen3")
    backend = open_backend("qwen3")
    gen = Gen("x", Sampling(max_tokens=5, temperature=0.0, ignore_eos=True))
    prompt, choices = encode("Is it so? "), CHOICES["prefixes"]
    session = backend.open()
    session.submit([Request(0, Prompt(prompt), (gen, Score("c", choices), gen, Score("d", choices)))])
    for _ in range(40):
        session.step(0.0)
    ends = [event for _, event in backend.events if isinstance(event, SegmentEnd)]
    assert len(ends) == 4
    for end in ends:
        if end.scores is not None:
            assert_scores(end.scores, folder, prompt, choices, "token_length_normalized")
        prompt += end.ids


# --- in programs ------------------------------------------------------------------------------------------


@lmc.function
def pick(s, question, choices):
    s += question
    s += lmc.select("mean", choices)
    forks = s.fork(2)
    forks[0] += "\nAgain: "
    forks[0] += lmc.select("greedy", choices, choices_method=lmc.greedy_token_selection)
    forks[1] += "\nOnce more: "
    forks[1] += lmc.select("gain", choices, choices_method=lmc.unconditional_likelihood_normalized)
    s += "\n" + lmc.gen("more", max_tokens=4, temperature=0)
    s += lmc.gen("by_gen", choices=choices, choices_method="greedy_token_selection")
    return forks


def test_a_program_reads_the_winner_and_its_scores() -> None:
    """What get_meta_info shows is what was compared; every prompt is the one that was scored."""
    backend, folder = open_backend(), checkpoint("llama")
    items = [{"question": q, "choices": list(c)} for q in PROMPTS for c in CHOICES.values()]
    results = pick.run_batch(items, backend=backend)

    scored = {}
    for request, end in backend.events:
        if isinstance(end, SegmentEnd) and end.scores is not None:
            score = request.out[0]
            assert isinstance(score, Score)
            assert_scores(end.scores, folder, request.prompt.ids, score.choices, score.method)
            scored[request.prompt.ids, score.choices, score.method] = end.scores
    for item, result in zip(items, results):
        choices = tuple(item["choices"])
        for state, name in [
            (result, "mean"),
            (result, "by_gen"),
            (result.ret_value[0], "greedy"),
            (result.ret_value[1], "gain"),
        ]:
            meta = state.get_meta_info(name)
            assert state[name] == choices[meta["choice"]] and meta["choices"] == list(choices)
            assert any(
                tuple(meta["scores"]) == scores.scores and meta["method"] == method
                for (_, of, method), scores in scored.items()
                if of == choices
            )
        mean = result.get_meta_info("mean")
        assert mean["normalized_prompt_logprobs"] == pytest.approx(mean["scores"])
        rows = [tuple(id for _, id in row) for row in mean["input_token_logprobs"]]
        assert rows == [encode(choice) for choice in choices]


def test_a_batch_scores_as_each_alone() -> None:
    """The scores of 21 programs together, to the tolerance; the texts exactly."""
    items = [{"question": q, "choices": list(c)} for q in PROMPTS for c in CHOICES.values()]
    together = pick.run_batch(items, backend=open_backend())
    for item, result in zip(items, together):
        [alone] = pick.run_batch([item], backend=open_backend())
        assert alone.text() == result.text()
        assert alone.get_meta_info("mean")["scores"] == pytest.approx(result.get_meta_info("mean")["scores"], abs=TOL)


def test_what_choices_have_in_common_is_scored_once() -> None:
    """greedy_token_selection looks for equal numbers: a token behind the same tokens has one, to the last bit."""
    backend = open_backend()
    pick.run_batch([{"question": q, "choices": list(CHOICES["prefixes"])} for q in PROMPTS * 3], backend=backend)
    for _, end in backend.events:
        if isinstance(end, SegmentEnd) and end.scores is not None:
            seen: dict[Ids, float] = {}
            for ids, row in zip(end.scores.ids, end.scores.logprobs):
                for j, logprob in enumerate(row):
                    assert seen.setdefault(ids[: j + 1], logprob) == logprob, ids[: j + 1]


def test_choices_that_are_equal_count_once() -> None:
    """A choice that is given twice is one choice."""
    result = lmc.run(pick, "Is it so? ", ["yes", "no", "yes"], backend=open_backend())
    assert result.get_meta_info("mean")["choices"] == ["yes", "no"]
