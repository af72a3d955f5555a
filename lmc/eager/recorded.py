"""From a program's record to a graph: straight on, as it happened.

Text that was appended is a literal. A value that was read of a state, and is appended, set or returned as the very
object that it was, is that value; where the program has made a text of it, that text is a literal too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import cast

from lmc.eager.place import span_of
from lmc.eager.record import ATOMS, CONTAINERS, Made, NotedOp, Other, ProgramRecord, StateAt
from lmc.executor.call_params import CallParams
from lmc.ir.graph import Atom, Attr, Block, Extern, Graph, Lit, Node, Value
from lmc.ir.output import value_type
from lmc.ir.reasoning import REASONING_NAME
from lmc.ir.types import DATA, REF, STATE, STR, Type, type_of
from lmc.parser.primitives import GenExpr, SelectExpr
from lmc.source import Span

Calls = frozenset[int]  # model calls, by the numbers of their nodes


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a run of a program as Python comes to.

    after    for each model call, by the number of its node: those whose answers the program had read before it
    objects  what the graph's externs stand for, by name
    """

    graph: Graph
    after: Mapping[int, Calls]
    objects: Mapping[str, object]


def recorded(name: str, record: ProgramRecord, error: BaseException | None) -> Recorded:
    """The graph of a program of that name, which ended in `error` where it did not return."""
    writer = _Writer()
    for entry in record.entries:
        writer.entry(entry)
    if record.returned is not None and error is None:
        state, value = record.returned
        writer.node("return", (writer.states[state], writer.atom(value)), ())
    else:
        writer.raised(error)
    graph = Graph(name, (), tuple(writer.externs), Block((), tuple(writer.nodes)))
    return Recorded(graph, writer.after, writer.objects)


class _Writer:
    """Writes one node after another.

    states    by their numbers in the record
    names     what each state's names are, by its number, where a call has set them
    fresh     the names that were set since its fork, by its number
    held      the calls whose answers are in a state, those left out that others of them have waited for
    makers    the call that a value comes from, by the value's name
    seen      the calls whose answers the program has read
    values    what the program has read, by identity: kept alive by the record
    """

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.externs: list[Extern] = []
        self.objects: dict[str, object] = {}
        self.after: dict[int, Calls] = {}
        self.states: dict[int, Value] = {}
        self.names: dict[int, dict[str, Value]] = {}
        self.fresh: dict[int, frozenset[str]] = {}
        self.held: dict[int, Calls] = {0: frozenset()}
        self.makers: dict[str, int] = {}
        self.seen: Calls = frozenset()
        self.values: dict[int, tuple[int, str] | Value] = {}
        self.taken: set[str] = set()
        self.span: Span | None = None
        self.branches: dict[int, str] = {}

    # --- writing -----------------------------------------------------------------------------------------------

    def node(
        self, op: str, inputs: Iterable[Atom], outputs: Iterable[Value], attrs: Mapping[str, Attr] | None = None
    ) -> None:
        """Write a node."""
        given = tuple(sorted((attrs or {}).items()))
        self.nodes.append(Node(op, tuple(inputs), attrs=given, outputs=tuple(outputs), span=self.span))

    def named(self, base: str, kind: Type, *, numbered: bool = False) -> Value:
        """A value of its own name, made of `base`."""
        tries = (f"{base}{i}" if numbered else base if i == 0 else f"{base}_{i + 1}" for i in count())
        name = next(name for name in tries if name not in self.taken)
        self.taken.add(name)
        return Value(name, kind)

    def made(self, op: str, inputs: Iterable[Atom], kind: Type, attrs: Mapping[str, Attr] | None = None) -> Value:
        """Write a node that gives one value."""
        value = self.named("t", kind, numbered=True)
        self.node(op, inputs, (value,), attrs)
        return value

    def state(self, entry: NotedOp, number: int | None = None, branch: str | None = None) -> Value:
        """A state that comes out of an entry, in the line of the one before it unless it begins a branch."""
        number = entry.after if number is None else number
        branch = branch or self.branches.get(entry.before, "s")
        self.branches[number] = branch
        self.states[number] = value = self.named(branch, STATE, numbered=True)
        self.names[number] = self.names.get(entry.before, {})
        self.fresh[number] = self.fresh.get(entry.before, frozenset())
        self.held[number] = self.held[entry.before]
        return value

    # --- entries -----------------------------------------------------------------------------------------------

    def entry(self, entry: NotedOp) -> None:
        """Write what an entry says."""
        self.span = span_of(entry.where)
        _RULES.get(entry.op, _Writer._plain)(self, entry)

    def _begin(self, entry: NotedOp) -> None:
        number = [Lit(cast(int, n)) for n in entry.operands]  # of a program inside this one
        self.node("begin", number, (self.state(entry, branch="inner" if number else "s"),))

    def _plain(self, entry: NotedOp) -> None:
        """An operation of a state and values: append, scopes."""
        before = self.states[entry.before]
        inputs = [before, *map(self.atom, entry.operands)]
        self.node(entry.op, inputs, (self.state(entry),))

    def _turn(self, entry: NotedOp) -> None:
        (role,) = entry.operands
        self.node(entry.op, (self.states[entry.before],), (self.state(entry),), {"role": str(role)})

    def _scope_end(self, entry: NotedOp) -> None:
        self._plain(entry)
        self._sets(entry.after, str(entry.operands[0]), None)

    def _set(self, entry: NotedOp) -> None:
        name, value = entry.operands
        before, atoms = self.states[entry.before], (self.atom(str(name)), self.atom(value))
        self.node("set", (before, *atoms), (self.state(entry),))
        self._sets(entry.after, str(name), atoms[1])

    def _sets(self, state: int, name: str, value: Atom | None) -> None:
        """A state has a name now; what it stands for is None where a read has to say."""
        known = {n: v for n, v in self.names[state].items() if n != name}
        self.names[state] = {**known, name: value} if isinstance(value, Value) else known
        self.fresh[state] |= {name}

    def _call(self, entry: NotedOp) -> None:
        expr, params = cast("tuple[GenExpr | SelectExpr, CallParams]", entry.operands)
        before, number = self.states[entry.before], len(self.nodes)
        attrs, made = _asked(expr, params), STR
        if isinstance(expr, GenExpr):
            made = value_type(expr.dtype, expr.output)
            if expr.output is not None:
                attrs["fn"] = self.extern(expr.output, f"type {expr.output.name}", made)
            attrs |= {"reasoning": expr.reasoning} if expr.reasoning is not None else {}
            made = made if made == REF or params.sampling.get("n", 1) == 1 else DATA
        name = params.name if isinstance(params.name, str) else None
        state, value = self.state(entry), self.named(name or "text", made)
        self.node(params.op, (before,), (state, value), attrs)
        self.after[number] = self._last(self.seen | self.held[entry.before])
        self.held[entry.after] = frozenset((number,))
        self.makers[value.name] = number
        if name is not None:
            self._sets(entry.after, name, value)
            if params.reasoning is not None:
                self._sets(entry.after, REASONING_NAME.format(name), None)

    def _last(self, calls: Calls) -> Calls:
        """These calls without those that others of them came after."""
        return calls.difference(*(self.after[call] for call in calls))

    def _fork(self, entry: NotedOp) -> None:
        before, size = self.states[entry.before], cast(int, entry.operands[0])
        parent = self.state(entry)
        children = [self.state(entry, entry.after + i, branch="fork") for i in range(1, size + 1)]
        self.fresh |= {entry.after + i: frozenset() for i in range(1, size + 1)}
        self.node("fork", (before,), (parent, *children), {"n": size})

    def _join(self, entry: NotedOp) -> None:
        mode, children = cast("tuple[str, tuple[int, ...]]", entry.operands)
        before = self.states[entry.before]
        self.node("join", (before, *(self.states[n] for n in children)), (self.state(entry),), {"mode": mode})
        self.held[entry.after] = self._last(self.held[entry.before].union(*(self.held[n] for n in children)))
        if mode == "gather_variable":
            for name in frozenset().union(*(self.fresh[n] for n in children)):
                self._sets(entry.after, name, None)

    def _read(self, entry: NotedOp) -> None:
        name, value = entry.operands
        found = self.names[entry.before].get(name) if isinstance(name, str) else None
        waited = self.held[entry.before]
        if found is not None:
            waited = frozenset((self.makers[found.name],)) if found.name in self.makers else frozenset()
        for call in waited:
            self.seen = (self.seen - self.after[call]) | {call}
        if isinstance(name, str) and _is_told_by_identity(value):
            self.values[id(value)] = found if found is not None else (entry.before, name)

    def raised(self, error: BaseException | None) -> None:
        """End with the error that ended the program."""
        self.span = None
        kind = RuntimeError if error is None else type(error)
        atoms = [self.atom(kept) for arg in (error.args if error else ()) if (kept := _argument(arg)) is not None]
        self.node("raise", atoms, (), {"fn": self.extern(kind, f"{kind.__module__}.{kind.__qualname__}")})

    # --- values ------------------------------------------------------------------------------------------------

    def atom(self, value: object) -> Atom:
        """A value as an operand."""
        match value:
            case StateAt(number):
                return self.states[number]
            case Made(op, items):
                return self.made(op, [self.atom(each) for each in items], DATA)
            case Other(thing) if id(thing) not in self.values:
                what = type(thing)
                fn = self.extern(thing, f"{what.__module__}.{what.__qualname__} object")
                return self.made("extern", (), REF, {"fn": fn})
        thing = value.value if isinstance(value, Other) else value
        known = self.values.get(id(thing)) if _is_told_by_identity(thing) else None
        if known is None:
            return Lit(cast("str", value))
        if isinstance(known, tuple):
            state, name = known
            got = self.named(name, type_of(thing))
            self.node("get", (self.states[state], Lit(name)), (got,))
            self.values[id(thing)] = known = got
        return known

    def extern(self, thing: object, label: str, kind: Type = REF) -> str:
        """The name of an extern for an object."""
        for name, known in self.objects.items():
            if known is thing:
                return name
        name = f"e{len(self.externs)}"
        self.externs.append(Extern(name, label, "none", False, kind))
        self.objects[name] = thing
        return name


def _is_told_by_identity(value: object) -> bool:
    """Shorter texts are one object each for all of Python, and so are small numbers; containers are copied."""
    return len(value) > 1 if isinstance(value, str) else type(value) not in ATOMS and type(value) not in CONTAINERS


def _argument(value: object) -> object:
    return value if type(value) in ATOMS else str(value)


def _asked(expr: GenExpr | SelectExpr, params: CallParams) -> dict[str, Attr]:
    """The attributes of a call, as capture writes them."""
    attrs: dict[str, Attr] = {name: _literal(value) for name, value in params.sampling.items()}
    if isinstance(params.name, str):
        attrs["name"] = params.name
    if isinstance(expr, SelectExpr):
        attrs["method"] = expr.method
        attrs["choices"] = tuple(map(str, expr.choices))
    else:
        attrs |= {"dtype": expr.dtype} if expr.dtype is not None else {}
        attrs |= {"constraint": params.constraint} if params.constraint is not None else {}
    return attrs if expr.boundary is None else {**attrs, "boundary": expr.boundary}


def _literal(value: object) -> Attr:
    """A parameter as an attribute; what is no literal is told in words."""
    if isinstance(value, list | tuple):
        return tuple(map(_literal, value))
    if type(value) in ATOMS:
        return cast(Attr, value)
    for plain in (str, int, float):
        if isinstance(value, plain):
            return plain(value)
    return repr(value)


_RULES: dict[str, Callable[[_Writer, NotedOp], None]] = {
    "begin": _Writer._begin, "role_begin": _Writer._turn, "role_end": _Writer._turn, "scope_end": _Writer._scope_end,
    "set": _Writer._set, "gen": _Writer._call, "select": _Writer._call, "fork": _Writer._fork, "join": _Writer._join,
    "read": _Writer._read,
}  # fmt: skip
