"""Items as token ids: what the model reads, what it is asked to write, and rows of fixed length packed with them.

The tokens are cut as lmc cuts them: known text is one run, each generated piece is encoded by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, groupby
from random import Random
from typing import TYPE_CHECKING

import numpy as np

from scripts.tiny.item import Item, Piece, Shown
from scripts.tiny.tasks import EASY_STEPS, draw
from scripts.tiny.tokenizer import END, ROLES
from scripts.tiny.world import World

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

Array = np.ndarray
Run = tuple[str, int, str, tuple[tuple[int, int], ...]]
READ, WRITTEN, CLOSED = range(3)  # by the user; by the model; by the model, one of a few choices


@dataclass(frozen=True, slots=True)
class Encoded:
    """Token ids of an item, and for each who writes it; `last` is where the model's last text begins."""

    ids: list[int]
    written: list[int]  # READ, WRITTEN or CLOSED
    last: int


@dataclass(frozen=True, slots=True)
class Rows:
    """A packed batch, [num_rows, row_len] each.

    ids      tokens
    targets  the token after each
    weight   of the loss at each token: 1 or more where the model writes the next token, less where it reads it, 0 at ends
    item     number of the item in its row, -1 for padding
    place    position in its item
    """

    ids: Array
    targets: Array
    weight: Array
    item: Array
    place: Array


class Encoder:
    """Encodes items with one tokenizer."""

    def __init__(self, bpe: Tokenizer) -> None:
        self.bpe = bpe
        self.end = bpe.token_to_id(END)
        self.roles = {role: bpe.token_to_id(token) for role, token in ROLES.items()}

    def encode(self, items: list[Item]) -> list[Encoded]:
        """All of them with one call of the tokenizer."""
        plans = [list(runs(item)) for item in items]
        texts = [text for plan in plans for text, *_ in plan]
        encodings = iter(self.bpe.encode_batch_fast(texts, add_special_tokens=False))
        return [self.join(plan, encodings) for plan in plans]

    def join(self, plan: list[Run], encodings: Iterator[Encoding]) -> Encoded:
        """The runs of one item end to end, with the tokens of its turns between."""
        ids: list[int] = []
        written: list[int] = []
        last = 0
        for _, writer, mark, shown in plan:
            encoding = next(encodings)
            found = encoding.ids
            if mark in self.roles:
                ids.append(self.roles[mark])
                written.append(READ)
            if writer:
                last = len(ids)
            ids += found
            written += [CLOSED if within(shown, *offsets) else writer for offsets in encoding.offsets]
            if not writer and found and len(ids) > len(found) and written[-len(found) - 1]:
                written[-len(found)] = WRITTEN  # what ends a generated piece
            if mark == "end":
                ids.append(self.end)
                written.append(WRITTEN if writer else READ)
        return Encoded(ids, written, last)


def runs(item: Item) -> Iterator[Run]:
    """(text, writer, mark, shown) of each run.

    The mark is a role that the run opens, or "end" where its turn ends; `shown` has the (begin, end) of its `Shown`.
    """
    for turn in item.turns:
        if turn.role != "text":
            yield "", READ, turn.role, ()
        pieces = [(kind, list(group)) for kind, group in groupby(turn.pieces, key=writer_of)]
        for at, (writer, group) in enumerate(pieces):
            texts = [piece if isinstance(piece, str) else piece.text for piece in group]
            ends = list(accumulate(map(len, texts)))
            shown = tuple(
                (end - len(piece.text), end) for piece, end in zip(group, ends, strict=True) if isinstance(piece, Shown)
            )
            yield "".join(texts), writer, "end" if at == len(pieces) - 1 else "", shown


def within(spans: tuple[tuple[int, int], ...], begin: int, end: int) -> bool:
    """Whether the text from `begin` to `end` reaches into one of the spans."""
    return any(begin < stop and end > start for start, stop in spans)


def writer_of(piece: Piece) -> int:
    if isinstance(piece, str | Shown):
        return READ
    return CLOSED if piece.choices else WRITTEN


def pack(
    encoded: list[Encoded], num_rows: int, row_len: int, read_weight: float = 0.1, closed_weight: float = 1.0
) -> Rows:
    """Rows filled by first fit, longest items first; items that fit nowhere are left out."""
    ids, targets, place = (np.zeros((num_rows, row_len), np.int64) for _ in range(3))
    weight, item = np.zeros((num_rows, row_len), np.float32), np.full((num_rows, row_len), -1, np.int32)
    used = [0] * num_rows
    for number, each in enumerate(sorted(encoded, key=lambda each: -len(each.ids))):
        size = len(each.ids)
        row = next((row for row in range(num_rows) if used[row] + size <= row_len), None)
        if row is None:
            continue
        span = slice(used[row], used[row] + size)
        ids[row, span], place[row, span], item[row, span] = each.ids, np.arange(size), number
        targets[row, span] = [*each.ids[1:], 0]
        weight[row, span] = np.choose([*each.written[1:], READ], (read_weight, 1.0, closed_weight))
        weight[row, span.stop - 1] = 0
        used[row] += size
    return Rows(ids, targets, weight, item, place)


# (rows, tokens of a row, share of the batches): short items, long ones, and several tasks in one conversation
SHAPES = ((32, 256, 0.6), (16, 512, 0.34), (8, 1024, 0.06))


def batch(encoder: Encoder, seed: int, step: int) -> Rows:
    """Batch number `step` of the training stream; the same for the same seed."""
    rng = Random(f"{seed}:{step}")
    easy = step < EASY_STEPS
    world, closed_weight = World(rng, easy=easy), 1.0 if easy else 5.0
    (shape,) = rng.choices(range(len(SHAPES)), weights=[share for _, _, share in SHAPES])
    num_rows, row_len, _ = SHAPES[shape]
    if row_len == 1024:
        items = [session(world, rng) for _ in range(num_rows * 2)]
        return pack([each for each in encoder.encode(items) if len(each.ids) <= row_len], num_rows, row_len)
    low, found, total = (0, [], 0) if row_len == 256 else (160, [], 0)
    while total < num_rows * row_len * 1.05:
        for each in encoder.encode([draw(world) for _ in range(48)]):
            if low < len(each.ids) <= row_len:
                found.append(each)
                total += len(each.ids)
    return pack(found, num_rows, row_len, closed_weight=closed_weight)


def session(w: World, rng: Random) -> Item:
    """One conversation of several unrelated tasks."""
    turns: list = []
    for _ in range(rng.randint(3, 9)):
        item = draw(w)
        if item.turns[0].role != "text":
            turns += [turn for turn in item.turns if turn.role != "system" or not turns]
    return Item("session", tuple(turns)) if turns else session(w, rng)


def tests(encoder: Encoder, task: str, count: int, seed: int) -> list[tuple[Item, Encoded]]:
    """Held-out items of one task."""
    from scripts.tiny.tasks import TASKS

    world = World(Random(f"test:{task}:{seed}"), test=True)
    items = [TASKS[task](world) for _ in range(count)]
    return list(zip(items, encoder.encode(items), strict=True))
