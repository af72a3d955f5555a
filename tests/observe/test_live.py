"""The live view of a run: what it says, how wide it is, and what it leaves behind."""

from __future__ import annotations

import contextlib
import io
import os
import select
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

import lmc
from lmc.backend.base import ForwardPass, PassRow
from lmc.cli import main
from lmc.launch import LaunchStatus
from lmc.observe.live import LiveProgress, text_lines
from lmc.observe.report import RunReport


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Going:
    """A launch that says what it is told to say."""

    def __init__(self) -> None:
        self.passes: list[ForwardPass] = []
        self.report = RunReport("cpu", 50, 1000, 740, 260, 80, 10)
        calls = Counter({("0", "easy"): 12, ("0", "hard"): 9, ("1", "best"): 3, ("10.0", "last"): 1})
        self.now = LaunchStatus(16, 12, calls)

    def counts(self) -> RunReport:
        return self.report

    def status(self) -> LaunchStatus:
        return self.now

    def watch_passes(self) -> Callable[[], list[ForwardPass]]:
        def take() -> list[ForwardPass]:
            found, self.passes = self.passes, []
            return found

        return take


def forward_pass(number: int, max_tokens: int = 1000) -> ForwardPass:
    return ForwardPass(number, 0.1 * number, 0.012, (PassRow(0, 0, 1, 0, 0, 1),), 1, 1, 16, 8, 340, 300, max_tokens)


@pytest.fixture
def going() -> Going:
    return Going()


def shown(going: Going, clock: Clock, total: int | None = 40) -> LiveProgress:
    return LiveProgress(total, going, "tips", Terminal(), clock)  # type: ignore[arg-type]


def test_it_says_what_goes_on(going: Going) -> None:
    """Items, calls by wave in the order of waves, rows, rates and the pool."""
    clock = Clock()
    progress = shown(going, clock)
    text_lines(progress, 100)
    going.passes = [forward_pass(n) for n in range(4)]
    going.report = RunReport("cpu", 80, 2000, 1480, 520, 700, 14)
    clock.now = 2.0
    for n in range(12):
        progress.ended(n == 3)

    assert text_lines(progress, 90) == [
        "tips: 12 of 40 items, 16 running, 12 waiting, 1 failed                            5 s left",
        "calls   wave 0: easy 12, hard 9; wave 1: best 3; wave 10.0: last 1",
        "rows    16 running, 8 waiting; 4 passes, 12 ms each",
        "tokens  310/s out, 130/s computed of prompts, 74 % cached",
        "pool    34 % of 1,000 tokens: cache 30 %, running 4 %",
    ]
    progress.close()


def test_rates_are_of_the_last_seconds(going: Going) -> None:
    """Not of the whole run: a batch that stalls shows it."""
    clock = Clock()
    progress = shown(going, clock)
    lines = []
    for second in range(20):
        clock.now = float(second)
        going.report = RunReport("cpu", 1, 0, 0, 0, 100 * min(second, 10), 1)
        lines.append(text_lines(progress, 90)[-1])
    assert [line.split()[1] for line in lines] == ["0/s", *["100/s"] * 10, "67/s", "33/s", *["0/s"] * 7]
    progress.close()


def test_what_is_not_known_is_not_said(going: Going) -> None:
    """No pool, no passes, no total, no waves."""
    clock = Clock()
    going.now = LaunchStatus(1, 0, Counter({("", "easy"): 2}))
    progress = shown(going, clock, None)
    going.passes = [forward_pass(0, max_tokens=0)]
    words = [line.split()[0] for line in text_lines(progress, 80)]
    assert words == ["tips:", "calls", "rows", "tokens"]
    assert text_lines(progress, 80)[1] == "calls   easy 2"
    going.now = LaunchStatus(0, 0, Counter())
    assert text_lines(progress, 80)[1] == "calls   none is waited for"
    progress.close()


@pytest.mark.parametrize("width", [10, 24, 40, 60, 200])
def test_no_line_is_wider_than_the_terminal(going: Going, width: int) -> None:
    """Many names, and a long one for the program."""
    going.now = LaunchStatus(1, 2, Counter({("0", f"name_{n}"): n for n in range(30)}))
    progress = LiveProgress(10**6, going, "a_program_with_a_long_name" * 3, Terminal(), Clock())  # type: ignore[arg-type]
    going.passes = [forward_pass(0)]
    assert all(len(line) <= width for line in text_lines(progress, width))
    progress.close()


def test_a_batch_draws_it_and_leaves_the_cursor() -> None:
    """Hidden while it is drawn over, shown again at the end, also where the batch breaks off."""

    @lmc.function
    def tips(s, topic: str):
        s += f"{topic}: " + lmc.gen("tip", max_tokens=4)

    for breaks in (False, True):
        screen = Terminal()
        with contextlib.redirect_stderr(screen), contextlib.suppress(KeyboardInterrupt):
            for result in tips.run_batch(
                [{"topic": "a"}, {"topic": "b"}], backend="echo", progress_bar="live", generator_style=True
            ):
                if breaks:
                    raise KeyboardInterrupt
                assert result.error is None
        drawn = screen.getvalue()
        assert drawn.count("\x1b[?25l") == drawn.count("\x1b[?25h") == 1
        assert breaks or "tips: 2 of 2 items" in drawn


def test_without_a_terminal_it_says_so_and_gives_lines(tmp_path: Path) -> None:
    """In a file or a CI log there are no control sequences; results and stdout are what they are."""
    program = tmp_path / "p.py"
    program.write_text("import lmc\n\n@lmc.function\ndef p(s):\n    s += 'Hi ' + lmc.gen('x', max_tokens=3)\n")
    plain = CliRunner().invoke(main, ["run", str(program), "--backend", "echo"])
    done = CliRunner().invoke(main, ["run", str(program), "--backend", "echo", "--live"])
    assert done.exit_code == 0
    assert done.stdout == plain.stdout
    first, last = done.stderr.splitlines()
    assert first == "lmc: stderr is no terminal: a line now and then, not the live view"
    assert last.startswith("lmc: 1 of 1 item, ")
    assert "\x1b" not in done.output


@pytest.mark.parametrize("other", ["--stream", "--progress"])
def test_two_things_cannot_be_drawn_in_one_place(other: str) -> None:
    """Usage errors, before anything is loaded."""
    done = CliRunner().invoke(main, ["run", "x.py", "--live", other])
    assert done.exit_code == 2 and "--live draws where" in done.output


def test_an_async_program_is_shown_too(capsys: pytest.CaptureFixture[str]) -> None:
    """Its loop has its own launch."""

    @lmc.function
    async def later(s, topic: str):
        s += f"{topic}: " + lmc.gen("tip", max_tokens=4)

    screen = Terminal()
    with contextlib.redirect_stderr(screen):
        results = later.run_batch([{"topic": "a"}, {"topic": "b"}], backend="echo", progress_bar="live")
    assert all(result.error is None for result in results)
    assert "later: 2 of 2 items" in screen.getvalue()


@pytest.mark.slow
def test_ctrl_c_leaves_the_terminal_sane(tmp_path: Path) -> None:
    """On a real terminal, in the middle of a batch: the cursor is back, the status is 130, the last lines stay."""
    pty = pytest.importorskip("pty")
    (tmp_path / "p.py").write_text(
        "import lmc\n\n@lmc.function\ndef p(s, n: int):\n    s += f'Count {n}: ' + lmc.gen('x', max_tokens=40)\n"
    )
    (tmp_path / "in.jsonl").write_text("".join(f'{{"n": {n}}}\n' for n in range(2000)))
    pid, screen = pty.fork()
    if not pid:
        os.chdir(tmp_path)
        os.execv(sys.executable, [sys.executable, "-m", "lmc", "run", "p.py", "--args-file", "in.jsonl", "--live"])
    drawn, is_told, until = b"", False, time.monotonic() + 120
    while time.monotonic() < until:
        if not select.select([screen], [], [], 1.0)[0]:
            continue
        try:
            some = os.read(screen, 1 << 16)
        except OSError:
            break
        drawn += some
        if not is_told and drawn.count(b"rows ") > 2:
            os.kill(pid, signal.SIGINT)
            is_told = True
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status == 130
    assert drawn.count(b"\x1b[?25l") == drawn.count(b"\x1b[?25h") == 1
    assert drawn.rindex(b"\x1b[?25h") > drawn.rindex(b"pool ")
    assert b"stopped by Ctrl-C" in drawn
