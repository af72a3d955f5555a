"""States and their derivatives: what the rest of a text may be, before and after one more character.

A state is a set of nodes, each with a condition: the claims on the rest of the text that looks have left behind. A
claim is itself a state, and goes along character by character; a negative one that comes true, or a positive one that
cannot, ends its node. Look-behinds are read the other way: their bodies run from every place on (trackers), and what
has arrived is what holds there.

After Brzozowski, Derivatives of Regular Expressions (1964), and Antimirov, Partial Derivatives (1996).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from lmc.ir.automaton.counts import merge_counts
from lmc.ir.automaton.linear import LinearForms, conjunction, split
from lmc.ir.automaton.nodes import ALWAYS, Assertion, Condition, Nodes, RegexNode, State

NOTHING: State = frozenset()

Here = tuple[State, ...]  # by look-behind: what must follow for it to hold at this place


class Configuration(NamedTuple):
    """A place in a text: what may follow, and by look-behind how far its body has come (None: no longer needed)."""

    state: State
    trackers: tuple[State | None, ...]


class Derivation:
    """Derivatives over one alphabet, given the bodies of all look-behinds."""

    def __init__(self, nodes: Nodes, behinds: list[RegexNode]) -> None:
        self.nodes = nodes
        self.everything: State = frozenset(((nodes.any, ALWAYS),))
        self._forms = LinearForms(nodes)
        self._behinds = behinds
        self._derived: dict[tuple[State, int, Here], State] = {}
        self._needs: dict[State, int] = {}

    def begin(self, node: RegexNode) -> Configuration:
        """The place before a text that is to match `node`."""
        state = self._simple({(node, ALWAYS)}) if node is not self.nodes.fail else NOTHING
        return self._place(state, tuple(frozenset(((body, ALWAYS),)) for body in self._behinds))

    def alternatives(self, place: Configuration) -> tuple[RegexNode, ...] | None:
        """The nodes of a place where nothing is asked beside them; None elsewhere."""
        if any(place.trackers) or any(duties for _, duties in place.state):
            return None
        return tuple(node for node, _ in place.state)

    def among(self, nodes: Iterable[RegexNode]) -> Configuration:
        """The place before any of some nodes, none of which meets a look-behind."""
        return Configuration(self._simple({(node, ALWAYS) for node in nodes}), (None,) * len(self._behinds))

    def accepts(self, place: Configuration) -> bool:
        """Whether the text may end here."""
        return self._ends(place.state, self._here(place.trackers))

    def successors(self, place: Configuration) -> Iterator[tuple[int, Configuration]]:
        """The places after one character, by the classes that lead there; what leads nowhere is left out."""
        if self._is_simple(place):
            yield from self._simple_successors(place.state)
            return
        here = self._here(place.trackers)
        for part in split(self.nodes.full, self._masks(place, here)):
            cls = part.bit_length() - 1
            state = self._after(place.state, cls, here)
            if state:
                yield part, self._place(state, self._track(place.trackers, cls, here))

    # --- without looks: sets of nodes ------------------------------------------------------------------------

    def _is_simple(self, place: Configuration) -> bool:
        return not any(place.trackers) and all(
            duties is ALWAYS and (node.free or all(not c for c, _, _ in self._forms.items(node)))
            for node, duties in place.state
        )

    def _simple_successors(self, state: State) -> Iterator[tuple[int, Configuration]]:
        by_mask: dict[int, list[RegexNode]] = {}
        for node, _ in state:
            for _, mask, rest in self._forms.items(node):
                if rest is not None:
                    by_mask.setdefault(mask, []).append(rest)
        none = (None,) * len(self._behinds)
        for part in split(self.nodes.full, by_mask):
            rests = {(rest, ALWAYS) for mask, found in by_mask.items() if mask & part for rest in found}
            if rests:
                yield part, Configuration(self._simple(rests), none)

    # --- with looks ------------------------------------------------------------------------------------------

    def _after(self, state: State, cls: int, here: Here) -> State:
        """The derivative of a state by a character of a class."""
        if state is self.everything or state == self.everything:
            return self.everything
        key = (state, cls, here)
        found = self._derived.get(key)
        if found is None:
            found = self._derived[key] = self._simple(set(self._moves(state, cls, here)))
        return found

    def _moves(self, state: State, cls: int, here: Here) -> Iterator[tuple[RegexNode, Condition]]:
        for node, duties in state:
            left = self._advanced(duties, cls, here)
            if left is None:
                continue
            for condition, mask, rest in self._forms.items(node):
                if rest is None or not mask >> cls & 1:
                    continue
                met = self._advanced(condition, cls, here)
                both = None if met is None else conjunction(left, met)
                if both is not None:
                    yield rest, _negatives_joined(both)

    def _advanced(self, condition: Condition, cls: int, here: Here) -> Condition | None:
        """What a condition asks for after the character; None where it can no longer hold."""
        left: set[Assertion] = set()
        for sign, what in condition:
            after = self._after(here[what] if isinstance(what, int) else what, cls, here)
            if after == (NOTHING if sign else self.everything):
                return None
            if after != (self.everything if sign else NOTHING):
                left.add((sign, after))
        return frozenset(left) if left else ALWAYS

    def _ends(self, state: State, here: Here) -> bool:
        return any(
            self._hold_at_end(duties, here) and (self._is_over(node, here) if node.nullable is None else node.nullable)
            for node, duties in state
        )

    def _is_over(self, node: RegexNode, here: Here) -> bool:
        return any(rest is None and self._hold_at_end(c, here) for c, _, rest in self._forms.items(node))

    def _hold_at_end(self, condition: Condition, here: Here) -> bool:
        return all(sign == self._ends(here[what] if isinstance(what, int) else what, here) for sign, what in condition)

    # --- look-behinds ----------------------------------------------------------------------------------------

    def _here(self, trackers: tuple[State | None, ...]) -> Here:
        return tuple(NOTHING if threads is None else frozenset(self._arrived(threads)) for threads in trackers)

    def _arrived(self, threads: State) -> Iterator[tuple[RegexNode, Condition]]:
        for node, duties in threads:
            for condition, _, rest in self._forms.items(node):
                both = conjunction(duties, condition) if rest is None else None
                if both is not None:
                    yield self.nodes.any, both

    def _track(self, trackers: tuple[State | None, ...], cls: int, here: Here) -> tuple[State | None, ...]:
        return tuple(
            None if threads is None else frozenset((*self._moves(threads, cls, here), (body, ALWAYS)))
            for threads, body in zip(trackers, self._behinds, strict=True)
        )

    def _place(self, state: State, trackers: tuple[State | None, ...]) -> Configuration:
        """The place, without the trackers that nothing can ask for any more."""
        needs = self._needed(state)
        return Configuration(state, tuple(t if needs >> number & 1 else None for number, t in enumerate(trackers)))

    def _needed(self, state: State) -> int:
        found = self._needs.get(state)
        if found is None:
            found = 0
            for node, duties in state:
                found |= node.behinds
                for _, what in duties:
                    found |= 0 if isinstance(what, int) else self._needed(what)
            self._needs[state] = found
        return found

    def _masks(self, place: Configuration, here: Here) -> Iterator[int]:
        yield from self._masks_of(place.state)
        for threads in (*place.trackers, *here):
            yield from self._masks_of(threads or NOTHING)

    def _masks_of(self, state: State) -> Iterator[int]:
        for node, duties in state:
            for condition, mask, _ in self._forms.items(node):
                yield mask
                yield from self._masks_within(condition)
            yield from self._masks_within(duties)

    def _masks_within(self, condition: Condition) -> Iterator[int]:
        for _, what in condition:
            if not isinstance(what, int):
                yield from self._masks_of(what)

    # --- normal form -----------------------------------------------------------------------------------------

    def _simple(self, alternatives: set[tuple[RegexNode, Condition]]) -> State:
        """Alternatives for these texts, fewer of them: counts are merged, and what another one implies is left out."""
        if len(alternatives) < 2:
            return frozenset(alternatives)
        if (self.nodes.any, ALWAYS) in alternatives:
            return self.everything
        by_duties: dict[Condition, list[RegexNode]] = {}
        for node, duties in alternatives:
            by_duties.setdefault(duties, []).append(node)
        merged = {(node, duties) for duties, nodes in by_duties.items() for node in merge_counts(self.nodes, nodes)}
        if len(by_duties) == 1:
            return frozenset(merged)
        return frozenset(pair for pair in merged if not _implied(pair, merged))


def _implied(pair: tuple[RegexNode, Condition], others: Iterable[tuple[RegexNode, Condition]]) -> bool:
    """Whether another alternative asks for less before the same node."""
    return any(node is pair[0] and duties < pair[1] for node, duties in others)


def _negatives_joined(condition: Condition) -> Condition:
    """Not a and not b is not (a or b)."""
    negatives = [what for sign, what in condition if not sign and not isinstance(what, int)]
    if len(negatives) < 2:
        return condition
    positives = (literal for literal in condition if literal[0])
    return frozenset((*positives, (False, frozenset().union(*negatives))))
