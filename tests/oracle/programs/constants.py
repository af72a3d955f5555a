"""Lists and dicts of a module: constants as long as nothing can have changed them, and live objects else."""

from __future__ import annotations

import json

import lmc as lm
from lmc import assistant, system, user
from tests.oracle.programs.case import Case

LOG: list = []
OPTS = {"max_tokens": 2, "temperature": 0.5}
COMMON = {"stop": ["\n", "x"], "max_tokens": 3}
EXAMPLES = [{"q": "one", "a": "1"}, {"q": "two", "a": "2"}]
WORDS = ["a", "b", "c"]
PROMPTS = {"start": "Begin. ", "end": "End. ", "inner": {"deep": ["x", "y"]}}
STATE = {"count": 0, "history": ["h"]}
FIELDS = ("name", ["x", "y"])
GRID = [[1, 2], [3, 4]]


def note(x):
    LOG.append(x)
    return x


def reset():
    STATE.clear()
    STATE.update(count=0, history=["h"])
    WORDS[:] = ["a", "b", "c"]
    EXAMPLES[:] = [{"q": "one", "a": "1"}, {"q": "two", "a": "2"}]
    PROMPTS["start"] = "Begin. "


def change():
    try:
        PROMPTS["start"] = "Changed. "
        WORDS.append("d")
        EXAMPLES[0]["q"] = "changed"
    except KeyError:
        pass


def search(q):
    return "found " + q


TOOLS = {"search": search, "len": lambda q: str(len(q)), "upper": str.upper}
ROLES = {"user": user, "system": system, "assistant": assistant}


class Agent:
    tools = {"search": search}  # noqa: RUF012
    options = {"max_tokens": 1}  # noqa: RUF012

    def act(self, s, name):
        s += lm.gen("x", **self.options)
        return self.tools[name](s["x"])


def options(s):
    s += lm.gen("x", **OPTS)
    s += lm.gen("y", **{**OPTS, "max_tokens": 1})
    s += lm.gen("z", **dict(COMMON, max_tokens=1))


def few_shot(s, q):
    for ex in EXAMPLES:
        s += user(ex["q"]) + assistant(ex["a"])
    s += user(q) + assistant(lm.gen("a", max_tokens=2))


def few_shot_with_effects(s):
    for ex in EXAMPLES:
        s += note(ex["q"])
        s += lm.gen("a", max_tokens=1)
    return len(EXAMPLES)


def tool_by_key(s):
    s += lm.select("t", ["search", "len", "upper", "none"])
    if s["t"] in TOOLS:
        s += TOOLS[s["t"]]("q")
    s += f"{sorted(TOOLS)} {len(TOOLS)}"
    for name, fn in TOOLS.items():
        s += name + fn("x")


def tool_after_an_effect(s):
    s += lm.select("t", ["search", "len"])
    note("before")
    return TOOLS[s["t"]]("q")


def roles(s, msgs):
    for m in msgs:
        s += ROLES[m["role"]](m["content"])
    s += assistant(lm.gen("x", max_tokens=1))


def words_by_index(s):
    s += lm.gen("i", regex="[0-3]")
    s += WORDS[int(s["i"])] + WORDS[-1] + "".join(WORDS) + " ".join(w.upper() for w in WORDS)
    return s["i"] in WORDS, "a" in WORDS, [*WORDS, "more"], WORDS[1:]


def changed_by_opaque_code(s):
    before = PROMPTS["start"], len(WORDS), EXAMPLES[0]["q"]
    s += PROMPTS["start"]
    change()
    s += PROMPTS["start"]
    return before, PROMPTS["start"], len(WORDS), WORDS, EXAMPLES[0]["q"]


def alias_kept_over_a_change(s):
    words, ex = WORDS, EXAMPLES[0]
    n = len(words)
    change()
    return n, len(words), ex["q"]


def changed_in_the_loop(s):
    out = []
    for w in WORDS:
        out.append(w)
        if len(out) == 1:
            change()
    return out


def changed_in_a_branch(s):
    s += lm.select("c", ["y", "n"])
    n = len(WORDS)
    if s["c"] == "y":
        change()
    return n, len(WORDS)


def changed_by_the_program(s):
    STATE["count"] += 1
    STATE["history"].append("x")
    s += f"{STATE['count']} {STATE['history']}"
    return STATE["count"]


def part_changed_by_the_program(s):
    s += str(STATE["count"])
    STATE["history"].append("x")
    return len(STATE["history"]), STATE["count"]


def returned_constant(s):
    return PROMPTS["inner"], GRID


def stored_in_a_list(s):
    rows = [WORDS, WORDS]
    s += f"{rows}"
    rows[0].append("z")
    return rows


def chosen_constant(s):
    s += lm.select("c", ["y", "n"])
    words = WORDS if s["c"] == "y" else GRID[0]
    change()
    return len(words), words[0]


def dumped(s):
    s += json.dumps(PROMPTS) + f"{GRID}" + str(WORDS)
    return json.loads(json.dumps(GRID))


def compared(s):
    a, b = WORDS, WORDS
    return a is b, a == ["a", "b", "c"], GRID[0] == [1, 2], bool(WORDS), WORDS is not GRID


def copied_and_changed(s):
    words, grid, opts = list(WORDS), [list(r) for r in GRID], dict(OPTS)
    words.append("d")
    grid[0][0] = 9
    opts["max_tokens"] = 1
    s += lm.gen("x", **opts)
    return words, WORDS, grid, GRID


def nested_parts(s):
    a, (b, c) = FIELDS[0], FIELDS[1]
    for row in GRID:
        for x in row:
            s += str(x)
    return a, b, c, PROMPTS["inner"]["deep"][1], [x for row in GRID for x in row], max(WORDS)


def class_table(s):
    a = Agent()
    return a.act(s, "search"), Agent.options["max_tokens"]


def default_argument(s):
    return with_default(s), with_default(s, ["y"])


def with_default(s, words=["p", "q"]):  # noqa: B006
    for w in words:
        s += w
    return len(words)


def default_argument_kept(s):
    return collects(1), collects(2)


def collects(x, seen=[0]):  # noqa: B006
    seen.append(x)
    return len(seen)


def closed_over(s):
    table = {"a": 1}
    other = [1, 2]

    def read(k):
        return table[k] + len(other)

    table["a"] = 5
    other.append(3)
    return read("a")


def missing_key(s):
    s += lm.gen("x", max_tokens=1)
    return PROMPTS["nothing"]


def missing_key_by_value(s):
    s += lm.gen("x", max_tokens=1)
    return PROMPTS[s["x"] + "?"]


MESSAGES = ({"msgs": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]},)
CASES = [
    Case(options),
    Case(few_shot, ({"q": "three"},)),
    Case(few_shot_with_effects, log=LOG, reset=reset),
    Case(tool_by_key),
    Case(tool_after_an_effect, log=LOG),
    Case(roles, MESSAGES),
    Case(words_by_index, reset=reset),
    Case(changed_by_opaque_code, reset=reset),
    Case(alias_kept_over_a_change, reset=reset),
    Case(changed_in_the_loop, reset=reset, expects="either"),
    Case(changed_in_a_branch, reset=reset),
    Case(changed_by_the_program, reset=reset),
    Case(part_changed_by_the_program, reset=reset),
    Case(returned_constant),
    Case(stored_in_a_list, reset=reset, expects="either"),
    Case(chosen_constant, reset=reset),
    Case(dumped),
    Case(compared, reset=reset),
    Case(copied_and_changed, reset=reset, expects="either"),
    Case(nested_parts),
    Case(class_table),
    Case(default_argument),
    Case(default_argument_kept, expects="either", reset=lambda: collects.__defaults__[0].__init__([0])),
    Case(closed_over),
    Case(missing_key, raises=True),
    Case(missing_key_by_value, raises=True),
]
