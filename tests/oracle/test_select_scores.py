"""`select` against a brute force: transformers' logits, each choice behind its prompt by itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import log
from pathlib import Path
from typing import Any

import pytest

import lmc
from lmc.backend.base import ChoiceScores, Gen, Prompt, Request, Score, SegmentEnd
from lmc.backend.local import CpuBackend
from lmc.ir.sampling import Sampling
from lmc.ir.scoring import CHOICES_METHODS
from scripts.support.checkpoint import FAMILIES
from tests.support.end_to_end import Recording, alarm, checkpoint, one_thread, transformers_model  # noqa: F401
from tests.support.sampled import one_in

Ids = tuple[int, ...]

TOL = 1e-5
CHOICES: dict[str, tuple[str, ...]] = {
    "two": ("yes", "no"),
    "prefixes": ("y", "yes", "yes, of course", "yes, of course not", "no", "not at all", "n"),
    "one": ("only this",),
    "single tokens": ("a", "b", "c", "1", "2"),
    "long": ("The quick brown fox jumps over the lazy dog.", "A man, a plan, a canal: Panama!", "今日は良い天気です。"),
    "same beginning": ("The capital of France", "The capital of Spain", "The capital"),
    "shared far": tuple(f"The quick brown fox jumps over the lazy {animal}" for animal in ("dog", "do", "cat", "dogs")),
    "unicode": ("naß", "na", "naß; l'été", "déjà", "今日", "今日は", "今", "🙂", "🙃", "é", "e\u0301"),
    "like control": ("<|im_end|>", "<|im_start|>user\n", "\n"),
}
PROMPTS = ("Is it so? ", "Question: What is the capital of France?\nAnswer: ", "x")


# --- the brute force --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Brute:
    """What transformers' logits say; `mass` is each choice's share of all texts."""

    logprobs: tuple[tuple[float, ...], ...]
    unconditional: tuple[tuple[float, ...], ...]
    scores: tuple[float, ...]
    index: int
    mass: tuple[float, ...]

    @property
    def probabilities(self) -> list[float]:
        """The distribution over the choices."""
        return [mass / sum(self.mass) for mass in self.mass]


KNOWN: dict[tuple[Path, Ids], Any] = {}


def next_logprobs(folder: Path, ids: Ids, after: Ids = ()) -> Any:
    """The distribution behind `ids`, one for all who ask: the methods look for equal numbers.

    A pass over `ids + after`, which the caller goes on with, gives the distributions behind all its beginnings.
    """
    import torch

    if (folder, ids) not in KNOWN:
        whole = ids + after
        with torch.no_grad():
            logits = transformers_model(folder)(torch.tensor([whole])).logits[0]
        for end, row in enumerate(logits.double().log_softmax(-1), 1):
            KNOWN.setdefault((folder, whole[:end]), row)
    return KNOWN[folder, ids]


@lru_cache(maxsize=1)
def their_tokenizer() -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(checkpoint("llama"))


def encode(text: str) -> Ids:
    """Ordinary text: the letters of a control token are letters."""
    return tuple(their_tokenizer().encode(text, add_special_tokens=False, split_special_tokens=True))


def brute(folder: Path, prompt: Ids, choices: Sequence[Ids], method: str) -> Brute:
    """The exact masses, and SGLang's three ways to compare choices, token by token."""
    rows = tuple(_along(folder, prompt, c) for c in choices)
    free = tuple((0.0, *_along(folder, c[:1], c[1:])) for c in choices)
    means = [sum(row) / len(row) for row in rows]
    by_ids: Counter[Ids] = Counter()
    _spread(folder, prompt, (), 1.0, None, frozenset(choices), by_ids)
    mass = tuple(by_ids[c] for c in choices)
    if method == "exact":
        scores = [log(m) for m in mass]
    elif method == "token_length_normalized":
        scores = means
    elif method == "unconditional_likelihood_normalized":
        scores = [mean - sum(row) / len(row) for mean, row in zip(means, free)]
    else:
        scores = _columns(rows, means)
    return Brute(rows, free, tuple(scores), max(range(len(scores)), key=lambda i: (scores[i], -i)), mass)


def _along(folder: Path, before: Ids, ids: Ids) -> tuple[float, ...]:
    """The log-probability of each of `ids`."""
    return tuple(float(next_logprobs(folder, before + ids[:j], ids[j:])[token]) for j, token in enumerate(ids))


def _spread(
    folder: Path, prompt: Ids, path: Ids, mass: float, best: Ids | None, choices: frozenset[Ids], by_ids: Counter[Ids]
) -> None:
    """Give the mass of all texts behind `path` to the longest choice each begins with, one next token after another.

    Walks the token tree of the choices with the whole vocabulary at every node; nothing is ever taken off.
    """
    best = path if path in choices else best
    longer = [c for c in choices if len(c) > len(path) and c[: len(path)] == path]
    if not longer:
        assert best is not None
        by_ids[best] += mass
        return
    for token, part in enumerate(next_logprobs(folder, prompt + path).exp().tolist()):
        after = (*path, token)
        if any(c[: len(after)] == after for c in longer):
            _spread(folder, prompt, after, mass * part, best, choices, by_ids)
        elif best is not None:
            by_ids[best] += mass * part


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


def assert_scores(
    got: ChoiceScores, folder: Path, prompt: Ids, choices: Sequence[str], method: str, ids: Sequence[Ids] | None = None
) -> None:
    ids = [encode(choice) for choice in choices] if ids is None else list(ids)
    want = brute(folder, prompt, ids, method)
    assert got.probabilities == pytest.approx(want.probabilities, abs=TOL)
    assert got.probabilities is not None and sum(got.probabilities) == pytest.approx(1.0, abs=1e-12)
    assert got.method == method and list(got.ids) == ids
    for ours, theirs in zip(got.logprobs, want.logprobs, strict=True):
        assert ours == pytest.approx(theirs, abs=TOL)
    # an exact score is a sum of log-probabilities, where the others are means
    assert got.scores == pytest.approx(want.scores, abs=TOL * (max(map(len, ids)) if method == "exact" else 1))
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


BACKENDS = [*((family, "default") for family in FAMILIES), *(("llama", options) for options in OPTIONS)]


@pytest.mark.parametrize("family, options", one_in(2, [pytest.param(*each, id="-".join(each)) for each in BACKENDS]))
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


@pytest.mark.slow
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


# --- the exact distribution -------------------------------------------------------------------------------


@lmc.function
def exactly(s, question, choices, temperature=0.0):
    s += question
    s += lmc.select("pick", choices, temperature, lmc.exact)
    s += lmc.gen("more", max_tokens=3, temperature=0, ignore_eos=True)


MERGING = ("ital", " ital", "cap", "quick", "0", "00", "日", "日は")
ENDS = ("The answer is ", "What is the cap", "Is it so?", "The  ", "in 10", "今日", "x", " ")


@pytest.mark.parametrize("question", ENDS)
def test_boundaries_are_healed(question: str) -> None:
    """What is scored is the whole text as the tokenizer writes it; those tokens stay, and the next call has them."""
    backend, folder = open_backend(), checkpoint("llama")
    items = [{"question": question, "choices": list(c)} for c in (*CHOICES.values(), MERGING)]
    results = exactly.run_batch(items, backend=backend)

    ended = [(request, event) for request, event in backend.events if isinstance(event, SegmentEnd)]
    for item, result in zip(items, results):
        choices = tuple(item["choices"])
        [(request, end)] = [(r, e) for r, e in ended if isinstance(r.out[0], Score) and r.out[0].choices == choices]
        kept, meta = request.prompt.ids, result.get_meta_info("pick")
        ids = [encode(question + choice)[len(kept) :] for choice in choices]
        if meta["boundary"] == "naive":
            assert len(kept) == 1 and any(encode(question + choice)[:1] != kept for choice in choices)
            ids = [encode(choice) for choice in choices]
        else:
            assert [kept + own for own in ids] == [encode(question + choice) for choice in choices]
        assert end.scores is not None
        assert_scores(end.scores, folder, kept, choices, "exact", ids)
        assert meta["distribution"] == list(zip(choices, end.scores.probabilities or ()))
        assert result["pick"] == max(meta["distribution"], key=lambda row: row[1])[0]
        assert result.text() == question + result["pick"] + result["more"]
        assert any(isinstance(r.out[0], Gen) and r.prompt.ids == kept + end.ids for r, _ in ended)


@pytest.mark.slow
def test_draws_are_as_frequent_as_they_are_likely() -> None:
    """300 items of one program: the draws follow the distribution in the result, and come again with the seed."""
    backend = open_backend(max_running=64)
    item: dict[str, Any] = {
        "question": "The answer is ",
        "choices": ["yes", "no", "n", "maybe"],
        "temperature": 1.5,
    }
    picks, again, others = (
        [r["pick"] for r in exactly.run_batch([item] * num, backend=backend, seed=seed)]
        for num, seed in ((300, 3), (40, 3), (40, 4))
    )
    distribution = exactly.run(**item, backend=backend).get_meta_info("pick")["distribution"]
    weights = {choice: p ** (1 / 1.5) for choice, p in distribution}

    assert picks[:40] == again != others
    counts = Counter(picks)
    for choice, weight in weights.items():
        p = weight / sum(weights.values())
        assert abs(counts[choice] - 300 * p) < 4 * (300 * p * (1 - p)) ** 0.5, (counts, weights)


def test_choices_of_a_common_beginning_share_its_tokens() -> None:
    """Each node of the token tree is computed once, and nothing of the prompt but its last token again."""
    backend = open_backend()
    choices = CHOICES["shared far"]
    prompt, ids = encode("Is it so? "), [encode(choice) for choice in choices]
    passes: list[Any] = []
    runner = backend.inner.engine.runner  # type: ignore[attr-defined]
    launch = runner.launch
    runner.launch = lambda batch: passes.append(batch) or launch(batch)
    session = backend.open()
    session.submit([Request(0, Prompt(prompt), (Score("c", choices, "exact"),))])
    while not any(isinstance(event, SegmentEnd) for _, event in backend.events):
        session.step(1.0)

    nodes = {choice[:end] for choice in ids for end in range(1, len(choice))}
    assert len(passes[-1].tokens) == 1 + len(nodes)
    assert len(nodes) < max(map(len, ids)) + 8 < sum(map(len, ids)) / 2


def test_choices_that_are_equal_count_once() -> None:
    """A choice that is given twice is one choice."""
    result = lmc.run(pick, "Is it so? ", ["yes", "no", "yes"], backend=open_backend())
    assert result.get_meta_info("mean")["choices"] == ["yes", "no"]
