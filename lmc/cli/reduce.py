"""`lmc reduce`: the smallest program, or IR, that still shows a code, a pass that fails, or a command that fails."""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from lmc.cli import smaller_source
from lmc.cli.apart import answered_apart
from lmc.cli.compile import compiled, tokenizer_of, write
from lmc.cli.delta import Parts, Reduction
from lmc.cli.failing import reported
from lmc.cli.ir_files import is_ir, read_ir
from lmc.cli.json_output import sayable
from lmc.cli.options import ProgramCommand, arguments_option, model_option, output_option
from lmc.errors import ArgumentError, LMError

if TYPE_CHECKING:
    from lmc.ir.graph import Graph
    from lmc.ir.prompt import Tokenizer
    from lmc.passes import Inputs

TIMEOUT_S = 30.0
NOT_RUN = (126, 127)  # what a shell ends with where there is no such command

T = TypeVar("T")
Question = Callable[[T, Path], bool]  # of a subject, and the file that holds it for as long as it is asked


@click.command("reduce", short_help="Shrink a program or IR that shows a code or a failure.", cls=ProgramCommand)
@click.argument("target", metavar="PROG.PY[:FN]|FILE.LMIR")
@click.option("--code", metavar="CODE", help="What it is to show: an error or a note with this code.")
@click.option("--pass", "pass_name", metavar="NAME", help="What it is to show: this pass fails, or makes broken IR.")
@click.option("--check", metavar="COMMAND", help="What it is to show: this command fails; {} is the file.")
@arguments_option
@model_option
@click.option(
    "--timeout", type=click.FloatRange(min=0, min_open=True), default=TIMEOUT_S, show_default=True, metavar="S",
    help="Seconds that one try may take; longer is taken as not showing it.",
)  # fmt: skip
@output_option
@reported
def reduce_command(
    target: str,
    code: str | None,
    pass_name: str | None,
    check: str | None,
    arguments: tuple[str, ...],
    model: str | None,
    timeout: float,
    output: str | None,
) -> None:
    """Shrink a program, or IR, for as long as it shows what is said, and print the smallest one.

    Statements or nodes are left out, half of them first and single ones last, then arguments, operands and texts.
    Every program that is tried is imported, in a process of its own; IR that is tried is verified.

    \b
    lmc reduce prog.py --code LMC-GB014
    lmc reduce lmc-repro-cse-1f3a9c20.lmir --pass cse
    lmc reduce prog.lmir --check '! lmc opt {} -O 2'
    lmc reduce prog.py:judge --check 'timeout 5 python {}' -o small.py
    """
    if sum(each is not None for each in (code, pass_name, check)) != 1:
        raise click.UsageError("say what it is to show: one of --code, --pass and --check")
    wanted = _wanted(code, pass_name, check)
    tokenizer = tokenizer_of(model)
    if is_ir(target):
        text = _reduced_ir(target, wanted, _ir_question(code, pass_name, check, tokenizer), timeout)
    else:
        asks = _source_question(target, code, pass_name, check, arguments, tokenizer)
        text = _reduced_source(target, wanted, asks, timeout)
    write(text if output else sayable(text, "ir"), output)


def _wanted(code: str | None, pass_name: str | None, check: str | None) -> str:
    """What is looked for, in words. Raises ArgumentError for a code or pass that there is not."""
    from lmc.codes import CODES
    from lmc.errors import did_you_mean
    from lmc.passes import parse_pipeline

    if code is not None:
        if code.upper() not in CODES:
            help = did_you_mean(code.upper(), CODES) or "`lmc explain --codes` lists all of them"
            raise ArgumentError(f"there is no code `{code}`", help=help)
        return code.upper()
    if pass_name is not None:
        parse_pipeline(pass_name)
        return f"a failure of pass `{pass_name}`"
    return f"a failure of `{check}`"


# --- questions -------------------------------------------------------------------------------------------


def _ir_question(
    code: str | None, pass_name: str | None, check: str | None, tokenizer: Tokenizer | None
) -> Question[Graph]:
    from lmc import compiler

    if check is not None:
        return lambda _, file: _fails(check, file)
    inputs = compiler.inputs_of(tokenizer)
    if pass_name is not None:
        return lambda graph, _: _pass_fails(graph, pass_name, inputs)
    assert code is not None
    return lambda graph, _: code.upper() in _codes_of_graph(graph, inputs)


def _source_question(
    target: str,
    code: str | None,
    pass_name: str | None,
    check: str | None,
    arguments: tuple[str, ...],
    tokenizer: Tokenizer | None,
) -> Question[str]:
    from lmc.cli.loading import split_target

    path, name = split_target(target)
    if check is not None:
        return lambda _, file: _fails(check, file)
    _tell_of_effects(path)
    _warm_up()

    def ask(_: str, file: Path) -> bool:
        shown = _codes_of_program(f"{file}:{name}" if name else str(file), arguments, tokenizer, pass_name)
        return (code or pass_name or "").upper() in {each.upper() for each in shown}

    return ask


def _warm_up() -> None:
    """Import what compiling imports, here and once: each try is a process that begins with what this one has."""
    from lmc.cli.notes import notes_of
    from lmc.parser.primitives import gen
    from lmc.program import Program

    def asks(s: Any) -> None:
        s += "Why? " + gen("why", regex="[a-z]+")

    notes_of(compiled(Program(asks), {}, 2, None))


def _pass_fails(graph: Graph, name: str, inputs: Inputs) -> bool:
    """Whether a pass fails on a graph, or on its plan."""
    from lmc.passes import PASSES, run_passes
    from lmc.passes.reproducer import is_bug

    passes = [PASSES[name]] if PASSES[name].takes == "graph" else [PASSES["schedule"], PASSES[name]]
    try:
        run_passes(graph, passes[:-1], inputs)
    except Exception:
        return False  # something else is wrong with it
    try:
        run_passes(graph, passes, inputs)
    except Exception as error:
        return is_bug(error)
    return False


def _codes_of_graph(graph: Graph, inputs: Inputs) -> set[str]:
    """The codes of what the passes of -O2 say of a graph."""
    from lmc.passes import LEVELS, parse_pipeline, run_pipeline

    try:
        planned = run_pipeline(graph, parse_pipeline(LEVELS[2]), inputs)
    except LMError as error:
        return {error.code or ""}
    return {note.code or "" for report in planned.reports for note in report.notes}


def _codes_of_program(
    target: str, arguments: tuple[str, ...], tokenizer: Tokenizer | None, pass_name: str | None
) -> set[str]:
    """The codes that a program shows, or the name of the pass where that one fails."""
    from lmc.cli.arguments import parse_arguments
    from lmc.cli.loading import load_program
    from lmc.cli.notes import notes_of

    try:
        prog = load_program(target)
        own = [each for each in arguments if each.partition("=")[0] in prog.arg_names]
        done = compiled(prog, parse_arguments(prog, own), 2, tokenizer)
    except Exception as error:
        said = "\n".join([str(error), *getattr(error, "__notes__", ())])
        is_of_pass = pass_name is not None and f"a bug in lmc: pass `{pass_name}`" in said
        return {pass_name or ""} if is_of_pass else {getattr(error, "code", None) or ""}
    return {note.code or "" for note in notes_of(done)}


def _fails(check: str, file: Path) -> bool:
    """Whether a command on a file ends with another status than 0; one that cannot be run says nothing of the file."""
    name = shlex.quote(str(file))
    command = check.replace("{}", name) if "{}" in check else f"{check} {name}"
    return subprocess.run(command, shell=True).returncode not in (0, *NOT_RUN)


@contextlib.contextmanager
def _file_of(text: str, folder: Path, suffix: str) -> Iterator[Path]:
    """A file of this text, beside the original, so that it finds what that imports."""
    folder = folder if os.access(folder, os.W_OK) else Path(tempfile.gettempdir())
    handle, name = tempfile.mkstemp(prefix="lmc_reduce_", suffix=suffix, dir=folder)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


# --- subjects --------------------------------------------------------------------------------------------


class _GraphParts:
    """A graph by its nodes."""

    def count(self, subject: Graph) -> int:
        from lmc.ir.smaller import num_nodes

        return num_nodes(subject)

    def without(self, subject: Graph, left_out: set[int]) -> Graph | None:
        from lmc.ir.smaller import without

        return without(subject, left_out)

    def variants(self, subject: Graph) -> Iterator[Graph]:
        from lmc.ir.smaller import variants

        return variants(subject)


class _SourceParts:
    """A Python file by its statements."""

    def count(self, subject: str) -> int:
        return smaller_source.num_statements(subject)

    def without(self, subject: str, left_out: set[int]) -> str | None:
        return smaller_source.without(subject, left_out)

    def variants(self, subject: str) -> Iterator[str]:
        return smaller_source.variants(subject)


def _reduced_ir(target: str, wanted: str, ask: Question[Graph], timeout_s: float) -> str:
    from lmc.ir.graph import Graph

    ir = read_ir(target)
    graph = ir if isinstance(ir, Graph) else ir.graph
    room = (Path(tempfile.gettempdir()), ".lmir")
    return str(_reduced(graph, _GraphParts(), ask, "node", target, wanted, timeout_s, room))


def _reduced_source(target: str, wanted: str, ask: Question[str], timeout_s: float) -> str:
    from lmc.cli.loading import split_target

    path = split_target(target)[0]
    try:
        source = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ArgumentError(f"`{path}` cannot be read: {error.strerror}") from None
    compile(source, str(path), "exec")  # a syntax error is said as any other
    room = (path.resolve().parent, ".py")
    found = _reduced(source, _SourceParts(), ask, "statement", target, wanted, timeout_s, room)
    return source if len(found) > len(source) else found  # few statements, written at greater length


def _tell_of_effects(path: Path) -> None:
    """Say that what a file does when it is imported is done again for each try."""
    try:
        line = smaller_source.first_effect(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, SyntaxError):  # said later
        return
    if line is not None:
        said = f"{path.name} is imported for every try: what its line {line} does is done each time; Ctrl-C stops it"
        click.echo(f"lmc: {said}", err=True)


def _reduced(
    subject: T,
    parts: Parts[T],
    ask: Question[T],
    thing: str,
    target: str,
    wanted: str,
    timeout_s: float,
    room: tuple[Path, str],
) -> T:
    """The smallest subject that shows it; what there is after Ctrl-C. Says on stderr how it went.

    room  the folder where files of what is tried stand, and how their names end
    """
    began = time.monotonic()

    def asked(each: T) -> bool:
        with _file_of(str(each), *room) as file:
            return answered_apart(lambda: ask(each, file), timeout_s)

    if not asked(subject):
        help = "try it by itself first: it may need --arg, or a longer --timeout"
        raise ArgumentError(f"`{target}` does not show {wanted}", help=help)
    reduction, end = Reduction(subject, parts, asked), ""
    try:
        reduction.run()
    except KeyboardInterrupt:
        end = ", stopped by Ctrl-C"
    before, after, took_s = parts.count(subject), parts.count(reduction.best), time.monotonic() - began
    click.echo(f"{before} {thing}s -> {after}, {reduction.num_tries} tries, {took_s:.1f} s{end}", err=True)
    return reduction.best
