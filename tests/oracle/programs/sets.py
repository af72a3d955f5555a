"""Sets that are given away, changed or combined: made once more of the same items, so that their order is Python's."""

from __future__ import annotations

import re

import lmc as lm
from tests.oracle.programs.case import Case

ITEMS = {"x": "a b", "y": "b c", "z": "q"}
WORDS = ({"xs": ["a", "b"]}, {"xs": ["k1", "k2", "k3", "k1", "zz", "y"]}, {"xs": []})


def changed(s, xs):
    t = set(xs)
    t.add("q")
    s += lm.gen("a", regex="[a-c]")
    u = t
    u.discard(s["a"])
    return sorted(t), len(t), sorted(t - {"q"}), list(t), t is u


def changed_in_a_loop(s, xs):
    seen, out = set(xs), []
    for word in [*xs, "a", "new"]:
        s += word + lm.gen("a", regex="[a-c]")
        if s["a"] in seen:
            continue
        seen.add(s["a"])
        out.append(list(seen))
    return out, seen


def combined(s, xs):
    s += lm.gen("a", regex="[a-c] [a-c] [a-c]")
    w = s["a"].split()
    ranked = sorted(ITEMS.items(), key=lambda i: (-len(set(w) & set(i[1].split())), i[0]))
    t = set(xs)
    t |= {s["a"], "n"}
    return ranked, sorted(t), len(t | set(w)), sorted(t ^ set(w)), t <= set(w), set(w).isdisjoint(t)


def cited(s):
    sources = [(k, v) for k, v in ITEMS.items() if "b" in v]
    s += lm.gen("a", regex="[1-3] [1-3]")
    found = {int(n) for n in re.findall(r"(\d)", s["a"])}
    valid = found & set(range(1, len(sources) + 1))
    return sorted(found), [sources[n - 1][0] for n in sorted(valid)], found <= valid


def kept(s, xs):
    t = set(xs)
    holder = {"t": t}
    holder["t"].add(1)
    s += lm.gen("a", regex="[a-c]")
    t.add(s["a"])
    return holder, t, holder["t"] is t


CASES = [
    *(Case(fn, WORDS) for fn in (changed_in_a_loop, combined, kept)),
    Case(changed, WORDS),
    Case(cited),
]
