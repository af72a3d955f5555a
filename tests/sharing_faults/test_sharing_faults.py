"""Twelve programs with a fault of sharing each, and their mended twins: what is said, where, and what mending gains.

What the compiler foretells of a twin is held against the engine's counters: of a run, or of a further one.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

import lmc
from lmc.backend.default_model import folder_of
from lmc.backend.local import CpuBackend
from lmc.cli.compile import compiled
from lmc.cli.explain_fix import Trial, Tried, diff, is_allowed
from lmc.cli.loading import load_program
from lmc.cli.notes import notes_of
from lmc.cli.remedy import remedy, slots_of
from lmc.codes import (
    ABOUT_SHARING,
    CHANGES_EACH_RUN,
    MORE_EXAMPLES,
    OTHER_ORDER,
    OTHER_SPACES,
    OTHER_TURN,
    SET_IN_PROMPT,
)
from lmc.passes.divergence import Divergences
from lmc.tokenizer import load_tokenizer
from lmc.viz.view import View
from lmc.viz.why import call_named

PROGRAMS = Path(__file__).parent / "programs"
DOCUMENT = "The old harbour has a tower, a market and three small boats. " * 6
OTHER = "Of another town nothing is known. " * 12


@dataclass(frozen=True)
class Fault:
    """A program of `programs/` and what is to be said of it.

    calls    whose prompts part: two of a run, or one in two runs
    reason   why, and line: a text of the line where
    rows     the arguments of two runs
    change   what `lmc explain --fix` does to make the mended twin of it
    """

    name: str
    calls: tuple[str, str]
    reason: str
    line: str
    rows: tuple[dict[str, Any], dict[str, Any]]
    change: str

    @property
    def is_of_runs(self) -> bool:
        return self.calls[0] == self.calls[1]


FAULTS = [
    Fault("clock", ("answer", "answer"), "nondeterministic-text", "datetime.now()",
          ({"question": "why?"}, {"question": "how?"}), "later"),
    Fault("set_order", ("answer", "answer"), "order", "The codes are",
          ({"question": "why?"}, {"question": "how?"}), "sorted"),
    Fault("trailing_space", ("names", "dates"), "whitespace", "dates +=", ({"text": "Ada met Mila."},) * 2, "alike"),
    Fault("tool_order", ("plan", "check"), "order", "check +=", ({"task": "Book a room."},) * 2, "alike"),
    Fault("argument_first", ("meaning", "meaning"), "hole", "The word is",
          ({"word": "ant"}, {"word": "bear"}), "later"),
    Fault("late_constant", ("more", "more"), "hole", "looked_up(name)}", ({"name": "Ada"}, {"name": "Mila"}), "later"),
    Fault("template", ("short", "long"), "template", "long += lmc.user(RULES)", ({"question": "why?"},) * 2, "alike"),
    Fault("retokenised", ("why", "how"), "retokenise", 'again += s["thing"]', ({"topic": "dogs"},) * 2, "forked"),
    Fault("branch_suffix", ("answer", "answer_1"), "branch", "At length",
          ({"is_short": True}, {"is_short": False}), "first"),
    Fault("few_shot", ("size", "mood"), "text", "mood +=", ({"word": "dog"},) * 2, "alike"),
]  # fmt: skip


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return load_tokenizer(folder_of("lmc-tiny"))


def program(name: str) -> Any:
    """A program, anew."""
    return load_program(f"{PROGRAMS / name}.py:ask")


def named(fault: Fault, prog: Any, tokenizer: Any) -> Any:
    """The divergence that its calls have."""
    is_asked_of_args = fault.name in ("argument_first", "late_constant", "clock", "set_order", "branch_suffix")
    done = compiled(prog, {} if is_asked_of_args else fault.rows[0], 2, tokenizer)
    view = View(done.planned)
    a, b = (call_named(view, name) for name in fault.calls)
    return Divergences(view.plan.graph, done.planned.inputs, view.prompts).of(a.node, b.node)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_the_reason_and_the_line_are_named(fault: Fault, tokenizer: Any) -> None:
    """Of the text that the second call goes on with."""

    found = named(fault, program(fault.name), tokenizer)
    assert found.reason == fault.reason
    assert found.b.span is not None and found.b.span.file == f"{PROGRAMS / fault.name}.py"
    assert fault.line in found.b.span.text()


def trial(fault: Fault, tokenizer: Any, ran: Any = None) -> Trial:
    """Its source, to be changed."""
    return Trial(program(fault.name), fault.rows, 2, tokenizer, ran)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_fix_makes_the_twin(fault: Fault, tokenizer: Any) -> None:
    """At the place, byte for byte; in the diff only what may be there without anybody's word."""

    tried = trial(fault, tokenizer)
    found = tried.tried()
    twin = (PROGRAMS / f"{fault.name}_mended.py").read_text(encoding="utf-8")
    (fix,) = found
    assert fix.source == twin and fix.fix.reason == fault.reason and fault.line in fix.fix.span.text()
    assert fix.fix.change == fault.change
    meant = fix.fix.keeps == "changes meaning"
    assert is_allowed(fix, tried.text) == (not meant)
    assert tried.fixed(found) == (tried.text if meant else twin)
    assert tried.fixed(found, may_change_meaning=True) == twin
    assert diff(tried.prog, tried.text, twin).count("\n@@") == 1
    if fix.fix.keeps == "needs order_free" and fix.fix.change != "sorted":
        assert fix.same


LINTED = {
    "clock": CHANGES_EACH_RUN,
    "set_order": SET_IN_PROMPT,
    "trailing_space": OTHER_SPACES,
    "tool_order": OTHER_ORDER,
    "template": OTHER_TURN,
    "few_shot": MORE_EXAMPLES,
}


@pytest.mark.parametrize("name", LINTED)
def test_lint_names_it(name: str, tokenizer: Any) -> None:
    """By its code, at the line, with what it costs."""

    (fault,) = (each for each in FAULTS if each.name == name)
    given = {} if fault.is_of_runs else fault.rows[0]
    notes = notes_of(compiled(program(name), given, 2, tokenizer))
    (note,) = (each for each in notes if (each.code or "").startswith(ABOUT_SHARING))
    assert note.code == LINTED[name] and note.span is not None and fault.line in note.span.text()
    assert re.search(r"the \d+ tokens behind it", note.text), note.text


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_nothing_is_said_of_the_twin(fault: Fault, tokenizer: Any) -> None:
    """No fix-it, no note on sharing."""

    prog = program(f"{fault.name}_mended")
    assert Trial(prog, fault.rows, 2, tokenizer).tried() == []
    notes = [
        note
        for note in notes_of(compiled(prog, {} if fault.is_of_runs else fault.rows[0], 2, tokenizer))
        if (note.code or "").startswith(ABOUT_SHARING)
    ]
    assert notes == []


def counted(fault: Fault, name: str, **options: Any) -> tuple[int, Any]:
    """What the engine has cached of a run, or of one behind another; and the calls of the first one."""
    prog, backend = program(name), CpuBackend("lmc-tiny", num_slots=4096, dtype="fp32")
    results = []
    for number, row in enumerate(fault.rows):
        if fault.name == "set_order" and number:  # the same set, in the order of another process
            codes = prog.func.__globals__["CODES"]
            codes.clear()
            codes.update((8,))
            codes.add(0)
            assert list(codes) == [8, 0]
        results.append(lmc.run(prog, **row, backend=backend, record=True, **options))
    backend.close()
    is_further = fault.is_of_runs or fault.change == "first"
    return sum(call.cached_tokens for call in results[int(is_further)].calls), results[0].calls


def predicted(fault: Fault, tokenizer: Any, ran: Any = None) -> Tried:
    """What `--fix` says of it."""
    (fix,) = trial(fault, tokenizer, ran).tried()
    return fix


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(each, marks=[] if each.name == "trailing_space" else pytest.mark.slow)
        for each in FAULTS
        if each.change != "forked"
    ],
    ids=lambda fault: fault.name,
)
def test_mending_gains_what_was_foretold(fault: Fault, tokenizer: Any) -> None:
    """To the token, by the engine's counters."""

    before, _ = counted(fault, fault.name)
    after, _ = counted(fault, f"{fault.name}_mended")
    assert after - before == predicted(fault, tokenizer).gain > 0


@pytest.mark.slow
def test_a_text_that_is_said_again_gains_what_a_run_shows(tokenizer: Any) -> None:
    """The tokens of what a model said are known behind a run; for some of it they are not those of its text."""

    (fault,) = (each for each in FAULTS if each.change == "forked")
    gains = []
    for topic in ("dogs", "music", "tomorrow", "C++", "Mila"):
        asked = replace(fault, rows=({"topic": topic},) * 2)
        # greedy, as a copy that is made elsewhere draws otherwise
        before, calls = counted(asked, fault.name, temperature=0.0)
        after, _ = counted(asked, f"{fault.name}_mended", temperature=0.0)
        found = trial(asked, tokenizer, calls).tried()
        gains.append(after - before)
        assert [fix.gain for fix in found] == [after - before] * bool(after - before)
    assert sum(gain > 0 for gain in gains) >= 3, gains


# --- what a run tells ------------------------------------------------------------------------------------


def ran(name: str, backends: list[CpuBackend], documents: list[str]) -> list[Any]:
    """The one call of each run."""
    prog = program(name)
    return [lmc.run(prog, text, backend=backend).calls[0] for text, backend in zip(documents, backends)]


@pytest.mark.slow
def test_a_model_change_is_named_and_what_it_costs() -> None:
    """On one model the cache has just the tokens that were missed on the other."""

    one, other = CpuBackend("lmc-tiny", dtype="fp32"), CpuBackend("lmc-tiny", dtype="bf16")
    document = f"{random.random()} {DOCUMENT}"  # other tests' engines may be there still
    _, call = ran("model_change", [one, other], [document] * 2)
    _, twin = ran("model_change", [one, one], [document] * 2)
    one.close(), other.close()
    assert f"ask both of one model, which then has them: {call.miss.tokens} tokens more" in remedy(call, [call], None)
    assert call.miss.reason == "model" and Path(call.place.rpartition(":")[0]).name == "model_change.py"
    assert "lmc.gen" in (PROGRAMS / "model_change.py").read_text().splitlines()[int(call.place.rpartition(":")[2]) - 1]
    assert twin.miss is None and twin.cached_tokens == call.cached_tokens + call.miss.tokens


@pytest.mark.slow
def test_an_eviction_is_named_and_what_it_costs(tokenizer: Any) -> None:
    """With a pool of as many slots as is said the cache has just what was missed; with three quarters it has not."""

    def last(slots: int) -> tuple[Any, list[Any]]:
        backend = CpuBackend("lmc-tiny", dtype="fp32", num_slots=slots)
        calls = ran("eviction", [backend] * 3, [DOCUMENT, OTHER, DOCUMENT])
        backend.close()
        return calls[-1], calls

    call, calls = last(150)
    assert call.miss.reason == "evicted" and Path(call.place.rpartition(":")[0]).name == "eviction.py"
    slots = slots_of(calls, tokenizer)
    assert f"num_slots={slots} has room for all of these 3 calls: {call.miss.tokens} tokens more" in remedy(
        call, calls, tokenizer
    )
    twin, _ = last(slots)
    assert twin.miss is None and twin.cached_tokens == call.cached_tokens + call.miss.tokens
    assert last(slots * 3 // 4)[0].miss is not None
