"""Standard streams that are closed, full or without a reader, for every command: an exit status, and a line at most."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """import lmc


@lmc.function
def tip(s, topic: str = "bees"):
    s += f"Say something of {topic}. " + lmc.gen("tip", max_tokens=4, temperature=0)
"""

FULL = "lmc: stdout cannot be written: No space left on device\n"
COMMANDS = {
    "version": "-V",
    "help": "run --help",
    "compile": "compile tip.py --emit-graph",
    "html": "compile tip.py --emit-graph=html",
    "explain": "explain tip.py",
    "code": "explain LMC-GB014",
    "lint": "lint tip.py",
    "run": "run tip.py --backend echo",
    "stream": "run tip.py --backend echo --stream",
    "json": "run tip.py --backend echo --json",
    "table": "run tip.py --backend echo --args-file rows.csv -o -",
    "passes": "passes",
    "backends": "backends",
    "knobs": "knobs",
    "completion": "completion bash",
}
EVERY = [name if name in ("version", "run") else pytest.param(name, marks=pytest.mark.slow) for name in COMMANDS]


@pytest.fixture
def sh(tmp_path: Path):
    """A line of bash in the folder of the program; `lmc` in it is this one. (status, stdout, stderr)."""
    (tmp_path / "tip.py").write_text(PROGRAM)
    (tmp_path / "rows.csv").write_text("topic\nants\n")

    def call(line: str, unbuffered: str = "") -> tuple[int, str, str]:
        script = f'lmc() {{ {sys.executable} -m lmc "$@"; }}; set -o pipefail; {line}'
        env = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
        done = subprocess.run(
            ["bash", "-c", script], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120
        )
        return done.returncode, done.stdout, done.stderr

    return call


@pytest.mark.parametrize("command", EVERY)
@pytest.mark.parametrize("unbuffered", ["", pytest.param("1", marks=pytest.mark.slow)])
def test_a_full_disk_is_told_in_a_line(sh, command, unbuffered) -> None:
    """However the output is buffered."""
    status, _, said = sh(f"lmc {COMMANDS[command]} >/dev/full", unbuffered)

    assert (status, said) == (1, FULL)


@pytest.mark.parametrize("command", EVERY)
def test_nobody_reads(sh, command) -> None:
    """As of `| head -1`: the status that shells have for it, and not a word."""
    assert sh(f"lmc {COMMANDS[command]} | true") == (141, "", "")


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("streams", [">&-", ">&- 2>&-", "<&- >&- 2>&-", "<&-", "2>&-", "2>/dev/full"])
def test_a_closed_stream_is_the_null_device(sh, command, streams) -> None:
    """What would go there is dropped; the command does what it does."""
    plain, closed = sh(f"lmc {COMMANDS[command]}"), sh(f"lmc {COMMANDS[command]} {streams}")

    assert closed[1] == ("" if ">&-" in streams.replace("2>&-", "") else plain[1])
    assert closed[2] == ("" if "2>" in streams else plain[2])
    # a table on stdout has its report on stderr, which is full
    assert closed[0] == (1 if (command, streams) == ("table", "2>/dev/full") else 0)


@pytest.mark.slow
def test_nothing_gets_the_number_of_a_closed_stdout(sh, tmp_path) -> None:
    """What is printed by number stays out of the journal, which is opened next."""
    (tmp_path / "loud.py").write_text(PROGRAM.replace("    s +=", '    import os\n    os.write(1, b"LOUD")\n    s +='))

    assert sh("lmc run loud.py --backend echo --args-file rows.csv -o out.csv >&-") == (0, "", "")
    assert "LOUD" not in (tmp_path / "out.csv.journal").read_text() + (tmp_path / "out.csv").read_text()
    assert (tmp_path / "out.csv").read_text().startswith("topic,tip\nants,")


@pytest.mark.slow
def test_a_disk_that_fills_up_keeps_what_has_ended(sh, tmp_path) -> None:
    """The file is named, and how to go on; going on gives the table that a run with room gives."""
    (tmp_path / "rows.csv").write_text("topic\n" + "".join(f"ants {n}\n" for n in range(60)))
    run = "lmc run tip.py --backend echo --args-file rows.csv -o"

    cut = sh(f"ulimit -f 4; {run} out.csv")
    again, whole = sh(f"{run} out.csv --resume"), sh(f"{run} whole.csv")

    assert cut[0] == 1 and cut[2] == (
        "ArgumentError: `out.csv` cannot be written: File too large\n"
        "  help: what has ended is in `out.csv.journal`, and --resume goes on with it\n"
    )
    assert again[0] == whole[0] == 0 and again[1] != whole[1]
    assert (tmp_path / "out.csv").read_text() == (tmp_path / "whole.csv").read_text()
