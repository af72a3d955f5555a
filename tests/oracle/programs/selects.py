"""Choices by their exact distribution: drawn ones, and ones that make tokens together with the end of the prompt."""

from __future__ import annotations

import lmc as lm
from tests.oracle.programs.case import Case

KINDS = ["a", "ab", "abc", "other"]


def exact(s, topic):
    s += f"About {topic}, it is "
    s += lm.select("kind", KINDS, choices_method=lm.exact)
    s += " indeed, and so "
    s += lm.gen("why", max_tokens=12)
    s += lm.select("end", [" the end", "the end", "no"], method="exact")
    return s["kind"], s["end"]


def drawn(s, topic, warmth):
    s += f"Is {topic} a thing"
    s += lm.select("first", ["ab", "cd"], 1.0, lm.exact)
    s += lm.select("second", ["ab", "cd"], warmth, "exact")
    s += lm.select("third", ["ab", "cd"], 2, "exact", seed=7)
    s += lm.gen("fourth", choices=["ab", "cd"], choices_method="exact", temperature=1.5)
    return s.text()


def drawn_in_forks(s, topic):
    s += topic
    forks = s.fork(4)
    for fork in forks:
        fork += "b" + lm.select("pick", ["a", "b", "c", "d"], temperature=3.0, choices_method=lm.exact)
    forks.join()
    s += " ".join(s["pick"]) + lm.select("again", KINDS, boundary="exact")
    return s["pick"]


def drawn_while(s, most):
    s += "go"
    num = 0
    while num < most:
        s += lm.select("on", ["es", " on", "o"], temperature=2.0, method=lm.exact)
        if s["on"] == "o":
            break
        num += 1
    return num


def in_turns(s, topic):
    with s.user():
        s += topic
    with s.assistant():
        s += "it is "
        with s.var_scope("said"):
            s += lm.select("kind", KINDS, method="exact", boundary="naive")
            s += "ab" + lm.select("more", ["c", "bc"], method="greedy_token_selection", boundary="exact")
    s += lm.user("And?") + lm.assistant(lm.gen("last"))
    return s["said"]


def the_first_token(s, choices):
    s += "a" + lm.select("x", choices, method="exact", temperature=1.0)
    return s["x"]


def choices_that_change_afterwards(s, options):
    for turn in range(2):
        s += lm.select("a", options)
        options.append("z" * (turn + 1))
    s += lm.select("b", options)
    options.clear()
    return s["a"], s["b"], options


def stops_that_change_afterwards(s, stops):
    kept = [stop for stop in stops if stop]
    s += lm.gen("x", max_tokens=8, stop=kept)
    kept.clear()
    stops.insert(0, "a")
    s += lm.gen("y", max_tokens=8, stop=stops)
    del stops[:]
    return s["x"], s["y"], stops


CASES = (
    Case(choices_that_change_afterwards, ({"options": ["a", "bc"]},)),
    Case(stops_that_change_afterwards, ({"stops": ["e", "n"]},)),
    Case(exact, ({"topic": "snow"}, {"topic": "a cat"})),
    Case(drawn, ({"topic": "snow", "warmth": 0.0}, {"topic": "x", "warmth": 1}, {"topic": "rain", "warmth": 0.5})),
    Case(drawn_in_forks, ({"topic": "a"}, {"topic": "some more text"})),
    Case(drawn_while, ({"most": 6},)),
    Case(in_turns, ({"topic": "What is it"},)),
    Case(the_first_token, ({"choices": ["b", "c"]}, {"choices": ["bc", "b", "b c"]})),
)
