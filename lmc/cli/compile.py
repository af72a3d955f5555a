"""`lmc compile`: a program's graph, what its prompts share, and what the passes did. Needs no model and no torch."""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lmc import knobs
from lmc.cli.failing import reported
from lmc.cli.json_output import sayable
from lmc.cli.options import (
    ProgramCommand,
    arguments_option,
    closed_option,
    level_option,
    model_or_name_option,
    output_option,
    passes_option,
    print_ir_option,
    time_passes_option,
    width_option,
)
from lmc.cli.remote import api_fuse_option, api_option, asked_of, fallback_option, tokenizer_option
from lmc.cli.remote import tokenizer_of as tokenizer_of
from lmc.codes import ABOUT_APIS, SURELY_WRONG, with_footer
from lmc.viz import DEFAULT_WIDTH, FORMATS, Terminal
from lmc.viz.text_table import reflowed

if TYPE_CHECKING:
    from lmc.compiler import Compiled
    from lmc.ir.caps import Caps
    from lmc.ir.graph import Graph
    from lmc.ir.plan import Plan
    from lmc.ir.prompt import Tokenizer
    from lmc.passes import Pass, Report
    from lmc.passes.pipeline import OnChange
    from lmc.program import Program
    from lmc.result import Result

BARE = "table,tree"  # what --emit-graph without a format prints
_FOR_PEOPLE = frozenset(("table", "tree"))


class CompileCommand(ProgramCommand):
    """Lets `--emit-graph` stand before the file: it takes a value that follows only if that is a format."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Joins `--emit-graph` and its format, or gives it the usual ones."""
        return super().parse_args(ctx, list(_joined(args)))


def _joined(args: Sequence[str]) -> Iterator[str]:
    rest = iter(args)
    for arg in rest:
        if arg != "--emit-graph":
            yield arg
            continue
        following = next(rest, None)
        is_format = following is not None and all(part in FORMATS for part in following.split(","))
        yield f"--emit-graph={following if is_format else BARE}"
        if following is not None and not is_format:
            yield from _joined([following, *rest])


def graph_formats(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[str, ...]:
    """The formats of `--emit-graph`."""
    formats = tuple(value.split(",")) if value is not None else ()
    if unknown := next((each for each in formats if each not in FORMATS), None):
        raise click.BadParameter(f"there is no format {unknown!r}; the formats are {', '.join(FORMATS)}")
    return formats


@click.command("compile", short_help="Compile a program and show what it became.", cls=CompileCommand)
@click.argument("program", metavar="PROG.PY[:FN]")
@click.option(
    "--emit-graph", "formats", metavar="[=FORMAT]", callback=graph_formats,
    help=f"Print the graph: {', '.join(FORMATS)}. Without a format the table and the sharing tree.",
)  # fmt: skip
@arguments_option
@model_or_name_option
@api_option
@tokenizer_option
@fallback_option
@api_fuse_option
@closed_option
@level_option
@passes_option
@click.option(
    "--stage", type=click.Choice(("captured", "plan")), default="plan", show_default=True,
    help="Which graph `ir` prints: as captured, or with its plan after the passes.",
)  # fmt: skip
@click.option("--explain", is_flag=True, help="Say what each pass did.")
@time_passes_option
@print_ir_option
@width_option
@output_option
@reported
def compile_command(
    program: str,
    formats: tuple[str, ...],
    arguments: tuple[str, ...],
    model: str | None,
    backend: str | None,
    tokenizer: str | None,
    fallback: str | None,
    fuse: str | None,
    closed: bool,
    level: int,
    passes: str | None,
    stage: str,
    explain: bool,
    time_passes: bool,
    print_ir_after_change: bool,
    width: int | None,
    output: str | None,
) -> None:
    """Compile a program and show what it became. Imports its file, and calls no model.

    \b
    lmc compile prog.py --emit-graph
    lmc compile prog.py:judge --emit-graph=tree --model ./Qwen3-0.6B --arg dims='["clarity", "style"]'
    lmc compile prog.py --emit-graph=mermaid -o graph.mmd
    lmc compile prog.py --backend openai --model gpt-6-luna
    """
    from lmc.cli.arguments import parse_arguments
    from lmc.cli.loading import load_program

    prog = load_program(program)
    values = parse_arguments(prog, arguments)
    pipeline, on_change = passes if passes is not None else level, print_change if print_ir_after_change else None
    counts, caps = asked_of(backend, model, tokenizer, fallback, fuse)
    done = compiled(prog, values, pipeline, counts, on_change, is_closed=closed, caps=caps)
    if stage == "captured" and formats != ("ir",):
        raise click.UsageError("--stage captured goes with --emit-graph=ir")
    terminal = terminal_for(width, output)
    shown = [str(done.graph)] if stage == "captured" else [_emitted(done, each, terminal) for each in formats]
    if output is None:
        shown = [sayable(text, each) for text, each in zip(shown, formats, strict=True)]
    is_for_people = _FOR_PEOPLE.issuperset(formats)
    if not formats:
        shown.append(reflowed(_summary(done), terminal.width))
    if explain and is_for_people:
        shown.append(explained(done, terminal.width))
    write("\n".join(shown), output)
    if explain and not is_for_people:
        click.echo(explained(done, terminal.width), err=True, nl=False)
    _warn(done, terminal)
    if time_passes:
        click.echo(pass_times(done.reports), err=True)


def compiled(
    prog: Program,
    values: Mapping[str, Any],
    pipeline: int | str,
    tokenizer: Tokenizer | None,
    on_change: OnChange | None = None,
    *,
    is_closed: bool = False,
    caps: Caps | None = None,
) -> Compiled:
    """The program compiled for these arguments; values that are given are known to the prefix tree too.

    caps  of the backend that it is checked against
    """
    from lmc import arguments, compiler

    bound, cache = {**prog.bound, **values}, compiler.Cache()
    made = cache.trace_for(prog.func, arguments.holes(prog.func, bound), arguments.defaults(prog.func, bound))
    known = {p.path: arguments.value_at(bound, p.path) for p in made.graph.params if p.path[0] in bound}
    items = [known] if known else ()
    pipeline = compiler.pipeline_of(pipeline, closed=is_closed)
    if caps is not None and not caps.fused:
        pipeline = compiler.without_fusing(pipeline)
    return compiler.compile_trace(cache, made, pipeline, tokenizer, caps, items=items, on_change=on_change)


def compiled_or_run(
    prog: Program,
    values: Mapping[str, Any],
    pipeline: int | str,
    tokenizer: Tokenizer | None,
    backend: str | None,
    model: str | None,
    *,
    is_closed: bool = False,
) -> Compiled:
    """The program compiled; one that cannot be captured is run on the backend, if one is named, and what it did is it.

    What the run fails with is said on stderr, as what it did up to there may tell why.
    """
    from lmc.cli.failing import told
    from lmc.errors import CaptureError

    try:
        return compiled(prog, values, pipeline, tokenizer, is_closed=is_closed)
    except CaptureError as error:
        if backend is None:
            error.notes += ("with --backend NAME, and its arguments, lmc runs it and shows what it did",)
            raise
    with contextlib.redirect_stdout(sys.stderr):
        said: dict[str, Any] = {"closed": True} if is_closed else {}
        results: list[Result[Any]] = prog.run_batch([values], backend=backend, model=model, record=True, **said)
    (result,) = results
    if result.error is not None:
        click.echo(told(result.error), err=True)
    return result.compiled


def print_change(each: Pass, ir: Graph | Plan) -> None:
    """Say on stderr what a pass made."""
    click.echo(f"# after {each.name}\n{ir}", err=True)


# --- what is printed -------------------------------------------------------------------------------------


def _emitted(done: Compiled, format: str, terminal: Terminal) -> str:
    from lmc.viz import emit

    return emit(done.planned, format, terminal)


def explained(done: Compiled, width: int) -> str:
    """What each pass did, and how to read more of a code that stands in it."""
    return reflowed(with_footer(done.explain() + "\n"), width)


def _summary(done: Compiled) -> str:
    """One paragraph: what the program came to, and what it shares."""
    from lmc.viz.sharing import sharing
    from lmc.viz.table import summary
    from lmc.viz.tree import total
    from lmc.viz.view import View

    view = View(done.planned)
    shares = f"  {total(sharing(view), view)}\n" if view.calls else ""
    return (
        f"{view.title}\n  {summary(view)}\n{shares}"
        "  --emit-graph shows the calls and the sharing tree, --explain what each pass did\n"
    )


def _warn(done: Compiled, terminal: Terminal) -> None:
    """Say on stderr what surely goes wrong, and what an API does otherwise; `lmc lint` says that and more."""
    from lmc.cli.notes import notes_of, told

    wrong = [note for note in notes_of(done) if note.code in SURELY_WRONG or (note.code or "").startswith(ABOUT_APIS)]
    if wrong:
        click.echo(with_footer("".join(told(note, terminal.width) for note in wrong)), err=True, nl=False)


def pass_times(reports: Sequence[Report]) -> str:
    """How long each pass took, as a table."""
    width = max(len(report.name) for report in reports)
    rows = [f"{report.name:<{width}}  {report.seconds * 1e3:8.2f} ms" for report in reports]
    total = sum(report.seconds for report in reports) * 1e3
    return "\n".join([*rows, f"{'all passes':<{width}}  {total:8.2f} ms"])


def terminal_for(width: int | None, output: str | None) -> Terminal:
    """The terminal's width and colours; in a file or a pipe no colours, and the width that COLUMNS says."""
    is_terminal = output is None and sys.stdout.isatty()
    is_asked = is_terminal or (output is None and knobs.COLUMNS.read())
    columns = shutil.get_terminal_size((DEFAULT_WIDTH, 24)).columns if is_asked else DEFAULT_WIDTH
    is_plain = knobs.is_plain()
    return Terminal(width or max(40, columns), is_terminal and not is_plain)


def write(text: str, output: str | None) -> None:
    """Print a text, or write it to a file, `-` being stdout. Raises ArgumentError where that cannot be written."""
    from lmc.errors import ArgumentError

    if output in (None, "-"):
        click.echo(text, nl=False)
        return
    try:
        Path(str(output)).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ArgumentError(f"`{output}` cannot be written: {error.strerror}") from None
