"""What capture does not follow: each must be a break with a code and a place, and must run eagerly all the same."""

from __future__ import annotations

import lmc as lm
from tests.oracle.programs.case import Case

TOTAL = 0


def reset() -> None:
    """Put the module's globals back."""
    global TOTAL
    TOTAL = 0


def assigns_global(s):
    global TOTAL
    s += lm.gen("x", max_tokens=2)
    TOTAL += len(s["x"])
    s += f"{TOTAL}"
    return TOTAL


def defines_class(s):
    class Point:
        x = 1

    s += f"{Point.x}"
    s += lm.gen("x", max_tokens=2)


def list_that_grows_until_a_call_ends_it(s):
    xs = ["a"]
    for x in xs:
        xs.append(x + "b")
        s += x + lm.select("more", ["go", "stop"])
        if s["more"] == "stop":
            break
    return xs


def inner_generator(s):
    def parts():
        yield "a"
        s.set_var("k", 1)
        yield "b"

    for p in parts():
        s += p
    s += lm.gen("x", max_tokens=2)


def program_is_a_generator(s):
    s += lm.gen("x", max_tokens=2)
    yield s["x"]


async def program_is_async(s):
    s += lm.gen("x", max_tokens=2)


def match_statement(s):
    s += lm.gen("x", regex="[ab]")
    match s["x"]:
        case "a":
            s += "is a"
        case other:
            s += other
    s += lm.gen("y", max_tokens=2)


def other_with_statement(s):
    from contextlib import nullcontext

    with nullcontext("v") as v:
        s += v
    s += lm.gen("x", max_tokens=2)


def attribute_of_object(s):
    from types import SimpleNamespace

    box = SimpleNamespace(n=0)
    s += lm.gen("x", regex="[0-9]")
    box.n = int(s["x"])
    box.n += 1
    s += f"{box.n}"
    return box.n


def changes_argument(s, xs):
    s += lm.gen("x", max_tokens=2)
    xs.append(s["x"])
    return xs


def change_inside_generated_container(s):
    import json

    s += lm.gen("j", regex=r'\{"a": \[[0-9]\]\}')
    item = json.loads(s["j"])
    item["a"].append(5)
    s += f"{item}"
    s += lm.gen("x", max_tokens=2)
    return item


def state_given_to_builtin(s):
    s += lm.gen("x", max_tokens=2)
    s += type(s).__name__[:0]
    return isinstance(s, str), callable(s)


def state_method_unknown(s):
    s += lm.gen("x", max_tokens=2)
    s.no_such_method()


def deletes_from_list_of_states(s):
    states = list(s.fork(3))
    s += lm.gen("i", regex="[0-2]")
    del states[int(s["i"])]
    for f in states:
        f += lm.gen("x", max_tokens=2)
    return [f["x"] for f in states]


def endless_loop(s):
    n = 0
    while n == 0:
        s += "and "


def endless(n):
    return endless(n + 1)


def infinite_recursion(s):
    s += f"{endless(0)}"


def lambda_given_to_unknown(s):
    import functools

    s += lm.gen("t", regex="[0-9]{3}")
    total = functools.reduce(lambda a, b: a + int(b), s["t"], 0)
    s += f"{total}"
    s += lm.gen("x", max_tokens=2)
    return total


def eval_and_exec(s):
    s += lm.gen("e", regex=r"[0-9]\+[0-9]")
    s += f"={eval(s['e'])}"
    s += lm.gen("x", max_tokens=2)


def locals_and_frames(s):
    a = 1
    s += lm.gen("x", max_tokens=2)
    return sorted(locals()), a


def state_or_text_after_branch(s):
    s += lm.select("x", ["a", "b"])
    v = s.fork(1)[0] if s["x"] == "a" else "text"
    s += v if isinstance(v, str) else v.text()
    s += lm.gen("y", max_tokens=2)


def list_of_a_handler_that_may_not_be_one(s):
    """The value that is returned is one of two lists, as a run-time error chooses; told with the program's place."""
    (*letters,) = "a"
    s += lm.gen("x")
    try:
        print()
    except KeyError:
        pass
    except 1:  # noqa: B030
        letters = []
    return letters


def list_of_an_inner_handler(s):
    s += lm.gen("x")
    try:
        try:
            len(max)
        except Exception:
            made = []
    except []:  # noqa: B030
        pass
    except KeyError:
        pass
    finally:
        "a"
    return made


def name_given_twice(s):
    """Python raises a TypeError for it."""

    def say(word="w"):
        return word

    s += say(word="a", **{"word": "b"})
    s += lm.gen("y", max_tokens=2)


def unpacks_what_is_no_name(s):
    def say(**words):
        return "".join(words.values())

    s += say(**{1: "b"})
    s += lm.gen("y", max_tokens=2)


CASES = [
    Case(name_given_twice, expects="break", code="LMC-GB002", raises=True),
    Case(unpacks_what_is_no_name, expects="break", code="LMC-GB002", raises=True),
    Case(assigns_global, reset=reset),
    Case(defines_class),
    Case(list_that_grows_until_a_call_ends_it, expects="break", code="LMC-GB020"),
    Case(inner_generator, expects="break"),
    Case(program_is_a_generator, expects="break", code="LMC-GB019", runs=False),
    Case(program_is_async, expects="break", code="LMC-GB019", runs=False),
    Case(match_statement),
    Case(other_with_statement),
    Case(attribute_of_object, expects="either"),
    Case(changes_argument, ({"xs": ["a"]},), expects="either"),
    Case(change_inside_generated_container, expects="either"),
    Case(state_given_to_builtin, expects="either"),
    Case(state_method_unknown, expects="either", raises=True),
    Case(deletes_from_list_of_states, expects="either"),
    Case(endless_loop, expects="break", code="LMC-GB011", runs=False),
    Case(infinite_recursion, expects="either", code="LMC-GB012", raises=True),
    Case(lambda_given_to_unknown, expects="either"),
    Case(eval_and_exec, expects="either"),
    Case(locals_and_frames, expects="break"),
    Case(list_of_a_handler_that_may_not_be_one, expects="either"),
    Case(list_of_an_inner_handler, expects="either"),
    Case(state_or_text_after_branch, expects="break", code="LMC-GB004"),
]
