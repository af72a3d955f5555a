"""Layers against dicts that are copied."""

from __future__ import annotations

import sys

from hypothesis import given
from hypothesis import strategies as st

from lmc.ir.layers import Layers

KEYS = st.sampled_from("abcdefghij")


@given(st.lists(st.tuples(st.integers(0, 30), st.dictionaries(KEYS, st.integers(0, 3), max_size=4)), max_size=30))
def test_it_is_a_dict_that_goes_on_from_any_earlier_one(steps: list[tuple[int, dict[str, int]]]) -> None:
    """In its order too; the one that another goes on from stays what it was."""
    made: list[tuple[Layers[str, int], dict[str, int]]] = [(Layers(), {})]
    for at, entries in steps:
        layers, plain = made[at % len(made)]
        made.append((layers.with_entries(entries), {**plain, **entries}))
    for layers, plain in made:
        assert list(layers.items()) == list(plain.items())
        assert (len(layers), bool(layers), repr(layers)) == (len(plain), bool(plain), repr(plain))
        assert all((key in layers, layers.get(key)) == (key in plain, plain.get(key)) for key in "abcdefghijk")


@given(st.lists(st.dictionaries(KEYS, st.integers(0, 2), max_size=3), max_size=12), KEYS)
def test_what_is_left_out_and_what_two_have_in_common(steps: list[dict[str, int]], key: str) -> None:
    """`without` one key, be it there or not; `common` has what is equal in both."""
    layers, plain = Layers[str, int](), dict[str, int]()
    half: tuple[Layers[str, int], dict[str, int]] = (layers, plain)
    for at, entries in enumerate(steps):
        layers, plain = layers.with_entries(entries), {**plain, **entries}
        half = (layers, plain) if at == len(steps) // 2 else half

    assert list(layers.without(key).items()) == [item for item in plain.items() if item[0] != key]
    same = [item for item in plain.items() if half[1].get(item[0]) == item[1]]
    assert list(layers.common(half[0]).items()) == same
    assert layers.common(layers) is layers


def test_ten_thousand_take_little_room() -> None:
    """Each of them is kept, and shares nearly all it has with the others; copies would be fifty million entries."""
    at, made = Layers[int, int](), []
    for number in range(10_000):
        at = at.with_entries({number: number})
        made.append(at)

    layers = {id(layer): layer for each in made for layer in each._layers}.values()
    assert sum(map(sys.getsizeof, layers)) < 30_000_000
    assert max(len(each._layers) for each in made) <= 14
    assert all(len(each) == number + 1 and each[number // 2] == number // 2 for number, each in enumerate(made))
