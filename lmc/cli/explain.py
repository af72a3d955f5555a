"""`lmc explain`: why a program's prompts share what they share, and what may come out of its constrained calls.

Runs nothing, but a program that cannot be captured, where a backend is named. Without a model in characters; with one
in tokens too. Of a code it prints the page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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
    limit_option,
    model_option,
    output_option,
    width_option,
)
from lmc.codes import ROLES_AFTER_BRANCH, with_footer
from lmc.viz import FSM_FORMATS

if TYPE_CHECKING:
    from lmc.compiler import Compiled
    from lmc.ir.prompt import Tokenizer
    from lmc.program import Program
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
@click.option(
    "--args-file",
    metavar="FILE",
    help="With --why and --fix: the first two rows of it are the two runs that are compared.",
)
@click.option("--fix", "is_fix", is_flag=True, help="What to change so that more is shared, and what that gains.")
@click.option("--diff", "is_diff", is_flag=True, help="With --fix: the changes as a diff, those that lose nothing.")
@click.option("--write", "is_written", is_flag=True, help="With --fix: those changes into the file.")
@click.option("--cost", "is_about_cost", is_flag=True, help="Say what the program will cost, call by call.")
@prices_option
@learn_option
@limit_option
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
    args_file: str | None,
    is_fix: bool,
    is_diff: bool,
    is_written: bool,
    is_about_cost: bool,
    prices: str | None,
    learn: str | None,
    max_new_tokens: int | None,
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
    lmc explain prog.py --why short,long
    lmc explain prog.py --why short --args-file rows.jsonl
    lmc explain prog.py --why short,long --backend cpu --model lmc-tiny
    lmc explain prog.py --fix --diff --model lmc-tiny
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
    if (is_diff or is_written) and not is_fix:
        raise click.UsageError("--diff and --write go with --fix")
    if args_file is not None and calls is None and not is_fix:
        raise click.UsageError("--args-file goes with --why CALL, or --fix")
    if (format in TEXTS) == (name is not None):
        raise click.UsageError(f"--fsm goes with --format {', '.join(FSM_FORMATS)}")
    if not is_about_cost and any(given is not None for given in (prices, learn, max_new_tokens)):
        raise click.UsageError("--prices, --learn and --max-new-tokens go with --cost")
    if is_fix and format == "json":
        raise click.UsageError("--fix is told as text, or with --diff as a diff: leave out --format json")
    asked_for = {"--why": calls is not None, "--fix": is_fix, "--fsm": name is not None}
    asked_for |= {"--cost": is_about_cost, "--constraints": is_about_constraints and name is None}
    if len(several := [flag for flag, is_given in asked_for.items() if is_given]) > 1:
        raise click.UsageError(f"{' and '.join(several)} say different things: use one of them")
    prog = load_program(program)
    tokenizer = tokenizer_of(model)
    values = parse_arguments(prog, arguments)
    asked = _Asked(values, level, tokenizer, backend, model, closed, args_file)
    terminal = terminal_for(width, output)
    if calls is not None:
        shown = _why(prog, calls, format, terminal, asked)
        return write(shown if output else sayable(shown, format), output)
    if is_fix:
        shown = _fixes(prog, asked, terminal, is_diff=is_diff, is_written=is_written)
        return write(shown, output)
    done = asked.compiled(prog, values)
    if name is not None:
        from lmc.viz import emit_fsm

        shown = emit_fsm(done.planned, name, format, terminal)
    elif is_about_cost:
        shown = _cost(done, format, terminal, prices, learn, model, max_new_tokens, prog)
    elif is_about_constraints:
        shown = _constraints(done, tokenizer, format, terminal)
    else:
        shown = _sharing(done, format, terminal)
    write(shown if output else sayable(shown, format), output)


@dataclass(frozen=True, slots=True)
class _Asked:
    """How a program is to be compiled, or run."""

    values: Mapping[str, Any]
    level: int
    tokenizer: Tokenizer | None
    backend: str | None
    model: str | None
    closed: bool
    args_file: str | None

    def compiled(self, prog: Program, values: Mapping[str, Any]) -> Compiled:
        """The program compiled; run where it cannot be, on the backend if one is named."""
        return compiled_or_run(
            prog, values, self.level, self.tokenizer, self.backend, self.model, is_closed=self.closed
        )


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


def _why(prog: Program, calls: str, format: str, terminal: Terminal, asked: _Asked) -> str:
    from lmc.cli.explain_why import calls_of_run, first_rows, why

    if asked.args_file is not None:
        rows = first_rows(prog, asked.args_file, asked.values)
        return why(asked.compiled(prog, rows[0]), calls, format, terminal, rows=rows)
    if asked.backend is not None:
        done, ran = calls_of_run(prog, asked.values, asked.backend, asked.model, asked.level)
        return why(done, calls, format, terminal, ran=ran)
    return why(asked.compiled(prog, asked.values), calls, format, terminal)


def _fixes(prog: Program, asked: _Asked, terminal: Terminal, *, is_diff: bool, is_written: bool) -> str:
    from lmc.cli import explain_fix
    from lmc.cli.explain_why import first_rows

    tokenizer = asked.tokenizer or tokenizer_of("lmc-tiny")
    assert tokenizer is not None
    file, values = asked.args_file, asked.values
    rows = (values, values) if file is None else first_rows(prog, file, values)
    found, old = explain_fix.tried(prog, rows, asked.level, tokenizer), explain_fix.source_of(prog)
    if not (is_diff or is_written):
        return explain_fix.told(found, old, terminal.width)
    new = explain_fix.fixed(prog, found)
    if new == old:
        return "no change that keeps every byte, sorts a set, or whose line is marked; --fix says what else there is\n"
    proof = explain_fix.proof(prog, old, new, found, rows, asked.level, tokenizer)
    if is_written:
        explain_fix.write_back(prog, new)
    return explain_fix.diff(prog, old, new) + f"# {proof}\n"


def _cost(
    done: Compiled,
    format: str,
    terminal: Terminal,
    prices: str | None,
    learn: str | None,
    model: str | None,
    max_new_tokens: int | None,
    prog: Program,
) -> str:
    from lmc.viz import cost

    told = told_of(done, prices=prices, learn=learn, model=model, max_new_tokens=max_new_tokens, prog=prog)
    return cost.render_json(done.planned, told) if format == "json" else cost.render(done.planned, told, terminal)


def _constraints(done: Compiled, tokenizer: Tokenizer | None, format: str, terminal: Terminal) -> str:
    from lmc.viz import constraints_json, constraints_text
    from lmc.viz.constraints import Constraints

    told = Constraints(done.planned, tokenizer)  # type: ignore[arg-type]  # a folder's tokenizer knows its vocabulary
    return constraints_json.render(told) if format == "json" else with_footer(constraints_text.render(told, terminal))
