"""The page in a browser: everything is there, clicks and keys do what they say, and nothing is said on the console."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import lmc
from lmc.viz import emit
from tests.support.browser import CHROMIUM, Browser, Page
from tests.viz.test_pictures import fan, long

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")]

MAX_DRAW_S = 0.5  # of five hundred calls, on a busy machine; a quiet one takes a tenth


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as browser:
        yield browser


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Any:
    """Opens a page of this text; at the end nothing may have been said or asked for."""
    pages: list[Page] = []

    def opened(text: str, **how: Any) -> Page:
        file = tmp_path / "page.html"
        file.write_text(text, encoding="utf-8")
        pages.append(browser.open(file, **how))
        return pages[-1]

    yield opened
    for page in pages:
        assert page.console == [] and all(each.startswith("file:") for each in page.asked)


def count(page: Page, selector: str) -> int:
    return page.run(f"document.querySelectorAll({selector!r}).length")


def said(page: Page) -> str:
    return page.run("document.getElementById('says').textContent")


@lmc.function
def looks(s, topic: str):
    s += f"Answer in a word. {topic}\n"
    a, b = s.fork(2)
    a += "Good: " + lmc.gen("good", max_tokens=2)
    b += "Bad: " + lmc.gen("bad", max_tokens=2)
    s += f"{a['good']}{b['bad']}" + lmc.gen("best", max_tokens=2, regex="[a-z]+")
    if s["best"] == "x":
        s += lmc.gen("more", max_tokens=2)


def test_a_click_looks_closer(opened: Any) -> None:
    """All bands and rows are there; a click on one leaves it alone, a second goes back out, Escape shows all again."""
    page = opened(emit(lmc.compile(fan).planned, "html"))
    assert count(page, ".band") - count(page, "#legend .band") == 3

    own = page.run("[...document.querySelectorAll('.thing')].findIndex(each => each.querySelector('.own'))")
    page.click(*page.middle(".thing", own))
    assert count(page, "#picture .band") == 1 and "Good: " in said(page) and "fan" not in said(page)[:5]
    assert page.run("document.getElementById('out').disabled") is False
    page.press("Escape")
    assert count(page, "#picture .band") == 3
    assert page.run("document.getElementById('out').disabled") is True


def test_what_is_said_of_a_call(opened: Any) -> None:
    """Its line, its sizes, what it asks for, why it shares no more, and its prompt with holes; none of it is markup."""
    page = opened(emit(lmc.compile(looks).planned, "html"))
    page.run("tellCall(data.rows.findIndex(row => row.name.includes('best')))")
    text = said(page)
    for words in ("gen best", 'lmc.gen("best"', "regex [a-z]+", "why it shares no more", "parts from #", "{topic}"):
        assert words in text
    assert count(page, "#says script, #says b") == 0


def test_keys_alone_are_enough(opened: Any) -> None:
    """Tabs by arrows, one thing in the picture reached by Tab and the others by arrows; Enter opens and closes."""
    page = opened(emit(lmc.compile(looks).planned, "html"))
    page.press("Tab")
    page.press("ArrowRight")
    assert page.run("document.activeElement.id") == "tab-graph"
    assert page.run("document.querySelectorAll('#picture [tabindex=\"0\"]').length") == 1
    page.run("things.find(each => each.element.getAttribute('aria-label').startsWith('fork')).element.focus()")
    before = count(page, ".thing")
    page.press("Enter")
    assert count(page, ".thing") < before
    assert page.run("document.activeElement.getAttribute('aria-label')") == "fork x2, closed"
    page.press(" ")
    assert count(page, ".thing") == before
    page.press("ArrowRight")
    assert page.run("document.activeElement.getAttribute('aria-label')") != "fork x2, open"
    assert "gen" in said(page)


def test_find_marks_calls(opened: Any) -> None:
    """By name, place or text; the others fade."""
    page = opened(emit(lmc.compile(looks).planned, "html"))
    page.press("/")
    for key in "best":
        page.press(key)
    assert count(page, ".found") > 0 and count(page, ".dim") > 0
    page.press("Escape")
    assert count(page, ".found, .dim") == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 500])
def test_a_run_has_its_passes(opened: Any, scheme: str, width: int) -> None:
    """In both schemes and in a narrow window; nothing is wider than that but the picture, which scrolls by itself."""
    result = looks.run("cats", backend="echo", record=True, timeline=True)
    page = opened(result.picture(), scheme=scheme, width=width)
    page.run("show('passes')")
    assert count(page, "#picture .bar-of-pass") == len(result.report.timeline.passes)
    assert "pass 0" in said(page)
    assert page.run("document.documentElement.scrollWidth") <= width
    paper = page.run("getComputedStyle(document.body).backgroundColor")
    assert paper == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(21, 24, 28)")
    page.run("tellCall(0)")
    assert "from the cache" in said(page) and result.calls[0].output in said(page)


@pytest.mark.parametrize("view", ["sharing", "graph"])
def test_five_hundred_calls_are_drawn_at_once(opened: Any, view: str) -> None:
    """All of them, every box open."""
    page = opened(emit(lmc.compile(long(500)).planned, "html"))
    page.run(f"show('{view}')")
    if view == "graph":
        assert count(page, "#picture .card.call") <= 24
        page.run("document.getElementById('open').click()")
        assert count(page, "#picture .card.call") == 500
    took = page.run("(() => { const begin = performance.now(); draw(); return performance.now() - begin; })()")
    assert took / 1000 < MAX_DRAW_S
