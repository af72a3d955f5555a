"""A chat template lowered to the literals around each turn, found by rendering conversations that hold marks.

`probe_template` says whether appending a turn only appends text; where it does not, `chat_pieces` renders the whole
conversation each time.

A template that strips the whitespace around a turn's text is still append-only: lmc sends a text as the program
wrote it. That, and nothing else, is noted in `reason` while `append_only` is true.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise, product

from lmc.errors import ChatTemplateError
from lmc.ir.chat import ChatTemplate
from lmc.tokenizer.chat_pieces import closed_text, cut_at_marks, make_marks, open_prompt
from lmc.tokenizer.jinja import Template

ROLES = ("system", "user", "assistant")
LONGER = ("uaua", "suaua", "uauau", "suauau", "uuaau", "ssuau", "uasu", "suasua")
TRIMS = "it strips the whitespace around a turn's text; lmc sends the text as written"

Roles = tuple[str, ...]


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
        """Why the template is not a row of literals, "" if it is one."""
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
        marks = make_marks([(role, "") for role in roles])
        rendered = closed_text(template, list(zip(roles, marks)))
        if rendered and rendered.count(marks[-1]) == 1:
            self.closed[roles[-1]].add(rendered.partition(marks[-1])[2])

    def _see_prompt(self, template: Template, roles: Roles) -> None:
        marks = make_marks([(role, "") for role in roles])
        try:
            literals, order = cut_at_marks(open_prompt(template, list(zip(roles, marks)), "assistant"), marks)
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
        return text in open_prompt(template, turns, "assistant")
    except ChatTemplateError:
        return True
