"""What `lmc run --stream` prints while the run goes on: its text, or every event as a line of JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from lmc.cli.failing import fail, told
from lmc.cli.json_output import echo_json
from lmc.executor.events import CallEnded, CallStarted, TextGrew

if TYPE_CHECKING:
    from lmc.result import Result
    from lmc.streaming import BatchStream, Told

AsJson = Callable[["Result"], dict[str, Any]]


def show_text(batch: BatchStream) -> None:
    """The text of the only item as it comes, then what it cost; exits with 1 where it fails."""
    last = ""
    for event in batch.events():
        if isinstance(event, TextGrew) and not event.branch and not event.sample:
            click.echo(event.text, nl=False)  # which flushes
            last = event.text
    [result] = batch.results()
    if not last.endswith("\n"):
        click.echo()
    if result.error is not None:
        fail(result.error)
    click.echo(f"\n{result.report}")


def show_events(batch: BatchStream, as_json: AsJson) -> None:
    """One JSON object a line, of all items in the order in which things happened; exits with 1 where an item failed."""
    for event in batch.events():
        echo_json(json.dumps(_as_json(event, as_json), ensure_ascii=False, default=repr))
    if any(result.error is not None for result in batch.results()):
        raise click.exceptions.Exit(1)


def _as_json(event: Told, as_json: AsJson) -> dict[str, Any]:
    match event:
        case TextGrew():
            return {"event": "text", **_where(event), "sample": event.sample, "text": event.text}
        case CallStarted():
            return {"event": "call_started", **_where(event)}
        case CallEnded(error=None):
            return {"event": "call_ended", **_where(event), "value": event.value}
        case CallEnded(error=error):
            assert error is not None
            failure = {"type": type(error).__name__, "message": told(error)}
            return {"event": "call_ended", **_where(event), "error": failure}
    return {"event": "item_done", "item": event.item, **as_json(event.result)}


def _where(event: TextGrew | CallStarted | CallEnded) -> dict[str, Any]:
    return {"item": event.item, "branch": event.branch, "call": event.call, "name": event.name}
