"""A plan as a networkx graph: its nodes with what the plan says of them, and what comes before what."""

from __future__ import annotations

import networkx

import lmc
from lmc.ir.network import plan_network
from lmc.parser.irtext.parse import parse_plan
from tests.support.ir_programs import PLAN

SHARE = parse_plan(PLAN)


def test_nodes_say_what_the_plan_says() -> None:
    """In plain values, for those that have a step; the others are there too."""
    network = plan_network(SHARE)
    call, begin = dict(network.nodes[4]), dict(network.nodes[0])

    assert call.pop("node").op == "gen"
    assert call == {
        "inside": 2, "op": "gen", "name": "x", "place": "<ir>:15", "is_call": True, "step": 1, "order": 1, "wave": 0,
        "prefix": 1, "hints": ("gang g1", "pin p1 for 2.5", "prefetch p0"),
    }  # fmt: skip
    assert (begin["op"], begin["name"], begin["is_call"]) == ("begin", "s0", False) and "step" not in begin


def test_edges_are_values_or_order() -> None:
    """A step that waits for another without reading anything of it has an edge without values."""

    @lmc.function
    def prints(s):
        print("one")
        print("two")
        s += "Say: " + lmc.gen("a")

    network = prints.compile().as_networkx()
    one, two = (number for number, op in network.nodes(data="op") if op == "call")

    assert network.edges[one, two]["values"] == ()
    assert plan_network(SHARE).edges[2, 6]["values"] == ("s5",)
    assert not any(values == () for _, _, values in plan_network(SHARE).edges(data="values"))
    assert networkx.is_directed_acyclic_graph(network)


def test_a_printed_plan_gives_the_same() -> None:
    """All but the places, which are those of the text."""

    @lmc.function
    def two(s, topic: str):
        s += f"On {topic}: " + lmc.gen("a")
        print(s["a"])
        s += lmc.gen("b")

    done = two.compile()
    here, there = done.as_networkx(), plan_network(parse_plan(str(done)))

    def told(network: networkx.DiGraph) -> list:
        return [{k: v for k, v in each.items() if k not in ("node", "place")} for _, each in network.nodes(data=True)]

    assert told(here) == told(there) and list(here.edges(data=True)) == list(there.edges(data=True))
    assert here.graph["name"] == "two"
    calls = [number for number, is_call in here.nodes(data="is_call") if is_call]
    assert networkx.has_path(here, *calls)
