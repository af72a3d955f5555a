"""Control flow at run time: arms, iterations, what they wait for."""

from __future__ import annotations

import itertools
import linecache
from typing import Any

import pytest

import lmc
from lmc.backend.echo import EchoBackend
from tests.support.echo_runs import run, says


def test_an_arm_that_is_not_taken_calls_nothing() -> None:
    """The condition decides when it comes."""
    body = """
  %s0 = begin
  %s1, %a = gen %s0 {name="a"}
  %c = compare %a, "yes" {op="=="}
  %s2, %b: str = if %c {
    %t0 = append %s1, " sure"
    %t1, %x = gen %t0 {name="b"}
    yield %t1, %x
  } else {
    yield %s1, "nothing"
  }
  return %s2, %b"""

    for answer, calls, ret in (("yes", 2, "B"), ("no", 1, "nothing")):
        ran = run(body.replace("%c =", "%c: bool ="), backend=EchoBackend(script=says(a=answer, b="B")))
        assert (calls, ret) == (len(ran.backend.log), ran.ret)


def test_an_if_waits_only_for_its_condition() -> None:
    """What stands behind it and does not depend on it starts with it."""
    ran = run(
        """
  %s0 = begin
  %s1, %a = gen %s0 {name="a"}
  %t = truth %a
  %s2, %x: str = if %t {
    %u1, %y = gen %s0 {name="in"}
    yield %u1, %y
  } else {
    yield %s0, ""
  }
  %v, %z = gen %s0 {name="behind"}
  return %v, %x"""
    )

    assert [gen.name for gen in ran.gens] == ["a", "behind", "in"]
    assert ran.session.counters().forward_passes == 2


def test_iterations_of_a_for_start_at_once() -> None:
    """Their carried states are futures; each call hangs on the one before only if its prompt does."""
    independent = """
  %s0 = begin
  %r: data = for %d: str in %dims, %acc: data = %none {
    %t = append %s0, %d
    %t1, %x = gen %t {name="x"}
    %one: data = list %x
    %more: data = binary %acc, %one {op="+"}
    next true, %more
  }
  return %s0, %r"""
    ran = run(independent, "%dims: data, %none: data", [{"dims": list("abcde"), "none": []}])

    assert ran.session.counters().max_running == 5
    assert len(ran.ret) == 5
    assert ran.backend.prompts() == ["a", "b", "c", "d", "e"]

    chained = """
  %s0 = begin
  %s9 = for %d: str in %dims, %s = %s0 {
    %t = append %s, %d
    %t1, %x = gen %t {name="x"}
    next true, %t1
  }
  return %s9, none"""
    ran = run(chained, "%dims: data", [{"dims": list("abc")}], EchoBackend(script=says(x="!")))

    assert (ran.session.counters().max_running, ran.text) == (1, "a!b!c!")


def test_a_for_over_an_untyped_argument_starts_at_once_too() -> None:
    """A list is a list, whatever its type was at compile time."""
    body = """
  %s0 = begin
  %n: int = for %d: any in %dims, %n0: int = 0 {
    %f = format %d
    %t = append %s0, %f
    %t1, %x = gen %t {name="x"}
    %k: int = len %x
    %n1: int = binary %n0, %k {op="+"}
    next true, %n1
  }
  return %s0, %n"""
    ran = run(body, "%dims: any", [{"dims": ["a", 2]}, {"dims": range(3)}], EchoBackend(script=says(x="12")))

    assert [o.ret for o in ran.outcomes] == [4, 6]
    assert ran.session.counters().max_running == 5


def test_a_for_over_a_live_object_takes_items_in_turn() -> None:
    """The next item is asked for only when the iteration before has succeeded."""
    log: list[Any] = []

    def source() -> Any:
        for i in range(3):
            log.append(f"take {i}")
            yield i
        log.append("end")

    ran = run(
        """
  %s0 = begin
  %s9 = for %d: any in %src, %s = %s0 {
    %s1, %x = gen %s {name="x"}
    %l: int = len %x
    %1: ref = call @log, %d
    next true, %s1
  }
  %2: ref = call @log, "after"
  return %s9, none""",
        "%src: ref",
        [{"src": source()}],
        externs={"log": log.append},
    )

    assert ran.one.error is None
    assert log == ["take 0", 0, "take 1", 1, "take 2", 2, "end", "after"]


def test_a_for_over_what_cannot_be_iterated_raises() -> None:
    """The error carries the node."""
    body = " %s0 = begin\n %s1 = for %d: any in %x, %s = %s0 {\n next true, %s\n }\n return %s1, none"
    for kind in ("int", "any", "ref"):
        ran = run(body, f"%x: {kind}", [{"x": 5}])
        assert isinstance(ran.one.error, TypeError)
        assert str(ran.one.error) == "'int' object is not iterable"
        assert "in `%s1 = for" in ran.one.error.__notes__[0]


def test_a_break_takes_no_further_item() -> None:
    """`next false` ends the loop with its slots."""
    body = """
  %s0 = begin
  %last: any = for %d: any in %src, %l: any = none {
    %go: bool = compare %d, 2 {op="<"}
    next %go, %d
  }
  return %s0, %last"""
    source = iter(range(10))
    ran = run(body, "%src: ref", [{"src": source}])

    assert (ran.ret, next(source)) == (2, 3)


LOOP = """
  %s0 = begin
  %n: int = loop %i: int = 0 {
    %j: int = binary %i, 1 {op="+"}
    %go: bool = compare %j, %max {op="<"}
    next %go, %j
  }
  return %s0, %n"""


def test_ten_thousand_iterations_do_not_recurse() -> None:
    """A loop whose condition is there at once is a Python loop."""
    assert run(LOOP, "%max: int", [{"max": 10_000}]).ret == 10_000


@pytest.mark.slow
def test_ten_thousand_iterations_that_wait_do_not_recurse() -> None:
    """Each iteration waits for a call; the futures they leave are a long chain."""
    body = """
  %s0 = begin
  %n: int, %s = loop %i: int = 0, %t = %s0 {
    %t1, %x = gen %s0 {max_tokens=1, name="x"}
    %k: int = len %x
    %j: int = binary %i, %k {op="+"}
    %go: bool = compare %j, 10000 {op="<"}
    next %go, %j, %t
  }
  return %s, %n"""
    ran = run(body, backend=EchoBackend(script=says(x="1"), delay=0))

    assert ran.ret == 10_000


def test_a_long_chain_of_futures_does_not_recurse() -> None:
    """Five thousand carried sums hang on one call."""
    body = """
  %s0 = begin
  %s1, %x = gen %s0 {max_tokens=1, name="x"}
  %n: int = for %d: int in %r, %acc: int = 0 {
    %k: int = len %x
    %more: int = binary %acc, %k {op="+"}
    next true, %more
  }
  return %s1, %n"""

    assert run(body, "%r: data", [{"r": range(5000)}], EchoBackend(script=says(x="1"))).ret == 5000


def test_a_region_reads_what_is_around_it() -> None:
    """Two levels up, and values that are still to come."""
    body = """
  %s0 = begin
  %s1, %a = gen %s0 {name="a"}
  %r: str = for %d: str in %dims, %acc: str = "" {
    %c = truth %d
    %v: str = if %c {
      %w: str = concat %acc, %a, %d
      yield %w
    } else {
      yield %acc
    }
    next true, %v
  }
  return %s1, %r"""

    ran = run(body, "%dims: data", [{"dims": ["1", "", "2"]}], EchoBackend(script=says(a="x")))
    assert ran.ret == "x1x2"


@pytest.mark.parametrize("header", ["while True:", "for i in itertools.count():"])
def test_a_loop_that_only_an_error_ends_does_end(header: str) -> None:
    """Its turns wait for nothing of each other, and what one of them called fails: as in Python, not for ever."""
    text = f"""def program(s):
    s += lmc.gen("x", regex="[a-b]")
    n = 0
    {header}
        n += 1
        s += lmc.gen("g", regex="[a-b]")
        int(s["g"])
"""
    file = f"<{header}>"
    linecache.cache[file] = (len(text), None, text.splitlines(True), file)
    names: dict[str, Any] = {"lmc": lmc, "itertools": itertools}
    exec(compile(text, file, "exec"), names)
    for mode in ("eager", "compiled"):
        with pytest.raises(ValueError, match="invalid literal for int"):
            lmc.function(names["program"]).run(backend="echo", mode=mode, timeout=20)
