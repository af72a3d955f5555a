"""Random programs of objects, tables and sorted lists, for the oracle: see `fuzz.py`, whose verdict they get.

python tests/oracle/fuzz_objects.py 0 300           # seeds, a line for each failure, then how many were captured
python tests/oracle/fuzz_objects.py 17 --show       # the program of a seed
"""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))  # where it is started as a program

HEADER = """\
import functools
import itertools
import sys
import types
from dataclasses import dataclass, field
from typing import Any

import lmc as lm

sys.modules.setdefault(__name__, types.ModuleType(__name__))  # where dataclass looks for it


class Log(list):
    def clear(self):  # before each run
        super().clear()
        WORDS[:] = ["ab", "c", "de"]


LOG = Log()
WORDS = ["ab", "c", "de"]
TABLE = {"a": 1, "b": [2, 3]}


def note(x):
    LOG.append(x)
    return x


class Agent:
    kind = "agent"

    def __init__(self, name, n=0):
        self.name = name
        self.n = n
        self.notes = []

    def ask(self, s, q):
        s += self.name + q
        s += lm.gen("k", regex="[0-4]")
        self.n += int(s["k"])
        self.notes.append(s["k"])
        return s["k"]

    @property
    def last(self):
        return self.notes[-1] if self.notes else self.kind

    def __call__(self, x):
        self.n += 1
        return self.name + x


class Loud(Agent):
    kind = "loud"

    def __init__(self, name):
        super().__init__(name, 1)
        self.mood = "calm"

    def ask(self, s, q):
        self.mood = self.mood + "!"
        return super().ask(s, q.upper()) + "!"


@dataclass
class Box:
    state: Any
    key: str = "k"
    n: int = 0
    notes: list = field(default_factory=list)

    @property
    def last(self):
        return self.key + str(self.n)


def ask(s, name, tail=""):
    s += lm.gen(name, regex="[0-4]") + tail
    return s[name]


def up(q):
    return q.upper()


def twice(q):
    note(q)
    return q * 2


def opaque(x):
    try:
        x.n = x.n + 1
    finally:
        LOG.append("opaque")
    return x.n


def meddle():
    try:
        WORDS.append("z")
    finally:
        if len(WORDS) > 4:
            WORDS.pop()


"""


class ObjectWriter:
    """Writes one program."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.lines: list[str] = []
        self.indent = 1
        self.count = 0
        self.left = self.rng.randint(8, 24)
        self.names: dict[str, list[str]] = {
            "agent": [], "box": [], "state": ["s"], "text": ["title"], "table": [], "team": [], "boxes": [],
            "pairs": [],
        }  # fmt: skip

    def program(self) -> str:
        """The source of a module with the function `program`."""
        self.put("a0 = Agent('first')")
        self.names["agent"].append("a0")
        while self.left > 0:
            self.statement(0)
        shown = [f"{a}.n, {a}.name, {a}.last, {a}.notes" for a in self.names["agent"]]
        shown += [f"{b}.n, {b}.key, {b}.state.text()" for b in self.names["box"]]
        shown += [f"[x.last for x in {t}]" for t in (*self.names["team"], *self.names["boxes"])]
        shown += [f"[(p, q.text()) for p, q in {p}]" for p in self.names["pairs"]]
        shown += [f"{x}.text()" for x in self.names["state"]] + self.names["text"]
        self.rng.shuffle(shown)
        self.put(f"return {', '.join(shown[:5])},")
        return HEADER + "def program(s, n, words, flag, table, title):\n" + "\n".join(self.lines) + "\n"

    def put(self, line: str) -> None:
        self.lines.append("    " * self.indent + line)
        self.left -= 1

    def fresh(self, base: str) -> str:
        self.count += 1
        return f"{base}{self.count}"

    def any(self, kind: str) -> str:
        return self.rng.choice(self.names[kind])

    def statement(self, depth: int) -> None:
        rules: list[Any] = [
            self.make_agent, self.change, self.ask, self.text, self.use_text, self.fork, self.alias, self.table,
            self.make_box, self.team, self.boxes, self.pairs, self.outside,
        ]  # fmt: skip
        if depth < 2:
            rules += [lambda: self.branch(depth), lambda: self.loop(depth)]
        self.rng.choice(rules)()

    def block(self, depth: int) -> None:
        """Names that are bound in here are not used after it."""
        kept = {kind: list(names) for kind, names in self.names.items()}
        self.indent += 1
        for _ in range(self.rng.randint(1, 3)):
            self.statement(depth + 1)
        self.indent -= 1
        self.names = kept

    # --- statements ---

    def make_agent(self) -> None:
        name = self.fresh("a")
        self.put(f"{name} = {self.rng.choice(['Agent', 'Agent', 'Loud'])}({self.words()})")
        self.names["agent"].append(name)

    def make_box(self) -> None:
        name = self.fresh("b")
        self.put(f"{name} = Box({self.any('state')}, key={self.words()})")
        self.names["box"].append(name)

    def owner(self) -> str:
        return self.any(self.rng.choice([k for k in ("agent", "box") if self.names[k]]))

    def change(self) -> None:
        owner = self.owner()
        self.put(self.rng.choice([
            f"{owner}.n += {self.number()}", f"{owner}.notes.append({self.words()})", f"{owner}.n = len({owner}.notes)",
            f"{owner}.notes = [{self.words()}]", f"{owner}.extra = {self.number()}; {owner}.n += {owner}.extra",
        ]))  # fmt: skip

    def ask(self) -> None:
        name, state = self.fresh("t"), self.any("state")
        how = [f"{self.any('agent')}.ask({state}, {self.words()})", f"ask({state}, 'q{self.count}')"]
        how.append(f"functools.partial(ask, {state}, tail='.')('p{self.count}')")
        self.put(f"{name} = {self.rng.choice(how)}")
        self.names["text"].append(name)

    def text(self) -> None:
        name = self.fresh("t")
        self.put(f"{name} = {self.words()} + str({self.number()})")
        self.names["text"].append(name)

    def use_text(self) -> None:
        if self.names["box"] and self.rng.random() < 0.5:
            self.put(f"{self.any('box')}.state += {self.words()}")
        else:
            self.put(f"{self.any('state')} += {self.words()}")

    def fork(self) -> None:
        name = self.fresh("f")
        self.put(f"{name} = {self.any('state')}.fork(1)[0]")
        self.names["state"].append(name)

    def alias(self) -> None:
        kind = self.rng.choice([k for k in ("agent", "box", "state") if self.names[k]])
        name, x, y = self.fresh(kind[0]), self.any(kind), self.any(kind)
        self.put(f"{name} = {x}" if self.rng.random() < 0.5 else f"{name} = {x} if {self.test()} else {y}")
        self.names[kind].append(name)

    def table(self) -> None:
        if not self.names["table"] or self.rng.random() < 0.4:
            name = self.fresh("d")
            picks = ["up", "twice", "lambda q: q + '.'", self.any("agent"), "functools.partial(up)"]
            first, second = self.rng.sample(picks, 2)
            self.put(f"{name} = {{'0': {first}, '1': {second}, '2': up}}")
            self.names["table"].append(name)
            return
        name, table, state = self.fresh("t"), self.any("table"), self.any("state")
        key = f"ask({state}, 'c{self.count}')"
        call = f"{table}.get({key}, up)" if self.rng.random() < 0.7 else f"{table}[{key}]"
        self.put(f"{name} = {call}({self.words()})")
        self.names["text"].append(name)

    def team(self) -> None:
        if not self.names["team"] or self.rng.random() < 0.4:
            name = self.fresh("team")
            self.put(f"{name} = [{self.any('agent')}, Agent({self.words()}), {self.any('agent')}]")
            self.names["team"].append(name)
            return
        team, state = self.any("team"), self.any("state")
        self.put(self.rng.choice([
            f"{team}[int(ask({state}, 'i{self.count}')) % 3].n += 1",
            f"{team}.sort(key=lambda x: x.last)", f"{team}.append(Loud({self.words()}))",
            f"{team}.pop().notes.append('popped'); {team}.append(Agent('new'))",
            f"for x in sorted({team}, key=lambda x: (x.last, x.n)): x.notes.append('seen')",
            f"max({team}, key=lambda x: x.last).n += 5",
            f"for x, y in itertools.combinations({team}, 2): x.n += y.n",
        ]))  # fmt: skip

    def boxes(self) -> None:
        if not self.names["boxes"] or self.rng.random() < 0.4:
            name = self.fresh("boxes")
            self.put(
                f"{name} = [Box(f, str(i)) for i, f in enumerate({self.any('state')}.fork({self.rng.choice('22n')}))]"
            )
            self.names["boxes"].append(name)
            return
        boxes = self.any("boxes")
        self.put(self.rng.choice([
            f"for b in {boxes}: b.key = ask(b.state, 'v')",
            f"for b in sorted({boxes}, key=lambda b: b.key): b.n += 1",
            f"{boxes}.sort(key=lambda b: b.key, reverse=True)",
            f"{boxes} = sorted({boxes}, key=lambda b: b.last)[:2]",
            f"for b in {boxes}: b.notes.append(b.key)",
        ]))  # fmt: skip

    def pairs(self) -> None:
        if not self.names["pairs"] or self.rng.random() < 0.4:
            name = self.fresh("ps")
            self.put(f"{name} = [(ask(f, 'w'), f) for f in {self.any('state')}.fork({self.rng.choice('23n')})]")
            self.names["pairs"].append(name)
            return
        pairs = self.any("pairs")
        self.put(self.rng.choice([
            f"{pairs} = sorted({pairs}, key=lambda p: p[0])[:2]",
            f"for p, q in {pairs}: q += p",
            f"{pairs} = [(p + ask(g, 'x'), g) for p, q in {pairs} for g in q.fork(1)]",
            f"{pairs}.append((title, {self.any('state')}))",
        ]))  # fmt: skip

    def outside(self) -> None:
        name = self.fresh("t")
        self.put(self.rng.choice([
            f"{name} = WORDS[{self.rng.choice(['0', '-1', 'int(ask(s, ' + repr(name) + ')) % 3'])}]",
            f"{name} = str(TABLE['b'][1] + len(WORDS))", f"{name} = str(opaque({self.any('agent')}))",
            f"meddle(); {name} = WORDS[-1]", f"{name} = note({self.any('text')})",
            f"{name} = getattr({self.any('agent')}, 'mood', 'none')",
        ]))  # fmt: skip
        self.names["text"].append(name)

    def branch(self, depth: int) -> None:
        self.put(f"if {self.test()}:")
        self.block(depth)
        if self.rng.random() < 0.5:
            self.put("else:")
            self.block(depth)

    def loop(self, depth: int) -> None:
        over = ["range(2)", f"range(int(ask({self.any('state')}, 'r{self.count}')) % 3)", "words", "range(n)"]
        self.put(f"for {self.fresh('i')} in {self.rng.choice(over)}:")
        self.block(depth)

    # --- expressions ---

    def words(self) -> str:
        return self.rng.choice([repr(self.rng.choice("xyz")), self.any("text"), f"{self.owner()}.last"])

    def number(self) -> str:
        return self.rng.choice(["1", "n", f"{self.owner()}.n", f"len({self.any('text')})"])

    def test(self) -> str:
        state = self.any("state")
        return self.rng.choice([
            f"ask({state}, 'g{self.count}') < '2'", "flag", f"{self.owner()}.n > 1", f"{self.any('text')} > 'a'",
            f"{self.any('agent')} is {self.any('agent')}", f"isinstance({self.any('agent')}, Loud)",
        ])  # fmt: skip


def source_of_objects(seed: int) -> str:
    """The program of a seed."""
    return ObjectWriter(seed).program()


if __name__ == "__main__":
    from tests.oracle import fuzz

    fuzz.main(source_of_objects)
