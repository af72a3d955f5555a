"""What a run keeps of a model call for those who want to look at it afterwards: as it was asked, answered and timed."""

from __future__ import annotations

import time
from collections.abc import Sequence

from lmc.backend.base import Event, Finished, Request, SegmentEnd
from lmc.executor.call_params import CallParams
from lmc.ir.prompt import Tokenizer


class MadeCall:
    """A call that was asked; `end_s` is None where its item was over before it ended.

    position  in the program, as failures are ordered
    request   the last one, where it was asked several times
    rids      of all of them
    lineage   of the state it was asked in: which branch
    texts     what stands in the texts of a fused form
    ends      of its samples, or of the segments of a form; `finished` by sample
    begin_s, first_s, end_s  when it was made, when its first text or segment was there, and its last; since `run_s`,
                             the run's begin on the clock of `time.perf_counter`
    """

    __slots__ = (
        "begin_s", "end_s", "ends", "error", "finished", "first_s", "lineage", "params", "position", "request", "rids",
        "run_s", "texts", "tokenizer",
    )  # fmt: skip

    def __init__(
        self,
        position: tuple[int, ...],
        params: CallParams,
        request: Request,
        lineage: int,
        texts: Sequence[str],
        tokenizer: Tokenizer,
        run_s: float,
    ) -> None:
        self.position, self.params, self.request = position, params, request
        self.lineage, self.texts, self.tokenizer = lineage, texts, tokenizer
        self.run_s = run_s
        self.begin_s = time.perf_counter() - run_s
        self.first_s: float | None = None
        self.end_s: float | None = None
        self.rids = [request.rid]
        self.ends: Sequence[SegmentEnd | None] = ()
        self.finished: Sequence[Finished | None] = ()
        self.error: BaseException | None = None

    @property
    def num_asked(self) -> int:
        """How often it was asked."""
        return len(self.rids)

    def heard(self, event: Event) -> None:
        """Note when the first thing was said."""
        if self.first_s is None and type(event) is not Finished:
            self.first_s = time.perf_counter() - self.run_s

    def ended(
        self,
        request: Request,
        ends: Sequence[SegmentEnd | None],
        finished: Sequence[Finished | None],
        error: BaseException | None,
    ) -> None:
        """The call is over."""
        self.end_s = time.perf_counter() - self.run_s
        self.request, self.ends, self.finished, self.error = request, ends, finished, error
