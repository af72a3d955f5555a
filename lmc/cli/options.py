"""The options that several commands have: one name, one meaning, one help text."""

from __future__ import annotations

import click

arguments_option = click.option(
    "--arg",
    "arguments",
    multiple=True,
    metavar="NAME=VALUE",
    help="An argument, as JSON or text. Where nothing is run, what is not given is a hole; a list's structure unrolls.",
)
model_option = click.option(
    "--model", metavar="PATH", help="A checkpoint folder, a GGUF file, or lmc-tiny: its tokenizer counts tokens."
)
model_or_name_option = click.option(
    "--model",
    metavar="PATH|NAME",
    help="A checkpoint folder, a GGUF file, or lmc-tiny: its tokenizer counts tokens. "
    "With --backend the name of a model there.",
)
backend_option = click.option(
    "--backend", metavar="NAME", help="Where to run a program that cannot be captured, to show what it did."
)
level_option = click.option(
    "-O",
    "level",
    type=click.IntRange(0, 3),
    metavar="0|1|2|3",
    default=2,
    show_default=True,
    help="How much to optimise; -O3 makes one call of generations with text between them.",
)
passes_option = click.option(
    "-p", "--passes", metavar="NAMES", help="The passes to run instead, as in `dce,cse` (see `lmc passes`)."
)
closed_option = click.option(
    "--closed",
    is_flag=True,
    help="Objects of JSON schemas have only the properties told, where no call says otherwise.",
)
limit_option = click.option(
    "--max-new-tokens", type=click.IntRange(min=1), metavar="N", help="For the calls that do not say."
)
time_passes_option = click.option("--time-passes", is_flag=True, help="Say on stderr how long each pass took.")
print_ir_option = click.option(
    "--print-ir-after-change", is_flag=True, help="Print on stderr the IR after each pass that changed it."
)
width_option = click.option("--width", type=click.IntRange(min=40), metavar="N", help="Columns of the text.")


def named_file(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """A file's name, which is not empty, as a variable that is not set would have it."""
    if value == "":
        raise click.BadParameter("it names no file", ctx, param)
    return value


output_option = click.option(
    "-o",
    "--output",
    metavar="FILE",
    callback=lambda ctx, param, value: None if value == "-" else named_file(ctx, param, value),
    help="Write there instead of printing; - prints.",
)


class ProgramCommand(click.Command):
    """A command on a program: who writes its arguments as options or words of their own is told how."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            if not (isinstance(error, click.NoSuchOption) or error.message.startswith("Got unexpected extra")):
                raise
            said = error.format_message()
            dot = "" if said.endswith((".", "?")) else "."
            raise click.UsageError(f"{said}{dot} A program's arguments are given as --arg NAME=VALUE.", ctx) from None
