"""Side effects in program order: prints, logs, tools, counters, global lists and atoms."""

from __future__ import annotations

import itertools

import lmc as lm
from tests.oracle.programs.case import Case

LOG: list[object] = []
LEVEL = 3
NOTES: list[str] = ["start"]
STORE: dict[str, int] = {}
COUNTER = [itertools.count()]


def reset() -> None:
    """Put the module's globals back."""
    NOTES[:] = ["start"]
    STORE.clear()
    COUNTER[0] = itertools.count()


def search(query):
    """A tool with an effect: it counts and logs its calls."""
    LOG.append(("search", query))
    return f"result {len(LOG)} for {query}"


class Tool:
    """An object with state of its own."""

    def __init__(self):
        self.calls = 0

    def look_up(self, key):
        self.calls += 1
        LOG.append((key, self.calls))
        return f"{key}{self.calls}"


TOOL = Tool()


def reset_tool() -> None:
    """Forget the calls."""
    TOOL.calls = 0


def prints(s, name):
    print("begin", name)
    s += "hello " + name
    s += lm.gen("x", max_tokens=3)
    print(s["x"], len(s["x"]), sep="|", end="!\n")
    if s["x"] > "m":
        print("late")
    s += lm.gen("y", max_tokens=3)
    print("end")


def log_around_calls(s):
    LOG.append("before")
    s += lm.gen("x", max_tokens=3)
    LOG.append("between")
    s += lm.gen("y", max_tokens=3)
    LOG.append(s["x"])
    LOG.append(s.text())


def tool_in_loop(s, question):
    s += question
    for _ in range(4):
        s += lm.select("act", ["search", "finish"])
        if s["act"] == "finish":
            LOG.append("finish")
            break
        s += lm.gen("query", max_tokens=4)
        s += " obs: " + search(s["query"]) + "\n"
    s += lm.gen("answer", max_tokens=4)
    return len(LOG)


def tool_in_forks(s):
    """Each fork calls the tool; the calls happen in program order whatever finishes first."""
    forks = s.fork(3)
    for i, f in enumerate(forks):
        f += f"{i} "
        f += lm.gen("q", max_tokens=3)
        f += search(f["q"])
        f += lm.gen("a", max_tokens=3)
    forks.join()
    return s["a"]


def constant_call(s):
    """A call whose operands are all known is made once a run all the same."""
    s += search("constant")
    s += lm.gen("x", max_tokens=3)
    search("again")


def unread_result(s):
    search("first")
    s += lm.gen("x", max_tokens=3)
    unused = search(s["x"])  # noqa: F841
    s += lm.gen("y", max_tokens=3)


def counter(s):
    """Stateful like a random source: every call gives something else."""
    a = next(COUNTER[0])
    s += f"{a}"
    s += lm.gen("x", max_tokens=2)
    b = next(COUNTER[0])
    s += f"{b}"
    s += lm.gen("y", max_tokens=2)
    return a, b


def object_with_state(s):
    s += TOOL.look_up("k")
    s += lm.gen("x", regex="[ab]")
    if s["x"] == "a":
        s += TOOL.look_up(s["x"])
    s += lm.gen("y", max_tokens=2)
    return TOOL.calls


def object_made_inside(s):
    tool = Tool()
    s += tool.look_up("i")
    s += lm.gen("x", max_tokens=2)
    s += tool.look_up(s["x"])
    return tool.calls


def global_list_read_and_changed(s):
    s += f"{len(NOTES)} {NOTES[-1]}"
    s += lm.gen("x", max_tokens=3)
    NOTES.append(s["x"])
    s += NOTES[-1] + str(len(NOTES))
    for note in NOTES:
        s += note
    s += lm.gen("y", max_tokens=3)
    NOTES.clear()
    return len(NOTES)


def global_dict(s):
    s += lm.gen("k", regex="[ab]")
    STORE[s["k"]] = STORE.get(s["k"], 0) + 1
    STORE["total"] = len(STORE)
    s += f"{STORE.get('a')} {STORE['total']} {'b' in STORE}"
    s += lm.gen("x", max_tokens=2)
    return sorted(STORE.items())


def global_atom(s):
    s += f"level {LEVEL}"
    if LEVEL > 2:
        s += lm.gen("x", max_tokens=LEVEL)
    return LEVEL + 1


def effect_in_condition(s):
    s += lm.gen("d", regex="[0-9]")
    if int(s["d"]) > 4 and search("and"):
        s += "and"
    if int(s["d"]) > 6 or search("or"):
        s += "or"
    s += lm.gen("x", max_tokens=2)


def effect_in_loop_condition(s):
    while len(search(s.text())) < 22:
        s += lm.gen("x", regex="[a-c]{2}")
    return len(LOG)


def effect_before_error(s):
    LOG.append("one")
    s += lm.gen("d", regex="[0-9x]{2}")
    LOG.append("two")
    n = int(s["d"])
    LOG.append(n)
    s += lm.gen("x", max_tokens=2)


def error_before_effect(s):
    s += lm.gen("d", regex="[0-9x]{2}")
    n = int(s["d"])
    s += lm.gen("x", max_tokens=2)
    search(n)
    return n


def effects_in_helper_arguments(s):
    def noted(x):
        LOG.append(x)
        return x

    s += lm.gen("x", max_tokens=2)
    pair = (noted("left"), noted(s["x"]))
    table = {noted("k1"): noted("v1"), noted("k2"): noted(s["x"])}
    s += noted("a") + noted("b")
    s += f"{noted('f1')}{noted('f2')}"
    return pair, table, noted(noted("in") + noted("out"))


def swallowed_log(s):
    seen = []
    for i in range(2):
        s += lm.gen(f"x{i}", max_tokens=2)
        seen.append(s[f"x{i}"])
        LOG.append(list(seen))
    LOG.append(seen)
    seen.append("later")
    return seen


CASES = [
    Case(prints, ({"name": "world"},)),
    Case(log_around_calls, log=LOG),
    Case(tool_in_loop, ({"question": "q?"},), log=LOG),
    Case(tool_in_forks, log=LOG),
    Case(constant_call, log=LOG),
    Case(unread_result, log=LOG),
    Case(counter, reset=reset),
    Case(object_with_state, log=LOG, reset=reset_tool),
    Case(object_made_inside, log=LOG),
    Case(global_list_read_and_changed, log=NOTES, reset=reset),
    Case(global_dict, reset=reset),
    Case(global_atom),
    Case(effect_in_condition, log=LOG),
    Case(effect_in_loop_condition, log=LOG),
    Case(effect_before_error, log=LOG),
    Case(error_before_effect, log=LOG),
    Case(effects_in_helper_arguments, log=LOG),
    Case(swallowed_log, log=LOG),
]
