"""Automata as pictures: the same language as drawn, nothing on top of something else, and every format well formed."""

from __future__ import annotations

import random
import re
import xml.etree.ElementTree as xml
from itertools import combinations

import pytest

import lmc
from lmc.errors import ArgumentError
from lmc.ir.automaton.compress import CompressedDfa, compress
from lmc.ir.automaton.dfa import CharDfa
from lmc.parser.regex.parse import parse_regex
from lmc.viz import PLAIN, Terminal, emit_fsm, fsm_ascii, fsm_dot, fsm_svg
from lmc.viz.fsm import Fsm, _edges, fsm_of
from lmc.viz.fsm_label import edge_label, set_label
from lmc.viz.fsm_runs import FsmEdge, joined_runs
from lmc.viz.layered import picture
from tests.support.random_regex import random_pattern, random_text

VERDICT = r'\{"summary": "[a-z ,]{10,60}\.", "grade": "[A-D][+-]?"\}'
PATTERNS = (
    VERDICT,
    r"[0-9]{3}-[0-9]{4}",
    r'"([^"\\\n]|\\["\\nrt])*"',
    r"red|green|blue|black|white|grey|yellow",
    r".*",
    r"abc",
    r"(?:(?!</end>)[a-z</> ])*</end>",
    r"((25[0-5]|2[0-4][0-9]|1?[0-9]{1,2})\.){3}(25[0-5]|2[0-4][0-9]|1?[0-9]{1,2})",
    r"(a|b)*a(a|b){7}",
    r"([a-c],){2,9}[a-c]",
    r"日本[語文]{2,8}<&>",
)


SLACK = 1e-6  # pixels


def compressed(pattern: str) -> CompressedDfa:
    return compress(CharDfa(parse_regex(pattern).tree))


def drawn(pattern: str, limit: int = 60) -> Fsm:
    return fsm_of(compressed(pattern), "gen x, p.py:3", limit)


# --- counting --------------------------------------------------------------------------------------------


def edges_of(automaton: CompressedDfa) -> list[FsmEdge]:
    return joined_runs(_edges(automaton), automaton.accepting, automaton.start)


def draws(automaton: CompressedDfa, edges: list[FsmEdge], text: str) -> bool:
    """Whether a text goes along the arrows as they are labelled, to a state where it may end."""
    begin = automaton.begin.decode()
    if not text.startswith(begin):
        return False
    seen = {(automaton.start, len(begin), 0)}  # state, characters read, turns of its loop
    pending = list(seen)
    while pending:
        state, at, turns = pending.pop()
        if at == len(text) and state in automaton.accepting:
            return True
        for edge in edges:
            if edge.source == state and (after := taken(edge, text, at, turns)) is not None and after not in seen:
                seen.add(after)
                pending.append(after)
    return False


def taken(edge: FsmEdge, text: str, at: int, turns: int) -> tuple[int, int, int] | None:
    least, most = re.fullmatch(r"(?:\{(\d*,)?(\d+)\})?", edge.times).groups()
    is_loop = least is not None
    count = 1 if is_loop or most is None else int(most)
    end = at + count + len(edge.rest)
    chars = text[at : at + count]
    in_set = len(chars) == count and all(any(low <= ord(c) <= high for low, high in edge.first) for c in chars)
    if not in_set or text[at + count : end] != edge.rest or (is_loop and turns >= int(most)):
        return None
    return edge.target, end, turns + 1 if is_loop else 0


@pytest.mark.parametrize("seed", range(12))
def test_a_picture_says_what_the_constraint_says(seed):
    """Of random patterns, and of such that count a lot: runs and loops drawn as one take the same texts."""
    rng = random.Random(seed)
    for number in range(8):
        pattern = random_pattern(rng, 3)
        if number % 2:
            bounds = f"{{{rng.randint(0, 4)},{rng.randint(4, 9)}}}"
            pattern = f"(?:{random_pattern(rng, 1, looks=False)}){bounds}{random_pattern(rng, 1)}"
        automaton = compressed(pattern)
        edges = edges_of(automaton)
        for text in (random_text(rng, 12) for _ in range(30)):
            assert draws(automaton, edges, text) == bool(re.fullmatch(pattern, text)), (pattern, text)


SETS = (r"\w", r"[^\"\\]", r".", r"[\]\[^-]", r"\s", r"[a-c\n]", "[日-本]", r"[^a]", r"\W")
REVIEWED = {"verdict": VERDICT, "string": PATTERNS[2], "alternatives": PATTERNS[3]}


@pytest.mark.parametrize(
    "pattern, labels",
    [
        (r"[0-9]{3}-[0-9]{4}", ['[0-9]{3} "-"', "[0-9]{4}"]),
        (r"[a-z ,]{10,60}\.", ["[ ,a-z]{10}", "[ ,a-z]{,50}", '"."']),
        (r"[a-z]{0,9}", ["[a-z]{,9}"]),
        (r"([a-c],){2,9}[d-f]", ['[a-c] ","', '[a-c] ","', '([a-c] ","){,7}', "[d-f]"]),
        (r"[a-z]{2}", ["[a-z]{2}"]),
        (r"[a-z][A-Z]", ["[a-z]", "[A-Z]"]),
        (r"x[a-z]*", ['"x"', "[a-z]"]),
    ],
)
def test_counting_is_drawn_as_counting(pattern, labels):
    """What looks alike is one arrow, what does not stays apart."""
    assert [arrow.label for arrow in drawn(pattern).arrows] == labels


# --- labels ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pattern", SETS)
def test_a_set_is_written_as_a_regex_would(pattern):
    """Where it is not cut, Python reads it back as the same set."""
    (edge,) = compressed(pattern).edges
    label = set_label(edge.first)

    if "…" not in label:
        assert compressed(label).edges[0].first == edge.first


def test_any_character_is_any():
    """Nothing is left out but what no text holds."""
    (edge,) = compressed(r"(?s:.)").edges

    assert set_label(edge.first) == "any"
    assert edge_label(((0x41, 0x41),), 'b"') == '"Ab\\""'


# --- formats ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", REVIEWED)
def test_pictures_are_as_reviewed(name, golden):
    """ascii and dot in one file, svg in one that a browser opens."""
    fsm = drawn(REVIEWED[name])

    golden(f"viz/fsm_{name}.txt", fsm_ascii.render(fsm, PLAIN) + "\n" + fsm_dot.render(fsm, PLAIN))
    golden(f"viz/fsm_{name}.svg", fsm_svg.render(fsm, PLAIN))


DOT_LINE = re.compile(
    r'digraph "([^"\\]|\\.)*" \{|\}|label="([^"\\]|\\.)*"; labelloc=t; rankdir=LR;|node \[.*\]; edge \[.*\];'
    r'|begin \[shape=point, label=""\];|begin -> 0;|\d+ \[shape=doublecircle\];'
    r'|\d+ -> \d+ \[label="([^"\\]|\\.)*"\];|more\d+ \[shape=plaintext, label="…"\];|\d+ -> more\d+;'
)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_every_format_is_well_formed(pattern):
    """Lines of DOT that its grammar knows, XML that a parser reads, and the same bytes each time."""
    fsm = drawn(pattern)
    svg, dot = fsm_svg.render(fsm, PLAIN), fsm_dot.render(fsm, PLAIN)

    assert [line for line in dot.splitlines() if not DOT_LINE.fullmatch(line.strip())] == []
    root = xml.fromstring(svg)
    circles = root.iter("{http://www.w3.org/2000/svg}circle")
    assert sum(circle.get("class") == "state" for circle in circles) == fsm.num_drawn
    assert (svg, dot) == (fsm_svg.render(drawn(pattern), PLAIN), fsm_dot.render(drawn(pattern), PLAIN))


@pytest.mark.parametrize("pattern", PATTERNS)
def test_nothing_lies_on_something_else(pattern):
    """No label or state touches another one, and all of it is inside the picture."""
    shown = picture(drawn(pattern))
    boxes = [
        (item.x - item.width / 2, item.y - item.above, item.x + item.width / 2, item.y + item.below)
        for item in shown.items
    ]

    assert all(min(a, b) >= -SLACK for a, b, _, _ in boxes)
    assert all(c <= shown.width + SLACK and d <= shown.height + SLACK for _, _, c, d in boxes)
    for a, b in combinations(boxes, 2):
        gaps = (b[0] - a[2], a[0] - b[2], b[1] - a[3], a[1] - b[3])
        assert max(gaps) >= -SLACK, (a, b)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_arrows_lead_from_left_to_right_in_order(pattern):
    """Also those that go back, whose head is at the left: so every line climbs between columns only."""
    for way in picture(drawn(pattern)).ways:
        columns = [item.column for item in way.items]
        assert columns == list(range(columns[0], columns[-1] + 1))


@pytest.mark.parametrize("width", [40, 60, 100])
def test_lines_of_ascii_fit(width):
    """Long labels are cut in the middle."""
    fsm = drawn(r'"a rather long text that stands here": ([0-9]|"another one, no less long than that")\}')
    lines = fsm_ascii.render(fsm, Terminal(width=width)).splitlines()

    assert all(len(line) <= width for line in lines[1:]), lines
    assert ("…" in "".join(lines)) == (width < 60)


def test_a_large_automaton_says_how_much_is_not_drawn():
    """The first part, and where it goes on."""
    fsm = drawn(r"(a|b)*a(a|b){7}")

    assert (fsm.num_drawn, fsm.num_hidden, fsm.num_states) == (60, 196, 256)
    assert fsm.heading == "gen x, p.py:3: 256 states, 512 edges; the first 60 are drawn, 196 more are not"
    assert any(arrow.target is None for arrow in fsm.arrows)
    assert "196 states are not drawn" in fsm_svg.render(fsm, PLAIN)


def test_a_run_of_thousands_is_quick():
    """Counting to a thousand is one loop."""
    assert [arrow.label for arrow in drawn(r"[a-z]{1,1000}!").arrows][-2:] == ["[a-z]{,999}", '"!"']


# --- by name ---------------------------------------------------------------------------------------------


@lmc.function
def several(s, pattern: str):
    s += "Q" + lmc.gen("age", regex="[0-9]{1,3}", max_tokens=3)
    s += "Q" + lmc.gen("free", max_tokens=3)
    s += "Q" + lmc.gen("later", regex=pattern, max_tokens=3)
    s += "Q" + lmc.gen("json", grammar='root ::= "a"', max_tokens=3)


def test_a_call_is_drawn_by_its_name():
    """From Python, in each format."""
    done = several.compile()

    assert done.fsm("age").startswith("gen age, test_fsm.py:")
    assert done.fsm("age", "svg").startswith("<svg ")
    assert done.fsm("age", "dot") == emit_fsm(done.planned, "age", "dot")


@pytest.mark.parametrize(
    "name, format, message",
    [
        ("agee", "ascii", "did you mean `age`"),
        ("free", "ascii", "the constrained calls are: age, later, json"),
        ("later", "ascii", "known only when the program runs"),
        ("json", "svg", "has no automaton"),
        ("age", "png", "the formats are ascii, dot, svg"),
    ],
)
def test_what_cannot_be_drawn_says_why(name, format, message):
    """With what there is instead."""
    with pytest.raises(ArgumentError, match=re.escape(message)):
        several.compile().fsm(name, format)
