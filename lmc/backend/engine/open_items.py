"""The programs under way, as the engine sees them: which calls are of one item, and how much room it will take.

An item holds what its calls have put into the cache until it is over; how much that is when it ends is learnt from
those that have ended, and before any has is told from its first call and how many the plan says follow one another.
What it goes on from is wanted until it has gone on. One that has asked nothing for PAUSE_STEPS waits for something
else, such as a tool: others may begin in its room meanwhile, as the device would be idle. All of it is advice: an
estimate that is wrong costs time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from lmc.backend.cache.lease import KVCache
from lmc.backend.cache.radix import RadixNode
from lmc.backend.engine.account import Account
from lmc.backend.engine.sequence import Sequence

AGAIN_S = 60.0  # that an item of which nothing is heard is waited for
PAUSE_STEPS = 8  # of the engine, without a call, and an item is taken to wait for something else
LEARNING = 0.2  # the weight of what was seen last


@dataclass(eq=False, slots=True)
class OpenItem:
    """One run of a program.

    arrival     of its first call
    calls_left  that follow the first one after another, as far as the plan knows
    num_calls   that were asked; `num_open` of them have not ended
    has_begun   one of them has run
    size        tokens that its calls have put into the cache
    room        tokens that it is expected to hold at its end
    wanting     the calls behind which it will go on
    heard_s     when something was last heard of it
    idle_step   the step at which its last open call ended
    is_counted  its room is among that of those under way
    """

    account: Account
    rid: int
    arrival: int
    calls_left: int
    num_calls: int = 0
    num_open: int = 0
    has_begun: bool = False
    size: int = 0
    room: int = 0
    wanting: dict[Sequence, int] = field(default_factory=dict)
    heard_s: float = 0.0
    idle_step: int = 0
    is_counted: bool = False


class OpenItems:
    """Of one engine: those that are not over.

    room          of all that have begun and wait for nothing else
    room_changed  called where it has become less
    """

    def __init__(self, cache: KVCache, clock: Callable[[], float]) -> None:
        self._cache = cache
        self._clock = clock
        self._items: dict[tuple[Account, int], OpenItem] = {}  # the one that was heard of longest ago comes first
        self._learnt: dict[tuple[Account, int], float] = {}  # by account and calls that follow: size at the end
        self._idle: deque[OpenItem] = deque()  # those counted whose last open call has ended, in that order
        self._steps = 0
        self.room = 0
        self.room_changed: Callable[[], None] = lambda: None

    def __len__(self) -> int:
        return len(self._items)

    def asked(self, seq: Sequence) -> None:
        """A call of an item is queued for the first time."""
        request, account = seq.entry.request, seq.account
        if request.item is None:
            return
        key = (account, request.item)
        item = self._items.get(key)
        if item is None:
            item = self._items[key] = OpenItem(account, request.item, seq.entry.arrival, request.calls_left)
        item.num_calls += 1
        item.num_open += 1
        seq.item = item
        if item.has_begun:
            self._count(item)
        self._hear(item)

    def began(self, seq: Sequence, node: RadixNode | None, cached: int, output: int) -> None:
        """A call runs, behind what was `cached` of its prompt; so much `output` is expected of it."""
        item = seq.item
        if item is None or (item.account, item.rid) not in self._items:
            return
        if not item.has_begun:
            item.has_begun = True
            item.room = self.room_of(seq, cached, output)
            self._count(item)
        if item.wanting and node is not None:
            self._went_on(item, node)

    def ended(self, seq: Sequence, node: RadixNode | None) -> None:
        """A call has come to its end, well or not; `node` is the end of what it leaves in the tree, if it does."""
        item = seq.item
        if item is None:
            return
        item.num_open -= 1
        item.size += max(0, len(seq.tokens) - seq.cached)
        if item.size > item.room:
            self.room += item.size - item.room if item.is_counted else 0
            item.room = item.size
        if not item.num_open and item.is_counted:
            item.idle_step = self._steps
            self._idle.append(item)
        self._hear(item)
        waves = seq.entry.request.again_in
        if waves is not None and node is not None and (item.account, item.rid) in self._items:
            item.wanting[seq] = self._cache.now
            self._cache.want(seq, node, self._cache.now + waves * item.account.pace)

    def over(self, account: Account, rid: int) -> None:
        """Nothing more will come of an item."""
        item = self._items.get((account, rid))
        if item is not None:
            if item.has_begun and not item.num_open:
                self._learn(item)
            self._drop(item)

    def room_of(self, seq: Sequence, cached: int, output: int) -> int:
        """Tokens that the item of a call that would be its first will hold at its end, beyond what is `cached`."""
        calls_left = seq.entry.request.calls_left
        learnt = self._learnt.get((seq.account, calls_left))
        if learnt is not None:
            return int(learnt)
        # what is said to each later call is taken to be as long as the answer to it
        return max(0, seq.prompt_len - cached) + output * (1 + 2 * calls_left)

    def stepped(self) -> None:
        """A step of the engine begins: those that have been idle for some wait for something else."""
        self._steps += 1
        while self._idle and self._steps - self._idle[0].idle_step > PAUSE_STEPS:
            item = self._idle.popleft()
            if not item.num_open and self._steps - item.idle_step > PAUSE_STEPS:
                self._uncount(item)
        self._expire()

    def _expire(self) -> None:
        """Wait no longer for those of which nothing has been heard for long."""
        if not self._items:
            return
        now = self._clock()
        while self._items:
            item = next(iter(self._items.values()))
            if now - item.heard_s < AGAIN_S:
                return
            if item.num_open:
                self._hear(item)
            else:
                self._drop(item)

    def close(self, account: Account) -> None:
        """All of an account are over, and what was learnt of them is forgotten."""
        for item in [item for item in self._items.values() if item.account is account]:
            self._drop(item)
        for key in [key for key in self._learnt if key[0] is account]:
            del self._learnt[key]

    def begin_anew(self, cache: KVCache) -> None:
        """Nothing is resident any more."""
        self._cache = cache
        for item in self._items.values():
            item.wanting.clear()

    def check(self) -> None:
        """Audit: the room is that of those that are counted."""
        assert self.room == sum(item.room for item in self._items.values() if item.is_counted)

    def _hear(self, item: OpenItem) -> None:
        item.heard_s = self._clock()
        key = (item.account, item.rid)
        if key in self._items:
            self._items[key] = self._items.pop(key)

    def _went_on(self, item: OpenItem, node: RadixNode) -> None:
        """A call runs that begins with what earlier ones left: they want nothing more, and it took so long."""
        path = set(node.path())
        account = item.account
        for seq, since in list(item.wanting.items()):
            at = self._cache.wanted_at(seq)
            if at is not None and at not in path:
                continue
            pace = (self._cache.now - since) / (seq.entry.request.again_in or 1)
            account.pace += LEARNING * (pace - account.pace)
            del item.wanting[seq]
            self._cache.unwant(seq)

    def _count(self, item: OpenItem) -> None:
        if not item.is_counted:
            item.is_counted = True
            self.room += item.room

    def _uncount(self, item: OpenItem) -> None:
        if item.is_counted:
            item.is_counted = False
            self.room -= item.room
            self.room_changed()

    def _learn(self, item: OpenItem) -> None:
        key = (item.account, item.calls_left)
        before = self._learnt.get(key, float(item.size))
        self._learnt[key] = before + LEARNING * (item.size - before)

    def _drop(self, item: OpenItem) -> None:
        del self._items[item.account, item.rid]
        self._uncount(item)
        item.has_begun = False
        for seq in item.wanting:
            self._cache.unwant(seq)
        item.wanting.clear()
