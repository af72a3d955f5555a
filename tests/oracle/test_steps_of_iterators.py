# ruff: noqa: B007, SIM115, C416, SIM105
"""Iterators are stepped when the loop steps: what a program shows, as a graph and as the Python it is."""

from __future__ import annotations

import itertools
import os
import tempfile
from typing import Any

import pytest

import lmc

LOG: list[Any] = []


def note(x):
    LOG.append(x)
    return x


Q: list[Any] = []


def pending():
    while Q:
        yield Q.pop(0)


def enq(x):
    Q.append(x)


def numbered(xs):
    try:
        for x in xs:
            note(f"give {x}")
            yield x
    finally:
        note("closed")


def p_groupby(s):
    s += lmc.gen("x", regex="aabb")
    return [(k, len(list(g))) for k, g in itertools.groupby(s["x"])]


def p_fed(s):
    Q.clear()
    enq(1)
    n = 0
    for p in pending():
        n += 1
        if n < 3:
            enq(p)
    return n


def p_inter(s):
    for x in numbered([1, 2]):
        note(f"got {x}")


def p_zip(s):
    for x, y in zip(numbered([1, 2, 3]), ["a", "b"]):
        note(f"{x}{y}")


def p_zip2(s):
    for y, x in zip(["a", "b"], numbered([1, 2, 3])):
        note(f"{x}{y}")


def p_enum(s):
    for i, x in enumerate(numbered([1, 2, 3])):
        note((i, x))
        if i == 1:
            break
    note("after")


def p_file(s):
    f = open(__file__)
    for line in f:
        break
    r = f.readline()
    f.close()
    return r


def p_count(s):
    for i in itertools.count():
        s += lmc.gen("x", regex="[a-c]")
        if s["x"] == "c":
            break
    return i


def p_count2(s):
    out = []
    for i, c in zip(itertools.count(3), "abc"):
        out.append((i, c))
    return out


def p_cycle(s):
    out = []
    for c in itertools.cycle("ab"):
        out.append(c)
        if len(out) > 4:
            return "".join(out)


def p_isl(s):
    return [x for x in itertools.islice(itertools.count(5), 3)]


def p_chain(s):
    for x in itertools.chain([1], numbered([2])):
        note(x)


T = [1, 2, 0, 3]


def take3():
    return T.pop(0) if T else 0


def p_next(s):
    it = iter(["h", "a", "b"])
    head = next(it)
    return [head] + [x.upper() for x in it]


def p_dict(s):
    d = load()
    for k in d:
        grow(d, k)


def load():
    return {"a": 1, "b": 2} if LOG is not None else {}


def grow(d, k):
    try:
        d[k + "x"] = 1
    except TypeError:
        pass


def p_closed(s):
    for x in numbered([1, 2]):
        break
    note("after")


def p_closed2(s):
    g = numbered([1, 2])
    for x in g:
        break
    note("after")
    return next(g)


def p_map(s):
    it = map(str.upper, numbered(["a", "b"]))
    for x in it:
        note(x)


def p_mapl(s):
    return (helper(zip("ab", [1, 2])), helper(map(int, "12")))


def helper(it):
    try:
        return next(it)
    except StopIteration:
        return None


def p_live(s):
    xs = fresh()
    for x in xs:
        more(xs, x)
    return len(xs)


def fresh():
    try:
        return [1, 2, 3]
    except TypeError:
        return 0


def more(xs, x):
    try:
        if len(xs) < 6:
            xs.append(x)
    except TypeError:
        pass


def p_unpack(s):
    a, b = numbered([1, 2])
    note("u")
    return a + b


def p_anyg(s):
    return any(x > 1 for x in numbered([1, 2, 3]))


def p_list(s):
    return list(zip(numbered([1, 2, 3]), "a"))


P = os.path.join(tempfile.mkdtemp(), "f")


def p_write(s):
    open(P, "w").write("one")
    return open(P).read()


def p_gens(s):
    t1 = numbered([1, 2])
    for x in t1:
        break
    note("after")


def p_gens2(s):
    s += lmc.gen("x", regex="[ab]")
    for x in numbered([1, 2, 3]):
        note(s["x"])
        if s["x"] in "ab":
            break
    note("after")


def p_gens3(s):
    for x in numbered([1, 2, 3]):
        s += lmc.gen("x", regex="[ab]")
        if s["x"] == "a":
            break
    note("after")


def p_err(s):
    for x in numbered([1, 2, 3]):
        int("q" + s.text())


def p_zipstrict(s):
    for x, y in zip(numbered([1, 2]), ["a"], strict=True):
        note((x, y))


def p_rev(s):
    for x in reversed(fresh()):
        note(x)


def p_nested(s):
    for i, (x, y) in enumerate(zip(numbered([1, 2]), numbered("ab"))):
        note((i, x, y))


def p_sum(s):
    return sum(x * 2 for x in numbered([1, 2]))


def p_join(s):
    return ",".join(numbered("ab"))


def p_str(s):
    it = iter(numbered("abc"))
    a = next(it)
    rest = [b for b in it]
    return (a, rest, next(it, "end"))


def p_in(s):
    it = iter(numbered([1, 2, 3]))
    r = 2 in it
    return (r, list(it))


def p_star(s):
    a, *b = numbered([1, 2, 3])
    return (a, b)


def p_hold(s):
    f = open(P, "w")
    f.write("two")
    f.close()
    n = 0
    for line in open(P):
        n += 1
    return n


def p_rebound(s):
    it = numbered(["a", "b"])
    next(it)
    it = None
    note("after")
    return it


def p_deleted(s):
    it = numbered(["a", "b"])
    next(it)
    del it
    note("after")


def p_of_a_helper(s):
    def first(it):
        return next(it)

    found = first(numbered(["a", "b"]))
    note("after")
    return found


def p_in_a_table(s):
    table = {"it": numbered(["a", "b"])}
    next(table["it"])
    table.clear()
    note("after")


def p_not_held(s):
    found = next(numbered(["a", "b"]))
    note("after")
    return found


PROGRAMS = {name: value for name, value in list(globals().items()) if name.startswith("p_")}
# where Python is used: iterators given away, generators that clean up when dropped
BROKEN = ("p_mapl", "p_closed2", "p_gens", "p_rebound", "p_deleted", "p_of_a_helper", "p_in_a_table")


def shown(program: Any, mode: Any) -> tuple[Any, ...]:
    """What it returns, or raises, and the order of what it did."""
    LOG.clear()
    T[:] = [1, 2, 0, 3]
    try:
        value = lmc.Program(program).run(backend=lmc.EchoBackend(0), mode=mode).ret_value
    except lmc.CaptureError:
        raise
    except Exception as error:
        value = type(error).__name__, str(error)
    return value, list(LOG)


@pytest.mark.parametrize("name", PROGRAMS)
def test_iterators_are_stepped_with_the_loop(name: str) -> None:
    shown(PROGRAMS[name], "eager")  # files are written once
    want = shown(PROGRAMS[name], "eager")
    assert shown(PROGRAMS[name], "auto") == want
    if name in BROKEN:
        with pytest.raises(lmc.CaptureError):
            shown(PROGRAMS[name], "compiled")
    else:
        assert shown(PROGRAMS[name], "compiled") == want
