"""Random valid programs: the same seed gives the same graph.

    graph = random_graph(7)                    # verified to be well formed by tests/ir/test_random_graph.py
    ARGUMENTS                                  # values for its arguments, by name
    functions(log)                             # the Python behind its externs, by extern name; `log` records effects

A graph runs without an error unless `may_raise`: then it may end in a `raise`, and reads names that may be unset.
Texts come from a small pool, so that equal nodes and shared prefixes are common.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from lmc.ir.constraint import Choices
from lmc.ir.graph import UNSET, Atom, Attr, Block, Extern, Graph, Lit, Node, Param, Value
from lmc.ir.types import ANY, BOOL, DATA, INT, NONE, REF, STATE, STATES, STR, Type
from lmc.parser.regex.parse import parse_regex

MAX_INNER = 12  # nodes of a region, its own regions' aside
TEXTS = ("Topic: ", "Give one tip.\n", "For beginners: ", "a", "b", "", "\n", 'say "hi"', "é€😀", "Answer:")
PARAMS = (("topic", STR), ("count", INT), ("flag", BOOL), ("dims", DATA), ("thing", ANY))
ARGUMENTS: dict[str, Any] = {"topic": "cats", "count": 3, "flag": True, "dims": ["x", "y", "z"], "thing": "any"}
EXTERNS = (
    Extern("str", "builtins.str", "none", True, STR),
    Extern("size", "builtins.len", "none", True, INT),
    Extern("ValueError", "builtins.ValueError", "none", False, REF),
    Extern("log", "test.py:1 log", "ordered", True, NONE),
    Extern("clock", "test.py:2 clock", "reads", False, INT),
    Extern("note", "test.py:3 note", "writes", True, NONE),
)


def functions(log: list[Any]) -> dict[str, Callable[..., Any]]:
    """What the externs of a random graph call."""
    return {
        "str": str,
        "size": len,
        "ValueError": ValueError,
        "log": lambda *args: log.append(args),
        "clock": lambda *args: len(log),
        "note": lambda *args: log.append(("note", *args)),
    }


def random_graph(seed: int, size: int = 30, *, may_raise: bool = False) -> Graph:
    """A valid graph of about `size` nodes."""
    maker = _Maker(Random(seed), may_raise)
    params = tuple(Param(Value(name, type), (name,)) for name, type in PARAMS)
    scope = _Scope([param.value for param in params], {}, [])
    state = maker.one(scope, "begin", STATE)
    maker.fill(scope, size, 0)
    state = maker.pick(scope, STATE)
    end = Node("return", (state, maker.pick(scope, STR)))
    return Graph(f"random {seed}", params, EXTERNS, Block((), (*scope.nodes, end)))


@dataclass
class _Scope:
    """What a block sees: values, the generated names that a state surely holds, and its nodes so far."""

    values: list[Value]
    held: dict[str, tuple[str, ...]]
    nodes: list[Node]

    def inner(self, *values: Value) -> _Scope:
        return _Scope([*self.values, *values], dict(self.held), [])


class _Maker:
    def __init__(self, rng: Random, may_raise: bool) -> None:
        self.rng = rng
        self.may_raise = may_raise
        self.counts: dict[str, int] = {}

    # --- values ---

    def new(self, base: str, type: Type) -> Value:
        self.counts[base] = count = self.counts.get(base, -1) + 1
        return Value(f"{base}{count}" if count else base, type)

    def pick(self, scope: _Scope, type: Type) -> Value:
        return self.rng.choice([value for value in scope.values if value.type == type][-6:])

    def text(self, scope: _Scope) -> Atom:
        return Lit(self.rng.choice(TEXTS)) if self.rng.random() < 0.6 else self.pick(scope, STR)

    def int(self, scope: _Scope) -> Atom:
        return Lit(self.rng.randrange(5)) if self.rng.random() < 0.5 else self.pick(scope, INT)

    def add(self, scope: _Scope, op: str, outs: tuple[Type, ...], *inputs: Atom, keys: dict[str, Atom] | None = None,
            regions: tuple[Block, ...] = (), attrs: dict[str, Attr] | None = None) -> tuple[Value, ...]:  # fmt: skip
        keyed, fixed = keys or {}, attrs or {}
        outputs = tuple(self.new("s" if type == STATE else _BASES.get(op, op), type) for type in outs)
        atoms = (*inputs, *keyed.values())
        scope.nodes.append(Node(op, atoms, tuple(keyed), tuple(sorted(fixed.items())), regions, outputs))
        scope.values += outputs
        held = tuple(n for atom in atoms[:1] if isinstance(atom, Value) for n in scope.held.get(atom.name, ()))
        scope.held.update((value.name, held) for value in outputs if value.type == STATE and op in _KEEPS_NAMES)
        return outputs

    def one(self, scope: _Scope, op: str, type: Type, /, *inputs: Atom, **attrs: Attr) -> Value:
        return self.add(scope, op, (type,), *inputs, attrs=attrs)[0]

    def fill(self, scope: _Scope, size: int, depth: int) -> None:
        """Adds steps to a block until it has about `size` nodes."""
        while len(scope.nodes) < size:
            names = _STEPS if depth < 3 and size - len(scope.nodes) > 4 else _FLAT_STEPS
            getattr(self, self.rng.choice(names))(scope, size - len(scope.nodes), depth)

    # --- steps: prompts ---

    def append(self, scope: _Scope, *_: int) -> None:
        texts = [self.text(scope) for _ in range(self.rng.randrange(1, 4))]
        self.one(scope, "append", STATE, self.pick(scope, STATE), *texts)

    def gen(self, scope: _Scope, *_: int) -> None:
        attrs: dict[str, Attr] = {"max_tokens": self.rng.choice((1, 8, 32)), "temperature": 0.0}
        if self.rng.random() < 0.5:
            attrs["stop"] = ("\n", "END")
        if self.rng.random() < 0.3:
            attrs["constraint"] = self.rng.choice((Choices(("yes", "no")), parse_regex("[0-9]{1,3}")))
        name = self.rng.choice(("easy", "hard", None))
        attrs |= {"name": name} if name else {}
        keys = {"seed": self.int(scope)} if self.rng.random() < 0.2 else {}
        state, _text = self.add(scope, "gen", (STATE, STR), self.pick(scope, STATE), attrs=attrs, keys=keys)
        self.hold(scope, state, name)

    def select(self, scope: _Scope, *_: int) -> None:
        attrs: dict[str, Attr] = {"choices": ("cats", "dogs"), "method": "token_length_normalized", "name": "best"}
        state, _text = self.add(scope, "select", (STATE, STR), self.pick(scope, STATE), attrs=attrs)
        self.hold(scope, state, "best")

    def hold(self, scope: _Scope, state: Value, name: str | None) -> None:
        if name and name not in scope.held[state.name]:
            scope.held[state.name] += (name,)

    def read(self, scope: _Scope, *_: int) -> None:
        state = self.pick(scope, STATE)
        held = scope.held.get(state.name, ())
        if held or self.may_raise:
            self.one(scope, "get", ANY, state, Lit(self.rng.choice(held or ("easy",))))
        self.one(scope, "has", BOOL, state, Lit("easy"))
        self.one(scope, "text", STR, state)
        self.one(scope, "messages", DATA, state)

    def set(self, scope: _Scope, *_: int) -> None:
        state = self.one(scope, "set", STATE, self.pick(scope, STATE), Lit("mine"), self.text(scope))
        self.hold(scope, state, "mine")

    def role(self, scope: _Scope, *_: int) -> None:
        role = self.rng.choice(("user", "assistant"))
        begun = self.one(scope, "role_begin", STATE, self.pick(scope, STATE), role=role, text=f"<{role}>")
        said = self.one(scope, "append", STATE, begun, self.text(scope))
        self.one(scope, "role_end", STATE, said, role=role, text="</>")
        scope.values = [value for value in scope.values if value not in (begun, said)]  # a turn is left by its end only

    def scoped(self, scope: _Scope, *_: int) -> None:
        state = self.one(scope, "scope_begin", STATE, self.pick(scope, STATE), Lit("part"))
        self.one(scope, "scope_end", STATE, self.one(scope, "append", STATE, state, self.text(scope)), Lit("part"))

    def fork(self, scope: _Scope, *_: int) -> None:
        num = self.rng.randrange(1, 4)
        parent, *children = self.add(scope, "fork", (STATE,) * (num + 1), self.pick(scope, STATE), attrs={"n": num})
        grown = [self.one(scope, "append", STATE, child, self.text(scope)) for child in children]
        if self.rng.random() < 0.5:
            self.one(scope, "join", STATE, parent, *grown, mode="gather_variable")

    def forks(self, scope: _Scope, *_: int) -> None:
        state, forks = self.add(scope, "fork_list", (STATE, STATES), self.pick(scope, STATE), Lit(2))
        first = self.one(scope, "states_item", STATE, forks, Lit(0))
        forks = self.one(scope, "states_set", STATES, forks, Lit(0), self.one(scope, "append", STATE, first, Lit("a")))
        forks = self.one(scope, "states_append", STATES, forks, self.pick(scope, STATE))
        forks = self.one(scope, "states_gather", STATES, forks, Lit((1, 0)))
        self.one(scope, "states_len", INT, forks)
        self.one(scope, "states", STATES, state, first)
        self.one(scope, "join_list", STATE, state, forks, mode="concate_and_append")

    # --- steps: Python ---

    def numbers(self, scope: _Scope, *_: int) -> None:
        total = self.one(scope, "binary", INT, self.int(scope), self.int(scope), op=self.rng.choice("+-*"))
        self.one(scope, "compare", BOOL, total, self.int(scope), op=self.rng.choice(("<", "==", ">=")))
        self.one(scope, "unary", INT, total, op="-")
        self.one(scope, "truth", BOOL, total)

    def texts(self, scope: _Scope, *_: int) -> None:
        shown = self.one(scope, "format", STR, self.int(scope), conv="r", spec=">3")
        joined = self.one(scope, "concat", STR, self.text(scope), shown, self.text(scope))
        self.one(scope, "method", STR, joined, name=self.rng.choice(("upper", "strip")))
        self.one(scope, "as_text", STR, joined)
        self.one(scope, "len", INT, joined)

    def containers(self, scope: _Scope, *_: int) -> None:
        items = self.one(scope, "list", DATA, self.text(scope), self.text(scope))
        items, _popped = self.add(scope, "mutate", (DATA, ANY), items, self.text(scope), attrs={"name": "append"})
        items = self.one(scope, "set_item", DATA, items, Lit(0), self.text(scope))
        self.one(scope, "item", ANY, items, Lit(-1))
        self.one(scope, "slice", DATA, items, Lit(None), Lit(2), Lit(None))
        self.add(scope, "unpack", (ANY, ANY, ANY), items, attrs={"n": 3})
        self.one(scope, "tuple", DATA, self.one(scope, "dict", DATA, Lit("k"), self.int(scope)), items)
        order = self.one(scope, "order", DATA, items, reverse=True)
        self.one(scope, "best", INT, order, pick="max")
        self.one(scope, "set_of", DATA, self.text(scope))

    def call(self, scope: _Scope, *_: int) -> None:
        fn, type = self.rng.choice((("str", STR), ("log", NONE), ("clock", INT), ("note", NONE)))
        self.add(scope, "call", (type,), self.text(scope), attrs={"fn": fn})

    # --- steps: control ---

    def arm(self, scope: _Scope, size: int, depth: int, text: bool = True) -> Block:
        inside = scope.inner()
        self.fill(inside, min(size // 3, MAX_INNER), depth + 1)
        if self.may_raise and self.rng.random() < 0.1:
            end = Node("raise", (Lit("no"),), attrs=(("fn", "ValueError"),))
        else:
            end = Node("yield", (self.pick(inside, STATE), self.pick(inside, STR) if text else Lit(UNSET)))
        return Block((), (*inside.nodes, end))

    def branch(self, scope: _Scope, size: int, depth: int) -> None:
        bound = self.rng.random() < 0.7
        arms = (self.arm(scope, size, depth), self.arm(scope, size, depth, text=bound))
        text = STR if bound else STR.or_unset()
        *_, value = self.add(scope, "if", (STATE, text), self.pick(scope, BOOL), regions=arms)
        if not bound and self.may_raise:
            self.one(scope, "check", STR, value, name="text")

    def loop(self, scope: _Scope, size: int, depth: int) -> None:
        state, count = self.new("state", STATE), self.new("i", INT)
        inside = scope.inner(state, count)
        self.fill(inside, min(size // 3, MAX_INNER), depth + 1)
        following = self.one(inside, "binary", INT, count, Lit(1), op="+")
        again = self.one(inside, "compare", BOOL, following, Lit(2), op="<")
        end = Node("next", (again, self.pick(inside, STATE), following))
        body = Block((state, count), (*inside.nodes, end))
        self.add(scope, "loop", (STATE, INT), self.pick(scope, STATE), Lit(0), regions=(body,))

    def each(self, scope: _Scope, size: int, depth: int) -> None:
        item, state = self.new("item", DATA), self.new("state", STATE)
        inside = scope.inner(item, state)
        self.one(inside, "append", STATE, state, self.one(inside, "format", STR, item))
        self.fill(inside, min(size // 3, MAX_INNER), depth + 1)
        end = Node("next", (Lit(True), self.pick(inside, STATE)))
        body = Block((item, state), (*inside.nodes, end))
        dims = next(value for value in scope.values if value.name == "dims")
        self.add(scope, "for", (STATE,), dims, self.pick(scope, STATE), regions=(body,))


_KEEPS_NAMES = frozenset(("begin", "append", "gen", "select", "set", "fork", "role_begin", "role_end"))
_BASES = {"set_of": "a set", "binary": "x.y", "format": "größe", "gen": "easy"}
_FLAT_STEPS = ("append",) * 5 + ("gen",) * 4 + (
    "select", "read", "set", "role", "scoped", "fork", "forks", "numbers", "texts", "containers", "call",
)  # fmt: skip
_STEPS = (*_FLAT_STEPS, "branch", "branch", "branch", "loop", "each", "each")
