"""A key is nowhere to be found but in the head of a request."""

from __future__ import annotations

import copy
import logging
import pickle
import traceback
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import lmc
from lmc.backend.api.keys import Secret, key_for
from lmc.errors import ArgumentError
from tests.backend.api.serving import STREAM as HEAD
from tests.backend.api.serving import Asked, Serving, frame, says, whole

KEY = "sk-secret-0123456789abcdef"


@lmc.function
def ask(s: lmc.State) -> None:
    s += lmc.user("Hello?")
    s += lmc.assistant(lmc.gen("said", max_tokens=8))


async def quotes(asked: Asked) -> AsyncIterator[bytes]:
    yield whole({"error": {"message": f"bad key {KEY}", "code": "invalid_api_key"}}, 401)


async def quotes_in_stream(asked: Asked) -> AsyncIterator[bytes]:
    error = {"message": f"your key {KEY} is overloaded", "type": "overloaded_error"}
    yield HEAD + frame({"error": error}) + b"0\r\n\r\n"


async def quotes_in_a_broken_frame(asked: Asked) -> AsyncIterator[bytes]:
    yield whole(f"no JSON but {KEY}".encode())


async def answers(asked: Asked) -> AsyncIterator[bytes]:
    async for piece in says(asked, "Hi."):
        yield piece


@pytest.mark.parametrize("script", [quotes, quotes_in_stream, quotes_in_a_broken_frame, answers])
def test_the_key_is_seen_by_the_server_alone(
    script, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Not in what is printed, logged, raised or kept, though the server quotes it."""
    caplog.set_level(logging.DEBUG)
    seen: list[object] = []
    journal = tmp_path / "journal"
    with Serving(script) as serving:
        backend = lmc.Remote(serving.url, model="gpt-4o", dialect="openai", api_key=KEY, retries=0)
        results = lmc.run_batch(ask, [{}], backend=backend, journal=str(journal))
        seen += [results, results[0].report, backend, vars(backend), backend.identity, backend.caps, backend.target]
        seen += [vars(backend.target), str(lmc.compile(ask).plan)]
        if results[0].error is not None:
            seen += [traceback.TracebackException.from_exception(results[0].error, capture_locals=True).format()]
            seen[-1] = "".join(seen[-1])
    assert serving.asked[0].headers["authorization"] == f"Bearer {KEY}"
    kept = [path.read_bytes().decode("utf-8", "replace") for path in tmp_path.rglob("*") if path.is_file()]
    out = capfd.readouterr()
    shown = "\n".join([*map(repr, seen), *map(str, seen), *kept, caplog.text, out.out, out.err])
    assert kept and KEY not in shown


def test_a_key_says_where_it_is_from() -> None:
    """And nothing of what it is; it is not pickled or copied."""
    secret = key_for("openai", KEY)
    assert secret is not None and repr(secret) == "<a key from api_key=>" and KEY not in f"{secret}"
    for leak in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            leak(secret)


def test_the_environment_s_key_is_for_who_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that was found out is not sent OpenAI's key."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert key_for("auto", None) is None and key_for("vllm", None) is None
    found = key_for("openai", None)
    assert isinstance(found, Secret) and found.source == "OPENAI_API_KEY"


@pytest.mark.parametrize("bad", ["a\nb: c", "schlüssel", 7])
def test_what_cannot_stand_in_a_head_is_no_key(bad: object) -> None:
    """And the message does not quote it."""
    with pytest.raises(ArgumentError) as caught:
        key_for("openai", bad)  # type: ignore[arg-type]
    assert str(bad) not in str(caught.value) or bad == 7


def test_knobs_do_not_show_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """`lmc knobs` says that one is set."""
    from click.testing import CliRunner

    from lmc.cli.listing import knobs_command

    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    said = CliRunner().invoke(knobs_command).output
    assert KEY not in said and "(set)" in said
