"""Batches that are killed at random moments and go on: prints what went wrong as JSON, a line a journal.

    python -m tests.support.killed_batches FOLDER KILLS SEED

One process forks the others, so that a kill costs milliseconds. After every kill the journal is read as a person would
read it; what it has must not be asked again. A journal that is full must give what an uninterrupted batch gave.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import lmc
from lmc.backend.base import Request
from lmc.backend.echo import EchoBackend

NUM_ITEMS = 120


@lmc.function
def two(s, number):
    s += f"Item {number:04}:"
    s += lmc.gen("x", max_tokens=12, temperature=1.0)
    s += lmc.select("c", ["yes", "no", "perhaps"])
    if s["c"] == "no" and number % 10 == 3:
        raise ValueError(f"no to {number}")
    return number, {"said": s["x"], "at": (number, None, 1.5)}


def seen(results: list[lmc.Result]) -> list[object]:
    """All that a result says, but for the numbers of requests, which are those of a run."""
    return [repr(r.error) if r.error else said(r) for r in results]


def said(r: lmc.Result) -> tuple[object, ...]:
    meta = {key: value for key, value in r.get_meta_info("c").items() if key != "id"}
    return r.item, r.ret_value, r.variables(), r.text(), r.messages(), meta, r.usage


def run(journal: Path | None, asked: int | None = None) -> list[lmc.Result]:
    """The batch; writes the number of each item that is asked to `asked`."""

    def note(request: Request) -> str | None:
        if asked is not None:
            os.write(asked, bytes(request.prompt.ids[5:9]) + b"\n")
        return None

    backend = EchoBackend(3, delay=3, shuffle=5, fail=note)
    return two.run_batch(({"number": n} for n in range(NUM_ITEMS)), backend=backend, seed=9, journal=journal)


def killed(journal: Path, after_s: float) -> tuple[set[int], bool]:
    """Run it in another process for so long; the items that were asked, and whether it came to its end."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            run(journal, write)
            os._exit(0)
        except BaseException as error:
            print(error, file=sys.stderr)
            os._exit(1)
    os.close(write)
    time.sleep(after_s)
    os.kill(child, signal.SIGKILL)
    with open(read) as asked:
        numbers = {int(line) for line in asked}
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise SystemExit("a batch could not go on")
    return numbers, os.WIFEXITED(status)


def done(journal: Path) -> set[int]:
    """The items that a journal has well; a torn line can only be the last."""
    lines = journal.read_text().splitlines(keepends=True) if journal.exists() else []
    whole = [json.loads(line) for line in lines if line.endswith("\n")]
    assert all(line.endswith("\n") for line in lines[:-1])
    return {line["item"] for line in whole[1:] if "error" not in line}


def main(folder: Path, num_kills: int, seed: int) -> None:
    """Kill so many, and compare."""
    expected = seen(run(folder / "first.jsonl"))
    begin = time.perf_counter()
    assert seen(run(folder / "second.jsonl")) == expected
    whole_s = time.perf_counter() - begin
    draw, kills, journals, repeated = random.Random(seed), 0, 0, 0
    while kills < num_kills:
        journal, journals = folder / f"{journals}.jsonl", journals + 1
        is_over = False
        while not is_over and kills < num_kills:
            before = done(journal)
            asked, is_over = killed(journal, draw.uniform(0, whole_s))
            repeated += len(before & asked)
            kills += not is_over
        full = seen(run(journal))
        print(json.dumps({"equal": full == expected, "again": seen(run(journal)) == expected, "kills": kills}))
    print(json.dumps({"repeated": repeated, "journals": journals}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
