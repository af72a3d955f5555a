"""Strands: sequences that share what they have in common, and are what they hold however they are cut."""

from __future__ import annotations

import copy
import pickle
from random import Random

import pytest

from lmc.ir import tuple_hash
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
    parts = [part.tail for part in two.parts()]
    assert two.upto(len(others) // 2) == tuple(others[: len(others) // 2])
    assert two.last(end) == (tuple(others[-end:]) if end else ())
    assert two.whole() == tuple(others) and [part.tail for part in two.parts()] == parts


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


@pytest.mark.parametrize("seed", range(50))
def test_a_hash_goes_on_from_those_before(seed: int) -> None:
    """However much is known and however much is new, it is that of the tuple."""
    rng = Random(seed)
    items: list[object] = []
    strand: Strand[object] = Strand(None, ())
    for _ in range(40):
        new = [
            rng.choice((-1, 0, 1 << 70, -(1 << 65), "text", rng.getrandbits(64))) for _ in range(rng.choice((0, 1, 3)))
        ]
        items += new
        strand = Strand(strand, new)
        if rng.random() < 0.5:
            assert hash(strand) == hash(tuple(items))
    items += range(rng.choice((0, 5000)))
    assert hash(Strand(strand, items[len(strand) :])) == hash(tuple(items))


def test_this_python_hashes_tuples_as_is_thought() -> None:
    """Else each hash would be of the whole strand again, and a conversation's cost the square of its length."""
    assert tuple_hash.IS_XXHASH
    known = tuple(range(1000))
    assert tuple_hash.hash_on(known, hash(known), iter((7, "x")), 1002) == hash((*known, 7, "x"))
