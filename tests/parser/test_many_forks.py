"""More forks than a loop is unrolled over: a graph all the same, and what it gives is what Python gives."""

from __future__ import annotations

from typing import Any

import pytest

import lmc


@lmc.function
def each(s):
    s += "Q"
    forks = s.fork(65)
    for number, f in enumerate(forks):
        f += f"{number}: " + lmc.gen("a", max_tokens=2)
    forks.join()
    return s["a"]


@lmc.function
def none_left_out(s):
    total = ""
    for f in s.fork(80):
        f += lmc.gen("a", regex="[0-9]")
        total += f["a"]
    return total


@lmc.function
def with_labels(s):
    forks, labels = s.fork(70), [f"label {i}" for i in range(70)]
    for f, label in zip(forks, labels):
        f += label + lmc.gen("a", max_tokens=1)
    return [f["a"] for f in forks]


@lmc.function
def just_sixty_four(s):
    for f in s.fork(64):
        f += lmc.gen("a", max_tokens=1)
    return s.text()


@lmc.function
def one_of_many(s):
    forks = s.fork(70)
    forks[3] += lmc.gen("a", max_tokens=2)
    return forks[3]["a"], len(forks)


@pytest.mark.parametrize("program", [each, none_left_out, with_labels, just_sixty_four, one_of_many])
@pytest.mark.parametrize("seed", range(3))
def test_many_forks_are_as_python_has_them(program: Any, seed: int) -> None:
    """Values and prompts."""
    compiled, eager = (program.run(backend="echo", mode=mode, seed=seed) for mode in ("compiled", "eager"))

    assert compiled.ret_value == eager.ret_value and compiled.text() == eager.text()
    assert compiled.variables() == eager.variables()
