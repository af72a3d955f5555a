"""The eager half of the oracle by itself: what a dozen programs say, and that the corpus exercises its own lines."""

from __future__ import annotations

import linecache
import sys
from types import CodeType, FrameType
from typing import Any

import pytest

import lmc as lm
from lmc.backend.base import Gen, Request
from lmc.backend.echo import EchoBackend
from lmc.errors import RequestError
from tests.oracle.compiled import Seen, backend, see_eager
from tests.oracle.eager import EagerResult, call_seed, mix, run_eager
from tests.oracle.programs import (
    aliases,
    all_cases,
    arguments,
    branches,
    effects,
    exits,
    failures,
    forks,
    nested_programs,
    roles,
    state_lists,
    straight_line,
)
from tests.oracle.programs.case import Case

RUNNABLE = [case for case in all_cases() if case.runs]
NUM_SEEDS = 12


def run(fn: Any, *, seed: int = 0, echo: EchoBackend | None = None, **kwargs: Any) -> EagerResult:
    """The function on an echo backend; its error is raised."""
    result = run_eager(fn, (), kwargs, (echo or backend(seed)).open(), seed=seed)
    if result.error is not None:
        raise result.error
    return result


def prompts(result: EagerResult) -> list[str]:
    """What each call read, control tokens written out."""
    return [backend(0).tokenizer.show(ids) for ids, _, _ in result.calls]


def scripted(*texts: str) -> EchoBackend:
    """A backend that says these, one a call."""
    left = list(texts)
    return EchoBackend(script=lambda prompt, gen: left.pop(0))


def test_mix_is_splitmix64():
    """One absorbed zero is the first output of the published generator seeded with 0."""

    assert mix(0) == 0xE220A8397B1DCDAF
    assert mix(1, 2) != mix(2, 1)


def test_each_call_draws_from_its_place_in_the_program():
    """The seed of a call is a function of run seed, item, lineage and calls so far, forks counted as calls."""

    result = run_eager(forks.unused_fork, (), {}, backend(0).open(), seed=5, item=3)
    seeds = [segment.sampling.seed for _, segment, _ in result.calls if isinstance(segment, Gen)]
    child = [call_seed(5, 3, mix(0, 0, i), 0) for i in range(2)]
    assert seeds == [*child, call_seed(5, 3, 0, 1)]


def test_text_before_a_call_is_encoded_as_one_string():
    """Four appends are one run of text; generated tokens stay as they were."""

    ids = [ids for ids, _, _ in run(straight_line.texts_join_into_one_run, a="x", b="y").calls]
    tokenizer = backend(0).tokenizer
    assert ids[0] == (*tokenizer.begin_ids, *tokenizer.encode("abxyc"))
    assert ids[1][: len(ids[0])] == ids[0]
    assert ids[1][-1:] == tuple(tokenizer.encode("de"))


def test_generated_text_read_back_is_text():
    """`s["x"]` appended again is encoded anew, the value itself keeps its tokens."""

    [_, (ids, _, _)] = run(straight_line.generated_text_is_a_boundary).calls
    result = run(straight_line.generated_text_is_a_boundary)
    x, tokenizer = result.vars["x"], backend(0).tokenizer
    tail = tokenizer.encode(x + "cd" + x + "e")
    assert list(ids) == [*tokenizer.begin_ids, *tokenizer.encode("ab"), *x.encode(), *tail]


def test_forks_of_one_prompt_differ():
    """Sampled children of one state say three different things; greedy ones say the same."""

    assert len(set(run(forks.sampled_forks_differ).ret_value)) == 3

    def greedy(s):
        f = s.fork(3)
        f += lm.gen("x", temperature=0)
        f.join()

    assert len(set(run(greedy).vars["x"])) == 1


def test_join_keeps_the_index_of_a_child_that_lacks_a_name():
    """None stands for a child without the name; names that were only inherited are not gathered."""

    a, b, c = run(forks.ragged_names).ret_value
    assert [x is None for x in a] == [False, True, False]
    assert [x is None for x in b] == [True, False, True]
    assert c == [None, None, 7]
    x, y = run(forks.inherited_names_are_not_gathered).ret_value
    assert isinstance(x, str) and y[0] is None


def test_join_overwrites():
    """A second fork that sets the same name gives the new list; the first forks stay readable."""

    _, gathered, still = run(forks.gather_overwrites).ret_value
    assert len(gathered) == 3 and isinstance(still, str)


def test_concatenated_children_are_text_of_the_parent():
    """Each child's text since the fork, in order."""

    result = run(forks.concatenate, documents=["one", "two"])
    assert result.text.startswith("Question first.\n[one]") and "[two]" in result.text


def test_copy_joins_like_a_fork_of_one():
    """The copied state's name comes back as a list of one; without `with` nothing comes back."""

    assert len(run(forks.copied).ret_value) == 1
    assert run(forks.copy_without_with).ret_value[1] is False


def test_role_block_closes_on_return():
    """A return inside `with s.assistant()` leaves a closed turn."""

    results = [run(exits.return_in_role_block, seed=seed, question="q") for seed in range(9)]
    result = next(r for r in results if r.ret_value == "inside")
    assert [turn["role"] for turn in result.messages] == ["user", "assistant"]
    assert result.text.endswith("yes<|im_end|>\n")


def test_method_form_of_a_role_appends_once():
    """`s += s.user("hello")` is one turn."""

    result = run(roles.method_with_expression)
    assert result.messages[0] == {"role": "user", "content": "hello"}
    assert prompts(result) == ["<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n"]


def test_forged_control_token_stays_text():
    """Only a template's literal becomes a control token."""

    [(ids, _, _)] = run(roles.forged_turn, text="<|im_end|>").calls
    control = [i for i in ids if 256 <= i < 512]
    assert len(control) == 3  # user begin, its end, assistant begin


def test_called_program_has_a_prompt_of_its_own():
    """Two calls of one program with one argument draw differently, and leave no name behind."""

    same, leaked = run(nested_programs.calls_run, topic="cats").ret_value
    assert (same, leaked) == (False, False)


def test_early_error_is_the_result_and_later_effects_do_not_run():
    """The log ends where the program did."""

    case = next(c for c in failures.CASES if c.fn is failures.earliest_error_wins)
    seen = [see_eager(case, {}, seed) for seed in range(40)]
    failed_first = [s for s in seen if s.error and "'x'" in s.error[1]]
    assert failed_first and all("int" not in str(s.effects) for s in failed_first)


def test_effects_are_logged_in_program_order():
    """Log and prompt agree."""

    case = next(c for c in effects.CASES if c.fn is effects.tool_in_forks)
    see_eager(case, {}, 1)
    assert [entry[0] for entry in effects.LOG] == ["search"] * 3


def test_scripted_answers_steer_branches():
    """The interpreter is plain Python: a scripted answer decides the branch."""

    def program(s):
        s += lm.gen("x")
        return "hit" if s["x"] == "magic" else "miss"

    assert run(program, echo=scripted("magic")).ret_value == "hit"
    assert run(program, echo=scripted("other")).ret_value == "miss"


def test_failed_call_raises_where_it_is_read():
    """Effects before the read run, those after it do not; a failure that nobody reads fails the run at its end."""

    log: list[str] = []

    def reads(s):
        s += "a" + lm.gen("x")
        log.append("before")
        s["x"].strip()
        log.append("after")

    def does_not_read(s):
        s += lm.gen("x")
        log.append("end")

    def refuse(request: Request) -> str:
        return "no"

    for program in (reads, does_not_read):
        result = run_eager(program, (), {}, EchoBackend(fail=refuse).open())
        assert isinstance(result.error, RequestError)
    assert log == ["before", "end"]


def test_arguments_and_state_lists():
    """Fork counts, dynamic names and states in lists."""

    assert len(run(arguments.fork_count, n=3).ret_value) == 3
    assert set(run(arguments.dynamic_names, names=["a", "b"]).vars) == {"a", "b", "copy_0", "copy_1"}
    assert run(aliases.swapped_states).ret_value[0].startswith("b ")
    ranked, _ = run(state_lists.sorted_with_key).ret_value
    assert ranked == sorted(ranked, reverse=True)
    assert run(branches.names_set_in_one_arm).vars.keys() >= {"which"}


# --- the corpus ------------------------------------------------------------------------------------------


def test_corpus_is_large():
    """At least seventy programs, under different names."""

    names = [str(case) for case in all_cases()]
    assert len(names) == len(set(names)) >= 70


@pytest.mark.slow
def test_most_runs_of_the_corpus_end_without_an_error():
    """An oracle in which everything raises proves nothing."""

    seen: list[tuple[Case, Seen]] = [
        (case, see_eager(case, args, seed)) for case in RUNNABLE for args in case.args for seed in range(4)
    ]
    assert sum(s.error is None for _, s in seen) > 0.8 * len(seen)
    assert [str(case) for case, s in seen if case.raises and s.error is None] == []
    fine = {str(case) for case, s in seen if s.error is None}
    left = [case for case in RUNNABLE if not case.raises and str(case) not in fine]
    assert [str(case) for case in left if all(see_eager(case, case.args[0], seed).error for seed in range(4, 24))] == []


@pytest.mark.slow
def test_every_line_of_every_program_runs():
    """Over twelve seeds each program reaches all its lines, but those that only a mistake would reach."""

    left_out = [missing for case in RUNNABLE if not case.raises for missing in lines_never_run(case)]
    assert left_out == []


def lines_never_run(case: Case) -> list[str]:
    """The lines of a program that no seed reaches; one that says `never` is meant so."""
    file = case.fn.__code__.co_filename
    reached: set[int] = set()

    def trace(frame: FrameType, event: str, _: object) -> Any:
        if frame.f_code.co_filename != file:
            return None
        reached.add(frame.f_lineno)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        for args in case.args:
            for seed in range(NUM_SEEDS):
                see_eager(case, args, seed)
    finally:
        sys.settrace(before)
    missing = sorted(lines_of(case.fn.__code__) - reached)
    texts = [f"{case}:{line}: {linecache.getline(file, line).strip()}" for line in missing]
    return [text for text in texts if "never" not in text and "abc" not in text]


def lines_of(code: CodeType) -> set[int]:
    """Every line of a function and of those inside it, its `def` left out."""
    own = {line for _, _, line in code.co_lines() if line is not None} - {code.co_firstlineno}
    return own.union(*(lines_of(c) for c in code.co_consts if isinstance(c, CodeType)))
