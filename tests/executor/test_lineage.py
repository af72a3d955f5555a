"""Random streams: a pure function of where a call stands in the program."""

from __future__ import annotations

from lmc.backend.echo import EchoBackend
from lmc.backend.mixing import mix
from lmc.executor import Executor, PlanItem
from lmc.executor.lineage import call_seed, child_lineage
from lmc.executor.runnable import compile_plan
from tests.support.echo_runs import FORKS, Ran, program, run, says


def seeds(ran: Ran) -> dict[str, int | None]:
    return {prompt: gen.sampling.seed for prompt, gen in zip(ran.backend.prompts(), ran.gens)}


def test_seeds_do_not_depend_on_the_order_of_completion() -> None:
    """They follow from run seed, item, lineage and the calls so far."""
    body = FORKS + ' %a3 = append %a2, "then"\n %a4, %e = gen %a3 {name="y"}\n return %a4, none'
    runs = [run(body, backend=EchoBackend(shuffle=i, script=says(x="!", y="?")), seed=3) for i in range(4)]

    first = {(p, s) for r in runs[:1] for p, s in zip(r.backend.prompts(), (g.sampling.seed for g in r.gens))}
    assert len({seed for _, seed in first}) == 5
    for other in runs[1:]:
        assert first == set(zip(other.backend.prompts(), (g.sampling.seed for g in other.gens)))
    assert call_seed(mix(3, 0), child_lineage(0, 0, 0), 0) == seeds(runs[0])["topic a"]
    assert call_seed(mix(3, 0), child_lineage(0, 0, 0), 1) == seeds(runs[0])["topic a!then"]


def test_items_and_runs_draw_apart() -> None:
    """Another item, another run seed: another stream."""
    body = " %s0 = begin\n %s1, %a = gen %s0\n return %s1, %a"
    drawn = [gen.sampling.seed for s in (0, 1) for gen in run(body, items=[{}, {}], seed=s).gens]

    assert len(set(drawn)) == 4


def test_greedy_calls_and_given_seeds_are_left_alone() -> None:
    """A greedy call has no seed, the user's seed is the user's."""
    ran = run(" %s0 = begin\n %s1, %a = gen %s0 {temperature=0.0}\n %s2, %b = gen %s1 {seed=7}\n return %s2, none")

    assert [gen.sampling.seed for gen in ran.gens] == [None, 7]


def test_an_item_s_number_is_its_stream() -> None:
    """A batch cut in two draws as the whole one."""
    runnable = compile_plan(program(" %s0 = begin\n %s1, %a = gen %s0\n return %s1, %a"))
    whole = Executor(EchoBackend().open()).run(runnable, [{}, {}])
    part = Executor(EchoBackend().open()).run_items([PlanItem(runnable, {}, {}, 1)])

    assert whole[1].ret == part[0].ret != whole[0].ret
