"""Entries of sampling: rows of a whole vocabulary, peaked as a language model's are, or flat, which is the worst case.

The floor is one read of the logits and the masks; top-p needs a second one, so half of it is as good as can be had.
Torch's way sorts. It draws other tokens, so answers are not compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

import torch
from torch import Tensor

from benchmarks.kernels.entry import Call, Calls, Cost, Entry, Shape, compiled, random
from lmc.kernels.automaton import Automata, automaton_words
from lmc.kernels.sample import sample
from lmc.kernels.sampling_rules import Bitmask, Draws, Penalties
from lmc.kernels.token_logprobs import token_logprobs

BF16 = torch.bfloat16


def logits_of(shape: Shape, device: torch.device) -> Tensor:
    """Rows [B, V]: peaked ones fall with the rank to the power -1.5 (60 tokens hold 0.9), flat ones are normal."""
    rows, vocab = shape["rows"], shape["vocab"]
    if shape["kind"] == "flat":
        return random(rows, vocab, dtype=shape["dtype"], device=device)
    order = random(rows, vocab, dtype=torch.float32, device=device).argsort(-1)
    return (20 - 1.5 * (order + 1).float().log()).to(shape["dtype"])


def draws_of(shape: Shape, device: torch.device) -> Draws:
    """temperature 0.8; the shape's top_p, or greedy where it is 0."""
    rows, top_p = shape["rows"], shape["top_p"]
    return Draws(
        temperature=torch.full((rows,), 0.8 if top_p else 0.0, device=device),
        top_k=torch.full((rows,), -1, dtype=torch.int32, device=device),
        top_p=torch.full((rows,), top_p or 1.0, device=device),
        min_p=torch.zeros(rows, device=device),
        seed=torch.arange(rows, device=device),
        position=torch.arange(rows, device=device),
    )


def sample_calls(shape: Shape, device: torch.device) -> Calls:
    """With mask and penalties where the shape says so: half of the tokens allowed, 1 in 100 seen."""
    rows, vocab = shape["rows"], shape["vocab"]
    logits, draws = logits_of(shape, device), draws_of(shape, device)
    words, penalties, allowed = None, None, None
    if shape["mask"]:
        generator = torch.Generator(device).manual_seed(1)
        size = (rows, -(-vocab // 32))
        words = torch.randint(-(2**31), 2**31, size, device=device, generator=generator).to(torch.int32)
        bits = (words[:, :, None] >> torch.arange(32, device=device)) & 1
        allowed = bits.flatten(1)[:, :vocab].bool()
    if shape["penalties"]:
        counts = (random(rows, vocab, dtype=torch.float32, device=device, seed=2) > 2.3).to(torch.uint8)
        ones = torch.ones(rows, device=device)
        penalties = Penalties(counts, ones * 1.1, ones * 0.5, ones * 0.2)
    bitmask = Bitmask(words) if words is not None else None
    step = torch_way(draws, allowed, penalties)
    others: dict[str, Call] = {"eager": lambda: step(logits)}
    if shape["top_p"]:
        fused = compiled(step, device)
        others["compile"] = lambda: fused(logits)
        others |= flashinfer_way(logits, draws, allowed, penalties, device)
    return Calls(lambda: sample(logits, draws, bitmask=bitmask, penalties=penalties), others)


def torch_way(draws: Draws, allowed: Tensor | None, penalties: Penalties | None):  # type: ignore[no-untyped-def]
    """logits -> tokens as torch programs do it: penalise, mask, sort, cumulate, draw."""
    is_greedy = bool((draws.temperature == 0).all())

    def step(logits: Tensor) -> Tensor:
        x = adjusted(logits, allowed, penalties)
        if is_greedy:
            return x.argmax(-1)
        probs, order = (x / draws.temperature[:, None]).softmax(-1).sort(-1, descending=True)
        probs = probs * (probs.cumsum(-1) - probs < draws.top_p[:, None])
        return order.gather(-1, (probs / torch.empty_like(probs).exponential_()).argmax(-1, keepdim=True))[:, 0]

    return step


def adjusted(logits: Tensor, allowed: Tensor | None, penalties: Penalties | None) -> Tensor:
    """fp32 logits with penalties and mask."""
    x = logits.float()
    if penalties is not None:
        repetition, presence, frequency = penalties.repetition, penalties.presence, penalties.frequency
        costly = torch.where(x > 0, x / repetition[:, None], x * repetition[:, None])
        costly = costly - (frequency[:, None] * penalties.counts + presence[:, None])
        x = torch.where(penalties.counts > 0, costly, x)
    return x if allowed is None else x.masked_fill(~allowed, -torch.inf)


def flashinfer_way(
    logits: Tensor, draws: Draws, allowed: Tensor | None, penalties: Penalties | None, device: torch.device
) -> dict[str, Call]:
    """FlashInfer's top-p sampling after torch's penalties, mask and softmax; nothing where it is not installed."""
    if device.type != "cuda" or find_spec("flashinfer") is None:
        return {}
    from flashinfer.sampling import top_p_sampling_from_probs

    def step() -> Tensor:
        probs = (adjusted(logits, allowed, penalties) / draws.temperature[:, None]).softmax(-1)
        return top_p_sampling_from_probs(probs, draws.top_p)

    return {"flashinfer": step}


def sample_cost(shape: Shape) -> Cost:
    """One read of the logits, of the mask's bits, and of one byte a token where there are penalties."""
    bits = 8 * shape["dtype"].itemsize + shape["mask"] + 8 * shape["penalties"]
    return Cost(shape["rows"] * shape["vocab"] * bits // 8)


def logprobs_calls(shape: Shape, device: torch.device) -> Calls:
    logits = logits_of(shape, device)
    tokens = torch.arange(shape["rows"], device=device)
    wanted = torch.full((shape["rows"],), shape["top"], dtype=torch.int32, device=device)

    def eager(logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        logprobs = logits.float().log_softmax(-1)
        values, ids = logprobs.topk(shape["top"])
        return logprobs.gather(1, tokens[:, None])[:, 0], ids, values

    return Calls(lambda: token_logprobs(logits, tokens, wanted, max_top=shape["top"]), {"eager": lambda: eager(logits)})


def logprobs_cost(shape: Shape) -> Cost:
    """One read of the logits."""
    return Cost(shape["rows"] * shape["vocab"] * shape["dtype"].itemsize)


def words_calls(shape: Shape, device: torch.device) -> Calls:
    """A batch over four automata; torch gathers the same and multiplies bits together."""
    generator = torch.Generator(device).manual_seed(0)

    def numbers(high: int, *size: int) -> Tensor:
        return torch.randint(high, size, device=device, generator=generator)

    automata = Automata(
        numbers(shape["classes"], 4, shape["vocab"]).to(torch.int16), numbers(3, 500, shape["classes"]).to(torch.int32)
    )
    states, which = numbers(500, shape["rows"]).int(), numbers(4, shape["rows"]).int()

    def eager() -> Tensor:
        alive = automata.next_state[states.long()[:, None], automata.classes[which.long()].long()] != 0
        bits = torch.nn.functional.pad(alive & (states != 0)[:, None], (0, -shape["vocab"] % 32)).unflatten(1, (-1, 32))
        return (bits.long() << torch.arange(32, device=device)).sum(-1).to(torch.int32)

    return Calls(lambda: automaton_words(states, which, automata), {"eager": eager})


def words_cost(shape: Shape) -> Cost:
    """Reads the classes of four automata once, writes a bit for each row and token."""
    return Cost(shape["vocab"] * (4 * 2 + shape["rows"] // 8))


def entries() -> Iterator[Entry]:
    for rows, kind, top_p, mask, penalties, quick in (
        (256, "peaked", 0.9, True, True, True),
        (256, "peaked", 0.9, False, False, True),
        (256, "flat", 0.9, False, False, False),
        (256, "peaked", 1.0, False, False, False),
        (256, "peaked", 0.0, True, False, False),
        (16, "peaked", 0.9, True, True, False),
    ):
        real = {"rows": rows, "vocab": 151_936, "kind": kind, "top_p": top_p, "mask": mask, "penalties": penalties}
        real["dtype"] = BF16
        tiny = {**real, "rows": 2, "vocab": 300}
        yield Entry("sample", real, tiny, sample_calls, sample_cost, quick, same=False)
    for rows, top in ((256, 5), (16, 20)):
        real = {"rows": rows, "vocab": 151_936, "top": top, "kind": "peaked", "dtype": BF16}
        tiny = {**real, "rows": 3, "vocab": 100, "top": 2}
        yield Entry("token_logprobs", real, tiny, logprobs_calls, logprobs_cost, quick=False, same=False)
    real = {"rows": 256, "vocab": 151_936, "classes": 300}
    tiny = {"rows": 3, "vocab": 100, "classes": 7}
    yield Entry("automaton_words", real, tiny, words_calls, words_cost, quick=False)
