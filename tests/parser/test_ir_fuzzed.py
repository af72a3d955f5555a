"""Texts of graphs and plans, damaged in any way: what is wrong with one is said with its place, and nothing hangs."""

from __future__ import annotations

import re
from random import Random

import pytest

from lmc.errors import ParseError, VerifyError
from lmc.ir.verify import verify, verify_plan
from lmc.parser.irtext.parse import parse_graph, parse_plan

GRAPH = """program p(%topic: str, %n: int = dims[0]) {
  extern @search = "p.py:3 search" ordered raises any
  %s = begin
  %s1 = append %s, "Topic: ", %topic, "\\n"
  %l: data = tuple 12, -3.5e-7, [1, [2.0, none]], b"\\x00", 0xff
  %s2, %a = gen %s1 {max_tokens=16, stop=["x", "y"], constraint=regex("[a-z]+")}
  %t1, %b = gen %s1, temperature=0.5 {name="b"}
  %r: any = call @search, %a, key=%n
  %c = truth %r
  %u = if %c {
    %s3, %d = gen %s2
    yield %s3
  } else {
    yield %s2
  }
  return %u, none
}
"""
PLAN = (
    """plan p {
  #0 gen %a node 3 wave 0 prompt "Topic: " %topic "\\n" prefix p0 hints gang g0, pin p0 for 60.0
  #1 gen %b node 4 wave 0 prompt #0:2 "\\n" prefix p0 hints gang g0 all, priority 2
  #2 call %r node 5 wave 1 after #0 #1
  #3 if %u node 7 wave 1 after #2
  #4 gen %d node 8 inside #3 wave 0 prompt #0 "more"
  p0 calls 2 tokens 7 steps #0 #1 adds "Topic: " %topic
  p1 under p0 calls 2 steps #0 adds "\\n"
}
"""
    + GRAPH
)
NUMBERS = re.compile(r"(?<![\w.\"])-?(?:0x[0-9a-f]+|\d+)")
PIECES = ["#0", "#99", "p0", "p9", "g1", "%a", "@search", "9" * 5_000, "0x" + "f" * 5_000, "-1", '"', "[", "]", "{"]
PIECES += ["}", "if", "loop", "for", "do()", "at", ":", ",", "=", "\n", "  ", "none", "1e999", "prompt", "steps", "é"]
PIECES += ["\x00", "//"]


def checked(text: str, is_plan: bool) -> None:
    """Reads a text; only errors with a place, or about a step or node, may come out."""
    try:
        if is_plan:
            plan = parse_plan(text)
            verify_plan(plan)
            assert parse_plan(str(plan)) == plan
        else:
            graph = parse_graph(text)
            verify(graph)
            assert parse_graph(str(graph)) == graph
    except ParseError as error:
        assert error.span is not None and error.span.line >= 1, text
    except VerifyError as error:
        assert str(error)


def damaged(text: str, rng: Random) -> str:
    """A text with one to four places changed: cut, doubled, swapped, or something else put there."""
    for _ in range(rng.randint(1, 4)):
        start, length = rng.randrange(len(text) + 1), rng.choice((0, 1, 1, 3, 10, 60))
        part = text[start : start + length]
        new = rng.choice(("", part * 2, part[::-1], rng.choice(PIECES), chr(rng.randrange(0x110000))))
        text = text[:start] + new + text[start + length :]
    return text


@pytest.mark.parametrize("is_plan", [False, True], ids=["graph", "plan"])
@pytest.mark.parametrize("seed", range(8))
def test_damaged_texts_are_refused_with_a_place(is_plan: bool, seed: int) -> None:
    """A hundred texts a seed."""
    rng = Random(seed)
    for _ in range(100):
        checked(damaged(PLAN if is_plan else GRAPH, rng), is_plan)


@pytest.mark.parametrize("digits", ["9" * 5_000, "-" + "9" * 5_000, "0x" + "f" * 5_000, "9" * 19])
@pytest.mark.parametrize("is_plan", [False, True], ids=["graph", "plan"])
def test_a_huge_number_is_refused_wherever_one_can_stand(is_plan: bool, digits: str) -> None:
    """Steps, nodes, waves, counts, tokens, lines, indices and literals; one after another."""
    text = (PLAN if is_plan else GRAPH).replace("%s = begin", '%s = begin at "p.py":1:2-3')
    places = list(NUMBERS.finditer(text)) + list(re.finditer(r"(?<=[#pg])\d+\b", text))
    assert len(places) > 10
    for place in places:
        checked(text[: place.start()] + digits + text[place.end() :], is_plan)


def test_the_texts_are_whole_before_they_are_damaged() -> None:
    """Otherwise nothing was tried."""
    verify(parse_graph(GRAPH))
    verify_plan(parse_plan(PLAN))


@pytest.mark.parametrize(
    "prompt, message",
    [
        ('#9 "x"', "the prompt goes on from `#9`, which is not an earlier step"),
        ('#1 "x"', "the prompt goes on from `#1`, which is not an earlier step"),
        ('#0:4 "x"', "the prompt of step `#0` has 3 pieces, not 4"),
        ('#0:-1 "x"', "the prompt of step `#0` has 3 pieces, not -1"),
    ],
)
def test_a_prompt_goes_on_from_an_earlier_step(prompt: str, message: str) -> None:
    """And from no more of it than there is."""
    with pytest.raises(ParseError, match=re.escape(message)):
        parse_plan(PLAN.replace('#0:2 "\\n"', prompt))
