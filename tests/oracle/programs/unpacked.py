"""`*` and `**` of what only the run knows: copies, made in the order of the program, of what is there by then."""

from __future__ import annotations

import collections
import dataclasses
import itertools
import json
import operator
import os

import lmc as lm
from tests.oracle.programs.case import Case

LOG: list[object] = []
DATA = r'\{"a": [1-9], "b": \[1, [2-3]\]\}'


def note(x):
    LOG.append(x)
    return x


# --- dict displays -----------------------------------------------------------------------------------------


def state_in_a_loop(s, topic):
    state = {"topic": topic, "tries": 0, "log": []}
    while True:
        s += f"{state['topic']} {state['tries']}: " + lm.select("ok", ["y", "n"])
        state = {**state, "tries": state["tries"] + 1, "ok": s["ok"]}
        state["log"].append(s["ok"])
        if s["ok"] == "y" or state["tries"] > 2:
            break
    return state, list(state)


def node(s, state):
    s += lm.gen("x", regex="[a-c]")
    return {**state, s["x"]: state.get("n", 0), "n": state.get("n", 0) + 1}


def nodes_in_turn(s):
    state = {}
    for _ in range(3):
        state = node(s, state)
    return state, sorted(state)


def a_copy(s):
    s += lm.gen("j", regex=DATA)
    d = json.loads(s["j"])
    e = {**d, "c": 3}
    d["a"] = 0
    e["b"].append(4)
    e["d"] = 5
    return d, e, d["b"] is e["b"], list(e)


def copied_before_the_values_after_it(s):
    s += lm.gen("j", regex=DATA)
    d = json.loads(s["j"])
    e = {"z": d.pop("a"), **d, "y": d.pop("b"), "x": len(d)}
    return d, e, list(e)


def later_keys_win(s):
    s += lm.gen("j", regex=DATA)
    d = json.loads(s["j"])
    return (
        {"a": 0, "q": 1, **d},
        {**d, "a": 0, "q": 1},
        {**d, **{"a": 5}},
        {**{"a": 5}, **d},
        list({"b": 0, **d, "a": 1}),
    )


def two_mappings(s):
    s += lm.gen("j", regex=DATA) + lm.gen("x", regex="[a-c]")
    d, e = json.loads(s["j"]), {s["x"]: 1}
    return {**d, **e}, {**e, **d}, {**d, s["x"]: 2, **e, "a": note(1)}, {s["x"]: 0, **{"a": 7}}


def no_mapping(s):
    s += lm.gen("j", regex=r"\[1, [2-3]\]")
    note("before")
    try:
        return {**json.loads(s["j"]), "x": note("never")}
    except TypeError as error:
        return str(error)


def odd_keys(s):
    s += lm.gen("n", regex="[1-3]")
    d = {int(s["n"]): "one", (1, s["n"]): "two", None: 3}
    return {**d, 2: "set"}, {1: "first", **d}


class Table(collections.UserDict):
    def __getitem__(self, key):
        LOG.append(key)
        return super().__getitem__(key)


def a_mapping_of_its_own(s):
    s += lm.gen("x", regex="[a-c]")
    t = Table(a=1, b=2)
    out = {"first": note("first"), **t, s["x"]: note("last")}
    t["a"] = 5
    return out, list(out), type(out) is dict


def defaults_of_an_argument(s, given):
    s += lm.gen("x", regex="[a-c]")
    out = {"k": 0, "x": s["x"], **given}
    given["new"] = s["x"]
    return out, given, out.get("list") is given.get("list")


def values_keep_their_identity(s):
    s += lm.gen("x", regex="[a-c]")
    inner = [s["x"]]
    m = {s["x"]: inner}
    out = {**m, "inner": inner}
    inner.append("later")
    out["inner"].append("last")
    return out, m, out["inner"] is inner


def states_in_a_display(s):
    s += lm.gen("x", regex="[a-c]")
    f = s.fork(1)[0]
    out = {**{s["x"]: 1}, "state": f}
    out["state"] += "more" + lm.gen("y", regex="[a-c]")
    return f["y"]


def tuples(s):
    s += lm.gen("x", regex="[a-c]{1,3}")
    xs = list(s["x"])
    t = (*xs, 1)
    xs.append("later")
    a, b = (*s["x"], *xs)[:2] if len(xs) > 2 else (0, 0)
    return t, (0, *xs), (*xs,), type(t) is tuple, a, b, hash(t) == hash((*xs[:-1], 1))


# --- calls ------------------------------------------------------------------------------------------------


def both(*xs, **options):
    return xs, options, list(options)


def add(a, b=2, *rest, c=3, **more):
    return a, b, rest, c, more


def keep(x, y):
    LOG.append(x)
    x.append(y)
    return y


PLAIN = {"add": add, "both": both}


def a_sequence_into_a_function(s):
    s += lm.gen("x", regex="[a-c]{1,4}")
    xs = list(s["x"])
    out = [add(*xs), add(0, *xs), add(*xs, c=len(xs)), both(*xs, *xs, 1), both(*s["x"])]
    try:
        (lambda p, q: out.append((p, q)))(*xs)
    except TypeError as error:
        out.append(str(error))
    return out


def options_into_a_function(s):
    s += lm.gen("j", regex=DATA)
    d = json.loads(s["j"])
    out = [add(**d), both(q=1, **d), both(**d, q=1), both(0, **d, **{"z": 1}), (lambda b, a: (a, b))(**d)]
    for call in (lambda: add(1, **d), lambda: add(**d, a=1), lambda: both(a=1, **d), lambda: keep(**d)):
        try:
            call()
        except TypeError as error:
            out.append(str(error))
    return out


def options_that_are_no_names(s):
    s += lm.gen("n", regex="[1-3]")
    out = []
    for options in ({int(s["n"]): 1}, [s["n"]], int(s["n"])):
        try:
            both(**options)
        except TypeError as error:
            out.append(str(error))
    try:
        both(*int(s["n"]))
    except TypeError as error:
        out.append(str(error))
    return out


def options_are_a_copy(s):
    s += lm.gen("j", regex=DATA)
    d = json.loads(s["j"])

    def change(**given):
        given["new"] = 1
        given["b"].append(9)
        return given

    e = change(**d)
    d["late"] = 2
    return d, e, d["b"] is e["b"]


def a_list_by_reference(s):
    s += lm.gen("j", regex=r"\[\[[1-3]\], [2-3]\]")
    xs = json.loads(s["j"])
    y = keep(*xs)
    return xs, y, xs[0]


def order_of_evaluation(s):
    s += lm.gen("j", regex=DATA)
    d = json.loads(s["j"])
    xs = list("ab")
    one = both(*xs, k=xs.append("c"))
    two = both(note(1), *xs, note(xs.pop()), **d, k=note(d.pop("a")))
    return one, two, xs, d


def states_beside_stars(s, words):
    def say(state, first, *more, end="."):
        state += first + "".join(more) + end + lm.gen("y", regex="[a-c]")
        return state["y"], len(more)

    s += lm.gen("x", regex="[a-c]{1,3}")
    rest = s["x"] * len(words)
    forks = s.fork(2)
    out = [say(forks[0], *rest), say(forks[1], *rest.upper(), end="!"), say(s, *list(rest), **{"end": s["x"]})]
    return out, forks[0]["y"], forks[1].text()


def a_table_of_functions(s):
    s += lm.gen("j", regex=DATA) + lm.select("f", ["add", "both", "none"])
    d = json.loads(s["j"])
    fn = PLAIN.get(s["f"])
    return "none" if fn is None else fn(*d["b"], **{"a_" + k: v for k, v in d.items()})


def text_of_options(s):
    s += lm.gen("j", regex=DATA)
    d = json.loads(s["j"])
    xs = [s["j"], d["a"]]
    s += "{a} and {b}".format(**d) + "{1} {0}".format(*xs) + f"{d['a']}".join(*[xs[:1]])
    try:
        return "{c}".format(**d)
    except KeyError as error:
        return str(error)


class Point:
    def __init__(self, a, b=0, **more):
        self.a, self.b, self.more = a, b, more

    def moved(self, x, y=1):
        return Point(self.a + x, y)


@dataclasses.dataclass
class Config:
    a: int
    b: list = dataclasses.field(default_factory=list)


def objects_of_options(s):
    s += lm.gen("j", regex=DATA)
    d = json.loads(s["j"])
    p, c = Point(**d), Config(**d)
    c.b.append(7)
    q = p.moved(*d["b"])
    return p.a, p.b, p.more, c.a, c.b, d, q.a, q.b, dataclasses.asdict(c)


def functions_of_python(s):
    s += lm.gen("j", regex=r"\[\[1, [2-4]\], \[3, [2-4]\]\]")
    rows = json.loads(s["j"])
    log = []
    print(*rows, sep="|", file=None)
    operator.setitem(*[log] if log else [{}, 1, 2])
    log.append(os.path.join(*"ab"))
    return list(zip(*rows)), max(*rows[0]), max(*rows), dict(**{"a": rows}), list(itertools.chain(*rows)), log


def the_same_thing_twice(s):
    s += lm.gen("x", regex="[a-c]{1,3}")
    xs = [s["x"]]
    rest = list(s["x"])
    got = (lambda a, *more, **k: (a, more, k, a is k["again"]))(xs, *rest, again=xs)
    xs.append("later")
    return got[0], got[3], got[2]["again"] is xs, got


def defaults_of_run_time_calls(s):
    s += lm.gen("x", regex="[a-c]{0,2}")

    def f(a=(1, 2), b=[3], *, fn=str.upper, c=s["x"]):  # noqa: B006
        b.append(len(b))
        return a, list(b), fn("x"), c

    return f(*s["x"]) if len(s["x"]) < 2 else 0, f()


def methods_of_containers(s):
    s += lm.gen("j", regex=DATA)
    d = json.loads(s["j"])
    out = {"z": 1}
    out.update(**d)
    d["b"].append(1)
    return out, d


def values_of_an_argument(s, xs, options):
    s += lm.gen("x", regex="[a-c]")
    return add(*xs, **options), both(*xs, s["x"], **options), xs, options


CASES = [
    Case(state_in_a_loop, ({"topic": "tea"},)),
    *(Case(fn) for fn in (nodes_in_turn, a_copy, later_keys_win, odd_keys, values_keep_their_identity, tuples)),
    *(Case(fn, log=LOG) for fn in (two_mappings, no_mapping, a_mapping_of_its_own)),
    Case(copied_before_the_values_after_it),
    Case(defaults_of_an_argument, ({"given": {"k": 1, "list": [1]}}, {"given": {}})),
    Case(states_in_a_display, expects="either"),
    *(
        Case(fn)
        for fn in (
            a_sequence_into_a_function,
            options_into_a_function,
            options_that_are_no_names,
            options_are_a_copy,
            a_table_of_functions,
            text_of_options,
            functions_of_python,
            the_same_thing_twice,
            methods_of_containers,
        )
    ),
    Case(defaults_of_run_time_calls, expects="either"),
    Case(a_list_by_reference, log=LOG),
    Case(order_of_evaluation, log=LOG),
    Case(states_beside_stars, ({"words": ["a", "b"]}, {"words": ["a"]})),
    Case(values_of_an_argument, ({"xs": [1, 2], "options": {"c": 5, "z": [1]}}, {"xs": [], "options": {"a": 1}})),
    Case(objects_of_options, raises=True),
]
