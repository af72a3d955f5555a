"""A condition that is the same in every run: it holds a value against texts that the call never gives, or only them.

One of its sides never runs: behind an `if` with a misspelt choice, in a loop that is never entered, or behind one that
is never left.
Nothing is said where the side that never runs only raises: that is care.
"""

from __future__ import annotations

from collections.abc import Iterator

from lmc.codes import DECIDED
from lmc.errors import did_you_mean
from lmc.ir.graph import Atom, Block, Graph, Lit, Node, Value
from lmc.ir.ops import OPS
from lmc.passes.base import Inputs, Note, called
from lmc.passes.flat_prompts import FlatPrompts
from lmc.passes.lint.call import call_of, quoted

MAX_STATES = 200  # states that are looked at to find the call which gave a name its value
MAX_SHOWN = 3
PASSED = ("append", "role_begin", "role_end", "fork", "gen", "select")  # give a state the names that it had, and own


def decided(graph: Graph, prompts: FlatPrompts, inputs: Inputs) -> Iterator[Note]:
    """One note for each comparison that decides a branch and comes out the same in every run."""
    sources = _Sources(graph, prompts, inputs)
    for node in graph.walk():
        if node.op != "if":
            continue
        asked, then, otherwise = _asked(node, prompts)
        found = None if asked is None else _outcome(asked, sources)
        if asked is None or found is None or _only_raises(otherwise if found else then):
            continue
        near = did_you_mean(other[0], sources.texts, quoted) if (other := _texts(asked)) else ""
        what = f"this condition is {'always' if found else 'never'} true: {sources.given()}"
        text = f"{what}: one of its two sides never runs"
        yield Note(f"{text}; {near}" if near else text, asked.span or node.span, DECIDED)


def _asked(node: Node, prompts: FlatPrompts) -> tuple[Node | None, Block, Block]:
    """The comparison that an `if` hangs on, and what runs where it is true, and where not."""
    then, otherwise = node.regions
    at: Atom = node.inputs[0]
    while isinstance(at, Value):
        maker = prompts.makers.get(at.name)
        if maker is not None and maker.op == "compare":
            return maker, then, otherwise
        is_not = maker is not None and maker.op == "unary" and maker.attr("op") == "not"
        if maker is None or not (is_not or maker.op == "truth"):
            break
        if is_not:
            then, otherwise = otherwise, then
        at = maker.inputs[0]
    return None, then, otherwise


def _only_raises(block: Block) -> bool:
    return block.end.op == "raise"


def _texts(asked: Node) -> list[str]:
    """The texts that a value is held against."""
    found: list[str] = []
    for atom in asked.inputs:
        if isinstance(atom, Lit):
            several = atom.value if isinstance(atom.value, tuple) else (atom.value,)
            found += (each for each in several if isinstance(each, str))
    return found


def _outcome(asked: Node, sources: _Sources) -> bool | None:
    """Whether the comparison is true in every run, or false in every run; None where that is not known."""
    op, (left, right) = asked.attr("op"), asked.inputs[:2]
    if isinstance(left, Lit) and op in ("==", "!="):
        left, right = right, left
    if not isinstance(left, Value) or not isinstance(right, Lit) or op not in ("==", "!=", "in", "not in"):
        return None
    several = right.value if op in ("in", "not in") else (right.value,)
    if not isinstance(several, tuple):
        return None
    texts = tuple(each for each in several if isinstance(each, str))
    if len(texts) < len(several) or not sources.find(left):
        return None
    is_met = sources.meets(texts)
    return None if is_met is None else is_met == (op in ("==", "in"))


class _Sources:
    """The calls that a value may come from, and the texts that these give.

    calls     found last; texts: what they choose from; is_whole: none of them can be cut off within a text
    """

    def __init__(self, graph: Graph, prompts: FlatPrompts, inputs: Inputs) -> None:
        self.prompts, self.inputs = prompts, inputs
        self.regions: dict[str, list[Atom]] = {}  # what may stand in a value that a region gives, or is given
        for node in graph.walk():
            if node.op in ("if", "loop", "for"):
                self._see(node)
        self.calls: list[Node] = []
        self.texts: list[str] = []
        self.is_whole = True

    def _see(self, node: Node) -> None:
        ends = [region.end for region in node.regions]
        going = [end.inputs[1:] if end.op == "next" else end.inputs for end in ends if end.op in ("next", "yield")]
        first = node.inputs[1:] if node.op == "for" else node.inputs
        for i, value in enumerate(node.outputs):
            came = [first[i]] if node.op == "for" else []  # it may have no turn
            self.regions[value.name] = [*came, *(atoms[i] for atoms in going)]
        if node.op != "if":
            for i, value in enumerate(node.regions[0].params[len(node.regions[0].params) - len(first) :]):
                self.regions[value.name] = [first[i], *(atoms[i] for atoms in going)]

    def find(self, value: Value) -> bool:
        """Whether all calls that the value may come from are known, and what they choose from."""
        self.calls, self.texts, self.is_whole = [], [], True
        maker = self.prompts.makers.get(value.name)
        if maker is None:
            return False
        if OPS[maker.op].kind == "model":
            return len(maker.outputs) == 2 and value == maker.outputs[1] and self._add(maker)
        name = maker.inputs[1] if maker.op == "get" else None
        return isinstance(name, Lit) and isinstance(name.value, str) and self._find(maker.inputs[0], name.value)

    def _find(self, state: Atom, name: str) -> bool:
        todo, seen = [state], set[str]()
        while todo:
            at = todo.pop()
            if not isinstance(at, Value) or len(seen) > MAX_STATES:
                return False
            if at.name in seen:
                continue
            seen.add(at.name)
            maker = self.prompts.makers.get(at.name)
            if at.name in self.regions:
                todo += self.regions[at.name]
            elif maker is None or maker.op not in PASSED or "name" in maker.kwargs:
                return False
            elif maker.attr("name") == name and OPS[maker.op].kind == "model":
                if not self._add(maker):
                    return False
            else:
                todo.append(maker.inputs[0])
        return bool(self.calls)

    def _add(self, node: Node) -> bool:
        """One more call; False where what it gives is not a text of a known list."""
        call = call_of(node, self.prompts, self.inputs)
        if not call.facts.options or call.says("fn", "dtype", "n", "reasoning"):
            return False
        self.calls += [] if node in self.calls else [node]
        self.texts += (text for text in call.facts.options if text not in self.texts)
        self.is_whole = self.is_whole and call.is_scored
        return True

    def given(self) -> str:
        """`select %kind (p.py:4) gives `a`, `b``."""
        texts = ", ".join(map(quoted, self.texts[:MAX_SHOWN])) + (", ..." if len(self.texts) > MAX_SHOWN else "")
        return f"{' and '.join(map(called, self.calls))} give{'s' if len(self.calls) == 1 else ''} {texts}"

    def meets(self, others: tuple[str, ...]) -> bool | None:
        """True where each text is one of the others, False where none is; what is cut off may be any beginning."""
        if self.is_whole and set(self.texts) <= set(others):
            return True
        may_be = self.texts if self.is_whole else [text[:i] for text in self.texts for i in range(len(text) + 1)]
        return None if set(may_be) & set(others) else False
