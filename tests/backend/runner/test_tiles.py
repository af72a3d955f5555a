"""Tiles: each query sees exactly the keys before it, once, however rows are bucketed, grouped and windowed."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from lmc.backend.runner.batch import ForwardBatch, SharedRun
from lmc.backend.runner.cpu import packing
from lmc.backend.runner.cpu.packing import RowSpan, pack
from lmc.backend.runner.cpu.tiles import Keys, Tile, WindowTiles, cut
from tests.support.rows import Row, batch_of


def make_row(start: int, n: int, slots: np.ndarray) -> Row:
    return Row(np.zeros(n, np.int32), slots[: start + n].astype(np.int32), 1)


def read_slots(tile: Tile, tiling: WindowTiles, spans: list[RowSpan]) -> list[list[int]]:
    """Slots that a tile reads, per tile row; new tokens stand for the slots they are written to."""
    written = np.concatenate([s.slots[s.start :] for s in spans])
    rows = range(tile.rows)
    match tile.keys:
        case Keys("run", first, step):
            return [list(range(first + i * step, first + i * step + tile.kv_len)) for i in rows]
        case Keys("new", first, _):
            return [written[first : first + tile.kv_len].tolist()]
        case Keys("gathered", first, _):
            return tiling.gather[first : first + tile.rows * tile.kv_len].reshape(tile.rows, -1).tolist()
    raise AssertionError(tile.keys)


def seen(tile: Tile, tiling: WindowTiles, spans: list[RowSpan]) -> dict[int, list[int]]:
    """Token of the pass -> slots it reads in this tile."""
    keys = read_slots(tile, tiling, spans)
    tokens = list(tile.tokens)
    visible = np.ones((tile.rows, tile.q_len, tile.kv_len), bool) if tile.mask is None else tile.mask
    if tile.causal:
        visible = np.tril(visible)
    query = range(len(tokens)) if tile.keep is None else tile.keep.tolist()
    if tile.spread is not None:
        assert tile.spread[tile.keep].tolist() == tokens
    result = {}
    for token, q in zip(tokens, query):
        row, at = divmod(q, tile.q_len)
        result[token] = [slot for slot, ok in zip(keys[row], visible[row, at]) if ok]
    return result


def check(batch: ForwardBatch, window: int | None) -> WindowTiles:
    """Every token reads exactly the slots its window shows, each once."""
    spans = pack(batch)
    tiling = cut(spans, window)
    got: dict[int, Counter[int]] = {}
    for tile in (*tiling.own, *tiling.prefix):
        assert tile.mask is None or tile.mask.any(-1).all()  # a query without keys has no softmax
        for token, slots in seen(tile, tiling, spans).items():
            got.setdefault(token, Counter()).update(slots)
    assert [t for tile in tiling.own for t in tile.tokens] == list(range(sum(s.n for s in spans)))
    for span in spans:
        for i in range(span.n):
            end = span.start + i + 1
            expected = span.slots[max(0, end - (window or end)) : end].tolist()
            assert got[span.first + i] == Counter(expected)
    return tiling


@pytest.mark.parametrize("window", [None, 1, 10, 70])
@pytest.mark.parametrize("seed", range(12))
def test_every_token_sees_its_prefix_once(seed, window, monkeypatch):
    """Random batches with a shared prefix, some groups, runs and scattered slots."""
    rng = np.random.default_rng(seed)
    monkeypatch.setattr(packing, "MIN_SAVED", int(rng.integers(1, 60)))
    prefix = np.arange(50) if seed % 2 else rng.permutation(50)
    free = np.arange(50, 5000) if seed % 3 else rng.permutation(np.arange(50, 5000))
    rows = []
    for _ in range(int(rng.integers(1, 12))):
        start, n = int(rng.integers(50, 120)), int(rng.choice([1, 1, 1, 2, 5, 31, 32, 33, 60]))
        own, free = np.split(free, [start + n - 50])
        rows.append(make_row(start, n, np.concatenate([prefix, own])))
    order = rng.permutation(len(rows)).tolist()
    runs = [(order[: len(rows) // 2], 50), (order[len(rows) // 2 :], int(rng.integers(1, 50)))]

    check(batch_of(rows, [run for run in runs if len(run[0]) > 1])[0], window)


def test_a_group_reads_its_prefix_in_one_tile():
    """Thirty-two decode rows: one bucket of their own, one folded tile of the shared stretch, no gather."""
    slots = [np.concatenate([np.arange(448), np.arange(1000 + 64 * i, 1000 + 64 * i + 32)]) for i in range(32)]
    batch, _ = batch_of([make_row(479, 1, s) for s in slots], [(range(32), 448)])

    tiling = check(batch, None)

    assert [(32, 1, 32, Keys("run", 1000, 64))] == [(t.rows, t.q_len, t.kv_len, t.keys) for t in tiling.own]
    assert [(1, 32, 448, Keys("run", 0))] == [(t.rows, t.q_len, t.kv_len, t.keys) for t in tiling.prefix]
    assert tiling.prefix[0].fold and tiling.prefix[0].tokens == range(32)
    assert len(tiling.gather) == 0


def test_a_group_that_saves_little_is_ignored():
    """Two rows over ten common slots are read apart."""
    rows = tuple(make_row(12, 1, np.concatenate([np.arange(10), np.arange(3) + 20 * i])) for i in (1, 2))

    assert check(batch_of(rows, [((0, 1), 10)])[0], None).prefix == ()


def test_a_group_ends_before_any_member_writes(monkeypatch):
    """A group longer than what a member has cached is cut to it."""
    monkeypatch.setattr(packing, "MIN_SAVED", 1)
    shared = np.arange(40)
    rows = (make_row(40, 1, np.append(shared, 50)), make_row(30, 4, shared))

    tiling = check(batch_of(rows, [((0, 1), 40)])[0], None)

    assert [tile.kv_len for tile in tiling.prefix] == [30]


def test_rows_of_very_different_lengths_are_not_padded_together():
    """A row of 4,000 keys does not make eight short ones read 4,000 each."""
    rows = tuple(make_row(n - 1, 1, np.arange(n) + 5000 * i) for i, n in enumerate([4000] + [100] * 8))

    tiling = check(batch_of(rows)[0], None)

    assert [(t.rows, t.kv_len) for t in tiling.own] == [(1, 4000), (8, 100)]


def test_decode_rows_do_not_wait_for_extend_rows():
    """A decode row is never padded to the queries of an extend row."""
    rows = tuple(make_row(40, n, np.arange(80) + 100 * n) for n in (1, 2, 3, 4, 1, 16, 40))

    tiling = check(batch_of(rows)[0], None)

    assert [tile.q_len for tile in tiling.own] == [1, 2, 4, 16, 40]


def test_of_nested_runs_those_that_save_most_are_read_together(monkeypatch):
    """Rows behind 100 tokens, of which two go on together to 500: one tile a row at most, by what it saves."""
    monkeypatch.setattr(packing, "MIN_SAVED", 1)
    common, deep = np.arange(100), np.arange(100, 500)
    rows = [make_row(500, 1, np.concatenate([common, deep, [1000 + i]])) for i in range(2)]
    rows += [make_row(120, 1, np.concatenate([common, np.arange(21) + 2000 + 50 * i])) for i in range(6)]
    batch = replace(batch_of(rows)[0], runs=(SharedRun(0, 8, 0, 100), SharedRun(0, 2, 100, 500)))

    assert packing.disjoint(batch.runs) == [([0, 1, 2, 3, 4, 5, 6, 7], 100)]  # 700 reads saved, against 500 and 500
    assert packing.disjoint((SharedRun(0, 4, 0, 100), SharedRun(0, 2, 100, 500))) == [([0, 1], 500), ([2, 3], 100)]
    check(batch, None)
