"""What a text costs under a constraint: forced tokens, and the passes that are left."""

from __future__ import annotations

import pytest

import lmc
from lmc.backend.default_model import FOLDER
from lmc.backend.masks.factory import ConstraintMasks
from lmc.backend.masks.rehearse import Rehearsal, rehearse
from lmc.errors import ConstraintError
from lmc.ir.constraint import Constraint, Grammar
from lmc.parser.regex.parse import parse_regex
from lmc.tokenizer import load_tokenizer

TEXTS = [
    (r'\{"name": "[a-z]+", "age": [0-9]{2}\}', '{"name": "abc", "age": 12}'),
    ("cat|category", "cat"),
    ("cat|category", "category"),
    ("(é|è)x", "éx"),
    (r"[a-z]{3}( [a-z]{3}){2}", "aab bab bba"),
    ("日本", "日本"),
    ("a*", ""),
]


def cost(tokenizer, constraint: str | Constraint, text: str) -> Rehearsal:
    masks = ConstraintMasks(tokenizer, tokenizer.vocab_size)
    made = masks.make(parse_regex(constraint) if isinstance(constraint, str) else constraint)
    return rehearse(made, masks.encoder, masks.spellings, text)


@pytest.mark.parametrize("pattern, text", TEXTS)
def test_tokens_are_the_tokenizers_own(pattern, text, tokenizer):
    """Forced or not, they spell the text as it is encoded."""
    found = cost(tokenizer, pattern, text)

    assert [token for token, _ in found.tokens] == tokenizer.encode(text)
    assert found.num_forced + found.num_asked == found.num_unforced


@pytest.mark.parametrize(
    "pattern, text, is_open",
    [("cat|category", "cat", True), ("cat|category", "category", False), ("a*", "", True), ("日本", "日本", False)],
)
def test_the_end_is_asked_for_where_the_text_might_go_on(pattern, text, is_open, tokenizer):
    """One more pass, which draws the end."""
    found = cost(tokenizer, pattern, text)

    assert found.is_open == is_open


def test_a_fixed_text_asks_for_nothing(tokenizer):
    """All of its tokens are forced."""
    found = cost(tokenizer, '\\{"name": "abc"\\}', '{"name": "abc"}')

    assert (found.num_asked, found.num_forced) == (0, len(found.tokens))


def test_a_free_text_is_asked_for_token_by_token(tokenizer):
    """Nothing is forced where anything may come."""
    found = cost(tokenizer, "[a-z ]*", "aab bab")

    assert (found.num_forced, found.num_asked) == (0, len(found.tokens) + 1)


def test_what_the_constraint_does_not_accept_costs_nothing_known(tokenizer):
    """A text that breaks off, and one that goes astray."""
    with pytest.raises(ConstraintError, match="forces b'category'"):
        cost(tokenizer, "category", "cat")
    with pytest.raises(ConstraintError, match="that 'aab' ends"):
        cost(tokenizer, "[a-z]{3,}[0-9]", "aab")
    with pytest.raises(ConstraintError, match="does not allow token"):
        cost(tokenizer, "[0-9]+", "cat")


def test_a_grammar_is_rehearsed_too(tokenizer):
    """By the same function: between the decisions all is forced."""
    found = cost(tokenizer, Grammar('root ::= "(" ("a" | root) ", 12)"'), "((a, 12), 12)")

    assert list(found.ids) == tokenizer.encode("((a, 12), 12)")
    assert found.num_forced > 0 and not found.num_strange and not found.is_open


CARD = r'\{"name": "[A-Z][a-z]{2,11}", "house": "(Gryffindor|Slytherin)", "score": [0-9]{1,2}\}'


@pytest.mark.parametrize(
    "prompt, pattern",
    [("Answer in JSON:\n", CARD), ("Answer:", "[0-9]{3}-[0-9]{4}"), ("Answer:", "one fixed text")],
    ids=["card", "number", "fixed"],
)
def test_the_engine_needs_the_passes_that_are_told(prompt, pattern, monkeypatch):
    """What lmc-tiny writes takes as many forward passes as were said of that text, where it spells it canonically."""
    monkeypatch.setenv("LMC_DTYPE", "fp32")

    @lmc.function
    def answers(s):
        s += prompt + lmc.gen("x", regex=pattern, max_tokens=60, temperature=0)

    result = answers.run(model="lmc-tiny")
    found = cost(load_tokenizer(FOLDER), pattern, result["x"])

    assert result.get_meta_info("x")["completion_tokens"] - found.is_open == len(found.tokens)
    assert result.report.forward_passes == found.num_asked
