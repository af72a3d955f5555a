"""A model call as lints see it: what may come out of it, the known end of its prompt, and what it is limited to.

Not a pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from lmc.ir.constraint import RUN_TIME_KINDS, Choices, Constraint
from lmc.ir.graph import Node
from lmc.ir.prompt import Text
from lmc.passes.base import Inputs, Note, called
from lmc.passes.flat_prompts import FlatPrompts
from lmc.passes.lint.facts import Facts, facts

TAIL = 200  # characters of the prompt's end that are looked at


@dataclass(frozen=True, slots=True)
class LintedCall:
    """A `gen` or `select`.

    constraint  None where anything may come out, or where it is known only when the program runs
    facts       what is known of it
    tail        the known text that the output follows directly, "" where that is none
    """

    node: Node
    constraint: Constraint | None
    facts: Facts
    tail: str
    inputs: Inputs

    @property
    def is_scored(self) -> bool:
        """True where whole choices are scored, False where tokens are drawn one by one under a mask."""
        return self.node.op == "select"

    @property
    def is_free(self) -> bool:
        """True where anything may come out."""
        return self.constraint is None and not {*RUN_TIME_KINDS, "choices"} & set(self.node.kwargs)

    def says(self, *names: str) -> bool:
        """Whether the program gives one of these parameters, now or when it runs."""
        return any(self.node.has(name) or name in self.node.kwargs for name in names)

    def note(self, code: str, text: str) -> Note:
        """A sentence about this call."""
        return Note(f"{called(self.node)}: {text}", self.node.span, code)


def call_of(node: Node, prompts: FlatPrompts, inputs: Inputs) -> LintedCall:
    """A model node as a call."""
    constraint = constraint_of(node)
    known = Facts(None) if constraint is None else facts(constraint)
    return LintedCall(node, constraint, known, _tail(node, prompts), inputs)


def constraint_of(node: Node) -> Constraint | None:
    """What may come out of a model call, where that is known; the choices of a `select` are a constraint too."""
    choices, constraint = node.attr("choices"), node.attr("constraint")
    if isinstance(choices, tuple):
        options = tuple(each for each in choices if isinstance(each, str))
        return Choices(options) if options else None
    return constraint if isinstance(constraint, get_args(Constraint)) else None


def _tail(node: Node, prompts: FlatPrompts) -> str:
    text = ""
    for piece in reversed(prompts.of(node.inputs[0])):
        if not isinstance(piece, Text) or len(text) >= TAIL:
            break
        text = piece.text + text
    return text[-TAIL:]


def quoted(text: str, room: int = 24) -> str:
    """A text as a message shows it: on one line, and cut where it is long."""
    shown = repr(text)[1:-1] if "'" not in text else text.replace("\n", "\\n")
    return f"`{shown if len(shown) <= room else shown[: room - 1] + '…'}`"
