"""Programs defined inside a program: a graph gives what the function does as the Python it is."""

from __future__ import annotations

import pytest

import lmc as lm
from tests.oracle.programs.nested_programs import sampled


def inner_of_inner_with_sampling(s):
    @lm.function
    def outer(t, k):
        t += sampled(top_k=k)["a"]
        t += lm.gen("o")

    r = outer(k=3, max_tokens=1)
    s += r["o"]
    return r.text()


def defined_inside(s):
    prefix = "p "

    @lm.function
    def sub(t, x, *, times=1):
        for _ in range(times):
            t += prefix + x
        t += lm.gen("z", max_tokens=1)
        return times

    r = sub(x="q")
    q = sub.run("r", times=2)
    prefix = "changed "
    s += r["z"] + q["z"] + sub("w")["z"]
    return r.ret_value, q.ret_value, q.text()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("program", [inner_of_inner_with_sampling, defined_inside])
def test_program_with_a_program_inside_equals_its_eager_run(program, seed: int):
    """The oracle's own eager run knows only programs of a module, so `mode="eager"` is the measure here."""

    seen = []
    for how in ({"fullgraph": True}, {"mode": "eager"}):
        result = lm.Program(program).run(backend=lm.EchoBackend(seed), seed=seed, **how)
        seen.append((result.text(), result.ret_value))

    assert seen[0] == seen[1]


class Skill:
    def __init__(self, program):
        self.program = program

    def go(self):
        return self.program(top_k=2)["a"]


def of_an_object(s, skill):
    s += skill.go()


def of_a_table(s, skills):
    s += lm.select("k", ["a"])
    s += skills[s["k"]].bind().run(top_k=2)["a"]


def of_a_callback(s, ask):
    s += ask()


@pytest.mark.parametrize("mode", ["auto", "eager"])
@pytest.mark.parametrize(
    "program, argument",
    [
        (of_an_object, Skill(sampled)),
        (of_a_table, {"a": sampled}),
        (of_a_callback, lambda: sampled(top_k=2)["a"]),
    ],
)
def test_programs_of_an_argument_run_in_this_run(program, argument, mode):
    """On its backend, whatever the default is; where the same program was captured for another argument too."""

    def text_of(argument, mode):
        return lm.Program(program).run(argument, backend=lm.EchoBackend(4), mode=mode).text()

    lm.set_default_backend(lm.EchoBackend(99))
    try:
        assert text_of(argument, mode) == text_of(argument, "eager")
        with pytest.raises(lm.CaptureError, match=r"the argument .* may call another program"):
            text_of(argument, "compiled")
    finally:
        lm.set_default_backend(None)
