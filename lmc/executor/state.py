"""A program state at run time: a prompt value with its names, roles and random lineage.

Immutable and cheap to extend: the pieces of the prompt are links of a linked list that forks share. What has been
encoded for good (everything up to the last generation) is kept as token ids in `final`; turning the rest, a run that
is still open, into ids is the business of `prompts`. Knows no graph, no request, no tokenizer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from lmc.errors import ChatTemplateError, LMError, did_you_mean
from lmc.executor.lineage import child_lineage
from lmc.ir.layers import Layers
from lmc.ir.ops import not_text
from lmc.ir.prompt import Control, Piece, Text, well_formed
from lmc.ir.runs import text_of
from lmc.ir.strand import Strand

Link = tuple["Link | None", Piece]

NO_NAMES: Mapping[str, object] = {}


@dataclass(frozen=True, slots=True)
class Final:
    """What is encoded for good: token ids, the parts of the prompt they came from, and the last link they cover.

    It ends in a generated value, so text that comes later is a run of its own and changes no token in here. `rid` is
    the request that generated it, while that is of use.
    """

    tokens: Strand[int]
    parts: Strand[Piece]
    link: Link
    rid: int | None = None


@dataclass(frozen=True, slots=True)
class Turns:
    """The roles so far.

    closed    (role, text) of each closed turn
    role      the open turn's, None outside of turns
    start     the link before the open turn's text, or the one that the last turn ended with
    lead      the link that the first turn began after
    rendered  the template rewrites earlier turns: no literals in the links, the prompt is rendered at each call
    """

    closed: Strand[tuple[str, str]] = field(default_factory=lambda: Strand(None, ()))
    role: str | None = None
    start: Link | None = None
    lead: Link | None = None
    rendered: bool = False

    @property
    def previous(self) -> str:
        """The role of the last closed turn, "" before the first."""
        return self.closed[-1][0] if self.closed else ""


@dataclass(frozen=True, slots=True)
class Names:
    """What the state's names stand for; `fresh` are those set since its fork, in order."""

    values: Layers[str, object] = field(default_factory=Layers)
    meta: Layers[str, object] = field(default_factory=Layers)
    fresh: Layers[str, None] = field(default_factory=Layers)

    def own(self, name: str) -> object:
        """What the name was set to since the fork, None where it was not."""
        return self.values[name] if name in self.fresh else None

    def with_values(self, values: Mapping[str, object], meta: Mapping[str, object] = NO_NAMES) -> Names:
        """These names with some set."""
        fresh = self.fresh.with_entries(dict.fromkeys(values))
        return Names(self.values.with_entries(values), self.meta.with_entries(meta), fresh)


@dataclass(frozen=True, slots=True, eq=False)
class ProgramState:
    """A prompt value.

    head     the last link of text
    born     the link at its fork
    scopes   (name, link at its begin) of each open scope
    lineage  which branch it is, for random numbers
    calls    calls and forks made so far
    """

    head: Link | None = None
    final: Final | None = None
    names: Names = Names()
    turns: Turns = Turns()
    scopes: tuple[tuple[str, Link | None], ...] = ()
    born: Link | None = None
    lineage: int = 0
    calls: int = 0

    def __reduce__(self) -> tuple[Callable[..., ProgramState], tuple[object, ...]]:
        """As a row of pieces, and places in it for links: a list that is linked is as deep as it is long."""
        own = (self.final and (self.final.tokens, self.final.parts), self.names, self.turns.closed, self.turns.role)
        return _restored, (*_flat(self), *own, self.turns.rendered, self.lineage, self.calls)

    # --- text ------------------------------------------------------------------------------------------------

    def append(self, *texts: str) -> ProgramState:
        """The state with ordinary text behind it, as the model will read it."""
        for text in texts:
            if not isinstance(text, str):
                raise not_text(text)
        text = well_formed("".join(texts))
        head = (self.head, Text(text)) if text else self.head
        return ProgramState(head, self.final, self.names, self.turns, self.scopes, self.born, self.lineage, self.calls)

    def called(self, final: Final, head: Link | None, names: Names, num_calls: int = 1) -> ProgramState:
        """The state after a model call: `final` covers what it generated, `head` a cut token's text as well."""
        calls = self.calls + num_calls
        return ProgramState(head, final, names, self.turns, self.scopes, self.born, self.lineage, calls)

    def text(self) -> str:
        """All text, template literals included."""
        return text_since(self.head, None)

    def since(self, link: Link | None) -> list[Piece]:
        """What was appended after `link`, in order."""
        return pieces_since(self.head, link)

    # --- turns -----------------------------------------------------------------------------------------------

    def begin_role(self, role: str, literal: str | None) -> ProgramState:
        """Open a turn; `literal` is what the template puts before it, None where the prompt is rendered whole."""
        turns = self.turns
        if turns.role is not None:
            raise LMError(f"the {role} turn cannot begin inside the {turns.role} turn", help="end that turn first")
        if literal is None and turns.closed and self.head is not turns.start:
            raise ChatTemplateError(
                "text between turns has no place in a template that rewrites earlier turns",
                help="put the text inside a turn",
            )
        head = _with_control(self.head, literal, role, opens=True)
        lead = turns.lead if turns.closed else self.head
        return replace(self, head=head, turns=Turns(turns.closed, role, head, lead, literal is None))

    def end_role(self, role: str, literal: str | None) -> ProgramState:
        """Close the open turn, which must be a `role` turn."""
        turns = self.turns
        if turns.role != role:
            state = f"the {turns.role} turn is open" if turns.role else "no turn is open"
            raise LMError(f"the {role} turn cannot end here: {state}", help="begin and end each turn in pairs")
        closed = Strand(turns.closed, ((role, text_since(self.head, turns.start)),))
        head = _with_control(self.head, literal, role, opens=False)
        return replace(self, head=head, turns=Turns(closed, None, head, turns.lead, turns.rendered))

    def messages(self) -> list[dict[str, str]]:
        """The closed turns."""
        return [{"role": role, "content": text} for role, text in self.turns.closed]

    # --- names -----------------------------------------------------------------------------------------------

    def get(self, name: str) -> object:
        """What a name stands for; raises KeyError."""
        try:
            return self.names.values[name]
        except KeyError as error:
            near = did_you_mean(name, self.names.values, repr) if isinstance(name, str) else None
            has = f"the state has {', '.join(map(repr, self.names.values)) or 'no names'}"
            error.add_note(f"{has}; {near}" if near else has)
            raise

    def has(self, name: str) -> bool:
        """True if the name is set."""
        return name in self.names.values

    def meta(self, name: str) -> object:
        """What is known of the call that set a name, None where no call did; raises KeyError."""
        if name not in self.names.meta:
            self.get(name)
        return self.names.meta.get(name)

    def set(self, name: str, value: object) -> ProgramState:
        """The state with a name set."""
        return replace(self, names=self.names.with_values({name: value}))

    def begin_scope(self, name: str) -> ProgramState:
        """The text from here to the scope's end will be `name`."""
        return replace(self, scopes=(*self.scopes, (name, self.head)))

    def end_scope(self, name: str) -> ProgramState:
        """Set `name` to the text appended since the scope began; the innermost scope ends first."""
        if not self.scopes or self.scopes[-1][0] != name:
            inner = f"the innermost scope is {self.scopes[-1][0]!r}" if self.scopes else "no scope is open"
            raise LMError(f"the scope {name!r} cannot end here: {inner}")
        text = text_since(self.head, self.scopes[-1][1])
        return replace(self, scopes=self.scopes[:-1], names=self.names.with_values({name: text}))

    # --- forks -----------------------------------------------------------------------------------------------

    def fork(self, num_children: int) -> tuple[ProgramState, ...]:
        """The parent with its lineage moved on, then the children, each with its own lineage."""
        names = Names(self.names.values, self.names.meta)
        children = (
            replace(self, names=names, born=self.head, lineage=child_lineage(self.lineage, self.calls, i), calls=0)
            for i in range(num_children)
        )
        return (replace(self, calls=self.calls + 1), *children)

    def join_names(self, children: tuple[ProgramState, ...]) -> ProgramState:
        """Each name that some child set since its fork becomes the list of the children's values, None for lack."""
        names = dict.fromkeys(name for child in children for name in child.names.fresh)
        values = {name: [child.names.own(name) for child in children] for name in names}
        meta = {name: [child.names.meta.get(name) for child in children] for name in names}
        return replace(self, names=self.names.with_values(values, meta))

    def join_text(self, children: tuple[ProgramState, ...]) -> ProgramState:
        """The parent with the text of each child since its fork behind it."""
        return self.append(*(text_since(child.head, child.born) for child in children))


def _flat(state: ProgramState) -> tuple[list[Piece], list[int | None], list[str]]:
    """The pieces, how many of them lie before each link that the state knows, and the names of its open scopes."""
    final, turns = state.final, state.turns
    known = [final and final.link, turns.start, turns.lead, state.born, *(link for _, link in state.scopes)]
    places: dict[int, int] = {id(None): 0}
    links = []
    link = state.head
    while link is not None:
        links.append(link)
        link = link[0]
    places |= {id(link): i for i, link in enumerate(reversed(links), 1)}
    return [piece for _, piece in reversed(links)], [places.get(id(x)) for x in known], [n for n, _ in state.scopes]


def _restored(
    pieces: list[Piece],
    places: list[int | None],
    scopes: list[str],
    final: tuple[Strand[int], Strand[Piece]] | None,
    names: Names,
    closed: Strand[tuple[str, str]],
    role: str | None,
    rendered: bool,
    lineage: int,
    calls: int,
) -> ProgramState:
    """The state that `_flat` laid out."""
    links: list[Link | None] = [None]
    for piece in pieces:
        links.append((links[-1], piece))
    last, start, lead, born, *begun = (links[place] if place is not None else None for place in places)
    made = Final(*final, last) if final is not None and last is not None else None
    turns = Turns(closed, role, start, lead, rendered)
    return ProgramState(links[-1], made, names, turns, tuple(zip(scopes, begun)), born, lineage, calls)


def pieces_since(head: Link | None, link: Link | None) -> list[Piece]:
    """The pieces after `link` up to `head`, in order."""
    pieces = []
    while head is not link:
        assert head is not None, "the link is not in this state"
        head, piece = head
        pieces.append(piece)
    pieces.reverse()
    return pieces


def text_since(head: Link | None, link: Link | None) -> str:
    """The text after `link` up to `head`."""
    return text_of(pieces_since(head, link))


def _with_control(head: Link | None, literal: str | None, role: str, *, opens: bool) -> Link | None:
    return (head, Control(literal, role, opens)) if literal else head


JOIN_MODES: dict[str, Callable[[ProgramState, tuple[ProgramState, ...]], ProgramState]] = {
    "gather_variable": ProgramState.join_names,
    "concate_and_append": ProgramState.join_text,
}
