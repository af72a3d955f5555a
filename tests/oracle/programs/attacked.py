# ruff: noqa
"""Programs of a language lawyer: laziness, aliasing, hidden effects, scopes, orders of evaluation, odd exits.

Each is right only where evaluation happens in Python's order, on Python's objects.
"""

from __future__ import annotations

import contextlib
import decimal
import functools
import io
import itertools
import json
import operator
import re
import string
from collections import defaultdict

from lmc import gen
from tests.oracle.programs.case import Case

LOG: list[object] = []


def note(x):
    LOG.append(x)
    return x


def sort_key_side(s):
    s += gen("x", regex="[a-c]{4}")
    xs = sorted(s["x"], key=lambda c: (note(c), c)[1])
    return (xs, list(LOG))


def iter_shared(s):
    it = iter("abcdef")
    out = []
    s += gen("x", regex="[a-c]")
    for c in it:
        if c == s["x"]:
            break
        out.append(c)
    for c in it:
        out.append(c.upper())
    return out


def iter_zip_uneven(s):
    it = iter(range(5))
    s += gen("x", regex="[a-c]{2}")
    out = list(zip(it, s["x"]))
    return (out, next(it, None))


def iter_zip_uneven2(s):
    it = iter(range(5))
    s += gen("x", regex="[a-c]{2}")
    out = list(zip(s["x"], it))
    return (out, next(it, None))


def any_short(s):
    s += gen("x", regex="[a-c]{3}")
    r = any((note(c) == "b" for c in s["x"]))
    r2 = all((note(c) != "c" for c in s["x"]))
    return (r, r2, LOG)


def chained_cmp(s):
    s += gen("x", regex="[0-9]")
    r = note(1) < note(int(s["x"])) < note(5)
    return (r, LOG)


def aug_order_idx():
    LOG.append("idx")
    return 0


def aug_order_val(v):
    LOG.append("val")
    return v


def aug_order_xs(l):
    LOG.append("xs")
    return l


def aug_order(s):
    l = [1, 2]
    s += gen("x", regex="[0-9]")
    aug_order_xs(l)[aug_order_idx()] += aug_order_val(int(s["x"]))
    return (l, LOG)


def aug_rhs_changes(s):
    l = [1]
    s += gen("x", regex="[0-9]")

    def f():
        l[0] = 100
        return int(s["x"])

    l[0] += f()
    n = 1

    def g():
        nonlocal n
        n = 50
        return int(s["x"])

    n += g()
    return (l, n)


def late_bind2(s):
    s += gen("x", regex="[a-c]")
    v = 1
    f = lambda: v
    if s["x"] == "a":
        v = 2
    r1 = f()
    v = s["x"]
    return (r1, f())


def walrus(s):
    s += gen("x", regex="[a-c]{3}")
    out = [(y := c) for c in s["x"]]
    while (z := len(out)) < 5:
        out.append(z)
    return (out, y, z, any(((hit := c) == "b" for c in s["x"])), hit)


def compscope(s):
    i = "outer"
    s += gen("x", regex="[a-c]{3}")
    xs = [i for i in s["x"]]
    d = {i: j for i, j in enumerate(s["x"])}
    return (i, xs, d, {i for i in s["x"]} == set(s["x"]))


def del_try(s):
    s += gen("x", regex="[a-c]")
    y = 1
    if s["x"] != "a":
        del y
    try:
        return y
    except UnboundLocalError as e:
        return str(e)


def finally_order(s):
    s += gen("x", regex="[a-c]")

    def f():
        for c in "abc":
            try:
                if c == s["x"]:
                    return note("ret" + c)
                if c == "b":
                    continue
            finally:
                note("fin" + c)
        return "no"

    return (f(), LOG)


def finally_mut(s):
    s += gen("x", regex="[a-c]")

    def f():
        r = [1]
        n = 1
        try:
            return (r, n)
        finally:
            r.append(s["x"])
            n = 2

    return f()


def exc_context(s):
    s += gen("x", regex="[a-c]")
    try:
        try:
            int(s["x"])
        except ValueError:
            raise KeyError(s["x"])
    except KeyError as e:
        return (type(e.__context__).__name__, str(e.__context__), e.__cause__, e.args)


def exc_unbind(s):
    s += gen("x", regex="[a-c]")
    e = 5
    try:
        int(s["x"])
    except ValueError as e:
        pass
    try:
        return e
    except NameError as q:
        return str(q)


def dict_order(s):
    d = {"a": 1, "b": 2, "c": 3}
    s += gen("x", regex="[a-c]")
    v = d.pop(s["x"])
    d[s["x"]] = v
    d["b"] = 9
    del d["a"]
    d["a"] = 0
    return (d, list(d), list(d.items()), next(iter(d)), d.popitem())


def set_order(s):
    s += gen("x", regex="[0-9]{4}")
    a = {int(c) for c in s["x"]}
    a.add(100)
    a.discard(3)
    b = set()
    for c in s["x"]:
        b.add(int(c) * 8)
    return (a, list(a), list(b), list(a | b))


def dict_view_live(s):
    d = {"a": 1}
    ks, vs, it = (d.keys(), d.values(), d.items())
    s += gen("x", regex="[a-c]")
    d[s["x"]] = 5
    return (list(ks), list(vs), list(it), len(ks), s["x"] in ks, ks)


def resub_callback(s):
    s += gen("x", regex="[a-c]{4}")
    n = [0]

    def cb(m):
        n[0] += 1
        return f"{m.group(0)}{n[0]}"

    t = re.sub("[ab]", cb, s["x"])
    s += t
    return (t, n)


def reduce_side(s):
    s += gen("x", regex="[a-c]{3}")
    acc = functools.reduce(lambda a, c: (a.append(c), a)[1], s["x"], [])
    acc2 = functools.reduce(lambda a, c: note(a + c), s["x"])
    return (acc, acc2, LOG)


def json_hook_hook(d):
    LOG.append(sorted(d))
    d["seen"] = len(LOG)
    return d


def json_hook(s):
    s += gen("x", regex="[0-9]")
    t = '{"a": {"b": ' + s["x"] + '}, "c": [1, {"d": 2}]}'
    r = json.loads(t, object_hook=json_hook_hook)
    q = json.dumps({"z": {1, 2}, "k": s["x"]}, default=lambda o: note(sorted(o)))
    return (r, q, LOG, json.loads(t, object_pairs_hook=list), json.loads("[1.5]", parse_float=decimal.Decimal))


def defaultdict1(s):
    d = defaultdict(list)
    s += gen("x", regex="[a-c]{4}")
    for i, c in enumerate(s["x"]):
        d[c].append(i)
    r = d["zz"]
    n = len(d)
    r.append(5)
    return (d, n, d.get("yy"), "yy" in d, list(d))


def defaultdict_side(s):
    n = itertools.count()
    d = defaultdict(lambda: next(n))
    s += gen("x", regex="[a-c]{4}")
    r = [d[c] for c in s["x"]]
    return (r, dict(d))


def gen_fn_g(n):
    LOG.append("start")
    try:
        for i in range(n):
            got = yield i
            LOG.append(got)
    finally:
        LOG.append("fin")


def gen_fn(s):
    it = gen_fn_g(3)
    LOG.append("made")
    s += gen("x", regex="[a-c]")
    a = next(it)
    b = it.send(s["x"])
    it.close()
    return (a, b, LOG)


def genexp_source_eval(s):
    s += gen("x", regex="[a-c]{3}")
    xs = [1]
    g = (a for a in xs)
    xs.append(2)
    xs2 = xs
    xs = [9]
    return (list(g), xs2)


@contextlib.contextmanager
def cm1_cm(n):
    LOG.append("in" + n)
    try:
        yield [n]
    except ValueError as e:
        LOG.append("caught" + str(e))
    finally:
        LOG.append("out" + n)


def cm1(s):
    s += gen("x", regex="[a-c]")
    with cm1_cm("a") as a, cm1_cm("b") as b:
        a.append(s["x"])
        int(s["x"])
        LOG.append("never")
    return (LOG, a, b)


def exitstack(s):
    s += gen("x", regex="[a-c]")
    with contextlib.ExitStack() as st:
        for c in "ab":
            st.callback(LOG.append, c + s["x"])
        LOG.append("body")
    with contextlib.suppress(ValueError):
        int(s["x"])
    return LOG


def str_fmt(s):
    s += gen("x", regex="[0-9]{3}")
    n = int(s["x"])
    w = 8
    return (
        f"{n:>{w}}|{n!r:^10}|{n:,}|n={n!r}|{n:08.2f}|{n:#x}|{n:e}",
        "%05d %-5s|%x" % (n, "a", n),
        "{0[0]}{a.real}".format([n], a=n),
        string.Template("$a ${b}").substitute(a=n, b=2),
        f"{s['x']!s:>5}{'nested ' + f'{n}'}",
    )


def cmp_chain_mixed(s):
    s += gen("x", regex="[0-9]")
    n = int(s["x"])
    return (
        1 < n < 5,
        n == 1.0,
        True == 1 == 1.0,
        n in (1, 2.0, True),
        1 < 2 > n,
        not n,
        n and "yes",
        n or "no",
        (n > 3) + 1,
        [1, 2] < [1, n],
        None is None,
        n is None,
    )


def nested_func_mut(s):
    total = []

    def outer(x):
        cnt = 0

        def inner(y):
            nonlocal cnt
            cnt += 1
            total.append((x, y, cnt))
            return cnt

        return inner

    s += gen("x", regex="[a-c]{2}")
    f, g = (outer("f"), outer("g"))
    for c in s["x"]:
        f(c)
        g(c)
        g(c)
    return total


def listview2(s):
    d = {"a": [1], "b": [2]}
    s += gen("x", regex="[ab]")
    l = d[s["x"]]
    l.append("q")
    d["b"].append("w")
    return (d["a"], d["b"], l)


def tuple_of_list(s):
    l = []
    t = (l, l)
    s += gen("x", regex="[ab]")
    for q in t:
        q.append(s["x"])
    m, n = t
    m += ["m"]
    return (l, len(n))


def kwargs_alias_f(**k):
    k["l"].append("f")
    k["new"] = 1
    return len(k)


def kwargs_alias(s):
    d = {"l": []}
    s += gen("x", regex="[ab]")
    n = kwargs_alias_f(**d)
    return (d, n)


def args_alias_f(*a):
    a[0].append("f")
    return a


def args_alias(s):
    l = [[], []]
    s += gen("x", regex="[ab]")
    args_alias_f(*l)
    args_alias_f(*reversed(l))
    return l


class RaiseFromMyE(Exception):
    def __init__(self, a, b):
        super().__init__(a)
        self.b = b

    def __str__(self):
        return f"<{self.b}>"


def raise_from(s):
    s += gen("x", regex="[a-c]")
    try:
        raise RaiseFromMyE(s["x"], [1]) from ValueError("c")
    except (KeyError, RaiseFromMyE) as e:
        e.b.append(2)
        return (str(e), e.args, e.b, repr(e.__cause__), isinstance(e, Exception))


class RetInWithCM:
    def __enter__(self):
        return self

    def __exit__(self, *a):
        LOG.append(a[0])
        return True


def ret_in_with(s):
    s += gen("x", regex="[a-c]")

    def f():
        with RetInWithCM():
            if s["x"] == "a":
                return "ret"
            1 / 0
        return "swallowed"

    return (f(), LOG)


def dict_disp_order(s):
    s += gen("x", regex="[a-c]")
    d = {note("k1"): note("v1"), **{"k1": 0}, note("k2"): note(s["x"])}
    l = [note(1), *[note(2)], note(s["x"])]
    return (d, l, LOG)


def assign_order(s):
    s += gen("x", regex="[a-c]")
    l = [0, 0, 0]
    i = 0
    i, l[i] = (1, "A")
    l[i], i = (s["x"], 2)
    a = b = l
    a.append(3)
    x = l[i] = 7
    return (l, i, b is a, x)


def multi_assign_alias(s):
    a = b = []
    s += gen("x", regex="[a-c]")
    a.append(s["x"])
    b += ["q"]
    b = b + ["r"]
    return (a, b, a is b)


def islice_share(s):
    it = iter("abcdef")
    s += gen("x", regex="[a-c]")
    a = list(itertools.islice(it, 2))
    b = next(it)
    c = list(itertools.takewhile(lambda q: q < "e", it))
    d = list(it)
    return (a, b, c, d, s["x"])


def tee(s):
    s += gen("x", regex="[a-c]{3}")
    a, b = itertools.tee(s["x"])
    next(a)
    return (list(a), list(b), list(itertools.chain(a, "z", b)), list(itertools.accumulate(s["x"])))


def cycle_break(s):
    out = []
    for c in itertools.cycle("ab"):
        s += gen("x", regex="[a-c]")
        out.append(c + s["x"])
        if s["x"] == "c" or len(out) > 4:
            break
    return out


def cnt_shared(s):
    n = itertools.count(5)
    s += gen("x", regex="[a-c]{2}")
    return ([(next(n), c) for c in s["x"]], [next(n) for _ in range(2)], dict(zip(s["x"], n)), next(n))


class OwnIterIt:
    def __init__(self, n):
        self.n = n

    def __iter__(self):
        LOG.append("iter")
        return self

    def __next__(self):
        LOG.append("next")
        if self.n == 0:
            raise StopIteration
        self.n -= 1
        return self.n


def own_iter(s):
    s += gen("x", regex="[2-4]")
    it = OwnIterIt(int(s["x"]))
    for v in it:
        s += str(v)
        LOG.append("body")
        if v == 1:
            break
    return (list(it), it.n, LOG)


def nested_break(s):
    out = []
    s += gen("x", regex="[a-c]{3}")
    for i, c in enumerate(s["x"]):
        for d in s["x"][i:]:
            if d == "b":
                break
            if c == "c":
                continue
            out.append(c + d)
        else:
            out.append("-")
            continue
        if c == "a":
            break
    else:
        out.append("end")
    return (out, i, c)


class LtSideK:
    def __init__(self, v):
        self.v = v

    def __lt__(self, o):
        LOG.append((self.v, o.v))
        return self.v < o.v


def lt_side(s):
    s += gen("x", regex="[a-c]{3}")
    ks = [LtSideK(c) for c in s["x"]]
    return ([k.v for k in sorted(ks)], max(ks).v if hasattr(LtSideK, "__gt__") else 0, min(ks).v, LOG)


class BoundMethodC:
    def __init__(self):
        self.l = []

    def add(self, x):
        self.l.append(x)
        return len(self.l)


def bound_method(s):
    c = BoundMethodC()
    f = c.add
    g = BoundMethodC.add
    h = f
    s += gen("x", regex="[a-c]{2}")
    f(s["x"])
    g(c, 1)
    list(map(c.add, s["x"]))
    c2 = c
    c = BoundMethodC()
    f("old")
    return (c2.l, c.l, f == c2.add, f is h)


def append_bound(s):
    l = []
    put = l.append
    s += gen("x", regex="[a-c]{2}")
    put(s["x"])
    for c in s["x"]:
        put(c)
    m = l
    l = []
    put("end")
    return (m, l)


def dictfromkeys(s):
    s += gen("x", regex="[a-c]{2}")
    d = dict.fromkeys(s["x"], [])
    d[s["x"][0]].append(1)
    return ([len(v) for v in d.values()], list(d))


def pop_default(s):
    d = {"a": [1]}
    s += gen("x", regex="[a-c]")
    l = d.pop(s["x"], None)
    if l is not None:
        l.append(2)
    try:
        d.pop("a")
    except KeyError as e:
        note(repr(e))
    return (l, d, LOG)


def fork_loop(s):
    fs = s.fork(3)
    out = []
    for i, f in enumerate(fs):
        f += f"{i}"
        f += gen("v", regex="[a-c]")
        if f["v"] == "b":
            continue
        out.append((i, f["v"]))
    fs.join()
    s += ",".join(s["v"]) if isinstance(s["v"], list) else "no"
    best = max(fs, key=lambda f: f["v"])
    best += "B"
    return (out, best.text(), [f.text() for f in fs])


def s_setitem(s):
    s["n"] = 0
    for i in range(3):
        s += gen("x", regex="[a-c]")
        s["n"] = s["n"] + (s["x"] == "a")
        s["x"] = s["x"] + "!"
    return (s["n"], s["x"])


def expr_order(s):
    s += note("1") + gen("x", regex="[a-c]") + note("2")
    s += f"{note('3')}{s['x']}{note('4')}"
    return LOG


def lam_state(s):
    fs = {"a": lambda t: t.upper(), "b": lambda t: note(t), "c": str}
    s += gen("x", regex="[a-c]")
    r = fs[s["x"]](s["x"])
    op = {"a": operator.add, "b": operator.mul, "c": max}[s["x"]]
    return (r, op(2, 3))


def static_nested_outer():
    x = 1

    def f():
        return x

    x = 2
    return f


def static_nested(s):
    f = static_nested_outer()
    s += gen("x", regex="[a-c]")
    fs = []
    for i in range(3):

        def g(i=i):
            return (i, x)

        fs.append(g)
    x = s["x"]
    return (f(), [g() for g in fs])


class UserExcFlowStop(Exception):
    pass


def user_exc_flow_step(s, i):
    s += gen("x", regex="[a-c]")
    if s["x"] == "c":
        raise UserExcFlowStop(i)
    return s["x"]


def user_exc_flow(s):
    out = []
    try:
        for i in range(4):
            out.append(user_exc_flow_step(s, i))
    except UserExcFlowStop as e:
        out.append(e.args[0])
    else:
        out.append("all")
    finally:
        s += "end"
    return out


def file_lines(s):
    f = io.StringIO("a\nb\nc\nd\n")
    for line in f:
        s += gen("x", regex="[a-c]")
        if line.strip() == s["x"]:
            break
    return (f.read(), f.tell())


def tree_build(s):
    root = {}
    for i in range(3):
        s += gen(f"p{i}", regex="[ab]/[ab]")
        node = root
        for part in s[f"p{i}"].split("/"):
            node = node.setdefault(part, {})
        node["n"] = node.get("n", 0) + 1
    return json.dumps(root)


def cond_expr_order(s):
    s += gen("x", regex="[ab]")
    r = note("t") if s["x"] == "a" else note("f")
    q = (note(0) or note("o")) and (note(s["x"]) or note("n"))
    return (r, q, not note("") or note(2), LOG)


def int_parse(s):
    s += gen("x", regex="[0-9 _.+-]{3}")
    out = []
    for f in (int, float, complex, decimal.Decimal, json.loads, bool):
        try:
            out.append(f(s["x"]))
        except Exception as e:
            out.append(type(e).__name__)
    return out


def unpack_err(s):
    s += gen("x", regex="[a-c]{1,3}")
    try:
        a, b = s["x"]
        return a + b
    except ValueError as e:
        return str(e)


def star_mid(s):
    s += gen("x", regex="[a-c]{1,4}")
    try:
        a, *m, z = s["x"]
        return (a, m, z)
    except ValueError as e:
        return str(e)


def nested_ret(s):
    for i in range(3):
        s += gen("x", regex="[a-c]")
        try:
            for c in s["x"]:
                if c == "a":
                    return (i, "early")
                if c == "b":
                    raise ValueError
        except ValueError:
            continue
        finally:
            LOG.append(i)
    return LOG


def loopvar_after(s):
    s += gen("x", regex="[a-c]{0,2}")
    for c in s["x"]:
        pass
    try:
        return c
    except NameError as e:
        return str(e)


class IndexSideI:
    def __index__(self):
        LOG.append("idx")
        return 1


def index_side(s):
    i = IndexSideI()
    s += gen("x", regex="[a-c]{3}")
    return (s["x"][i], [1, 2, 3][i:], list(range(i)), "ab" * 2, LOG)


def retry_retry(n):

    def d(f):

        def w(*a):
            for i in range(n):
                try:
                    return f(*a)
                except ValueError as e:
                    LOG.append(f"{i}{e}")
            return None

        return w

    return d


@retry_retry(3)
def retry_num(s):
    s += gen("x", regex="[0-2a-f]")
    return int(s["x"])


def retry(s):
    return (retry_num(s), LOG)


CASES = [
    Case(sort_key_side, log=LOG),
    Case(iter_shared, log=LOG),
    Case(iter_zip_uneven, log=LOG),
    Case(iter_zip_uneven2, log=LOG),
    Case(any_short, log=LOG),
    Case(chained_cmp, log=LOG),
    Case(aug_order, log=LOG),
    Case(aug_rhs_changes, log=LOG),
    Case(late_bind2, log=LOG),
    Case(walrus, log=LOG),
    Case(compscope, log=LOG),
    Case(del_try, log=LOG),
    Case(finally_order, log=LOG),
    Case(finally_mut, log=LOG),
    Case(exc_context, log=LOG),
    Case(exc_unbind, log=LOG),
    Case(dict_order, log=LOG),
    Case(set_order, log=LOG),
    Case(dict_view_live, log=LOG),
    Case(resub_callback, log=LOG),
    Case(reduce_side, log=LOG),
    Case(json_hook, log=LOG),
    Case(defaultdict1, log=LOG),
    Case(defaultdict_side, log=LOG),
    Case(gen_fn, log=LOG, expects="either"),
    Case(genexp_source_eval, log=LOG),
    Case(cm1, log=LOG),
    Case(exitstack, log=LOG),
    Case(str_fmt, log=LOG),
    Case(cmp_chain_mixed, log=LOG),
    Case(nested_func_mut, log=LOG),
    Case(listview2, log=LOG),
    Case(tuple_of_list, log=LOG),
    Case(kwargs_alias, log=LOG),
    Case(args_alias, log=LOG),
    Case(raise_from, log=LOG),
    Case(ret_in_with, log=LOG),
    Case(dict_disp_order, log=LOG),
    Case(assign_order, log=LOG),
    Case(multi_assign_alias, log=LOG),
    Case(islice_share, log=LOG),
    Case(tee, log=LOG),
    Case(cycle_break, log=LOG),
    Case(cnt_shared, log=LOG),
    Case(own_iter, log=LOG),
    Case(nested_break, log=LOG),
    Case(lt_side, log=LOG),
    Case(bound_method, log=LOG),
    Case(append_bound, log=LOG),
    Case(dictfromkeys, log=LOG),
    Case(pop_default, log=LOG),
    Case(fork_loop, log=LOG),
    Case(s_setitem, log=LOG),
    Case(expr_order, log=LOG),
    Case(lam_state, log=LOG),
    Case(static_nested, log=LOG),
    Case(user_exc_flow, log=LOG),
    Case(file_lines, log=LOG),
    Case(tree_build, log=LOG),
    Case(cond_expr_order, log=LOG),
    Case(int_parse, log=LOG),
    Case(unpack_err, log=LOG),
    Case(star_mid, log=LOG),
    Case(nested_ret, log=LOG),
    Case(loopvar_after, log=LOG),
    Case(index_side, log=LOG),
    Case(retry, log=LOG),
]
