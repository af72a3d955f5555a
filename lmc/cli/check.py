"""`lmc check`: whether a program keeps within a budget, for who runs that before a change is taken. Runs nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lmc.cli.compile import compiled, terminal_for, tokenizer_of
from lmc.cli.failing import fail, reported
from lmc.cli.forecast import learn_option, prices_option, told_of
from lmc.cli.json_output import echo_json
from lmc.cli.options import (
    ProgramCommand,
    arguments_option,
    closed_option,
    level_option,
    limit_option,
    model_option,
    width_option,
)

if TYPE_CHECKING:
    from lmc.compiler import Compiled
    from lmc.passes.cost.budget import BudgetVerdict
    from lmc.viz.cost import Told

OVER, TROUBLE = 1, 2  # exit statuses


@click.command(
    "check", short_help="Say whether a program keeps within a budget of calls and tokens.", cls=ProgramCommand
)
@click.argument("program", metavar="PROG.PY[:FN]")
@click.option(
    "--budget", required=True, metavar="LIMITS",
    help="As in tokens=2000,calls=5: tokens, calls, prompt, cached, computed, output, kv, money.",
)  # fmt: skip
@click.option("--expected", is_flag=True, help="Hold what is expected against the budget, not the most there may be.")
@arguments_option
@model_option
@prices_option
@learn_option
@limit_option
@closed_option
@level_option
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object.")
@width_option
@reported
def check_command(
    program: str,
    budget: str,
    expected: bool,
    arguments: tuple[str, ...],
    model: str | None,
    prices: str | None,
    learn: str | None,
    max_new_tokens: int | None,
    closed: bool,
    level: int,
    is_json: bool,
    width: int | None,
) -> None:
    """Say whether a program keeps within a budget. What has no bound does not.

    Exits with 0 where it does, with 1 where it may not, with 2 where that cannot be said: the program, the budget, a
    file or the model is not as it should be.

    \b
    lmc check prog.py --budget calls=5
    lmc check prog.py --arg topic=cats --model lmc-tiny --budget tokens=2000,calls=5
    lmc check prog.py --model lmc-tiny --budget money=0.01 --prices prices.toml --expected --learn out.jsonl.journal
    """
    from lmc.viz import cost as view
    from lmc.viz.text_table import reflowed

    try:
        done, told, found = _held(
            program, budget, arguments, model, level, closed, expected, prices, learn, max_new_tokens
        )
    except click.ClickException:
        raise
    except Exception as error:
        fail(error, TROUBLE)
    if is_json:
        echo_json(view.render_checked(done.planned, told, found), nl=False)
    else:
        terminal = terminal_for(width, None)
        click.echo(view.render(done.planned, told, terminal), nl=False)
        lines = [line(each, expected=expected, unbounded=view.no_bound(told.cost, done.planned)) for each in found]
        click.echo("\n" + reflowed("\n".join(lines) + "\n", terminal.width), nl=False)
    if not all(each.is_kept for each in found):
        raise click.exceptions.Exit(OVER)


def _held(
    program: str,
    budget: str,
    arguments: tuple[str, ...],
    model: str | None,
    level: int,
    closed: bool,
    expected: bool,
    prices: str | None,
    learn: str | None,
    max_new_tokens: int | None,
) -> tuple[Compiled, Told, list[BudgetVerdict]]:
    """The program, what it will cost, and what that is against the budget."""
    from lmc.cli.arguments import parse_arguments
    from lmc.cli.loading import load_program
    from lmc.passes.cost.budget import budget_of, verdicts

    limits = budget_of(budget)
    if model is None and set(limits) - {"calls", "output"}:
        raise click.UsageError("tokens of prompts are counted by a tokenizer: give --model DIR, or lmc-tiny")
    prog = load_program(program)
    done = compiled(prog, parse_arguments(prog, arguments), level, tokenizer_of(model), is_closed=closed)
    told = told_of(
        done, prices=prices, learn=learn, model=model, by_size=True, max_new_tokens=max_new_tokens, prog=prog
    )
    return done, told, verdicts(limits, told.cost.total, told.prices, expected=expected)


def line(verdict: BudgetVerdict, *, expected: bool, unbounded: str) -> str:
    """One limit, and how it is kept."""
    limit = f"{verdict.name}={verdict.limit:.15g}"
    if verdict.counted is None:
        return f"over budget: {limit}: there is no bound ({unbounded.removeprefix('no bound: ')}); --expected asks less"
    how = "expected" if expected else "at the most"
    return f"{'within budget' if verdict.is_kept else 'over budget'}: {limit}: {verdict.counted:.9g} {how}"
