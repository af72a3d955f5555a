"""Why two prompts part, in one word: what the program says there, and where what it does not say comes from.

Not a pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Literal

from lmc.ir.graph import Atom, Block, Graph, Node, Value
from lmc.ir.prompt import Control
from lmc.passes.flat_prompts import FlatPiece, PromptHole, WrittenPiece, is_hole, known_text

Reason = Literal["text", "hole", "branch", "template", "retokenise", "whitespace", "order", "nondeterministic-text"]

SAYS: dict[Reason, str] = {
    "text": "the program says other text",
    "hole": "only the run knows what stands there",
    "branch": "they stand in different arms",
    "template": "another turn begins or ends there",
    "retokenise": "the text is the same, its tokens are not",
    "whitespace": "they differ in spaces or line ends only",
    "order": "the same words come in another order",
    "nondeterministic-text": "it may be another text at each run",
}
MISSES = {  # why a call of a run found less in the cache than an earlier prompt held (backend.base.Missed)
    "evicted": "it was in the cache and had to go, as there was no room",
    "never-inserted": "it was asked before and not kept: the cache is off, that call failed, or the page was not full",
    "namespace": "a session of another namespace had it, and these never share",
    "model": "another model had it, and models never share",
}
ADVICE: dict[Reason, str] = {  # what to write so that more is shared; nothing where the program means the difference
    "text": "",
    "hole": "say what both have in common before it",
    "branch": "say what both arms have in common before the branch",
    "template": "give both the same turns up to what they share",
    "retokenise": "fork the state that generated the text, which keeps its tokens",
    "whitespace": "write the same spaces in both",
    "order": "write it in one order, such as sorted",
    "nondeterministic-text": "say it behind what is the same in every run",
}
_CHANGING = re.compile(
    r"datetime\.(datetime|date)\.(now|utcnow|today)|time\.(time|monotonic|perf_counter|process_time)(_ns)?"
    r"|time\.(ctime|asctime|localtime|gmtime|strftime)|uuid\.uuid[14]|os\.urandom|(random|secrets|numpy\.random)\..*"
)
SETS = ("builtins.set", "builtins.frozenset")
_WITHOUT_ORDER = ("builtins.sorted", "builtins.len", "builtins.min", "builtins.max", "builtins.sum", "builtins.any")
_WORD = re.compile(r"\w+|[^\w\s]")
_CALLS = ("gen", "select", "fused")


class Reasons:
    """The reasons of a graph's prompts; `makers` are the nodes by the names of the values they make."""

    def __init__(self, graph: Graph, makers: Mapping[str, Node]) -> None:
        self._graph = graph
        self._makers = makers

    def of(
        self, a: Sequence[WrittenPiece], b: Sequence[WrittenPiece], common: Sequence[FlatPiece], *, is_cut: bool
    ) -> Reason | None:
        """Why two prompts part that go on with `a` and `b`; `is_cut`: their tokens part before their texts."""
        if not a or not b:
            if not is_cut:
                return None
            return "whitespace" if _ends_in_space(common) else "retokenise"
        p, q = a[0].piece, b[0].piece
        if _is_said_again(p, q):
            return "retokenise"
        if self._in_different_arms(a[0].node, b[0].node):
            return "branch"
        if is_hole(p, "state") or is_hole(q, "state"):
            return "hole" if any(self._is_after_loop(piece) for piece in (p, q)) else "branch"
        if isinstance(p, Control) or isinstance(q, Control) or is_hole(p, "role") or is_hole(q, "role"):
            return "template"
        for piece in (p, q):
            if isinstance(piece, PromptHole) and known_text(piece) is None:
                return self._of_hole(piece)
        s, t = _text_ahead(a), _text_ahead(b)
        if _differ_in_space(s, t):
            return "whitespace"
        begun = _last_word(common)
        return "order" if _differ_in_order(begun + s, begun + t) else "text"

    def sources(self, atom: Atom) -> Iterator[tuple[str, Atom | str]]:
        """What a value is made from: ("argument" or "generated", it), ("call" or "object", its label).

        A set that was sorted, counted or the like is left out: nothing of its order is left.
        """
        todo, seen = [(atom, True)], set[str]()
        params = {param.value.name for param in self._graph.params}
        while todo:
            value, has_order = todo.pop(0)
            if not isinstance(value, Value) or value.name in seen:
                continue
            seen.add(value.name)
            node = self._makers.get(value.name)
            label = self._label(node)
            if value.name in params:
                yield "argument", value
            elif node is not None and node.op in _CALLS:
                yield "generated", value
            elif label and (has_order or label not in SETS):
                yield ("object" if node is not None and node.op == "extern" else "call"), label
            has_order = has_order and label not in _WITHOUT_ORDER and (node is None or node.op != "len")
            todo += [(each, has_order) for each in node.inputs] if node is not None and node.op not in _CALLS else []

    def _is_after_loop(self, piece: FlatPiece) -> bool:
        """Whether it is the prompt that a loop leaves: no arm of anything wrote it."""
        maker = self._makers.get(piece.atom.name) if is_hole(piece, "state") and isinstance(piece.atom, Value) else None
        return maker is not None and maker.op in ("for", "loop")

    def _label(self, node: Node | None) -> str:
        if node is None or node.op not in ("call", "extern"):
            return ""
        label = self._graph.extern(str(node.attr("fn"))).label
        return label.removeprefix("method ").removesuffix(" object")

    def turn(self, marker: PromptHole) -> tuple[str, object]:
        """Which turn a marker begins or ends."""
        assert isinstance(marker.atom, Value)
        node = self._makers[marker.atom.name]
        return node.op, node.attr("role")

    def _of_hole(self, hole: PromptHole) -> Reason:
        found = list(self.sources(hole.atom))
        if any(kind in ("call", "object") and is_changing(label) for kind, label in found):
            return "nondeterministic-text"
        if any(kind == "object" and label in SETS for kind, label in found):
            return "order"
        return "hole"

    def _in_different_arms(self, a: Node | None, b: Node | None) -> bool:
        return self.apart(a, b) is not None

    def apart(self, a: Node | None, b: Node | None) -> tuple[int, int, int] | None:
        """The branch in whose different arms they stand, by its identity, and both arms; None where there is none."""
        here, there = self._arms.get(id(a), {}), self._arms.get(id(b), {})
        found = ((region, arm, there[region]) for region, arm in here.items() if there.get(region, arm) != arm)
        return next(found, None)

    def is_in_arm(self, node: Node, region: int, arm: int) -> bool:
        """Whether a node stands in that arm of that branch."""
        return self._arms.get(id(node), {}).get(region) == arm

    @cached_property
    def _arms(self) -> dict[int, dict[int, int]]:
        """For each node the arms of branches and tries that it stands in."""
        return dict(_arms_in(self._graph.body, {}))


def is_changing(label: object) -> bool:
    """Whether a call of that label may give something else each time, whatever it is given."""
    return _CHANGING.fullmatch(str(label)) is not None


def _arms_in(block: Block, around: dict[int, int]) -> Iterator[tuple[int, dict[int, int]]]:
    for node in block.nodes:
        yield id(node), around
        for number, region in enumerate(node.regions):
            inside = {**around, id(node): number} if node.op in ("if", "try") else around
            yield from _arms_in(region, inside)


def _is_said_again(p: FlatPiece, q: FlatPiece) -> bool:
    """What one call generated, and the other is given as text: the same characters, and perhaps other tokens."""
    both = isinstance(p, PromptHole) and isinstance(q, PromptHole) and p.atom == q.atom
    return both and {p.kind, q.kind} == {"made", "text"}  # type: ignore[union-attr]  # `both` says it


def _ends_in_space(pieces: Sequence[FlatPiece]) -> bool:
    text = known_text(pieces[-1]) if pieces else None
    return bool(text) and text[-1:].isspace()  # type: ignore[index]


def _text_ahead(written: Sequence[WrittenPiece]) -> str:
    """The text up to the next hole or turn."""
    found = []
    for each in written:
        text = known_text(each.piece)
        if text is None or isinstance(each.piece, Control):
            break
        found.append(text)
    return "".join(found)


def _differ_in_space(s: str, t: str) -> bool:
    """Whether they go on alike once the spaces are passed that one of them has there."""
    if not (s[:1].isspace() or t[:1].isspace()):
        return False
    s, t = s.lstrip(), t.lstrip()
    return s[:1] == t[:1]


def _last_word(pieces: Sequence[FlatPiece]) -> str:
    """The word in which a text ends, if it ends in one: what follows may go on with it."""
    text = known_text(pieces[-1]) if pieces else None
    return "" if not text or text[-1].isspace() else _WORD.findall(text)[-1]


def _differ_in_order(s: str, t: str) -> bool:
    """Whether both say the same words in another order, up to the end of the line or of the text."""
    lines = (s.partition("\n")[0], t.partition("\n")[0])
    return any(sorted(_WORD.findall(x)) == sorted(_WORD.findall(y)) for x, y in ((s, t), lines))
