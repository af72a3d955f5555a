"""chat_template: role markers get the literal text that the tokenizer's template gives them.

    %b = role_begin %a {role="user"}    ->    %b = role_begin %a {role="user", text="<|im_start|>user\\n"}
    %c = role_end %b {role="user"}            %c = role_end %b {role="user", text="<|im_end|>\\n"}

The opening of a turn may depend on the role before it. That role is followed through appends, calls, forks and
regions; where several roles can come before, the node gets `after`, a literal for each, and the executor picks.
Without a template nothing changes (the executor refuses the first role it meets). A template that rewrites earlier
turns is reported as LMC-CT001 and left to the executor, which renders turn by turn.

Raises ChatTemplateError where the template surely refuses a turn. Inside a region, which may never run, such a turn
is only reported, and fails when it is reached. Keeps: every node and its order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lmc.codes import REWRITING
from lmc.errors import ChatTemplateError
from lmc.ir.chat import ChatTemplate
from lmc.ir.graph import Graph, Node
from lmc.ir.rewrite import rebuild
from lmc.passes.base import Inputs, Note, Pass, Report, called
from lmc.passes.turns import MARKERS, Turns, before, turns_of


def run(graph: Graph, inputs: Inputs) -> tuple[Graph, Report]:
    """The graph with literals on its role markers."""
    chat = inputs.chat
    markers = sum(node.op in MARKERS for node in graph.walk())
    if chat is None or not markers:
        return graph, Report("chat_template")
    if not chat.append_only:
        text = f"template {chat.name!r} rewrites earlier turns, so prompts are rendered turn by turn: {chat.reason}"
        return graph, Report("chat_template", (("roles left", markers),), (Note(text, code=REWRITING),))
    lowering = _Lowering(chat, turns_of(graph), frozenset(map(id, graph.body.nodes)))
    lowered = rebuild(graph, lowering.change)
    return lowered, Report("chat_template", (("roles", markers - len(lowering.notes)),), tuple(lowering.notes))


@dataclass(slots=True)
class _Lowering:
    """Lowers each marker; `always` holds the ids of the nodes that run whenever the program does."""

    chat: ChatTemplate
    turns: Mapping[str, Turns]
    always: frozenset[int]
    notes: list[Note] = field(default_factory=list)

    def change(self, node: Node) -> tuple[Node]:
        try:
            return (_lowered(node, self.chat, self.turns),)
        except ChatTemplateError as error:
            if id(node) in self.always:
                raise
            self.notes.append(Note(f"{called(node)} fails if it is reached: {error.message}", node.span))
            return (node,)


def _lowered(node: Node, chat: ChatTemplate, turns: Mapping[str, Turns]) -> Node:
    role = str(node.attr("role"))
    if node.op == "role_end":
        return node.with_attrs(text=_ending(node, chat, role))
    if node.op != "role_begin":
        return node
    known = {last for last, _ in before(node, turns)}
    roles = sorted(known) or [previous for (previous, to), _ in chat.begins if to == role]
    texts = [(previous, text) for previous in roles if (text := chat.begin(previous, role)) is not None]
    if not texts:
        raise _refused(node, chat, " ".join([f"the {role} turn", " or ".join(map(_after, roles))]).rstrip())
    if len(texts) == len(roles) and len({text for _, text in texts}) == 1:
        return node.with_attrs(text=texts[0][1])
    return node.with_attrs(after=tuple(texts))


def _ending(node: Node, chat: ChatTemplate, role: str) -> str:
    try:
        return chat.end(role)
    except KeyError:
        raise _refused(node, chat, f"the {role} turn") from None


def _after(previous: str) -> str:
    return f"after the {previous} turn" if previous else "at the beginning"


def _refused(node: Node, chat: ChatTemplate, what: str) -> ChatTemplateError:
    known = ", ".join(repr(role) for role, _ in chat.ends) or "none"
    return ChatTemplateError(
        f"the chat template {chat.name!r} refuses {what}", span=node.span, help=f"its roles are {known}"
    )


PASS = Pass(name="chat_template", level="graph", run=run, doc=__doc__)
