"""`try` and `with` beside loops over forks, closures, objects and globals."""

from __future__ import annotations

import contextlib
import json
import threading

import lmc as lm
from tests.oracle.programs.case import Case

LOG: list[object] = []
LOCK = threading.Lock()


def note(x):
    LOG.append(x)
    return x


def with_lock(s):
    fs = s.fork(3)
    out = []
    for f in fs:
        f += lm.gen("v", regex="[0-9x]")
        with LOCK:
            try:
                out.append(int(f["v"]))
            except ValueError as e:
                out.append(str(e)[:7])
    return out


def deep(s):
    r = []
    for i in range(2):
        try:
            try:
                try:
                    s += lm.gen("a", regex="[0-3x]")
                    r.append(1 // int(s["a"]))
                except ValueError as e:
                    r.append("v")
                    s += "v"
                    raise KeyError(str(e)) from e
                else:
                    r.append("else")
                finally:
                    r.append("f1")
                    note(len(r))
            except ZeroDivisionError:
                r.append("z")
                if i:
                    return r, "early"
            finally:
                s += f"{len(r)}"
        except KeyError as e:
            r.append(e.__cause__ is not None)
            continue
        r.append("end")
    return r


def closure_in_handler(s):
    got = []

    def add(x):
        got.append(x)

    for w in ("1", "x"):
        try:
            add(int(w))
            s += lm.gen("b", regex="[01x]")
            add(int(s["b"]))
        except ValueError as e:
            add(f"{e}"[:7])
    return got


def state_list(s, n):
    fs = s.fork(n)
    good = []
    for f in fs:
        f += lm.gen("v", regex="[0-9x]")
        try:
            int(f["v"])
        except ValueError:
            continue
        good.append(f)
    return [f["v"] for f in good]


def best(s, n):
    b = None
    score = -1
    for f in s.fork(n):
        try:
            f += lm.gen("v", regex="[0-9x]")
            v = int(f["v"])
        except ValueError:
            continue
        if v > score:
            b, score = f, v
    return score, b["v"] if b is not None else None


def comp(s):
    def p(x):
        try:
            return int(x)
        except ValueError:
            return -1

    s += lm.gen("l", regex="[0-9x],[0-9x],[0-9x]")
    return (
        [p(x) for x in s["l"].split(",")],
        max((p(x) for x in s["l"].split(",")), default=0),
        sum(p(x) for x in "12z"),
    )


def ret_in_with(s):
    with contextlib.ExitStack() as st:
        st.callback(note, "cb")
        s += lm.gen("a", regex="[01x]")
        if s["a"] == "1":
            return "one"
        return int(s["a"])


def err_attr(s):
    s += lm.gen("j", regex=r'\{"a": [0-9]\}|\{"a"|x')
    try:
        return json.loads(s["j"])["a"]
    except json.JSONDecodeError as e:
        return e.pos, e.doc == s["j"], e.lineno


def while_try(s):
    n = 0
    while True:
        n += 1
        try:
            s += lm.gen("a", regex="[0-9x]")
            v = int(s["a"])
            if v > 4:
                break
        except ValueError:
            if n > 3:
                return "gave up", n
            s += "?"
            continue
        finally:
            note(n)
        s += ","
    return v, n


def reuse_e(s):
    msgs = []
    for _ in range(3):
        try:
            s += lm.gen("a", regex="[0-9x]")
            int(s["a"])
        except ValueError as e:
            err = e
        else:
            err = None
        msgs.append(str(err))
    return msgs


def args_err(s, xs):
    try:
        return xs[0] + xs[5]
    except IndexError:
        return "idx", len(xs)
    except TypeError as e:
        return str(e)


class Tr:
    def __init__(self, f):
        self.f = f

    def __enter__(self):
        return self.f

    def __exit__(self, *a):
        note(a[0] and a[0].__name__)


def own_mgr_with_state(s):
    with Tr(s) as f:
        f += "x"
        f += lm.gen("a", max_tokens=1)
    return s["a"]


def gen_mgr(s):
    @contextlib.contextmanager
    def m():
        note("in")
        yield 3
        note("out")

    with m() as k:
        s += str(k)
    return k


def role_err(s):
    for _ in range(2):
        with s.user():
            s += "q"
        try:
            with s.assistant():
                s += lm.gen("a", regex="[0-9x]")
            return int(s["a"])
        except ValueError:
            pass


def nested_fn_raise(s):
    def inner(k):
        if k == "x":
            raise LookupError(k)
        return int(k)

    s += lm.gen("a", regex="[0-9x]")
    try:
        v = inner(s["a"])
    except LookupError as e:
        v = e.args[0]
    try:
        w = inner("x")
    except LookupError as e:
        w = repr(e)
    return v, w


def glob(s):
    global GL
    try:
        GL += 1
        s += lm.gen("a", regex="[0-9x]")
        GL += int(s["a"])
    except ValueError:
        GL = -1
    return GL


GL = 0


def rst() -> None:
    """Put the module's globals back."""
    global GL
    GL = 0
    LOG.clear()


CASES = [
    *(
        Case(fn, log=LOG)
        for fn in (
            with_lock, closure_in_handler, comp, ret_in_with, err_attr, while_try, reuse_e, own_mgr_with_state,
            role_err, nested_fn_raise,
        )
    ),
    *(Case(fn, log=LOG, expects="either") for fn in (deep, gen_mgr)),
    Case(state_list, ({"n": 2}, {"n": 3}), log=LOG),
    Case(best, ({"n": 2}, {"n": 3}), log=LOG, needs_structure=True),
    Case(args_err, ({"xs": [1, 2]}, {"xs": ["a"] * 6}, {"xs": [1, *["b"] * 6]}), log=LOG),
    Case(glob, reset=rst),
]  # fmt: skip
