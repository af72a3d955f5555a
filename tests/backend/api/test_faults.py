"""What a server may do wrong: every call ends once, with its text or with an error that says what happened."""

from __future__ import annotations

import time

import pytest

import lmc
from lmc.backend.api import retry
from tests.support.api_fakes import Fake, faults

ANSWER = "Grüße aus 東京, 🎉 yes."
MODELS = {"openai": "gpt-4o", "anthropic": "claude-haiku-4-5", "vllm": "qwen"}
DIALECTS = tuple(MODELS)


@lmc.function
def ask(s: lmc.State) -> None:
    s += lmc.user("Say it.")
    s += lmc.assistant(lmc.gen("said", max_tokens=64))


def remote(fake: Fake, dialect: str, **options) -> lmc.Remote:
    return lmc.Remote(fake.url, model=MODELS[dialect], dialect=dialect, api_key="k", **options)


def run(dialect: str, fault, **options) -> tuple[lmc.Result, int]:
    """The program's result, and how often it asked."""
    with Fake(dialect, ANSWER, fault) as fake:
        result = lmc.run(ask, backend=remote(fake, dialect, **options))
        result.text()
        return result, len(fake.posts)


@pytest.fixture(autouse=True)
def no_long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_S", 0.01)


PASSING = {
    "429": faults.rate_limited(),
    "429 with a wait": faults.rate_limited(retry_after_ms=30),
    "500": faults.server_error(),
    "503": faults.unavailable(),
    "529": faults.overloaded(),
    "cut before the head": faults.cut_before_headers(),
    "no json": faults.wrong_json(),
    "error before the first text": faults.error_in_stream(after=1),
    "silent": faults.silent(),
}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", PASSING)
def test_what_may_pass_is_tried_again(dialect: str, name: str) -> None:
    """The second attempt answers; nothing of the first is in the text."""
    result, posts = run(dialect, {0: PASSING[name]}, silence_s=0.3)
    assert result["said"] == ANSWER
    assert posts == 2
    assert result.report.extra["failed_attempts"] == 1


HARMLESS = {
    "byte by byte": faults.byte_by_byte(),
    "cut characters": faults.cut_characters(),
    "crlf": faults.crlf(),
    "noise": faults.noise_frames(),
    "last frame open": faults.last_frame_open(),
    "twice ended": faults.duplicate_finish(),
    "whole body": faults.whole_body(),
    "clock backwards": lambda request: faults.clock_backwards()(request),
    "usage missing": faults.no_usage(),
}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_odd_changes_nothing(dialect: str, name: str) -> None:
    """The text is whole, and asked for once."""
    result, posts = run(dialect, HARMLESS[name])
    assert result["said"] == ANSWER
    assert posts == 1


def test_what_is_not_counted_is_unknown() -> None:
    """Never nothing."""
    result, _ = run("openai", {0: faults.no_usage()})
    assert result.report.extra["attempts_of_unknown_cost"] == 1
    assert "money unknown" in str(result.report)


def test_what_is_paid_is_told() -> None:
    """By the table of prices, and the server's count."""
    result, _ = run("openai", None)
    assert "USD" in str(result.report) and result.report.extra["money USD"] > 0


PERMANENT = {
    "quota": (faults.insufficient_quota(), "quota"),
    "key": (faults.error("unauthorized"), "bad_key"),
    "asked for too long a wait": (faults.rate_limited(retry_after=500), "rate_limit"),
    "refusal": (faults.refusal("no way"), "refusal"),
    "not to be tried again": (faults.error("server", {"x-should-retry": "false"}), "server_error"),
}


@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
@pytest.mark.parametrize("name", PERMANENT)
def test_what_no_wait_mends_is_asked_once(dialect: str, name: str) -> None:
    """The error has a code, and the program's line."""
    if (dialect, name) == ("anthropic", "quota"):
        pytest.skip("the fake's message has no word for it")
    fault, code = PERMANENT[name]
    with Fake(dialect, ANSWER, fault) as fake:
        with pytest.raises(lmc.RequestError) as caught:
            lmc.run(ask, backend=remote(fake, dialect))["said"]
        assert len(fake.posts) == 1
    assert caught.value.code == code
    assert "test_faults.py" in str(caught.value)


BROKEN = {
    "cut in the stream": faults.cut_in_stream(),
    "silent in the stream": faults.silent_in_stream(),
    "broken frame": faults.broken_frame(after=3),
    "error in the stream": faults.error_in_stream(after=4),
    "no choices": faults.empty_choices(),
}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", BROKEN)
def test_a_text_that_was_begun_is_never_told_twice(dialect: str, name: str) -> None:
    """An answer that breaks off is an error, and no part of it comes again."""
    if (dialect, name) == ("anthropic", "no choices"):
        pytest.skip("an answer of no blocks is an empty text there")
    told = []

    def heard(event: object) -> None:
        if isinstance(event, lmc.TextGrew) and event.call is not None:
            told.append(event.text)

    with Fake(dialect, ANSWER, BROKEN[name]) as fake, pytest.raises(lmc.RequestError) as caught:
        lmc.run(ask, backend=remote(fake, dialect, silence_s=0.3, retries=1), on_event=heard)["said"]
    assert caught.value.retryable
    assert ANSWER.startswith("".join(told)) and "".join(told) != ANSWER


def test_an_answer_that_was_cut_says_so() -> None:
    """`length` before the stop is no end of the text."""
    with Fake.openai(ANSWER, faults.early_length(2)) as fake:
        result = lmc.run(ask, backend=remote(fake, "openai"))
        assert result.get_meta_info("said")["finish_reason"] == "length"


def test_one_deadline_bounds_all_attempts() -> None:
    """However often it is tried."""
    begin = time.monotonic()
    with Fake.openai(ANSWER, faults.silent()) as fake, pytest.raises(lmc.RequestError) as caught:
        lmc.run(ask, backend=remote(fake, "openai", timeout_s=0.5, silence_s=0.2, retries=50))["said"]
    assert time.monotonic() - begin < 2
    assert caught.value.code in ("timeout", "connection")


def test_a_slow_drip_meets_the_deadline() -> None:
    """Bytes that come for ever, one at a time, are no answer."""
    with Fake.openai(ANSWER, faults.slow_loris(0.05)) as fake, pytest.raises(lmc.RequestError) as caught:
        lmc.run(ask, backend=remote(fake, "openai", timeout_s=0.5, retries=0))["said"]
    assert caught.value.code == "timeout"


@pytest.mark.parametrize("fault", [faults.close_on_reuse(), None])
def test_a_kept_connection_that_is_closed_is_seen_by_nobody(fault) -> None:
    """Servers close what is idle just when it is used again."""
    with Fake.openai(ANSWER, fault, idle_s=0.05) as fake:
        backend = remote(fake, "openai", retries=0)
        for _ in range(5):
            assert lmc.run(ask, backend=backend)["said"] == ANSWER
            time.sleep(0.05)


def test_a_batch_with_faults_loses_nothing() -> None:
    """Each item has one result, and the attempts are all counted."""
    with Fake.openai(ANSWER, faults.share(0.1, faults.server_error())) as fake:
        backend = remote(fake, "openai", retries=6, max_in_flight=32)
        results = lmc.run_batch(ask, [{}] * 200, backend=backend)
        posts, bill = len(fake.posts), fake.bill
    assert [r["said"] for r in results] == [ANSWER] * 200
    report = results[0].report
    assert report is not None
    assert report.extra["attempts"] == posts
    assert report.prompt_tokens == bill.prompt  # what the server charged for, failed attempts too
