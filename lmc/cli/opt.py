"""`lmc opt`: passes over IR, as text in and text out. Runs nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lmc.cli.compile import pass_times, print_change, terminal_for, tokenizer_of, write
from lmc.cli.failing import reported
from lmc.cli.json_output import sayable
from lmc.cli.options import model_option, output_option, print_ir_option, time_passes_option
from lmc.viz.text_table import reflowed

if TYPE_CHECKING:
    from lmc.passes import Pass


@click.command("opt", short_help="Run passes over IR: text in, text out.")
@click.argument("file", metavar="FILE.LMIR|-")
@click.option("-p", "--passes", metavar="NAMES", help="The passes to run, as in `dce,cse` (see `lmc passes`).")
@click.option("-O", "level", type=click.IntRange(0, 3), metavar="0|1|2|3", help="Run the passes of a level instead.")
@click.option("--verify", "verifies", is_flag=True, help="Verify what each pass makes, not only what comes out.")
@print_ir_option
@time_passes_option
@click.option("--explain", is_flag=True, help="Say on stderr what each pass did.")
@model_option
@output_option
@reported
def opt_command(
    file: str,
    passes: str | None,
    level: int | None,
    verifies: bool,
    print_ir_after_change: bool,
    time_passes: bool,
    explain: bool,
    model: str | None,
    output: str | None,
) -> None:
    """Run passes over a graph or a plan, and print what they made. Without any, the IR is verified and printed.

    \b
    lmc opt prog.lmir -p cse,dce
    lmc compile prog.py --emit-graph=ir --stage captured | lmc opt - -p dce,cse,fold_text --verify
    lmc opt prog.lmir -O 2 --time-passes -o plan.lmir
    """
    from lmc import compiler
    from lmc.cli.ir_files import read_ir
    from lmc.passes import run_passes

    if passes is not None and level is not None:
        raise click.UsageError("-p names the passes, and -O those of a level: use one of them")
    chosen = _chosen(passes, level)
    on_change = print_change if print_ir_after_change else None
    inputs = compiler.inputs_of(tokenizer_of(model))
    ir, reports = run_passes(read_ir(file), chosen, inputs, on_change=on_change, verify_each=verifies)
    text = str(ir)
    write(text if output else sayable(text, "ir"), output)
    if explain:
        width = terminal_for(None, None).width
        click.echo(reflowed("".join(f"{report}\n" for report in reports), width), err=True, nl=False)
    if time_passes and reports:
        click.echo(pass_times(reports), err=True)


def _chosen(passes: str | None, level: int | None) -> tuple[Pass, ...]:
    from lmc.passes import LEVELS, parse_pipeline

    return parse_pipeline(passes if passes is not None else LEVELS[level] if level is not None else "")
