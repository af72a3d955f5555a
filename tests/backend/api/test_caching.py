"""Marks for prompt caches: as cheap as the cheapest of all ways to set them, and the bill by the published rules."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmc.backend.api.abilities import CacheRules, abilities
from lmc.backend.api.caching import (
    BilledTokens,
    PricedPrompt,
    PromptBlock,
    choose_marks,
    factors_of,
    money,
    predicted,
)
from lmc.backend.api.prices import price

ANTHROPIC = CacheRules("breakpoints", 4, 1000, 1, 20, 300, 1.25, 0.1)
AUTOMATIC = CacheRules("automatic", 0, 1024, 128, None, 300, 1.0, 0.5)


def prompts_of(*texts: str, output: float = 0.0) -> list[PricedPrompt]:
    """A letter a block; A, B, ... have 1000 tokens, small letters 100, digits 10."""
    sizes = {True: 1000.0, False: 100.0}
    return [
        PricedPrompt(tuple(PromptBlock(c, 10.0 if c.isdigit() else sizes[c.isupper()]) for c in text), output)
        for text in texts
    ]


def cost(prompts, marks, rules) -> float:
    billed = predicted(prompts, marks, rules)
    return sum(each.input + each.cached * rules.read_factor + each.written * rules.write_factor for each in billed)


def cheapest(prompts, rules) -> float:
    """Of all ways to mark all prompts."""
    ways = [
        [marks for num in range(rules.max_marks + 1) for marks in combinations(range(1, len(p.blocks) + 1), num)]
        for p in prompts
    ]
    return min(cost(prompts, marks, rules) for marks in product(*ways))


few = st.lists(st.text(alphabet="Aab1", min_size=1, max_size=3), min_size=1, max_size=3)
more = st.lists(st.text(alphabet="Aab1", min_size=1, max_size=3), min_size=4, max_size=4)
rules = st.builds(
    CacheRules,
    kind=st.just("breakpoints"),
    max_marks=st.just(4),
    min_tokens=st.sampled_from((0, 50, 150, 1000)),
    look_back_blocks=st.sampled_from((None, 20)),
    write_factor=st.sampled_from((1.0, 1.25, 2.0)),
    read_factor=st.sampled_from((0.05, 0.1, 0.5)),
)


@settings(max_examples=50, deadline=None)
@given(few, rules)
def test_marks_are_as_cheap_as_the_cheapest_way(texts: list[str], rules: CacheRules) -> None:
    """Where there are marks for all that is wanted: 1.0, 1.25 or twice the price to write, whatever is too short."""
    prompts = prompts_of(*texts)
    assert cost(prompts, choose_marks(prompts, rules), rules) == pytest.approx(cheapest(prompts, rules))


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(more, rules)
def test_marks_of_four_prompts_are_as_cheap_as_the_cheapest_way(texts: list[str], rules: CacheRules) -> None:
    """The same of more."""
    prompts = prompts_of(*texts)
    assert cost(prompts, choose_marks(prompts, rules), rules) == pytest.approx(cheapest(prompts, rules))


@settings(max_examples=40, deadline=None)
@given(few, rules, st.integers(1, 2), st.sampled_from((0, 1, 20)))
def test_with_too_few_marks_it_is_close_to_the_cheapest(texts, rules, most: int, back: int) -> None:
    """And never dearer than without any; at most so many marks, and in order."""
    rules = replace(rules, max_marks=most, look_back_blocks=back)
    prompts = prompts_of(*texts)
    marks = choose_marks(prompts, rules)
    assert all(len(each) <= most and list(each) == sorted(set(each)) for each in marks)
    best, nothing = cheapest(prompts, rules), cost(prompts, [()] * len(prompts), rules)
    assert best - 1e-9 <= cost(prompts, marks, rules) <= min(nothing, 1.25 * best) + 1e-9


@settings(max_examples=100, deadline=None)
@given(few, rules)
def test_no_token_is_lost_or_paid_twice(texts: list[str], rules: CacheRules) -> None:
    """What is computed, read and written is the prompt, by marks or without."""
    prompts = prompts_of(*texts, output=3.0)
    for known in (rules, AUTOMATIC, None):
        marks = choose_marks(prompts, known)
        for prompt, billed in zip(prompts, predicted(prompts, marks, known), strict=True):
            assert billed.prompt == pytest.approx(sum(block.tokens for block in prompt.blocks)) and billed.output == 3.0
            assert min(billed.input, billed.cached, billed.written) >= 0


def test_few_shots_are_written_once_and_read_by_the_rest() -> None:
    """The mark stands where the questions part."""
    prompts = prompts_of("AB1", "AB2", "AB3")
    marks = choose_marks(prompts, ANTHROPIC)
    assert marks == [(2,), (2,), (2,)]
    assert predicted(prompts, marks, ANTHROPIC) == [
        BilledTokens(10, 0, 2000), BilledTokens(10, 2000), BilledTokens(10, 2000),
    ]  # fmt: skip


def test_a_conversation_marks_the_end_of_what_comes_again() -> None:
    """Each turn reads the one before and writes what is new; the last writes nothing."""
    prompts = prompts_of("A", "AB", "ABC")
    assert choose_marks(prompts, ANTHROPIC) == [(1,), (2,), (2,)]
    assert [each.written for each in predicted(prompts, choose_marks(prompts, ANTHROPIC), ANTHROPIC)] == [1000, 1000, 0]


def test_what_one_call_has_alone_is_not_written() -> None:
    """It would cost a quarter more and be read by nobody."""
    assert choose_marks(prompts_of("A", "B"), ANTHROPIC) == [(), ()]
    assert choose_marks(prompts_of("A1", "A2"), CacheRules("breakpoints", 4, 0, write_factor=2.0)) == [(), ()]


def test_a_beginning_that_is_too_short_is_not_marked() -> None:
    """It would be no entry, and nothing says so."""
    assert choose_marks(prompts_of("a1", "a2", "a3"), ANTHROPIC) == [(), (), ()]
    longer = prompts_of("aA1", "aA2", "bA3")
    assert choose_marks(longer, ANTHROPIC) == [(2,), (2,), ()]


def test_an_entry_far_behind_gets_a_mark_of_its_own() -> None:
    """A mark finds an entry at most so many blocks before it."""
    far = "A" + "123456789" * 3
    prompts = prompts_of("A0", far, far + "2")
    marks = choose_marks(prompts, ANTHROPIC)
    assert marks == [(1,), (1, 28), (28,)]
    assert predicted(prompts, marks, ANTHROPIC)[1] == BilledTokens(0, 1000, 270)


def test_four_marks_are_put_where_they_save_most() -> None:
    """Of six places where later calls part, two are done without: those before which little was added."""
    prompts = prompts_of("A1B2C3D", *("A1B2C3D"[:end] + "z" for end in range(1, 7)))
    first = choose_marks(prompts, ANTHROPIC)[0]
    assert len(first) == 4 and first[0] == 1 and set(first) & {3, 5, 6}


def test_an_automatic_cache_finds_whole_steps() -> None:
    """From its minimum on, at the price of what it is; nothing has to be marked."""
    prompts = prompts_of("AB1", "AB2", "A3")
    assert choose_marks(prompts, AUTOMATIC) == [(), (), ()]
    cached = [each.cached for each in predicted(prompts, [()] * 3, AUTOMATIC)]
    assert cached == [0, 1920, 0], "1000 tokens are below the minimum of 1024"


def test_the_bill_is_by_the_price_of_the_model() -> None:
    """Of few-shot calls with marks it is well below that without."""
    rules, known = abilities("anthropic", "claude-haiku-4-5").cache, price("claude-haiku-4-5")
    assert rules is not None and known is not None
    prompts = prompts_of("ABCDE1", "ABCDE2", "ABCDE3", "ABCDE4", output=20.0)
    billed = predicted(prompts, choose_marks(prompts, rules, factors_of(known, rules)), rules)
    with_marks, without = money(billed, known), money(predicted(prompts, [()] * 4, None), known)
    assert without == pytest.approx((4 * 5010 + 4 * 20 * 5) / 1e6)
    assert with_marks == pytest.approx((5000 * 1.25 + 3 * 5000 * 0.1 + 4 * 10 + 4 * 20 * 5) / 1e6)
    unknown = price("gpt-6.2-sol")
    assert unknown is not None and money(billed, unknown) is None
