"""A run that is foretold: who goes first, what is marked, and the bill by the published rules."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmc.backend.api.abilities import CacheRules, abilities
from lmc.backend.api.ask import Turn
from lmc.backend.api.caching import BilledTokens, PricedPrompt, PromptBlock, factors_of, money, predicted
from lmc.backend.api.prices import price
from lmc.backend.api.prompt_cache import PromptCache
from lmc.backend.api.rehearsal import ForetoldCall, billed, rehearsed

ANTHROPIC = CacheRules("breakpoints", 4, 1000, 1, 20, 300, 1.25, 0.1)
OPENAI = CacheRules("breakpoints", 4, 1000, 1, 0, 1800, 1.25, 0.1)
AUTOMATIC = CacheRules("automatic", 0, 1024, 128, None, 300, 1.0, 0.5)
BYTES = 4.0


def call(text: str, goes_on: bool = False, output: float = 3.0) -> ForetoldCall:
    """A letter a turn: capitals have 1000 tokens, small letters 100, digits 10; nothing but text counts."""
    turns = tuple(Turn("user", f"{letter}{'x' * (4 * size - 1)}") for letter in text for size in [_size(letter)])
    ends = [sum(map(_size, text[:number])) for number in range(len(text) + 1)]
    return ForetoldCall(turns, float(ends[-1]), lambda turn, at: ends[turn] + at / BYTES, goes_on, output)


def _size(letter: str) -> int:
    return 10 if letter.isdigit() else 1000 if letter.isupper() else 100


def bill(items: list[list[list[ForetoldCall]]], rules: CacheRules, *, marks: bool = True) -> list[BilledTokens]:
    """Of a run with a new cache; without `marks` the API is left alone."""
    is_implicit = rules is OPENAI
    factors = rules.write_factor, rules.read_factor
    cache = PromptCache(rules, factors, BYTES, is_implicit=is_implicit, now=lambda: 0.0)
    return billed(rehearsed(items, cache if marks else None), rules, is_implicit=is_implicit)


def at_once(*texts: str) -> list[list[list[ForetoldCall]]]:
    """Items of one call each."""
    return [[[call(text)]] for text in texts]


def in_turn(*texts: str) -> list[list[list[ForetoldCall]]]:
    """One item whose calls go on from one another, as its plan knows."""
    return [[[call(text, goes_on=text is not texts[-1])] for text in texts]]


def cost(found: list[BilledTokens], rules: CacheRules) -> float:
    return sum(each.input + each.cached * rules.read_factor + each.written * rules.write_factor for each in found)


def whole(found: list[BilledTokens]) -> float:
    return sum(each.prompt for each in found)


def test_few_shots_are_written_once_and_read_by_the_rest() -> None:
    """The mark stands where the questions part."""
    found = bill(at_once("AB1", "AB2", "AB3"), ANTHROPIC)
    assert found == [BilledTokens(10, 0, 2000, 3), BilledTokens(10, 2000, 0, 3), BilledTokens(10, 2000, 0, 3)]


@pytest.mark.parametrize("rules", [ANTHROPIC, OPENAI])
def test_a_conversation_marks_the_end_of_what_comes_again(rules: CacheRules) -> None:
    """Each turn reads the one before and writes what is new."""
    found = bill(in_turn("A", "AB", "ABC"), rules)
    assert [each.written for each in found][:2] == [1000, 1000] and [each.cached for each in found] == [0, 1000, 2000]


def test_what_one_call_has_alone_is_not_written() -> None:
    """It would cost a quarter more and be read by nobody."""
    assert all(each.written == 0 for each in bill(at_once("A", "B"), ANTHROPIC))


def test_a_beginning_that_is_too_short_is_not_marked() -> None:
    """It would be no entry, and nothing says so."""
    assert all(each.written == each.cached == 0 for each in bill(at_once("a1", "a2", "a3"), ANTHROPIC))


def test_an_api_that_marks_by_itself_does_so_where_nothing_is_said() -> None:
    """At the end of the last question: dear where prompts part there, and as good as marks in a conversation."""
    alone = bill(at_once("AB1", "AB2", "AB3"), OPENAI, marks=False)
    assert [(each.cached, each.written) for each in alone] == [(0, 2010)] * 3
    assert cost(bill(at_once("AB1", "AB2", "AB3"), OPENAI), OPENAI) < 0.4 * cost(alone, OPENAI)
    turns = in_turn("A", "AB", "ABC")
    assert cost(bill(turns, OPENAI, marks=False), OPENAI) == cost(bill(turns, OPENAI), OPENAI)


def test_an_entry_far_behind_gets_a_mark_of_its_own() -> None:
    """A mark finds an entry at most so many parts before it."""
    far = "A" + "123456789" * 3
    found = bill(in_turn("A", far, far + "B"), ANTHROPIC)
    assert [each.cached for each in found] == [0, 1000, 1270]


def test_four_marks_are_put_where_they_save_most() -> None:
    """Of more places where others part, those are done without before which little was added."""
    stages = "A1B2C3D"
    items = at_once(stages, *(stages[:end] + "z" for end in range(1, 7)))
    found = bill(items, ANTHROPIC)
    assert cost(found, ANTHROPIC) < 0.55 * whole(found)


letters = st.lists(st.text(alphabet="ABab1", min_size=1, max_size=4), min_size=1, max_size=6)
rules_like = st.builds(
    replace,
    st.sampled_from((ANTHROPIC, OPENAI)),
    max_marks=st.sampled_from((1, 2, 4)),
    min_tokens=st.sampled_from((100, 1000)),
    write_factor=st.sampled_from((1.0, 1.25, 2.0)),
)


@settings(max_examples=30, deadline=None)
@given(letters, rules_like, st.booleans())
def test_no_token_is_lost_and_marks_cost_little_where_they_are_of_no_use(
    texts: list[str], rules: CacheRules, is_one_item: bool
) -> None:
    """What is computed, read and written is the prompt; there are no more marks than the API takes."""
    items = in_turn(*texts) if is_one_item else at_once(*texts)
    cache = PromptCache(rules, (rules.write_factor, rules.read_factor), BYTES, is_implicit=False, now=lambda: 0.0)
    sent = rehearsed(items, cache)
    assert len(sent) == len(texts)
    found = billed(sent, rules, is_implicit=False)
    for one, tokens in zip(sent, found, strict=True):
        assert tokens.prompt == pytest.approx(one.call.tokens) and tokens.output == 3.0
        assert min(tokens.input, tokens.cached, tokens.written) >= 0
        assert one.kept is None or sum(cut.is_mark for cut in one.kept.cuts) <= rules.max_marks
    # a quarter more, or as much as writing costs, is what a mark may come to that nobody reads
    assert cost(found, rules) <= rules.write_factor * whole(found) + 1e-6


def test_an_automatic_cache_finds_whole_steps() -> None:
    """From its minimum on, at the price of what it is; the last token is always computed."""
    sizes = {letter: float(_size(letter)) for letter in "AB123"}
    prompts = [PricedPrompt(tuple(PromptBlock(c, sizes[c]) for c in text)) for text in ("AB1", "AB2", "A3", "AB1")]
    cached = [each.cached for each in predicted(prompts, AUTOMATIC)]
    assert cached == [0, 1920, 0, 1920], "1000 tokens are below the minimum of 1024"
    assert [each.cached for each in predicted(prompts[:1] * 2, replace(AUTOMATIC, step_tokens=1))] == [0, 2009]


def test_the_bill_is_by_the_price_of_the_model() -> None:
    """Of few-shot calls with marks it is well below that without."""
    rules, known = abilities("anthropic", "claude-haiku-4-5").cache, price("claude-haiku-4-5")
    assert rules is not None and known is not None
    assert factors_of(known, rules) == (pytest.approx(1.25), pytest.approx(0.1))
    found = bill(at_once("ABCDE1", "ABCDE2", "ABCDE3", "ABCDE4"), rules)
    assert money(found, known) == pytest.approx((5000 * 1.25 + 3 * 5000 * 0.1 + 4 * 10 + 4 * 3 * 5) / 1e6)
    unknown = price("gpt-6.2-sol")
    assert unknown is not None and money(found, unknown) is None
