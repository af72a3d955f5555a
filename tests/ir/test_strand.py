"""Strands: sequences that share what they have in common, and are what they hold however they are cut."""

from __future__ import annotations

import copy
import pickle
from random import Random

import pytest

from lmc.ir.strand import Strand, equal_strands


def cut_at_random(items: list[int], rng: Random) -> Strand[int]:
    """A strand of these items in parts, some of which are empty."""
    strand, start = Strand[int](None, ()), 0
    while start < len(items) or rng.random() < 0.3:
        end = rng.randint(start, len(items))
        strand, start = Strand(strand, items[start:end]), end
    return strand


@pytest.mark.parametrize("seed", range(300))
def test_a_strand_is_what_it_holds(seed: int) -> None:
    """Equal items are equal, whatever the parts, before and after they were compared."""
    rng = Random(seed)
    items = rng.choices((0, 1), k=rng.randrange(8))
    others = items if rng.random() < 0.6 else rng.choices((0, 1), k=rng.randrange(8))
    one, two = cut_at_random(items, rng), cut_at_random(others, rng)
    end = rng.randint(0, len(items))

    assert (one == two) is (items == others)
    assert (two == one) is (items == others)
    assert one == tuple(items) and tuple(two) == tuple(others)
    assert tuple(one.cut(end)) == tuple(items[:end])
    assert tuple(one) == tuple(items) and list(reversed(one)) == items[::-1]
    assert [one[i] for i in range(-len(items), len(items))] == items * 2
    assert hash(one) == hash(tuple(items)) and one[1:] == tuple(items[1:])


def test_a_part_that_is_cut_off_is_shared() -> None:
    """Cut twice at one place it is one part, and the strand goes on from it."""
    strand = Strand(None, range(10))
    part = strand.cut(4)

    assert strand.cut(4) is part and part in list(strand.parts()) and strand == tuple(range(10))


def test_long_rows_are_compared_part_by_part() -> None:
    """Twenty thousand strands, each one longer than the one before: what was found equal is not compared again."""
    compared = 0

    class Item:
        def __eq__(self, other: object) -> bool:
            nonlocal compared
            compared += 1
            return True

        __hash__ = None  # type: ignore[assignment]

    rows: list[list[Strand[Item]]] = [[], []]
    for row in rows:
        for _ in range(20_000):
            row.append(Strand(row[-1] if row else None, (Item(),)))

    known: set[tuple[int, int]] = set()

    assert all(equal_strands(one, two, known) for one, two in zip(*rows))
    assert compared == 20_000


def test_a_strand_of_many_parts_is_copied_and_pickled() -> None:
    """However many parts it has: nothing recurses over them."""
    strand = Strand[int](None, ())
    for i in range(50_000):
        strand = Strand(strand, (i,))

    assert pickle.loads(pickle.dumps(strand)) == copy.deepcopy(strand) == strand
