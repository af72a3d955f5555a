"""What gives back one of the objects that it was given gives that very object: `max(xs, ys) is ys`.

Each way of getting a list back is looked at twice: whether it is the list by `is`, and whether changing it is seen
under the list's own name.
"""

from __future__ import annotations

import pytest

from tests.oracle.test_small_programs import MADE, answers
from tests.support.sampled import one_in

# expressions in which X is a list of the program's or of its arguments, Y one that is made beside it
GIVE = """
X if b else Y
X or Y
X and Y
(X, Y)[0]
[X, Y][-1]
[X, Y][n]
[Y, *[X]][1]
{'k': X}['k']
{'k': X}.get('k')
{'k': Y}.get('z', X)
{v: Y}.get('z', X)
{v: X}.get(v, Y)
{'k': X}.setdefault('k', Y)
{v: Y}.setdefault('z', X)
{'k': X}.pop('k')
{v: Y}.pop('z', X)
{'k': X}.popitem()[1]
{v: X}.popitem()[1]
[X].pop()
[[X]].pop(0)[0]
({'k': X} | {'z': Y})['k']
({v: X} | {'z': Y})['z']
{**{'k': X}}['k']
dict(k=X)['k']
dict([('k', X)])['k']
dict([['k', X]])['k']
dict([[v, X]])[v]
dict(zip('k', [X]))['k']
dict.fromkeys(texts, X)['b']
max(X, X)
max(X, Y)
min(X, Y)
max([X, Y])
min((X, Y))
max([Y, X], key=len)
min(X, Y, key=len)
max([], default=X)
min((q for q in texts if q == 'zzz'), default=X)
max([], default=X, key=len)
sorted([X, Y])[0]
sorted([X, Y], reverse=b)[-1]
sorted([Y, X], key=len)[0]
sum([], X)
next(iter([X]))
next(iter([]), X)
next((q for q in [X, Y] if q), None)
next((q for q in texts if q == 'zzz'), X)
list([X, Y])[1]
tuple([X, Y])[0]
list(reversed([X, Y]))[1]
list(enumerate([X]))[0][1]
list(zip([X], [Y]))[0][1]
list(map(lambda q: q, [X]))[0]
list(filter(None, [X]))[0]
[q for q in [X, Y]][1]
{q: X for q in texts}['a']
([X] * 3)[1]
([X] * (n + 1))[0]
([X] + [Y])[1]
([X, Y][:1])[0]
([X, Y][n:])[0]
[X, Y].copy()[0]
copy.copy([X, Y])[0]
list(itertools.chain([X], [Y]))[0]
list(itertools.islice([X, Y], 1))[0]
list(itertools.repeat(X, 2))[1]
list(itertools.zip_longest([], [Y], fillvalue=X))[0][0]
functools.reduce(lambda a, q: a, texts, X)
functools.reduce(lambda a, q: q, [Y, X])
functools.partial(lambda q: q, X)()
(lambda q=X: q)()
(lambda *a, **k: k['z'])(Y, z=X)
operator.itemgetter(1)([Y, X])
operator.iadd(X, [])
operator.getitem([X], 0)
X.__iadd__([])
[X].__getitem__(0)
heapq.nlargest(1, [X])[0]
random.choice([X])
collections.deque([X]).pop()
collections.OrderedDict(k=X)['k']
collections.ChainMap({'k': X})['k']
typing.cast(list, X)
getattr(bag, 'zzz', X)
slice(X).stop
KeyError(X).args[0]
tell(X)
(z := X)
""".strip().splitlines()
LOOK = ("return {} is X, {} is Y, X, Y", "it = {}\nit.append(7)\nreturn X, Y, it is X")
LISTS = {"xs": "[9]", "own": "[n]"}

CASES = [
    pytest.param(way, _body, id=f"{way}: {mine} {number} {give}")
    for give in GIVE
    for mine, other in LISTS.items()
    for way in MADE
    for number, look in enumerate(LOOK)
    for _body in [
        f"{'own = [n, 1]; ' if mine == 'own' else ''}other = {other}\n"
        + look.replace("{}", give).replace("X", mine).replace("Y", "other")
    ]
]


@pytest.mark.parametrize("way, body", one_in(40, CASES))
def test_what_comes_back_is_the_object(way: str, body: str) -> None:
    """By identity, and by what a change of it shows."""
    got = answers(way, body, "compiled")
    assert got in (answers(way, body, "eager"), ["break"])


EXCEPTIONS = """
try:
    raise KeyError(xs)
except KeyError as e:
    e.args[0].append(7)
    return e.args[0] is xs, xs

try:
    assert n > 5, xs
except AssertionError as e:
    return e.args[0] is xs

try:
    raise ValueError(v, [xs], (d, 1))
except ValueError as e:
    xs.append(7)
    return str(e), e.args[2][0] is d

try:
    d.nope
except AttributeError as e:
    return str(e), e.name, e.obj is d
""".strip().split("\n\n")


@pytest.mark.parametrize("body", EXCEPTIONS)
def test_an_exception_holds_the_object(body: str) -> None:
    """What it was made of can be changed after it was raised, and through it."""
    for way in MADE:
        assert answers(way, body, "compiled") in (answers(way, body, "eager"), ["break"])


@pytest.mark.slow
def test_most_of_it_has_a_graph() -> None:
    """An oracle in which everything breaks proves nothing."""
    some = [case.values for case in CASES[::9]]
    breaks = [case for case in some if answers(*case, "compiled") == ["break"]]
    assert len(breaks) < 0.3 * len(some), breaks
