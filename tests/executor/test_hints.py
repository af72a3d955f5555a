"""The plan's order and hints reach the session: requests in order, gangs and priorities in them, pins beside them."""

from __future__ import annotations

from dataclasses import replace

from lmc.backend.base import Failed, PrefixHint
from lmc.backend.echo import EchoBackend
from lmc.backend.echo.backend import EchoSession
from lmc.executor import Executor
from lmc.ir.plan import Plan
from lmc.parser.irtext.parse import parse_plan

TEXT = """\
plan p {{
  #0 gen %x node 2 wave 0 prompt "Read: " %doc prefix p0 {first}
  #1 gen %y node 4 wave 0 prompt "Read: " %doc "Why?" prefix p0 {second}
  #2 gen %z node 6 wave 1 after #0 #1 prompt "Read: " %doc %x %y prefix p0 {third}
  p0 calls 3 {tokens}steps #0 #1 #2 adds "Read: "
}}
program p(%doc: str) {{
  %s0 = begin
  %s1 = append %s0, "Read: ", %doc
  %s2, %x = gen %s1
  %s3 = append %s1, "Why?"
  %s4, %y = gen %s3
  %s5 = append %s1, %x, %y
  %s6, %z = gen %s5
  return %s6, %z
}}
"""


def plan(first: str = "", second: str = "", third: str = "", tokens: str = "") -> Plan:
    """The plan of the text with these hints."""
    return parse_plan(TEXT.format(first=first, second=second, third=third, tokens=tokens))


class Hearing(EchoSession):
    """A session that notes what it is told, between the requests."""

    def __init__(self, backend: EchoBackend) -> None:
        super().__init__(backend)
        self.heard: list[tuple[str, str]] = []
        self.ttls: list[float | None] = []
        self.over: list[int | None] = []

    def submit(self, requests: list) -> None:
        self.heard += [("call", self.tokenizer.decode(request.prompt.ids)) for request in requests]
        super().submit(requests)

    def hint(self, hint: PrefixHint) -> None:
        if hint.kind == "over":
            self.over.append(hint.item)
            return
        self.heard.append((hint.kind, self.tokenizer.decode(hint.ids)))
        self.ttls.append(hint.ttl_s)


def heard(made: Plan, docs: tuple[str, ...] = ("cats",), backend: EchoBackend | None = None) -> list[tuple[str, str]]:
    """What a session hears of a run, what was generated left out."""
    session = Hearing(backend or EchoBackend(script=lambda request, sample: "."))
    Executor(session).run(made, [{("doc",): doc} for doc in docs])
    return session.heard


def test_calls_that_are_ready_at_once_go_in_the_plan_s_order() -> None:
    """The first of its steps first, whatever the graph's order is; across items as they were added."""
    made = plan()
    first, second, third = made.steps
    turned = replace(made, steps=(second, first, third))

    calls = [text for _, text in heard(made, ("cats", "dogs"))]
    turned_calls = [text for _, text in heard(turned, ("cats", "dogs"))]

    assert calls[:4] == ["Read: cats", "Read: catsWhy?", "Read: dogs", "Read: dogsWhy?"]
    assert turned_calls[:4] == ["Read: catsWhy?", "Read: cats", "Read: dogsWhy?", "Read: dogs"]
    assert calls[4:] == turned_calls[4:]


def test_gang_and_priority_go_into_the_request() -> None:
    """A gang of its own for each item, or one for all."""
    backend = EchoBackend(record=True)
    made = plan("hints gang g1, priority 3", "hints gang g1", "hints gang g0 all, priority -1")

    Executor(backend.open()).run(made, [{("doc",): "cats"}, {("doc",): "dogs"}])

    first, second, other_first, other_second, third, other_third = backend.log
    assert first.gang == second.gang != other_first.gang == other_second.gang
    assert third.gang == other_third.gang == 0 and 0 not in (first.gang, other_first.gang)
    assert [request.priority for request in (first, second, third)] == [3, 0, -1]


def test_a_pin_has_the_tokens_that_the_plan_counts() -> None:
    """Set when its call has ended, and released when the last one has."""
    made = plan("hints pin p0 for 2.5", "", "hints release p0", "tokens 6 ")
    session = Hearing(EchoBackend())

    Executor(session).run(made, [{("doc",): "cats"}])

    kinds = [kind for kind, _ in session.heard]
    assert kinds == ["call", "call", "pin", "call", "release"]
    pinned = session.heard[2][1]
    assert pinned == "Read: " and session.heard[4] == ("release", pinned)
    assert session.ttls == [2.5, None]


def test_a_prefix_of_unknown_length_is_what_its_calls_have_in_common() -> None:
    """All of the prompt of the first, as nothing else is known of it; less once another call has begun with it."""
    alone = heard(plan("hints pin p0 for 2.5, prefetch p0"))
    assert ("prefetch", "Read: cats") in alone and alone.index(("prefetch", "Read: cats")) < 2

    later = heard(plan("", "hints pin p0 for 2.5"))
    assert ("pin", "Read: cats") in later


def test_a_pin_that_nothing_releases_ends_with_its_item() -> None:
    """And so does that of an item that fails."""
    made = plan("hints pin p0 for 2.5")
    kinds = [kind for kind, _ in heard(made)]
    assert kinds.count("pin") == kinds.count("release") == 1 and kinds[-1] == "release"

    failing = EchoBackend(fail=lambda request: "no" if request.rid == 2 else None)
    kinds = [kind for kind, _ in heard(made, backend=failing)]
    assert kinds.count("pin") == kinds.count("release") == 1


def test_a_run_that_is_closed_keeps_no_pin() -> None:
    """What it has pinned for items on their way is released."""
    session = Hearing(EchoBackend(delay=lambda request: 0 if request.rid == 0 else 100))
    run = Executor(session).open("items")
    from lmc.executor import PlanItem
    from lmc.executor.runnable import compile_plan

    run.add(PlanItem(compile_plan(plan("hints pin p0 for 2.5")), {("doc",): "cats"}))
    while "pin" not in [kind for kind, _ in session.heard]:
        run.step()
    run.close()

    assert session.heard[-1][0] == "release"


def test_a_call_that_fails_is_followed_by_no_failure_of_its_hints() -> None:
    """The other samples' events, and the item's own error, are as they were."""
    backend = EchoBackend(fail=lambda request: "odd")
    session = Hearing(backend)

    (outcome,) = Executor(session).run(plan("hints pin p0 for 2.5", "", "hints release p0"), [{("doc",): "x"}])

    assert outcome.error is not None and not isinstance(outcome.error, Failed)
