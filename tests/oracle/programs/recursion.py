"""Functions that call themselves until the model says so: as one region of the graph, its body once."""

from __future__ import annotations

import functools

import lmc as lm
from tests.oracle.programs.case import Case

LOG: list[object] = []


def ask(s):
    s += "more? " + lm.gen("done", regex="[yn]")
    return s["done"] == "y"


def solve(s):
    if ask(s):
        return 0
    return 1 + solve(s)


def until_it_says_so(s):
    s += "begin "
    n = solve(s)
    s += f" after {n}: " + lm.gen("end", max_tokens=2)
    return n


def nothing_returned(s):
    def go(x):
        x += lm.gen("w", regex="[a-c]")
        if x["w"] != "a":
            go(x)
            x += "."

    go(s)
    s += lm.gen("end", max_tokens=2)
    return s["w"]


def early_returns(s):
    def go(x, word):
        x += word + lm.gen("k", regex="[0-3]")
        if x["k"] == "0":
            return "zero"
        if x["k"] == "1":
            x += " one "
            return go(x, "again ")
        if x["k"] == "2":
            return "two" + word
        x += "!"
        return go(x, word + "x")

    out = go(s, "start ")
    s += lm.gen("end", max_tokens=2)
    return out


def tree(s, budget):
    s += lm.gen("leaf", regex="[ynz]")
    if s["leaf"] != "y" or budget == 0:
        return s["leaf"]
    left, right = s.fork(2)
    left += "L"
    right += "R"
    a = tree(left, budget - 1)
    b = tree(right, budget - 1)
    s += a + b
    return f"({a}{b})"


def two_calls_on_forks(s):
    s += "n: " + lm.gen("n", regex="[2-4]")
    out = tree(s, int(s["n"]))
    s += lm.gen("end", max_tokens=2)
    return out


def forks_that_are_joined(s):
    def split(x):
        x += lm.gen("go", regex="[abc]")
        if x["go"] != "a":
            return 1
        left, right = x.fork(2)
        n = split(left) + split(right)
        left += lm.gen("l", max_tokens=2)
        right += lm.gen("r", max_tokens=2)
        x += left["l"] + right["r"] + str(n)
        return n

    n = split(s)
    return n, s.text()


def even(s):
    s += lm.gen("e", regex="[yn]")
    return "even" if s["e"] == "y" else odd(s)


def odd(s):
    s += "-" + lm.gen("o", regex="[yn]")
    if s["o"] == "y":
        return "odd"
    return even(s)


def mutual(s):
    out = even(s)
    s += out + lm.gen("end", max_tokens=2)
    return out


def mutual_twice_and_each_itself(s):
    def a(x, n):
        x += lm.gen("a", regex="[0-4]")
        if x["a"] == "0":
            return n
        if x["a"] == "1":
            return a(x, n + 1)
        return b(x, n + 10)

    def b(x, n):
        x += lm.gen("b", regex="[0-3]")
        if x["b"] == "0":
            return -n
        return b(x, n + 100) if x["b"] == "1" else a(x, n)

    first = a(s, 0)
    return first, b(s, 7)


def tuples(s):
    def go(x, path):
        x += lm.gen("k", regex="[ab]")
        if x["k"] == "a":
            return path, len(path), x["k"]
        whole, n, last = go(x, path + x["k"])
        return whole + "<", n + 1, last + "b"

    whole, n, last = go(s, "p")
    s += f"{whole}{n}{last}" + lm.gen("end", max_tokens=2)
    return whole, n


def strings(s):
    def go(x):
        x += lm.gen("k", regex="[ab]")
        return "." if x["k"] == "a" else x["k"] + go(x)

    s += go(s).upper()
    return s.text()


def counter(s):
    def go(x, n=0):
        x += f"{n}:" + lm.gen("k", regex="[abc]")
        return n if x["k"] == "a" else go(x, n + 1)

    s += str(go(s))
    return go(s, 5) * 2


def numbers_and_floats(s):
    def go(x, n):
        x += lm.gen("k", regex="[abc]")
        if x["k"] == "a" or n > 40:
            return n
        return go(x, n * 1.5) if x["k"] == "b" else go(x, n + 1)

    return go(s, 1)


def exception_at_the_bottom(s):
    def go(x, n):
        x += lm.gen("k", regex="[abc]")
        LOG.append(n)
        if x["k"] == "a":
            raise ValueError(f"deep {n}")
        if x["k"] == "b":
            return n
        return go(x, n + 1) + 1

    out = go(s, 0)
    s += lm.gen("end", max_tokens=2)
    LOG.append("end")
    return out


def exception_by_an_operation(s):
    def go(x, n):
        x += lm.gen("k", regex="[0-3]")
        if n > 2:
            return 12 // int(x["k"])
        return go(x, n + int(x["k"]) + 1)

    return go(s, int(lm_digit(s)))


def lm_digit(s):
    s += lm.gen("first", regex="[01]")
    return s["first"]


def exception_caught_outside(s):
    def go(x):
        x += lm.gen("k", regex="[abc]")
        if x["k"] == "a":
            raise ValueError("deep")
        return 1 if x["k"] == "b" else go(x) + 1

    try:
        n = go(s)
    except ValueError as error:
        s += str(error)
        n = -1
    s += lm.gen("end", max_tokens=2)
    return n


def exception_caught_inside(s):
    def go(x, n):
        x += lm.gen("k", regex="[0-3]")
        try:
            part = 6 // int(x["k"])
        except ZeroDivisionError:
            x += "zero"
            return n
        return go(x, n + part)

    out = go(s, 0)
    s += lm.gen("end", max_tokens=2)
    return out


def effects_in_order(s):
    def go(x, n):
        LOG.append(("in", n))
        x += lm.gen("k", regex="[ab]")
        if x["k"] == "a":
            LOG.append("bottom")
            return 0
        got = go(x, n + 1)
        LOG.append(("out", n, got, x["k"]))
        return got + 1

    LOG.append("start")
    out = go(s, 0)
    LOG.append(out)
    s += lm.gen("end", max_tokens=2)
    return len(LOG)


def effects_on_forks(s):
    def go(x, name):
        LOG.append(name)
        x += lm.gen("k", regex="[abc]")
        if x["k"] != "a" or len(name) > 3:
            return name
        f, g = x.fork(2)
        return go(f, name + "l") + go(g, name + "r")

    out = go(s, "")
    LOG.append(out)
    return out


def inside_a_loop(s):
    total = 0
    s += lm.gen("n", regex="[1-3]")
    for i in range(int(s["n"])):
        total += solve(s) * i
        s += f"{total} "
    return total


def loop_inside(s):
    def go(x, n):
        x += lm.gen("k", regex="[0-2]")
        total = n
        for i in range(int(x["k"])):
            total += go(x, n + i + 1) if n < 3 else 1
        return total

    return go(s, 0)


def called_twice(s):
    a, b = s.fork(2)
    x, y = solve(a), solve(b)
    s += f"{x}{y}" + a["done"] + b["done"]
    return x, y, solve(s)


def returns_the_state(s):
    def go(x):
        x += lm.gen("k", regex="[ab]")
        if x["k"] == "a":
            return x
        return go(x)

    y = go(s)
    y += "tail " + lm.gen("end", max_tokens=2)
    return s["end"] + y.text()


def returns_a_fork(s):
    def go(x):
        child = x.fork(1)[0]
        child += lm.gen("k", regex="[ab]")
        if child["k"] == "a":
            return child
        return go(child)

    best = go(s)
    best += lm.gen("end", max_tokens=2)
    s += best["end"]
    return best.text()


def list_handed_on(s):
    def go(x, words):
        x += lm.gen("k", regex="[abc]")
        if x["k"] == "a":
            return "/".join(words)
        return go(x, [*words, x["k"]])

    return go(s, ["w"])


def list_that_is_changed(s):
    words = []

    def go(x, words):
        x += lm.gen("k", regex="[abc]")
        words.append(x["k"])
        if x["k"] != "a":
            go(x, words)

    go(s, words)
    s += "".join(words)
    return words


def list_changed_afterwards(s):
    def go(x, words):
        x += lm.gen("k", regex="[abc]")
        return words if x["k"] == "a" else go(x, words)

    own = ["w"]
    got = go(s, own)
    own.append("z")
    return got, own


def list_of_its_own_changed(s):
    def go(x, words):
        x += lm.gen("k", regex="[abc]")
        words = [*words, "n"]
        words.append(x["k"])
        return words if x["k"] == "a" else go(x, words)

    got = go(s, ["w"])
    got.append("z")
    return got


def enclosing_local_is_counted(s):
    n = 0

    def go(x):
        nonlocal n
        n += 1
        x += lm.gen("k", regex="[ab]")
        if x["k"] != "a":
            go(x)

    go(s)
    return n


def state_under_two_names(s):
    def go(x):
        x += lm.gen("k", regex="[ab]")
        if s["k"] != "a":
            go(x)

    go(s)
    return s["k"]


def other_state_is_written(s):
    log = s.fork(1)[0]

    def go(x):
        nonlocal log
        x += lm.gen("k", regex="[ab]")
        log += x["k"]
        if x["k"] != "a":
            go(x)

    go(s)
    return log.text()


def same_state_twice(s):
    def go(x, y):
        x += lm.gen("k", regex="[ab]")
        if y["k"] != "a":
            go(y, x)

    go(s, s)
    return s["k"]


def other_state_is_read(s):
    hint = s.fork(1)[0]
    hint += lm.gen("hint", max_tokens=2)

    def go(x):
        x += hint["hint"] + lm.gen("k", regex="[ab]")
        return hint.text() if x["k"] == "a" else go(x)

    return go(s)


def two_states(s):
    a, b = s.fork(2)

    def go(x, y):
        x += lm.gen("k", regex="[abc]")
        y += "heard " + x["k"]
        return x["k"] if x["k"] == "a" else go(y, x) if x["k"] == "b" else go(x, y)

    out = go(a, b)
    return out, a.text(), b.text()


def grown_by_roles(s):
    def go(x):
        x += lm.user("again?") + lm.assistant(lm.gen("k", regex="[ab]"))
        if x["k"] != "a":
            go(x)

    go(s)
    s += lm.user("end") + lm.assistant(lm.gen("end", max_tokens=2))
    return s.messages()


class Node:
    def __init__(self, word):
        self.word = word

    def solve(self, s, n):
        s += self.word + lm.gen("k", regex="[ab]")
        return n if s["k"] == "a" else self.solve(s, n + 1)


def method(s):
    return Node("node ").solve(s, 0)


def function_handed_on(s):
    def twice(x):
        x += "2"

    def go(x, f, n):
        f(x)
        x += lm.gen("k", regex="[ab]")
        return n if x["k"] == "a" else go(x, f, n + 1)

    return go(s, twice, 0), go(s, lambda x: None, 1)


def names_it_by_depth(s):
    def go(x, n):
        x += lm.gen(f"k{n}", regex="[ab]")
        return n if x[f"k{n}"] == "a" else go(x, n + 1)

    last = go(s, 0)
    return last, s[f"k{last}"], s["k0"]


def name_never_set(s):
    def go(x):
        if x["first"] == "y":
            return 1
        x += lm.gen("first", regex="[yn]")
        return go(x)

    return go(s)


def by_generated_number(s):
    s += lm.gen("x", regex="[0-4]")

    def fact(x, n):
        if n <= 1:
            x += "one"
            return 1
        return n * fact(x, n - 1)

    return fact(s, int(s["x"]))


def none_or_a_number(s):
    def go(x, n):
        x += lm.gen("k", regex="[abc]")
        if x["k"] == "a":
            return None
        if x["k"] == "b":
            return n
        return go(x, n + 1)

    found = go(s, 0)
    s += "none" if found is None else str(found)
    return found


def optional_argument(s):
    def go(x, before=None):
        x += lm.gen("k", regex="[abc]")
        if x["k"] == "a":
            return before
        return go(x, x["k"] if before is None else before + x["k"])

    return go(s)


def flag_of_every_kind(s):
    def go(x, *words, sep=",", **more):
        x += lm.gen("k", regex="[abc]")
        if x["k"] == "a":
            return sep.join(words) + str(more)
        return go(x, *words, sep=sep, **more)

    return go(s, "a", "b", sep="-", n=1)


def fork_in_a_list(s):
    def go(x, depth):
        x += lm.gen("k", regex="[abc]")
        if x["k"] == "a" or depth > 2:
            return 1
        return sum([go(child, depth + 1) for child in x.fork(3)])

    return go(s, 0)


class Counting:
    def __init__(self):
        self.n = 0

    def go(self, s):
        self.n += 1
        s += lm.gen("k", regex="[ab]")
        return self.n if s["k"] == "a" else self.go(s)


def object_that_counts(s):
    counting = Counting()
    return counting.go(s), counting.n


def inside_an_open_role(s):
    def go(x):
        x += lm.gen("k", regex="[ab]")
        if x["k"] != "a":
            go(x)

    with s.user():
        s += "hi"
        go(s)
    with s.assistant():
        s += lm.gen("end", max_tokens=2)
    return s.messages()


def opens_a_role_around_itself(s):
    def go(x, depth):
        x += lm.gen("k", regex="[ab]")
        if x["k"] != "a" and depth < 1:
            with x.user():
                x += "in"
                go(x, depth + 1)

    go(s, 0)
    return s.text()


def say(s):
    s += lm.gen("k", regex="[ab]")
    return s["k"]


def given_to_itself(s):
    f = lambda g, x, n: n if say(x) == "a" else g(g, x, n + 1)  # noqa: E731
    return f(f, s, 0)


def by_partial(s):
    def go(x, n, m):
        return (n, m) if say(x) == "a" else functools.partial(go, x, n + 1)(m)

    return go(s, 0, "m")


def in_a_comprehension(s):
    def go(x, depth):
        x += lm.gen("k", regex="[abc]")
        if x["k"] == "a" or depth > 2:
            return [depth]
        return [each for child in x.fork(2) for each in go(child, depth + 1)]

    return go(s, 0)


def in_a_while(s):
    def go(x, depth):
        n = 0
        while True:
            x += lm.gen("k", regex="[abc]")
            if x["k"] == "a" or depth > 2 or n > 4:
                return n
            n += 1 + go(x, depth + 1)

    return go(s, 0)


def in_a_handler(s):
    def go(x, depth):
        x += lm.gen("k", regex="[0-2]")
        try:
            part = 4 // int(x["k"])
        except ZeroDivisionError:
            return depth if depth > 3 else go(x, depth + 1)
        return part

    return go(s, 0)


def under_a_finally(s):
    def go(x, depth):
        try:
            return depth if say(x) == "a" or depth > 3 else go(x, depth + 1)
        finally:
            x += "."

    return go(s, 0), s.text()


def global_list_grows(s):
    def go(x):
        x += lm.gen("k", regex="[ab]") + str(len(LOG))
        LOG.append(x["k"])
        return list(LOG) if x["k"] == "a" else go(x)

    return go(s)


def live_list_is_handed_on(s):
    def go(x, words):
        words.append(say(x))
        return len(words) if x["k"] == "a" else go(x, words)

    return go(s, LOG)


def child_is_handed_on_and_the_parent_read(s):
    def go(x, depth):
        if say(x) == "a" or depth > 3:
            return x.text()
        child = x.fork(1)[0]
        said = go(child, depth + 1)
        return said + "|" + x.text() + child["k"]

    return go(s, 0)


def name_bound_on_some_paths(s):
    def go(x, depth):
        x += lm.gen("k", regex="[abc]")
        if x["k"] == "a":
            v = depth
        elif x["k"] == "b":
            v = go(x, depth + 1)
        return v

    return go(s, 0)


def dict_returned(s):
    def go(x, depth):
        if say(x) == "a":
            return {"depth": depth, "words": ["x"]}
        got = go(x, depth + 1)
        return {"depth": got["depth"] + 1, "words": got["words"] + [x["k"]]}

    return go(s, 0)


def state_read_through_a_list(s):
    kids = s.fork(2)

    def go(x, depth):
        return (depth, kids[0].text()) if say(x) == "a" else go(x, depth + 1)

    return go(kids[0], 0)


def state_taken_from_a_list(s):
    kids = s.fork(2)

    def go(i, depth):
        return depth if say(kids[i]) == "a" else go(1 - i, depth + 1)

    return go(0, 0), kids[0].text(), kids[1].text()


def words_one_by_one(s):
    def go(x, words):
        if not words:
            return ""
        x += words[0] + lm.gen("w", regex="[ab]")
        return x["w"] + go(x, words[1:])

    s += lm.gen("t", regex="[ab]( [ab]){0,4}")
    return go(s, s["t"].split())


def tuple_that_grows(s):
    def go(x, found=()):
        return found if say(x) == "a" else go(x, (*found, len(found)))

    return go(s)


def variable_set_on_the_way(s):
    def go(x, depth):
        x.set_var("depth", depth)
        return x["depth"] if say(x) == "a" else go(x, depth + 1)

    go(s, 0)
    return s["depth"]


# --- known and unknown arguments, and what each activation changes in place ----------------------------------


def called_with_a_known_and_an_unknown_number(s):
    def fact(n):
        return 1 if n < 2 else n * fact(n - 1)

    s += lm.gen("n", regex="[3-5]")
    return fact(4), fact(int(s["n"])), fact(1), fact(int(s["n"]) + 1) > 5


NEEDS = {"a": ["b", "c"], "b": ["c"], "c": [], "d": ["a", "e"], "e": ["d"]}


def visits_in_order(s):
    order, seen = [], set()

    def visit(name):
        if name in seen:
            return
        seen.add(name)
        for other in NEEDS[name]:
            visit(other)
        order.append(name)

    s += lm.select("t", ["a", "d"])
    visit(s["t"])
    visit("b")
    for name in order:
        s += f"{name}: " + lm.gen("log", max_tokens=2)
    return order, sorted(seen)


def remembers_in_a_dict(s):
    known, calls = {}, []

    def fib(n):
        calls.append(n)
        if n in known:
            return known[n]
        found = n if n < 2 else fib(n - 1) + fib(n - 2)
        known[n] = found
        return found

    s += lm.gen("n", regex="[3-7]")
    return fib(int(s["n"])), known, calls, fib(3)


def log_beside_a_state(s):
    log = []

    def ask(x, depth):
        x += lm.gen("more", regex="[yn]")
        log.append(depth)
        return ask(x, depth + 1) + 1 if x["more"] == "y" else 0

    return ask(s, 0), log


def argument_that_grows(s, words):
    def go(n):
        if n > 0:
            words.append(n)
            go(n - 1)

    s += lm.gen("n", regex="[0-3]")
    go(int(s["n"]))
    return words


def log_under_other_names(s):
    log = []
    same, table = log, {"log": log}

    def go(n):
        log.append(n)
        if n < 4:
            go(n + 1)

    s += lm.gen("n", regex="[1-3]")
    go(int(s["n"]))
    same.append("same")
    return log, table, log is same


def two_branches_and_a_log(s):
    found = []

    def walk(text, depth):
        found.append((text, depth))
        if depth < 2:
            walk(text + "l", depth + 1)
            walk(text + "r", depth + 1)

    s += lm.gen("t", regex="[ab]")
    walk(s["t"], 0)
    return found


def states_in_a_list(s):
    children = []

    def go(x, depth):
        child = x.fork(1)[0]
        child += lm.gen("k", regex="[ab]")
        children.append(child)
        if child["k"] == "b" and depth < 3:
            go(x, depth + 1)

    go(s, 0)
    return [child["k"] for child in children]


def paths_are_kept(s):
    kept = []

    def walk(n, path):
        if n == 0:
            kept.append(list(path))
            kept[:0] = [path[:]]
            return len(path)
        path.append(n)
        found = walk(n - 1, path)
        path.pop()
        return found

    s += lm.gen("n", regex="[1-4]")
    path = ["root"]
    return walk(int(s["n"]), path), kept, path


def path_is_returned(s):
    def walk(n, path):
        if n == 0:
            return path[:]
        path.append(n)
        found = walk(n - 1, path)
        path.pop()
        return found

    s += lm.gen("n", regex="[1-4]")
    return walk(int(s["n"]), [])


def level_is_put_back(s):
    level, seen = 0, []

    def go(n):
        nonlocal level
        seen.append(level)
        if n == 0:
            return level
        level += 1
        found = go(n - 1)
        level -= 1
        return found

    s += lm.gen("n", regex="[1-4]")
    return go(int(s["n"])), level, seen


class Walker:
    def __init__(self):
        self.depth, self.path = 0, []

    def go(self, n):
        self.depth += 1
        self.path.append(n)
        found = (self.depth, list(self.path)) if n == 0 else self.go(n - 1)
        self.depth -= 1
        self.path.pop()
        return found


def object_is_put_back(s):
    walker = Walker()
    s += lm.gen("n", regex="[1-4]")
    return walker.go(int(s["n"])), walker.depth, walker.path


CASES = [
    Case(paths_are_kept),
    Case(path_is_returned),
    Case(level_is_put_back, expects="either"),
    Case(object_is_put_back, expects="either"),
    Case(tuple_that_grows, expects="either"),
    Case(loop_inside, expects="either"),
    *map(Case, (
        until_it_says_so, nothing_returned, early_returns, two_calls_on_forks, forks_that_are_joined, mutual,
        mutual_twice_and_each_itself, tuples, strings, counter, numbers_and_floats, inside_a_loop,
        called_twice, returns_the_state, returns_a_fork, list_handed_on, other_state_is_read, two_states,
        grown_by_roles, method, function_handed_on, names_it_by_depth, by_generated_number, none_or_a_number,
        optional_argument, exception_by_an_operation, exception_caught_inside, fork_in_a_list,
        list_of_its_own_changed, inside_an_open_role, given_to_itself, by_partial,
        in_a_handler, child_is_handed_on_and_the_parent_read, name_bound_on_some_paths,
        words_one_by_one, variable_set_on_the_way, called_with_a_known_and_an_unknown_number, visits_in_order,
        list_that_is_changed, remembers_in_a_dict, log_beside_a_state, log_under_other_names, two_branches_and_a_log,
    )),
    Case(argument_that_grows, ({"words": ["a"]}, {"words": []})),
    Case(states_in_a_list, expects="either"),
    Case(exception_at_the_bottom, log=LOG),
    Case(effects_in_order, log=LOG),
    Case(effects_on_forks, log=LOG),
    Case(global_list_grows, log=LOG),
    Case(live_list_is_handed_on, log=LOG),
    Case(name_never_set, raises=True),
    *(Case(fn, expects="break", code="LMC-GB012") for fn in (
        list_changed_afterwards, enclosing_local_is_counted, state_under_two_names,
        other_state_is_written, same_state_twice, exception_caught_outside, object_that_counts,
        in_a_comprehension, in_a_while, dict_returned,
        opens_a_role_around_itself, under_a_finally, state_read_through_a_list, state_taken_from_a_list,
    )),
    Case(flag_of_every_kind, expects="either"),
]  # fmt: skip
