"""`lmc explain` and `lmc lint`: what they print, as golden files reviewed by eye, and how they exit."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from lmc.cli import main

EXAMPLES = Path(__file__).parents[2] / "examples"
HEAVY = ("torch", "transformers", "triton", "xgrammar", "numpy", "tokenizers")

CASES = {
    "explain": ["explain", "tips.py"],
    "explain_constraints": ["explain", "grades.py:grades", "--constraints"],
    "explain_narrow": ["explain", "grades.py:grades", "--constraints", "--width", "60"],
    "explain_fine": ["explain", "grades.py:fine", "--constraints"],
    "explain_none": ["explain", "grades.py:unconstrained", "--constraints"],
    "explain_fsm": ["explain", "grades.py:grades", "--constraints", "--fsm", "card"],
    "explain_dot": ["explain", "grades.py:grades", "--fsm", "more_1", "--format", "dot"],
    "explain_json": ["explain", "grades.py:fine", "--constraints", "--format", "json"],
    "explain_fused": ["explain", "grades.py:fused", "--constraints", "-O", "3"],
    "explain_form": ["explain", "grades.py:form", "--constraints", "-O", "3"],
    "explain_form_json": ["explain", "grades.py:form", "--constraints", "-O", "3", "--format", "json"],
    "explain_fused_fsm": ["explain", "grades.py:fused", "-O", "3", "--fsm", "job"],
    "lint": ["lint", "grades.py:grades"],
    "lint_fine": ["lint", "grades.py:fine"],
}


@pytest.mark.parametrize("name", CASES)
def test_output_is_as_reviewed(name, cli, golden):
    """The whole of stdout, with nothing on stderr."""
    result = cli(*CASES[name])

    assert (result.exit_code, result.stderr) == (0, "")
    golden(f"cli/{name}.txt", result.stdout)


@pytest.mark.parametrize("command", ["explain", "lint"])
def test_a_model_speaks_of_tokens(command, cli, golden):
    """With lmc-tiny: forced tokens, forward passes, and what its tokenizer makes of the prompts."""
    result = cli(
        command, "grades.py:grades", *(["--constraints"] if command == "explain" else []), "--model", "lmc-tiny"
    )

    assert (result.exit_code, result.stderr) == (0, "")
    golden(f"cli/{command}_model.txt", result.stdout)


def test_json_says_the_same_in_numbers(cli):
    """With a model: ids of tokens, whose texts are those of the edges."""
    from lmc.backend.default_model import FOLDER
    from lmc.tokenizer import load_tokenizer

    told = json.loads(
        cli("explain", "grades.py:grades", "--constraints", "--format", "json", "--model", "lmc-tiny").stdout
    )
    card = next(call for call in told["calls"] if call["name"] == "card")
    tokens = card["tokens"]
    tokenizer = load_tokenizer(FOLDER)

    assert tokens["example"] == tokenizer.encode(card["example"])
    assert tokens["forward_passes"] == len(tokens["example"]) - tokens["forced"]
    assert any(edge["tokens"] for edge in tokens["edges"])
    assert all(edge["text"].startswith(tokenizer.decode(edge["tokens"])) for edge in tokens["edges"])
    assert [note["code"] for note in card["notes"]] == ["LMC-CN014"]


def test_every_note_is_in_every_place(cli):
    """What `lint` says is what `compile --explain` and `explain --constraints` say."""
    codes = [
        re.findall(r"LMC-CN\d+", cli(*args).stdout)
        for args in (
            ["lint", "grades.py:grades"],
            ["compile", "grades.py:grades", "--explain"],
            ["explain", "grades.py:grades", "--constraints"],
        )
    ]

    assert sorted(codes[0]) == sorted(codes[1]) != []
    assert set(codes[2]) == set(codes[0])


@pytest.mark.parametrize(
    "program, status", [("grades.py:grades", 1), ("grades.py:unconstrained", 0), ("tips.py", 1), ("chat.py", 0)]
)
def test_strict_exits_with_1_where_there_is_a_note(program, status, cli):
    """Without --strict a note is only said."""
    assert cli("lint", program, "--strict").exit_code == status
    assert cli("lint", program).exit_code == 0


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_examples_have_no_notes_without_a_tokenizer(path, cli):
    """They are written as they should be; what a tokenizer makes of them is its own affair."""
    assert cli("lint", str(path), "--strict").stdout == f"{path.stem}: no notes\n"


def test_an_empty_constraint_stops_every_command(cli, golden):
    """It is an error of the program, with its place."""
    results = [cli(command, "grades.py:empty") for command in ("lint", "explain", "compile")]

    assert {(result.exit_code, result.stdout) for result in results} == {(1, "")}
    assert len({result.stderr for result in results}) == 1
    golden("cli/errors/empty_constraint.txt", results[0].stderr)


@pytest.mark.parametrize(
    "args, message",
    [
        (["--fsm", "crd"], "did you mean `card`"),
        (["--fsm", "card", "--format", "json"], "--fsm goes with --format ascii, dot, svg"),
        (["--format", "svg"], "--fsm goes with --format ascii, dot, svg"),
        (["--format", "png"], "'png' is not one of"),
    ],
)
def test_what_does_not_fit_is_refused(args, message, cli):
    """A name that is not there, a constraint without an automaton, a format that needs a name."""
    result = cli("explain", "grades.py:grades", *args)

    assert result.exit_code in (1, 2)
    assert message in result.stderr


def test_a_picture_goes_to_a_file(cli, tmp_path):
    """-o writes what would have been printed."""
    args = ["explain", "grades.py:grades", "--constraints", "--fsm", "card", "--format", "svg"]
    result = cli(*args, "-o", str(tmp_path / "card.svg"))

    assert (result.exit_code, result.output) == (0, "")
    assert (tmp_path / "card.svg").read_text() == cli(*args).stdout


@pytest.mark.parametrize("width", [40, 60, 100])
def test_lines_fit(width, cli):
    """Texts are wrapped, patterns and edges are cut."""
    lines = cli("explain", "grades.py:grades", "--constraints", "--width", str(width)).stdout.splitlines()

    assert [line for line in lines if len(line) > width] == []


def test_explaining_needs_nothing_heavy():
    """Automata in pictures without torch, a tokenizer or numpy."""
    script = (
        "import sys; from lmc.cli import main\n"
        f"main(['explain', {str(EXAMPLES / 'essay_judge.py')!r}, '--constraints'], standalone_mode=False)\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "[]"


def test_a_program_without_a_graph_is_run_to_be_explained(cli):
    """Where arguments and a backend are given; else the break says that they would do."""
    refused = cli("explain", "breaks.py", "--arg", "topic=cats")
    explained = cli("explain", "breaks.py", "--arg", "topic=cats", "--backend", "echo")

    assert refused.exit_code == 1 and "with --backend NAME" in refused.stderr
    assert explained.exit_code == 0
    assert "breaks(): what its prompts share" in explained.stdout and "recorded: nodes" in explained.stdout


def test_why_of_two_rows_and_of_a_run(tmp_path: Path) -> None:
    """Rows are those of a file; a run says what it counted of the calls."""
    prog = tmp_path / "asks.py"
    prog.write_text(
        "import lmc\n\n\n@lmc.function\ndef asks(s, q: str):\n    s += 'Rules of the house. ' + q\n"
        "    a, b = s.fork(2)\n    a += ' In a word:' + lmc.gen('a', max_tokens=2)\n"
        "    b += ' At length:' + lmc.gen('b', max_tokens=2)\n    return a['a'], b['b']\n"
    )
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"q": "why?"}\n{"q": "how?"}\n')
    ran = CliRunner().invoke(main, ["explain", str(prog), "--why", "a", "--args-file", str(rows)])
    assert ran.exit_code == 0 and "two rows of #0 gen a" in ran.output and "why: hole" in ran.output
    args = ["explain", str(prog), "--why", "a,b", "--arg", "q=why", "--backend", "cpu", "--model", "lmc-tiny"]
    told = CliRunner().invoke(main, args)
    assert told.exit_code == 0, told.output
    assert "why: text" in told.output
    assert re.search(r"call 1: gen b: \d+ prompt tokens, \d+ cached", told.output), told.output
    counted = json.loads(CliRunner().invoke(main, [*args, "--format", "json"]).stdout)["run"]
    assert [call["name"] for call in counted] == ["a", "b"]
    assert counted[1]["cached_tokens"] > 0 and counted[1]["miss"] is None
    rows.write_text('{"q": "why?"}\n')
    alone = CliRunner().invoke(main, ["explain", str(prog), "--why", "a", "--args-file", str(rows)])
    assert alone.exit_code == 1 and "two are compared" in alone.output
