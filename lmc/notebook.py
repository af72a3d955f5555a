"""How a value shows as the last line of a notebook's cell: as much of its text as one reads at a glance."""

from __future__ import annotations

MAX_LINES = 40


def escape(text: str) -> str:
    """A text as it stands in HTML; `html.escape` would load a table of entities."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def pre(text: str, more: str) -> str:
    """A text as it stands, cut behind MAX_LINES lines; `more` says what prints the rest."""
    lines = text.rstrip("\n").splitlines()
    if len(lines) > MAX_LINES:
        lines = [*lines[:MAX_LINES], f"... {len(lines) - MAX_LINES} more lines: {more}"]
    return f"<pre>{escape(chr(10).join(lines))}</pre>"


def table(rows: list[tuple[str, str]]) -> str:
    """Names and values."""
    cells = (f"<tr><th>{escape(name)}</th><td><pre>{escape(value)}</pre></td></tr>" for name, value in rows)
    return f"<table>{''.join(cells)}</table>"
