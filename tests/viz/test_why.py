"""Where two prompts part and why: the reason, both lines, and how much both begin with."""

from __future__ import annotations

import datetime
import inspect
import json
import random
from typing import Any

import pytest

import lmc
from lmc.backend.default_model import folder_of
from lmc.cli.compile import compiled
from lmc.errors import ArgumentError
from lmc.passes.divergence import Divergence, Divergences
from lmc.tokenizer import load_tokenizer
from lmc.viz import PLAIN
from lmc.viz.view import View
from lmc.viz.why import call_named, render, render_json

RULES = "You are a careful assistant. You answer in one sentence and say so where you do not know.\n"
TOOLS = {"search", "mail", "python"}


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return load_tokenizer(folder_of("lmc-tiny"))


def parted(program: Any, a: str, b: str = "", tokenizer: Any = None) -> Divergence:
    """Where two calls part, or two runs of one."""
    done = lmc.compile(program, tokenizer=tokenizer)
    view = View(done.planned)
    calls = [call_named(view, name).node for name in (a, b or a)]
    return Divergences(view.plan.graph, done.planned.inputs, view.prompts).of(*calls)


def line_of(program: Any, text: str) -> int:
    """The line of this file in which a program says a text."""
    lines, first = inspect.getsourcelines(program)
    return next(i for i, line in enumerate(lines, first) if text in line)


@lmc.function
def clock(s, question: str):
    s += f"It is {datetime.datetime.now():%H:%M}. " + RULES
    s += f"Q: {question}\nA: " + lmc.gen("a")


@lmc.function
def date_of(s, day: str):
    s += f"On {datetime.datetime.strptime(day, '%Y')}. "
    s += RULES + lmc.gen("a")


@lmc.function
def dice(s):
    s += f"Throw {random.random()}. "
    s += RULES + lmc.gen("a")


@lmc.function
def a_set(s, task: str):
    s += RULES
    s += "Tools: " + ", ".join(TOOLS) + "\n"
    s += f"Task: {task}\n" + lmc.gen("a")


@lmc.function
def a_sorted_set(s, task: str):
    s += RULES
    s += "Tools: " + ", ".join(sorted(TOOLS)) + "\n"
    s += f"Task: {task}\n" + lmc.gen("a")


@lmc.function
def argument_first(s, name: str):
    s += f"The name is {name}. "
    s += RULES + lmc.gen("a")


@pytest.mark.parametrize(
    "program, reason, at, behind",
    [
        (clock, "nondeterministic-text", "datetime.datetime.now():", len(". " + RULES + "Q: ")),
        (dice, "nondeterministic-text", "random.random()", len(". " + RULES)),
        (a_set, "order", ".join(TOOLS)", len("\nTask: ")),
        (a_sorted_set, "hole", "sorted(TOOLS)", len("\nTask: ")),
        (date_of, "hole", "strptime", len(". " + RULES)),
        (argument_first, "hole", "{name}", len(". " + RULES)),
    ],
)
def test_two_runs_part_at_the_first_hole(program: Any, reason: str, at: str, behind: int) -> None:
    """With the line that has it, though appends in a row were made one, and how much is said again behind it."""
    found = parted(program, "a")
    assert found.is_two_runs and found.reason == reason
    assert found.a.span is not None and found.a.span.line == line_of(program, at)
    assert found.behind == behind


def test_the_longest_text_behind_holes_is_counted_up_to_the_end_of_their_turn() -> None:
    """A little text between two holes does not hide the rules behind the second; another turn's is not for this one."""

    @lmc.function
    def two_holes(s, name: str):
        s += f"At {datetime.datetime.now()} we threw {random.random()}: " + RULES
        s += f"{name}? " + lmc.gen("a")

    @lmc.function
    def two_turns(s, topic: str, essay: str):
        s += lmc.user(f"Topic: {topic} Essay: {essay}")
        s += lmc.user(RULES) + lmc.assistant(lmc.gen("a"))

    assert parted(two_holes, "a").behind == len(": " + RULES)
    assert parted(two_turns, "a").behind == len(" Essay: ")


def test_a_given_argument_is_the_same_in_both_runs() -> None:
    """Then nothing differs, or what comes next does."""
    planned = compiled(argument_first, {"name": "Ann"}, 2, None).planned
    assert "the prompts are the same" in render(planned, "a", "a", PLAIN)
    planned = compiled(clock, {"question": "why?"}, 2, None).planned
    assert "again" in render(planned, "a", "a", PLAIN)


@lmc.function
def pairs(s, doc: str):
    text, spaced, shuffled, turned, shorter = s.fork(5)
    text += RULES
    text += "For beginners: "
    text += lmc.gen("text")
    spaced += RULES
    spaced += " For experts: "
    spaced += lmc.gen("spaced")
    shuffled += RULES
    shuffled += "beginners For: "
    shuffled += lmc.gen("shuffled")
    turned += RULES
    turned += lmc.user("Hello")
    turned += lmc.assistant(lmc.gen("turned"))
    shorter += RULES + lmc.gen("shorter")
    return [
        f[n]
        for f, n in zip((text, spaced, shuffled, turned, shorter), ["text", "spaced", "shuffled", "turned", "shorter"])
    ]


@pytest.mark.parametrize(
    "a, b, reason, lines",
    [
        ("text", "spaced", "whitespace", ("For beginners", "For experts")),
        ("text", "shuffled", "order", ("For beginners", "beginners For")),
        ("text", "turned", "template", ("For beginners", '"Hello"')),
        ("text", "shorter", None, ("For beginners", 'gen("shorter")')),
    ],
)
def test_two_calls_part_where_the_program_says_other_things(
    a: str, b: str, reason: str | None, lines: tuple[str, str]
) -> None:
    """Both lines are named."""
    found = parted(pairs, a, b)
    assert found.reason == reason
    assert found.size == found.shared == len(RULES)
    spans = [side.span.line for side in (found.a, found.b) if side.span]
    assert spans == [line_of(pairs, text) for text in lines]


@lmc.function
def arms(s, kind: str):
    s += RULES + lmc.gen("first")
    if s["first"] == "a":
        s += " Short: " + lmc.gen("short")
    else:
        s += " Long: " + lmc.gen("long")


@lmc.function
def said_again(s):
    s += RULES + "Name: " + lmc.gen("name")
    s += ". In short: " + lmc.gen("kept")
    t = s.fork(1)[0]
    t += "!"
    return s["kept"]


@lmc.function
def rebuilt(s):
    f, g = s.fork(2)
    f += RULES + "Name: " + lmc.gen("name")
    f += ". In short: " + lmc.gen("kept")
    g += RULES + "Name: " + f["name"] + ". In short: " + lmc.gen("again")
    return f["kept"], g["again"]


def test_arms_of_a_branch_and_text_that_was_generated() -> None:
    """Different arms are a reason of their own; what was generated has other tokens than the same text given."""
    assert parted(arms, "short", "long").reason == "branch"
    assert parted(rebuilt, "kept", "again").reason == "retokenise"
    assert parted(said_again, "name", "kept").reason is None


@lmc.function
def trailing(s):
    f, g = s.fork(2)
    f += RULES + "The answer is "
    f += lmc.gen("asked")
    g += RULES + "The answer is forty"
    g += lmc.gen("told")
    return f["asked"], g["told"]


def test_tokens_may_part_before_texts_do(tokenizer: Any) -> None:
    """A space at the end is a token of its own; a word takes it along. Counted as the tokenizer does."""
    found = parted(trailing, "asked", "told", tokenizer=tokenizer)
    whole = [tokenizer.encode(RULES + "The answer is" + end) for end in (" ", " forty")]
    same = next(i for i, (x, y) in enumerate(zip(*whole)) if x != y)
    assert found.reason == "whitespace"
    assert found.size - found.shared == len(whole[0]) - same > 0


def test_what_is_printed() -> None:
    """By name or number; in JSON the same."""
    planned = lmc.compile(pairs).planned
    text = render(planned, "text", "#1", PLAIN)
    assert lmc.compile(pairs).why("text", "#1") == text
    assert text.startswith("#0 gen text and #1 gen spaced\n")
    assert "why: whitespace: they differ in spaces or line ends only" in text
    assert text.count(__file__) == 2 and max(map(len, text.splitlines())) < 140
    told = json.loads(render_json(planned, "text", "spaced"))
    assert (told["reason"], told["size"], told["calls"]) == ("whitespace", len(RULES), [0, 1])
    with pytest.raises(ArgumentError, match="no call of pairs is `txet`") as caught:
        render(planned, "txet", "1", PLAIN)
    assert "`text`" in (caught.value.help or "")


def test_a_conversation_is_looked_at_once() -> None:
    """The lint asks of the first hole of each prompt, and says one thing of sixty calls."""

    @lmc.function
    def talk(s):
        s += f"It is {datetime.datetime.now()}. " + RULES
        for i in range(60):
            s += f"Question {i}: " + lmc.gen("a")

    notes = [note for report in lmc.compile(talk).reports for note in report.notes if note.code == "LMC-PS001"]
    assert len(notes) == 1


def test_two_rows_part_at_the_argument_in_which_they_differ(tokenizer: Any) -> None:
    """An argument that both have alike is shared like any other text; what follows the other comes again."""

    @lmc.function
    def asked(s, document: str, question: str):
        s += RULES + document
        s += f"\nQ: {question}\nAnswer in one word, please:" + lmc.gen("a")

    rows = ({"document": "A tower.", "question": "How high?"}, {"document": "A tower.", "question": "Who built it?"})
    done = lmc.compile(asked)
    told = json.loads(render_json(done.planned, "a", "a", rows=(done.by_path(rows[0]), done.by_path(rows[1]))))
    assert (told["reason"], told["two_rows"]) == ("hole", True)
    assert told["size"] == len(RULES + "A tower." + "\nQ: ")
    assert told["behind"] == len("\nAnswer in one word, please:")
    assert told["goes_on"][0]["place"]["line"] == line_of(asked, "Q: {question}")
    text = lmc.compile(asked, tokenizer=tokenizer).why("a", rows=rows)
    assert text.startswith("two rows of #0 gen a\n") and '"How high?' in text and '"Who built it?' in text
    with pytest.raises(ArgumentError, match="another shape"):
        lmc.compile(listed, notes=["a", "b"]).why("a", rows=({"notes": ["a"]}, {"notes": ["b"]}))


@lmc.function
def listed(s, notes: list[str]):
    for note in notes:
        s += note
    s += lmc.gen("a")


def test_two_rows_that_differ_in_spaces_say_so() -> None:
    """Their reason is what differs in the argument."""
    done = lmc.compile(date_of)
    rows = ({"day": "2024"}, {"day": "2024"})
    assert "why: hole" in done.why("a", rows=rows)

    @lmc.function
    def said(s, text: str):
        s += RULES + text + lmc.gen("a")

    assert "why: whitespace" in lmc.compile(said).why("a", rows=({"text": "a b"}, {"text": "a  b"}))
