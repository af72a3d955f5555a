"""Ways in: modules of packages, files with a byte order mark, versions, completion; and where output goes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lmc.parser.irtext.parse import parse_plan

PROGRAM = """import lmc
from .words import GREETING

@lmc.function
def greet(s, name: str):
    s += GREETING + name
    s += lmc.gen("reply", max_tokens=4)
"""


FORKED = """import lmc

@lmc.function
def forked(s, name: str):
    s += name
    for f in s.fork(2):
        f += "x" + lmc.gen("reply", max_tokens=4)
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package whose program imports its neighbour."""
    folder = tmp_path / "greetings" / "warm"
    folder.mkdir(parents=True)
    for each in (folder.parent, folder):
        (each / "__init__.py").touch()
    (folder / "hello.py").write_text(PROGRAM)
    (folder / "words.py").write_text('GREETING = "Grüße, "\n', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return folder


def lmc(*args: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[bytes]:
    env = {**os.environ, **environ}
    return subprocess.run([sys.executable, "-m", "lmc", *args], cwd=cwd, env=env, capture_output=True, timeout=60)


@pytest.mark.parametrize("target", ["greetings/warm/hello.py", "greetings.warm.hello", "greetings.warm.hello:greet"])
def test_a_program_in_a_package(target, package, tmp_path):
    """By its file or as Python names it; relative imports are those of the package."""
    done = lmc("run", target, "--arg", "name=Ada", "--backend", "echo", "--show-prompts", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert "Grüße, Ada" in done.stdout.decode()


def test_a_module_that_is_not_there(tmp_path):
    """Is told as a file that is not there."""
    done = lmc("compile", "greetings.none:x", cwd=tmp_path)

    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.decode().startswith("ArgumentError: there is no file `greetings.none`")


def test_a_file_with_a_byte_order_mark(tmp_path):
    """Has a graph as any other."""
    (tmp_path / "marked.py").write_text(PROGRAM.replace("from .words import GREETING", 'GREETING = "é "'), "utf-8-sig")
    done = lmc("compile", "marked.py", "--emit-graph", cwd=tmp_path)

    assert done.returncode == 0 and "marked.py:7" in done.stdout.decode()


def test_versions_and_completion(cli):
    """`-V` is `--version`; each shell has its script, and it names the command."""
    assert cli("-V").stdout == cli("--version").stdout
    for shell in ("bash", "zsh", "fish"):
        assert "_LMC_COMPLETE" in cli("completion", shell).stdout


def test_completion_knows_the_commands(tmp_path):
    """What the shell's script asks for."""
    env = {"_LMC_COMPLETE": "bash_complete", "COMP_WORDS": "lmc comp", "COMP_CWORD": "1"}
    code = "from lmc.cli import main; main(prog_name='lmc')"
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, **env}, capture_output=True, timeout=60)

    assert done.stdout.split() == [b"plain,compile", b"plain,completion"]


def test_backends_say_what_they_are(cli):
    """In a sentence for people, not for who reads the source."""
    said = cli("backends").stdout

    assert "lmc's engine on the processor" in said and "makes:" not in said


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_a_redirect_in_another_encoding(encoding, package, tmp_path):
    """What the encoding lacks, as the lines of a tree, does not end the command."""
    (tmp_path / "forked.py").write_text(FORKED)
    for args in (("compile", "greetings.warm.hello", "--emit-graph"), ("explain", "forked.py")):
        done = lmc(*args, cwd=tmp_path, PYTHONIOENCODING=encoding, PYTHONUTF8="0")

        assert (done.returncode, done.stderr) == (0, b"")


def test_a_pipe_that_is_closed_is_no_bug(package, tmp_path):
    """As of `| head -1`."""
    command = f"{sys.executable} -m lmc compile greetings.warm.hello --emit-graph | true"
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, timeout=60)

    assert b"lmc has a bug" not in done.stderr and b"Traceback" not in done.stderr


def test_piped_text_is_as_wide_as_columns_says(package, tmp_path):
    """And else 100 columns, whatever the terminal."""
    environ = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    command = [sys.executable, "-m", "lmc", "compile", "greetings.warm.hello", "--emit-graph"]
    unset, asked, narrow = (
        subprocess.run(command, cwd=tmp_path, env={**environ, **more}, capture_output=True, timeout=60).stdout
        for more in ({}, {"COLUMNS": "100"}, {"COLUMNS": "50"})
    )

    assert unset == asked != narrow
    assert b"only whole pieces are shared;\n" in narrow


@pytest.mark.parametrize(
    "name, instead", [("runn", "Did you mean `run`?"), ("x.py:f", "`lmc run x.py:f` runs a program.")]
)
def test_a_command_that_is_none(cli, name, instead):
    """Says what to write instead; wrong usage is 2."""
    said = cli(name)

    assert said.exit_code == 2 and said.stderr.endswith(f"Error: No such command '{name}'. {instead}\n")


ASKED = """import lmc

@lmc.function
def ask(s, q, n: int = 2, loud: bool = False, share: "float | None" = None, tags: list = (), word: str = ""):
    s += lmc.gen("a", max_tokens=2)
    return [q, n, loud, share, tags, word]
"""


@pytest.fixture
def ask(cli, tmp_path, monkeypatch):
    """`lmc run ask.py ...`, in JSON: what the program was given, or what it said on stderr and its status."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ask.py").write_text(ASKED)

    def call(*args: str):
        done = cli("run", "ask.py", "--backend", "echo", "--json", *args)
        return json.loads(done.stdout)["returned"] if done.exit_code == 0 else (done.exit_code, done.stderr)

    yield call
    sys.modules.pop("ask", None)


def test_an_argument_is_what_its_annotation_says(ask):
    """JSON is read as JSON; where a bool or a number is asked for, as in a cell of a table; text stays text."""
    given = ("q=[1]", "n=3", "loud=no", "share=2", 'tags=["a"]', "word=12")
    assert ask(*(part for each in given for part in ("--arg", each))) == [[1], 3, False, 2, ["a"], "12"]
    assert ask("--arg", "q=a b", "--arg", "share=null", "--arg", "loud=true") == ["a b", 2, True, None, [], ""]


@pytest.mark.parametrize(
    "given, said",
    [
        ("n=x", "argument `n`: 'x' is not a whole number"),
        ("n=1.5", "argument `n`: '1.5' is not a whole number"),
        ("n=", "argument `n`: it is empty"),
        ("loud=maybe", "argument `loud`: 'maybe' is not true or false"),
        ("tags=a,b", "argument `tags`: 'a,b' is not JSON"),
    ],
)
def test_an_argument_that_is_something_else_is_refused(ask, given, said):
    """Before anything runs; text for a number would be a program's wrong answer."""
    status, stderr = ask("--arg", "q=1", "--arg", given)
    assert status == 1 and said in stderr


def test_who_gives_arguments_in_another_way_is_told_how(ask):
    """As options or words; and which are needed."""
    assert ask() == (1, "ArgumentError: `ask` needs `q`\n  help: give --arg q=...\n")
    for wrong in (("--q", "1"), ("hello",)):
        status, stderr = ask(*wrong)
        assert status == 2 and stderr.endswith("A program's arguments are given as --arg NAME=VALUE.\n")


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
@pytest.mark.parametrize(
    "more", [("--args-file", "-", "-o", "-"), ("--args-file", "-", "--json"), ("--stream", "--json")]
)
def test_json_is_whole_in_any_encoding(encoding, more, tmp_path):
    """What the output cannot say is escaped, never replaced."""
    (tmp_path / "echoes.py").write_text(
        "import lmc\n\n@lmc.function\ndef echoes(s, word: str):\n"
        "    s['said'] = word\n    s += lmc.gen('a', max_tokens=1)\n"
    )
    word = "é 日 😀 \ud800"
    command = [sys.executable, "-m", "lmc", "run", "echoes.py", "--backend", "echo", *more]
    if "--stream" in more:
        command += ["--arg", "word=" + json.dumps(word)]
    env = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    rows = json.dumps({"word": word}).encode() if "--stream" not in more else b""
    done = subprocess.run(command, cwd=tmp_path, env=env, input=rows, capture_output=True, timeout=60)

    assert done.returncode == 0, done.stderr
    text = done.stdout.decode(encoding)
    whole = json.loads(text) if "--stream" not in more else json.loads(text.splitlines()[-1])
    assert (whole["items"][0] if "items" in whole else whole).get("values", whole)["said"] == word


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
@pytest.mark.parametrize(
    "args",
    [
        ("compile", "--emit-graph=json"),
        ("compile", "--emit-graph=ir"),
        ("explain", "--format", "json"),
        ("explain", "--constraints", "--format", "json"),
        ("run", "--backend", "echo", "--emit-graph=json"),
    ],
    ids=" ".join,
)
def test_a_graph_for_programs_is_whole_in_any_encoding(args, encoding, tmp_path):
    """JSON and IR are escaped where the output cannot say them: what is read back is the program's text."""
    word = "é 日 😀"
    (tmp_path / "said.py").write_text(
        f"import lmc\n\n@lmc.function\ndef said(s):\n    s += {word!r}\n    s += lmc.select('a', [{word!r}, 'b'])\n",
        encoding="utf-8",
    )
    command, *options = args
    done = lmc(command, "said.py", *options, cwd=tmp_path, PYTHONIOENCODING=encoding, PYTHONUTF8="0")

    assert (done.returncode, done.stderr) == (0, b"")
    text = done.stdout.decode(encoding, errors="replace")  # values for people stand before the graph of a run
    if "ir" in args[1]:
        assert f'"{word}"' in str(parse_plan(text))
    else:
        whole = json.loads(text[text.index("\n{") if command == "run" else 0 :])
        assert word in json.dumps(whole, ensure_ascii=False)


TYPED = """import lmc


@lmc.function
def typed(s, word="cats"):
    s += "About " + word + ":" + lmc.gen("a", max_tokens=3)
    return s.text().removesuffix(s["a"])


"""


@pytest.mark.parametrize("command", ["run", "explain", "compile", "lint"])
def test_a_program_on_stdin(command, tmp_path):
    """`-` is the program; it has a graph, and places in it are those of stdin."""
    more = ["--fullgraph", "--backend", "echo", "--arg", "word=dogs"] if command == "run" else []
    line = [sys.executable, "-m", "lmc", command, "-", *more]
    done = subprocess.run(line, cwd=tmp_path, input=TYPED.encode(), capture_output=True, timeout=60)

    assert (done.returncode, done.stderr) == (0, b"")
    assert command != "run" or b"-> returned  About dogs:" in done.stdout
    assert command != "explain" or b"<stdin>:6" in done.stdout
    wrong = subprocess.run(line, cwd=tmp_path, input=TYPED.encode() * 2, capture_output=True, timeout=60)
    assert wrong.returncode == 0  # the second is of the same name
    none = subprocess.run([*line, "--args-file", "-"], cwd=tmp_path, input=b"", capture_output=True, timeout=60)
    assert none.returncode == 2 and (command != "run" or b"the program or its rows, not both" in none.stderr)


@pytest.mark.parametrize("way", ["-c", "-", "exec", "prompt"])
def test_a_program_whose_text_python_does_not_keep(way, tmp_path):
    """It runs as Python, to the same result, and one line says why and what gives it a graph."""
    run = 'print(typed.run("dogs", backend="echo").ret_value)\ntyped.run("x", backend="echo")\n'
    code = TYPED + run
    args = {"-c": ["-c", code], "-": ["-"], "exec": ["-c", f"exec({code!r})"], "prompt": ["-i"]}[way]
    done = subprocess.run(
        [sys.executable, *args], cwd=tmp_path, input=code.encode(), capture_output=True, text=False, timeout=60
    )

    assert done.returncode == 0 and b"About dogs:" in done.stdout
    said = [line for line in done.stderr.decode().splitlines() if "lmc: " in line]
    assert len(said) == 1 and "without a graph: LMC-GB001: the source of `typed` cannot be read" in said[0]
    assert "define the program in a file" in said[0] and b"Traceback" not in done.stderr


def test_a_notebook_is_no_program(cli, tmp_path):
    """Its JSON would be a Python expression."""
    (tmp_path / "nb.ipynb").write_text("{}")
    assert "is a notebook" in cli("run", str(tmp_path / "nb.ipynb")).stderr
