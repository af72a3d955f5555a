"""`lmc explain`: why a program's prompts share what they share, and what may come out of its constrained calls.

Runs nothing, but a program that cannot be captured, where a backend is named. Without a model in characters; with one
in tokens too. Of a code it prints the page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lmc.cli.compile import compiled_or_run, explained, terminal_for, tokenizer_of, write
from lmc.cli.failing import reported
from lmc.cli.forecast import learn_option, prices_option, told_of
from lmc.cli.json_output import sayable
from lmc.cli.options import (
    ProgramCommand,
    arguments_option,
    backend_option,
    closed_option,
    level_option,
    model_option,
    output_option,
    width_option,
)
from lmc.codes import ROLES_AFTER_BRANCH, with_footer
from lmc.viz import FSM_FORMATS

if TYPE_CHECKING:
    from lmc.compiler import Compiled
    from lmc.ir.prompt import Tokenizer
    from lmc.viz import Terminal

TEXTS = ("text", "json")


@click.command(
    "explain",
    short_help="Explain what a program shares, what may come out of its calls, or a code.",
    cls=ProgramCommand,
)
@click.argument("program", metavar="PROG.PY[:FN]|CODE", required=False)
@click.option("--codes", "is_list", is_flag=True, help="List the codes that messages carry.")
@click.option(
    "--why", "calls", metavar="A[,B]",
    help="Where the prompts of two calls part, and why; each by number or name. Of one call, in two runs.",
)  # fmt: skip
@click.option("--cost", "is_about_cost", is_flag=True, help="Say what the program will cost, call by call.")
@prices_option
@learn_option
@click.option("--constraints", "is_about_constraints", is_flag=True, help="Explain the constrained calls.")
@click.option("--fsm", "name", metavar="NAME", help="Draw the automaton of the call of that name.")
@click.option(
    "--format", "format", type=click.Choice((*TEXTS, *FSM_FORMATS)), metavar="FORMAT",
    help=f"{' or '.join(TEXTS)}; with --fsm {', '.join(FSM_FORMATS)}.",
)  # fmt: skip
@arguments_option
@model_option
@backend_option
@closed_option
@level_option
@width_option
@output_option
@reported
def explain_command(
    program: str | None,
    is_list: bool,
    calls: str | None,
    is_about_cost: bool,
    prices: str | None,
    learn: str | None,
    is_about_constraints: bool,
    name: str | None,
    format: str | None,
    arguments: tuple[str, ...],
    model: str | None,
    backend: str | None,
    closed: bool,
    level: int,
    width: int | None,
    output: str | None,
) -> None:
    """Explain what a program shares; with --constraints, what may come out of its calls, and what of it is forced.

    \b
    lmc explain prog.py
    lmc explain prog.py --constraints --model lmc-tiny
    lmc explain prog.py --cost --model lmc-tiny --prices prices.toml
    lmc explain breaks.py --arg topic=cats --backend echo
    lmc explain prog.py --constraints --fsm verdict --format svg -o verdict.svg
    lmc explain LMC-GB014
    """
    from lmc import codes
    from lmc.cli.arguments import parse_arguments
    from lmc.cli.loading import load_program

    if is_list:
        return write(codes.listing(), output)
    if program is None:
        raise click.UsageError(f"name a program, or a code such as {ROLES_AFTER_BRANCH}")
    if program.upper().startswith("LMC-"):
        return write(_page(program), output)
    format = format or ("text" if name is None else "ascii")
    if (format in TEXTS) == (name is not None):
        raise click.UsageError(f"--fsm goes with --format {', '.join(FSM_FORMATS)}")
    prog = load_program(program)
    tokenizer = tokenizer_of(model)
    values = parse_arguments(prog, arguments)
    done = compiled_or_run(prog, values, level, tokenizer, backend, model, is_closed=closed)
    terminal = terminal_for(width, output)
    if name is not None:
        from lmc.viz import emit_fsm

        shown = emit_fsm(done.planned, name, format, terminal)
    elif calls is not None:
        shown = _why(done, calls, format, terminal)
    elif is_about_cost:
        shown = _cost(done, format, terminal, prices, learn, model)
    elif is_about_constraints:
        shown = _constraints(done, tokenizer, format, terminal)
    else:
        shown = _sharing(done, format, terminal)
    write(shown if output else sayable(shown, format), output)


def _page(code: str) -> str:
    """The page of a code. Raises ArgumentError where there is none."""
    from lmc.codes import CODES
    from lmc.errors import ArgumentError, did_you_mean

    if code.upper() not in CODES:
        near = did_you_mean(code.upper(), CODES)
        help = f"{near} " if near else ""
        raise ArgumentError(f"there is no code `{code}`", help=f"{help}`lmc explain --codes` lists all of them")
    return CODES[code.upper()].page


def _sharing(done: Compiled, format: str, terminal: Terminal) -> str:
    from lmc.viz import emit

    if format == "json":
        return emit(done.planned, "json", terminal)
    return f"{emit(done.planned, 'tree', terminal)}\n{explained(done, terminal.width)}"


def _why(done: Compiled, calls: str, format: str, terminal: Terminal) -> str:
    from lmc.viz import why

    a, _, b = (name.strip() for name in calls.partition(","))
    return (
        why.render_json(done.planned, a, b or a) if format == "json" else why.render(done.planned, a, b or a, terminal)
    )


def _cost(
    done: Compiled, format: str, terminal: Terminal, prices: str | None, learn: str | None, model: str | None
) -> str:
    from lmc.viz import cost

    told = told_of(done, prices=prices, learn=learn, model=model)
    return cost.render_json(done.planned, told) if format == "json" else cost.render(done.planned, told, terminal)


def _constraints(done: Compiled, tokenizer: Tokenizer | None, format: str, terminal: Terminal) -> str:
    from lmc.viz import constraints_json, constraints_text
    from lmc.viz.constraints import Constraints

    told = Constraints(done.planned, tokenizer)  # type: ignore[arg-type]  # a folder's tokenizer knows its vocabulary
    return constraints_json.render(told) if format == "json" else with_footer(constraints_text.render(told, terminal))
