"""`lmc diff`: what changed between two versions of a program. Runs nothing."""

from __future__ import annotations

import click

from lmc.cli.compile import terminal_for, tokenizer_of, write
from lmc.cli.failing import reported, told
from lmc.cli.json_output import sayable
from lmc.cli.options import (
    ProgramCommand,
    arguments_option,
    level_option,
    model_option,
    output_option,
    passes_option,
    width_option,
)

CHANGED, TROUBLE = 1, 2  # exit statuses, as those of diff


@click.command("diff", short_help="Say what changed between two versions of a program.", cls=ProgramCommand)
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="[NEW]", required=False)
@click.option(
    "--format", "format", type=click.Choice(("text", "json", "markdown")), default="text", show_default=True,
    help="markdown is a comment for a pull request.",
)  # fmt: skip
@arguments_option
@model_option
@level_option
@passes_option
@width_option
@output_option
@reported
def diff_command(
    old: str,
    new: str | None,
    format: str,
    arguments: tuple[str, ...],
    model: str | None,
    level: int,
    passes: str | None,
    width: int | None,
    output: str | None,
) -> None:
    """Say which calls, prompts, constraints and sizes changed between two versions of a program.

    A version is PROG.PY[:FN], that @REVISION of git, or an IR file (.lmir). Without NEW it is the file as it is now.
    Exits with 0 where nothing changed, with 1 where something did, with 2 where a version cannot be read.

    \b
    lmc diff old.py new.py
    lmc diff prog.py@HEAD~1 prog.py
    lmc diff prog.py:judge@main --model lmc-tiny --format markdown
    lmc diff before.lmir after.lmir --format json
    """
    from lmc.cli.versions import planned_version, version_of
    from lmc.viz.plan_diff import plan_diff
    from lmc.viz.plan_diff_text import render, render_json, render_markdown
    from lmc.viz.plan_facts import plan_facts

    try:
        before = version_of(old)
        if new is None and not before.revision:
            raise click.UsageError(f"name a second version, or a revision of the first: `{old}@HEAD`")
        after = version_of(new if new is not None else old.rpartition("@")[0])
        pipeline, tokenizer, facts = passes if passes is not None else level, tokenizer_of(model), []
        for version in (before, after):
            with planned_version(version, arguments, pipeline, tokenizer) as planned:
                facts.append(plan_facts(planned))
    except click.ClickException:
        raise
    except Exception as error:
        click.echo(told(error), err=True)
        raise click.exceptions.Exit(TROUBLE) from None
    diff, names = plan_diff(*facts), (before.target, after.target)
    if format == "json":
        shown = render_json(diff, names)
    elif format == "markdown":
        shown = render_markdown(diff, names)
    else:
        shown = render(diff, names, terminal_for(width, output))
    write(shown if output else sayable(shown, format), output)
    if not diff.is_same:
        raise click.exceptions.Exit(CHANGED)
