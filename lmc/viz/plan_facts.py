"""What two versions of a program are compared by: each call's prompt, options and sizes, and where it stands.

Values go by how the user writes them, so that a number that capture gave to a value is no change.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lmc.ir.graph import Atom, Block, Graph, Lit, Node, Value
from lmc.ir.literal import literal
from lmc.ir.printer import print_path
from lmc.passes.cost import COUNTS, Interval, cost_of
from lmc.passes.flat_prompts import PromptHole, known_text
from lmc.viz.sharing import sharing
from lmc.viz.view import View
from lmc.viz.wording import form_text

if TYPE_CHECKING:
    from lmc.passes.flat_prompts import FlatPiece
    from lmc.passes.planned import Planned
    from lmc.viz.view import StepView

MAX_DEPTH = 6  # of an expression in an IR file
_NUMBER, _UNNAMED = re.compile(r"\d+$"), re.compile(r"t\d+")
Piece = tuple[str, bool]  # a text, or what stands in a hole; True for a hole


@dataclass(frozen=True, slots=True)
class CallFacts:
    """A model call.

    number   in the plan's order, from 0
    name     as the program names it; None where it does not
    label    what it is called: its name, or its value's; unique in its version
    place    `tips.py:9`
    around   the regions it stands in, outermost first, as they are written
    prompt   its pieces, holes by what the user writes for them
    asks     its constraint and its sampling, by name
    size     of the prompt as far as it is known, in the unit of the version; `shared` of it lies in a shared prefix
    wave     when it can start
    """

    number: int
    name: str | None
    label: str
    op: str
    place: str
    around: tuple[str, ...]
    prompt: tuple[Piece, ...]
    asks: tuple[tuple[str, str], ...]
    size: int
    shared: int
    wave: str

    @property
    def text(self) -> str:
        """The prompt, holes in braces."""
        return "".join(f"{{{text}}}" if is_hole else text for text, is_hole in self.prompt)


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """A version of a program.

    args     its arguments, with their types
    regions  its branches and loops, as they are written, each with what stands around it
    totals   calls, waves, prompts, distinct, saved: see `viz.json`
    cost     what a run comes to, between which bounds, by name; empty without a tokenizer
    """

    program: str
    args: tuple[tuple[str, str], ...]
    calls: tuple[CallFacts, ...]
    regions: tuple[tuple[str, ...], ...]
    totals: dict[str, int]
    cost: dict[str, Interval]
    unit: str
    graph: Graph


def plan_facts(planned: Planned) -> PlanFacts:
    """What there is to compare."""
    view = View(planned)
    tree = sharing(view)
    calls = []
    for number, step_view in enumerate(view.calls):
        size = tree.sizes[step_view.step.id]
        calls.append(
            CallFacts(
                number,
                _name(step_view.node),
                step_view.node.outputs[-1].name,
                step_view.step.op,
                step_view.place,
                _around(step_view, view),
                _prompt(step_view, view),
                _asks(step_view.node, view),
                size,
                size - tree.leaves[step_view.step.id].size,
                step_view.wave,
            )
        )
    totals = {
        "calls": len(view.calls), "waves": view.num_waves, "prompts": tree.total, "distinct": tree.distinct,
        "saved": tree.saved,
    }  # fmt: skip
    regions = tuple((*_around(each, view), _heading(each, view)) for each in view.steps if each.is_region)
    args = tuple((print_path(param.path), str(param.value.type)) for param in view.plan.graph.params)
    return PlanFacts(
        view.plan.graph.name, args, tuple(calls), regions, totals, _cost(planned), tree.unit, view.plan.graph
    )


def _cost(planned: Planned) -> dict[str, Interval]:
    if planned.inputs.encode is None:
        return {}
    total = cost_of(planned.plan, planned.inputs).total
    return {name: getattr(total, name) for name in COUNTS}


def _name(node: Node) -> str | None:
    name = node.attr("name")
    return name if isinstance(name, str) else None


def _around(step_view: StepView, view: View) -> tuple[str, ...]:
    """`if topic == "cats": then`."""
    by_id = {each.step.id: each for each in view.steps} if step_view.around else {}
    found = [_heading(by_id[step.id], view) for step in step_view.around]
    return (*found[:-1], f"{found[-1]}: {step_view.arm}") if found else ()


def _heading(region: StepView, view: View) -> str:
    """A branch or loop as it is written; in an IR file by what it asks, without numbers and what stands inside."""
    span, node = region.node.span, region.node
    if span is not None and not span.file.endswith(".lmir"):
        return view.name(region)
    asked = ", ".join(
        _expression(atom, view, MAX_DEPTH) for atom in node.inputs[: 1 if node.op in ("if", "for") else 0]
    )
    return f"{node.op} {asked}".strip()


def _expression(atom: Atom, view: View, depth: int) -> str:
    """A value by its name, else by how it is made."""
    if isinstance(atom, Lit):
        return repr(atom.value)
    maker = view.makers.get(atom.name)
    if not _UNNAMED.fullmatch(atom.name) or maker is None or not depth:
        return _NUMBER.sub("", atom.name) if _UNNAMED.fullmatch(atom.name) else atom.name
    operands = [_expression(each, view, depth - 1) for each in maker.inputs]
    how = [str(value) for key, value in maker.attrs if key in ("op", "name", "fn")]
    return f"{' '.join([maker.op, *how])}({', '.join(operands)})"


def _prompt(step_view: StepView, view: View) -> tuple[Piece, ...]:
    pieces: list[Piece] = []
    for piece in step_view.pieces:
        text, is_hole = _shown(piece, view)
        if pieces and not is_hole and not pieces[-1][1]:  # how a text is cut into pieces is no change
            pieces[-1] = (pieces[-1][0] + text, False)
        else:
            pieces.append((text, is_hole))
    return tuple(pieces)


def _shown(piece: FlatPiece, view: View) -> Piece:
    text = known_text(piece)
    if text is not None:
        return text, False
    assert isinstance(piece, PromptHole)
    shown = view.hole(piece)[1:-1]
    # a state, and a value without a name, has a number that every change of the program may change
    return _NUMBER.sub("", shown) if piece.kind == "state" or _UNNAMED.fullmatch(shown) else shown, True


def _asks(node: Node, view: View) -> tuple[tuple[str, str], ...]:
    if node.op == "fused":
        return (("form", form_text(node)),)
    found = {key: literal(value) for key, value in node.attrs if key != "name"}
    found |= {key: f"{{{view.value(atom)}}}" for key, atom in node.kwargs.items() if key != "name"}
    return tuple(sorted(found.items()))


# --- the rest of the graph -------------------------------------------------------------------------------


def texts(graph: Graph) -> Counter[str]:
    """The texts that the program appends."""
    return Counter(
        atom.value
        for node in graph.walk()
        if node.op == "append"
        for atom in node.inputs
        if isinstance(atom, Lit) and isinstance(atom.value, str)
    )


def same_code(a: Graph, b: Graph) -> bool:
    """Whether two graphs say the same, whatever their values are called and wherever their externs stand."""
    return a is b or _canonical(a) == _canonical(b)


def _canonical(graph: Graph) -> tuple[object, ...]:
    """A graph with its values numbered in order, and its externs without the line they stand in."""
    names: dict[str, str] = {}
    params = tuple((replace(p, value=_value(p.value, names)).value, p.path) for p in graph.params)
    externs = tuple((e.name, e.label.rsplit(" ", 1)[-1], e.effect, e.raises, e.type) for e in graph.externs)
    return params, externs, _block(graph.body, names)


def _value(value: Value, names: dict[str, str]) -> Value:
    return Value(names.setdefault(value.name, f"v{len(names)}"), value.type)


def _block(block: Block, names: dict[str, str]) -> Block:
    return Block(tuple(_value(each, names) for each in block.params), tuple(_node(each, names) for each in block.nodes))


def _node(node: Node, names: dict[str, str]) -> Node:
    inputs = tuple(atom if isinstance(atom, Lit) else _value(atom, names) for atom in node.inputs)
    regions = tuple(_block(region, names) for region in node.regions)
    return replace(node, inputs=inputs, regions=regions, outputs=tuple(_value(each, names) for each in node.outputs))
