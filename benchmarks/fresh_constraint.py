"""CPU time of the first schema in a fresh process, with what earlier processes kept on disk and without.

    python -m benchmarks.fresh_constraint [--tokens 100000] [--rounds 3]

The vocabulary is that of lmc-tiny, filled up to `tokens` with pairs of its own tokens; the schema has a string, a date,
an e-mail address, numbers and a list. Tables are those of the vocabulary, masks those of all places of one text.
"""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

KINDS = {
    "name": {"type": "string"},
    "when": {"type": "string", "format": "date-time"},
    "number": {"type": "number"},
    "count": {"type": "integer", "minimum": 0},
    "mail": {"type": "string", "format": "email"},
    "tags": {"type": "array", "items": {"type": "string", "maxLength": 40}},
}
TEXT = '{"name":"Some name","when":"2020-01-02T03:04:05Z","number":12.5e3,"count":42,"mail":"a@b.co","tags":["x","yy"]}'


def measured(tokens: int, folder: str) -> dict[str, float]:
    """Milliseconds of each part, in this process."""
    from lmc.backend.default_model import folder_of
    from lmc.backend.masks.disk import DiskCache
    from lmc.backend.masks.factory import ConstraintMasks
    from lmc.backend.masks.shapes import shapes_of
    from lmc.parser.schema.parse import parse_schema
    from lmc.tokenizer import load_tokenizer

    tokenizer: Any = load_tokenizer(folder_of("lmc-tiny"), None)
    vocab, rng = tokenizer.vocab_bytes(), random.Random(0)
    parts, known = [spelt for spelt in vocab if spelt], set(vocab)
    while len(vocab) < tokens:
        spelt = rng.choice(parts) + rng.choice(parts)
        if spelt not in known and len(spelt) < 20:
            known.add(spelt)
            vocab.append(spelt)
    tokenizer.vocab_bytes = lambda: list(vocab)
    masks = ConstraintMasks(tokenizer, len(vocab), disk=DiskCache(Path(folder)) if folder else None)
    schema = parse_schema({"type": "object", "properties": KINDS, "required": list(KINDS)})
    found: dict[str, float] = {}

    def timed(name: str, work: Callable[[], Any]) -> Any:
        began = time.process_time()
        made = work()
        found[name] = 1e3 * (time.process_time() - began)
        return made

    def walk() -> None:
        text = matcher.fork()
        for id in tokenizer.encode(TEXT):
            text.mask()
            assert text.accept(id)

    timed("tables", lambda: (masks.trie, shapes_of(masks.trie)))
    matcher = timed("compile", lambda: masks.make(schema))
    timed("masks", walk)
    return found


@click.command(help=__doc__)
@click.option("--tokens", default=100_000, show_default=True)
@click.option("--rounds", default=3, show_default=True)
@click.option("--in-process", default=None, hidden=True)
def main(tokens: int, rounds: int, in_process: str | None) -> None:
    if in_process is not None:
        click.echo(json.dumps(measured(tokens, in_process)))
        return
    with tempfile.TemporaryDirectory() as folder:
        for name, where in (("without", ""), ("the first one", folder), ("later ones", folder)):
            command = [
                sys.executable,
                "-m",
                "benchmarks.fresh_constraint",
                "--tokens",
                str(tokens),
                "--in-process",
                where,
            ]
            times = 1 if name == "the first one" else rounds
            runs = [json.loads(subprocess.run(command, capture_output=True, check=True).stdout) for _ in range(times)]
            told = "  ".join(f"{part} {statistics.median(run[part] for run in runs):6.0f} ms" for part in runs[0])
            click.echo(f"{name:14s} {told}")


if __name__ == "__main__":
    main()
