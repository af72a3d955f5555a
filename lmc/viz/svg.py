"""svg: what a program's prompts share, as one picture: a row for each call, bands through the rows that share a prefix.

    | {system:}You are a judge... {essay} | Judge its clarity   | #2 gen judgment
    |            (one band)               | Judge its depth     | #3 gen judgment_1

Wide as the prompt is long, holes hatched. Light or dark as the reader's system is. Laid out by lmc.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from lmc.viz.bands import Band, Bands, CallRow, Part, bands
from lmc.viz.sharing import sharing
from lmc.viz.text_table import columns_of, keep_start
from lmc.viz.tree import total
from lmc.viz.view import View

if TYPE_CHECKING:
    from lmc.passes.planned import Planned
    from lmc.viz.terminal import Terminal

ROW, CHAR, MARGIN, HEAD = 24, 7.25, 16, 58  # pixels: a row, a column of text, the rim, what stands above the rows
BANDS, LABELS = 760, 56  # pixels of the bands; columns of a row's label
COLORS = 6  # of shared bands, in turn
MIN_TEXT = 3  # columns that a text is not worth showing in
LEGEND = (("b0", "computed once for all its rows"), ("own", "of one call"), ("hole", "known only when it runs"))
STYLE = """
text{font:12px ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace;fill:var(--ink)}
.title{font-weight:bold;font-size:13px}.note{fill:var(--faint)}.band{stroke:var(--line);stroke-width:1}
.hole{fill:url(#hatch);stroke:none}.turn{fill:var(--turn);stroke:none}.own{fill:var(--own)}
.in-hole{font-style:italic;paint-order:stroke;stroke:var(--paper);stroke-width:3px}.in-turn{fill:var(--faint)}
svg,.whole{--ink:#16191d;--faint:#555c66;--paper:#ffffff;--line:#59626d;--own:#eceff3;--turn:#00000014;
--hatch:#5b6470;--b0:#cfe3ff;--b1:#d3f0d6;--b2:#ffe6bf;--b3:#f3d9f5;--b4:#cdeeee;--b5:#ffd9d6}
@media (prefers-color-scheme:dark){svg,.whole{--ink:#f1f3f5;--faint:#b3bac4;--paper:#15181c;--line:#8a94a0;
--own:#2b3037;--turn:#ffffff1f;--hatch:#9aa4b0;--b0:#1d4270;--b1:#1f5130;--b2:#674615;--b3:#5a2d60;--b4:#14525a;--b5:#6d2c2c}}
""" + "".join(f".b{i}{{fill:var(--b{i})}}" for i in range(COLORS))
HATCH = (
    '<pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<line x1="0" y1="0" x2="0" y2="6" stroke="var(--hatch)" stroke-width="1.5"/></pattern>'
)


def render(planned: Planned, terminal: Terminal) -> str:
    """The picture, one file by itself."""
    view = View(planned)
    tree = sharing(view)
    placed = bands(tree, view)
    height = HEAD + ROW * len(placed.rows) + 2 * MARGIN + 24
    width = BANDS + LABELS * CHAR + 2 * MARGIN
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_n(width)}" height="{height}"'
        f' viewBox="0 0 {_n(width)} {height}" role="img" aria-label={quoteattr(view.title)}>',
        f"<style>{STYLE}</style><defs>{HATCH}</defs>",
        '<rect width="100%" height="100%" fill="var(--paper)"/>',
        f'<text class="title" x="{MARGIN}" y="{MARGIN + 12}">{escape(view.title)}: what its prompts share</text>',
        f'<text class="note" x="{MARGIN}" y="{MARGIN + 32}">{escape(total(tree, view))}</text>',
        f'<g transform="translate({MARGIN} {HEAD})">',
        *(line for band in placed.bands for line in _band(band, placed, tree.unit)),
        *(line for number, row in enumerate(placed.rows) for line in _label(number, row)),
        "</g>",
        *_legend(height - MARGIN - 4),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def color_of(band: Band) -> str:
    """The class of a band's colour."""
    return "own" if band.prefix is None else f"b{band.prefix % COLORS}"


def says(band: Band, unit: str) -> str:
    """What there is to say of a band, in a sentence."""
    size = f"{band.size}{'' if band.is_exact else '+'} {unit}"
    if band.prefix is None:
        return f"{size}, of this call alone"
    return f"p{band.prefix}: {size}, computed once for {band.calls} calls: {band.saved} saved"


def _band(band: Band, placed: Bands, unit: str) -> Iterator[str]:
    scale = BANDS / (placed.width or 1)
    x, y = band.start * scale, band.top * ROW
    width, height = (band.end - band.start) * scale, (band.bottom - band.top) * ROW
    yield f"<g><title>{escape(says(band, unit))}\n{escape(band.text)}</title>"
    yield f'<rect class="band {color_of(band)}" x="{_n(x)}" y="{y}" width="{_n(width)}" height="{height}" rx="2"/>'
    for part in band.parts:
        yield from _part(part, scale, y, height)
    yield "</g>"


def _part(part: Part, scale: float, y: int, height: int) -> Iterator[str]:
    """Its ground where it is no text, and as much of it as there is room for."""
    x, width = part.start * scale, (part.end - part.start) * scale
    if part.kind != "text":
        yield f'<rect class="{part.kind}" x="{_n(x)}" y="{y}" width="{_n(width)}" height="{height}"/>'
    room = int((width - 6) / CHAR)
    if room >= min(MIN_TEXT, columns_of(part.text)):
        yield f'<text class="in-{part.kind}" x="{_n(x + 4)}" y="{y + 16}">{escape(keep_start(part.text, room))}</text>'


def _label(number: int, row: CallRow) -> Iterator[str]:
    text, y = keep_start(row.name, LABELS - 2), number * ROW + 16
    title = f"<title>{escape(row.line)}</title>" if row.line else ""
    yield f'<text x="{BANDS + 10}" y="{y}">{title}{escape(text)}</text>'


def _legend(y: int) -> Iterator[str]:
    x = float(MARGIN)
    for kind, text in LEGEND:
        yield f'<rect class="band own" x="{_n(x)}" y="{y - 11}" width="22" height="14"/>'
        yield f'<rect class="{kind}" x="{_n(x)}" y="{y - 11}" width="22" height="14"/>'
        yield f'<text class="note" x="{_n(x + 28)}" y="{y}">{text}</text>'
        x += 28 + (columns_of(text) + 3) * CHAR


def _n(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")
