"""A conversation through a chat template, as pieces: the template's own text is Control, a turn's text is Text.

Turns are rendered with marks in the place of their texts, so a text is Text wherever the template puts it, and no
input can forge a turn.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from lmc.common_prefix import common_len
from lmc.errors import ChatTemplateError
from lmc.ir.prompt import Control, Piece, Text
from lmc.tokenizer.jinja import Template, Turn

NO_ENDS: Mapping[str, str] = MappingProxyType({})


def render_pieces(
    template: Template, turns: Sequence[Turn], *, open_role: str | None, ends: Mapping[str, str] = NO_ENDS
) -> list[Piece]:
    """The conversation as the template renders it; `open_role` opens one more turn at the end.

    `ends` says by role what closes a turn: a literal between two turns is cut behind it.
    A template may change a text (strip it, drop its reasoning): what is left of it is a Text. Where one turn's text
    changes how *another* is rendered, the other one stays as it is among harmless texts.
    """
    marks = make_marks(turns)
    framed = open_prompt(template, [(role, mark) for (role, _), mark in zip(turns, marks)], open_role)
    literals, order = cut_at_marks(framed, marks)
    _refuse_lost(turns, order)
    texts = [turns[i][1] for i in order]
    if _interleave(literals, texts) != open_prompt(template, turns, open_role):
        literals, texts = _rewritten(template, turns, open_role, literals, order)
    roles = [turns[i][0] for i in order]
    pieces: list[Piece] = []
    for literal, last, role, text in zip(literals, ["", *roles], [*roles, open_role], [*texts, ""]):
        pieces += [*_controls(literal, last, role, ends), Text(text)]
    return [piece for piece in pieces if piece.text]


def _refuse_lost(turns: Sequence[Turn], order: Sequence[int]) -> None:
    """Raises ChatTemplateError where the model would see nothing of what a user says, or of any turn."""
    lost = [role for i, (role, text) in enumerate(turns) if text.strip() and i not in order]
    role = "user" if "user" in lost else lost[0] if lost and not order else None
    if role is not None:
        help = "its template must write the texts of the turns: use the one that belongs to the model"
        raise ChatTemplateError(f"the chat template leaves a `{role}` turn out", help=help)


def _controls(literal: str, last: str, role: str | None, ends: Mapping[str, str]) -> Iterator[Control]:
    """A literal between turns of the roles `last` and `role` (None behind the last one): what closes, what opens."""
    if role is None:
        yield Control(literal, last)
        return
    end = ends.get(last, "")
    if end and literal.startswith(end):
        yield Control(end, last)
        literal = literal.removeprefix(end)
    yield Control(literal, role, opens=True)


def open_prompt(template: Template, turns: Sequence[Turn], open_role: str | None) -> str:
    """The conversation's text up to where the open turn's own text would begin."""
    if open_role is None:
        return template.render(turns)
    if open_role != "assistant":
        return _before_next(template, turns, open_role)
    closed, prompt = closed_text(template, turns), template.render(turns, generation_prompt=True)
    return prompt if prompt != closed else _without_prompt(template, turns, closed)


def closed_text(template: Template, turns: Sequence[Turn]) -> str | None:
    """The conversation with every turn finished; None where the template refuses it so."""
    try:
        return template.render(turns)
    except ChatTemplateError:
        return None


def _without_prompt(template: Template, turns: Sequence[Turn], closed: str) -> str:
    """The template has no generation prompt: open the turn as it opens a finished one.

    Unless that adds only whitespace (`[/INST] `): the model was taught to write that itself.
    """
    try:
        opened = _before_next(template, turns, "assistant")
    except ChatTemplateError:
        return closed
    return opened if opened.startswith(closed) and opened.removeprefix(closed).strip() else closed


def _before_next(template: Template, turns: Sequence[Turn], role: str) -> str:
    *_, mark = make_marks([*turns, (role, "")])
    before, found, _ = template.render([*turns, (role, mark)]).partition(mark)
    if not found:
        raise ChatTemplateError(f"the chat template leaves a `{role}` turn out", help="use another role")
    return before


def make_marks(turns: Sequence[Turn]) -> list[str]:
    """One string for each turn that no text contains; letters and digits, so that no template changes it."""
    texts = "\n".join(text for _, text in turns)
    stem = next(stem for n in range(len(texts) + 1) if (stem := f"lmc{n}turn") not in texts)
    return [f"{stem}{i}end" for i in range(len(turns))]


def cut_at_marks(rendered: str, marks: Sequence[str]) -> tuple[list[str], list[int]]:
    """(the literals, the turn whose mark stands after each but the last)."""
    if not marks:
        return [rendered], []
    parts = re.split("(" + "|".join(map(re.escape, marks)) + ")", rendered)
    return parts[::2], [marks.index(mark) for mark in parts[1::2]]


def _interleave(literals: Sequence[str], texts: Sequence[str]) -> str:
    return literals[0] + "".join(text + literal for text, literal in zip(texts, literals[1:]))


def _rewritten(
    template: Template, turns: Sequence[Turn], open_role: str | None, literals: list[str], order: list[int]
) -> tuple[list[str], list[str]]:
    """(literals, texts) where the template changes some text: each turn's text is tried alone among marks.

    What comes out between its neighbours' marks is literal + text + literal. Only what agrees with the literals
    of the frame counts as one, so a text adds nothing to Control.
    """
    starts, ends = [0] * len(literals), [len(literal) for literal in literals]  # what every turn left of a literal
    texts = [turns[i][1] for i in order]
    for at, turn in enumerate(order):
        if order.count(turn) > 1:
            continue
        span = _span(template, turns, open_role, turn, at)
        head = common_len(span, literals[at])
        tail = common_len(span[head:][::-1], literals[at + 1][::-1])
        texts[at] = span[head : len(span) - tail]
        ends[at] = min(ends[at], head)
        starts[at + 1] = max(starts[at + 1], len(literals[at + 1]) - tail)
    return [literal[start:end] for literal, start, end in zip(literals, starts, ends)], texts


def _span(template: Template, turns: Sequence[Turn], open_role: str | None, turn: int, at: int) -> str:
    """What stands between the marks around the turn at place `at` when it alone has its real text."""
    marks = make_marks(turns)
    mixed = [(role, text if i == turn else mark) for i, ((role, text), mark) in enumerate(zip(turns, marks))]
    literals, _ = cut_at_marks(open_prompt(template, mixed, open_role), [mark for mark in marks if mark != marks[turn]])
    return literals[min(at, len(literals) - 1)]
