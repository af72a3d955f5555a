"""`lmc run --args-file`: tables in and out, rows that fail, going on after a stop, prompts on the screen."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from lmc.cli import main

PROGRAM = """
import time
import lmc

@lmc.function
def ask(
    s, word: str, times: int = 2, share: float = 0.5, loud: bool = False, tags: list = (), note: "str | None" = "-"
):
    print("program speaks")
    time.sleep(0.02 if word == "slow" else 0)
    s += f"{word}*{times}:" + lmc.gen("said", max_tokens=4) + lmc.select("mood", ["good", "bad"])
    if word == "fail":
        raise ValueError("no such word")
    return [word, times, share, loud, tags, note]
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`lmc run ask.py ... --backend echo` in a folder with that program; stdin may be given."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ask.py").write_text(PROGRAM)
    before = set(sys.modules)

    def call(*args: str, stdin: str | None = None) -> Any:
        return CliRunner().invoke(main, ["run", "ask.py", "--backend", "echo", *args], input=stdin, prog_name="lmc")

    yield call
    for name in set(sys.modules) - before:
        sys.modules.pop(name) if name.endswith("ask") else None


def table(path: str) -> list[dict[str, str]]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


# --- CSV -------------------------------------------------------------------------------------------------


def test_a_table_gets_the_values_behind_its_columns(run):
    """Cells are what the annotations say; other columns are carried, and that is said."""
    Path("in.csv").write_text(
        'id,word,times,share,loud,tags,note\n007,a,3,1e-1,yes,"[1, ""x""]",hm\n8,"b\nb",,,,,\n9,07, 4 ,.5,FALSE,[],x\n'
    )
    result = run("--args-file", "in.csv", "-o", "out.csv")

    assert result.exit_code == 0, result.output
    rows = table("out.csv")
    assert list(rows[0]) == ["id", "word", "times", "share", "loud", "tags", "note", "said", "mood", "returned"]
    assert [row["id"] for row in rows] == ["007", "8", "9"] and rows[1]["word"] == "b\nb"
    assert [json.loads(row["returned"]) for row in rows] == [
        ["a", 3, 0.1, True, [1, "x"], "hm"], ["b\nb", 2, 0.5, False, [], None], ["07", 4, 0.5, False, [], "x"],
    ]  # fmt: skip
    assert "carried to the output, as `ask` has no such argument: id" in result.stderr
    assert result.stdout.splitlines()[-2].startswith("echo: 6 calls")


def test_bad_rows_are_told_with_their_line_and_the_others_run(run):
    """By column where it is one; records of several lines count as their first."""
    Path("in.csv").write_text(
        'word,times,loud\na,1,no\n"b\n",x,no\nc,1\nd,1,no,more\n\ne,1_0,no\nf,2.0,no\ng,1,maybe\nfail,1,no\nh,2,no\n'
    )
    result = run("--args-file", "in.csv", "-o", "out.csv")

    assert result.exit_code == 1
    for said in (
        "in.csv:3, column `times`: 'x' is not a whole number",
        "in.csv:5 has 2 cells, and the first line 3 columns",
        "in.csv:6 has 4 cells",
        "in.csv:8, column `times`: '1_0'",
        "in.csv:9, column `times`: '2.0'",
        "in.csv:10, column `loud`: 'maybe' is not true or false",
        "in.csv:11: ",
        "no such word",
        "7 of 9 items failed",
    ):
        assert said in result.stderr, result.stderr
    rows = table("out.csv")
    assert [row["word"] for row in rows] == ["a", "b\n", "c", "d", "e", "f", "g", "fail", "h"]
    assert [bool(row["error"]) for row in rows] == [False] + [True] * 7 + [False]
    assert list(rows[0])[-1] == "error"


def test_a_table_with_which_no_row_could_run_is_refused(run):
    """Before anything runs: an argument without a column, two columns of one name, no columns, no rows."""
    for text, said in [
        ("wrod,times\na,1\n", "has no column `word`, which `ask` needs"),
        ("word,word\na,b\n", "has two columns `word`"),
        ("", "has no columns"),
        ("word\n", "has no items"),
    ]:
        Path("in.csv").write_text(text)
        result = run("--args-file", "in.csv", "-o", "out.csv")
        assert result.exit_code == 1 and said in result.stderr, result.output
        assert not Path("out.csv").exists()
    assert "did you mean `wrod`?" in (Path("in.csv").write_text("wrod\na\n") and run("--args-file", "in.csv")).stderr
    assert run("--args-file", "in.csv", "--arg", "word=x", "-o", "out.csv").exit_code == 0


@pytest.mark.parametrize("encoding", ["utf-8-sig", "latin-1"])
def test_a_table_is_utf8(run, encoding):
    """With the mark that Excel puts before it, too; another encoding is refused by name."""
    Path("in.csv").write_bytes("word\nkäse\n".encode(encoding))
    result = run("--args-file", "in.csv", "-o", "out.csv")

    if encoding == "latin-1":
        assert result.exit_code == 1 and "UTF-8" in result.stderr
    else:
        assert [row["word"] for row in table("out.csv")] == ["käse"]


def test_tabs_and_a_column_of_the_programs_name(run):
    """What the program sets takes the name, the input's is kept beside it."""
    Path("in.tsv").write_text("word\tmood\nx\tgold\n")
    assert run("--args-file", "in.tsv", "-o", "out.tsv").exit_code == 0

    head, row = Path("out.tsv").read_text().splitlines()
    assert head.split("\t")[:2] == ["word", "input.mood"] and row.split("\t")[:2] == ["x", "gold"]


# --- JSON ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ['[{"word": "a"}, {"word": "b", "id": 7}]', '\n[\n{"word": "a"},\n{"word": "b", "id": 7}]\n']
)
def test_an_array_is_a_batch(run, text):
    """From a file or from stdin; out as lines, or as an array."""
    Path("in.json").write_text(text)
    assert run("--args-file", "in.json", "-o", "out.json").exit_code == 0
    result = run("--args-file", "-", "-o", "-", stdin=text)

    rows = json.loads(Path("out.json").read_text())
    assert rows == lines(result.stdout)
    assert [(row["word"], row.get("id")) for row in rows] == [("a", None), ("b", 7)]


def test_stdin_to_stdout_is_a_filter(run):
    """Rows and nothing else on stdout; bad lines are rows with an error."""
    text = '{"word": "a"}\n\n["b"]\nnot json\n{"wrod": "c"}\n{"word": "fail", "id": 3}\n{"word": "d"}\n'
    result = run("--args-file", "-", "-o", "-", stdin=text)

    assert result.exit_code == 1
    rows = lines(result.stdout)
    assert [("error" in row, row.get("word")) for row in rows] == [
        (False, "a"), (True, None), (True, None), (True, None), (True, "fail"), (False, "d"),
    ]  # fmt: skip
    for said in ("stdin:3 is not a JSON object, but list", "stdin:4 is not JSON", "stdin:5", "stdin:6", "4 of 6 items"):
        assert said in result.stderr, result.stderr
    assert "program speaks" in result.stderr and "program speaks" not in result.stdout


def test_without_an_output_unknown_keys_are_mistakes(run):
    """There is nowhere to carry them to."""
    result = run("--args-file", "-", stdin='{"word": "a", "id": 1}\n{"word": "b"}\n')

    assert result.exit_code == 1 and "`ask` has no argument `id`" in result.stderr
    assert "1 of 2 items failed" in result.stderr and "--- item 1 ---" in result.stdout


def test_a_name_that_says_no_format_is_refused(run):
    """Before anything runs."""
    Path("in.txt").write_text("word\n")
    Path("in.csv").write_text("word\na\n")
    for args in (("--args-file", "in.txt"), ("--args-file", "in.csv", "-o", "out.xlsx")):
        result = run(*args)
        assert result.exit_code == 1 and "does not say what it holds" in result.stderr
    assert run("--args-file", "gone.csv").exit_code == 1
    assert run("-o", "out.csv").exit_code == 2
    assert run("--args-file", "in.csv", "-o", "out.csv", "--json").exit_code == 2


# --- parquet ---------------------------------------------------------------------------------------------


def test_parquet_goes_in_and_out(run):
    """With its types; a null is a cell that is missing."""
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pyarrow.table({"id": [1, 2], "word": ["a", "b"], "times": [3, None]}), "in.parquet")
    assert run("--args-file", "in.parquet", "-o", "out.parquet").exit_code == 0

    rows = parquet.read_table("out.parquet").to_pylist()
    assert [(row["id"], row["word"], row["times"]) for row in rows] == [(1, "a", 3), (2, "b", None)]
    assert [
        json.loads(row["returned"])[1] if isinstance(row["returned"], str) else row["returned"][1] for row in rows
    ] == [3, 2]


def test_parquet_without_its_library_says_what_to_install(run, monkeypatch):
    """And nothing is lost: it is said before anything runs."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    Path("in.csv").write_text("word\na\n")
    for args in (("--args-file", "in.parquet"), ("--args-file", "in.csv", "-o", "out.parquet")):
        result = run(*args)
        assert result.exit_code == 1 and "pip install pyarrow" in result.stderr, result.output
        assert "program speaks" not in result.output


# --- going on --------------------------------------------------------------------------------------------


def test_a_run_that_was_cut_off_goes_on(run):
    """Without --resume it is not begun anew over what it has; what failed runs again."""
    rows = "".join(f"w{n}\n" for n in range(8))
    Path("in.csv").write_text("word\n" + rows)
    whole = run("--args-file", "in.csv", "-o", "whole.csv")
    journal = Path("whole.csv.journal").read_bytes().splitlines(keepends=True)
    Path("out.csv.journal").write_bytes(b"".join(journal[:5]) + journal[5][:30])
    refused = run("--args-file", "in.csv", "-o", "out.csv")
    resumed = run("--args-file", "in.csv", "-o", "out.csv", "--resume")

    assert whole.stdout.startswith("program speaks") and "echo: 16 calls" in whole.stdout
    assert refused.exit_code == 1 and "--resume goes on with it" in refused.stderr
    assert resumed.exit_code == 0 and "echo: 8 calls" in resumed.stdout
    assert Path("out.csv").read_text() == Path("whole.csv").read_text()
    again = run("--args-file", "in.csv", "-o", "out.csv", "--resume")
    assert "echo: 0 calls" in again.stdout and Path("out.csv").read_text() == Path("whole.csv").read_text()
    anew = run("--args-file", "in.csv", "-o", "out.csv")
    assert "echo: 16 calls" in anew.stdout


def test_another_program_does_not_go_on(run):
    """What differs is named."""
    Path("in.csv").write_text("word\na\n")
    run("--args-file", "in.csv", "-o", "out.csv")
    result = run("--args-file", "in.csv", "-o", "out.csv", "--resume", "--seed", "4")

    assert result.exit_code == 1 and "seed: 0 then, 4 now" in result.stderr
    assert run("--args-file", "-", "-o", "-", "--resume", stdin="").exit_code == 1


@pytest.mark.slow
def test_ctrl_c_says_how_to_go_on(run, tmp_path):
    """And exits as programs do; then --resume gives all of it."""
    Path("in.csv").write_text("word\n" + "slow\n" * 200)
    command = [
        sys.executable,
        "-c",
        "from lmc.cli import main; main()",
        "run",
        "ask.py",
        "--backend",
        "echo",
        "--mode",
        "eager",
    ]
    command += ["--max-in-flight", "1", "--args-file", "in.csv", "-o", "out.csv"]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen(command, cwd=tmp_path, env=env, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    journal, end = Path("out.csv.journal"), time.monotonic() + 60
    while time.monotonic() < end and not (journal.exists() and len(journal.read_bytes().splitlines()) > 5):
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)[1].decode()

    assert process.returncode == 130 and "--resume goes on with it" in said, said
    assert not Path("out.csv").exists() and len(journal.read_bytes().splitlines()) < 200
    result = run("--args-file", "in.csv", "-o", "out.csv", "--resume", "--mode", "eager")
    assert result.exit_code == 0 and len(table("out.csv")) == 200


# --- how it runs -----------------------------------------------------------------------------------------


def test_progress_is_said_on_stderr(run):
    """Where that was asked for."""
    result = run("--args-file", "-", "-o", "-", "--progress", stdin='{"word": "a"}\n')
    assert "lmc: 1 items" in result.stderr.replace("1 item,", "1 items,") and len(lines(result.stdout)) == 1


def test_prompts_are_shown(run):
    """Each call with its prompt and what came, in order; nothing that drives the terminal."""
    result = run("--arg", "word=a\x1b[2J", "--show-prompts")

    assert (
        "--- call 0: gen said at ask.py:11: " in result.stdout
        and "--- call 1: select mood at ask.py:11" in result.stdout
    )
    assert "a\\x1b[2J*2:" in result.stdout and "\x1b" not in result.stdout
    assert "ended by length" in result.stdout


def test_prompts_of_a_batch_name_the_item(run):
    """On stderr where stdout has the rows; those of a failed item too."""
    result = run("--args-file", "-", "-o", "-", "--show-prompts", stdin='{"word": "a"}\n{"word": "fail"}\n')

    assert "--- item 0, call 0: gen said" in result.stderr and "--- item 1, call 0: gen said" in result.stderr
    assert len(lines(result.stdout)) == 2


def test_a_folder_that_is_not_there(run: Any) -> None:
    """Said before anything runs."""
    Path("in.csv").write_text("word\na\n")
    told = run("--args-file", "in.csv", "-o", "none/out.csv")
    assert told.exit_code == 1
    assert told.output == "ArgumentError: there is no folder `none` for `none/out.csv`\n  help: make it first\n"


def test_who_reads_the_rows_may_stop(tmp_path: Path) -> None:
    """`| head` ends the run without a word."""
    (tmp_path / "ask.py").write_text(PROGRAM)
    args = [sys.executable, "-m", "lmc", "run", "ask.py", "--backend", "echo", "--args-file", "-", "-o", "-"]
    with subprocess.Popen(
        args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path
    ) as process:
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        process.stdin.write(b'{"word": "a"}\n' * 2000)
        process.stdin.close()
        assert json.loads(process.stdout.readline())["word"] == "a"
        process.stdout.close()
        said = process.stderr.read().decode()
        assert process.wait(60) == 141  # as shells have it; 1 is of a program that failed
    assert "Traceback" not in said and "bug" not in said


@pytest.mark.parametrize(
    "text",
    ['word,id\na,7\n"b, c",8\n', '\ufeff\r\nid,word\r\n7,a\r\n8,"b, c"\r\n', "word\tid\na\t7\nb, c\t8\n"],
    ids=["comma", "mark", "tab"],
)
def test_a_table_on_stdin(run, text):
    """Its first line names an argument, which tells it from JSON."""
    result = run("--args-file", "-", "-o", "-", stdin=text)

    assert result.exit_code == 0, result.stderr
    assert [(row["word"], row["id"]) for row in lines(result.stdout)] == [("a", "7"), ("b, c", "8")]


def test_stdin_that_is_neither(run):
    """Is told what it may be; and stdin has a name."""
    wrong = run("--args-file", "-", stdin="wrod\na\n")
    empty = run("--args-file", "-", stdin="\n")

    assert wrong.exit_code == 1 and "stdin:1 is not JSON" in wrong.stderr
    assert "or CSV, whose first line has the names of arguments" in wrong.stderr
    assert empty.exit_code == 1 and "`stdin` has no items" in empty.stderr


@pytest.mark.parametrize("more", [(), ("--json",), ("-o", "-")])
def test_a_batch_that_is_stopped_shows_what_had_ended(tmp_path, more):
    """All of them, each with its number, also behind one that had not; the status is that of a stopped command."""
    (tmp_path / "slow.py").write_text(STOPPED)
    (tmp_path / "in.jsonl").write_text("".join(f'{{"n": {n}}}\n' for n in (0, 1, 9, 2)))
    command = [sys.executable, "-m", "lmc", "run", "slow.py", "--args-file", "in.jsonl", "--backend", "echo", *more]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)

    assert done.returncode == 130 and done.stderr.endswith("stopped by Ctrl-C\n"), done.stderr
    assert "Aborted" not in done.stderr and "Traceback" not in done.stderr
    if "--json" in more:
        items = json.loads(done.stdout)["items"]
        assert [(item["item"], item["values"]["n"]) for item in items] == [(0, 0), (1, 1), (3, 2)]
    elif more:
        assert [row["input.n"] for row in map(json.loads, done.stdout.splitlines())] == [0, 1, 2]
    else:
        said = [line for line in done.stdout.splitlines() if "---" in line]
        assert said == ["--- item 0 ---", "--- item 1 ---", "--- item 3 ---"]


STOPPED = """
import os, signal
import lmc

@lmc.function
def stopped(s, n: int):
    s["n"] = n
    s += "x" + lmc.gen("a", max_tokens=2)
    if n == 9:
        s.sync()
        s += lmc.gen("b", max_tokens=2)
        s.sync()
        os.kill(os.getpid(), signal.SIGINT)
"""


def test_a_column_that_is_no_argument_is_told(run, tmp_path):
    """Also where nothing is written: it may be an argument misspelt."""
    (tmp_path / "in.csv").write_text("word,wrod\na,b\n")
    shown, written = (run("--args-file", str(tmp_path / "in.csv"), *more) for more in ((), ("-o", "-")))

    assert "left out, as " in shown.stderr and "no such argument: wrod" in shown.stderr
    assert "carried to the output, as " in written.stderr and shown.exit_code == written.exit_code == 0


@pytest.mark.parametrize("output", ["folder.csv", "/proc/none.csv"])
def test_an_output_that_cannot_be_written_is_told_before_anything_runs(run: Any, output: str) -> None:
    """By its own name, not that of the journal beside it."""
    os.mkdir("folder.csv")
    Path("rows.jsonl").write_text('{"word": "a"}\n')

    told = run("--args-file", "rows.jsonl", "-o", output)

    why = (
        "is a folder\n  help: name a file" if output == "folder.csv" else "cannot be written: No such file or directory"
    )
    assert (told.exit_code, told.output) == (1, f"ArgumentError: `{output}` {why}\n")
    assert sorted(os.listdir()) == ["ask.py", "folder.csv", "rows.jsonl"]


def test_an_output_without_a_name_is_wrong_usage(run: Any) -> None:
    """As of a variable that is not set."""
    assert run("--args-file", "rows.jsonl", "-o", "").exit_code == 2
