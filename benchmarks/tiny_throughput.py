"""Generated tokens a second of lmc-tiny over a batch, beside the floor that its bare matrix products set.

    python -m benchmarks.tiny_throughput [--batch 64] [--tokens 128] [--rounds 5] [--dtype auto]

Prompts of some 20 tokens, greedy, no stop. The floor is the time of one step's linears and head alone, on the same
packed weights and batch, with nothing between them: no engine goes faster without changing the arithmetic.
Rounds of both alternate; medians are printed, with the load of the machine first.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from pathlib import Path

import torch

import lmc
from lmc.backend.default_model import FOLDER
from lmc.backend.local import CpuBackend


@lmc.function
def tell(s, number: int, max_tokens: int):
    s += lmc.user(f"Tell me about house number {number}, its colour, its people and its place.")
    s += lmc.assistant(lmc.gen("text", max_tokens=max_tokens, temperature=0, ignore_eos=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--model", type=Path, default=FOLDER)
    parser.add_argument("--dtype", choices=("auto", "fp32", "bf16"), default="auto")
    given = parser.parse_args()
    backend = CpuBackend(given.model, dtype=given.dtype)
    threads, load = torch.get_num_threads(), os.getloadavg()[0]
    print(f"{os.cpu_count()} cores, {threads} threads, load {load:.2f}; torch {torch.__version__}")
    generate(backend, given.batch, given.tokens, 0)  # warm: kernels are chosen at the first step of a size
    floor(backend, given.batch)
    runs, floors = [], []
    for number in range(1, given.rounds + 1):
        runs.append(given.batch * given.tokens / generate(backend, given.batch, given.tokens, number))
        floors.append(given.batch / floor(backend, given.batch))
    rate, most = statistics.median(runs), statistics.median(floors)
    dtype = str(backend.engine.runner.decoder.dtype).removeprefix("torch.")  # type: ignore[attr-defined]
    print(f"batch {given.batch}, {given.tokens} tokens each, {dtype}")
    print(f"  generated          {rate:9,.0f} tokens/s   ({min(runs):,.0f} to {max(runs):,.0f})")
    print(f"  bare products      {most:9,.0f} tokens/s   ({min(floors):,.0f} to {max(floors):,.0f})")
    print(f"  share of the floor {100 * rate / most:8.0f} %")


def generate(backend: CpuBackend, batch: int, tokens: int, number: int) -> float:
    """Seconds of one batch of prompts that no earlier one had."""
    items = [{"number": 1000 * number + each, "max_tokens": tokens} for each in range(batch)]
    began = time.perf_counter()
    results = tell.run_batch(items, backend=backend)
    spent = time.perf_counter() - began
    assert sum(result.usage.output_tokens for result in results) == batch * tokens
    return spent


def floor(backend: CpuBackend, batch: int, steps: int = 50) -> float:
    """Seconds of the matrix products of one decoding step."""
    decoder = backend.engine.runner.decoder  # type: ignore[attr-defined]
    config = decoder.config
    hidden = torch.randn(batch, config.hidden_size, dtype=decoder.dtype)
    mixed = torch.randn(batch, config.num_heads * config.head_dim, dtype=decoder.dtype)
    inner = torch.randn(batch, config.mlp_size, dtype=decoder.dtype)
    began = time.perf_counter()
    for _ in range(steps):
        for layer in decoder.layers:
            layer.qkv(hidden), layer.out(mixed), layer.mlp.gate_up(hidden), layer.mlp.down(inner)
        decoder.head(hidden)
    return (time.perf_counter() - began) / steps


if __name__ == "__main__":
    main()
