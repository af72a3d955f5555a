"""`lmc opt`: IR in, IR out; and the file that a pass which fails leaves behind."""

from __future__ import annotations

import re
import stat
import tempfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from lmc.cli import main
from lmc.errors import VerifyError
from lmc.ir.graph import Graph
from lmc.ir.rewrite import with_body, with_nodes
from lmc.parser.irtext.parse import parse_graph, parse_plan
from lmc.passes import PASSES, Inputs, Pass, Report, run_passes

IR = """// what is asked twice
program p(%topic: str) {
  %s0 = begin
  %s1 = append %s0, "A ", %topic
  %s2 = append %s0, "A ", %topic
  %s3, %x = gen %s1 {max_tokens=4, name="x"}
  %s4, %y = gen %s2 {max_tokens=4, name="y"}
  return %s4, %y
}
"""


@pytest.fixture
def ir(tmp_path: Path) -> str:
    (tmp_path / "p.lmir").write_text(IR)
    return str(tmp_path / "p.lmir")


def test_passes_run_in_the_order_that_is_said(cli, ir) -> None:
    """The text that comes out is what the passes make, and parses back."""
    done = cli("opt", ir, "-p", "cse,dce")
    assert done.exit_code == 0
    graph, _ = run_passes(parse_graph(IR), [PASSES["cse"], PASSES["dce"]])
    assert done.stdout == str(graph) and parse_graph(done.stdout) == graph
    assert "append %s0" in done.stdout and "%x" not in done.stdout


def test_without_passes_it_verifies_and_prints(cli, ir) -> None:
    """Comments go, nothing else."""
    assert cli("opt", ir).stdout == IR.partition("\n")[2]


@pytest.mark.parametrize("level", ["0", "2", "3"])
def test_a_level_makes_what_compile_makes(cli, tmp_path, level: str) -> None:
    """From the graph as captured, by way of text."""
    captured = str(tmp_path / "tips.lmir")
    cli("compile", "tips.py", "--emit-graph=ir", "--stage", "captured", "-o", captured)
    done = cli("opt", captured, "-O", level)
    assert done.stdout.strip() == cli("compile", "tips.py", "--emit-graph=ir", "-O", level).stdout.strip()
    parse_plan(done.stdout)


def test_a_plan_goes_in_too(cli, tmp_path, ir) -> None:
    """A plan pass over a plan; a graph pass over it is refused."""
    plan = str(tmp_path / "plan.lmir")
    cli("opt", ir, "-p", "schedule", "-o", plan)
    assert "prefix p0" in cli("opt", plan, "-p", "hoist_prefix").stdout
    refused = cli("opt", plan, "-p", "cse")
    assert refused.exit_code == 1 and "works on a graph and would get a plan" in refused.stderr


def test_it_reads_stdin(ir) -> None:
    """As the middle of a pipe."""
    done = CliRunner().invoke(main, ["opt", "-", "-p", "dce"], input=IR)
    assert done.exit_code == 0 and parse_graph(done.stdout).name == "p"


def test_what_is_said_of_passes_goes_to_stderr(cli, ir) -> None:
    """So that stdout stays IR."""
    done = cli("opt", ir, "-p", "cse,dce", "--print-ir-after-change", "--time-passes", "--explain", "--verify")
    parse_graph(done.stdout)
    assert done.stderr.count("# after ") == 2
    assert "dropped gen %x" in done.stderr and "all passes" in done.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("program p() {\n  %s0 = begin\n  return %s1\n}\n", "%s1"),
        ("program p( {\n", "ParseError"),
        ("%x\n", "expected one of"),
    ],
)
def test_broken_ir_is_refused_with_its_place(text: str, said: str) -> None:
    """A ParseError with a caret, or a VerifyError."""
    done = CliRunner().invoke(main, ["opt", "-"], input=text)
    assert done.exit_code == 1 and said in done.stderr


# --- a pass that fails -----------------------------------------------------------------------------------


def _raises(graph: Graph, inputs: Inputs) -> tuple[Graph, Report]:
    raise KeyError("no such thing")


def _breaks(graph: Graph, inputs: Inputs) -> tuple[Graph, Report]:
    return with_body(graph, with_nodes(graph.body, graph.body.nodes[1:])), Report("wrong")


@pytest.fixture
def wrong(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Passes that raise, and that make what is no graph; where reproducers go."""
    monkeypatch.setitem(PASSES, "raises", Pass("raises", "graph", _raises))
    monkeypatch.setitem(PASSES, "wrong", Pass("wrong", "graph", _breaks))
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.mark.parametrize("name", ["raises", "wrong"])
def test_a_pass_that_fails_leaves_what_it_was_given(cli, ir, wrong: Path, name: str) -> None:
    """With the command in the message, which shows the failure again; the passes before it have run."""
    done = cli("opt", ir, "-p", f"cse,{name}")
    (file,) = wrong.glob("lmc-repro-*.lmir")
    assert done.exit_code == 1
    assert f"this is a bug in lmc: pass `{name}`" in done.stderr
    assert str(file) in done.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    given, _ = run_passes(parse_graph(IR), [PASSES["cse"]])
    assert parse_graph(file.read_text()) == given
    command = re.search(r"show it again: lmc (.*)", done.stderr)
    assert command is not None
    again = cli(*command[1].split())
    assert again.exit_code == 1 and f"pass `{name}`" in again.stderr
    assert len(list(wrong.iterdir())) == 1, "the same failure has the same file"


def test_a_program_that_meets_it_says_so_too(cli, wrong: Path) -> None:
    """From a run or a compilation, where passes are verified once."""
    done = cli("compile", "tips.py", "-p", "wrong", "--model", "lmc-tiny")
    assert "show it again: lmc opt" in done.stderr and "--model DIR" in done.stderr
    assert "the pass had the tokenizer of a model" in next(wrong.iterdir()).read_text()


def test_a_mistake_of_the_users_leaves_no_file(cli, wrong: Path) -> None:
    """An error that a pass raises on purpose is none of lmc's bugs."""
    done = cli("run", "tips.py", "--arg", "topic=cats", "--backend", "echo", "-p", "nonsense")
    assert done.exit_code == 1 and "there is no pass `nonsense`" in done.stderr
    assert not list(wrong.iterdir())


def test_where_no_file_can_be_written_the_failure_is_still_said(ir, wrong: Path) -> None:
    """No folder, no file, the same error."""
    wrong.rmdir()
    with pytest.raises(VerifyError, match="pass `wrong` made it"):
        run_passes(parse_graph(IR), [PASSES["wrong"]])
    with pytest.raises(KeyError) as caught:
        run_passes(parse_graph(IR), [PASSES["raises"]])
    assert caught.value.__notes__ == ["this is a bug in lmc: pass `raises` failed"]
