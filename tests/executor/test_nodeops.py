"""What state nodes compute: lists of states, forks, roles."""

from __future__ import annotations

from typing import Any

import pytest

from lmc.backend.base import Request
from lmc.backend.echo import EchoBackend
from lmc.errors import ArgumentError, ChatTemplateError, RequestError
from lmc.tokenizer.byte_tokenizer import ByteTokenizer
from tests.support.echo_runs import fails, run, says


def test_branches_of_a_list_run_side_by_side() -> None:
    """Each iteration replaces one element; the list holds calls that are still to come."""
    body = """
  %s0 = begin
  %p, %f = fork_list %s0, %n
  %k: data = call @pure, %n
  %g: list[state] = for %i: int in %k, %fs: list[state] = %f {
    %one = states_item %fs, %i
    %t, %x = gen %one {name="x"}
    %gs = states_set %fs, %i, %t
    next true, %gs
  }
  %q = join_list %p, %g {mode="gather_variable"}
  %len = states_len %g
  return %q, %len"""
    ran = run(body, "%n: int", [{"n": 5}], externs={"pure": range})

    assert ran.session.counters().max_running == 5
    assert (ran.ret, len(ran.one.state.get("x"))) == (5, 5)  # type: ignore[union-attr,arg-type]


def test_a_failed_branch_fails_only_who_reads_it() -> None:
    """An index error is raised at once; a failed element is only handed on."""
    body = """
  %s0 = begin
  %s1, %a = gen %s0 {name="a"}
  %l = states %s0, %s1
  %m = states_append %l, %s1
  %x = states_item %m, %i
  %1: ref = call @log, "there"
  %t = text %x
  return %s0, %t"""
    log: list[Any] = []
    ran = run(body, "%i: int", [{"i": 2}, {"i": 7}], EchoBackend(fail=fails("a")), {"log": log.append})

    assert log == ["there"]
    assert [RequestError, IndexError] == [type(o.error) for o in ran.outcomes]


@pytest.mark.parametrize("slow", ["a", "i"])
def test_a_failed_element_is_handed_on_whenever_it_failed(slow: str) -> None:
    """Before it is taken out of its list or after: only reading it raises."""
    body = """
  %s0 = begin
  %s1, %a = gen %s0 {name="a"}
  %s2, %b = gen %s0 {name="i"}
  %l = states %s1
  %i: int = call @int, %b
  %x = states_item %l, %i
  %y: state = check %x {name="y"}
  %1: ref = call @log, "there"
  %t = text %y
  return %s0, %t"""
    log: list[Any] = []

    def delay(request: Request) -> int:
        return 3 * (request.out[0].name == slow)  # type: ignore[union-attr]

    ran = run(body, backend=EchoBackend(fail=fails("a"), script=says(i="0"), delay=delay), externs={"log": log.append})

    assert log == ["there"]
    assert isinstance(ran.one.error, RequestError)


def test_a_program_may_return_its_forks() -> None:
    """The states, settled, in a list; gathered in another order here."""
    ran = run(
        """
  %s0 = begin
  %p, %a, %b = fork %s0 {n=2}
  %a1, %x = gen %a {name="x"}
  %b1 = append %b, "b"
  %l = states %a1, %b1
  %o: data = list 1, 0
  %g = states_gather %l, %o
  return %p, %g""",
        backend=EchoBackend(script=says(x="said")),
    )

    assert [state.text() for state in ran.ret] == ["b", "said"]


@pytest.mark.parametrize("n, words", [(-1, "cannot be negative"), ("2", "not str"), (True, "not bool")])
def test_a_wrong_number_of_forks_raises(n: object, words: str) -> None:
    """With the number in the message."""
    ran = run(" %s0 = begin\n %p, %l = fork_list %s0, %n\n return %p, none", "%n: any", [{"n": n}])

    assert isinstance(ran.one.error, ArgumentError) and words in ran.one.error.message


def test_forks_and_unpacking_of_odd_sizes() -> None:
    """One and none."""
    ran = run(
        """
  %s0 = begin
  %s1 = fork %s0 {n=0}
  %s2, %a = fork %s1 {n=1}
  %one: any = unpack %x {n=1}
  return %s2, %one""",
        "%x: data",
        [{"x": ["only"]}],
    )

    assert ran.ret == "only"


ROLES = """
  %s0 = begin
  %s1 = role_begin %s0 {role="user"}
  %s2 = append %s1, "hi"
  %s3 = role_end %s2 {role="user"}
  %s4 = role_begin %s3 {role="assistant"}
  %s5, %a = gen %s4 {name="a"}
  %s6 = role_end %s5 {role="assistant"}
  %m = messages %s6
  return %s6, %m"""


def test_roles_use_the_tokenizer_s_template() -> None:
    """Literals at each boundary; the messages are the turns."""
    ran = run(ROLES, backend=EchoBackend(script=says(a="yo")))

    assert ran.backend.prompts() == ["<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n"]
    assert ran.ret == [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yo"}]


def test_literals_in_the_graph_win() -> None:
    """`text`, or `after` by the previous role."""
    ran = run(
        """
  %s0 = begin
  %s1 = role_begin %s0 {role="user", text="<u>"}
  %s2 = role_end %s1 {role="user", text="</u>"}
  %s3 = role_begin %s2 {after=[["", "<first>"], ["user", "<after user>"]], role="assistant"}
  return %s3, none"""
    )

    assert ran.text == "<u></u><after user>"


def test_roles_without_a_template_say_what_to_do() -> None:
    """A ChatTemplateError, never a guess."""
    ran = run(ROLES, backend=EchoBackend(tokenizer=ByteTokenizer(chat=None)))

    assert isinstance(ran.one.error, ChatTemplateError)
    assert "use a tokenizer with a template" in str(ran.one.error.help)
