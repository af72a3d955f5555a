"""Programs that went wrong once, or nearly: found by `fuzz`, and by reading capture as a strict stranger.

What is `either` is refused in some ways of tracing only, and is never answered wrongly.
"""
# ruff: noqa

from __future__ import annotations

import lmc as lm
from tests.oracle.programs.case import Case

LOG: list[object] = []
WORDS = ["g1", "g2"]


class Todo:
    items = [1, 2]


TODO = Todo()


def anew():
    TODO.items = [1, 2]


def bools_are_ints(s):
    s += lm.gen("x", regex="[0-4]")
    one = 1
    return (one == True, one is True, one == 1.0, {1: "a", True: "b"}, [1, True, 1.0].count(1), True + True, -True)


def numbers_as_text(s):
    s += lm.gen("x", regex="[0-4]")
    n = int(s["x"])
    return (
        n == True,
        n / 2,
        n // 2.0,
        f"{n / 3:.2f}",
        f"{n:05d}",
        1e16,
        0.1 + 0.2,
        f"{1e16}",
        str(n * 1.0),
        10**20,
        -7 // 2,
        -7 % 3,
        2 ** (-1),
        n**2,
    )


def lengths_around_the_unroll_limit(s):
    xs = list(range(63))
    ys = list(range(64))
    zs = list(range(65))
    ws = list(range(1000))
    t = 0
    for a in xs:
        t += a
    for a in ys:
        t += a
    for a in zs:
        t += a
    for a in ws:
        t += a
    for ch in "x" * 63:
        t += 1
    for ch in "x" * 64:
        t += 1
    for ch in "x" * 65:
        t += 1
    for i in range(1000):
        t += i
    s += f"{t}"
    s += lm.gen("x", max_tokens=2)
    return (t, sum((x for x in ws)), [x for x in range(70)][-1], len([1 for _ in "y" * 100]))


def defaults_are_evaluated_once(s):

    def f(x=LOG.append("def")):
        return x

    LOG.append("call")
    f()
    f()
    s += lm.gen("x", max_tokens=2)


def late_binding(s):
    fs = []
    for i in range(3):
        fs.append(lambda: i)
    s += lm.gen("x", max_tokens=2)
    return [f() for f in fs]


def locals_that_shadow_builtins(s):
    list = 5
    len = lambda x: "mylen"
    s += f"{list}{len([1])}"
    s += lm.gen("x", max_tokens=2)
    return len("abc")


def star_arguments(s, len=3, str="q", *args, print=None, **kw):
    s += f"{len}{str}{args}{print}{kw}"
    s += lm.gen("x", max_tokens=2)
    return (len, kw)


def parameters_of_every_kind(s):
    def f(a, /, b=2, *c, d, e=5, **g):
        g["n"] = 1
        return a, b, c, d, e, g

    more = {"d": 1}
    s += lm.gen("x", max_tokens=2)
    return f(1, d=2), f(1, 2, 3, 4, d=5, e=6, z=7), f(1, a=3, d=1), f(*[1, 2], **more), more


def argument_given_twice(s):
    def f(a):
        return a

    return f(1, a=2)


def argument_missing(s):
    def f():
        def g(a, b, *, c):
            return a

        return g(c=1)

    return f()


def arguments_too_many(s):
    s += lm.gen("x", regex="[01]")
    double = lambda x, by=2: x * by
    return double(s["x"]) if s["x"] == "0" else double(s["x"], 2, 3)


def unicode_names(s):
    naïve = "é日本"
    变量 = lm.gen("ü", max_tokens=2)
    s += naïve
    s += 变量
    return (s["ü"], naïve[::-1], "日" in naïve)


def list_grown_while_walked(s):
    xs = ["a", "b", "c"]
    for i, x in enumerate(xs):
        if i + 1 < len(xs):
            xs[i + 1] = x + xs[i + 1]
    for x in xs:
        if len(xs) < 6:
            xs.append(x)
    return xs


def list_copy_walked(s):
    s += lm.gen("x", regex="[ab]")
    xs = ["a", "b", "c"]
    for x in list(xs):
        if x == s["x"]:
            xs.remove(x)
    return xs


def dict_values_changed_while_walked(s):
    d = {"a": 1, "b": 2}
    seen = []
    for k in d:
        d[k] += 1
    for i, (k, v) in enumerate(d.items()):
        d[k] = v * 2 + i
    for v in d.values():
        seen.append(v)
        d["b"] = 7
    return d, seen


def dict_grown_while_walked(s):
    d = {"a": 1}
    for k in d:
        d["b"] = 1


def set_grown_while_walked(s):
    st = {"a"}
    for k in st:
        st.add("b")


def dict_grown_and_left(s):
    """There is an error only where another turn begins."""
    s += lm.gen("x", regex="[0-9]")
    d = {"a": 1, "b": 2}
    for k in d:
        d["c"] = 1
        if s["x"] != "0":
            break
    return d


def key_replaced_while_walked(s):
    d = {"a": 1}
    for k in d:
        if k == "a":
            d.pop("a")
            d["b"] = 1
    return d


def set_item_replaced_while_walked(s):
    st = {1}
    seen = 0
    for k in st:
        seen += 1
        if seen < 5:
            st.clear()
            st.add(k + 1)
    return seen


def list_grown_behind_enumerate(s):
    xs = ["a"]
    for i, x in enumerate(xs):
        if len(xs) < 4:
            xs.append("b")
    return xs


def list_grown_behind_zip(s):
    xs = ["a"]
    seen = []
    for y, x in zip([1, 2, 3], xs):
        seen.append(x)
        if len(xs) < 4:
            xs.append("b")
    return seen


def list_grown_by_what_maps_it(s):
    xs = ["a"]

    def same(x):
        if len(xs) < 4:
            xs.append("b")
        return x

    return list(map(same, xs))


def list_changed_behind_reversed(s):
    xs = [1, 2, 3]
    seen = []
    for x in reversed(xs):
        seen.append(x)
        xs[-1] += 10
        xs.append(x)
    return xs, seen


def list_changed_ahead_of_reversed(s):
    xs = [1, 2, 3]
    seen = []
    for x in reversed(xs):
        seen.append(x)
        xs[0] += 10
    return seen


def live_list_grown_while_walked(s):
    LOG.append(1)
    seen = []
    for x in LOG:
        seen.append(x)
        if len(LOG) < 5:
            LOG.append(x + 1)
    return seen


def live_attribute_grown_while_walked(s):
    todo = TODO.items
    seen = []
    for i, x in enumerate(todo):
        if len(todo) < 5:
            TODO.items.append(x + 2)
        seen.append((i, x))
    return seen


def live_list_copied_then_walked(s):
    for x in list(TODO.items):
        TODO.items.append(x + 2)
        LOG.append(x)
    return [x for x in TODO.items]


def live_list_walked_while_another_grows(s):
    for x in TODO.items:
        LOG.append(x)
    return len(LOG)


def slices_and_repetition(s):
    s += lm.gen("x", regex="[0-4]")
    return (
        "abcdef"[-int(s["x"]) : None : -1],
        "abc"[None:2],
        [1, 2, 3][-10:10],
        "ab" * 0,
        "ab" * -1,
        [0] * int(s["x"]),
        "b" in {"b": 1},
        1 in {True: 1},
    )


def recursion(s):

    def f(n):
        if n == 0:
            return "z"
        return f(n - 1) + str(n)

    s += f(5)
    s += lm.gen("x", max_tokens=2)


def recursion_by_generated_number(s):
    s += lm.gen("x", regex="[0-4]")

    def f(n):
        if n == 0:
            return 0
        return 1 + f(n - 1)

    return f(int(s["x"]))


def function_defined_twice(s):

    def g():
        return 1

    a = g()

    def g():
        return 2

    s += lm.gen("x", max_tokens=2)
    return (a, g())


def two_names_then_one(s):
    x = y = []
    x.append(1)
    s += lm.gen("g", max_tokens=2)
    x += [s["g"]]
    y = y + [2]
    return (x, y)


def item_by_generated_index(s):
    xs = [3, 1, 2]
    s += lm.gen("g", regex="[0-2]")
    xs[int(s["g"])] += 10
    xs[0], xs[1] = (xs[1], xs[0])
    return xs


def row_in_both_arms(s):
    rows = []
    s += lm.gen("g", regex="[0-2]")
    if s["g"] == "0":
        row = ["a"]
        rows.append(row)
    else:
        row = ["b"]
        rows.append(row)
    row.append("x")
    return (rows, row)


def row_in_one_arm(s):
    rows = []
    s += lm.gen("g", regex="[0-2]")
    if s["g"] == "0":
        row = ["a"]
        rows.append(row)
    else:
        row = ["b"]
    row.append("x")
    return (rows, row)


def rows_of_a_loop(s):
    rows = []
    for ch in "abc":
        row = []
        rows.append(row)
        s += lm.gen("g", regex="[0-2]")
        if s["g"] == "0":
            row.append(ch)
    return rows


def last_row_after_the_loop(s, words):
    rows = []
    for ch in words:
        row = []
        rows.append(row)
        row.append(ch)
    row.append("end")
    return rows


def zip_walked_twice(s):
    z = zip([1, 2], [3, 4])
    a = list(z)
    b = list(z)
    return (a, b)


def generator_expression_waits(s):
    g = (LOG.append(x) for x in [1, 2])
    LOG.append("before")
    list(g)
    return 1


def loop_over_generator_expression(s):
    for x in (LOG.append(("g", y)) or y for y in [1, 2, 3]):
        LOG.append(("b", x))
        if x == 2:
            break


def map_that_nobody_walks(s):
    s += lm.gen("x", max_tokens=2)
    m = map(lambda x: LOG.append(x), [1, 2])
    LOG.append("m")
    return 1


def states_renamed_in_a_loop(s):
    a, b = s.fork(2)
    sts = [a, b]
    s += lm.gen("n", regex="[1-3]")
    for _ in range(int(s["n"])):
        for f in sts:
            f += "x"
        sts = sorted(sts, key=lambda f: len(f.text()))
    return (a.text(), b.text())


def best_two_are_the_forks(s):
    fs = s.fork(3)
    fs += lm.gen("sc", regex="[0-9]")
    top = sorted(fs, key=lambda f: f["sc"])[:2]
    for t in top:
        t += "!"
    return ([f.text() for f in fs], [t.text() for t in top])


def list_of_forks_shares_states(s):
    fs = s.fork(2)
    top = list(fs)
    top[0] += "a"
    return ([f.text() for f in fs], top[0] is fs[0])


def identity_of_merged_states(s):
    f, g = s.fork(2)
    s += lm.gen("x", regex="[0-1]")
    b = f if s["x"] == "0" else g
    return (b is f, b is g)


def formats(s):
    s += lm.gen("x", regex="[0-9]{1,3}")
    t = int(s["x"]) + 0.5
    return (round(t), f"{t:8.3f}|{t!r:>10}|{True:d}|{'a':^5}|{None}", f"{s['x']:>{int(s['x'][0])}}")


def no_such_attribute(s):
    s += lm.gen("x", regex="[0-9]")
    return [].foo


def attribute_before_arguments(s):
    s += lm.gen("x", regex="[0-9]")
    return s["x"].nope(LOG.append(1))


def default_list_of_a_closure(s, words):

    def inner(acc=[]):
        acc.append(len(words))
        return acc

    inner()
    return (inner(), inner())


def text_less_than_number(s):
    s += lm.gen("x", regex="[0-9]")
    return s["x"] < 5


def setdefault_then_append(s):
    s += lm.gen("x", regex="[0-9]")
    d = {}
    d.setdefault("a", []).append(s["x"])
    d.setdefault("a", []).append(1)
    d.setdefault(s["x"], []).append(2)
    return d


def outer_fn():
    cnt = 0

    def inc():
        nonlocal cnt
        cnt += 1
        return cnt

    return inc


def counter_in_a_closure(s):
    inc = outer_fn()
    inc()
    s += f"{inc()}"
    s += lm.gen("x", max_tokens=2)
    return inc()


def nonlocal_in_a_loop(s, words):
    x = 0

    def add():
        nonlocal x
        x += 1

    for w in words:
        s += lm.gen("g", regex="[0-2]")
        if s["g"] == "0":
            add()
        add()
    return x


def while_else(s):
    s += lm.gen("g", regex="[1-4]")
    n = int(s["g"])
    while n < 5:
        n += 1
        if n == 3:
            continue
        s += f"{n}"
        if n == 4:
            break
    else:
        s += "else"
    return n


def for_else_in_for_else(s):
    for i in range(3):
        for j in range(3):
            s += lm.gen("g", regex="[0-2]")
            if s["g"] == "0":
                break
            if s["g"] == "1":
                continue
            if j == 2:
                return (i, j)
        else:
            s += "E"
            continue
        s += "B"
    return "end"


def nested_unpacking(s):
    x = [[1, 2], [3, 4]]
    (a, b), c = x
    [d, *e] = c
    a, b = (b, a)
    x[0][1], x[1][0] = (x[1][0], x[0][1])
    s += lm.gen("g", max_tokens=2)
    return (a, b, c, d, e, x)


def assert_and_raise(s):
    s += lm.gen("g", regex="[0-3]")
    x = s["g"]
    assert x != "0", f"bad {x}"
    if x == "1":
        raise ValueError("one", x)
    if x == "2":
        raise KeyError(x)
    return 7 / int(x)


def walrus(s):
    if (n := len(WORDS)) > 1:
        s += f"{n}"
    s += lm.gen("g", regex="[0-2]")
    if (m := int(s["g"])) and m > 1:
        s += "big"
    return (n, m, [y for x in "ab" if (y := (x + "!"))], y)


def stars_in_displays(s):
    s += lm.gen("g", regex="[0-2]")
    t = ()
    t += (1,)
    t = (*t, 2, *range(2))
    st = {*t, 9}
    d = {**{"a": 1}, "b": 2, **dict(c=3)}
    return (t, st, d, [*t, *"ab"], max(*t), "".join([*map(str, t)]))


def augmented_item_evaluates_once(s):
    a = b = 0

    def f():
        LOG.append("f")
        return 0

    xs = [1, 2]
    xs[f()] += 5
    xs[f()] = xs[f()] + 1
    d = {"a": {"b": 1}}
    d["a"]["b"] += 1
    s += lm.gen("g", regex="[0-2]")
    d["a"][s["g"]] = 1
    return (xs, d)


def one_of_three_types(s):
    s += lm.gen("g", regex="[0-2]")
    x = "a" if s["g"] == "0" else 1 if s["g"] == "1" else None
    return (x, x is None, x == "a", bool(x), not x)


def maybe_unbound(s):
    s += lm.gen("g", regex="[0-2]")
    if s["g"] == "0":
        y = 1
    return y


def loop_variable_of_empty_loop(s):
    s += lm.gen("g", regex="[0-2]")
    for i in range(int(s["g"])):
        y = i
    return (y, i)


def deleted_name(s):
    x = 1
    del x
    return x


def state_renamed(s):
    s += lm.gen("g", regex="[0-2]")
    t = s
    t += "a"
    s = s.fork(1)[0]
    s += "b"
    return (t.text(), s.text())


def fork_given_back(s):

    def go(st):
        st += "in"
        st = st.fork(1)[0]
        st += "fork"
        return st

    r = go(s)
    s += lm.gen("g", max_tokens=2)
    return r.text()


def lists_in_a_dict(s, words):
    out = {}
    for w in words:
        out[w] = out.get(w, []) + [w]
        out[w] += ["z"]
    return out


def max_of_a_dict_by_key(s):
    s += lm.gen("g", regex="[0-2]{3}")
    cnt = {}
    for ch in s["g"]:
        cnt[ch] = cnt.get(ch, 0) + 1
    best = max(cnt, key=cnt.get)
    return (cnt, sorted(cnt.items()), best)


def best_by_key_of_any_kind(s):
    s += lm.gen("x", regex="[0-9]{3}")
    table = {"a": 1, "b": 5}
    return (
        max(set(s["x"]), key=lambda c: (s["x"].count(c), c)),
        max({3, 1, 2}, key=lambda n: -n),
        min((4, 2), key=abs),
        max("abc", key=ord),
        max(table.items(), key=lambda pair: pair[1]),
        max(table.values(), key=lambda n: -n),
        max(range(5), key=lambda n: n % 3),
        min({}, key=len, default="none"),
    )


def best_of_a_live_list(s):
    return max(TODO.items, key=lambda n: -n)


def best_key_of_an_argument(s, table):
    return max(table, key=table.get), min(table, key=lambda k: table[k]), max(table.items(), key=lambda kv: kv[1])


def list_in_a_run_time_list(s):
    s += lm.gen("g", regex="[0-2]{3}")
    acc = []
    for ch in s["g"]:
        acc.append([ch])
        acc[-1].append("x")
    return acc


def last_of_a_run_time_list(s):
    s += lm.gen("g", regex="[0-2]{3}")
    acc = []
    cur = acc
    for ch in s["g"]:
        cur = [ch]
        acc.append(cur)
    cur.append("end")
    return acc


def list_merged_with_another(s):
    xs = ["a"]
    s += lm.gen("g", regex="[0-2]")
    if s["g"] == "0":
        ys = xs
    else:
        ys = ["b"]
    ys.append("c")
    return (xs, ys)


def list_merged_with_its_copy(s):
    xs = ["a"]
    s += lm.gen("g", regex="[0-2]")
    ys = xs if s["g"] == "0" else xs[:]
    xs.append("d")
    return (xs, ys)


def list_in_a_tuple(s):
    xs = ["a"]
    pair = (xs, 1)
    s += lm.gen("g", regex="[0-2]")
    if s["g"] == "0":
        xs.append("b")
    pair[0].append("c")
    return (pair, xs)


def set_operations(s):
    st = {3, 1, 2, "b", "a"}
    st.discard(3)
    st |= {5}
    st.remove("a")
    s += lm.gen("g", regex="[0-2]")
    st.add(s["g"])
    return (len(st), sorted(map(str, st)), 5 in st)


def arithmetic_builtins(s):
    s += lm.gen("g", regex="[0-2]")
    return (
        sum([int(s["g"]), 1], 10),
        sum((x for x in [1.5, 2]), 0.5),
        min(3, int(s["g"])),
        max([1, int(s["g"])], default=0),
        abs(-int(s["g"])),
        divmod(7, int(s["g"]) + 1),
        pow(2, int(s["g"]), 5),
        round(2.5),
        round(int(s["g"]) / 3, 1),
    )


def lambda_default(s):
    x = 5
    f = lambda y=x: y + x
    x = 7
    s += lm.gen("g", max_tokens=2)
    return (f(), f(1))


def nested_comprehensions(s):
    return (
        [(i, j) for i in range(3) for j in range(i) if i != j],
        {i: j for i, j in zip("ab", [1, 2])},
        {x % 2 for x in range(4)},
    )


def sorted_orders(s):
    s += lm.gen("g", regex="[0-2]")
    return (
        sorted(["b", "a", s["g"]], key=lambda w: (w != "a", w)),
        sorted([3, 1, int(s["g"])], reverse=True),
        list(reversed([1, int(s["g"])])),
    )


def truth_of_a_filtered_list(s):
    s += lm.gen("g", regex="[0-2]")
    m = [x for x in (1, 2) if x > int(s["g"])]
    return (any(m), all(m), m and m[0], (m or [None])[-1])


def sorted_by_generated_direction(s, flag):
    """`reverse` may be known only when the program runs."""
    return sorted(["ab", "c", ""], key=len, reverse=flag)


def list_known_to_the_host(s):
    """What a live list holds is not known any more."""
    words = max(["xy z"], key=len).split()
    LOG.append(words)
    words.append("later")
    return words


def function_in_an_else(s):
    for _ in "a":
        pass
    else:

        def inner(a):
            return a + 1

    s += f"{inner(1)}"
    s += lm.gen("x", max_tokens=2)


def list_replaced_in_an_arm(s, flag):
    xs = []
    if flag:
        xs.append("a")
        xs = []
    return xs


def index_of_a_list(s):
    return [][3]


def best_of_forks_is_one_of_them(s, words):
    forks = s.fork(len(words))
    best = None
    for f in forks:
        if best is None or len(f.text()) >= len(best.text()):
            best = f
    best += "best"
    return [f.text() for f in forks]


def best_of_forks_alone(s, words):
    forks = s.fork(len(words))
    best = None
    for f in forks:
        if best is None or len(f.text()) >= len(best.text()):
            best = f
    best += "best"
    return best.text()


def argument_changed_under_another_name(s, words):
    other = words
    other.append("new")
    s += lm.gen("x", max_tokens=2)
    return [w + "!" for w in words]


def reversed_before_it_grew(s):
    xs = ["a", "b"]
    back = reversed(xs)
    xs.append("c")
    return list(back)


def view_after_a_change(s):
    table = {"a": 1}
    keys, pairs = table.keys(), table.items()
    table["b"] = 2
    return list(keys), list(pairs), len(keys), "b" in keys


def set_has_an_order(s):
    return [x for x in {3, 1, 2}], list({5, 9, 3})


CASES = [
    Case(bools_are_ints),
    Case(numbers_as_text),
    Case(lengths_around_the_unroll_limit),
    Case(defaults_are_evaluated_once, log=LOG),
    Case(late_binding),
    Case(locals_that_shadow_builtins),
    Case(star_arguments, ({}, {"len": 5, "print": None, "more": [1]}), needs_structure=True),
    Case(parameters_of_every_kind),
    Case(argument_given_twice, raises=True),
    Case(argument_missing, raises=True),
    Case(arguments_too_many),
    Case(unicode_names),
    Case(list_grown_while_walked, expects="break", code="LMC-GB020"),
    Case(list_copy_walked),
    Case(dict_values_changed_while_walked),
    Case(dict_grown_while_walked, raises=True),
    Case(set_grown_while_walked, raises=True),
    Case(dict_grown_and_left),
    Case(key_replaced_while_walked, raises=True),
    Case(set_item_replaced_while_walked, expects="break", code="LMC-GB020"),
    Case(list_grown_behind_enumerate, expects="break", code="LMC-GB020"),
    Case(list_grown_behind_zip, expects="break", code="LMC-GB020"),
    Case(list_grown_by_what_maps_it, expects="break", code="LMC-GB020"),
    Case(list_changed_behind_reversed),
    Case(list_changed_ahead_of_reversed, expects="break", code="LMC-GB020"),
    Case(live_list_grown_while_walked, log=LOG),
    Case(live_attribute_grown_while_walked, expects="break", code="LMC-GB020", reset=anew),
    Case(live_list_copied_then_walked, log=LOG, reset=anew),
    Case(live_list_walked_while_another_grows, log=LOG),
    Case(slices_and_repetition),
    Case(recursion),
    Case(recursion_by_generated_number),
    Case(function_defined_twice),
    Case(two_names_then_one),
    Case(item_by_generated_index),
    Case(row_in_both_arms),
    Case(row_in_one_arm, expects="either"),
    Case(rows_of_a_loop),
    Case(last_row_after_the_loop, ({"words": ["p", "q"]},), needs_structure=True),
    Case(zip_walked_twice, expects="break", code="LMC-GB021"),
    Case(generator_expression_waits, log=LOG),
    Case(loop_over_generator_expression, log=LOG),
    Case(map_that_nobody_walks, log=LOG),
    Case(states_renamed_in_a_loop, expects="break", code="LMC-GB005"),
    Case(best_two_are_the_forks),
    Case(list_of_forks_shares_states),
    Case(identity_of_merged_states, expects="break", code="LMC-GB005"),
    Case(formats),
    Case(no_such_attribute, raises=True),
    Case(attribute_before_arguments, raises=True, log=LOG),
    Case(default_list_of_a_closure, ({"words": ["p", "q"]},)),
    Case(text_less_than_number, raises=True),
    Case(setdefault_then_append),
    Case(counter_in_a_closure),
    Case(nonlocal_in_a_loop, ({"words": ["p", "q"]},)),
    Case(while_else),
    Case(for_else_in_for_else),
    Case(nested_unpacking),
    Case(assert_and_raise),
    Case(walrus),
    Case(stars_in_displays),
    Case(augmented_item_evaluates_once, log=LOG),
    Case(one_of_three_types),
    Case(maybe_unbound),
    Case(loop_variable_of_empty_loop),
    Case(deleted_name, raises=True),
    Case(state_renamed),
    Case(fork_given_back),
    Case(lists_in_a_dict, ({"words": ["p", "q"]},), expects="either"),
    Case(max_of_a_dict_by_key),
    Case(best_by_key_of_any_kind),
    Case(best_of_a_live_list, reset=anew),
    Case(best_key_of_an_argument, ({"table": {"x": 1, "y": 3, "z": 3}},)),
    Case(list_in_a_run_time_list),
    Case(last_of_a_run_time_list, expects="either"),
    Case(list_merged_with_another, expects="break", code="LMC-GB008"),
    Case(list_merged_with_its_copy, expects="break", code="LMC-GB005"),
    Case(list_in_a_tuple),
    Case(set_operations, expects="either"),
    Case(arithmetic_builtins),
    Case(lambda_default),
    Case(nested_comprehensions),
    Case(sorted_orders),
    Case(truth_of_a_filtered_list),
    Case(sorted_by_generated_direction, ({"flag": True}, {"flag": False}), log=LOG),
    Case(list_known_to_the_host, log=LOG),
    Case(function_in_an_else),
    Case(list_replaced_in_an_arm, ({"flag": True}, {"flag": False})),
    Case(index_of_a_list, raises=True),
    Case(best_of_forks_is_one_of_them, ({"words": ["p", "q"]},), expects="break", code="LMC-GB005"),
    Case(best_of_forks_alone, ({"words": ["p", "q"]},)),
    Case(argument_changed_under_another_name, ({"words": ["p", "q"]},), expects="either"),
    Case(reversed_before_it_grew),
    Case(view_after_a_change),
    Case(set_has_an_order),
]
