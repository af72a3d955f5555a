"""How far a batch is: a bar on a terminal, elsewhere a line now and then; on stderr.

Drawn by the thread that runs the batch, a few times a second at most: there is no other. Where stderr is closed or
full nothing is shown, and the batch goes on.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TextIO

from lmc.observe.report import counted

if TYPE_CHECKING:
    from lmc.observe.report import RunReport

REFRESH_S = 0.2
LINE_S = 30.0


class BatchProgress:
    """Counts what has ended, and shows it.

    total   how many items there will be, None where nobody knows
    counts  the run's report so far
    """

    def __init__(
        self,
        total: int | None,
        counts: Callable[[], RunReport],
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._total, self._counts, self._clock = total, counts, clock
        self._stream = sys.stderr if stream is None else stream
        self._num_ended = self._num_failed = self._num_kept = 0
        self._begin_s = clock()
        # Python has no stderr where the process was started without one
        self._is_shown = self._stream is not None and not self._stream.closed
        self._drawing = self._new_drawing() if self._is_shown and self._stream.isatty() else None
        self._shown_s = self._begin_s
        self._is_closed = False

    def ended(self, is_failed: bool, is_kept: bool = False) -> None:
        """One more item has ended; `is_kept` where that was in an earlier run."""
        self._num_ended += 1
        self._num_failed += is_failed
        self._num_kept += is_kept

    def tick(self) -> None:
        """Show it, if that was not done just now."""
        if self._clock() - self._shown_s >= (REFRESH_S if self._drawing is not None else LINE_S):
            self._show()

    def close(self) -> None:
        """Show how it ended."""
        if self._is_closed:
            return
        self._is_closed = True
        self._show()

    def line(self) -> str:
        """What is known now, as text."""
        seconds, counts = max(self._clock() - self._begin_s, 1e-9), self._counts()
        of_total = "" if self._total is None else f"{self._num_ended} of {counted(self._total, 'item')}"
        items = of_total or counted(self._num_ended, "item")
        said = [items, f"{counts.requests / seconds:.1f} calls/s", f"{counts.output_tokens / seconds:.0f} tokens/s"]
        if counts.prompt_tokens:
            said.append(f"{100 * counts.cached_tokens / counts.prompt_tokens:.0f} % cached")
        if self._num_kept:
            said.append(f"{self._num_kept} from the journal")
        if self._num_failed:
            said.append(f"{self._num_failed} failed")
        left = self.left_s(seconds)
        return ", ".join(said + ([f"{time_of(left)} left"] if left else [f"{time_of(seconds)}"]))

    def left_s(self, seconds: float) -> float | None:
        """Seconds to go, at the rate so far; None where nobody knows."""
        num_run = self._num_ended - self._num_kept
        if self._total is None or not num_run:
            return None
        return (self._total - self._num_ended) * seconds / num_run

    def _show(self) -> None:
        self._shown_s = self._clock()
        self._guarded(self._draw)

    def _guarded(self, show: Callable[[], None]) -> None:
        """Show something, unless nobody can see it any more: a batch goes on without its progress."""
        try:
            if self._is_shown:
                show()
        except (OSError, ValueError):  # ValueError is of a file that has been closed
            self._is_shown = False

    def _draw(self) -> None:
        if self._drawing is None:
            print(f"lmc: {self.line()}", file=self._stream, flush=True)
        else:
            self._drawing.show()
            if self._is_closed:
                self._drawing.stop()

    def _new_drawing(self) -> Drawing:
        return _Bar(self, self._stream)

    @property
    def num_ended(self) -> int:
        """Items that have ended."""
        return self._num_ended

    @property
    def total(self) -> int | None:
        """How many there will be, where that is known."""
        return self._total


class Drawing(Protocol):
    """What is drawn over itself on a terminal."""

    def show(self) -> None:
        """Draw it as it is now."""

    def stop(self) -> None:
        """Leave it as it is, and the terminal as it was."""


class _Bar:
    """A bar, and the line beside it."""

    def __init__(self, progress: BatchProgress, stream: TextIO) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        self._progress = progress
        columns = (BarColumn(bar_width=24), TextColumn("{task.description}", markup=False))
        self._bar = Progress(*columns, console=Console(file=stream), auto_refresh=False)
        self._bar.add_task(progress.line(), total=progress.total)
        self._bar.start()

    def show(self) -> None:
        """Draw it as it is now."""
        progress = self._progress
        self._bar.update(self._bar.task_ids[0], completed=progress.num_ended, description=progress.line())
        self._bar.refresh()

    def stop(self) -> None:
        """Leave it as it is."""
        self._bar.stop()


def time_of(seconds: float) -> str:
    """Seconds as people say them: "40 s", "7 min 06 s"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {whole % 60:02} s"
