"""The parse tree of IR text to typed values: names resolved, types filled in."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from lmc.errors import did_you_mean
from lmc.ir.graph import Atom, Attr, Block, Extern, Graph, Lit, Literal, Node, Param, Value
from lmc.ir.hints import HINTS, SIGILS, Hint, HintKind
from lmc.ir.ops import Effect
from lmc.ir.plan import Plan, Prefix, Step
from lmc.ir.printer import label
from lmc.ir.signature import implied_types
from lmc.ir.strand import Strand
from lmc.ir.types import STATE, Type
from lmc.parser.irtext.listing import Source
from lmc.parser.irtext.literal import (
    read_index,
    read_int,
    read_seconds,
    read_sigil,
    read_string,
    read_type,
    read_value,
    read_word,
)
from lmc.source import Span

if TYPE_CHECKING:
    from lark import Token, Tree


def build_graph(tree: Tree[Token], source: Source) -> Graph:
    """The graph of a `graph` tree."""
    return _Builder(source).program(tree.children[-1])


def build_plan(tree: Tree[Token], source: Source) -> Plan:
    """The plan of a `plan` tree."""
    return _Builder(source).plan(tree)


class _Builder:
    """One text; the values and externs it has defined so far, and the prompts of its steps."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.values: dict[str, Value] = {}
        self.externs: dict[str, Extern] = {}
        self.prompts: dict[int, Strand[Atom]] = {}

    # --- programs ---

    def program(self, tree: Any) -> Graph:
        name, params, externs, nodes = tree.children
        leaves = tuple(self.param(child) for child in params.children if child)
        symbols = tuple(map(self.extern, externs.children))
        return Graph(read_word(self.source, name), leaves, symbols, Block((), self.nodes(nodes)))

    def param(self, tree: Any) -> Param:
        token, type, path = tree.children
        value = self.define(token, read_type(self.source, type))
        return Param(value, self.path(path) if path else (value.name,))

    def path(self, tree: Any) -> tuple[str | int, ...]:
        name, *steps = tree.children
        rest = [read_int(self.source, step) if step.type == "INT" else read_string(self.source, step) for step in steps]
        return (*([read_word(self.source, name)] if name else []), *rest)

    def extern(self, tree: Any) -> Extern:
        symbol, label, effect, raises, type = tree.children
        name = read_sigil(self.source, symbol)
        if name in self.externs:
            self.source.fail(symbol, f"extern `{symbol}` is declared twice")
        made = Extern(
            name,
            read_string(self.source, label),
            cast("Effect", str(effect)),
            raises == "raises",
            read_type(self.source, type),
        )
        self.externs[name] = made
        return made

    def nodes(self, tree: Any) -> tuple[Node, ...]:
        return tuple(map(self.node, tree.children))

    def node(self, tree: Any) -> Node:
        outs, form, at = tree.children
        token, op, inputs, keys, attrs, regions = _FORMS[form.data](self, form)
        outputs = self.outputs(outs.children, op, dict(attrs).get("fn")) if outs else ()
        return Node(op, inputs, keys, attrs, regions, outputs, self.span(token, at))

    def span(self, token: Token, at: Any) -> Span:
        if at is None:
            return self.source.span(*self.source.place(token), len(token))
        file, line, col, end = at.children
        return Span(
            read_string(self.source, file),
            read_index(self.source, line),
            read_index(self.source, col),
            read_index(self.source, end),
        )

    def outputs(self, outs: list[Any], op: str, fn: object) -> tuple[Value, ...]:
        implied = implied_types(op, len(outs), self.externs.get(cast("str", fn)))
        return tuple(map(self.out, outs, implied))

    def out(self, tree: Any, implied: Type | None) -> Value:
        token, type = tree.children
        known = read_type(self.source, type) if type else implied
        if known is None:
            self.source.fail(
                token, f"the type of `{token}` is missing", help=f"write it behind the name: `{token}: str`"
            )
        return self.define(token, known)

    # --- the forms of a node: first token, op, inputs, keys, attributes, regions ---

    def plain(self, tree: Any) -> Form:
        name, operands, attrs, *regions = tree.children
        fn, inputs, keys = self.operands([child for child in operands.children if child is not None])
        pairs = self.attrs(attrs.children if attrs else [], fn)
        return name, read_word(self.source, name), inputs, keys, pairs, tuple(map(self.region, regions))

    def if_(self, tree: Any) -> Form:
        token, condition, *arms = tree.children
        yes, no = map(self.nodes, arms)
        return token, "if", (self.atom(condition),), (), (), (Block((), yes), Block((), no))

    def loop(self, tree: Any) -> Form:
        token, *carries, body = tree.children
        inputs, params = self.carries([carry for carry in carries if carry])
        return token, "loop", inputs, (), (), (Block(params, self.nodes(body)),)

    def for_(self, tree: Any) -> Form:
        token, item, items, *carries, body = tree.children
        first, (inputs, params) = self.atom(items), self.carries(carries)
        block = (self.out(item, STATE), *params)
        return token, "for", (first, *inputs), (), (), (Block(block, self.nodes(body)),)

    def try_(self, tree: Any) -> Form:
        token, body, error, *carries, handler = tree.children
        tried = Block((), self.nodes(body))
        inputs, params = self.carries(carries)
        caught = Block((self.out(error, STATE), *params), self.nodes(handler))
        return token, "try", inputs, (), (), (tried, caught)

    def region(self, tree: Any) -> Block:
        *params, body = tree.children
        return Block(tuple(self.out(param, STATE) for param in params if param), self.nodes(body))

    def carries(self, carries: list[Any]) -> tuple[tuple[Atom, ...], tuple[Value, ...]]:
        """What goes in, read before any of the parameters is defined; and the parameters."""
        inputs = tuple(self.atom(carry.children[1]) for carry in carries)
        return inputs, tuple(self.out(carry.children[0], STATE) for carry in carries)

    def operands(self, children: list[Any]) -> tuple[str | None, tuple[Atom, ...], tuple[str, ...]]:
        fn, inputs, keys = None, [], []
        for i, child in enumerate(children):
            if hasattr(child, "type") and child.type == "SYMBOL":
                if i:
                    self.source.fail(child, "an extern must be the first operand")
                fn = read_sigil(self.source, child)
            elif hasattr(child, "data") and child.data == "keyed":
                keys.append(read_word(self.source, child.children[0]))
                inputs.append(self.atom(child.children[1]))
            else:
                if keys:
                    self.source.fail(_first_token(child), "an operand without a name follows one that has a name")
                inputs.append(self.atom(child))
        return fn, tuple(inputs), tuple(keys)

    def attrs(self, children: list[Any], fn: str | None) -> tuple[tuple[str, Attr], ...]:
        pairs: dict[str, Attr] = {} if fn is None else {"fn": fn}
        for name, value in (child.children for child in children):
            key = read_word(self.source, name)
            if key in pairs:
                self.source.fail(name, f"attribute `{key}` is given twice")
            pairs[key] = read_value(self.source, value)
        return tuple(sorted(pairs.items(), key=lambda pair: pair[0]))

    # --- values and literals ---

    def define(self, token: Token, type: Type) -> Value:
        name = read_sigil(self.source, token)
        if name in self.values:
            self.source.fail(token, f"`{token}` is defined twice")
        self.values[name] = Value(name, type)
        return self.values[name]

    def use(self, token: Token) -> Value:
        name = read_sigil(self.source, token)
        if name not in self.values:
            help = did_you_mean(name, self.values, "`%{}`".format)
            self.source.fail(token, f"`{token}` is not defined before this line", help=help)
        return self.values[name]

    def atom(self, child: Any) -> Atom:
        if hasattr(child, "type") and child.type == "VALUE":
            return self.use(child)
        return Lit(cast("Literal", read_value(self.source, child)))

    # --- plans ---

    def plan(self, tree: Any) -> Plan:
        name, *rows, program = tree.children
        graph = self.program(program)
        if read_word(self.source, name) != graph.name:
            self.source.fail(name, f"the plan is for `{read_word(self.source, name)}`, the program is `{graph.name}`")
        nodes = graph.nodes
        steps = tuple(self.step(row, nodes) for row in rows if row.data == "step")
        return Plan(graph, steps, tuple(self.prefix(row) for row in rows if row.data == "prefix"))

    def step(self, tree: Any, nodes: tuple[Node, ...]) -> Step:
        id, op, name, node, inside, wave, after, prompt, prefix, hints = tree.children
        made = Step(
            id=self.ref(id),
            node=read_index(self.source, node),
            op=read_word(self.source, op),
            inside=self.ref(inside) if inside else None,
            wave=read_index(self.source, wave),
            after=self.refs(after),
            prompt=self.prompt(prompt) if prompt else (),
            prefix=self.ref(prefix) if prefix else None,
            hints=tuple(map(self.hint, hints.children)) if hints else (),
        )
        if (self.use(name) if name else None) != label(made, nodes):
            self.source.fail(name or id, f"step `{id}` is not called by the last result of node {made.node}")
        self.prompts.setdefault(made.id, Strand.of(made.prompt))
        return made

    def prompt(self, tree: Any) -> Strand[Atom]:
        """A prompt written out, or behind all or the first pieces of an earlier step's."""
        step, length, *atoms = tree.children
        tail = tuple(map(self.atom, atoms))
        if step is None:
            return Strand(None, tail)
        begun = self.prompts.get(self.ref(step))
        if begun is None:
            self.source.fail(step, f"the prompt goes on from `{step}`, which is not an earlier step")
        num = len(begun) if length is None else read_index(self.source, length)
        if not 0 <= num <= len(begun):
            self.source.fail(length, f"the prompt of step `{step}` has {len(begun)} pieces, not {num}")
        return Strand(begun.cut(num), tail) if tail else begun.cut(num)

    def hint(self, tree: Any) -> Hint:
        name, target, ttl, waves, everyone = tree.children
        kind = read_word(self.source, name)
        if kind not in HINTS:
            help = did_you_mean(kind, HINTS) or f"the hints are {', '.join(HINTS)}"
            self.source.fail(name, f"there is no hint `{kind}`", help=help)
        names = HINTS[kind].names
        if target.type != _TARGETS[names]:
            self.source.fail(target, f"`{kind}` names a {names}: `{kind} {SIGILS[names]}0`")
        number = read_index(self.source, target) if names == "number" else self.ref(target)
        seconds = None if ttl is None else read_seconds(self.source, ttl)
        distance = 1 if waves is None else read_index(self.source, waves)
        return Hint(cast("HintKind", kind), number, seconds, everyone is not None, distance)

    def prefix(self, tree: Any) -> Prefix:
        id, parent, calls, tokens, steps, pieces = tree.children
        return Prefix(
            id=self.ref(id),
            parent=self.ref(parent) if parent else None,
            pieces=self.atoms(pieces),
            tokens=read_index(self.source, tokens) if tokens else None,
            steps=self.refs(steps),
            calls=read_index(self.source, calls),
        )

    def ref(self, token: Token) -> int:
        return read_index(self.source, token, 1)

    def refs(self, tree: Any) -> tuple[int, ...]:
        return tuple(map(self.ref, tree.children)) if tree else ()

    def atoms(self, tree: Any) -> tuple[Atom, ...]:
        return tuple(map(self.atom, tree.children)) if tree else ()


def _first_token(child: Any) -> Token:
    while hasattr(child, "data"):
        child = next(each for each in child.children if each is not None)
    return cast("Token", child)


_TARGETS = {"prefix": "PREFIX", "gang": "GANG", "number": "INT"}  # the token of what a hint names

Form = tuple["Token", str, tuple[Atom, ...], tuple[str, ...], tuple[tuple[str, Attr], ...], tuple[Block, ...]]

_FORMS: dict[str, Callable[[_Builder, Any], Form]] = {
    "plain": _Builder.plain, "if_": _Builder.if_, "loop": _Builder.loop, "for_": _Builder.for_,
    "try_": _Builder.try_,
}  # fmt: skip
