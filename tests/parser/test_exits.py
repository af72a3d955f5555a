"""How a loop is left, as the graph says it."""

from __future__ import annotations

from typing import Any

import lmc
from lmc.ir.graph import Lit
from lmc.ir.types import STR
from lmc.parser.argument_shapes import ArgumentLeaf
from lmc.parser.capture.trace import trace


def until_stop(s: Any, topics: str) -> str | None:
    """Returns from inside a loop whose turns only the run counts."""
    for topic in topics.split():
        s += topic
        s += lmc.gen("answer", max_tokens=4)
        if s["answer"] == "stop":
            return topic
    s += "none"
    return None


def test_return_inside_a_run_time_loop_is_looked_up_by_how_the_loop_was_left():
    """A table of four, and a value called `exit`: nothing is computed with truth values."""
    graph = trace(until_stop, {"topics": ArgumentLeaf(STR)}).graph
    nodes = list(graph.walk())

    [after] = [node for node in nodes if node.op == "item"]
    table, left = after.inputs
    assert table == Lit((0, 0, 0, 3))
    [loop] = [node for node in nodes if node.op == "for"]
    assert left == loop.outputs[-1]
    assert loop.outputs[-1].name.startswith("exit")
    assert not any(node.op == "binary" for node in nodes)
