"""Which places to mark for an API's prompt cache, and what a bill comes to. Pure functions of what is sent.

    system | few shots | question 1          marks at the end of the few shots: the first call writes them,
    system | few shots | question 2    ->    the others read them at a tenth of the price

A token that k calls begin with costs `k` without a cache, and `write + (k - 1) * read` with one, whatever else there
is: so what is worth to be kept is all that enough calls have in common. Each call marks where later calls part from it.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

from lmc.backend.api.abilities import CacheRules
from lmc.backend.api.prices import Price

Marks = tuple[int, ...]  # of one prompt: how many blocks stand before each mark


@dataclass(frozen=True, slots=True)
class PromptBlock:
    """A part of a prompt that a mark may stand behind; blocks of equal keys, behind equal ones, say the same."""

    key: Hashable
    tokens: float


@dataclass(frozen=True, slots=True)
class PricedPrompt:
    """A call as it is paid for: its prompt, and the tokens that it generates."""

    blocks: tuple[PromptBlock, ...]
    output: float = 0.0


@dataclass(frozen=True, slots=True)
class BilledTokens:
    """What one call is billed for: tokens of its prompt that are computed, read and written, and of its answer."""

    input: float = 0.0
    cached: float = 0.0
    written: float = 0.0
    output: float = 0.0

    @property
    def prompt(self) -> float:
        """All tokens of the prompt."""
        return self.input + self.cached + self.written

    def __add__(self, other: BilledTokens) -> BilledTokens:
        return BilledTokens(
            self.input + other.input,
            self.cached + other.cached,
            self.written + other.written,
            self.output + other.output,
        )


def money(billed: Sequence[BilledTokens], price: Price) -> float | None:
    """What the calls cost together; None where a price that they need is not known."""
    total = 0.0
    for each in billed:
        one = price.money(input=each.input, cached=each.cached, written=each.written, output=each.output)
        if one is None:
            return None
        total += one
    return total


# --- the tree of prompts ---------------------------------------------------------------------------------


@dataclass(slots=True)
class MarkedPlace:
    """Where a block of a prompt ends: how many blocks and tokens from the beginning, and the prompts through it."""

    depth: int = 0
    tokens: float = 0.0
    prompts: list[int] = field(default_factory=list)
    below: dict[Hashable, MarkedPlace] = field(default_factory=dict)


def _paths(prompts: Sequence[PricedPrompt]) -> list[list[MarkedPlace]]:
    """For each prompt where its blocks end."""
    root, paths = MarkedPlace(), list[list[MarkedPlace]]()
    for number, prompt in enumerate(prompts):
        at, path = root, list[MarkedPlace]()
        for block in prompt.blocks:
            new = MarkedPlace(at.depth + 1, at.tokens + block.tokens)
            at = at.below.setdefault(block.key, new)
            at.prompts.append(number)
            path.append(at)
        paths.append(path)
    return paths


# --- what is billed --------------------------------------------------------------------------------------


def predicted(prompts: Sequence[PricedPrompt], rules: CacheRules) -> list[BilledTokens]:
    """What each prompt is billed for where an API keeps all of them by itself, sent one after another."""
    entries: set[int] = set()
    return [
        replace(_automatic(path, rules, entries), output=prompt.output)
        for prompt, path in zip(prompts, _paths(prompts))
    ]


def _automatic(path: list[MarkedPlace], rules: CacheRules, entries: set[int]) -> BilledTokens:
    """All that an earlier prompt began with, but for the last token, which is computed whatever is there."""
    total = path[-1].tokens if path else 0.0
    known = max((place.tokens for place in path if id(place) in entries), default=0.0)
    read = min(known, max(0.0, total - 1)) // rules.step_tokens * rules.step_tokens
    read = read if read >= rules.min_tokens else 0.0
    entries.update(map(id, path))
    return BilledTokens(total - read, read)


def _reaches(mark: MarkedPlace, entry: MarkedPlace, rules: CacheRules) -> bool:
    """Whether an entry is found from a mark: the API tries so many places, the mark's own first."""
    back = mark.depth - entry.depth
    return back >= 0 and (rules.look_back_blocks is None or back < max(1, rules.look_back_blocks))


# --- where marks go --------------------------------------------------------------------------------------


def factors_of(price: Price | None, rules: CacheRules) -> tuple[float, float]:
    """What written and cached tokens cost beside others: by the price where that says it, else by the rules."""
    if price is None or not price.input:
        return rules.write_factor, rules.read_factor
    write = rules.write_factor if price.written is None else price.written / price.input
    return write, rules.read_factor if price.cached is None else price.cached / price.input


def fitting(
    there: MarkedPlace | None, wanted: list[MarkedPlace], rules: CacheRules, write: float, read: float
) -> list[MarkedPlace]:
    """The places to mark: those that are wanted as far as there are marks, and where the entry lies that is read.

    there  where the entry ends that is read, None where there is none
    """
    most = rules.max_marks
    marked = _best(there, wanted, most, write, read)
    if there is not None and not any(_reaches(mark, there, rules) for mark in marked):
        marked = [there, *_best(there, wanted, most - 1, write, read)]
    return marked


def _best(
    there: MarkedPlace | None, wanted: list[MarkedPlace], most: int, write: float, read: float
) -> list[MarkedPlace]:
    """At most so many of the wanted places, those that cost later prompts the least to do without.

    The first later prompt that parts at a place without a mark writes what lies between it and the mark before.
    """
    if len(wanted) <= most:
        return wanted
    ends = [there.tokens if there is not None else 0.0, *(place.tokens for place in wanted)]

    @cache
    def cheapest(at: int, left: int) -> tuple[float, Marks]:
        """The least cost of what lies behind a mark, and the marks there."""
        without = sum((write - read) * (end - ends[at]) for end in ends[at + 1 :])
        best: tuple[float, Marks] = (without - (write - 1) * (ends[-1] - ends[at]), ())
        for to in range(at + 1, len(ends)) if left else ():
            skipped = sum((write - read) * (end - ends[at]) for end in ends[at + 1 : to])
            cost, marks = cheapest(to, left - 1)
            best = min(best, (skipped + cost, (to, *marks)))
        return best

    return [wanted[to - 1] for to in cheapest(0, max(0, most))[1]]
