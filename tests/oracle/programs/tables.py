"""Functions, expressions and states chosen by a run-time key: tables of tools, roles and nodes, partial, lambdas."""

from __future__ import annotations

import functools

import lmc as lm
from lmc import assistant, system, user
from tests.oracle.programs.case import Case

LOG: list = []


def note(x):
    LOG.append(x)
    return x


def search(q):
    return "found " + q


def calc(q):
    note(q)
    return f"= {len(q)}"


def fails(q):
    raise LookupError("no " + q)


def tool_table(s):
    tools = {"search": search, "calc": calc}
    s += lm.select("t", ["search", "calc"]) + lm.gen("q", max_tokens=1)
    s += tools[s["t"]](s["q"])
    s += lm.gen("end", max_tokens=1)


def tool_that_is_missing(s):
    tools = {"search": search, "calc": calc}
    s += lm.select("t", ["search", "calc", "fly"])
    s += tools[s["t"]](note("argument"))


def tool_that_fails(s):
    tools = {"search": search, "fails": fails}
    s += lm.select("t", ["search", "fails"])
    s += tools[s["t"]]("x")


def tool_or_default(s):
    tools = {"search": search, "calc": calc}
    s += lm.select("t", ["search", "calc", "fly"])
    tool = tools.get(s["t"])
    if tool is None:
        s += "unknown tool"
    else:
        s += tool("x")
    return (tool is not None), s["t"] in tools, s["t"] not in tools


def tool_with_a_default_function(s):
    tools = {"search": search}
    s += lm.select("t", ["search", "fly"])
    s += tools.get(s["t"], lambda q: "default " + q)("x")


def tool_none_is_called(s):
    tools = {"search": search}
    s += lm.select("t", ["search", "fly"])
    return tools.get(s["t"])("x")


def lambda_table(s):
    ops = {"add": lambda a: a + 1, "mul": lambda a: a * 2}
    s += lm.select("op", ["add", "mul"])
    return ops[s["op"]](3)


def list_of_functions(s):
    steps = [search, calc, lambda q: q * 2]
    s += lm.gen("i", regex="[0-4]")
    s += steps[int(s["i"])]("x")
    s += lm.gen("end", max_tokens=1)


def tuple_of_functions(s):
    steps = (search, calc)
    s += lm.gen("i", regex="[0-2]")
    s += steps[int(s["i"]) - 1]("x")


def function_chosen_by_if(s):
    s += lm.select("c", ["y", "n"])
    if s["c"] == "y":
        f = search
    else:
        f = calc
    s += f("x")
    s += f("y")


def function_chosen_twice(s):
    s += lm.select("c", ["y", "n"]) + lm.select("d", ["y", "n"])
    f = search if s["c"] == "y" else calc if s["d"] == "y" else (lambda q: "lambda " + q)
    g = f if s["d"] == "y" else search
    return f("a"), g("b"), f is g


def function_or_none(s):
    s += lm.select("c", ["y", "n"])
    f = None
    if s["c"] == "y":
        f = search
    if f:
        s += f("x")
    return f is None


def lambda_over_a_value_of_its_arm(s):
    s += lm.select("c", ["y", "n"])
    if s["c"] == "y":
        t = s["c"].upper()
        f = lambda q, t=t: q + t  # noqa: E731
    else:
        f = lambda q: q  # noqa: E731
    return f("x")


def lambda_reads_a_name_of_its_arm(s):
    s += lm.select("c", ["y", "n"])
    if s["c"] == "y":
        t = s["c"].upper()
        f = lambda q: q + t  # noqa: E731
    else:
        t = "other"
        f = lambda q: t + q  # noqa: E731
    return f("x")


def greet(s, st):
    s += "greet "
    s += lm.select("next", ["work", "end"])
    st["visits"] += 1
    return s["next"]


def work(s, st):
    s += "work "
    s += lm.gen("w", max_tokens=1)
    s += lm.select("next", ["work", "greet", "end"])
    st["visits"] += 10
    st["last"] = s["w"]
    return s["next"]


def graph_of_nodes(s):
    nodes = {"greet": greet, "work": work}
    st = {"visits": 0, "last": ""}
    node = "greet"
    for _ in range(4):
        if node == "end":
            break
        node = nodes[node](s, st)
    s += f"{st['visits']}{st['last']}"
    return node


def graph_of_nodes_until_the_end(s):
    nodes = {"greet": greet, "work": work}
    st = {"visits": 0, "last": ""}
    node = "greet"
    while node != "end":
        node = nodes[node](s, st)
    s += "done"
    return st["visits"] > 0


ROLES = {"user": user, "system": system, "assistant": assistant}


def roles_by_table(s, msgs):
    roles = {"user": user, "system": system, "assistant": assistant}
    for m in msgs:
        s += roles[m["role"]](m["content"])
    s += assistant(lm.gen("x", max_tokens=1))


def roles_by_a_global_table(s, msgs):
    for m in msgs:
        s += ROLES[m["role"]](m["content"])
    s += assistant(lm.gen("x", max_tokens=1))


def roles_of_the_state(s, msgs):
    for m in msgs:
        {"user": s.user, "system": s.system}[m["role"]](m["content"])
    s.assistant(lm.gen("x", max_tokens=1))


def role_by_if(s):
    s += lm.select("r", ["user", "system"])
    role = user if s["r"] == "user" else system
    s += role("text")
    s += assistant(lm.gen("x", max_tokens=1))


def expression_chosen(s):
    s += lm.select("c", ["y", "n"])
    e = lm.gen("a", max_tokens=2) if s["c"] == "y" else lm.gen("b", max_tokens=1)
    s += "then "
    s += e
    return "a" in s, "b" in s


def expression_chosen_with_text(s):
    s += lm.select("c", ["y", "n"])
    text = s["c"] + "!"
    e = "plain " if s["c"] == "y" else None
    e = user(text) if s["c"] == "y" else system(text)
    s += e
    s += assistant("it is " + lm.gen("a", max_tokens=2))


def expression_by_table(s):
    kinds = {"int": lm.gen("v", regex="[0-9]"), "word": lm.gen("v", regex="[a-z]")}
    s += lm.select("k", ["int", "word"])
    s += " is " + s["k"]
    s += kinds[s["k"]]
    return s["v"]


def ask(s, q, style="long"):
    s += f"{q} ({style}) "
    s += lm.gen("r", max_tokens=1)
    return s["r"]


def partial_with_state(s):
    short = functools.partial(ask, style="short")
    bound = functools.partial(ask, s, "again")
    a, b = short(s, "q"), bound(style="odd")
    return a, b, short.keywords, short.func is ask


def partial_of_partial(s):
    p = functools.partial(functools.partial(ask, s, style="x"), "q")
    p()
    return p(style="y")


def partial_in_a_table(s):
    ways = {"short": functools.partial(ask, style="short"), "none": functools.partial(ask, q="none")}
    s += lm.select("w", ["short", "none"])
    if s["w"] == "short":
        return ways[s["w"]](s, "q")
    return ways["none"](s)


def partial_given_to_python(s):
    s += lm.gen("x", max_tokens=2)
    return list(map(functools.partial(calc_with, base=2), s["x"]))


def calc_with(x, base):
    return x * base


def partial_wrong_arguments(s):
    return functools.partial(ask, s, "q")("style", "more")


def states_by_name(s):
    states = {"a": s.fork(1)[0], "b": s.fork(1)[0]}
    for _ in range(3):
        s += lm.select("k", ["a", "b"])
        states[s["k"]] += "picked "
        states[s["k"]] += lm.gen("x", max_tokens=1)
        s += states[s["k"]]["x"]
    return states["a"].text(), states["b"].text()


def states_by_name_method(s):
    states = {"a": s.fork(1)[0], "b": s.fork(1)[0]}
    s += lm.select("k", ["a", "b", "c"])
    chosen = states[s["k"]]
    chosen += "x"
    return chosen.text(), states["a"].text(), s["k"] in states


def apply_to(f, s, *args):
    return f(s, *args)


def function_passed_to_a_helper(s):
    def inner(t, n):
        t += f"{n} "
        t += lm.gen("i", max_tokens=1)
        return t["i"]

    a = apply_to(inner, s, 1)
    b = apply_to(lambda t: inner(t, 2) + "!", s)
    return a, b, apply_to(ask, s, "q")


def tables_in_tables(s):
    tree = {"x": {"f": search, "g": calc}, "y": {"f": calc, "g": search}}
    s += lm.select("k", ["x", "y"])
    return tree[s["k"]]["f"]("q")


def function_in_a_tuple_with_text(s):
    tools = {"search": ("finds", search), "calc": ("counts", calc)}
    s += lm.select("t", ["search", "calc"])
    what, fn = tools[s["t"]]
    s += what + fn("x")
    s += ", ".join(f"{k}: {v[0]}" for k, v in tools.items())


def table_changed(s):
    tools = {"search": search}
    s += lm.select("c", ["y", "n"])
    if s["c"] == "y":
        tools["more"] = calc
    tools["search"] = calc
    s += tools["search"]("x")
    return "more" in tools


def unhashable_key(s):
    tools = {"search": search}
    s += lm.gen("x", max_tokens=1)
    return tools[s["x"].split()]("q")


def function_compared(s):
    tools = {"search": search, "calc": calc}
    s += lm.select("t", ["search", "calc"])
    f = tools[s["t"]]
    return f is search, f == calc, f != search, bool(f)


def sum_of_a_pipeline(s):
    steps = [str.upper, str.strip, lambda x: x + "."]
    s += lm.gen("x", max_tokens=2)
    text = s["x"]
    for step in steps:
        text = step(text)
    s += text
    s += lm.gen("end", max_tokens=1)


def decorator_of_the_users(s):
    return logged_ask(s, "q")


def logged(fn):
    @functools.wraps(fn)
    def wrapper(*args, **kwargs):
        note(len(args))
        return fn(*args, **kwargs)

    return wrapper


logged_ask = logged(ask)


MESSAGES = ({"msgs": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]},)
CASES = [
    Case(tool_table, log=LOG),
    Case(tool_that_is_missing, log=LOG),
    Case(tool_that_fails),
    Case(tool_or_default, log=LOG),
    Case(tool_with_a_default_function),
    Case(tool_none_is_called),
    Case(lambda_table),
    Case(list_of_functions, log=LOG),
    Case(tuple_of_functions, log=LOG),
    Case(function_chosen_by_if, log=LOG),
    Case(function_chosen_twice, log=LOG, expects="either"),
    Case(function_or_none),
    Case(lambda_over_a_value_of_its_arm, expects="either"),
    Case(lambda_reads_a_name_of_its_arm, expects="either"),
    Case(graph_of_nodes),
    Case(graph_of_nodes_until_the_end, expects="either"),
    Case(roles_by_table, MESSAGES),
    Case(roles_by_a_global_table, MESSAGES),
    Case(roles_of_the_state, MESSAGES),
    Case(role_by_if),
    Case(expression_chosen),
    Case(expression_chosen_with_text),
    Case(expression_by_table),
    Case(partial_with_state),
    Case(partial_of_partial),
    Case(partial_in_a_table),
    Case(partial_given_to_python),
    Case(partial_wrong_arguments, raises=True),
    Case(states_by_name),
    Case(states_by_name_method),
    Case(function_passed_to_a_helper),
    Case(tables_in_tables, log=LOG),
    Case(function_in_a_tuple_with_text, log=LOG),
    Case(table_changed, log=LOG, expects="either"),
    Case(unhashable_key, raises=True),
    Case(function_compared),
    Case(sum_of_a_pipeline),
    Case(decorator_of_the_users, log=LOG),
]
