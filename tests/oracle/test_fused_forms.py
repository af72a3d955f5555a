"""fuse_constraints on and off: the same language, and captures that are each generation's own.

Where a token is a byte (echo) fused and unfused runs say the very same. With a real tokenizer they may cut tokens
elsewhere; then each capture must still be a text of its own generation, and the whole what the program wrote. Where
nothing but a generation itself says where it ends, they are the same again.
"""

from __future__ import annotations

import os
import random
import re
from contextlib import closing

import pytest

import lmc
from lmc.backend.echo import EchoBackend
from lmc.backend.local import CpuBackend
from lmc.backend.masks.call_walk import CallWalk
from lmc.errors import RequestError
from lmc.executor import Executor, Outcome
from lmc.executor.state import Names
from lmc.ir.automaton.calls import call_dfa
from lmc.ir.automaton.dfa import CharDfa
from lmc.ir.constraint import Choices, JsonSchema, Regex
from lmc.ir.fused import FormPart, FusedGen, FusedText, parts_of
from lmc.ir.graph import Graph, Node
from lmc.ir.json_schema.regular import texts_of
from lmc.parser.irtext.parse import parse_graph
from lmc.parser.schema.parse import parse_schema
from lmc.passes import parse_pipeline, run_pipeline
from tests.oracle.random_forms import RECURSIVE, random_program, random_program_of_ends

NUM_ECHO = int(os.environ.get("LMC_FUSED_PROGRAMS", "120"))
NUM_ENGINE = NUM_ECHO // 10


def run(graph: Graph, passes: str, backend) -> tuple[Outcome, list[Node]]:
    """What a run at seed 3 gives, and the fused nodes that it ran."""
    plan = run_pipeline(graph, parse_pipeline(passes)).plan
    (outcome,) = Executor(backend.open(), seed=3).run(plan, [{("who",): "Otto"}])
    return outcome, [node for node in plan.graph.walk() if node.op == "fused"]


def test_echo_says_the_same_fused_and_unfused() -> None:
    """Text, names, values, what is known of each call, and later random streams."""
    rng, fused_forms = random.Random(1), 0
    for _ in range(NUM_ECHO):
        graph = parse_graph(random_program(rng))
        alone, _ = run(graph, "schedule", EchoBackend())
        fused, nodes = run(graph, "fuse_constraints,schedule", EchoBackend())
        assert alone.error is None and fused.error is None, (alone.error, fused.error)
        assert alone.state is not None and fused.state is not None
        assert fused.state.text() == alone.state.text(), str(graph)
        assert fused.state.names.values == alone.state.names.values
        assert metas(fused) == metas(alone), str(graph)
        assert fused.state.calls == alone.state.calls
        fused_forms += len(nodes)
    assert fused_forms > NUM_ECHO / 3


@pytest.mark.parametrize("name", ["echo", "cpu"])
def test_the_prompt_of_a_call_is_as_long_fused_as_alone(name) -> None:
    """Whatever stands before it: the prompt, an answer, and the text between."""

    @lmc.function
    def row(s):
        s += "A: " + lmc.gen("a", regex="[a-z]{3}") + ", B: " + lmc.gen("b", regex="[0-9]{3}") + "."

    ran = [row.run(backend=name, opt_level=level) for level in (0, 2, 3)]
    assert len({one.text() for one in ran}) == 1
    lengths = {tuple(one.get_meta_info(call)["prompt_tokens"] for call in "ab") for one in ran}
    assert len(lengths) == 1 and min(lengths)[0] < min(lengths)[1]


@lmc.function
def pair(s):
    s += "A pair: " + lmc.gen("a", regex="[a-z]{3,6}") + ", " + lmc.gen("b", regex="[a-z]{3,6}") + "."


@pytest.mark.parametrize("given", [{"stop": ";"}, {"return_logprob": True}, {"n": 2}, {}], ids=str)
def test_what_a_run_asks_of_each_generation_is_not_lost(given) -> None:
    """Then nothing is fused, and all is as at -O2."""
    backends = [EchoBackend(record=True) for _ in range(2)]
    alone, fused = (pair.run(backend=b, opt_level=level, **given) for b, level in zip(backends, (2, 3)))
    assert fused.text() == alone.text() and fused.variables() == alone.variables()
    assert (fused.get_meta_info("a").keys() == alone.get_meta_info("a").keys()) or not given
    assert len(backends[1].log) == (2 if given else 1)


def metas(outcome: Outcome) -> dict[str, dict]:
    """What is known of each call but for what is the form's."""
    assert outcome.state is not None
    own = ("id", "cached_tokens")
    return {name: {k: v for k, v in meta.items() if k not in own} for name, meta in outcome.state.names.meta.items()}


def said_by(part: FormPart, names: Names) -> str:
    match part:
        case str():
            return part
        case FusedText():
            return part.filled(["Otto"] * 9)
    assert part.name is not None
    return str(names.values[part.name])


@pytest.fixture(scope="module")
def engine():
    """The embedded default in fp32."""
    backend = CpuBackend("lmc-tiny", dtype="fp32")
    yield backend
    backend.close()


@pytest.mark.slow
def test_the_engine_captures_what_each_generation_wrote(engine) -> None:
    """Whatever tokens cross the boundaries, and whatever max_tokens cuts."""
    rng, num_captures = random.Random(2), 0
    for _ in range(NUM_ENGINE):
        graph = parse_graph(random_program(rng))
        outcome, nodes = run(graph, "fuse_constraints,schedule", engine)
        assert outcome.error is None and outcome.state is not None, (outcome.error, str(graph))
        text, names = outcome.state.text(), outcome.state.names
        for node in nodes:
            parts = parts_of(node)
            assert "".join(said_by(part, names) for part in parts) in text, (node, text)
            for part in parts:
                if isinstance(part, FusedGen):
                    num_captures += 1
                    check_capture(part, names)
    assert num_captures > NUM_ENGINE


def test_the_engine_says_the_same_where_no_text_ends_a_generation(engine) -> None:
    """Values, texts, reasons and tokens are equal, and scores to rounding: what is put has the tokens of the prompt."""
    rng, fused_forms = random.Random(4), 0
    for _ in range(NUM_ENGINE):
        graph = parse_graph(random_program_of_ends(rng))
        alone, _ = run(graph, "schedule", engine)
        fused, nodes = run(graph, "fuse_constraints,schedule", engine)
        assert alone.error is None and fused.error is None, (alone.error, fused.error)
        assert alone.state is not None and fused.state is not None
        assert fused.state.text() == alone.state.text(), str(graph)
        assert fused.state.final.tokens == alone.state.final.tokens
        for name, meta in metas(fused).items():
            for key, value in metas(alone)[name].items():
                if key != "prompt_tokens":  # a call by itself may write the last word of its prompt again
                    assert_close(meta[key], value)
        fused_forms += len(nodes)
    assert fused_forms > NUM_ENGINE / 3


FIELD = r"[\w\d\s]{1,16}"


@lmc.function
def person(s):
    s += 'Harry Potter is a wizard. His data as JSON:\n{\n    "name": "' + lmc.gen("name", regex=FIELD)
    s += '",\n    "house": "' + lmc.gen("house", regex="(Gryffindor|Slytherin)")
    s += '",\n    "wood": "' + lmc.gen("wood", regex=FIELD) + '",\n    "note": "' + lmc.gen("note", stop='"') + '"'


def test_an_end_token_ends_a_generation_and_the_form_goes_on(engine) -> None:
    """As it does unfused, where it ends the call: the same is said, in one forward pass more.

    That is for the quote before the note, which may be part of a longer token as any text may follow it.
    """
    alone, fused = (person.run(backend=engine, opt_level=level, temperature=0) for level in (2, 3))

    assert fused.variables() == alone.variables() and fused.text() == alone.text()
    assert (alone.report.requests, fused.report.requests) == (4, 1)
    assert fused.report.forward_passes <= alone.report.forward_passes + 1
    for name in ("name", "wood"):
        assert fused.get_meta_info(name)["finish_reason"] == alone.get_meta_info(name)["finish_reason"] == "eos"
        assert fused.get_meta_info(name)["completion_tokens"] == alone.get_meta_info(name)["completion_tokens"]


@pytest.mark.parametrize("level", [2, 3])
def test_a_form_that_the_model_has_no_room_for_is_no_result(engine, level) -> None:
    """Its text is not cut in the middle of what the program appends: the run fails, as it does unfused."""

    @lmc.function
    def full(s, text: str):
        s += text + lmc.gen("a", regex="[a-z]{1,5}", temperature=0)
        s += ", and then, after a long while, " + lmc.gen("b", regex="[a-z]{1,5}", temperature=0) + "."

    tokenizer = engine.tokenizer
    text = tokenizer.decode(tokenizer.encode("word " * 1500)[: engine.caps.max_len - 6])
    with pytest.raises(RequestError, match="the model"):
        full.run(text, backend=engine, opt_level=level)


def assert_close(left: object, right: object) -> None:
    """Equal, numbers in them to rounding: a batch of other shape adds in another order."""
    if isinstance(right, list | tuple):
        assert len(left) == len(right)
        for a, b in zip(left, right):
            assert_close(a, b)
    elif isinstance(right, float):
        assert left == pytest.approx(right, rel=1e-3, abs=1e-4)
    else:
        assert left == right


def test_max_tokens_cuts_a_generation_in_forced_text(engine) -> None:
    """The form goes on behind it, and the rest of what was forced is not written."""

    @lmc.function
    def cut(s):
        s += "Say: " + lmc.gen("a", regex="the quick brown fox jumps over it", max_tokens=2, temperature=0)
        s += "; then: " + lmc.gen("b", regex="(yes|no), indeed", temperature=0) + "."

    result = cut.run(backend=engine, opt_level=3)
    assert result["a"] and "the quick brown fox jumps over it".startswith(result["a"])
    assert result["a"] != "the quick brown fox jumps over it" and result["b"] in ("yes, indeed", "no, indeed")
    assert result.text() == f"Say: {result['a']}; then: {result['b']}."
    assert result.get_meta_info("a")["finish_reason"] == "length"


def check_capture(part: FusedGen, names: Names) -> None:
    """The capture is a text of its generation, or begins one and was cut by max_tokens."""
    assert part.name is not None
    text, meta = str(names.values[part.name]), names.meta[part.name]
    assert meta["finish_reason"] in ("constraint", "stop", "eos", "length")
    if meta["finish_reason"] == "length":
        return
    assert meta["completion_tokens"] <= dict(part.params)["max_tokens"]
    match part.constraint:
        case Regex(pattern=pattern):
            assert re.fullmatch(pattern, text), (pattern, text)
        case Choices(options):
            assert text in options
        case JsonSchema() as schema:
            assert is_text_of(schema, text), (schema, text)
        case None:
            assert part.stop not in text


def is_text_of(schema: JsonSchema, text: str) -> bool:
    """Whether a text is one of the schema's: by one automaton, or by those that call each other."""
    texts = texts_of(schema)
    if not texts.places:
        return CharDfa(texts.tree).accepts(text)
    walk = CallWalk(call_dfa(texts.places))
    return walk.is_accepting(walk.run(text.encode()))


# --- schemas that contain themselves ------------------------------------------------------------------------------

CHAIN = RECURSIVE[2]


@lmc.function
def chains(s):
    s += "First: " + lmc.gen("a", regex="[a-z]{2,5}") + ": " + lmc.gen("b", json_schema=CHAIN, max_tokens=40)
    s += " then " + lmc.gen("c", json_schema=CHAIN, max_tokens=40) + "; " + lmc.gen("d", regex="[0-9]{1,3}") + "."


@pytest.mark.parametrize("jump", ["off", "exact"])
def test_schemas_that_contain_themselves_join_a_form(jump) -> None:
    """One call, each value a text of its own schema; the same where a token is a byte."""
    backend = CpuBackend("lmc-tiny", dtype="fp32", jump=jump)
    with closing(backend):
        for seed in range(3):
            said = chains.run(backend=backend, opt_level=3, temperature=1.0, seed=seed)
            assert said.report.requests == 1
            assert said.text() == f"First: {said['a']}: {said['b']} then {said['c']}; {said['d']}."
            for name in "bc":
                is_cut = said.get_meta_info(name)["finish_reason"] == "length"
                assert is_cut or is_text_of(parse_schema(CHAIN), said[name]), said[name]
    alone, fused = (chains.run(backend="echo", opt_level=level) for level in (2, 3))
    assert fused.variables() == alone.variables() and fused.report.requests == 1


@pytest.mark.parametrize("tokens", [1, 4, 9])
def test_a_value_that_is_cut_leaves_the_form_to_go_on(engine, tokens) -> None:
    """As it does unfused: the text behind it comes, and the value is what was written."""

    @lmc.function
    def cut(s):
        s += "A chain: " + lmc.gen("a", json_schema=CHAIN, max_tokens=tokens, temperature=0)
        s += "; then " + lmc.gen("b", json_schema=CHAIN, max_tokens=60, temperature=0) + "."

    result = cut.run(backend=engine, opt_level=3)
    assert result.report.requests == 1 and result.text() == f"A chain: {result['a']}; then {result['b']}."
    assert result.get_meta_info("a")["finish_reason"] == "length" and result["a"].startswith('{"v":"'[: 2 * tokens])


# --- stop strings of several tokens, and such that cut one ------------------------------------------------------


def stopped(stop: str, text: str, boundary: str):
    """Text with an argument behind a generation that a stop string ends, then a choice."""

    @lmc.function
    def told(s, who):
        s += lmc.user("Give one tip for beginners who keep bees.")
        s += lmc.assistant_begin()
        s += lmc.gen("tip", max_tokens=30, temperature=0, stop=stop)
        s += text + who + ". Is it hard? Answer:"
        s += lmc.select("hard", [" yes", " no", " maybe"], boundary=boundary)
        s += " " + lmc.gen("then", max_tokens=3, temperature=0)

    return told


@pytest.mark.parametrize("text, boundary", [(" So says ", "naive"), ("t", "naive"), ("t", "exact")])
def test_text_behind_a_stop_string_is_read_fused_as_it_is_alone(engine, text: str, boundary: str) -> None:
    """Values and scores, wherever the stop string cuts; and the cache tells nothing else afterwards."""
    tip = stopped("\0", text, boundary).run("Otto", backend=engine)["tip"]
    assert len(tip) > 40
    for at in range(4, 40, 14):
        program = stopped(tip[at : at + 1 + at % 7], text, boundary)
        engine.engine.flush_cache()
        alone = program.run("Otto", backend=engine, opt_level=2)
        engine.engine.flush_cache()
        fused = program.run("Otto", backend=engine, opt_level=3)
        again = program.run("Otto", backend=engine, opt_level=2)
        assert (alone.report.requests, fused.report.requests) == (3, 3 if boundary == "exact" else 2)
        for other in (fused, again):
            assert other.variables() == alone.variables()
            assert_close(other.get_meta_info("hard")["scores"], alone.get_meta_info("hard")["scores"])
