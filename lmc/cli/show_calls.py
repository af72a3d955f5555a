"""`lmc run --show-prompts`: each call as people read it, the prompt and what came."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from lmc.observe.report import counted

if TYPE_CHECKING:
    from lmc.calls import CallRecord
    from lmc.result import Result

UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # control characters, which would drive the terminal


def show_calls(result: Result, *, is_batch: bool, err: bool) -> None:
    """Print the calls of a result, in the order of the program."""
    for call in result.calls:
        click.secho(_head(call, is_batch), bold=True, err=err)
        click.echo(_visible(call.prompt), nl=False, err=err)
        answers = call.output if isinstance(call.output, list) else [call.output]
        for number, answer in enumerate(answers):
            if number:
                click.echo("\n  or", err=err)
            shown = f"[{call.error}]" if answer is None else _visible(answer)
            click.secho(shown, fg="red" if answer is None else "green", nl=False, err=err)
        click.echo("\n", err=err)


def _head(call: CallRecord, is_batch: bool) -> str:
    item = f"item {call.item}, " if is_batch else ""
    name = f" {call.name}" if call.name else ""
    place = f" at {call.place}" if call.place else ""
    tokens = counted(call.prompt_tokens, "prompt token")
    cached = f", {call.cached_tokens} cached" if call.cached_tokens else ""
    missed = f", {call.miss.tokens} missed ({call.miss.reason})" if call.miss else ""
    reason = call.finish_reason if isinstance(call.finish_reason, str) else ", ".join(call.finish_reason or ())
    ended = f", ended by {reason}" if reason else ""
    asked = f"{item}call {call.number}: {call.kind}{name}{place}"
    return f"--- {asked}: {tokens}{cached}{missed}, {call.output_tokens} generated{ended}"


def _visible(text: str) -> str:
    return UNSEEN.sub(lambda found: f"\\x{ord(found[0]):02x}", text)
