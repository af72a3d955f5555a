"""What a text costs under a constraint: forced tokens, and the passes that are left."""

from __future__ import annotations

import pytest

from lmc.backend.constraint.asked import asked
from lmc.backend.constraint.stable import StableTokens
from lmc.backend.constraint.trie import TokenTrie
from lmc.ir.automaton.bytes import ByteDfa
from lmc.ir.automaton.dfa import CharDfa
from lmc.parser.regex import parse_regex

TEXTS = [
    (r'\{"name": "[a-z]+", "age": [0-9]{2}\}', '{"name": "abc", "age": 12}'),
    ("cat|category", "cat"),
    ("cat|category", "category"),
    ("(é|è)x", "éx"),
    (r"[a-z]{3}( [a-z]{3}){2}", "aab bab bba"),
    ("日本", "日本"),
    ("a*", ""),
]


def stable(tokenizer, pattern: str) -> StableTokens:
    trie = TokenTrie([b"" if i in tokenizer.eos_ids else spelt for i, spelt in enumerate(tokenizer.vocab_bytes())])
    return StableTokens(ByteDfa(CharDfa(parse_regex(pattern).tree)), tokenizer, trie)


@pytest.mark.parametrize("pattern, text", TEXTS)
def test_tokens_are_the_tokenizers_own(pattern, text, tokenizer):
    """Forced or not, they spell the text as it is encoded."""
    found = asked(stable(tokenizer, pattern), text)

    assert found is not None
    assert [token for token, _ in found.tokens] == tokenizer.encode(text)
    assert found.num_forced + found.num_asked == found.num_unforced


@pytest.mark.parametrize(
    "pattern, text, is_open",
    [("cat|category", "cat", True), ("cat|category", "category", False), ("a*", "", True), ("日本", "日本", False)],
)
def test_the_end_is_asked_for_where_the_text_might_go_on(pattern, text, is_open, tokenizer):
    """One more pass, which draws the end."""
    found = asked(stable(tokenizer, pattern), text)

    assert found is not None and found.is_open == is_open


def test_a_fixed_text_asks_for_nothing(tokenizer):
    """All of its tokens are forced."""
    found = asked(stable(tokenizer, '\\{"name": "abc"\\}'), '{"name": "abc"}')

    assert found is not None and (found.num_asked, found.num_forced) == (0, len(found.tokens))


def test_a_free_text_is_asked_for_token_by_token(tokenizer):
    """Nothing is forced where anything may come."""
    found = asked(stable(tokenizer, "[a-z ]*"), "aab bab")

    assert found is not None and (found.num_forced, found.num_asked) == (0, len(found.tokens) + 1)


def test_what_the_constraint_does_not_accept_costs_nothing_known(tokenizer):
    """A text that breaks off, and one that goes astray."""
    assert asked(stable(tokenizer, "category"), "cat") is None
    assert asked(stable(tokenizer, "[0-9]+"), "cat") is None
