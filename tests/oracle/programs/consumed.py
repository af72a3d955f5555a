"""Generator expressions given to what walks over them at once, and what their code does and raises meanwhile."""

from __future__ import annotations

import heapq
import math
import statistics
from collections import Counter, deque

import lmc as lm
from tests.oracle.programs.case import Case

LOG = []


def noted(x):
    LOG.append(x)
    return x


def failing(x):
    LOG.append(x)
    if x == "b":
        raise ValueError(f"no {x}")
    return x


class Key:
    def __init__(self, x):
        self.x = x

    def __hash__(self):
        LOG.append(f"hash {self.x}")
        return hash(self.x)

    def __eq__(self, other):
        LOG.append(f"eq {self.x}")
        return self.x == other.x

    def __rmul__(self, other):
        LOG.append(f"mul {other}")
        return self

    def __mul__(self, other):
        LOG.append(f"mul {other}")
        return self


def spoken(key):
    LOG.append(key.x)
    return key


KEYS = [Key("a"), Key("b"), Key("a")]


def runoff(s, names):
    votes = []
    for _ in range(3):
        f = s.fork(1)[0]
        left, ballot = list(names), []
        while left:
            f += lm.select("next", left) + " > "
            ballot.append(f["next"])
            left.remove(f["next"])
        votes.append(ballot)
    standing = set(names)
    while len(standing) > 1:
        tally = Counter(next(n for n in ballot if n in standing) for ballot in votes)
        loser = min(sorted(standing), key=lambda n: tally[n])
        standing.discard(loser)
    return standing.pop(), votes[0]


def counted_and_noted(s):
    s += lm.gen("x", regex="[abc]{3}")
    words = list(s["x"])
    return Counter(noted(w) for w in words), deque((noted(w) for w in words), maxlen=2), LOG


def keys_have_code(s):
    s += lm.gen("x", regex="[abc]")
    return sorted(Counter(spoken(k) for k in KEYS).values()), LOG


def start_has_code(s):
    s += lm.gen("x", regex="[1-9]{2}")
    made = math.prod((noted(int(c)) for c in s["x"]), start=KEYS[0])
    return made is KEYS[0], LOG


def fails_meanwhile(s):
    words = ["a", "b", "c"]
    s += "x"
    try:
        return Counter(failing(w) for w in words)
    except ValueError as error:
        return str(error), LOG


def fails_in_the_run(s):
    s += lm.gen("x", regex="[ab]{2}")
    try:
        return Counter(failing(w) for w in s["x"])
    except ValueError as error:
        return str(error), LOG


def largest(s):
    s += lm.gen("x", regex="[1-9]{3}")
    return heapq.nlargest(2, (noted(int(c)) for c in s["x"])), statistics.mean(noted(int(c)) for c in s["x"]), LOG


def nothing_next(s):
    s += lm.gen("x", regex="[ab]")
    out = []
    for make in (list, tuple, any):
        try:
            out.append(make(next(c for c in s["x"] if c == "a") for _ in [1]))
        except RuntimeError as error:
            out.append(str(error))
        except StopIteration:
            out.append("stop")
    return out


def nothing_next_in_a_list(s):
    s += lm.gen("x", regex="[ab]")
    try:
        return [next(c for c in s["x"] if c == "a") for _ in [1]]
    except StopIteration:
        return "stop"


def nothing_next_in_a_loop(s):
    s += lm.gen("x", regex="[ab]")
    out = []
    try:
        for c in (next(c for c in s["x"] if c == "a") for _ in [1]):
            out.append(c)
    except RuntimeError as error:
        return str(error)
    return out


def iterator_ends(s):
    letters = iter(["a", "b"])
    s += lm.gen("n", regex="[1-4]")
    try:
        return tuple(next(letters) for _ in range(int(s["n"])))
    except RuntimeError as error:
        return str(error)


class Letters:
    def __init__(self):
        self.left = iter("ab")

    def get(self, x):
        return x + next(self.left)


def ends_at_b(x):
    if x == "b":
        raise StopIteration(f"no {x}")
    return x


def kept_to_itself(x):
    try:
        return next(iter([]))
    except StopIteration:
        return x


def function_stops(s):
    s += lm.gen("x", regex="[ab]{2}")
    out = []
    for make in (list, tuple, ",".join, any, lambda g: next(g, None)):
        try:
            out.append(make(ends_at_b(c) for c in s["x"]))
        except RuntimeError as error:
            out.append((str(error), repr(error.__cause__)))
    return out


def function_stops_in_a_loop(s):
    s += lm.gen("x", regex="[abc]{3}")
    out = []
    try:
        for c in (ends_at_b(c) for c in s["x"] if ends_at_b(c) != "c"):
            out.append(c)
            s += c
    except RuntimeError as error:
        return str(error), out
    return out


def object_stops(s):
    s += lm.gen("x", regex="[ab]{1,3}")
    letters = Letters()
    try:
        return " ".join(letters.get(c) for c in s["x"])
    except RuntimeError as error:
        return str(error)


def nobody_hears(s):
    s += lm.gen("x", regex="[ab]{2}")
    try:
        return tuple(kept_to_itself(c) for c in s["x"]), [ends_at_b(c) for c in s["x"]]
    except StopIteration as error:
        return repr(error)


def ends_a_map(s):
    s += lm.gen("x", regex="[ab]{3}")
    out = []
    for c in map(ends_at_b, s["x"]):
        out.append(c)
    return out, list(map(ends_at_b, s["x"])), list(filter(ends_at_b, s["x"]))


CASES = [
    Case(runoff, ({"names": ["x", "y", "z"]},), expects="either"),
    *(Case(fn, log=LOG, expects="either") for fn in (counted_and_noted, keys_have_code, start_has_code)),
    *(Case(fn, log=LOG, expects="either") for fn in (fails_meanwhile, fails_in_the_run, largest)),
    *(Case(fn) for fn in (nothing_next, nothing_next_in_a_list, nothing_next_in_a_loop, iterator_ends)),
    *(Case(fn) for fn in (function_stops, function_stops_in_a_loop, object_stops, nobody_hears)),
    Case(ends_a_map, expects="break", code="LMC-GB003"),
]
