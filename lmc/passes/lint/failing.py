"""What surely raises where it is reached: a name that nothing sets, a parameter out of range, what Python refuses.

Nothing is said of what stands in a `try`, nor of a `raise` or `assert` that the program has itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from lmc.codes import FAILS
from lmc.errors import ArgumentError, did_you_mean
from lmc.ir.fused import FusedGen, FusedSelect, parts_of
from lmc.ir.graph import Block, Graph, Lit, Node, Value
from lmc.ir.ops import OPS
from lmc.ir.params import checked
from lmc.ir.reasoning import REASONING_NAME
from lmc.ir.sampling import SAMPLING_FIELDS
from lmc.passes.base import Note

OWN = ("raise", "assert")
# a state that these give has the names of the first that they take, and those that they set
STRAIGHT = ("append", "role_begin", "role_end", "gen", "select", "fused", "set", "scope_begin", "scope_end", "fork")


def failing(graph: Graph) -> Iterator[Note]:
    """A note for each node that cannot succeed."""
    labels = {extern.name: extern.label for extern in graph.externs}
    nodes = list(graph.walk())
    makers = {value.name: node for node in nodes for value in node.outputs}
    known = _names(nodes)
    for node in _outside_of_tries(graph.body):
        if node.op == "raise":
            yield from _raised(node, labels)
        elif node.op == "get":
            yield from _unset(node, known, makers)
        elif OPS[node.op].kind == "model":
            yield from _refused(node)


def _outside_of_tries(block: Block) -> Iterator[Node]:
    for node in block.nodes:
        yield node
        if node.op not in ("try", "function"):
            for region in node.regions:
                yield from _outside_of_tries(region)


def _note(node: Node, text: str) -> Note:
    return Note(text, node.span, FAILS)


def _raised(node: Node, labels: dict[str, str]) -> Iterator[Note]:
    label = labels.get(str(node.attr("fn")), "")
    line = "" if node.span is None else node.span.text()[node.span.col - 1 :]
    first = node.inputs[0].value if node.inputs and isinstance(node.inputs[0], Lit) else ""
    said = first if isinstance(first, str) else ""
    if label.startswith("builtins.") and line and not line.startswith(OWN) and said != "unreachable":
        yield _note(node, f"{label.removeprefix('builtins.')}: {said}: what comes here fails")


def _refused(node: Node) -> Iterator[Note]:
    for name, value in node.attrs:
        if name in SAMPLING_FIELDS:
            try:
                checked(name, value)
            except ArgumentError as error:
                yield _note(node, f"{error.message}: the call fails")


def _unset(node: Node, known: set[str] | None, makers: dict[str, Node]) -> Iterator[Note]:
    name = node.inputs[1].value if isinstance(node.inputs[1], Lit) else None
    if known is None or not isinstance(name, str):
        return
    if name not in known:
        near = did_you_mean(name, known, repr)
        help = near or f"names are {', '.join(map(repr, sorted(known))) or 'given by gen, select and set_var'}"
        yield _note(node, f"KeyError: nothing gives {name!r} a value; {help}")
        return
    before = _names_before(node.inputs[0], makers)
    if before is not None and name not in before:
        yield _note(node, f"KeyError: {name!r} has no value here yet; read it behind the call that gives it one")


def _names(nodes: list[Node]) -> set[str] | None:
    """All names that some node may set, None where one of them is known only when the program runs."""
    found: set[str] = set()
    for node in nodes:
        names = _names_of(node)
        if names is None:
            return None
        found |= names
    return found


def _names_of(node: Node) -> set[str] | None:
    if OPS[node.op].kind == "model":
        if "name" in node.kwargs:
            return None
        parts = parts_of(node) if node.op == "fused" else ()
        names = [part.name for part in parts if isinstance(part, FusedGen | FusedSelect)]
        own = [node.attr("name")] if node.has("name") else []
        texts = [name for name in (*own, *names) if isinstance(name, str)]
        return {*texts, *(REASONING_NAME.format(name) for name in texts)}
    if node.op in ("set", "scope_end"):
        name = node.inputs[1].value if isinstance(node.inputs[1], Lit) else None
        return {name} if isinstance(name, str) else None
    return set()


def _names_before(state: object, makers: dict[str, Node]) -> set[str] | None:
    """The names that a state surely has no others than; None where that is not known."""
    found: set[str] = set()
    while isinstance(state, Value):
        node = makers.get(state.name)
        if node is None or node.op not in (*STRAIGHT, "begin"):
            return None
        found |= _names_of(node) or set()
        if node.op == "begin":
            return found
        state = node.inputs[0]
    return None
