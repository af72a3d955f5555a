"""How a value shows as the last line of a notebook's cell: as much of it as one reads at a glance.

Markup without a script, a style sheet or an id: it stays what it is in a notebook that is converted, or that is not
trusted, and as often as it stands on a page. Colours let the page's own one through, light or dark.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

MAX_LINES = 40
MAX_ROWS = 12  # of a picture
ROW, LABELS, ALL = 20, 45, 860  # pixels of a row; percent of the width that its label has; pixels of the widest
FONT = "font:12px ui-monospace,Menlo,Consolas,monospace;line-height:1.5"
CUT = "overflow:hidden;white-space:nowrap;text-overflow:ellipsis"
HUES = {
    "cached": "rgba(46,160,67,.35)",
    "computed": "rgba(56,132,255,.35)",
    "generated": "rgba(255,160,40,.4)",
    "own": "rgba(128,128,128,.18)",
    "hole": "repeating-linear-gradient(45deg,rgba(128,128,128,.55) 0 1px,transparent 1px 5px)",
}
SHARED = ("56,132,255", "46,160,67", "255,160,40", "190,90,220", "30,170,180", "240,80,70")  # of prefixes, in turn


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


def bundle(plain: str, html: str) -> dict[str, str]:
    """What a notebook takes of a value."""
    return {"text/plain": plain, "text/html": html}


def folded(title: str, html: str) -> str:
    """Markup that opens under its title."""
    return f"<details><summary>{escape(title)}</summary>{html}</details>"


def bars(rows: Sequence[tuple[str, Sequence[tuple[str, int]]]], noun: str) -> str:
    """A bar for each name, put together of sizes in the colours of HUES, with a legend below."""
    most = max((sum(size for _, size in parts) for _, parts in rows), default=0) or 1
    shown = [(name, [(kind, size / most) for kind, size in parts if size]) for name, parts in rows[:MAX_ROWS]]
    lines = "".join(_bar(name, parts) for name, parts in shown)
    more = f"<div>… and {len(rows) - MAX_ROWS} more {noun}</div>" if len(rows) > MAX_ROWS else ""
    kinds = dict.fromkeys(kind for _, parts in rows for kind, _ in parts)
    return f'<div style="{FONT};max-width:{ALL}px">{lines}{more}{legend(kinds)}</div>'


def legend(kinds: Iterable[str]) -> str:
    """A patch in the colour of each kind, and its name."""
    patches = (
        f'<span style="background:{HUES[kind]};padding:0 .7em;margin-right:.4em"></span>{kind}' for kind in kinds
    )
    return f'<div style="opacity:.8">{"&emsp;".join(patches)}</div>'


def _bar(name: str, parts: Sequence[tuple[str, float]]) -> str:
    share = 100 - LABELS
    box = "display:inline-block;height:12px"
    patches = (f'<span style="{box};width:{share * size:.2f}%;background:{HUES[kind]}"></span>' for kind, size in parts)
    label = f'<span style="display:inline-block;width:{LABELS}%;{CUT};vertical-align:bottom">{escape(name)}</span>'
    return f'<div style="white-space:nowrap;font-size:12px">{label}{"".join(patches)}</div>'
