"""Programs without control flow: appends, generations, names, whole-prompt reads."""

from __future__ import annotations

import lmc as lm
from tests.oracle.programs.case import Case


def one_gen(s, question):
    s += "Q: " + question + "\nA:"
    s += lm.gen("answer", max_tokens=24, stop="\n")


def greedy_and_sampled(s, topic):
    s += f"About {topic}: "
    s += lm.gen("greedy", max_tokens=12, temperature=0)
    s += " And again: "
    s += lm.gen("sampled", max_tokens=12)
    s += " With a seed: "
    s += lm.gen("seeded", max_tokens=12, seed=7)


def same_prompt_twice(s):
    s += "Say a word: "
    s += lm.gen("first", max_tokens=8, stop=" ")
    s += lm.gen("second", max_tokens=8, stop=" ")


def added_expressions(s, a, b):
    s += "one " + lm.gen("x", max_tokens=5) + " two " + lm.gen("y", max_tokens=5) + f" {a}{b}"
    s += lm.gen("z", max_tokens=5) + lm.gen("w", max_tokens=5)


def texts_join_into_one_run(s, a, b):
    """Every text before a call is one string to the tokenizer, however it was cut."""
    s += "a"
    s += "b"
    s += a
    s += ""
    s += b + "c"
    s += lm.gen("x", max_tokens=6)
    s += "d"
    s += "e"
    s += lm.gen("y", max_tokens=6)


def generated_text_is_a_boundary(s):
    s += "ab"
    s += lm.gen("x", max_tokens=7)
    s += s["x"]
    s += "cd" + s["x"] + "e"
    s += lm.gen("y", max_tokens=3)


def nothing_generated(s):
    s += "a"
    s += lm.gen("x", max_tokens=0)
    s += "b"
    s += lm.gen("y", max_tokens=4)
    return s["x"]


def starts_with_gen(s):
    s += lm.gen("x", max_tokens=6)
    s += lm.gen("y", max_tokens=6)


def overwritten_name(s):
    s += lm.gen("x", max_tokens=5)
    first = s["x"]
    s += " or "
    s += lm.gen("x", max_tokens=5)
    return first, s["x"]


def unnamed(s):
    s += "a " + lm.gen(max_tokens=4)
    s += "b " + lm.gen(max_tokens=4)
    return "x" in s, s.text()


def names_set_by_hand(s, value):
    s["given"] = value
    s.set_var("twice", [value, value])
    s += "value: " + s["given"] + "\n"
    s += lm.gen("x", max_tokens=6)
    s["upper"] = s["x"].upper()
    return s.get_var("upper"), s["twice"], "given" in s, "missing" in s


def two_samples(s):
    s += "Name two: "
    s += lm.gen("names", n=2, max_tokens=10, temperature=0.8)
    s += " done"
    s += lm.gen("more", max_tokens=4)
    return s["names"][1]


def prompt_read_back(s, a):
    s += "start " + a
    s += lm.gen("x", max_tokens=6)
    before = s.text()
    s += " [" + before + "] "
    s += lm.gen("y", max_tokens=6)
    return len(s.text()), before


def chosen(s, statement):
    s += "Statement: " + statement + "\nTruth:"
    s += lm.select("truth", ["True", "False", "Unknown"])
    s += "\nAnd greedily:"
    s += lm.select("greedy", [" yes", " no", " perhaps"], choices_method=lm.greedy_token_selection)
    s += lm.gen("gen", choices=["a", "ab", "b"])
    s += lm.select("free", ["x", "yy"], choices_method=lm.unconditional_likelihood_normalized)


def constrained(s):
    s += "number: "
    s += lm.gen("number", regex=r"[1-9][0-9]{0,2}")
    s += " int: "
    s += lm.gen_int("int", max_tokens=4)
    s += " flag: "
    s += lm.gen("flag", dtype=bool)
    s += " text: "
    s += lm.gen_string("text", max_tokens=12)
    return int(s["number"]) + 1


def schema(s):
    s += "json: "
    s += lm.gen("item", json_schema={"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]})
    return s["item"]


def scopes(s):
    s += "pre "
    with s.var_scope("all"):
        s += "in "
        s += lm.gen("x", max_tokens=5)
        with s.var_scope("inner"):
            s += " deep " + s["x"]
    s += " post"
    return s["all"], s["inner"]


def finish_reasons(s):
    s += "a"
    s += lm.gen("short", max_tokens=2)
    s += lm.gen("stopped", max_tokens=60, stop=["the ", "and", "."])
    s += lm.gen("patterned", max_tokens=60, stop_regex="[a-f]{2}")


def not_ascii(s, name):
    s += "naïve → "
    s += name
    s += lm.gen("x", max_tokens=5)
    s += "日本語"
    s += lm.gen("y", regex="[α-ω]{2}é")


CASES = [
    Case(one_gen, ({"question": "why?"}, {"question": ""})),
    Case(greedy_and_sampled, ({"topic": "cats"},)),
    Case(same_prompt_twice),
    Case(added_expressions, ({"a": "p", "b": "q"},)),
    Case(texts_join_into_one_run, ({"a": "x", "b": "y"}, {"a": "", "b": ""})),
    Case(generated_text_is_a_boundary),
    Case(nothing_generated),
    Case(starts_with_gen),
    Case(overwritten_name),
    Case(unnamed),
    Case(names_set_by_hand, ({"value": "v"},)),
    Case(two_samples),
    Case(prompt_read_back, ({"a": "b"},)),
    Case(chosen, ({"statement": "water is wet"}, {"statement": "2 > 3"})),
    Case(constrained),
    Case(schema),
    Case(scopes),
    Case(finish_reasons),
    Case(not_ascii, ({"name": "Žofie 😀"},)),
]
