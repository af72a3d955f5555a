"""Small programs about what Python means: aliases, scopes, orders of evaluation, live iterators, corners of text."""

# ruff: noqa
from __future__ import annotations

import collections
import dataclasses
import enum
import functools
import heapq
import json
import math
import random

from lmc import gen, select
from tests.corpus.registry import registry

RUNS, runs = registry()


@runs()
def alias_row(s):
    row = [0] * 2
    grid = [row] * 2
    s += gen("n", regex="[0-9]")
    grid[0][0] = int(s["n"])
    return grid, row


@runs()
def fromkeys_alias(s):
    d = dict.fromkeys("ab", [])
    s += select("k", ["a", "b"])
    d[s["k"]].append(1)
    return d


@runs(dict(xs=[1, 2, 3, 4]))
def remove_while_iterating(s, xs):
    ys = list(xs)
    for y in ys:
        if y % 2:
            ys.remove(y)
    return ys


@runs()
def append_while_iterating(s):
    ys = [1]
    for y in ys:
        s += gen("n", regex="[0-9]")
        if len(ys) < 4:
            ys.append(int(s["n"]))
    return ys


@runs()
def dict_order_update(s):
    d = {"a": 1, "b": 2}
    s += select("k", ["a", "b", "c"])
    d.pop(s["k"], None)
    d[s["k"]] = 3
    return list(d.items())


@runs()
def swap_index(s):
    xs = [1, 2, 3]
    s += gen("i", regex="[0-2]")
    i = int(s["i"])
    xs[i], xs[-1] = xs[-1], xs[i]
    return xs


@runs()
def aug_index_eval_once(s):
    calls = []

    def f():
        calls.append(1)
        return 0

    xs = [1]
    xs[f()] += 1
    return xs, calls


@runs()
def late_default(s):
    x = "a"

    def f(y=x):
        return y

    x = "b"
    s += f()
    return f(), x


@runs()
def closure_loop(s):
    fs = []
    for i in range(3):
        s += gen("d", regex="[0-9]")
        d = s["d"]
        fs.append(lambda: d)
    return [f() for f in fs], s["d"]


@runs()
def closure_modified(s):
    n = [0]

    def inc(k):
        n[0] += k
        return n[0]

    s += gen("d", regex="[1-9]")
    return inc(int(s["d"])), inc(1), n


@runs()
def string_mult(s):
    s += gen("d", regex="[0-3]")
    return "ab" * int(s["d"]) + "|" + "-" * (int(s["d"]) - 5)


@runs()
def cond_def(s):
    s += select("c", ["a", "b"])
    if s["c"] == "a":

        def f():
            return 1
    else:

        def f():
            return 2

    return f()


@runs()
def unbound(s):
    s += select("c", ["a", "b"])
    if s["c"] == "zz":
        v = 1
    try:
        return v
    except UnboundLocalError as e:
        return str(e)


@runs()
def del_var(s):
    v = 1
    s += select("c", ["a", "b"])
    if s["c"] == "a":
        del v
    try:
        return v
    except NameError as e:
        return type(e).__name__


@runs()
def exc_name_deleted(s):
    e = 1
    try:
        int("x")
    except ValueError:
        pass
    try:
        return e
    except NameError as err:
        return str(err)


@runs()
def finally_overrides(s):
    def f():
        try:
            return "t"
        finally:
            s.text()

    def g():
        for i in range(3):
            try:
                s_ = i
                if i == 1:
                    return i
            finally:
                if i == 1:
                    break
        return "after"

    return f(), g()


@runs()
def loop_else_nested(s):
    out = []
    for i in range(3):
        for j in range(3):
            s += select("c", ["a", "b"])
            if s["c"] == "b":
                out.append((i, j))
                break
        else:
            out.append(i)
            continue
        if i:
            break
    return out


@runs()
def while_else(s):
    n = 0
    while n < 3:
        s += select("c", ["a", "b"])
        if s["c"] == "b" and n > 1:
            break
        n += 1
    else:
        return "else", n
    return "break", n


@runs()
def gen_expr_lazy(s):
    log = []

    def f(x):
        log.append(x)
        return x > 1

    r = any(f(x) for x in [1, 2, 3])
    return r, log


@runs()
def zip_consumes(s):
    it = iter([1, 2, 3, 4])
    return list(zip(it, it)), list(zip(iter([1, 2, 3]), [1]))


@runs()
def zip_leftover(s):
    it = iter([1, 2, 3])
    a = list(zip([0], it))
    return a, list(it)


@runs()
def zip_leftover2(s):
    it = iter([1, 2, 3])
    a = list(zip(it, [0]))
    return a, list(it)


@runs()
def map_lazy(s):
    log = []
    m = map(log.append, [1, 2])
    before = list(log)
    list(m)
    return before, log


@runs()
def reversed_live(s):
    xs = [1, 2]
    r = reversed(xs)
    xs.append(3)
    return list(r)


@runs()
def iter_live(s):
    xs = [1]
    it = iter(xs)
    xs.append(2)
    return list(it)


@runs()
def dict_view_live(s):
    d = {"a": 1}
    v = d.values()
    k = d.keys()
    d["b"] = 2
    return list(v), list(k), len(k)


@runs()
def dict_changed_in_loop(s):
    d = {"a": 1}
    try:
        for k in d:
            d[k + "x"] = 1
    except RuntimeError as e:
        return str(e)


@runs()
def set_ops(s):
    s += gen("x", regex="[ab]{3}")
    t = set(s["x"])
    t ^= {"a"}
    t |= {"z"}
    t -= {"b"}
    return sorted(t), t <= {"a", "z"}


@runs()
def counter_arith(s):
    s += gen("x", regex="[ab]{4}")
    c = collections.Counter(s["x"])
    c.subtract("ab")
    return sorted((+c).items()), c["q"], sum(c.values())


@runs()
def defaultdict_touch(s):
    d = collections.defaultdict(list)
    d["x"]
    s += select("k", ["x", "y"])
    d[s["k"]].append(1)
    return dict(d), "z" in d, d.get("z")


@runs()
def sort_stability(s):
    s += gen("x", regex="[ab]{4}")
    ps = list(enumerate(s["x"]))
    ps.sort(key=lambda p: p[1], reverse=True)
    return ps


@runs()
def sort_exc(s):
    s += gen("x", regex="[0-9]")
    xs = [int(s["x"]), "a"]
    try:
        xs.sort()
    except TypeError as e:
        return str(e)


@runs()
def bool_int(s):
    s += gen("x", regex="[01]")
    return True + int(s["x"]), {1: "a", True: "b", 1.0: "c"}, [1, True].index(True), sum([True, False])


@runs()
def chained_cmp_once(s):
    log = []

    def f(x):
        log.append(x)
        return x

    return f(1) < f(0) < f(2), log, 1 < 2 > 1, 1 != None is not True


@runs()
def eval_order(s):
    log = []

    def f(x):
        log.append(x)
        return x

    d = {f(1): f(2), f(3): f(4)}
    g = lambda *a, **k: (a, k)
    r = g(f(5), *[f(6)], k=f(7), **{"z": f(8)})
    return log, r


@runs()
def assign_order(s):
    log = []

    class B:
        def __setitem__(self, k, v):
            log.append((k, v))

    def f(x):
        log.append(x)
        return x

    b = B()
    b[f(1)] = f(2)
    b[f(3)], b[f(4)] = f(5), f(6)
    return log


@runs()
def star_unpack(s):
    s += gen("x", regex="[a-c]{4}")
    a, (b, *c), *d = 1, s["x"], 3, 4
    return a, b, c, d


@runs()
def unpack_error(s):
    s += gen("x", regex="[a-c]{2}")
    try:
        a, b, c = s["x"]
    except ValueError as e:
        return str(e)


@runs()
def nested_f(s):
    s += gen("x", regex="[1-3]")
    w = int(s["x"])
    return f"{'a':>{w + 2}}|{w:0{w}d}|{[i for i in range(w)]!r}|{w if w > 1 else 'one'}|{ {'k': w}['k'] }"


@runs()
def pct_format(s):
    s += gen("x", regex="[1-3]")
    return "%s-%05.1f-%r-%%" % (s["x"], float(s["x"]), s["x"]), "%(a)s" % {"a": s["x"]}


@runs()
def str_index_neg(s):
    s += gen("x", regex="[a-c]{3}")
    x = s["x"]
    return x[-1], x[5:], x[::-1], x[-2::-1], x.find("z"), x * 0, x[1:][:1]


@runs()
def int_parse(s):
    s += gen("x", regex="[0-9]{2}")
    return (
        int(s["x"], 16),
        int(" " + s["x"] + "\n"),
        float(s["x"] + "e1"),
        s["x"].zfill(4),
        int(s["x"]) // -7,
        int(s["x"]) % -7,
        round(int(s["x"]) / 4),
    )


@runs()
def inplace_list_alias(s):
    a = [1]
    b = a
    s += gen("x", regex="[0-9]")
    b += [int(s["x"])]
    c = a
    c = c + [9]
    return a, b, c


@runs()
def arg_mutated_by_helper(s):
    def add(xs):
        xs.append(len(xs))
        return xs

    a = []
    b = add(a)
    add(b)
    return a, a is b


@runs()
def tuple_aug(s):
    t = ([],)
    try:
        t[0] += [1]
    except TypeError as e:
        return str(e), t


@runs()
def obj_in_dict_and_list(s):
    class A:
        def __init__(self):
            self.n = 0

    a = A()
    d = {"a": a}
    l = [a]
    s += gen("x", regex="[0-9]")
    d["a"].n = int(s["x"])
    l[0].n += 1
    return a.n - int(s["x"])


@runs()
def eq_hash(s):
    @dataclasses.dataclass(frozen=True)
    class K:
        x: str

    s += select("k", ["a", "b"])
    d = {K("a"): 1, K("b"): 2}
    return d[K(s["k"])], K(s["k"]) == K("a"), len({K("a"), K(s["k"])})


@runs()
def enum_by_value(s):
    class C(enum.Enum):
        A = "a"
        B = "b"

    s += select("k", ["a", "b"])
    c = C(s["k"])
    return c.name, c is C.A, [m.value for m in C], C["A"].value


@runs()
def try_in_loop_vars(s):
    total = 0
    for x in ["1", "x", "2"]:
        try:
            total += int(x)
        except ValueError:
            total -= 10
            continue
        finally:
            total += 100
        s += str(total)
    return total, s.text()


@runs()
def reraise(s):
    log = []

    def f():
        try:
            raise KeyError("k")
        except KeyError:
            log.append("in")
            raise

    try:
        f()
    except KeyError as e:
        log.append(str(e))
        return log


@runs()
def raise_in_else(s):
    try:
        try:
            pass
        except ValueError:
            return "no"
        else:
            raise ValueError("else")
    except ValueError as e:
        return str(e)


@runs()
def assert_msg(s):
    s += gen("x", regex="[0-4]")
    try:
        assert int(s["x"]) > 5, f"got {s['x']}"
    except AssertionError as e:
        return str(e)


@runs()
def gen_in_cond(s):
    s += select("a", ["x", "y"])
    r = (s["a"] == "x" and "X") or "Y"
    t = s["a"] if s["a"] > "x" else None
    return r, t, not s["a"], s["a"] in "xyz", s["a"] not in ["x"]


@runs()
def forks_diff(s):
    a, b = s.fork(2)
    a += gen("v", regex="[0-9]")
    b += gen("v", regex="[0-9]")
    best = a if a["v"] > b["v"] else b
    best += "!"
    return best.text(), best is a


@runs()
def state_in_dict(s):
    d = {n: s.fork(1)[0] for n in "ab"}
    s += select("k", ["a", "b"])
    d[s["k"]] += "hit"
    return {n: f.text() for n, f in d.items()}


@runs()
def state_rebind(s):
    t = s
    t += "a"
    u = s.fork(1)[0]
    u += "b"
    return s.text(), u.text(), t is s


@runs()
def state_param_iadd(s):
    def h(t):
        t += "x"
        return t

    r = h(s)
    r += "y"
    return s.text()


@runs()
def var_missing(s):
    s += "x"
    try:
        return s["nope"]
    except KeyError as e:
        return repr(e)
    except Exception as e:
        return type(e).__name__


@runs()
def var_in_state(s):
    s += gen("a", max_tokens=1)
    f = s.fork(1)[0]
    f += gen("b", max_tokens=1)
    return "a" in f, "b" in s, "b" in f, "a" in s


@runs()
def var_overwritten(s):
    s += gen("a", regex="[0-9]")
    x = s["a"]
    s += gen("a", regex="[a-z]")
    return x.isdigit(), s["a"].isalpha()


@runs()
def loop_var_after(s):
    for i, c in enumerate("abc"):
        s += c
    for _ in []:
        i = 9
    return i, c, [i for i in range(2)], i


@runs()
def walrus_while(s):
    out = []
    while (s_len := len(out)) < 3:
        s += gen("x", regex="[0-9]")
        out.append((s_len, s["x"]))
    return out, s_len


@runs()
def global_shadow(s):
    len_ = len
    max = lambda *a: "mine"
    return max(1, 2), len_("ab")


@runs()
def class_in_fn(s):
    class A:
        items = []

        def add(self, x):
            self.items.append(x)
            return self

    A().add(1)
    A().add(2)
    s += "x"
    return A.items, A().add(3).items


@runs()
def property_counts(s):
    class A:
        n = 0

        @property
        def p(self):
            self.n += 1
            return self.n

    a = A()
    s += f"{a.p}{a.p}"
    return a.p, A.n


@runs()
def str_format_attr(s):
    class A:
        x = [1, 2]

    s += gen("v", regex="[0-9]")
    return "{0.x[1]} {b!r:>4} {}".format(A, b=s["v"]) if False else "{0.x[1]} {b!r:>4}".format(A, b=s["v"])


@runs()
def sum_lists(s):
    s += gen("v", regex="[0-9]")
    return (
        sum([[1], [int(s["v"])]], []),
        math.prod([2, int(s["v"])]),
        "".join(reversed(s["v"] + "ab")),
        ",".join(map(str, range(int(s["v"]) % 3))),
    )


@runs()
def range_obj(s):
    s += gen("v", regex="[2-4]")
    r = range(0, 10, int(s["v"]))
    return len(r), r[-1], 4 in r, list(r[1:]), list(reversed(r))


@runs()
def slice_assign(s):
    xs = list("abcdef")
    s += gen("v", regex="[1-3]")
    n = int(s["v"])
    xs[n : n + 2] = ["X"]
    del xs[::2]
    xs[:0] = [n]
    return xs


@runs()
def nested_comp_scope(s):
    x = "outer"
    ys = [x for x in "ab"]
    zs = {x: y for x, y in zip("cd", ys)}
    return x, ys, zs


@runs()
def match_class(s):
    @dataclasses.dataclass
    class Pt:
        x: int
        y: int

    s += gen("v", regex="[0-2]")
    match Pt(int(s["v"]), 1):
        case Pt(0, y):
            return "zero", y
        case Pt(x=1):
            return "one"
        case Pt(x, y) if x == y + 1:
            return "two", x


@runs()
def match_or(s):
    s += select("v", ["go", "run", "stop"])
    match s["v"], len(s["v"]):
        case ("go" | "run") as m, n:
            return m, n
        case _, n:
            return n


@runs()
def json_roundtrip(s):
    s += gen("j", regex=r'\{"a": [0-9], "b": \[(true|null)\]\}')
    d = json.loads(s["j"])
    d["b"].append(d["a"])
    d.setdefault("c", {})["k"] = 1
    return json.dumps(d), d["b"][0] is None


@runs()
def heap_bisect(s):
    h = []
    for i in range(3):
        s += gen("n", regex="[0-9]")
        heapq.heappush(h, (int(s["n"]), -i))
    return heapq.nsmallest(2, h), [heapq.heappop(h) for _ in range(3)] == sorted(h) or len(h)


@runs()
def partial_and_kw(s):
    def f(a, /, b, *, c=3, **kw):
        return a, b, c, kw

    g = functools.partial(f, 1, c=5)
    s += "x"
    return g(2), g(b=2, d=4), f(1, 2)


@runs()
def lru(s):
    n = 0

    @functools.lru_cache(None)
    def f(x):
        nonlocal n
        n += 1
        return x * 2

    s += "x"
    return f(1), f(1), f(2), n


@runs()
def rec_closure(s):
    def fact(n):
        return 1 if n < 2 else n * fact(n - 1)

    s += gen("n", regex="[3-5]")
    return fact(4), fact(int(s["n"])) > 5


@runs()
def generator_send(s):
    def acc():
        t = 0
        while True:
            x = yield t
            if x is None:
                return
            t += x

    a = acc()
    next(a)
    return a.send(1), a.send(2)


@runs()
def generator_with_state(s):
    def lines():
        for i in range(2):
            s_ = f"{i}"
            yield s_

    for l in lines():
        s += l + gen("x", regex="[a-b]")
    return s.text()


@runs()
def print_order(s):
    print("a")
    s += gen("x", regex="[0-9]")
    print(s["x"])
    print("b", end="")
    print(*[1, 2], sep="-")


@runs()
def random_state(s):
    random.seed(1)
    a = random.random()
    s += gen("x", regex="[0-9]")
    b = random.random()
    random.seed(1)
    return a == random.random(), b == random.random()


@runs(dict(xs=["a", "b"]))
def arg_alias(s, xs):
    ys = xs
    s += "".join(ys)
    return ys is xs, xs == list(xs), list(xs) is xs, xs[:] is xs


@runs(dict(d={"a": [1], "b": {"c": [2]}}))
def arg_nested(s, d):
    x = d["b"]["c"]
    return x is d["b"]["c"], d["a"] + x, [*d], d | {"z": 1}, {**d}.keys() == d.keys()


@runs(dict(d={"a": [1]}))
def arg_helper_mutates(s, d):
    def add(d):
        d["a"].append(2)

    add(d)
    s += str(d)
    return d


@runs(dict(f=len))
def arg_function(s, f):
    s += gen("x", regex="[a-c]{3}")
    return f(s["x"]), f([1])


@runs(dict(x=None))
def arg_none(s, x):
    s += f"{x}"
    return x is None, x or "d", (x if x is not None else 0), [x] == [None]


@runs(dict(n=3))
def arg_int(s, n):
    s += "x" * n
    return [i for i in range(n)], n // 2, n == 3, n is n, -n, n > 2 > 1, f"{n:03d}"


@runs(dict(b=True))
def arg_bool(s, b):
    s += "y" if b else "n"
    return b is True, b == 1, int(b), not b, b & 1, str(b)


@runs(dict(t=("a", ("b", 1))))
def arg_tuple(s, t):
    a, (b, n) = t
    s += a + b * n
    return t[1][0], t + (1,), hash(t) == hash(tuple(t)), a in t


@runs(dict(st={"x", "y"}))
def arg_set(s, st):
    s += ",".join(sorted(st))
    return len(st), "x" in st, st | {"z"} == {"x", "y", "z"}


@runs(dict(text="a,b;c"))
def arg_text_split(s, text):
    out = []
    for part in text.split(";"):
        first, *rest = part.split(",")
        if not rest:
            break
        s += first
        out.append(rest[-1])
    else:
        out.append("end")
    return out, text.replace(",", "").index("c")
