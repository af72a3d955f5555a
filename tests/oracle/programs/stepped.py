"""Iterators are stepped when the loop steps: endless ones, those whose items end with the next step, shared ones."""

from __future__ import annotations

import itertools

import lmc as lm
from tests.oracle.programs.case import Case

LOG = []

WORDS = ({"words": ["a", "a", "b", "a"]}, {"words": []}, {"words": list("aab" * 30)})


# --- endless ones, in a `try` -----------------------------------------------------------------------------


def endless_count(s):
    try:
        for i in itertools.count():  # noqa: B007
            s += lm.select("more", ["go", "stop"])
            if s["more"] == "stop":
                break
    except ValueError:
        return "exceeded"
    return "stopped", i


def endless_count_that_fails(s):
    try:
        for i in itertools.count(1):  # noqa: B007
            s += lm.gen("n", regex="[0-9a]")
            if int(s["n"]) > 5:
                break
    except ValueError as error:
        return i, str(error)
    return i


def try_in_an_endless_loop(s):
    for i in itertools.count():  # noqa: B007
        try:
            s += lm.gen("n", regex="[0-9a]")
            if int(s["n"]) > 4:
                break
        except ValueError:
            s += " no number "
    return i


def endless_cycle(s):
    seen = []
    try:
        for word in itertools.cycle(["x", "y"]):
            s += word + lm.gen("n", regex="[0-3]")
            seen.append(word)
            if s["n"] == "0":
                return seen
    finally:
        s += "done"


# --- items that end with the next step --------------------------------------------------------------------


def groups_in_a_dict(s, words):
    return {key: list(group) for key, group in itertools.groupby(words)}


def groups_in_a_loop(s, words):
    out = []
    for key, group in itertools.groupby(words):
        out.append((key, sum(1 for word in group if word)))
    return out


def groups_of_generated_text(s):
    s += lm.gen("x", regex="[ab][ab][ab]")
    return [(key, len(list(group))) for key, group in itertools.groupby(s["x"])]


def groups_numbered(s, words):
    return [(i, key, list(group)) for i, (key, group) in enumerate(itertools.groupby(words))]


def groups_kept_too_long(s, words):
    return [list(group) for key, group in list(itertools.groupby(words))]


def groups_until_found(s, words):
    for key, group in itertools.groupby(words):
        s += key + lm.gen("z", regex="[01]")
        if s["z"] == "1":
            return list(group)
    return None


# --- one iterator in several hands ------------------------------------------------------------------------


def pairs_by_hand(s, words):
    it = iter(words)
    return [(a, next(it, "")) for a in it]


def pairs_by_zip(s, words):
    it = iter(words)
    return [a + b for a, b in zip(it, it)]


def rest_after_a_break(s, words):
    it = iter(words)
    for word in it:
        if word == "b":
            break
    return list(it)


def rest_after_a_search(s, words):
    it = iter(words)
    return "b" in it, list(it)


def rest_after_a_test(s, words):
    it = iter(words)
    return any(word == "b" for word in it), list(it)


def batches(s, words):
    it = iter(words)
    return list(iter(lambda: tuple(itertools.islice(it, 2)), ()))


def two_of_one(s, words):
    ahead, behind = itertools.tee(words)
    next(ahead, None)
    return list(zip(ahead, behind))


def numbers(count=8):
    for i in range(count):
        LOG.append(i)
        yield i


def shortest_of_maps(s):
    s += lm.gen("n", regex="[1-4]")
    n = int(s["n"])
    texts = dict(zip(range(n), map(str, numbers())))
    return texts, list(zip("ab", enumerate(numbers()))), list(zip(map(str, numbers()), "ab")), LOG


def zips_in_one_another(s):
    s += lm.gen("n", regex="[1-4]")
    pairs = enumerate(zip(s["n"] * 2, map(float, numbers())))
    return sorted(pairs), max(zip("ab", filter(None, numbers()))), LOG


def settled_early(s):
    s += lm.gen("n", regex="[1-4]")
    return any(map(bool, numbers())), all(map(bool, numbers())), any(enumerate(numbers())), LOG


def too_many_to_unpack(s):
    s += lm.gen("n", regex="[1-4]")
    first, *rest = map(str, numbers(3))
    try:
        one, two = map(str, numbers())
    except ValueError as error:
        return str(error), first, rest, LOG
    return one, two


def maps_beside_states(s):
    forks = s.fork(2)
    for fork, text in zip(forks, map(str, numbers())):
        fork += text + lm.gen("x", regex="[ab]")
    return [fork["x"] for fork in forks], LOG


CASES = [
    *(Case(fn, log=LOG) for fn in (shortest_of_maps, zips_in_one_another, settled_early, too_many_to_unpack)),
    Case(maps_beside_states, log=LOG, expects="either"),
    *(
        Case(fn)
        for fn in (
            endless_count, endless_count_that_fails, try_in_an_endless_loop, endless_cycle, groups_of_generated_text,
        )
    ),
    *(
        Case(fn, WORDS)
        for fn in (
            groups_in_a_dict, groups_in_a_loop, groups_numbered, groups_kept_too_long, groups_until_found,
            pairs_by_hand, pairs_by_zip, rest_after_a_break, rest_after_a_search, rest_after_a_test,
            batches, two_of_one,
        )
    ),
]  # fmt: skip
