"""Shared prefixes as bands through the calls that share them: what the graph view draws in and between its cards.

A card shows its prompt from left to right as a row of bands, as wide as they have tokens; prefixes that are too small
to be seen are part of the band that follows. Between cards of one column a band goes straight down, from one column to
the next as a ribbon from the nearest card that has it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

from lmc.viz.bands import Band, Bands

STRIPES_WIDTH = 64  # pixels of the longest prompt
INSET = 6  # from the sides of a card to its bands
RIBBON = 0.4  # how high a ribbon is, of the width of its band
MIN_WIDTH = 2.5  # pixels of a band by itself


@dataclass(frozen=True, slots=True, eq=False)
class Stripe:
    """A band of its own: of which prefix, behind which stripe, and where it is in a card, in pixels."""

    number: int
    prefix: int
    parent: Stripe | None
    start: float
    end: float

    def chain(self) -> list[Stripe]:
        """All from the beginning of the prompt on, itself last."""
        found: list[Stripe] = []
        stripe: Stripe | None = self
        while stripe is not None:
            found.append(stripe)
            stripe = stripe.parent
        return found[::-1]


@dataclass(frozen=True, slots=True)
class Stripes:
    """All of them; `of_row` has the last one of each call's prompt, `ends` where that prompt ends."""

    all: tuple[Stripe, ...]
    of_row: tuple[Stripe | None, ...]
    ends: tuple[float, ...]


def stripes(placed: Bands) -> Stripes:
    """The stripes of a sharing tree."""
    scale = STRIPES_WIDTH / (placed.width or 1)
    found: list[Stripe] = []
    rows: list[Stripe | None] = [None] * len(placed.rows)
    ends = [0.0] * len(placed.rows)
    last: list[Stripe | None] = [None]  # by depth, of the bands around the one that comes next
    for band in placed.bands:
        del last[band.depth + 1 :]
        stripe = _of(band, last[-1], len(found), scale)
        if stripe is not None and stripe is not last[-1]:
            found.append(stripe)
        if band.prefix is not None:
            last.append(stripe)
        if band.prefix is None or band.bottom - band.top == 1:
            rows[band.top], ends[band.top] = stripe, band.end * scale
    return Stripes(tuple(found), tuple(rows), tuple(ends))


def _of(band: Band, above: Stripe | None, number: int, scale: float) -> Stripe | None:
    """The stripe that a band is shown by: its own one where it is wide enough."""
    start = above.end if above is not None else 0.0
    if band.prefix is None or band.end * scale - start < MIN_WIDTH:
        return above
    return Stripe(number, band.prefix, above, start, band.end * scale)


# --- between cards ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Card:
    """What is shown of a call, or of several: where, and the stripes that all of these have."""

    x: float
    y: float
    width: float
    height: float
    chain: Sequence[Stripe]


@dataclass(frozen=True, slots=True)
class StripeRun:
    """A stripe straight down through cards of one column."""

    stripe: Stripe
    top: Card
    bottom: Card


@dataclass(frozen=True, slots=True)
class Ribbon:
    """A stripe from a card to one of a later column; `above` is the width of those that go along above it."""

    stripe: Stripe
    source: Card
    target: Card
    above: float


def common(chains: Sequence[Sequence[Stripe]]) -> Sequence[Stripe]:
    """The stripes that several prompts begin with."""
    if not chains:
        return ()
    return [each[0] for each in takewhile(lambda each: all(t is each[0] for t in each), zip(*chains))]


def runs(column: Sequence[Card]) -> Iterator[StripeRun]:
    """The runs through the cards of a column, from its top to its bottom."""
    open_runs: list[tuple[Stripe, Card]] = []
    above: Card | None = None
    for card in (*column, None):
        chain = card.chain if card is not None else ()
        kept = len(common((chain, [stripe for stripe, _ in open_runs])))
        for stripe, top in open_runs[kept:]:
            assert above is not None
            yield StripeRun(stripe, top, above)
        del open_runs[kept:]
        open_runs += [(stripe, card) for stripe in chain[kept:] if card is not None]
        above = card


def ribbons(columns: Sequence[Sequence[Card]]) -> Iterator[Ribbon]:
    """What leads from column to column, columns from left to right, cards from top to bottom."""
    last: dict[Stripe, list[Card]] = {}  # the cards that have it, of the last column where any has
    for column in columns:
        begun: dict[Card, list[Stripe]] = defaultdict(list)
        for run in runs(column):
            begun[run.top].append(run.stripe)
        for card, found in begun.items():
            yield from _to(card, sorted(found, key=lambda stripe: stripe.start), last)
        here: dict[Stripe, list[Card]] = defaultdict(list)
        for card in column:
            for stripe in card.chain:
                here[stripe].append(card)
        last |= here


def _to(card: Card, begun: Sequence[Stripe], last: dict[Stripe, list[Card]]) -> Iterator[Ribbon]:
    """The ribbons to a card of the stripes that begin a run there, all from the card that has most of them."""
    known = [stripe for stripe in begun if stripe in last]
    if known:
        source = min(last[known[-1]], key=lambda each: abs(each.y - card.y))
        above = 0.0
        for stripe in known:
            yield Ribbon(stripe, source, card, above)
            above += stripe.end - stripe.start
