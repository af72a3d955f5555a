"""A newcomer's walk: what somebody does in the first hour who has never seen lmc, station by station."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import sys
from pathlib import Path

import pytest

from tests.newcomer.conftest import ROOT, Clone, Shell

pytestmark = pytest.mark.slow

ADVICE = """import lmc


@lmc.function
def advice(s, idea: str = "chess"):
    s += lmc.user(f"What do you think of {idea}?")
    sides = s.fork(2)
    for f, side in zip(sides, ("for", "against")):
        f += lmc.user(f"Give one point {side} it.")
        f += lmc.assistant(lmc.gen("point", max_tokens=8, temperature=0))
    sides.join()
    s += lmc.assistant(lmc.select("good", ["yes", "no"]))
    return s["good"]
"""

# what runs in a process of the newcomer's own prints facts as JSON on its last line
MODEL_LINE = "lmc: no model was named: running on lmc-tiny"


def facts(out: str) -> dict[str, object]:
    """The last line."""
    found: dict[str, object] = json.loads(out.splitlines()[-1])
    return found


# --- from a clone --------------------------------------------------------------------------------------------


def test_a_clone_is_installed_and_the_demo_s_next_commands_run(clone: Clone, shell: Shell) -> None:
    """`make demo` with an environment of one's own; each of its three next commands as it is printed, in seconds."""
    environment = clone.environment("venv", "-e", ".")
    shell.folder = clone.folder
    demo = shell("make", "demo", f"VENV={environment}", PYTHONPATH=None)

    assert demo.status == 0, demo.stderr
    assert "Traceback" not in demo.stderr + demo.stdout and "Warning" not in demo.stderr
    head, _, last = demo.stdout.partition("== next")
    assert "what its prompts share" in head and "-> returned" in head
    commands = [line.split() for line in last.splitlines()[1:]]
    assert len(commands) == 3
    for command in commands:
        done = shell(*command, PYTHONPATH=None)
        assert done.status == 0, done.stderr
        assert len(done.stdout.splitlines()) > 2 and done.seconds < 60
    where = shell(environment / "bin/python", "-c", "import lmc; print(lmc.__file__)", PYTHONPATH=None)
    assert Path(where.stdout.strip()) == clone.folder / "lmc/__init__.py"


def test_mypy_that_is_not_strict_sees_lmc_as_it_is_installed(clone: Clone, shell: Shell) -> None:
    """In a folder of one's own: right programs pass, a wrong argument does not, results have types."""
    environment = clone.environment("plain", ".")
    typed = shell.write(
        "typed.py",
        "import lmc\n\n\n@lmc.function\ndef advice(s: lmc.State, idea: str) -> str:\n"
        '    s += lmc.user(idea) + lmc.gen("a", max_tokens=4)\n    return s.text()\n\n\n'
        "@lmc.function\ndef untyped(s, idea):\n    s += idea\n\n\n"
        'result = advice.run(idea="chess")\nresult.ret_value.upper()\nuntyped.run("x", backend="echo")\n'
        'for each in advice.run_batch([{"idea": "a"}]):\n    print(each.text(), each.error)\n'
        "advice(idea=3)\nreveal_type(result.ret_value)\n",
    )
    done = shell(environment / "bin/python", "-m", "mypy", "typed.py", PYTHONPATH=None)

    assert done.status == 1, done.stdout
    wrong = [line for line in done.stdout.splitlines() if ": error:" in line]
    assert len(wrong) == 1 and "advice(idea=3)" in typed.read_text().splitlines()[int(wrong[0].split(":")[1]) - 1]
    assert 'Revealed type is "str"' in done.stdout or 'Revealed type is "builtins.str"' in done.stdout


def test_every_example_runs_without_arguments(shell: Shell) -> None:
    """By `python` and by `lmc run`, from another folder, on the model that lmc ships."""
    for path in sorted((ROOT / "examples").glob("*.py")):
        for done in (shell(sys.executable, path), shell.lmc("run", path)):
            assert done.status == 0 and done.stdout.strip(), done.stderr
            assert all(line.startswith("lmc: ") for line in done.stderr.splitlines()), done.stderr


# --- programs of one's own -----------------------------------------------------------------------------------


def test_a_program_in_a_package_of_one_s_own(shell: Shell) -> None:
    """By its file, by its name, and from a script that imports it; relative imports are the package's."""
    shell.write("bots/__init__.py", "")
    shell.write("bots/words.py", 'GREETING = "Say it: "\n')
    shell.write("bots/warm/__init__.py", "")
    shell.write(
        "bots/warm/hello.py",
        "import lmc\n\nfrom ..words import GREETING\nfrom .end import END\n\n\n@lmc.function\n"
        'def greet(s, name: str = "Ada"):\n    s += GREETING + name + END\n    s += lmc.gen("reply", max_tokens=4)\n'
        '    return s.text().removesuffix(s["reply"])\n',
    )
    shell.write("bots/warm/end.py", 'END = "."\n')
    shell.write("main.py", 'from bots.warm.hello import greet\n\nprint(greet.run("Bo", backend="echo").ret_value)\n')

    for target in ("bots/warm/hello.py", "bots.warm.hello", "bots.warm.hello:greet"):
        done = shell.lmc("run", target, "--backend", "echo")
        assert (done.status, done.stderr) == (0, "") and "-> returned  Say it: Ada.\n" in done.stdout
    script = shell(sys.executable, "main.py")
    assert (script.status, script.out, script.err) == (0, b"Say it: Bo.\n", b"")


def test_a_notebook_shows_results_and_graphs(shell: Shell) -> None:
    """A program of a cell has a graph; a result and what was compiled have tables."""
    pytest.importorskip("IPython")
    shell.write(
        "cells.py",
        "import json, sys\nfrom IPython.core.interactiveshell import InteractiveShell\n"
        "from traitlets.config import Config\n"
        "shell = InteractiveShell(config=Config(HistoryManager={'enabled': False}))\n"
        f"shell.run_cell({ADVICE!r}, store_history=True)\n"
        "result = shell.run_cell('advice.run(backend=\"echo\")', store_history=True).result\n"
        "made = shell.run_cell('advice.compile()', store_history=True).result\n"
        "form = shell.display_formatter.format\n"
        "print(json.dumps({'eager': result.report.num_eager, 'good': result['good'],\n"
        "    'result': form(result)[0], 'made': form(made)[0]}))\n",
    )
    done = shell(sys.executable, "cells.py", IPYTHONDIR=str(shell.folder / "ipython"))

    assert done.status == 0, done.stderr
    said = facts(done.stdout)
    assert said["eager"] == 0 and said["good"] in ("yes", "no")
    for shown in (said["result"], said["made"]):
        assert isinstance(shown, dict) and shown["text/html"] and " object at 0x" not in shown["text/plain"]


def test_a_file_with_a_byte_order_mark_is_a_program(shell: Shell) -> None:
    """As editors on Windows write it: places and carets are those of the text."""
    shell.write("marked.py", ADVICE.replace("\n", "\r\n"), "utf-8-sig")
    explained, ran = shell.lmc("explain", "marked.py"), shell.lmc("run", "marked.py", "--backend", "echo")

    assert (explained.status, ran.status) == (0, 0), explained.stderr + ran.stderr
    assert "marked.py:10" in explained.stdout and "-> returned" in ran.stdout


# --- where it prints -----------------------------------------------------------------------------------------


def test_a_pipe_that_stops_reading(shell: Shell) -> None:
    """`| head -1` gives the first line, and no traceback; the status is never that of a program that failed."""
    shell.write("advice.py", ADVICE)
    for command in ("explain", "run --backend echo", "compile --emit-graph"):
        verb, _, rest = command.partition(" ")
        line = f"{sys.executable} -m lmc {verb} advice.py {rest} | head -1; exit ${{PIPESTATUS[0]}}"
        done = shell("bash", "-c", line)
        assert done.status in (0, 141) and done.stderr == "", command
        assert len(done.stdout.splitlines()) == 1


def test_a_narrow_terminal(shell: Shell) -> None:
    """Sentences are broken at its width; a table keeps its columns, and says no less."""
    shell.write("advice.py", ADVICE)
    wide, narrow = (shell.lmc("compile", "advice.py", "--emit-graph", COLUMNS=columns) for columns in ("100", "40"))

    assert wide.status == narrow.status == 0
    sentences = narrow.stdout.partition("total: ")[2].splitlines()
    assert sentences and all(len(line) <= 40 for line in sentences)
    assert "".join(wide.stdout.partition("total: ")[2].split()) == "".join(
        narrow.stdout.partition("total: ")[2].split()
    )


def test_an_output_of_windows_1252(shell: Shell) -> None:
    """What it lacks is replaced; what it has is written in it."""
    shell.write("advice.py", ADVICE.replace("chess", "Müßiggang"))
    environ = {"PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"}
    for command in ("explain", "run --backend echo --show-prompts", "compile --emit-graph"):
        verb, *rest = command.split()
        done = shell.lmc(verb, "advice.py", *rest, **environ)
        assert (done.status, done.err) == (0, b""), done.err
        assert verb != "run" or "Müßiggang" in done.out.decode("cp1252")
    rows = b'{"idea": "caf\xc3\xa9 \xe6\x97\xa5 \xf0\x9f\x98\x80 \\ud800"}'
    done = shell.lmc("run", "advice.py", "--backend", "echo", "--args-file", "-", "-o", "-", stdin=rows, **environ)
    assert json.loads(done.out.decode("cp1252"))["idea"] == "café 日 😀 \ud800"


# --- where it runs -------------------------------------------------------------------------------------------

GRAMMAR = """import lmc


@lmc.function
def balanced(s):
    s += lmc.user("go")
    s += lmc.assistant(lmc.gen("a", grammar='root ::= "a" root "b" | "c"', max_tokens=20, temperature=0))
    return s["a"]
"""


@pytest.mark.parametrize("home", [None, "/proc/nobody"], ids=["no home", "a home that cannot be written"])
def test_a_home_that_is_not_there(shell: Shell, home: str | None) -> None:
    """A grammar is compiled all the same; one line says that it is not kept; no file is left about."""
    shell.write("balanced.py", GRAMMAR)
    before = {path.name for path in shell.folder.iterdir()}
    done = shell.lmc("run", "balanced.py", HOME=home, XDG_CACHE_HOME=None)

    assert done.status == 0, done.stderr
    assert re.search(r"-> returned +a*cb*\n|-> returned +a+\n", done.stdout)
    others = [line for line in done.stderr.splitlines() if not line.startswith(MODEL_LINE)]
    assert all(line.startswith("lmc: compiled constraints are not kept on disk: ") for line in others), done.stderr
    assert len(others) == (home is not None)
    assert {path.name for path in shell.folder.iterdir()} - before <= {"__pycache__"}


def test_another_working_directory(shell: Shell) -> None:
    """A program is found by its path, with the modules beside it; so is its table."""
    shell.write(
        "far/advice.py", ADVICE.replace('"for"', "FOR").replace("import lmc\n", "import lmc\nfrom side import FOR\n", 1)
    )
    shell.write("far/side.py", 'FOR = "for"\n')
    shell.write("data/in.csv", "idea\nchess\n")
    shell.write("here/empty.txt", "")
    far, shell.folder = shell.folder, shell.folder / "here"
    absolute = shell.lmc("run", far / "far/advice.py", "--backend", "echo")
    table = shell.lmc("run", "../far/advice.py", "--backend", "echo", "--args-file", "../data/in.csv", "-o", "out.csv")

    assert (absolute.status, absolute.stderr) == (0, "") and (table.status, table.stderr) == (0, "")
    [row] = csv.DictReader((shell.folder / "out.csv").open(newline=""))
    assert row["idea"] == "chess" and row["good"] in ("yes", "no")


def test_python_m_lmc_is_lmc(shell: Shell) -> None:
    """Help, versions and mistakes are the same, and the first word of a usage line is one that can be typed."""
    command = Path(sys.executable).with_name("lmc")
    if not command.exists():
        pytest.skip("lmc is not installed as a command")
    for args in (["--help"], ["-V"], ["explain"], ["nothing"], ["advice.py"]):
        module, script = shell.lmc(*args), shell(command, *args)
        assert module.status == script.status == (0 if args[0][0] == "-" else 2)
        said, other = (each.stdout + each.stderr for each in (module, script))
        assert said.replace("python -m lmc", "lmc") == other.replace("python -m lmc", "lmc")


# --- batches -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        b'{"idea": "go"}\n{"idea": "a, b"}\n',
        b'\xef\xbb\xbf[{"idea": "go"},\n {"idea": "a, b"}]',
        b'idea\r\ngo\r\n"a, b"\r\n',
    ],
    ids=["jsonl", "array", "csv"],
)
def test_rows_from_stdin(shell: Shell, text: bytes) -> None:
    """JSON lines, an array and CSV are told apart; the rows that come out are the same."""
    shell.write("advice.py", ADVICE)
    done = shell.lmc("run", "advice.py", "--backend", "echo", "--args-file", "-", "-o", "-", stdin=text)

    assert done.status == 0, done.stderr
    rows = [json.loads(line) for line in io.StringIO(done.stdout)]
    assert [row["idea"] for row in rows] == ["go", "a, b"] and all(row["good"] in ("yes", "no") for row in rows)
    nothing = shell.lmc("run", "advice.py", "--backend", "echo", "--args-file", "-", stdin=b"")
    assert nothing.status == 1 and "`stdin` has no items" in nothing.stderr


STOPPED = """import json, os, signal, threading, time

import lmc


@lmc.function
def number(s, n: int):
    s += lmc.user(f"Say {n}.") + lmc.assistant(lmc.gen("a", max_tokens=4 if n < 3 else 3000, ignore_eos=True))


backend = "cpu"
number.run(0, backend=backend)
done, pressed = threading.Event(), []


def press():
    done.wait(60)
    pressed.append(time.monotonic())
    os.kill(os.getpid(), signal.SIGINT)


def heard(event):
    ended.append(event.item) if type(event) is lmc.ItemDone else None
    done.set() if len(ended) == 3 else None


ended = []
threading.Thread(target=press, daemon=True).start()
try:
    number.run_batch([{"n": n} for n in range(40)], backend=backend, on_event=heard)
except KeyboardInterrupt as stop:
    took = time.monotonic() - pressed[0]
    kept = {result.item: len(result["a"]) for result in stop.results}
    notes = stop.__notes__
again = number.run_batch([{"n": 0}, {"n": 1}], backend=backend)
print(json.dumps({"took": took, "kept": kept, "notes": notes, "again": [len(r["a"]) for r in again]}))
"""


def test_ctrl_c_in_a_batch(shell: Shell) -> None:
    """Control is back within a second, with what had ended; the backend goes on."""
    shell.write("stopped.py", STOPPED)
    done = shell(sys.executable, "stopped.py")

    assert done.status == 0, done.stderr
    said = facts(done.stdout)
    assert said["took"] < 1.0  # type: ignore[operator]
    kept, again = said["kept"], said["again"]
    assert isinstance(kept, dict) and isinstance(again, list) and set(kept) == {"0", "1", "2"}
    assert again == [kept["0"], kept["1"]]
    assert said["notes"] == ["3 of 40 items had ended: `results` of this exception has them, each with its `item`"]


FORKED = """import json
import multiprocessing

import lmc


@lmc.function
def number(s, n: int):
    s += lmc.user(f"Say {n}.") + lmc.assistant(lmc.gen("a", max_tokens=4, temperature=0))
    return s["a"]


def work(n):
    return number.run(n, backend="cpu").ret_value


if __name__ == "__main__":
    here = [work(n) for n in (1, 2)]
    with multiprocessing.get_context("fork").Pool(1) as pool:
        there = pool.map_async(work, [1, 2]).get(120)
    print(json.dumps({"here": here, "there": there, "after": [work(n) for n in (1, 2)]}))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_worker(shell: Shell) -> None:
    """A process that was forked after a run says what its parent says, and the parent goes on."""
    shell.write("forked.py", FORKED)
    done = shell(sys.executable, "forked.py")

    assert done.status == 0, done.stderr
    said = facts(done.stdout)
    assert said["here"] == said["there"] == said["after"]
