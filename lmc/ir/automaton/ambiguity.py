"""Whether a text of a form can be split into its parts in one way only, decided exactly.

Two runs over the same text are followed at once, as a pair of positions, from the place where they first differ: one
has begun a part that the other has not. A text with two different splits is one that leads such a pair to the end.
Pairs are finite in number, and searched breadth first, so that the text found is a shortest one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product

from lmc.codes import TOO_LARGE
from lmc.errors import ConstraintError
from lmc.ir.automaton.algebra import sample
from lmc.ir.automaton.captures import Splits
from lmc.ir.automaton.part_automata import FormAutomata, Position
from lmc.ir.automaton.parts import Part

MAX_PAIRS = 50_000


@dataclass(frozen=True, slots=True)
class Ambiguity:
    """A shortest text with two splits.

    captures   those of the leftmost-shortest split, and others
    parts      indices in the form of the first two parts that have other texts in the two splits
    """

    text: str
    captures: tuple[tuple[str, ...], tuple[str, ...]]
    parts: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Undecided:
    """Too many states or pairs; to be taken for ambiguous."""

    max_pairs: int


# positions of two runs before the next character, the lesser first; `differ`: they have split the text in two ways
Pair = tuple[Position, Position, bool]


def ambiguity(parts: Sequence[Part], max_pairs: int = MAX_PAIRS) -> Ambiguity | Undecided | None:
    """None where every text has one split into the parts; otherwise a text with two, or Undecided."""
    try:
        automata = FormAutomata(parts)
        text = _Search(automata).text(max_pairs)
    except ConstraintError as error:
        if error.code != TOO_LARGE:
            raise
        return Undecided(max_pairs)
    if not isinstance(text, str):
        return text
    splits = Splits(automata, text)
    first, other = splits.shortest(), splits.longest()
    assert first is not None and other is not None and first != other
    generations = [part for part in range(len(automata.parts)) if automata.is_capture(part)]
    differing = [part for part, a, b in zip(generations, first, other, strict=True) if a != b]
    return Ambiguity(text, (first, other), (differing[0], differing[1]))


class _Search:
    """Pairs of runs of a form, and how each was reached first."""

    def __init__(self, automata: FormAutomata) -> None:
        self._automata = automata
        self._before: dict[Pair, tuple[Pair, int] | None] = {}

    def text(self, max_pairs: int) -> str | Undecided | None:
        """A shortest text with two splits; None where there is none."""
        if self._automata.is_empty:
            return None
        begin: Pair = (self._automata.start, self._automata.start, False)
        self._before = {begin: None}
        pending = deque([begin])
        while pending:
            pair = pending.popleft()
            if self._is_found(pair):
                return self._text_to(pair)
            for mask, after in self._steps(pair):
                if after not in self._before:
                    self._before[after] = (pair, mask)
                    pending.append(after)
                    if len(self._before) > max_pairs:
                        return Undecided(max_pairs)
        return None

    def _opened(self, pair: Pair) -> Iterator[Pair]:
        """What a pair may be before the next character; two runs differ where one alone has begun a part."""
        left, right, differ = pair
        if differ:
            yield from ((a, b, True) for a, b in product(self._automata.opened(left), self._automata.opened(right)))
            return
        opened = self._automata.opened(left)
        yield from ((a, a, False) for a in opened)
        yield from ((a, b, True) for a, b in combinations(opened, 2))

    def _is_found(self, pair: Pair) -> bool:
        """Whether both runs may end here, having differed."""
        left, right, differ = pair
        return differ and all(self._automata.end in self._automata.opened(position) for position in (left, right))

    def _steps(self, pair: Pair) -> Iterator[tuple[int, Pair]]:
        """The pairs after one more character, with the classes that lead there as a mask."""
        moves = self._automata.chars.moves
        for a, b, differ in self._opened(pair):
            for (mask, p), (other, q) in product(moves(a[1]), moves(b[1])):
                if mask & other:
                    left, right = sorted(((a[0], p), (b[0], q)))
                    yield mask & other, (left, right, differ)

    def _text_to(self, pair: Pair) -> str:
        found = ""
        while (reached := self._before[pair]) is not None:
            pair, mask = reached
            found = sample(self._automata.chars.alphabet, mask) + found
        return found
