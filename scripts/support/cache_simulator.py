"""Programs on the real compiler, executor, scheduler, tree and pool; only the device and the clock are made up.

A pass takes as long as its tokens say, on a clock of its own, and what a tool takes passes on that clock too: the call
behind it is handed to the engine when its time has come. A run is the same each time.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from collections.abc import Sequence as Seq
from dataclasses import dataclass
from itertools import count

import numpy as np

from lmc.backend.base import Event, PrefixHint, Request
from lmc.backend.engine.engine import Engine
from lmc.backend.engine.sequence import Sequence
from lmc.backend.engine.session import EngineSession
from lmc.backend.runner.batch import ForwardBatch, TokenDraws
from lmc.backend.runner.flight import PassOutcome
from lmc.ir.caps import Caps
from lmc.ir.hints import HINTS
from lmc.ir.prompt import Tokenizer
from lmc.ir.scoring import CHOICES_METHODS
from lmc.program import Program
from lmc.tokenizer.byte_tokenizer import ByteTokenizer
from scripts.support.cache_belady import Trace, Use

PASS_S = 0.005  # what a forward pass takes, and each of its tokens
TOKEN_S = 0.00005
LETTERS = 26

Pause = Callable[[str], float]  # the text of a prompt -> seconds before its call, in which a tool runs


class Clock:
    """Seconds that pass when somebody says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class MadeUpDevice:
    """A Runner that computes nothing: its tokens are letters, a function of the token before and the position."""

    vocab_size = 512
    slot_bytes = 8
    depth = 1

    def __init__(self, num_slots: int, max_len: int, clock: Clock) -> None:
        self.num_slots, self.max_len, self._clock = num_slots, max_len, clock
        self.computed = self.passes = 0

    def launch(self, batch: ForwardBatch) -> _MadeUpFlight:
        """A pass, which is over at once on any clock but ours."""
        self.computed += len(batch.tokens)
        self.passes += 1
        self._clock.now += PASS_S + TOKEN_S * len(batch.tokens)
        ends = [(int(end), int(num)) for end, num in zip(batch.offsets[1:], batch.wanted)]
        return _MadeUpFlight([int(batch.tokens[at]) for end, num in ends for at in range(end - num, end)])


class _MadeUpFlight:
    def __init__(self, tokens: list[int]) -> None:
        self._tokens = tokens
        self._outcome = PassOutcome()

    def sample(self, at: Seq[int], draws: TokenDraws) -> None:
        for row, position in zip(at, draws.positions):
            self._outcome.ids.append(97 + (31 * self._tokens[row] + 7 * position) % LETTERS)

    def score(self, at: Seq[int], ids: Seq[int]) -> None:
        self._outcome.logprobs.extend(-1.0 - (31 * self._tokens[row] + 7 * id) % 13 for row, id in zip(at, ids))

    def result(self) -> PassOutcome:
        return self._outcome


class PausingSession(EngineSession):
    """A session whose calls wait for the tools before them."""

    def __init__(self, engine: Engine, clock: Clock, pause: Pause | None) -> None:
        super().__init__(engine)
        self._clock, self._pause = clock, pause
        self._later: list[tuple[float, int, Request]] = []
        self._numbers = count()

    def submit(self, requests: list[Request]) -> None:
        now: list[Request] = []
        for request in requests:
            wait_s = self._pause(self.tokenizer.decode(request.prompt.ids)) if self._pause else 0.0
            if wait_s:
                heapq.heappush(self._later, (self._clock.now + wait_s, next(self._numbers), request))
            else:
                now.append(request)
        super().submit(now)

    def step(self, timeout_s: float | None = None) -> list[Event]:
        if self._later and not self.engine.has_work:
            self._clock.now = max(self._clock.now, self._later[0][0])
        due: list[Request] = []
        while self._later and self._later[0][0] <= self._clock.now:
            due.append(heapq.heappop(self._later)[2])
        if due:
            super().submit(due)
        return super().step(0.0 if self._later else timeout_s)


class SimulatedBackend:
    """An engine on a made-up device; `trace` is what was asked of its cache.

    follows  False keeps the plan's hints from the engine
    """

    name = "simulated"

    def __init__(
        self,
        num_slots: int,
        *,
        max_running: int = 8,
        pause: Pause | None = None,
        follows: bool = True,
        **options: object,
    ) -> None:
        self.clock = Clock()
        self.tokenizer: Tokenizer = ByteTokenizer()
        self.device = MadeUpDevice(num_slots, 1 << 16, self.clock)
        self.engine = Engine(
            self.device, self.tokenizer, max_running=max_running, clock=self.clock, **options  # type: ignore[arg-type]
        )
        followed = frozenset(HINTS) - {"prefetch"} if follows else frozenset()
        self.caps = Caps(score=frozenset(CHOICES_METHODS), hints=followed, max_len=1 << 16)
        self.trace = Trace()
        self._pause = pause
        self._follows = follows
        self._open: dict[Sequence, Use] = {}
        self._listen()

    def open(self, namespace: str = "") -> EngineSession:
        """The session of a run."""
        return (PausingSession if self._follows else _DeafSession)(self.engine, self.clock, self._pause)

    def close(self) -> None:
        """Nothing is held."""

    def _listen(self) -> None:
        """Write down who begins to run and who ends."""
        scheduler, engine = self.engine.scheduler, self.engine
        noted, ended = scheduler._note_missed, engine._end

        def begins(seq: Sequence, cached: int) -> None:
            ids = tuple(seq.cacheable_ids[: seq.prompt_len - 1].tolist())
            if seq not in self._open:
                self._open[seq] = Use(len(ids), ids, self.trace.tick(), cached=cached)
                self.trace.uses.append(self._open[seq])
            noted(seq, cached)

        def ends(seq: Sequence) -> None:
            use = self._open.pop(seq, None)
            if use is not None:
                use.ids, use.ended = tuple(seq.tokens.ids[: len(seq.tokens)].tolist()), self.trace.tick()
            ended(seq)

        scheduler._note_missed, engine._end = begins, ends  # type: ignore[method-assign]


class _DeafSession(PausingSession):
    def hint(self, hint: PrefixHint) -> None:
        """Of what plans say nothing is heard; that an item is over is no advice."""
        if hint.kind == "over":
            super().hint(hint)


@dataclass(frozen=True)
class Workflow:
    """A program, what it is run over, and how long its tools take."""

    program: Program
    items: Seq[Mapping[str, object]]
    pause: Pause | None = None
    max_running: int = 8


@dataclass(frozen=True)
class Seen:
    """What a run of a workflow came to: what it showed, and what was asked of the cache."""

    texts: tuple[str, ...]
    trace: Trace
    computed: int
    seconds: float

    @property
    def hit_rate(self) -> float:
        """Share of all prompt tokens that were found."""
        return self.trace.hits / self.trace.prompt_tokens


def simulate(workflow: Workflow, num_slots: int, *, pipeline: str | None = None, **options: object) -> Seen:
    """Run a workflow on a pool of that size."""
    options = {"max_running": workflow.max_running, **options}
    backend = SimulatedBackend(num_slots, pause=workflow.pause, **options)  # type: ignore[arg-type]
    how = {} if pipeline is None else {"opt_level": int(pipeline)}
    results = workflow.program.run_batch(list(workflow.items), backend=backend, **how)  # type: ignore[arg-type]
    backend.engine.check()
    texts = tuple(result.text() for result in results)
    return Seen(texts, backend.trace, backend.device.computed, backend.clock.now)


def distinct_letters(name: str, length: int) -> str:
    """A text of a name's own."""
    rng = np.random.default_rng(list(name.encode()))
    return "".join(map(chr, rng.integers(97, 97 + LETTERS, length)))
