"""The training loop: batches made while the network runs, Muon and AdamW, checkpoints to resume from, a progress line.

Deterministic given the seed: batch n is a function of (seed, n), and the number of steps is fixed.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch

from scripts.tiny.corpus import Encoder, Rows, batch, pack, tests
from scripts.tiny.network import Losses, Network, Sizes
from scripts.tiny.tasks import TASKS

MICRO_BATCHES = 1  # batches of 8,192 tokens in one step of the optimiser
NUM_CHOSEN = 2560  # positions of a batch whose loss is taken
CURVE_EVERY = 400


@dataclass(frozen=True, slots=True)
class Plan:
    """What a training run is: everything that its result depends on."""

    seed: int = 0
    steps: int = 6400
    warmup: int = 100
    # (share of the steps, share of the rate), straight lines between: level, down, slower down to 0, and a little more
    # for the last stage
    schedule: tuple[tuple[float, float], ...] = (
        (1400 / 6400, 1.0), (3600 / 6400, 10 / 21), (6000 / 6400, 0.0), (6030 / 6400, 0.15), (1.0, 0.0),
    )  # fmt: skip
    muon_rate: float = 5e-3
    adam_rate: float = 2e-3
    weight_decay: float = 0.02


def train(folder: Path, plan: Plan, sizes: Sizes, device: str = "cpu", compiled: bool = True) -> Network:
    """Train to the end, resuming from `folder`/state.pt where there is one; returns the network."""
    torch.manual_seed(plan.seed)
    network = Network(sizes).to(device)
    optimisers = optimisers_of(network, plan)
    done, curve, spent = resume(folder, network, optimisers)
    low = low_copy(network, device)
    run = torch.compile(Losses(low), dynamic=False) if compiled else Losses(low)
    encoder = Encoder(tokenizer(folder))
    began, shown_loss = time.monotonic() - spent, math.nan
    batches = prefetched(folder, plan.seed, done * MICRO_BATCHES)
    for step in range(done, plan.steps):
        set_rates(optimisers, plan, step)
        copy_weights(network, low)
        loss = (
            sum(one_batch(run, next(batches), device, plan.seed + step) for _ in range(MICRO_BATCHES)) / MICRO_BATCHES
        )
        apply_gradients(network, low, optimisers)
        shown_loss = loss if math.isnan(shown_loss) else 0.95 * shown_loss + 0.05 * loss
        progress(step, plan, shown_loss, time.monotonic() - began)
        if (step + 1) % CURVE_EVERY == 0 or step + 1 == plan.steps:
            copy_weights(network, low)
            scores = {task: exact_share(low, encoder, task, device) for task in TASKS}
            curve.append(
                {
                    "step": step + 1,
                    "minutes": round((time.monotonic() - began) / 60, 2),
                    "loss": round(shown_loss, 4),
                    **scores,
                }
            )
            print(f"\n{step + 1}: " + "  ".join(f"{task} {score:.2f}" for task, score in scores.items()), flush=True)
            save_state(folder, network, optimisers, step + 1, curve, time.monotonic() - began)
    return network


def tokenizer(folder: Path) -> Any:
    from tokenizers import Tokenizer

    return Tokenizer.from_file(str(folder / "tokenizer.json"))


# --- one step --------------------------------------------------------------------------------------------


def one_batch(run: Any, rows: Rows, device: str, seed: int) -> float:
    """Add one batch's gradients; returns its loss over what the model writes."""
    chosen, weight = choose(rows, seed)
    ids, item, place = (torch.from_numpy(each).to(device) for each in (rows.ids, rows.item, rows.place))
    at = torch.from_numpy(chosen).to(device)
    targets = torch.from_numpy(rows.targets.reshape(-1)[chosen]).to(device)
    scale = torch.from_numpy(weight).to(device)
    losses = run(ids, item, place, at, targets)
    total = (losses * scale).sum() / scale.sum()
    (total / MICRO_BATCHES).backward()
    written = scale >= 1
    return float(losses.detach()[written].mean())


def choose(rows: Rows, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """NUM_CHOSEN flat positions and their weights: what the model writes first, then a random part of what it reads."""
    weight = rows.weight.reshape(-1)
    random = np.random.default_rng(seed).random(weight.size)
    written = np.flatnonzero(weight >= 1)
    if written.size > NUM_CHOSEN:
        chosen = np.random.default_rng(seed).choice(written, NUM_CHOSEN, replace=False)
    else:
        chosen = np.argsort(-(weight + random * 0.5 * (weight > 0)), kind="stable")[:NUM_CHOSEN]
    return chosen, weight[chosen]


def optimisers_of(network: Network, plan: Plan) -> list[torch.optim.Optimizer]:
    """Muon (Jordan 2024) for the matrices of the layers, AdamW for the embedding and the norms."""
    matrices = [weight for name, weight in network.named_parameters() if weight.ndim == 2 and "layers." in name]
    rest = [weight for name, weight in network.named_parameters() if weight.ndim != 2 or "layers." not in name]
    muon = torch.optim.Muon(
        matrices, lr=plan.muon_rate, momentum=0.95, weight_decay=plan.weight_decay, adjust_lr_fn="match_rms_adamw"
    )
    adam = torch.optim.AdamW(rest, lr=plan.adam_rate, betas=(0.9, 0.95), weight_decay=0.0)
    return [muon, adam]


def set_rates(optimisers: list[torch.optim.Optimizer], plan: Plan, step: int) -> None:
    """Up in the first steps, then as the schedule says."""
    share = min((step + 1) / plan.warmup, float(np.interp(step / plan.steps, *zip(*plan.schedule, strict=True))))
    for optimiser, rate in zip(optimisers, (plan.muon_rate, plan.adam_rate), strict=True):
        for group in optimiser.param_groups:
            group["lr"] = rate * share


def low_copy(network: Network, device: str) -> Network:
    """The bf16 network that runs; the fp32 one is the master."""
    return Network(network.sizes).to(device, torch.bfloat16)


@torch.no_grad()
def copy_weights(network: Network, low: Network) -> None:
    torch._foreach_copy_(list(low.parameters()), list(network.parameters()))


@torch.no_grad()
def apply_gradients(network: Network, low: Network, optimisers: list[torch.optim.Optimizer]) -> None:
    """One step of the optimisers on the master, from the gradients of the low copy, cut to a norm of 1."""
    for master, each in zip(network.parameters(), low.parameters(), strict=True):
        assert each.grad is not None
        master.grad = each.grad.float()
        each.grad = None
    torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    for optimiser in optimisers:
        optimiser.step()


# --- batches, made ahead ---------------------------------------------------------------------------------

_encoder: Encoder | None = None


def _open_encoder(folder: str) -> None:
    global _encoder
    _encoder = Encoder(tokenizer(Path(folder)))


def _make(seed: int, number: int) -> Rows:
    assert _encoder is not None
    return batch(_encoder, seed, number)


def prefetched(folder: Path, seed: int, number: int, ahead: int = 8) -> Iterator[Rows]:
    """The stream of batches from `number` on, made in a process beside this one."""
    with ProcessPoolExecutor(1, get_context("spawn"), _open_encoder, (str(folder),)) as pool:
        waiting: list[Future[Rows]] = []
        while True:
            while len(waiting) < ahead:
                waiting.append(pool.submit(_make, seed, number))
                number += 1
            yield waiting.pop(0).result()


# --- what is seen on the way -----------------------------------------------------------------------------


@torch.no_grad()
def exact_share(low: Network, encoder: Encoder, task: str, device: str, count: int = 96) -> float:
    """Share of held-out items whose last text the network would write exactly (greedy, given the true prefix)."""
    found = sorted(
        (each for _, each in tests(encoder, task, count, 0) if len(each.ids) <= 512), key=lambda each: -len(each.ids)
    )
    rows = pack(found, sum(len(each.ids) for each in found) // 480 + 4, 512)
    best = np.concatenate([best_next(low, rows, slice(at, at + 16), device) for at in range(0, len(rows.ids), 16)])
    right = 0
    for number, each in enumerate(found):
        row, start = (int(at[0]) for at in np.nonzero(rows.item == number))
        span = slice(start + each.last - 1, start + each.last - 1 + sum(map(bool, each.written[each.last :])))
        right += bool((best[row, span] == rows.targets[row, span]).all())
    return round(right / len(found), 3)


def best_next(low: Network, rows: Rows, part: slice, device: str) -> np.ndarray:
    """The likeliest next token at every position of these rows."""
    ids, item, place = (torch.from_numpy(each[part]).to(device) for each in (rows.ids, rows.item, rows.place))
    logits = low(ids, item, place, torch.arange(ids.numel(), device=device))
    return logits.argmax(-1).view(ids.shape).cpu().numpy()


def progress(step: int, plan: Plan, loss: float, spent: float) -> None:
    """One line, rewritten in place."""
    rate = (step + 1) * MICRO_BATCHES * 8192 / max(spent, 1e-9)
    left = spent / (step + 1) * (plan.steps - step - 1)
    print(
        f"\rstep {step + 1}/{plan.steps}  loss {loss:.4f}  {rate:,.0f} tokens/s  {spent / 60:.1f} min, {left / 60:.1f} to go ",
        end="",
        flush=True,
    )


def save_state(
    folder: Path, network: Network, optimisers: list[torch.optim.Optimizer], step: int, curve: list[Any], spent: float
) -> None:
    """All that is needed to go on from here; written beside and moved into place."""
    state = {
        "network": network.state_dict(),
        "optimisers": [optimiser.state_dict() for optimiser in optimisers],
        "step": step,
        "curve": curve,
        "spent": spent,
    }
    torch.save(state, folder / "state.new")
    (folder / "state.new").replace(folder / "state.pt")
    (folder / "curve.json").write_text(json.dumps(curve, indent=1))


def resume(folder: Path, network: Network, optimisers: list[torch.optim.Optimizer]) -> tuple[int, list[Any], float]:
    """Step, curve and seconds of an earlier run; (0, [], 0) where there is none."""
    path = folder / "state.pt"
    if not path.exists():
        return 0, [], 0.0
    state: dict[str, Any] = torch.load(path, weights_only=True, map_location=next(network.parameters()).device)
    network.load_state_dict(state["network"])
    for optimiser, saved in zip(optimisers, state["optimisers"], strict=True):
        optimiser.load_state_dict(saved)
    print(f"resumed at step {state['step']}")
    return state["step"], state["curve"], state["spent"]
