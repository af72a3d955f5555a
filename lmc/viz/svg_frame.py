"""What the pictures have in common: their colours in light and dark, a title above, a legend below, and short ways to
write rectangles and texts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape, quoteattr

from lmc.viz.text_table import columns_of, keep_start
from lmc.viz.wording import on_one_line

CHAR, MARGIN, HEAD, FOOT = 7.25, 16, 58, 40  # pixels: a column of text, the rim, what stands above and below a picture
COLORS = 6  # of shared prefixes, in turn
LEGEND_COLUMNS = 112
MIN_TEXT = 3  # columns that a text is not worth showing in
FONT = "ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace"
LIGHT = {
    "ink": "#16191d", "faint": "#4c535d", "paper": "#ffffff", "line": "#59626d", "own": "#eceff3", "turn": "#0000000f",
    "hatch": "#5b6470", "card": "#ffffff", "box": "#f6f7f9", "accent": "#0b5cad",
    "b0": "#cfe3ff", "b1": "#c9edcd", "b2": "#ffe1b0", "b3": "#f0d2f3", "b4": "#bfe9e9", "b5": "#ffd2ce",
}  # fmt: skip
DARK = {
    "ink": "#f1f3f5", "faint": "#c9cfd8", "paper": "#15181c", "line": "#98a2ae", "own": "#2b3037", "turn": "#ffffff14",
    "hatch": "#a6b0bc", "card": "#20242a", "box": "#1a1e23", "accent": "#7cb8ff",
    "b0": "#1d4270", "b1": "#1f5130", "b2": "#5a3d12", "b3": "#5a2d60", "b4": "#124950", "b5": "#6d2c2c",
}  # fmt: skip


def _colors(colors: dict[str, str]) -> str:
    return "".join(f"--{name}:{color};" for name, color in colors.items())


STYLE = (
    f"svg,.whole{{{_colors(LIGHT)}}}\n"
    f"@media (prefers-color-scheme:dark){{svg,.whole{{{_colors(DARK)}}}}}\n"
    f"text{{font:12px {FONT};fill:var(--ink);white-space:pre;unicode-bidi:isolate}}\n"
    ".title{font-weight:bold;font-size:13px}.note{fill:var(--faint)}.band{stroke:var(--line);stroke-width:1}\n"
    ".hole{fill:url(#hatch);stroke:none}.turn{fill:var(--turn);stroke:none}.own{fill:var(--own)}\n"
    ".in-hole{font-style:italic;paint-order:stroke;stroke:var(--paper);stroke-width:3px}.in-turn{fill:var(--faint)}\n"
    ".box{fill:var(--box);stroke:var(--line);stroke-dasharray:4 3}.card{fill:var(--card);stroke:var(--line)}\n"
    ".over{paint-order:stroke;stroke:var(--box);stroke-width:4px;stroke-linejoin:round}"
    ".run{stroke:var(--line);stroke-width:.6}.host{fill:var(--own)}.ribbon{fill:none}.link{fill:none;stroke:var(--line)}\n"
    ".cached{fill:var(--b1)}.computed{fill:var(--b0)}.decoded{fill:var(--b2)}"
    ".state{stroke-width:1.6}.order{stroke-dasharray:2 3}.arrow{fill:var(--line)}\n"
    + "".join(f".b{i}{{fill:var(--b{i})}}.r{i}{{stroke:var(--b{i})}}" for i in range(COLORS))
)
HATCH = (
    '<pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<line x1="0" y1="0" x2="0" y2="6" stroke="var(--hatch)" stroke-width="1.5"/></pattern>'
)
ARROW = (
    '<marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    '<path class="arrow" d="M0,1 L8,4 L0,7 z"/></marker>'
)


def svg_file(heading: str, note: str, size: tuple[float, float], body: Sequence[str], legend: Sequence[str]) -> str:
    """A picture of that size under its heading, and below it the legend: one file by itself."""
    words = max(columns_of(on_one_line(heading)) * 1.1, columns_of(note), LEGEND_COLUMNS) * CHAR
    width, height = px(max(size[0], words) + 2 * MARGIN), px(size[1] + HEAD + FOOT + MARGIN)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
        f' viewBox="0 0 {width} {height}" role="img" aria-label={quoteattr(on_one_line(heading))}>',
        f"<style>{STYLE}</style><defs>{HATCH}{ARROW}</defs>",
        '<rect width="100%" height="100%" fill="var(--paper)"/>',
        f'<text class="title" x="{MARGIN}" y="{MARGIN + 12}">{escape(on_one_line(heading))}</text>',
        f'<text class="note" x="{MARGIN}" y="{MARGIN + 32}">{escape(note)}</text>',
        f'<g transform="translate({MARGIN} {HEAD})">',
        *body,
        "</g>",
        f'<g transform="translate({MARGIN} {px(size[1] + HEAD + FOOT - MARGIN)})">',
        *legend,
        "</g>",
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def legend_of(rows: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Classes of patches, and what each stands for, side by side."""
    x = 0.0
    for kind, says in rows:
        yield rect("band own", x, 0, 22, 14)
        yield rect(f"{kind} band" if kind != "hole" else kind, x, 0, 22, 14)
        yield f'<text class="note" x="{px(x + 28)}" y="11">{escape(says)}</text>'
        x += 28 + (columns_of(says) + 3) * CHAR


def rect(kind: str, x: float, y: float, width: float, height: float, radius: float = 0) -> str:
    """A rectangle of a class."""
    round = f' rx="{px(radius)}"' if radius else ""
    return f'<rect class="{kind}" x="{px(x)}" y="{px(y)}" width="{px(width)}" height="{px(height)}"{round}/>'


def text(kind: str, x: float, y: float, words: str, room: int) -> Iterator[str]:
    """As much of a text as fits into so many columns, if that is worth showing."""
    if room >= min(MIN_TEXT, columns_of(words)) and words:
        named = f' class="{kind}"' if kind else ""
        yield f'<text{named} x="{px(x)}" y="{px(y)}">{escape(keep_start(words, room))}</text>'


def px(number: float) -> str:
    """A length with one decimal at most."""
    return f"{number:.1f}".removesuffix(".0")
