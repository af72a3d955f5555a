"""What the command line says when something is wrong: where, what, what to do, and never a traceback of ours."""

from __future__ import annotations

import pytest

from lmc.backend import BACKENDS
from lmc.backend import local as cpu

CASES = {
    "missing_file": ["compile", "tip.py"],
    "no_program": ["compile", "plain.py"],
    "several_programs": ["compile", "judge.py"],
    "unknown_program": ["compile", "judge.py:juge"],
    "folder": ["compile", "."],
    "unknown_argument": ["compile", "tips.py", "--arg", "topics=cats"],
    "no_equals": ["compile", "tips.py", "--arg", "cats"],
    "given_twice": ["run", "tips.py", "--arg", "topic=a", "--arg", "topic=b"],
    "missing_argument": ["run", "tips.py", "--backend", "echo"],
    "capture_break": ["compile", "failing.py:breaks"],
    "unknown_pass": ["compile", "tips.py", "-p", "csee"],
    "model_folder": ["run", "tips.py", "--arg", "topic=cats", "--model", "no/such/folder"],
    "tokenizer_folder": ["compile", "tips.py", "--model", "no/such/folder"],
    "unknown_backend": ["run", "tips.py", "--arg", "topic=cats", "--backend", "ecko"],
    "unwritable": ["compile", "tips.py", "-o", "no/such/folder/x"],
    "program_raises": ["run", "failing.py:refuses", "--arg", "question=q", "--backend", "echo"],
    "host_op_raises": ["run", "failing.py:parses", "--arg", "question=q", "--backend", "echo"],
    "no_items_file": ["run", "tips.py", "--args-file", "none.jsonl", "--backend", "echo"],
}
USAGE = {
    "unknown_format": (
        ["compile", "tips.py", "--emit-graph=png"],
        "there is no format 'png'; the formats are table, ir",
    ),
    "unknown_level": (["compile", "tips.py", "-O4"], "4 is not in the range 0<=x<=3"),
    "no_file": (["compile"], "Missing argument 'PROG.PY[:FN]'"),
    "stage": (["compile", "tips.py", "--stage=captured"], "--stage captured goes with --emit-graph=ir"),
    "unknown_command": (["compil"], "No such command 'compil'"),
    "unknown_option": (["run", "tips.py", "--bakend=echo"], "No such option '--bakend'"),
}


@pytest.mark.parametrize("name", CASES)
def test_message_is_as_reviewed(name, cli, golden):
    """The whole of stderr, with exit status 1 and nothing on stdout."""
    result = cli(*CASES[name])

    assert (result.exit_code, result.stdout) == (1, "")
    golden(f"cli/errors/{name}.txt", result.stderr)


@pytest.mark.parametrize("name", USAGE)
def test_usage_errors_exit_with_2(name, cli):
    """What click can see to be wrong, with the way to the help."""
    args, message = USAGE[name]
    result = cli(*args)

    assert result.exit_code == 2
    assert message in result.stderr


def test_cuda_says_that_it_is_not_there(cli):
    """A typed error with what to do, no traceback."""
    assert BACKENDS["cuda"].startswith(cpu.__name__)
    result = cli("run", "tips.py", "--arg", "topic=cats", "--backend", "cuda")

    assert result.exit_code == 1
    assert "BackendError" in result.stderr
    assert "help: " in result.stderr
    assert "Traceback" not in result.stderr


SOURCES = {
    "syntax": ("import lmc\n\ndef f(s:\n    pass\n", "bad.py:3:6: SyntaxError: "),
    "raises": ("import lmc\n\nraise RuntimeError('at import')\n", 'File "bad.py", line 3, in <module>'),
    "exits": ("print('hello')\nraise SystemExit(3)\n", "`bad.py` exits while it is imported, with status 3"),
    "bytes": (b"\xff\xfe\x00", "SyntaxError"),
}


@pytest.mark.parametrize("name", SOURCES)
def test_file_that_cannot_be_imported(name, cli, tmp_path, monkeypatch):
    """Its own error, in its own lines."""
    monkeypatch.chdir(tmp_path)
    source, message = SOURCES[name]
    (tmp_path / "bad.py").write_bytes(source if isinstance(source, bytes) else source.encode())
    result = cli("compile", "bad.py")

    assert (result.exit_code, result.stdout) == (1, "")
    assert message in result.stderr
    assert "lmc/cli" not in result.stderr


def test_our_own_bug_says_how_to_see_it(cli, monkeypatch):
    """An exception that is nobody's on purpose: one line, the traceback with LMC_DEBUG=1."""
    monkeypatch.setattr("lmc.arguments.holes", None)
    result = cli("compile", "tips.py")

    assert result.exit_code == 1
    assert result.stderr == (
        "lmc has a bug: TypeError: 'NoneType' object is not callable\n"
        "  help: LMC_DEBUG=1 shows where; please report it\n"
    )
    monkeypatch.setenv("LMC_DEBUG", "1")
    assert isinstance(cli("compile", "tips.py").exception, TypeError)
