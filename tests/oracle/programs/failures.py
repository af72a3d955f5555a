"""Programs that end in an exception, always or sometimes: which one, and what was done before it."""

from __future__ import annotations

import lmc as lm
from tests.oracle.programs.case import Case

LOG: list[object] = []


def key_error_of_unset_name(s):
    s += lm.gen("x", max_tokens=2)
    LOG.append("before")
    return s["y"]


def name_set_in_other_arm(s):
    s += lm.select("which", ["a", "b"])
    if s["which"] == "a":
        s += lm.gen("x", max_tokens=2)
    LOG.append("reading")
    s += s["x"]
    s += lm.gen("end", max_tokens=2)


def earliest_error_wins(s):
    """Two conversions that may fail: the first in program order is the one reported."""
    s += lm.gen("a", regex="[0-9x]")
    s += lm.gen("b", regex="[0-9y]")
    a = int(s["a"])
    LOG.append(a)
    b = int(s["b"])
    LOG.append(b)
    return a + b


def earliest_error_over_forks(s):
    forks = s.fork(3)
    forks += lambda i: lm.gen("d", regex=f"[{i}{i}x]")
    total = 0
    for f in forks:
        LOG.append("read")
        total += int(f["d"])
    s += str(total)
    s += lm.gen("end", max_tokens=2)
    return total


def division_by_zero(s):
    s += lm.gen("d", regex="[0-2]")
    s += f"{6 / int(s['d'])}"
    s += lm.gen("x", max_tokens=2)


def index_error(s, xs):
    s += lm.gen("i", regex="[0-3]")
    s += xs[int(s["i"])]
    s += lm.gen("x", max_tokens=2)


def error_in_unused_value(s):
    """A value that nobody reads still fails the program."""
    s += lm.gen("d", regex="[0-9x]")
    int(s["d"])
    s += lm.gen("x", max_tokens=2)


def error_in_untaken_arm(s):
    s += lm.gen("d", regex="[0-9]")
    if s["d"] == "never":
        int("abc")
    s += lm.gen("x", max_tokens=2)


def constant_error(s, flag):
    s += lm.gen("x", max_tokens=2)
    if flag:
        int("abc")
    LOG.append("after")


def error_in_helper(s):
    def parse(text):
        LOG.append(text)
        return int(text)

    s += lm.gen("d", regex="[0-9x]{2}")
    return parse(s["d"]) + parse(s["d"][::-1])


def error_in_fork_branch(s):
    forks = s.fork(2)
    for i, f in enumerate(forks):
        f += lm.gen("d", regex="[0-4x]")
        if f["d"] == "x":
            raise LookupError(f"fork {i}")
    forks.join()
    return s["d"]


def error_in_loop(s):
    total = 0
    for i in range(5):
        s += lm.gen("d", regex="[0-9]")
        LOG.append(i)
        total += 10 // (int(s["d"]) - i)
    return total


def try_except(s):
    s += lm.gen("d", regex="[0-9x]")
    try:
        n = int(s["d"])
    except ValueError:
        n = -1
    s += f"{n}"
    s += lm.gen("x", max_tokens=2)
    return n


def try_finally(s):
    s += lm.gen("d", regex="[0-9x]")
    try:
        n = int(s["d"])
    finally:
        LOG.append("finally")
    return n


def bad_json_repaired(s):
    import json

    for attempt in range(3):  # noqa: B007
        s += lm.gen("j", regex="[0-9]{1,2}|nul")
        try:
            value = json.loads(s["j"])
            break
        except ValueError as error:
            s += f" bad ({type(error).__name__}), again "
            value = None
    s += f"{value} after {attempt}"
    s += lm.gen("x", max_tokens=2)
    return value


CASES = [
    Case(key_error_of_unset_name, log=LOG, raises=True),
    Case(name_set_in_other_arm, log=LOG),
    Case(earliest_error_wins, log=LOG),
    Case(earliest_error_over_forks, log=LOG),
    Case(division_by_zero),
    Case(index_error, ({"xs": ["a", "b", "c"]},)),
    Case(error_in_unused_value),
    Case(error_in_untaken_arm),
    Case(constant_error, ({"flag": True}, {"flag": False}), log=LOG),
    Case(error_in_helper, log=LOG),
    Case(error_in_fork_branch),
    Case(error_in_loop, log=LOG),
    Case(try_except, expects="either"),
    Case(try_finally, expects="either", log=LOG),
    Case(bad_json_repaired, expects="either"),
]
