"""Programs on a server over loopback: calls, streams, forks, batches, samples, errors, aborts."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import lmc
from tests.backend.api.serving import DONE, END, STREAM, Asked, Serving, delta, says, usage, whole

MODEL = "gpt-4o"


@lmc.function
def capital(s: lmc.State, country: str) -> None:
    s += lmc.system("You know places.")
    s += lmc.user(f"What is the capital of {country}?")
    s += lmc.assistant(lmc.gen("answer", max_tokens=16))


@lmc.function
def tips(s: lmc.State) -> None:
    s += lmc.user("Give a tip.")
    forks = s.fork(2)
    for i, fork in enumerate(forks):
        fork += lmc.user(f"For reader {i}.")
        fork += lmc.assistant(lmc.gen("tip"))
    s += lmc.user(forks[0]["tip"] + forks[1]["tip"])
    s += lmc.assistant(lmc.gen("both"))


def remote(serving: Serving, **options) -> lmc.Remote:
    return lmc.Remote(serving.url, model=MODEL, dialect="openai", **options)


async def paris(asked: Asked) -> AsyncIterator[bytes]:
    async for piece in says(asked, "Par", "is"):
        yield piece


def test_a_program_runs_on_a_server() -> None:
    """Roles are messages with the text as written; the counts are the server's."""
    with Serving(paris) as serving:
        result = lmc.run(capital, "France", backend=remote(serving))
    assert result["answer"] == "Paris"
    (asked,) = serving.asked
    assert asked.path == "/v1/chat/completions"
    assert asked.body["messages"] == [
        {"role": "system", "content": "You know places."},
        {"role": "user", "content": "What is the capital of France?"},
    ]
    assert (result.report.prompt_tokens, result.report.output_tokens) == (7, 2)


def test_text_comes_as_it_is_said() -> None:
    """Each delta is told before the answer has ended."""
    may_end = asyncio.Event()

    async def slowly(asked: Asked) -> AsyncIterator[bytes]:
        yield STREAM + delta("Par")
        await may_end.wait()
        yield delta("is", finish="stop") + usage(7, 2) + DONE + END

    with Serving(slowly) as serving:
        stream = lmc.run(capital, "France", backend=remote(serving), stream=True)
        texts = []
        for event in stream.events():
            if isinstance(event, lmc.TextGrew) and event.call is not None:
                texts.append(event.text)
                serving._loop.call_soon_threadsafe(may_end.set)
    assert texts == ["Par", "is"]


def test_forks_are_asked_side_by_side() -> None:
    """Both forks are in flight together."""
    both = asyncio.Barrier(2)

    async def meet(asked: Asked) -> AsyncIterator[bytes]:
        if asked.number < 2:
            await both.wait()
        async for piece in says(asked, f"{asked.number};"):
            yield piece

    with Serving(meet) as serving:
        result = lmc.run(tips, backend=remote(serving))
    assert result["both"] == "2;"
    assert len(serving.asked) == 3
    assert serving.asked[2].body["messages"][-1]["content"] in ("0;1;", "1;0;")


def test_a_batch_keeps_to_the_calls_that_may_be_in_flight() -> None:
    """Each item has its own answer, and no more calls than allowed are at the server at once."""

    async def echo(asked: Asked) -> AsyncIterator[bytes]:
        await asyncio.sleep(0.01)
        async for piece in says(asked, asked.body["messages"][-1]["content"]):
            yield piece

    with Serving(echo) as serving:
        items = [{"country": f"C{i}"} for i in range(40)]
        results = lmc.run_batch(capital, items, backend=remote(serving, max_in_flight=8))
    assert [r["answer"] for r in results] == [f"What is the capital of C{i}?" for i in range(40)]
    assert serving.most_at_once <= 8


def test_samples_are_one_call() -> None:
    """`n` is the server's own; the prompt is counted once."""

    @lmc.function
    def three(s: lmc.State) -> None:
        s += lmc.user("Say something.")
        s += lmc.assistant(lmc.gen("said", n=3))

    with Serving(paris) as serving:
        result = lmc.run(three, backend=remote(serving))
    assert result["said"] == ["Paris"] * 3
    assert [asked.body["n"] for asked in serving.asked] == [3]
    assert (result.report.prompt_tokens, result.report.output_tokens) == (7, 6)


def test_an_error_of_the_server_is_the_call_s() -> None:
    """What it says, and where in the program."""

    async def refuse(asked: Asked) -> AsyncIterator[bytes]:
        error = {"message": "no such model", "type": "invalid_request_error", "code": "model_not_found"}
        yield whole({"error": error}, 404)

    with Serving(refuse) as serving, pytest.raises(lmc.RequestError, match="no such model") as caught:
        lmc.run(capital, "France", backend=remote(serving))["answer"]
    assert caught.value.code == "not_found"
    assert len(serving.asked) == 1


def test_a_call_that_is_given_up_closes_its_connection() -> None:
    """The server hears of it at once, and can stop."""

    async def for_ever(asked: Asked) -> AsyncIterator[bytes]:
        yield STREAM
        while True:
            yield delta("x")
            await asyncio.sleep(0.01)

    with Serving(for_ever) as serving:
        begin = time.monotonic()
        with pytest.raises(lmc.RequestError, match=r"after 0\.3 s"):
            lmc.run(capital, "France", backend=remote(serving), timeout=lmc.Timeout(call=0.3))["answer"]
        assert time.monotonic() - begin < 3
        assert serving.asked[0].closed.wait(2)


def test_a_url_is_a_backend() -> None:
    """Which server it is, and what its model is called, is found out."""

    async def vllm(asked: Asked) -> AsyncIterator[bytes]:
        if asked.path == "/v1/models":
            yield whole({"object": "list", "data": [{"id": "qwen", "max_model_len": 512}]})
        elif asked.path == "/version":
            yield whole({"version": "0.32.0"})
        elif asked.method == "GET":
            yield whole({"error": "not found"}, 404)
        else:
            async for piece in says(asked, "Paris"):
                yield piece

    with Serving(vllm) as serving:
        assert lmc.run(capital, "France", backend=serving.url)["answer"] == "Paris"
        target = lmc.Remote(serving.url).target
    assert (target.known.dialect, target.known.model, target.max_len) == ("vllm", "qwen", 512)


def test_a_url_without_a_server_says_so() -> None:
    with pytest.raises(lmc.BackendError, match="no server that can be asked"):
        lmc.run(capital, "France", backend="http://127.0.0.1:9")


def test_the_command_line_runs_it(tmp_path: Path) -> None:
    """`--backend openai`, with the key and the place from the environment; the key is sent and never shown."""
    program = tmp_path / "prog.py"
    program.write_text(
        "import lmc\n\n\n@lmc.function\ndef hello(s):\n"
        "    s += lmc.user('Hi')\n    s += lmc.assistant(lmc.gen('answer', max_tokens=8))\n"
    )
    with Serving(paris) as serving:
        done = subprocess.run(
            [sys.executable, "-m", "lmc", "run", str(program), "--backend", "openai", "--model", MODEL],
            capture_output=True,
            text=True,
            env={**os.environ, "OPENAI_API_KEY": "sk-of-nobody", "OPENAI_BASE_URL": f"{serving.url}/v1"},
        )
    assert "Paris" in done.stdout, done.stderr
    assert serving.asked[0].headers["authorization"] == "Bearer sk-of-nobody"
    assert "sk-of" not in done.stdout + done.stderr
