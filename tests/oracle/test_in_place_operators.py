# ruff: noqa: E742
"""`x op= y` of what only the run knows is what Python makes of it: in place, anew, or its error."""

from __future__ import annotations

import collections
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

import lmc
from lmc.errors import CaptureError
from tests.support.shown import shown

JS = r'\[\[1\], "s", 3, \{"a": 1\}, 2\.5, null, true\]'


class O:
    pass


def add(x, y):
    x += y
    return x


def p_plus(s):
    s += lmc.gen("j", regex=JS, max_tokens=99)
    d = json.loads(s["j"])
    out = []
    for i in range(7):
        for k in range(7):
            d = json.loads(s["j"])
            x = d[i]
            z = x
            try:
                x += d[k]
            except Exception as e:
                out.append(type(e).__name__ + str(e))
            out.append([x, z])
    return out


def p_plus_known(s):
    out = []
    for v in (1, "q", (2,), 2.5, None, True):
        for i in range(7):
            s += lmc.gen("j", regex=JS, max_tokens=99)
            d = json.loads(s["j"])
            x = d[i]
            z = x
            try:
                x += v
            except Exception as e:
                out.append(type(e).__name__ + str(e))
            out.append([x, z])
    return out


def p_mul(s):
    out = []
    for v in (2, "q", (2,), 2.5, None, True):
        for i in range(7):
            s += lmc.gen("j", regex=JS, max_tokens=99)
            d = json.loads(s["j"])
            x = d[i]
            z = x
            try:
                x *= v
            except Exception as e:
                out.append(type(e).__name__ + str(e))
            out.append([x, z])
    return out


def p_or(s):
    out = []
    for v in (2, "q", (2,), 2.5, None, True, {"b": 2}, [("c", 3)], {1}):
        for i in range(7):
            s += lmc.gen("j", regex=JS, max_tokens=99)
            d = json.loads(s["j"])
            x = d[i]
            z = x
            try:
                x |= v
            except Exception as e:
                out.append(type(e).__name__ + str(e))
            out.append([x, z])
    return out


def p_total(s):
    s += lmc.gen("j", regex=r'\{"n": [1-9], "t": "[ab]"\}', max_tokens=40)
    d = json.loads(s["j"])
    total = 0
    text = ""
    for _ in range(2):
        total += d["n"]
        text += d["t"]
    n = d["n"]
    n += 1
    n *= 2
    n -= 1
    n //= 2
    d["n"] += 1
    d["t"] += "x"
    return total, text, n, d


def p_total_loop(s):
    s += lmc.gen("j", regex=r"\[[1-9], [1-9]\]", max_tokens=40)
    total = 0
    best = None
    for x in json.loads(s["j"]):
        total += x
        total -= 1
        if best is None:
            best = x
        else:
            best += x
    return total, best


def p_counts(s):
    s += lmc.gen("j", regex="abab")
    d = {}
    for c in s["j"]:
        d[c] = d.get(c, 0)
        d[c] += 1
    return d


def p_counts2(s):
    s += lmc.gen("j", regex="abab")
    d = collections.defaultdict(int)
    for c in s["j"]:
        d[c] += 1
    e = collections.defaultdict(list)
    for c in s["j"]:
        e[c] += [c]
    return d, e


def p_arg(s, x, y):
    z = x
    x += y
    return x, z


def p_arg2(s, x, y):
    z = x
    x += y
    return x, z


def p_arg3(s, x, y):
    z = x
    x += "ab"
    x += y
    x *= 2
    return x, z


def p_arg4(s, x, y):
    z = x
    try:
        x += y
    except TypeError as error:
        s += str(error)
    x |= y
    return x, z


def p_arg5(s, x, y):
    z = x
    x |= y
    return x, z


def p_arg6(s, x, y):
    z = x
    x |= y
    x |= [("k", [1])]
    return x, z


def p_arg7(s, x, y):
    z = x
    x &= y
    x ^= {5}
    x -= {2}
    return x, z


def p_item(s, x):
    x[0] += (3,)
    x[1] += "s"
    return x


def p_tupitem(s, x):
    try:
        x[0] += [3]
    except TypeError as e:
        return str(e), x


def p_tupitem2(s):
    a = [1]
    t = (a, 2)
    try:
        t[0] += [3]
    except TypeError as e:
        return str(e), t, a


def p_attr(s):
    o = O()
    o.x = [1]
    y = o.x
    o.x += (2,)
    o.x += "ab"
    o.n = 1
    o.n += 2.5
    return o.x, y, o.n


def p_slice(s):
    x = [1, 2, 3]
    x[1:] += [4]
    x[:1] *= 2
    return x


def p_bytes(s):
    x = b"a"
    x += b"c"
    y = bytearray(b"x")
    z = y
    y += b"q"
    return x, y, z


def p_fset(s):
    x = frozenset({1})
    z = x
    x |= {2}
    return x, z


def p_range(s):
    x = [1]
    x += range(3)
    x += {"k": 1}
    x += (i for i in range(2))
    x += map(str, [1])
    return x


def p_self(s):
    x = [1]
    x += x
    x *= 2
    return x


def p_ext(s):
    s += lmc.gen("j", regex="ab")
    x = [1]
    y = x
    x += s["j"]
    x += s["j"].split("a")
    return x, y


def p_tuple(s):
    s += lmc.gen("j", regex="ab")
    x = (1,)
    y = x
    x += (s["j"],)
    x += tuple(s["j"])
    x *= 2
    return x, y


def p_mat(s):
    x = 3
    try:
        x @= 2
    except TypeError as e:
        return str(e)


def p_pct(s):
    s += lmc.gen("j", regex="[1-9]")
    x = "%s!"
    x %= s["j"]
    y = 7
    y %= int(s["j"])
    y **= 2
    y <<= 1
    y >>= 1
    y /= 2
    return x, y


def p_div(s):
    s += lmc.gen("j", regex="0")
    x = 1
    try:
        x /= int(s["j"])
    except ZeroDivisionError as e:
        return str(e)


def p_none(s):
    s += lmc.gen("j", regex="[ab]")
    x = None if s["j"] == "a" else 1
    try:
        x += 1
    except TypeError as e:
        return str(e)
    return x


def p_strint(s):
    s += lmc.gen("j", regex="[ab]")
    x = "q" if s["j"] == "a" else [1]
    z = x
    try:
        x += "w"
    except TypeError as e:
        return str(e)
    return x, z


def p_strlist2(s):
    s += lmc.gen("j", regex="[ab]")
    x = "q" if s["j"] == "a" else 1
    try:
        x += 1
    except TypeError as e:
        return str(e)
    return x


def p_loopadd(s):
    s += lmc.gen("j", regex="[ab]{3}")
    acc = []
    al = acc
    for c in s["j"]:
        acc += [c]
        acc += (c,)
        acc += c
    return acc, al


def p_loopset(s):
    s += lmc.gen("j", regex="[ab]{3}")
    acc = set()
    al = acc
    for c in s["j"]:
        acc |= {c}
        acc |= set(c)
    return sorted(acc), al is acc


def p_loopdict(s):
    s += lmc.gen("j", regex="[ab]{3}")
    acc = {}
    al = acc
    for c in s["j"]:
        acc |= {c: 1}
        acc |= [(c, c)]
    return acc, al


def p_reg(s):
    s += lmc.gen("j", regex="[ab]{3}")
    parts = re.findall("a|b", s["j"])
    q = parts
    parts += ("z",)
    parts += ["y"]
    parts *= 2
    return parts, q


def p_msgs(s):
    s += lmc.gen("j", regex="[1-9]")
    out = []
    n = int(s["j"])
    t = s["j"]
    for f in (
        lambda: add(1, "a"),
        lambda: add("a", 1),
        lambda: add(n, "a"),
        lambda: add(t, n),
        lambda: add(n, None),
        lambda: add((1,), [2]),
        lambda: add(None, 1),
        lambda: add([1], 3),
        lambda: add({"a": 1}, 3),
        lambda: add(n, 2.5),
        lambda: add(True, n),
    ):
        try:
            out.append(f())
        except TypeError as e:
            out.append(str(e))
    return out


def p_msgs2(s):
    s += lmc.gen("j", regex="[1-9]")
    out = []
    n = int(s["j"])
    t = s["j"]
    try:
        n |= "a"
    except TypeError as e:
        out.append(str(e))
    try:
        n <<= 2.5
    except TypeError as e:
        out.append(str(e))
    try:
        t -= 1
    except TypeError as e:
        out.append(str(e))
    try:
        t %= (1, 2)
    except TypeError as e:
        out.append(str(e))
    try:
        t *= "q"
    except TypeError as e:
        out.append(str(e))
    try:
        n /= 0
    except ZeroDivisionError as e:
        out.append(str(e))
    try:
        n %= 0
    except ZeroDivisionError as e:
        out.append(str(e))
    return out, n, t


def p_avg(s):
    s += lmc.gen("j", regex=r"\[[1-9], [1-9]\]", max_tokens=40)
    xs = json.loads(s["j"])
    t = 0
    for x in xs:
        t += x
    t /= len(xs)
    m = xs[0]
    m -= xs[1]
    k = xs[0] * 2
    k += 1
    return t, m, k


ARGUMENTS: dict[str, Callable[[], dict[str, Any]]] = {
    "p_arg": lambda: {"x": [1] * 80, "y": (2,)},
    "p_arg2": lambda: {"x": [1], "y": (2,)},
    "p_arg3": lambda: {"x": [1], "y": "q"},
    "p_arg4": lambda: {"x": {1}, "y": {2}},
    "p_arg5": lambda: {"x": {1}, "y": {2}},
    "p_arg6": lambda: {"x": {"a": 1}, "y": {"b": 2}},
    "p_arg7": lambda: {"x": {1}, "y": {2}},
    "p_item": lambda: {"x": [[1], "a"]},
    "p_tupitem": lambda: {"x": ([1], 2)},
}
PROGRAMS = [fn for name, fn in list(globals().items()) if name.startswith("p_")]


def seen(fn: Any, mode: Any, seed: int) -> str:
    """What a run returned together with the arguments that it was given, by identity."""
    arguments = ARGUMENTS.get(fn.__name__, dict)()
    result = lmc.Program(fn).run(backend=lmc.EchoBackend(seed=seed), mode=mode, **arguments)
    return shown(result.ret_value, arguments)


@pytest.mark.parametrize("fn", PROGRAMS)
def test_an_operator_in_place_does_what_python_does(fn: Any) -> None:
    for seed in range(3):
        assert seen(fn, "auto", seed) == seen(fn, "eager", seed)


@pytest.mark.slow
def test_most_of_these_are_graphs() -> None:
    """A graph break is always right, and proves nothing."""
    broken = []
    for fn in PROGRAMS:
        try:
            seen(fn, "compiled", 0)
        except CaptureError:
            broken.append(fn.__name__)
    assert len(broken) <= 4, broken


def test_what_an_operator_made_of_either_is_a_break_with_a_place() -> None:
    """It may be a container of the user's class, which changes in place."""

    def times(s: Any, n: int, t: str) -> Any:
        w = -((n, 4)[t.isdigit()])
        w *= 3
        s += "a" + lmc.gen("g", max_tokens=2)
        return w

    program = lmc.Program(times)
    with pytest.raises(CaptureError) as caught:
        program.run(2, "x", backend="echo", mode="compiled")
    assert caught.value.code == "LMC-GB008" and caught.value.span is not None
    assert program.run(2, "x", backend="echo").ret_value == -6
