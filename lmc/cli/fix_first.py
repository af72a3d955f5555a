"""Two statements say first what both of them say, and then that in which they differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lmc.cli.appended import Appended, Constants, SourceLines
from lmc.cli.sayings import Saying, is_call, put, sayings, source_of, text_of

LEAST = 24  # characters of text that is worth moving
A_HOLE = 24  # what a hole counts as: it may be a document
MAX_WAYS = 4  # that are tried of one statement which differs in itself


def first(lines: SourceLines, here: Appended, other: Appended, constants: Constants) -> Iterator[str]:
    """The sources in which both go on alike for longer, likeliest first."""
    mine, theirs = sayings(lines, here, constants), sayings(lines, other, constants)
    if here.stmt is other.stmt:  # of a loop that is unrolled, or a function that is called twice: which saying differs?
        yield from _of_one(lines, here, mine)
        return
    at = next((i for i, (p, q) in enumerate(zip(mine, theirs)) if source_of(p) != source_of(q)), None)
    found = None if at is None else _longest(mine[at:], theirs[at:])
    if at is None or found is None:
        return
    x, y, length = found
    changes = []
    for side, said, begin in ((here, mine, at + x), (other, theirs, at + y)):
        moved = said[begin : begin + length]
        new = [*said[:at], *moved, *said[at:begin], *said[begin + length :]]
        changes.append((lines.start(side.said), lines.end(side.said), put(new)))
    yield lines.with_text(*changes)


def _of_one(lines: SourceLines, here: Appended, said: Sequence[Saying]) -> Iterator[str]:
    place = lines.start(here.said), lines.end(here.said)
    begin = next((i for i, each in enumerate(said) if text_of(each) is None), len(said))
    for number in range(begin + 1, min(len(said), begin + 1 + MAX_WAYS)):
        if is_call(said[number]):
            return
        if _weight(said[number]) >= LEAST:
            rest = [*said[begin:number], *said[number + 1 :]]
            yield lines.with_text((*place, put([*said[:begin], said[number], *rest])))


def _longest(mine: Sequence[Saying], theirs: Sequence[Saying]) -> tuple[int, int, int] | None:
    """Where in each stands what both say, and how many sayings: of the most text, and none that is generated."""
    best, found = LEAST - 1, None
    for i in range(len(mine)):
        for j in range(len(theirs)):
            length, weight = 0, 0
            while i + length < len(mine) and j + length < len(theirs):
                p, q = mine[i + length], theirs[j + length]
                if source_of(p) != source_of(q) or is_call(p) or _is_cue(mine, i + length):
                    break
                length, weight = length + 1, weight + _weight(p)
            if weight > best and (i or j):
                best, found = weight, (i, j, length)
    return found


def _is_cue(said: Sequence[Saying], number: int) -> bool:
    """Whether a saying is what the model goes on with: it stays where it is."""
    is_before_call = number + 1 < len(said) and is_call(said[number + 1])
    return is_before_call and not (text_of(said[number]) or "").endswith("\n")


def _weight(saying: Saying) -> int:
    text = text_of(saying)
    return A_HOLE if text is None else len(text)
