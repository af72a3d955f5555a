"""The calls of the run that is expected, as an API would get them: messages, with what is not known stood for.

A text that only the run knows is stood for by one that is about as long, and is the same wherever that text stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lmc.backend.api.ask import Turn
from lmc.backend.api.messages import conversation
from lmc.backend.api.rehearsal import ForetoldCall
from lmc.executor.hints import hints_of
from lmc.ir.prompt import GENERATED, Control, Text
from lmc.passes.flat_prompts import FlatPiece, PromptHole, known_text

if TYPE_CHECKING:
    from lmc.backend.api.abilities import Abilities
    from lmc.ir.plan import Plan
    from lmc.passes.base import Inputs
    from lmc.passes.cost.prompts import CostPrompts
    from lmc.passes.cost.trace import CallTrace
    from lmc.passes.prompt_ids import Fragments

# what stands for a text that is not known: its number, and as much more as it is expected to be long
STAND_IN = re.compile("\ue000([0-9]+)\ue001x*\ue002?")
MAX_STAND_IN = 1 << 16  # characters


class ExpectedCalls:
    """Makes the calls of one plan. `prompts` are those of who walked it."""

    def __init__(self, plan: Plan, inputs: Inputs, prompts: CostPrompts, known: Abilities) -> None:
        self._inputs, self._prompts, self._known = inputs, prompts, known
        hints = hints_of(plan)
        self._goes_on = {step.id: hints[step.node].goes_on for step in plan.steps if step.node in hints}
        self._numbers: dict[str, int] = {}
        self._sizes: list[float] = []
        self._counts: dict[tuple[str, str], int] = {}

    def waves(self, waves: Iterable[Sequence[CallTrace]]) -> list[list[ForetoldCall]]:
        """Those of one item: what is ready at once stands together."""
        return [
            [made for call in wave if (made := self._call(call)) is not None for _ in range(self._copies(call))]
            for wave in waves
        ]

    def _copies(self, call: CallTrace) -> int:
        """In how many calls its samples are asked for."""
        samples = max(1, round(call.samples.expected))
        return 1 if self._known.max_n is None or self._known.max_n >= samples else samples

    def _call(self, call: CallTrace) -> ForetoldCall | None:
        """None for a prompt that cannot be told in messages yet, as a role in it is not known."""
        pieces = self._pieces(call.ends[0])
        if pieces is None:
            return None
        told = conversation(pieces)
        samples = max(1.0, call.samples.expected) / self._copies(call)
        if told.turns is None and self._known.has_completions:
            tokens = float(self._count("", told.text))
            return ForetoldCall((), tokens, lambda turn, at: tokens, False, call.output.expected * samples)
        turns = (Turn("user", told.text),) if told.turns is None else told.turns
        counted = _Counted(self, turns, is_open=not told.continues, is_bare=told.turns is None)
        goes_on = self._goes_on.get(call.step, False)
        return ForetoldCall(turns, counted.tokens, counted.before, goes_on, call.output.expected * samples)

    # --- what it says ----------------------------------------------------------------------------------------

    def _pieces(self, end: Fragments | None) -> list[Text | Control] | None:
        found: list[FlatPiece] = []
        fragments = []
        while end is not None:
            fragments.append(end.fragment)
            end = end.before
        for fragment in reversed(fragments):
            found += fragment.pieces
        pieces: list[Text | Control] = []
        for piece in found:
            if isinstance(piece, PromptHole):
                if piece.kind == "role":
                    return None
                text = known_text(piece)
                pieces.append(Text(self._stand_in(piece) if text is None else text))
            elif isinstance(piece, Control) and pieces and _is_rest(pieces[-1], piece):
                pieces[-1] = replace(piece, text=pieces[-1].text + piece.text)
            else:
                pieces.append(piece)
        return pieces

    def _stand_in(self, hole: PromptHole) -> str:
        name = getattr(hole.atom, "name", "")
        if name not in self._numbers:
            self._numbers[name] = len(self._sizes)
            self._sizes.append(self._prompts.expected_of(hole))
        number = self._numbers[name]
        text = f"\ue000{number}\ue001"
        length = round(self._sizes[number] * self._known.bytes_a_token) - len(text.encode()) - 3
        return text + "x" * min(max(0, length), MAX_STAND_IN) + "\ue002"

    # --- how much that is ------------------------------------------------------------------------------------

    def count(self, head: str, text: str) -> float:
        """Tokens of a turn's beginning, behind what the template puts before it."""
        total, begin = 0.0, 0
        for found in STAND_IN.finditer(text):
            total += self._count(head, text[begin : found.start()])
            total += self._sizes[int(found[1])]
            head, begin = "", found.end()
        return total + self._count(head, text[begin:])

    def _count(self, head: str, text: str) -> int:
        encode = self._inputs.encode
        if encode is None or not (head or text):
            return 0
        key = head, text
        if key not in self._counts:
            pieces = ((Control(head, "", True),) if head else ()) + ((Text(text),) if text else ())
            self._counts[key] = len(encode(pieces, GENERATED))
        return self._counts[key]

    def begin_of(self, before: str, role: str) -> str:
        """What it writes before a turn."""
        chat = self._inputs.chat
        begins = dict(chat.begins) if chat is not None else {}
        return begins.get((before, role), "")

    def end_of(self, role: str) -> str:
        """What it writes behind one."""
        chat = self._inputs.chat
        return dict(chat.ends).get(role, "") if chat is not None else ""


class _Counted:
    """Tokens up to any place of some turns. `is_bare`: they stand for text outside of turns."""

    def __init__(self, calls: ExpectedCalls, turns: Sequence[Turn], *, is_open: bool, is_bare: bool) -> None:
        self._calls, self._turns = calls, turns
        self._heads, self._begins = list[str](), list[float]()
        before, size = "", 0.0
        for turn in turns:
            size += calls.count(calls.end_of(before), "")
            self._heads.append("" if is_bare else calls.begin_of(before, turn.role))
            self._begins.append(size)
            size += calls.count(self._heads[-1], turn.text)
            before = turn.role
        self.tokens = size
        if is_open and not is_bare:
            self.tokens += calls.count(calls.end_of(before), "") + calls.count(calls.begin_of(before, "assistant"), "")

    def before(self, turn: int, at: int) -> float:
        """Up to so many characters of a turn."""
        return self._begins[turn] + self._calls.count(self._heads[turn], self._turns[turn].text[:at])


def _is_rest(before: Text | Control, piece: Control) -> bool:
    """Whether a marker was cut in two, and this is the rest of it."""
    return isinstance(before, Control) and (before.role, before.opens) == (piece.role, piece.opens)
