"""`select` as it is written: what the graph says of it, and which mistakes are told."""

from __future__ import annotations

import math
from typing import Any

import pytest

import lmc
from lmc.backend.echo import EchoBackend
from lmc.errors import ArgumentError
from lmc.ir.scoring import CHOICES_METHODS


def node_of(
    temperature: float = 0.0,
    choices_method: str = lmc.token_length_normalized,
    method: str | None = None,
    seed: int | None = None,
    boundary: str | None = None,
) -> str:
    """The line of the graph."""

    @lmc.function
    def asks(s):
        s += "Q" + lmc.select(
            "a", ["yes", "no"], temperature, choices_method, method=method, seed=seed, boundary=boundary
        )

    return next(line.strip() for line in str(lmc.compile(asks).graph).splitlines() if "select" in line)


def test_the_graph_says_only_what_was_given() -> None:
    """The method is always there; temperature 0 and the usual boundary are not."""
    plain = '%s2, %a = select %s1 {choices=["yes", "no"], method="token_length_normalized", name="a"}'
    assert node_of() == node_of(temperature=0.0) == node_of(temperature=0, boundary=None) == plain
    assert (
        node_of(choices_method=lmc.exact)
        == node_of(method="exact")
        == plain.replace("token_length_normalized", "exact")
    )
    assert node_of(method="exact", temperature=0.5, seed=3, boundary="naive") == (
        '%s2, %a = select %s1 {boundary="naive", choices=["yes", "no"], method="exact", name="a", seed=3, '
        "temperature=0.5}"
    )


def test_a_gen_with_choices_hands_its_draw_on_to_exact_only() -> None:
    """SGLang's methods take the best, whatever temperature the gen has."""

    @lmc.function
    def asks(s):
        s += "Q" + lmc.gen("a", choices=["yes", "no"], choices_method=lmc.exact, temperature=0.7, seed=2)
        s += lmc.gen("b", choices=["yes", "no"], temperature=0.7, seed=2)

    first, second = (line for line in str(lmc.compile(asks).graph).splitlines() if "select" in line)
    assert "seed=2, temperature=0.7" in first and "temperature" not in second and "seed" not in second


@pytest.mark.parametrize(
    "given, message, help",
    [
        ({"method": "foo"}, "unknown method 'foo'", f"one of {', '.join(CHOICES_METHODS)}"),
        ({"choices_method": "foo"}, "unknown choices_method 'foo'", f"one of {', '.join(CHOICES_METHODS)}"),
        ({"boundary": "sharp"}, "unknown boundary 'sharp'", "one of exact, naive"),
        (
            {"method": "exact", "choices_method": "greedy_token_selection"},
            "select('a') has two methods: 'exact' and 'greedy_token_selection'",
            "keep one",
        ),
        ({"temperature": -1, "method": "exact"}, "temperature=-1 of select: it must be at least 0", "0 takes the best"),
        ({"temperature": math.nan}, "temperature=nan of select: it must be at least 0", "0 takes the best"),
        (
            {"temperature": 0.5},
            "select by token_length_normalized takes the best choice; it cannot sample",
            "leave temperature at 0, or draw from the exact distribution: choices_method=lmc.exact",
        ),
    ],
)
def test_mistakes_that_show_at_once(given: dict[str, Any], message: str, help: str) -> None:
    """Where, what, and what would be right."""
    with pytest.raises(ArgumentError) as caught:
        node_of(**given)
    assert (caught.value.message, caught.value.help) == (message, help)
    assert caught.value.span is not None


@lmc.function
def warm(s, warmth, seed=None):
    s += "Q" + lmc.select("a", ["yes", "no", "maybe"], warmth, "exact", seed=seed)


@lmc.function
def warm_means(s, warmth):
    s += "Q" + lmc.select("a", ["yes", "no"], warmth)


def test_a_temperature_may_be_known_only_when_the_program_runs() -> None:
    """Each item draws by its own; a seed of the call fixes the draw, whatever the run's is."""
    items = [{"warmth": 5.0}] * 40
    picks = [r["a"] for r in warm.run_batch(items, backend=EchoBackend())]
    assert {"yes", "no", "maybe"} == set(picks)
    assert picks == [r["a"] for r in warm.run_batch(items, backend=EchoBackend())]
    assert len({r["a"] for r in warm.run_batch([{"warmth": 0.0}] * 5, backend=EchoBackend())}) == 1
    for seed in range(5):
        fixed = [{"warmth": 5.0, "seed": seed}] * 8
        assert len({r["a"] for r in warm.run_batch(fixed, backend=EchoBackend(), seed=seed)}) == 1


def test_the_run_s_temperature_is_for_generations() -> None:
    """As in SGLang: a select samples only where it says so itself."""
    best = warm_means.run(0.0, backend=EchoBackend())["a"]
    assert {best} == {warm_means.run(0, backend=EchoBackend(), temperature=2.0, seed=i)["a"] for i in range(8)}


@pytest.mark.parametrize(
    "program, warmth, words",
    [
        (warm, "hot", "temperature='hot'"),
        (warm, -0.5, "temperature=-0.5"),
        (warm, True, "temperature=True"),
        (warm, math.inf, "temperature=inf"),
        (warm_means, 0.5, "it cannot sample"),
    ],
)
def test_a_bad_temperature_of_run_time_fails_its_item(program: Any, warmth: object, words: str) -> None:
    """The others are answered."""
    good, bad = program.run_batch([{"warmth": 0.0}, {"warmth": warmth}], backend=EchoBackend())
    assert good["a"] in ("yes", "no", "maybe")
    assert isinstance(bad.error, ArgumentError) and words in bad.error.message
