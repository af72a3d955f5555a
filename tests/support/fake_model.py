"""A model without weights that checks the engine: every slot it reads must hold exactly the prefix it should.

A slot's KV is a tag: the token, its position and a hash chained over the whole prefix. Logits are a hash of the
prefix, so any wrong token, order or slot changes every result behind it. Freed slots are poisoned.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from collections.abc import Sequence as Seq
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from lmc.backend.base import TokenLogprob
from lmc.backend.runner.batch import ForwardBatch, SharedRun, TokenDraws
from lmc.backend.runner.flight import PassOutcome
from lmc.errors import ConstraintError
from lmc.ir.chat import ChatTemplate
from lmc.ir.constraint import Choices, Constraint
from lmc.ir.prompt import Ids, Piece
from lmc.ir.runs import runs, text_of
from tests.support.rows import Draw, Row, each_draw, records_of, rows_of

WORDS = ("the ", "ab", "abc", "ing", "\n\n", "é", "日", "stop", "Answer", " yes", " no", "x" * 7)
EOS = 256
VOCAB = EOS + 2 + len(WORDS)
POISON = -7
Logits = npt.NDArray[np.float32]
_M64 = (1 << 64) - 1


class FakeTokenizer:
    """Bytes, an end token, a control token and a few words of several bytes; encodes the longest word first."""

    key = "fake"
    vocab_size = VOCAB
    slot_bytes = 8
    eos_ids = frozenset({EOS})
    is_byte_level = True
    begin_ids: tuple[int, ...] = ()
    chat: ChatTemplate | None = None

    def __init__(self) -> None:
        self.bytes_of = [bytes([b]) for b in range(256)] + [b"", b""] + [word.encode() for word in WORDS]
        self._words = sorted(((w.encode(), EOS + 2 + i) for i, w in enumerate(WORDS)), key=lambda w: -len(w[0]))

    def encode(self, text: str, *, control: bool = False) -> list[int]:
        return self.encode_bytes(text.encode())

    def encode_bytes(self, data: bytes) -> list[int]:
        ids = []
        while data:
            word, id = next(((w, i) for w, i in self._words if data.startswith(w)), (data[:1], data[0]))
            ids.append(id)
            data = data[len(word) :]
        return ids

    def decode(self, ids: list[int] | tuple[int, ...]) -> str:
        return b"".join(self.bytes_of[id] for id in ids).decode(errors="replace")

    def encode_pieces(self, pieces: Iterable[Piece], *, after: Ids | None = None) -> list[int]:
        ids: list[int] = []
        for run in runs(pieces):
            ids += run.ids if isinstance(run, Ids) else self.encode(text_of(run))
        return ids

    def control_tokens(self) -> dict[str, int]:
        return {}

    def render(self, turns: list[tuple[str, str]], *, open_role: str | None) -> list[Piece]:
        raise NotImplementedError


def mix(x: int) -> int:
    """splitmix64's finaliser."""
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 & _M64
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB & _M64
    return x ^ (x >> 31)


def chain(tag: int, token: int) -> int:
    """The tag of a prefix one token longer."""
    return mix((tag * 31 + token + 0x9E3779B97F4A7C15) & _M64)


@lru_cache(maxsize=200_000)
def logits_of(tag: int) -> npt.NDArray[np.float32]:
    """[V] logits after the prefix with that tag."""
    with np.errstate(over="ignore"):
        x = np.arange(VOCAB, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(tag)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x ^= x >> np.uint64(31)
    logits = (x >> np.uint64(40)).astype(np.float32) / np.float32(1 << 22)  # [0, 4)
    logits[EOS] -= 1.5
    logits[EOS + 1] -= 9.0
    return logits


def tag_of(ids: Seq[int]) -> int:
    """The tag of a whole prefix."""
    tag = 0
    for id in ids:
        tag = chain(tag, id)
    return tag


def log_softmax(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Natural-log probabilities."""
    x = logits.astype(np.float64)
    x -= x.max()
    return x - math.log(float(np.exp(x).sum()))


def pick(logits: npt.NDArray[np.float32], draw: Draw) -> TokenLogprob:
    """What the fake samples; a function of the logits and the draw alone."""
    allowed = np.ones(VOCAB, bool)
    if draw.mask is not None:
        bits = np.unpackbits(draw.mask.view(np.uint8), bitorder="little")
        allowed &= bits[:VOCAB].astype(bool)
    allowed[list(draw.banned)] = False
    if not allowed.any():
        return TokenLogprob(-1, 0.0)
    logprobs = log_softmax(logits)
    scores = np.where(allowed, logits.astype(np.float64), -np.inf)
    if draw.sampling.frequency_penalty:
        for id in draw.output:
            scores[id] -= draw.sampling.frequency_penalty
    if not draw.sampling.greedy:
        noise = np.random.default_rng([draw.seed, draw.position]).gumbel(size=VOCAB)
        scores = scores / draw.sampling.temperature + noise
    id = int(scores.argmax())
    top = np.argsort(-logprobs)[: draw.sampling.top_logprobs_num]
    return TokenLogprob(id, float(logprobs[id]), tuple((int(t), float(logprobs[t])) for t in top))


class FakeRunner:
    """A Runner whose attention is a check.

    computed      tokens run through the model, passes  forward passes, last  the last batch of them
    fail_when     a predicate on a Row: a pass with such a row raises when it is launched
    fail_results  a predicate on the number of a pass: its `result` raises
    """

    vocab_size = VOCAB
    slot_bytes = 8
    depth = 1

    def __init__(self, num_slots: int = 4096, max_len: int = 2048) -> None:
        self.num_slots = num_slots
        self.max_len = max_len
        self.token: npt.NDArray[np.int64] = np.full(num_slots, POISON)
        self.pos: npt.NDArray[np.int64] = np.full(num_slots, POISON)
        self.tag: list[int] = [POISON] * num_slots
        self.computed = self.passes = self.computed_passes = 0
        self.row_counts: list[int] = []
        self.last: ForwardBatch | None = None
        self.fail_when: Callable[[Row], bool] | None = None
        self.fail_results: Callable[[int], bool] | None = None

    def poison(self, slots: npt.NDArray[np.int32]) -> None:
        """The pool freed these."""
        self.token[slots] = POISON
        self.pos[slots] = POISON
        for slot in slots.tolist():
            self.tag[slot] = POISON

    def launch(self, batch: ForwardBatch) -> FakeFlight:
        self.accept(batch)
        return self.compute(batch)

    def compute(self, batch: ForwardBatch) -> FakeFlight:
        """The pass that was accepted."""
        self.computed_passes += 1
        return FakeFlight(self.forward(batch), self.computed_passes, self.fail_results)

    def accept(self, batch: ForwardBatch) -> None:
        """Count a pass; an injected failure of its launch is raised here."""
        self.passes += 1
        self.last = batch
        self.row_counts.append(batch.num_rows)
        if self.fail_when is not None and any(self.fail_when(row) for row in rows_of(batch)):
            raise RuntimeError("injected failure")

    def forward(self, batch: ForwardBatch) -> list[Logits]:
        """Logits by row, each row's in token order."""
        assert all(array.dtype == np.int32 for array in (batch.tokens, batch.offsets, batch.starts, *batch.tables))
        rows = rows_of(batch)
        written = [slot for row in rows for slot in row.slots[row.start :].tolist()]
        assert len(written) == len(set(written)), "a slot is written once in a pass"
        assert len(seats := [row.seat for row in rows if row.seat >= 0]) == len(set(seats)), "a seat is one row's"
        check_runs(batch.runs, rows)
        later = set(written)  # by this row or one behind it
        return [logits for row in rows for logits in self._run(row, self._check_prefix(row, later))]

    def _check_prefix(self, row: Row, later: set[int]) -> int:
        """The tag of the prefix that the row's slots hold; those of the rows before it may be among them."""
        assert len(row.tokens) >= 1 and 0 <= row.wanted <= len(row.tokens)
        slots = row.slots[: row.start]
        assert len(row.slots) <= self.max_len, "past the model's length"
        assert (self.pos[slots] == np.arange(row.start)).all(), "every slot read holds its position"
        tag = 0
        for slot, token in zip(slots.tolist(), self.token[slots].tolist(), strict=True):
            assert slot not in later, "no slot is read that this row or a later one writes"
            tag = chain(tag, token)
            assert tag == self.tag[slot], "every slot read holds exactly its prefix"
        later.difference_update(row.slots[row.start :].tolist())
        return tag

    def _run(self, row: Row, tag: int) -> list[Logits]:
        logits = []
        for i, token in enumerate(row.tokens.tolist()):
            tag = chain(tag, token)
            slot = int(row.slots[row.start + i])
            self.token[slot], self.pos[slot], self.tag[slot] = token, row.start + i, tag
            if len(row.tokens) - i <= row.wanted:
                logits.append(logits_of(tag))
        self.computed += len(row.tokens)
        return logits


def check_runs(runs: Seq[SharedRun], rows: Seq[Row]) -> None:
    """Runs are nested or apart, outer ones first, and what they say is shared is."""
    around: list[SharedRun] = []
    for run in runs:
        assert run.num_rows > 1 and 0 <= run.low < run.high
        while around and around[-1].end <= run.first:
            around.pop()
        assert not around or (around[-1].first <= run.first and run.end <= around[-1].end), "a run is inside another"
        assert run.low == (around[-1].high if around else 0), "a run begins where the one around it ends"
        around.append(run)
        first = rows[run.first].slots[: run.high]
        for row in rows[run.first : run.end]:
            assert run.high <= row.start and (row.slots[: run.high] == first).all()


class FakeFlight:
    """A pass that was computed when it was launched."""

    def __init__(self, logits: list[Logits], number: int, fails: Callable[[int], bool] | None) -> None:
        self._logits, self._number, self._fails = logits, number, fails
        self._tokens: list[TokenLogprob] = []
        self._records: dict[int, TokenLogprob] = {}
        self._logprobs: list[float] = []

    def sample(self, at: Seq[int], draws: TokenDraws) -> None:
        self._tokens = [pick(self._logits[i], draw) for i, draw in zip(at, each_draw(draws), strict=True)]
        self._records = records_of(self._tokens, draws)

    def score(self, at: Seq[int], ids: Seq[int]) -> None:
        self._logprobs = [float(log_softmax(self._logits[i])[id]) for i, id in zip(at, ids, strict=True)]

    def result(self) -> PassOutcome:
        if self._fails is not None and self._fails(self._number):
            raise RuntimeError("injected failure of the device")
        return PassOutcome([token.id for token in self._tokens], self._records, self._logprobs)


class FakeMatcher:
    """Text that is one of the options, byte by byte; what all of them go on with is forced."""

    def __init__(
        self, options: tuple[bytes, ...], tokenizer: FakeTokenizer, done: bytes = b"", jumps: bool = True
    ) -> None:
        self.options, self.tokenizer, self.done, self.jumps = options, tokenizer, done, jumps

    def mask(self) -> npt.NDArray[np.int32]:
        bits = np.zeros(-(-VOCAB // 32) * 32, np.uint8)
        for id, data in enumerate(self.tokenizer.bytes_of):
            bits[id] = bool(data) and any(option.startswith(self.done + data) for option in self.options)
        bits[EOS] = self.can_stop()
        return np.packbits(bits, bitorder="little").view(np.int32)

    has_mask = True

    @property
    def may_force(self) -> bool:
        return self.jumps

    def accept(self, id: int) -> bool:
        self.done += self.tokenizer.bytes_of[id]
        return any(option.startswith(self.done) for option in self.options)

    def continued(self, id: int) -> bool:
        after = FakeMatcher(self.options, self.tokenizer, self.done, self.jumps)
        if id == EOS or not after.accept(id) or after.is_done() or after.forced(()):
            return False
        self.done = after.done
        return True

    def is_done(self) -> bool:
        return self.can_stop() and not any(o != self.done and o.startswith(self.done) for o in self.options)

    def can_stop(self) -> bool:
        return self.done in self.options

    def forced(self, ids: Seq[int]) -> tuple[int, ...]:
        """The first tokens of what is left of every option, as far as they are the same."""
        if not self.jumps or self.can_stop():
            return ()
        left = [option[len(self.done) :] for option in self.options if option.startswith(self.done)]
        rows = [self.tokenizer.encode_bytes(rest) for rest in left]
        num = next((i for i, column in enumerate(zip(*rows)) if len(set(column)) > 1), min(map(len, rows)))
        return tuple(rows[0][:num])

    def fork(self) -> FakeMatcher:
        return FakeMatcher(self.options, self.tokenizer, self.done, self.jumps)


class FakeMasks:
    """Follows Choices only."""

    def __init__(self, tokenizer: FakeTokenizer, jumps: bool = True) -> None:
        self.tokenizer = tokenizer
        self.jumps = jumps
        self.made = 0

    def make(self, constraint: Constraint) -> FakeMatcher:
        if not isinstance(constraint, Choices):
            raise ConstraintError("only choices are known here", help="use choices")
        self.made += 1
        return FakeMatcher(tuple(o.encode() for o in constraint.options), self.tokenizer, jumps=self.jumps)

    def is_quick(self, constraint: Constraint) -> bool:
        return True
