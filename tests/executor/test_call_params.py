"""Call parameters as a plain record: a graph's node and a record filled by hand ask the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from lmc.backend.base import Request
from lmc.backend.echo import EchoBackend
from lmc.errors import ArgumentError
from lmc.executor import Executor, Outcome
from lmc.executor.call_params import CallParams, of_node
from lmc.executor.callsteps import ask
from lmc.executor.future import Future, Poison, settled
from lmc.executor.instance import Instance
from lmc.executor.state import ProgramState
from lmc.parser.constraints import parse_constraint
from lmc.source import Span
from tests.support.echo_runs import program, run


@dataclass(frozen=True)
class Live:
    """An item without a graph: appends texts to a state and asks calls, one after another, as they are there."""

    steps: tuple[str | CallParams, ...]
    number: int = 0

    def start(self, inst: Instance) -> None:
        self.go_on(inst, ProgramState(), 0)

    def go_on(self, inst: Instance, state: Any, at: int) -> None:
        if isinstance(state, Poison) or at == len(self.steps):
            inst.finish(state, None)
            return
        step = self.steps[at]
        if isinstance(step, str):
            self.go_on(inst, state.append(step), at + 1)
            return
        outs = [Future(inst.ready), Future(inst.ready)]
        outs[0].then(lambda: self.go_on(inst, settled(outs[0]), at + 1))
        inst.num_open += 1
        ask(inst, step, state, outs, (at,))


def live(*steps: str | CallParams, **options: Any) -> tuple[Outcome, list[Request]]:
    """Run one live item."""
    backend = EchoBackend(record=True)
    (outcome,) = Executor(backend.open(), **options).run_items([Live(steps)])
    return outcome, backend.log


CALLS = [
    ("gen %s1 {max_tokens=5}", CallParams(sampling={"max_tokens": 5})),
    ('gen %s1 {name="a", temperature=0.0}', CallParams(name="a", sampling={"temperature": 0.0})),
    (
        'gen %s1, regex="[ab]" {boundary="exact", name="a"}',
        CallParams(name="a", written=("regex", "[ab]"), boundary="exact"),
    ),
    (
        'select %s1 {choices=["yes", "no"], method="exact", name="a", temperature=0.7}',
        CallParams("select", "a", {"temperature": 0.7}, choices=["yes", "no"], method="exact"),
    ),
]


@pytest.mark.parametrize("text, params", CALLS, ids=[text for text, _ in CALLS])
def test_a_live_expression_asks_what_a_node_asks(text: str, params: CallParams) -> None:
    """The same request, seed and all, and the same state behind it."""
    options = {"seed": 3, "defaults": {"top_p": 0.5}, "parse_constraint": parse_constraint}
    compiled = run(f' %s0 = begin\n %s1 = append %s0, "Say it: "\n %s2, %a = {text}\n return %s2, none', **options)
    outcome, requests = live("Say it: ", params, **options)

    assert requests == compiled.backend.log
    assert outcome.error is None and outcome.state is not None
    assert outcome.state.text() == compiled.text
    assert outcome.state.names.values == compiled.one.state.names.values  # type: ignore[union-attr]


def test_live_calls_follow_one_another() -> None:
    """The second prompt holds the first answer, and draws from the stream of the second call."""
    again = CallParams(name="b")
    outcome, (first, second) = live("Q: ", CallParams(name="a"), " then ", again, seed=1)

    assert outcome.calls == 2 and outcome.error is None
    assert bytes(second.prompt.ids).startswith(bytes(first.prompt.ids))
    assert first.out[0].sampling.seed != second.out[0].sampling.seed  # type: ignore[union-attr]


def test_a_mistake_of_a_live_call_is_that_item_s_error() -> None:
    """With the place and the line that the record has."""
    span = Span("live.py", 7, 5)
    outcome, requests = live(CallParams(sampling={"max_tokens": -1}, span=span, line=lambda: 'gen("a")'))

    assert isinstance(outcome.error, ArgumentError) and requests == []
    assert outcome.error.span == span
    assert outcome.error.__notes__ == ['at live.py:7, in `gen("a")`']


def test_parameters_of_the_running_program_fill_a_record() -> None:
    """None inherits; what is written for a constraint replaces what was known."""
    graph = program(' %s0 = begin\n %s1, %a = gen %s0 {max_tokens=5, name="a"}\n return %s1, %a').graph
    call = of_node(next(node for node in graph.walk() if node.op == "gen"), 1)
    filled = call.filled({"temperature": 0.5, "max_tokens": None, "name": "b", "regex": "[ab]"})

    assert (filled.name, filled.written) == ("b", ("regex", "[ab]"))
    assert filled.sampling == {"max_tokens": 5, "temperature": 0.5}
    assert (call.name, call.sampling, call.written) == ("a", {"max_tokens": 5}, None)
    assert filled.number == call.number == 1 and filled.span is call.span
