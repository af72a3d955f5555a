"""Leases: the only thing that moves slots between the pool and the tree.

A lease holds the KV of one token prefix while it is computed and read:

    [0, published)          the tree's slots, locked, shared, never written
    [published, committed)  its own slots, KV computed
    [committed, reserved)   its own slots, nothing in them yet, or what passes under way put there up to `launched`

It claims the tokens it is computing next: whoever needs the same ones waits for it instead of computing them
twice. Knows nothing of requests; ids are given to it, it keeps none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from lmc.backend.cache.next_uses import Who
from lmc.backend.cache.pool import KVPool, SlotState
from lmc.backend.cache.radix import Claim, RadixNode, RadixTree

Int32 = npt.NDArray[np.int32]

EXTENT = 64  # slots a lease reserves at once while the pool has room
MUCH = 32  # 1 / MUCH of the pool is evicted at once while a step is open
TIGHT = 8  # the pool is tight when less than 1 / TIGHT of it would stay free


class Lease:
    """The KV of one prefix in the making; made by `KVCache.open`, ended by `release`."""

    __slots__ = (
        "cache",
        "claim",
        "committed",
        "launched",
        "node",
        "published",
        "reserved",
        "scratch",
        "table",
        "wanted",
    )

    def __init__(self, cache: KVCache, node: RadixNode | None, slots: Int32) -> None:
        self.cache = cache
        self.node = node  # deepest locked node, node.depth == published; None without a tree
        self.claim: Claim | None = None
        self.table = slots  # [>= reserved] the slot of each position; written to as the lease grows and publishes
        self.published = self.committed = self.reserved = len(slots)
        self.wanted = self.reserved  # what the last `grow` asked for: `shrink` leaves that much
        self.scratch: Int32 | None = None
        self.launched = 0  # end of what passes under way compute: those slots are not given back by `shrink`

    def slots(self, length: int) -> Int32:
        """[length] int32: the slots of the first positions, all reserved. A view: copy it to keep it."""
        assert length <= self.reserved
        return self.table[:length]

    def has_room(self, length: int) -> bool:
        """True where `grow` would take nothing and no scratch slot is held; the length is noted as asked for."""
        if length > self.reserved or self.scratch is not None:
            return False
        self.wanted = max(self.committed, self.launched, length)
        return True

    def grow(self, length: int) -> bool:
        """Reserve room for `length` tokens: all of it or, where the pool has not so much, nothing."""
        self.wanted = max(self.committed, self.launched, length)
        pool = self.cache.pool
        need = pool.round_up(length) - self.reserved
        if need <= 0:
            return True
        extent = pool.round_up(EXTENT)
        if need < extent and pool.num_free - extent >= pool.num_slots // TIGHT:
            need = extent
        after = int(self.table[self.reserved - 1]) if self.reserved else None
        new = self.cache.alloc(need, after)
        if new is None:
            self.wanted = max(self.committed, self.launched)
            return False
        self._append(new)
        return True

    def borrow(self, num: int) -> Int32 | None:
        """At least `num` scratch slots beside the prefix, held until `give_back`; None where there are not so many."""
        assert self.scratch is None and num > 0
        self.scratch = self.cache.alloc(self.cache.pool.round_up(num), None)
        return self.scratch

    def give_back(self) -> None:
        """End of the scratch slots, if any."""
        if self.scratch is not None:
            self.cache.pool.release(self.scratch, SlotState.LEASED)
            self.scratch = None

    def commit(self, length: int) -> None:
        """The KV of the first `length` tokens has been computed by a forward pass that succeeded."""
        assert self.committed <= length <= self.reserved
        self.committed = length

    def truncate(self, length: int) -> None:
        """Forget computed tokens from `length` on; never below what is published."""
        assert self.published <= length
        self.committed = min(self.committed, length)

    def shrink(self) -> bool:
        """Give back the pages that nothing has been asked for; True if there were any."""
        keep = self.cache.pool.round_up(max(self.wanted, self.committed, self.launched))
        if keep >= self.reserved:
            return False
        self.cache.pool.release(self.table[keep : self.reserved], SlotState.LEASED)
        self.reserved = keep
        return True

    def publish(self, ids: Int32) -> None:
        """Put the computed whole pages of `ids` into the tree, move the claim behind them, wake who waited.

        Where the tree has those tokens already the lease adopts the tree's slots and gives up its own.
        """
        if self.node is None:
            return
        tree, start = self.cache.tree, self.published
        assert tree is not None
        end = tree.floor(self.committed)
        if end > start:
            self._insert(tree, ids, start, end)
            self._end_claim()
            self._claim(tree, ids)

    def release(self) -> None:
        """End of the lease: its own slots go, the tree's are unlocked, waiters wake."""
        self.give_back()
        self.cache.pool.release(self.table[self.published : self.reserved], SlotState.LEASED)
        self.reserved = self.committed = self.published
        self._end_claim()
        if self.node is not None:
            assert self.cache.tree is not None
            self.cache.tree.unlock(self.node)
        self.cache.forget(self)

    def _insert(self, tree: RadixTree, ids: Int32, start: int, end: int) -> None:
        assert self.node is not None
        own = self.table[start:end].copy()
        done = tree.insert(self.node, ids[start:end], own)
        self.cache.pool.to_tree(own[done.found :])
        self.cache.pool.release(own[: done.found], SlotState.LEASED)
        self.table[start:end] = done.slots
        tree.lock(done.node)
        tree.unlock(self.node)
        self.node, self.published = done.node, end

    def _claim(self, tree: RadixTree, ids: Int32) -> None:
        """Claim the next page, unless it is only begun, resident, or claimed by a lease that came here first."""
        assert self.node is not None
        if len(ids) - self.published < tree.page_size:
            return
        key = tree.page_key(ids, self.published)
        if key not in self.node.children and key not in self.node.claims:
            self.claim = Claim(self.node, key)

    def _end_claim(self) -> None:
        if self.claim is not None:
            claim, self.claim = self.claim, None
            claim.end()

    def _append(self, new: Int32) -> None:
        end = self.reserved + len(new)
        if end > len(self.table):
            bigger: Int32 = np.empty(max(end, 2 * len(self.table)), np.int32)
            bigger[: self.reserved] = self.table[: self.reserved]
            self.table = bigger
        self.table[self.reserved : end] = new
        self.reserved = end


class KVCache:
    """The pool, the tree (None with the cache off) and the leases open on them.

    by_value  False evicts what was used least recently, whoever wants it
    """

    def __init__(self, num_slots: int, *, page_size: int = 1, cache: bool = True, by_value: bool = True) -> None:
        self.pool = KVPool(num_slots, page_size)
        self.tree: RadixTree | None = RadixTree(page_size) if cache else None
        self.num_evicted = 0
        self.note_evicted: Callable[[str, Int32], None] | None = None  # told of what goes for want of room
        self._leases: dict[int, Lease] = {}
        self._by_value = by_value

    @property
    def num_locked(self) -> int:
        """Tokens in the tree that leases hold there."""
        return self.tree.num_locked if self.tree else 0

    def open(self, namespace: str, ids: Int32) -> Lease | Claim:
        """A lease that begins with the resident prefix of `ids`, short of the last one, whose logits are wanted.

        Where the next token of `ids` is claimed by another lease: that claim, and nothing is held.
        """
        if self.tree is None:
            lease = Lease(self, None, np.empty(0, np.int32))
        else:
            match = self.tree.match(namespace, ids[: len(ids) - 1])
            claim = self._claim_at(match.node, ids)
            if claim is not None:
                return claim
            lease = Lease(self, match.node, match.slots)
            self.tree.lock(match.node)
            lease._claim(self.tree, ids)
        self._leases[id(lease)] = lease
        return lease

    def peek(self, namespace: str, ids: Int32) -> int:
        """How many tokens of `ids` are resident."""
        return self.tree.peek(namespace, ids) if self.tree else 0

    @property
    def now(self) -> int:
        """The tree's ticks: uses are counted in them."""
        return self.tree.now if self.tree is not None else 0

    def find(self, namespace: str, ids: Int32) -> RadixNode | None:
        """The end of the resident prefix of `ids`; None where nothing of it is resident."""
        if self.tree is None or not self.tree.peek(namespace, ids):
            return None
        return self.tree.match(namespace, ids).node

    def want(self, who: Who, node: RadixNode | None, due: float) -> None:
        """`who` is going to use the prefix that ends there at that tick: advice on what to evict last."""
        if self.tree is not None and node is not None and node.parent is not None and self._by_value:
            self.tree.want(who, node, due)

    def unwant(self, who: Who) -> None:
        """`who` wants nothing more."""
        if self.tree is not None:
            self.tree.unwant(who)

    def wanted_at(self, who: Who) -> RadixNode | None:
        """The end of what is left of the prefix that `who` wants; None where there is nothing of it."""
        return self.tree.wanted_at(who) if self.tree is not None else None

    def alloc(self, num: int, after: int | None) -> Int32 | None:
        """Slots from the pool, after evicting for them; None, and nothing evicted, where even that is too little.

        While a step is open, what is evicted comes free only at its end: None then too.
        """
        short = num - self.pool.num_free
        if short > 0:
            if self.tree is None or short > self.tree.num_evictable:
                return None
            # while a step is open a lot at once, so that the next ones find room without waiting for its end
            going = max(short, self.pool.num_slots // MUCH) if self.pool.open_steps else short
            gone = self.tree.evict(going, self.note_evicted)
            self.num_evicted += len(gone)
            self.pool.release(gone, SlotState.TREE)
        return self.pool.alloc(num, after)

    def clear(self) -> None:
        """Evict all that no lease holds."""
        if self.tree is not None:
            self.pool.release(self.tree.evict(self.tree.num_evictable), SlotState.TREE)

    def emptied(self) -> KVCache:
        """Another one of the same slots, all of them free."""
        pool, cache = self.pool, self.tree is not None
        other = KVCache(pool.num_slots, page_size=pool.page_size, cache=cache, by_value=self._by_value)
        other.num_evicted, other.pool.on_free = self.num_evicted, self.pool.on_free
        other.note_evicted = self.note_evicted
        return other

    def forget(self, lease: Lease) -> None:
        """A lease has been released."""
        del self._leases[id(lease)]

    def leases(self) -> Iterator[Lease]:
        """The leases that are open."""
        return iter(self._leases.values())

    def check(self) -> None:
        """Audit tree, pool and leases together: every slot has exactly one owner."""
        self.pool.check()
        owner: npt.NDArray[np.int8] = np.zeros(self.pool.num_slots, np.int8)
        if self.tree is not None:
            leased = [lease.node for lease in self.leases() if lease.node is not None]
            self.tree.check(leased)
            for node in self.tree.nodes():
                assert (self.pool.state[node.slots] == SlotState.TREE).all()
                owner[node.slots] += 1
        for lease in self.leases():
            _check_lease(lease, owner)
        held = (self.pool.state == SlotState.LEASED) | (self.pool.state == SlotState.TREE)
        assert (owner == held).all(), "a slot that is held has exactly one owner"

    def _claim_at(self, node: RadixNode, ids: Int32) -> Claim | None:
        assert self.tree is not None
        if len(ids) - node.depth < self.tree.page_size or not node.claims:
            return None
        key = self.tree.page_key(ids, node.depth)
        return None if key in node.children else node.claims.get(key)


def _check_lease(lease: Lease, owner: npt.NDArray[np.int8]) -> None:
    assert lease.published <= lease.committed <= lease.reserved and lease.launched <= lease.reserved
    assert (lease.node.depth if lease.node else 0) == lease.published
    if lease.node is not None:
        path = [node.slots for node in lease.node.path()][::-1]
        assert (lease.slots(lease.published) == np.concatenate(path)).all(), "published slots are the tree's"
    if lease.claim is not None:
        assert lease.claim.node is lease.node and lease.claim.node.claims[lease.claim.key] is lease.claim
    own = lease.slots(lease.reserved)[lease.published :]
    if lease.scratch is not None:
        own = np.concatenate([own, lease.scratch])
    assert (lease.cache.pool.state[own] == SlotState.LEASED).all()
    np.add.at(owner, own, 1)
