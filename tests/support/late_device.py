"""The fake model on a device with one queue that does nothing before somebody waits for it: the latest that it could.

Depth 2. What a launch, a draw or a score is given is copied at the call, as a device's inputs are; what the device
itself keeps (the last token of a seat, KV) is written and read when the work is done, in the order of the queue.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from collections.abc import Sequence as Seq
from dataclasses import replace

import numpy as np

from lmc.backend.base import TokenLogprob
from lmc.backend.runner.batch import FED, Batch, Draws
from lmc.backend.runner.flight import Outcome
from tests.support.fake_model import FakeRunner, Logits, log_softmax, pick
from tests.support.rows import each_draw, records_of


class LateDevice(FakeRunner):
    """A FakeRunner whose passes are computed when the result of theirs, or of a later one, is waited for.

    num_fed   rows that were given no token but the one that the pass before drew
    """

    depth = 2

    def __init__(self, num_slots: int = 4096, max_len: int = 2048) -> None:
        super().__init__(num_slots, max_len)
        self.queue: deque[Callable[[], None]] = deque()
        self.last_of: dict[int, int] = {}  # by seat
        self.num_fed = 0
        self.newest: LateFlight | None = None

    def launch(self, batch: Batch) -> LateFlight:
        self.accept(batch)
        self.num_fed += int((batch.tokens == FED).sum())
        self.newest = LateFlight(self, copied(batch), self.passes)
        self.queue.append(self.newest.compute)
        return self.newest

    def run_until(self, done: Callable[[], bool]) -> None:
        """Work off the queue as far as is needed."""
        while not done():
            self.queue.popleft()()


def copied(batch: Batch) -> Batch:
    """A batch that shares nothing with the engine's."""
    tables = [batch.slots(row).copy() for row in range(batch.num_rows)]
    return replace(batch, tokens=batch.tokens.copy(), tables=tables)


class LateFlight:
    """A pass in the queue."""

    def __init__(self, device: LateDevice, batch: Batch, number: int) -> None:
        self._device, self._batch, self._number = device, batch, number
        self._logits: list[Logits] | None = None
        self._tokens: list[TokenLogprob] = []
        self._records: dict[int, TokenLogprob] = {}
        self._logprobs: list[float] = []
        self._num_asked = self._num_done = 0

    def compute(self) -> None:
        """The forward pass; a row's fed token is the last of its seat by then."""
        batch = self._batch
        for row in range(batch.num_rows):
            at = batch.offsets[row]
            if batch.tokens[at] == FED:
                assert batch.offsets[row + 1] == at + 1, "only a row's one token is fed"
                batch.tokens[at] = self._device.last_of[int(batch.seats[row])]
        self._logits = self._device.forward(batch)

    def sample(self, at: Seq[int], draws: Draws) -> None:
        asked, seats = each_draw(kept(draws)), np.repeat(self._batch.seats, self._batch.wanted)[list(at)].tolist()

        def draw() -> None:
            assert self._logits is not None
            self._tokens = [pick(self._logits[i], each) for i, each in zip(at, asked, strict=True)]
            self._records = records_of(self._tokens, draws)
            self._device.last_of.update((seat, token.id) for seat, token in zip(seats, self._tokens, strict=True))

        self._queue(draw)

    def score(self, at: Seq[int], ids: Seq[int]) -> None:
        asked = list(zip(at, ids, strict=True))

        def score() -> None:
            assert self._logits is not None
            self._logprobs = [float(log_softmax(self._logits[i])[id]) for i, id in asked]

        self._queue(score)

    def result(self) -> Outcome:
        self._device.run_until(lambda: self._logits is not None and self._num_done == self._num_asked)
        if self._device.fail_results is not None and self._device.fail_results(self._number):
            raise RuntimeError("injected failure of the device")
        return Outcome([token.id for token in self._tokens], self._records, self._logprobs)

    def _queue(self, work: Callable[[], None]) -> None:
        assert self._device.newest is self, "a pass is asked before the next is launched"
        self._num_asked += 1

        def run() -> None:
            work()
            self._num_done += 1

        self._device.queue.append(run)


def kept(draws: Draws) -> Draws:
    """Draws that share nothing with the engine's."""
    outputs = {i: tuple(output) for i, output in draws.outputs.items()}
    masks = {i: mask.copy() for i, mask in draws.masks.items()}
    return Draws([*draws.sampling], [*draws.seeds], [*draws.positions], outputs, {**draws.banned}, masks)
