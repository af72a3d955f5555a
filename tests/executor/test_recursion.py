"""Activations of a function that calls itself: how deep, how many at once, and what a failure does."""

from __future__ import annotations

import sys

import pytest

import lmc
from lmc.backend.echo import EchoBackend
from lmc.executor.recursion import MAX_ACTIVATIONS
from tests.support.echo_runs import run, says

LOG: list[int] = []
DEPTH = 2000


def down(s, n: int):
    LOG.append(n)
    if n == 0:
        s += "bottom"
        return 0
    return down(s, n - 1) + 1


@lmc.function
def deep(s):
    s += lmc.gen("n", regex="1")
    return down(s, int(s["n"]) * DEPTH)


@lmc.function
def endless(s):
    s += lmc.gen("n", regex="1")
    return down(s, -int(s["n"]))


def test_two_thousand_deep() -> None:
    """Python's stack stays as it is: capture lets Python nest as well, the run does not need it."""
    deep.compile()
    LOG.clear()
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(500)
    try:
        result = deep.run(backend=EchoBackend(), fullgraph=True)
    finally:
        sys.setrecursionlimit(before)

    assert result.ret_value == DEPTH
    assert result.text() == "1bottom"
    assert list(range(DEPTH, -1, -1)) == LOG


def test_without_an_end_it_raises_as_python_does() -> None:
    """After more activations than anybody means."""
    LOG.clear()
    with pytest.raises(RecursionError, match="maximum recursion depth exceeded"):
        endless.run(backend=EchoBackend(), fullgraph=True)

    assert len(LOG) == MAX_ACTIVATIONS + 1


BOTH = """
  %s0 = begin
  %s1, %n: int = function %s0, 0 {name="solve"} do(%a, %d: int) {
    %c = compare %d, 2 {op="=="}
    %e, %k: int = if %c {
      %g, %x = gen %a {name="x"}
      yield %g, 1
    } else {
      %d2: int = binary %d, 1 {op="+"}
      %p, %f, %h = fork %a {n=2}
      %l, %i: int = invoke %f, %d2 {name="solve"}
      %r, %j: int = invoke %h, %d2 {name="solve"}
      %m: int = binary %i, %j {op="+"}
      yield %p, %m
    }
    yield %e, %k
  }
  return %s1, %n"""


def test_calls_that_do_not_need_each_other_run_at_once() -> None:
    """Two calls of itself on forks, each with two more: four model calls, in one pass."""
    ran = run(BOTH, backend=EchoBackend(script=says(x="y")))

    assert ran.ret == 4
    assert len(ran.gens) == 4
    assert ran.session.counters().forward_passes == 1


def test_in_a_try_a_failure_goes_to_the_handler() -> None:
    """From any depth; what was handed over in front of the call is what the handler gets."""
    ran = run(
        """
  %s0 = begin
  %s1, %word: str = try {
    unwind %s0
    %s2 = function %s0, 0 {name="solve"} do(%a, %d: int) {
      %c = compare %d, 5 {op="=="}
      %e = if %c {
        raise @ValueError, "deep"
      } else {
        %d2: int = binary %d, 1 {op="+"}
        %b = append %a, "x"
        %f = invoke %b, %d2 {name="solve"}
        yield %f
      }
      yield %e
    }
    yield %s2, "well"
  } except %error: ref, %s3 = %s0 {
    %s4 = append %s3, "caught"
    yield %s4, "failed"
  }
  return %s1, %word"""
    )

    assert (ran.ret, ran.text) == ("failed", "caught")
