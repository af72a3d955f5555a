"""What an API that knows turns only cannot be asked: to go on with one, to write the user's, to read text outside.

begin user "Hi" end, begin assistant "A: " gen    ->    the turn has text already, and is not continued
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from lmc.codes import NOT_CONTINUED, OUTSIDE_ROLES
from lmc.ir.caps import Caps
from lmc.ir.graph import Graph, Node, Value
from lmc.passes.flat_prompts import FlatPrompts, is_hole, known_text
from lmc.passes.lacks.lack import Lack
from lmc.passes.turns import Turns, before, turns_of

Held = Literal["nothing", "maybe", "text"]
ANSWERING = "assistant"


class TurnLacks:
    """Looks at where the calls of a graph stand in a conversation."""

    def __init__(self, graph: Graph, prompts: FlatPrompts, caps: Caps) -> None:
        self._prompts, self._caps = prompts, caps
        self._turns: Mapping[str, Turns] = turns_of(graph)

    def of(self, node: Node) -> Iterator[Lack]:
        """The lacks of a model call."""
        state = node.inputs[0]
        assert isinstance(state, Value)
        caps, places = self._caps, self._turns.get(state.name) or frozenset((("", None),))
        open, is_sure = {role for _, role in places}, len(places) == 1
        if ANSWERING in open and caps.continues != "always":
            yield from self._continued(node, is_sure)
        if not caps.by_turns:
            return
        if ("assistant", None) in places and self._is_closed(node):
            what = f"{caps.called} cannot answer behind a turn of the assistant's that is closed"
            help = "make the call inside of that turn, or let the user say something first"
            yield Lack(what, help, code=NOT_CONTINUED, is_sure=is_sure)
        elif None in open and (caps.only_turns or any(last for last, role in places if role is None)):
            what = f"{caps.called} is sent turns: text outside of roles goes as one of the user's"
            help = "write it in roles, as in s += lmc.user(...), or use a backend that completes plain text"
            yield Lack(what, help, code=OUTSIDE_ROLES, is_note=True, is_sure=is_sure)
        for role in sorted(role for role in open if role not in (None, ANSWERING)):
            what = f"{caps.called} writes the assistant's turns, and here it is to write in one of the {role}'s"
            help = "end that turn before the call, and begin the assistant's"
            yield Lack(what, help, code=NOT_CONTINUED, is_sure=is_sure)

    def _is_closed(self, node: Node) -> bool:
        """Whether nothing stands between the end of a turn and the call."""
        last = next(iter(self._prompts.backwards(node.inputs[0])), None)
        return last is not None and last.node is not None and last.node.op == "role_end"

    def _continued(self, node: Node, is_sure: bool) -> Iterator[Lack]:
        """What the turn that the model has begun holds already."""
        held, last, maker = self._held(node)
        if held == "nothing":
            return
        caps, is_sure = self._caps, is_sure and held == "text"
        where = _where(maker, node)
        is_free = node.op == "gen" and not node.has("constraint")
        if caps.continues == "never" and caps.speculates == "schema" and is_free:
            what = f"{caps.called} does not continue a turn: what it writes there are the fields of a JSON object"
            help = "it reads another prompt than the program's, and the texts of the turn in a description alone"
            yield Lack(what, help, code=NOT_CONTINUED, is_note=True)
        elif caps.continues == "never":
            what = f"the assistant's turn has text already, and {caps.called} does not continue a turn"
            help = (
                "let the turn begin with the call, and put what stands before it into the user's turn; "
                "or use a model that continues turns"
            )
            if is_free and "json_schema" in caps.constraints:
                help += '; or have a JSON object asked for, which is another prompt: api_fuse="schema"'
            yield Lack(f"{what}{where}", help, code=NOT_CONTINUED, is_sure=is_sure)
        elif last is not None and last != last.rstrip():
            what = f"what the assistant's turn begins with ends in white space, and {caps.called} refuses that"
            yield Lack(
                what, "end it with a word: the answer then begins with the space", code=NOT_CONTINUED, is_sure=is_sure
            )
        elif node.has("constraint") or node.op == "select":
            what = f"the assistant's turn has text already, and {caps.called} takes no constraint there"
            help = "let the turn begin with the call, or leave the constraint out"
            yield Lack(what, help, code=NOT_CONTINUED, is_sure=is_sure)

    def _held(self, node: Node) -> tuple[Held, str | None, Node | None]:
        """What the open turn holds before a call; its last text where that is known, and who wrote it."""
        held: Held = "nothing"
        last: str | None = None
        writer: Node | None = None
        for written in self._prompts.backwards(node.inputs[0]):
            maker, piece = written.node, written.piece
            if maker is not None and maker.op == "role_begin":
                break
            text = known_text(piece)
            if held == "nothing":
                last, writer = text, maker
            if text or is_hole(piece, "made"):
                return "text", last, writer
            held = "maybe"
            if maker is None or is_hole(piece, "state"):
                break
        return held, last, writer


def _where(maker: Node | None, node: Node) -> str:
    """On which line the turn's text is written, where that is not the call's own."""
    if maker is None or maker.span is None or node.span is None or maker.span.line == node.span.line:
        return ""
    return f" (line {maker.span.line} writes it)"


def role_lacks(marker: Node, turns: Mapping[str, Turns], caps: Caps) -> Iterator[Lack]:
    """The lacks of the beginning of a turn."""
    role = str(marker.attr("role"))
    if caps.roles is not None and role not in caps.roles:
        known = ", ".join(sorted(caps.roles))
        yield Lack(f"{caps.called} has no turns of {role!r}", f"its roles are {known}", code=NOT_CONTINUED)
    places = before(marker, turns)
    if caps.system_first and role == "system" and any(last not in ("", "system") for last, _ in places):
        is_sure = all(last not in ("", "system") for last, _ in places)
        what = f"{caps.called} takes the system's turns before all others"
        yield Lack(what, "put it first, or say it in the user's turn", code=NOT_CONTINUED, is_sure=is_sure)
