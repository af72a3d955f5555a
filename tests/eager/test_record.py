"""What a program did as Python, as a graph: straight on, with places, a text form that reads back, and all pictures."""

from __future__ import annotations

import asyncio
import copy
from typing import Any

import pytest
from pydantic import BaseModel

import lmc
from lmc.backend.echo import EchoBackend
from lmc.compiler import Compiled
from lmc.errors import ArgumentError
from lmc.ir.graph import Graph
from lmc.ir.verify import verify, verify_plan
from lmc.parser.irtext.parse import parse_graph, parse_plan
from lmc.viz import FORMATS
from tests.oracle.programs import all_cases
from tests.oracle.programs.case import Case
from tests.support.sampled import one_in


def ran(function: Any, *args: Any, **more: Any) -> lmc.Result:
    """The result of a run as Python, on the echo backend."""
    return lmc.run(function, *args, backend=EchoBackend(), mode="eager", **more)


def lines(graph: Graph) -> list[str]:
    """The nodes as they are printed."""
    return [line.strip() for line in str(graph).splitlines()[1:-1]]


def checked(compiled: Compiled) -> Compiled:
    """Well formed, reads back as it is printed, and can be drawn."""
    verify(compiled.graph)
    verify_plan(compiled.plan)
    assert parse_graph(str(compiled.graph)) == compiled.graph
    assert parse_plan(str(compiled.plan)) == compiled.plan
    assert all(compiled.emit(format) for format in FORMATS)
    assert compiled.explain() and compiled.as_networkx()
    return compiled


def test_texts_turns_and_calls() -> None:
    """Each with its place; the parameters of a call are those it was given."""

    def program(s: Any, topic: str) -> Any:
        s += lmc.system("Be kind.")
        with s.user():
            s += f"Tips on {topic}"
        s += lmc.assistant(lmc.gen("tip", max_tokens=5, stop=["\n"], temperature=0))
        return s["tip"]

    graph = checked(ran(program, "cats").compiled).graph

    assert lines(graph) == [
        "%s0 = begin",
        '%s1 = role_begin %s0 {role="system"}',
        '%s2 = append %s1, "Be kind."',
        '%s3 = role_end %s2 {role="system"}',
        '%s4 = role_begin %s3 {role="user"}',
        '%s5 = append %s4, "Tips on cats"',
        '%s6 = role_end %s5 {role="user"}',
        '%s7 = role_begin %s6 {role="assistant"}',
        '%s8, %tip = gen %s7 {max_tokens=5, name="tip", stop=["\\n"], temperature=0}',
        '%s9 = role_end %s8 {role="assistant"}',
        "return %s9, %tip",
    ]
    gen = next(node for node in graph.nodes if node.op == "gen")
    assert gen.span is not None and gen.span.file == __file__
    assert "lmc.gen(" in gen.span.text()


def test_forks_joins_scopes_and_names() -> None:
    """A name is the value that set it, as far as only one thing can have set it."""

    def program(s: Any) -> Any:
        s += lmc.gen("first", max_tokens=2)
        forks = s.fork(2)
        for i, fork in enumerate(forks):
            fork += str(i)
            fork += lmc.select("verdict", ["good", "bad"])
        forks.join()
        with s.var_scope("scope"):
            s += s["first"]
        s["set"] = [s["first"], 2, {"k": None}]
        with s.copy() as c:
            c += lmc.gen("own", max_tokens=2)
        return [fork["verdict"] for fork in forks], s["scope"], c, forks

    assert lines(checked(ran(program).compiled).graph) == [
        "%s0 = begin",
        '%s1, %first = gen %s0 {max_tokens=2, name="first"}',
        "%s2, %fork0, %fork1 = fork %s1 {n=2}",
        '%fork2 = append %fork0, "0"',
        '%fork3, %verdict = select %fork2 {choices=["good", "bad"], method="token_length_normalized", name="verdict"}',
        '%fork4 = append %fork1, "1"',
        "%fork5, %verdict_2 = select %fork4 "
        '{choices=["good", "bad"], method="token_length_normalized", name="verdict"}',
        '%s3 = join %s2, %fork3, %fork5 {mode="gather_variable"}',
        '%s4 = scope_begin %s3, "scope"',
        "%s5 = append %s4, %first",
        '%s6 = scope_end %s5, "scope"',
        '%t0 = dict "k", none',
        "%t1 = list %first, 2, %t0",
        '%s7 = set %s6, "set", %t1',
        "%s8, %fork6 = fork %s7 {n=1}",
        '%fork7, %own = gen %fork6 {max_tokens=2, name="own"}',
        '%s9 = join %s8, %fork7 {mode="gather_variable"}',
        "%t2 = list %verdict, %verdict_2",
        '%scope: str = get %s9, "scope"',
        "%t3 = list %fork3, %fork5",
        "%t4 = tuple %t2, %scope, %fork7, %t3",
        "return %s9, %t4",
    ]


def test_a_text_of_the_programs_own_is_no_value() -> None:
    """Whatever a call said: what was written stays a literal, and so does a text that was made of a value."""

    def program(s: Any) -> None:
        s += lmc.select("word", ["the", "the "])
        s += "the"
        s += lmc.gen("more", max_tokens=3)
        s += f"<{s['more']}>"
        s += s["more"]

    shown = lines(ran(program).graph)
    assert '"the"' in shown[2]
    assert '"<' in shown[4] and shown[5] == "%s5 = append %s4, %more"


def test_calls_come_after_what_was_read_before_them() -> None:
    """What the program had read it may have used, even where the graph has only a literal."""

    def program(s: Any) -> None:
        forks = s.fork(3)
        for fork in forks:
            fork += lmc.gen("x", max_tokens=2)
        best = max(len(fork["x"]) for fork in forks[:2])
        s += f"{best}"
        s += lmc.gen("y", max_tokens=2)
        forks[2] += lmc.gen("z", max_tokens=2)

    compiled = checked(ran(program).compiled)
    assert [(step.wave, step.after) for step in compiled.plan.steps] == [
        (0, ()), (0, ()), (0, ()), (1, (0, 1)), (1, (0, 1, 2)),
    ]  # fmt: skip
    assert "critical path 2" in compiled.emit("table")


def test_a_program_inside() -> None:
    """Has a prompt of its own; its values are values outside too."""

    def inner(s: Any, word: str) -> Any:
        s += word
        s += lmc.gen("z", max_tokens=2)
        return s["z"]

    def program(s: Any) -> None:
        s += lmc.function(inner).run("a")["z"]
        s += lmc.gen("x", max_tokens=2)

    assert lines(checked(ran(program).compiled).graph) == [
        "%s0 = begin",
        "%inner0 = begin 1",
        '%inner1 = append %inner0, "a"',
        '%inner2, %z = gen %inner1 {max_tokens=2, name="z"}',
        "%s1 = append %s0, %z",
        '%s2, %x = gen %s1 {max_tokens=2, name="x"}',
        "return %s2, none",
    ]


def test_an_asynchronous_program() -> None:
    """In the order in which its tasks did it."""

    async def part(s: Any) -> None:
        s += lmc.gen("x", max_tokens=2)
        assert s["x"]

    async def program(s: Any) -> Any:
        a, b = s.fork(2)
        await asyncio.gather(part(a), part(b))
        s += lmc.gen("y", max_tokens=2)
        return a["x"]

    result = lmc.run(lmc.function(program), backend=EchoBackend())
    compiled = checked(result.compiled)
    assert [node.op for node in compiled.graph.nodes] == ["begin", "fork", "gen", "gen", "gen", "return"]
    assert [step.wave for step in compiled.plan.steps] == [0, 0, 1]


def test_a_run_that_fails() -> None:
    """Its graph ends where it ended."""

    def program(s: Any) -> None:
        s += lmc.gen("x", max_tokens=2)
        raise ValueError("no", 3, [s])

    [result] = lmc.run_batch(program, [{}], backend=EchoBackend(), mode="eager", record=True)
    assert isinstance(result.error, ValueError)
    *_, last = lines(checked(result.compiled).graph)
    assert last.startswith('raise @e0, "no", 3, "[<')


def test_a_caught_call_is_there() -> None:
    """It was asked; what came of it is not the graph's business."""

    def program(s: Any) -> str:
        a, b = s.fork(2)
        a += lmc.gen("x", max_tokens=2)
        try:
            a["x"]
        except lmc.RequestError:
            b += "again"
            b += lmc.gen("x", max_tokens=2)
        return str(b["x"])

    backend = EchoBackend(fail=lambda request: None if len(request.prompt.ids) > 1 else "broken")
    result = lmc.run(program, backend=backend, mode="eager")
    assert [node.op for node in checked(result.compiled).graph.nodes].count("gen") == 2


def test_what_a_container_was_then() -> None:
    """The program may change it afterwards, and so may who has the result."""

    def program(s: Any) -> Any:
        items: list[Any] = [1]
        s["items"] = items
        items.append(items)
        s["again"] = items
        return items

    result = ran(program)
    result.ret_value.append("later")
    shown = lines(checked(result.compiled).graph)
    assert shown[2:4] == ["%t0 = list 1", '%s1 = set %s0, "items", %t0']
    assert sum(line.endswith("extern @e0") for line in shown) == 2
    assert "later" not in str(result.graph)


def test_values_of_types() -> None:
    """A number is one to the program, and a literal where it is used again; an object is known by itself."""

    class Pair(BaseModel):
        a: int

    def program(s: Any) -> Any:
        s += lmc.gen("num", dtype=int, max_tokens=3)
        s["again"] = s["num"]
        s += lmc.gen("pair", type=Pair)
        s["kept"] = [s["pair"]]
        s += lmc.gen("many", dtype=int, n=2, max_tokens=3)
        return s["pair"]

    shown = lines(checked(ran(program).compiled).graph)
    assert shown[0].startswith('extern @e0 = "type ') and shown[0].endswith('Pair" none total ref')
    assert shown[2].startswith("%s1, %num: int = gen %s0") and shown[3].startswith('%s2 = set %s1, "again", ')
    assert "%t0 = list %pair" in shown and shown[-1].endswith(", %pair")
    assert any("%many: data = gen" in line for line in shown)


def test_a_batch_records_where_it_is_asked() -> None:
    """A compiled program has its graph anyway."""

    def program(s: Any, word: str) -> None:
        s += word
        s += lmc.gen("x", max_tokens=2)

    items = [{"word": "a"}, {"word": "b"}]
    for result in lmc.run_batch(program, items, backend=EchoBackend(), mode="eager"):
        with pytest.raises(ArgumentError, match="nothing was recorded") as caught:
            result.compiled  # noqa: B018
        assert "record=True" in str(caught.value.help)
    results = lmc.run_batch(program, items, backend=EchoBackend(), mode="eager", record=True)
    assert ['append %s0, "b"' in str(result.graph) for result in results] == [False, True]
    with lmc.function(program).open_run(backend=EchoBackend(), mode="eager", record=True) as run:
        assert all(str(result.graph) for _, result in run.results(items))
    compiled = lmc.run_batch(program, items, backend=EchoBackend())
    assert compiled[0].compiled.planned is compiled[1].compiled.planned
    assert "append %s0, %word" in str(compiled[0].graph)
    [broken] = lmc.run_batch(program, [{"wort": "a"}], backend=EchoBackend())
    with pytest.raises(ArgumentError, match="no argument `wort`"):
        broken.graph  # noqa: B018


@pytest.mark.parametrize("case", one_in(12, [case for case in all_cases() if case.runs]))
def test_every_program_can_be_recorded(case: Case) -> None:
    """What it says does not change, and its graph is sound."""

    def run(is_recorded: bool) -> lmc.Result:
        case.prepare()
        items = [copy.deepcopy(case.args[0])]
        return lmc.run_batch(case.fn, items, backend=EchoBackend(), mode="eager", record=is_recorded)[0]

    plain, record = run(False), run(True)
    checked(record.compiled)
    assert type(plain.error) is type(record.error)
    if plain.error is None:
        assert plain.text() == record.text() and repr(plain) == repr(record)
    assert record.usage == plain.usage
