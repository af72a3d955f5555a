"""Graphs and plans as text: one node a line, regions indented, nothing ever elided. A long prompt names an earlier one.

`parser.irtext` reads it back to an equal graph or plan. Types are written where `ir.signature` does not imply them.
"""

from __future__ import annotations

from lmc.ir.graph import Atom, Block, Extern, Graph, Node, Param, Value
from lmc.ir.hints import print_hint
from lmc.ir.literal import literal, quote, sigil, word
from lmc.ir.ops import OPS
from lmc.ir.plan import Plan, Prefix, Step
from lmc.ir.signature import implied_types
from lmc.ir.strand import Earlier, Strand
from lmc.ir.types import STATE, Type

MAX_REPEATED = 32  # pieces of a prompt that are written out again where another prompt begins with them


def print_graph(graph: Graph, spans: bool = False) -> str:
    """The graph's text, ending in a newline; with `spans`, each node's source place behind it."""
    writer = _Writer(graph.externs, spans)
    params = ", ".join(map(_param, graph.params))
    writer.lines.append(f"program {word(graph.name)}({params}) {{")
    writer.lines += map(_extern, graph.externs)
    writer.block(graph.body, "  ")
    return "\n".join(writer.lines) + "\n}\n"


def print_node(node: Node, externs: tuple[Extern, ...] = ()) -> str:
    """One node, with its regions."""
    writer = _Writer(externs, False)
    writer.node(node, "")
    return "\n".join(writer.lines)


def print_head(node: Node) -> str:
    """The first line of a node: all of it but what its regions contain."""
    return _Writer((), False).outputs(node) + (f"{_heads(node)[0]} {{" if node.regions else _plain(node))


def print_plan(plan: Plan) -> str:
    """The plan's text: steps and prefixes, one a line, then the program."""
    nodes = plan.graph.nodes
    lines = [f"plan {word(plan.graph.name)} {{"]
    earlier = Earlier[Atom]()
    lines += [_step(step, label(step, nodes), earlier) for step in plan.steps]
    lines += map(_prefix, plan.prefixes)
    return "\n".join(lines) + "\n}\n" + print_graph(plan.graph)


def label(step: Step, nodes: tuple[Node, ...]) -> Value | None:
    """What a step is called by: the last output of its node."""
    outputs = nodes[step.node].outputs if 0 <= step.node < len(nodes) else ()
    return outputs[-1] if outputs else None


def print_atom(atom: Atom) -> str:
    """A value by its name, or a literal."""
    return sigil("%", atom.name) if isinstance(atom, Value) else literal(atom.value)


def print_path(path: tuple[str | int, ...]) -> str:
    """Where an argument leaf sits: dims[0], cfg["a b"]."""
    head = word(path[0]) if path and isinstance(path[0], str) else ""
    return head + "".join(f"[{literal(step)}]" for step in path[1 if head else 0 :])


def _param(param: Param) -> str:
    path = "" if param.path == (param.value.name,) else f" = {print_path(param.path)}"
    return f"{sigil('%', param.value.name)}: {param.value.type}{path}"


def _extern(extern: Extern) -> str:
    raises = "raises" if extern.raises else "total"
    return f"  extern {sigil('@', extern.name)} = {quote(extern.label)} {extern.effect} {raises} {extern.type}"


def _typed(value: Value, implied: Type | None) -> str:
    name = sigil("%", value.name)
    return name if value.type == implied else f"{name}: {value.type}"


def _carries(values: tuple[Value, ...], inputs: tuple[Atom, ...]) -> list[str]:
    return [f"{_typed(value, STATE)} = {print_atom(atom)}" for value, atom in zip(values, inputs)]


def _operands(node: Node) -> list[str]:
    fn = node.attr("fn")
    symbol = [sigil("@", fn)] if isinstance(fn, str) else []
    named = [f"{word(key)}={print_atom(atom)}" for key, atom in node.kwargs.items()]
    return symbol + [print_atom(atom) for atom in node.args] + named


def _attrs(node: Node) -> str:
    shown = [(k, v) for k, v in node.attrs if not (k == "fn" and isinstance(v, str))]
    return " {" + ", ".join(f"{word(key)}={literal(value)}" for key, value in shown) + "}" if shown else ""


def _plain(node: Node) -> str:
    operands = ", ".join(_operands(node))
    return word(node.op) + (f" {operands}" if operands else "") + _attrs(node)


def _heads(node: Node) -> list[str]:
    """What stands before the brace of each region."""
    params = [region.params for region in node.regions]
    if not node.keys and not node.attrs:
        match node.op, node.inputs, params:
            case "if", [condition], [(), ()]:
                return [f"if {print_atom(condition)}", " else"]
            case "loop", inputs, [carries] if len(carries) == len(inputs):
                return [" ".join(["loop", ", ".join(_carries(carries, inputs))]).rstrip()]
            case "try", inputs, [(), (error, *carries)] if len(carries) == len(inputs):
                caught = [_typed(error, STATE), *_carries(tuple(carries), inputs)]
                return ["try", f" except {', '.join(caught)}"]
            case "for", [items, *inputs], [(item, *carries)] if len(carries) == len(inputs):
                each = f"for {_typed(item, STATE)} in {print_atom(items)}"
                return [", ".join([each, *_carries(tuple(carries), tuple(inputs))])]
    heads = [f" do({', '.join(_typed(value, STATE) for value in values)})" for values in params]
    return [_plain(node) + heads[0], *heads[1:]]


class _Writer:
    """Lines as they are made; the externs, for the types that calls imply."""

    def __init__(self, externs: tuple[Extern, ...], spans: bool) -> None:
        self.lines: list[str] = []
        self.externs = {extern.name: extern for extern in externs}
        self.spans = spans

    def block(self, block: Block, pad: str) -> None:
        for node in block.nodes:
            self.node(node, pad)

    def node(self, node: Node, pad: str) -> None:
        start = pad + self.outputs(node)
        if not node.regions:
            self.lines.append(start + _plain(node))
        else:
            for head, region in zip(_heads(node), node.regions):
                self.lines.append(f"{start}{head} {{")
                self.block(region, pad + "  ")
                start = pad + "}"  # the brace that closes one region begins the next one's line
            self.lines.append(start)
        if self.spans and node.span:
            span = node.span
            self.lines[-1] += f" at {quote(span.file)}:{span.line}:{span.col}-{span.end}"

    def outputs(self, node: Node) -> str:
        if not node.outputs:
            return ""
        fn = node.attr("fn")
        extern = self.externs.get(fn) if isinstance(fn, str) else None
        implied = implied_types(node.op, len(node.outputs), extern)
        return ", ".join(map(_typed, node.outputs, implied)) + " = "


def _atoms(name: str, atoms: tuple[Atom, ...]) -> list[str]:
    return [name, *map(print_atom, atoms)] if atoms else []


def _prompt(step: Step, earlier: Earlier[Atom]) -> list[str]:
    """A prompt; a long one that goes on from another step's as that step, behind a colon how much of it, and more."""
    if not step.prompt:
        return []
    strand = Strand.of(step.prompt)
    found = earlier.goes_on(step.id, strand, MAX_REPEATED)
    if found is None:
        return _atoms("prompt", tuple(strand))
    start = f"#{found.earlier}" + ("" if found.is_whole else f":{found.length}")
    return ["prompt", start, *map(print_atom, found.tail)]


def _refs(name: str, ids: tuple[int, ...]) -> list[str]:
    return [name, *(f"#{id}" for id in ids)] if ids else []


def _step(step: Step, label: Value | None, earlier: Earlier[Atom]) -> str:
    op = step.op if step.op in OPS else word(step.op)  # `if` and the like are not forms here
    words = [f"  #{step.id}", op, *([print_atom(label)] if label else []), f"node {step.node}"]
    words += [f"inside #{step.inside}"] if step.inside is not None else []
    words += [f"wave {step.wave}", *_refs("after", step.after), *_prompt(step, earlier)]
    words += [f"prefix p{step.prefix}"] if step.prefix is not None else []
    words += ["hints", ", ".join(map(print_hint, step.hints))] if step.hints else []
    return " ".join(words)


def _prefix(prefix: Prefix) -> str:
    words = [f"  p{prefix.id}", *([f"under p{prefix.parent}"] if prefix.parent is not None else [])]
    words += [f"calls {prefix.calls}", *([f"tokens {prefix.tokens}"] if prefix.tokens is not None else [])]
    return " ".join(words + _refs("steps", prefix.steps) + _atoms("adds", prefix.pieces))
