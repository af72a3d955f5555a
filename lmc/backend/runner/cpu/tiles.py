"""Cuts one forward pass into attention tiles: which queries read which stretch of keys together.

Plain numpy. Every token is answered by exactly one `own` tile, and by at most one `prefix` tile whose keys come
before those of the own tile; the two are merged by log-sum-exp.

    short rows (n <= SHORT)    own = [shared, length)   in buckets: padded to one shape, masked, one call
                               prefix = [0, shared)     one tile for a whole group, its queries folded together
    long rows                  own = [start, length)    causal over the new tokens themselves, no cache read
                               prefix = [0, start)
    rows past their window     own = what the window still shows, masked; no prefix

Measured on 2 cores: a padded bucket beats a loop over rows everywhere up to 8 rows of 2,000 keys (gather + flash
0.87 ms against 1.07; 32 rows of 64: 0.12 against 0.64), a mask costs 3 %, and equal runs need no gather at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt

from lmc.backend.runner.cpu.packing import SHORT, RowSpan, size_class

Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

PAD_FACTOR, PAD_KEYS = 1.25, 64  # a bucket may hold this many times its keys, plus this many a row


@dataclass(frozen=True, slots=True)
class Keys:
    """Where a tile's keys are, each row's after another.

    new       [first, ...) of the tokens of this pass
    run       row i: the slots [first + i * step, ...)
    gathered  [first, ...) of the plan's gathered slots
    """

    kind: Literal["new", "run", "gathered"]
    first: int
    step: int = 0


@dataclass(frozen=True, slots=True)
class Tile:
    """One attention call: `rows` rows of `q_len` queries, each over its own `kv_len` keys.

    tokens  the tokens of the pass it answers, a range or a list
    spread  [rows * q_len] token of each query, where rows were padded; the last token stands in
    keep    [len(tokens)] query of each token, where rows were padded
    mask    [rows, q_len, kv_len] true = visible; None = all
    causal  query i sees keys [0, i]
    fold    the queries of a group over one stretch of keys: heads of a token become queries
    """

    tokens: range | Int64
    rows: int
    q_len: int
    kv_len: int
    keys: Keys
    spread: Int64 | None = None
    keep: Int64 | None = None
    mask: Bool | None = None
    causal: bool = False
    fold: bool = False


@dataclass(frozen=True, slots=True)
class WindowTiles:
    """All tiles of a pass for one window; the `own` tiles are in token order. `gather` lists slots to copy."""

    own: tuple[Tile, ...]
    prefix: tuple[Tile, ...]
    gather: Int64


class Gather:
    """Collects the slots that cannot be read as views."""

    def __init__(self) -> None:
        self.parts: list[npt.NDArray[np.int32]] = []
        self.length = 0

    def keys(self, rows: Sequence[npt.NDArray[np.int32]], kv_len: int) -> Keys:
        """Keys of rows of slots, each padded to `kv_len` with its own last slot; a view where one exists."""
        if (view := as_runs(rows, kv_len)) is not None:
            return view
        keys = Keys("gathered", self.length)
        for slots in rows:
            self.parts += [slots, np.repeat(slots[-1:], kv_len - len(slots))]
        self.length += kv_len * len(rows)
        return keys

    def slots(self) -> Int64:
        """Everything collected."""
        return np.concatenate(self.parts).astype(np.int64) if self.parts else np.zeros(0, np.int64)


def as_runs(rows: Sequence[npt.NDArray[np.int32]], kv_len: int) -> Keys | None:
    """Rows of full length, each contiguous, at equal distances: one strided view."""
    if not all(len(slots) == kv_len and is_run(slots) for slots in rows):
        return None
    steps = {int(b[0]) - int(a[0]) for a, b in pairwise(rows)}
    if len(steps) > 1 or any(step < 0 for step in steps):
        return None
    return Keys("run", int(rows[0][0]), steps.pop() if steps else 0)


def is_run(slots: npt.NDArray[np.int32]) -> bool:
    """True where each slot is one more than the one before."""
    return int(slots[-1]) - int(slots[0]) == len(slots) - 1 and bool((np.diff(slots) == 1).all())


def cut(spans: Sequence[RowSpan], window: int | None) -> WindowTiles:
    """Tiles of a packed pass in layers that see `window` positions."""
    gather = Gather()
    own: list[Tile] = []
    prefix: list[Tile] = shared_tiles(spans, window, gather)
    for bucket in buckets(spans, window):
        if is_long(bucket[0], window):
            own.append(new_tile(bucket[0]))
            prefix += [cached_tile(bucket[0], gather)] if bucket[0].start else []
        else:
            own.append(bucket_tile(bucket, window, gather))
    return WindowTiles(tuple(own), tuple(prefix), gather.slots())


def is_past(span: RowSpan, window: int | None) -> bool:
    """True where the window hides some of the row's tokens."""
    return window is not None and span.length > window


def is_long(span: RowSpan, window: int | None) -> bool:
    """True where a row is computed alone: new tokens over themselves, and over their prefix."""
    return span.n > SHORT and not is_past(span, window)


def own_start(span: RowSpan, window: int | None) -> int:
    """First position of the stretch that a bucketed row reads by itself."""
    return max(0, span.start + 1 - window) if window is not None and is_past(span, window) else span.shared


def buckets(spans: Sequence[RowSpan], window: int | None) -> Iterable[list[RowSpan]]:
    """Neighbours that one padded call answers; a long row comes alone."""
    bucket: list[RowSpan] = []
    longest = total = 0
    for span in spans:
        keys = span.length - own_start(span, window)
        longest, total = max(longest, keys), total + keys
        if bucket and not (same_shape(bucket[0], span) and wastes_little(longest, len(bucket) + 1, total)):
            yield bucket
            bucket, longest, total = [], keys, keys
        bucket.append(span)
    if bucket:
        yield bucket


def same_shape(a: RowSpan, b: RowSpan) -> bool:
    """True where both are short, with about as many new tokens."""
    return a.n <= SHORT and size_class(a.n) == size_class(b.n)


def wastes_little(longest: int, rows: int, total: int) -> bool:
    """True where padding `rows` rows of `total` keys to the longest reads little for nothing."""
    return longest * rows <= PAD_FACTOR * total + PAD_KEYS * rows


def new_tile(span: RowSpan) -> Tile:
    """A long row's new tokens over themselves."""
    return Tile(range(span.first, span.first + span.n), 1, span.n, span.n, Keys("new", span.first), causal=True)


def cached_tile(span: RowSpan, gather: Gather) -> Tile:
    """A long row's new tokens over everything before them."""
    start = span.start
    keys = gather.keys([span.slots[:start]], start)
    return Tile(range(span.first, span.first + span.n), 1, span.n, start, keys)


def shared_tiles(spans: Sequence[RowSpan], window: int | None, gather: Gather) -> list[Tile]:
    """One tile a group: all its tokens over the shared stretch."""
    groups: dict[bytes, list[RowSpan]] = {}
    for span in spans:
        if span.shared and not is_past(span, window):
            groups.setdefault(span.slots[: span.shared].tobytes(), []).append(span)
    return [shared_tile(members, gather) for members in groups.values()]


def shared_tile(members: Sequence[RowSpan], gather: Gather) -> Tile:
    """The tokens of `members` folded over their common first slots."""
    tokens = np.concatenate([np.arange(s.first, s.first + s.n) for s in members])
    length = members[0].shared
    keys = gather.keys([members[0].slots[:length]], length)
    adjacent = int(tokens[-1]) - int(tokens[0]) == len(tokens) - 1
    where = range(int(tokens[0]), int(tokens[-1]) + 1) if adjacent else tokens
    return Tile(where, 1, len(tokens), length, keys, fold=True)


def bucket_tile(bucket: Sequence[RowSpan], window: int | None, gather: Gather) -> Tile:
    """Short rows of about one shape, padded to one."""
    starts = [own_start(s, window) for s in bucket]
    q_len, kv_len = max(s.n for s in bucket), max(s.length - lo for s, lo in zip(bucket, starts))
    keys = gather.keys([s.slots[lo:] for s, lo in zip(bucket, starts)], kv_len)
    # [rows, q_len]: which of its row's new tokens each query is
    query = np.minimum(np.arange(q_len)[None], np.array([[s.n - 1] for s in bucket]))
    spread = query + np.array([[s.first] for s in bucket])
    mask = visible(query + np.array([[s.start] for s in bucket]), np.array(starts), kv_len, window)
    tokens = range(bucket[0].first, bucket[-1].first + bucket[-1].n)
    padded = len(tokens) != spread.size
    return Tile(
        tokens,
        len(bucket),
        q_len,
        kv_len,
        keys,
        spread=spread.ravel() if padded else None,
        keep=np.concatenate([i * q_len + np.arange(s.n) for i, s in enumerate(bucket)]) if padded else None,
        mask=mask,
    )


def visible(query_pos: Int64, starts: Int64, kv_len: int, window: int | None) -> Bool | None:
    """Which keys at starts + [0, kv_len) the queries at `query_pos` [rows, q_len] see; None where all."""
    key_pos = (starts[:, None] + np.arange(kv_len))[:, None]
    mask = key_pos <= query_pos[:, :, None]
    if window is not None:
        mask &= key_pos > query_pos[:, :, None] - window
    return None if mask.all() else mask
