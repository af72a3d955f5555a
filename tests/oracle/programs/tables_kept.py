"""Tables of the module, read after lists and dicts of the program were changed: by it, or by what it has called."""

from __future__ import annotations

import lmc as lm
from tests.oracle.programs.case import Case


def plan(s, state):
    s += "Plan: " + lm.gen("plan", regex="[a-z]{3}")
    state["plan"] = s["plan"]
    return "write"


def write(s, state):
    s += "Draft: " + lm.gen("draft", regex="[a-z]{3}")
    state["drafts"].append(s["draft"])
    return "review"


def review(s, state):
    s += "Verdict: " + lm.select("verdict", ["good", "bad"])
    return "end" if s["verdict"] == "good" or len(state["drafts"]) > 1 else "write"


def other(s, state):
    s += "other"
    state["other"] = True
    return "end"


NODES = {"plan": plan, "write": write, "review": review}
WEIGHTS = {"a": 1, "b": 2}
KEPT = []


def reset():
    NODES.clear()
    NODES.update(plan=plan, write=write, review=review)
    WEIGHTS.clear()
    WEIGHTS.update(a=1, b=2)
    KEPT.clear()


def walk(s, node, state):
    while node != "end":
        node = NODES[node](s, state)
    return state


def graph_of_nodes(s):
    return walk(s, "plan", {"drafts": []})


def unknown_node(s):
    state = {"drafts": []}
    try:
        walk(s, write(s, state), state)
        return NODES["nowhere"](s, state)
    except KeyError as error:
        return str(error), state


def swap(state):
    NODES["review"] = other
    state["swapped"] = 1


def changed_by_python(s):
    state = {"drafts": []}
    node = NODES["write"](s, state)
    swap(state)
    return NODES[node](s, state), state


class Equal:
    """Says that it is equal, and changes the table."""

    def __eq__(self, x):
        WEIGHTS["a"] += 10
        return x == "a"

    def __hash__(self):
        return hash("a")


def changed_by_a_key(s):
    state = {"seen": []}
    s += lm.gen("x", regex="[ab]")
    state["seen"].append(s["x"])
    before = WEIGHTS[s["x"]]
    state[Equal()] = "odd"
    state["a"] = 1
    return before, WEIGHTS[s["x"]], len(state)


EQUAL = Equal()


def changed_by_an_item(s):
    seen = [["x"]]
    s += lm.gen("x", regex="[ab]")
    seen[0].append(s["x"])
    seen[0].append(EQUAL)
    first = WEIGHTS["a"]
    found = seen[0].count("a")
    return first, found, WEIGHTS["a"]


def changed_in_the_turn_before(s):
    state = {"seen": []}
    total = 0
    s += lm.gen("n", regex="[1-4]")
    for i in range(int(s["n"])):
        total += WEIGHTS["a"]
        state["seen"].append(i)
        total += state["seen"].count("z")
        state["seen"].append(EQUAL)
    return total


def keep(x):
    KEPT.append(x)


def spoil():
    KEPT[0].append(EQUAL)


def given_away_and_spoilt(s):
    seen = ["z"]
    s += lm.gen("x", regex="[ab]")
    keep(seen)
    seen.append(s["x"])
    first = WEIGHTS["a"]
    spoil()
    found = seen.count("a")
    return first, found, WEIGHTS["a"], len(seen)


def hook():
    KEPT[-1]("late")
    WEIGHTS["b"] += 5


def method_is_called_later(s):
    seen = []
    keep(seen.append)
    s += lm.gen("x", regex="[ab]")
    seen.append(s["x"])
    first = WEIGHTS["b"]
    hook()
    return first, seen, WEIGHTS["b"]


CASES = [
    Case(graph_of_nodes, reset=reset),
    Case(unknown_node, reset=reset),
    *(Case(fn, reset=reset, expects="either") for fn in (changed_by_python, changed_by_a_key, changed_by_an_item)),
    *(Case(fn, reset=reset) for fn in (changed_in_the_turn_before, given_away_and_spoilt, method_is_called_later)),
]
