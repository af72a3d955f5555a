"""Calls a second through one process, beside the official openai client on the same work, in one run.

    python -m venv /tmp/v && /tmp/v/bin/pip install openai
    python benchmarks/api_calls.py --official /tmp/v/bin/python --calls 4000 --at-once 2000

The server is the fake of the tests, in a process of its own; each client has one, too. Memory is what a process holds
more while all calls wait for their first token, by call. CPU seconds count more than the clock where others compute.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

OURS = """
import asyncio, json, os, resource, sys, threading, time
import lmc
from lmc.backend.base import Failed, Finished, Gen, Prompt, Request
from lmc.ir.sampling import Sampling

url, calls, at_once = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
backend = lmc.Remote(url, model="gpt-4o", dialect="openai", api_key="k", max_in_flight=at_once, retries=5)
session = backend.open()
tokenizer = session.tokenizer
pieces = tuple(tokenizer.render([("user", "Say hello.")], open_role="assistant"))
prompt = Prompt(tokenizer.encode_pieces(pieces), pieces)
out = (Gen("said", Sampling(max_tokens=64, temperature=0.0)),)

def run(first, num):
    session.submit([Request(first + i, prompt, out) for i in range(num)])
    left, failed = num, 0
    while left:
        for event in session.step(1.0):
            left -= type(event) in (Finished, Failed)
            failed += type(event) is Failed
    return failed
"""

OFFICIAL = """
import asyncio, json, os, resource, sys, threading, time
import httpx2, openai

url, calls, at_once = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])

async def all_of(num):
    limits = httpx2.Limits(max_connections=at_once, max_keepalive_connections=at_once)
    http = httpx2.AsyncClient(limits=limits, timeout=600)
    client = openai.AsyncOpenAI(base_url=url + "/v1", api_key="k", http_client=http, max_retries=5)
    room = asyncio.Semaphore(at_once)
    async def one():
        async with room:
            stream = await client.chat.completions.create(
                model="gpt-4o", messages=[{"role": "user", "content": "Say hello."}], max_completion_tokens=64,
                temperature=0.0, stream=True, stream_options={"include_usage": True},
            )
            text = ""
            async for chunk in stream:
                if chunk.choices:
                    text += chunk.choices[0].delta.content or ""
            return text
    said = await asyncio.gather(*(one() for _ in range(num)), return_exceptions=True)
    return sum(not isinstance(each, str) for each in said)

def run(first, num):
    return asyncio.run(all_of(num))
"""

MEASURE = """
def held():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

run(0, 8)
before, most, over = held(), [0], threading.Event()
def watch():
    while not over.wait(0.02):
        most[0] = max(most[0], held())
watcher = threading.Thread(target=watch, daemon=True)
watcher.start()
begin, cpu = time.perf_counter(), time.process_time()
failed = run(8, calls)
seconds, cpu = time.perf_counter() - begin, time.process_time() - cpu
over.set()
watcher.join()
print(json.dumps({"failed": failed, "seconds": seconds, "cpu": cpu, "bytes": (most[0] - before) / min(calls, at_once)}))
"""


def measured(python: str, program: str, url: str, calls: int, at_once: int) -> dict[str, float]:
    """One client in a process of its own."""
    done = subprocess.run(
        [python, "-c", textwrap.dedent(program + MEASURE), url, str(calls), str(at_once)],
        capture_output=True,
        text=True,
        cwd=ROOT if python == sys.executable else "/",
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return dict(json.loads(done.stdout))


def main() -> None:
    """Measure both, turn by turn, and print a row each."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--official", help="a Python that has openai")
    parser.add_argument("--calls", type=int, default=4000)
    parser.add_argument("--at-once", type=int, default=2000)
    parser.add_argument("--text", default="Hello, this is an answer of some words and not of one.")
    parser.add_argument("--first-s", type=float, default=1.0)
    parser.add_argument("--turns", type=int, default=1)
    told = parser.parse_args()
    fake = [sys.executable, "-m", "tests.support.api_fakes", "--kept", "0", "--text", told.text]
    fake += ["--first-s", str(told.first_s)]
    for _ in range(told.turns):
        for name, python, program in (("lmc", sys.executable, OURS), ("openai", told.official, OFFICIAL)):
            if python is None:
                continue
            with subprocess.Popen(fake, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as server:
                assert server.stdout is not None
                url = server.stdout.readline().strip()
                row = measured(python, program, url, told.calls, told.at_once)
                server.kill()
            speed, cpu = told.calls / row["seconds"], 1e3 * row["cpu"] / told.calls
            size = row["bytes"] / 1024
            print(
                f"{name:8} {speed:6.0f} calls/s {cpu:7.3f} ms CPU a call {size:7.1f} KiB a call in flight", flush=True
            )
            if row["failed"]:
                print(f"         {row['failed']:.0f} failed")


if __name__ == "__main__":
    main()
