"""Two names for one thing: states, lists and dicts that are shared, swapped, merged and changed through either name.

Each program has one right answer; where capture cannot know it, it must break and never guess.
"""

from __future__ import annotations

import lmc as lm
from tests.oracle.programs.case import Case


def plain_alias(s):
    t = s
    t += "through t "
    s += lm.gen("x", max_tokens=3)
    t += t["x"]
    return s is t, t.text()


def merged_then_changed(s):
    """`best` may be either state; only `best` is read afterwards."""
    f, g = s.fork(2)
    f += "f "
    g += "g "
    s += lm.select("pick", ["f", "g"])
    best = f if s["pick"] == "f" else g
    best += "best "
    best += lm.gen("x", max_tokens=3)
    return best.text()


def merged_then_other_read(s):
    """After `best` has changed, `f` may have changed with it."""
    f, g = s.fork(2)
    f += "f "
    g += "g "
    s += lm.select("pick", ["f", "g"])
    best = f if s["pick"] == "f" else g
    best += "best "
    best += lm.gen("x", max_tokens=3)
    return f.text(), g.text()


def merged_with_itself(s):
    s += lm.select("pick", ["a", "b"])
    if s["pick"] == "a":
        cur = s
    else:
        cur = s.fork(1)[0]
    cur += "cur "
    cur += lm.gen("x", max_tokens=3)
    return s.text()


def merged_through_a_second_merge(s):
    f, g, h = s.fork(3)
    s += lm.select("p", ["0", "1"])
    s += lm.select("q", ["0", "1"])
    one = f if s["p"] == "0" else g
    two = one if s["q"] == "0" else h
    two += "changed"
    return f.text(), two.text()


def swapped_states(s):
    a, b = s.fork(2)
    a += "a "
    b += "b "
    a, b = b, a
    a += lm.gen("x", max_tokens=3)
    b += lm.gen("x", max_tokens=3)
    return a.text(), b.text()


def swapped_in_branch(s):
    a, b = s.fork(2)
    a += "a "
    b += "b "
    s += lm.select("swap", ["y", "n"])
    if s["swap"] == "y":
        a, b = b, a
    a += lm.gen("x", max_tokens=3)
    return a.text(), "x" in a


def two_names_of_a_list(s):
    xs = ["a"]
    ys = xs
    ys.append("b")
    s += "".join(xs)
    s += lm.gen("x", max_tokens=2)
    xs.append(s["x"])
    return xs, ys, xs is ys


def list_shared_by_two_dicts(s):
    shared = []
    table = {"a": shared, "b": shared}
    s += lm.gen("x", max_tokens=2)
    table["a"].append(s["x"])
    table["b"].append("end")
    return table["a"], table["b"]


def list_of_one_list(s):
    rows = [[]] * 2
    s += lm.gen("x", max_tokens=2)
    rows[0].append(s["x"])
    return rows[1] == [s["x"]], len(rows[0])


def plus_equals_on_shared_list(s):
    xs = ["a"]
    ys = xs
    xs += ["b"]
    zs = ys
    zs = zs + ["c"]  # noqa: RUF005
    s += f"{xs} {ys} {zs}"
    s += lm.gen("x", max_tokens=2)


def merged_lists(s):
    a, b = ["a"], ["b"]
    s += lm.select("pick", ["a", "b"])
    c = a if s["pick"] == "a" else b
    c.append("c")
    return a, b, c


def list_changed_in_branch(s):
    xs = ["start"]
    ys = xs
    s += lm.select("pick", ["a", "b"])
    if s["pick"] == "a":
        xs.append("in a")
    else:
        ys.append("in b")
        ys.append("twice")
    s += ",".join(xs)
    s += lm.gen("x", max_tokens=2)
    return ys


def rebinding_in_branch_splits_aliases(s):
    xs = ["start"]
    ys = xs
    s += lm.select("pick", ["a", "b"])
    if s["pick"] == "a":
        xs = ["fresh"]
    ys.append("ys")
    return list(xs), list(ys)


def state_in_two_lists(s):
    f = s.fork(1)[0]
    one, two = [f], [f, s]
    one[0] += "via one "
    two[0] += lm.gen("x", max_tokens=3)
    return f.text(), two[1].text()


def rebound_parameter(s):
    root = s
    s = s.fork(1)[0]
    s += "child "
    s += lm.gen("x", max_tokens=3)
    root += "root " + s["x"]
    return s.text()


def appended_to_itself(s):
    s += "a "
    s += lm.gen("x", max_tokens=3)
    s += s.text() + s["x"]
    s += lm.gen("y", max_tokens=2)


def best_so_far_in_loop(s):
    """`best` aliases the state of an earlier turn."""
    best = s.fork(1)[0]
    best["score"] = "0"
    for _ in range(3):
        f = s.fork(1)[0]
        f += lm.gen("score", regex="[0-9]")
        if f["score"] > best["score"]:
            best = f
    best += " best "
    best += lm.gen("end", max_tokens=3)
    return best.text()


def carried_state_in_while(s):
    cur = s
    depth = 0
    while depth < 3:
        cur += f"d{depth} "
        cur += lm.select("deeper", ["y", "n"])
        if cur["deeper"] == "n":
            break
        cur = cur.fork(1)[0]
        depth += 1
    return cur.text(), depth


def default_argument_is_shared(s):
    def note(x, seen=[]):  # noqa: B006
        seen.append(x)
        return len(seen)

    s += lm.gen("x", max_tokens=2)
    return note("a"), note(s["x"]), note("c")


def argument_list_is_not_copied(s, xs):
    ys = xs
    s += f"{len(ys)}"
    s += lm.gen("x", max_tokens=2)
    zs = list(xs)
    zs.append(s["x"])
    return zs, len(xs)


CASES = [
    Case(plain_alias),
    Case(merged_then_changed),
    Case(merged_then_other_read, expects="either"),
    Case(merged_with_itself, expects="either"),
    Case(merged_through_a_second_merge, expects="either"),
    Case(swapped_states),
    Case(swapped_in_branch),
    Case(two_names_of_a_list),
    Case(list_shared_by_two_dicts),
    Case(list_of_one_list),
    Case(plus_equals_on_shared_list),
    Case(merged_lists, expects="either"),
    Case(list_changed_in_branch),
    Case(rebinding_in_branch_splits_aliases, expects="either"),
    Case(state_in_two_lists),
    Case(rebound_parameter),
    Case(appended_to_itself),
    Case(best_so_far_in_loop),
    Case(carried_state_in_while, expects="either"),
    Case(default_argument_is_shared),
    Case(argument_list_is_not_copied, ({"xs": ["p"]},)),
]
