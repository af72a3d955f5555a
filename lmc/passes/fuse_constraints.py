"""fuse_constraints: generations with known text between them become one call with one automaton.

    %a, %x = gen %s {regex}
    %b = append %a, ", age "              ->    %d, %x, %y = fused %s {[x, ", age ", y, "."]}
    %c, %y = gen %b {regex}
    %d = append %c, "."

A row goes on as long as nobody could look between: the state is used once, a value only behind the row, what is
appended is known, and no role or fork comes. A generation joins with a regex, with choices, or with one stop string
that the text after it begins with. Where a text could be split into the generations in two ways the row ends, so each
generation's text is certain. The report says for each row what ended it.

The literals are written by the model's own tokenisation of the whole row, and end the generations before them: other
tokens than unfused, of the same language. So this runs at -O3, or where it is named.
Needs: fold_text before it. Keeps: names, values, the sampling of each generation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from lmc.ir.automaton.ambiguity import Ambiguity, ambiguity
from lmc.ir.constraint import Choices, Regex
from lmc.ir.fusion import FusedGen, automaton_parts, constraint_of, to_attr
from lmc.ir.graph import Block, Graph, Lit, Node, Value
from lmc.ir.sampling import SAMPLING_FIELDS, Sampling
from lmc.passes.base import Inputs, Note, Pass, Report, called

# parameters of a single generation's length and reports, which a row has no place for
ALONE = (
    "min_tokens", "n", "stop_token_ids", "stop_regex", "ignore_eos", "return_logprob", "logprob_start_len",
    "top_logprobs_num", "return_text_in_logprobs", "on_distortion",
)  # fmt: skip
_PLAIN = Sampling()
Parts = tuple[str | FusedGen, ...]


def run(graph: Graph, inputs: Inputs) -> tuple[Graph, Report]:
    """The graph with its rows fused."""
    fuser = _Fuser(inputs.sampling)
    body = fuser.block(graph.body)
    counts = (("rows fused", fuser.num_rows), ("calls merged", fuser.num_calls))
    return replace(graph, body=body), Report("fuse_constraints", counts, tuple(fuser.notes))


@dataclass(slots=True)
class _Row:
    """A row in the making.

    nodes    gens and appends, in order
    parts    what they write
    why      what ended it
    """

    nodes: list[Node]
    parts: list[str | FusedGen]
    why: str = ""

    @property
    def num_gens(self) -> int:
        return sum(isinstance(part, FusedGen) for part in self.parts)

    def cut(self, num_nodes: int, why: str) -> None:
        """Keep the first nodes only."""
        del self.nodes[num_nodes:]
        del self.parts[num_nodes:]
        self.why = why


class _Fuser:
    """One walk over the blocks."""

    def __init__(self, defaults: Sampling) -> None:
        self.defaults = defaults
        self.num_rows = self.num_calls = 0
        self.notes: list[Note] = []

    def block(self, block: Block) -> Block:
        nodes = [replace(n, regions=tuple(map(self.block, n.regions))) if n.regions else n for n in block.nodes]
        users = _Users(nodes)
        fused: dict[int, Node] = {}  # at the place of the last node of each row
        gone: set[int] = set()
        for place, node in enumerate(nodes):
            if node.op == "gen" and place not in gone:
                row = self.row(place, nodes, users)
                places = [users.place_of(each) for each in row.nodes]
                if row.num_gens > 1:
                    gone.update(places)
                    fused[places[-1]] = self.merged(row)
        kept = [fused.get(place, None if place in gone else node) for place, node in enumerate(nodes)]
        return replace(block, nodes=tuple(node for node in kept if node is not None))

    def row(self, place: int, nodes: Sequence[Node], users: _Users) -> _Row:
        """The longest row that begins with the gen at `place`."""
        row = _Row([], [])
        node: Node | None = nodes[place]
        while node is not None:
            part = self.part(node, row)
            if isinstance(part, _No):
                row.why = part.why
                break
            row.nodes.append(node)
            row.parts.append(part)
            row.why = users.why_last(node)
            node = users.next_of(node)
        _drop_unread(row, users)
        _drop_open_stop(row)
        _drop_ambiguous(row)
        self.note(nodes[place], row)
        return row

    def part(self, node: Node, row: _Row) -> str | FusedGen | _No:
        """What a node adds to a row, or why it cannot."""
        if node.op == "append":
            texts = [atom.value for atom in node.inputs[1:] if isinstance(atom, Lit)]
            if len(texts) < len(node.inputs) - 1 or not all(isinstance(text, str) for text in texts):
                return _No(f"{called(node)} appends text that is known only when the program runs")
            return "".join(map(str, texts))
        if node.op != "gen":
            return _No(f"{called(node)} is no generation")
        if row.parts and isinstance(row.parts[-1], FusedGen):
            return _No(f"nothing stands between it and {called(node)}")
        return self.generation(node)

    def generation(self, node: Node) -> FusedGen | _No:
        constraint, params = node.attr("constraint"), _params(node)
        if node.keys:
            return _No(f"{called(node)} has parameters known only when the program runs: {', '.join(node.keys)}")
        odd = next((key for key in ALONE if self.given(params, key) != getattr(_PLAIN, key)), None)
        if odd is not None:
            return _No(f"{called(node)} is asked for alone, with {odd}")
        stop = self.given(params, "stop")
        stops = (stop,) if isinstance(stop, str) else tuple(stop or ())  # type: ignore[arg-type]
        name = node.attr("name")
        assert name is None or isinstance(name, str)
        if isinstance(constraint, Regex | Choices) and not stops:
            return FusedGen(name, constraint, tuple(params.items()))
        if constraint is not None:
            return _No(f"{called(node)} is constrained by more than a regex or choices")
        if len(stops) == 1 and stops[0]:
            return FusedGen(name, None, tuple({**params, "stop": stops}.items()))
        return _No(f"nothing but the model ends {called(node)}: give it a regex, choices, or one stop string")

    def given(self, params: Mapping[str, object], key: str) -> object:
        return params[key] if key in params else getattr(self.defaults, key)

    def merged(self, row: _Row) -> Node:
        """The row as one node."""
        gens = [node for node in row.nodes if node.op == "gen"]
        self.num_rows += 1
        self.num_calls += len(gens) - 1
        return Node(
            "fused",
            (row.nodes[0].inputs[0],),
            attrs=(("parts", to_attr(row.parts)),),
            outputs=(row.nodes[-1].outputs[0], *(node.outputs[1] for node in gens)),
            span=row.nodes[0].span,
        )

    def note(self, first: Node, row: _Row) -> None:
        if row.num_gens > 1:
            row_text = f"{called(first)} to {called(row.nodes[-1])}: {row.num_gens} generations as one"
            text = f"{row_text}; it ends there because {row.why}"
        else:
            text = f"{called(first)} stays alone because {row.why}"
        self.notes.append(Note(text, first.span))


@dataclass(frozen=True, slots=True)
class _No:
    """Why a node joins no row."""

    why: str


class _Users:
    """Where the values of a block are made and read; a region reads at the place of its node."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.nodes = nodes
        self.places = {id(node): place for place, node in enumerate(nodes)}
        self.uses: dict[str, list[int]] = {}
        for place, node in enumerate(nodes):
            for name in _read(node):
                self.uses.setdefault(name, []).append(place)

    def place_of(self, node: Node) -> int:
        return self.places[id(node)]

    def next_of(self, node: Node) -> Node | None:
        """The append or gen that alone goes on from the node's state."""
        users = self.users_of(node)
        return users[0] if len(users) == 1 and users[0].op in ("append", "gen") else None

    def users_of(self, node: Node) -> list[Node]:
        """The nodes of the block that read the node's state."""
        return [self.nodes[place] for place in self.uses.get(node.outputs[0].name, [])]

    def why_last(self, node: Node) -> str:
        """Why no append or gen goes on alone from the node's state."""
        users = self.users_of(node)
        if not users:
            return f"nothing in its block goes on from {called(node)}"
        if len(users) > 1:
            return f"the state behind {called(node)} is used {len(users)} times"
        return f"{called(users[0])} comes then"

    def first_use(self, value: Value) -> int:
        return min(self.uses.get(value.name, [len(self.nodes)]))


def _read(node: Node) -> list[str]:
    names = [atom.name for atom in node.inputs if isinstance(atom, Value)]
    for region in node.regions:
        names += [name for each in region.nodes for name in _read(each)]
    return names


def _params(node: Node) -> dict[str, object]:
    return {name: value for name, value in node.attrs if name in SAMPLING_FIELDS}


def _drop_unread(row: _Row, users: _Users) -> None:
    """End the row before a node that comes after a reader of one of its values."""
    for count, node in enumerate(row.nodes):
        readers = [users.first_use(gen.outputs[1]) for gen in row.nodes[:count] if gen.op == "gen"]
        if readers and min(readers) < users.place_of(node):
            row.cut(count, f"{called(users.nodes[min(readers)])} reads what it has generated")
            return


def _drop_open_stop(row: _Row) -> None:
    """A generation that ends before its stop string needs the text after it to begin so."""
    for at, part in enumerate(row.parts):
        if isinstance(part, FusedGen) and (stop := part.blank().stop):
            after = row.parts[at + 1] if at + 1 < len(row.parts) else ""
            if not isinstance(after, str) or not after.startswith(stop):
                row.cut(at, f"the text after {called(row.nodes[at])} does not begin with its stop string {stop!r}")
                return


def _drop_ambiguous(row: _Row) -> None:
    """End the row before the generation that shares a text with an earlier one."""
    while row.num_gens > 1:
        found = ambiguity(automaton_parts(constraint_of(row.parts).parts))
        if found is None:
            return
        if not isinstance(found, Ambiguity):
            row.cut(_last_gen(row), "its automaton is too large to say where each generation ends")
        else:
            one, other = (" | ".join(split) for split in found.captures)
            row.cut(found.parts[1], f"{found.text!r} could be split as {one!r} or as {other!r}")
        _drop_open_stop(row)


def _last_gen(row: _Row) -> int:
    return max(at for at, part in enumerate(row.parts) if isinstance(part, FusedGen))


PASS = Pass(name="fuse_constraints", level="graph", run=run, doc=__doc__)
