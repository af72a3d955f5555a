"""The bytes of a grammar as an automaton: the same as xgrammar's own parser says, byte by byte, and few states."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest
import xgrammar

from lmc.backend.masks import grammar_bytes
from lmc.backend.masks.grammar_bytes import GrammarBytes
from lmc.backend.masks.grammar_nfa import Unread, nfa_of
from lmc.errors import ConstraintError

TERMS = ['"a"', '"b"', '"ab"', '"é"', '"è"', '"日"', '"("', '")"', '""', '"霍格"', '"霍比"']
CLASSES = ["[ab]", "[a-c]", "[^a]", "[é-ü]", "[^a-z]*", 'Regex("a[0-9]+|b*")', 'Substring("abc")']
REPEATS = ["*", "?", "+", "{1,3}", "{2}", "{0,5}", "{2,}"]


@pytest.fixture(scope="module")
def compiler():
    """For a vocabulary of single bytes and an end token."""
    spellings = [bytes((byte,)) for byte in range(256)] + [b""]
    single = xgrammar.TokenizerInfo(spellings, xgrammar.VocabType.RAW, vocab_size=257, stop_token_ids=[256])
    return xgrammar.GrammarCompiler(single, max_threads=1, cache_enabled=False)


def expression(rng: random.Random, rules: list[str], depth: int) -> str:
    kind = rng.randrange(8)
    if depth == 0 or kind < 2:
        return rng.choice(TERMS + CLASSES)
    if kind == 2:
        return rng.choice(rules)
    inner = [expression(rng, rules, depth - 1) for _ in range(rng.randint(1, 4))]
    if kind == 3:
        return f"({' | '.join(inner)})"
    return f"({inner[0]}){rng.choice(REPEATS)}" if kind == 4 else " ".join(inner)


def random_grammar(rng: random.Random) -> str:
    """Up to five rules that call each other, left and right and in the middle."""
    rules = ["root", *(f"r{number}" for number in range(rng.randint(1, 4)))]
    return "".join(f"{rule} ::= {expression(rng, rules, 2)} | {rng.choice(TERMS)}\n" for rule in rules)


def allowed(matcher) -> list[int]:
    """The bytes that xgrammar allows next."""
    mask = np.zeros((1, 9), dtype=np.int32)
    matcher.fill_next_token_bitmask(mask, 0)
    return np.flatnonzero(np.unpackbits(mask.view(np.uint8), bitorder="little")[:256]).tolist()


def assert_walks_agree(compiled, rng: random.Random, likely: bytes, walks: int = 8) -> None:
    """Both say the same of what may come next and of where a text may end, all along random texts."""
    walk = GrammarBytes(nfa_of(compiled.grammar))
    for _ in range(walks):
        matcher, state, text = xgrammar.GrammarMatcher(compiled), walk.start, b""
        for _ in range(rng.randint(5, 40)):
            bytes_of = sorted(byte for group in walk.ways(state) for byte in group)
            expected = allowed(matcher)
            if text.endswith(b"\xed"):  # surrogates, which xgrammar has and no text
                bytes_of, expected = [b for b in bytes_of if b < 0xA0], [b for b in expected if b < 0xA0]
            assert (bytes_of, walk.is_accepting(state)) == (expected, matcher.is_completed()), text
            if not expected:
                break
            byte = rng.choice([b for b in expected if b in likely and rng.random() < 0.8] or expected)
            assert matcher.accept_token(byte)
            state, text = walk.step(state, byte), text + bytes((byte,))
        assert walk.step(state, 0xFF) == 0 or 0xFF in allowed(matcher)


def test_random_grammars_are_walked_as_xgrammar_walks_them(compiler) -> None:
    """Recursion of each kind, empty rules, repeats, classes, macros, characters that share bytes."""
    rng = random.Random(11)
    for _ in range(150):
        text = random_grammar(rng)
        assert_walks_agree(compiler.compile_grammar(text), rng, b"ab()")


@pytest.mark.parametrize(
    "text",
    [
        'root ::= "\\u0000" [\\u0000-\\u00051] "\\u00001a"',
        'root ::= "\\u00e9" "a" "\\u001f" "f" [\\]\\-^] "\\\\x41\\"" [^\\u00e9a-f\\u0080]',
        'root ::= "\\U0001F600f" "\\u1234f" "\\x7f" "f"',
        'root ::= TagDispatch(("<a>", x), ("<ab", y), loop_after_dispatch=false)\nx ::= [a-b]* | "q"\ny ::= "z" root',
        'root ::= TagDispatch(("<a>", x), ("<b>", y))\nx ::= [a-b]* | "q" root\ny ::= "abc" "</b>"',
        'root ::= Substring("abcab<a>") Regex("a{2,5}[^a]|b") root | "c"',
        'root ::= root "a" | root "b" root | ""',
        'root ::= x{2,300}\nx ::= "a" | "b" "z"',
        'root ::= x{130,} "c" | "1"\nx ::= "a" | ""',
    ],
)
def test_what_is_written_oddly_is_walked_as_well(compiler, text: str) -> None:
    """NUL, escapes that run into a digit, tags, left recursion, long repeats."""
    assert_walks_agree(compiler.compile_grammar(text), random.Random(3), b"<ab>czq1/\x00", walks=40)


def test_a_schema_within_itself_is_walked_as_well(compiler) -> None:
    """As it is compiled for the engine."""
    schema = {"type": "object", "properties": {"name": {"type": "string"}, "kids": {"items": {"$ref": "#"}}}}
    compiled = compiler.compile_json_schema(json.dumps(schema), any_whitespace=True, strict_mode=False)
    assert_walks_agree(compiled, random.Random(4), b'{"name":kids[]},ab \\', walks=60)


@pytest.mark.parametrize(
    "text",
    [
        'root ::= ("a" | Token(1)) "c"',
        'root ::= "a" ExcludeToken(2,3) "c"',
        'root ::= TokenTagDispatch((3, b))\nb ::= "q"\n',
        'root ::= x "1"\nx[max_tokens=3] ::= "a"*',
        'root ::= x "1"\nx[max_chars=3] ::= "a"*',
        'root ::= x "1"\nx[lazy] ::= [a-z]+',
    ],
)
def test_what_is_not_about_bytes_has_no_automaton(compiler, text: str) -> None:
    """Tokens by id, and rules that count or hurry."""
    with pytest.raises(Unread):
        nfa_of(compiler.compile_grammar(text).grammar)


def test_strings_and_lists_of_any_length_are_few_states(compiler) -> None:
    """Only depth makes more."""
    compiled = compiler.compile_grammar('root ::= "[" (root ("," root)*)? "]" | s\ns ::= "\\"" t\nt ::= "\\"" | [^"] t')
    walk = GrammarBytes(nfa_of(compiled.grammar))
    item = b'["' + b"abc" * 200 + b'",[],"x"]'
    assert walk.is_accepting(walk.run(b"[" + b",".join([item] * 200) + b"]"))
    assert len(walk) < 60
    assert walk.is_accepting(walk.run(b"[" * 90 + b"]" * 90))
    assert len(walk) > 90


def test_a_grammar_of_too_many_states_says_so(compiler, monkeypatch) -> None:
    """What is known stays known."""
    walk = GrammarBytes(nfa_of(compiler.compile_grammar('root ::= "(" root ")" | "a"').grammar))
    monkeypatch.setattr(grammar_bytes, "MAX_STATES", 20)
    with pytest.raises(ConstraintError, match="more than 20 states"):
        walk.run(b"(" * 100)
    assert walk.is_full and walk.run(b"(((") > 0
