"""Functions that call themselves, in the graph: what the verifier refuses, and what is known of their effects."""

from __future__ import annotations

import pytest

from lmc.errors import VerifyError
from lmc.ir.analysis import effect_of, raises
from lmc.ir.graph import invoked_in
from lmc.ir.verify import verify
from lmc.parser.irtext.parse import parse_graph
from tests.support.ir_programs import RECURSION

SOLVE = """\
program p() {
  %s0 = begin
  %s1, %n: int = function %s0, 1 {name="solve"} do(%a, %d: int) {
    %b, %k: int = invoke %a, %d {name="solve"}
    yield %b, %k
  }
  return %s1, %n
}
"""
BAD = {
    "there is no such function": (
        'invoke %a, %d {name="solve"}',
        'invoke %a, %d {name="other"}',
        "`invoke` names the function `other`, in whose body it does not stand",
    ),
    "too few arguments": ("invoke %a, %d", "invoke %a", "`invoke` hands over 1 values; 2 are expected"),
    "an argument of another type": (
        "invoke %a, %d",
        'invoke %a, "x"',
        "`invoke` hands over a `str` for `%d`, which is `int`",
    ),
    "a state for a value": (
        "invoke %a, %d",
        "invoke %a, %a",
        "`invoke` hands over a `state` for `%d`, which is `int`",
    ),
    "too few results": (
        '%b, %k: int = invoke %a, %d {name="solve"}\n    yield %b, %k',
        '%b = invoke %a, %d {name="solve"}\n    yield %b, 1',
        "`invoke` gives 2 values; 1 are expected",
    ),
    "a result of another type": (
        "%k: int = invoke",
        "%k: str = invoke",
        "`invoke` gives a `int` for `%k`, which is `str`",
    ),
    "a result that the body does not give": (
        "yield %b, %k",
        "yield %b",
        "`yield` yields 1 values; 2 are expected",
    ),
    "a first call of another type": (
        "function %s0, 1",
        "function %s0, 1.5",
        "`function` hands over a `float` for `%d`, which is `int`",
    ),
    "no name": ('function %s0, 1 {name="solve"}', "function %s0, 1", "`function` needs the attribute `name`"),
    "a name that is none": (
        'function %s0, 1 {name="solve"}',
        "function %s0, 1 {name=1}",
        "the name of a function is a text, not 1",
    ),
}


def test_sound_functions_pass() -> None:
    """One in another, each calling itself and the inner one the outer."""
    verify(parse_graph(SOLVE))
    graph = parse_graph(RECURSION)
    verify(graph)
    assert parse_graph(str(graph)) == graph

    named = {invoke.outputs[0].name: function.outputs[0].name for invoke, function in invoked_in(graph.body)}
    assert named == {"h": "l", "j": "s1"}


@pytest.mark.parametrize("case", BAD)
def test_broken_functions_are_refused(case: str) -> None:
    """By name, number and type."""
    old, new, message = BAD[case]
    assert SOLVE.count(old) == 1
    with pytest.raises(VerifyError) as caught:
        verify(parse_graph(SOLVE.replace(old, new)))

    assert message in str(caught.value)


def test_a_function_is_not_called_outside_its_body() -> None:
    """Its name means nothing behind it."""
    text = SOLVE.replace("  return %s1", '  %z, %y: int = invoke %s1, %n {name="solve"}\n  return %s1')
    with pytest.raises(VerifyError, match="in whose body it does not stand"):
        verify(parse_graph(text))


def test_a_function_in_one_of_its_name_is_refused() -> None:
    """`invoke` would not say which."""
    with pytest.raises(VerifyError, match="the function `solve` stands in another one of that name"):
        verify(parse_graph(RECURSION.replace("solve 2", "solve")))


def test_a_call_inside_a_try_is_refused() -> None:
    """The handler would be given what was handed over in front of the body."""
    text = """\
program p() {
  %s0 = begin
  %s1 = function %s0 {name="solve"} do(%a) {
    %t = try {
      %b = invoke %a {name="solve"}
      yield %b
    } except %e: ref, %c = %a {
      yield %c
    }
    yield %t
  }
  return %s1, none
}
"""
    with pytest.raises(VerifyError, match="`invoke` stands in the body of a `try`"):
        verify(parse_graph(text))


def test_an_unwind_in_a_function_belongs_to_a_try_in_it() -> None:
    """That around the function has been handed what it gets."""
    text = """\
program p() {
  %s0 = begin
  %t = try {
    %s1 = function %s0 {name="solve"} do(%a) {
      unwind %a
      yield %a
    }
    yield %s1
  } except %e: ref, %c = %s0 {
    yield %c
  }
  return %t, none
}
"""
    with pytest.raises(VerifyError, match="`unwind` stands in no body of a `try`"):
        verify(parse_graph(text))


def test_a_call_of_itself_may_do_anything() -> None:
    """Nothing moves into or out of it, and nothing takes it away."""
    graph = parse_graph(SOLVE)
    for node in graph.nodes:
        if node.op in ("function", "invoke"):
            assert effect_of(node, graph) == "ordered"
            assert raises(node, graph)
