"""JSON on stdout: what the encoding of the output lacks is escaped, so that whoever reads it has what was written."""

from __future__ import annotations

import json
import sys
from typing import IO

import click


def echo_json(text: str, *, nl: bool = True, file: IO[str] | None = None) -> None:
    """Print JSON as `click.echo` does. What is not ASCII in it stands in strings, where it can be escaped."""
    file = file or sys.stdout
    try:
        text.encode(getattr(file, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        text = "".join(c if c.isascii() else json.dumps(c)[1:-1] for c in text)
    click.echo(text, nl=nl, file=file)
