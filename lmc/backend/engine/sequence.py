"""One sample of one request, from the queue to its last event.

The scheduler writes `lease`, `seat`, `ahead`, `resident_len`, `num_overtaken`; output_driver.py writes what has been
generated. The tokens are the truth: what KV the lease holds of them may be lost at any time and is computed again.
"""

from __future__ import annotations

from collections.abc import Sequence as Seq
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lmc.backend.base import Missed, Request, Segment, Usage
from lmc.backend.cache.lease import Lease
from lmc.backend.engine.account import Account
from lmc.backend.engine.generation import Generation
from lmc.backend.engine.limits import Refusal
from lmc.backend.engine.score import ScorePlan
from lmc.backend.engine.tokens import Int32, TokenBuffer
from lmc.backend.matcher import Matcher
from lmc.backend.runner.batch import NO_SEAT

if TYPE_CHECKING:
    from lmc.backend.engine.open_items import OpenItem
    from lmc.backend.engine.work import Work

ALL = 1 << 62
WAITS = -1  # tokens to compute that cannot be known before a pass under way has been landed
NO_TOKENS = (0, 0, 0)
Rank = tuple[int, int, int, int]  # (-priority, turn, arrival, sample): less goes first


@dataclass(eq=False, slots=True)
class RequestEntry:
    """A request and what its samples have in common.

    plans      Score segment -> its rows
    matchers   Gen segment with a constraint -> a matcher at the start, forked by each sample, or why there is none
    refusal    why it can never run, if it cannot
    arrival    its number among all requests of the engine
    turn       samples that its session has asked for, itself included, since others were at that turn
    is_compiled  False where its matchers are made beside the steps
    """

    request: Request
    account: Account
    plans: dict[int, ScorePlan]
    matchers: dict[int, Matcher | Exception] = field(default_factory=dict)
    refusal: Refusal | None = None
    arrival: int = 0
    turn: int = 0
    is_compiled: bool = True


class Sequence:
    """A sample being computed.

    tokens         prompt, then all that came after it
    publish_until  tokens [0, publish_until) were not sampled since the lease was opened: their KV is published as soon
                   as it is computed, that of later ones when the lease ends
    account, rid   the entry's
    item           the run of a program that it is a call of, where it is one
    segment        index of the segment under way
    has_run        it held a lease once
    lease, seat    while it runs: its slots, and its number among those that run
    ahead          its last work that has been planned and has not been landed
    resident_len   tokens of its prefix that were resident when the queue last looked
    num_overtaken  later arrivals that were admitted before it
    intact_len     tokens [0, intact_len) are those that passes were given: what is behind was cut off
    tail           what a stop string left of a token, until the text behind it has been put
    accounted      prompt tokens [0, accounted) are in the usage already, as cached or computed
    missed         what its prompt could have had from the cache, had it been there
    recorded       cached, computed and output tokens that rows of recorded passes have
    """

    __slots__ = (
        "_accounted",
        "account",
        "ahead",
        "begun",
        "cached",
        "computed",
        "entry",
        "forced_tokens",
        "generation",
        "has_run",
        "intact_len",
        "item",
        "lease",
        "missed",
        "num_overtaken",
        "output_tokens",
        "prompt_len",
        "publish_until",
        "rank",
        "recorded",
        "resident_len",
        "rid",
        "sample",
        "seat",
        "segment",
        "tail",
        "tokens",
    )

    def __init__(self, entry: RequestEntry, sample: int) -> None:
        self.entry = entry
        self.account = entry.account
        self.rid = entry.request.rid
        self.sample = sample
        self.rank: Rank = (-entry.request.priority, entry.turn, entry.arrival, sample)
        self.tokens = TokenBuffer(entry.request.prompt.ids)
        self.prompt_len = self.publish_until = len(self.tokens)
        self.segment = 0
        self.intact_len = ALL
        self.tail = ""
        self.begun = False
        self.generation: Generation | None = None
        self.lease: Lease | None = None
        self.seat = NO_SEAT
        self.ahead: Work | None = None
        self.resident_len = self.num_overtaken = 0
        self.cached = self.computed = self._accounted = self.output_tokens = self.forced_tokens = 0
        self.recorded = NO_TOKENS
        self.missed: Missed | None = None
        self.has_run = False
        self.item: OpenItem | None = None

    @property
    def current(self) -> Segment | None:
        """The segment under way, None behind the last."""
        out = self.entry.request.out
        return out[self.segment] if self.segment < len(out) else None

    @property
    def place(self) -> int:
        """Its item's place among all that its session has asked for, its own where it is of no item."""
        return self.item.arrival if self.item is not None else self.entry.arrival

    @property
    def committed(self) -> int:
        """Tokens whose KV is there."""
        return self.lease.committed if self.lease is not None else 0

    @property
    def launched(self) -> int:
        """Tokens whose KV is there or on its way."""
        return self.ahead.end if self.ahead is not None else self.committed

    @property
    def target_len(self) -> int:
        """Tokens to compute before the segment can go on; a Score pass computes the last one itself."""
        plans = self.entry.plans
        return self.tokens.length - (self.segment in plans) if plans else self.tokens.length

    @property
    def num_pending(self) -> int:
        """Tokens to launch before the segment can go on: 0 where it is to be scored, WAITS where that is not known."""
        ahead = self.ahead
        if ahead is None:
            return self.target_len - (self.lease.committed if self.lease is not None else 0)
        if self.is_fed_next:
            return 1
        if ahead.samples or ahead.forced or ahead.plan is not None:
            return WAITS
        return self.target_len - ahead.end or WAITS

    @property
    def is_fed_next(self) -> bool:
        """True where the next token is on its way, and another one follows it unless something ends before."""
        ahead, generation = self.ahead, self.generation
        return (
            ahead is not None
            and generation is not None
            and ahead.samples
            and not ahead.forced
            and generation.num_left >= 2
            and generation.may_run_ahead
        )

    def note_kv(self, upto: int, *, cached: bool) -> int:
        """The KV of [0, upto) is there; how many prompt tokens of it are new in the usage, as cached or computed."""
        new = max(0, min(upto, self.prompt_len) - self._accounted)
        self._accounted += new
        if cached:
            self.cached += new
        else:
            self.computed += new
        return new

    def cut(self, start: int, kept: Seq[int]) -> None:
        """Of the tokens from `start` on, which a generation wrote, only `kept` stay, the first of them."""
        self.intact_len = min(self.intact_len, start + len(kept))
        self.tokens.truncate(start)
        self.tokens.extend(kept)

    def drop_ahead(self) -> None:
        """What it has under way, if anything, is not waited for."""
        if self.ahead is not None:
            self.ahead.is_void = True
            self.ahead = None
        if self.lease is not None:
            self.lease.launched = 0

    @property
    def cacheable_ids(self) -> Int32:
        """The tokens whose KV may come from the cache: all, short of those that make logits still wanted."""
        unscored = self.generation.unscored if self.generation is not None else 0
        return self.tokens.ids[: len(self.tokens) - unscored]

    def count_output(self, num: int, *, forced: bool = False) -> None:
        """So many tokens more were generated."""
        self.output_tokens += num
        if forced:
            self.forced_tokens += num
        self.account.count_output(num, forced=forced)

    def usage(self) -> Usage:
        """What this sample cost so far."""
        return Usage(self._accounted, self.cached, self.computed, self.output_tokens, self.forced_tokens)
