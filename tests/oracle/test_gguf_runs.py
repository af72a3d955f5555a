"""A program gives the same on a GGUF file as on the folder that the file was made of."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

import lmc
from lmc import CpuBackend
from lmc.cli import main
from scripts.support.checkpoint import FAMILIES, Family, tiny_checkpoint
from tests.support.gguf_files import add_byte_level, write_gguf

pytest.importorskip("gguf", reason="the gguf package, which writes the files, is not installed")

PROGRAM = """
import lmc


@lmc.function
def chat(s, text: str):
    s += lmc.user(text)
    s += lmc.assistant(lmc.gen("answer", max_tokens=24, temperature=0))
    s += lmc.user("And a digit?") + lmc.assistant(lmc.gen("digit", regex="[0-9]{3}", max_tokens=8, temperature=0))
    s += lmc.select("best", ["fox", "dog", "lazy"])
"""


def both(folder: Path, family: Family) -> tuple[Path, Path]:
    """The folder, and a file beside it."""
    tiny_checkpoint(folder, family)
    path = write_gguf(folder / "m.gguf", folder, family, add=lambda w: add_byte_level(w, folder, "gpt-2"))
    return folder, path


def values(program: lmc.Program, path: Path) -> list[object]:
    """What a program says there, and how many tokens its prompts have."""
    text = "A quick <|im_end|> fox, 123."
    result = program.run(text=text, backend=CpuBackend(path, dtype="fp32", num_slots=1024, disk_cache=False))
    return [result["answer"], result["digit"], result["best"], result.text(), result.usage.prompt_tokens]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_program_gives_the_same(tmp_path: Path, family: Family) -> None:
    """Turns, a constraint, a choice, and a text that spells a control token."""
    names: dict[str, object] = {}
    source = tmp_path / "program.py"
    source.write_text(PROGRAM)
    exec(compile(PROGRAM, str(source), "exec"), names)
    program = names["chat"]
    assert isinstance(program, lmc.Program)
    folder, path = both(tmp_path / "model", family)

    assert values(program, path) == values(program, folder)


def test_the_command_line_takes_a_file(tmp_path: Path) -> None:
    """`lmc run --model FILE`, and `lmc compile`, which counts with its tokenizer."""
    (tmp_path / "program.py").write_text(PROGRAM)
    folder, path = both(tmp_path / "model", "llama")
    given = ["run", str(tmp_path / "program.py"), "--arg", "text=hi", "--json", "--backend", "cpu", "--model"]
    ran = [CliRunner().invoke(main, [*given, str(each)]) for each in (folder, path)]

    assert [run.exit_code for run in ran] == [0, 0], ran[1].output
    first, second = (json.loads(run.stdout) for run in ran)
    assert first["values"] == second["values"]
    graph = ["compile", str(tmp_path / "program.py"), "--emit-graph=ir", "--model", str(path)]
    assert "<|im_start|>user" in CliRunner().invoke(main, graph).stdout
