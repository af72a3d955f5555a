"""A plan made ready: arguments by path, externs, gangs."""

from __future__ import annotations

from lmc.backend.echo import EchoBackend
from lmc.errors import ArgumentError
from lmc.executor import Executor, PlanItem
from lmc.executor.runnable import compile_plan
from lmc.ir.graph import Block, Graph, Lit, Node, Param, Value
from lmc.ir.plan import Plan, Prefix, Step
from lmc.ir.types import STATE, STR
from lmc.passes.prefix_hints import with_gangs
from tests.support.echo_runs import program


def test_params_by_path() -> None:
    """An argument leaf is looked up where it sits."""
    leaf = Param(Value("d0", STR), ("dims", 0))
    s0 = Value("s0", STATE)
    graph = Graph("p", (leaf,), (), Block((), (Node("begin", outputs=(s0,)), Node("return", (s0, leaf.value)))))

    (outcome,) = Executor(EchoBackend().open()).run(Plan(graph, ()), [{("dims", 0): "x"}])

    assert outcome.ret == "x"


def test_a_shared_prefix_is_a_gang() -> None:
    """All items together where the prefix is the same for all, else each item for itself."""
    plan = program(
        """
  %s0 = begin
  %s1 = append %s0, "all", %q
  %a, %x = gen %s1
  %b, %y = gen %s1
  %c, %z = gen %s0
  return %a, none""",
        "%q: str",
    )
    q = plan.graph.params[0].value
    prefixes = (Prefix(0, None, (Lit("all"),), 3, (0, 1), 4), Prefix(1, 0, (q,), None, (0, 1), 2))
    steps = (Step(0, 2, "gen", prefix=1), Step(1, 3, "gen", prefix=1), Step(2, 4, "gen", prefix=0))
    hinted = with_gangs(Plan(plan.graph, steps, prefixes))
    backend = EchoBackend(record=True)

    Executor(backend.open()).run(hinted, [{("q",): "a"}, {("q",): "b"}])

    gangs = [request.gang for request in backend.log]
    assert gangs[0] == gangs[1] != gangs[3] == gangs[4]
    assert gangs[2] == gangs[5] not in (gangs[0], gangs[3])


def test_an_extern_without_an_object_is_that_program_s_failure() -> None:
    """Only pure builtins bind themselves; an item of another program runs."""
    session = EchoBackend().open()
    needs = compile_plan(program(' %s0 = begin\n %r = call @tool, "x"\n return %s0, %r'))
    fine = compile_plan(program(' %s0 = begin\n %r: int = call @int, "7"\n return %s0, %r'))

    items = [PlanItem(needs, {}), PlanItem(fine, {}), PlanItem(needs, {}, {"tool": str.upper})]
    bad, good, bound = Executor(session).run_items(items)

    assert (good.ret, bound.ret) == (7, "X")
    assert isinstance(bad.error, ArgumentError) and "@tool (t.py:2 tool) is not bound" in bad.error.message
