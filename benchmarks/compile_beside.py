"""The token rate of a running batch of lmc-tiny while new JSON schemas are compiled in other threads.

    python -m benchmarks.compile_beside [--batch 32] [--schemas 5] [--size 10000] [--rounds 5]

A schema is an object of strings, patterns, numbers and lists, about `size` characters of JSON, no two alike. All of
them are given to threads of their own in the middle of the batch; a thread reads, lowers and compiles its schema up to
a matcher, as a request does. The rate of the passes from there until the last schema is made stands beside the rate of
as many before it, in wall seconds.
"""

from __future__ import annotations

import random
import statistics
import threading
import time
from typing import Any

import click

from benchmarks.tiny_throughput import generate
from lmc.backend.default_model import FOLDER
from lmc.backend.local import CpuBackend
from lmc.backend.masks.factory import ConstraintMasks
from lmc.parser.schema.parse import parse_schema

BEFORE = 60  # passes before the schemas come


class Passes:
    """When each pass of a runner was asked for."""

    def __init__(self, runner: Any) -> None:
        self.seen: list[float] = []
        self._launch = type(runner).launch.__get__(runner)  # not the one of an earlier round
        self.ready = threading.Event()
        runner.launch = self.launch

    def launch(self, batch: Any) -> Any:
        self.seen.append(time.perf_counter())
        if len(self.seen) == BEFORE:
            self.ready.set()
        return self._launch(batch)

    def rate(self, begin: float, end: float) -> float:
        """Passes a second between two times."""
        return sum(begin <= at < end for at in self.seen) / (end - begin)


def schema(rng: random.Random, size: int) -> dict[str, Any]:
    """One that nobody has seen."""
    properties: dict[str, Any] = {}
    while len(str(properties)) < size:
        name = "".join(rng.choices("abcdefghijklmnop", k=8))
        low, high = rng.randrange(1, 20), rng.randrange(20, 300)
        properties[name] = rng.choice(
            [
                {"type": "string", "minLength": low, "maxLength": high},
                {"type": "string", "pattern": f"^[a-z{name[0].upper()}]{{{low},{high}}}:[0-9]+$"},
                {"type": "integer", "minimum": low},
                {"type": "array", "items": {"type": "string", "enum": [name[:3], name[3:]]}, "maxItems": high},
            ]
        )
    return {"type": "object", "properties": properties, "required": list(properties)[:3]}


def compiled(masks: ConstraintMasks, given: dict[str, Any], ends: list[float]) -> None:
    """One request's schema."""
    masks.make(parse_schema(given))
    ends.append(time.perf_counter())


@click.command(help=__doc__)
@click.option("--batch", default=32, show_default=True)
@click.option("--tokens", default=300, show_default=True)
@click.option("--schemas", default=5, show_default=True)
@click.option("--size", default=10_000, show_default=True)
@click.option("--rounds", default=5, show_default=True)
def main(batch: int, tokens: int, schemas: int, size: int, rounds: int) -> None:
    backend, rng = CpuBackend(FOLDER), random.Random(1)
    masks = ConstraintMasks(backend.tokenizer, backend.engine.runner.vocab_size)  # type: ignore[attr-defined]
    compiled(masks, schema(rng, 100), [])  # the tables of the vocabulary
    generate(backend, batch, BEFORE, 0)
    kept = []
    for number in range(1, rounds + 1):
        passes, ends = Passes(backend.engine.runner), list[float]()  # type: ignore[attr-defined]
        new = [schema(rng, size) for _ in range(schemas)]
        threads = [threading.Thread(target=compiled, args=(masks, each, ends)) for each in new]
        running = threading.Thread(target=generate, args=(backend, batch, tokens, number))
        running.start()
        passes.ready.wait()
        begin = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        end = max(ends)
        still = running.is_alive()
        running.join()
        before = passes.rate(passes.seen[BEFORE // 3], begin)
        kept.append(passes.rate(begin, end) / before)
        note = "" if still else ", and the batch ended first"
        click.echo(f"{before:7.0f} passes/s before, {passes.rate(begin, end):7.0f} for {end - begin:.2f} s{note}")
    click.echo(f"kept: median {100 * statistics.median(kept):.0f} %, least {100 * min(kept):.0f} %")


if __name__ == "__main__":
    main()
