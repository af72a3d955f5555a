"""What a run tells: text as it grows, calls and items as they end; the texts of a sample are its value."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest

from lmc.backend.echo import EchoBackend, EchoSession
from lmc.backend.local import CpuBackend
from lmc.errors import RequestError
from lmc.executor import CallEnded, CallStarted, Detail, Executor, ItemEnded, PlanItem, RunEvent, TextGrew
from lmc.executor.runnable import compile_plan
from lmc.ir.plan import Plan
from lmc.parser.constraints import parse_constraint
from tests.support.echo_runs import fails, program, says
from tests.support.end_to_end import checkpoint

SAY = ' %s0 = begin\n %s1, %a = gen %s0 {name="a"}\n return %s1, %a'


def events_of(plan: Plan, backend: Any, detail: Detail = "text", num_items: int = 1) -> list[RunEvent]:
    """Everything that was told of a plan without arguments."""
    runnable = compile_plan(plan)
    told: list[RunEvent] = []
    with Executor(backend.open(), parse_constraint=parse_constraint).open(detail) as run:
        for number in range(num_items):
            run.add(PlanItem(runnable, {}, number=number))
        while not run.is_idle:
            told += run.step()
    return told


def texts_of(told: list[RunEvent]) -> dict[tuple[int, object, int], list[str]]:
    """What each sample of a call said, bit by bit."""
    found = defaultdict(list)
    for event in told:
        if isinstance(event, TextGrew) and event.call is not None:
            found[event.item, event.name, event.sample].append(event.text)
    return dict(found)


def assert_texts_are_values(told: list[RunEvent]) -> None:
    """The law: all texts of a sample together are its value, told before its end."""
    grown: dict[tuple[int, object, int], str] = defaultdict(str)
    for event in told:
        if isinstance(event, TextGrew) and event.call is not None:
            grown[event.item, event.name, event.sample] += event.text
        elif isinstance(event, CallEnded) and event.error is None:
            values = event.value if isinstance(event.value, list) else [event.value]
            for sample, value in enumerate(values):
                assert grown.pop((event.item, event.name, sample), "") == value
    assert not grown


def test_text_grows_then_the_call_ends_then_the_item() -> None:
    """Each with the item and the call they belong to."""
    told = events_of(program(SAY), EchoBackend(script=says(a="one two"), chunks=2), num_items=2)

    of_first = [event for event in told if event.item == 0]
    assert [type(event) for event in of_first] == [CallStarted, TextGrew, TextGrew, CallEnded, ItemEnded]
    assert texts_of(told) == {(item, "a", 0): ["one ", "two"] for item in range(2)}
    call, end = of_first[3:]
    assert isinstance(call, CallEnded) and (call.value, call.error, call.params.op) == ("one two", None, "gen")
    assert isinstance(end, ItemEnded) and end.outcome.ret == "one two"


@pytest.mark.parametrize("detail, kinds", [("items", {ItemEnded}), ("calls", {CallStarted, CallEnded, ItemEnded})])
def test_less_may_be_told(detail: Detail, kinds: set[type]) -> None:
    """A batch hears of items only."""
    told = events_of(program(SAY), EchoBackend(script=says(a="one two"), chunks=2), detail)

    assert {type(event) for event in told} == kinds


def test_a_failed_call_says_why() -> None:
    """No value, the error with its place; the item fails with the same."""
    told = events_of(program(SAY), EchoBackend(fail=fails("a")))

    _, call, end = told
    assert isinstance(call, CallEnded) and isinstance(end, ItemEnded)
    assert isinstance(call.error, RequestError) and call.value is None
    assert end.outcome.error is call.error


def test_samples_grow_apart() -> None:
    """Three samples, three texts."""
    told = events_of(
        program(' %s0 = begin\n %s1, %a = gen %s0 {n=3, name="a"}\n return %s1, %a'), EchoBackend(chunks=3)
    )

    assert {sample for _, _, sample in texts_of(told)} == {0, 1, 2}
    assert_texts_are_values(told)


def test_a_backend_that_says_all_at_once_grows_once() -> None:
    """Where no text comes before the end, the end brings it."""
    told = events_of(program(SAY), EchoBackend(script=says(a="all of it"), chunks=0))

    assert texts_of(told) == {(0, "a", 0): ["all of it"]}


def test_nothing_is_told_of_an_item_that_has_been_aborted() -> None:
    """Its request speaks on, the item's end was the last word."""

    class Deaf(EchoSession):
        def abort(self, rid: int, reason: str) -> None:
            """What was on its way when a request was aborted still comes."""

    with Executor(Deaf(EchoBackend(script=says(a="one two three four"), chunks=4))).open() as run:
        run.add(PlanItem(compile_plan(program(SAY)), {}))
        first = run.step()
        run.abort(0)
        told: list[RunEvent] = []
        while not run.is_idle:
            told += run.step()

    assert [type(event) for event in first] == [CallStarted, TextGrew]
    assert [type(event) for event in told] == [ItemEnded]


CONSTRAINED = [
    '%s1, %a = gen %s0 {max_tokens=9, name="a"}',
    '%s1, %a = gen %s0, regex="[a-f]{3,9}" {max_tokens=9, name="a"}',
    '%s1, %a = gen %s0, regex="[a-f]{3,9}" {boundary="exact", max_tokens=9, name="a"}',
    '%s1, %a = gen %s0, regex="[a-f]{3}" {max_tokens=9, name="a", on_distortion="unconstrained-then-validate"}',
    '%s1, %a = gen %s0, regex="a|b" {max_tokens=9, name="a", on_distortion="score"}',
    '%s1, %a = gen %s0, regex="[a-f]{3}" {max_tokens=9, n=3, name="a", on_distortion="unconstrained-then-validate"}',
    '%s1, %a = gen %s0 {max_tokens=30, name="a", stop="e"}',
    '%s1, %a = select %s0 {choices=["yes", "no"], method="exact", name="a"}',
    '%s1, %a, %b = fused %s0 {parts=["x", ["a", none, [["max_tokens", 4]]], "y", ["b", none, [["max_tokens", 3]]]]}',
    '%s1, %a, %b = fused %s0 {parts=[["a", none, [["max_tokens", 4]]], "y", ["b", none, [["max_tokens", 3]]]]}',
]


@pytest.mark.parametrize("call", CONSTRAINED)
@pytest.mark.parametrize("where", ["echo", "engine"])
def test_texts_are_values_whatever_restricts_them(call: str, where: str) -> None:
    """Healed, asked a second time, scored, stopped or fused: what was told is what the program reads."""
    backend = EchoBackend(chunks=3) if where == "echo" else CpuBackend(checkpoint(), dtype="fp32")
    body = f' %s = begin\n %s0 = append %s, "The answer is ab"\n {call}\n return %s1, %a'
    told = events_of(program(body), backend, num_items=4)
    if where == "engine":
        backend.close()

    assert sum(isinstance(event, CallEnded) for event in told) == (8 if "fused" in call else 4)
    assert all(event.outcome.error is None for event in told if isinstance(event, ItemEnded))
    assert_texts_are_values(told)
