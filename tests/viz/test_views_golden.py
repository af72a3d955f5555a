"""Every picture of one small program as it was last looked at, and what no text of a program may do to them."""

from __future__ import annotations

import json
import re
from html import unescape
from xml.etree import ElementTree

import pytest

import lmc
from lmc.viz import emit
from lmc.viz.bands import MAX_TEXT
from lmc.viz.figures import CallFigures, CallInPass, Figures, PassFigures
from lmc.viz.glance import glance
from tests.viz.pictured import pictured

FIGURES = Figures(
    (
        CallFigures(0, 0, 20, 4, 0.0, 0.25, 0.5, "all of it"),
        CallFigures(1, 16, 4, 2, 0.0, 0.25, 0.375, "</script>"),
        CallFigures(2, 16, 12, 0, 0.5, 0.625, 0.75, "for"),
        CallFigures(6, 28, 2, 2, 1.0, 1.125, 1.25, "a"),
        CallFigures(6, 32, 2, 2, 1.25, 1.375, None, "b"),
    ),
    (
        PassFigures(0.0, 0.25, 24, (CallInPass(0, 0, 20, 1), CallInPass(1, 16, 4, 1))),
        PassFigures(0.25, 0.125, 3, (CallInPass(0, 0, 0, 3), CallInPass(1, 0, 0, 1), CallInPass(None, 0, 0, 1))),
    ),
)


def data_of(page: str) -> dict[str, object]:
    """What a page is drawn from."""
    found = re.search(r'<script id="data" type="application/json">(.*?)</script>', page, re.S)
    assert found is not None
    data: dict[str, object] = json.loads(found[1])
    return data


@pytest.mark.parametrize("figures", [None, FIGURES], ids=["plan", "run"])
@pytest.mark.parametrize("format", ["svg", "svg-graph", "html"])
def test_pictures_are_as_looked_at(format: str, figures: Figures | None, golden) -> None:
    """Of the page what is drawn: how is code. The same bytes each time."""
    planned = lmc.compile(pictured).planned
    text = emit(planned, format, figures=figures)
    assert text == emit(planned, format, figures=figures)
    shown = _lines(data_of(text)) if format == "html" else text
    name = {"svg": "sharing.svg", "svg-graph": "graph.svg", "html": "page.json"}[format]
    golden(f"viz/pictured_{'run_' if figures else ''}{name}", shown)


def _lines(data: object) -> str:
    """JSON with a line for whatever there are many of."""
    return re.sub(r'(?<=[\]}],)|(?=\{"name)|(?=\{"up)', "\n", json.dumps(data, ensure_ascii=False)) + "\n"


def test_a_glance_is_as_looked_at(golden) -> None:
    """A line a rectangle."""
    golden("viz/pictured_glance.html", glance(lmc.compile(pictured).planned).replace("</div>", "</div>\n"))


# --- texts ------------------------------------------------------------------------------------------------

HOSTILE = "</script></style>]]><!--&lt;\u2028\u2029\0\x07\ufeff\ud800 😀 \u202eright to left\u202c שלום \"'`{{data}}"
LONG = "word " * 250_000


@lmc.function
def hostile(s):
    s += HOSTILE
    a, b = s.fork(2)
    a += HOSTILE + "1" + lmc.gen('a"b<i>\u2028', regex="[<&>]+")
    b += LONG + lmc.gen("b", stop=["</script>", "]]>"])
    return a['a"b<i>\u2028'], b["b"]


@pytest.fixture(scope="module")
def planned():
    return lmc.compile(hostile).planned


ODD_FIGURES = Figures((CallFigures(0, 1, 2, 3, 0.0, 0.1, 0.2, HOSTILE), CallFigures(1, 1, 2, 3, 0.0, None, None, LONG)))


@pytest.mark.parametrize("format", ["svg", "svg-graph"])
def test_no_text_is_markup(format: str, planned) -> None:
    """The file is well-formed, and what cannot be shown is spelt; a text of a megabyte is cut."""
    text = emit(planned, format, figures=ODD_FIGURES)
    tree = ElementTree.fromstring(text.encode())
    assert {each.tag.rpartition("}")[2] for each in tree.iter()}.isdisjoint({"script", "i"})
    assert text.isascii() or not re.search("[\u2028\u2029\0\x07\ufeff\u202e\u202c]", text)
    assert len(text) < 40_000


def test_no_text_ends_the_script(planned) -> None:
    """The page's data is whole; the page has its own three scripts and no more."""
    page = emit(planned, "html", figures=ODD_FIGURES)
    assert page.count("<script") == page.count("</script>") == 2
    assert not re.search("[\u2028\u2029\0\x07\ufeff\u202e\u202c\ud800]", page)
    data = data_of(page)
    shown = data["bands"][0]["parts"][0][3]  # type: ignore[index]
    assert shown.startswith("</script></style>]]><!--&lt;\\u2028\\u2029\\x00\\x07\\ufeff\\ud800 😀 \\u202eright")
    assert "{{{{data}}}}" in shown
    texts = [part[3] for band in data["bands"] for part in band["parts"]]  # type: ignore[attr-defined]
    assert sum(text.endswith(f"({len(LONG) - MAX_TEXT:,} more characters)") for text in texts) == 1
    assert len(page) < 80_000


def test_a_glance_has_no_markup_of_a_text(planned) -> None:
    """And is short."""
    text = glance(planned)
    page = ElementTree.fromstring(text)
    assert {node.tag for node in page.iter()} <= {"div", "b", "span"} and len(text) < 10_000
    assert "</script></style>]]>" in unescape("".join(page.itertext()))
