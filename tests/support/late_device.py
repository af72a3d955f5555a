"""A device with one queue that does nothing before somebody waits for it: all work as late as it may be done.

It computes by another runner, of depth 1. What a launch, a draw or a score is given is copied at the call, as a
device's inputs are; what a device itself keeps (the last token of a seat, KV) is written and read when the work is
done, in the order of the queue.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from collections.abc import Sequence as Seq
from dataclasses import replace

import numpy as np

from lmc.backend.runner.batch import FED, ForwardBatch, TokenDraws
from lmc.backend.runner.flight import Flight, PassOutcome, Runner


class LateDevice:
    """A Runner of depth 2 whose passes are computed when the result of theirs, or of a later one, is waited for.

    accept    called with each batch when it is launched; what it raises is an error of the launch
    compute   the pass itself, by the other runner
    num_fed   rows so far that were given no token but the one that the pass before drew
    """

    depth = 2

    def __init__(
        self, inner: Runner, accept: Callable[[ForwardBatch], None], compute: Callable[[ForwardBatch], Flight]
    ) -> None:
        self.vocab_size, self.num_slots, self.max_len = inner.vocab_size, inner.num_slots, inner.max_len
        self.accept, self.compute = accept, compute
        self.queue: deque[Callable[[], None]] = deque()
        self.last_of: dict[int, int] = {}  # by seat
        self.num_fed = 0
        self.newest: LateFlight | None = None

    def launch(self, batch: ForwardBatch) -> LateFlight:
        """Put a pass into the queue."""
        self.accept(batch)
        self.num_fed += int((batch.tokens == FED).sum())
        self.newest = LateFlight(self, copied(batch))
        self.queue.append(self.newest.compute)
        return self.newest

    def run_until(self, done: Callable[[], bool]) -> None:
        """Work off the queue as far as is needed."""
        while not done():
            self.queue.popleft()()


def late(runner: Runner) -> LateDevice:
    """Any runner of depth 1, late."""
    return LateDevice(runner, lambda batch: None, runner.launch)


def copied(batch: ForwardBatch) -> ForwardBatch:
    """A batch that shares nothing with the engine's."""
    tables = [batch.slots(row).copy() for row in range(batch.num_rows)]
    return replace(batch, tokens=batch.tokens.copy(), tables=tables)


class LateFlight:
    """A pass in the queue."""

    def __init__(self, device: LateDevice, batch: ForwardBatch) -> None:
        self._device, self._batch = device, batch
        self._flight: Flight | None = None
        self._num_asked = self._num_done = 0

    def compute(self) -> None:
        """The forward pass; a row's fed token is the last of its seat by then."""
        batch = self._batch
        for row in range(batch.num_rows):
            at = batch.offsets[row]
            if batch.tokens[at] == FED:
                assert batch.offsets[row + 1] == at + 1, "only a row's one token is fed"
                batch.tokens[at] = max(0, self._device.last_of[int(batch.seats[row])])
        self._flight = self._device.compute(batch)

    def sample(self, at: Seq[int], draws: TokenDraws) -> None:
        """Queue the draws, and that their tokens are kept for the seats."""
        seats = np.repeat(self._batch.seats, self._batch.wanted)[list(at)].tolist()
        rows, asked = list(at), kept(draws)

        def draw() -> None:
            assert self._flight is not None
            self._flight.sample(rows, asked)
            self._device.last_of.update(zip(seats, self._flight.result().ids, strict=True))

        self._ask(draw)

    def score(self, at: Seq[int], ids: Seq[int]) -> None:
        """Queue the scores."""
        rows, asked = list(at), list(ids)

        def score() -> None:
            assert self._flight is not None
            self._flight.score(rows, asked)

        self._ask(score)

    def result(self) -> PassOutcome:
        """Work off the queue up to what was asked of this pass."""
        self._device.run_until(lambda: self._flight is not None and self._num_done == self._num_asked)
        assert self._flight is not None
        return self._flight.result()

    def _ask(self, work: Callable[[], None]) -> None:
        assert self._device.newest is self, "a pass is asked before the next is launched"
        self._num_asked += 1

        def run() -> None:
            work()
            self._num_done += 1

        self._device.queue.append(run)


def kept(draws: TokenDraws) -> TokenDraws:
    """Draws that share nothing with the engine's; a mask that cannot be written to stays the one it is."""
    outputs = {i: tuple(output) for i, output in draws.outputs.items()}
    masks = {i: mask.copy() if mask.flags.writeable else mask for i, mask in draws.masks.items()}
    return TokenDraws([*draws.sampling], [*draws.seeds], [*draws.positions], outputs, {**draws.banned}, masks)
