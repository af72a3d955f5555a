"""Random programs for the oracle: a seeded generator of source text, and what a run of one must show.

    python tests/oracle/fuzz.py 0 1000          # seeds, a line for each failure, then how many were captured
    python tests/oracle/fuzz.py 17 --show       # the program of a seed
    python tests/oracle/fuzz.py 17 --shrink     # the smallest program that still fails

A program is made with the types of its names in mind, so that most run without an error; now and then it is not.
"""

from __future__ import annotations

import argparse
import ast
import random
import re
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))  # where it is started as a program

HEADER = """\
import lmc as lm

LOG = []
LIMIT = 3
WORDS = ("ab", "c", "")
TABLE = {"a": 1, "b": 2}


def note(x):
    LOG.append(x)
    return x


def pair(a, b="z", *more, sep="-"):
    return sep.join([a, b, *more])


def tell(s, text, *, times=1):
    for _ in range(times):
        s += text
    return len(text)


def ask(s, name):
    s += lm.gen(name, regex="[0-4]")
    return int(s[name])

"""

ARGUMENTS: tuple[dict[str, Any], ...] = (
    {"n": 2, "words": ["a", "bc", "a"], "flag": True, "table": {"a": 1, "q": 5}, "title": "Ti"},
    {"n": 0, "words": [], "flag": False, "table": {}, "title": ""},
    {"n": 3, "words": ["x"], "flag": False, "table": {"b": 0}, "title": "a-b c"},
)


# --- what the generator knows ----------------------------------------------------------------------------


@dataclass
class Known:
    """A name in scope: its type; of a state the names it surely has; of a list whether it may be changed now."""

    type: str
    has: dict[str, str] = field(default_factory=dict)
    locked: bool = False


@dataclass
class Scope:
    """The names of a block of the function being written; a loop's body may break and continue."""

    names: dict[str, Known]
    in_loop: bool = False
    in_function: bool = False
    in_role: bool = False


class Writer:
    """Writes one program."""

    def __init__(self, seed: int, *, walrus: bool = True) -> None:
        self.rng = random.Random(seed)
        self.lines: list[str] = []
        self.indent = 1
        self.count = 0
        self.left = self.rng.randint(8, 26)
        self.scope = Scope({})
        self.wild = self.rng.random() < 0.15  # a program of errors and unbound names
        self.walrus = walrus

    # --- small tools ---

    def program(self) -> str:
        """The source of a module with the function `program`."""
        names = {
            "s": Known("state"), "n": Known("int"), "words": Known("strs", locked=True), "flag": Known("bool"),
            "table": Known("dict", locked=True), "title": Known("str"),
        }  # fmt: skip
        self.scope = Scope(names)
        self.put("s += 'P '")
        while self.left > 0:
            self.statement(0)
        self.put(f"return {self.everything()}")
        return HEADER + "\ndef program(s, n, words, flag, table, title):\n" + "\n".join(self.lines) + "\n"

    def put(self, line: str) -> None:
        self.lines.append("    " * self.indent + line)
        self.left -= 1

    def chance(self, p: float) -> bool:
        return self.rng.random() < p

    def pick(self, *options: Any) -> Any:
        return self.rng.choice(options)

    def fresh(self, base: str) -> str:
        self.count += 1
        return f"{base}{self.count}"

    def of(self, type: str, *, free: bool = False) -> list[str]:
        """The names of a type; `free`: that may be changed."""
        return [k for k, v in self.scope.names.items() if v.type == type and not (free and v.locked)]

    def any_of(self, type: str, **kw: Any) -> str | None:
        names = self.of(type, **kw)
        return self.rng.choice(names) if names else None

    def bind(self, name: str, type: str, has: dict[str, str] | None = None, *, locked: bool = False) -> None:
        self.scope.names[name] = Known(type, dict(has or {}), locked)

    def everything(self) -> str:
        """What the program returns: some of what it has made."""
        plain = [k for k, v in self.scope.names.items() if v.type in ("int", "str", "bool", "strs", "ints", "dict")]
        states = [f"{k}.text()" for k in self.of("state") if self.chance(0.5)]
        lists = [f"[f.text() for f in {k}]" for k in (*self.of("states"), *self.of("group")) if self.chance(0.5)]
        return "(" + "".join(f"{x}, " for x in (*plain, *states, *lists)) + ")"

    @contextmanager
    def block(self, head: str, **flags: bool) -> Iterator[None]:
        """A nested block: what it binds is not surely bound after it."""
        self.put(head)
        begun = len(self.lines)
        outer = self.scope
        names = {k: Known(v.type, dict(v.has), v.locked) for k, v in outer.names.items()}
        settings = {"in_loop": outer.in_loop, "in_function": outer.in_function, "in_role": outer.in_role, **flags}
        self.scope = Scope(names, **settings)
        self.indent += 1
        try:
            yield
        finally:
            if len(self.lines) == begun:
                self.put("pass")
            self.indent -= 1
            for k, v in outer.names.items():
                inner = self.scope.names.get(k)
                v.has = {n: t for n, t in v.has.items() if inner is not None and n in inner.has}
            if self.wild and self.chance(0.3):
                for k, v in self.scope.names.items():
                    outer.names.setdefault(k, v)
            self.scope = outer

    def body(self, depth: int, least: int = 1) -> None:
        for _ in range(self.rng.randint(least, 3)):
            self.statement(depth + 1)

    # --- expressions ---

    def expr(self, type: str, depth: int = 0) -> str:
        made: str = getattr(self, type)(depth)
        return made

    def int(self, d: int) -> str:
        r = self.rng
        simple = [str(r.randint(0, 4)), *self.of("int"), *self.digits()]
        if d > 2 or self.chance(0.4):
            return r.choice(simple)
        i, b, t = (lambda: self.int(d + 1)), (lambda: self.bool(d + 1)), (lambda: self.str(d + 1))
        return r.choice([
            lambda: f"({i()} {self.pick('+', '-', '*', '|', '&')} {i()})",
            lambda: f"({i()} {self.pick('%', '//')} {self.pick('3', '5', f'({i()} % 3 + 1)')})",
            lambda: f"len({self.pick(self.str, self.strs, self.ints, self.dict)(d + 1)})",
            lambda: f"(-{i()})",
            lambda: f"{self.pick('min', 'max')}({i()}, {i()})",
            lambda: f"sum({self.ints(d + 1)})",
            lambda: f"sum({self.walk('ints', d)})",
            lambda: f"max({self.ints(d + 1)}, default={i()})",
            lambda: f"({i()} if {b()} else {i()})",
            lambda: f"abs({i()})",
            lambda: f"({i()} {self.pick('and', 'or')} {i()})",
            lambda: f"{self.dict(d + 1)}.get({t()}, {i()})",
            lambda: f"{self.strs(d + 1)}.count({t()})",
            lambda: f"({b()} + {i()})",
            lambda: f"int({b()})",
            lambda: f"note({i()})",
            lambda: f"({self.named('int', d)})" if self.walrus else i(),
            lambda: f"{t()}.find({self.pick(repr('a'), repr(''), repr('b'))})",
            lambda: f"divmod({i()}, 3)[{self.pick(0, 1, -1)}]",
            lambda: f"(lambda a, b={i()}: a + b)({i()})",
            lambda: f"sorted({self.strs(d + 1)} + ['m'], key=lambda w: (len(w), w))[0].count('a')",
            lambda: f"next(({self.walk('ints', d)}), {i()})",
            lambda: f"TABLE[{self.pick(repr('a'), repr('b'))}]",
            lambda: f"({i()} << 1)",
            lambda: f"int({i()} / 2)",
            lambda: f"[{i()}, {i()}][{self.pick('0', '-1', f'{i()} % 2')}]",
            lambda: f"({i()}, {i()})[{b()}]",
        ])()  # fmt: skip

    def bool(self, d: int) -> str:
        if d > 2 or self.chance(0.15):
            return self.rng.choice(["True", "False", *self.of("bool")])
        i, b, t = (lambda: self.int(d + 1)), (lambda: self.bool(d + 1)), (lambda: self.str(d + 1))
        op = self.pick("<", "<=", "==", "!=", ">", ">=")
        return self.rng.choice([
            lambda: f"({i()} {op} {i()})",
            lambda: f"({i()} {op} {i()})",
            lambda: f"({t()} {op} {t()})",
            lambda: f"({i()} <= {i()} {op} {i()})",
            lambda: f"(not {self.pick(i, b, t)()})",
            lambda: f"({b()} {self.pick('and', 'or')} {b()})",
            lambda: f"({t()} {self.pick('in', 'not in')} {self.pick(self.str, self.strs, self.dict)(d + 1)})",
            lambda: f"({i()} in {self.ints(d + 1)})",
            lambda: f"{self.pick('any', 'all')}({self.walk('bools', d)})",
            lambda: f"{self.pick('any', 'all')}({self.ints(d + 1)})",
            lambda: f"bool({self.pick(self.int, self.str, self.strs, self.dict)(d + 1)})",
            lambda: f"{t()}.startswith({t()})",
            lambda: f"{t()}.isdigit()",
            lambda: f"({self.strs(d + 1)} {self.pick('==', '!=')} {self.strs(d + 1)})",
            lambda: f"isinstance({self.pick(i, t)()}, {self.pick('int', 'str', '(int, str)')})",
            lambda: f"({b()} if {b()} else {b()})",
            lambda: f"({self.state_name()} is {self.state_name()})",
            lambda: f"({self.pick(i, t)()} is {self.pick('', 'not ')}None)",
            lambda: f"({self.pick('g1', 'k', 'q')!r} in {self.state_name()})",
        ])()  # fmt: skip

    def str(self, d: int) -> str:
        r = self.rng
        simple = [repr(r.choice(["a", "b", "", "a-b", "xyz", " "])), *self.of("str"), *self.texts()]
        if d > 2 or self.chance(0.3):
            return r.choice(simple)
        i, b, t = (lambda: self.int(d + 1)), (lambda: self.bool(d + 1)), (lambda: self.str(d + 1))
        return r.choice([
            lambda: self.fstring(d),
            lambda: self.fstring(d),
            lambda: f"({t()} + {t()})",
            lambda: f"{t()}[{self.cut(d)}]",
            lambda: f"{t()}.{self.pick('upper', 'lower', 'strip', 'title')}()",
            lambda: f"{self.pick(repr(','), repr(''))}.join({self.strs(d + 1)})",
            lambda: f"''.join({self.walk('strs', d)})",
            lambda: f"str({self.pick(self.int, self.strs, self.ints, self.dict, self.bool)(d + 1)})",
            lambda: f"({t()} * ({i()} % 3))",
            lambda: f"({t()} {self.pick('and', 'or')} {t()})",
            lambda: f"({t()} if {b()} else {t()})",
            lambda: f"note({t()})",
            lambda: f"pair({t()}, {t()})",
            lambda: f"pair({t()}, *{self.strs(d + 2)}[:1], sep={t()})" if self.wild else f"pair({t()}, sep={t()})",
            lambda: f"({self.strs(d + 1)} or ['e'])[{self.pick('0', '-1')}]",
            lambda: f"{self.state_name()}.text()[-4:]",
            lambda: f"{t()}.replace({self.pick(repr('a'), repr('-'))}, {t()})",
            lambda: f"min({t()}, {t()})",
            lambda: f"max({self.strs(d + 1)}, key=len, default='d')" if self.wild else f"max([{t()}, {t()}], key=len)",
            lambda: f"WORDS[{i()} % 3]",
            lambda: f"'%s=%d' % ({t()}, {i()})",
            lambda: f"'{{}}:{{}}'.format({t()}, {i()})",
        ])()  # fmt: skip

    def fstring(self, d: int) -> str:
        holes = []
        for _ in range(self.rng.randint(1, 3)):
            type = self.pick("int", "str", "str", "bool", "strs", "dict")
            inner = self.expr(type, d + 2)
            if any(c in inner for c in '{}\\"') or "'" in inner or ":" in inner:
                name = self.any_of(type)
                if name is None:
                    continue
                inner = name
            spec = {"int": self.pick("", ":>3", "!r"), "str": self.pick("", "!r", ":<4")}.get(type, "")
            holes.append("{" + inner + spec + "}")
        return 'f"' + self.pick("", "v=", "<") + "|".join(holes) + '"'

    def cut(self, d: int) -> str:
        return self.pick("1:", ":3", ":-1", "-2:", "::-1", "::2", f":{self.int(d + 1)} % 4", f"{self.int(d + 1)} % 3:")

    def strs(self, d: int) -> str:
        if d > 2 or self.chance(0.35):
            return self.rng.choice([*self.of("strs"), "['p', 'q']", "[]", "list(WORDS)"])
        t, xs = (lambda: self.str(d + 1)), (lambda: self.strs(d + 1))
        return self.rng.choice([
            lambda: f"[{t()}, {t()}]",
            lambda: f"[{self.walk('strs', d)}]",
            lambda: f"[{self.walk('strs', d)}]",
            lambda: f"({xs()} + {xs()})",
            lambda: f"{xs()}[{self.cut(d)}]",
            lambda: f"sorted({xs()})",
            lambda: f"sorted({xs()}, key=len, reverse={self.bool(3)})",
            lambda: f"{t()}.split({self.pick(repr('-'), '')})",
            lambda: f"list({self.pick(t, xs)()})",
            lambda: f"list(reversed({xs()}))",
            lambda: f"({xs()} if {self.bool(d + 1)} else {xs()})",
            lambda: f"({xs()} or {xs()})",
            lambda: f"[*{xs()}, {t()}]" if self.wild else f"[{t()}]",
            lambda: f"list({self.dict(d + 1)})",
            lambda: f"sorted(set({xs()}))",
            lambda: f"sorted({{{self.walk('strs', d)}}})",
            lambda: f"list(map(str, {self.ints(d + 1)}))",
            lambda: f"[x + y for x, y in zip({xs()}, {xs()})]",
            lambda: f"[f'{{i}}{{x}}' for i, x in enumerate({xs()})]",
            lambda: f"([{t()}] * {self.pick(0, 1, 2)})",
        ])()  # fmt: skip

    def ints(self, d: int) -> str:
        if d > 2 or self.chance(0.4):
            return self.rng.choice([*self.of("ints"), "[1, 2]", "[0]", "list(range(3))"])
        i = lambda: self.int(d + 1)  # noqa: E731
        return self.rng.choice([
            lambda: f"[{i()}, {i()}]",
            lambda: f"[{self.walk('ints', d)}]",
            lambda: f"list(range({i()} % 4))",
            lambda: f"[len(w) for w in {self.strs(d + 1)}]",
            lambda: f"sorted({self.ints(d + 1)})",
            lambda: f"({self.ints(d + 1)} + {self.ints(d + 1)})",
            lambda: f"list({self.dict(d + 1)}.values())",
            lambda: f"{self.ints(d + 1)}[{self.cut(d)}]",
            lambda: f"[{i()} for {self.fresh('z')} in range({i()} % 3)]",
        ])()  # fmt: skip

    def dict(self, d: int) -> str:
        if d > 2 or self.chance(0.4):
            return self.rng.choice([*self.of("dict"), "{'a': 1, 'c': 2}", "{}"])
        t, i = (lambda: self.str(d + 1)), (lambda: self.int(d + 1))
        return self.rng.choice([
            lambda: f"{{'k': {i()}, 'a': {i()}}}",
            lambda: f"{{{t()}: {i()}}}",
            lambda: f"{{w: {i()} for w in {self.strs(d + 1)}}}",
            lambda: f"dict(zip({self.strs(d + 1)}, {self.ints(d + 1)}))",
            lambda: f"dict({self.dict(d + 1)})",
            lambda: f"dict(a={i()}, z={i()})",
            lambda: f"{{k: v + 1 for k, v in {self.dict(d + 1)}.items() if {self.pick('v', 'k', 'v > 0')}}}",
        ])()  # fmt: skip

    def walk(self, type: str, d: int) -> str:
        """`elt for x in xs if test`."""
        x = self.fresh("x")
        over = self.pick("strs", "strs", "ints", "range", "text")
        outer, walrus = self.scope, self.walrus
        self.walrus = False
        source = {
            "strs": lambda: self.strs(d + 2), "ints": lambda: self.ints(d + 2), "text": lambda: self.str(d + 2),
            "range": lambda: f"range({self.int(d + 2)} % 4)",
        }[over]()  # fmt: skip
        inner = "int" if over in ("ints", "range") else "str"
        self.scope = Scope({**outer.names, x: Known(inner)})
        elt = self.expr({"ints": "int", "bools": "bool", "strs": "str"}[type], d + 1)
        test = f" if {self.bool(d + 1)}" if self.chance(0.4) else ""
        self.scope, self.walrus = outer, walrus
        return f"{elt} for {x} in {source}{test}"

    def named(self, type: str, d: int) -> str:
        name = self.fresh("w")
        return f"{name} := {self.expr(type, d + 1)}"

    def state_name(self) -> str:
        return self.any_of("state") or "s"

    def digits(self) -> list[str]:
        return [
            f"int({k}[{n!r}])" for k in self.of("state") for n, t in self.scope.names[k].has.items() if t == "digit"
        ]

    def texts(self) -> list[str]:
        made = [f"{k}[{n!r}]" for k in self.of("state") for n, t in self.scope.names[k].has.items() if t != "list"]
        return [*made, f"{self.state_name()}['g1']"] if self.wild and self.chance(0.1) else made

    # --- statements ---

    def statement(self, depth: int) -> None:
        simple: list[tuple[float, Callable[[], None]]] = [
            (5, self.append_text), (6, self.append_gen), (5, self.new_name), (4, self.rebind), (3, self.augment),
            (4, self.change_list), (3, self.change_dict), (2, self.alias), (1.5, self.unpack), (2, self.effect),
            (1, self.set_name), (3, self.use_states), (1, self.helper_call), (1, self.nested_data),
            (1.5 if self.scope.in_loop else 0, self.leave_loop), (0.4 if depth else 0, self.leave),
            (0.5 if self.wild else 0.05, self.fail), (0.6, self.call_function), (0.5, self.branch_states),
            (1.5, self.lazy), (1.5, self.odd), (1, self.functions), (1, self.argmax), (0.8, self.items),
            (0.4, self.walk_and_change),
        ]  # fmt: skip
        deep: list[tuple[float, Callable[[], None]]] = [
            (7, lambda: self.branch(depth)), (5, lambda: self.for_loop(depth)), (2.5, lambda: self.while_loop(depth)),
            (2, lambda: self.fork(depth)), (1.2, lambda: self.define(depth)), (0.7, lambda: self.role(depth)),
        ]  # fmt: skip
        rules = simple + (deep if depth < 3 and self.left > 1 else [])
        self.rng.choices([r for _, r in rules], [w for w, _ in rules])[0]()

    def append_text(self) -> None:
        target = self.state_name()
        self.put(f"{target} += {self.str(0)}")

    def append_gen(self) -> None:
        target = self.state_name()
        self.gen_into(target)

    def gen_into(self, target: str) -> None:
        name = self.pick("g1", "g2", "g3", self.fresh("g"))
        kind = self.pick("digit", "digit", "text", "select", "free", "sampled", "dynamic")
        known = self.scope.names[target]
        if kind == "digit":
            self.put(f"{target} += lm.gen({name!r}, regex='[0-4]')")
        elif kind == "text":
            self.put(
                f"{target} += lm.gen({name!r}, regex={self.pick('[ab]{0,3}', 'a-[bc]', '[xyz]+')!r}, max_tokens=4)"
            )
        elif kind == "select":
            options = self.pick("['a', 'b']", "['yes', 'no']", "['a', 'a-b', 'c']")
            if self.chance(0.2):
                options = f"[{self.str(2)} + 'x', 'y']"
            self.put(f"{target} += lm.select({name!r}, {options})")
        elif kind == "sampled":
            self.put(f"{target} += lm.gen({name!r}, max_tokens=3, temperature=1.0)")
        elif kind == "dynamic":
            self.put(f"{target} += lm.gen(f'd{{{self.pick(*self.of('int'))}}}', max_tokens=2)")
            return
        else:
            self.put(f"{target} += {self.str(2)} + lm.gen({name!r}, max_tokens=3)")
        known.has[name] = "digit" if kind == "digit" else "text"

    def set_name(self) -> None:
        target, name = self.state_name(), self.pick("k", "q")
        self.put(f"{target}[{name!r}] = {self.str(0)}")
        self.scope.names[target].has[name] = "text"

    def new_name(self) -> None:
        type = self.pick("int", "str", "str", "bool", "strs", "strs", "ints", "dict")
        name = self.fresh({"int": "i", "str": "t", "bool": "b", "strs": "l", "ints": "m", "dict": "d"}[type])
        self.put(f"{name} = {self.expr(type)}")
        self.bind(name, type)

    def rebind(self) -> None:
        type = self.pick("int", "str", "bool", "strs", "ints", "dict")
        name = self.any_of(type, free=True)
        if name is None or name in ("words", "table"):
            return self.new_name()
        self.put(f"{name} = {self.expr(type)}")

    def augment(self) -> None:
        type = self.pick("int", "str", "strs", "ints")
        name = self.any_of(type, free=True)
        if name is None:
            return self.new_name()
        op, value = "+", self.expr(type)
        if type == "int":
            op = self.pick("+", "-", "*", "%") if self.chance(0.7) else "+"
            value = "3" if op in "*%" else value
        if type == "str":
            value += "[:5]" if self.chance(0.5) else ""
        self.put(f"{name} {op}= {value}")

    def change_list(self) -> None:
        type = self.pick("strs", "strs", "ints")
        name = self.any_of(type, free=True)
        if name is None:
            return self.new_name()
        item = lambda: self.expr("str" if type == "strs" else "int", 1)  # noqa: E731
        self.put(self.rng.choice([
            lambda: f"{name}.append({item()})",
            lambda: f"{name}.append({item()})",
            lambda: f"{name}.extend({self.expr(type, 1)})",
            lambda: f"{name}.insert({self.pick(0, -1, 9, self.int(2))}, {item()})",
            lambda: f"{name} and {name}.pop()",
            lambda: f"{name} and {name}.pop({self.pick(0, -1)})",
            lambda: f"{name}.reverse()",
            lambda: f"{name}.sort({self.pick('', 'reverse=True')})",
            lambda: f"{name}.clear()" if self.chance(0.3) else f"{name}[:0]",
            lambda: f"{name}[:] = {self.expr(type, 1)}" if self.wild else f"{name} += {self.expr(type, 1)}",
            lambda: f"{name} += [{item()}]",
            lambda: f"{name}[{self.pick(0, -1)}] = {item()}" if self.wild else f"{name} = {name}[::-1]",
        ])())  # fmt: skip

    def change_dict(self) -> None:
        name = self.any_of("dict", free=True)
        if name is None:
            return self.new_name()
        t, i = (lambda: self.str(1)), (lambda: self.int(1))
        self.put(self.rng.choice([
            lambda: f"{name}[{t()}] = {i()}",
            lambda: f"{name}['a'] = {i()}",
            lambda: f"{name}.update({self.dict(1)})",
            lambda: f"{name}.setdefault({t()}, {i()})",
            lambda: f"{name}.pop({t()}, None)",
            lambda: f"{name}[{self.pick(repr('a'), 'title')}] = {name}.get('a', 0) + {i()}",
            lambda: f"{name}['a'] += 1" if self.wild else f"{name}['b'] = 1",
            lambda: f"del {name}['a']" if self.wild else f"{name}.pop('b', 0)",
        ])())  # fmt: skip

    def alias(self) -> None:
        name = self.any_of(self.pick("strs", "strs", "dict", "ints", "state"), free=True)
        if name is None:
            return self.new_name()
        known = self.scope.names[name]
        new = self.fresh("al")
        self.put(f"{new} = {name}")
        self.bind(new, known.type, known.has)

    def nested_data(self) -> None:
        name = self.any_of("strs", free=True)
        if name is None:
            return self.new_name()
        new = self.fresh("nest")
        self.put(f"{new} = {self.pick(f'[{name}, {name}]', f'[{name}, {{}}]', f'({name}, 1)')}")
        self.put(f"{new}[0].append({self.str(1)})")
        out = self.fresh("l")
        self.put(f"{out} = {new}[0]")
        self.bind(out, "strs")

    def unpack(self) -> None:
        a, b = self.fresh("u"), self.fresh("u")
        which = self.rng.randrange(5)
        if which == 0:
            self.put(f"{a}, {b} = {self.int(0)}, {self.int(0)}")
            types = "int", "int"
        elif which == 1:
            self.put(f"{a}, *{b} = {self.strs(1)} + ['e']")
            types = "str", "strs"
        elif which == 2:
            self.put(f"{a}, _, {b} = {self.str(1)}.partition('-')")
            types = "str", "str"
        elif which == 3:
            self.put(f"({a}, {b}), c = [{self.str(1)}, {self.int(1)}], {self.int(1)}")
            types = "str", "int"
        else:
            names = self.of("int", free=True)
            if len(names) < 2:
                return
            x, y = self.rng.sample(names, 2)
            self.put(f"{x}, {y} = {y}, {x} + 1")
            return
        self.bind(a, types[0])
        self.bind(b, types[1])

    def effect(self) -> None:
        self.put(
            self.pick("note({})", "LOG.append({})", "print({})").format(self.expr(self.pick("int", "str", "strs")))
        )

    def helper_call(self) -> None:
        state = self.state_name()
        if self.chance(0.5):
            name, new = self.pick("g1", "h1"), self.fresh("i")
            self.put(f"{new} = ask({state}, {name!r})")
            self.scope.names[state].has[name] = "digit"
        else:
            new = self.fresh("i")
            self.put(f"{new} = tell({state}, {self.str(1)}, times={self.pick('2', f'{self.int(1)} % 3')})")
        self.bind(new, "int")

    def leave_loop(self) -> None:
        with self.block(f"if {self.bool(0)}:"):
            self.put(self.pick("break", "continue"))

    def leave(self) -> None:
        if self.scope.in_role:
            return
        with self.block(f"if {self.bool(0)}:"):
            self.put(f"return {self.int(0) if self.scope.in_function else self.everything()}")

    def fail(self) -> None:
        with self.block(f"if {self.bool(0)}:"):
            self.put(self.pick(
                f"raise ValueError({self.str(1)})", f"assert {self.bool(1)}, 'no'", "int('x')", "{}['missing']",
                "1 // 0", "['a'][3]", "'a' + 1", "raise KeyError",
            ))  # fmt: skip

    def lazy(self) -> None:
        """One-pass iterables and views, used at once, later, or twice."""
        xs, d, v = self.any_of("strs") or "words", self.any_of("dict") or "table", self.fresh("v")
        make = self.pick(
            f"zip({xs}, {self.ints(1)})", f"enumerate({xs})", f"reversed({xs})", f"(note(x) for x in {xs})",
            f"(x + {self.str(2)} for x in {xs})", f"map(str, {self.ints(1)})", f"map(note, {xs})", f"{d}.items()",
            f"{d}.keys()", f"filter(None, {xs})", f"filter(lambda x: x > 'a', {xs})", f"{d}.values()", f"set({xs})",
        )  # fmt: skip
        self.put(f"{v} = {make}")
        if self.chance(0.5):
            self.pick(self.change_list, self.change_dict, self.effect)()
        use = self.pick(
            "list({})", "sorted({})", "len(list({}))", "[str(x) for x in {}]", "any({})", "max({}, default=0)"
        )
        name = self.fresh("t")
        if use.startswith("sorted") and "set" not in make:
            use = "list({})"
        self.put(f"{name} = str({use.format(v) if 'set' not in make else f'sorted({v})'})")
        self.bind(name, "str")
        if self.wild and self.chance(0.3):
            self.put(f"note(list({v}))")

    def odd(self) -> None:
        """Small things with an order or an identity."""
        xs, n = self.any_of("strs", free=True), self.fresh("o")
        i, t = (lambda: self.int(1)), (lambda: self.str(1))
        options: list[Callable[[], str]] = [
            lambda: f"{n} = {self.fresh('o')} = {i()}",
            lambda: f"{n} = note({i()}) < note({i()}) < note({i()})",
            lambda: f"{n} = pair(b=note({t()}), a=note({t()}))",
            lambda: f"{n} = [note({i()}), note({i()})][note(0)]",
            lambda: f"{n} = {{1: {t()}, True: {t()}, 1.0: 'f'}}",
            lambda: f"{n} = ({i()} / 2, {i()} // 2, {i()} % 3 == 1.0, round({i()} / 3, 2))",
            lambda: f'{n} = f"{{{self.pick(*self.of("int"))}:>{{n}}}}|{{{self.pick(*self.of("int"))} + 1!r:<4}}"',
            lambda: f"{n} = sorted({{3, 1, {i()}}})",
            lambda: f"{n} = list({{5, 3, 9}})",
            lambda: f"{n} = [a + b for a in {self.strs(1)} for b in {self.strs(1)} if a != b]",
            lambda: f"{n} = {{k: len(v) for k, v in zip('ab', {self.strs(1)})}}",
            lambda: f"{n} = [[{i()} for y in range(2)] for x in range(n)]",
            lambda: f"{n} = (note(1) and note(0)) or note({t()})",
            lambda: f"{n} = {t()} if note({self.bool(1)}) else note({t()})",
            lambda: f"{n} = any(note(x) for x in {self.strs(1)}) + all(note(x) for x in {self.ints(1)})",
            lambda: f"{n} = next((x for x in {self.strs(1)} if note(x) > 'a'), None)",
            lambda: f"{n} = s.messages()",
            lambda: f"{n} = [x for x in {self.ints(1)} if (y := x * 2) > 1]",
        ]
        if xs:
            options += [
                lambda: f"{xs} and {xs}.__setitem__(0, 'q')" if False else f"{n} = {xs}.count('a') or {xs}.copy()",
                lambda: f"{n} = {xs} is {self.pick(*self.of('strs'))}",
                lambda: f"{n} = ({xs}, {{'in': {xs}}})",
            ]
        self.put(self.rng.choice(options)())
        if self.chance(0.7):
            text = self.fresh("t")
            self.put(f"{text} = str({n})")
            self.bind(text, "str")

    def items(self) -> None:
        """Changes of one item, with a key that is evaluated once."""
        xs, d = self.any_of("strs", free=True), self.any_of("dict", free=True)
        if xs and self.chance(0.6):
            with self.block(f"if {xs}:"):
                self.put(self.pick(
                    f"{xs}[0] = {self.str(1)}", f"{xs}[-1] += {self.str(1)}", f"{xs}[note(0)] += note({self.str(1)})",
                    f"{xs}[{self.int(1)} % len({xs})] = {self.str(1)}", f"del {xs}[0]", f"{xs}.remove({xs}[-1])",
                    f"{xs}[0], {xs}[-1] = {xs}[-1], {xs}[0]",
                ))  # fmt: skip
        elif d:
            with self.block(f"for key in list({d}):", in_loop=True):
                self.put(self.pick(f"{d}[key] += {self.int(1)}", f"{d}[note(key)] -= note(1)", f"{d}[key + 'x'] = 1"))

    def functions(self) -> None:
        """Functions with defaults of their own, late binding, closures over states."""
        fn, out = self.fresh("fn"), self.fresh("r")
        which = self.rng.randrange(5)
        if which == 0:
            with self.block(f"def {fn}(x, seen=[]):"):
                self.put("seen.append(x)")
                self.put("return len(seen)")
            self.put(f"{out} = {fn}(1) + {fn}(2) + {fn}({self.int(1)}, [])")
        elif which == 1:
            self.put(f"{fn} = [lambda: i for i in range(3)]")
            self.put(f"{out} = {fn}[{self.pick(0, 1)}]() + 1")
        elif which == 2:
            with self.block(f"def {fn}(text, *rest, **more):"):
                self.put("s.set_var('k', text + ''.join(rest))")
                self.put("return len(more)")
            self.put(f"{out} = {fn}({self.str(1)}, 'r', z={self.int(1)})")
            self.scope.names["s"].has["k"] = "text"
        elif which == 3:
            with self.block(f"def {fn}(k):"):
                self.put(f"return 0 if k <= 0 else k + {fn}(k - 1)")
            self.put(f"{out} = {fn}({self.pick(2, 3, 'n')})")
        else:
            with self.block(f"def {fn}(f):"):
                self.put(f"f += {self.str(2)}")
                self.put("f += lm.gen('h1', regex='[0-4]')")
                self.put("return int(f['h1'])")
            state = self.state_name()
            self.put(f"{out} = {fn}({state})")
            self.scope.names[state].has["h1"] = "digit"
        self.bind(out, "int")

    def argmax(self) -> None:
        """The best of some forks, found by a loop."""
        fs, f, best = self.any_of("group") or self.any_of("states"), self.fresh("f"), self.fresh("best")
        if fs is None:
            return
        self.put(f"{best} = None")
        with self.block(f"for {f} in {fs}:", in_loop=True):  # noqa: SIM117  # as the program is nested
            with self.block(f"if {best} is None or len({f}.text()) {self.pick('<', '>')} len({best}.text()):"):
                self.put(f"{best} = {f}")
        if self.chance(0.6):
            with self.block(f"if {best} is not None:"):
                self.put(f"{best} += {self.str(1)}")
                self.put(f"{best} += lm.gen('b1', max_tokens=2)")
                self.put(f"note({best}.text())")

    # --- blocks ---

    def branch(self, depth: int) -> None:
        with self.block(f"if {self.bool(0)}:"):
            self.body(depth)
        if self.chance(0.3):
            with self.block(f"elif {self.bool(0)}:"):
                self.body(depth)
        if self.chance(0.5):
            with self.block("else:"):
                self.body(depth)

    def for_loop(self, depth: int) -> None:
        x, i = self.fresh("e"), self.fresh("j")
        over = self.pick("range", "strs", "tuple", "text", "enumerate", "zip", "dict", "words", "states", "lazy")
        locked: list[str] = []
        new = {x: "int"}
        if over == "range":
            head = f"{x} in range({self.pick('2', '3', 'n', f'{self.int(1)} % 4', '1, 4', '3, 0, -1')})"
        elif over in ("strs", "words"):
            source = self.strs(0) if over == "strs" else "words"
            locked.append(source)
            head, new = f"{x} in {source}", {x: "str"}
        elif over == "lazy":
            head, new = f"{x} in ({self.pick('note(w)', 'w')} for w in {self.strs(1)})", {x: "str"}
        elif over == "tuple":
            head, new = f"{x} in ({self.str(1)}, {self.str(1)}, 'z')", {x: "str"}
        elif over == "text":
            head, new = f"{x} in {self.str(1)}[:4]", {x: "str"}
        elif over == "enumerate":
            source = self.strs(1)
            locked.append(source)
            head = f"{i}, {x} in enumerate({source}{self.pick('', ', 1')})"
            new = {x: "str", i: "int"}
        elif over == "zip":
            source = self.any_of("strs") or "words"
            locked.append(source)
            head, new = f"{i}, {x} in zip(range(3), {source})", {x: "str", i: "int"}
        elif over == "dict":
            source = self.any_of("dict") or "table"
            locked.append(source)
            head, new = f"{x}, {i} in {source}.items()", {x: "str", i: "int"}
        else:
            group = self.any_of("group") or self.any_of("states")
            if group is None:
                head, new = f"{x} in s.fork(2)", {x: "state"}
            else:
                head, new = f"{x} in {group}", {x: "state"}
        orelse = self.chance(0.15)
        with self.block(f"for {head}:", in_loop=True):
            for name in locked:
                if name in self.scope.names:
                    self.lock(name)
            for name, type in new.items():
                self.bind(name, type, {})
            self.body(depth)
        if orelse:
            with self.block("else:"):
                self.body(depth)

    def walk_and_change(self) -> None:
        """A loop over a container that its own body changes, a few times at most."""
        c, x = self.fresh("w"), self.fresh("e")
        t, i = (lambda: self.str(2)), (lambda: self.int(2))
        start, heads, changes = self.rng.choice([
            (
                self.pick("['a']", "['a', 'b', 'c']", self.strs(1)),
                ["{c}", "enumerate({c})", "zip(range(4), {c})", "reversed({c})", "filter(None, {c})", "list({c})"],
                [f"append({t()})", "pop()", f"insert(0, {t()})", "reverse()", f"extend([{t()}])"],
            ),
            (
                self.pick("{'a': 1}", "{'a': 1, 'b': 2}", self.dict(1)),
                ["{c}", "{c}.items()", "{c}.values()", "enumerate({c})", "{c}.copy()"],
                [f"update(a={i()})", f"update(c={i()})", "pop('b', 0)", f"setdefault('z', {i()})", "clear()"],
            ),
            ("{1, 2}", ["{c}", "enumerate({c})"], [f"add({i()})", "add(1)", "clear()"]),
        ])  # fmt: skip
        self.put(f"{c} = {start}")
        with self.block(f"for {x} in {self.pick(*heads).format(c=c)}:", in_loop=True):
            self.put(f"note({x})")
            with self.block(f"if 0 < len({c}) < 5{self.pick('', '', f' and {self.bool(1)}')}:"):
                self.put(f"{c}.{self.pick(*changes)}")
            if self.chance(0.4):
                self.leave_loop()
        self.put(f"note(len({c}))")

    def lock(self, name: str) -> None:
        """A list that is walked over, and every list that may be the same, must not change (now and then it does)."""
        if self.wild and self.chance(0.2):
            return
        type = self.scope.names[name].type
        for other in self.of(type):
            self.scope.names[other].locked = True

    def while_loop(self, depth: int) -> None:
        c = self.fresh("c")
        self.put(f"{c} = 0")
        more = self.pick("", f" and {self.bool(0)}", f" and {self.bool(0)}")
        head = f"while {c} < {self.pick('2', '3', 'n', 'LIMIT')}{more}:"
        orelse = self.chance(0.15)
        with self.block(head, in_loop=True):
            self.put(f"{c} += 1")
            self.body(depth)
        if orelse:
            with self.block("else:"):
                self.body(depth)
        self.bind(c, "int", locked=True)

    def fork(self, depth: int) -> None:
        base = self.state_name()
        has = self.scope.names[base].has
        fs = self.fresh("fs")
        size = self.pick("2", "2", "3", f"{self.int(1)} % 3 + 1", "len(words)")
        if self.chance(0.3) and not size.startswith("len"):
            a, b = self.fresh("f"), self.fresh("f")
            self.put(f"{a}, {b} = {base}.fork(2)")
            self.bind(a, "state", has)
            self.bind(b, "state", has)
            return
        self.put(f"{fs} = {base}.fork({size})")
        self.bind(fs, "group", has)
        for _ in range(self.rng.randint(0, 3)):
            self.put(f"{fs} += " + self.pick("'c '", "lambda i: f'{i}:'", self.str(1), "lm.gen('x', max_tokens=2)"))
        if self.chance(0.6):
            f = self.fresh("f")
            with self.block(f"for {f} in {fs}:", in_loop=True):
                self.bind(f, "state", has)
                self.gen_into(f)
                self.body(depth, 0)
        if self.chance(0.5):
            self.put(f"{fs}.join({self.pick('', '', repr('concate_and_append'))})")

    def use_states(self) -> None:
        fs = self.any_of(self.pick("group", "group", "states"))
        if fs is None:
            return
        known = self.scope.names[fs]
        size = f"len({fs})"
        f = self.fresh("f")
        which = self.rng.randrange(9)
        if which == 0:
            self.put(f"{f} = {fs}[{self.pick('0', '-1')}] if {fs} else s")
        elif which == 1:
            self.put(f"{f} = {fs}[{self.int(1)} % {size}] if {size} else s")
        elif which == 2:
            self.put(f"{f} = max({fs}, key=lambda f: len(f.text()))")
        elif which == 3:
            self.put(f"{f} = sorted({fs}, key=lambda f: f.text(){self.pick('', '[::-1]')})")
            self.bind(f, "states", known.has)
            return
        elif which == 4:
            self.put(f"{f} = {self.pick('list', '')}({fs})")
            self.bind(f, known.type if self.lines[-1].endswith(f"= ({fs})") else "states", known.has)
            return
        elif which == 5:
            self.put(f"{f} = [f for f in {fs} if {self.pick('len(f.text()) % 2', 'flag', repr('a') + ' in f.text()')}]")
            self.bind(f, "states", known.has)
            return
        elif which == 6 and known.type == "states":
            self.put(f"{fs}.append({self.state_name()})")
            return
        elif which == 7:
            self.put(f"{f} = {fs}[{self.pick('1:', ':1', ':2', '::-1')}]")
            self.bind(f, "states", known.has)
            return
        else:
            t = self.fresh("t")
            self.put(f"{t} = '|'.join(f.text()[-3:] for f in {fs})")
            self.bind(t, "str")
            return
        self.bind(f, "state", known.has)

    def branch_states(self) -> None:
        a, b = self.state_name(), self.state_name()
        new = self.fresh("f")
        self.put(f"{new} = {a} if {self.bool(0)} else {b}")
        has = {k: v for k, v in self.scope.names[a].has.items() if k in self.scope.names[b].has}
        self.bind(new, "state", has)

    def define(self, depth: int) -> None:
        """A closure: it may change the names around it, and it may be called later."""
        fn = self.fresh("fn")
        outer = self.scope
        number, text = self.any_of("int", free=True), self.any_of("str", free=True)
        with self.block(f"def {fn}(a, b={self.int(1)}):", in_function=True, in_loop=False, in_role=False):
            free = (x for x in (number, text) if x and x not in ("a", "b"))
            changed = [x for x in free if self.chance(0.5) and self.indent == 2]
            if changed:
                self.put(f"nonlocal {', '.join(changed)}")
            params = {"n", "words", "flag", "table", "title"}
            for name, known in list(self.scope.names.items()):
                if known.type in ("int", "str", "bool", "strs", "ints", "dict") and name not in changed:
                    known.locked = True
                if known.type in ("strs", "ints", "dict") and name not in params:
                    known.locked = True
            if number in changed:
                self.put(f"{number} += a")
            if text in changed:
                self.put(f"{text} += 'n'")
            self.bind("a", "int")
            self.bind("b", "int")
            self.body(depth)
            self.put(f"return {self.int(0)}")
        outer.names[fn] = Known("fn")

    def call_function(self) -> None:
        fn = self.any_of("fn")
        if fn is None:
            return
        new = self.fresh("i")
        self.put(f"{new} = {fn}({self.int(1)}{self.pick('', f', {self.int(1)}', f', b={self.int(1)}')})")
        self.bind(new, "int")

    def role(self, depth: int) -> None:
        if self.scope.in_role or self.scope.in_loop or self.scope.in_function or depth:
            return
        with self.block(f"with s.{self.pick('user', 'assistant')}():", in_role=True):
            self.put("s += 'hi '")
            for _ in range(self.rng.randint(0, 2)):
                self.pick(self.append_text, self.append_gen, self.new_name, self.effect)()


def source_of(seed: int) -> str:
    """The program of a seed."""
    source = Writer(seed).program()
    try:
        with warnings.catch_warnings(action="ignore", category=SyntaxWarning):
            compile(source, "program", "exec")
    except SyntaxError:  # a walrus where none may stand
        return Writer(seed, walrus=False).program()
    return source


# --- running one -----------------------------------------------------------------------------------------

Plans = tuple[tuple[int, int, Any], ...]  # seed of the run, optimisation level, way of tracing
SOME: Plans = ((0, 0, "structure"), (1, 2, "structure"), (0, 2, "concrete"), (1, 0, "untyped"))
FULL: Plans = tuple(
    (seed, level, way) for seed in range(3) for level in (0, 2) for way in ("structure", "concrete", "untyped")
)
Verdict = tuple[str, str]  # equal, error (in both alike), break, or wrong; and what was seen


@contextmanager
def loaded(source: str) -> Iterator[dict[str, Any]]:
    """The module of a program, its source in a file."""
    with tempfile.NamedTemporaryFile("w", suffix=".py", prefix="fuzz_", encoding="utf-8") as file:
        file.write(source)
        file.flush()
        names: dict[str, Any] = {"__name__": "fuzzed"}
        with warnings.catch_warnings(action="ignore", category=SyntaxWarning):
            exec(compile(source, file.name, "exec"), names)
        yield names


def verdict(source: str, seed: int, plans: Plans = SOME) -> Verdict:
    """Run a program eagerly and compiled, and compare."""
    from tests.oracle.programs.case import Case

    arguments = ARGUMENTS[seed % len(ARGUMENTS)]
    with loaded(source) as names:
        case = Case(names["program"], (arguments,), expects="either", log=names["LOG"], reset=names.get("reset"))
        try:
            return _compared(case, arguments, plans)
        except AssertionError as error:
            return "wrong", str(error)
        except Exception:
            return "wrong", traceback.format_exc(limit=-6)


def _compared(case: Any, arguments: dict[str, Any], plans: Plans) -> Verdict:
    from lmc.errors import CaptureError
    from tests.oracle.compiled import difference, see_compiled, see_eager
    from tests.oracle.test_compiled_equals_eager import at_most, check_break, check_calls

    seen: dict[int, Any] = {}
    outcomes = []
    for seed, level, way in plans:
        if seed not in seen:
            with at_most(3.0):
                seen[seed] = see_eager(case, arguments, seed)
        want = seen[seed]
        if want.error is not None and want.error[0] in ("TimeoutError", "MemoryError", "OverflowError"):
            return "skipped", "it does not end"
        try:
            with at_most(10.0):
                got = see_compiled(case, arguments, seed, level, way)
        except CaptureError as error:
            check_break(case, error)
            outcomes.append(("break", f"{error.code} {way}: {error.message}"))
            continue
        wrong = difference(got, want)
        assert not wrong, f"seed {seed}, -O{level}, {way}\n{wrong}"
        if want.error is None:
            check_calls(got.calls, want.calls, level)
        outcomes.append(("error" if want.error else "equal", str(want.error)))
    structure = outcomes[0]
    return structure


# --- making a failing program small ----------------------------------------------------------------------


SHRINK_S = 20.0


def shrunk(source: str, seed: int) -> str:
    """The smallest program that is wrong in the same way: parts are taken out while it stays so."""
    plan, kind = next(
        (plan, _kind(detail)) for plan in FULL for what, detail in [verdict(source, seed, (plan,))] if what == "wrong"
    )
    tree, until = ast.parse(source), time.monotonic() + SHRINK_S
    for edits in (_statements, _expressions):
        changed = True
        while changed:
            changed = False
            for edit in list(edits(tree)):
                undo = edit()
                if undo is None:
                    continue
                if time.monotonic() > until:
                    undo()
                elif _still(tree, seed, plan, kind):
                    changed = True
                else:
                    undo()
    return ast.unparse(tree)


def _still(tree: ast.Module, seed: int, plan: Any, kind: str) -> bool:
    try:
        text = ast.unparse(ast.fix_missing_locations(tree))
        with warnings.catch_warnings(action="ignore", category=SyntaxWarning):
            compile(text, "x", "exec")
        what, detail = verdict(text, seed, (plan,))
    except (SyntaxError, ValueError, RecursionError):
        return False
    return what == "wrong" and _kind(detail) == kind


def _kind(detail: str) -> str:
    """What a failure has in common with a smaller one: the error, or which results differ."""
    if "Traceback" in detail:
        return detail.rsplit("\n", 2)[-2][:40]
    return (
        re.sub(r"'[^']*'|\d+|, |\(|\)|\[|\]", "", detail)
        if "error:" in detail
        else "".join(re.findall(r"^\w+:", detail, re.M))
    )


Edit = Callable[[], Callable[[], None] | None]  # changes the tree, gives what changes it back


def _statements(tree: ast.Module) -> Iterator[Edit]:
    program = next(n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "program")
    for node in list(ast.walk(program)):
        for name in ("body", "orelse"):
            block = getattr(node, name, None)
            if isinstance(block, list):
                for stmt in list(block):
                    yield lambda block=block, stmt=stmt: _without(block, stmt, [])
                    inner = getattr(stmt, "body", None)
                    if isinstance(inner, list) and not isinstance(stmt, ast.FunctionDef):
                        yield lambda block=block, stmt=stmt, inner=inner: _without(block, stmt, inner)


def _expressions(tree: ast.Module) -> Iterator[Edit]:
    program = next(n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "program")
    for node in list(ast.walk(program)):
        for name, value in ast.iter_fields(node):
            if isinstance(value, ast.expr) and not isinstance(value, ast.Constant | ast.Name):
                for part in (*ast.iter_child_nodes(value), *SMALL):
                    if isinstance(part, ast.expr) and not isinstance(part, ast.Starred):
                        yield lambda node=node, name=name, part=part: _instead(node, name, part)
            elif isinstance(value, list) and value and isinstance(value[0], ast.expr):
                for item in list(value):
                    yield lambda value=value, item=item: _without(value, item, [])
                    for part in (*ast.iter_child_nodes(item), *SMALL):
                        if isinstance(part, ast.expr) and not isinstance(item, ast.Constant | ast.Name):
                            yield lambda value=value, item=item, part=part: _without(value, item, [part])


SMALL = (ast.Constant(1), ast.Constant("a"), ast.Constant(True), ast.List([], ast.Load()))


def _without(block: list[Any], item: Any, instead: list[Any]) -> Callable[[], None] | None:
    old = list(block)
    if not any(x is item for x in block):
        return None
    at = next(i for i, x in enumerate(block) if x is item)
    block[at : at + 1] = instead
    if not block and isinstance(item, ast.stmt):
        block[:] = [ast.Pass()] if not isinstance(item, ast.Pass) else old
        if block == old:
            return None

    def undo() -> None:
        block[:] = old

    return undo


def _instead(node: ast.AST, name: str, part: ast.expr) -> Callable[[], None] | None:
    old = getattr(node, name)
    setattr(node, name, part)
    return lambda: setattr(node, name, old)


# --- the command -----------------------------------------------------------------------------------------


def main(source_of: Callable[[int], str] = source_of) -> None:
    """Run what the command line says, with the programs of a generator."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("first", type=int)
    parser.add_argument("last", type=int, nargs="?")
    parser.add_argument("--show", action="store_true")
    parser.add_argument("--shrink", action="store_true")
    parser.add_argument("--full", action="store_true")
    given = parser.parse_args()
    if given.show:
        print(source_of(given.first))
        return
    if given.shrink:
        print(small := shrunk(source_of(given.first), given.first))
        print(verdict(small, given.first, FULL)[1])
        return
    counts: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for seed in range(given.first, given.last or given.first + 1):
        what, detail = verdict(source_of(seed), seed, FULL if given.full else SOME)
        counts[what] += 1
        if what == "wrong":
            print(f"--- seed {seed}\n{detail[-700:]}", flush=True)
        elif what == "break":
            reasons[detail] += 1
    print(dict(counts))
    for reason, count in reasons.most_common(25):
        print(f"{count:5} {reason}")


if __name__ == "__main__":
    main()
