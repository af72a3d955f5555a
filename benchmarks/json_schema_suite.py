"""The JSON Schema test suite (draft 2020-12), file by file: our masks beside xgrammar's own reading of a schema.

    PYTHONPATH=.:tests python benchmarks/json_schema_suite.py [FILE ...]

How an instance is written and what is counted says tests/schema_verdicts.py; both are asked for the same texts.
xgrammar is run as people run it (`strict_mode=False`, compact separators), and its refusals are those that it raises.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

from schema_verdicts import FOLDER, MAX_WRITINGS, counted, judged, verdict, writings

COLUMNS = ("right", "relaxed", "refused", "false reject", "false accept")


def by_xgrammar(schema: Any) -> Callable[[str], bool]:
    """Whether a text is accepted. Raises RuntimeError where xgrammar refuses the schema."""
    import xgrammar
    from xgrammar.testing import _is_grammar_accept_string

    grammar = xgrammar.Grammar.from_json_schema(
        json.dumps(schema), any_whitespace=False, separators=(",", ":"), strict_mode=False
    )
    return lambda text: bool(_is_grammar_accept_string(grammar, text))


def xgrammar_counts(file: Path) -> Counter[str]:
    """How many tests of each verdict."""
    counts: Counter[str] = Counter()
    for group in json.loads(file.read_text(encoding="utf-8")):
        try:
            accepts = by_xgrammar(group["schema"])
        except RuntimeError:
            counts["refused"] += len(group["tests"])
            continue
        for test in group["tests"]:
            texts = islice(writings(test["data"]), MAX_WRITINGS)
            counts[verdict(any(map(accepts, texts)), test["valid"], is_relaxed=False)] += 1
    return counts


def row(name: str, ours: Counter[str], theirs: Counter[str]) -> str:
    """A line of the table: the five columns of each."""
    return f"{name:24}" + " |".join("".join(f"{counts[kind]:7}" for kind in COLUMNS) for counts in (ours, theirs))


def main(names: list[str]) -> None:
    """Print the table, each line as it is done."""
    head = "".join(f"{word:>7}" for word in ("right", "relax", "refus", "f.rej", "f.acc"))
    print(f"{'':24}{head} |{head}   (lmc | xgrammar)")
    ours: Counter[str] = Counter()
    theirs: Counter[str] = Counter()
    for file in sorted(FOLDER.glob("*.json")):
        if names and file.stem not in names:
            continue
        mine, other = counted(list(judged(file))), xgrammar_counts(file)
        print(row(file.stem, mine, other), flush=True)
        ours, theirs = ours + mine, theirs + other
    print(row("all", ours, theirs))


if __name__ == "__main__":
    main(sys.argv[1:])
