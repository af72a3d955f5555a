"""`match`, slices and `del`, long loops, comprehensions, functions given to Python: statements as people write them."""

from __future__ import annotations

import collections
import dataclasses
import functools
import json
import re
import statistics

import lmc as lm
from tests.oracle.programs.case import Case

LOG: list[object] = []
COUNT = 0


def note(x):
    LOG.append(x)
    return x


def opaque(fn):
    """A function that capture does not look into."""
    return functools.singledispatch(fn)


def reset() -> None:
    """Put the module's globals back."""
    global COUNT
    COUNT = 0
    LOG.clear()


# --- match -----------------------------------------------------------------------------------------------


def match_literals(s):
    s += lm.gen("x", regex="[abc]")
    match s["x"]:
        case "a":
            s += "is a"
        case "b" | "d":
            s += "is b"
            return 2
        case other:
            s += f"other {other}"
    s += lm.gen("y", max_tokens=2)
    return s["y"]


def match_every_arm_returns(s):
    s += lm.gen("x", regex="[ab]")
    match s["x"]:
        case "a":
            return 1
        case _:
            return 2


def match_no_case(s):
    s += lm.gen("x", regex="[a-d]")
    y = "none"
    match s["x"]:
        case "a":
            y = "A"
        case "b":
            y = "B"
    return y


def match_numbers(s, n):
    match n:
        case 0:
            kind = "zero"
        case 1 | 2 | 3:
            kind = "few"
        case int() if n < 0:
            kind = "negative"
        case float(x):
            kind = f"float {x}"
        case _:
            kind = "many"
    s += kind
    return kind


def match_guard(s):
    s += lm.gen("n", regex="[0-9]")
    match int(s["n"]):
        case 0:
            return "zero"
        case n if n < 4:
            note(n)
            return "small"
        case n if note(n) % 2:
            return "odd"
        case n:
            return "even", n


def match_guard_binds_though_it_fails(s):
    s += lm.gen("n", regex="[0-9]")
    match int(s["n"]):
        case k if k > 5:
            return "high"
        case 3:
            return "three", k
    return "left", k


def match_words(s):
    s += lm.gen("cmd", regex="(go|take|look)( (north|lamp))?( now)?")
    match s["cmd"].split():
        case ["look"]:
            r = "look around"
        case ["go", where]:
            r = f"walk {where}"
        case ["take", what, *rest]:
            r = f"take {what} {rest}"
        case [verb, *_]:
            r = f"cannot {verb}"
        case _:
            r = "?"
    s += r
    return r


def match_star_in_the_middle(s):
    s += lm.gen("cmd", regex="[ab]( [cd]){0,3}")
    match s["cmd"].split():
        case [only]:
            return "one", only
        case [first, last]:
            return first, last
        case [first, *middle, last]:
            return first, middle, last


def match_json(s):
    s += lm.gen("j", regex=r'\{"type": "(add|sub|x)", "args": \[[0-9], [0-9]\](, "id": [0-9])?\}')
    data = json.loads(s["j"])
    match data:
        case {"type": "add", "args": [a, b]}:
            r = a + b
        case {"type": "sub", "args": [a, b], **rest}:
            r = (a - b, rest)
        case {"type": str(kind), "id": int() as number}:
            r = (kind, number)
        case {"type": kind}:
            r = kind
    s += f"{r}"
    return r


def match_nested_json(s):
    s += lm.gen("j", regex=r'\[(\{"a": [0-9]\}|[0-9]|"z"|null|true)(, \[[0-9]\])?\]')
    match json.loads(s["j"]):
        case [{"a": n}]:
            return "dict", n
        case [int(n)] if not isinstance(n, bool):
            return "int", n
        case [str(t) | [t]]:
            return "text", t
        case [None | True as x]:
            return "single", x
        case [_, [n]]:
            return "pair", n
        case other:
            return "other", other


def match_static_structure(s):
    s += lm.gen("x", regex="[ab]")
    pair = (s["x"], [1, s["x"]])
    match pair:
        case ("a", [1, x]):
            return "a", x
        case (y, [n, _]):
            return y, n


def match_captured_in_alternatives(s):
    s += lm.gen("cmd", regex="(go|run) [nsew]|[nsew]|stay")
    match s["cmd"].split():
        case ["go" | "run", way] | [("n" | "s" | "e" | "w") as way]:
            return "move", way
        case _:
            return "stay"


@dataclasses.dataclass
class Point:
    x: int
    y: int = 0


class Node:
    __match_args__ = ("value", "left")

    def __init__(self, value, left=None):
        self.value, self.left = value, left


def match_dataclass(s):
    s += lm.gen("n", regex="[0-3]")
    p = Point(int(s["n"]), 1)
    match p:
        case Point(0, y):
            return "axis", y
        case Point(x=x, y=1) if x > 1:
            return "high", x
        case Point():
            return "other"


def match_class_of_the_user(s):
    s += lm.gen("n", regex="[0-3]")
    tree = Node(int(s["n"]), Node("leaf"))
    match tree:
        case Node(0):
            return "zero"
        case Node(1, None):
            return "never"
        case Node(v, Node(inner)):
            return v, inner


def match_live_object(s):
    s += lm.gen("n", regex="[ab]")
    found = opaque_point(s["n"])
    match found:
        case Point(x=0):
            return "origin"
        case Point(x, y):
            return x, y
        case None:
            return "none"


@opaque
def opaque_point(k):
    return Point(7, 8) if k == "a" else None


def match_inside_a_loop(s):
    total, skipped = 0, []
    for _ in range(4):
        s += lm.gen("x", regex="[a-d]")
        match s["x"]:
            case "a":
                break
            case "b":
                continue
            case "c":
                total += 10
            case x:
                skipped.append(x)
        total += 1
    return total, skipped


def match_singletons(s, flag):
    match flag:
        case True:
            s += "yes"
        case False:
            s += "no"
        case None:
            s += "none"
    return s.text()


def match_a_dotted_name(s):
    s += lm.gen("x", regex="[ab]")
    match s["x"]:
        case Names.A:
            return "first"
        case Names.B:
            return "second"


class Names:
    A = "a"
    B = "b"


def match_error_in_guard(s):
    s += lm.gen("x", regex="[0-9]")
    try:
        match int(s["x"]):
            case n if 10 // n > 4:
                return "small", n
            case n:
                return "big", n
    except ZeroDivisionError:
        return "zero"


def match_states_in_arms(s):
    s += lm.gen("x", regex="[ab]")
    match s["x"]:
        case "a":
            f = s.fork(1)[0]
            f += "A"
        case _:
            f = s.fork(2)[1]
            f += "B"
    f += lm.gen("y", max_tokens=2)
    return f["y"]


# --- slices, del, assignments ------------------------------------------------------------------------------


def slice_assignment(s):
    xs = [1, 2, 3, 4]
    xs[1:3] = [9]
    del xs[0:1]
    xs[:0] = ["a", "b"]
    xs[::2] = "xy"
    return xs


def slice_of_run_time_list(s):
    s += lm.gen("l", regex="[ab](,[cd]){3}")
    xs = s["l"].split(",")
    xs[1:3] = ["new"]
    del xs[-1:]
    s += ",".join(xs)
    return xs


def slice_by_generated_bounds(s):
    s += lm.gen("n", regex="[0-3]")
    xs = [0, 1, 2, 3]
    n = int(s["n"])
    xs[n:] = ["t"]
    return xs


def slice_of_wrong_length(s):
    xs = [1, 2, 3, 4]
    s += lm.gen("x", max_tokens=1)
    try:
        xs[::2] = [1]
    except ValueError as e:
        return str(e)


def delete_items(s):
    d = {"a": 1, "b": 2}
    xs = [1, 2, 3]
    s += lm.gen("k", regex="[abc]")
    del xs[0]
    try:
        del d[s["k"]]
        del xs[5]
    except KeyError as e:
        return "key", e.args, d
    except IndexError as e:
        return "index", str(e), xs, d


def delete_from_generated(s):
    s += lm.gen("j", regex=r'\{"a": [0-9], "b": \[1, 2\]\}')
    data = json.loads(s["j"])
    del data["a"]
    s += json.dumps(data)
    return data


def augmented_items(s):
    counts = {"a": 0, "b": 0}
    for i in range(3):
        s += lm.gen(f"k{i}", regex="[ab]")
        counts[s[f"k{i}"]] += 1
    return counts


def augmented_generated(s):
    s += lm.gen("j", regex=r'\{"n": [0-9]\}')
    data = json.loads(s["j"])
    data["n"] += 5
    data["m"] = data["n"] * 2
    return data


def chained_and_starred(s):
    s += lm.gen("l", regex="[ab](,[cd]){2}")
    a = b = s["l"]
    first, *rest = a.split(",")
    *most, last = [x for x in rest]  # noqa: C416
    (p, q), r = rest, first
    return a is b, first, rest, most, last, p, q, r


# --- loops -----------------------------------------------------------------------------------------------


def while_of_many_turns(s):
    i = total = 0
    while i < 1500:
        i += 1
        if i % 7 == 0:
            continue
        total += i
    s += str(total)
    return i, total


def while_of_many_turns_and_break(s):
    n = 1
    while True:
        n = n * 3 + 1
        if n > 10**400:
            break
    return n % 1000


def while_with_effects(s):
    i = 0
    while i < 1200:
        i += 1
        if i % 500 == 0:
            note(i)
    return i


def walrus_leaks(s):
    s += lm.gen("x", regex="[3-9]{3}")
    ys = [y for c in s["x"] if (y := int(c)) > 2]
    return y, ys


def walrus_leaks_from_any(s):
    s += lm.gen("x", regex="[a-f]{3}")
    if any((hit := c) in "abc" for c in s["x"]):
        return "hit", hit
    return "none", hit


def walrus_in_while(s):
    out = []
    s += lm.gen("x", regex="[ab]")
    while (w := s["x"]) == "a" and len(out) < 3:
        out.append(w)
        s += lm.gen("x", regex="[ab]")
    return out, w


def nested_comprehension_over_forks(s):
    groups = [s.fork(2) for _ in range(2)]
    for g in groups:
        for f in g:
            f += lm.gen("v", regex="[0-9]")
    return [[int(f["v"]) for f in g] for g in groups], [f["v"] for g in groups for f in g]


def for_else(s):
    for i in range(3):  # noqa: B007
        s += lm.gen("x", regex="[ab]")
        if s["x"] == "a":
            break
    else:
        s += " never "
        i = -1
    return i


# --- generator expressions and functions given to Python --------------------------------------------------


def counter_of_generator(s):
    fs = s.fork(3)
    fs += lm.gen("v", regex="[ab]")
    counts = collections.Counter(f["v"] for f in fs)
    return sum(counts.values()), counts.most_common(1)[0][1]


def library_functions_of_generators(s):
    fs = s.fork(4)
    fs += lm.gen("v", regex="[0-9]")
    mean = statistics.mean(int(f["v"]) for f in fs)
    top = max(int(f["v"]) for f in fs)
    text = ",".join(f["v"] for f in fs)
    pairs = dict((i, f["v"]) for i, f in enumerate(fs))  # noqa: C402
    kinds = frozenset(f["v"] for f in fs)
    return mean, top, text, pairs, sorted(kinds), sum(int(f["v"]) for f in fs)


def reduce_with_a_lambda(s):
    s += lm.gen("t", regex="[0-9]{3}")
    return functools.reduce(lambda a, b: a + int(b), s["t"], 0)


def sub_with_a_function(s):
    def shout(m):
        return m.group(0).upper() + "!"

    s += lm.gen("t", regex="[a-c]{2}[0-9]")
    return re.sub("[a-z]+", shout, s["t"])


def sub_with_captured_data(s):
    s += lm.gen("k", regex="[xyz]")
    k = s["k"]
    return re.sub("[0-9]", lambda m: k + m.group(), "a1b2")


def function_with_captured_data(s):
    s += lm.gen("k", regex="[0-9]")
    base = int(s["k"])

    def add(n, *, more=1):
        return n + base + more

    return opaque_map(add, [1, 2])


@opaque
def opaque_map(fn, xs):
    return [fn(x) for x in xs]


def late_binding_is_kept(s):
    s += lm.gen("k", regex="[0-9]")
    n = 1
    add = lambda x: x + n  # noqa: E731
    n = int(s["k"])
    return opaque_map(add, [1, 2])


def function_that_reads_a_state(s):
    s += lm.gen("k", regex="[0-9]")
    return opaque_map(lambda x: x + s["k"], ["a"])


def function_kept_by_python(s):
    kept = []
    for i in range(2):
        s += lm.gen("k", regex="[ab]")
        opaque_keep(kept, lambda: i)  # noqa: B023
    return [f() for f in kept]


@opaque
def opaque_keep(kept, fn):
    kept.append(fn)


def sort_by_a_lambda(s):
    s += lm.gen("l", regex="[a-c](,[a-c]{1,3}){3}")
    words = s["l"].split(",")
    weight = {"a": 3, "b": 1, "c": 2}
    words.sort(key=lambda w: (len(w), weight[w[0]], w))
    return words


# --- globals ---------------------------------------------------------------------------------------------


def global_counter(s):
    global COUNT
    COUNT += 1
    s += lm.gen("x", regex="[0-9]")
    COUNT += int(s["x"])
    s += f"{COUNT}"
    return COUNT


def global_read_by_a_helper(s):
    global COUNT
    COUNT = 5
    before = read_count()
    COUNT += 1
    return before, read_count(), opaque_count(10)


def read_count():
    return COUNT


@opaque
def opaque_count(n):
    return COUNT * n


def global_in_a_helper(s):
    bump(s)
    bump(s)
    return COUNT


def bump(s):
    global COUNT
    s += lm.gen("x", regex="[0-9]")
    COUNT += int(s["x"])


CASES = [
    *(
        Case(fn, log=LOG)
        for fn in (
            match_literals, match_every_arm_returns, match_no_case, match_guard, match_guard_binds_though_it_fails,
            match_words, match_star_in_the_middle, match_json, match_nested_json, match_static_structure,
            match_captured_in_alternatives, match_dataclass, match_class_of_the_user, match_live_object,
            match_inside_a_loop, match_a_dotted_name, match_error_in_guard,
            slice_assignment, slice_of_run_time_list, slice_by_generated_bounds, slice_of_wrong_length, delete_items,
            delete_from_generated, augmented_items, augmented_generated, chained_and_starred, while_of_many_turns,
            while_of_many_turns_and_break, while_with_effects, walrus_leaks, walrus_leaks_from_any, walrus_in_while,
            nested_comprehension_over_forks, for_else, counter_of_generator, library_functions_of_generators,
            reduce_with_a_lambda, sub_with_a_function, sub_with_captured_data, function_with_captured_data,
        )
    ),
    Case(match_states_in_arms, log=LOG, expects="either"),
    Case(match_numbers, ({"n": 0}, {"n": 2}, {"n": -4}, {"n": 7}, {"n": 1.5}), log=LOG),
    Case(match_singletons, ({"flag": True}, {"flag": False}, {"flag": None}, {"flag": 1}), log=LOG),
    Case(late_binding_is_kept, log=LOG, expects="either"),
    Case(function_that_reads_a_state, log=LOG, expects="break"),
    Case(function_kept_by_python, log=LOG, expects="either"),
    Case(sort_by_a_lambda, log=LOG, expects="either"),
    *(Case(fn, reset=reset) for fn in (global_counter, global_read_by_a_helper, global_in_a_helper)),
]  # fmt: skip
