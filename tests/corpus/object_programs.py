"""Small programs about objects: own operators, live globals, host libraries, failures, forks held in places."""

# ruff: noqa
from __future__ import annotations

import collections
import concurrent.futures as cf
import contextvars
import copy
import csv
import dataclasses
import datetime
import decimal
import io
import itertools
import json
import queue
import threading

from lmc import assistant, gen, select, user
from tests.corpus.registry import registry

RUNS, runs = registry()


@dataclasses.dataclass(order=True)
class DC:
    n: int
    tag: str = dataclasses.field(compare=False, default="")
    kids: list = dataclasses.field(default_factory=list, compare=False)


class A:
    items = []

    def __init__(self, n=0):
        self.n = n
        self.log = []

    @property
    def p(self):
        self.n += 1
        return self.n

    def __eq__(self, o):
        return isinstance(o, A) and o.n == self.n

    def __hash__(self):
        return hash(self.n)

    def __bool__(self):
        return self.n > 0

    def __iter__(self):
        return iter(range(self.n))

    def __contains__(self, x):
        return x == self.n

    def __call__(self, x):
        self.log.append(x)
        return self

    def __getattr__(self, k):
        return "dyn_" + k

    def __format__(self, spec):
        return f"A<{spec}>"

    def __lt__(self, o):
        return self.n < o.n


class B:
    def __init__(self):
        self.seen = []

    def add(self, x):
        self.seen.append(x)
        return self

    def __repr__(self):
        return f"B{self.seen}"

    def __len__(self):
        return len(self.seen)

    def __enter__(self):
        self.seen.append("in")
        return self

    def __exit__(self, *a):
        self.seen.append(a[0].__name__ if a[0] else "out")
        return False

    def __add__(self, o):
        b = B()
        b.seen = self.seen + o.seen
        return b

    def __iadd__(self, x):
        self.seen.append(x)
        return self


SH = B()
REG = {}
STACK = []
OPT = {"n": 1}
COUNT = itertools.count()
CV = contextvars.ContextVar("cv", default=0)


def reset():
    SH.seen.clear()
    REG.clear()
    STACK.clear()
    OPT.clear()
    OPT["n"] = 1
    A.items.clear()


@runs()
def dyn_attr(s):
    a = A(2)
    s += gen("x", regex="[0-9]")
    a.extra = s["x"]
    return a.foo, a.extra == s["x"], bool(a), list(a), 2 in a, f"{a:q}"


@runs()
def prop_effects(s):
    a = A()
    s += f"{a.p}{a.p}"
    b = a.p
    return b, a.n


@runs()
def obj_eq_list(s):
    a, b = A(1), A(1)
    s += select("k", ["u", "v"])
    xs = [a]
    return b in xs, xs.index(b), a == b, a is b, len({a, b}), xs.count(b)


@runs()
def fluent(s):
    b = B()
    s += gen("x", regex="[0-9]")
    b.add(1).add(s["x"]).add(3)
    return repr(b)[:3], len(b), bool(B())


@runs()
def iadd_alias(s):
    b = B()
    c = b
    s += gen("x", regex="[a-b]")
    b += s["x"]
    b += "y"
    return len(c.seen), c is b, (b + c).seen[-1]


@runs()
def with_raise(s):
    b = B()
    try:
        with b as c:
            s += gen("x", regex="[a-b]")
            c.add(s["x"])
            int(s["x"])
    except ValueError:
        b.add("caught")
    return b.seen[0], b.seen[2:], len(b)


@runs()
def with_return(s):
    b = B()

    def f():
        with b:
            return len(b)

    return f(), b.seen


@runs()
def global_obj(s):
    reset()
    SH.add("a")
    s += f"{SH}"
    SH.seen = [] if False else SH.seen
    s += gen("x", regex="[0-9]")
    SH.add(s["x"])
    r = len(SH.seen)
    SH.seen.clear()
    return r, s.text()[:6]


@runs()
def global_opt(s):
    reset()
    s += gen("x", max_tokens=OPT["n"])
    OPT["n"] += 1
    OPT["m"] = s["x"]
    r = dict(OPT)
    s += f"{OPT['n']}"
    return r["n"], "m" in OPT, sorted(OPT)


@runs()
def reg_fn(s):
    reset()

    def reg(name, fn):
        REG[name] = fn

    reg("a", lambda x: x + "!")
    reg("b", lambda x: x * 2)
    s += select("k", ["a", "b"])
    return REG[s["k"]]("q"), list(REG)


@runs()
def stack_global(s):
    reset()
    STACK.append("a")
    top = STACK[-1]
    s += top
    while STACK:
        x = STACK.pop()
        s += select("more", ["y", "n"])
        if s["more"] == "y" and len(s.text()) < 9:
            STACK.append(x + "1")
    return s.text(), STACK


@runs()
def cls_items(s):
    reset()
    A.items.append(1)
    a = A()
    a.items.append(2)
    a.items = a.items + [3]
    return A.items, a.items


@runs()
def ctxvar(s):
    t = CV.set(5)
    s += str(CV.get())
    CV.reset(t)
    return CV.get()


@runs()
def thread(s):
    out = []
    t = threading.Thread(target=out.append, args=(1,))
    t.start()
    t.join()
    s += str(out)
    return out


@runs()
def pool(s):
    with cf.ThreadPoolExecutor(2) as ex:
        r = list(ex.map(str.upper, ["a", "b"]))
    s += "".join(r)
    return r


@runs()
def decimals(s):
    s += gen("x", regex="[1-9]")
    d = decimal.Decimal(s["x"]) / 3
    return str(round(d, 3)), d > 0, f"{d:.2f}"


@runs()
def dates(s):
    s += gen("x", regex="0[1-9]")
    d = datetime.date(2024, int(s["x"]), 1)
    return (
        (d + datetime.timedelta(31)).month - d.month,
        d.isoformat()[5:7] == s["x"],
        max(d, datetime.date(2024, 1, 1)) == d,
    )


@runs()
def queue_(s):
    q = queue.Queue()
    q.put("a")
    n = 0
    while not q.empty():
        x = q.get()
        n += 1
        s += x + select("m", ["y", "n"])
        if s["m"] == "y" and n < 4:
            q.put(x + "b")
    return n


@runs()
def stringio(s):
    f = io.StringIO()
    w = csv.writer(f)
    for i in range(2):
        s += gen("x", regex="[0-9]")
        w.writerow([i, s["x"]])
    return f.getvalue().count("\r\n"), f.tell()


@runs()
def deque_alias(s):
    d = collections.deque(maxlen=2)
    e = d
    for i in range(3):
        s += gen("x", regex="[0-9]")
        d.append((i, s["x"]))
    d.rotate(1)
    return [i for i, _ in e], e is d


@runs()
def copy_obj(s):
    b = B()
    c = copy.copy(b)
    d = copy.deepcopy(b)
    s += gen("x", regex="[0-9]")
    b.add(s["x"])
    return len(c), len(d), len(b)


@runs()
def setattr_loop(s):
    b = B()
    for k in ("p", "q"):
        s += gen("x", regex="[0-9]")
        setattr(b, k, s["x"])
    return sorted(k for k in b.__dict__), b.p.isdigit(), hasattr(b, "z"), getattr(b, "z", 1)


@runs()
def method_as_value(s):
    b = B()
    f = b.add
    s += gen("x", regex="[0-9]")
    f(s["x"])
    g = B.add
    g(b, 2)
    return len(b), f.__self__ is b, list(map(f, [1]))[0] is b


@runs()
def sort_objs(s):
    xs = []
    for i in range(3):
        s += gen("x", regex="[0-9]")
        xs.append(A(int(s["x"])))
    ys = sorted(xs)
    return [y.n for y in ys] == sorted(x.n for x in xs), max(xs).n == max(x.n for x in xs), ys[0] in xs


@runs()
def group_objs(s):
    g = collections.defaultdict(B)
    for i in range(3):
        s += select("k", ["u", "v"])
        g[s["k"]].add(i)
    return {k: v.seen for k, v in sorted(g.items())}


@runs()
def nested_obj(s):
    a = A()
    a.child = B()
    a.child.owner = a
    s += gen("x", regex="[0-9]")
    a.child.owner.child.add(s["x"])
    return len(a.child), a.child.owner is a


@runs()
def obj_list_same(s):
    xs = [B()] * 2
    s += gen("i", regex="[01]")
    xs[int(s["i"])].add(1)
    return [len(x) for x in xs]


@runs()
def obj_two_branches(s):
    a, b = B(), B()
    s += select("k", ["u", "v"])
    t = a if s["k"] == "u" else b
    t.add(1)
    return len(a) + len(b), len(t)


@runs()
def early_ret_obj(s):
    b = B()
    for i in range(4):
        s += select("k", ["u", "v"])
        b.add(s["k"])
        if s["k"] == "u":
            return i, b.seen
    return b.seen


@runs()
def exc_attr(s):
    class_ = type("E", (Exception,), {})
    try:
        raise class_("a", "b")
    except Exception as e:
        return e.args, type(e).__name__, isinstance(e, ValueError)


@runs()
def exc_from_host(s):
    s += gen("j", regex=r"\{[a-b]\}")
    try:
        json.loads(s["j"])
    except json.JSONDecodeError as e:
        return e.pos, e.msg, e.doc == s["j"]


@runs()
def exc_keyerr(s):
    s += select("k", ["u", "v"])
    try:
        return {"w": 1}[s["k"]]
    except (KeyError, IndexError) as e:
        return e.args[0] == s["k"]


@runs()
def exc_swallow_state(s):
    try:
        s += "a"
        s += gen("x", regex="[a-b]")
        s += str(1 // (len(s["x"]) - 1))
        s += "never"
    except ZeroDivisionError:
        s += "Z"
    return s.text()[0], s.text()[2:]


@runs()
def exc_in_fork(s):
    fs = s.fork(2)
    ok = 0
    for i, f in enumerate(fs):
        try:
            f += gen("n", regex="[a1]")
            ok += int(f["n"])
        except ValueError:
            f += "?"
    return [f.text()[1:] for f in fs].count("?") == sum(f["n"] == "a" for f in fs), ok


@runs()
def role_ctx(s):
    with s.user():
        s += "a"
        s += gen("x", max_tokens=1)
    with s.assistant():
        for i in range(2):
            s += gen(f"y{i}", max_tokens=1)
    return [m["role"] for m in s.messages()], sorted(n for n in ("x", "y0", "y1") if n in s)


@runs()
def role_helper_loop(s):
    def turn(q):
        nonlocal s
        s += user(q)
        s += assistant(gen("a", max_tokens=1))
        return s["a"]

    return [len(turn(q)) > 0 for q in "ab"], len(s.messages())


@runs()
def concat_exprs(s):
    e = "a" + gen("x", max_tokens=1) + "b"
    s += e
    s += e
    return s.text().count("a") >= 2


@runs()
def expr_list(s):
    parts = [gen("x", max_tokens=1), "-", select("y", ["p", "q"])]
    for p in parts:
        s += p
    return s["y"] in "pq"


@runs()
def join_expr(s):
    e = sum([gen("x", max_tokens=1), "|"], start=user("u")) if False else user("u") + assistant(gen("x", max_tokens=1))
    s += e
    return len(s.messages())


@runs()
def fork_names(s):
    fs = s.fork(3)
    for i, f in enumerate(fs):
        f += f"{i}" + gen("v", regex="[0-9]")
    order = sorted(range(3), key=lambda i: (fs[i]["v"], i))
    return (
        [fs[i].text()[0] for i in order] == [str(i) for i in order],
        fs[-1].text()[0],
        len(fs[1:]),
        [f["v"] for f in reversed(fs)] == [f["v"] for f in fs][::-1],
    )


@runs()
def fork_of_fork(s):
    a = s.fork(1)[0]
    a += "x"
    b, c = a.fork(2)
    b += "y"
    c += b.text()
    return c.text(), a.text(), s.text()


@runs()
def fork_in_loop_accum(s):
    cur = s
    for i in range(3):
        fs = cur.fork(2)
        for f in fs:
            f += gen("v", regex="[0-9]")
        cur = max(fs, key=lambda f: int(f["v"]))
    return len(cur.text()), s.text()


@runs()
def state_attr(s):
    b = B()
    b.s = s
    b.s += "q"
    b.s += gen("x", max_tokens=1)
    return s["x"] == b.s["x"], s.text()[0]


@runs()
def state_default_arg(s):
    def f(q, st=s):
        st += q
        return st.text()

    return f("a"), f("b")


@runs()
def state_list_pop(s):
    st = [s.fork(1)[0] for _ in range(2)]
    x = st.pop()
    x += "a"
    st.append(x)
    st.insert(0, s)
    return [t.text() for t in st]


@runs()
def state_swap(s):
    a, b = s.fork(2)
    a += "a"
    b += "b"
    a, b = b, a
    a += "1"
    return a.text(), b.text()


@runs(dict(name="n"))
def odd_params(s, name):
    s += name
    return name


@runs(dict(fn="f", node=1, state="z", value=[1], items={"k": 1}))
def odd_params2(s, fn, node, state, value, items):
    s += f"{fn}{node}{state}"
    value = value + [2]
    return fn, node, state, value, items["k"]


@runs(dict(rows=[("a", 1), ("b", 2)]))
def dict_of_rows(s, rows):
    d = dict(rows)
    inv = {v: k for k, v in d.items()}
    (k, v), *_ = sorted(d.items(), reverse=True)
    s += k * v
    return inv, k, v, dict(zip(*zip(*rows))) if False else len(inv)


@runs(dict(xs=[]))
def empty_list(s, xs):
    s += "".join(xs) or "none"
    return max(xs, default=None), sum(xs), xs[:1], [*xs, 1], all(xs), any(xs), not xs


@runs(dict(xs=[[1, 2], [3]]))
def nested_list_alias(s, xs):
    flat = [y for x in xs for y in x]
    first = xs[0]
    s += str(flat)
    return first is xs[0], [x is y for x, y in zip(xs, list(xs))], sum(map(len, xs))


@runs(dict(x=1.5))
def float_fmt(s, x):
    s += f"{x} {x:.0f} {x!r} {x:e} {int(x)} {x // 1} {x % 1}"
    return x.is_integer(), round(x), round(2.5), round(x, 0), float("nan") != float("nan")


@runs(dict(text="Zeile\näöü\t€"))
def unicode_(s, text):
    s += text
    return len(text), text.encode("utf-8")[-3:], text.splitlines(), text.title(), sorted(text)[:2], s.text() == text


def pick(s, n):
    if n == 0:
        return "end"
    s += select("k", ["u", "v"])
    return s["k"] + pick(s, n - 1)


@runs(dict(n=2))
def rec_arg(s, n):
    return pick(s, n)


def ping(s, n):
    s += "i"
    return n if n <= 0 else pong(s, n - 1)


def pong(s, n):
    s += "o"
    return n if n <= 0 else ping(s, n - 1)


@runs()
def mutual(s):
    return ping(s, 3), s.text()


@runs()
def while_true_try(s):
    tries = 0
    while True:
        try:
            s += gen("n", regex="[ab1]")
            return int(s["n"]), tries
        except ValueError:
            tries += 1
            if tries >= 3:
                raise RuntimeError("gave up") from None


@runs()
def nested_try_return(s):
    def f():
        try:
            try:
                return int("x")
            finally:
                s.__iadd__("F") if False else None
        except ValueError:
            return "handled"
        finally:
            pass

    return f()


@runs()
def dataclass_eq_sort(s):
    xs = [DC(2, "b"), DC(1, "a")]
    s += gen("n", regex="[0-9]")
    xs.append(DC(int(s["n"]), "c"))
    xs.sort()
    return (
        [x.tag for x in xs].index("a") < [x.tag for x in xs].index("b"),
        DC(1, "z") == DC(1, "y"),
        dataclasses.asdict(xs[0]).keys(),
    )


@runs()
def dc_kids(s):
    a, b = DC(1), DC(1)
    a.kids.append(b)
    s += gen("n", regex="[0-9]")
    b.n += int(s["n"])
    return a.kids[0].n - 1 == int(s["n"]), b.kids, dataclasses.replace(a, n=5).kids is a.kids


class Adder:
    def __init__(self, n):
        self.n = n

    def __add__(self, other):
        return "not in place"

    def __iadd__(self, other):
        return Adder(self.n + other)

    def __isub__(self, other):
        self.n -= other
        return self


@runs()
def in_place_operators(s):
    n = Adder(1)
    m = n
    n += 2
    n -= 1
    s += gen("x", regex="[1-3]")
    n -= int(s["x"])
    return n.n, m.n, m is n


@runs()
def in_place_in_a_loop(s):
    b, c = B(), B()
    both = [b, c]
    for _ in range(3):
        s += select("k", ["u", "v"])
        if s["k"] == "u":
            b += s["k"]
        else:
            c += s["k"]
    return [len(x.seen) for x in both], len(b) + len(c)


@runs()
def in_place_on_a_global(s):
    reset()
    b = SH
    s += gen("x", regex="[ab]")
    b += s["x"]
    b += "q"
    return len(SH.seen), SH is b


@runs()
def in_place_on_a_deque(s):
    d = collections.deque([1])
    e = d
    s += gen("x", regex="[1-3]")
    d += [int(s["x"])]
    return len(e), d is e
