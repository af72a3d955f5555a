"""Matchers for fused forms: the masks of the whole form, and what each of its generations has written so far."""

from __future__ import annotations

from collections.abc import Callable, Collection
from copy import copy

from lmc.backend.base import Filled, FinishReason
from lmc.backend.masks.ending_masks import EndingMasks, PlacesMasks
from lmc.backend.masks.matcher import AutomatonMatcher
from lmc.backend.matcher import Int32
from lmc.ir.automaton.calls import CallDfa, call_dfa
from lmc.ir.automaton.parts import PlacedHole, fused_tree
from lmc.ir.automaton.placed_form import placed_form
from lmc.ir.automaton.progress import Progress, Tracker
from lmc.ir.constraint import Blank, Fused, JsonSchema
from lmc.ir.fused_automaton import automaton_parts
from lmc.ir.regex import RegexTree

Begin = tuple[EndingMasks, int]  # masks, and the state in which they begin


class FusedMasks:
    """The masks of a form, and of what is left of it behind a generation that was cut. For one thread at a time.

    make       masks of a tree, and `make_calls` those of places
    in_places  the schemas that are written as places though they are regular: their automata are too large
    """

    def __init__(
        self,
        constraint: Fused,
        make: Callable[[RegexTree], EndingMasks],
        make_calls: Callable[[CallDfa], PlacesMasks],
        in_places: Collection[JsonSchema] = (),
    ) -> None:
        self.parts = constraint.parts
        self.num_blanks = constraint.num_blanks
        self._automaton_parts = automaton_parts(self.parts, in_places)
        self._make = make
        self._from: dict[int, Begin] = {}
        if any(isinstance(part, PlacedHole) for part in self._automaton_parts):
            self._begin_in_places(make_calls)
        else:
            self.tracker = Tracker(self._automaton_parts)
        # how many generations have begun where a part begins
        self.blanks = [sum(isinstance(p, Blank) for p in self.parts[: at + 1]) for at in range(len(self.parts))]

    @property
    def is_worn(self) -> bool:
        """Whether its automata have so many states that the next text should begin with new ones."""
        return any(masks.is_worn for masks in self._masks())

    @property
    def num_bytes(self) -> int:
        """What it takes, about."""
        return sum(masks.num_bytes for masks in self._masks())

    def at(self, part: int) -> Begin:
        """The masks of the form from a part on, and where they begin."""
        found = self._from.get(part)
        if found is None:
            made = self._make(fused_tree(self._automaton_parts[part:]))
            found = self._from[part] = made, made.start
        return found

    def _begin_in_places(self, make: Callable[[CallDfa], PlacesMasks]) -> None:
        """One automaton for the form from each part on, and for each part by itself."""
        form = placed_form(self._automaton_parts)
        masks = make(call_dfa(form.trees))
        count = len(self.parts)
        self._from = {part: (masks, masks.dfa.at_place(form.place_from(part))) for part in range(count + 1)}
        begins = [masks.dfa.at_place(form.place_of(part)) for part in range(count)]
        self.tracker = Tracker(self._automaton_parts, masks.dfa, begins)

    def _masks(self) -> set[EndingMasks]:
        return {masks for masks, _ in self._from.values()}


class FusedMatcher(AutomatonMatcher):
    """A Matcher: one text of a fused form, as far as it has come. For one thread."""

    def __init__(self, form: FusedMasks) -> None:
        super().__init__(*form.at(0))
        self._form = form
        self._progress: Progress = form.tracker.begin()
        self._text = b""
        self._ended: dict[int, FinishReason] = {}

    def mask(self) -> Int32:
        """As for any text; an end token may also end the generation under way, so that the form goes on behind it."""
        return self._masks.ending(self._state) if self.may_end else super().mask()

    def accept(self, id: int) -> bool:
        """Take a token; False, and no change, where it is not allowed. An end token changes nothing either way."""
        if not super().accept(id):
            return False
        spelt = self._masks.spelling(id)
        self._progress = self._progress.after(spelt)
        self._text += spelt
        return True

    def continued(self, id: int) -> bool:
        """False: where its generations begin and end must be looked at with every token."""
        return False

    def fork(self) -> FusedMatcher:
        """An independent matcher in the same state."""
        return copy(self)

    # --- the generations of the form ---------------------------------------------------------------------------

    @property
    def blank(self) -> int:
        """The generation that the next token begins in, or else the last one before; the first, before all."""
        part = self._part
        return max(0, self._form.blanks[part] - 1) if part is not None else self._form.num_blanks - 1

    @property
    def is_in_blank(self) -> bool:
        """Whether the next token begins in a generation, not in a literal."""
        return self._part is not None and isinstance(self._form.parts[self._part], Blank)

    @property
    def may_end(self) -> bool:
        """Whether the generation under way may have its end here, unless the form is whole without that."""
        part = self._part
        if part is None or not self.is_in_blank or not self._progress.may_end(part):
            return False
        return part + 1 == len(self._form.parts) or not self.can_stop()

    @property
    def lacks_text(self) -> bool:
        """Whether more is missing than the end of the last generation."""
        is_last = self._part == len(self._form.parts) - 1 and self.is_in_blank
        return not is_last and not self._progress.is_complete

    def end(self, reason: FinishReason) -> None:
        """End the generation under way here, whatever it may say: the form goes on with what comes after it."""
        part = self._part
        assert part is not None and self.is_in_blank
        self._ended = {**self._ended, self.blank: reason}
        self._progress = self._progress.skip_to(part + 1)
        self._masks, self._state = self._form.at(part + 1)

    def filled(self) -> tuple[Filled, ...]:
        """What each generation wrote; those that the text did not come to wrote nothing."""
        spans = self._progress.spans()
        is_whole = spans is not None
        places = zip(self._form.parts, spans if spans is not None else self._unfinished())
        texts = [self._text[a:b].decode(errors="replace") for part, (a, b) in places if isinstance(part, Blank)]
        found = []
        for number, blank in enumerate(part for part in self._form.parts if isinstance(part, Blank)):
            short = not is_whole and number >= len(texts) - 1
            reason: FinishReason = "length" if short else "stop" if blank.stop else "constraint"
            text = texts[number] if number < len(texts) else ""
            found.append(Filled(text, self._ended.get(number, reason)))
        return tuple(found)

    def _unfinished(self) -> list[tuple[int, int]]:
        """Where the parts lie of a text that stops too early."""
        ends = self._progress.ways[0].ends if self._progress.ways else ()
        return list(zip((0, *ends), (*ends, len(self._text))))

    @property
    def _part(self) -> int | None:
        """The earliest part that the next byte may belong to; None at the end."""
        parts = self._progress.parts
        return parts[0] if parts else None
