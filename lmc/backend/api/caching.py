"""Where to mark prompts for an API's prompt cache, and what the bill then comes to. Pure functions of what is sent.

    system | few shots | question 1          marks at the end of the few shots: the first call writes them,
    system | few shots | question 2    ->    the others read them at a tenth of the price

A token that k calls begin with costs `k` without a cache, and `write + (k - 1) * read` with one, whatever else there
is: so what is worth to be kept is all that enough calls have in common. Each call marks where later calls part from it.
Calls are taken to come one after another, soon enough: entries do not run out, and what goes out together follows the
one call that writes.
"""

from __future__ import annotations

from bisect import bisect_right
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


def predicted(prompts: Sequence[PricedPrompt], marks: Sequence[Marks], rules: CacheRules | None) -> list[BilledTokens]:
    """What each prompt is billed for, sent one after another with these marks. Without rules nothing is cached."""
    paths = _paths(prompts)
    if rules is None:
        return [BilledTokens(path[-1].tokens if path else 0.0, output=p.output) for p, path in zip(prompts, paths)]
    served = _automatic if rules.kind == "automatic" else _marked
    entries: set[int] = set()
    return [
        replace(served(path, ends, rules, entries), output=prompt.output)
        for prompt, path, ends in zip(prompts, paths, marks)
    ]


def _automatic(path: list[MarkedPlace], marks: Marks, rules: CacheRules, entries: set[int]) -> BilledTokens:
    """All that an earlier prompt began with; what is written costs as `write_factor` says, nothing more by default."""
    total = path[-1].tokens if path else 0.0
    known = max((place.tokens for place in path if id(place) in entries), default=0.0)
    read = known // rules.step_tokens * rules.step_tokens
    read = read if read >= rules.min_tokens else 0.0
    entries.update(map(id, path))
    if rules.write_factor > 1 and total >= rules.min_tokens:
        return BilledTokens(cached=read, written=total - read)
    return BilledTokens(total - read, read)


def _marked(path: list[MarkedPlace], marks: Marks, rules: CacheRules, entries: set[int]) -> BilledTokens:
    """What a mark finds is read, and what comes behind it up to the last mark is written."""
    marked = [path[end - 1] for end in marks if path[end - 1].tokens >= rules.min_tokens]
    read = _found(path, marked, rules, entries)
    last = max((place.tokens for place in marked), default=0.0)
    entries.update(map(id, marked))
    total = path[-1].tokens if path else 0.0
    return BilledTokens(total - max(last, read), read, max(0.0, last - read))


def _found(path: list[MarkedPlace], marked: list[MarkedPlace], rules: CacheRules, entries: set[int]) -> float:
    """The tokens of the longest entry that a mark finds."""
    found = 0.0
    for place in path:
        if id(place) in entries and any(_reaches(mark, place, rules) for mark in marked):
            found = max(found, place.tokens)
    return found


def _reaches(mark: MarkedPlace, entry: MarkedPlace, rules: CacheRules) -> bool:
    back = mark.depth - entry.depth
    return back >= 0 and (rules.look_back_blocks is None or back <= rules.look_back_blocks)


# --- where marks go --------------------------------------------------------------------------------------


def choose_marks(
    prompts: Sequence[PricedPrompt], rules: CacheRules | None, factors: tuple[float, float] | None = None
) -> list[Marks]:
    """For each prompt the marks that make all of them cheapest, at most `max_marks`; none where they are of no use.

    factors  what written and cached tokens cost beside others; those of the rules where none are given

    The cheapest there is where a prompt has as many marks as it could use; with fewer it is close to that.
    """
    if rules is None or rules.kind != "breakpoints" or not rules.max_marks:
        return [() for _ in prompts]
    write, read = factors or (rules.write_factor, rules.read_factor)
    paths, entries = _paths(prompts), set[int]()
    chosen = []
    for number, path in enumerate(paths):
        worth = [place for place in path if _is_worth(place, rules, write, read)]
        there = [place for place in worth if id(place) in entries]
        wanted = [place for place in worth if place.depth > (there[-1].depth if there else 0)]
        wanted = [place for place in wanted if _is_parting(place, number, wanted)]
        marked = fitting(there[-1] if there else None, wanted, rules, write, read)
        entries.update(map(id, marked))
        chosen.append(tuple(sorted(place.depth for place in marked)))
    return chosen


def factors_of(price: Price | None, rules: CacheRules) -> tuple[float, float]:
    """What written and cached tokens cost beside others: by the price where that says it, else by the rules."""
    if price is None or not price.input:
        return rules.write_factor, rules.read_factor
    write = rules.write_factor if price.written is None else price.written / price.input
    return write, rules.read_factor if price.cached is None else price.cached / price.input


def _is_worth(place: MarkedPlace, rules: CacheRules, write: float, read: float) -> bool:
    """Whether so many prompts come through that keeping the beginning up to here is cheaper than not."""
    num = len(place.prompts)
    return place.tokens >= rules.min_tokens and write + (num - 1) * read < num


def _is_parting(place: MarkedPlace, number: int, wanted: list[MarkedPlace]) -> bool:
    """Whether a later prompt has all up to here and nothing further in common with this one, of what is worth it."""
    below = next((each for each in wanted if each.depth > place.depth), None)
    num_further = _later(below, number) if below is not None else 0
    return _later(place, number) > num_further


def _later(place: MarkedPlace, number: int) -> int:
    """How many prompts behind that one come through."""
    return len(place.prompts) - bisect_right(place.prompts, number)


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
