"""`lmc reduce`: what is left still shows what it was to show, and nothing else is in it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lmc.cli import smaller_source
from lmc.cli.apart import answered_apart
from lmc.cli.delta import Reduction
from lmc.ir.graph import Graph
from lmc.ir.smaller import num_nodes, variants, without
from lmc.ir.verify import verify
from lmc.parser.irtext.parse import parse_graph
from lmc.passes import PASSES, Inputs, Pass, Report

PROGRAM = '''"""A program with much in it."""
import random
from pathlib import Path

import lmc
from words import GREETING


def longer(x):
    """One more."""
    return x + 1


@lmc.function
def other(s):
    s += "nothing " + lmc.gen("q")


@lmc.function
def shuffled(s, texts: list = ["a", "b"], n: int = 3):
    s += lmc.system(GREETING + "You are helpful.")
    for i in range(3):
        s += f"turn {i}: " + lmc.gen("x", max_tokens=3)
    if s["x"] == "y":
        s += "more" + lmc.gen("z", max_tokens=longer(2))
    forks = s.fork(len(texts))
    for fork, text in zip(forks, texts):
        fork += lmc.user(f"{text} What colour is it?")
    random.Random(1).shuffle(forks)
    return [fork["colour"] for fork in forks]


if __name__ == "__main__":
    Path(__file__).with_name("it_ran").touch()
'''

IR = """program p(%topic: str, %more: str) {
  extern @now = "time.time" reads total float
  %s0 = begin
  %s1 = append %s0, "A long beginning of it, ", %topic
  %s2, %x = gen %s1 {max_tokens=4, name="x"}
  %c = compare %x, "y" {op="=="}
  %s3, %r: str = if %c {
    %s4 = append %s2, "B", %more
    %s5, %z = gen %s4 {max_tokens=8, name="z"}
    yield %s5, %z
  } else {
    yield %s2, "none"
  }
  %s6, %best = select %s3 {choices=["a", "b"], method="greedy_token_selection", name="best"}
  return %s6, %best
}
"""


class Numbers:
    """A row of numbers."""

    def count(self, subject: tuple[int, ...]) -> int:
        return len(subject)

    def without(self, subject: tuple[int, ...], left_out: set[int]) -> tuple[int, ...]:
        return tuple(each for i, each in enumerate(subject) if i not in left_out)

    def variants(self, subject: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        yield from ((*subject[:i], subject[i] // 2, *subject[i + 1 :]) for i in range(len(subject)))


def test_what_is_left_is_what_is_needed() -> None:
    """Two numbers of a hundred, found in few questions."""
    reduction = Reduction(tuple(range(100)), Numbers(), lambda row: {17, 71} <= set(row))
    assert reduction.run() == (17, 71)
    assert reduction.num_tries < 150


def test_the_smallest_so_far_is_there_when_it_is_stopped() -> None:
    """Ctrl-C in the middle costs nothing that was found."""
    asked = 0

    def ask(row: tuple[int, ...]) -> bool:
        nonlocal asked
        asked += 1
        if asked == 12:
            raise KeyboardInterrupt
        return 17 in row

    reduction = Reduction(tuple(range(100)), Numbers(), ask)
    with pytest.raises(KeyboardInterrupt):
        reduction.run()
    assert 17 in reduction.best and len(reduction.best) < 50


def test_graphs_that_are_tried_are_well_formed() -> None:
    """Whatever is left out, and every variant."""
    graph, rng, num_made = parse_graph(IR), random.Random(1), 0
    for _ in range(80):
        smaller = without(graph, set(rng.sample(range(num_nodes(graph)), rng.randrange(1, 6))))
        if smaller is not None:
            num_made += 1
            verify(smaller)
            assert num_nodes(smaller) < num_nodes(graph)
            assert parse_graph(str(smaller)) == smaller
    assert num_made > 20
    assert len([verify(each) for each in variants(graph)]) > 15


def test_sources_that_are_tried_can_be_compiled() -> None:
    """And a block that has nothing left says so."""
    rng = random.Random(1)
    for _ in range(20):
        num = smaller_source.num_statements(PROGRAM)
        compile(smaller_source.without(PROGRAM, set(rng.sample(range(num), rng.randrange(1, num)))), "x", "exec")
    made = list(smaller_source.variants(PROGRAM))
    for each in made:
        compile(each, "x", "exec")
    assert len(set(made)) > 30
    assert all("touch" not in each or "\nif __name__ == '__main__':" in each for each in made)


def test_a_question_in_a_process_of_its_own_changes_nothing_here(capfd) -> None:
    """What it prints, raises, exits with or hangs in."""
    assert answered_apart(lambda: print("no") is None, 5.0)
    assert not answered_apart(lambda: bool(1 // 0), 5.0)
    assert not answered_apart(lambda: os._exit(0), 5.0)
    assert not answered_apart(lambda: time.sleep(60) is None, 0.2)
    assert capfd.readouterr() == ("", "")


def test_what_a_question_has_started_ends_with_it(tmp_path: Path) -> None:
    """Whether it was answered or took too long; and nobody talks it into going on."""
    started = tmp_path / "started"

    def ask(seconds: float) -> bool:
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        started.write_text(str(subprocess.Popen(["sleep", "60"]).pid))
        time.sleep(seconds)
        return True

    for seconds, answer in ((0.0, True), (60.0, False)):
        assert answered_apart(lambda seconds=seconds: ask(seconds), 1.5) is answer
        until = time.monotonic() + 10
        while is_alive(int(started.read_text())) and time.monotonic() < until:  # it ends when it is its turn
            time.sleep(0.01)
        assert not is_alive(int(started.read_text()))


def is_alive(process: int) -> bool:
    """Whether it runs; one that has ended and that nobody has waited for does not."""
    try:
        state = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
    return state.rpartition(")")[2].split()[0] != "Z"


def test_files_of_tries_go_where_a_command_takes_too_long(cli, tmp_path: Path) -> None:
    (tmp_path / "small.py").write_text("import os\n\nx = os\n")
    done = cli("reduce", str(tmp_path / "small.py"), "--check", "grep -q os {} && sleep 60; false", "--timeout", "0.3")
    assert (done.exit_code, "does not show" in done.stderr) == (1, True)
    assert [each.name for each in tmp_path.iterdir()] == ["small.py"]


def test_a_command_that_is_not_there_shows_nothing(cli, tmp_path: Path) -> None:
    """Else everything would show it, and nothing would be left."""
    (tmp_path / "small.py").write_text("x = 1\n")
    assert "does not show" in cli("reduce", str(tmp_path / "small.py"), "--check", "no_such_command_here {}").stderr


def test_what_shrinks_is_never_written_at_greater_length(cli, tmp_path: Path) -> None:
    text = "a=b=1;c={k:v for k,v in{1:2}.items()}if(a==b)else[1,2,3][::-1];del a\n"
    (tmp_path / "dense.py").write_text(text)
    done = cli("reduce", str(tmp_path / "dense.py"), "--check", "! grep -q 'c.*items.*else' {}")
    assert done.exit_code == 0 and 0 < len(done.stdout) <= len(text)


@pytest.mark.slow
def test_it_is_said_that_an_import_has_effects(cli, tmp_path: Path) -> None:
    source = 'import lmc\n\nprint("here")\n\n\n@lmc.function\ndef p(s):\n    exec("1")\n    s += lmc.gen("a")\n'
    (tmp_path / "loud.py").write_text(source)
    done = cli("reduce", str(tmp_path / "loud.py"), "--code", "LMC-GB002")
    assert "loud.py is imported for every try: what its line 3 does is done each time" in done.stderr
    assert smaller_source.first_effect(source.replace('print("here")', "x = sorted([2, 1])")) is None


def test_a_program_shrinks_to_what_a_command_looks_for(cli, tmp_path: Path) -> None:
    """Statements that are not needed go, then what stands around the ones that are."""
    (tmp_path / "small.py").write_text("import os\n\ndef f(x):\n    if x:\n        print('left')\n    return x + 1\n")
    done = cli("reduce", str(tmp_path / "small.py"), "--check", "! grep -q left {}")
    assert done.exit_code == 0, done.stderr
    assert done.stdout == "def f(x):\n    print('left')\n"
    assert [each.name for each in tmp_path.iterdir()] == ["small.py"]


@pytest.mark.slow
def test_a_program_shrinks_to_what_a_code_needs(cli, tmp_path: Path) -> None:
    """The neighbour that it imports is there for each try; a script's own part never runs; no file is left behind."""
    (tmp_path / "big.py").write_text(PROGRAM)
    (tmp_path / "words.py").write_text('GREETING = "Hello. "\n')
    done = cli("reduce", f"{tmp_path / 'big.py'}:shuffled", "--code", "lmc-gb010")
    assert done.exit_code == 0, done.stderr
    assert done.stdout == (
        "import random\nimport lmc\n\n@lmc.function\ndef shuffled(s):\n"
        "    forks = s.fork()\n    random.Random().shuffle(forks)\n"
    )
    assert " statements -> 5, " in done.stderr
    assert {each.name for each in tmp_path.iterdir()} <= {"big.py", "words.py", "__pycache__"}
    (tmp_path / "small.py").write_text(done.stdout)
    assert "LMC-GB010" in cli("compile", str(tmp_path / "small.py")).stderr


def test_ir_shrinks_to_what_a_pass_fails_on(cli, tmp_path: Path, monkeypatch) -> None:
    """A pass that cannot stand a `select` behind anything; what is left is verified IR."""

    def run(graph: Graph, inputs: Inputs) -> tuple[Graph, Report]:
        assert not any(node.op == "select" for node in graph.walk())
        return graph, Report("delicate")

    monkeypatch.setitem(PASSES, "delicate", Pass("delicate", "graph", run))
    (tmp_path / "p.lmir").write_text(IR)
    done = cli("reduce", str(tmp_path / "p.lmir"), "--pass", "delicate", "-o", str(tmp_path / "small.lmir"))
    assert done.exit_code == 0, done.stderr
    small = parse_graph((tmp_path / "small.lmir").read_text())
    verify(small)
    assert [node.op for node in small.walk()] == ["begin", "select", "return"]
    assert (small.params, small.externs) == ((), ())


def test_a_command_says_what_is_looked_for(cli, tmp_path: Path) -> None:
    """It fails where the file has what it looks for; {} is the file."""
    (tmp_path / "p.lmir").write_text(IR)
    done = cli("reduce", str(tmp_path / "p.lmir"), "--check", "! grep -q 'name=\"z\"' {}")
    assert done.exit_code == 0, done.stderr
    assert [node.op for node in parse_graph(done.stdout).walk()] == ["begin", "gen", "return"]


@pytest.mark.parametrize(
    ("args", "status", "said"),
    [
        (["tips.py"], 2, "one of --code, --pass and --check"),
        (["tips.py", "--code", "LMC-GB014", "--pass", "cse"], 2, "one of --code, --pass and --check"),
        (["tips.py", "--code", "LMC-XX999"], 1, "there is no code `LMC-XX999`"),
        (["tips.py", "--pass", "cze"], 1, "there is no pass `cze`"),
        (["none.py", "--check", "false"], 1, "`none.py` cannot be read"),
        (["tips.py", "--code", "LMC-GB010"], 1, "`tips.py` does not show LMC-GB010"),
    ],
)
def test_what_cannot_be_reduced_is_said(cli, args: list[str], status: int, said: str) -> None:
    """With what to do."""
    done = cli("reduce", *args)
    assert done.exit_code == status and said in done.stderr
