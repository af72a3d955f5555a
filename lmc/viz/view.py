"""What every picture is drawn from: a plan's steps with their nodes, nesting and prompts, and names for values.

Reads the planned program only; draws nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from typing import TYPE_CHECKING

from lmc.ir.graph import Atom, Block, Lit, Node, Value
from lmc.ir.hints import brief
from lmc.ir.ops import OPS
from lmc.ir.printer import print_path
from lmc.ir.prompt import Text
from lmc.ir.strand import Strand
from lmc.passes.flat_prompts import FlatPiece, FlatPrompts, PromptHole, is_hole, known_text
from lmc.passes.known_values import KnownValues

if TYPE_CHECKING:
    from lmc.ir.plan import Plan, Step
    from lmc.passes.planned import Planned

_UNNAMED = re.compile(r"t\d+")  # what capture calls a value that has no name in the user's code
MAX_EXPRESSION = 40  # characters of an unnamed value's expression; a longer one goes by its IR name
_ARMS = {"if": ("then", "else"), "try": ("body", "except"), "function": ("each call",)}


@dataclass(frozen=True, slots=True)
class StepView:
    """A step with what it takes to show it.

    around  the regions it stands in, outermost first
    arm     which region of the innermost one: `then`, `else`, `body`, `except`, `each turn` of a loop, or `each call`
    pieces  a model call's flat prompt, arguments that are given filled in
    """

    step: Step
    node: Node
    around: tuple[Step, ...]
    arm: str
    pieces: Strand[FlatPiece]

    @property
    def is_call(self) -> bool:
        """True for a model call."""
        return OPS[self.step.op].kind == "model"

    @property
    def is_region(self) -> bool:
        """True for a branch, a loop, a `try`, or a function that calls itself and such a call."""
        return OPS[self.step.op].kind == "region"

    @property
    def place(self) -> str:
        """`tips.py:9`, or nothing where it is not known."""
        return self.node.span.place if self.node.span else ""

    @property
    def hints(self) -> str:
        """`pin p0, priority 2`: its hints, but for the gang of its own prefix, which the prefix says already."""
        own = ("gang", self.step.prefix)
        return ", ".join(brief(hint) for hint in self.step.hints if (hint.kind, hint.target) != own)

    @property
    def wave(self) -> str:
        """`2.0`: wave 0 of a region that starts in wave 2."""
        return ".".join(str(step.wave) for step in (*self.around, self.step))


class View:
    """A planned program, ready to be drawn."""

    def __init__(self, planned: Planned) -> None:
        self.planned = planned
        self.plan: Plan = planned.plan
        self.prompts = FlatPrompts(self.plan.graph)
        self.makers = self.prompts.makers
        self._shown_parts: dict[int, Strand[FlatPiece]] = {}
        self._paths = {param.value.name: print_path(param.path) for param in self.plan.graph.params}
        given = planned.inputs.batch[0] if len(planned.inputs.batch) == 1 else {}
        self._known = KnownValues(self.plan.graph, self.makers, given)

    @cached_property
    def steps(self) -> tuple[StepView, ...]:
        """Every step, in the plan's order."""
        nodes = self.plan.graph.nodes
        arms = list(_arms(self.plan.graph.body, ""))
        steps = {step.id: step for step in self.plan.steps}
        return tuple(self._row(step, nodes[step.node], arms[step.node], steps) for step in self.plan.steps)

    @cached_property
    def calls(self) -> tuple[StepView, ...]:
        """The model calls."""
        return tuple(step_view for step_view in self.steps if step_view.is_call)

    @property
    def prompt_pieces(self) -> Iterator[FlatPiece]:
        """The pieces of all prompts; what prompts share comes once."""
        seen: set[int] = set()
        for step_view in self.calls:
            new = list(takewhile(lambda part: id(part) not in seen, step_view.pieces.parts()))
            for part in reversed(new):
                seen.add(id(part))
                yield from part.tail

    @cached_property
    def region_of(self) -> dict[str, StepView]:
        """The region that a value comes out of, or is handed in by, by the value's name."""
        regions = [step_view for step_view in self.steps if step_view.is_region]
        return {
            value.name: step_view
            for step_view in regions
            for value in (
                *step_view.node.outputs,
                *(param for block in step_view.node.regions for param in block.params),
            )
        }

    @property
    def num_waves(self) -> int:
        """How many model calls run in a row, each loop's body counted once."""
        report = self.planned.report("schedule")
        return report.count("waves") if report else 0

    @property
    def title(self) -> str:
        """`tips(topic: str, dims[0]: str)`."""
        params = (f"{print_path(p.path)}: {p.value.type}" for p in self.plan.graph.params)
        return f"{self.plan.graph.name}({', '.join(params)})"

    def _row(self, step: Step, node: Node, arm: str, steps: dict[int, Step]) -> StepView:
        around: list[Step] = []
        inside = step.inside
        while inside is not None:
            around.insert(0, steps[inside])
            inside = steps[inside].inside
        is_call = OPS[step.op].kind == "model"
        pieces = self.prompts.of(node.inputs[0]).mapped(self._shown, self._shown_parts) if is_call else Strand(None, ())
        return StepView(step, node, tuple(around), arm, pieces)

    def _shown(self, pieces: tuple[FlatPiece, ...]) -> list[FlatPiece]:
        """Pieces with the arguments that are given filled in."""
        return [piece for piece in map(self.filled, pieces) if known_text(piece) != ""]

    def filled(self, piece: FlatPiece) -> FlatPiece:
        text = self._known.text(piece.atom) if is_hole(piece, "text") else None
        return piece if text is None else Text(text)

    # --- names ---------------------------------------------------------------------------------------------

    def name(self, step_view: StepView) -> str:
        """What a step is called: its value, the function it calls, or the condition or loop as it is written."""
        if step_view.is_region:
            return self._heading(step_view)
        if step_view.step.op == "call":
            return self._function(step_view.node)
        return step_view.node.outputs[-1].name

    def _function(self, call: Node) -> str:
        """The function that a host call calls, as the user names it."""
        return self.plan.graph.extern(str(call.attr("fn"))).label.rsplit(" ", 1)[-1].removeprefix("builtins.")

    def _heading(self, step_view: StepView) -> str:
        """A function's name, an `if`'s condition or the first line of another region as it is written; else the IR."""
        if step_view.step.op == "if":
            return source(self.makers.get(_name(step_view.node.inputs[0]))) or self.value(step_view.node.inputs[0])
        if step_view.step.op in ("function", "invoke"):
            return str(step_view.node.attr("name"))
        return source(step_view.node) or step_view.step.op

    def hole(self, piece: PromptHole) -> str:
        """What a hole stands for, in braces."""
        match piece.kind:
            case "state":
                return f"{{prompt {_name(piece.atom)}}}"
            case "role":
                return _role(self.makers[_name(piece.atom)])
        return f"{{{self.value(piece.atom)}}}"

    def value(self, atom: Atom, room: int = MAX_EXPRESSION) -> str:
        """A value as the user would write it, where it has no name of its own: `dims[i]`, `topic.upper()`."""
        if isinstance(atom, Lit):
            return repr(atom.value)
        name, node = self._paths.get(atom.name, atom.name), self.makers.get(atom.name)
        if not _UNNAMED.fullmatch(name) or node is None or room <= 0:
            return name
        written = self._expression(node, [self.value(a, room - 8) for a in node.inputs])
        return written if written and len(written) <= room else name

    def _expression(self, node: Node, parts: list[str]) -> str:
        match node.op, parts:
            case "as_text", [text]:
                return text
            case "format", [text, *_]:
                spec = str(node.attr("spec") or "")
                return text + (f":{spec}" if spec else "")
            case "concat", _:
                return " + ".join(parts)
            case "item", [box, key]:
                return f"{box}[{key}]"
            case "attr", [owner]:
                return owner + "." + str(node.attr("name"))
            case "method", [owner, *args]:
                return owner + "." + str(node.attr("name")) + f"({', '.join(args)})"
            case "len", [owner]:
                return f"len({owner})"
            case "list", _:
                return f"[{', '.join(parts)}]"
            case "call", _:
                return f"{self._function(node)}({', '.join(parts)})"
        return ""


def source(node: Node | None) -> str:
    """The user's text that a node comes from: what its span covers of the line."""
    if node is None or node.span is None:
        return ""
    return node.span.text()[node.span.col - 1 : node.span.end - 1].strip().rstrip(":")


def _arms(block: Block, arm: str) -> Iterator[str]:
    """For each node in walk order, which arm of the region around it it stands in."""
    for node in block.nodes:
        yield arm
        names = _ARMS.get(node.op, ("each turn",))
        for name, region in zip(names, node.regions):
            yield from _arms(region, name)


def _name(atom: Atom) -> str:
    return atom.name if isinstance(atom, Value) else ""


def _role(node: Node) -> str:
    role = str(node.attr("role"))
    return f"{{{role}:}}" if node.op == "role_begin" else f"{{:{role}}}"
