"""Context managers made of generators: what runs when, however the block is left, and what they catch."""

from __future__ import annotations

import contextlib
from contextlib import contextmanager

import lmc as lm
from tests.oracle.programs.case import Case

LOG = []


@contextmanager
def section(s, title):
    s += f"<{title}>\n"
    yield
    s += f"</{title}>\n"


@contextmanager
def forked(s, n=2):
    forks = s.fork(n)
    yield forks
    s += " ".join(f["v"] for f in forks)


@contextlib.contextmanager
def logged(s, name):
    LOG.append(f"begin {name}")
    try:
        yield name.upper()
    finally:
        LOG.append(f"end {name}")
        s += f"[{name} over]"


@contextmanager
def forgiving(s, *kinds):
    try:
        yield s
    except kinds as error:
        s += f"caught {type(error).__name__}"
        LOG.append(str(error))
    else:
        s += "well"
    s += "."


@contextmanager
def strict(s):
    try:
        yield
    except ValueError as error:
        raise KeyError(str(error)) from error


@contextmanager
def in_a_turn(s, text):
    with s.user():
        yield
    s += lm.assistant(text)


@contextmanager
def checked(s):
    try:
        yield
        s += 1 / 0
    except ZeroDivisionError:
        s += "divided"


@contextmanager
def twice(s):
    yield
    yield


@contextmanager
def never(s):
    if s is None:
        yield


@contextmanager
def stops(s):
    next(iter(()))
    yield


def sections(s, topic):
    with section(s, "intro"):
        s += topic + lm.gen("intro", max_tokens=3)
    with section(s, "body"), section(s, title="inner") as nothing:
        s += lm.gen("body", max_tokens=3)
    return nothing, s.text().count("<")


def section_in_itself(s):
    with section(s, "a"):
        with section(s, "a"):
            s += lm.gen("x", regex="[0-9]")
        x = s["x"]
    return x


def yields_forks(s):
    with forked(s, n=3) as forks:
        for f in forks:
            f += lm.gen("v", regex="[0-9]")
    with forked(s) as (a, b):
        a += lm.gen("v", regex="[0-9]")
        b += lm.gen("v", regex="[0-9]")
    return [f["v"] for f in forks], a["v"]


def left_by_return(s):
    with section(s, "x"):
        s += lm.gen("n", regex="[0-3]")
        if s["n"] == "0":
            return "zero", s.text()
        s += "more"
        if s["n"] == "1":
            return "one"
    s += "behind"
    return s["n"]


def left_in_a_loop(s):
    seen = []
    for i in range(4):
        with logged(s, f"turn{i}") as name:
            s += lm.gen("n", regex="[0-3]")
            seen.append((name, s["n"]))
            if s["n"] == "0":
                continue
            if s["n"] == "1":
                break
            seen.append("on")
        s += "end of turn"
    else:
        return "all", seen
    return seen


def loop_of_the_run(s):
    seen = ""
    s += lm.gen("n", regex="[1-4]")
    for i in range(int(s["n"])):
        with section(s, str(i)):
            s += lm.gen("x", regex="[abc]")
            if s["x"] == "a":
                break
            seen += s["x"]
    return seen


def raises_inside(s):
    try:
        with logged(s, "a"), section(s, "b"):
            s += lm.gen("n", regex="[0-9a]")
            n = int(s["n"])
            if n > 4:
                raise KeyError("large")
    except ValueError:
        s += "no number"
        return "no number", s.text()
    except KeyError as error:
        return str(error), s.text()
    return n


def caught_by_the_manager(s):
    n = None
    with forgiving(s, ValueError, KeyError):
        s += lm.gen("n", regex="[0-9a]")
        n = int(s["n"])
        if n > 6:
            return "large", s.text()
        if n > 3:
            raise KeyError(n)
        n = "small"
    return n, s.text()


def not_caught(s):
    try:
        with forgiving(s, KeyError):
            s += lm.gen("n", regex="[0-9a]")
            int(s["n"])
    except ValueError:
        return "passed on", s.text()
    return "fine"


def changed_exception(s):
    try:
        with strict(s):
            s += lm.gen("n", regex="[0-9a]")
            int(s["n"])
    except KeyError as error:
        return repr(error), type(error.__cause__).__name__
    return "fine"


def turns(s):
    with in_a_turn(s, "sure"):
        s += "ask " + lm.gen("n", regex="[0-9]")
    return s.messages()


def returns_and_is_checked(s):
    with checked(s):
        s += lm.gen("n", regex="[01]")
        if s["n"] == "1":
            return s.text()
    return "behind", s.text()


def defined_inside(s, title):
    level = 0

    @contextmanager
    def nested(name):
        nonlocal level
        level += 1
        s.__iadd__("#" * level + name)
        yield level
        level -= 1

    with nested(title) as one:
        s += lm.gen("a", regex="[0-9]")
        with nested("sub") as two:
            s += lm.gen("b", regex="[0-9]")
    return one, two, level


class Chat:
    def __init__(self, s):
        self.s, self.depth = s, 0

    @contextmanager
    def indented(self, mark="-"):
        self.depth += 1
        try:
            yield self.depth
        finally:
            self.depth -= 1
            self.s += mark * self.depth

    def say(self, text):
        self.s += " " * self.depth + text + lm.gen("r", regex="[0-9]")
        return self.s["r"]


def method_of_an_object(s):
    chat, out = Chat(s), []
    with chat.indented() as depth:
        out.append((depth, chat.say("one")))
        with chat.indented("*") as depth:
            out.append((depth, chat.say("two")))
    return out, chat.depth


def kept_in_a_name(s):
    manager = section(s, "kept")
    s += "before"
    with manager:
        s += lm.gen("x", regex="[0-9]")
    return s.text()


def used_again(s):
    manager = section(s, "kept")
    with manager:
        s += lm.gen("x", regex="[0-9]")
    try:
        with manager:
            s += "again"
    except RuntimeError as error:
        return str(error)


def given_to_a_stack(s):
    with contextlib.ExitStack() as stack:
        stack.enter_context(section(s, "a"))
        s += lm.gen("x", regex="[0-9]")
    return s.text()


def wrong_arguments(s):
    try:
        with section(s):
            s += "x"
    except TypeError as error:
        return str(error)


def odd_ones(s):
    out = []
    for make in (twice, never, stops):
        try:
            with make(s):
                s += make.__name__
        except RuntimeError as error:
            out.append(str(error))
    return out


def changes_what_it_reads(s, names):
    with section(s, ", ".join(names)):
        names = [*names, "more"]
        s += lm.gen("x", regex="[0-9]")
    with forgiving(s, ValueError):
        title = "x" if s["x"] > "4" else "y"
        with section(s, title):
            title = int(s["x"] + "z")
    return names, title


def none_but(letter, x):
    if x == letter:
        raise StopIteration(x)
    return x


@contextmanager
def between_letters(s, x):
    s += none_but("a", x)
    try:
        yield
    finally:
        s += none_but("b", x)
    s += "."


def helper_stops(s):
    s += lm.gen("x", regex="[abc]")
    try:
        with between_letters(s, s["x"]):
            s += lm.gen("y", regex="[0-9]")
    except RuntimeError as error:
        return str(error), repr(error.__cause__)
    return s.text()


def block_stops(s):
    s += lm.gen("x", regex="[abc]")
    try:
        with between_letters(s, "d"):
            none_but("b", s["x"])
    except StopIteration as error:
        return repr(error)
    return s.text()


CASES = [
    Case(helper_stops),
    Case(block_stops),
    Case(sections, ({"topic": "tea"},)),
    Case(section_in_itself),
    Case(yields_forks),
    Case(left_by_return),
    Case(left_in_a_loop, log=LOG),
    Case(loop_of_the_run),
    Case(raises_inside, log=LOG),
    Case(caught_by_the_manager, log=LOG),
    Case(not_caught, log=LOG),
    Case(changed_exception),
    Case(turns),
    Case(returns_and_is_checked, expects="break"),
    Case(defined_inside, ({"title": "top"},)),
    Case(method_of_an_object),
    Case(kept_in_a_name),
    *(Case(fn, expects="break") for fn in (given_to_a_stack, odd_ones)),
    Case(used_again, expects="break", raises=True),
    Case(wrong_arguments),
    Case(changes_what_it_reads, ({"names": ["a", "b"]},), expects="either", log=LOG),
]
