"""SGLang's names around the language: what they do here, and what they say where there is nothing to do."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any, Literal

import pydantic
import pytest

import lmc as sgl
from lmc.errors import ArgumentError, BackendError, ConstraintError
from lmc.program import default_backend


class Wizard(pydantic.BaseModel):
    name: str
    house: Literal["Gryffindor", "Ravenclaw"]
    age: int


def test_a_regex_from_a_class_and_from_a_schema() -> None:
    text = '{"name":"Cho","house":"Ravenclaw","age":17}'
    assert re.fullmatch(sgl.build_regex_from_object(Wizard), text)
    schema = {
        "type": "object",
        "properties": {"a": {"type": "boolean"}},
        "required": ["a"],
        "additionalProperties": False,
    }
    pattern = sgl.build_regex_from_object(json.dumps(schema))
    assert re.fullmatch(pattern, '{"a":true}') and not re.fullmatch(pattern, '{"a": true}')
    assert re.fullmatch(sgl.build_regex_from_object(schema, whitespace_pattern=r"[ ]?"), '{"a": true}')


def test_a_schema_without_a_regex_says_so() -> None:
    tree = {"$defs": {"t": {"type": "array", "items": {"$ref": "#/$defs/t"}}}, "$ref": "#/$defs/t"}
    with pytest.raises(ConstraintError, match="no regex"):
        sgl.build_regex_from_object(tree)


def test_rows_of_a_file_and_texts_into_one(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('# head\n{"a": 1}\n\n{"a": 2}\n', encoding="utf-8-sig")
    assert list(sgl.read_jsonl(path)) == [{"a": 1}, {"a": 2}]
    path.write_text('{"a": 1}\n{"a":\n')
    with pytest.raises(ArgumentError, match=r"rows\.jsonl:2"):
        list(sgl.read_jsonl(path))
    results = sgl.run_batch(hello, [{"n": i} for i in range(2)], backend="echo")
    sgl.dump_state_text(path, results)
    assert path.read_text().count("=" * 40) == 4 and results[1].text() in path.read_text()


def hello(s: Any, n: int) -> None:
    s += f"hello {n} " + sgl.gen("x", max_tokens=2)


@pytest.mark.parametrize("name", ["RuntimeEndpoint", "OpenAI", "Anthropic", "LiteLLM", "VertexAI", "Engine", "image"])
def test_what_lmc_has_not_says_what_to_write(name: str) -> None:
    with pytest.raises(BackendError, match=f"no `{name}`") as caught:
        getattr(sgl, name)("http://localhost:30000")
    assert caught.value.help


def test_a_runtime_is_the_engine_in_this_process() -> None:
    runtime = sgl.Runtime(model_path="lmc-tiny", dtype="fp32", log_level="error")
    try:
        sgl.set_default_backend(runtime)
        first = sgl.run(hello, 1, temperature=0)
        again = sgl.run(hello, 1, temperature=0)
        assert first["x"] == again["x"] and again.usage.cached_tokens > first.usage.cached_tokens == 0
        assert sgl.flush_cache() is True
        assert sgl.run(hello, 1, temperature=0).usage.cached_tokens == 0
        assert sgl.get_server_info()["backend"] == "cpu"
        assert runtime.get_tokenizer().encode("a b")
    finally:
        sgl.set_default_backend(None)
        runtime.shutdown()
        runtime.shutdown()


def test_an_unknown_argument_of_a_runtime_is_named() -> None:
    with pytest.raises(ArgumentError, match="tp_size"):
        sgl.Runtime(model_path="lmc-tiny", tp_size=2)


def test_a_cache_that_is_not_there_is_not_flushed() -> None:
    assert sgl.flush_cache("echo") is False


THINKS = r"<think>[a-c]{3}</think>[xy]{2}"


def thinking(s: Any) -> Any:
    s["a_reasoning_content"] = "old"
    s += sgl.user("hi")
    s += sgl.assistant(sgl.separate_reasoning("so " + sgl.gen("a", regex=THINKS)))
    s += sgl.user(s["a_reasoning_content"])
    s += sgl.assistant(sgl.separate_reasoning(sgl.gen("b", regex=THINKS, n=2), "glm45"))
    return s["a"], s["b"], s["b_reasoning_content"], s.get_meta_info("a")["completion_tokens"]


@pytest.mark.parametrize("mode", ["compiled", "eager"])
def test_thoughts_are_kept_apart(mode: Any) -> None:
    result = sgl.run(thinking, backend="echo", mode=mode)
    answer, answers, thoughts, num_tokens = result.ret_value
    assert re.fullmatch("[xy]{2}", answer) and re.fullmatch("[a-c]{3}", result["a_reasoning_content"])
    assert len(answers) == len(thoughts) == 2 and num_tokens > 10
    assert "<think>" not in result.text() and f"so {answer}<" in result.text()
    assert result.messages()[1]["content"] == f"so {answer}"


@pytest.mark.parametrize(
    "model_type, text, thoughts, answer",
    [
        ("qwen3", "<think>\nab\n</think>\n\nyes", "ab", "yes"),
        ("qwen3", "yes", "", "yes"),
        ("qwen3", "ab</think>yes", "ab", "yes"),
        ("deepseek-r1", "ab", "ab", ""),
        ("kimi", "◁think▷ab◁/think▷yes", "ab", "yes"),
        ("glm45", "<think>cut", "cut", ""),
    ],
)
def test_formats_of_thoughts(model_type: str, text: str, thoughts: str, answer: str) -> None:
    from lmc.ir.reasoning import REASONING_FORMATS

    assert REASONING_FORMATS[model_type].split(text) == (thoughts, answer)


@pytest.mark.parametrize("bad", [lambda: sgl.separate_reasoning("text"), lambda: sgl.separate_reasoning(sgl.gen())])
def test_thoughts_of_nothing_are_refused(bad: Any) -> None:
    with pytest.raises(ArgumentError, match="separate_reasoning"):
        bad()


def test_an_unknown_family_is_refused() -> None:
    with pytest.raises(ArgumentError, match="qwen3"):
        sgl.separate_reasoning(sgl.gen("x"), model_type="qwen33")


def test_names_of_a_run_and_of_its_stream() -> None:
    """`use_thread` has no effect, `trace` takes a backend, texts are asked for by `var_name`."""

    @sgl.function
    def told(s):
        s += "a" + sgl.gen("x", max_tokens=3)

    assert told.run(backend="echo", use_thread=False)["x"] == told.run(backend="echo")["x"]
    assert repr(told.trace(backend="echo")) == "<lmc compiled told()>"
    stream = told.run(backend="echo", stream=True)
    assert "".join(stream.text_iter(var_name="x")) == stream["x"]


def test_a_run_that_is_over_gives_its_text_in_one_piece() -> None:
    @sgl.function
    def told(s):
        s += "a" + sgl.gen("x", max_tokens=3)

    done = told.run(backend="echo")
    assert [*done.text_iter()] == [done.text()] and [*done.text_iter("x")] == [done["x"]]

    async def read() -> list[Any]:
        return [piece async for piece in done.text_async_iter("x", return_meta_data=True)]

    assert asyncio.run(read()) == [(done["x"], done.get_meta_info("x"))]
    with pytest.raises(KeyError):
        [*done.text_iter("nope")]


@pytest.mark.parametrize("backend", ["nope", 3])
def test_a_default_backend_that_is_none_is_refused_at_once(backend: Any) -> None:
    before = default_backend()
    with pytest.raises(BackendError, match="backend"):
        sgl.set_default_backend(backend)
    assert default_backend() is before
