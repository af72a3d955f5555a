"""The passes of a running batch of lmc-tiny while new JSON schemas are compiled beside it.

    python -m benchmarks.compile_beside [--batch 32] [--schemas 5] [--size 10000] [--rounds 5]

A schema is an object of strings, patterns, numbers and lists, about `size` characters of JSON, no two alike. In the
middle of the batch they come in two ways. `threads`: each is given to a thread of its own, which reads, lowers and
compiles it up to a matcher. `requests`: as many requests under them join the batch, by the thread that steps it.

What the passes from there until the last schema is compiled take stands beside what the same passes of a batch without
schemas take, right before: by wall time, and by the CPU time of the process, which other programs on the machine
change little. The longest time between two passes stands beside the longest one without.
"""

from __future__ import annotations

import random
import statistics
import threading
import time
from itertools import pairwise
from typing import Any, NamedTuple

import click

from benchmarks.tiny_throughput import generate
from lmc.backend.base import Delta, Gen, Prompt, Request
from lmc.backend.default_model import FOLDER
from lmc.backend.local import CpuBackend
from lmc.backend.masks.factory import ConstraintMasks
from lmc.collector import collector_paced
from lmc.ir.sampling import Sampling
from lmc.parser.schema.parse import parse_schema

BEFORE = 60  # passes before the schemas come


class Moment(NamedTuple):
    """Now, on the wall and in CPU time of the process."""

    wall: float
    cpu: float


def now() -> Moment:
    return Moment(time.perf_counter(), time.process_time())


class Passes:
    """When each pass of a runner was asked for."""

    def __init__(self, runner: Any) -> None:
        self.seen: list[Moment] = []
        self._launch = type(runner).launch.__get__(runner)  # not the one of an earlier round
        self.ready = threading.Event()
        runner.launch = self.launch

    def launch(self, batch: Any) -> Any:
        self.seen.append(now())
        if len(self.seen) == BEFORE:
            self.ready.set()
        return self._launch(batch)


class Found(NamedTuple):
    """What a round came to, by wall and by CPU time: the share of the rate that was left; milliseconds of a pass."""

    wall: float
    cpu: float
    longest: float
    usual: float


def compared(with_them: Passes, without: Passes, end: Moment) -> Found:
    """The passes from BEFORE until `end`, and the same without schemas."""
    last = min(sum(at.wall < end.wall for at in with_them.seen), len(without.seen)) - 1
    parts = [passes.seen[BEFORE - 1 : last + 1] for passes in (with_them, without)]
    took = [[part[-1][clock] - part[0][clock] for part in parts] for clock in (0, 1)]
    longest = [1e3 * max(after.wall - before.wall for before, after in pairwise(part)) for part in parts]
    return Found(took[0][1] / took[0][0], took[1][1] / took[1][0], longest[0], longest[1])


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


def by_threads(
    backend: CpuBackend, masks: ConstraintMasks, new: list[Any], batch: int, tokens: int, number: int
) -> tuple[Passes, Moment]:
    """A thread for each schema, beside the thread of the batch."""
    passes, ends = Passes(backend.engine.runner), list[Moment]()

    def compiled(given: dict[str, Any]) -> None:
        masks.make(parse_schema(given))
        ends.append(now())

    threads = [threading.Thread(target=compiled, args=(each,)) for each in new]
    running = threading.Thread(target=generate, args=(backend, batch, tokens, number))
    running.start()
    passes.ready.wait()
    for thread in threads:
        thread.start()
    for thread in (*threads, running):
        thread.join()
    return passes, max(ends, default=now())


def by_requests(backend: CpuBackend, new: list[Any], batch: int, tokens: int, number: int) -> tuple[Passes, Moment]:
    """Requests that join the batch, from the thread that steps it."""
    passes, session = Passes(backend.engine.runner), backend.open(f"round {number}")
    ids = tuple(backend.tokenizer.encode("Tell me about a house, its colour, its people and its place."))
    plain, short = Sampling(max_tokens=tokens, temperature=0, ignore_eos=True), Sampling(max_tokens=4, temperature=0)
    session.submit([Request(rid, Prompt((*ids, rid + 5)), (Gen(None, plain),)) for rid in range(batch)])
    parsed = [parse_schema(each) for each in new]
    while len(passes.seen) < BEFORE:
        session.step()
    waiting = set(range(batch, batch + len(new)))
    session.submit([Request(batch + n, Prompt(ids), (Gen(None, short, each),)) for n, each in enumerate(parsed)])
    while waiting:
        waiting -= {event.rid for event in session.step() if isinstance(event, Delta)}
    end = now()
    while new == [] and len(passes.seen) < tokens:  # the whole of a batch without schemas
        session.step()
    session.close()
    session.step()
    return passes, end


@click.command(help=__doc__)
@click.option("--batch", default=32, show_default=True)
@click.option("--tokens", default=300, show_default=True)
@click.option("--schemas", default=5, show_default=True)
@click.option("--size", default=10_000, show_default=True)
@click.option("--rounds", default=5, show_default=True)
def main(batch: int, tokens: int, schemas: int, size: int, rounds: int) -> None:
    backend, rng = CpuBackend(FOLDER), random.Random(1)
    masks = ConstraintMasks(backend.tokenizer, backend.engine.runner.vocab_size)  # type: ignore[attr-defined]
    masks.make(parse_schema(schema(rng, size)))  # the tables of the vocabulary
    generate(backend, batch, BEFORE, 0)
    ways = {
        "threads": lambda new, number: by_threads(backend, masks, new, batch, tokens, number),
        "requests": lambda new, number: by_requests(backend, new, batch, tokens, number),
    }
    for way, run in ways.items():
        found = []
        for number in range(1, 2 * rounds, 2):
            with collector_paced():  # as in a batch
                without, _ = run([], number)
                with_them, end = run([schema(rng, size) for _ in range(schemas)], number + 1)
            found.append(each := compared(with_them, without, end))
            took = end.wall - with_them.seen[BEFORE - 1].wall
            click.echo(
                f"{way}: {100 * each.wall:4.0f} % by wall time, {100 * each.cpu:4.0f} % by CPU time, until all were"
                f" compiled after {took:.2f} s; a pass at most {each.longest:.0f} ms, without {each.usual:.0f} ms"
            )
        by_wall, by_cpu = (statistics.median(each[clock] for each in found) for clock in (0, 1))
        click.echo(f"{way}: median {100 * by_wall:.0f} % by wall time, {100 * by_cpu:.0f} % by CPU time")


if __name__ == "__main__":
    main()
