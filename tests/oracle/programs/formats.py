"""f-strings, format specs, conversions and other ways to make text."""

from __future__ import annotations

import lmc as lm
from tests.oracle.programs.case import Case


def conversions(s, value):
    s += f"{value!r} {value!s} {value!a}"
    s += lm.gen("x", max_tokens=6)
    s += f" {s['x']!r:>12} {s['x']!a}"
    s += lm.gen("y", max_tokens=3)


def specs(s, n, width):
    s += lm.gen("price", regex="[0-9]{3}")
    price = int(s["price"])
    s += f" {price:05d} {price / 7:.2f} {price:>{width}} {n:^{width}.1f} {price:x} {price:+,}"
    s += lm.gen("y", max_tokens=3)
    return f"{{{price}}}"


def debug_form(s):
    s += lm.gen("x", regex="[0-9]")
    x = s["x"]
    s += f"{x=} {len(x)=}"
    s += lm.gen("y", max_tokens=3)


def nested_formats(s, names):
    s += f"all: {', '.join(f'<{n}>' for n in names)}; count {len(names)}"
    s += lm.gen("x", max_tokens=4)
    return f"{'yes' if len(s['x']) > 2 else 'no'}-{s['x'][:1]}"


def percent_and_format(s, a):
    s += lm.gen("x", max_tokens=4)
    s += " %s=%d " % (s["x"], len(s["x"]))  # noqa: UP031
    s += "{0}-{1}-{name}".format(a, s["x"], name=a)
    s += lm.gen("y", max_tokens=4)
    return "%(a)s" % {"a": s["y"]}  # noqa: UP031


def repeated_and_joined(s, k):
    s += lm.gen("x", max_tokens=3)
    s += s["x"] * k + "-" * 3
    s += "/".join([s["x"], "b", s["x"].upper()])
    s += lm.gen("y", max_tokens=3)


def built_by_plus_equals(s):
    prompt = "a"
    prompt += "b"
    s += lm.gen("x", max_tokens=3)
    prompt += s["x"]
    prompt = prompt + "\n" + prompt
    s += prompt
    s += lm.gen("y", max_tokens=3)
    return prompt


def spec_from_generation(s):
    s += lm.gen("w", regex="[3-9]")
    s += f"|{'ab':>{s['w']}}|{'ab':{s['w']}}|"
    s += lm.gen("y", max_tokens=3)


def format_of_none_and_bool(s, flag, nothing):
    s += f"{flag} {nothing} {not flag} {nothing is None}"
    s += lm.gen("x", max_tokens=3)


CASES = [
    Case(conversions, ({"value": "it's"}, {"value": "é\n"}, {"value": 3}, {"value": [1, "a"]})),
    Case(specs, ({"n": 2.5, "width": 8},)),
    Case(debug_form),
    Case(nested_formats, ({"names": ["a", "b"]}, {"names": []})),
    Case(percent_and_format, ({"a": "z"},)),
    Case(repeated_and_joined, ({"k": 0}, {"k": 3})),
    Case(built_by_plus_equals),
    Case(spec_from_generation),
    Case(format_of_none_and_bool, ({"flag": True, "nothing": None},)),
]
