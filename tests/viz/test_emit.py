"""Every view of every program of the corpus: it is drawn, it is well formed, it is as wide as it may be."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from lmc.backend.echo import EchoBackend
from lmc.cli.compile import compiled
from lmc.cli.loading import load_program
from lmc.compiler import Compiled
from lmc.errors import ArgumentError, LMError
from lmc.parser.irtext.parse import parse_plan
from lmc.passes import measure
from lmc.program import Program
from lmc.viz import FORMATS, Terminal, emit
from lmc.viz.sharing import sharing
from lmc.viz.text_table import columns_of
from lmc.viz.view import View
from tests.oracle.programs import all_cases
from tests.oracle.programs.case import Case
from tests.support.sampled import one_in
from tests.viz.odd import odd

CASES = all_cases()
FAULTS = Path(__file__).parents[1] / "sharing_faults" / "programs"
TOKENIZER = EchoBackend().tokenizer
MERMAID_LINE = re.compile(
    r"flowchart TD"
    r'|(subgraph region_s\d+ \["[^"]*"\]|end)'
    r'|\w+(\(\["[^"]*"\]\)|\("[^"]*"\)|\["[^"]*"\]|\[\["[^"]*"\]\]|\{"[^"]*"\}|\{\{"[^"]*"\}\})'
    r'|\w+ (-->|==>|-\.->)(\|"[^"]*"\|)? \w+'
    r"|style s\d+ stroke-width:3px"
)
DOT_LINE = re.compile(
    r'digraph "([^"\\]|\\.)*" \{|\}|subgraph cluster_s\d+ \{'
    r'|label="([^"\\]|\\.)*"; [\w=; #]*|node \[.*\]; edge \[.*\];'
    r'|\w+ \[label="([^"\\]|\\.)*", shape=\w+, style="[\w,]+", fillcolor="#\w+"(, penwidth=2\.5)?'
    r'(, tooltip="([^"\\]|\\.)*")?\];'
    r'|\w+ -> \w+( \[(label="([^"\\]|\\.)*")?(, )?[\w=, ]*\])?;'
)


def ways(case: Case) -> list[Compiled]:
    """The case as a graph with holes, and with all that can be known; none where it is a break."""
    found = []
    for tokenizer, arguments in ((None, {}), (TOKENIZER, case.args[0])):
        with contextlib.suppress(LMError):
            found.append(compiled(Program(case.fn), arguments, 2, tokenizer))
    return found


@pytest.mark.parametrize("case", one_in(25, CASES))
def test_every_view_is_well_formed(case):
    """IR is read back, JSON loads, and each line of DOT and Mermaid is one that their grammars know."""
    for done in ways(case):
        texts = {format: emit(done.planned, format, Terminal(width=90)) for format in FORMATS}

        assert all(text.endswith("\n") for text in texts.values())
        assert str(parse_plan(texts["ir"])) == texts["ir"]
        assert json.loads(texts["json"])["program"] == case.fn.__name__
        assert [line for line in texts["mermaid"].splitlines() if not MERMAID_LINE.fullmatch(line.strip())] == []
        assert [line for line in texts["dot"].splitlines() if not DOT_LINE.fullmatch(line.strip())] == []
        assert "\x1b" not in "".join(texts.values())


@pytest.mark.parametrize("case", one_in(25, CASES))
def test_tree_says_what_hoist_prefix_measured(case):
    """Where nothing is left to guess the totals are the pass's, elsewhere at least as much is known to be saved."""
    for done in ways(case):
        if done.planned.inputs.encode is None:
            continue
        tree, measured = sharing(View(done.planned)), measure(done.plan, done.planned.inputs)
        if measured.is_exact:
            assert (tree.total, tree.distinct) == (measured.prompt_tokens, measured.computed_tokens)
        assert tree.total >= measured.prompt_tokens
        assert tree.saved >= measured.saved_tokens


MANY = [Program(case.fn) for case in CASES if case.fn.__name__ in ("react", "deep_nesting")]


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
def test_graphviz_reads_dot():
    """Graphs with odd text, with branches, with loops, where Graphviz is there."""
    for program in (odd, *MANY):
        graph = emit(program.compile().planned, "dot")

        subprocess.run(["dot", "-Tcanon"], input=graph, text=True, capture_output=True, check=True)


# --- small things ----------------------------------------------------------------------------------------


def test_odd_text_is_escaped(golden):
    """Quotes, brackets, markup and wide characters stay text in all formats."""
    done = odd.compile()

    golden("viz/odd.txt", "\n".join(emit(done.planned, format) for format in ("table", "tree", "dot", "mermaid")))


def test_unknown_format_names_the_known():
    """With the near one where there is one."""
    with pytest.raises(ArgumentError, match="did you mean 'mermaid'"):
        odd.compile().emit("mermiad")
    with pytest.raises(
        ArgumentError, match="the formats are table, ir, tree, dot, mermaid, json, svg, svg-graph, html"
    ):
        odd.compile().emit("png")


@pytest.mark.parametrize("width", [40, 60, 80, 100, 160, 200])
@pytest.mark.parametrize("format", ["table", "tree"])
@pytest.mark.parametrize("program", [odd, *MANY], ids=lambda program: program.func.__name__)
def test_lines_fit(program, format, width):
    """No line is wider than asked for, and each call, with what it shares, is there at every width."""
    done = program.compile()
    text = emit(done.planned, format, Terminal(width=width))

    assert [line for line in text.splitlines() if columns_of(line) > width] == []
    for step_view in View(done.planned).calls:
        assert f"#{step_view.step.id} " in text or format == "table"
        assert step_view.place in " ".join(text.split())
    if format == "table":
        wide = emit(done.planned, "table", Terminal(width=10_000))
        assert re.findall(r"\b\d+/\d+", text) == re.findall(r"\b\d+/\d+", wide)


def test_the_table_says_why_calls_part_at_every_width(golden):
    """In its own column, without the line where that is too much, below the table, or with each call."""
    done = compiled(load_program(f"{FAULTS / 'template.py'}:ask"), {}, 2, None)
    tables = [emit(done.planned, "table", Terminal(width=width)) for width in (60, 80, 92, 120, 200)]

    assert all("#0 template" in table for table in tables)
    golden("viz/table_parts.txt", "\n".join(tables))


def test_colour_changes_no_column():
    """With colours the same text, between escapes."""
    done = odd.compile()
    for format in ("table", "tree"):
        coloured = emit(done.planned, format, Terminal(color=True))

        assert "\x1b[" in coloured
        assert re.sub(r"\x1b\[[\d;]*m", "", coloured).split() == emit(done.planned, format).split()
