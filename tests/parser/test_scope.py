"""Where a node of Python source stands, in columns as people count them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from lmc.parser.capture.scope import node_span

LINES = ("x = call(1)  ", "x = call('é') + 日本(2)", "x = (1 +\n     2)", "é = 1; x = é + 1")


@pytest.mark.parametrize("line", LINES)
def test_a_span_counts_characters(line: str, tmp_path: Path) -> None:
    """ast counts bytes; where every character is one byte both agree, and nothing is decoded."""
    file = tmp_path / "program.py"
    file.write_text(line + "\n", encoding="utf-8")
    first = line.splitlines()[0]
    for node in ast.walk(ast.parse(line)):
        segment = ast.get_source_segment(line, node)
        if segment is not None and "\n" not in segment and getattr(node, "lineno", 0) == 1:
            span = node_span(node, str(file))
            assert first[span.col - 1 : span.end - 1] == segment


def test_a_node_over_several_lines_has_its_first(tmp_path: Path) -> None:
    """Up to where that line's text ends."""
    file = tmp_path / "program.py"
    file.write_text("é = (1 +   \n  2)\n", encoding="utf-8")
    span = node_span(ast.parse("é = (1 +   \n  2)").body[0], str(file))

    assert (span.line, span.col, span.end) == (1, 1, len("é = (1 +") + 1)


def test_source_that_is_gone_has_a_span_all_the_same(tmp_path: Path) -> None:
    """At the beginning of the line: what the columns mean is not known."""
    span = node_span(ast.parse("   \n\nx = 1").body[0].value, str(tmp_path / "gone.py"))

    assert (span.line, span.col, span.end) == (3, 1, 1)
