"""Masses of choices on a token tree, the distribution over them, and draws from it."""

from __future__ import annotations

import math
import random
from collections import Counter

import pytest

from lmc.backend.base import ChoiceScores, Score
from lmc.backend.choices import choice_ids, drawn, log_masses, probabilities

Ids = tuple[int, ...]
VOCAB = 4


class Tree:
    """A language model over four tokens: the distribution behind every row of tokens, made up once."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.known: dict[Ids, list[float]] = {}

    def next(self, ids: Ids) -> list[float]:
        if ids not in self.known:
            weights = [self.rng.random() ** 4 for _ in range(VOCAB)]
            self.known[ids] = [w / sum(weights) for w in weights]
        return self.known[ids]

    def total(self, ids: Ids) -> float:
        return sum(math.log(self.next(ids[:j])[token]) for j, token in enumerate(ids))

    def enumerated(self, choices: list[Ids], length: int) -> Counter[Ids]:
        """Every text of `length` tokens goes to the longest choice it begins with."""
        mass: Counter[Ids] = Counter()
        texts: list[tuple[Ids, float]] = [((), 1.0)]
        for _ in range(length):
            texts = [((*t, i), p * q) for t, p in texts for i, q in enumerate(self.next(t))]
        for text, part in texts:
            begun = [c for c in choices if text[: len(c)] == c]
            if begun:
                mass[max(begun, key=len)] += part
        return mass


@pytest.mark.parametrize("seed", range(12))
def test_masses_are_those_of_every_text_enumerated(seed: int) -> None:
    """Choices inside one another, beside one another, several levels deep: each has the texts that end it."""
    rng, tree = random.Random(seed), Tree(seed)
    choices = list({tuple(rng.randrange(VOCAB) for _ in range(rng.randrange(1, 6))) for _ in range(7)})
    want = tree.enumerated(choices, 5)
    got = [math.exp(log) for log in log_masses(choices, [tree.total(c) for c in choices])]

    assert got == pytest.approx([want[c] for c in choices], abs=1e-12)
    parts = probabilities(log_masses(choices, [tree.total(c) for c in choices]))
    assert parts == pytest.approx([want[c] / sum(want.values()) for c in choices], abs=1e-12)
    assert parts is not None and math.fsum(parts) == pytest.approx(1.0, abs=1e-12)


def test_equal_tokens_share_their_mass() -> None:
    """Two choices that the tokenizer cannot tell apart; a longer one is taken off before."""
    logs = log_masses([(1,), (1, 2), (1,)], [math.log(0.8), math.log(0.2), math.log(0.8)])
    assert [math.exp(log) for log in logs] == pytest.approx([0.3, 0.2, 0.3])


def test_nothing_is_left_where_the_longer_choices_take_all() -> None:
    """Rounding may make them a little more than all: that is nothing, and no error."""
    logs = log_masses([(1,), (1, 2), (1, 3)], [-1.0, -1.0 + math.log(0.5), -1.0 + math.log(0.5) + 1e-9])
    assert logs[0] == -math.inf
    assert probabilities(logs) == pytest.approx((0.0, 0.5, 0.5))


@pytest.mark.parametrize("logs", [[-math.inf], [-math.inf, -math.inf], [math.nan, -1.0], [-1.0, math.nan]])
def test_no_distribution_where_nothing_is_likely(logs: list[float]) -> None:
    """None rather than numbers that mean nothing."""
    assert probabilities(logs) is None


def test_far_improbable_choices_still_have_a_distribution() -> None:
    """exp of them would be 0; only their ratio counts."""
    assert probabilities([-5000.0, -5000.0 + math.log(3.0)]) == pytest.approx((0.25, 0.75))


# --- drawing ---------------------------------------------------------------------------------------------

PARTS = (0.5, 0.3, 0.2)


def scores(parts: tuple[float, ...] = PARTS) -> ChoiceScores:
    """As a backend decided them: the best is the first."""
    logs = tuple(math.log(p) if p else -math.inf for p in parts)
    return ChoiceScores("exact", 0, ((1,),) * len(parts), ((0.0,),) * len(parts), logs, None, parts)


def draw(temperature: float, seed: int | None, *place: int, parts: tuple[float, ...] = PARTS) -> int:
    segment = Score(None, ("a", "b", "c"), "exact", temperature=temperature, seed=seed)
    return drawn(scores(parts), segment, *place).index


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_draws_follow_the_distribution(temperature: float) -> None:
    """Over 4,000 seeds, within four standard deviations, p to the power of 1 / temperature."""
    weights = [p ** (1 / temperature) for p in PARTS]
    counts = Counter(draw(temperature, seed, 0, 7) for seed in range(4000))
    for index, weight in enumerate(weights):
        p = weight / sum(weights)
        assert abs(counts[index] - 4000 * p) < 4 * math.sqrt(4000 * p * (1 - p)), counts


def test_a_draw_is_a_function_of_seed_and_place() -> None:
    """The same again; another sample or position draws anew; a seed that is missing is 0."""
    assert [draw(1.0, seed, 0, 3) for seed in range(50)] == [draw(1.0, seed, 0, 3) for seed in range(50)]
    for place in ((1, 3), (0, 4)):
        assert [draw(1.0, seed, *place) for seed in range(50)] != [draw(1.0, seed, 0, 3) for seed in range(50)]
    assert draw(1.0, None, 0, 3) == draw(1.0, 0, 0, 3)


def test_what_has_no_probability_is_never_drawn() -> None:
    """First, in the middle and last."""
    for parts in ((0.0, 0.5, 0.5), (0.5, 0.0, 0.5), (0.5, 0.5, 0.0)):
        seen = {draw(5.0, seed, 0, parts=parts) for seed in range(300)}
        assert seen == {i for i, part in enumerate(parts) if part}


def test_without_a_temperature_the_best_stays() -> None:
    """And the record is the very one."""
    best = scores()
    assert drawn(best, Score(None, ("a", "b", "c"), "exact"), 0, 0) is best


def test_tokens_that_are_given_are_taken() -> None:
    """Else each choice is encoded by itself."""
    assert choice_ids(Score(None, ("a", "bc")), lambda text: list(text.encode())) == ((97,), (98, 99))
    assert choice_ids(Score(None, ("a", "bc"), ids=((1,), (2,))), lambda text: []) == ((1,), (2,))
