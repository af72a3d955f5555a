"""Jump-forward on and off, on the default model in fp32: where it writes canonically, the very same tokens."""

from __future__ import annotations

import re

import pytest

import lmc
from lmc.backend.local import CpuBackend
from lmc.backend.masks.ebnf import regex_ebnf
from lmc.parser.regex.parse import parse_regex

NOTE = "Lena Sato is a 34-year-old pilot from Oslo. She has a dog and plays chess."
PATTERNS = (
    r'\{"name": "[A-Z][a-z]+ [A-Z][a-z]+", "age": [0-9]{1,2}\}',
    r'\{"name":"[A-Z][a-z]{1,9}","job":"(pilot|doctor|teacher)"\}',
    r"The answer is (yes|no)\.",
    r"(She|He) lives in [A-Z][a-z]{2,8}\.",
    r"name: [A-Za-z ]{3,12}\nage: [0-9]{2}",
    r"Lena Sato, born in [0-9]{4}, is a (pilot|baker)\.",
    r'\["(dog|cat)", "(chess|cards)"\]',
    r"(I think that it is|I am sure that it is) (good|bad) for (the dog|the cat|the bird)\.",
    r"The (lamp|chair|table) is (red|blue|green), and the (vase|clock) is (white|black)\.",
    r"(Monday|Tuesday|Friday) the [0-9] of (May|June|March)",
    r"Tool: (weather|add)\nArguments: \{\"a\": [0-9]{1,3}, \"b\": [0-9]{1,3}\}",
)


def ask(regex: str, temperature: float):
    """A program; forced tokens carry their log-probabilities."""

    @lmc.function
    def program(s):
        s += lmc.user(f"{NOTE}\nAnswer in the form that is asked for.")
        s += lmc.assistant(
            lmc.gen("x", regex=regex, temperature=temperature, max_tokens=60, return_logprob=True, seed=7)
        )

    return program


@pytest.fixture(scope="module")
def engines():
    """Off, then on."""
    both = [CpuBackend("lmc-tiny", dtype="fp32", jump=jump) for jump in ("off", "exact")]
    yield both
    for backend in both:
        backend.close()


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_canonical_runs_are_the_same_with_jumps(engines, temperature) -> None:
    """Same bytes, ids and log-probabilities in fewer passes; what is not canonical is still of the language."""
    num_canonical = 0
    for pattern in PATTERNS:
        program = ask(pattern, temperature)
        off, on = (program.run(backend=backend) for backend in engines)
        rows = [result.get_meta_info("x")["output_token_logprobs"] for result in (off, on)]
        ids = [[id for _, id, _ in row] for row in rows]
        assert re.fullmatch(pattern, off["x"]) and re.fullmatch(pattern, on["x"])
        assert on.usage.forced_tokens > 0 == off.usage.forced_tokens
        assert on.report.forward_passes < off.report.forward_passes
        if ids[0] == engines[0].tokenizer.encode(off["x"]):
            num_canonical += 1
            assert on["x"] == off["x"] and ids[1] == ids[0], pattern
            assert [row[0] for row in rows[1]] == pytest.approx([row[0] for row in rows[0]], abs=1e-4)
    assert num_canonical >= 2


# --- grammars and schemas within themselves: what runs on xgrammar ---------------------------------------------

RECURSIVE = 'root ::= "~" root "~" | '
GRAMMARS = tuple(
    (regex_ebnf(parse_regex(pattern).tree) or "").replace("root ::= ", RECURSIVE, 1) for pattern in PATTERNS[:6]
)
TREE = {
    "type": "object",
    "properties": {"name": {"enum": ["Lena", "Oslo"]}, "child": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}},
    "required": ["name", "child"],
    "additionalProperties": False,
}


def say(*, grammar=None, json_schema=None, temperature: float = 0.0):
    """A program of one generation."""

    @lmc.function
    def program(s):
        s += lmc.user(f"{NOTE}\nAnswer in the form that is asked for.")
        s += lmc.assistant(
            lmc.gen("x", grammar=grammar, json_schema=json_schema, temperature=temperature, max_tokens=60,
                    return_logprob=True, seed=7)
        )  # fmt: skip

    return program


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_canonical_runs_of_grammars_are_the_same_with_jumps(engines, temperature) -> None:
    """Same ids, and the model's own log-probabilities, in fewer passes (T13, T15)."""
    num_canonical = 0
    for constraint in ({"json_schema": TREE}, *({"grammar": text} for text in GRAMMARS)):
        program = say(temperature=temperature, **constraint)
        off, on = (program.run(backend=backend) for backend in engines)
        rows = [result.get_meta_info("x")["output_token_logprobs"] for result in (off, on)]
        ids = [[id for _, id, _ in row] for row in rows]
        assert on.usage.forced_tokens > 0 == off.usage.forced_tokens, constraint
        assert on.report.forward_passes < off.report.forward_passes
        if ids[0] == engines[0].tokenizer.encode(off["x"]):
            num_canonical += 1
            assert on["x"] == off["x"] and ids[1] == ids[0], constraint
            assert [row[0] for row in rows[1]] == pytest.approx([row[0] for row in rows[0]], abs=1e-4)
    assert num_canonical >= 2


def form(json_schema, between: str, regex: str):
    """A program whose two generations are one call."""

    @lmc.function
    def program(s):
        s += lmc.user(f"{NOTE}\nAnswer in the form that is asked for.")
        s += lmc.assistant_begin()
        s += lmc.gen("a", json_schema=json_schema, max_tokens=60) + between + lmc.gen("b", regex=regex) + "."
        s += lmc.assistant_end()

    return program


LISTS = {"type": "array", "items": {"$ref": "#"}, "maxItems": 2}


def test_canonical_forms_with_schemas_within_themselves_are_the_same_with_jumps(engines) -> None:
    """Fused into one call: the same text in fewer passes, where the tokenizer would cut it as the model has."""
    num_canonical = 0
    for schema, between, temperature in ((LISTS, ", ", 0.0), (LISTS, ", ", 1.0), (TREE, "\nThat is ", 1.0)):
        program = form(schema, between, "(yes|no)")
        off, on = (program.run(backend=b, opt_level=3, temperature=temperature, seed=7) for b in engines)
        assert off.report.requests == on.report.requests == 1
        assert on.usage.forced_tokens > 0 == off.usage.forced_tokens
        assert on.report.forward_passes < off.report.forward_passes
        assert on.text().endswith(f"{on['a']}{between}{on['b']}.<|end|>")
        written = f"{off['a']}{between}{off['b']}."
        if off.usage.output_tokens == len(engines[0].tokenizer.encode(written)):
            num_canonical += 1
            assert on.text() == off.text(), schema
    assert num_canonical >= 1


def test_many_requests_of_one_grammar_say_what_each_says_alone(engines) -> None:
    """They share what is known of it; samples are forks of one another's matchers."""
    program = say(grammar=GRAMMARS[1], temperature=1.0)
    alone = program.run(backend=engines[1])["x"]
    together = [result["x"] for result in program.run_batch([{}] * 6, backend=engines[1])]
    assert together == [alone] * 6
