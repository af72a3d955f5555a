"""Python on generated values: builtins, methods, slices, json, comparisons, unpacking, laziness, lookups."""

from __future__ import annotations

import json
import math
import re

import lmc as lm
from tests.oracle.programs.case import Case

CAPITALS = {"a": "Athens", "b": "Bern", "c": "Cairo"}
WEIGHTS = (1, 2, 3)
NUMBER = re.compile("[0-9]+")


def arithmetic(s):
    s += lm.gen("a", regex="[1-9][0-9]?")
    s += " and "
    s += lm.gen("b", regex="[1-9]")
    a, b = int(s["a"]), int(s["b"])
    s += f" {a + b} {a - b} {a * b} {a / b:.3f} {a // b} {a % b} {a**2} {-a} {abs(b - a)} {a << 1} {a & b} {a ^ b}"
    s += lm.gen("x", max_tokens=2)
    return divmod(a, b), round(a / b, 2), max(a, b), min(a, b, 3), float(s["b"]), bool(a - b)


def string_methods(s):
    s += lm.gen("t", regex="[ ab]{2,6}")
    t = s["t"].strip().lower()
    s += t.replace("a", "e").capitalize() + t.center(9, "*")
    s += lm.gen("x", max_tokens=2)
    return (
        t.startswith("a"), t.find("b"), t.count("a"), t.partition("b"), t.title(), t.zfill(4), t.isalpha(),
        t.encode(), t.ljust(3) + "|", t.upper().swapcase(), "b" in t, t + "c" in "abc",
    )  # fmt: skip


def slicing_and_indexing(s):
    s += lm.gen("t", regex="[a-z]{5,8}")
    t = s["t"]
    k = len(t) // 2
    s += t[0] + t[-1] + t[1:3] + t[::-1] + t[k:] + t[:-k:2]
    s += lm.gen("x", max_tokens=2)
    words = [t[:k], t[k:]]
    return words[0], words[-1][0], words[::-1]


def split_and_unpack(s):
    s += lm.gen("expr", regex=r"[1-9]\+[1-9](\+[1-9])?")
    left, _, right = s["expr"].partition("+")
    head, *tail = s["expr"].split("+")
    (a, b), c = (head, tail), len(tail)
    s += f"{left} {right} {a} {b} {c}"
    s += lm.gen("x", max_tokens=2)
    return head, tail


def split_into_names(s):
    s += lm.gen("expr", regex=r"[1-9]\+[1-9]")
    left, _, right = s["expr"].partition("+")
    a, b = s["expr"].split("+")
    (c, d), e = (b, a), left + right
    s += f"{a} {b} {c} {d} {e}"
    s += lm.gen("x", max_tokens=2)
    return int(a) + int(b)


def unpack_may_fail(s):
    s += lm.gen("expr", regex=r"[1-9]\+[1-9](\+[1-9])?")
    a, b = s["expr"].split("+")
    return int(a) + int(b)


def parsed_json(s):
    s += lm.gen("j", regex=r'\{"n": [0-9]{1,2}, "tags": \["[ab]"(, "[cd]")?\]\}')
    item = json.loads(s["j"])
    s += f" n={item['n']} first={item['tags'][0]} all={'+'.join(item['tags'])}"
    if item["n"] > 50 and len(item["tags"]) == 2:
        s += " both"
    s += lm.gen("x", max_tokens=2)
    return item.get("missing", "none"), sorted(item), json.dumps(item, sort_keys=True)


def lookup_by_generated_key(s):
    s += lm.gen("k", regex="[a-c]")
    s += f" {CAPITALS[s['k']]} {CAPITALS.get(s['k'] + 'x', 'nowhere')} {WEIGHTS['abc'.index(s['k'])]}"
    s += lm.gen("x", max_tokens=2)
    local = {"a": 1, "b": 2}
    return local.get(s["k"], 0), s["k"] in local, CAPITALS[s["k"]][0]


def dict_built_from_generations(s):
    table = {}
    for name in ("x", "y", "z"):
        s += name
        s += lm.gen(name, regex="[a-b]")
        table[name] = s[name] + str(len(table))
        table[s[name]] = name
    s += str(sorted(table))
    s += lm.gen("end", max_tokens=2)
    return table, {k: v for k, v in table.items() if k in "ab"}, dict(a=s["x"], **{"b": s["y"]})


def set_operations(s):
    s += lm.gen("t", regex="[a-d]{1,6}")
    letters = set(s["t"])
    common = letters & {"a", "b"}
    s += "".join(sorted(letters)) + str(len(common))
    s += lm.gen("x", max_tokens=2)
    return sorted(letters - common), "a" in letters, letters <= set("abcd")


def sorting(s):
    s += lm.gen("t", regex="[a-d]{4}")
    t = sorted(s["t"], reverse=True)
    pairs = sorted(enumerate(s["t"]), key=lambda p: (p[1], -p[0]))
    s += "".join(t)
    s += lm.gen("x", max_tokens=2)
    return pairs, list(reversed(t)), list(zip(t, "ab"))


def lazy_any(s):
    """`any` stops at the first true item, so the division by zero behind it is never reached."""
    s += lm.gen("t", regex="[1-3]{2}0")
    hit = any(6 // int(c) == 3 for c in s["t"]) if "2" in s["t"] else False
    s += f"{hit}"
    s += lm.gen("x", max_tokens=2)
    return hit


def lazy_all_raises(s):
    s += lm.gen("t", regex="[1-9][0-3]{2}")
    fine = all(12 // int(c) > 0 for c in s["t"])
    s += f"{fine}"
    return fine


def comprehensions(s, xs):
    s += lm.gen("t", regex="[a-c]{3}")
    upper = [c.upper() for c in s["t"] if c != "b"]
    table = {c: s["t"].count(c) for c in s["t"]}
    pairs = [(x, c) for x in xs for c in s["t"] if c > "a"]
    squares = [x * x for x in xs]
    s += f"{upper} {table} {squares}"
    s += lm.gen("x", max_tokens=2)
    return pairs, sum(len(u) for u in upper), {x % 2 for x in xs}


def mutated_list(s):
    xs = []
    for i in range(3):
        s += lm.gen("d", regex="[0-9]")
        xs.append(int(s["d"]))
        xs.insert(0, i)
    xs.sort()
    last = xs.pop()
    xs.extend([last, last])
    xs[0] = -1
    xs.remove(last)
    xs.reverse()
    s += f"{xs} {xs.index(last)} {xs.count(0)}"
    s += lm.gen("x", max_tokens=2)
    return xs


def mutated_dict(s):
    table = {"n": 0}
    s += lm.gen("k", regex="[ab]")
    table[s["k"]] = "seen"
    table["n"] += 1
    table["n"] = table["n"] + len(table)
    table.update({"c": s["k"]})
    gone = table.pop("c")
    s += f"{table} {gone} {table.get('a')}"
    s += lm.gen("x", max_tokens=2)
    return list(table.items())


def deleted_items(s):
    s += lm.gen("k", regex="[ab]")
    xs, table = list(s["k"] + "z"), {"a": 1, "b": 2}
    del xs[0]
    del table[s["k"]]
    s += f"{xs} {table}"
    s += lm.gen("x", max_tokens=2)
    return xs, table


def grouped_in_dict(s):
    groups = {}
    for name in ("x", "y", "z"):
        s += lm.gen(name, regex="[a-b]")
        groups.setdefault(s[name], []).append(name)
    s += str(sorted(groups))
    return groups


def regular_expressions(s):
    s += lm.gen("t", regex="[a-c]{2}[0-9]{1,2}[a-c]")
    found = re.search(r"([a-c]+)([0-9]+)", s["t"])
    s += found.group(1) + found.group(2)
    s += ",".join(NUMBER.findall(s["t"])) + re.sub("[a-c]", "_", s["t"])
    s += lm.gen("x", max_tokens=2)
    return found.groups(), bool(re.match("a", s["t"]))


def math_and_chr(s):
    s += lm.gen("d", regex="[1-9]")
    d = int(s["d"])
    s += f"{math.sqrt(d):.3f} {chr(96 + d)} {ord(s['d'])} {math.pi:.2f} {hex(d)} {bin(d)}"
    s += lm.gen("x", max_tokens=2)
    return math.floor(d / 2), isinstance(d, int), type(s["d"]) is str, str(d) == s["d"]


def membership_in_tuple(s):
    s += lm.gen("w", regex="[a-e]")
    if s["w"] in ("a", "e"):
        kind = "vowel"
    elif s["w"] in {"b": 1, "c": 2}:
        kind = "early"
    else:
        kind = "d"
    s += kind
    s += lm.gen("x", max_tokens=2)
    return kind


def comparing_states_of_text(s):
    s += lm.gen("a", regex="[a-c]")
    s += lm.gen("b", regex="[a-c]")
    same = s["a"] == s["b"]
    s += "same" if same else max(s["a"], s["b"])
    s += lm.gen("x", max_tokens=2)
    return same, s["a"] <= s["b"], [s["a"]] == [s["b"]], (s["a"], 1) < (s["b"], 0)


def integer_conversion_fails(s):
    s += lm.gen("d", regex="[0-9x]")
    n = int(s["d"])
    s += f"{n}"
    s += lm.gen("x", max_tokens=2)
    return n


def star_in_literals(s):
    s += lm.gen("t", regex="[a-c]{2,3}")
    xs = [*s["t"], "z"]
    d = {**{"k": 1}, "t": s["t"]}
    s += f"{xs} {d} {(*xs, 1)}"
    s += lm.gen("x", max_tokens=2)
    return print_free_join(*xs)


def print_free_join(*xs):
    return "-".join(xs)


def chained_calls(s):
    s += lm.gen("t", regex="( ?[ab]){4}")
    n = len(s["t"].strip().replace(" ", "").split("a")[0])
    s += f"{n}"
    s += lm.gen("x", max_tokens=2)
    return n


def attribute_and_type_errors(s):
    s += lm.gen("d", regex="[0-9]")
    if int(s["d"]) > 4:
        s += s["d"] + 1
    s += lm.gen("x", max_tokens=2)
    return s["d"].nothing


def appended_number(s, n):
    s += "n is "
    s += n
    s += lm.gen("x", max_tokens=2)


CASES = [
    Case(arithmetic),
    Case(string_methods),
    Case(slicing_and_indexing),
    Case(split_and_unpack),
    Case(split_into_names),
    Case(unpack_may_fail),
    Case(parsed_json),
    Case(lookup_by_generated_key),
    Case(dict_built_from_generations),
    Case(set_operations),
    Case(sorting),
    Case(lazy_any),
    Case(lazy_all_raises),
    Case(comprehensions, ({"xs": [1, 2, 3]}, {"xs": []})),
    Case(mutated_list),
    Case(mutated_dict),
    Case(deleted_items),
    Case(grouped_in_dict, expects="either"),
    Case(regular_expressions),
    Case(math_and_chr),
    Case(membership_in_tuple),
    Case(comparing_states_of_text),
    Case(integer_conversion_fails),
    Case(star_in_literals, expects="either"),
    Case(chained_calls),
    Case(attribute_and_type_errors, raises=True),
    Case(appended_number, ({"n": 3}, {"n": None}, {"n": ["a"]}), raises=True),
]
