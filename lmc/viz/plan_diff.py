"""What changed between two versions of a program, as data; `plan_diff_text` shows it.

Calls are matched by what is the same, then by name, then by likeness, so that one that moved or was renamed is not one
that went and one that came. An edit of a text that several prompts have in common is one edit, of so many calls.
"""

from __future__ import annotations

import difflib
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from lmc.viz.plan_facts import CallFacts, Piece, PlanFacts, same_code, texts

MIN_LIKE = 0.6  # of two calls with different names: below it they are two
MAX_PAIRS = 40_000  # of calls that are held against each other; more are taken in their order
MAX_WORDS = 4_000  # of a prompt that are compared word by word; a longer one is line by line
NEAR = 8  # words and blanks around an edit that are shown
WORD = re.compile(r"\s+|\w+|[^\w\s]")
LINE = re.compile(r"[^\n]*\n|[^\n]+")

Parts = tuple[Piece, ...]
_Edit = tuple[tuple[str, str], int, int]


@dataclass(frozen=True, slots=True)
class Pair:
    """A call in both versions."""

    old: CallFacts
    new: CallFacts


@dataclass(frozen=True, slots=True)
class PromptEdit:
    """A stretch of prompt that was replaced, in the prompts of these calls; either side may be empty.

    before, after  what stands around it in the first of them, some words
    is_shared      these prompts are the same up to it: it is one text, that all of them begin with
    """

    old: str
    new: str
    before: str
    after: str
    calls: tuple[Pair, ...]
    is_shared: bool


@dataclass(frozen=True, slots=True)
class AskEdit:
    """A parameter or constraint that changed, in these calls; None where it is not given."""

    name: str
    old: str | None
    new: str | None
    calls: tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class PlanDiff:
    """All that changed.

    renamed, retyped   calls with another name, or that are another kind of call
    moved, relocated   calls in another order, or in another branch or loop
    args, regions      of the program: what went, and what came
    texts              that it appends, where no call's prompt shows the change
    is_other           the graphs differ in what is none of these: conditions, host calls, what is returned
    """

    old: PlanFacts
    new: PlanFacts
    pairs: tuple[Pair, ...]
    removed: tuple[CallFacts, ...]
    added: tuple[CallFacts, ...]
    renamed: tuple[Pair, ...]
    retyped: tuple[Pair, ...]
    moved: tuple[Pair, ...]
    relocated: tuple[Pair, ...]
    prompts: tuple[PromptEdit, ...]
    asks: tuple[AskEdit, ...]
    args: tuple[tuple[str, ...], tuple[str, ...]]
    regions: tuple[tuple[str, ...], tuple[str, ...]]
    texts: tuple[tuple[str, ...], tuple[str, ...]]
    is_other: bool

    @property
    def is_same(self) -> bool:
        """True where nothing changed."""
        calls = (self.removed, self.added, self.renamed, self.retyped, self.moved, self.relocated)
        rest = (self.prompts, self.asks, *self.args, *self.regions)
        return not any((*calls, *rest)) and not self.is_other

    @property
    def sharing(self) -> tuple[Pair, ...]:
        """The calls of which more or less is shared."""
        return tuple(pair for pair in self.pairs if pair.old.shared != pair.new.shared)


def plan_diff(old: PlanFacts, new: PlanFacts) -> PlanDiff:
    """What changed from one version to another."""
    pairs = _matched(old.calls, new.calls)
    kept_old, kept_new = {pair.old.number for pair in pairs}, {pair.new.number for pair in pairs}
    prompts, asks = _prompt_edits(pairs), _ask_edits(pairs)
    regions = _both_ways([" / ".join(each) for each in old.regions], [" / ".join(each) for each in new.regions])
    reworded = {each.rpartition(" / ")[2] for each in (*regions[0], *regions[1])}
    found = PlanDiff(
        old,
        new,
        tuple(pairs),
        tuple(call for call in old.calls if call.number not in kept_old),
        tuple(call for call in new.calls if call.number not in kept_new),
        tuple(pair for pair in pairs if pair.old.name != pair.new.name),
        tuple(pair for pair in pairs if pair.old.op != pair.new.op),
        tuple(_moved(pairs)),
        tuple(pair for pair in pairs if _is_elsewhere(pair, reworded)),
        prompts,
        asks,
        _both_ways([f"{name}: {type}" for name, type in old.args], [f"{name}: {type}" for name, type in new.args]),
        regions,
        ((), ()),
        False,
    )
    if not found.is_same or same_code(old.graph, new.graph):
        return found
    gone, came = texts(old.graph), texts(new.graph)
    return replace(found, is_other=True, texts=(tuple((gone - came).elements()), tuple((came - gone).elements())))


def _is_elsewhere(pair: Pair, reworded: set[str]) -> bool:
    """Whether a call stands in another branch or loop, not in one whose condition is another now."""
    old, new = pair.old.around, pair.new.around
    if len(old) != len(new):
        return True
    arms = [(a.rpartition(": "), b.rpartition(": ")) for a, b in zip(old[-1:], new[-1:])]
    heads = [*zip(old[:-1], new[:-1]), *((a[0], b[0]) for a, b in arms)]
    return any(a[2] != b[2] for a, b in arms) or any(a != b and not {a, b} <= reworded for a, b in heads)


def _both_ways(old: Sequence[str], new: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return tuple((Counter(old) - Counter(new)).elements()), tuple((Counter(new) - Counter(old)).elements())


# --- which call is which ---------------------------------------------------------------------------------


def _matched(old: Sequence[CallFacts], new: Sequence[CallFacts]) -> list[Pair]:
    """The calls of both versions, in the new order."""
    keys: list[Callable[[CallFacts], object]] = [
        lambda call: (call.name, call.op, call.around, call.prompt, call.asks),
        lambda call: (call.name, call.op, call.prompt, call.asks),
        lambda call: (call.op, call.prompt, call.asks),
    ]
    pairs: list[Pair] = []
    for key in keys:
        pairs += _equal(old, new, key)
        old, new = _left(old, new, pairs)
    # those that have a name in common, the most alike first; then those that are alike
    names = dict.fromkeys(call.name for call in new if call.name is not None)
    for name in names:
        a, b = [call for call in old if call.name == name], [call for call in new if call.name == name]
        pairs += _alike(a, b, 0.0)
    old, new = _left(old, new, pairs)
    pairs += _alike(old, new, MIN_LIKE)
    return sorted(pairs, key=lambda pair: pair.new.number)


def _left(
    old: Sequence[CallFacts], new: Sequence[CallFacts], pairs: Iterable[Pair]
) -> tuple[list[CallFacts], list[CallFacts]]:
    pairs = list(pairs)
    gone, there = {pair.old.number for pair in pairs}, {pair.new.number for pair in pairs}
    return [c for c in old if c.number not in gone], [c for c in new if c.number not in there]


def _equal(old: Sequence[CallFacts], new: Sequence[CallFacts], key: Callable[[CallFacts], object]) -> Iterator[Pair]:
    """Calls that are the same by a key, in order."""
    waiting: dict[object, list[CallFacts]] = {}
    for call in reversed(old):
        waiting.setdefault(key(call), []).append(call)
    for call in new:
        if same := waiting.get(key(call)):
            yield Pair(same.pop(), call)


def _alike(old: list[CallFacts], new: list[CallFacts], least: float) -> Iterator[Pair]:
    """Pairs of calls by likeness, the most alike first."""
    if len(old) * len(new) > MAX_PAIRS:
        if not least:
            yield from (Pair(a, b) for a, b in zip(old, new))
        return
    words = {id(call): Counter(WORD.findall(call.text)) for call in (*old, *new)}
    scored = [(_likeness(a, b, words[id(a)], words[id(b)]), -abs(a.number - b.number), a, b) for a in old for b in new]
    scored.sort(key=lambda each: (-each[0], -each[1], each[3].number, each[2].number))
    taken: set[int] = set()
    for score, _, a, b in scored:
        if score >= least and not taken & {id(a), id(b)}:
            taken |= {id(a), id(b)}
            yield Pair(a, b)


def _likeness(a: CallFacts, b: CallFacts, of_a: Counter[str], of_b: Counter[str]) -> float:
    """From 0 to 1: the words that their prompts have in common, and what they ask."""
    num = sum(of_a.values()) + sum(of_b.values())
    prompts = 2 * sum((of_a & of_b).values()) / num if num else 1.0
    asked = len(set(a.asks) & set(b.asks)) * 2 / (len(a.asks) + len(b.asks)) if a.asks or b.asks else 1.0
    return (0.75 * prompts + 0.15 * asked + 0.1 * (a.around == b.around)) * (1.0 if a.op == b.op else 0.8)


def _moved(pairs: Sequence[Pair]) -> Iterator[Pair]:
    """The fewest calls without which the others stand in the order they had."""
    kept = _longest_rising([pair.old.number for pair in pairs])
    yield from (pair for i, pair in enumerate(pairs) if i not in kept)


def _longest_rising(numbers: Sequence[int]) -> set[int]:
    """Indices of a longest rising row: patience sorting, n log n."""
    tops: list[int] = []  # the least number that a row of each length ends in
    at: list[int] = []
    before: list[int | None] = []
    for i, number in enumerate(numbers):
        length = bisect_left(tops, number)
        before.append(at[length - 1] if length else None)
        tops[length : length + 1] = [number]
        at[length : length + 1] = [i]
    found: set[int] = set()
    last = at[-1] if at else None
    while last is not None:
        found.add(last)
        last = before[last]
    return found


# --- what changed in them --------------------------------------------------------------------------------


def _prompt_edits(pairs: Sequence[Pair]) -> tuple[PromptEdit, ...]:
    """Each edit once, with the calls whose prompts it is in."""
    renamed = {pair.old.label: pair.new.label for pair in pairs}
    known: dict[tuple[Parts, Parts], list[_Edit]] = {}
    calls: dict[tuple[str, str], list[Pair]] = {}
    around: dict[tuple[str, str], tuple[str, str]] = {}
    before: dict[tuple[str, str], set[Parts]] = {}  # all that stands before an edit
    for pair in pairs:
        # what a call that was renamed says is still what that call says
        old = [(renamed.get(text, text), True) if is_hole else (text, False) for text, is_hole in pair.old.prompt]
        a, b = _parts(old), _parts(pair.new.prompt)
        start, x, y = _without_ends(a, b)
        if (x, y) not in known:
            known[x, y] = _edits(x, y)
        for edit, first, last in known[x, y]:
            if edit not in calls:
                calls[edit] = []
                around[edit] = (
                    _spelled(a[max(0, start + first - NEAR) : start + first]),
                    _spelled(a[start + last : start + last + NEAR]),
                )
            if pair not in calls[edit]:
                calls[edit].append(pair)
            before.setdefault(edit, set()).add(a[: start + first])
    return tuple(
        PromptEdit(*edit, *around[edit], tuple(each), len(each) > 1 and len(before[edit]) == 1)
        for edit, each in calls.items()
    )


def _parts(prompt: Sequence[Piece]) -> Parts:
    """A prompt as words, or lines where it is long; a hole is one part."""
    num = sum(len(text) for text, is_hole in prompt if not is_hole)
    cut = WORD if num <= 6 * MAX_WORDS else LINE
    return tuple(
        part
        for text, is_hole in prompt
        for part in ([(text, True)] if is_hole else [(word, False) for word in cut.findall(text)])
    )


def _without_ends(a: Parts, b: Parts) -> tuple[int, Parts, Parts]:
    """How much two rows begin with in common, and what is left of them without that and the end in common."""
    start = 0
    while start < min(len(a), len(b)) and a[start] == b[start]:
        start += 1
    end = 0
    while end < min(len(a), len(b)) - start and a[-1 - end] == b[-1 - end]:
        end += 1
    return start, a[start : len(a) - end], b[start : len(b) - end]


def _edits(a: Parts, b: Parts) -> list[_Edit]:
    """What stands in place of what, and from which to which part of `a`."""
    if not a or not b:
        return [((_spelled(a), _spelled(b)), 0, len(a))] if a or b else []
    found: list[tuple[int, int, int, int]] = []
    for tag, a0, a1, b0, b1 in difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        # changes with no more than a word between them read better as one
        if found and a0 - found[-1][1] <= 3 and b0 - found[-1][3] <= 3:
            found[-1] = (found[-1][0], a1, found[-1][2], b1)
        else:
            found.append((a0, a1, b0, b1))
    return [((_spelled(a[a0:a1]), _spelled(b[b0:b1])), a0, a1) for a0, a1, b0, b1 in found]


def _spelled(parts: Iterable[Piece]) -> str:
    return "".join(f"{{{text}}}" if is_hole else text for text, is_hole in parts)


def _ask_edits(pairs: Iterable[Pair]) -> tuple[AskEdit, ...]:
    calls: dict[tuple[str, str | None, str | None], list[Pair]] = {}
    for pair in pairs:
        old, new = dict(pair.old.asks), dict(pair.new.asks)
        for name in sorted(old.keys() | new.keys()):
            if old.get(name) != new.get(name):
                calls.setdefault((name, old.get(name), new.get(name)), []).append(pair)
    return tuple(AskEdit(*key, tuple(each)) for key, each in calls.items())
