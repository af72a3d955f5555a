"""Bad input: a typed error that names the thing and says what to do, and the rest of a batch completes."""

from __future__ import annotations

import json
import linecache
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

import lmc
from lmc.backend.echo import EchoBackend
from lmc.backend.local import CpuBackend
from lmc.errors import (
    ArgumentError,
    BackendError,
    CaptureError,
    ChatTemplateError,
    ConstraintError,
    LMError,
    ModelLoadError,
    ParseError,
    RequestError,
)
from scripts.support.checkpoint import tiny_checkpoint
from tests.support.end_to_end import alarm, checkpoint, one_thread  # noqa: F401

Kinds = type[BaseException] | tuple[type[BaseException], ...]

# a sentence that says what would be right needs no help beside it
RULES = (
    "is needed", "must be", "cannot be", "would end it", "is more than", "is not a regular expression:",
    "a batch item is", "a choice is a", "no number is", "is not valid:", "has no type", "points to nothing",
)  # fmt: skip


def check(error: BaseException | None, kind: Kinds, *words: str) -> None:
    """The error is of its kind, and says each of `words`; one of lmc's own says what to do as well."""
    assert isinstance(error, kind), repr(error)
    said = str(error)
    for word in words:
        assert word in said, f"{word!r} is not in {said!r}"
    if isinstance(error, LMError):
        assert error.help or any(rule in said for rule in RULES), f"it does not say what to do: {said!r}"
        assert error.render().endswith(said) and error.message in said


def refused(what: Callable[[], object], kind: Kinds, *words: str) -> BaseException:
    with pytest.raises(BaseException) as caught:
        what()
    check(caught.value, kind, *words)
    return caught.value


@lru_cache(maxsize=1)
def cpu() -> CpuBackend:
    return CpuBackend(checkpoint("llama"), dtype="fp32", num_slots=4096)


PLACES: dict[str, Callable[[], Any]] = {"echo": EchoBackend, "cpu": cpu}


@pytest.fixture(params=list(PLACES))
def place(request: pytest.FixtureRequest) -> Any:
    """Each backend that can run here."""
    return PLACES[request.param]()


def one_fails(program: Any, good: dict[str, Any], bad: dict[str, Any], place: Any, kind: Kinds, *words: str) -> Any:
    """A batch with the bad item in the middle: it alone fails, and alone it raises the same."""
    results = lmc.run_batch(program, [good, good, bad, good], backend=place, temperature=0.0)
    check(results[2].error, kind, *words)
    assert [r.error for i, r in enumerate(results) if i != 2] == [None] * 3
    texts = {r.text() for i, r in enumerate(results) if i != 2}
    assert texts == {lmc.run(program, **good, backend=place, temperature=0.0).text()}
    with pytest.raises(type(results[2].error)):
        results[2].text()
    refused(lambda: lmc.run(program, **bad, backend=place, temperature=0.0), kind, *words)
    return results[2].error


@lmc.function
def ask(s, question):
    s += f"Q: {question}\nA:"
    s += lmc.gen("answer", max_tokens=4)


# --- backends and models ----------------------------------------------------------------------------------


def test_the_cuda_engine_that_there_is_not() -> None:
    """On no machine; it names the backend that works."""
    refused(lambda: lmc.run(ask, "x", backend="cuda", model=str(checkpoint())), BackendError, "cuda", 'backend="cpu"')
    refused(lambda: lmc.run_batch(ask, [{"question": "x"}], backend="cuda"), BackendError, "cuda")


def test_an_unknown_backend() -> None:
    """The nearest name is offered, or all of them."""
    refused(lambda: lmc.run(ask, "x", backend="ecko"), BackendError, "'ecko'", "'echo'")
    refused(lambda: lmc.run(ask, "x", backend="zzz"), BackendError, "'zzz'", "echo, cpu")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    missing = tmp_path / "nowhere"
    refused(lambda: lmc.run(ask, "x", backend="cpu", model=str(missing)), ModelLoadError, str(missing))
    refused(lambda: lmc.run(ask, "x", model=str(missing)), ModelLoadError, str(missing))


def test_a_file_in_place_of_a_folder(tmp_path: Path) -> None:
    file = tmp_path / "model.gguf"
    file.write_bytes(b"GGUF")
    refused(lambda: lmc.run(ask, "x", model=str(file)), ModelLoadError, str(file))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A copy of a checkpoint, to be spoiled."""
    return Path(shutil.copytree(checkpoint("llama"), tmp_path / "model"))


def loading(model: Path, *words: str) -> None:
    """Loading fails in both ways, the second time too, and the message names the folder."""
    for _ in range(2):
        refused(lambda: lmc.run(ask, "x", model=str(model)), ModelLoadError, str(model), *words)
    refused(lambda: CpuBackend(model, dtype="fp32"), ModelLoadError, str(model), *words)


def test_a_folder_without_a_config(model: Path) -> None:
    (model / "config.json").unlink()
    loading(model, "config.json")


@pytest.mark.parametrize("text", ["", "{", "[]", "nonsense", '{"model_type": 3}', "{}"])
def test_a_config_that_is_no_config(model: Path, text: str) -> None:
    (model / "config.json").write_text(text)
    loading(model, "config.json" if not text.startswith("{") or len(text) < 2 else "")


def test_an_unknown_architecture(model: Path) -> None:
    """It says which ones there are."""
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps({**config, "model_type": "mamba", "architectures": ["Mamba"]}))
    loading(model, "Mamba", "LlamaForCausalLM")


@pytest.mark.parametrize("keep", [0, 4, 100, 5000, -1000, -1])
def test_truncated_weights(model: Path, keep: int) -> None:
    """Cut within the length, the header, the data, near the end and by one byte."""
    file = model / "model.safetensors"
    file.write_bytes(file.read_bytes()[:keep])
    loading(model, "safetensors")


def test_corrupt_weights(model: Path) -> None:
    """A header that is no JSON, one that lies about its length, and one of another file."""
    file = model / "model.safetensors"
    whole = file.read_bytes()
    for spoiled in (b"\xff" * 8 + whole[8:], whole[:8] + b"x" * 50 + whole[58:], b"not a tensor in here" * 9):
        file.write_bytes(spoiled)
        loading(model, "safetensors")


def test_missing_weights(model: Path) -> None:
    (model / "model.safetensors").unlink()
    loading(model, "safetensors")


def test_a_missing_tensor(model: Path) -> None:
    """The tensor is named."""
    from safetensors.torch import load_file, save_file

    file = model / "model.safetensors"
    tensors = load_file(file)
    name = next(name for name in tensors if "q_proj" in name)
    save_file({k: v for k, v in tensors.items() if k != name}, file, metadata={"format": "pt"})
    loading(model, name)


def test_a_tensor_of_another_shape(model: Path) -> None:
    """The config says another width than the weights have."""
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps({**config, "intermediate_size": 128}))
    loading(model, "mlp")


def test_a_missing_shard(tmp_path: Path) -> None:
    folder = tiny_checkpoint(tmp_path, "llama", sharded=True)
    shard = sorted(folder.glob("model-*.safetensors"))[1]
    shard.unlink()
    loading(folder, shard.name)


@pytest.mark.parametrize("text", [None, "", "{}", "nonsense"])
def test_no_tokenizer(model: Path, text: str | None) -> None:
    file = model / "tokenizer.json"
    file.unlink()
    if text is not None:
        file.write_text(text)
    loading(model, "tokenizer.json")


def test_a_broken_chat_template(model: Path) -> None:
    """It is told when the model is loaded or the first role is used, by its name."""
    (model / "chat_template.jinja").write_text("{% for m in messages %}")
    refused(lambda: lmc.run(chat, "x", model=str(model)), (ModelLoadError, ChatTemplateError), "template")


def test_an_unknown_dtype() -> None:
    refused(lambda: CpuBackend(checkpoint(), dtype="fp8"), BackendError, "'fp8'", "bf16")  # type: ignore[arg-type]


# --- requests that cannot run -----------------------------------------------------------------------------


def test_a_prompt_longer_than_the_context() -> None:
    """Both numbers are said."""
    error = one_fails(ask, {"question": "x"}, {"question": "naß " * 2000}, cpu(), RequestError, "1024", "shorten")
    assert error.code == "prompt_too_long" and not error.retryable and error.span is not None


def test_a_prompt_longer_than_the_context_on_echo() -> None:
    one_fails(ask, {"question": "x"}, {"question": "y" * 500}, EchoBackend(max_len=300), RequestError, "300")


def test_a_pool_too_small_for_one_request() -> None:
    """The numbers are said, and which of them to change."""
    small = CpuBackend(checkpoint("llama"), dtype="fp32", num_slots=64)
    error = one_fails(
        ask, {"question": "x"}, {"question": "word " * 80}, small, RequestError, "64", "max_tokens", "pool"
    )
    assert error.code == "pool_too_small"


def test_a_pool_too_small_for_max_tokens() -> None:
    small = CpuBackend(checkpoint("llama"), dtype="fp32", num_slots=64)
    one_fails(longer, {"count": 4}, {"count": 200}, small, RequestError, "200", "64")


@lmc.function
def longer(s, count):
    s += "Say something."
    s += lmc.gen("answer", max_tokens=count)


def test_a_failed_request_of_a_backend(place: Any) -> None:
    """The place of the call is shown."""
    failing = EchoBackend(fail=lambda r: "The service is down" if b"bad" in bytes(r.prompt.ids) else None)
    error = lmc.run_batch(ask, [{"question": "good"}, {"question": "bad"}], backend=failing)[1].error
    assert isinstance(error, RequestError) and "The service is down" in str(error)
    assert error.span is not None and error.span.file == __file__


@pytest.mark.parametrize("backend", ["echo", "cpu"])
def test_one_item_of_a_batch_fails_with_several_samples(backend: str) -> None:
    """All samples of the failed call end; the others keep theirs."""
    if backend == "echo":
        place: Any = EchoBackend(fail=lambda r: "It failed" if len(r.prompt.ids) > 100 else None)
    else:
        place = CpuBackend(checkpoint("llama"), dtype="fp32", num_slots=80)
    results = lmc.run_batch(
        several, [{"question": q} for q in ("a", "word " * 80, "b")], backend=place, temperature=0.7
    )
    assert isinstance(results[1].error, RequestError)
    assert [len(results[i]["answer"]) for i in (0, 2)] == [3, 3]


@lmc.function
def several(s, question):
    s += question
    s += lmc.gen("answer", max_tokens=4, n=3)
    s += lmc.gen("after", max_tokens=4)


# --- constraints ------------------------------------------------------------------------------------------


def test_no_choices() -> None:
    """Written in the program: it is told before anything runs."""

    @lmc.function
    def written(s):
        s += lmc.select("x", [])

    @lmc.function
    def by_gen(s):
        s += lmc.gen("x", choices=[])

    for program in (written, by_gen):
        for run in (lambda p=program: p.compile(), lambda p=program: lmc.run(p, backend="echo")):
            refused(run, ArgumentError, "choices")


@lmc.function
def pick(s, choices):
    s += "Which? "
    s += lmc.select("x", choices)


@pytest.mark.parametrize("choices", [[], (), [""], ["a", ""], "text", [1, 2], None, 7, {1: "a"}], ids=repr)
def test_bad_choices_as_an_argument(place: Any, choices: Any) -> None:
    """The same at run time, for the item that brings them."""
    one_fails(pick, {"choices": ["a", "b"]}, {"choices": choices}, place, ArgumentError, "choice")


# found at the border, or by the backend that is to follow it: then it is the request that fails
INVALID = (ConstraintError, ParseError, ArgumentError, RequestError)
BAD_REGEXES = ["(", "[a", "a{3,1}", "*a", "(?P<x>a", "a**", "\\"]


@pytest.mark.parametrize("regex", BAD_REGEXES)
def test_an_invalid_regex(regex: str) -> None:
    """Known before the program runs: the program need not be run to be told."""
    program = lmc.function(matching).bind(regex=regex)
    error = refused(lambda: lmc.run(program, backend="echo"), INVALID)
    assert "regex" in str(error).lower() or "expression" in str(error)


def matching(s, regex):
    s += "Match: "
    s += lmc.gen("x", regex=regex, max_tokens=8)


@pytest.mark.parametrize("regex", [*BAD_REGEXES, 3, ["a"]], ids=repr)
def test_an_invalid_regex_as_an_argument(place: Any, regex: Any) -> None:
    one_fails(lmc.function(matching), {"regex": "[ab]{2}"}, {"regex": regex}, place, INVALID)


def test_an_invalid_regex_written_in_the_program() -> None:
    """With the place in the file."""

    @lmc.function
    def written(s):
        s += lmc.gen("x", regex="([a-z]+", max_tokens=4)

    error = refused(written.compile, INVALID, "([a-z]+")
    assert isinstance(error, LMError) and error.span is not None and error.span.file == __file__


def test_an_unsupported_regex() -> None:
    """Well formed, but no regular language: what to write instead."""

    @lmc.function
    def written(s):
        s += lmc.gen("x", regex=r"(a+)\1", max_tokens=4)

    refused(written.compile, INVALID)


def test_a_regex_that_nothing_matches(place: Any) -> None:
    """Either it is refused or it fails its own item; it never hangs."""
    results = lmc.run_batch(lmc.function(matching), [{"regex": "[ab]"}, {"regex": r"[^\s\S]"}], backend=place)
    assert results[0].error is None and isinstance(results[1].error, LMError)


SCHEMAS: dict[str, Any] = {
    "unknown type": {"type": "strnig"},
    "no JSON": "{",
    "a list": [1, 2],
    "a number": 3,
    "a reference to nowhere": {"$ref": "#/$defs/Nowhere"},
    "impossible bounds": {"type": "integer", "minimum": 5, "maximum": 1},
}
# a backend may or may not see what is wrong with these
MALFORMED: dict[str, Any] = {
    "an empty enum": {"enum": []},
    "impossible lengths": {"type": "string", "minLength": 5, "maxLength": 2},
    "properties that are no object": {"type": "object", "properties": ["a"], "required": ["a"]},
    "a reference that is no text": {"$ref": 3},
    "a length that is no number": {"type": "string", "minLength": "a"},
    "oneOf that is no list": {"oneOf": 3},
    "an enum that is no list": {"enum": 3},
    "items that are no schema": {"type": "array", "items": 3, "minItems": 1},
    "a reference to itself": {"$ref": "#"},
}


@lmc.function
def structured(s, schema):
    s += "JSON: "
    s += lmc.gen("x", json_schema=schema, max_tokens=24)


@pytest.mark.parametrize("name", SCHEMAS)
def test_an_invalid_schema_as_an_argument(place: Any, name: str) -> None:
    """The item fails with a typed error, the others complete."""
    good = {"schema": json.dumps({"type": "boolean"})}
    bad = SCHEMAS[name]
    one_fails(
        structured,
        good,
        {"schema": bad if isinstance(bad, str) else json.dumps(bad)},
        place,
        INVALID,
    )


@pytest.mark.parametrize("name", SCHEMAS)
def test_an_invalid_schema_written_in_the_program(name: str) -> None:
    schema = SCHEMAS[name]

    @lmc.function
    def written(s):
        s += "JSON: "
        s += lmc.gen("x", json_schema=schema, max_tokens=24)

    refused(lambda: lmc.run(written, backend=cpu()), INVALID)


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_schema_touches_only_its_own_item(place: Any, name: str) -> None:
    """Whether or not the backend sees what is wrong, and whatever it trips over."""
    items = [{"schema": json.dumps(schema)} for schema in (True, MALFORMED[name], {"type": "boolean"})]
    results = lmc.run_batch(structured, items, backend=place, temperature=0.0)
    assert [results[0].error, results[2].error] == [None, None]
    assert results[1].error is None or isinstance(results[1].error, INVALID)


def test_two_constraints_at_once() -> None:
    @lmc.function
    def both(s):
        s += lmc.gen("x", json_schema={"type": "string"}, regex="a")

    refused(both.compile, ArgumentError, "'x'", "regex", "json_schema")


def test_a_bad_constraint_is_told_every_time(place: Any) -> None:
    """A failed compilation is not kept as if it had succeeded, and a good one after it works."""
    program = lmc.function(matching)
    for _ in range(3):
        refused(lambda: lmc.run(program, "(", backend=place), INVALID)
    assert lmc.run(program, "a|b", backend=place)["x"] in "ab"


def test_a_backend_without_what_is_asked() -> None:
    """One that takes no grammars: refused with its place, where another one follows them."""

    plain = EchoBackend()
    plain.caps = replace(plain.caps, constraints=frozenset(("regex",)))

    @lmc.function
    def grammatical(s):
        s += "Say a: "
        s += lmc.gen("x", grammar='root ::= "a"', max_tokens=4)

    refused(lambda: lmc.run(grammatical, backend=plain), LMError, "grammar")
    assert lmc.run(grammatical, backend=cpu())["x"] == "a"


def _with_grammar(text: str) -> lmc.Program:
    @lmc.function
    def grammatical(s):
        s += "Say a: "
        s += lmc.gen("x", grammar=text, max_tokens=4)

    return grammatical


# --- arguments --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", ["text", 3, None, object()], ids=["text", "number", "none", "object"])
def test_an_item_that_names_no_argument(place: Any, bad: Any) -> None:
    """Of several arguments nobody knows which it would be."""

    @lmc.function
    def two(s, a, b):
        s += f"{a} {b}"

    results = two.run_batch([bad, ["x", "y"]], backend=place)
    check(results[0].error, ArgumentError, "dict or a list", "more than one argument")
    assert results[1].text() == "x y"


def test_an_unknown_argument() -> None:
    """The arguments that there are, are named."""
    refused(lambda: lmc.run(ask, "x", questoin="y", backend="echo"), ArgumentError, "questoin", "question")
    refused(lambda: ask.bind(topic=1), ArgumentError, "topic", "question")
    refused(lambda: ask.compile(topic=1), ArgumentError, "topic", "question")


def test_a_missing_argument() -> None:
    refused(lambda: lmc.run(ask, backend="echo"), ArgumentError, "question")
    refused(lambda: lmc.run(ask, "a", "b", backend="echo"), ArgumentError, "question")


@pytest.mark.parametrize("bad", [{}, {"topic": 1}, {"question": "a", "more": 1}, [], ["a", "b"], None], ids=repr)
def test_a_bad_item(place: Any, bad: Any) -> None:
    """It alone fails."""
    results = lmc.run_batch(ask, [{"question": "x"}, bad, ["y"], ("z",)], backend=place)
    check(results[1].error, ArgumentError)
    assert [r.error for r in (results[0], *results[2:])] == [None] * 3


@pytest.mark.parametrize("batch", [{"question": "x"}, "text"], ids=repr)
def test_a_batch_that_is_no_list(batch: Any) -> None:
    refused(lambda: lmc.run_batch(ask, batch, backend="echo"), ArgumentError, "list")


@pytest.mark.parametrize("batch", [3, None], ids=repr)
def test_a_batch_that_is_nothing(batch: Any) -> None:
    refused(lambda: lmc.run_batch(ask, batch, backend="echo"), (ArgumentError, TypeError))


def test_an_empty_batch(place: Any) -> None:
    assert lmc.run_batch(ask, [], backend=place) == []


def test_an_unknown_sampling_parameter() -> None:
    """For `run` it is an argument that the program does not have; for gen the nearest name would do."""
    refused(
        lambda: lmc.run_batch(ask, [{"question": "x"}], backend="echo", temprature=0.5), ArgumentError, "temprature"
    )
    refused(lambda: lmc.run(ask, "x", backend="echo", temprature=0.5), ArgumentError, "temprature")

    @lmc.function
    def misspelt(s):
        s += lmc.gen("x", max_tokns=5)  # type: ignore[call-arg]

    refused(misspelt.compile, (ArgumentError, CaptureError, TypeError), "max_tokns")


BAD_SAMPLING = [
    ("max_tokens", -1), ("max_tokens", "many"), ("max_tokens", 1.5), ("temperature", "hot"), ("temperature", -1),
    ("temperature", float("nan")), ("top_p", 0), ("top_p", 2), ("top_k", 0), ("n", 0), ("stop", ""), ("stop", 3),
    ("min_p", 2), ("repetition_penalty", 0), ("seed", "x"), ("min_tokens", 500), ("stop_regex", "("),
    ("ignore_eos", "yes"), ("frequency_penalty", 9), ("stop_token_ids", ["a"]), ("top_logprobs_num", -2),
]  # fmt: skip


@pytest.mark.parametrize("name, value", BAD_SAMPLING)
def test_bad_sampling_parameters(place: Any, name: str, value: Any) -> None:
    """Given to the run, written in the program, and computed by one item of a batch."""

    def run_level() -> object:
        return lmc.run(bare, backend=place, **{name: value})

    written = _with_sampling(name, value)
    shown = name if name != "min_tokens" else "min_tokens=500"
    if name != "seed":
        refused(run_level, ArgumentError, shown)
    refused(lambda: lmc.run(written, backend=place), ArgumentError, shown)


@lmc.function
def bare(s):
    s += "Go: "
    s += lmc.gen("x")


def _with_sampling(name: str, value: Any) -> lmc.Program:
    """A program with the value written in."""
    written = "float('nan')" if value != value else repr(value)
    source = f'def written(s):\n    s += "Go: "\n    s += lmc.gen("x", {name}={written})\n'
    file = f"<{name}={written}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    names: dict[str, Any] = {"lmc": lmc}
    exec(compile(source, file, "exec"), names)
    return lmc.Program(names["written"])


@pytest.mark.parametrize("count", [-1, "many", None, 2.5, [1]], ids=repr)
def test_a_bad_sampling_parameter_of_one_item(place: Any, count: Any) -> None:
    """None means the default."""
    if count is None:
        assert lmc.run_batch(longer, [{"count": None}], backend=place)[0].error is None
    else:
        one_fails(longer, {"count": 4}, {"count": count}, place, ArgumentError, "max_tokens")


# --- programs ---------------------------------------------------------------------------------------------


@lmc.function
def number(s, text):
    s += f"Twice {text} is "
    s += lmc.gen("x", max_tokens=4)
    return 2 * int(text)


def test_an_exception_in_one_item(place: Any) -> None:
    """The program's own error, as Python raises it, with a note of where."""
    error = one_fails(number, {"text": "21"}, {"text": "x"}, place, ValueError, "invalid literal", "'x'")
    assert any(__file__ in note or "test_bad_input" in note for note in getattr(error, "__notes__", ())), error


def test_an_exception_on_a_generated_value(place: Any) -> None:
    """One item's answer is no number; the others' are."""

    @lmc.function
    def read(s, regex):
        s += "A number: "
        s += lmc.gen("x", regex=regex, max_tokens=4)
        s += f" and twice that is {2 * int(s['x'])}."
        s += lmc.gen("y", max_tokens=4)

    one_fails(read, {"regex": "[1-9]"}, {"regex": "[a-c]"}, place, ValueError, "invalid literal")


def test_an_exception_of_a_helper(place: Any) -> None:
    """Raised by the user's own function, in the middle of the program, on another thread."""

    def lookup(key: str) -> str:
        return {"a": "apple", "b": "bread"}[key]

    @lmc.function
    def tool(s, key):
        s += f"{key} stands for {lookup(key)}."
        s += lmc.gen("x", max_tokens=4)

    one_fails(tool, {"key": "a"}, {"key": "z"}, place, KeyError, "'z'")


def test_every_item_fails(place: Any) -> None:
    results = lmc.run_batch(number, [{"text": c} for c in "abcd"], backend=place)
    assert [type(r.error) for r in results] == [ValueError] * 4
    assert all(repr(c) in str(r.error) for c, r in zip("abcd", results))


def test_appending_what_is_no_text() -> None:
    """s += 5: what to write is said."""

    @lmc.function
    def five(s):
        s += 5

    error = refused(lambda: lmc.run(five, backend="echo"), (CaptureError, ArgumentError, TypeError), "int")
    assert "str()" in str(error) or "f-string" in str(error) or "text" in str(error)


@lmc.function
def appends(s, x):
    s += x
    s += lmc.gen("y", max_tokens=4)


@pytest.mark.parametrize("bad", [5, None, b"bytes", ["text"], {"a": 1}, 1.5], ids=repr)
def test_appending_an_argument_that_is_no_text(place: Any, bad: Any) -> None:
    one_fails(appends, {"x": "text"}, {"x": bad}, place, (ArgumentError, CaptureError, TypeError))


def test_reading_a_name_that_was_never_set(place: Any) -> None:
    """The names that there are, are in the note."""

    @lmc.function
    def misnamed(s):
        s += "Go: "
        s += lmc.gen("answer", max_tokens=4)
        return s["anwser"]

    with pytest.raises((KeyError, LMError)) as caught:
        lmc.run(misnamed, backend=place)
    assert "anwser" in str(caught.value)

    result = lmc.run(ask, "x", backend=place)
    with pytest.raises(KeyError, match="anwser"):
        result["anwser"]


def test_an_unnamed_get() -> None:
    """A generation without a name can be appended; its value has no name to be read by."""

    @lmc.function
    def unnamed(s):
        s += "Go: "
        s += lmc.gen(max_tokens=4)
        return s["x"]

    assert lmc.run(_unnamed, backend="echo").variables() == {}
    with pytest.raises((KeyError, LMError), match="x"):
        lmc.run(unnamed, backend="echo")


@lmc.function
def _unnamed(s):
    s += "Go: "
    s += lmc.gen(max_tokens=4)


@lmc.function
def chat(s, question):
    s += lmc.user(question)
    s += lmc.assistant(lmc.gen("answer", max_tokens=4))


def test_roles_without_a_template(model: Path) -> None:
    """It says that there is none, and what to do; a program without roles runs."""
    (model / "chat_template.jinja").unlink(missing_ok=True)
    file = model / "tokenizer_config.json"
    config = json.loads(file.read_text())
    config.pop("chat_template", None)
    file.write_text(json.dumps(config))
    place = CpuBackend(model, dtype="fp32", num_slots=256)
    refused(lambda: lmc.run(chat, "x", backend=place), ChatTemplateError, "template")
    results = lmc.run_batch(chat, [{"question": "x"}, {"question": "y"}], backend=place)
    for result in results:
        check(result.error, ChatTemplateError, "template")
    assert lmc.run(ask, "x", backend=place).error is None


def test_a_turn_inside_a_turn() -> None:
    @lmc.function
    def nested(s):
        s += lmc.user_begin()
        s += lmc.assistant("no")

    with pytest.raises(LMError) as caught:
        lmc.run(nested, backend="echo")
    assert "user" in str(caught.value) and "assistant" in str(caught.value) and caught.value.help


def test_what_is_no_program() -> None:
    for thing in (3, "ask", None, print):
        refused(lambda t=thing: lmc.run(t, backend="echo"), ArgumentError, "lmc.function")

    def stateless() -> None:
        pass

    refused(lambda: lmc.function(stateless), ArgumentError, "stateless", "def f(s")


def test_an_unknown_level() -> None:
    refused(lambda: lmc.run(ask, "x", backend="echo", opt_level=7), ArgumentError, "7")
    refused(lambda: lmc.run(ask, "x", backend="echo", opt_level="nonsense"), LMError, "nonsense")


# --- all at once ------------------------------------------------------------------------------------------


@lmc.function
def everything(s, question, choices, regex, count, text):
    s += f"Q: {question}\nA:"
    s += lmc.gen("a", regex=regex, max_tokens=count)
    s += lmc.select("b", choices)
    return int(text)


def test_a_batch_where_every_other_item_is_bad_in_its_own_way(place: Any) -> None:
    """Nothing that one item does wrong touches another."""
    good = {"question": "why", "choices": ["a", "b"], "regex": "[ab]+", "count": 4, "text": "7"}
    faults: list[dict[str, Any]] = [
        {"text": "x"}, {"choices": []}, {"regex": "("}, {"count": -1}, {"count": "x"}, {"choices": [1]}, {"regex": 3},
        {"more": 1}, {"text": None},
    ]  # fmt: skip
    if isinstance(place, CpuBackend):
        faults.append({"question": "w" * 5000})
    items = [item for fault in faults for item in (good, {**good, **fault})]
    items.append({k: v for k, v in good.items() if k != "text"})
    results = lmc.run_batch(everything, items, backend=place, temperature=0.0)
    assert len(results) == len(items)
    for item, result in zip(items, results):
        assert (result.error is None) == (item is good), f"{item}: {result.error!r}"
    assert len({r.text() for r in results if r.error is None}) == 1
    assert all(r.ret_value == 7 for r in results if r.error is None)


def test_the_backend_lives_on_after_all_that() -> None:
    """No slot, no request and no session of the tests above is left in the engine."""
    engine = cpu().engine
    assert not engine.scheduler.has_work
    assert engine.cache.num_locked == 0
    assert lmc.run(ask, "x", backend=cpu()).error is None


def test_no_alarm_is_left() -> None:
    assert signal.getitimer(signal.ITIMER_REAL)[0] <= 31


@pytest.mark.parametrize("delay", [0.5, -1, "2", None, True])
def test_echo_waits_whole_steps(delay):
    """A delay that no step ever comes to would be waited for without end."""
    with pytest.raises(ArgumentError, match="`delay` counts steps"):
        EchoBackend(delay=delay)
    with pytest.raises(ArgumentError, match="`delay` counts steps"):
        EchoBackend(delay=lambda request: delay).wait_steps(None)
