"""A batch that shares a prefix, on the CPU engine: cache on against cache off against transformers, in one run.

    python -m benchmarks.shared_prefix [--prompts 32] [--rounds 5]

A random 28 M Llama (8 layers x 512) in bf16; prompts of 440 shared and 16 own tokens, 32 tokens out. Systems alternate
within a round; medians are printed as ratios to transformers. Quiet-machine work: the load is printed first.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

import lmc
from lmc.backend.local import CpuBackend
from scripts.support.checkpoint import tiny_checkpoint

SHAPE = {
    "vocab_size": 8192,
    "hidden_size": 512,
    "intermediate_size": 1536,
    "num_hidden_layers": 8,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "max_position_embeddings": 2048,
}
NEW_TOKENS = 32


@lmc.function
def answer(s, shared: str, own: str):
    s += shared + own
    s += lmc.gen("a", max_tokens=NEW_TOKENS, temperature=0, ignore_eos=True)


def texts(tokenizer: object, num_prompts: int) -> tuple[str, list[str]]:
    """One shared text of 440 tokens or a few more, and an own text for each prompt."""
    shared = ""
    while len(tokenizer.encode(shared)) < 440:  # type: ignore[attr-defined]
        shared += f"Line {len(shared)} of the handbook says what to do. "
    return shared, [f"Question {i}: what does line {i * 37} say? Answer:" for i in range(num_prompts)]


def lmc_run(backend: CpuBackend, shared: str, own: list[str]) -> Callable[[], object]:
    """A run on one of our backends."""
    items = [{"shared": shared, "own": o} for o in own]
    return lambda: answer.run_batch(items, backend=backend)


def transformers_run(folder: Path, shared: str, own: list[str]) -> Callable[[], object]:
    """The same work by transformers' generate: one padded batch, bf16, sdpa."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left")
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).eval()
    batch = tokenizer([shared + o for o in own], return_tensors="pt", padding=True)

    def run() -> object:
        with torch.inference_mode():
            return model.generate(
                **batch, max_new_tokens=NEW_TOKENS, min_new_tokens=NEW_TOKENS, do_sample=False, pad_token_id=0
            )

    return run


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.2f}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    folder = tiny_checkpoint(Path(tempfile.mkdtemp()), "llama", **SHAPE)
    on, off = CpuBackend(folder, dtype="bf16"), CpuBackend(folder, dtype="bf16", cache=False)
    shared, own = texts(on.tokenizer, options.prompts)
    num_tokens = len(on.tokenizer.encode(shared + own[0]))
    print(f"{options.prompts} prompts of about {num_tokens} tokens, {NEW_TOKENS} out")

    def cold() -> object:
        on.engine.cache.clear()
        return lmc_run(on, shared, own)()

    systems: dict[str, Callable[[], object]] = {
        "transformers generate": transformers_run(folder, shared, own),
        "lmc, cache off": lmc_run(off, shared, own),
        "lmc, cache on, cold": cold,
        "lmc, cache on, warm": lmc_run(on, shared, own),
    }
    seconds: dict[str, list[float]] = {name: [] for name in systems}
    for run in systems.values():
        run()
    for _ in range(options.rounds):
        for name, run in systems.items():
            began = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - began)
    base = statistics.median(seconds["transformers generate"])
    for name, values in seconds.items():
        median = statistics.median(values)
        print(f"{name:24} {median:7.3f} s  (min {min(values):.3f}, max {max(values):.3f})  {base / median:5.2f} x")


if __name__ == "__main__":
    main()
