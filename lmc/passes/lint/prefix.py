"""A choice that another one begins with: `A` and `A+`. What speaks for the longer one speaks for the shorter too."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from lmc.codes import PREFIX
from lmc.passes.base import Note
from lmc.passes.lint.call import LintedCall, quoted

WRITE = "write choices of which none begins another one, or end each with the same mark, such as `.`"
EXACT = 'give `method="exact"`, which tells them apart, or end each choice with the same mark, such as `.`'


def prefix(call: LintedCall) -> Iterator[Note]:
    """One note for a call with such choices."""
    pairs = prefix_pairs(call.facts.options)
    if not pairs or call.node.attr("method") == "exact":  # which counts a text for the longest choice it begins with
        return
    short, long = pairs[0]
    more = f", and {len(pairs) - 1} more such pairs" if len(pairs) > 1 else ""
    what = f"the choice {quoted(short)} is how {quoted(long)} begins{more}"
    if call.is_scored:
        yield call.note(PREFIX, f"{what}: its score is that of all texts that begin so, the longer one's too; {EXACT}")
    else:
        why = "after it the model weighs ending the text against going on, not one choice against the other"
        yield call.note(PREFIX, f"{what}: {why}; {WRITE}")


@lru_cache(maxsize=1024)
def prefix_pairs(options: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """(shorter, longer) for each choice that begins with another one: the longest of those."""
    begun: list[str] = []  # each begins with the one before it
    pairs = []
    for option in sorted(set(options)):
        while begun and not option.startswith(begun[-1]):
            begun.pop()
        if begun:
            pairs.append((begun[-1], option))
        begun.append(option)
    return tuple(pairs)
