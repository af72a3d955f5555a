"""Augmented assignment changes what can be changed in place, under all its names; and which two things are one."""

from __future__ import annotations

import array
import json
from collections import Counter, defaultdict, deque

import lmc as lm
from tests.oracle.programs.case import Case


def counter_adds(s):
    s += lm.gen("x", regex="[ab]{3}")
    counts = Counter("ab")
    same = counts
    counts += Counter(s["x"])
    return sorted(same.items()), same is counts


def counters_in_a_loop(s):
    s += lm.gen("x", regex="[ab]{3}")
    total = Counter()
    for letter in s["x"]:
        total += Counter(letter)
        total |= Counter(letter * 2)
    return sorted(total.items())


def counters_in_a_dict(s):
    s += lm.gen("x", regex="[ab]{3}")
    counts = defaultdict(Counter)
    counts["q"] += Counter(s["x"])
    counts["q"] -= Counter("a")
    return sorted(counts["q"].items())


def bytes_and_arrays(s):
    s += lm.gen("x", regex="[ab]{3}")
    data, numbers = bytearray(b"a"), array.array("i", [1])
    data += s["x"].encode()
    numbers += array.array("i", [len(s["x"])])
    return bytes(data), numbers.tolist()


def deque_grows(s):
    s += lm.gen("x", regex="[ab]{3}")
    queue = deque([1], maxlen=3)
    same = queue
    queue += s["x"]
    return list(same), same is queue


def dict_updates(s):
    s += lm.gen("x", regex="[ab]")
    table = {"a": 1}
    same = table
    table |= {s["x"]: 2}
    table |= {"z": 3}
    return same, same is table


def list_times(s):
    s += lm.gen("x", regex="[ab]")
    items = [s["x"]]
    same = items
    items *= 2
    items += ("t",)
    same += s["x"]
    return items, same is items


def set_operations(s):
    s += lm.gen("x", regex="[ab]")
    seen = {"a", "q"}
    same = seen
    seen |= {s["x"]}
    seen -= {"q"}
    seen ^= {"b"}
    return sorted(same), same is seen


class Trail:
    def __init__(self):
        self.steps = []

    def __iadd__(self, step):
        self.steps.append(step)
        return self


def own_class(s):
    s += lm.gen("x", regex="[ab]")
    trail = Trail()
    trail += s["x"]
    trail += "end"
    return trail.steps


# --- identity ---------------------------------------------------------------------------------------------


def part_after_a_try(s):
    part = [1]
    whole = {"part": part, "k": 0}
    s += lm.gen("x", regex="[ab]")
    if s["x"] == "b":
        try:
            whole["k"] = "2"
            int(s["x"])
        except ValueError as error:
            print(error)
    return part is whole["part"]


def part_by_a_run_time_index(s):
    s += lm.gen("x", regex="[ab]{3}")
    letters = list(s["x"])
    both = [letters, list(letters)]
    at = len(s["x"]) - 3
    return both[at] is letters, both[1] is letters, both[0] == both[1]


def list_that_a_loop_fills(s):
    s += lm.gen("x", regex="[ab]{3}")
    letters = []
    whole = {"letters": letters}
    for letter in s["x"]:
        letters.append(letter)
    return whole["letters"] is letters, whole


def parts_of_parsed_text(s):
    s += lm.gen("x", regex="[0-9]")
    data = json.loads('{"a": [' + s["x"] + '], "b": null}')
    one, two = data["a"], data["a"]
    return one is two, data["a"] is data["b"], data["b"] is None


def copies_share_their_parts(s):
    s += lm.gen("x", regex="[ab]")
    d = {"a": [1]}
    e, f = {**d}, dict(d)
    if s["x"] == "a":
        d["b"] = 2
    return e["a"] is d["a"], f["a"] is d["a"], e is d


def the_largest_itself(s):
    s += lm.gen("x", regex="[ab]{3}")
    rows = [[letter] for letter in s["x"]]
    best = max(rows)
    return [row is best for row in rows]


def part_found_by_get(s):
    s += lm.gen("x", regex="[ab]")
    d = {"a": [1]}
    found = d.get(s["x"], [])
    found.append(2)
    return d, found


def parts_of_parts_found(s):
    s += lm.gen("x", regex="[ab]")
    d = {"a": {"n": []}}
    (d.get(s["x"]) or {"n": [1]})["n"].append(4)
    return d


def part_that_max_picks(s):
    s += lm.gen("x", regex="[ab]{3}")
    d = {"a": [1], "b": [2]}
    max(d.values(), key=len).append(1)
    list(d.values())[len(s["x"]) - 3].append(7)
    return d


CASES = [
    *(
        Case(fn)
        for fn in (
            part_found_by_get, parts_of_parts_found, part_that_max_picks,
            counter_adds, counters_in_a_loop, counters_in_a_dict, bytes_and_arrays, deque_grows, dict_updates,
            list_times, own_class, part_after_a_try, part_by_a_run_time_index, list_that_a_loop_fills,
            parts_of_parsed_text, copies_share_their_parts, the_largest_itself,
        )
    ),
    Case(set_operations, expects="either"),
]  # fmt: skip
