"""Arguments of every shape: nested, empty, None, defaults, keyword-only, used as counts, names and choices."""

from __future__ import annotations

from dataclasses import dataclass

import lmc as lm
from tests.oracle.programs.case import Case


@dataclass
class Person:
    """An argument that is an object of the user's own."""

    name: str
    age: int

    def greet(self):
        return f"I am {self.name}"


def nested_structure(s, job):
    s += f"{job['title']}: "
    for step in job["steps"]:
        s += f"{step['name']} x{step['times']} "
        for tag in step.get("tags", ()):
            s += tag
    s += lm.gen("x", max_tokens=3)
    return len(job["steps"]), job.get("owner")


def defaults(s, name="nobody", shots=(("a", "b"),), *, polite=False, limit=None):
    for q, a in shots:
        s += f"{q}->{a};"
    if polite:
        s += "please "
    if limit is not None:
        s += f"at most {limit} "
    s += name
    s += lm.gen("x", max_tokens=3)
    return name if limit is None else limit


def fork_count(s, n):
    forks = s.fork(n)
    forks += lambda i: f"{i}/{n} "
    forks += lm.gen("x", max_tokens=3)
    forks.join()
    return s["x"]


def dynamic_names(s, names):
    for name in names:
        s += lm.gen(name, max_tokens=3)
    for i, name in enumerate(names):
        s[f"copy_{i}"] = s[name]
    return {name: s[name] for name in names}


def generated_name(s):
    """A name that is itself generated."""
    s += lm.gen("name", regex="[ab]")
    s += lm.gen(s["name"], max_tokens=3)
    s["v_" + s["name"]] = 1
    return "a" in s, "b" in s, "v_a" in s


def choices_from_argument(s, options):
    s += lm.select("pick", options)
    s += lm.gen("again", choices=[o + "!" for o in options])
    return options.index(s["pick"])


def choices_from_generation(s):
    s += lm.gen("words", regex="[a-c]{2} [d-f]{2}")
    s += lm.select("pick", s["words"].split())
    return s["pick"]


def flags(s, verbose, tags, count):
    if verbose:
        s += "verbose "
    s += ",".join(tags) if tags else "no tags"
    s += "!" * count
    s += lm.gen("x", max_tokens=3)
    return verbose, tags, count


def object_argument(s, person):
    s += person.greet() + f" aged {person.age}"
    s += lm.gen("x", max_tokens=3)
    if person.age > 30:
        s += person.name.upper()
    s += lm.gen("y", max_tokens=3)
    return person.name


def table_of_tables(s, table, key):
    s += table[key]["text"]
    s += lm.gen("x", max_tokens=3)
    s += str(table.get(s["x"], {}).get("text", "none"))
    s += str({k: v["text"] for k, v in table.items()})
    return key in table, sorted(table)


def text_or_list(s, x):
    """One program for two types."""
    if isinstance(x, list):
        s += " and ".join(x)
    else:
        s += x
    s += lm.gen("y", max_tokens=3)
    return len(x)


def arguments_joined(s, parts, sep):
    s += sep.join(parts) + sep.join(reversed(parts)) + sep.join(p.upper() for p in parts)
    s += lm.gen("x", max_tokens=3)
    return [p + q for p, q in zip(parts, parts[1:])], len(parts) * 2  # noqa: RUF007


def matrix(s, rows):
    for row in rows:
        for cell in row:
            s += f"{cell} "
        s += f"= {sum(row)}\n"
    s += lm.gen("x", max_tokens=3)
    return max(max(row) for row in rows), [list(column) for column in zip(*rows)]


def numbers(s, a, b):
    s += f"{a + b} {a * b} {a > b} {a == b} {-a} {abs(a - b)}"
    s += lm.gen("x", max_tokens=3)
    if a > b:
        s += "greater"
    return a / b if b else None


def sampling_from_argument(s, temperature):
    s += lm.gen("x", max_tokens=4, temperature=temperature)


def stop_from_argument(s, stop):
    s += lm.gen("x", max_tokens=40, stop=stop)
    s += "|"


def missing_key(s, table):
    s += table["a"]
    s += lm.gen("x", max_tokens=3)
    s += table["b"]
    s += lm.gen("y", max_tokens=3)


def long_list(s, xs):
    """Past the size at which capture unrolls."""
    total = 0
    for i, x in enumerate(xs):
        total += x
        if i % 50 == 0:
            s += f"{x},"
    s += str(total)
    s += lm.gen("x", max_tokens=3)
    return total


JOB = {"title": "t", "steps": [{"name": "a", "times": 1, "tags": ["p", "q"]}, {"name": "b", "times": 0}]}

CASES = [
    Case(nested_structure, ({"job": JOB}, {"job": {"title": "", "steps": [], "owner": "me"}})),
    Case(defaults, ({}, {"name": "Ada", "polite": True, "limit": 0}, {"shots": [("x", "y"), ("z", "w")]})),
    Case(fork_count, ({"n": 1}, {"n": 3})),
    Case(dynamic_names, ({"names": ["a", "b"]}, {"names": ["same", "same"]})),
    Case(generated_name),
    Case(choices_from_argument, ({"options": ["a", "b", "cc"]}, {"options": ["only"]})),
    Case(choices_from_generation),
    Case(flags, ({"verbose": True, "tags": ["t"], "count": 2}, {"verbose": False, "tags": None, "count": 0})),
    Case(object_argument, ({"person": Person("Bo", 40)}, {"person": Person("Al", 4)})),
    Case(table_of_tables, ({"table": {"a": {"text": "A"}, "b": {"text": "B"}}, "key": "b"},)),
    Case(text_or_list, ({"x": "text"}, {"x": ["a", "b"]})),
    Case(arguments_joined, ({"parts": ["a", "b", "c"], "sep": "-"}, {"parts": [], "sep": ""})),
    Case(matrix, ({"rows": [[1, 2], [3, 4]]}, {"rows": [[5]]}), needs_structure=True),
    Case(numbers, ({"a": 3, "b": 2}, {"a": 1.5, "b": 1.5}, {"a": -1, "b": 0})),
    Case(sampling_from_argument, ({"temperature": 0}, {"temperature": 0.5})),
    Case(stop_from_argument, ({"stop": "the"}, {"stop": ["a", "."]})),
    Case(missing_key, ({"table": {"a": "A"}},), raises=True),
    Case(long_list, ({"xs": list(range(150))},)),
]
