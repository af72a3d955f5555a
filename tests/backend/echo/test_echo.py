"""The echo backend beyond what the waist promises: its options, its texts, its schemas, its speed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from enum import Enum
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field

from lmc.backend.base import Delta, Event, Failed, Finished, Gen, Prompt, Request, Score, SegmentEnd
from lmc.backend.default_model import folder_of
from lmc.backend.echo import EchoBackend
from lmc.backend.echo.text import WORDS, cut_at_stop, words
from lmc.backend.masks.factory import ConstraintMasks
from lmc.ir.constraint import Constraint
from lmc.ir.prompt import Control, Ids, Text
from lmc.ir.sampling import Sampling
from lmc.parser.grammar import parse_ebnf, parse_lark
from lmc.parser.regex.parse import parse_regex
from lmc.parser.schema.parse import parse_schema
from lmc.parser.structural_tag import parse_structural_tag
from lmc.parser.tools import parse_tool_calls
from lmc.tokenizer import load_tokenizer
from lmc.tokenizer.byte_tokenizer import CHATML, ByteTokenizer

SAMPLED = Sampling(seed=1)


def ask(
    rid: int, *, text: str = "Say: ", sampling: Sampling = SAMPLED, constraint: Constraint | None = None
) -> Request:
    return Request(rid, Prompt(tuple(ByteTokenizer().encode(text))), (Gen("x", sampling, constraint),))


def answers(backend: EchoBackend, *requests: Request) -> list[Event]:
    """Everything the requests' samples say, step by step until all have ended."""
    session = backend.open()
    session.submit(list(requests))
    events: list[Event] = []
    while sum(isinstance(e, Finished | Failed) for e in events) < sum(r.n for r in requests):
        events += session.step(1.0)
    return events


def end(backend: EchoBackend, request: Request) -> SegmentEnd:
    """The one segment's end of a request that does not fail."""
    return next(e for e in answers(backend, request) if isinstance(e, SegmentEnd))


def failed(backend: EchoBackend, request: Request) -> Failed:
    event = answers(backend, request)[-1]
    assert isinstance(event, Failed)
    return event


def finish_order(backend: EchoBackend, num: int) -> list[int]:
    events = answers(backend, *(ask(rid) for rid in range(num)))
    return [e.rid for e in events if isinstance(e, Finished)]


# --- the tokenizer ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "plain", "é🙂\n", "<|im_start|>", "a<|im_end|>b<|end|>"])
def test_text_survives_its_tokens(text: str) -> None:
    """Ordinary text is bytes, even where it looks like a control token."""
    tokenizer = ByteTokenizer()
    ids = tokenizer.encode(text)

    assert max(ids, default=0) < 256
    assert tokenizer.decode(ids) == tokenizer.show(ids) == text


def test_control_tokens_are_known_in_control_text_only() -> None:
    """No input can forge a turn."""
    tokenizer = ByteTokenizer()
    ids = tokenizer.encode("<|im_start|>user\nhi<|im_end|>", control=True)

    assert (ids[0], ids[-1]) == (257, 258)
    assert tokenizer.decode(ids) == "user\nhi"
    assert tokenizer.show(ids) == "<|im_start|>user\nhi<|im_end|>"


def test_half_a_character_decodes_to_a_replacement() -> None:
    """Bytes that are no UTF-8 never raise."""
    assert ByteTokenizer().decode([0xC3]) == "\ufffd"
    assert ByteTokenizer().encode("\ud800") == list("\ufffd".encode())


def test_bos_is_an_option() -> None:
    """A prompt without a template begins with `<|bos|>` where asked for, and that is another tokenizer."""
    assert ByteTokenizer().begin_ids == ()
    assert ByteTokenizer(bos=True).begin_ids == (256,)
    assert ByteTokenizer(bos=True).key != ByteTokenizer().key


def test_render_is_the_template_turn_by_turn() -> None:
    """Texts stay Text between the template's Control pieces; the open turn has no end."""
    pieces = ByteTokenizer().render([("system", "Be brief."), ("user", "<|end|>")], open_role="assistant")

    assert pieces == [
        Control("<|im_start|>system\n", "system", opens=True),
        Text("Be brief."),
        Control("<|im_end|>\n", "system"),
        Control("<|im_start|>user\n", "user", opens=True),
        Text("<|end|>"),
        Control("<|im_end|>\n", "user"),
        Control("<|im_start|>assistant\n", "assistant", opens=True),
    ]
    assert not any(isinstance(piece, Ids) for piece in pieces)
    assert CHATML.append_only
    assert CHATML.begin("", "user") == CHATML.begin("assistant", "user") == "<|im_start|>user\n"
    assert CHATML.begin("", "narrator") is None


# --- texts -----------------------------------------------------------------------------------------------


def test_text_is_the_same_in_every_process() -> None:
    """No salted hash takes part: this text is written down here."""
    assert end(EchoBackend(), ask(0)).text == "window waits like into morning right moves seed lake."
    assert end(EchoBackend(seed=1), ask(0)).text == "rain each writes waits as snow reads."


def test_words_are_a_function_of_the_seed() -> None:
    """128 different words, so that seven bits pick one; a text ends with a full stop by itself."""
    assert len(WORDS) == len(set(WORDS)) == 128
    text, ended = words(5, 0, 200)
    assert (text, ended) == words(5, 0, 200)
    assert ended and text.endswith(".") and set(text[:-1].split()) <= set(WORDS)
    assert words(5, 0, 7) == (text[:7], False)


def test_thousands_of_prompts_have_different_answers() -> None:
    """A mixed-up answer shows in a test."""
    events = answers(EchoBackend(), *(ask(i, text=f"Prompt {i}: ") for i in range(5000)))
    texts = [e.text for e in events if isinstance(e, SegmentEnd)]

    assert len(set(texts)) > 4990


def test_greedy_ignores_the_seed_and_sampling_does_not() -> None:
    """As a model would."""
    greedy = {end(EchoBackend(), ask(0, sampling=Sampling(temperature=0.0, seed=s))).text for s in range(5)}
    sampled = {end(EchoBackend(), ask(0, sampling=Sampling(seed=s))).text for s in range(5)}

    assert (len(greedy), len(sampled)) == (1, 5)


def test_a_stop_string_is_said_and_cut_off() -> None:
    """A program that stops at a newline sees the reason `stop`; the stop's tokens were generated."""
    events = answers(EchoBackend(), ask(0, sampling=Sampling(seed=1, stop=("\n",))))
    segment_end = next(e for e in events if isinstance(e, SegmentEnd))
    finished = events[-1]

    assert segment_end.reason == "stop"
    assert "\n" not in segment_end.text
    assert isinstance(finished, Finished)
    assert finished.usage.output_tokens == len(segment_end.ids) + 1


@pytest.mark.parametrize(
    ("stop", "patterns", "least", "expected"),
    [
        (("lo",), (), 0, (3, 5)),
        (("lo", "l"), (), 0, (2, 3)),
        (("o w", "hello w"), (), 0, (0, 7)),
        ((), ("[ ]w?",), 0, (5, 7)),
        (("o",), (), 6, (7, 8)),
        (("", "zz"), ("z*",), 0, None),
    ],
)
def test_the_stop_that_completes_first_wins(
    stop: tuple[str, ...], patterns: tuple[str, ...], least: int, expected: tuple[int, int] | None
) -> None:
    """As if the text had come token by token; empty stops stop nothing."""
    assert cut_at_stop("hello world", stop, patterns, least=least) == expected


# --- options ---------------------------------------------------------------------------------------------


def test_completion_comes_in_order_and_at_once_by_default() -> None:
    """One step answers everything submitted before it."""
    session = EchoBackend().open()
    session.submit([ask(rid) for rid in range(5)])

    assert [e.rid for e in session.step() if isinstance(e, Finished)] == [0, 1, 2, 3, 4]


def test_delay_counts_steps() -> None:
    """A request waits as many steps as it is told to."""
    session = EchoBackend(delay=lambda request: 2 - request.rid).open()
    session.submit([ask(rid) for rid in range(3)])

    assert [[e.rid for e in session.step() if isinstance(e, Finished)] for _ in range(3)] == [[2], [1], [0]]


def test_shuffle_is_another_order_and_the_same_every_time() -> None:
    """Completion order is random, and a function of the seed."""
    order = finish_order(EchoBackend(shuffle=1), 30)

    assert order != sorted(order) == list(range(30))
    assert order == finish_order(EchoBackend(shuffle=1), 30)
    assert order != finish_order(EchoBackend(shuffle=2), 30)


def test_answers_do_not_depend_on_options_of_time() -> None:
    """Delays, shuffles and chunks change when, never what."""
    requests = [ask(rid, text=f"{rid}: ") for rid in range(10)]
    results = []
    for backend in (EchoBackend(), EchoBackend(shuffle=4), EchoBackend(chunks=3), EchoBackend(delay_s=0.001)):
        ends = [e for e in answers(backend, *requests) if isinstance(e, SegmentEnd)]
        results.append(sorted((e.rid, e.text) for e in ends))

    assert all(result == results[0] for result in results)


def test_clock_delays_run_side_by_side() -> None:
    """Fifty requests of 50 ms take 50 ms, without a thread."""
    began = time.monotonic()
    order = finish_order(EchoBackend(delay_s=lambda request: 0.05 - request.rid * 0.0005), 50)

    assert order == list(range(49, -1, -1))
    assert 0.045 < time.monotonic() - began < 1.0


def test_chunks_come_one_a_step() -> None:
    """Streaming: the text arrives in pieces, the last of them with the segment's end."""
    session = EchoBackend(chunks=3).open()
    session.submit([ask(0)])
    steps = [session.step(0.0) for _ in range(4)]
    deltas = [[e.text for e in events if isinstance(e, Delta)] for events in steps]

    assert [len(texts) for texts in deltas] == [1, 1, 1, 0]
    assert [isinstance(events[-1], Finished) for events in steps[:3]] == [False, False, True]


def test_fail_injects_a_failure_for_each_sample() -> None:
    """A message from `fail` fails the request, None lets it run."""
    backend = EchoBackend(fail=lambda request: "the disk is full" if request.rid == 1 else None, fail_retryable=True)
    events = answers(backend, Request(1, Prompt((65,)), (Gen(None, SAMPLED),), n=2), ask(0))

    assert [e for e in events if isinstance(e, Failed)] == [
        Failed(1, sample, "injected", "the disk is full", retryable=True) for sample in range(2)
    ]
    assert [e.rid for e in events if isinstance(e, Finished)] == [0]


def test_script_says_what_the_test_wants() -> None:
    """A scripted text obeys stops and limits; None falls back to the usual words."""
    backend = EchoBackend(script=lambda prompt, gen: "yes, indeed\nand so on" if prompt.endswith("? ") else None)
    stopping = Sampling(seed=1, stop=("\n",))

    assert end(backend, ask(0, text="Really? ")).text == "yes, indeed\nand so on"
    assert end(backend, ask(0, text="Really? ", sampling=stopping)).text == "yes, indeed"
    assert end(backend, ask(0, text="Really? ", sampling=Sampling(seed=1, max_tokens=3))).text == "yes"
    assert end(backend, ask(0)).text == end(EchoBackend(), ask(0)).text


def test_record_keeps_what_was_sent() -> None:
    """The prompts of all sessions, in order, with control tokens to be seen."""
    backend = EchoBackend(record=True)
    ids = tuple(backend.tokenizer.encode("<|im_start|>user\nhi<|im_end|>\n", control=True))
    answers(backend, ask(0, text="one"))
    answers(backend, Request(0, Prompt(ids), (Score("s", ("a", "b")),)))

    assert backend.prompts() == ["one", "<|im_start|>user\nhi<|im_end|>\n"]
    assert EchoBackend().log == []


def test_too_long_a_prompt_is_refused_with_the_numbers() -> None:
    """And one that fits gets what room is left."""
    backend = EchoBackend(max_len=20)
    refused = failed(backend, ask(0, text="x" * 20))
    cut = end(backend, ask(0, text="x" * 15))

    assert refused.code == "too_long"
    assert refused.message == "the prompt has 20 tokens and echo holds 20, with no room for an answer"
    assert (len(cut.ids), cut.reason) == (5, "length")


def test_a_character_is_never_cut_in_two() -> None:
    """Echo's tokens are bytes; a text that must end inside a character ends before it."""
    backend = EchoBackend(script=lambda prompt, gen: "aé🙂")
    cut = end(backend, ask(0, sampling=Sampling(seed=1, max_tokens=5)))

    assert (cut.text, cut.ids, cut.reason) == ("aé", (97, 0xC3, 0xA9), "length")


def test_closing_answers_what_is_left() -> None:
    """A closed session still ends every sample, and never waits again."""
    session = EchoBackend(delay=5).open()
    session.submit([ask(0), ask(1)])
    session.close()
    session.submit([ask(2)])

    assert [(e.rid, e.code) for e in session.step() if isinstance(e, Failed)] == [
        (0, "aborted"),
        (1, "aborted"),
        (2, "aborted"),
    ]
    assert session.step() == []


# --- regular expressions ---------------------------------------------------------------------------------

REGEXES = [
    "[a-z]+", ".*", r"\d{3}-\d{4}", "(?:ab|c){2,}", r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?",
    r"[\w.]+@[a-z]+\.(com|org)",
    '"[^"]*"', "(a|b*)*c", "[^\x00-\x7f]", "(?i)yes|no", "x{0}", "a{50}", r"\s\S", "(|a)(b|)",
]  # fmt: skip


@pytest.mark.parametrize("pattern", REGEXES)
def test_regex_texts_match_and_stay_within_the_limit(pattern: str) -> None:
    """Where the shortest match fits, the text is whole; where it does not, it is cut with reason `length`."""
    constraint = parse_regex(pattern)
    for seed in range(20):
        limit = 4 + 3 * seed
        said = end(EchoBackend(), ask(0, sampling=Sampling(seed=seed, max_tokens=limit), constraint=constraint))
        assert len(said.ids) <= limit
        assert said.reason == "length" or re.fullmatch(pattern, said.text)
        if limit >= 50:
            assert said.reason == "constraint"


@pytest.mark.slow
def test_a_regex_that_remembers_many_letters_is_followed() -> None:
    """Whether a name is spelt out is looked for so far, and no further."""
    pattern = "(.*a.{40}b.*){3}&.*c.{30}d.*"
    said = end(EchoBackend(), ask(0, sampling=Sampling(max_tokens=400), constraint=parse_regex(pattern)))
    assert said.reason == "constraint" and re.fullmatch(pattern, said.text)


def test_a_match_that_fits_is_found() -> None:
    """Open repeats and alternatives spend no byte that a later part needs."""
    constraint = parse_regex("[a-z]*(long alternative|x)[0-9]+(é|🙂)?")
    for seed in range(50):
        said = end(EchoBackend(), ask(0, sampling=Sampling(seed=seed, max_tokens=2), constraint=constraint))
        assert said.reason == "constraint"
        assert re.fullmatch("x[0-9]", said.text)


# --- JSON schemas ----------------------------------------------------------------------------------------


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Leaf(BaseModel):
    kind: Literal["leaf"]
    size: float = Field(gt=0, lt=1)


class Branch(BaseModel):
    kind: Literal["branch"]
    children: list[Branch | Leaf] = Field(max_length=3)


class Everything(BaseModel):
    name: str = Field(min_length=3, max_length=12)
    colour: Colour
    maybe: int | None = None
    counts: dict[str, int]
    point: tuple[float, int]
    tree: Branch | Leaf
    even: int = Field(multiple_of=2, ge=-10, le=-3)
    tags: set[Literal["a", "b"]]
    flag: bool = False


@pytest.mark.parametrize(
    "model", [Leaf, *(pytest.param(each, marks=pytest.mark.slow) for each in (Branch, Everything))]
)
def test_pydantic_models_accept_what_echo_draws(model: type[BaseModel]) -> None:
    """References, unions, recursion, enums, bounds: the model itself is the judge."""
    for seed in range(30):
        said = end(EchoBackend(), ask(0, sampling=Sampling(seed=seed, max_tokens=2000), constraint=parse_schema(model)))
        assert said.reason == "constraint"
        model.model_validate_json(said.text)


@pytest.mark.parametrize(
    ("schema", "accepts"),
    [
        ({"type": "integer", "minimum": 3, "exclusiveMaximum": 5}, lambda v: v in (3, 4)),
        ({"type": "integer", "maximum": -5, "multipleOf": 7}, lambda v: v <= -5 and v % 7 == 0),
        ({"type": "number", "exclusiveMinimum": 0, "maximum": 0.001}, lambda v: 0 < v <= 0.001),
        ({"type": "number", "multipleOf": 0.5, "minimum": 1, "maximum": 1.5}, lambda v: v in (1, 1.5)),
        ({"type": "string", "minLength": 30, "maxLength": 31}, lambda v: 30 <= len(v) <= 31),
        ({"type": "string", "pattern": "^(é|日){2}$"}, lambda v: re.fullmatch("(é|日){2}", v)),
        ({"type": "string", "maxLength": 0}, lambda v: v == ""),
        ({"type": "string", "format": "date"}, lambda v: re.fullmatch(r"\d{4}-\d\d-\d\d", v)),
        ({"type": ["string", "null"]}, lambda v: v is None or isinstance(v, str)),
        ({"const": {"a": [1]}}, lambda v: v == {"a": [1]}),
        ({"enum": [1, "b", None]}, lambda v: v in (1, "b", None)),
        ({"type": "array", "items": {"enum": [1, 2]}, "uniqueItems": True}, lambda v: len(v) == len(set(v)) <= 2),
        ({"type": "array", "items": {"enum": [1, 2]}, "uniqueItems": True, "minItems": 2}, lambda v: {*v} == {1, 2}),
        ({"type": "array", "prefixItems": [{"const": 1}], "items": False}, lambda v: v in ([], [1])),
        ({"type": "object", "required": ["x"], "additionalProperties": {"enum": [8, 9]}}, lambda v: v["x"] in (8, 9)),
        ({"type": "object", "minProperties": 2, "maxProperties": 2}, lambda v: len(v) == 2),
        ({"allOf": [{"type": "string"}, {"minLength": 9}]}, lambda v: len(v) >= 9),
        ({"anyOf": [{"type": "integer"}, {"type": "boolean"}], "title": "T"}, lambda v: isinstance(v, int)),
        ({"definitions": {"a/b": {"const": 5}}, "$ref": "#/definitions/a~1b"}, lambda v: v == 5),
        (True, lambda v: True),
        ({}, lambda v: True),
    ],
)  # fmt: skip
def test_keywords_are_kept(schema: Any, accepts: Any) -> None:
    """One keyword at a time."""
    constraint = parse_schema(json.dumps(schema))
    for seed in range(20):
        value = json.loads(end(EchoBackend(), ask(0, sampling=Sampling(seed=seed), constraint=constraint)).text)
        assert accepts(value), value


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"not": {}}, "no text satisfies the JSON schema"),
        ({"$ref": "http://lake.org/x"}, "$ref"),
        ({"type": "integer", "minimum": 3, "maximum": 4, "multipleOf": 5}, "no text satisfies"),
        ({"required": ["a"], "additionalProperties": False, "type": "object"}, "no text satisfies"),
        (False, "no text satisfies"),
    ],
)
def test_what_nothing_satisfies_fails_loudly(schema: Any, message: str) -> None:
    """As an engine would say it, never a value that only seems valid."""
    event = failed(EchoBackend(), ask(0, constraint=parse_schema(json.dumps(schema))))

    assert event.code.startswith("LMC-CN")
    assert message in event.message


TREE = {
    "$defs": {
        "node": {
            "type": "object",
            "properties": {"name": {"type": "string"}, "kids": {"type": "array", "items": {"$ref": "#/$defs/node"}}},
            "required": ["name"],
            "additionalProperties": False,
        }
    },
    "$ref": "#/$defs/node",
}
TAG = {
    "type": "tag",
    "begin": "<f>",
    "content": {"type": "json_schema", "json_schema": {"type": "object", "properties": {"q": {"type": "string"}}}},
    "end": "</f>",
}


def search(query: str, limit: int = 3) -> str:
    return query


ALL_KINDS = {
    "pattern": parse_schema(json.dumps({"type": "string", "pattern": "^São [A-Z]{3}$"})),
    "recursive": parse_schema(json.dumps(TREE)),
    "ebnf": parse_ebnf('root ::= "(" root ")" | [a-z]+ | root "+" [0-9]+'),
    "lark": parse_lark("start: NAME (NAME | start)*\nNAME: /[a-z]+/\n%ignore / +/"),
    "tag": parse_structural_tag({"type": "structural_tag", "format": TAG}),
    "look": parse_regex("(?!no)[a-z]{2,8}"),
    **{
        format: parse_tool_calls([search], format=format, choice="required")
        for format in ("qwen_3", "glm_4_7", "deepseek_v4", "kimi_k3")
    },
}


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_every_kind_of_constraint_is_kept(kind: str) -> None:
    """An engine's own matcher takes each text whole, and another backend of the same seed says the same."""
    constraint, tokenizer = ALL_KINDS[kind], load_tokenizer(folder_of("lmc-tiny"))
    masks = ConstraintMasks(tokenizer, tokenizer.vocab_size, "off")
    requests = [ask(i, sampling=Sampling(seed=i, max_tokens=900), constraint=constraint) for i in range(12)]
    backend = EchoBackend(seed=7)
    said = [end(backend, request) for request in requests]

    assert [each.reason for each in said] == ["constraint"] * len(said)
    assert len({each.text for each in said}) > 3 and max(len(each.text) for each in said) < 900
    for each in said:
        matcher = masks.make(constraint)
        assert all(map(matcher.accept, tokenizer.encode(each.text, control=True))) and matcher.can_stop(), each.text
    again = EchoBackend(seed=7)
    assert [end(again, request).text for request in reversed(requests)] == [each.text for each in reversed(said)]


@pytest.mark.parametrize("kind", ALL_KINDS)
@pytest.mark.parametrize("limit", [1, 40, 90])
def test_a_text_is_cut_only_where_none_fits(kind: str, limit: int) -> None:
    """The shorter the room, the sooner a text comes to its end."""
    lengths, constraint, backend = set(), ALL_KINDS[kind], EchoBackend()
    for seed in range(12):
        said = end(backend, ask(0, sampling=Sampling(seed=seed, max_tokens=limit), constraint=constraint))
        lengths.add(len(said.ids) if said.reason == "constraint" else limit + 1)
        assert len(said.ids) <= limit

    assert max(lengths) <= limit or min(lengths) > limit


def test_values_are_short_and_plausible() -> None:
    """Words for strings, a few digits for numbers, the names that the schema has."""
    properties = {
        "city": {"type": "string"},
        "age": {"type": "integer"},
        "tags": {"type": "array", "items": {"type": "string"}},
    }
    constraint = parse_schema({"type": "object", "properties": properties, "required": ["city", "age"]})
    found, backend = [], EchoBackend()
    for seed in range(300):
        said = end(backend, ask(0, sampling=Sampling(seed=seed, max_tokens=400), constraint=constraint))
        found.append(json.loads(said.text))

    assert sum(set(value["city"].split()) <= set(WORDS) for value in found) > 280
    assert sorted(len(str(value["age"])) for value in found)[150] <= 3
    assert sum(len(value.keys() - properties.keys()) > 0 for value in found) < 30
    assert 20 < sum("tags" in value for value in found) < 280


def test_json_prefers_what_fits() -> None:
    """Optional parts are dropped before a value is cut."""
    properties = {name: {"type": "string"} for name in WORDS[:20]}
    constraint = parse_schema({"type": "object", "properties": properties, "required": ["the"]})
    for seed in range(20):
        said = end(EchoBackend(), ask(0, sampling=Sampling(seed=seed, max_tokens=40), constraint=constraint))
        assert said.reason == "constraint"


# --- cost ------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_ten_thousand_requests_cost_little() -> None:
    """Submit, step and text: 11 us a request on one quiet core, here with room for a busy one."""
    requests = [ask(i, text=f"A prompt of some length for item number {i}, as they are: ") for i in range(10_000)]
    best = min(_seconds(requests) for _ in range(3))

    assert best / len(requests) < 60e-6


def _seconds(requests: list[Request]) -> float:
    session = EchoBackend().open()
    began = time.perf_counter()
    session.submit(requests)
    events = session.step()
    took = time.perf_counter() - began
    assert len(events) == 3 * len(requests)
    return took


def test_echo_needs_the_standard_library_only() -> None:
    """Importing it loads no torch, numpy, transformers, lark or pydantic."""
    code = "import sys, lmc.backend.echo.backend; print([m for m in sys.argv[1:] if m in sys.modules])"
    names = ["torch", "numpy", "transformers", "tokenizers", "lark", "pydantic", "networkx", "xgrammar"]
    out = subprocess.run([sys.executable, "-c", code, *names], capture_output=True, text=True, check=True)

    assert out.stdout.strip() == "[]"
