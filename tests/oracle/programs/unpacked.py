"""`*` and `**` of what only the run knows: copies, made in the order of the program, of what is there by then."""

from __future__ import annotations

import collections
import json

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


CASES = [
    Case(state_in_a_loop, ({"topic": "tea"},)),
    *(Case(fn) for fn in (nodes_in_turn, a_copy, later_keys_win, odd_keys, values_keep_their_identity, tuples)),
    *(Case(fn, log=LOG) for fn in (two_mappings, no_mapping, a_mapping_of_its_own)),
    Case(copied_before_the_values_after_it),
    Case(defaults_of_an_argument, ({"given": {"k": 1, "list": [1]}}, {"given": {}})),
    Case(states_in_a_display, expects="either"),
]
