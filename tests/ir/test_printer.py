"""The text of graphs and plans: what is written, what is left out, what survives the way back."""

from __future__ import annotations

import math
import time
from dataclasses import replace

import pytest

from lmc.ir.graph import UNSET, Block, Graph, Lit, Node, Param, Value
from lmc.ir.literal import literal
from lmc.ir.ops import OPS
from lmc.ir.printer import print_graph, print_head, print_node
from lmc.ir.types import STATE, STR, Type
from lmc.parser.irtext.parse import parse_graph, parse_plan
from lmc.source import Span
from tests.support.ir_programs import PLAN, PROGRAMS, TIPS
from tests.support.random_graph import random_graph

S0, S1 = Value("s0", STATE), Value("s1", STATE)


@pytest.mark.parametrize("name", PROGRAMS)
def test_program_prints_as_it_was_written(name: str) -> None:
    """The hand-written programs are in the printer's own form."""
    assert str(parse_graph(PROGRAMS[name])) == PROGRAMS[name]


def test_programs_cover_every_op() -> None:
    """A new row of the op table needs a line in tests/support/ir_programs.py."""
    used = {node.op for text in PROGRAMS.values() for node in parse_graph(text).walk()}

    assert used == set(OPS)


def test_plan_prints_as_it_was_written() -> None:
    """All fields of steps and prefixes survive."""
    assert str(parse_plan(PLAN)) == PLAN


@pytest.mark.parametrize("start", range(0, 300, 50))
def test_random_graphs_round_trip(start: int) -> None:
    """parse(print(g)) == g, types and names included."""
    for seed in range(start, start + 50):
        graph = random_graph(seed, may_raise=seed % 2 == 0)
        assert parse_graph(str(graph)) == graph, seed


@pytest.mark.parametrize(
    "value, text",
    [
        (None, "none"),
        (True, "true"),
        (UNSET, "unset"),
        (..., "..."),
        (-7, "-7"),
        (1e16, "1e+16"),
        (1.0, "1.0"),
        (-math.inf, "-inf"),
        ('a\n"\\\t\x00\x7f\u2028\ud800é', r'"a\n\"\\\t\x00\x7f\u2028\ud800é"'),
        (b'a"\xff', r'b"a\x22\xff"'),
        ((1, ("a",), ()), '[1, ["a"], []]'),
        ([1], "<[1]>"),
    ],
)
def test_literal_text(value: object, text: str) -> None:
    """Literals look like Python's, in lower case; what is no literal is shown in angle brackets."""
    assert literal(value) == text


def test_huge_integer_prints_in_hex() -> None:
    """Python refuses to write more than 4,300 decimal digits."""
    assert literal(-(1 << 20_000)) == "-0x1" + "0" * 5_000


def test_types_are_written_only_where_the_op_does_not_imply_them() -> None:
    """`gen` gives a str unless told otherwise; a state never says so."""
    data = replace(S1, name="x", type=Type("data"))

    assert print_node(Node("gen", (S0,), outputs=(S1, replace(data, type=STR)))) == "%s1, %x = gen %s0"
    assert print_node(Node("gen", (S0,), outputs=(S1, data))) == "%s1, %x: data = gen %s0"
    assert print_node(Node("item", (data, Lit(0)), outputs=(replace(data, name="y"),))) == "%y: data = item %x, 0"


def test_odd_names_are_quoted() -> None:
    """Values, keys, attributes and programs may have any name; words of the language are quoted as keys."""
    odd = Value("a b", STR)
    node = Node("call", (odd, odd), ("none",), (("fn", "f g"),), outputs=(Value("x.1", STR),))

    assert print_node(node) == '%x.1: str = call @"f g", %"a b", "none"=%"a b"'


def test_region_of_another_shape_still_prints() -> None:
    """A malformed region node, as an error message may have to show it."""
    node = Node("loop", (S0,), regions=(Block((), (Node("yield"),)), Block((S1,), ())))

    assert print_node(node) == "loop %s0 do() {\n  yield\n} do(%s1) {\n}".replace("loop", '"loop"')
    assert print_head(node) == '"loop" %s0 do() {'


def test_spans_are_written_on_request() -> None:
    """With `spans`, the text keeps each node's place; without, it does not matter where they stood."""
    span = Span('my "prog".py', 12, 5, 20)
    body = Block((), (Node("begin", outputs=(S0,), span=span), Node("return", (S0, Lit(None)), span=None)))
    graph = Graph("p", (), (), body)

    text = print_graph(graph, spans=True)

    assert r'  %s0 = begin at "my \"prog\".py":12:5-20' in text.splitlines()
    assert parse_graph(text).body.nodes[0].span == span
    assert parse_graph(str(graph)).body.nodes[0].span == Span("<ir>", 2, 9, 14)


def test_argument_paths() -> None:
    """A path is written where it is more than the argument's own name."""
    paths = [("a",), ("b",), ("cfg", "a b", 0), ("odd name", -1)]
    params = tuple(Param(Value(f"{'a' if i == 0 else 'x'}{i or ''}", STR), path) for i, path in enumerate(paths))
    graph = Graph("p", params, (), Block((), (Node("begin", outputs=(S0,)), Node("return", (S0, Lit(None))))))

    head = str(graph).splitlines()[0]

    assert head == 'program p(%a: str, %x1: str = b, %x2: str = cfg["a b"][0], %x3: str = "odd name"[-1]) {'
    assert parse_graph(str(graph)) == graph


def test_printing_is_linear() -> None:
    """Ten times the nodes take about ten times the time, not a hundred."""
    graph = parse_graph(TIPS)
    small, large = (replace(graph, body=replace(graph.body, nodes=graph.body.nodes * n)) for n in (300, 3_000))

    assert _seconds(large) < 40 * _seconds(small) + 0.05


def _seconds(graph: Graph) -> float:
    start = time.perf_counter()
    str(graph)
    return time.perf_counter() - start
