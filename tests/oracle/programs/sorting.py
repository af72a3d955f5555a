"""Sorted lists of pairs, dicts and objects with states, and what is done to them under their old and new names."""

from __future__ import annotations

import itertools
import operator
from dataclasses import dataclass, field
from typing import Any

import lmc as lm
from tests.oracle.programs.case import Case


@dataclass
class Item:
    state: Any
    score: str = ""
    notes: list = field(default_factory=list)


def items(s, n=3):
    made = []
    for i, f in enumerate(s.fork(n)):
        f += f"{i} "
        f += lm.gen("v", regex="[0-9]")
        made.append(Item(f, f["v"], [i]))
    return made


def pairs(s, n=3):
    return [(x.score, x.state) for x in items(s, n)]


def mark(f, text):
    f += text


def state_in_a_tuple_is_appended_to(s):
    """Python appends, and then refuses to assign."""
    pair = ("a", s)
    pair[1] += "appended"


def changed_under_the_new_name(s):
    ranked = sorted(pairs(s), key=lambda p: p[0])
    for i, (_, f) in enumerate(ranked):
        f += f"rank {i}"
    return [f.text() for _, f in ranked]


def changed_under_the_new_read_under_the_old(s):
    ps = pairs(s)
    ranked = sorted(ps, key=lambda p: p[0])
    mark(ranked[0][1], "first")
    return [f.text() for _, f in ps]


def changed_under_the_old_read_under_the_new(s):
    ps = pairs(s)
    ranked = sorted(ps, key=lambda p: p[0])
    mark(ps[0][1], "first")
    return [f.text() for _, f in ranked]


def two_orders_of_one_list(s):
    ps = pairs(s)
    up, down = sorted(ps, key=lambda p: p[0]), sorted(ps, key=lambda p: p[0], reverse=True)
    mark(up[0][1], "low")
    return down[-1][1].text()


def objects_in_two_orders(s):
    xs = items(s)
    up, down = sorted(xs, key=lambda x: x.score), sorted(xs, key=lambda x: x.score, reverse=True)
    up[0].score = "changed"
    return [x.score for x in down]


def objects_changed_one_by_one(s):
    xs = sorted(items(s), key=lambda x: x.score)
    for i, x in enumerate(xs):
        x.score += f"#{i}"
        x.state += x.score
    return [(x.score, x.state.text()) for x in xs]


def notes_changed_under_the_old_name(s):
    xs = items(s)
    ranked = sorted(xs, key=lambda x: x.score)
    xs[0].notes.append("old")
    return [x.notes for x in ranked]


def notes_changed_under_the_new_name(s):
    xs = items(s)
    ranked = sorted(xs, key=lambda x: x.score)
    ranked[0].notes.append("new")
    return [x.notes for x in xs]


def best_changed(s):
    xs = items(s)
    best = max(xs, key=lambda x: x.score)
    best.score = "best"
    best.state += "best"
    best.state += lm.gen("w", max_tokens=1)
    s += best.state["w"]
    return best.score, best.state.text()


def best_changed_and_others_read(s):
    xs = items(s)
    best = max(xs, key=lambda x: x.score)
    best.state += "best"
    return [x.state.text() for x in xs]


def best_is_one_of_them(s):
    xs = items(s)
    best = max(xs, key=lambda x: x.score)
    return [x is best for x in xs]


def sorted_in_place(s):
    xs = items(s)
    xs.sort(key=lambda x: x.score, reverse=True)
    xs[0].state += "top"
    xs.append(xs.pop(0))
    return [x.state.text() for x in xs], [x.notes for x in xs]


def sorted_in_place_alias(s):
    xs = pairs(s)
    ys = xs
    ys.sort(key=operator.itemgetter(0))
    return [p[0] for p in xs], [p[1].text() for p in ys]


def by_attribute(s):
    xs = items(s)
    ranked = sorted(xs, key=operator.attrgetter("score"))
    worst = min(xs, key=operator.attrgetter("score"))
    return [x.score for x in ranked], worst.score


def values_in_place(s):
    s += lm.gen("w", max_tokens=6)
    words = s["w"].split()
    words.sort(key=lambda w: (len(w), w))
    numbers = [3, 1, 2]
    numbers.sort(key=lambda n: -n)
    s += " ".join(words) + str(numbers)
    return words, numbers


def ties_keep_their_order(s):
    ps = [(f["k"], i, f) for i, f in enumerate(kinds(s))]
    ranked = sorted(ps, key=lambda p: p[0], reverse=True)
    return [p[1] for p in ranked], [p[2].text() for p in ranked]


def kinds(s):
    fs = s.fork(4)
    fs += lm.gen("k", regex="[ab]")
    return list(fs)


def without_a_key(s):
    ps = pairs(s)
    return [score for score, _ in sorted(ps)]


def unpacked_best(s):
    score, best = max(pairs(s), key=lambda p: p[0])
    again = max(enumerate(f for _, f in pairs(s)), key=lambda p: p[1]["v"])
    best += again[1]["v"]
    return score, again[0], best.text()


def dict_items_sorted(s):
    scores = dict(zip("abc", s.fork(3)))
    for f in scores.values():
        f += lm.gen("v", regex="[0-9]")
    ranked = sorted(scores.items(), key=lambda kv: kv[1]["v"])
    name, best = ranked[-1]
    best += "won"
    s += name
    return [k for k, _ in ranked], best.text()


def dicts_sorted(s):
    rows = [{"f": x.state, "v": x.score, "tags": [i]} for i, x in enumerate(items(s))]
    rows.sort(key=lambda r: r["v"])
    rows[0]["v"] = "least"
    rows[0]["f"] += "least"
    return [r["v"] for r in rows], [r["tags"] for r in rows], rows[0]["f"].text()


def dicts_sorted_and_old_ones_read(s):
    rows = [{"f": x.state, "v": x.score} for x in items(s)]
    ranked = sorted(rows, key=lambda r: r["v"])
    ranked[0]["v"] = "least"
    return [r["v"] for r in rows]


def functions_sorted(s):
    tools = [("b", lambda q: q + "b"), ("a", lambda q: q + "a")]
    s += lm.gen("x", regex="[ab]")
    ranked = sorted(tools, key=lambda t: t[0] != s["x"])
    return ranked[0][1]("q"), [name for name, _ in ranked]


def sorted_twice_over_rounds(s):
    beam = [(0, f) for f in s.fork(2)]
    for step in range(3):
        grown = []
        for total, f in beam:
            f += f"{step}"
            f += lm.gen("d", regex="[0-9]")
            grown.append((total + int(f["d"]), f))
        beam = sorted(grown, key=lambda c: -c[0])
    return [t for t, _ in beam], [f.text() for _, f in beam]


def survivors_forked(s):
    beam = [(0, s)]
    for _ in range(2):
        grown = []
        for total, f in beam:
            for g in f.fork(2):
                g += lm.gen("d", regex="[0-9]")
                grown.append((total + int(g["d"]), g))
        beam = sorted(grown, key=lambda c: c[0])[-2:]
    mark(beam[-1][1], "end")
    return [t for t, _ in beam], beam[-1][1].text(), s.text()


def under_a_branch(s):
    ps = pairs(s, 2)
    s += lm.select("c", ["y", "n"])
    if s["c"] == "y":
        ps = sorted(ps, key=lambda p: p[0])
        mark(ps[0][1], "sorted")
    s += ps[0][0]
    return ps[1][0]


def combinations_of_objects(s):
    xs = items(s)
    for a, b in itertools.combinations(xs, 2):
        if a.score > b.score:
            a.notes.append("won")
            a.state += "w"
        else:
            b.state += "l"
    return [x.notes for x in xs], [x.state.text() for x in xs]


def chained_and_sliced(s):
    fs = list(s.fork(4))
    for a, b in itertools.pairwise(fs):
        a += "x"
        b += "y"
    for f in itertools.islice(fs, 1, 3):
        f += lm.gen("v", regex="[0-9]")
    for f, w in itertools.zip_longest(fs, "ab"):
        f += str(w)
    return [f.text() for f in itertools.chain(fs[2:], fs[:2])]


def combinations_walked_twice(s):
    pairs_of = itertools.combinations(s.fork(3), 2)
    first = [1 for _ in pairs_of]
    return len(first), [2 for _ in pairs_of]


CASES = [
    Case(state_in_a_tuple_is_appended_to, raises=True),
    Case(changed_under_the_new_name),
    Case(changed_under_the_new_read_under_the_old, expects="either"),
    Case(changed_under_the_old_read_under_the_new, expects="either"),
    Case(two_orders_of_one_list, expects="either"),
    Case(objects_in_two_orders, expects="either"),
    Case(objects_changed_one_by_one),
    Case(notes_changed_under_the_old_name, expects="either"),
    Case(notes_changed_under_the_new_name, expects="either"),
    Case(best_changed),
    Case(best_changed_and_others_read, expects="either"),
    Case(best_is_one_of_them, expects="either"),
    Case(sorted_in_place),
    Case(sorted_in_place_alias),
    Case(by_attribute),
    Case(values_in_place),
    Case(ties_keep_their_order),
    Case(without_a_key, expects="either"),
    Case(unpacked_best),
    Case(dict_items_sorted),
    Case(dicts_sorted),
    Case(dicts_sorted_and_old_ones_read, expects="either"),
    Case(functions_sorted),
    Case(sorted_twice_over_rounds),
    Case(survivors_forked),
    Case(under_a_branch, expects="either"),
    Case(combinations_of_objects, expects="either"),
    Case(chained_and_sliced),
    Case(combinations_walked_twice, expects="either"),
]
