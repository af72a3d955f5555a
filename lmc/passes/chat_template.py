"""chat_template: role markers get the literal text that the tokenizer's template gives them.

    %b = role_begin %a {role="user"}    ->    %b = role_begin %a {role="user", text="<|im_start|>user\\n"}
    %c = role_end %b {role="user"}            %c = role_end %b {role="user", text="<|im_end|>\\n"}

The opening of a turn may depend on the role before it. That role is followed through appends, calls, forks and
regions; where several roles can come before, the node gets `after`, a literal for each, and the executor picks.
Without a template nothing changes (the executor refuses the first role it meets). A template that rewrites earlier
turns is reported as LMC-CT001 and left to the executor, which renders turn by turn.

Raises ChatTemplateError where the template surely refuses a turn. Keeps: every node and its order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lmc.errors import ChatTemplateError
from lmc.ir.chat import ChatTemplate
from lmc.ir.graph import Graph, Node, Value
from lmc.ir.rewrite import rebuild
from lmc.passes.base import Inputs, Note, Pass, Report

Roles = frozenset[str]  # the roles that may have come last; "" for none yet

_TURNS = frozenset(("role_begin", "role_end"))
_FIRST_DECIDES = frozenset(("join", "join_list"))  # the children add text, not turns


def run(graph: Graph, inputs: Inputs) -> tuple[Graph, Report]:
    """The graph with literals on its role markers."""
    chat = inputs.chat
    turns = sum(node.op in _TURNS for node in graph.walk())
    if chat is None or not turns:
        return graph, Report("chat_template")
    if not chat.append_only:
        text = f"template {chat.name!r} rewrites earlier turns, so prompts are rendered turn by turn: {chat.reason}"
        return graph, Report("chat_template", (("roles left", turns),), (Note(text, code="LMC-CT001"),))
    roles = last_roles(graph)
    return rebuild(graph, lambda node: (_lowered(node, chat, roles),)), Report("chat_template", (("roles", turns),))


def last_roles(graph: Graph) -> Mapping[str, Roles]:
    """For each state and list of states: which roles may stand last in it. Loops go round until nothing changes."""
    roles: dict[str, Roles] = {}
    grown = True
    while grown:
        grown = False
        for node in graph.walk():
            for value, new in _flow(node, roles):
                old = roles.get(value.name, frozenset())
                roles[value.name] = old | new
                grown = grown or not new <= old
    return roles


def _flow(node: Node, roles: Mapping[str, Roles]) -> Iterable[tuple[Value, Roles]]:
    """What a node says about its outputs and about the parameters of its regions."""
    if node.op == "begin":
        yield node.outputs[0], frozenset(("",))
    elif node.op in _TURNS:
        yield node.outputs[0], frozenset((str(node.attr("role")),))
    elif node.regions:
        yield from _flow_through(node, roles)
    else:
        before = _last(node.inputs[:1] if node.op in _FIRST_DECIDES else node.inputs, roles)
        yield from ((value, before) for value in node.outputs if value.type.is_state)


def _flow_through(node: Node, roles: Mapping[str, Roles]) -> Iterable[tuple[Value, Roles]]:
    slots = node.inputs[1:] if node.op == "for" else node.inputs
    for region in node.regions:
        carried = {"next": region.end.inputs[1:], "yield": region.end.inputs}.get(region.end.op, ())
        params = region.params[len(region.params) - len(slots) :] if node.op != "if" else ()
        for i, param in enumerate(params):
            yield param, _last((slots[i], *carried[i : i + 1]), roles)
        yield from ((value, _last((atom,), roles)) for value, atom in zip(node.outputs, carried))
        if node.op == "for":  # it may run no times
            yield from ((value, _last((atom,), roles)) for value, atom in zip(node.outputs, slots))


def _last(atoms: Iterable[object], roles: Mapping[str, Roles]) -> Roles:
    known = [roles.get(atom.name, frozenset()) for atom in atoms if isinstance(atom, Value)]
    return frozenset().union(*known)


def _lowered(node: Node, chat: ChatTemplate, roles: Mapping[str, Roles]) -> Node:
    role = str(node.attr("role"))
    if node.op == "role_end":
        return node.with_attrs(text=_ending(node, chat, role))
    if node.op != "role_begin":
        return node
    before = sorted(_last(node.inputs, roles)) or [previous for (previous, to), _ in chat.begins if to == role]
    texts = [(previous, text) for previous in before if (text := chat.begin(previous, role)) is not None]
    if not texts:
        raise _refused(node, chat, " ".join([f"a {role!r} turn", " or ".join(map(_after, before))]).rstrip())
    if len(texts) == len(before) and len({text for _, text in texts}) == 1:
        return node.with_attrs(text=texts[0][1])
    return node.with_attrs(after=tuple(texts))


def _ending(node: Node, chat: ChatTemplate, role: str) -> str:
    try:
        return chat.end(role)
    except KeyError:
        raise _refused(node, chat, f"a {role!r} turn") from None


def _after(previous: str) -> str:
    return f"after a {previous!r} turn" if previous else "at the beginning"


def _refused(node: Node, chat: ChatTemplate, what: str) -> ChatTemplateError:
    known = ", ".join(repr(role) for role, _ in chat.ends) or "none"
    return ChatTemplateError(
        f"the chat template {chat.name!r} refuses {what}", span=node.span, help=f"its roles are {known}"
    )


PASS = Pass(name="chat_template", level="graph", run=run, doc=__doc__)
