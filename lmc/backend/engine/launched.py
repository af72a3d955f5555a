"""A pass under way with the works it does: asked for tokens and scores, then landed."""

from __future__ import annotations

from collections.abc import Sequence as Seq

from lmc.backend.engine.tree import PrefixOrder
from lmc.backend.engine.work import Work, assemble
from lmc.backend.runner.batch import TokenDraws
from lmc.backend.runner.flight import PassOutcome, Runner


class Launched:
    """Works in the order they were scheduled, and their flight; `step` is the pool's number of the pass.

    `begin_s` is when it was launched, for a record of passes; 0 where there is none.

    Raises what the runner's `launch` raises; nothing is under way then.
    """

    __slots__ = ("_error", "_flight", "_sampled", "_scored", "begin_s", "is_in_step", "step", "works")

    def __init__(self, runner: Runner, works: Seq[Work], prefixes: PrefixOrder, step: int, begin_s: float) -> None:
        # rows with a prefix in common stand beside each other; answers find their way back by `Work.at`
        order, runs = prefixes.of(works)
        self._flight = runner.launch(assemble([works[index] for index in order], runs))
        self._sampled: list[Work] = []
        self._scored: list[tuple[Work, int]] = []
        self._error: Exception | None = None
        self.works = works
        self.step = step
        self.begin_s = begin_s
        self.is_in_step = runner.depth > 1 and any(work.is_in_step for work in works)

    def ask(self) -> None:
        """Queue the draws and scores of the works that are still of use. Masks are made here, beside the pass."""
        try:
            self._sample()
            self._score()
        # told where the pass lands: there works are settled, in their order
        except Exception as error:
            self._error = error

    def land(self) -> None:
        """Wait, and give each work what came of it; an error of the device is every work's."""
        try:
            if self._error is not None:
                raise self._error
            self._hand_out(self._flight.result())
        # a constraint's own error says more than that of the pass
        except Exception as error:
            for work in self.works:
                work.error = work.error or DeviceError(error)

    def _sample(self) -> None:
        at: list[int] = []
        draws = TokenDraws()
        for work in self.works:
            # void since the launch, when the pass before was landed: its rows are computed and nobody asks for them
            if not work.samples or work.is_void:
                continue
            assert work.generation is not None
            try:
                work.generation.draw(draws, work.end)
            except Exception as error:  # of its constraint, so of this work alone
                work.error = error
                continue
            at.append(work.at + work.num_logits - 1)
            self._sampled.append(work)
        if at:
            self._flight.sample(at, draws)

    def _score(self) -> None:
        at: list[int] = []
        ids: list[int] = []
        for work in self.works:
            if work.is_void or (work.plan is None and not work.forced):
                continue
            rows, wanted = work.picks()
            at += rows
            ids += wanted
            self._scored.append((work, len(wanted)))
        if at:
            self._flight.score(at, ids)

    def _hand_out(self, outcome: PassOutcome) -> None:
        for work, id in zip(self._sampled, outcome.ids, strict=True):
            work.id = id
        for index, record in outcome.records.items():
            self._sampled[index].record = record
        first = 0
        for work, num in self._scored:
            work.logprobs = outcome.logprobs[first : first + num]
            first += num


class DeviceError(Exception):
    """A pass failed as a whole: no sequence of it is at fault, and each may be tried again."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(f"{type(cause).__name__}: {cause}")
        self.__cause__ = cause
