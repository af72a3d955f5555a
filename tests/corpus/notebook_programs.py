"""Programs as they stand in notebooks: globals, counters, comprehensions, lambdas, quick classes, f-string tricks."""

from __future__ import annotations

import collections
import copy
import dataclasses
import datetime
import functools
import html
import itertools
import json
import math
import operator
import random
import re
import string
import textwrap
import time
from dataclasses import dataclass
from pprint import pformat
from types import SimpleNamespace

from lmc import assistant, gen, select, system, user
from tests.corpus.registry import registry

RUNS, runs = registry()

TEMPERATURE = 0.7
STOP = ["\n"]
FEWSHOT = """
Input: {input}
Output: """
CALLS = 0
LOG: list[str] = []
CACHE: dict[str, str] = {}


# --- globals and counters ---------------------------------------------------------------------------------------


def count_call() -> int:
    global CALLS
    CALLS += 1
    return CALLS


@runs({"n": 3})
def global_counter(s, n):
    global CALLS
    CALLS = 0
    for _ in range(n):
        s += f"call {count_call()}: " + gen("x", max_tokens=2) + "\n"
    return CALLS


@runs({"xs": ["a", "b"]})
def global_log(s, xs):
    LOG.clear()
    for x in xs:
        s += x + gen("y", max_tokens=2, temperature=TEMPERATURE, stop=STOP) + "\n"
        LOG.append(f"{x}:{len(s['y'])}")
    return list(LOG), len(LOG)


def cached(s, key):
    if key not in CACHE:
        s += f"{key}? " + gen("v", max_tokens=2, stop="\n") + "\n"
        CACHE[key] = s["v"]
    return CACHE[key]


@runs({"keys": ["p", "q", "p"]})
def cache_in_a_global_dict(s, keys):
    CACHE.clear()
    values = [cached(s, key) for key in keys]
    return values[0] == values[2], sorted(CACHE)


class Usage:
    total = 0

    @classmethod
    def add(cls, n):
        cls.total += n
        return cls.total


@runs({"n": 2})
def class_attribute_counter(s, n):
    Usage.total = 0
    for i in range(n):
        s += f"{i}" + gen("x", max_tokens=2)
        Usage.add(len(s["x"]))
    return Usage.total == sum([Usage.total])


def numbered(s, text):
    numbered.calls += 1
    s += f"{numbered.calls}. {text} " + gen("t", max_tokens=2) + "\n"


numbered.calls = 0  # type: ignore[attr-defined]


@runs({})
def function_attribute_counter(s):
    numbered.calls = 0
    for text in ("x", "y"):
        numbered(s, text)
    return numbered.calls, s.text()[0]


def collector(item, into=None):
    into = [] if into is None else into
    into.append(item)
    return into


@runs({"xs": ["a", "b"]})
def default_arguments(s, xs):
    ours = []
    for x in xs:
        collector(x, ours)
        s += str(collector(x)) + gen("g", max_tokens=2)
    return ours


def remembering(item, into=[]):  # noqa: B006
    into.append(item)
    return list(into)[-2:]


@runs({})
def mutable_default(s):
    s += gen("a", regex="[ab]")
    first = remembering(s["a"])
    return first[-1], remembering("z")[-1]


# --- comprehensions ---------------------------------------------------------------------------------------------


@runs({"reviews": ["good food", "bad bar", "ok"]})
def comprehension_pipeline(s, reviews):
    forks = s.fork(len(reviews))
    [f.__iadd__(f"{r}: " + select("l", ["pos", "neg"])) for f, r in zip(forks, reviews)]
    labels = {r: f["l"] for r, f in zip(reviews, forks)}
    by_label = {label: [r for r, x in labels.items() if x == label] for label in sorted(set(labels.values()))}
    return by_label


@runs({"text": "to be or not to be"})
def word_statistics(s, text):
    words = text.split()
    freq = {w: words.count(w) for w in sorted(set(words))}
    top = [w for w, n in sorted(freq.items(), key=lambda kv: (-kv[1], kv[0])) if n > 1]
    s += f"Common words: {', '.join(top)}. " + gen("remark", max_tokens=3)
    return freq, {n: [w for w, m in freq.items() if m == n] for n in set(freq.values())}


@runs({"n": 3})
def nested_comprehension(s, n):
    table = [[i * j for j in range(1, n + 1)] for i in range(1, n + 1)]
    s += "\n".join(" ".join(f"{x:>3}" for x in row) for row in table) + "\n" + gen("next", max_tokens=2)
    flat = [x for row in table for x in row if x % 2]
    return flat, sum(row[i] for i, row in enumerate(table))


@runs({"pairs": [("b", 2), ("a", 1)]})
def dict_comprehension_inverse(s, pairs):
    d = dict(pairs)
    inverse = {v: k for k, v in d.items()}
    s += json.dumps(inverse, sort_keys=True) + gen("x", max_tokens=2)
    return inverse, [*d], {**d, "c": 3}, d | {"a": 9}


@runs({"xs": [3, 1, 2]})
def walrus_in_comprehension(s, xs):
    s += gen("n", regex="[1-3]")
    n = int(s["n"])
    big = [y for x in xs if (y := x * n) > 3]
    last = None
    if (m := max(big, default=0)) > 5:
        last = m
    return big, last


@runs({"lines": ["# a", "b", "", "# c"]})
def filter_map_lambda(s, lines):
    comments = list(filter(lambda line: line.startswith("#"), lines))
    body = [*map(str.strip, filter(None, (line for line in lines if line not in comments)))]
    s += "\n".join(body) + gen("x", max_tokens=2)
    return comments, body, any(map(len, body)), all(line for line in lines)


@runs({"words": ["pear", "fig", "apple"]})
def lambdas_in_sort_keys(s, words):
    s += ", ".join(sorted(words, key=len)) + gen("x", max_tokens=2)
    return (
        sorted(words, key=lambda w: (len(w), w)),
        max(words, key=lambda w: w.count("p")),
        sorted(words, key=lambda w: w[-1], reverse=True),
        min(words, key=str.lower),
    )


@runs({"n": 2})
def list_of_closures(s, n):
    adders = [lambda x, k=k: x + k for k in range(n)]
    late = [lambda x: x + k for k in range(n)]  # noqa: B023
    s += gen("d", regex="[0-9]")
    d = int(s["d"])
    return [f(d) - d for f in adders], [f(d) - d for f in late]


# --- f-strings and text -----------------------------------------------------------------------------------------


@runs({"name": "Bo", "price": 1234.5})
def format_tricks(s, name, price):
    width = 8
    s += f"{name!r:>{width}}|{name:*^{width}}|{price:,.2f}|{price:.1e}|{int(price):#x}|{0.256:.0%}\n"
    s += f"{{literal}} {name.upper()[::-1]} {'yes' if price > 1000 else 'no'} {price=:.1f} "
    s += gen("x", max_tokens=2)
    return f"{s['x']!s:>6}" == s["x"].rjust(6), f"{datetime.date(2024, 2, 29):%d %B %Y}"


@runs({"topic": "tea"})
def multi_line_prompt(s, topic):
    prompt = f"""
    You write about {topic}.
      - be short
      - be kind
    """
    s += textwrap.dedent(prompt).strip() + "\n" + gen("x", max_tokens=3)
    return textwrap.shorten(prompt, 20), textwrap.fill(prompt.strip(), 12).count("\n")


@runs({"text": "Hello, World! 123"})
def string_methods(s, text):
    s += text.casefold() + gen("x", regex="[a-z]{3}")
    x = s["x"]
    return (
        x.capitalize() + x.center(7, "-") + x.zfill(5),
        text.partition(", ")[2].rstrip("!123 "),
        [c for c in text if c.isdigit()],
        x.isalpha() and not x.isupper(),
        text.translate(str.maketrans("", "", string.punctuation)),
        x.encode().hex()[:2] == format(ord(x[0]), "x"),
    )


@runs({"text": "a-b_c d"})
def slug_and_case(s, text):
    parts = re.split(r"[-_ ]", text)
    camel = "".join(p.title() for p in parts)
    snake = re.sub(r"(?<!^)(?=[A-Z])", "_", camel).lower()
    s += f"{camel} {snake} " + gen("x", max_tokens=2)
    return camel, snake, "-".join(parts[::-1])


@runs({"doc": "intro: a\nbody: b\nend: c"})
def slices_and_unpacking(s, doc):
    lines = doc.split("\n")
    head, *middle, tail = lines
    first_key, first_value = head.split(": ")
    s += f"{first_key}={first_value} " + gen("x", regex="[a-f]{6}")
    x = s["x"]
    a, b, *rest = x
    return middle, tail[-1], x[::2], x[-2:], x[1:-1], (a, b, len(rest)), lines[:1] + lines[2:]


@runs({"xml": "<b>hi</b>"})
def escape_and_tags(s, xml):
    s += html.escape(xml) + "<out>" + gen("out", regex="[a-z]{2}&[a-z]") + "</out>"
    inner = re.search(r"<out>(.*)</out>", s.text()).group(1)
    return inner == s["out"], html.escape(inner), re.findall(r"&(\w)", inner)


@runs({"items": ["a", "b"]})
def pretty_prompt(s, items):
    state = {"items": items, "nested": {"k": [1, 2]}}
    s += pformat(state) + "\n" + json.dumps(state, indent=2) + gen("x", max_tokens=2)
    return pformat(state, width=20).count("\n")


@runs({"text": "x=1;y=2"})
def parse_settings(s, text):
    settings = dict(part.split("=", 1) for part in text.split(";"))
    numbers = {k: int(v) for k, v in settings.items()}
    s += " ".join(f"{k}:{v}" for k, v in numbers.items()) + gen("z", regex=" z=[0-9]")
    key, _, value = s["z"].strip().partition("=")
    numbers[key] = int(value)
    return sum(numbers.values()) - numbers["z"], list(numbers)


# --- prints, timings, scratch -----------------------------------------------------------------------------------


@runs({"xs": ["a", "b"]})
def print_as_you_go(s, xs):
    for i, x in enumerate(xs):
        print(f"[{i}] {x}", end=" ")
        s += x + gen("y", max_tokens=2)
        print("->", s["y"], sep="", flush=True)
    print("done", len(xs), sep="\t")


@runs({"x": "a"})
def timed_call(s, x):
    start = time.perf_counter()
    s += x + gen("y", max_tokens=2)
    _ = s["y"]
    elapsed = time.perf_counter() - start
    return elapsed >= 0, f"{x}: {'fast' if elapsed < 100 else 'slow'}"


@runs({"x": "a"})
def assertions_in_cells(s, x):
    s += x + select("c", ["a", "b"])
    assert s["c"] in ("a", "b"), s["c"]
    assert isinstance(x, str) and x
    return len(s["c"])


@runs({"n": 2})
def scratch_namespace(s, n):
    ns = SimpleNamespace(total=0, seen=[])
    for i in range(n):
        s += f"{i}: " + gen("d", regex="[0-9]") + " "
        ns.total += int(s["d"])
        ns.seen.append(s["d"])
    return ns.total, ns.seen, ns == SimpleNamespace(total=ns.total, seen=ns.seen)


@dataclass(frozen=True)
class Settings:
    model: str = "tiny"
    max_tokens: int = 3
    stop: tuple[str, ...] = ("\n",)

    def with_(self, **changes):
        return dataclasses.replace(self, **changes)


@runs({"topic": "sun"})
def frozen_settings(s, topic):
    base = Settings()
    short = base.with_(max_tokens=1)
    s += topic + gen("a", max_tokens=base.max_tokens, stop=list(base.stop))
    s += gen("b", max_tokens=short.max_tokens)
    try:
        base.max_tokens = 5  # type: ignore[misc]
    except dataclasses.FrozenInstanceError as error:
        return str(error), hash(base) == hash(Settings()), base == short
    return None


@runs({"state": {"a": [1], "b": {"c": 2}}})
def deep_and_shallow_copy(s, state):
    deep, shallow = copy.deepcopy(state), copy.copy(state)
    s += str(sorted(state)) + gen("x", regex="[0-9]")
    deep["a"].append(int(s["x"]))
    shallow["d"] = s["x"]
    return state, len(deep["a"]), "d" in shallow


@runs({"n": 4})
def random_with_seed(s, n):
    random.seed(42)
    order = list(range(n))
    random.shuffle(order)
    picks = random.choices("abc", weights=[1, 2, 3], k=2)
    s += f"{order} {picks} " + gen("x", max_tokens=2)
    return order, picks, random.random() < 1, random.sample(order, 2)


@runs({"values": [1, 2, 3, 4]})
def itertools_tour(s, values):
    pairs = list(itertools.pairwise(values))
    head = list(itertools.takewhile(lambda v: v < 3, values))
    tail = list(itertools.dropwhile(lambda v: v < 3, values))
    chained = list(itertools.chain.from_iterable([head, tail]))
    s += f"{pairs} " + gen("n", regex="[1-3]")
    n = int(s["n"])
    return list(itertools.islice(chained, n)), list(itertools.repeat("x", n)), list(itertools.starmap(pow, pairs))


@runs({"values": [1, 2, 3]})
def functools_tour(s, values):
    product = functools.reduce(operator.mul, values, 1)
    double = functools.partial(operator.mul, 2)
    s += f"{product} " + gen("n", regex="[1-9]")
    n = int(s["n"])
    compose = lambda *fs: functools.reduce(lambda f, g: lambda x: g(f(x)), fs)  # noqa: E731
    return product, [*map(double, values)], compose(double, str, len)(n), operator.itemgetter(0, 2)(values)


@runs({"text": "abracadabra"})
def collections_tour(s, text):
    counts = collections.Counter(text)
    groups = collections.defaultdict(list)
    for i, c in enumerate(text):
        groups[c].append(i)
    window = collections.deque(maxlen=3)
    for c in text:
        window.append(c)
    s += f"{counts.most_common(2)} {''.join(window)} " + gen("x", regex="[abr]")
    return groups[s["x"]][0] == text.index(s["x"]), counts[s["x"]] > 1, list(window)


@runs({"x": 0.1})
def maths_tour(s, x):
    s += f"{math.sqrt(16):.0f} {math.pi:.3f} {round(x * 3, 2)} " + gen("d", regex="[1-9]")
    d = int(s["d"])
    return math.isclose(x * 3, 0.3), math.gcd(d, 12), d // 2, -d // 2, d % 3, divmod(d, 4), math.floor(-d / 2), d**2 & 1


@runs({"a": 1, "b": "1"})
def truthiness(s, a, b):
    s += gen("x", regex="[01]")
    x = s["x"]
    flags = [bool(x), bool(int(x)), x == b, x is None, not x, a == int(b), [] or x == "", x and {}]
    return sum(map(bool, flags[:3])) - bool(int(x)) - (x == b), flags[3:], a and b, s["x"] and "default"


@runs({"rows": [[1, 2], [3, 4]]})
def while_with_flags(s, rows):
    found = False
    i = 0
    while not found and i < len(rows):
        for j, value in enumerate(rows[i]):  # noqa: B007
            s += f"is {value} it? " + select("it", ["yes", "no"]) + "\n"
            if s["it"] == "yes":
                found = True
                break
        else:
            s += "next row\n"
        i += 1
    return found, i, j


@runs({"n": 2})
def nested_functions_nonlocal(s, n):
    count, history = 0, []

    def step(label):
        nonlocal count
        count += 1
        history.append((count, label))
        return f"{count}:{label} "

    for i in range(n):
        s += step(f"in{i}") + gen("x", max_tokens=2)
        if i == n - 1:
            s += step("last")
    return count, history


@runs({"text": "q"})
def try_finally_order(s, text):
    trace = []
    for kind in ("ok", "bad"):
        try:
            trace.append(f"try {kind}")
            s += text + gen("x", max_tokens=2)
            if kind == "bad":
                raise LookupError(kind)
        except LookupError as error:
            trace.append(f"except {error.args[0]}")
        else:
            trace.append("else")
        finally:
            trace.append("finally")
    return trace


def checked(s, name):
    s += name + " " + gen("v", regex="[0-9]")
    value = int(s["v"])
    if value > 4:
        raise OverflowError(f"{name} too large")
    return value


@runs({"names": ["a", "b", "c"]})
def exceptions_from_helpers(s, names):
    good, bad = {}, []
    for name in names:
        try:
            good[name] = checked(s, name)
        except OverflowError as error:
            bad.append(str(error))
    return sorted(good) + [b.split()[0] for b in bad] != names or True, len(good) + len(bad)


@runs({"questions": ["a", "b"]})
def system_then_loop(s, questions):
    s += system("Short answers.")
    for i, q in enumerate(questions):
        s += user(f"Q{i + 1}/{len(questions)}: {q}")
        s += assistant(gen(f"a{i}", max_tokens=3))
    answers = [s[f"a{i}"] for i in range(len(questions))]
    return dict(zip(questions, answers)), FEWSHOT.format(input=answers[0]).strip().split("\n")[1]


@runs({"x": "z"})
def complex_return(s, x):
    s += x + gen("a", max_tokens=2) + select("b", ["p", "q"])
    return {"a": s["a"], "b": [s["b"], (s["b"], None)], "n": {len(s["a"]): {s["b"]}}, "t": True, "f": 1.5}


@runs({"used": 1, "it": [2, 3]})
def unlucky_names(s, used, it):
    text = value = 0
    for content in it:
        if used > 3:
            break
        used += content
        text += len(str(content))
    s += f"{used} {text} " + gen("ret", max_tokens=1)
    frozen = s["ret"] if used else value
    return used, text, frozen == s["ret"]
