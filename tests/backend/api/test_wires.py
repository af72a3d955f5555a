"""How calls are written and answers read, without a network; frames, limits and errors by themselves."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

import pytest

from lmc.backend.api.abilities import abilities
from lmc.backend.api.ask import Turn, WireAsk
from lmc.backend.api.frames import Events, FrameTooLong, JsonLines
from lmc.backend.api.growing import Growing
from lmc.backend.api.limits import Gate, duration
from lmc.backend.api.messages import conversation
from lmc.backend.api.retry import asked_wait, trouble_of
from lmc.backend.api.wire import dialect_of
from lmc.backend.stops import Stops
from lmc.errors import BackendError
from lmc.ir.constraint import Choices
from lmc.ir.prompt import Text
from lmc.ir.sampling import Sampling
from lmc.parser.constraints import parse_constraint
from lmc.tokenizer.byte_tokenizer import ByteTokenizer

MODELS = {
    "openai": "gpt-4o", "anthropic": "claude-opus-5", "vllm": "m", "sglang": "m", "llamacpp": "m", "ollama": "m",
}  # fmt: skip
TURNS = (Turn("system", "Be brief."), Turn("user", "Hi  there\n"))
SCHEMA = parse_constraint("json_schema", {"type": "object", "properties": {"x": {"type": "integer"}}}, None, None)
REGEX = parse_constraint("regex", "[0-9]+", None, None)


def body(dialect: str, *, model: str = "", **told: Any) -> dict[str, Any]:
    model = model or MODELS[dialect]
    given = {"turns": TURNS, "sampling": Sampling(), "max_tokens": 9} | told
    ask = WireAsk(model=model, **given)
    return dialect_of(dialect, ask).body(ask, abilities(dialect, model))


# --- what is sent ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", MODELS)
def test_messages_are_the_text_as_written(dialect: str) -> None:
    """Spaces and newlines too."""
    sent = body(dialect)
    assert {"role": "user", "content": "Hi  there\n"} in sent["messages"]
    assert json.dumps(sent)


def test_what_an_api_does_anyway_is_not_said() -> None:
    """Absent, not null."""
    assert set(body("openai")) == {"model", "stream", "stream_options", "messages", "max_completion_tokens"}


def test_a_server_with_defaults_of_its_own_is_told() -> None:
    assert body("vllm")["temperature"] == 1.0
    assert body("llamacpp", sampling=Sampling(repetition_penalty=1.2))["repeat_penalty"] == 1.2
    assert body("ollama")["options"]["num_predict"] == 9


@pytest.mark.parametrize("model", ["gpt-5", "o3"])
def test_a_parameter_that_a_model_does_not_take_is_refused(model: str) -> None:
    """Never dropped without a word."""
    with pytest.raises(BackendError, match="temperature"):
        body("openai", model=model, sampling=Sampling(temperature=0.5))


def test_greedy_by_top_k_is_said_in_other_words() -> None:
    assert body("openai", sampling=Sampling(top_k=1))["temperature"] == 0.0


def test_thoughts_are_switched_off_where_they_can_be() -> None:
    assert body("openai", model="gpt-6-luna")["reasoning_effort"] == "none"
    assert body("anthropic")["thinking"] == {"type": "disabled"}
    assert "reasoning_effort" not in body("openai")


@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
def test_a_turn_that_cannot_go_on_is_refused(dialect: str) -> None:
    with pytest.raises(BackendError, match="does not go on"):
        body(dialect, turns=(*TURNS, Turn("assistant", "It is")), continues=True)


def test_a_turn_goes_on_as_each_server_wants() -> None:
    turns = (*TURNS, Turn("assistant", "It is"))
    for dialect in ("vllm", "sglang"):
        sent = body(dialect, turns=turns, continues=True)
        assert sent["continue_final_message"] is True and sent["add_generation_prompt"] is False
    assert body("llamacpp", turns=turns, continues=True)["messages"][-1]["role"] == "assistant"
    with pytest.raises(BackendError, match="white space"):
        body("anthropic", model="claude-haiku-4-5", turns=(*TURNS, Turn("assistant", "It is ")), continues=True)


def test_constraints_in_everybody_s_words() -> None:
    choices = Choices(("yes", "no (maybe)"))
    assert body("vllm", constraint=choices)["structured_outputs"] == {"choice": ["yes", "no (maybe)"]}
    assert body("sglang", constraint=choices)["regex"] == r"(yes|no\ \(maybe\))"
    assert body("llamacpp", constraint=choices)["grammar"] == 'root ::= "yes" | "no (maybe)"'
    enum = {"type": "string", "enum": ["yes", "no (maybe)"]}
    fields = body("openai", constraint=choices)["response_format"]["json_schema"]["schema"]["properties"]
    assert fields == {"choice": enum}
    assert body("ollama", constraint=choices)["format"]["required"] == ["choice"]
    assert body("vllm", constraint=REGEX)["structured_outputs"] == {"regex": "[0-9]+"}
    strict = body("openai", constraint=SCHEMA)["response_format"]["json_schema"]
    assert strict["strict"] is True and strict["schema"]["additionalProperties"] is False
    assert body("anthropic", constraint=SCHEMA)["output_config"]["format"]["type"] == "json_schema"


@pytest.mark.parametrize("dialect", ["openai", "anthropic", "llamacpp", "ollama"])
def test_a_constraint_without_words_is_refused(dialect: str) -> None:
    with pytest.raises(BackendError, match="regex"):
        body(dialect, constraint=REGEX)


def test_ids_are_sent_as_they_are() -> None:
    told: dict[str, Any] = {"turns": None, "ids": (1, 2, 3)}
    assert body("vllm", **told)["prompt"] == [1, 2, 3]
    assert body("sglang", **told)["input_ids"] == [1, 2, 3]
    assert body("llamacpp", **told)["prompt"] == [1, 2, 3]


# --- what is read ------------------------------------------------------------------------------------------


def test_what_anthropic_calls_input_is_the_rest() -> None:
    """A prompt is what was read from the cache, what was written there, and what was neither."""
    read = dialect_of("anthropic", WireAsk("m", Sampling(), turns=TURNS)).read
    usage = {"input_tokens": 5, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 20, "output_tokens": 1}
    (chunk,) = read("message_start", {"type": "message_start", "message": {"usage": usage}})
    assert chunk.spent is not None and (chunk.spent.prompt, chunk.spent.cached, chunk.spent.written) == (125, 100, 20)
    _, last = read("message_delta", {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 7}})
    assert last.spent is not None
    assert last.spent.over(chunk.spent).prompt == 125 and last.spent.over(chunk.spent).output == 7


def test_a_stream_that_repeats_all_is_told_once() -> None:
    """SGLang's `/generate`; half a character at the end is waited for."""
    read = dialect_of("sglang", WireAsk("m", Sampling(), ids=(1,))).read
    grown, told = Growing(None), ""
    texts = ("Gr\ufffd", "Grü", "Grüße")
    for text, reason in zip(texts, (None, None, {"type": "stop", "matched": None})):
        meta = {"prompt_tokens": 1, "completion_tokens": 2, "finish_reason": reason}
        told += grown.take(read("", {"text": text, "output_ids": [1], "meta_info": meta})[0])
    assert told == grown.text == "Grüße" and grown.ending == "stop"


def test_frames_are_the_same_however_bytes_are_cut() -> None:
    """In the middle of a character, of CRLF, of a field."""
    raw = 'id: 1\r\ndata: {"a":"ü🎉"}\r\n\r\n: c\n\nevent:x\ndata: 1\ndata: 2\n\nretry:5\n\nevent: ping\n\ndata:[DONE]'
    expected = [("", '{"a":"ü🎉"}'.encode()), ("x", b"1\n2"), ("", b"[DONE]")]
    for seed in range(200):
        draw, events, data, found = random.Random(seed), Events(), raw.encode(), []
        while data:
            size = draw.randint(1, 9)
            found += events.feed(data[:size])
            data = data[size:]
        assert [*found, *events.rest()] == expected
    lines = JsonLines()
    assert [*lines.feed(b'{"a":'), *lines.feed(b'1}\n\n{"b":2}'), *lines.rest()] == [("", b'{"a":1}'), ("", b'{"b":2}')]


def test_a_frame_without_end_is_not_kept() -> None:
    events = Events()
    with pytest.raises(FrameTooLong):
        for _ in range(100):
            list(events.feed(b"data: " + b"x" * (1 << 20)))


def test_a_stop_that_the_server_does_not_know_is_cut_here() -> None:
    """Text that may be its beginning is not told before it is certain."""
    from lmc.backend.api.ask import Chunk

    grown = Growing(Stops(("STOP",), ()))
    told = [grown.take(Chunk(text=text)) for text in ("one S", "T two ST", "OP three", " four")]
    assert told == ["one ", "ST two ", "", ""] and grown.text == "one ST two " and grown.was_cut


def test_messages_out_of_pieces() -> None:
    tokenizer = ByteTokenizer()
    turns = [("system", "S"), ("user", "a\n b "), ("assistant", "So ")]
    told = conversation(tokenizer.render(turns[:2], open_role="assistant"))
    assert told.turns == (Turn("system", "S"), Turn("user", "a\n b ")) and not told.continues
    told = conversation([*tokenizer.render(turns[:2], open_role="assistant"), Text("So "), Text("it")])
    assert told.turns is not None and told.turns[-1] == Turn("assistant", "So it") and told.continues
    assert conversation([Text("a"), Text("b")]).text == "ab"


# --- waits -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": "Tue, 01 Dec 2020 12:00:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-1"}, None),
        ({}, None),
    ],
)
def test_how_long_a_server_asks_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert asked_wait(headers) == seconds


@pytest.mark.parametrize(("text", "seconds"), [("6s", 6), ("1m30s", 90), ("120ms", 0.12), ("", None), ("x", None)])
def test_durations(text: str, seconds: float | None) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize(
    ("status", "error", "code", "is_passing"),
    [
        (429, {"code": "rate_limit_exceeded"}, "rate_limit", True),
        (429, {"code": "insufficient_quota"}, "quota", False),
        (400, {"code": "context_length_exceeded"}, "too_long", False),
        (401, {}, "bad_key", False),
        (404, {"code": "model_not_found"}, "not_found", False),
        (529, {"type": "overloaded_error"}, "server_error", True),
        (503, {}, "server_error", True),
    ],
)
def test_which_errors_may_pass(status: int, error: dict[str, str], code: str, is_passing: bool) -> None:
    trouble = trouble_of(status, {}, json.dumps({"error": {"message": "m", **error}}).encode())
    assert (trouble.code, trouble.is_passing) == (code, is_passing)


def test_odd_bodies_of_errors_are_read() -> None:
    """A text, vLLM's 401, SGLang's flat one."""
    assert "Bad gateway" in trouble_of(502, {}, b"<p>Bad gateway</p>").message
    assert "Unauthorized" in trouble_of(401, {}, b'{"error":"Unauthorized"}').message
    assert "too big" in trouble_of(400, {}, b'{"object":"error","message":"too big","code":400}').message


def test_a_limit_that_is_used_up_is_waited_for() -> None:
    """What answers say is left counts for all calls; the one with priority goes first."""

    async def run() -> tuple[float, list[str]]:
        gate, order = Gate(8), list[str]()
        loop = asyncio.get_running_loop()
        async with gate.turn(0, 1) as number:
            gate.heard(number, {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "80ms"})
        begin = loop.time()

        async def one(name: str, priority: int) -> None:
            async with gate.turn(priority, 1):
                order.append(name)

        await asyncio.gather(one("later", 0), one("first", 5))
        return loop.time() - begin, order

    waited, order = asyncio.run(run())
    assert 0.07 < waited < 2 and order == ["first", "later"]


def test_a_call_that_is_cancelled_gives_its_turn_back() -> None:
    async def run() -> None:
        gate = Gate(1)

        async def hold() -> None:
            async with gate.turn(0, 1):
                await asyncio.sleep(30)

        tasks = [asyncio.create_task(hold()) for _ in range(4)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        async with asyncio.timeout(1), gate.turn(0, 1):
            pass

    asyncio.run(run())
