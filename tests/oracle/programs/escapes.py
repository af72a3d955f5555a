"""The escape law: what opaque code, and the program itself, may change is read where and when Python reads it."""

from __future__ import annotations

import collections
import enum
import functools
import json
import random
from typing import Any

import lmc as lm
from tests.oracle.programs.case import Case

LOG: list[Any] = []
COUNT = 0
PROMPT = "be brief"
MODE = "slow"
CACHE: dict[str, int] | None = None
KEPT: list[list[Any]] = []


class Conf:
    n = 1


class Thing:
    made = 0

    def __init__(self, n: int = 0) -> None:
        Thing.made += 1
        self.n = n

    def __repr__(self) -> str:
        return f"<{self.n}>"

    def __lt__(self, other: Any) -> bool:
        return bool(self.n < other.n)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Thing) and self.n == other.n

    __hash__ = None  # type: ignore[assignment]


class Colour(str, enum.Enum):  # noqa: UP042
    RED = "red"


class Level(enum.IntEnum):
    LOW = 1


def reset() -> None:
    global COUNT, PROMPT, MODE, CACHE
    COUNT, PROMPT, MODE, CACHE = 0, "be brief", "slow", None
    Conf.n = 1
    Thing.made = 0
    KEPT.clear()
    LOG.clear()
    bump.calls = 0  # type: ignore[attr-defined]


def opaque(fn: Any) -> Any:
    """The function as one that capture does not look into."""

    @functools.lru_cache(maxsize=0)
    def key(n: int) -> None: ...

    def gen() -> Any:
        yield fn

    class Call:
        __slots__ = ("fn",)

        def __init__(self, fn: Any) -> None:
            self.fn = fn

        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            return self.fn(*args, **kwargs)

    return Call(next(gen()))


def _bump() -> None:
    global COUNT
    COUNT += 1
    bump.calls += 1  # type: ignore[attr-defined]


def bump() -> None:
    _bump()


bump.calls = 0  # type: ignore[attr-defined]
hidden_bump = opaque(bump)
put = opaque(lambda xs, x: xs.append(x))
keep = opaque(lambda xs: KEPT.append(xs))
touch_kept = opaque(lambda: [xs.append("late") for xs in KEPT] and None)
load = opaque(lambda: globals().update(PROMPT="be long"))
tweak = opaque(lambda: setattr(Conf, "n", Conf.n + 1))
hit = opaque(lambda x: setattr(x, "n", x.n + 1))


def counter_bumped(s):
    hidden_bump()
    before = COUNT
    hidden_bump()
    return before, COUNT, bump.calls


def counter_in_a_loop(s):
    s += lm.gen("x", regex="[a-c]{3}")
    seen = []
    for _ in s["x"]:
        hidden_bump()
        seen.append(COUNT)
    return seen


def counter_in_one_arm(s):
    s += lm.select("p", ["y", "n"])
    if s["p"] == "y":
        hidden_bump()
    return COUNT


def prompt_loaded(s):
    s += PROMPT
    load()
    s += PROMPT
    s += lm.gen("x", max_tokens=2)


def class_attribute(s):
    first = Conf.n
    tweak()
    return first, Conf.n


def instances_counted(s):
    Thing()
    Thing(2)
    return Thing.made


def kept_list_changes_later(s):
    xs = ["a"]
    keep(xs)
    n = len(xs)
    s += lm.gen("x", max_tokens=1)
    touch_kept()
    return n, xs


def kept_inner_list(s):
    inner = [1]
    outer = {"k": (inner, 2)}
    keep(outer["k"][0])
    touch_kept()
    s += f"{outer}"
    return inner


def kept_in_one_arm(s):
    xs = ["a"]
    s += lm.select("p", ["y", "n"])
    if s["p"] == "y":
        keep(xs)
    touch_kept()
    xs.append("own")
    return xs, len(KEPT)


def kept_in_a_loop(s):
    s += lm.gen("x", regex="[ab]{2}")
    rows = []
    for c in s["x"]:
        row = [c]
        keep(row)
        rows.append(row)
    touch_kept()
    return rows


def one_list_under_two_keys(s):
    row = [0]
    table = {"a": row, "b": row, "c": []}
    s += lm.select("k", ["a", "b", "c"])
    put(table[s["k"]], 1)
    return table, row


def alias_by_a_generated_key_then_own_change(s):
    groups = {"a": [], "b": []}
    s += lm.select("k", ["a", "b"])
    part = groups[s["k"]]
    groups["a"].append(1)
    return part, groups


def json_part_changed(s):
    s += lm.gen("j", regex=r'\{"b": \[\[1\], \[2\]\]\}')
    d = json.loads(s["j"])
    first, second = d["b"]
    put(first, 9)
    s += json.dumps(d)
    return second, d


def json_rows_in_a_loop(s):
    s += lm.gen("j", regex=r'\[\{"n": [0-9]\}, \{"n": [0-9]\}\]')
    rows = json.loads(s["j"])
    for r in rows:
        r["twice"] = r["n"] * 2
    put(rows, "end")
    return rows


def argument_and_its_alias(s, xs, ys):
    put(xs, "x")
    ys.append("y")
    return xs, ys, len(xs)


def argument_inner(s, table):
    put(table["a"], 3)
    inner = table["a"]
    table["b"] = inner
    put(inner, 4)
    return table


def argument_read_before_and_after(s, xs):
    before = f"{xs}"
    s += before
    s += lm.gen("x", max_tokens=1)
    put(xs, s["x"])
    return before, f"{xs}", s["x"] in xs


def shuffled(s, xs):
    random.seed(7)
    random.shuffle(xs)
    ys = sorted(xs)
    random.shuffle(xs)
    return xs, ys


def objects_in_containers(s):
    a, b = Thing(1), Thing(2)
    xs = [b, a]
    before = sorted(xs)
    hit(a)
    hit(a)
    return f"{xs}", repr(sorted(xs)), repr(before), max(xs) is a, xs == [Thing(2), Thing(3)], Thing(3) in xs


def object_in_a_dict(s):
    a = Thing(1)
    d = {"k": a, "m": [a]}
    s += f"{d}"
    hit(a)
    s += f"{d}"
    hit(d["m"][0])
    return repr(d), a.n


def object_put_in_a_run_time_list(s):
    s += lm.gen("w", max_tokens=4)
    a = Thing(1)
    words: list[Any] = s["w"].split()
    words.append(a)
    hit(a)
    return repr(words)


def enums(s):
    s += f"{Colour.RED} {Level.LOW} "
    s += "%s" % Colour.RED  # noqa: UP031
    s += Colour.RED + "!"
    d = {Colour.RED: 1, "red": 2, 1: "one", True: "yes", Level.LOW: "low"}  # noqa: F601
    return len(d), d[1], d["red"], Colour.RED == "red", isinstance(Level.LOW, int), Level.LOW + 1


def set_built_and_joined(s):
    seen = set()
    for i in range(4):
        s += lm.gen(f"w{i}", regex="[0-9]{2}")
        seen.add(int(s[f"w{i}"]) * 8)
        if len(seen) > 2:
            seen.discard(int(s["w0"]) * 8)
    return " ".join(str(x) for x in seen), list(seen)


def set_of_a_set(s):
    s += lm.gen("w", regex="[a-z]{6}")
    letters = {ord(c) * 8 for c in s["w"]}  # numbers, whose hashes are the same in every process
    other = set(letters)
    both = letters | other
    return list(letters), list(other), list(both), sorted(letters)


def set_given_away(s):
    seen = {8, 16}
    opaque_add(seen)
    s += str(sorted(seen))
    return list(seen)


opaque_add = opaque(lambda xs: xs.add(24))


def one_and_true(s):
    s += lm.gen("x", regex="[01]")
    d = {1: "int"}
    d[True] = "bool"
    d[float(s["x"])] = "float"
    return d, {1, True, 1.0}, list(d)  # noqa: B033


def counter_and_deque(s):
    s += lm.gen("w", regex="[ab]{5}")
    c = collections.Counter(s["w"])
    last = collections.deque(maxlen=2)
    for ch in s["w"]:
        last.append(ch)
    d = collections.defaultdict(list)
    d[s["w"]].append(1)
    return c["z"], c.most_common(1), list(last), dict(d), f"{c}"


def default_object(s, more=None):
    return grows(1), grows(2), grows(s.text() + "x")


def grows(x, acc=[]):  # noqa: B006
    acc.append(x)
    return list(acc)


def cached_later(s):
    a = cached()
    b = CACHE
    return a is b, CACHE is None


def _fill() -> None:
    global CACHE
    if CACHE is None:
        CACHE = {"k": 1}


fill = opaque(_fill)


def cached():
    fill()
    return CACHE


def counting():
    n = 0

    def step():
        nonlocal n
        n += 1
        return n

    def look():
        return n

    return opaque(step), look


step, look = counting()


def closure_counted(s):
    before = look()
    step()
    step()
    return look() - before


def helper_replaced(s):
    first = helper("a")
    swap()
    second = helper("a")
    swap()
    return first, second


def helper(x):
    return x + "1"


def other(x):
    return x + "2"


def _swap() -> None:
    global helper, other
    helper, other = other, helper


swap = opaque(_swap)


def caught_list(s):
    xs = [1]
    try:
        put(xs, 2)
        s += lm.gen("x", regex="[0-9a]")
        xs.append(int(s["x"]))
        put(xs, 3)
    except ValueError:
        put(xs, "bad")
    return xs


def chosen_list_given_away(s):
    xs, ys = ["x"], ["y"]
    s += lm.select("p", ["x", "y"])
    zs = xs if s["p"] == "x" else ys
    put(zs, 1)
    return xs, ys, zs


def view_given_away(s):
    d: dict[str, Any] = {"a": [1]}
    keys = d.keys()
    grow(d.values())
    d["b"] = 2
    return list(keys), d


grow = opaque(lambda values: [v.append(0) for v in values] and None)


def copies_do_not_change(s):
    xs = [[1], [2]]
    ys = list(xs)
    zs = xs.copy()
    put(xs, [3])
    put(xs[0], 9)
    return xs, ys, zs


def variable_holds_a_list(s):
    xs = ["a"]
    s.set_var("k", xs)
    put(xs, "b")
    return s["k"], xs


WITH_LOG: dict[str, Any] = {"reset": reset, "expects": "either"}
_XS = ["a"]
CASES = [
    Case(fn, **WITH_LOG)
    for fn in (
        counter_bumped, counter_in_a_loop, counter_in_one_arm, prompt_loaded, class_attribute, instances_counted,
        kept_list_changes_later, kept_inner_list, kept_in_one_arm, kept_in_a_loop, one_list_under_two_keys,
        alias_by_a_generated_key_then_own_change, json_part_changed, json_rows_in_a_loop, objects_in_containers,
        object_in_a_dict, object_put_in_a_run_time_list, enums, set_built_and_joined, set_of_a_set, set_given_away,
        one_and_true, counter_and_deque, cached_later, closure_counted, helper_replaced, caught_list,
        chosen_list_given_away, view_given_away, copies_do_not_change, variable_holds_a_list,
    )
]  # fmt: skip
CASES += [
    Case(argument_and_its_alias, ({"xs": ["a"], "ys": ["b"]}, {"xs": _XS, "ys": _XS}), **WITH_LOG),
    Case(argument_inner, ({"table": {"a": [1], "b": []}},), **WITH_LOG),
    Case(argument_read_before_and_after, ({"xs": ["a"]}, {"xs": []}), **WITH_LOG),
    Case(shuffled, ({"xs": ["a", "b", "c", "d"]},), **WITH_LOG),
]
