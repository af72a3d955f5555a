"""Languages as values: bytes, laws, lengths, distances, compression."""

from __future__ import annotations

import random

import pytest

from lmc.ir.automaton.algebra import distances, literal, longest, shortest, states
from lmc.ir.automaton.bytes import LEAD, UNKNOWN, ByteDfa, _lead_pieces
from lmc.ir.automaton.compress import compress, forced
from lmc.ir.automaton.dfa import DEAD, CharDfa
from lmc.ir.regex import Alt, And, Not, RegexTree, Seq
from lmc.parser.regex.parse import parse_regex
from tests.support.languages import difference, distinguishing, example, is_empty
from tests.support.random_regex import random_pattern, random_text


def tree(pattern: str) -> RegexTree:
    return parse_regex(pattern).tree


def bytes_of(pattern: str) -> ByteDfa:
    return ByteDfa(CharDfa(tree(pattern)))


# --- bytes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pattern", [r"\w", ".", "[^é]", "[\u0800-\ud7ff]", "[\U00010000-\U0010ffff]", "[é-日]", r"\W"])
def test_bytes_are_exactly_the_encodings(pattern: str) -> None:
    """Around every boundary of UTF-8 and every boundary of the set."""
    chars = CharDfa(tree(pattern))
    automaton = ByteDfa(chars)
    edges = [0x7F, 0x7FF, 0xFFF, 0xD7FF, 0xE000, 0xFFFF, 0x3FFFF, 0xFFFFF, 0x10FFFF, *chars.alphabet.starts]
    codes = sorted({c + d for c in edges for d in (-1, 0, 1) if 0 <= c + d <= 0x10FFFF} - set(range(0xD800, 0xE000)))

    assert [c for c in codes if automaton.accepts(chr(c).encode())] == [c for c in codes if chars.accepts(chr(c))]


@pytest.mark.parametrize(
    "bad", [b"\xed\xa0\x80", b"\xc0\x80", b"\xe0\x80\x80", b"\xf4\x90\x80\x80", b"\xff", b"\x80", b"\xc3"]
)
def test_what_is_no_utf8_is_never_accepted(bad: bytes) -> None:
    """Surrogates, overlong forms, code points past the last, and pieces; a complement takes none of them either."""
    for pattern in ("(?s).*", "(?&)~(a)"):
        assert not bytes_of(pattern).accepts(bad)


@pytest.mark.parametrize("seed", range(40))
def test_bytes_and_characters_agree(seed: int) -> None:
    """Of random texts."""
    rng = random.Random(seed)
    chars = CharDfa(tree(random_pattern(rng, 3)))
    automaton = ByteDfa(chars)
    texts = {random_text(rng, 5) for _ in range(20)}

    assert [t for t in texts if chars.accepts(t)] == [t for t in texts if automaton.accepts(t.encode())]


def test_bytes_of_a_class_lead_to_the_same_state() -> None:
    """Checked with an automaton in which every byte is a class of its own."""
    pattern = r"(?:\w|é|[^日-本]x)*"
    automaton, single = bytes_of(pattern), bytes_of(pattern)
    single.class_of, single._samples, single.num_classes = bytes(range(256)), list(range(256)), 256
    single._leads = {byte: _lead_pieces(single.chars.alphabet, byte) for byte in range(LEAD, 256)}
    single._rows = [[DEAD] * 256] + [[UNKNOWN] * 256 for _ in single._rows[1:]]

    assert automaton.num_classes < 200
    for prefix in (b"", b"a", b"\xc3", b"\xe6", b"\xe6\x97", b"\xf0\x90"):
        ends = [single.run(prefix + bytes((byte,))) for byte in range(256)]
        for cls in range(automaton.num_classes):
            assert len({ends[byte] for byte in automaton.bytes_of(cls)}) == 1


# --- algebra -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(25))
def test_laws_hold_for_random_languages(seed: int) -> None:
    """De Morgan, double complement, difference, distribution: no text tells the two sides apart."""
    rng = random.Random(seed)
    a, b, c = (tree(random_pattern(rng, 2, looks=seed % 2 == 0)) for _ in range(3))

    assert distinguishing(Not(Alt((a, b))), And((Not(a), Not(b)))) is None
    assert distinguishing(Not(Not(a)), a) is None
    assert distinguishing(difference(a, b), And((a, Not(And((a, b)))))) is None
    assert distinguishing(And((a, Alt((b, c)))), Alt((And((a, b)), And((a, c))))) is None
    assert is_empty(difference(a, a)) and is_empty(And((a, Not(a))))


@pytest.mark.parametrize(
    ("pattern", "least", "most"),
    [
        ("a{2,7}|b", 1, 7),
        ("a*", 0, None),
        ("", 0, 0),
        ("a(?!a)a", None, -1),
        ("é日?", 2, 5),
        ("(?=.{3})[a-z]+(?<!d.{4})", 3, None),
        ("a{0,5000}", 0, 5000),
    ],
)
def test_lengths_in_bytes(pattern: str, least: int | None, most: int | None) -> None:
    """None for a shortest that is not there, and for a longest without bound."""
    automaton = bytes_of(pattern)

    assert (shortest(automaton), longest(automaton)) == (least, most)


def test_distances_are_those_of_shortest_ends() -> None:
    """From every state, by trying."""
    automaton = CharDfa(tree("(?:ab|c{3})d?"))
    left = distances(automaton)

    assert left[automaton.start] == 2
    assert left[automaton.run("c")] == 2 and left[automaton.run("cc")] == 1 and left[automaton.run("ab")] == 0
    assert set(left) == set(states(automaton))


def test_examples_are_shortest() -> None:
    """And None for nothing."""
    assert example(tree("(?&)[a-z]+&~(.*a.*)&.{3}")) == "bbb"
    assert example(tree("a(?!a)a")) is None
    assert example(literal("x\n")) == "x\n"


AMBIGUOUS = [("a*", "a*b"), (".*", "foo.*"), ("a?", "ab|b"), ("(?:ab)*", "(?:abab)*c")]
UNAMBIGUOUS = [("a*", "b"), ("[^,]*", ",.*"), (".*", "foo"), ("a|ab", "c"), ("(?:(?!foo).)*", "foo"), ("a(?!a)a", "a*")]


# --- compression ---------------------------------------------------------------------------------------------


def test_forced_bytes_stop_where_something_is_decided() -> None:
    """At a branch, at an end of the text, and within a character too."""
    automaton = bytes_of("(abc|abd)xyz(é|è)!")
    first, branch = forced(automaton, automaton.start)
    second, within = forced(automaton, automaton.step(branch, ord("c")))

    assert first == b"ab"
    assert second == "xyzé".encode()[:4]
    assert forced(automaton, automaton.step(within, 0xA9))[0] == b"!"
    assert forced(bytes_of("ab?"), bytes_of("ab?").start)[0] == b"a"


@pytest.mark.parametrize("seed", range(25))
def test_compressed_automaton_has_the_same_language(seed: int) -> None:
    """Its edges spelt out as a tree again."""
    rng = random.Random(seed)
    chars = CharDfa(tree(random_pattern(rng, 2)))
    compressed = compress(chars)
    for text in {random_text(rng, 5) for _ in range(30)}:
        assert chars.accepts(text) == follows(compressed, text)


def follows(compressed, text: str) -> bool:
    rest = text.encode(errors="surrogatepass")
    if not compressed.start or not rest.startswith(compressed.begin):
        return False
    state, text = compressed.start, rest[len(compressed.begin) :].decode()
    while text:
        code = ord(text[0])
        ways = [e for e in compressed.edges if e.source == state and any(a <= code <= b for a, b in e.first)]
        if not ways or not text[1:].encode().startswith(ways[0].rest):
            return False
        state, text = ways[0].target, text[1 + len(ways[0].rest.decode()) :]
    return state in compressed.accepting


def test_chains_become_edges() -> None:
    """A record of constant text has as many edges as choices."""
    chars = CharDfa(tree('{"name": "[a-z]+", "kind": "(cat|dog)"}'))
    compressed = compress(chars)

    assert compressed.begin == b'{"name": "'
    assert [e.rest for e in compressed.edges] == [b"", b"", b', "kind": "', b'at"}', b'og"}']


def test_concatenation_and_union_of_automata() -> None:
    """Trees are the algebra."""
    joined = Seq((Alt((literal("a"), literal("b"))), literal("c")))

    assert distinguishing(joined, tree("[ab]c")) is None
    assert distinguishing(joined, tree("[ab]d")) in ("ac", "bc", "ad", "bd")
