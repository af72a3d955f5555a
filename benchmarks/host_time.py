"""Host time of the engine: CPU time of a step whose device costs nothing, beside another checkout's.

    python -m benchmarks.host_time [--against DIR] [--rows 1,32,128,256] [--steps 80] [--rounds 5]

All rows decode, 1,024 prompt tokens each, half of them shared, greedy unless said. Each checkout runs in a process of
its own, one thread, on the same workload; the two take turns, step by batch of steps, so that a loaded machine slows
both. Tokens are those of README.md, each row's from its own place on; `random` is the worst case for whoever remembers
what tokens say behind each other, `regex` a constraint that the text satisfies. What is printed is the median over
rounds of the median step, and of its ratio.
"""

from __future__ import annotations

import argparse
import importlib
import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

VOCAB = 4096
HERE = Path(__file__).parents[1]
KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "stop": {"stop": ("\n\nQ:",)},
    "drawn": {"temperature": 0.7, "top_p": 0.9},
    "random": {},
    "regex": {"ignore_eos": False, "regex": "( *[A-Za-z,.]+)* *"},
}


class Nothing:
    """A runner without a model, at no cost: row i says `text` from its i-th part on, or random tokens without one.

    It also speaks the waist that asked for rows and logits.
    """

    vocab_size, num_slots, max_len, depth = VOCAB, 1 << 20, 1 << 16, 1

    def __init__(self, text: list[int] | None) -> None:
        self._random = np.random.default_rng(0)
        self._text = None if text is None else np.array(text)
        self._step = 0

    def ids(self, num: int) -> list[int]:
        """A token a row."""
        self._step += 1
        if self._text is None:
            return self._random.integers(300, 2000, num).tolist()
        return self._text[(np.arange(num) * 61 + self._step) % len(self._text)].tolist()

    def launch(self, batch: Any) -> Any:
        return NoFlight(self)

    def forward(self, batch: Any) -> Any:
        import torch

        return torch.empty(sum(row.logits for row in batch.rows), 1)

    def sample(self, logits: Any, draws: Any) -> Any:
        token = find("lmc.backend.base").TokenLogprob
        return [token(id, 0.0) for id in self.ids(len(draws))]


class NoFlight:
    """Its pass."""

    def __init__(self, runner: Nothing) -> None:
        self._runner = runner
        self._ids: list[int] = []

    def sample(self, at: Any, draws: Any) -> None:
        self._ids = self._runner.ids(len(draws))

    def result(self) -> Any:
        return find("lmc.backend.runner.flight").PassOutcome(self._ids)


def find(*names: str) -> Any:
    """The first of these modules that there is: they have moved."""
    for name in names[:-1]:
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    return importlib.import_module(names[-1])


def serve() -> None:
    """Answer lines `rows steps kind` with the milliseconds of a median step, until the input ends."""
    import torch

    torch.set_num_threads(1)
    tokenizer = find("lmc.tokenizer", "lmc.backend.tokenizer").load_tokenizer(
        find("lmc.backend.default_model").folder_of("lmc-tiny")
    )
    benches = {kind: Bench(tokenizer, kind) for kind in KINDS}
    print("ready", flush=True)
    for line in sys.stdin:
        rows, steps, kind = line.split()
        print(benches[kind].measure(int(rows), int(steps)), flush=True)


class Bench:
    """An engine that goes on from round to round, as a server does."""

    def __init__(self, tokenizer: Any, kind: str) -> None:
        self._kind = kind
        self._engine = find("lmc.backend.engine.engine").Engine(
            Nothing(None if kind == "random" else text_ids(tokenizer)),
            tokenizer,
            chunk_len=1024,
            token_budget=1 << 19,
            max_running=512,
            masks=find("lmc.backend.masks.factory", "lmc.backend.constraint.masks").ConstraintMasks(tokenizer, VOCAB),
        )
        is_old = hasattr(self._engine, "open")
        self._session = (
            self._engine.open() if is_old else find("lmc.backend.engine.session").EngineSession(self._engine)
        )

    def measure(self, rows: int, steps: int) -> float:
        """The median step, in milliseconds of this thread."""
        engine, session = self._engine, self._session
        session.submit(requests(rows, steps, self._kind))
        while not (len(running := engine.scheduler.running) == rows and all(map(has_token, running))):
            session.step()
        times = []
        for _ in range(steps):
            began = time.thread_time()
            session.step()
            times.append(time.thread_time() - began)
        assert len(engine.scheduler.running) == rows
        for rid in range(rows):
            session.abort(rid, "measured")
        session.step()
        return 1e3 * statistics.median(times)


def text_ids(tokenizer: Any) -> list[int]:
    """Ordinary text: the README of the checkout that this file is in, cut to its letters and points."""
    text = (HERE / "README.md").read_text(encoding="utf-8")
    return tokenizer.encode(" ".join(re.findall(r"[A-Za-z,.]+", text)))


def has_token(seq: Any) -> bool:
    """True behind the prompt."""
    return seq.generation is not None and seq.generation.num_tokens > 0


def requests(rows: int, steps: int, kind: str) -> list[Any]:
    base, sampling = find("lmc.backend.base"), find("lmc.ir.sampling").Sampling
    rng = np.random.default_rng(1)
    head = rng.integers(300, 2000, 512).tolist()
    options = {"max_tokens": steps + 64, "temperature": 0.0, "ignore_eos": True, **KINDS[kind]}
    constraint = parsed(options.pop("regex", None))
    return [
        base.Request(
            i,
            base.Prompt((*head, *rng.integers(300, 2000, 512).tolist())),
            (base.Gen("x", sampling(seed=i, **options), constraint),),
        )
        for i in range(rows)
    ]


def parsed(pattern: str | None) -> Any:
    """A constraint, where there is one."""
    return find("lmc.parser.regex.parse", "lmc.parser.regex").parse_regex(pattern) if pattern else None


class Child:
    """A checkout at work in a process of its own."""

    def __init__(self, checkout: Path) -> None:
        environment = {**os.environ, "PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, str(Path(__file__).resolve()), "--serve"]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=checkout, env=environment)
        assert self._answer() == "ready"

    def step_ms(self, rows: int, steps: int, kind: str) -> float:
        """Milliseconds of a median step."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{rows} {steps} {kind}\n")
        self._process.stdin.flush()
        return float(self._answer())

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", type=Path)
    parser.add_argument("--rows", default="1,32,128,256")
    parser.add_argument("--steps", type=int, default=80)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve()
        return
    print(f"{cpu_name()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.2f}")
    ours, other = Child(HERE), Child(given.against.resolve()) if given.against else None
    for kind in given.kinds.split(","):
        for rows in map(int, given.rows.split(",")):
            print(report(ours, other, rows, given.steps, kind, given.rounds), flush=True)
    for child in filter(None, (ours, other)):
        child.close()


def report(ours: Child, other: Child | None, rows: int, steps: int, kind: str, rounds: int) -> str:
    """A line of figures; the rounds of both take turns."""
    mine, theirs = [], []
    for child in filter(None, (ours, other)):
        child.step_ms(rows, steps, kind)  # warm: what is remembered of a text is remembered
    for _ in range(rounds):
        mine.append(ours.step_ms(rows, steps, kind))
        if other is not None:
            theirs.append(other.step_ms(rows, steps, kind))
    line = f"{kind:6} {rows:4} rows  {statistics.median(mine):7.3f} ms a step"
    if not theirs:
        return line
    ratio = statistics.median(a / b for a, b in zip(mine, theirs, strict=True))
    return f"{line}, there {statistics.median(theirs):7.3f}: {ratio:.2f} of it"


def cpu_name() -> str:
    """As the system has it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return "unknown CPU"
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown CPU")


if __name__ == "__main__":
    main()
