# ruff: noqa: E501
"""What Python does first: statements whose parts tell when they are made, in a graph and without one."""

from __future__ import annotations

import collections
import functools
import itertools
import linecache
import operator
import re
from typing import Any

import pytest

import lmc
from lmc.errors import CaptureError
from tests.support.sampled import one_in

LOG: list[str] = []
G: list[int] = [0]


def tell(x):
    LOG.append(str(x))
    return x


def no(x):
    LOG.append(f"no {x}")
    return not x


def boom(x):
    LOG.append("boom")
    raise ValueError(x)


def poke():
    G.append(len(G))


def same_list():
    return G


class Box:
    """Tells each use of it."""

    def __init__(self):
        self.x = [1]
        self.n = 0

    @property
    def p(self):
        return tell(self.n)

    @p.setter
    def p(self, v):
        self.n = tell(v)

    def __getitem__(self, k):
        return tell(f"get {k}")

    def __setitem__(self, k, v):
        tell(f"set {k} {v}")

    def __contains__(self, k):
        return tell(f"in {k}") == k

    def __enter__(self):
        tell("enter")
        return self

    def __exit__(self, *error):
        return tell(False)

    def __lt__(self, other):
        return tell(True)

    def __eq__(self, other):
        return tell(True)

    def __hash__(self):
        return 1

    def __iter__(self):
        tell("iter")
        return iter([1, 2, 3])

    def __len__(self):
        return tell(3)

    def __bool__(self):
        return tell(True)

    def __add__(self, other):
        return tell(5)

    def __iadd__(self, other):
        tell("iadd")
        return self

    def __format__(self, spec):
        return tell("B")

    def __str__(self):
        return tell("S")


class Bag:
    """Something that grows."""

    def __init__(self):
        self.n = 1

    def grow(self):
        self.n += 1
        return self.n

    def __str__(self):
        return f"bag {self.n}"


def grow(b):
    return b.grow()


bag = Bag()

EXPRESSIONS = r"""
max(enumerate(texts), key=lambda p: p[1]), list(map(tell, zip(texts, xs))), list(map(str, (t + 'x' for t in texts)))
list(map(tell, (int(t) for t in texts)))
list(filter(tell, map(int, texts)))
max((tell(t) for t in texts), key=lambda t: tell(t+'k'))
list(zip((tell(t) for t in texts), (tell(t+'2') for t in texts)))
list(map(lambda t: tell(t+'m'), (tell(t) for t in texts)))
[t for t in filter(lambda t: tell(t) != 'b', (tell(t+'g') for t in texts))]
list(itertools.islice((tell(t) for t in texts), 2))
next(itertools.chain((tell(t) for t in texts), (tell(t) for t in texts)))
functools.reduce(lambda a, b: tell(a+b), (tell(t) for t in texts))
'b' in (tell(t) for t in texts)
tell(v) in [tell(t) for t in texts]
any(tell(t) == 'b' for t in texts), all(tell(t) == 'a' for t in texts)
sum((tell(n) for n in xs), tell(10))
min(tell(1), tell(2), key=lambda q: tell(-q))
sorted((tell(t) for t in texts), key=lambda t: tell(t+'s'), reverse=tell(True))
f"{xs}{xs.append(9)}{xs}"
'%s %s %s' % (xs, xs.append(9), xs)
'{} {} {}'.format(xs, xs.append(9), xs)
[xs, xs.append(9), list(xs)]
(xs.pop(), xs.pop(), xs)
{tell('k'): tell('v'), tell('k2'): tell('v2')}
{tell(t): tell(t+'v') for t in texts}
tell(1) < tell(v == 'a') < tell(3)
tell(3) < tell(2) < tell(1)
tell(0) or tell('') or tell('z') or tell('y')
tell(1) and tell(0) and tell(2)
(tell('a') if tell(v) == '0' else tell('b'))
xs[tell(0):tell(2):tell(1)]
[tell(i) for i in range(3) if tell(i) % 2 for j in range(tell(2))]
(lambda a, b=tell('d'): (a, b))(tell('x'))
dict(a=tell(1), b=tell(2), **{'c': tell(3)})
[*(tell(t) for t in texts), tell('end'), *map(tell, texts)]
str.join(tell('-'), (tell(t) for t in texts))
tell('-').join([tell(t) for t in texts])
(w := tell(3)) + tell(w)
not tell(0), -tell(2), ~tell(1)
tell('abc')[tell(1)]
tell('a b').split(tell(' '))
box[tell(1)], tell(5) in box
list(box), len(box), bool(box), box + 1
f"{box}{tell(1)}{box!s:>3}"
box < box, box == 3, box != 3
[x for x in box if tell(x)]
(box.p, box.p)
getattr(box, tell('n')), hasattr(box, 'zz')
isinstance(tell(xs), tell(list))
list(enumerate((tell(t) for t in texts), tell(1)))
list(reversed([tell(t) for t in texts]))
dict(zip((tell(t) for t in texts), map(tell, xs)))
list(itertools.takewhile(lambda t: tell(t) != 'b', (tell(t+'') for t in texts)))
list(itertools.accumulate((tell(n) for n in xs), lambda a, b: tell(a+b)))
list(itertools.product((tell(t) for t in texts[:2]), map(tell, xs)))
next((tell(t) for t in texts if tell(t) == 'b'), tell('none'))
next(iter([tell(1), tell(2)]))
[(i, j) for i, j in itertools.zip_longest(map(tell, xs), (tell(t) for t in texts))]
set(tell(t) for t in texts) == {'a', 'b', 'c'}
(yield_ := [tell(n) for n in xs][0])
re.sub('[ab]', lambda m: tell(m.group()), 'abcab')
sorted(texts, key=functools.cmp_to_key(lambda a, b: (tell(a+b) > a) - 1))
operator.itemgetter(tell(0))(tell(xs))
round(tell(2.5)), divmod(tell(7), tell(2)), pow(tell(2), tell(3))
print(tell('p'), xs, xs.append(4), sep=tell(','))
tuple(tell(t) for t in texts)[tell(-1)]
(xs.append(5), xs.extend(xs), xs.insert(tell(0), tell(7)))
{**{'a': tell(1)}, 'b': tell(2), **dict(c=tell(3))}
list(filter(None, (tell(n) for n in (0, 1, 2))))
max(xs, default=tell('d')), max([], default=tell('d'))
list(map(lambda a, b: tell((a, b)), (tell(t) for t in texts), (tell(n) for n in xs)))
[a + b for a in (tell(x) for x in texts) for b in (tell(a + y) for y in texts[:1])]
collections.Counter(tell(t) for t in texts).most_common(tell(1))
str(xs) + str(xs.clear()) + str(xs)
xs == [tell(1)] + [tell(v)]
tell(texts).index(tell('b'))
(xs, ys := xs, ys.append(3))
any([tell(0), tell(1), tell(2)])
all(no(n) for n in xs)
'x' if any(boom(n) for n in []) else tell('else')
'%s %s' % ([xs], xs.append(9))
'%s %s' % ({'a': xs}, xs.append(9))
'%s %s' % ((xs, 1), xs.append(9))
'%s %s' % (G, poke())
'%s %s' % (G, G.append(1))
'%r %s' % (box.x, box.x.append(1))
'%s %s' % (box, bump(box))
'%s %s' % (bag, bag.grow())
'%s %s' % (bag, grow(bag))
'%d %s' % (xs[0], xs.append(9))
'%s %s' % (xs, len(xs))
'%s %s' % (v, tell(v))
'%s %s' % (d, d.update(z=1))
'%s %s' % (d.keys(), d.update(z=1))
'%s%s%s' % (xs, xs.clear(), xs)
f"{G} {poke()}"
f"{bag} {bag.grow()}"
f"{(xs, 1)} {xs.append(2)}"
'{} {}'.format(G, poke())
str(G) + str(poke())
[str(G), poke(), str(G)]
print(G, poke())
(G, poke(), list(G))
[*G, poke(), *G]
{'a': list(G), 'b': poke(), 'c': list(G)}
dict(a=list(G), b=poke(), c=list(G))
(lambda a, b: (a, b))(len(G), poke() or len(G))
len(G) + (poke() or 1) + len(G)
G[0] + (poke() or G[0])
G == [0] or poke() or G == [1]
(not G.append(5)) and G[-1]
[x for x in G if x or not poke()]
[poke() or x for x in list(G)]
(bag.n, bag.grow(), bag.n)
(getattr(bag, 'n'), grow(bag), bag.n)
max(len(G), poke() or len(G))
sorted([len(G), poke() or len(G)])
bag.n if poke() else bag.n + grow(bag)
""".strip().splitlines()

# statements, and behind `|` what is returned
STATEMENTS = r"""
xs[tell(0)] = tell(5)|xs
d[tell('k')] = tell('v')|d
xs[tell(0)] += tell(5)|xs
box[tell(2)] = tell(3)|0
box[tell(2)] += tell(3)|0
box.p += tell(3)|box.n
a, b = (tell(t) for t in texts[:2])|(a, b)
a, *b = (tell(t) for t in texts)|(a, b)
a, b = (tell(t) for t in texts)|(a, b)
i = 0; i, xs[i] = 1, 7|(i, xs)
i = 0; xs[i], i = 7, 1|(i, xs)
a = xs[0] = tell(4)|(a, xs)
del xs[tell(0)]|xs
xs[0:1] = (tell(t) for t in texts)|xs
xs[tell(0):tell(1)] = [tell(8)]|xs
assert tell(1), tell('msg')|0
assert tell(0), tell('msg')|0
with box as q, box as r: tell('body')|0
for t in (tell(t) for t in texts): tell(t + 'body')|0
for i, xs[0] in enumerate(texts): tell(xs[0])|xs
for x in xs: xs.append(x) if len(xs) < 6 else None|xs
for x in list(xs): xs.remove(x)|xs
for k in list(d): d.pop(k)|d
for k, z in d.items(): d[k] = z + 1|d
while tell(xs) and tell(xs.pop()) != 1: tell('turn')|xs
x = [tell(i) for i in range(3)]; x.sort(key=lambda i: tell(-i))|x
box += tell(1)|type(box).__name__
xs += (tell(t) for t in texts)|xs
xs *= tell(2)|xs
d |= {tell('z'): 1}|d
d.update({tell('z'): 1}, y=tell(2))|d
d.setdefault(tell('k'), []).append(tell(1))|d
x = d.pop(tell('nope'), tell('default'))|x
it = iter(texts); a = [next(it), *it]|a
it = (tell(t) for t in texts); a = next(it); b = list(it)|(a, b)
it = map(tell, texts); a = next(it); tell('mid'); b = next(it)|(a, b)
it = zip(texts, (tell(t) for t in texts)); a = next(it); tell('mid'); b = list(it)|(a, b)
it = iter(xs); xs.append(3); a = list(it)|(a, xs)
it = enumerate(xs); next(it); xs.insert(0, 9); a = list(it)|(a, xs)
fs = [lambda: i for i in range(3)]; a = [f() for f in fs]|a
fs = [lambda i=i: tell(i) for i in range(3)]; a = [f() for f in reversed(fs)]|a
def g(a, b=xs): b.append(a); return list(b)\na = g(1), g(2), xs|a
def g(*a, **k): return a, k\na = g(*(tell(t) for t in texts), z=tell(1), **{'y': tell(2)})|a
def g():\n    try: return tell(1)\n    finally: tell('fin')\na = g()|a
def g():\n    for i in range(3):\n        try:\n            if i == 1: continue\n            tell(i)\n        finally: tell('f%d' % i)\n    else: tell('else')\ng()|0
try: boom(tell(1))\nexcept ValueError as e: tell(e)\nelse: tell('else')\nfinally: tell('fin')|0
try:\n    xs.append(boom(1))\nexcept ValueError: pass|xs
try:\n    xs[0] = boom(1)\nexcept ValueError: pass|xs
try:\n    a = [tell(1), boom(2), tell(3)]\nexcept ValueError: a = 0|a
try:\n    d.update(a=tell(1), b=boom(2))\nexcept ValueError: pass|d
try:\n    xs.insert(0, xs.pop()); xs.append(boom(0))\nexcept ValueError: pass|xs
try:\n    x, y = xs.pop(), boom(1)\nexcept ValueError: pass|xs
try:\n    xs[0], xs[5] = 8, 9\nexcept IndexError: pass|xs
try:\n    a, b, c = d['k1'] = [1, 2]\nexcept ValueError: pass|d
try:\n    d['new'] = a, b = [1, 2, 3]\nexcept ValueError: pass|d
try:\n    for x in (tell(t) if t != 'b' else boom(t) for t in texts): xs.append(x)\nexcept ValueError: pass|xs
try:\n    xs.sort(key=lambda q: boom(q))\nexcept ValueError: pass|xs
try:\n    xs[:] = (boom(t) for t in texts)\nexcept ValueError: pass|xs
try:\n    del xs[0], xs[9]\nexcept IndexError: pass|xs
try:\n    d |= [('a', 1), ('b',)]\nexcept ValueError: pass|d
try:\n    xs.extend([1, *map(int, texts)])\nexcept ValueError: pass|xs
try:\n    xs += 5\nexcept TypeError: pass|xs
try:\n    s += 'one' + boom(2)\nexcept ValueError: s += 'two'|0
n = 0\nfor n in range(3):\n    if n == 1: break\nelse: n = 99|n
x = y = []\nx.append(1)|(x, y, x is y)
x = [[]] * 2\nx[0].append(tell(1))|x
x = xs\nxs = xs + [1]\nx.append(5)|(x, xs)
x = xs\nxs += [1]\nx.append(5)|(x, xs)
x = xs[:]\nx.append(5)|(x, xs)
x = d.copy(); x['k'] = 1; y = dict(d); y['z'] = 2|(x, y, d)
x = {'a': xs}; y = x.copy(); y['a'].append(1)|(x, y, xs)
def deep(n, acc=[]):\n    acc.append(n)\n    return acc\na = deep(1), deep(2)|a
g = (x for x in xs)\nxs = [7]\na = list(g)|a
g = (x + i for x in xs)\ni = 5\na = list(g)|a
z = 3\ng = [lambda q: q + z for _ in range(2)]\nz = 9\na = [f(1) for f in g]|a
if (m := re.match('a(.)', 'ab')) and tell(m.group(1)) == 'b': tell('yes')|0
G[poke() or 0] = len(G)|G
bag.n = grow(bag) + bag.n|bag.n
bag.n += grow(bag)|bag.n
bag.n, x = grow(bag), bag.n|(bag.n, x)
x, bag.n = bag.n, grow(bag)|(x, bag.n)
for x in G: poke() if len(G) < 4 else None|G
for x in range(len(G)): poke()|G
a = G; poke(); b = list(a)|b
a = list(G); poke(); b = list(G)|(a, b)
a = len(G); poke(); b = len(G)|(a, b)
a = G is same_list(); b = G is not None|(a, b)
""".strip().splitlines()

MADE = {
    "known": "xs = [1, 2]; d = {'k0': 1}; texts = ['a', 'b', 'c']; v = 'a'; box = Box()",
    "run": "s += lmc.gen('n', regex='[0-1]'); v = s['n']; xs = [1, int(v)]; d = {'k0': int(v)}; texts = ['a', 'b', v]; "
    "box = Box()",
    "given": "v = texts[0]; box = Box()",
}
GIVEN = "s, xs: list[int], d: dict[str, int], texts: list[str]"


def program(way: str, line: str) -> Any:
    """The program around one expression or statement."""
    is_expression = line in EXPRESSIONS
    code, _, shown = (f"out = {line}", "", "out") if is_expression else line.rpartition("|")
    parameters = GIVEN if way == "given" else "s"
    lines = [MADE[way], *code.replace("\\n", "\n").split("\n"), "s += lmc.gen('m', max_tokens=2)", f"return {shown}"]
    text = "\n".join([f"def program({parameters}):", *(f"    {each}" for each in lines)]) + "\n"
    file = f"<{way}: {line}>"
    linecache.cache[file] = (len(text), None, text.splitlines(True), file)
    names = dict(globals())
    exec(compile(text, file, "exec"), names)
    return lmc.function(names["program"])


def answer(fn: Any, way: str, mode: Any) -> str:
    """What it returned and told, and what its arguments became; its error; or that it is a graph break."""
    LOG.clear()
    G[:] = [0]
    bag.n = 1
    given: dict[str, Any] = {"xs": [1, 2], "d": {"k0": 1}, "texts": ["a", "b", "c"]} if way == "given" else {}
    try:
        got = fn.run(**given, backend="echo", seed=1, mode=mode, fullgraph=mode == "compiled").ret_value
    except CaptureError as error:
        assert error.span is not None and error.code is not None, error
        return "break"
    except Exception as error:
        got = repr(error)
    return repr((got, LOG, G, bag.n, given))


CASES = [pytest.param(way, line, id=f"{way}: {line}") for way in MADE for line in (*EXPRESSIONS, *STATEMENTS)]


@pytest.mark.parametrize("way, line", one_in(40, CASES))
def test_parts_are_made_in_the_order_in_which_python_makes_them(way: str, line: str) -> None:
    """A generated text, an argument or a constant: the same, or a graph break."""
    fn = program(way, line)
    got = answer(fn, way, "compiled")
    assert got in (answer(fn, way, "eager"), "break")


@pytest.mark.slow
def test_most_of_them_have_a_graph() -> None:
    """An oracle in which everything breaks proves nothing."""
    breaks = [case.values for case in CASES if answer(program(*case.values), case.values[0], "compiled") == "break"]
    assert len(breaks) < 0.25 * len(CASES), breaks


USED = (collections, functools, itertools, operator, re, no, boom, poke, same_list, grow)  # by the lines above
