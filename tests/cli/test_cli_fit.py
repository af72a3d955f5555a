"""What a model behind an API cannot do, said at compile time: golden files, a program each, of three kinds of API."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.cli.programs import remote

TARGETS = (("openai", "gpt-6-luna"), ("anthropic", "claude-haiku-4-5"), ("ollama", "qwen3:8b"))
PROGRAMS = [name for name, value in vars(remote).items() if type(value).__name__ == "Program"]


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_a_model_lacks_for_a_program(name: str, cli, golden) -> None:
    """Each with its place, its reason and the ways out; and what becomes of it where it is emulated."""
    told = []
    for backend, model in TARGETS:
        for fallback in ((), ("--fallback", "emulate")):
            command = ("compile", f"remote.py:{name}", "--backend", backend, "--model", model, *fallback)
            ran = cli(*command)
            if fallback and told and ran.output == told[-1].partition("\n")[2]:
                continue  # it says the same
            told.append(f"$ lmc {' '.join(command)}\n{ran.output}")
    golden(f"cli/fit/{name}.txt", "\n".join(told))


def test_there_are_programs() -> None:
    """A dozen of them."""
    assert len(PROGRAMS) == 12


@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
def test_an_unknown_model_does_the_least(dialect: str, cli) -> None:
    """And the message says that this is for want of knowing."""
    ran = cli("compile", "remote.py:pattern", "--backend", dialect, "--model", "of-tomorrow")
    assert ran.exit_code == 1
    assert "takes no regex" in ran.output and "no row of the table of models names `of-tomorrow`" in ran.output
    assert cli("compile", "remote.py:fine", "--backend", dialect, "--model", "of-tomorrow").exit_code == 0


def test_options_that_do_not_go_together_are_refused(cli) -> None:
    """With what is needed."""
    without = cli("compile", "remote.py:fine", "--backend", "openai")
    assert without.exit_code == 2 and "--backend openai goes with --model NAME" in without.output
    lonely = cli("compile", "remote.py:fine", "--fallback", "emulate")
    assert lonely.exit_code == 2 and "--tokenizer, --fallback and --api-fuse go with --backend" in lonely.output


def test_lint_says_it_too(cli) -> None:
    """With all that there is to say of the program."""
    ran = cli("lint", "remote.py:plain", "--backend", "openai", "--model", "gpt-6.2-sol", "--strict")
    assert ran.exit_code == 1
    assert ran.output.count("LMC-AP001") == 1 and ran.output.count("LMC-AP003") == 1


LONG = """
import lmc


@lmc.function
def long(s):
    s += lmc.user("x" * 1_700_000)
    s += lmc.assistant(lmc.gen("a"))
"""


@pytest.mark.slow
def test_a_tokenizer_counts_the_prompt(cli, tmp_path, tokenizer_dir) -> None:
    """With the model's own, a prompt that is too long is an error; without it that is a guess, and a note."""
    path = tmp_path / "long.py"
    path.write_text(LONG, encoding="utf-8")
    command = ("compile", str(path), "--backend", "openai", "--model", "gpt-5.1")
    guessed = cli(*command)
    assert guessed.exit_code == 0 and "its prompt has about 425000 tokens or more" in " ".join(guessed.output.split())
    counted = cli(*command, "--tokenizer", str(tokenizer_dir))
    assert counted.exit_code == 1 and "takes 400000 of prompt and answer together" in counted.output


def test_nothing_of_the_network_is_loaded() -> None:
    """Nor an engine: the table is enough."""
    code = (
        "import sys; from lmc.cli import main\n"
        "try: main(['compile', 'remote.py:stops', '--backend', 'openai', '--model', 'gpt-6-luna'])\n"
        "except SystemExit: pass\n"
        "print(*sorted({'httpx2', 'httpcore2', 'anyio', 'torch', 'numpy'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd="tests/cli/programs")
    assert "takes no stop texts" in ran.stderr and ran.stdout.strip().splitlines()[-1:] in ([], [""])
