"""A plan's order and hints on their way to the session: what goes into a call's request, and what is told beside it.

A prefix of the plan becomes token ids when the first call that begins with it starts: as many of its prompt's as the
plan counts; where it could not count them, what the prompts of all calls so far have in common, which holds the prefix.
Nothing here changes a result, and a session may do nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from lmc.backend.base import PrefixHint, Request
from lmc.common_prefix import common_len
from lmc.ir.graph import Atom, Lit
from lmc.ir.hints import HINTS, Hint
from lmc.ir.plan import Plan, Step
from lmc.ir.wave_times import WaveTimes

Ids = tuple[int, ...]
MAX_ATOMS = 1000  # a longer prompt is not looked through
GUESSED_TURNS = 4  # of a loop, for how many calls may follow


@dataclass(frozen=True, slots=True)
class CallHints:
    """What a plan says of a call beside what it asks.

    order        its place among the plan's steps: of calls that are ready at once the first goes first
    gang         the hint that names its gang; `num_gangs` are in the plan
    before       hints about prefixes for when it starts; `behind` for when it has ended
    goes_on      other calls begin with all of its prompt, as the next one of a conversation does
    again_in     waves until another call begins with its prompt and its answer, None where none does
    calls_left   that follow it one after another, as far as the plan knows
    row          the number of the row of calls that it stands in; None where it stands in none
    begins_with  (prefix, tokens of it, None where not known) of those its prompt begins with that some hint names
    """

    order: int = 0
    gang: Hint | None = None
    num_gangs: int = 0
    priority: int = 0
    before: tuple[Hint, ...] = ()
    behind: tuple[Hint, ...] = ()
    begins_with: tuple[tuple[int, int | None], ...] = ()
    goes_on: bool = False
    again_in: int | None = None
    calls_left: int = 0
    row: int | None = None

    def gang_of(self, item: int) -> int | None:
        """The number of its gang for an item; a shared one has the same for all."""
        if self.gang is None or self.gang.is_shared:
            return None if self.gang is None else self.gang.target
        return (item + 1) * self.num_gangs + self.gang.target


NO_HINTS = CallHints()


def hints_of(plan: Plan) -> dict[int, CallHints]:
    """The order and the hints of the plan's steps, by node number."""
    lengths = _lengths(plan)
    named = {hint.target for step in plan.steps for hint in step.hints if HINTS[hint.kind].names == "prefix"}
    of_step: dict[int, list[int]] = {}
    for prefix in plan.prefixes:
        for id in prefix.steps if prefix.id in named else ():
            of_step.setdefault(id, []).append(prefix.id)
    gangs = [hint.target for step in plan.steps for hint in step.hints if hint.kind == "gang"]
    num_gangs = max(gangs, default=-1) + 1
    sizes, times = _sizes(plan), WaveTimes(plan, GUESSED_TURNS)
    found = {}
    for order, step in enumerate(plan.steps):
        of_it = _of_step(step, order, num_gangs, tuple((id, lengths[id]) for id in of_step.get(step.id, ())))
        is_whole = step.prefix is not None and len(step.prompt) <= MAX_ATOMS
        goes_on = is_whole and _size(step.prompt) == sizes[step.prefix or 0]
        found[step.node] = replace(of_it, goes_on=goes_on, calls_left=times.left(step.id))
    return found


def _of_step(step: Step, order: int, num_gangs: int, begins_with: tuple[tuple[int, int | None], ...]) -> CallHints:
    about = [hint for hint in step.hints if HINTS[hint.kind].names == "prefix"]
    return CallHints(
        order,
        next((hint for hint in step.hints if hint.kind == "gang"), None),
        num_gangs,
        next((hint.target for hint in step.hints if hint.kind == "priority"), 0),
        tuple(hint for hint in about if HINTS[hint.kind].at == "start"),
        tuple(hint for hint in about if HINTS[hint.kind].at == "end"),
        begins_with,
        again_in=next((hint.target for hint in step.hints if hint.kind == "again"), None),
        row=next((hint.target for hint in step.hints if hint.kind == "row"), None),
    )


def _size(atoms: Sequence[Atom]) -> tuple[int, int]:
    """Characters that are known, and holes."""
    known = [len(atom.value) for atom in atoms if isinstance(atom, Lit) and isinstance(atom.value, str)]
    return sum(known), len(atoms) - len(known)


def _sizes(plan: Plan) -> list[tuple[int, int]]:
    """The size of each prefix from the beginning of a prompt to its end: a prompt of that size is the prefix."""
    sizes: list[tuple[int, int]] = []
    for prefix in plan.prefixes:  # parents come before children
        above = (0, 0) if prefix.parent is None else sizes[prefix.parent]
        own = _size(prefix.pieces)
        sizes.append((above[0] + own[0], above[1] + own[1]))
    return sizes


def _lengths(plan: Plan) -> dict[int, int | None]:
    """Tokens from the beginning of a prompt to the end of each prefix, None where they are not counted."""
    lengths: dict[int, int | None] = {}
    for prefix in plan.prefixes:  # parents come before children
        above = 0 if prefix.parent is None else lengths[prefix.parent]
        lengths[prefix.id] = None if above is None or prefix.tokens is None else above + prefix.tokens
    return lengths


class _ItemPrefixes:
    """Of one item: the tokens of the prefixes that it has come by, and those that it has pinned."""

    __slots__ = ("known", "pinned")

    def __init__(self) -> None:
        self.known: dict[int, Ids] = {}
        self.pinned: dict[int, Ids] = {}


class Adviser:
    """Tells a session what the plans of a run advise, as their calls start and end. Every pin it sets it releases."""

    def __init__(self, tell: Callable[[PrefixHint], None]) -> None:
        self._tell = tell
        self._items: dict[int, _ItemPrefixes] = {}
        self._firsts: dict[int, int] = {}  # by item, what an engine knows it by

    def started(self, item: int, hints: CallHints, request: Request) -> None:
        """A call is about to be submitted."""
        if request.item is not None:
            self._firsts[item] = request.item
        if not (hints.begins_with or hints.before):
            return
        known, ids = self._items.setdefault(item, _ItemPrefixes()).known, request.prompt.ids
        for prefix, length in hints.begins_with:
            before = known.get(prefix, ids)
            known[prefix] = ids[: common_len(before, ids) if length is None else length]
        for hint in hints.before:
            if hint.target in known:
                self._tell(PrefixHint("prefetch", known[hint.target]))

    def ended(self, item: int, hints: CallHints) -> None:
        """A call has ended, well or not."""
        prefixes = self._items.get(item)
        if prefixes is None:
            return
        for hint in hints.behind:
            self._release(prefixes, hint.target)
            if hint.kind == "pin" and hint.target in prefixes.known:
                prefixes.pinned[hint.target] = ids = prefixes.known[hint.target]
                self._tell(PrefixHint("pin", ids, hint.ttl_s, hint.waves))

    def close(self) -> None:
        """Nothing is kept for any item any longer."""
        for item in {*self._items, *self._firsts}:
            self.over(item)

    def over(self, item: int) -> None:
        """An item has ended: nothing is kept for it any longer."""
        first = self._firsts.pop(item, None)
        if first is not None:
            self._tell(PrefixHint("over", (), item=first))
        prefixes = self._items.pop(item, _ItemPrefixes())
        for prefix in list(prefixes.pinned):
            self._release(prefixes, prefix)

    def _release(self, prefixes: _ItemPrefixes, prefix: int) -> None:
        ids = prefixes.pinned.pop(prefix, None)
        if ids is not None:
            self._tell(PrefixHint("release", ids))
