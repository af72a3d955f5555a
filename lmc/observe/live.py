"""A run to look at while it goes on: its items and calls by wave, the engine's rows and pool, rates and time to go.

    tips: 12 of 40 items, 16 running, 12 waiting                                    8 s left
    ━━━━━━━━━━━━━━━━━━╺━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━
    calls   wave 0: easy 12, hard 9; wave 1: best 3
    rows    16 running, 8 waiting; 231 passes, 12 ms each
    tokens  345/s out, 1,200/s computed of prompts, 74 % cached
    pool    34 % of 174,762 tokens: cache 30 %, running 4 %

Drawn on stderr by the thread that runs the batch, as a progress bar is. Where stderr is no terminal nothing is drawn:
the lines of a progress bar come, which is said first.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TextIO

from lmc.observe.progress import BatchProgress, Drawing, time_of
from lmc.observe.report import counted

if TYPE_CHECKING:
    from rich.text import Text

    from lmc.aio import LoopLaunch
    from lmc.backend.base import ForwardPass
    from lmc.launch import Launch, LaunchStatus

WINDOW_S = 3.0  # over which rates are taken
MAX_NAMES = 6  # calls of a wave that are named


class LiveProgress(BatchProgress):
    """Counts what has ended, and shows that and all the rest."""

    def __init__(
        self,
        total: int | None,
        launch: Launch | LoopLaunch,
        name: str,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        stream = sys.stderr if stream is None else stream
        self._name, self._launch = name, launch
        is_terminal = stream is not None and not stream.closed and stream.isatty()
        self._fetch = launch.watch_passes() if is_terminal else None
        self._last: ForwardPass | None = None
        self._num_passes, self._passes_s = 0, 0.0
        self._samples: deque[tuple[float, int, int]] = deque()  # when, output tokens and computed prompt tokens so far
        super().__init__(total, launch.counts, stream, clock)
        if self._drawing is None:
            said = "lmc: stderr is no terminal: a line now and then, not the live view"
            self._guarded(lambda: print(said, file=self._stream, flush=True))

    def _new_drawing(self) -> Drawing:
        return _Screen(self, self._stream)

    # --- what is shown ---------------------------------------------------------------------------------------

    def head(self) -> tuple[str, str]:
        """The items, and the time: to go where that is known."""
        status, seconds = self._launch.status(), max(self._clock() - self._begin_s, 1e-9)
        of = "" if self._total is None else f" of {self._total}"
        said = [f"{self._name}: {self._num_ended}{of} {'item' if self._total == 1 else 'items'}"]
        said.append(f"{status.num_running} running")
        said += [f"{num} {word}" for num, word in self._others(status) if num]
        left = self.left_s(seconds)
        return ", ".join(said), f"{time_of(left)} left" if left else time_of(seconds)

    def _others(self, status: LaunchStatus) -> list[tuple[int, str]]:
        return [(status.num_waiting, "waiting"), (self._num_kept, "from the journal"), (self._num_failed, "failed")]

    def rows(self) -> Iterator[tuple[str, str]]:
        """A word, and what there is to say of it now."""
        yield "calls", _calls(self._launch.status())
        self._take_passes()
        if self._last is not None:
            each = 1e3 * self._passes_s / self._num_passes
            running = f"{self._last.num_running} running, {self._last.num_waiting} waiting"
            yield "rows", f"{running}; {counted(self._num_passes, 'pass')}, {each:.3g} ms each"
        yield "tokens", self._tokens()
        if self._last is not None and self._last.max_tokens:
            yield "pool", _pool(self._last)

    def _take_passes(self) -> None:
        for each in self._fetch() if self._fetch is not None else ():
            self._last = each
            self._num_passes += 1
            self._passes_s += each.seconds

    def _tokens(self) -> str:
        now, counts = self._clock(), self._counts()
        self._samples.append((now, counts.output_tokens, counts.computed_tokens))
        while len(self._samples) > 2 and self._samples[1][0] <= now - WINDOW_S:
            self._samples.popleft()
        then, output, computed = self._samples[0]
        seconds = max(now - then, 1e-9)
        out, new = (counts.output_tokens - output) / seconds, (counts.computed_tokens - computed) / seconds
        if now == then:
            out = new = 0.0
        share = f", {100 * counts.cached_tokens / counts.prompt_tokens:.0f} % cached" if counts.prompt_tokens else ""
        return f"{out:,.0f}/s out, {new:,.0f}/s computed of prompts{share}"


def _calls(status: LaunchStatus) -> str:
    """`wave 0: easy 12, hard 9; wave 1: best 3`."""
    waves: dict[str, list[tuple[str, int]]] = {}
    for (wave, name), num in status.calls.items():
        waves.setdefault(wave, []).append((name, num))
    said = []
    for wave, calls in sorted(waves.items(), key=lambda each: _order(each[0])):
        named = sorted(calls, key=lambda each: (-each[1], each[0]))
        more = len(named) - MAX_NAMES
        words = ", ".join(f"{name} {num}" for name, num in named[:MAX_NAMES])
        words += f" and {more} more names" if more > 0 else ""
        said.append(f"wave {wave}: {words}" if wave else words)
    return "; ".join(said) or "none is waited for"


def _order(wave: str) -> tuple[int, ...]:
    return tuple(int(part) for part in wave.split(".") if part)


def _pool(last: ForwardPass) -> str:
    held, cached = (100 * num / last.max_tokens for num in (last.held_tokens, last.cached_tokens))
    runs = max(0.0, held - cached)
    return f"{held:.0f} % of {last.max_tokens:,} tokens: cache {cached:.0f} %, running {runs:.0f} %"


# --- on a terminal ---------------------------------------------------------------------------------------


class _Screen:
    """Some lines that are drawn over one another; a line that does not fit is cut."""

    def __init__(self, progress: LiveProgress, stream: TextIO) -> None:
        from rich.console import Console
        from rich.live import Live

        self._progress = progress
        self._console = Console(file=stream)
        # what the program prints comes above the lines, but where it is read by somebody else
        self._live = Live(console=self._console, auto_refresh=False, redirect_stdout=sys.stdout.isatty())
        self._live.start()

    def show(self) -> None:
        """Draw it as it is now."""
        self._live.update(self._drawn(), refresh=True)

    def stop(self) -> None:
        """Leave the lines as they are, and the terminal as it was."""
        self._live.stop()

    def _drawn(self) -> Text:
        from rich.text import Text

        progress, width = self._progress, self._console.width
        lines = [Text(line, no_wrap=True, overflow="ellipsis") for line in text_lines(progress, width)]
        if progress.total:
            done = min(width, width * progress.num_ended // progress.total)
            lines.insert(1, Text.assemble(("━" * done, "green"), ("━" * (width - done), "bright_black")))
        return Text("\n").join(lines)


def text_lines(progress: LiveProgress, width: int) -> Sequence[str]:
    """The lines, none longer than the terminal is wide."""
    said, time_left = progress.head()
    room = width - len(time_left) - 2
    lines = (
        [f"{_cut(said, room)}{' ' * max(2, width - len(said) - len(time_left))}{time_left}"] if room > 12 else [said]
    )
    lines += [f"{word:<8}{text}" for word, text in progress.rows()]
    return [_cut(line, width) for line in lines]


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: max(0, room - 1)]}…"
