"""One statement says what another says: the same operand, the same turn, the same number of examples."""

from __future__ import annotations

from collections.abc import Iterator

from lmc.cli.appended import Appended, Constants, SourceLines
from lmc.cli.sayings import is_call, put, sayings, source_of


def alike(
    lines: SourceLines, here: Appended, other: Appended, constants: Constants, *, has_more: bool
) -> Iterator[str]:
    """The sources in which `here` says what `other` says, likeliest first.

    has_more  one of them says more, such as examples; else they differ in one operand or in their turn
    """
    if has_more:
        if here.stmt is not other.stmt:
            yield from _completed(lines, here, other, constants)
        return
    if here.turn is not None and other.turn is not None and lines.of(here.turn) != lines.of(other.turn):
        yield lines.with_text((lines.start(here.turn), lines.end(here.turn), lines.of(other.turn)))
    if here.stmt is not other.stmt:
        yield from _replaced(lines, here, other)


def _replaced(lines: SourceLines, here: Appended, other: Appended) -> Iterator[str]:
    """The first operand that differs becomes the other's."""
    for mine, theirs in zip(here.operands, other.operands):
        if lines.of(mine) != lines.of(theirs):
            yield lines.with_text((lines.start(mine), lines.end(mine), lines.of(theirs)))
            return


def _completed(lines: SourceLines, here: Appended, other: Appended, constants: Constants) -> Iterator[str]:
    """What one of the two says more, before they go on alike, the other says too."""
    start, end = lines.start(here.said), lines.end(here.said)
    mine, theirs = sayings(lines, here, constants), sayings(lines, other, constants)
    at = next((i for i, (p, q) in enumerate(zip(mine, theirs)) if source_of(p) != source_of(q)), None)
    if at is None:
        return
    keys, others = [source_of(each) for each in mine], [source_of(each) for each in theirs]
    if keys[at] in others[at + 1 :]:  # the other one says more
        more = theirs[at : others.index(keys[at], at + 1)]
        if not any(map(is_call, more)):
            yield lines.with_text((start, end, put([*mine[:at], *more, *mine[at:]])))
    if others[at] in keys[at + 1 :]:  # this one does: the other one is changed
        more = mine[at : keys.index(others[at], at + 1)]
        if not any(map(is_call, more)):
            place = lines.start(other.said), lines.end(other.said)
            yield lines.with_text((*place, put([*theirs[:at], *more, *theirs[at:]])))
