"""The pictures of what prompts share: bands where they belong, one file by itself, and a browser that draws it."""

from __future__ import annotations

import json
import linecache
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import lmc
from lmc.viz import emit
from lmc.viz.bands import Bands, bands
from lmc.viz.sharing import sharing
from lmc.viz.view import View

RULES = "You answer in one word.\n"


@lmc.function
def fan(s, topic: str):
    s += RULES
    s += f"</script><b>Topic</b>: {topic}\n"
    f, g = s.fork(2)
    f += "Good: " + lmc.gen("good")
    g += "Bad: " + lmc.gen("bad")
    return f["good"], g["bad"]


def long(num: int) -> Any:
    """A program of so many calls, written out."""
    lines = "".join(f"    f[{i}] += 'Question {i}, one of many: ' + lmc.gen('a{i}')\n" for i in range(num))
    text = f"def long(s):\n    s += 'All begin alike. '\n    f = s.fork({num})\n{lines}    f.join()\n"
    name = f"<long {num}>"
    linecache.cache[name] = (len(text), None, text.splitlines(True), name)
    names: dict[str, Any] = {"lmc": lmc}
    exec(compile(text, name, "exec"), names)
    return lmc.function(names["long"])


def placed(program: lmc.Program) -> Bands:
    """The bands of a program, in characters."""
    view = View(lmc.compile(program).planned)
    return bands(sharing(view), view)


def test_a_shared_prefix_is_one_band_through_its_rows() -> None:
    """What each call adds stands behind it, in its row."""
    found = placed(fan)
    shared, *own = found.bands
    assert (shared.prefix, shared.top, shared.bottom, shared.calls) == (0, 0, 2, 2)
    assert (shared.start, shared.size, shared.is_exact) == (0, len(RULES) + len("</script><b>Topic</b>: ") + 1, False)
    assert [(band.start, band.top, band.bottom, band.text) for band in own] == [
        (shared.end, 0, 1, "Good: "),
        (shared.end, 1, 2, "Bad: "),
    ]
    assert [part.kind for part in shared.parts] == ["text", "hole", "text"]
    assert [row.name for row in found.rows] == ["#0 gen good, test_pictures.py:30", "#1 gen bad, test_pictures.py:31"]


def test_bands_of_a_row_touch_and_never_overlap() -> None:
    """For some examples of the folder: from the beginning of each call's prompt to its end."""
    for file in sorted((Path(__file__).parents[2] / "examples").glob("t*.py")):
        from lmc.cli.loading import load_program

        found = placed(load_program(str(file)))
        for number in range(len(found.rows)):
            row = sorted((b for b in found.bands if b.top <= number < b.bottom), key=lambda band: band.depth)
            assert row[0].start == 0
            for before, after in pairwise(row):
                assert after.start == pytest.approx(before.end) and before.end <= found.width, file


def test_the_svg_is_well_formed() -> None:
    """With what it says where the pointer rests, and no text of the program's that is markup."""
    root = ElementTree.fromstring(emit(lmc.compile(fan).planned, "svg"))
    texts = ["".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}title")]
    assert any("computed once for 2 calls" in text and "</script>" in text for text in texts)


class _Page(HTMLParser):
    """The scripts of a page, and what it would ask of a network."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts: list[str] = []
        self.asks: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "script":
            self.scripts.append("")
        self.asks += [str(value) for name, value in attrs if name in ("src", "href", "action")]

    def handle_data(self, data: str) -> None:
        if self.cdata_elem == "script":
            self.scripts[-1] += data


def test_the_page_stands_by_itself() -> None:
    """Its data is whole whatever the prompts say, and it asks for no other file."""
    text = emit(lmc.compile(fan).planned, "html")
    page = _Page()
    page.feed(text)
    data = json.loads(page.scripts[0])
    assert page.asks == [] and not re.search(r"@import|url\((?!#)", text)
    assert "</script><b>" in data["bands"][0]["parts"][0][3]
    assert data["rows"][1]["why"].startswith("parts from #0 after ")
    assert "{title}" not in text and "{data}" not in text


def test_five_hundred_calls_are_not_much() -> None:
    """Less than two megabytes, and the same bytes each time."""
    planned = lmc.compile(long(500)).planned
    pages = [emit(planned, "html") for _ in range(2)]
    assert pages[0] == pages[1] and len(pages[0]) < 2_000_000
    assert pages[0].count('"why"') == 499
