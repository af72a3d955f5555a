"""`lmc compile`: what it prints, as golden files reviewed by eye, and what it must not need."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from lmc.backend import BACKENDS
from lmc.parser.irtext.parse import parse_graph, parse_plan
from lmc.passes import PASSES, pipeline

PROGRAMS = Path(__file__).parent / "programs"
EXAMPLE = Path(__file__).parents[2] / "examples" / "essay_judge.py"
HEAVY = ("torch", "transformers", "triton", "xgrammar", "networkx", "numpy")
MAX_S = 1.8  # of processor time; a quiet machine takes 0.7 to 1.0, and one with two busy cores up to 1.6

CASES = {
    "tips": ["tips.py", "--emit-graph"],
    "tips_given": ["tips.py", "--emit-graph", "--arg", "topic=42"],
    "tips_dot": ["tips.py", "--emit-graph=dot"],
    "tips_mermaid": ["tips.py", "--emit-graph=mermaid"],
    "tips_json": ["tips.py", "--emit-graph=json"],
    "tips_ir": ["tips.py", "--emit-graph=ir"],
    "tips_captured": ["tips.py", "--emit-graph=ir", "--stage", "captured"],
    "tips_summary": ["tips.py"],
    "tips_explain": ["tips.py", "--explain"],
    "tips_O0": ["tips.py", "--emit-graph", "-O0"],
    "chat": ["chat.py", "--emit-graph"],
    "chat_mermaid": ["chat.py", "--emit-graph=mermaid"],
    "judge_loop": ["judge.py:judge", "--emit-graph"],
    "judge_list": ["judge.py:judge", "--emit-graph", "--arg", 'dims=["clarity", "style"]'],
    "aside": ["judge.py:aside", "--emit-graph", "--width", "72"],
    "plain": ["plain.py:helper", "--emit-graph"],
}


@pytest.mark.parametrize("name", CASES)
def test_output_is_as_reviewed(name, cli, golden):
    """The whole of stdout, with nothing on stderr."""
    result = cli("compile", *CASES[name])

    assert (result.exit_code, result.stderr) == (0, "")
    golden(f"cli/{name}.txt", result.stdout)


@pytest.mark.parametrize("program", ["tips.py", "chat.py"])
def test_tokenizer_gives_tokens_and_turns(program, cli, golden, tokenizer_dir):
    """With --model sizes are tokens, and turns have the template's text."""
    result = cli("compile", program, "--emit-graph", "--model", str(tokenizer_dir))

    assert result.exit_code == 0
    golden(f"cli/{program.removesuffix('.py')}_model.txt", result.stdout)


def test_ir_is_read_back(cli):
    """Both stages of the IR parse to what was printed."""
    plan = cli("compile", "chat.py", "--emit-graph=ir").stdout
    graph = cli("compile", "chat.py", "--emit-graph=ir", "--stage=captured").stdout

    assert (str(parse_plan(plan)), str(parse_graph(graph))) == (plan, graph)


def test_same_input_gives_same_bytes(cli):
    """Nothing of the run gets into the output: no times, no addresses, no order of a set."""
    outputs = {cli("compile", "judge.py:judge", "--emit-graph=table,tree,dot,mermaid,json").stdout for _ in range(3)}

    assert len(outputs) == 1


@pytest.mark.parametrize("place", ["before", "behind", "spaced"])
def test_bare_emit_graph_may_stand_anywhere(place, cli):
    """`--emit-graph` takes what follows only where that is a format."""
    args = {
        "before": ["--emit-graph", "tips.py"],
        "behind": ["tips.py", "--emit-graph"],
        "spaced": ["--emit-graph", "table,tree", "tips.py"],
    }

    assert cli("compile", *args[place]).stdout == cli("compile", "tips.py", "--emit-graph=table,tree").stdout


def test_output_goes_to_a_file(cli, tmp_path):
    """-o writes what would have been printed."""
    printed = cli("compile", "tips.py", "--emit-graph=json").stdout
    result = cli("compile", "tips.py", "--emit-graph=json", "-o", str(tmp_path / "plan.json"))

    assert (result.output, (tmp_path / "plan.json").read_text()) == ("", printed)


def test_diagnostics_leave_stdout_to_the_graph(cli):
    """IR after changes, times and explanations go to stderr beside a format that programs read."""
    told = ["--explain", "--time-passes", "--print-ir-after-change"]
    result = cli("compile", "tips.py", "--emit-graph=json", *told)

    json.loads(result.stdout)
    assert [word in result.stderr for word in ("# after schedule", "hoist_prefix: calls 3", " ms")] == [True] * 3
    assert "# after cse" not in result.stderr, "cse changed nothing"


def test_passes_can_be_chosen(cli):
    """-p runs those passes, and `schedule`, which makes the plan."""
    result = cli("compile", "tips.py", "-p", "cse", "--emit-graph=json")

    assert [each["pass"] for each in json.loads(result.stdout)["passes"]] == ["cse", "schedule"]


def test_text_argument_stays_text(cli):
    """42 for an argument annotated str is "42", so what is shared is what will be."""
    steps = json.loads(cli("compile", "tips.py", "--arg", "topic=42", "--emit-graph=json").stdout)["steps"]

    assert {"text": "42"} in steps[0]["prompt"]


def test_compile_is_quick_and_light():
    """Table and tree of an example, in a fresh interpreter: quickly, and with nothing heavy imported."""
    script = (
        "import sys; from lmc.cli import main\n"
        f"main(['compile', {str(EXAMPLE)!r}, '--emit-graph'], standalone_mode=False)\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert done.stdout.splitlines()[-1] == "[]"
    assert "model calls" in done.stdout
    assert seconds < MAX_S


def test_only_click_is_imported_for_help():
    """`import lmc.cli` loads no other library."""
    script = (
        "import sys, lmc.cli; print([n for n in ('rich', 'lark', 'numpy', 'torch', 'lmc.viz') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


@pytest.mark.parametrize("command", ["", "compile", "explain", "lint", "run", "passes", "backends"])
def test_every_help_has_an_example(command, cli):
    """--help shows a whole command line."""
    result = cli(*filter(None, [command]), "--help")

    assert result.exit_code == 0
    assert "\n  lmc " in result.stdout


@pytest.mark.parametrize("command, names", [("passes", PASSES), ("backends", BACKENDS)])
def test_listing_has_a_line_for_each(command, names, cli):
    """The name, and what it is."""
    lines = {line.split()[0]: line.split()[1:] for line in cli(command).stdout.splitlines() if line}

    assert [len(lines[name]) > 3 for name in names] == [True] * len(names)


@pytest.mark.parametrize(("options", "is_verified"), [((), False), (("-O", "1"), False), (("-p", "dce,cse"), True)])
def test_a_pipeline_by_hand_is_verified_after_each_pass(options, is_verified, cli, monkeypatch: pytest.MonkeyPatch):
    """Who puts passes together wants to know which one breaks the graph; a level is verified at its end."""
    verified: list[object] = []
    monkeypatch.delenv("LMC_DEBUG")
    monkeypatch.setattr(pipeline, "verify", lambda graph: verified.append(graph))
    cli("compile", "tips.py", *options)

    assert bool(verified) == is_verified
