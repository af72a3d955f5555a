"""The lints one by one: what they say, what they keep quiet about, and what they refuse."""

from __future__ import annotations

import linecache
from textwrap import dedent, indent
from typing import Any

import pytest

import lmc
from lmc.errors import ConstraintError
from lmc.ir.constraint import Choices
from lmc.parser.irtext.parse import parse_graph
from lmc.parser.regex.parse import parse_regex
from lmc.passes import Inputs, parse_pipeline, run_pipeline
from lmc.passes.lint import PASS
from lmc.passes.lint.fewest import fewest_tokens
from lmc.passes.lint.first_token import rivals
from lmc.passes.lint.prefix import prefix_pairs
from lmc.passes.lint.unread import unread
from lmc.passes.lint.whitespace import free_places
from lmc.program import Program
from tests.passes.case import decode_words, encode_bytes, encode_words


def codes(call: str, before: str = "", inputs: Inputs = Inputs()) -> list[str | None]:  # noqa: B008
    """The codes of a program of one call behind some text."""
    text = f"program p() {{\n  %s = begin\n  %a = append %s, {before}\n  %c, %x = {call}\n  return %c, %x\n}}\n"
    graph, report = PASS.run(parse_graph(text.replace("append %s, \n", 'append %s, "Q"\n')), inputs)
    assert str(graph) == str(parse_graph(str(graph))), "nothing is changed"
    return [note.code for note in report.notes]


WORDS = Inputs(encode=encode_words, decode=decode_words)

# --- refusals --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pattern", ["(?!)", "a(?!)b|[^\\s\\S]", "(?&)[a-c]+&[d-f]+", "a\\bb", "x(?=y)z"])
def test_an_empty_regex_is_refused_where_it_stands(pattern):
    """At compile time, with the line of the call."""

    @lmc.function
    def empty(s):
        s += lmc.gen("x", regex=pattern)

    with pytest.raises(ConstraintError, match="no text satisfies the regex") as caught:
        lmc.compile(empty)

    assert caught.value.code == "LMC-CN001"
    assert caught.value.span is not None and "lmc.gen" in caught.value.span.text()


@pytest.mark.parametrize("level", [0, 1, 2])
def test_every_level_refuses_it(level):
    """Also a schema that nothing fits, and also where no pass but the needed ones runs."""

    @lmc.function
    def empty(s):
        s += lmc.gen("x", json_schema="false")

    with pytest.raises(ConstraintError, match="no text satisfies the JSON schema"):
        empty.compile(opt_level=level)


@pytest.mark.parametrize("pattern", ["", "(?!a)b", "(?:(?!</end>)[\\s\\S])*</end>", "(?&)~(a*)", "a?"])
def test_what_has_a_text_is_not_refused(pattern):
    """The empty text is one."""
    assert "LMC-CN001" not in codes(f"gen %a {{constraint=regex({_quote(pattern)}), max_tokens=9}}")


def _quote(pattern: str) -> str:
    return '"' + pattern.replace("\\", "\\\\").replace('"', '\\"') + '"'


# --- choices ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options, pairs",
    [
        (("A", "B"), []),
        (("A", "A+"), [("A", "A+")]),
        (("ab", "a", "abc", "b"), [("a", "ab"), ("ab", "abc")]),
        (("a b", "a", "a c", "aa"), [("a", "a b"), ("a", "a c"), ("a", "aa")]),
        (("x.", "xy."), []),
    ],
)
def test_prefixes_are_found(options, pairs):
    """Each choice with the longest one that it begins with."""
    assert sorted(prefix_pairs(options)) == pairs
    assert {long for _, long in pairs} == {b for b in options if any(b != a and b.startswith(a) for a in options)}


def test_choices_compete_by_the_token_that_begins_both():
    """` in` of ` in-house` begins ` inside` as well, whose first token is another one."""
    assert list(rivals((" in-house", " inside", " out"), encode_words, decode_words)) == [
        (" in", " in-house", " inside")
    ]
    assert list(rivals((" in time", " in house"), encode_words, decode_words)) == [], "the same first token"


def test_a_select_that_scores_whole_choices_has_no_such_rivals():
    """Only where one token decides."""
    call = 'select %a {{choices=[" in-house", " inside"], method="{}"}}'

    assert codes(call.format("greedy_token_selection"), inputs=WORDS) == ["LMC-CN012"]
    assert codes(call.format("token_length_normalized"), inputs=WORDS) == []
    assert codes('gen %a {constraint=regex(" (in-house|inside)"), max_tokens=9}', inputs=WORDS) == ["LMC-CN012"]


def test_the_exact_method_tells_a_choice_from_the_one_it_begins():
    """A text counts for the longest choice that it begins with."""
    call = 'select %a {{choices=["A", "A+"], method="{}"}}'

    assert codes(call.format("exact")) == []
    assert codes(call.format("token_length_normalized")) == ["LMC-CN011"]


# --- boundaries ------------------------------------------------------------------------------------------

SELECT = 'select %a {choices=["yes", "no"], method="token_length_normalized"}'


@pytest.mark.parametrize(
    "before, call, is_told",
    [
        ('"It is "', SELECT, True),
        ('"It is "', SELECT.replace("token_length_normalized", "exact"), False),
        ('"It is "', SELECT.replace('no"]', 'no"], boundary="exact"'), False),
        ('"It is:"', SELECT, False),
        ('"It is", " "', SELECT, True),
        ('"It is "', "gen %a {max_tokens=4}", True),
        ('"It is\\n"', "gen %a {max_tokens=4}", False),
        ('"It is"', "gen %a {max_tokens=4}", False),
        ('"It is "', 'gen %a {constraint=regex("[a-z]{3}"), max_tokens=4}', True),
        ('"It is "', 'gen %a {constraint=regex("[!?]"), max_tokens=4}', False),
        ('"pre"', 'gen %a {constraint=regex("fix"), max_tokens=4}', True),
    ],
)
def test_a_prompt_that_ends_in_half_a_token_is_told(before, call, is_told):
    """Whatever follows it: choices, a regex, or anything. The words of a tokenizer begin with their space."""
    assert ("LMC-CN013" in codes(call, before, WORDS)) == is_told
    assert codes(call, before) == [], "nobody knows without a tokenizer"
    assert codes(call, before, Inputs(encode=encode_bytes)) == [], "a tokenizer of bytes never moves one"


# --- merges ----------------------------------------------------------------------------------------------


def merge_notes(appended: str, inputs: Inputs) -> list[tuple[str, int]]:
    """(text, line) of the notes on merges in a program that appends something and makes two calls."""
    text = f"program p(%x: str, %i: int) {{\n  %n = format %i\n  %s = begin\n  %a = append %s, {appended}\n"
    text += "  %p, %q = fork %a {n=1}\n"
    calls = "  %c, %y = gen %p {max_tokens=1}\n  %d, %z = gen %q {max_tokens=1}\n  return %c, %z\n}\n"
    notes = PASS.run(parse_graph(text + calls), inputs)[1].notes
    return [(note.text, note.span.line) for note in notes if note.code == "LMC-TK001" and note.span]


@pytest.mark.parametrize(
    "appended, kept",
    [
        ('"The word is un", %x', (3, 4)),
        ('"un", %x, " or un", %x', (0, 1)),
        ('"The word", " is un", %x', (3, 4)),
        ('"The word is ", %x', None),
        ('"The word is: ", %x', None),
        ('"The word is\\n", %x', None),
        ('"The word is (", %x', None),
        ('%x, "The word is un"', None),
        ('"The word is un", "known"', None),
        ('"The room is 1", %n', (3, 4)),
        ('"The room is (", %n', None),
    ],
)
def test_a_text_that_makes_one_token_with_a_value_is_told(appended, kept):
    """Once, where it is appended, with what is shared and what could be; only where a tokenizer is known."""
    found = merge_notes(appended, WORDS)

    assert merge_notes(appended, Inputs()) == merge_notes(appended, Inputs(encode=encode_bytes)) == []
    if kept is None:
        assert found == []
    else:
        ((text, line),) = found
        assert line == 4
        assert f"share {kept[0]} of its {kept[1]} tokens" in text and "1 more is then computed once" in text


# --- limits ----------------------------------------------------------------------------------------------


VOCABULARY = (b"", b"a", b"b", b"ab", b"aba", b"0", b"00", b"0000", b"xxxxxxxxxxxxxxxx", b"\xff")


@pytest.mark.parametrize(
    "constraint, fewest",
    [
        (Choices(("ababab", "aba0000")), 2),
        (Choices(("ababab",)), 3),
        (parse_regex("[0-9]{11}"), 4),
        (parse_regex("(ab)*0{9}"), 3),
        (parse_regex("(ab|b){3}"), 3),
        (parse_regex("a*"), 0),
    ],
)
def test_fewest_tokens_are_what_the_vocabulary_can_do(constraint, fewest):
    """Found by search, and not more where a search would take too long."""
    assert fewest_tokens(constraint, 9, lambda: VOCABULARY) == fewest
    assert fewest_tokens(constraint, fewest, lambda: VOCABULARY) == fewest
    assert fewest_tokens(constraint, 9, None) <= fewest


def test_a_search_that_takes_too_long_is_given_up(monkeypatch):
    """The longest token that can be there bounds it from below: of `0000`, three are needed for ten characters."""
    monkeypatch.setattr("lmc.passes.lint.fewest.BUDGET", 5)

    assert fewest_tokens(parse_regex("[0-9]{10}"), 9, lambda: VOCABULARY) == 3


@pytest.mark.parametrize("limit", range(4))
def test_more_than_the_limit_is_one_more(limit):
    """Nobody asks how many more."""
    assert fewest_tokens(parse_regex("[0-9]{20}"), limit, lambda: VOCABULARY) == limit + 1


def test_a_limit_that_suffices_is_not_told():
    """Where a text of the fewest tokens fits, and where the limit comes when the program runs."""
    spelt = Inputs(encode=encode_bytes, spellings=lambda: [bytes((i,)) for i in range(256)])
    call = 'gen %a {{constraint=regex("[0-9]{{4}}-[0-9]{{2}}"), max_tokens={}}}'

    assert codes(call.format(6), inputs=spelt) == ["LMC-CN014"]
    assert codes(call.format(7), inputs=spelt) == []
    assert codes(call.format(6)) == [], "a token may have several characters"


@pytest.mark.parametrize(
    "pattern, places",
    [
        (r"a\s*b", 1),
        (r"\{\s*\"a\"\s*:\s*1\s*\}", 4),
        (r"a b", 0),
        (r"[a-z]\s*1", 0),
        (r"a\s{2}b", 0),
        (r"a.*b", 0),
    ],
)
def test_free_whitespace_between_fixed_texts_is_counted(pattern, places):
    """Elsewhere nothing was forced that could be lost."""
    assert free_places(parse_regex(pattern)) == places


def test_an_argument_that_turns_share_is_not_said_too_late():
    """The marker of a later turn is made from the prompt before it; that says nothing anew."""

    @lmc.function
    def judge(s, essay: str):
        s += lmc.user(f"An essay: {essay}")
        forks = s.fork(2)
        for f, name in zip(forks, ("clarity", "evidence"), strict=True):
            f += lmc.user(f"Grade its {name}.")
            f += lmc.assistant(lmc.gen("why", max_tokens=8))

    @lmc.function
    def late(s, essay: str):
        forks = s.fork(2)
        for f, name in zip(forks, ("clarity", "evidence"), strict=True):
            f += lmc.user(f"Grade the {name} of {essay}.")
            f += lmc.assistant(lmc.gen("why", max_tokens=8))

    told = [[note.code for note in PASS.run(lmc.compile(each).graph, Inputs())[1].notes] for each in (judge, late)]

    assert told == [[], ["LMC-PS004"]]


def test_a_thousand_calls_cost_little():
    """Each constraint is looked at once."""
    attrs = 'constraint=regex("(?:(?!END)[a-z ]){1,40}END"), max_tokens=60'
    lines = [f"  %s{i + 1}, %x{i} = gen %s{i} {{{attrs}}}" for i in range(1000)]
    graph = parse_graph("program p() {\n  %s0 = begin\n" + "\n".join(lines) + "\n  return %s1000, none\n}\n")
    report, _ = run_pipeline(graph, parse_pipeline("lint")).reports

    assert report.notes == ()
    assert report.seconds < 1.0


# --- conditions that never change, and calls that nothing reads -------------------------------------------


def notes_on(source: str, code: str) -> list[str]:
    """What is said under a code of a program with this body; its file is never written."""
    program = program_of(source)
    done = program.compile()
    return [note.text for report in done.reports for note in report.notes if note.code == code]


def program_of(body: str) -> Program:
    """A program whose body is given as text."""
    text = f"def p(s):\n{indent(dedent(body), '    ')}"
    name = f"<program {len(linecache.cache)}>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    scope: dict[str, Any] = {"lmc": lmc}
    exec(compile(text, name, "exec"), scope)
    return Program(scope["p"])


CHOSEN = 's += "Q" + lmc.select("x", ["yes", "no"])\n'
CUT = 's += "Q" + lmc.gen("x", regex=" yes| no", max_tokens=2)\n'
SAID = '\n    s += "said"\n'


@pytest.mark.parametrize(
    "body, told",
    [
        (CHOSEN + 'if s["x"] == "Yes":' + SAID, "never true"),
        (CHOSEN + 'if "maybe" == s["x"]:' + SAID, "never true"),
        (CHOSEN + 'if s["x"] != "Yes":' + SAID, "always true"),
        (CHOSEN + 'if not s["x"] in ("Yes", "No"):' + SAID, "never true"),
        (CHOSEN + 'if s["x"] in ("yes", "no", "?"):' + SAID, "always true"),
        (CHOSEN + 'while s["x"] == "again":' + SAID + "    " + CHOSEN, "never true"),
        (CHOSEN + 'if s["x"] == "yes":\n    ' + CHOSEN + 'if s["x"] == "maybe":' + SAID, "never true"),
        (CUT + 'if s["x"] == "yes":' + SAID, "never true"),
    ],
)
def test_a_condition_that_is_the_same_in_every_run_is_told(body: str, told: str):
    (text,) = notes_on(body, "LMC-PR004")

    assert f"this condition is {told}" in text


@pytest.mark.parametrize(
    "body",
    [
        CHOSEN + 'if s["x"] == "yes":' + SAID,
        CHOSEN + 'if s["x"] in ("yes", "maybe"):' + SAID,
        CHOSEN + 'if s["x"] in "yesterday":' + SAID,  # a part of a text
        CHOSEN + 'if s["x"].upper() == "YES":' + SAID,
        CHOSEN + 'if s["x"] not in ("yes", "no"):\n    raise ValueError(s["x"])\n',  # care
        CHOSEN + 's.set_var("x", "maybe")\nif s["x"] == "maybe":' + SAID,
        CHOSEN + 'if s["x"] == "yes":\n    s += lmc.select("x", ["on", "off"])\nif s["x"] == "on":' + SAID,
        CHOSEN + 'if s["x"] == "yes":\n    s += lmc.gen("x")\nif s["x"] == "on":' + SAID,
        CUT + 'if s["x"] == " y":' + SAID,  # cut off
        CUT + 'if s["x"] in (" yes", " no"):' + SAID,
        's += lmc.gen("x", max_tokens=2)\nif s["x"] == "yes":' + SAID,
    ],
)
def test_a_condition_that_may_change_is_not(body: str):
    assert notes_on(body, "LMC-PR004") == []


@pytest.mark.parametrize("mode", ["eager", "compiled"])
def test_the_side_that_never_runs_does_not_run(mode: str):
    """Whatever is chosen."""
    program = program_of(CHOSEN + 'if s["x"] == "Yes":' + SAID)

    assert all("said" not in lmc.run(program, backend="echo", mode=mode, seed=seed).text() for seed in range(8))


UNREAD = """
    s += "Q: what?"
    a, b = s.fork(2)
    a += "A:" + lmc.gen("a", max_tokens=4)
    b += "Bee:" + lmc.gen("b", max_tokens=3)
    s += a["a"]
"""


def test_a_call_that_nothing_reads_is_told_with_what_it_takes():
    """As many tokens as it adds to a run that makes it."""
    program = program_of(UNREAD)
    (note,) = unread(program.compile(opt_level=0).planned)
    made, left = (lmc.run(program, backend="echo", opt_level=level).usage for level in (0, 2))

    assert note.code == "LMC-PR003"
    assert f"it takes 1 to {made.output_tokens - left.output_tokens} generated tokens" in note.text
    assert made.prompt_tokens > left.prompt_tokens


def test_nothing_is_said_where_all_calls_are_read():
    program = program_of(UNREAD.replace('s += a["a"]', 's += a["a"] + b["b"]'))

    assert [*unread(program.compile(opt_level=0).planned)] == []
