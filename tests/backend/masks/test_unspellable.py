"""What a vocabulary cannot produce, against trying it."""

from __future__ import annotations

import re
from itertools import product

import pytest

from lmc.backend.masks.trie import TokenTrie
from lmc.backend.masks.unspellable import unspellable
from lmc.ir.automaton.compress import compress
from lmc.ir.automaton.dfa import CharDfa
from lmc.parser.regex.parse import parse_regex

LETTERS = [b"a", b"b", b"c", b"ca", b"caf", b" "]


def missing(pattern: str, vocabulary: list[bytes]):
    return unspellable(compress(CharDfa(parse_regex(pattern).tree)), TokenTrie(vocabulary))


@pytest.mark.parametrize(
    "pattern, chars, num_edges, is_all",
    [
        ("abc|cab", "", 0, False),
        ("abc|cafe", "ef", 1, False),
        ("café", "fé", 0, True),
        ("[xyz]a", "", 1, True),
        ("[a-z]+", "", 0, False),
        ("a(bb|éa)c", "é", 1, False),
        ("a(b|é)c", "", 0, False),
    ],
)
def test_what_is_missing_is_named(pattern, chars, num_edges, is_all):
    """Characters that stand alone, edges that are never taken, and where nothing is left at all."""
    found = missing(pattern, [b"a", b"b", b"c", b"ca", b" "])

    assert (found.chars, len(found.edges), found.is_all) == (chars, num_edges, is_all)


def test_all_bytes_spell_everything():
    """A vocabulary with bytes for tokens lacks nothing."""
    for pattern in ("café|日本", r"\w+", "[^a]*", "\U0001f600"):
        found = missing(pattern, [bytes((i,)) for i in range(256)])
        assert (found.chars, found.edges, found.is_all) == ("", (), False)


def test_a_character_inside_a_longer_token_can_come_out():
    """Also where no token is that character alone."""
    assert missing("caf", LETTERS).is_all is False
    assert missing("é", ["xé".encode(), b"a"]).chars == "", "it is not said where it is not sure"


@pytest.mark.parametrize("pattern", ["abc|cafe", "a(b|é)c", "(ca)+f?", "é|a", "[xyz]|é", "c(a|x)(b|y)"])
def test_nothing_that_tokens_spell_is_called_missing(pattern):
    """Every text of up to four tokens that matches goes along edges that are not said to be missing."""
    spelt = {"".join(parts) for n in range(5) for parts in product([t.decode() for t in LETTERS], repeat=n)}
    matches = [text for text in spelt if re.fullmatch(pattern, text)]
    found = missing(pattern, LETTERS)

    assert not (found.is_all and matches)
    assert not any(set(found.chars) & set(text) for text in matches)


def test_a_real_vocabulary_lacks_nothing(tokenizer):
    """Byte-level tokens spell any text."""
    found = missing(r"日本|[a-z]+é", tokenizer.vocab_bytes())

    assert (found.chars, found.edges, found.is_all) == ("", (), False)
