"""The engine against transformers' `generate`, greedy in fp32, on tiny checkpoints of every family.

Equal as engine.md defines it: the same ids wherever the reference's two best logits are 1e-4 apart; at a closer call
either of the two may come, and what follows is no longer compared. Logits are compared in tests/backend/engine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from lmc.backend.base import Delta, Failed, Finished, Gen, Prompt, Request, SegmentEnd, Session, Usage
from lmc.backend.local import CpuBackend
from lmc.ir.sampling import Sampling
from scripts.support.checkpoint import FAMILIES, tiny_checkpoint
from tests.support.end_to_end import Recording, alarm, checkpoint, one_thread, transformers_model  # noqa: F401

Ids = tuple[int, ...]

MARGIN = 1e-4
MAX_TOKENS = 12
EOS = 2
CHUNKS = (1, 7, 64)
# name -> family, and how its checkpoint differs
VARIANTS: dict[str, tuple[Any, dict[str, Any]]] = {
    **{family: (family, {}) for family in FAMILIES},
    **{f"{family} tied": (family, {"tied": True}) for family in FAMILIES},
    "llama, one kv head": ("llama", {"num_key_value_heads": 1}),
    "qwen3, no groups, sharded": ("qwen3", {"num_key_value_heads": 4, "sharded": True}),
    "mistral window": ("mistral", {"sliding_window": 24}),
}


def folder_of(name: str) -> Path:
    family, fields = VARIANTS[name]
    return checkpoint(family, *fields.items())


def random_ids(count: int, seed: int) -> Ids:
    """Ordinary tokens, no control token among them."""
    import numpy as np

    return tuple(np.random.default_rng(seed).integers(3, 400, count).tolist())


SHARED = random_ids(70, seed=100)
PROMPTS: tuple[Ids, ...] = (
    random_ids(1, seed=1),
    random_ids(33, seed=2),
    random_ids(130, seed=3),
    SHARED,
    SHARED + random_ids(1, seed=4),
    SHARED + random_ids(20, seed=5),
    SHARED[:64],
    SHARED + random_ids(20, seed=5) + random_ids(40, seed=6),
)


# --- the two sides ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reference:
    """What transformers generates; margins[i]: by how much ids[i] beats the next best, second[i]."""

    ids: Ids
    margins: tuple[float, ...]
    second: Ids


@lru_cache(maxsize=4096)
def expected(folder: Path, prompt: Ids, eos: int | None = None, max_tokens: int = MAX_TOKENS) -> Reference:
    """Greedy `generate`; without an eos it goes on to max_tokens."""
    import torch
    from transformers import GenerationConfig

    config = GenerationConfig(
        max_new_tokens=max_tokens,
        do_sample=False,
        eos_token_id=eos,
        pad_token_id=0,
        output_logits=True,
        return_dict_in_generate=True,
    )
    ids = torch.tensor([prompt])
    model = transformers_model(folder)
    model.generation_config.eos_token_id = eos
    out = model.generate(ids, attention_mask=torch.ones_like(ids), generation_config=config)
    best = torch.stack([logits[0] for logits in out.logits]).topk(2)
    margins = (best.values[:, 0] - best.values[:, 1]).tolist()
    return Reference(
        tuple(out.sequences[0, len(prompt) :].tolist()), tuple(margins), tuple(best.indices[:, 1].tolist())
    )


def greedy(**fields: Any) -> Sampling:
    return Sampling(**{"max_tokens": MAX_TOKENS, "temperature": 0.0, "ignore_eos": True, **fields})


@dataclass
class Answer:
    """What the engine said to a prompt."""

    ids: Ids = ()
    streamed: Ids = ()
    reason: str = ""
    usage: Usage = field(default_factory=Usage)


def generate(session: Session, prompts: Sequence[Ids], sampling: Sampling | None = None) -> list[Answer]:
    """All prompts in one batch."""
    requests = [Request(i, Prompt(p), (Gen("x", sampling or greedy()),)) for i, p in enumerate(prompts)]
    answers = [Answer() for _ in prompts]
    left = len(prompts)
    session.submit(requests)
    while left:
        for event in session.step(1.0):
            answer = answers[event.rid]
            match event:
                case Delta():
                    answer.streamed += event.ids
                case SegmentEnd():
                    answer.ids, answer.reason = event.ids, event.reason
                case Finished():
                    answer.usage = event.usage
                    left -= 1
                case Failed():
                    raise AssertionError(event)
    return answers


def compare(folder: Path, prompts: Sequence[Ids], answers: Sequence[Answer]) -> None:
    """Each answer against its reference."""
    for prompt, answer in zip(prompts, answers, strict=True):
        want = expected(folder, prompt)
        assert len(answer.ids) == MAX_TOKENS and answer.streamed == answer.ids
        assert_same(answer.ids, want, f"prompt of {len(prompt)}")


def assert_same(got: Ids, want: Reference, what: str) -> None:
    """The same ids, up to the first that the reference itself found too close to call."""
    for at, (ours, theirs) in enumerate(zip(got, want.ids)):
        if ours == theirs:
            continue
        close = want.margins[at] <= MARGIN and ours == want.second[at]
        assert close, f"{what}, token {at}: {ours} for {theirs}, which leads by {want.margins[at]:.2g}"
        return
    assert len(got) == len(want.ids), what


def backend(name: str, **options: Any) -> CpuBackend:
    return CpuBackend(folder_of(name), dtype="fp32", **{"num_slots": 2048, **options})


# --- greedy -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunk_len", CHUNKS)
@pytest.mark.parametrize("name", VARIANTS)
def test_greedy_ids_are_those_of_transformers(name: str, chunk_len: int) -> None:
    """A batch of one and of eight, each with a cold cache and then a warm one."""
    place, folder = backend(name, chunk_len=chunk_len), folder_of(name)

    alone = place.open("alone")
    [cold], [warm] = generate(alone, [PROMPTS[2]]), generate(alone, [PROMPTS[2]])
    compare(folder, [PROMPTS[2]] * 2, [cold, warm])
    assert (cold.usage.cached_tokens, warm.usage.cached_tokens) == (0, len(PROMPTS[2]) - 1)

    together = place.open("together")
    for is_warm in (False, True):
        answers = generate(together, PROMPTS)
        compare(folder, PROMPTS, answers)
        computed = sum(answer.usage.computed_tokens for answer in answers)
        assert computed <= len(PROMPTS) if is_warm else computed >= len(PROMPTS[2])


@pytest.mark.slow
def test_the_reference_seldom_meets_a_close_call() -> None:
    """Else the tests above would compare little."""
    ties = [margin <= MARGIN for name in VARIANTS for prompt in PROMPTS for margin in _margins(name, prompt)]
    assert sum(ties) <= len(ties) / 500


def _margins(name: str, prompt: Ids) -> tuple[float, ...]:
    return expected(folder_of(name), prompt).margins


@pytest.mark.parametrize("page_size", [1, 8])
@pytest.mark.parametrize("name", ["llama", "qwen3"])
def test_a_hit_that_ends_on_a_page_border(name: str, page_size: int) -> None:
    """A whole prompt in the cache, shorter, as long as its pages, and longer; then one that goes on behind it."""
    place, folder = backend(name, page_size=page_size), folder_of(name)
    session = place.open()
    for length in (63, 64, 65, 72):
        prompt = random_ids(length, seed=9)
        for _ in range(2):
            compare(folder, [prompt], generate(session, [prompt]))
    longer = [random_ids(72, seed=9) + random_ids(n, seed=10) for n in (1, 7, 8, 9)]
    compare(folder, longer, generate(session, longer))


def test_the_same_prompt_eight_times_at_once() -> None:
    """One computes it, the others wait for it."""
    session = backend("qwen2").open()
    prompts = [PROMPTS[2]] * 8
    answers = generate(session, prompts)
    compare(folder_of("qwen2"), prompts, answers)
    assert len(PROMPTS[2]) <= sum(answer.usage.computed_tokens for answer in answers) <= len(PROMPTS[2]) + 8


@pytest.mark.parametrize("name", FAMILIES)
def test_an_answer_that_is_asked_on_from(name: str) -> None:
    """The second turn finds the first one's generated tokens in the cache, and computes what is new."""
    session, folder = backend(name).open(), folder_of(name)
    [first] = generate(session, [PROMPTS[1]])
    follow_ups = [PROMPTS[1] + first.ids + random_ids(n, seed=n) for n in (1, 5, 12)]
    answers = generate(session, follow_ups)
    compare(folder, follow_ups, answers)
    for answer in answers:
        assert answer.usage.cached_tokens >= len(PROMPTS[1]) + MAX_TOKENS - 1


@pytest.mark.parametrize("num_slots", [180, 260])
def test_a_pool_too_small_for_all_changes_no_token(num_slots: int) -> None:
    """Eviction and retraction: the batch twice over, on a pool that holds one or two of it."""
    session, folder = backend("mistral", num_slots=num_slots, chunk_len=32).open(), folder_of("mistral")
    for _ in range(2):
        compare(folder, PROMPTS, generate(session, PROMPTS))
    assert session.counters().evicted_tokens > 0


def test_namespaces_share_nothing() -> None:
    """The same prompt in another namespace is computed whole."""
    place = backend("llama")
    generate(place.open("a"), [PROMPTS[2]])
    [other] = generate(place.open("b"), [PROMPTS[2]])
    [same] = generate(place.open("a"), [PROMPTS[2]])
    assert (other.usage.cached_tokens, same.usage.cached_tokens) == (0, len(PROMPTS[2]) - 1)


def test_an_end_token_ends_where_transformers_ends(tmp_path: Path) -> None:
    """It is no part of the answer here, and the last id there. The checkpoint's config names it, among others."""
    plain = folder_of("llama")
    prompts = [prompt for prompt in PROMPTS if len(expected(plain, prompt).ids) == MAX_TOKENS]
    said = Counter(id for prompt in prompts for id in set(expected(plain, prompt).ids[3:-1]))
    [(eos, count)] = said.most_common(1)
    assert count >= 2
    folder = tiny_checkpoint(tmp_path, "llama", eos_token_id=[EOS, eos])

    answers = generate(CpuBackend(folder, dtype="fp32", num_slots=2048).open(), prompts, greedy(ignore_eos=False))

    for prompt, answer in zip(prompts, answers):
        want = expected(folder, prompt, eos)
        ended = want.ids[-1] == eos
        assert_same((*answer.ids, eos) if ended else answer.ids, want, "to the end")
        assert answer.reason == ("eos" if ended else "length")
    assert sum(answer.reason == "eos" for answer in answers) >= count


# --- log-probabilities ------------------------------------------------------------------------------------


@pytest.mark.parametrize("num_slots", [2048, 200])
def test_logprobs_are_those_of_transformers(num_slots: int) -> None:
    """Of every chosen token and of the three best, also after a retraction."""
    import torch

    folder, place = folder_of("qwen2"), Recording(backend("qwen2", num_slots=num_slots))
    prompts = [random_ids(40, seed=s) for s in range(6)]
    sampling = greedy(max_tokens=60, return_logprob=True, top_logprobs_num=3)
    session = place.open()
    generate(session, prompts, sampling)
    assert (session.counters().retractions > 0) == (num_slots == 200)
    ends = [(request, end) for request, end in place.events if isinstance(end, SegmentEnd)]
    assert len(ends) == len(prompts)
    for request, end in ends:
        with torch.no_grad():
            logits = transformers_model(folder)(torch.tensor([request.prompt.ids + end.ids])).logits[0].double()
        want = logits.log_softmax(-1)[len(request.prompt.ids) - 1 : -1]
        assert end.logprobs is not None and tuple(t.id for t in end.logprobs) == end.ids
        for row, token in zip(want, end.logprobs, strict=True):
            assert token.logprob == pytest.approx(float(row[token.id]), abs=3e-5)
            assert [p for _, p in token.top] == pytest.approx(row.topk(3).values.tolist(), abs=3e-5)
