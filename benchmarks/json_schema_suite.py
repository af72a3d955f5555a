"""The JSON Schema test suite (draft 2020-12), file by file: our masks beside how xgrammar and llguidance read a schema.

    python -m benchmarks.json_schema_suite [FILE ...]

How an instance is written and what is counted says scripts/support/schema_verdicts.py; all judge the same texts.
xgrammar is run as people run it (`strict_mode=False`, compact separators), llguidance strictly, as it is by default,
and only where it is installed. Their refusals are those that they raise.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

from scripts.support.schema_verdicts import FOLDER, MAX_WRITINGS, counted, judged, verdict, writings

COLUMNS = ("right", "relaxed", "refused", "false reject", "false accept")


def by_xgrammar(schema: Any) -> Callable[[str], bool]:
    """Whether a text is accepted. Raises RuntimeError where xgrammar refuses the schema."""
    import xgrammar
    from xgrammar.testing import _is_grammar_accept_string

    grammar = xgrammar.Grammar.from_json_schema(
        json.dumps(schema), any_whitespace=False, separators=(",", ":"), strict_mode=False
    )
    return lambda text: bool(_is_grammar_accept_string(grammar, text))


@cache
def byte_tokenizer() -> Any:
    """llguidance's view of a vocabulary of bytes and an end token."""
    import llguidance

    members = {
        "eos_token_id": 256, "bos_token_id": None, "tokens": [*(bytes((b,)) for b in range(256)), b"\xff<end>"],
        "special_token_ids": [256],
    }  # fmt: skip
    wrapper = type("Vocabulary", (), {**members, "__call__": lambda self, text: list(text.encode())})()
    return llguidance.LLTokenizer(llguidance.TokenizerWrapper(wrapper))


def by_llguidance(schema: Any) -> Callable[[str], bool]:
    """Whether a text is accepted. Raises RuntimeError where llguidance refuses the schema."""
    from llguidance import LLMatcher

    grammar = LLMatcher.grammar_from_json_schema(json.dumps(schema), {"whitespace_flexible": False})
    matcher = LLMatcher(byte_tokenizer(), grammar)
    if matcher.get_error():
        raise RuntimeError(matcher.get_error())

    def accepts(text: str) -> bool:
        at = matcher.deep_copy()
        return bool(at.try_consume_tokens(list(text.encode())) == len(text.encode()) and at.is_accepting())

    return accepts


def counts_of(engine: Callable[[Any], Callable[[str], bool]], file: Path) -> Counter[str]:
    """How many tests of each verdict."""
    counts: Counter[str] = Counter()
    for group in json.loads(file.read_text(encoding="utf-8")):
        try:
            accepts = engine(group["schema"])
        except (RuntimeError, ValueError):
            counts["refused"] += len(group["tests"])
            continue
        for test in group["tests"]:
            texts = islice(writings(test["data"]), MAX_WRITINGS)
            counts[verdict(any(map(accepts, texts)), test["valid"], is_relaxed=False)] += 1
    return counts


def row(name: str, counts: list[Counter[str]]) -> str:
    """A line of the table: the five columns of each."""
    return f"{name:24}" + " |".join("".join(f"{each[kind]:7}" for kind in COLUMNS) for each in counts)


def main(names: list[str]) -> None:
    """Print the table, each line as it is done."""
    peers = {"xgrammar": by_xgrammar} | ({"llguidance": by_llguidance} if find_spec("llguidance") else {})
    head = "".join(f"{word:>7}" for word in ("right", "relax", "refus", "f.rej", "f.acc"))
    print(f"{'':24}" + " |".join([head] * (1 + len(peers))) + f"   ({' | '.join(['lmc', *peers])})")
    sums: list[Counter[str]] = [Counter() for _ in range(1 + len(peers))]
    for file in sorted(FOLDER.glob("*.json")):
        if names and file.stem not in names:
            continue
        found = [counted(list(judged(file))), *(counts_of(peer, file) for peer in peers.values())]
        print(row(file.stem, found), flush=True)
        sums = [a + b for a, b in zip(sums, found)]
    print(row("all", sums))


if __name__ == "__main__":
    main(sys.argv[1:])
