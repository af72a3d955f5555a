"""Functions that are defined and decorated inside a program: decorators run as Python runs them."""

from __future__ import annotations

import functools

import lmc as lm
from tests.oracle.programs.case import Case

LOG: list[object] = []


def note(x):
    LOG.append(x)
    return x


def cached(s, xs):
    @functools.lru_cache
    def clean(text):
        LOG.append(text)
        return str(text).strip().upper()

    out = []
    for x in (*xs, *xs):
        s += lm.gen("a", regex="[ab]")
        out.append(clean(x) + clean(s["a"]))
    return out, clean.cache_info().misses


def registered(s, city):
    tools = {}

    def register(name=None):
        LOG.append(name)

        def wrap(fn):
            tools[name or fn.__name__] = fn
            return fn

        return wrap

    @register()
    def temperature(place, degrees=note("default")):  # noqa: B008
        return len(place) * 3

    @register("b")
    @register("wind")
    def speed(place):
        return len(place) * 7

    s += lm.select("tool", sorted(tools))
    return tools[s["tool"]](city), list(tools), temperature(city)


def wrapped(s, n):
    def logged(fn):
        @functools.wraps(fn)
        def inner(*args, **options):
            LOG.append((fn.__name__, len(args), sorted(options)))
            return fn(*args, **options)

        return inner

    @logged
    @logged
    def twice(x, *, by=2):
        return x * by

    @logged
    def say(state, text):
        state += text + lm.gen("a", regex="[ab]")
        return state["a"]

    out = [twice(n), twice("ab", by=n), say(s, "say "), twice.__name__, say.__name__]
    try:
        twice()
    except TypeError as error:
        out.append(str(error))
    return out


CASES = [
    Case(cached, ({"xs": ["a ", "b", "a "]}, {"xs": [1]}), log=LOG),
    Case(registered, ({"city": "Oslo"},), log=LOG),
    Case(wrapped, ({"n": 2}, {"n": 3}), log=LOG),
]
