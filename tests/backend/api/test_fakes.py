"""The fake servers that the tests of remote backends stand on: shapes, refusals, bills and faults, over a plain client.

What the official clients make of them is in test_fakes_official.py.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from tests.support.api_fakes import Fake, Pace, RateLimits, ScriptBrain, TinyBrain, faults
from tests.support.api_fakes.clock import Clock
from tests.support.api_fakes.prompt_caches import anthropic_rules
from tests.support.api_fakes.prompt_caches.blocks import Block
from tests.support.api_fakes.prompt_caches.entries import Entries

CLIENT = httpx2.Client(timeout=10)
HELLO = [{"role": "user", "content": "Say hello."}]
TEXT = "naïve 中文 🙂 text"


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


def wait_until(happened: Callable[[], bool], limit_s: float = 10) -> None:
    """What the fake's own thread is to notice."""
    until = time.monotonic() + limit_s
    while not happened():
        assert time.monotonic() < until
        time.sleep(0.01)


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


def stream(fake: Fake) -> httpx2.Response:
    """A streamed chat answer."""
    return post(fake, "/v1/chat/completions", model="gpt-4o", messages=HELLO, stream=True)


def test_a_cut_stream_is_billed_as_far_as_it_came():
    """And the record says that it was not whole."""
    with Fake.openai("word" * 20, {0: faults.cut_in_stream(after=4)}) as fake:
        with pytest.raises(httpx2.TransportError):
            stream(fake)
        stream(fake)
        cut, whole = fake.posts
    assert (cut.closed_early, cut.bill.output) == (True, 3)  # the first frame bills nothing: it has the role
    assert (whole.closed_early, whole.bill.output) == (False, 20)


def test_a_client_that_leaves_is_noticed_and_billed_no_further():
    """While the stream is paced; as real servers abort what nobody reads."""
    with Fake.openai("word" * 1000, pace=Pace(token_s=0.005)) as fake:
        body = {"model": "gpt-4o", "messages": HELLO, "stream": True}
        with httpx2.Client() as client, client.stream("POST", fake.v1 + "/chat/completions", json=body) as response:
            next(response.iter_bytes())
        wait_until(lambda: fake.posts[0].ended_s is not None)
        assert fake.posts[0].closed_early and fake.posts[0].bill.output < 500


def test_a_silent_server_is_left_by_whoever_waits():
    """The connection stays, and nothing comes."""
    with Fake.openai("Hi", {0: faults.silent()}) as fake:
        with pytest.raises(httpx2.ReadTimeout):
            httpx2.post(fake.v1 + "/chat/completions", json={"model": "gpt-4o", "messages": HELLO}, timeout=0.2)
        wait_until(lambda: fake.posts[0].ended_s is not None)
        assert fake.posts[0].closed_early


@pytest.mark.parametrize(
    ("fault", "marks"),
    [
        (faults.crlf(), b"\r\n\r\ndata: "),
        (faults.double_spaces(), b"data:  {"),
        (faults.noise_frames(b": hush\n\n"), b": hush\n\ndata: "),
        (faults.broken_frame(), b'[{"delta\n\n'),
        (faults.empty_choices(), b'"choices":[]'),
    ],
)
def test_frames_are_spelt_as_planned(fault, marks):
    """Each fault leaves its marks in the bytes, and none is there without it."""
    with Fake.openai(TEXT, {0: fault}) as fake:
        spoilt, plain = stream(fake).content, stream(fake).content
    assert marks in spoilt and marks not in plain


def test_the_last_frame_may_be_open_and_chunks_may_cut_characters():
    """The bytes are the same but for the last blank line; no chunk ends where a character does only."""
    with Fake.openai(TEXT, {0: faults.last_frame_open(), 1: faults.cut_characters()}) as fake:
        opened, plain = stream(fake).content, None
        body = {"model": "gpt-4o", "messages": HELLO, "stream": True}
        with CLIENT.stream("POST", fake.v1 + "/chat/completions", json=body) as response:
            pieces = list(response.iter_raw())
        plain = stream(fake).content
    assert opened.endswith(b"data: [DONE]") and plain.endswith(b"data: [DONE]\n\n")
    text = b"".join(pieces).decode()
    assert all(mark in text for mark in "ï中🙂") and any(not _is_text(piece) for piece in pieces)


def _is_text(piece: bytes) -> bool:
    try:
        piece.decode()
    except UnicodeDecodeError:
        return False
    return True


def test_answers_change_as_planned():
    """A refusal, an early end, no usage, a finish that comes twice, a body that is no JSON."""
    told = [faults.refusal("No."), faults.early_length(2), faults.no_usage(), faults.wrong_json()]
    with Fake.openai("word" * 9, {**dict(enumerate(told)), 4: faults.duplicate_finish()}) as fake:
        refused, short, unpriced = chat(fake), chat(fake), chat(fake)
        with pytest.raises(json.JSONDecodeError):
            chat(fake)
        ends = [c["choices"][0]["finish_reason"] for c in events(stream(fake)) if c["choices"][0]["finish_reason"]]
    assert refused["choices"][0]["message"] == {"role": "assistant", "content": None, "refusal": "No."}
    assert short["choices"][0]["message"]["content"] == "wordword"
    assert short["choices"][0]["finish_reason"] == "length" and short["usage"]["completion_tokens"] == 2
    assert "usage" not in unpriced and ends == ["stop", "stop"]


def test_limits_are_told_and_held():
    """Three requests a minute: the fourth waits as long as it is told to."""
    with Fake.openai(limits=RateLimits(requests=3)) as fake:
        told = [stream(fake) for _ in range(4)]
        assert [each.status_code for each in told] == [200, 200, 200, 429]
        assert [each.headers["x-ratelimit-remaining-requests"] for each in told] == ["2", "1", "0", "0"]
        fake.clock.advance(float(told[3].headers["retry-after"]))
        assert stream(fake).status_code == 200


def test_an_idle_connection_is_closed():
    """As uvicorn does after five seconds."""
    with Fake.openai(idle_s=0.05) as fake:
        stream(fake)
        wait_until(lambda: fake.server.open_connections == 0)


def test_a_mistake_of_the_fake_itself_is_not_hidden():
    """It is answered by 500 and raised when the fake is left."""

    def broken(prompt: str) -> str:
        raise ZeroDivisionError("of the script")

    with pytest.raises(ZeroDivisionError, match="of the script"), Fake.openai(broken) as fake:
        assert post(fake, "/v1/chat/completions", model="gpt-4o", messages=HELLO).status_code == 500


def test_many_streams_at_once():
    """All are whole, whatever their number."""
    with Fake.openai("word" * 4, pace=Pace(first_s=0.1, token_s=0.02)) as fake:
        texts = asyncio.run(_many(fake, 300))
    assert len(texts) == 300 and all(text.endswith("data: [DONE]\n\n\r\n0\r\n\r\n") for text in texts)


async def _many(fake: Fake, count: int) -> list[str]:
    body = json.dumps({"model": "gpt-4o", "messages": HELLO, "stream": True}).encode()
    request = b"POST /v1/chat/completions HTTP/1.1\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%b"

    opened = [await asyncio.open_connection("127.0.0.1", fake.server.port) for _ in range(count)]
    wait_until(lambda: fake.server.open_connections == count)
    for _, writer in opened:
        writer.write(request % (len(body), body))
    texts = [(await reader.read()).decode() for reader, _ in opened]
    for _, writer in opened:
        writer.close()
    return texts


# --- Anthropic's cache, rule by rule ---------------------------------------------------------------------


def blocks(*tokens: int, marks: dict[int, float]) -> list[Block]:
    """Blocks of so many tokens, with breakpoints behind some."""
    return [Block(f"{at} {size}", size, marks.get(at)) for at, size in enumerate(tokens)]


def test_breakpoints_look_back_over_twenty_blocks():
    """An entry 19 blocks before is read, one 20 before is not."""
    for gap, read in ((19, 2000), (20, 0)):
        entries = Entries(Clock())
        entries.write(anthropic_rules.charge(entries, "m", blocks(2000, marks={0: 300}), 1024).writes)
        longer = anthropic_rules.charge(entries, "m", blocks(2000, *[10] * gap, marks={gap: 300}), 1024)
        assert longer.read == read


def test_nothing_is_read_before_the_writer_has_begun():
    """So forks that start together all pay for the write; and a short prefix is never written."""
    entries = Entries(Clock())
    first, second = (anthropic_rules.charge(entries, "m", blocks(2000, marks={0: 300}), 1024) for _ in range(2))
    assert first.written_short == second.written_short == 2000
    short = anthropic_rules.charge(entries, "m", blocks(1000, marks={0: 300}), 1024)
    assert (short.fresh, short.writes) == (1000, ())


def test_long_and_short_entries_are_charged_apart():
    """Each stretch by the breakpoint at its end; what stands behind the last is fresh."""
    entries = Entries(Clock())
    charges = anthropic_rules.charge(entries, "m", blocks(2000, 500, 7, marks={0: 3600, 1: 300}), 1024)
    assert (charges.written_long, charges.written_short, charges.fresh) == (2000, 500, 7)


# --- servers one runs oneself ----------------------------------------------------------------------------


def test_vllm_takes_and_gives_ids():
    """And scores a prompt; a choice keeps within the set."""
    brain = TinyBrain(seed=4)
    with Fake.vllm(brain, cached=True) as fake:
        told = {"model": "m", "prompt": brain.encode("a red cat"), "max_tokens": 4, "seed": 1, "ignore_eos": True}
        first = post(fake, "/v1/completions", **told, return_token_ids=True, prompt_logprobs=2).json()
        picked = post(fake, "/v1/completions", **told, structured_outputs={"choice": [" red dog", " cat"]}).json()
        both = {"continue_final_message": True, "add_generation_prompt": True}
        refused = post(fake, "/v1/chat/completions", model="m", messages=HELLO, **both)
    choice = first["choices"][0]
    assert b"".join(map(brain.spell, choice["token_ids"])).decode() == choice["text"]
    assert choice["prompt_token_ids"] == told["prompt"] and choice["prompt_logprobs"][0] is None
    assert all(str(i) in row for i, row in zip(told["prompt"][1:], choice["prompt_logprobs"][1:], strict=True))
    assert picked["choices"][0]["text"] in (" red dog", " cat")
    assert refused.status_code == 400 and refused.json()["error"]["code"] == 400


def test_sglang_streams_the_whole_text_each_time():
    """Cumulative, with triples; and a last assistant's message is a user's unless it is to be continued."""
    with Fake.sglang(TinyBrain(seed=4)) as fake:
        params = {"max_new_tokens": 4, "sampling_seed": 1, "ignore_eos": True}
        told = {"text": "a red cat", "sampling_params": params, "return_logprob": True, "logprob_start_len": 0}
        *_, before, last = events(post(fake, "/generate", **told, stream=True))
        whole = post(fake, "/generate", **told).json()
    assert last["text"].startswith(before["text"]) and last["text"] == whole["text"]
    assert last["meta_info"]["finish_reason"] == {"type": "length", "length": 4}
    assert [row[1] for row in last["meta_info"]["output_token_logprobs"]] == whole["output_ids"]
    assert last["meta_info"]["input_token_logprobs"][0][0] is None
    with Fake.sglang(
        lambda prompt: "trap" if prompt.endswith("user\nI<|im_end|>\n<|im_start|>assistant\n") else "ok"
    ) as fake:
        messages = [*HELLO, {"role": "assistant", "content": "I"}]
        assert chat(fake, messages=messages)["choices"][0]["message"]["content"] == "trap"
        continued = chat(fake, messages=messages, continue_final_message=True)
        assert continued["choices"][0]["message"]["content"] == "ok"
        assert post(fake, "/v1/chat/completions", model="m", messages=[]).json()["object"] == "error"


def test_llamacpp_loads_and_then_answers():
    """503 while it loads; then ids, grammars, probabilities; chat goes on by itself."""
    brain = TinyBrain(seed=4)
    with Fake.llamacpp(brain, loading_s=60) as fake:
        loading = CLIENT.get(fake.url + "/health")
        fake.clock.advance(61)
        assert (loading.status_code, CLIENT.get(fake.url + "/health").json()) == (503, {"status": "ok"})
        grammar = 'root ::= pet{2}\npet ::= " cat" | " dog"'
        told = {"prompt": ["a", 256], "n_predict": 8, "n_probs": 3, "return_tokens": True, "grammar": grammar}
        answer = post(fake, "/completion", **told).json()
        rendered = post(fake, "/apply-template", messages=[*HELLO, {"role": "assistant", "content": "I"}]).json()
        two = [*HELLO, *[{"role": "assistant", "content": "I"}] * 2]
        refused = post(fake, "/v1/chat/completions", messages=two).json()
    assert answer["content"].replace(" cat", " dog") == " dog dog" and answer["stop_type"] == "eos"
    assert [entry["id"] for entry in answer["completion_probabilities"]] == answer["tokens"]
    assert rendered["prompt"].endswith("assistant\nI")
    assert refused["error"]["type"] == "invalid_request_error"


def test_ollama_writes_a_document_a_line():
    """The last says why it ended and counts tokens."""
    with Fake.ollama(TEXT, models=["fake:latest"]) as fake:
        lines = post(fake, "/api/chat", model="fake", messages=HELLO).text.splitlines()
        whole = post(fake, "/api/generate", model="fake", prompt="Hi", raw=True, stream=False).json()
        missing = post(fake, "/api/chat", model="other", messages=HELLO)
    *docs, last = map(json.loads, lines)
    assert "".join(doc["message"]["content"] for doc in docs) == whole["response"] == TEXT
    assert (last["done"], last["done_reason"], last["eval_count"]) == (True, "stop", whole["eval_count"])
    assert (missing.status_code, missing.json()) == (404, {"error": "model 'other' not found"})


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


@pytest.mark.slow
def test_the_engine_says_through_a_fake_what_it_says_by_itself():
    """Greedy: the same text and tokens by chat, by ids, and streamed; logprobs are its own."""
    import lmc
    from tests.support.api_fakes.brains.engine import EngineBrain

    @lmc.function
    def colour(s):
        with s.user():
            s += "Name a colour."
        with s.assistant():
            s += lmc.gen("colour", max_tokens=12, temperature=0, stop=".")

    brain = EngineBrain()
    alone = colour.run(backend=brain.backend)["colour"]
    messages = [{"role": "user", "content": "Name a colour."}]
    told = {"model": "m", "max_tokens": 12, "temperature": 0, "stop": "."}
    with Fake.vllm(brain) as fake:
        answer = post(
            fake, "/v1/chat/completions", **told, messages=messages, logprobs=True, return_token_ids=True
        ).json()
        by_ids = post(fake, "/v1/completions", **told, prompt=answer["prompt_token_ids"]).json()
        streamed = post(fake, "/v1/chat/completions", **told, messages=messages, stream=True)
        scored = post(
            fake, "/v1/completions", **told | {"max_tokens": 0}, prompt="The cat", echo=True, logprobs=1
        ).json()
    choice = answer["choices"][0]
    assert alone and choice["message"]["content"] == by_ids["choices"][0]["text"] == alone
    assert "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in events(streamed)) == alone
    assert all(entry["logprob"] <= 0 for entry in choice["logprobs"]["content"])
    assert scored["choices"][0]["logprobs"]["token_logprobs"][0] is None
