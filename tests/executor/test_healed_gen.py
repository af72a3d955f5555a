"""gen(boundary="exact"): the prompt's last word and the answer are cut into tokens together."""

from __future__ import annotations

import json
import re

import pytest

import lmc
from lmc.backend.base import Gen, Prompt
from lmc.backend.echo import EchoBackend
from lmc.backend.local import CpuBackend
from lmc.errors import ArgumentError
from lmc.executor.boundary import healed_gen
from lmc.ir.constraint import Fused
from lmc.ir.prompt import Ids, Text
from lmc.ir.sampling import Sampling
from lmc.ir.scoring import BOUNDARIES
from lmc.parser.regex.parse import parse_regex
from lmc.parser.schema.parse import parse_schema


@pytest.fixture(scope="module")
def engine():
    """The embedded default in fp32."""
    backend = CpuBackend("lmc-tiny", dtype="fp32")
    yield backend
    backend.close()


def encoder(engine):
    """`encode_pieces` as the executor calls it."""
    return lambda pieces, after=None: tuple(engine.tokenizer.encode_pieces(pieces, after=after))


def answer(boundary):
    """A program; a boundary is known when it is compiled."""

    @lmc.function
    def program(s, start: str, regex: str):
        s += lmc.user("Lena Sato is a pilot from Oslo. Where does she live? Answer in one word.")
        s += lmc.assistant_begin()
        s += start
        s += lmc.gen("city", regex=regex, boundary=boundary, temperature=0, max_tokens=8)
        s += lmc.assistant_end()

    return program


@pytest.mark.parametrize("start", ["The answer is ", "The answer is", 'She lives in "', "Answer:\n"])
def test_value_and_text_are_those_of_the_generation(engine, start) -> None:
    """Whatever tokens cross the boundary."""
    for regex in ("[A-Z][a-z]{2,8}", " ?[A-Z][a-z]{2,8}", "(Oslo|Rome)"):
        result = answer("exact").run(start, regex, backend=engine)
        assert re.fullmatch(regex, result["city"]), (start, regex)
        assert result.text().endswith(f"{start}{result['city']}<|end|>")
        assert result.get_meta_info("city")["finish_reason"] in ("constraint", "eos", "length")


def test_the_prompt_is_cut_before_its_last_word(engine) -> None:
    """Where the tokenizer cuts there too; else it stays."""
    encode = encoder(engine)
    gen = Gen("city", Sampling(), parse_regex("[a-z]+"))
    ids = encode((Text("The answer is "),))
    prompt, healed = healed_gen(Prompt(ids, (Text("The answer is "),)), gen, encode)
    assert isinstance(healed.constraint, Fused) and healed.constraint.parts[0] == " "
    assert prompt.ids == encode((Text("The answer is"),)) and healed.blanks == (gen.sampling,)
    for pieces in ((Ids(ids, "The answer is "),), (Text("word"),), ()):
        given = Prompt(encode((Text("word"),)), pieces)
        assert healed_gen(given, gen, encode) == (given, gen)


def test_what_could_end_in_the_word_is_left_alone(engine) -> None:
    """Stops, a least length, reports token by token, and constraints that are no regex."""
    encode = encoder(engine)
    prompt = Prompt(encode((Text("The answer is "),)), (Text("The answer is "),))
    for gen in (
        Gen("x", Sampling(stop=(" ",)), parse_regex("[a-z]+")),
        Gen("x", Sampling(min_tokens=2), parse_regex("[a-z]+")),
        Gen("x", Sampling(return_logprob=True), parse_regex("[a-z]+")),
        Gen("x", Sampling(on_distortion="warn"), parse_regex("[a-z]+")),
        Gen("x", Sampling()),
    ):
        assert healed_gen(prompt, gen, encode) == (prompt, gen)


@pytest.mark.parametrize("schema", ['{"type":"integer"}', '{"type":"array","items":{"$ref":"#"}}'])
def test_a_schema_is_healed_whether_it_contains_itself_or_not(engine, schema) -> None:
    """What comes out is a value of the schema behind the prompt's whole text."""
    encode, prompt = encoder(engine), "She is "
    given = Prompt(encode((Text(prompt),)), (Text(prompt),))

    @lmc.function
    def ask(s):
        s += prompt + lmc.gen("x", json_schema=schema, boundary="exact", max_tokens=30)

    result = ask.run(backend=engine, temperature=0)
    healed = healed_gen(given, Gen("x", Sampling(), parse_schema(schema)), encode)[1]
    assert isinstance(healed.constraint, Fused) and result.text() == f"{prompt}{result['x']}"
    if result.get_meta_info("x")["finish_reason"] != "length":
        json.loads(result["x"])


def test_a_schema_that_cannot_be_kept_is_left_alone(engine) -> None:
    """What is refused of it is said where it is asked for."""
    encode, prompt = encoder(engine), "She is "
    given = Prompt(encode((Text(prompt),)), (Text(prompt),))
    refused = Gen("x", Sampling(), parse_schema(r'{"type":"string","pattern":"(a)\\1"}'))

    assert healed_gen(given, refused, encode) == (given, refused)


def test_later_prompts_hold_the_tokens_that_were_written(engine) -> None:
    """The next call reads the request's tokens and those generated, and the text once."""

    @lmc.function
    def two(s):
        s += "Her city is " + lmc.gen("a", regex="[A-Z][a-z]{3,5}", boundary="exact", temperature=0)
        s += ". Her job is " + lmc.gen("b", regex="[a-z]{3,6}", temperature=0)

    result = two.run(backend=engine)
    assert result.text() == f"Her city is {result['a']}. Her job is {result['b']}"


def test_echo_says_the_same_either_way() -> None:
    """Its tokens are bytes: no token crosses anything."""
    texts = {b: answer(b).run("The answer is ", "[a-z]{3,5}", backend=EchoBackend()).text() for b in BOUNDARIES}
    assert len(set(texts.values())) == 1


def test_an_unknown_boundary_is_named() -> None:
    """With the ones there are."""
    with pytest.raises(ArgumentError, match="exact, naive"):
        lmc.gen("x", regex="a", boundary="best")
