"""How well lmc-tiny (or another checkpoint) does its tasks on held-out items, run as lmc programs.

    python -m benchmarks.tiny_quality [--items 200] [--task qa] [--model DIR] [--dtype fp32] [--wrong] [--card]

Items come from the test side of `scripts/tiny`: names, numbers above 9, dates and times that training never drew.
Each is one program: the turns before the answer as they stand, then the answer, greedy, constrained as its task
constrains it (a select among choices, a regex, a JSON schema), else free up to its stop. An answer is right where its
text is equal; a JSON record also counts by field. `--card` writes the table into the model card.
"""

from __future__ import annotations

import argparse
import os
import time
from collections import defaultdict
from pathlib import Path

from lmc.backend.default_model import FOLDER
from lmc.backend.local import CpuBackend
from scripts.tiny.held_out import Score, answered, held_out, judge
from scripts.tiny.tasks import TASKS

# (row of the table, target in percent): what lmc-tiny is held to
TARGETS = {
    "extract: fields": 90, "classify": 90, "choice": 85, "tools: tool": 90, "tools": 90, "recall": 85,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=200, help="items of each task")
    parser.add_argument("--task", choices=TASKS, help="this one only")
    parser.add_argument("--model", type=Path, default=FOLDER)
    parser.add_argument("--dtype", choices=("auto", "fp32", "bf16"), default="auto")
    parser.add_argument("--wrong", action="store_true", help="print wrong answers")
    parser.add_argument("--card", action="store_true", help="write the table into the card beside the weights")
    given = parser.parse_args()
    backend = CpuBackend(given.model, dtype=given.dtype)
    began, scores = time.perf_counter(), defaultdict[str, Score](Score)
    for task in [given.task] if given.task else TASKS:
        for item in held_out(task, given.items):
            judge(item, answered(item, backend), scores)
    rows = table(scores)
    print("\n".join(rows))
    spent = time.perf_counter() - began
    print(f"\n{given.items} held-out items a task, {given.dtype}, {spent:.0f} s on {os.cpu_count()} cores")
    if given.wrong:
        print("\n".join(f"\n--- {name}\n{each}" for name, score in scores.items() for each in score.wrong[:8]))
    if given.card:
        write(given.model / "README.md", rows, given.items)


def table(scores: dict[str, Score]) -> list[str]:
    """The scores as a Markdown table."""
    rows = ["| task | items | right | target |", "|---|---|---|---|"]
    for name in sorted(scores, key=lambda name: (list(TASKS).index(name.split(":")[0]), name)):
        score, target = scores[name], TARGETS.get(name)
        rows.append(
            f"| {name} | {score.total} | {100 * score.right / score.total:.1f} % | {f'{target} %' if target else ''} |"
        )
    return rows


def write(card: Path, rows: list[str], count: int) -> None:
    """Put the table at the end of the card."""
    head = card.read_text(encoding="utf-8").partition("## Scores")[0].rstrip()
    note = f"{count} held-out items a task, greedy, constrained as the task is; `python -m benchmarks.tiny_quality`."
    card.write_text("\n".join([head, "", "## Scores", "", note, "", *rows, ""]), encoding="utf-8")


if __name__ == "__main__":
    main()
