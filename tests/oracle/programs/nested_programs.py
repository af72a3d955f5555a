"""Programs that call programs: each call has a prompt and random numbers of its own."""

from __future__ import annotations

import lmc as lm
from tests.oracle.programs.case import Case

LOG: list[object] = []


@lm.function
def expand(s, topic, style="plain"):
    s += f"Expand {topic} ({style}): "
    s += lm.gen("text", max_tokens=5)
    return s["text"].upper()


@lm.function
def judge(s, text):
    s += lm.user("Judge " + text)
    with s.assistant():
        s += lm.select("good", ["good", "bad"])
    if s["good"] == "bad":
        return None
    s += lm.gen("praise", max_tokens=3)
    return s["praise"]


@lm.function
def outer_program(s, topic):
    inner = expand(topic=topic)
    s += inner["text"]
    s += lm.gen("more", max_tokens=3)


@lm.function
def logged(s, x):
    LOG.append(("start", x))
    s += x
    s += lm.gen("y", max_tokens=2)
    LOG.append(s["y"])


def calls_program(s, topic):
    s += "Main "
    result = expand(topic, style="bold")
    s += result["text"]
    s += lm.gen("end", max_tokens=3)
    return result.ret_value, result.text()


def calls_run(s, topic):
    a = expand.run(topic=topic)
    b = expand.run(topic=topic)
    s += a["text"] + b["text"]
    return a["text"] == b["text"], "text" in s


def calls_in_loop(s, topics):
    kept = []
    for topic in topics:
        verdict = judge(text=topic)
        if verdict["good"] == "good":
            kept.append(topic)
            s += verdict.ret_value
    s += f"{kept}"
    s += lm.gen("end", max_tokens=3)
    return kept


def calls_in_branch(s):
    """A call that is not made does not count."""
    s += lm.select("ask", ["y", "n"])
    if s["ask"] == "y":
        first = expand(topic="first")
        s += first["text"]
    second = expand(topic="second")
    s += second["text"]
    s += lm.gen("end", max_tokens=3)


def calls_two_levels(s):
    inner = outer_program(topic="deep")
    again = expand(topic="again")
    s += inner["more"] + again["text"]
    s += lm.gen("end", max_tokens=3)
    return inner.text()


def calls_with_generated_argument(s):
    s += lm.gen("topic", max_tokens=4)
    s += expand(topic=s["topic"]).ret_value
    s += lm.gen("end", max_tokens=3)


def effects_of_called_program(s):
    LOG.append("main")
    inner = logged(x="a")
    s += inner["y"]
    s += lm.gen("end", max_tokens=3)
    LOG.append("end")


def messages_of_called_program(s):
    verdict = judge(text="this")
    s += lm.user(f"{len(verdict.messages())} messages")
    s += lm.assistant(lm.gen("end", max_tokens=3))
    return verdict.messages(), s.messages()


@lm.function
def sampled(s, topic="t", n=1):
    s += topic
    s += lm.gen("a", max_tokens=2)
    s += lm.gen("b", temperature=0.5)
    s += lm.gen("c", dtype="int", max_tokens=4)
    s += lm.select("d", ["x", "y"])
    return s["a"]


def inner_with_sampling(s):
    r = sampled.run(topic="cats", temperature=0, max_new_tokens=3, top_k=5)
    q = sampled("dogs", top_p=0.5, n=2)
    s += r["a"] + q["b"]
    s += lm.gen("e", max_tokens=2)
    return r.ret_value, q.ret_value


def inner_with_generated_sampling(s):
    s += lm.gen("t", regex="[1-3]")
    r = sampled(temperature=int(s["t"]), max_tokens=int(s["t"]))
    return r["a"], r["b"]


def inner_with_a_seed(s):
    return sampled(seed=3)["a"]


CASES = [
    Case(inner_with_sampling),
    Case(inner_with_generated_sampling),
    Case(inner_with_a_seed, expects="break", code="LMC-GB018"),
    Case(calls_program, ({"topic": "cats"},)),
    Case(calls_run, ({"topic": "cats"},)),
    Case(calls_in_loop, ({"topics": ["a", "b", "c"]}, {"topics": []})),
    Case(calls_in_branch),
    Case(calls_two_levels),
    Case(calls_with_generated_argument),
    Case(effects_of_called_program, log=LOG),
    Case(messages_of_called_program),
]
