"""Generator functions that a program defines: Python steps them, between the turns of who walks over them."""

from __future__ import annotations

import contextlib
import itertools

import lmc as lm
from tests.oracle.programs.case import Case


def lines(s):
    def numbered():
        for i in range(2):
            yield f"{i}"

    for line in numbered():
        s += line + lm.gen("x", regex="[ab]")


def steps_and_turns_take_turns(s):
    log = []

    def up_to(n):
        for i in range(n):
            log.append(f"step {i}")
            yield i
        log.append("end")

    s += lm.gen("n", regex="[0-3]")
    for i in up_to(int(s["n"])):
        log.append(f"turn {i}")
        s += str(i)
    return log


def begins_when_it_is_walked_over(s):
    log = []

    def one():
        log.append("begun")
        yield 1

    made = one()
    log.append("made")
    s += "x"
    list(made)
    return log


def told_values(s):
    def total():
        t = 0
        while True:
            x = yield t
            if x is None:
                return
            t += x

    s += lm.gen("n", regex="[1-5]")
    sums = total()
    next(sums)
    return sums.send(int(s["n"])), sums.send(2)


def closed(s):
    log = []

    def two():
        try:
            yield 1
            yield 2
        finally:
            log.append("closed")

    made = two()
    s += str(next(made))
    made.close()
    return log


def thrown_into(s):
    def patient():
        while True:
            try:
                yield 1
            except ValueError:
                yield "caught"

    made = patient()
    next(made)
    s += "x"
    return made.throw(ValueError("q"))


def fails_on_the_way(s):
    def one_and_a_failure():
        yield 1
        raise KeyError("bad")

    seen = []
    try:
        for x in one_and_a_failure():
            seen.append(x)
            s += str(x)
    except KeyError as error:
        return seen, str(error)


def endless(s):
    def numbers():
        i = 0
        while True:
            yield i
            i += 1

    made = numbers()
    first = [next(made) for _ in range(3)]
    for i in made:
        s += lm.select("more", ["go", "stop"]) + str(i)
        if s["more"] == "stop" or i > 6:
            break
    rest = next(made), list(itertools.islice(made, 2)), next((x for x in made if x % 5 == 0), None)
    return first, rest, any(x > 12 for x in made), next(made)


def delegates(s):
    def inner():
        yield 1
        return 5

    def outer():
        found = yield from inner()
        yield found

    s += "x"
    return list(outer()), sum(inner()), [x for x in outer()], max(outer()), dict(enumerate(outer()))  # noqa: C416


def calls_itself(s):
    def walk(tree):
        yield tree[0]
        for child in tree[1:]:
            yield from walk(child)

    s += lm.gen("n", regex="[0-9]")
    return list(walk([s["n"], [2], [3, [4]]]))


def parameters(s):
    def spread(n, step=2, *more, k=1, **named):
        yield from range(0, n, step)
        yield more, k, sorted(named)

    s += lm.gen("n", regex="[2-5]")
    return list(spread(int(s["n"]), 1, 7, k=3, z=1)), list(spread(n=4))


def walks_over_an_argument_that_grows(s, words):
    def loud(words):
        for word in words:
            yield word.upper()

    s += "".join(loud(words))
    for word in loud(words):
        if len(words) < 4:
            words.append(word)
        s += word
    return words


def context_manager(s):
    log = []

    @contextlib.contextmanager
    def section(name):
        log.append(f"in {name}")
        try:
            yield name
        finally:
            log.append("out")

    with section("a") as name:
        s += name
    log.append("after")
    return log


def left_half_way(s):
    log = []

    def one():
        try:
            yield 1
        except BaseException:
            log.append("left")
            raise

    made = one()
    next(made)
    made = None
    log.append("after")
    s += "x"
    return log


def reads_the_state(s):
    def found():
        yield s["n"]

    s += lm.gen("n", regex="[ab]")
    s += "".join(found())


def reads_what_changes(s):
    k = 0

    def up():
        while k < 3:
            yield k

    for x in up():
        k += 1
        s += str(x)


def gives_expressions(s):
    def parts():
        yield lm.gen("x", max_tokens=2)

    for part in parts():
        s += part


@lm.function
def inner(s, text):
    s += text + lm.gen("z", max_tokens=2, temperature=1.0)


def calls_a_program(s):
    def answers():
        yield inner(text="b")["z"]

    before = inner(text="a")["z"]
    return before, list(answers()), inner(text="a")["z"]


CASES = (
    *map(
        Case,
        (
            lines, steps_and_turns_take_turns, begins_when_it_is_walked_over, told_values,
            fails_on_the_way, endless, delegates, calls_itself, parameters, context_manager,
        ),
    ),
    Case(walks_over_an_argument_that_grows, ({"words": ["a", "b"]}, {"words": []})),
    *(Case(fn, expects="break") for fn in (closed, thrown_into, left_half_way)),
    *(Case(fn, expects="break") for fn in (reads_the_state, reads_what_changes, calls_a_program)),
    Case(gives_expressions, expects="either"),
)  # fmt: skip
