"""Regular expressions as text: the tree means what `re.fullmatch` means, and messages point at the place."""

from __future__ import annotations

import random
import re
import subprocess
import sys

import pytest

from lmc.errors import ConstraintError
from lmc.ir.constraint import Regex
from lmc.ir.ranges import complement, union
from lmc.ir.regex import Alt, And, Atomic, Chars, Look, Not, RegexTree, Repeat, Seq
from lmc.parser.regex.parse import parse_regex
from lmc.source import Span

ANY = Chars(((0, 0x10FFFF),))

# --- an independent matcher over the tree ----------------------------------------------------------------


def matches(tree: RegexTree, text: str) -> bool:
    """Whether the whole text is in the tree's language: by sets of positions, with no backtracking."""
    return len(text) in ends(tree, text, frozenset((0,)))


def ends(tree: RegexTree, text: str, starts: frozenset[int]) -> frozenset[int]:
    """Every position where `tree` can end when it begins at one of `starts`."""
    match tree:
        case Chars(ranges):
            return frozenset(i + 1 for i in starts if i < len(text) and contains(ranges, ord(text[i])))
        case Seq(items):
            for item in items:
                starts = ends(item, text, starts)
            return starts
        case Alt(options):
            return frozenset().union(*(ends(option, text, starts) for option in options))
        case Repeat(item, low, high):
            return repeat_ends(item, low, high, text, starts)


def repeat_ends(item: RegexTree, low: int, high: int | None, text: str, starts: frozenset[int]) -> frozenset[int]:
    for _ in range(low):
        starts = ends(item, text, starts)
    reached = starts
    for _ in range(len(text) + 1 if high is None else high - low):
        starts = ends(item, text, starts) - reached
        if not starts:
            break
        reached |= starts
    return reached


def contains(ranges: tuple[tuple[int, int], ...], code: int) -> bool:
    return any(low <= code <= high for low, high in ranges)


# --- patterns and texts one by one -----------------------------------------------------------------------

SAMPLES = [
    "",
    "a",
    "b",
    "aa",
    "ab",
    "ba",
    "abc",
    "aab",
    "a\n",
    "\n",
    "A",
    "AB",
    "k",
    "K",
    "K",
    "ſ",
    "s",
    "1",
    "12",
    "٣",
]
SAMPLES += ["é", "É", "_", "-", "]", "^", "[", "a-", "{", "a{", "a{,", "a{1,2", "}", " ", "\t", "\x1c", "\xa0", "\0"]
SAMPLES += ["x", "xx", "xxx", ".", "\\", "🙂", "a🙂b", "\ud800", "ß", "ẞ", "İ", "i", "ǅ", "aaaa", "ab1", "S", "ac", "|"]

PATTERNS = [
    "", "a", "ab|cd?", "a|", "|", "()", "(?:)", "(a)(b)?", "(?P<name>a)b", "a*", "a+?", "a??b", "a{2}",
    "a{1,}", "a{,2}",
    "a{1,3}?b", "x{,}", "a{", "a{,", "a{1,2", "}", "]", "(?:a|b)*c?", "((a|b)*)*", "(a*)*", "(?:a?){3}", "(a?b?)*c",
    ".", ".*", "(?s).", "(?s:.).", r"\d", r"\D", r"\w+", r"\W", r"\s", r"\S", r"(?a)\d", r"(?a)\w", r"(?a)\W",
    r"(?a)\s",
    r"(?a:\w)", "[abc]", "[^abc]", "[a-c]+", "[]a]", "[^]a]", "[a-]", "[-a]", "[]-a]", "[a\\-c]", r"[\d_]", r"[^\W\d]",
    r"[\s\S]", r"[^\s\S]", r"[\]\[]", r"[\^]", "[a^]", "[|]", "[[a]", r"[\b]", r"[\x41-\x43]", r"[\101]", r"[\0-\7]",
    r"\x41", r"\u00e9", r"\U0001F642", r"\N{LATIN SMALL LETTER E WITH ACUTE}", r"\n", r"\t", r"\101", r"\0", r"\012",
    r"\.", r"\\", r"\-", r"\ ", r"\|", "(?i)a", "(?i)k", "(?i)s", "(?i)ß", "(?i)i", "(?i)ǆ", "(?i)[a-z]", "(?i)[^a]",
    r"(?i)[^\W]", "(?ia)k", "(?ia)[a-z]", "(?i:a)b", "(?i)(?-i:a)b", "(?i)(?s)a.", "(?u)é", "(?m)^a$", "a(?#note)*",
    "^a", "a$", "^a$", r"\Aa\Z", "^", "$", "^$", "^^a$$", "(^a|b)c?", "a(b|c$)", "^a|b$", "(?:^a)?b?$", "(^)a", "a($|)",
    "🙂", "a🙂?b", "[😀-🙏]",
]  # fmt: skip


@pytest.mark.parametrize("pattern", PATTERNS)
def test_tree_means_what_fullmatch_means(pattern: str) -> None:
    """Every sample text is accepted by the tree exactly where `re.fullmatch` accepts it."""
    tree = parse_regex(pattern).tree

    assert [t for t in SAMPLES if re.fullmatch(pattern, t)] == [t for t in SAMPLES if matches(tree, t)]


@pytest.mark.parametrize("atom", [r"\d", r"\W", "(?i:k)", "(?i:[a-z])", "(?i:[^a-zß])", r"[^\W_]", r"(?a:[\w-])", "."])
def test_set_holds_exactly_pythons_characters(atom: str) -> None:
    """For every code point of a coarse sweep and all of Latin, Greek and Cyrillic."""
    tree = parse_regex(atom).tree
    accepts = re.compile(atom).fullmatch
    codes = [*range(0x600), *range(0x600, 0x110000, 61), 0x1E9E, 0x212A, 0x2028, 0xD800, 0xFB05]

    assert isinstance(tree, Chars)
    assert [c for c in codes if accepts(chr(c))] == [c for c in codes if contains(tree.ranges, c)]


# --- random patterns -------------------------------------------------------------------------------------

ATOMS = [
    "a",
    "b",
    "c",
    "ab",
    ".",
    r"\d",
    r"\w",
    "[ab]",
    "[^a]",
    "[a-c1]",
    r"[\s_]",
    "(?i:b)",
    "é",
    r"\n",
    "(?s:.)",
    "1",
]
QUANTIFIERS = ["*", "+", "?", "*?", "+?", "??", "{2}", "{1,2}", "{,2}", "{1,}", "{0,1}?"]
ALPHABET = "aabbcB1é\n_ "


def random_pattern(rng: random.Random, depth: int) -> str:
    kind = rng.random()
    if depth == 0 or kind < 0.3:
        return rng.choice(ATOMS)
    if kind < 0.6:
        return random_pattern(rng, depth - 1) + random_pattern(rng, depth - 1)
    inner = random_pattern(rng, depth - 1)
    if kind < 0.8:
        return f"({inner}|{random_pattern(rng, depth - 1)})"
    return f"(?:{inner}){rng.choice(QUANTIFIERS)}"


@pytest.mark.parametrize("seed", range(8))
def test_random_patterns_match_like_python(seed: int) -> None:
    """Random nested patterns against random short texts: no difference at all."""
    rng = random.Random(seed)
    differing = []
    for _ in range(100):
        pattern = random_pattern(rng, 4)
        tree = parse_regex(pattern).tree
        texts = ["".join(rng.choices(ALPHABET, k=rng.randint(0, 6))) for _ in range(30)]
        differing += [(pattern, t) for t in texts if bool(re.fullmatch(pattern, t)) != matches(tree, t)]

    assert not differing


# --- shape -----------------------------------------------------------------------------------------------


def test_empty_pattern_is_the_empty_sequence() -> None:
    """The empty pattern accepts the empty text and nothing else."""
    assert parse_regex("") == Regex("", Seq(()))
    assert parse_regex("").tree == Seq(())


def test_tree_is_typed_and_flat() -> None:
    """Groups that only bracket a sequence leave no trace; a repeat keeps its bounds."""
    expected = Seq((Chars(((97, 97),)), Chars(((98, 98),)), Repeat(Chars(((48, 57),)), 1, None)))

    assert parse_regex("(a(?:b))[0-9]+").tree == expected


def test_ranges_are_sorted_and_disjoint() -> None:
    """Overlapping and touching members of a set become one range."""
    assert parse_regex("[c-fa-dgz]").tree == Chars(((97, 103), (122, 122)))


def test_complement_and_union_cover_everything_once() -> None:
    """A set and its complement touch everywhere and overlap nowhere."""
    ranges = ((0, 4), (9, 9), (0x10FFFF, 0x10FFFF))

    assert complement(ranges) == ((5, 8), (10, 0x10FFFE))
    assert union((*ranges, *complement(ranges))) == ((0, 0x10FFFF),)


# --- refusals --------------------------------------------------------------------------------------------

UNSUPPORTED = [
    ("(a)\\1", "back-reference", 3),
    ("(?P<x>a)(?P=x)", "back-reference", 8),
    ("(?x) (a) # one\n \\1", "back-reference", 16),
    ("(a)?(?(1)b|c)", "conditional group", 4),
]


@pytest.mark.parametrize(("pattern", "what", "position"), UNSUPPORTED)
def test_unsupported_parts_are_named_with_their_place(pattern: str, what: str, position: int) -> None:
    """What Python accepts and lmc does not says what it is, where it is and what to do."""
    re.compile(pattern)

    with pytest.raises(ConstraintError) as caught:
        parse_regex(pattern)
    assert what in caught.value.message
    assert caught.value.message.endswith(f" at position {position}")
    assert caught.value.help


REJECTED = [
    "(",
    "a)",
    "[a",
    "*a",
    "a**",
    "a{2,1}",
    "[z-a]",
    r"\q",
    r"[\q]",
    "(?P<1>a)",
    "(?P<a>b)(?P<a>c)",
    r"\2",
    "(?y)",
]
REJECTED += [
    "\\",
    r"\x4",
    r"\u12",
    r"\N{NO SUCH NAME}",
    r"[\w-a]",
    "a(?i)b",
    "^*",
    "(?<=a*)b",
    "(?P=x)",
    r"\400",
    "{2}",
]


@pytest.mark.parametrize("pattern", REJECTED)
def test_what_python_rejects_is_rejected_with_its_position(pattern: str) -> None:
    """The words and the position are `re`'s own."""
    with pytest.raises(re.error) as expected:
        re.compile(pattern)

    place = "" if expected.value.pos is None else f" at position {expected.value.pos}"
    with pytest.raises(ConstraintError) as caught:
        parse_regex(pattern)
    assert caught.value.message == f"in this regex, {expected.value.msg}{place}"


def test_message_has_the_pattern_and_a_caret() -> None:
    """The whole rendered message, carets and all."""
    with pytest.raises(ConstraintError) as caught:
        parse_regex("\t(b)\\1")

    assert caught.value.render() == (
        "ConstraintError: in this regex, the back-reference `\\1` is not supported at position 4\n"
        "  \\t(b)\\1\n"
        "       ^\n"
        "  help: a constraint is a regular language: a part cannot depend on what another part has matched"
    )


def test_caret_of_a_long_pattern_shows_its_surroundings() -> None:
    """A pattern of many lines' length is cut to the part that matters."""
    with pytest.raises(ConstraintError) as caught:
        parse_regex("(x)" * 200 + r"\2" + "y" * 500)

    line, caret = caught.value.notes
    assert line[len(caret) - 1 :].startswith(r"\2")
    assert len(line) < 100


LOOKS = [
    ("a^b", Look(ANY, behind=True, negated=True)),
    ("(?m)a^b", Look(Chars(((0, 9), (11, 0x10FFFF))), behind=True, negated=True)),
    (r"a\Zb", Look(ANY, negated=True)),
    ("a(?=c)b", Look(Chars(((99, 99),)))),
    ("a(?<!c)b", Look(Chars(((99, 99),)), behind=True, negated=True)),
    ("a(?>c*)b", Atomic(Repeat(Chars(((99, 99),)), 0, None))),
    ("a(?>c*?)b", Atomic(Repeat(Chars(((99, 99),)), 0, None, lazy=True))),
    ("a(?:c)*+b", Atomic(Repeat(Atomic(Chars(((99, 99),))), 0, None))),
]


@pytest.mark.parametrize(("pattern", "node"), LOOKS)
def test_anchors_looks_and_atomic_parts_are_nodes(pattern: str, node: RegexTree) -> None:
    """Between two characters, where no anchor can vanish."""
    assert parse_regex(pattern).tree == Seq((Chars(((97, 97),)), node, Chars(((98, 98),))))


def test_operators_are_on_behind_the_mark_alone() -> None:
    """A pattern that Python accepts means what Python means."""
    a, b = Chars(((97, 97),)), Chars(((98, 98),))

    assert parse_regex("(?&)a&~(b)").tree == And((a, Not(b)))
    assert parse_regex("(?&)a|ab&b").tree == Alt((a, And((Seq((a, b)), b))))
    assert parse_regex("a&~(b)").tree == Seq((a, Chars(((38, 38),)), Chars(((126, 126),)), b))
    assert parse_regex(r"(?&)\&[&~]").tree == Seq((Chars(((38, 38),)), Chars(((38, 38), (126, 126)))))
    with pytest.raises(re.error):
        re.compile("(?&)a")


MISPLACED = [
    ("(?&)a~", "something is missing", 6),
    ("(?&)a~b", "`b` is out of place", 6),
    ("(?&)a&*", "`*` is out of place", 6),
    ("(?&)(", "missing ), unterminated subpattern", 4),
    ("(?&)(?>a&b)", "`&` has no order of preference", 8),
    ("(?&)(?:~(a))*+", "`~` has no order of preference", 7),
    ("(?&)(?<=~(a))b", "look-behind requires fixed-width pattern", 4),
]


@pytest.mark.parametrize(("pattern", "what", "position"), MISPLACED)
def test_operators_out_of_place_are_refused(pattern: str, what: str, position: int) -> None:
    """With the place, as everything else."""
    with pytest.raises(ConstraintError) as caught:
        parse_regex(pattern)
    assert what in caught.value.message
    assert caught.value.message.endswith(f" at position {position}")


def test_ascii_on_request_is_written_into_the_pattern() -> None:
    """So that the pattern alone still says what it means."""
    assert parse_regex(r"\d", ascii=True) == parse_regex(r"(?a)\d")
    assert parse_regex(r"\d", ascii=True).tree == Chars(((48, 57),))
    assert parse_regex(r"(?&)\d&5", ascii=True).pattern == r"(?&)(?a)\d&5"


def test_verbose_flag_is_scoped() -> None:
    """Spaces and comments vanish where x holds, and nowhere else."""
    assert parse_regex("(?x) a b # c (\n +").tree == parse_regex("ab+").tree
    assert parse_regex("(?x: a b)c d").tree == parse_regex("abc d").tree
    assert parse_regex("(?x)(?-x:a b) [ ]\\  c").tree == parse_regex("a b  c").tree


def test_span_is_on_the_error() -> None:
    """The user's source line is shown where the caller knows it."""
    span = Span("prog.py", 3, 5, 9)

    with pytest.raises(ConstraintError) as caught:
        parse_regex("(", span=span)
    assert caught.value.span == span


def test_nesting_without_end_is_refused() -> None:
    """Hundreds of nested groups are an error of the user's, not a crash of ours."""
    with pytest.raises(ConstraintError, match="nested too deeply"):
        parse_regex("(" * 5000 + ")" * 5000)


def test_bytes_pattern_is_refused() -> None:
    """A regex is text."""
    with pytest.raises(ConstraintError, match="not bytes"):
        parse_regex(b"a")  # type: ignore[arg-type]


def test_import_is_light() -> None:
    """Neither lark nor anything Unicode-sized is loaded before the first pattern."""
    code = "import sys, lmc.parser.regex.parse; print('lark' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert out.stdout.strip() == "False"
