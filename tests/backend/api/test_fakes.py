"""The fake servers that the tests of remote backends stand on: shapes, refusals, bills and faults, over a plain client.

What the official clients make of them is in test_fakes_official.py.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.support.api_fakes import Fake, ScriptBrain, TinyBrain, faults

CLIENT = httpx2.Client(timeout=10)
HELLO = [{"role": "user", "content": "Say hello."}]


def post(fake: Fake, path: str, headers: dict[str, str] | None = None, **body: Any) -> httpx2.Response:
    """One request."""
    return CLIENT.post(fake.url + path, json=body, headers=headers)


def chat(fake: Fake, **body: Any) -> Any:
    """A whole chat answer."""
    return post(fake, "/v1/chat/completions", **({"model": "gpt-4o", "messages": HELLO} | body)).json()


def claude(fake: Fake, version: str = "2023-06-01", **body: Any) -> Any:
    """A whole Messages answer."""
    told = {"model": "claude-haiku-4-5", "max_tokens": 64, "messages": HELLO} | body
    return post(fake, "/v1/messages", {"anthropic-version": version}, **told).json()


def events(response: httpx2.Response) -> Iterator[Any]:
    """The documents of a stream of plain events."""
    for line in response.text.splitlines():
        if line.startswith("data: ") and line != "data: [DONE]":
            yield json.loads(line[6:])


# --- OpenAI ----------------------------------------------------------------------------------------------


def test_a_stream_says_what_the_whole_answer_says():
    """Joined over choices, with one role and one finish reason each, and usage in a chunk of its own."""
    with Fake.openai("naïve 中文 🙂 text") as fake:
        whole = chat(fake, n=2)
        streamed = post(
            fake,
            "/v1/chat/completions",
            model="gpt-4o",
            messages=HELLO,
            n=2,
            stream=True,
            stream_options={"include_usage": True},
        )
        *chunks, last = events(streamed)
        bills = [request.bill for request in fake.posts]
    assert streamed.text.endswith("data: [DONE]\n\n")
    for index in (0, 1):
        mine = [chunk["choices"][0] for chunk in chunks if chunk["choices"][0]["index"] == index]
        text = "".join(choice["delta"].get("content") or "" for choice in mine)
        assert text == whole["choices"][index]["message"]["content"] == "naïve 中文 🙂 text"
        assert [choice["finish_reason"] for choice in mine if choice["finish_reason"]] == ["stop"]
        assert sum("role" in choice["delta"] for choice in mine) == 1
    assert last["choices"] == [] and last["usage"] == whole["usage"]
    assert all(chunk["usage"] is None for chunk in chunks)
    assert bills[0] == bills[1] and bills[0].output == whole["usage"]["completion_tokens"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"model": "gpt-6-luna", "max_tokens": 5}, "unsupported_parameter"),
        ({"model": "o4-mini", "stop": ["x"]}, "unsupported_parameter"),
        ({"model": "gpt-5.2", "temperature": 0}, "unsupported_parameter"),
        ({"top_k": 5}, "unknown_parameter"),
        ({"stop": ["a", "b", "c", "d", "e"]}, "array_above_max_length"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "strict": True, "schema": {}}}},
            "invalid_json_schema",
        ),
    ],
)
def test_openai_refuses(body, code):
    """With 400 and the code that says why; and it goes on working."""
    with Fake.openai() as fake:
        refused = post(fake, "/v1/chat/completions", **({"model": "gpt-4o", "messages": HELLO} | body))
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, code)
        assert fake.money == 0
        assert chat(fake)["choices"][0]["message"]["content"] == "Hello!"


def test_a_wrong_key_and_an_unknown_model():
    """401 and 404 in OpenAI's shape."""
    with Fake.openai(key="right", models=["gpt-4o"]) as fake:
        wrong = post(fake, "/v1/chat/completions", {"authorization": "Bearer wrong"}, model="gpt-4o", messages=HELLO)
        right = {"authorization": "Bearer right"}
        unknown = post(fake, "/v1/chat/completions", right, model="gpt-9", messages=HELLO)
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (401, "invalid_api_key")
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "model_not_found")


def test_explicit_breakpoints_are_read_where_the_suffix_changes():
    """And the implicit one alone is not: its entry ends behind the suffix."""
    shared = {"type": "text", "text": "abcd" * 2000}
    marked = shared | {"prompt_cache_breakpoint": {"mode": "explicit"}}

    def ask(fake: Fake, part: Any, number: int) -> Any:
        messages = [{"role": "user", "content": [part, {"type": "text", "text": f"Question {number}"}]}]
        return chat(fake, model="gpt-5.6", messages=messages)["usage"]["prompt_tokens_details"]

    with Fake.openai() as fake:
        implicit = [ask(fake, shared, number)["cached_tokens"] for number in range(3)]
    with Fake.openai() as fake:
        explicit = [ask(fake, marked, number)["cached_tokens"] for number in range(3)]
    assert implicit == [0, 0, 0]
    assert explicit[0] == 0 and explicit[1] == explicit[2] > 2000


# --- Anthropic -------------------------------------------------------------------------------------------


def test_claude_reads_what_it_wrote_and_bills_it():
    """Written at 1.25 times the price, read at a tenth, gone after five minutes without a read."""
    system = [{"type": "text", "text": "abcd" * 5000, "cache_control": {"type": "ephemeral"}}]
    with Fake.anthropic() as fake:
        first, second = claude(fake, system=system), claude(fake, system=system)
        fake.clock.advance(301)
        third = claude(fake, system=system)
        bills = [request.bill for request in fake.posts]
    assert first["usage"]["cache_creation_input_tokens"] == second["usage"]["cache_read_input_tokens"] == 5000
    assert first["usage"]["input_tokens"] == second["usage"]["input_tokens"] < 20
    assert third["usage"]["cache_creation_input_tokens"] == 5000
    assert [bill.money for bill in bills] == pytest.approx(
        [(5000 * factor + bills[0].fresh + 5 * bills[0].output) / 1e6 for factor in (1.25, 0.1, 1.25)]
    )


@pytest.mark.parametrize(
    ("body", "version", "why"),
    [
        ({"temperature": 1.0}, "2026-10-21", "sampling parameters"),
        ({"model": "claude-opus-4-7", "temperature": 1.0}, "2023-06-01", "sampling parameters"),
        ({"model": "claude-opus-4-6", "messages": [*HELLO, {"role": "assistant", "content": "I"}]}, "", "prefill"),
        ({"messages": [*HELLO, {"role": "assistant", "content": "I "}]}, "", "trailing whitespace"),
        ({"system": [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}] * 5}, "", "maximum of 4"),
        ({"seed": 1}, "", "Extra inputs"),
    ],
)
def test_claude_refuses(body, version, why):
    """With 400 and its own shape."""
    with Fake.anthropic() as fake:
        refused = claude(fake, version or "2023-06-01", **body)
    assert refused["type"] == "error" and refused["error"]["type"] == "invalid_request_error"
    assert why in refused["error"]["message"]


def test_claude_continues_a_prefill_up_to_4_5():
    """The brain sees the turn open, and its text is not repeated."""
    with Fake.anthropic(lambda prompt: "lo!" if prompt.endswith("assistant\nHel") else "no") as fake:
        answer = claude(fake, messages=[*HELLO, {"role": "assistant", "content": "Hel"}])
    assert answer["content"] == [{"type": "text", "text": "lo!"}]


# --- faults ----------------------------------------------------------------------------------------------


def test_faults_come_as_planned():
    """By number, and each request remembers what befell it."""
    plan = {0: faults.rate_limited(retry_after=2), 1: faults.insufficient_quota(), 2: faults.overloaded()}
    with Fake.openai("Hi", plan) as fake:
        found = [post(fake, "/v1/chat/completions", model="gpt-4o", messages=HELLO) for _ in range(4)]
        assert [request.faults for request in fake.posts] == [("rate_limit",), ("quota",), ("overloaded",), ()]
    assert [each.status_code for each in found] == [429, 429, 503, 200]
    assert found[0].headers["retry-after"] == "2"
    assert [each.json()["error"]["code"] for each in found[:2]] == ["rate_limit_exceeded", "insufficient_quota"]


def test_a_connection_closed_when_it_is_used_again():
    """A pool that reuses it meets a reset, once."""
    with Fake.openai("Hi", {0: faults.close_on_reuse()}) as fake, httpx2.Client() as client:
        body = {"model": "gpt-4o", "messages": HELLO}
        assert client.post(fake.v1 + "/chat/completions", json=body).status_code == 200
        with pytest.raises(httpx2.TransportError):
            client.post(fake.v1 + "/chat/completions", json=body)
        assert client.post(fake.v1 + "/chat/completions", json=body).status_code == 200
        assert fake.server.connections == 2


# --- brains ----------------------------------------------------------------------------------------------


def test_the_tiny_model_samples_its_distribution():
    """Chi-square of the first words of 3,000 answers against what it says of itself, well below the 0.001 bound."""
    brain = TinyBrain(seed=5)
    expected = brain.distribution("Tell of a red cat")
    with Fake.vllm(brain) as fake:
        body = {"model": "m", "prompt": "Tell of a red cat", "n": 3000, "max_tokens": 1, "seed": 11}
        choices = post(fake, "/v1/completions", **body).json()["choices"]
    seen = Counter(choice["text"] for choice in choices)
    off = sum((seen[word] - 3000 * p) ** 2 / (3000 * p) for word, p in expected.items())
    assert set(seen) <= set(expected) and off < 26.1  # 8 degrees of freedom


def test_a_schema_holds_whatever_the_script_says():
    """As under constrained decoding: its text stands where the schema has a string."""
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
        "required": ["name", "age"],
        "additionalProperties": False,
    }
    told = {"type": "json_schema", "json_schema": {"name": "person", "strict": True, "schema": schema}}
    with Fake.openai(ScriptBrain("Ann")) as fake:
        text = chat(fake, response_format=told)["choices"][0]["message"]["content"]
    assert json.loads(text) == {"name": "Ann", "age": 0}
