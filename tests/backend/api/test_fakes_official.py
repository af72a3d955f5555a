"""What the official clients make of the fakes: if these understand them, so does whoever follows the API.

Skipped where the clients are not installed. They need nothing of lmc: any environment with openai, anthropic, regex and
pytest runs this file with `--noconftest`.
"""

from __future__ import annotations

import json

import pytest

from tests.support.api_fakes import Call, Fake, Said, TinyBrain, faults

openai = pytest.importorskip("openai")
anthropic = pytest.importorskip("anthropic")

HELLO = [{"role": "user", "content": "Say hello."}]
TEXT = "naïve 中文 🙂 text"
SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}


def gpt(fake: Fake, **told):
    """The official client of a fake."""
    return openai.OpenAI(base_url=fake.v1, api_key="key", **told)


def claude(fake: Fake, **told):
    """The official client of a fake."""
    return anthropic.Anthropic(base_url=fake.url, api_key="key", **told)


def test_openai_reads_whole_answers():
    """Text, logprobs, usage, samples, request id."""
    with Fake.openai(TEXT, key="key") as fake:
        answer = gpt(fake).chat.completions.create(model="gpt-4o", messages=HELLO, n=2, logprobs=True, top_logprobs=2)
    assert [choice.message.content for choice in answer.choices] == [TEXT, TEXT]
    tokens = answer.choices[0].logprobs.content
    assert b"".join(bytes(token.bytes) for token in tokens).decode() == TEXT
    assert answer.usage.completion_tokens == 2 * len(tokens)
    assert all(len(token.top_logprobs) == 2 for token in tokens)


def test_openai_reads_streams():
    """The same text in pieces, and usage at the end; so does its own accumulator."""
    with Fake.openai(TEXT) as fake:
        client = gpt(fake)
        options = {"include_usage": True}
        chunks = list(
            client.chat.completions.create(model="gpt-4o", messages=HELLO, stream=True, stream_options=options)
        )
        with client.chat.completions.stream(model="gpt-4o", messages=HELLO) as stream:
            whole = stream.get_final_completion()
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == TEXT
    assert chunks[-1].usage.total_tokens == fake.posts[0].bill.prompt + fake.posts[0].bill.output
    assert whole.choices[0].message.content == TEXT and whole.choices[0].finish_reason == "stop"


def test_openai_reads_tool_calls():
    """Whole, and put together from pieces."""
    said = Said(calls=(Call("look", '{"place": "Bern"}'), Call("look", "{}")))
    tools = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]
    with Fake.openai(lambda prompt: said) as fake:
        client = gpt(fake)
        whole = client.chat.completions.create(model="gpt-4o", messages=HELLO, tools=tools)
        with client.chat.completions.stream(model="gpt-4o", messages=HELLO, tools=tools) as stream:
            streamed = stream.get_final_completion()
    for answer in (whole, streamed):
        calls = answer.choices[0].message.tool_calls
        assert [call.function.arguments for call in calls] == ['{"place": "Bern"}', "{}"]
        assert answer.choices[0].finish_reason == "tool_calls"


def test_openai_reads_custom_tools_under_a_pattern():
    """The text of the call keeps the pattern."""
    grammar = {"type": "grammar", "grammar": {"syntax": "regex", "definition": "[0-9]{3}"}}
    tools = [{"type": "custom", "custom": {"name": "code", "format": grammar}}]
    choice = {"type": "custom", "custom": {"name": "code"}}
    with Fake.openai("no digits") as fake:
        answer = gpt(fake).chat.completions.create(model="gpt-4o", messages=HELLO, tools=tools, tool_choice=choice)
    call = answer.choices[0].message.tool_calls[0]
    assert call.custom.name == "code" and call.custom.input.isdigit() and len(call.custom.input) == 3


def test_openai_reads_decisions():
    """All three kinds of questions, in order."""
    choices = [{"value": "cat"}, {"value": "dog"}]
    questions = [
        {"type": "predicate", "instructions": "Is it a cat?"},
        {"type": "choice", "instructions": "Which?", "choices": choices, "name": "which"},
        {"type": "score", "instructions": "How much?", "levels": [{"label": "low"}, {"label": "high"}]},
    ]
    with Fake.openai("dog") as fake:
        answer = gpt(fake).decisions.create(model="gpt-6-luna", input="It barks.", questions=questions)
    assert [each.type for each in answer.answers] == ["predicate", "choice", "score"]
    assert answer.answers[1].choice == "dog" and answer.answers[1].confidence == pytest.approx(0.9)
    assert sum(each.probability for each in answer.answers[2].probabilities) == pytest.approx(1)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (faults.rate_limited(), "RateLimitError"),
        (faults.server_error(), "InternalServerError"),
        (faults.overloaded(), "InternalServerError"),
        (faults.cut_before_headers(), "APIConnectionError"),
        (faults.silent(), "APITimeoutError"),
    ],
)
def test_clients_know_the_errors_and_retry(fault, error):
    """Both raise their own class of it, and are served when they try again."""
    with Fake.openai("Hi", {0: fault, 1: fault}) as fake:
        with pytest.raises(getattr(openai, error)):
            gpt(fake, max_retries=0, timeout=0.5).chat.completions.create(model="gpt-4o", messages=HELLO)
        again = gpt(fake, max_retries=1, timeout=0.5).chat.completions.create(model="gpt-4o", messages=HELLO)
        assert again.choices[0].message.content == "Hi" and len(fake.posts) == 3
    error = "OverloadedError" if fault.name == "overloaded" else error
    with Fake.anthropic("Hi", {0: fault, 1: fault}) as fake:
        told = {"model": "claude-opus-5", "max_tokens": 5, "messages": HELLO}
        with pytest.raises(getattr(anthropic, error, anthropic.APIError)):
            claude(fake, max_retries=0, timeout=0.5).messages.create(**told)
        assert claude(fake, max_retries=1, timeout=0.5).messages.create(**told).content[0].text == "Hi"


def test_the_openai_client_falls_over_frames_without_data():
    """A known defect of it, which servers must not wake and other clients must not share."""
    with Fake.openai("Hi", {0: faults.noise_frames(b"id: 7\n\n")}) as fake, pytest.raises(json.JSONDecodeError):
        list(gpt(fake).chat.completions.create(model="gpt-4o", messages=HELLO, stream=True))


@pytest.mark.parametrize("fault", ["crlf", "double_spaces", "cut_characters", "byte_by_byte", "whole_body", "late"])
def test_clients_read_unusual_bytes(fault):
    """What is unusual and right changes nothing."""
    made = getattr(faults, fault)(*((0.05,) if fault == "late" else ()))
    with Fake.openai(TEXT, made) as fake:
        chunks = list(gpt(fake).chat.completions.create(model="gpt-4o", messages=HELLO, stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == TEXT
    with Fake.anthropic(TEXT, made) as fake:
        told = {"model": "claude-opus-5", "max_tokens": 50, "messages": HELLO}
        with claude(fake).messages.stream(**told) as stream:
            assert "".join(stream.text_stream) == TEXT


def test_errors_in_a_stream_reach_the_caller():
    """Under status 200, from both clients, behind the text that came first."""
    with Fake.openai(TEXT, faults.error_in_stream(after=3)) as fake:
        stream = gpt(fake).chat.completions.create(model="gpt-4o", messages=HELLO, stream=True)
        with pytest.raises(openai.APIError, match="overloaded"):
            list(stream)
        assert len(fake.posts) == 1 and fake.posts[0].bill.output == 2
    with Fake.anthropic(TEXT, faults.error_in_stream(after=4)) as fake:
        told = {"model": "claude-opus-5", "max_tokens": 50, "messages": HELLO}
        with claude(fake).messages.stream(**told) as stream, pytest.raises(anthropic.APIStatusError):
            list(stream.text_stream)


def test_anthropic_reads_answers():
    """Text, thoughts, tool calls, stop texts, usage; whole and put together from events."""
    said = Said("Let me look.", calls=(Call("look", '{"place": "Bern"}'),), thinking="Where?")
    tools = [{"name": "look", "input_schema": {"type": "object", "properties": {"place": {"type": "string"}}}}]
    told = {"model": "claude-opus-5", "max_tokens": 50, "messages": HELLO, "tools": tools}
    with Fake.anthropic(lambda prompt: said, key="key") as fake:
        whole = claude(fake).messages.create(**told)
        with claude(fake).messages.stream(**told) as stream:
            streamed = stream.get_final_message()
        bills = [request.bill for request in fake.posts]
    for answer in (whole, streamed):
        assert [block.type for block in answer.content] == ["thinking", "text", "tool_use"]
        assert answer.content[2].input == {"place": "Bern"} and answer.stop_reason == "tool_use"
        assert answer.usage.output_tokens == bills[0].output == bills[1].output


def test_anthropic_reads_a_refusal_and_an_empty_answer():
    """Status 200 and no content."""
    with Fake.anthropic("Hi", {0: faults.refusal()}) as fake:
        told = {"model": "claude-opus-5", "messages": HELLO}
        assert claude(fake).messages.create(max_tokens=5, **told).stop_reason == "refusal"
        filled = claude(fake).messages.create(max_tokens=0, **told)
    assert filled.content == [] and filled.usage.output_tokens == 0


def test_the_clients_schemas_are_taken():
    """What they make of a pydantic model passes the check, and the answer fits it."""
    import pydantic

    person = pydantic.create_model("Person", name=(str, ...), age=(int, ...))
    with Fake.openai("Ann") as fake:
        parsed = gpt(fake).chat.completions.parse(model="gpt-5.6", messages=HELLO, response_format=person)
    assert parsed.choices[0].message.parsed == person(name="Ann", age=0)
    told = {"format": {"type": "json_schema", "schema": SCHEMA}}
    with Fake.anthropic("Ann") as fake:
        answer = claude(fake).messages.create(model="claude-opus-5", max_tokens=50, messages=HELLO, output_config=told)
    assert json.loads(answer.content[0].text) == {"name": "Ann", "age": 0}


@pytest.mark.parametrize("dialect", ["vllm", "sglang", "llamacpp", "ollama"])
def test_openai_reads_servers_of_its_routes(dialect):
    """Models, chat and completions, whole and streamed."""
    with Fake(dialect, TEXT) as fake:
        client = gpt(fake)
        model = client.models.list().data[0].id
        assert client.chat.completions.create(model=model, messages=HELLO).choices[0].message.content == TEXT
        chunks = list(client.chat.completions.create(model=model, messages=HELLO, stream=True))
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == TEXT
        assert client.completions.create(model=model, prompt="Hi", max_tokens=50).choices[0].text == TEXT
        stream = client.completions.create(model=model, prompt="Hi", max_tokens=50, stream=True)
        assert "".join(chunk.choices[0].text for chunk in stream) == TEXT


def test_openai_reads_logprobs_of_a_tiny_model():
    """Those of the distribution that it says it has."""
    brain = TinyBrain(seed=3)
    with Fake.vllm(brain) as fake:
        answer = gpt(fake).completions.create(model="m", prompt="a red cat", max_tokens=1, logprobs=20, seed=1)
    top = answer.choices[0].logprobs.top_logprobs[0]
    assert set(top) == set(brain.distribution("a red cat"))
