"""What a constraint says of the length of an answer, in tokens that are a byte each at least."""

from __future__ import annotations

import pytest

from lmc.backend.base import Forced, Gen, Segment
from lmc.backend.echo import EchoBackend
from lmc.executor import Executor
from lmc.executor.output_bound import most_tokens
from lmc.ir.constraint import Choices, Constraint, Grammar
from lmc.ir.sampling import Sampling
from lmc.parser.regex.parse import parse_regex
from tests.support.echo_runs import program


def gen(constraint: Constraint | None) -> Gen:
    return Gen(None, Sampling(), constraint)


@pytest.mark.parametrize(
    "out, want",
    [
        ((gen(Choices(("a", "élan"))),), 5),
        ((gen(parse_regex("[a-z]{3}(x|yz)")),), 20),
        ((gen(parse_regex("[a-z]+")),), None),
        ((gen(parse_regex("(?=a)[a-z]{3}")),), None),
        ((gen(Grammar("root ::= 'a'")),), None),
        ((gen(None),), None),
        ((Forced((1,)),), None),
        ((gen(Choices(("a",))), Forced((1,))), None),
    ],
)
def test_bound_of_an_output(out: tuple[Segment, ...], want: int | None) -> None:
    """Only a single generation whose texts are known without an automaton has one."""
    assert most_tokens(out) == want


def test_requests_carry_it() -> None:
    """So that a scheduler need not count on all of max_tokens."""
    backend = EchoBackend(record=True)
    body = ' %s0 = begin\n %s1, %a = gen %s0 {constraint=choices(["yes", "no"])}\n %s2, %b = gen %s1\n return %s2, %b'

    Executor(backend.open()).run(program(body), [{}])

    assert [request.most_tokens for request in backend.log] == [3, None]
