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


@lm.function
def about(s, topic, n=2, log=None):
    s += f"{topic}{n}: " + lm.gen("z", max_tokens=n, temperature=1.0)
    if log is not None:
        log.append(s["z"])
    return s["z"]


def arguments_of_the_run_are_bound(s):
    s += lm.gen("t", max_tokens=2)
    bound = about.bind(topic=s["t"])
    s += bound()["z"] + bound.run(n=3)["z"] + bound.bind(n=1)(topic="c")["z"] + about("x")["z"]
    return bound(n=1).ret_value, bound(temperature=0.0)["z"]


def bound_in_a_loop(s):
    s += lm.gen("t", regex="[abc] [def]")
    bound, said = about.bind(n=1), []
    for word in s["t"].split():
        said.append(bound(topic=word)["z"])
        s += bound.bind(topic=word).run()["z"]
    return said


def a_list_is_bound(s):
    log = []
    bound = about.bind(log=log)
    bound(topic="q")
    log.append("between")
    bound(topic="r")
    s += "x"
    return log


def bound_in_each_arm(s):
    s += lm.select("k", ["a", "b"])
    bound = about.bind(n=1, topic="y") if s["k"] == "a" else about.bind(topic="z")
    return bound()["z"], {"a": about.bind(n=1), "b": bound}[s["k"]](topic="t")["z"]


def bound_and_given_by_place(s):
    try:
        return about.bind(topic="q").run("x")["z"]
    except TypeError as error:
        s += str(error)


def bound_method_under_a_name(s):
    bind = about.bind
    return bind(topic="q")()["z"]


BOUND = [
    arguments_of_the_run_are_bound, bound_in_a_loop, a_list_is_bound, bound_in_each_arm, bound_and_given_by_place,
    bound_method_under_a_name,
]  # fmt: skip


def bound_with_an_unknown_name(s):
    try:
        about.bind(nothing=1)
    except lm.LMError as error:
        s += type(error).__name__


def bound_and_printed(s):
    s += f"{about.bind(n=1)}"


@pytest.mark.parametrize("program", [bound_with_an_unknown_name, bound_and_printed])
def test_what_is_odd_about_bind_is_left_to_python(program):
    """Such a program says what Python says, as the Python that it is."""

    with pytest.raises(lm.CaptureError):
        lm.Program(program).run(backend="echo", fullgraph=True)

    assert (
        lm.Program(program).run(backend="echo").text() == lm.Program(program).run(backend="echo", mode="eager").text()
    )


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("program", [inner_of_inner_with_sampling, defined_inside, *BOUND])
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


HIDDEN: dict[str, object] = {}
exec("def calls(f):\n    return f()['a']\ndef calls_each(fs):\n    return [f()['a'] for f in fs]\n", HIDDEN)
calls, calls_each = HIDDEN["calls"], HIDDEN["calls_each"]
SKILLS = {"a": sampled}


class Holder:
    def __init__(self):
        self.skill = sampled

    def __call__(self):
        return self.skill()


HOLDER = Holder()


def given_a_program(s):
    return sampled()["a"], calls(sampled), sampled()["a"]


def given_its_run(s):
    return sampled()["a"], calls(sampled.run), sampled()["a"]


def given_a_lambda(s):
    return sampled()["a"], calls(lambda: sampled(top_k=2)), sampled()["a"]


def given_a_table(s):
    return sampled()["a"], calls_each(SKILLS.values()), sampled()["a"]


def given_a_holder(s):
    return sampled()["a"], calls_each([HOLDER]), sampled()["a"]


def given_one_made_here(s):
    first = sampled()["a"]
    made = lm.function(sampled.func)
    return first, calls(made), sampled()["a"]


def given_in_a_loop(s):
    s += lm.gen("n", regex="[1-3]")
    return [(sampled()["a"], calls(sampled)) for _ in range(int(s["n"]))]


BESIDE = [
    given_a_program, given_its_run, given_a_lambda, given_a_table, given_a_holder, given_one_made_here, given_in_a_loop,
]  # fmt: skip


@pytest.mark.parametrize("program", BESIDE)
def test_programs_called_out_of_sight_count_with_those_that_are_followed(program):
    """One that is called after another draws otherwise than the first: all of them are in one count."""

    def returned(mode):
        return lm.Program(program).run(backend=lm.EchoBackend(4), mode=mode).ret_value

    assert returned("auto") == returned("eager")
    with pytest.raises(lm.CaptureError, match="may call another program"):
        returned("compiled")
