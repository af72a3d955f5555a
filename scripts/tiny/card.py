"""The model card: what the model is, what it was trained on, how the training went, and its scores as measured."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.tiny.tasks import SHARES, STAGES

if TYPE_CHECKING:
    from scripts.tiny.train import Plan

TEXT = """---
license: apache-2.0
language: en
pipeline_tag: text-generation
---
# lmc-tiny

The small model that lmc ships, so that a program runs at once, without a download: a Qwen3-shaped decoder of {weights:,}
weights (6 layers, width 256, 4 heads on 2 KV heads, tied embedding, bf16) with a byte-level BPE of {vocab:,} tokens.
It answers questions about a text in its prompt, extracts JSON, classifies by labels in the prompt, picks tools, rates,
copies and continues lists, does small sums and remembers a short conversation. It knows nothing of the world beyond
some fifty short guides, was trained on prompts of up to 1,024 tokens (most below 256), and is no general assistant.

## Data

All text is made by `scripts/tiny` from a seeded world of people, places, firms, products, events, books, orders and
pets; nothing was downloaded. Names are built from syllables, some real ones among them. A hash of the whole name sets
an eighth of all names, numbers above 9, dates and times aside: none of those is drawn in training, and tests draw only
those. A part of one may still be seen in training: the stem of a firm's name, the day of a date, the result of a sum.
Words of the language (jobs, colours, labels), phrasings, puzzles and the guides are the same on both sides.

| task | of the items, at first | from step {all:,} on | from step {late:,} on | from step {last:,} on |
|---|---|---|---|---|
{shares}

Roles are the tokens `<|system|>`, `<|user|>`, `<|assistant|>`, `<|tool|>`; a turn ends with `<|end|>`.

## Training

`python scripts/train_tiny.py --seed {seed}`: {steps:,} steps of 8,192 tokens, {minutes:.0f} minutes on {machine}. Muon for the
matrices of the layers and AdamW for the rest, bf16 with an fp32 master; loss on what the model writes, a tenth of it on what it
reads. Several questions follow a text. In the first {all:,} steps most texts are short; after them an answer that is one of a few
choices counts five times. From step {late:,} on, the answers to some of those questions say first what is true;
from step {last:,} on JSON under a schema is compact, as lmc writes it.

Share of 96 held-out items of each task whose last text is written exactly (greedy, unconstrained), by step:

{curve}

{scores}"""


def write_card(save: Path, work: Path, plan: Plan, num_weights: int) -> None:
    """Write README.md beside the weights; scores stand in it where `benchmarks.tiny_quality --card` has put them."""
    curve = json.loads((work / "curve.json").read_text())
    totals = [sum(parts) for parts in zip(*SHARES.values(), strict=True)]
    vocab = json.loads((save / "config.json").read_text())["vocab_size"]
    path = save / "README.md"
    scores = path.read_text().partition("## Scores")[2] if path.exists() else ""
    text = TEXT.format(
        weights=num_weights,
        vocab=vocab,
        all=STAGES[1],
        late=STAGES[2],
        last=STAGES[3],
        shares="\n".join(
            f"| {name} | "
            + " | ".join(f"{100 * part / total:.0f} %" for part, total in zip(parts, totals, strict=True))
            + " |"
            for name, parts in SHARES.items()
        ),
        seed=plan.seed,
        steps=plan.steps,
        minutes=curve[-1]["minutes"],
        machine=machine(),
        curve=table(curve),
        scores=f"## Scores{scores}" if scores else "",
    )
    path.write_text(text.rstrip() + "\n")
    (save / "curve.json").unlink(missing_ok=True)


def table(curve: list[dict[str, Any]]) -> str:
    """The curve as a table, a row a measurement."""
    heads = list(curve[0])
    rows = [heads, ["---"] * len(heads), *([shown(each[head]) for head in heads] for each in curve)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def shown(value: float) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def machine() -> str:
    """The CPU or GPU that this runs on, in words."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "an unknown CPU")
    return f"{os.cpu_count()} cores ({name})"
