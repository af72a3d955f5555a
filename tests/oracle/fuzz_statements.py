"""Random programs of statements that leave their blocks: `try`, `raise`, `with`, `match`, slices, `del`, globals.

python tests/oracle/fuzz_statements.py 0 1000          # as fuzz.py
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))  # where it is started as a program

from tests.oracle import fuzz

MORE = """

import contextlib
import functools
import json

COUNTER = 0


class Odd(Exception):
    def __init__(self, text, *, code=0):
        super().__init__(f"{text}:{code}")
        self.code = code


class Very(Odd):
    pass


class Manager:
    def __init__(self, name, swallow):
        self.name, self.swallow = name, swallow

    def __enter__(self):
        LOG.append("in " + self.name)
        return self.name

    def __exit__(self, kind, error, trace):
        LOG.append((self.name, kind and kind.__name__, str(error)))
        return isinstance(error, self.swallow)


@contextlib.contextmanager
def managed(name):
    LOG.append("begin " + name)
    try:
        yield name
    finally:
        LOG.append("end " + name)


@functools.singledispatch
def opaque(x, odd):
    LOG.append(x)
    if odd:
        raise Very(str(x), code=len(str(x)))
    return x


def reset():
    global COUNTER
    COUNTER = 0


def program("""

ERRORS = ("ValueError", "KeyError", "(ValueError, ZeroDivisionError)", "Odd", "Very", "Exception", "LookupError")


class StatementWriter(fuzz.Writer):
    """Writes one program with these statements among the others."""

    def statement(self, depth: int) -> None:
        """Add one statement, of ours as often as not."""
        deep = depth < 3 and self.left > 1
        if not deep or self.chance(0.55):
            return self.of_one_line() if self.chance(0.3) else super().statement(depth)
        rules: list[tuple[float, Callable[[int], None]]] = [
            (6, self.try_block), (2, self.retry), (2, self.match_block), (1.5, self.with_block),
        ]  # fmt: skip
        self.rng.choices([r for _, r in rules], [w for w, _ in rules])[0](depth)

    # --- one line ---

    def of_one_line(self) -> None:
        """A statement without a block."""
        self.pick(
            self.may_raise, self.may_raise, self.may_raise, self.slice, self.delete, self.global_name, self.item,
            self.star, self.given_function,
        )()  # fmt: skip

    def may_raise(self) -> None:
        """Something that fails for some answers."""
        name = self.fresh("i")
        state = self.state_name()
        self.put(f"{state} += lm.gen('r1', regex={self.pick('[0-3x]', '[0-9]', '[ab]')!r})")
        digit = f"{state}['r1']"
        self.scope.names[state].has["r1"] = "text"
        self.put(f"{name} = " + self.pick(
            f"int({digit})",
            f"6 // (int({digit}) % 3)",
            f"TABLE[{digit}]",
            f"[1, 2, 3][len({self.str(2)})]",
            f"opaque(len({digit}), {digit} > '2')",
            f"len(json.loads('[' + {digit} + ']'))",
            f"int({digit}) + {self.int(2)}",
        ))  # fmt: skip
        self.bind(name, "int")

    def slice(self) -> None:
        """A slice as a target."""
        name = self.any_of("strs", free=True)
        if name is None or name == "words":
            return self.new_name()
        cut = self.pick("1:2", ":1", "1:", ":0", "::2", f"{self.int(2)} % 2:")
        self.put(f"{name}[{cut}] = {self.pick(self.strs(2), repr('ab'), f'[{self.str(2)}]')}")

    def delete(self) -> None:
        """An item taken out."""
        name, kind = self.any_of("strs", free=True), "strs"
        if name is None or self.chance(0.3):
            name, kind = self.any_of("dict", free=True), "dict"
        if name is None or name in ("words", "table"):
            return self.new_name()
        where = self.pick("0", "-1", "0:1", "1:") if kind == "strs" else repr(self.pick("a", "k"))
        self.put(f"del {name}[{where}]")

    def global_name(self) -> None:
        """A variable of the module."""
        self.put(self.pick(f"COUNTER += {self.int(2)}", f"COUNTER = {self.int(2)}", "note(COUNTER)"))

    def item(self) -> None:
        """An item that is counted up."""
        name = self.any_of("dict", free=True)
        if name is None or name == "table":
            return self.new_name()
        self.put(f"{name}[{self.pick(repr('a'), self.str(2))}] {self.pick('+', '')}= {self.int(2)}")

    def star(self) -> None:
        """A starred target."""
        a, b = self.fresh("t"), self.fresh("l")
        self.put(f"{a}, *{b} = {self.strs(1)} + ['q']")
        self.bind(a, "str")
        self.bind(b, "strs")

    def given_function(self) -> None:
        """A function of the program, called by Python."""
        name = self.fresh("i")
        self.put(f"{name} = functools.reduce(lambda a, b: a + {self.pick('b', 'len(str(b))')}, {self.ints(1)}, 0)")
        self.bind(name, "int")

    # --- blocks ---

    def raises(self) -> None:
        """A `raise` under a test, or without one."""
        error = self.pick("ValueError('v')", "Odd('o')", "Very('w', code=2)", "KeyError(1)", f"Odd({self.str(2)})")
        cause = self.pick("", "", " from None", " from ValueError('c')")
        self.put(f"if {self.bool(1)}: raise {error}{cause}")

    def inside(self, depth: int) -> None:
        """The body of a block that may fail."""
        for _ in range(self.rng.randint(1, 3)):
            self.pick(self.may_raise, self.raises, lambda: self.statement(depth + 1), self.effect)()

    def try_block(self, depth: int) -> None:
        """`try` with some of its other blocks."""
        with self.block("try:"):
            self.inside(depth)
        has_finally = self.chance(0.25)
        num_handlers = 0 if has_finally and self.chance(0.3) else self.rng.randint(1, 2)
        for _ in range(num_handlers):
            name = self.pick("", " as e")
            with self.block(f"except {self.pick(*ERRORS)}{name}:"):
                if name:
                    self.put(self.pick("note(str(e))", "note(type(e).__name__)", "note(e.args)", "s += f'<{e}>'"))
                if self.chance(0.2):
                    self.put(self.pick("raise", "raise Odd('again') from None", "raise Very('again')"))
                else:
                    self.body(depth)
        if num_handlers and self.chance(0.3):
            with self.block("else:"):
                self.body(depth)
        if has_finally:
            with self.block("finally:"):
                self.put(f"note({self.pick('1', repr('f'), self.int(2))})")
                if self.chance(0.3):
                    self.put(f"s += {self.str(2)}")

    def retry(self, depth: int) -> None:
        """A loop that asks again."""
        i, out = self.fresh("j"), self.fresh("i")
        state = self.state_name()
        self.put(f"{out} = -1")
        with self.block(f"for {i} in range({self.pick('2', '3', 'n')}):", in_loop=True):
            self.put(f"{state} += lm.gen('a1', regex='[0-2x]')")
            with self.block("try:"):
                self.put(f"{out} = int({state}['a1'])")
                if self.chance(0.4):
                    self.raises()
                self.put(self.pick("break", f"note({out})", "continue"))
            with self.block(f"except {self.pick('ValueError', 'Exception')} as e:"):
                self.put(f"{state} += f' bad: {{e}} '")
                if self.chance(0.3):
                    self.put(self.pick("continue", "break", "raise"))
        self.bind(out, "int")

    def with_block(self, depth: int) -> None:
        """A context manager, or two."""
        quiet = "contextlib.suppress(KeyError)"
        one = self.pick("Manager('m', ValueError)", "Manager('k', Odd)", "managed('g')", quiet)
        two = self.pick("", "", ", managed('h')")
        name = self.fresh("t") if "Manager" in one or "managed" in one else None
        with self.block(f"with {one}{f' as {name}' if name else ''}{two}:"):
            if name:
                self.bind(name, "str")
            self.inside(depth)

    def match_block(self, depth: int) -> None:
        """`match` over text, numbers, or data."""
        kind = self.pick("str", "int", "list", "dict")
        x = self.fresh("t")
        cases: dict[str, list[tuple[str, dict[str, str]]]] = {
            "str": [("'a'", {}), ("'b' | ''", {}), (f"str() as {x}", {x: "str"}), (f"{x}", {x: "str"})],
            "int": [("0", {}), ("1 | 2", {}), (f"int({x})", {x: "int"}), (f"{x}", {x: "int"})],
            "list": [("[]", {}), (f"[{x}]", {x: "str"}), (f"['a', *{x}]", {x: "strs"}), (f"[_, {x}, *_]", {x: "str"})],
            "dict": [("{'a': 1}", {}), (f"{{'a': {x}}}", {x: "int"}), (f"{{'k': int({x})}}", {x: "int"}),
                     (f"{{**{x}}}", {x: "dict"})],
        }  # fmt: skip
        subject = {"str": self.str, "int": self.int, "list": self.strs, "dict": self.dict}[kind](1)
        self.put(f"match {subject}:")
        self.indent += 1
        chosen = cases[kind][: self.rng.randint(1, 4)]
        last = chosen[-1][0].isidentifier()
        for pattern, names in chosen:
            guard = f" if {self.bool(1)}" if self.chance(0.25) and not pattern.isidentifier() else ""
            with self.block(f"case {pattern}{guard}:"):
                for name, type in names.items():
                    self.bind(name, type, locked=True)
                self.body(depth)
        if not last and self.chance(0.5):
            with self.block("case _:"):
                self.body(depth)
        self.indent -= 1


def source_of(seed: int) -> str:
    """The program of a seed."""
    for walrus in (True, False):
        source = StatementWriter(seed, walrus=walrus).program()
        source = source.replace("\ndef program(", MORE, 1)
        head, body = source.split("title):\n", 1)
        source = f"{head}title):\n    global COUNTER\n{body}"
        try:
            with warnings.catch_warnings(action="ignore", category=SyntaxWarning):
                compile(source, "program", "exec")
        except SyntaxError:  # a walrus where none may stand
            continue
        return source
    return fuzz.source_of(seed)


def verdict(source: str, seed: int, plans: Any = fuzz.SOME) -> fuzz.Verdict:
    """How the program of a seed compares."""
    return fuzz.verdict(source, seed, plans)


if __name__ == "__main__":
    fuzz.main(source_of)
