"""`lmc run`: run a program, or a batch of items, and print the values by name, what it returned, and what it cost."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import click

import lmc
from lmc.cli.compile import CompileCommand, explained, graph_formats, terminal_for, write
from lmc.cli.failing import fail, reported, told
from lmc.cli.forecast import learn_option
from lmc.cli.json_output import echo_json, sayable
from lmc.cli.options import arguments_option, closed_option, level_option, limit_option, named_file, passes_option
from lmc.viz import FORMATS
from lmc.viz.text_table import reflowed

if TYPE_CHECKING:
    from lmc.launch import Mode
    from lmc.observe.report import RunReport
    from lmc.program import Program
    from lmc.result import Result


@click.command("run", short_help="Run a program, or a batch of items.", cls=CompileCommand)
@click.argument("program", metavar="PROG.PY[:FN]")
@arguments_option
@click.option(
    "--args-file",
    metavar="FILE",
    help="A batch: .jsonl, .json, .csv, .tsv or .parquet, a row an item; - is JSON or CSV on stdin.",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    callback=named_file,
    help="Of a batch: the rows with the program's values behind them, in the format of its name; - is JSON on stdout. "
    "With --emit-graph: where the graph goes.",
)
@click.option("--resume", is_flag=True, help="Go on with the run that has written FILE.journal beside the output.")
@click.option("--max-in-flight", type=click.IntRange(min=1), metavar="N", help="Items that run at once.")
@click.option(
    "--retry",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="How often an item is run again, whole, after an error that may pass.",
)
@click.option(
    "--timeout", type=click.FloatRange(min=0, min_open=True), metavar="S", help="Seconds that an item may take."
)
@click.option("--progress", is_flag=True, help="Say on stderr how far the batch is.")
@click.option("--live", is_flag=True, help="Show the run on stderr as it goes: items, calls by wave, pool, rates.")
@click.option("--show-prompts", is_flag=True, help="Print each call: its prompt, and what came.")
@click.option(
    "--model",
    metavar="PATH|NAME",
    help="A checkpoint folder, a GGUF file, or smollm2; lmc-tiny, which lmc ships, if none is named.",
)
@click.option("--backend", default="auto", show_default=True, metavar="NAME", help="See `lmc backends`.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of every sampled call that names none.")
@limit_option
@click.option(
    "--temperature", type=click.FloatRange(min=0), metavar="T", help="For the calls that do not say; 0 is greedy."
)
@closed_option
@click.option(
    "--mode",
    type=click.Choice(("auto", "compiled", "eager")),
    default="auto",
    show_default=True,
    help="A graph where the program has one, and Python elsewhere; a graph only; or Python only.",
)
@click.option("--fullgraph", is_flag=True, help="A program without a graph is an error, as with --mode compiled.")
@level_option
@passes_option
@click.option(
    "--analyze",
    is_flag=True,
    help="Show what ran: what was foretold of its calls beside what they took, what they shared, what the passes did.",
)
@learn_option
@click.option(
    "--emit-graph",
    "formats",
    metavar="[=FORMAT]",
    callback=graph_formats,
    help=f"Print the graph of what ran: {', '.join(FORMATS)}. Of a batch, that of the first item.",
)
@click.option("--trace", metavar="FILE", help="Write a Chrome trace of calls and forward passes, for ui.perfetto.dev.")
@click.option("--record", metavar="FILE", help="Write down each call and its answer, for --backend replay:FILE.")
@click.option(
    "--stream", "is_stream", is_flag=True, help="Print the text as it comes; with --json, each event on a line."
)
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "-v", "--verbose", is_flag=True, help="Say on stderr how many threads compute, and what is in each cache."
)
@reported
def run_command(
    program: str,
    arguments: tuple[str, ...],
    args_file: str | None,
    output: str | None,
    resume: bool,
    max_in_flight: int | None,
    retry: int,
    timeout: float | None,
    progress: bool,
    live: bool,
    show_prompts: bool,
    model: str | None,
    backend: str,
    seed: int,
    max_new_tokens: int | None,
    temperature: float | None,
    closed: bool,
    mode: Mode,
    fullgraph: bool,
    level: int,
    passes: str | None,
    analyze: bool,
    learn: str | None,
    formats: tuple[str, ...],
    trace: str | None,
    record: str | None,
    is_stream: bool,
    is_json: bool,
    verbose: bool,
) -> None:
    """Run a program and print its values, what it returned, and what it cost.

    \b
    lmc run prog.py --arg topic=cats
    lmc run prog.py --arg topic=cats --model ./Qwen3-0.6B --backend cpu
    lmc run prog.py:judge --arg dims='["clarity", "style"]' --backend echo --json
    lmc run prog.py --args-file items.jsonl --model ./Qwen3-0.6B
    lmc run prog.py --arg topic=cats --backend echo --analyze
    lmc run prog.py --arg topic=cats --emit-graph=html -o run.html
    lmc run prog.py --args-file in.csv -o out.csv --resume --retry 2 --timeout 60
    lmc run prog.py --arg topic=cats --stream
    lmc run prog.py --arg topic=cats --trace run.json
    lmc run prog.py --arg topic=cats --backend openai --model NAME --record calls.jsonl
    lmc run prog.py --arg topic=cats --backend replay:calls.jsonl
    """
    from lmc.cli.arguments import check_all_there, parse_arguments
    from lmc.cli.loading import load_program
    from lmc.cli.table import Table
    from lmc.observe.learning import learnt_from

    is_batch = args_file is not None
    if not is_batch and (resume or (output is not None and not formats)):
        raise click.UsageError("-o and --resume are for a batch: give --args-file")
    if is_batch and is_stream:
        raise click.UsageError("--stream is for one run: the texts of a batch grow side by side")
    if is_json and is_batch and output is not None:
        raise click.UsageError("--json prints, and -o writes: use one of them")
    if is_batch and output is not None and (analyze or formats):
        raise click.UsageError("--analyze and --emit-graph show one run, and -o writes rows: use one of them")
    if live and (is_stream or progress):
        raise click.UsageError("--live draws where the text of --stream and the bar of --progress would stand: use one")
    if trace is not None and (is_stream or (is_batch and output is not None)):
        raise click.UsageError("--trace keeps the run until its end: leave out --stream and -o")
    if args_file == "-" and program.partition(":")[0] == "-":
        raise click.UsageError("stdin is the program or its rows, not both: write one of them to a file")
    if learn is not None and not analyze:
        raise click.UsageError("--learn goes with --analyze")
    prog = load_program(program)
    if learn is not None:
        learnt_from(learn, prog.func)  # what is wrong with the file is said before anything runs
    if record is not None:
        click.get_current_context().with_resource(lmc.record(record))
    if verbose:
        _say_threads(backend, model)
    values = parse_arguments(prog, arguments)
    if not is_batch:
        check_all_there(prog, values)
    settings: dict[str, Any] = {
        "backend": backend,
        "model": model,
        "seed": seed,
        "opt_level": passes if passes is not None else level,
        "mode": mode,
        "fullgraph": fullgraph,
        "record": analyze or bool(formats),
    }
    # none that is left out: a program may have an argument of that name
    said = {"max_new_tokens": max_new_tokens, "temperature": temperature, "closed": closed or None}
    settings |= {name: value for name, value in said.items() if value is not None}
    settings |= {"max_in_flight": max_in_flight, "retry": retry, "timeout": timeout}
    settings["progress_bar"] = "live" if live else progress
    settings["calls"] = show_prompts or analyze or bool(formats)
    settings["timeline"] = trace is not None or "html" in formats
    show = partial(_show_prompts, is_batch=is_batch, err=is_json or output == "-") if show_prompts else None
    if is_stream:
        _stream(prog, values, settings, is_json=is_json)
        return
    if args_file is None:
        with _quiet(is_json):
            (result,) = results = prog.run_batch([values], **settings)
        if show is not None:
            show(result)
        report, stop, items = result.report, None, {0: values}
    else:
        table = Table(
            program=prog, source=args_file, output=output, resume=resume, given=values, options=settings, show=show
        )
        if output is not None:
            table.write()
            return
        with _quiet(is_json):
            results, report, stop, items = table.results()
    if trace is not None:
        _write_trace(trace, results, report, prog)
    try:
        _show(results, report, is_batch=is_batch, is_json=is_json)
    finally:
        if verbose:
            _say_caches()
        if analyze and report is not None and any(result.has_graph for result in results):
            _show_analysis(
                prog, results, report, items, caches=_caches(backend, model), err=is_json,
                learn=learn, max_new_tokens=max_new_tokens,
            )  # fmt: skip
        if results:
            _show_pictures(results[0], analyze, formats, None if is_batch else output, err=is_json)
        if stop is not None:
            raise stop


def _show_analysis(
    prog: Program,
    results: Sequence[Result],
    report: RunReport,
    items: Mapping[int, Any],
    *,
    caches: bool,
    err: bool,
    learn: str | None,
    max_new_tokens: int | None,
) -> None:
    from lmc.cli.analyze import analyzed

    shown = analyzed(
        prog, results, report, items, terminal_for(None, None),
        learn=learn, max_new_tokens=max_new_tokens, caches=caches,
    )  # fmt: skip
    click.echo(f"\n{shown}", err=err, nl=False)


def _caches(backend: str, model: str | None) -> bool:
    """Whether the backend computes what prompts begin with alike once."""
    from lmc.backend import resolve

    return resolve(backend, model).caps.prefix_cache


def _write_trace(file: str, results: Sequence[Result], report: RunReport | None, program: Program) -> None:
    from lmc.ir.prompt import well_formed
    from lmc.observe.chrome_trace import chrome_trace

    made = chrome_trace(results, report, program.func.__name__)
    write(well_formed(json.dumps(made, ensure_ascii=False, default=repr, separators=(",", ":"))), file)
    if num := made["otherData"]["num_items_dropped"]:
        click.echo(_fitting(f"the trace has the calls of {len(results) - num} items, not of the last {num}"), err=True)


def _say_threads(backend: str, model: str | None) -> None:
    from lmc.backend import resolve

    threads = getattr(resolve(backend, model), "computed_by", None)
    if threads is not None:
        click.echo(_fitting(f"computed by {threads}"), err=True)


def _say_caches() -> None:
    from lmc.caches import cache_info

    for info in cache_info():
        if info.entries:
            click.echo(_fitting(f"kept: {info}"), err=True)


def _fitting(text: str) -> str:
    """A line or more in the width of the terminal."""
    return reflowed(text, terminal_for(None, None).width).rstrip("\n")


def _show_pictures(result: Result, analyze: bool, formats: Sequence[str], output: str | None, err: bool) -> None:
    """What ran, as it is asked for: of a run that failed too. The formats go to a file where one is named."""
    if not result.has_graph or not (analyze or formats):
        return
    from lmc.viz import emit

    planned, terminal = result.compiled.planned, terminal_for(None, None)
    texts = {format: emit(planned, format, terminal, result.figures) for format in formats}
    if output is not None:
        write("\n".join(texts.values()), output)
        texts = {}
    if analyze:
        texts = {format: emit(planned, format, terminal) for format in ("table", "tree")} | texts
    for format, text in texts.items():
        click.echo(f"\n{sayable(text, format, sys.stderr if err else sys.stdout)}", err=err, nl=False)
    if analyze:
        click.echo(f"\n{explained(result.compiled, terminal.width)}", err=err, nl=False)


def _stream(prog: Program, values: dict[str, Any], settings: dict[str, Any], *, is_json: bool) -> None:
    from lmc.cli.streaming import show_events, show_text

    del settings["progress_bar"]  # the text is one
    with prog.run_batch([values], stream=True, **settings) as batch:
        if is_json:
            show_events(batch, _as_json)
        else:
            show_text(batch)


def _quiet(is_json: bool) -> contextlib.AbstractContextManager[object]:
    """What a program prints stays out of the JSON."""
    return contextlib.redirect_stdout(sys.stderr) if is_json else contextlib.nullcontext()


def _show_prompts(result: Result, *, is_batch: bool, err: bool) -> None:
    from lmc.cli.show_calls import show_calls

    show_calls(result, is_batch=is_batch, err=err)


def _show(results: Sequence[Result], report: RunReport | None, *, is_batch: bool, is_json: bool) -> None:
    """Values to stdout, errors to stderr; exits with 1 where an item failed."""
    if is_json:
        _show_json(results, report, is_batch)
    failed = [result.error for result in results if result.error is not None]
    if not is_batch and failed:
        fail(failed[0])
    if not is_json:
        for result in results:
            _show_item(result, f"item {result.item}" if is_batch else "")
        click.echo(f"\n{_fitting(str(report))}")
    if failed:
        click.echo(f"{len(failed)} of {len(results)} items failed", err=True)
        raise click.exceptions.Exit(1)


def _show_item(result: Result, title: str) -> None:
    if title:
        click.echo(f"--- {title}{': failed' if result.error is not None else ''} ---")
    if result.error is not None:
        click.echo(f"{title}: {told(result.error)}" if title else told(result.error), err=True)
        return
    from lmc.cli.write_rows import plain

    values = {name: _shown(value) for name, value in result.variables().items()}
    if (returned := result.ret_value) is not None:
        values["-> returned"] = _shown(plain(returned))
    width = max(map(len, values), default=0)
    for name, text in values.items():
        click.echo(f"{name:<{width}}  {text}".replace("\n", "\n" + " " * (width + 2)).rstrip())
    if not values:
        click.echo(result.text())


def _shown(value: object) -> str:
    """Text as it is, other values as Python writes them."""
    return value if isinstance(value, str) else repr(value)


def _show_json(results: Sequence[Result], counted: RunReport | None, is_batch: bool) -> None:
    report = asdict(replace(counted, timeline=None)) if counted is not None else None
    items = [{"item": result.item, **_as_json(result)} if is_batch else _as_json(result) for result in results]
    whole = {"items": items, "report": report} if is_batch else {**items[0], "report": report}
    echo_json(json.dumps(whole, ensure_ascii=False, indent=2, default=repr))


def _as_json(result: Result) -> dict[str, Any]:
    from lmc.cli.write_rows import plain

    if result.error is not None:
        return {"error": {"type": type(result.error).__name__, "message": told(result.error)}}
    values = {name: plain(value) for name, value in result.variables().items()}
    return {
        "values": values,
        "returned": plain(result.ret_value),
        "text": result.text(),
        "usage": asdict(result.usage),
    }
