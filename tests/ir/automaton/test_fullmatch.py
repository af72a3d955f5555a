"""Automata of regexes accept exactly what `re.fullmatch` accepts; what is not regular is refused with its place."""

from __future__ import annotations

import random
import re
import tomllib
import warnings
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmc.errors import ConstraintError
from lmc.ir.automaton.dfa import CharDfa
from lmc.ir.regex import Alt, And, Look, Not, RegexTree, Repeat, Seq, Whole
from lmc.parser.regex.parse import parse_regex
from tests.support.random_regex import ALPHABET, random_pattern, random_text
from tests.support.regex_oracle import matches

RUST = Path(__file__).parents[4] / "shared" / "data" / "rust_regex"


def dfa(pattern: str) -> CharDfa:
    return CharDfa(parse_regex(pattern).tree)


def in_python(pattern: str, text: str) -> bool | None:
    """What `re` says; None where it trips over itself (capture groups in atomic ones, in 3.11 and 3.12)."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return bool(re.fullmatch(pattern, text))
    except SystemError:
        return None


def differing(seeds: range, texts: int) -> list[tuple[str, str]]:
    """Random patterns and texts on which the automaton and `re` disagree."""
    found = []
    for seed in seeds:
        rng = random.Random(seed)
        pattern = random_pattern(rng, rng.randint(1, 4))
        automaton = dfa(pattern)
        for text in {random_text(rng) for _ in range(texts)}:
            if in_python(pattern, text) not in (automaton.accepts(text), None):
                found.append((pattern, text))
    return found


# --- whole suites --------------------------------------------------------------------------------------------


def test_cpythons_own_patterns() -> None:
    """Lib/test/re_tests.py: every pattern that compiles, against every text of the suite's."""
    suite = pytest.importorskip("test.re_tests").tests
    texts = sorted({row[1] for row in suite})
    accepted, refused, wrong = 0, [], []
    for pattern in dict.fromkeys(row[0] for row in suite):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                re.compile(pattern)
        except (re.error, ValueError):
            continue
        try:
            automaton = dfa(pattern)
        except ConstraintError as error:
            refused.append(error.message)
            continue
        accepted += 1
        wrong += [(pattern, t) for t in texts if in_python(pattern, t) != automaton.accepts(t)]

    assert wrong == []
    assert accepted >= 262
    assert all("back-reference" in message and " at position " in message for message in refused)


@pytest.mark.skipif(not RUST.is_dir(), reason="the data lies beside the repository")
def test_rust_regexes_own_patterns() -> None:
    """Where both languages read a pattern alike, Rust's verdict on the whole text; `re`'s on all that it reads."""
    right, dialect, wrong = 0, [], []
    for path in sorted(RUST.glob("*.toml")):
        for row in tomllib.loads(path.read_text(encoding="utf-8"))["test"]:
            pattern, text = row["regex"], row["haystack"]
            if not isinstance(pattern, str):
                continue
            pattern = ("(?i)" if row.get("case-insensitive") else "") + pattern
            try:
                automaton = dfa(pattern)
            except ConstraintError as error:
                assert " at position " in error.message or "nested" in error.message
                continue
            got = automaton.accepts(text)
            wrong += [] if got == in_python(pattern, text) else [(pattern, text)]
            whole = rust_verdict(row)
            right += whole == got
            dialect += [pattern] if whole not in (got, None) else []

    assert wrong == []
    assert right >= 85
    # Rust without Unicode, and POSIX classes, which Python reads as ordinary sets
    assert set(dialect) <= {r"\d", r"\s", r"\w", "(?i)s", "[[:word:]]", "^[[:alnum:]./-]+$"}


def rust_verdict(row: dict) -> bool | None:
    """Whether Rust's first match is the whole text; None where the row does not say what a full match would be."""
    options = ("unescape", "bounds", "line-terminator")
    if any(row.get(o) for o in options) or not (row.get("unicode", True) and row.get("utf8", True)):
        return None
    spans = [m if isinstance(m, list) else m.get("span") or m["spans"][0] for m in row["matches"]]
    spans = [span if isinstance(span[0], int) else span[0] for span in spans]
    whole = [0, len(row["haystack"].encode())] in spans
    return whole if whole or not spans else None


# --- random patterns -----------------------------------------------------------------------------------------


def test_random_patterns_match_like_python() -> None:
    """All constructs nested, looks and atomic groups too."""
    assert differing(range(600), texts=15) == []


@pytest.mark.slow
@pytest.mark.parametrize("part", range(20))
def test_a_million_random_texts_match_like_python(part: int) -> None:
    """3,000 patterns x 25 texts in each part, some texts twice."""
    assert differing(range(10_000 + 3000 * part, 13_000 + 3000 * part), texts=25) == []


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 1 << 32), text=st.text(alphabet=ALPHABET + "İſ\r日", max_size=8))
def test_found_patterns_match_like_python(seed: int, text: str) -> None:
    """Texts that hypothesis chooses, to shrink what fails."""
    pattern = random_pattern(random.Random(seed), 3)

    assert in_python(pattern, text) in (dfa(pattern).accepts(text), None)


@pytest.mark.parametrize("seed", range(60))
def test_operators_mean_what_the_oracle_means(seed: int) -> None:
    """`&` and `~` of random parts, nested in others, with looks inside."""
    rng = random.Random(seed)

    def part(depth: int) -> str:
        inner = random_pattern(rng, 2, atomic=False)
        if depth == 0:
            return f"(?:{inner})"
        left, right = part(depth - 1), part(depth - 1)
        return rng.choice((f"(?:{left}&{right})", f"~({left})", f"~({left}|{right})&{right}", f"{left}{right}?"))

    tree = parse_regex("(?&)" + part(2)).tree
    automaton = CharDfa(tree)
    texts = {random_text(rng, 5) for _ in range(12)}

    assert [t for t in texts if matches(tree, t)] == [t for t in texts if automaton.accepts(t)]


@pytest.mark.parametrize("seed", range(100))
def test_a_text_of_its_own_sees_nothing_around_it(seed: int) -> None:
    """`Whole` of random patterns with looks, within repeats, looks, `&` and `~` that have looks too."""
    rng = random.Random(seed)

    def part(depth: int) -> RegexTree:
        inner = parse_regex(random_pattern(rng, 2, atomic=False)).tree
        if depth == 0:
            return inner
        left, right = part(depth - 1), part(depth - 1)
        ways = (Seq((left, right)), Repeat(left, 0, 2), Alt((left, right)), And((Not(left), right)), Look(left))
        return Whole(left) if rng.random() < 0.5 else rng.choice(ways)

    tree = Seq((part(2), Whole(part(2)), part(1)))
    automaton = CharDfa(tree)
    texts = {random_text(rng, 5) for _ in range(20)}

    assert [t for t in texts if matches(tree, t)] == [t for t in texts if automaton.accepts(t)]


def test_complement_with_many_looks_is_refused() -> None:
    """Each way in which they can hold is a case of its own."""
    looks = "|".join(f"(?={c})." for c in "abcdefghijkl")

    with pytest.raises(ConstraintError, match="more than 10 looks"):
        CharDfa(Not(parse_regex(looks).tree)).accepts("ab")


# --- one by one ----------------------------------------------------------------------------------------------

EXACT = [
    (r"^(?!ab)[a-c]{2}$", ["aa", "ac"], ["ab", "abc"]),
    (r"(?:(?!END).)*END", ["END", "xEND", "ENEND"], ["ENDEND", "xENDx"]),
    (r"(?=.*\d)(?=.*[a-z]).{3,}", ["ab1", "1ab"], ["abc", "123", "a1"]),
    (r"\bfoo\b.*", ["foo", "foo bar", "foo-"], ["foobar", "foo_"]),
    (r".*(?<!\\)", ["", "ab", "a\\b"], ["ab\\"]),
    (r"(?<=a)b|ab(?<=ab)", ["ab"], ["b", "aab"]),
    (r"a*+a", [], ["a", "aa"]),
    (r"(?>a|ab)c", ["ac"], ["abc"]),
    (r"(?>ab|a)c", ["ac", "abc"], []),
    (r"(?:a|ab){2}+", ["aa"], ["aab", "abab", "aba"]),
    (r"(?m)a$\n^b", ["a\nb"], ["ab", "a\n"]),
    (r"a$\n?", ["a", "a\n"], ["a\n\n"]),
    (r"(?x) a b # c", ["ab"], ["a b"]),
    (r"x{,2}", ["", "xx"], ["xxx", "x{,2}"]),
    (r"(?i)straße", ["STRAßE", "ſtraẞe"], ["STRASSE"]),
    (r"\B|a", ["a"] + ([""] if re.fullmatch(r"\B", "") else []), ["b"]),
    (r"(?&)[a-z]+&~(.*foo.*)", ["bar", "fo"], ["foo", "xfoox", ""]),
    (r"(?&)~(a*)", ["b", "\n", "ab"], ["", "aaa"]),
]


@pytest.mark.parametrize(("pattern", "yes", "no"), EXACT)
def test_pattern_accepts_and_rejects(pattern: str, yes: list[str], no: list[str]) -> None:
    """Two lists; where Python reads the pattern it says the same."""
    automaton = dfa(pattern)

    assert [t for t in (*yes, *no) if automaton.accepts(t)] == yes
    if not pattern.startswith("(?&)"):
        assert [t for t in (*yes, *no) if in_python(pattern, t)] == yes


def test_a_lone_surrogate_is_no_text() -> None:
    """It has no UTF-8; complements leave it out too."""
    assert not dfa("(?s).").accepts("\ud800")
    assert not dfa("(?&)~(a)").accepts("\ud800")


def test_a_character_set_is_cased_as_in_python() -> None:
    """Every character with case, over sets that make trouble."""
    cased = [c for c in map(chr, range(0x20000)) if c.lower() != c or c.upper() != c]
    for pattern in ("(?i)[k-s]", "(?i)[^ß]", "(?i)İ", "(?ia)[^k]", r"(?i)[\W]", "(?i)[Ā-ſ]", "(?i)ς"):
        automaton = dfa(pattern)
        assert [c for c in cased if automaton.accepts(c)] == [c for c in cased if re.fullmatch(pattern, c)]


def test_categories_hold_nothing_above_the_planes_that_are_scanned() -> None:
    """What the tables leave out is in no category, in this Python's Unicode."""
    high = "".join(map(chr, range(0x40000, 0x110000)))

    assert [re.search(pattern, high) for pattern in (r"\d", r"\w", r"\s")] == [None] * 3
    assert high.lower() == high == high.upper()


# --- many states ---------------------------------------------------------------------------------------------

LARGE = [
    (".{0,5000}", "x" * 4000, True),
    ("[ab]{0,5000}c", "ab" * 1000 + "c", True),
    (".*a.{0,5000}", "xa" * 1000, True),
    ("(?:[a-z]{1,10} ?){0,500}", "abc def " * 50, True),
    ("(?:a{0,5000}b?){0,5000}c", "aab" * 300 + "c", True),
    ("(?:.{0,100}a){0,100}", "aab" * 50, False),
    ("(a|b)*a(a|b){12}", "ab" * 300 + "a" + "b" * 12, True),
]


@pytest.mark.parametrize(("pattern", "text", "expected"), LARGE)
def test_counting_makes_few_states(pattern: str, text: str, expected: bool) -> None:
    """About one for each character read, whatever the bounds are."""
    automaton = dfa(pattern)

    assert automaton.accepts(text) == expected
    assert len(automaton) <= 4 * len(text) + 1000


def test_too_many_states_are_an_error_of_the_pattern() -> None:
    """Typed, and only when they are asked for."""
    automaton = CharDfa(parse_regex("(a|b)*a(a|b){40}").tree, max_states=100)

    with pytest.raises(ConstraintError, match="more than 100 states") as caught:
        automaton.accepts("abbabaabbbab" * 30)
    assert caught.value.code == "LMC-CN004"


def test_states_are_numbered_alike_in_every_run() -> None:
    """Names of states can be kept on disk."""
    pattern = r"(?:a|b|c+)*(?!x)(?:foo|bar){0,9}"
    first, second = dfa(pattern), dfa(pattern)

    assert [first.run(t) for t in ("abc", "ccfoo", "bar")] == [second.run(t) for t in ("abc", "ccfoo", "bar")]


def test_several_trees_share_an_alphabet() -> None:
    """And each has its start."""
    automaton = CharDfa(parse_regex("a+").tree, And((parse_regex("a").tree, parse_regex("b").tree)))

    assert automaton.starts[0] and not automaton.starts[1]
