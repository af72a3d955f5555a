"""Random programs of effects that nobody announces, for the oracle: see `fuzz.py`, whose verdict they get.

Helpers that capture looks into, and others that it cannot (made by singledispatch, by exec, or with a generator in
them), change what they are given, globals, class and function attributes, and variables of closures; containers are
aliased and nested, iterators are shared, a clock and a log tell the order in which things happened. Arguments are
compared after the run, and so is what the module holds.

python tests/oracle/fuzz_effects.py 0 300           # seeds, a line for each failure, then how many were captured
python tests/oracle/fuzz_effects.py 17 --show       # the program of a seed
"""

from __future__ import annotations

import random
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))  # where it is started as a program

HEADER = '''\
import enum
import functools
import itertools
import sys
import types

import lmc as lm

sys.modules.setdefault(__name__, types.ModuleType(__name__))


def _holdings():
    return ["held", CALLS, MODE, sorted(WORDS), Counts.n, Counts.last, step.calls, [x.n for x in STORE], TABLE["b"]]


class Log(list):
    """The log; listed, it ends with what the module holds."""

    def __iter__(self):
        yield from super().__iter__()
        yield from _holdings()


LOG = Log()
CALLS = 0
MODE = "calm"
WORDS = ["ab", "c", "de"]
TABLE = {"a": 1, "b": [2, 3]}
STORE = []


def reset():
    global CALLS, MODE, hook
    CALLS, MODE, hook = 0, "calm", hook_one
    WORDS[:] = ["ab", "c", "de"]
    TABLE.clear()
    TABLE.update({"a": 1, "b": [2, 3]})
    STORE.clear()
    Counts.n, Counts.last = 0, "-"
    step.calls = 0
    shout.tail = "!"


def hook_one(x):
    return x + "1"


def hook_two(x):
    LOG.append("two")
    return x + "2"


hook = hook_one


class Kind(str, enum.Enum):
    FAST = "fast"
    SLOW = "slow"


class Tag(str):
    def __add__(self, other):
        LOG.append("tag+")
        return Tag(str.__add__(self, other))


class Count(int):
    def __str__(self):
        return f"<{int(self)}>"


class Stack(list):
    def append(self, x):
        LOG.append(("push", x))
        super().append(x)


class Counts:
    n = 0
    last = "-"

    @classmethod
    def up(cls, x):
        cls.n += 1
        cls.last = x
        return x

    @property
    def twice(self):
        Counts.n += 2
        return Counts.n


class Item:
    made = 0

    def __init__(self, name, n=0):
        self.name = name
        self.n = n
        self.parts = []

    def __repr__(self):
        return f"Item({self.name!r}, {self.n})"

    def __eq__(self, other):
        return isinstance(other, Item) and self.n == other.n

    def __lt__(self, other):
        LOG.append("lt")
        return self.n < other.n

    __hash__ = object.__hash__


class Now:
    """A clock that says in the log when it was asked."""

    def __init__(self):
        self.ticks = 0

    def __call__(self):
        self.ticks += 1
        LOG.append(("clock", self.ticks))
        return self.ticks


def bump(x="."):
    global CALLS
    CALLS += 1
    LOG.append(CALLS)
    return str(CALLS) + x


def mood(x):
    global MODE
    MODE = "wild" if x > "1" else MODE + x
    return MODE


def step(x):
    step.calls += 1
    return x * step.calls


def shout(x):
    return x + shout.tail


def swap():
    global hook
    hook = hook_two if hook is hook_one else hook_one


def push(xs, x):
    xs.append(x)
    return xs


def drain(xs):
    while len(xs) > 2:
        LOG.append(xs.pop())
    return len(xs)


def keep(x):
    STORE.append(x)
    return x


def grow():
    for x in STORE:
        x.n += 1
    return len(STORE)


def touch(o, by=1):
    o.n += by
    o.parts.append(by)
    return o.n


def picky(x):
    LOG.append(("picky", x))
    if x > "2":
        raise ValueError(x)
    return x + "p"


def steps(label, num):
    for i in range(num):
        LOG.append(f"{label}{i}")
        yield f"{label}{i}"
    LOG.append(f"{label}.")


@functools.singledispatch
def meddle(x):
    LOG.append("meddle")
    return 0


@meddle.register(list)
def _(x):
    x.append("m")
    if len(x) > 3:
        del x[0]
    return len(x)


@meddle.register(dict)
def _(x):
    for k, v in list(x.items()):
        if isinstance(v, list):
            v.append("d")
    x["m"] = len(x)
    return len(x)


@meddle.register(Item)
def _(x):
    x.n += 10
    x.parts += ["m"]
    WORDS.append("w")
    return x.n


@meddle.register(set)
def _(x):
    x.add("m")
    return len(x)


_made = {"LOG": LOG, "WORDS": WORDS, "Counts": Counts, "STORE": STORE, "TABLE": TABLE}
exec("""
def hidden(x):
    LOG.append("hidden")
    WORDS.append("h")
    Counts.n += 1
    return str(x) + "h"
def deep(x):
    try:
        x["a"] = x.get("a", 0) if isinstance(x.get("a", 0), int) else 0
        TABLE["b"].append(len(x))
    finally:
        TABLE["a"] += 1
    return x
def each(f, xs):
    out = []
    for x in xs:
        out.append(f(x))
    xs.reverse()
    return out
""", _made)
hidden, deep, each = _made["hidden"], _made["deep"], _made["each"]


def counter(start=0):
    n = start

    def up(x=""):
        nonlocal n
        n += 1
        return x + str(n)

    def down():
        nonlocal n
        n -= 1
        return n

    return up, down


def ask(s, name, tail=""):
    s += lm.gen(name, regex="[0-4]") + tail
    return s[name]


'''

# kind it makes (None: a statement), text with {kind} for a name of that kind and {word}, {num}, {test}, {fresh}
Form = tuple[str | None, str]
FORMS: tuple[Form, ...] = (
    ("text", "ask({state}, 'a{i}')"), ("text", "ask({state}, 'b{i}', {word})"), ("text", "bump({word})"),
    ("text", "bump() + str(CALLS)"), ("text", "mood({text})"), ("text", "MODE"), ("text", "step({word})"),
    ("text", "shout({word})"), ("text", "hook({word})"), ("text", "hidden({word})"), ("text", "Counts.up({word})"),
    ("text", "f'{Counts.n} {Counts.last}'"), ("text", "f'{{list}} {{item}}'"), ("text", "f'{{dict}}'"),
    ("text", "str({num}) + Kind.FAST"), ("text", "f'{Kind.SLOW}' + {word}"), ("text", "str(Count({num}))"),
    ("text", "Tag({word}) + {word}"), ("text", "str({item}.parts)"), ("text", "str(step.calls) + shout.tail"),
    ("text", "f'{clock()} {CALLS}'"), ("text", "str({list}[-1:])"), ("text", "str(WORDS[-1:])"),
    ("text", "str(TABLE)"), ("text", "str(STORE)"), ("text", "str(sorted({set}))"), ("text", "str(len({set}))"),
    ("text", "next({iter}, '-')"), ("text", "str({list} is {list})"), ("text", "str({list} == {list})"),
    ("text", "str({item} in {items})"), ("text", "str({text} in {list})"), ("text", "str({word} in {set})"),
    ("text", "up({word}) + str(down())"), ("text", "up()"), ("text", "str(Counts().twice)"),
    ("text", "str({dict}.get('m', {word}))"), ("text", "str(min({items}, default=None))"), ("text", "late[0]()"),
    ("text", "str({dict}.get({text}, 0))"), ("text", "','.join(map(str, {list}))"),
    ("text", "str(sum(map(len, WORDS)))"),
    ("list", "[{word}, {word}]"), ("list", "[]"), ("list", "push({list}, {word})"), ("list", "{list}"),
    ("list", "list({list})"), ("list", "words"), ("list", "WORDS"), ("list", "each(str.upper, ['x', {word}])"),
    ("list", "each(bump, ['x', {word}])"), ("list", "{item}.parts"), ("list", "Stack([{word}])"),
    ("list", "sorted(WORDS)"), ("list", "{list} + [{word}]"), ("list", "[x for x in {iter}]"), ("list", "TABLE['b']"),
    ("list", "list(itertools.islice({iter}, 2))"), ("list", "[*{list}, {text}]"), ("list", "{list}[:2]"),
    ("list", "{dict}.setdefault('l', [])"), ("list", "keep_list({list})"), ("list", "[bump() for _ in range(2)]"),
    ("list", "list(map(bump, {list}[:2]))"), ("list", "[x for x in {list} if picky_ok(x)]"),
    ("dict", "{{'k': {list}, 'v': {word}}}"), ("dict", "{dict}"), ("dict", "dict({dict})"), ("dict", "deep({dict})"),
    ("dict", "TABLE"), ("dict", "{{'i': {item}, {word}: 1}}"), ("dict", "table"),
    ("dict", "{{**{dict}, 'z': {list}}}"), ("dict", "{{x: i for i, x in enumerate(WORDS)}}"),
    ("set", "{{{word}, {word}}}"), ("set", "set({list}[:1])"), ("set", "{set} | {{{word}}}"), ("set", "{set}"),
    ("item", "Item({word}, {num})"), ("item", "keep({item})"), ("item", "{item}"), ("item", "{items}[0]"),
    ("item", "{item} if {test} else {item}"), ("item", "max({items}, key=lambda x: x.n)"),
    ("items", "[{item}, Item({word})]"), ("items", "{items}"), ("items", "sorted({items})"),
    ("items", "[{item}, *{items}]"),
    ("iter", "steps({word}, 3)"), ("iter", "iter({list})"), ("iter", "{iter}"), ("iter", "map(bump, steps('m', 2))"),
    ("iter", "(bump(x) for x in steps('g', 2))"), ("iter", "itertools.chain({iter}, ['e'])"),
    ("iter", "zip_texts({iter}, {iter})"), ("iter", "filter(None, steps('f', 2))"), ("iter", "iter({list}[:2])"),
    ("state", "{state}.fork(1)[0]"),
    (None, "{state} += {word}"), (None, "{state} += {text} + f'{{num}}'"), (None, "{state} += f'{{list}}'"),
    (None, "{list}.append({word})"), (None, "push({list}, {word})"), (None, "meddle({list})"), (None, "meddle({dict})"),
    (None, "meddle({item})"), (None, "meddle({set})"), (None, "meddle({items})"), (None, "drain({list})"),
    (None, "touch({item})"), (None, "touch({items}[0], {num})"), (None, "grow()"), (None, "keep({item})"),
    (None, "{item}.n += {num}"), (None, "{dict}['m'] = {list}"), (None, "{dict}[{word}] = {text}"),
    (None, "swap()"), (None, "shout.tail += {word}"), (None, "Counts.n += 1"), (None, "Counts.last = {word}"),
    (None, "LOG.append({text})"), (None, "LOG.append(len({list}))"), (None, "{set}.add({word})"),
    (None, "print({set} and {num})"),
    (None, "late.insert(0, lambda: {text} + str({num}))"), (None, "TABLE['b'].append({text})"),
    (None, "{item}.parts += {list}[:1]"), (None, "{list} += [{text}]"), (None, "{list}.extend({iter})"),
    (None, "{list}.extend(steps('x', 2))"), (None, "{list}.sort()"), (None, "{list}.reverse()"),
    (None, "print({text}, {list}, {item})"), (None, "clock()"), (None, "{set} |= {{{word}}}"),
    (None, "{num_} += len({list})"),
    (None, "{text_} += bump()"), (None, "del {list}[:1]"), (None, "{list}[:1] = [{word}, {text}]"),
    (None, "[note(x) for x in {list}]"), (None, "any(picky_ok(x) for x in {list})"),
    (None, "{list}[-1:] = []"), (None, "{items}.append({item})"), (None, "{items}.sort(key=lambda x: note(x.n))"),
    (None, "{dict} |= {{{word}: {num}}}"),
    ("num", "len({list})"), ("num", "{item}.n"), ("num", "CALLS"), ("num", "Counts.n"), ("num", "meddle({list})"),
    ("num", "meddle({dict})"), ("num", "drain({list})"), ("num", "int({text}[:1].isdigit())"), ("num", "len(STORE)"),
    ("num", "{num} + 1"), ("num", "len({dict})"), ("num", "step.calls"), ("num", "down()"),
    ("num", "clock() - {num}"), ("num", "len({text})"), ("num", "TABLE['a']"), ("num", "meddle({item})"),
)  # fmt: skip

MORE_HEADER = """\
def note(x):
    LOG.append(x)
    return x


def keep_list(xs):
    TABLE["kept"] = xs
    return xs


def picky_ok(x):
    LOG.append(("ok", x))
    return len(str(x)) > 1


def zip_texts(a, b):
    return (str(x) + str(y) for x, y in zip(a, b))


"""
_SLOT = re.compile(r"\{\{|\}\}|\{(\w+)\}")


class EffectWriter:
    """Writes one program."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.lines: list[str] = []
        self.indent = 1
        self.count = 0
        self.left = self.rng.randint(5, 22)
        self.names: dict[str, list[str]] = {
            "state": ["s"], "text": ["title"], "list": ["words", "l0"], "dict": ["table", "d0"], "set": ["z0"],
            "item": ["o0"], "items": ["os0"], "iter": ["it0"], "num": ["n"],
        }  # fmt: skip
        # what a program is about: a few forms come often
        self.favoured = self.rng.sample(FORMS, 12)

    def program(self) -> str:
        """The source of a module with the function `program`."""
        for line in (
            "clock = Now()", "up, down = counter(n)", "late = [lambda: title]", "l0 = ['x', title]", "z0 = {'x'}",
            "d0 = {'l': l0, 'a': 1}", "o0 = Item('o')", "os0 = [o0, Item('p', 2)]", "it0 = steps('i', 4)",
        ):  # fmt: skip
            self.put(line)
        while self.left > 0:
            self.statement(0)
        shown = [x for kind in ("text", "num", "list", "dict", "item", "items") for x in self.names[kind]]
        shown = [*self.rng.sample(shown, min(len(shown), 8)), "LOG[-3:]", "CALLS", "up()"]
        self.put(f"return {', '.join(map(_as_shown, shown))},")
        return HEADER + MORE_HEADER + "def program(s, n, words, flag, table, title):\n" + "\n".join(self.lines) + "\n"

    def put(self, line: str) -> None:
        self.lines.append("    " * self.indent + line)
        self.left -= self.indent > 1 or len(self.lines) > 9

    def filled(self, text: str) -> str:
        """A form with names in its slots."""

        def name(found: re.Match[str]) -> str:
            if found.group(1) is None:
                return found.group()[0]
            kind = found.group(1)
            if kind == "i":
                return str(self.count)
            return self.word() if kind == "word" else self.test() if kind == "test" else self.any(kind.rstrip("_"))

        if text.startswith("f'") or "f'{{" in text:  # what stands in an f-string keeps its braces
            return re.sub(r"\{\{(\w+)\}\}|\{(\w+)\}(?!\))", lambda m: self._in_text(m), text)
        return _SLOT.sub(name, text)

    def _in_text(self, found: re.Match[str]) -> str:
        inner, bare = found.group(1), found.group(2)
        if inner is not None:
            return "{" + self.any(inner) + "}"
        kind = (bare or "").rstrip("_")
        if kind == "word":
            return self.word()
        return self.any(kind) if kind in self.names else found.group()

    def any(self, kind: str) -> str:
        names = self.names[kind]
        return names[-1] if self.rng.random() < 0.4 else self.rng.choice(names)

    def word(self) -> str:
        return self.rng.choice([repr(self.rng.choice("xyz")), self.any("text"), repr(self.rng.choice("0123"))])

    def test(self) -> str:
        return self.filled(self.rng.choice([
            "ask({state}, 'g{i}') < '2'", "flag", "CALLS > 1", "{text} > 'a'", "{item} is {item}", "len({list}) > 2",
            "{item}.n > {num}", "MODE == 'wild'", "{list} is {list}", "bump() > '2'", "{list}", "{word} in {list}",
            "{text} == {text}", "Counts.n % 2", "'m' in {dict}",
        ]))  # fmt: skip

    def statement(self, depth: int) -> None:
        self.count += 1
        roll = self.rng.random()
        if depth < 2 and roll < 0.22:
            self.rng.choice([self.branch, self.loop, self.loop, self.attempt, self.while_loop])(depth)
        elif depth and roll < 0.27 and self.in_loop():
            self.put(f"if {self.test()}:")
            self.put("    " + self.rng.choice(["break", "continue"]))
        else:
            self.simple()

    def in_loop(self) -> bool:
        """True where the innermost statement around this one, or one around that, is a loop."""
        level = self.indent
        for line in reversed(self.lines):
            depth = (len(line) - len(line.lstrip())) // 4
            if depth < level:
                level = depth
                if line.lstrip().startswith(("for ", "while ")):
                    return True
        return False

    def simple(self) -> None:
        kind, text = self.rng.choice(self.favoured if self.rng.random() < 0.4 else FORMS)
        if kind is None:
            target = re.match(r"\{(\w+?)_?\} (\|=|\+=)", text)
            # an argument, a global or an alias is changed in place; a name of one's own is bound
            self.put(self.filled(text)) if target is None or target.group(1) != "item" else None
            return
        name = self.rng.choice(self.names[kind]) if self.rng.random() < 0.15 else f"{SHORT[kind]}{self.count}"
        self.put(f"{name} = {self.filled(text)}")
        if name not in self.names[kind]:
            self.names[kind].append(name)

    def block(self, depth: int) -> None:
        """Names that are bound in here are not used after it."""
        kept = {kind: list(names) for kind, names in self.names.items()}
        self.indent += 1
        for _ in range(self.rng.randint(1, 3)):
            before = len(self.lines)
            self.statement(depth + 1)
            if len(self.lines) == before:
                self.put("clock()")
        self.indent -= 1
        self.names = kept

    def branch(self, depth: int) -> None:
        self.put(f"if {self.test()}:")
        self.block(depth)
        if self.rng.random() < 0.5:
            self.put("else:")
            self.block(depth)

    def loop(self, depth: int) -> None:
        name = f"t{self.count}"
        over, kind = self.rng.choice([
            ("range(2)", "num"), ("range(int(ask({state}, 'r{i}')) % 3)", "num"), ("words", "text"), ("{iter}", "text"),
            ("WORDS[:3]", "text"), ("{items}", "item"), ("{list}[:3]", "text"), ("steps('s', 3)", "text"),
            ("zip({iter}, {list})", "pair"), ("zip(steps('z', 2), {iter})", "pair"), ("enumerate({iter})", "pair"),
            ("itertools.count({num})", "count"), ("{state}.fork(2)", "state"), ("sorted({set})", "text"),
            ("itertools.chain(steps('c', 1), {iter})", "text"), ("map(bump, {list}[:3])", "text"),
            ("zip({state}.fork(2), {list})", "forks"), ("itertools.takewhile(picky_ok, {list})", "text"),
            ("list({dict})", "text"),
        ])  # fmt: skip
        if kind in ("pair", "forks"):
            self.put(f"for {name}, u{name} in {self.filled(over)}:")
            self.names["state" if kind == "forks" else "text"].append(name)
        else:
            self.put(f"for {name} in {self.filled(over)}:")
            if kind != "count":
                self.names[kind].append(name)
        if kind == "count":
            self.put(f"    if {name} > n + 3 or {self.test()}:")
            self.put("        break")
        self.put(f"    note(str({name}))" if kind in ("text", "num", "count") else "    bump()")
        self.block(depth)
        for names in self.names.values():
            if name in names:
                names.remove(name)

    def while_loop(self, depth: int) -> None:
        name = f"w{self.count}"
        self.put(f"{name} = 0")
        self.put(f"while {name} < 3 and {self.test()}:")
        self.put(f"    {name} += 1")
        self.block(depth)

    def attempt(self, depth: int) -> None:
        self.put("try:")
        self.put(self.filled(self.rng.choice([
            "    picky({text})", "    note(picky(ask({state}, 'p{i}')))", "    {list}.remove({word})",
            "    LOG.append({dict}[{word}])", "    note(next({iter}))", "    note({list}[{num}])",
            "    hidden(picky({word}))", "    int({text})",
        ])))  # fmt: skip
        self.block(depth)
        caught = self.rng.choice(["ValueError", "Exception", "(KeyError, IndexError)", "LookupError", "StopIteration"])
        self.put(f"except {caught} as error:")
        self.put("    note(type(error).__name__ + str(error))")
        self.block(depth)
        if self.rng.random() < 0.4:
            self.put("finally:")
            self.put("    note(clock())")


SHORT = {
    "state": "f", "text": "t", "list": "l", "dict": "d", "set": "z", "item": "o", "items": "os", "iter": "it",
    "num": "k",
}  # fmt: skip


def _as_shown(name: str) -> str:
    return f"str({name})" if re.match(r"(o|d|l|os)\d", name) else name


def source_of_effects(seed: int) -> str:
    """The program of a seed."""
    return EffectWriter(seed).program()


if __name__ == "__main__":
    from tests.oracle import fuzz

    fuzz.main(source_of_effects)
