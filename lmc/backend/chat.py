"""What a chat template puts around each turn, found by rendering turns that hold marks.

`probe_template` lowers a template to literals (ir.chat.ChatTemplate) where appending a turn only appends text;
`render_pieces` renders a whole conversation, for any template. In both, only the template's own text is Control: a
turn's text is Text wherever it ends up, so no input can forge a turn.

A template that strips the whitespace around a turn's text is still append-only: lmc sends a text as the program
wrote it. That, and nothing else, is noted in `reason` while `append_only` is true.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise, product

from lmc.backend.base import Control, Piece, Text
from lmc.backend.jinja import Template, Turn
from lmc.errors import ChatTemplateError
from lmc.ir.chat import ChatTemplate

ROLES = ("system", "user", "assistant")
LONGER = ("uaua", "suaua", "uauau", "suauau", "uuaau", "ssuau", "uasu", "suasua")
TRIMS = "it strips the whitespace around a turn's text; lmc sends the text as written"

Roles = tuple[str, ...]


# --- one conversation --------------------------------------------------------------------------------------


def render_pieces(template: Template, turns: Sequence[Turn], *, open_role: str | None) -> list[Piece]:
    """The conversation as the template renders it; `open_role` opens one more turn at the end.

    A template may change a text (strip it, drop its reasoning): what is left of it is a Text. Where one turn's text
    changes how *another* is rendered, the other one stays as it is among harmless texts.
    """
    marks = _marks(turns)
    framed = _open(template, [(role, mark) for (role, _), mark in zip(turns, marks)], open_role)
    literals, order = _cut(framed, marks)
    texts = [turns[i][1] for i in order]
    if _interleave(literals, texts) != _open(template, turns, open_role):
        literals, texts = _rewritten(template, turns, open_role, literals, order)
    pieces: list[Piece] = [Control(literals[0])]
    for text, literal in zip(texts, literals[1:]):
        pieces += [Text(text), Control(literal)]
    return [piece for piece in pieces if piece != Control("") and piece != Text("")]


def _open(template: Template, turns: Sequence[Turn], open_role: str | None) -> str:
    """The conversation's text up to where the open turn's own text would begin."""
    if open_role is None:
        return template.render(turns)
    if open_role != "assistant":
        return _before_next(template, turns, open_role)
    closed, prompt = _closed(template, turns), template.render(turns, generation_prompt=True)
    return prompt if prompt != closed else _without_prompt(template, turns, closed)


def _closed(template: Template, turns: Sequence[Turn]) -> str | None:
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
    *_, mark = _marks([*turns, (role, "")])
    before, found, _ = template.render([*turns, (role, mark)]).partition(mark)
    if not found:
        raise ChatTemplateError(f"the chat template leaves a `{role}` turn out", help="use another role")
    return before


def _marks(turns: Sequence[Turn]) -> list[str]:
    """One string for each turn that no text contains; letters and digits, so that no template changes it."""
    texts = "\n".join(text for _, text in turns)
    stem = next(stem for n in range(len(texts) + 1) if (stem := f"lmc{n}turn") not in texts)
    return [f"{stem}{i}end" for i in range(len(turns))]


def _cut(rendered: str, marks: Sequence[str]) -> tuple[list[str], list[int]]:
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
        head = _common_len(span, literals[at])
        tail = _common_len(span[head:][::-1], literals[at + 1][::-1])
        texts[at] = span[head : len(span) - tail]
        ends[at] = min(ends[at], head)
        starts[at + 1] = max(starts[at + 1], len(literals[at + 1]) - tail)
    return [literal[start:end] for literal, start, end in zip(literals, starts, ends)], texts


def _common_len(a: str, b: str) -> int:
    return next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))


def _span(template: Template, turns: Sequence[Turn], open_role: str | None, turn: int, at: int) -> str:
    """What stands between the marks around the turn at place `at` when it alone has its real text."""
    marks = _marks(turns)
    mixed = [(role, text if i == turn else mark) for i, ((role, text), mark) in enumerate(zip(turns, marks))]
    literals, _ = _cut(_open(template, mixed, open_role), [mark for mark in marks if mark != marks[turn]])
    return literals[min(at, len(literals) - 1)]


# --- the probe ---------------------------------------------------------------------------------------------


def probe_template(template: Template, *, name: str) -> ChatTemplate:
    """The template as literals. Never raises: what is wrong with a template is said when it is used."""
    try:
        template.compile()
        seen = _Seen(template)
    except ChatTemplateError as error:
        return ChatTemplate(name, append_only=False, reason=error.message)
    ends = tuple((role, seen.end(role)) for role in ROLES if role in seen.closed)
    if reason := _rewrites(template, seen) or seen.objection():
        return ChatTemplate(name, ends=ends, append_only=False, reason=reason)
    begins = ((pair, gap.removeprefix(seen.end(pair[0]))) for pair, (gap,) in seen.gaps.items())
    return ChatTemplate(name, tuple(begins), ends, reason=TRIMS if _trims(template, seen) else "")


class _Seen:
    """What the probe conversations showed.

    gaps     (previous role or "", role) -> every text seen between them, an open assistant turn included
    closed   role -> every text seen after a last turn of that role
    fits     conversations rendered in order; unfit: refused ones; moved: those out of order
    refusal  the template's first complaint
    """

    def __init__(self, template: Template) -> None:
        self.gaps: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        self.closed: defaultdict[str, set[str]] = defaultdict(set)
        self.fits: list[Roles] = []
        self.unfit: list[Roles] = []
        self.moved: list[Roles] = []
        self.refusal = ""
        self._finished: set[tuple[str, str]] = set()
        for roles in _conversations():
            self._see_closed(template, roles)
            if roles[-1] != "assistant":
                self._see_prompt(template, roles)
        # an assistant turn that may be opened but never finished leads to a refusal later
        for pair in self.gaps.keys() - self._finished:
            del self.gaps[pair]

    def end(self, role: str) -> str:
        """What closes a turn: all that follows a last one, if every next turn begins after that; else nothing."""
        closed = next(iter(self.closed[role]), "") if len(self.closed[role]) == 1 else ""
        after = [gap for (previous, _), gaps in self.gaps.items() if previous == role for gap in gaps]
        return closed if all(gap.startswith(closed) for gap in after) else ""

    def objection(self) -> str:
        """Why the template is no row of literals, "" if it is one."""
        if not self.fits:
            return self.refusal or "it renders no conversation of system, user and assistant turns"
        if self.moved:
            return f"it moves or repeats the texts of ({', '.join(self.moved[0])}) turns"
        for (previous, role), gaps in self.gaps.items():
            if len(gaps) > 1:
                return f"what it puts before a `{role}` turn{_after(previous)} changes with the turns around it"
        for roles in self.unfit:
            if self._looks_fit(roles):
                return f"it refuses the turns ({', '.join(roles)}), though it allows each of them after the one before"
        return ""

    def _looks_fit(self, roles: Roles) -> bool:
        known = all(pair in self.gaps for pair in pairwise(("", *roles, "assistant")))
        return known and not any(fit[: len(roles)] == roles for fit in self.fits)

    def _see_closed(self, template: Template, roles: Roles) -> None:
        marks = _marks([(role, "") for role in roles])
        rendered = _closed(template, list(zip(roles, marks)))
        if rendered and rendered.count(marks[-1]) == 1:
            self.closed[roles[-1]].add(rendered.partition(marks[-1])[2])

    def _see_prompt(self, template: Template, roles: Roles) -> None:
        marks = _marks([(role, "") for role in roles])
        try:
            literals, order = _cut(_open(template, list(zip(roles, marks)), "assistant"), marks)
        except ChatTemplateError as error:
            self.refusal = self.refusal or error.message
            self.unfit.append(roles)
            return
        if order != list(range(len(roles))):
            (self.moved if len(order) >= len(roles) else self.unfit).append(roles)
            return
        self.fits.append(roles)
        self._finished.update(pairwise(("", *roles)))
        for pair, literal in zip(pairwise(("", *roles, "assistant")), literals):
            self.gaps[pair].add(literal)


def _conversations() -> Iterator[Roles]:
    for length in (1, 2, 3):
        yield from product(ROLES, repeat=length)
    names = {role[0]: role for role in ROLES}
    yield from (tuple(names[letter] for letter in letters) for letters in LONGER)


def _after(previous: str) -> str:
    return f" after a `{previous}` turn" if previous else " at the start"


def _rewrites(template: Template, seen: _Seen) -> str:
    """Whether the template changes a text that holds one of its own strings, such as `</think>`."""
    constants = template.constants()
    for role, roles, at in _examples(seen):
        if _keeps(template, roles, at, " ".join(constants)):
            continue
        for constant in constants:
            if not _keeps(template, roles, at, constant):
                return f"it rewrites an earlier `{role}` turn whose text has `{constant.strip()}` in it"
    return ""


def _trims(template: Template, seen: _Seen) -> bool:
    return not all(_keeps(template, roles, at, "lmc", pad=" \n ") for _, roles, at in _examples(seen))


def _examples(seen: _Seen) -> Iterator[tuple[str, Roles, int]]:
    """For each role, a conversation where such a turn is followed by others, and its place there."""
    for role in ROLES:
        places = ((roles, roles.index(role)) for roles in seen.fits if role in roles)
        found = min(places, key=lambda place: (place[1] == len(place[0]) - 1, len(place[0])), default=None)
        if found is not None:
            yield role, *found


def _keeps(template: Template, roles: Roles, at: int, inner: str, pad: str = "") -> bool:
    """Whether a text around `inner` comes out unchanged; a template that refuses it is not asked to keep it."""
    text = f"{pad}lmcleft{inner}lmcright{pad}"
    turns = [(role, text if i == at else f"lmcother{i}") for i, role in enumerate(roles)]
    try:
        return text in _open(template, turns, "assistant")
    except ChatTemplateError:
        return True
