"""Ways in: modules of packages, files with a byte order mark, versions, completion; and where output goes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

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
