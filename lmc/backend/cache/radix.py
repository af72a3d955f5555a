"""Radix tree over token ids: which prefixes are resident, and in which slots.

Knows nothing about tensors, models or requests. A node owns the slots of its own tokens; a locked node (refs > 0)
is never evicted. Everything is in whole pages of `page_size` tokens. Namespaces are separate trees that share one
eviction order. Invariants are in RadixTree.check().

Leaves are evicted by value, from their ends: first those that nobody is known to want again, the least recently used
before the others; then, of those that somebody wants, the one whose next use lies farthest. Who wants a prefix wants
all that it begins with: what is left of it when its end has gone is kept for the same. Each eviction, and each change
of a value, takes time in the logarithm of the nodes, spread over all of them: a value that has grown is looked at
once, when its leaf would be the next to go.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import count

import numpy as np
import numpy.typing as npt

from lmc.backend.cache.next_uses import NextUses, Who

Int32 = npt.NDArray[np.int32]
PageKey = int | bytes
Value = tuple[bool, float, int]  # (is wanted, less the tick of its next use, tick of its last one)

_EMPTY: Int32 = np.empty(0, np.int32)
SPARE_ENTRIES = 64  # stale ones that the heap may have beside as many as there are others


class RadixNode:
    """A stretch of tokens below its parent.

    key, slots   [n] int32      the tokens and where their KV is, n a multiple of the page size (0 for a root)
    depth        tokens from the root to the end of this node; stays when the node is split, for it keeps the end
    refs         handles at this node or below it
    used         tick of the last match that came through
    is_noted     what it holds has been told where something was evicted
    claims       first page of a continuation that a lease is computing -> its claim
    wants        who is known to use it again, and when; what is below has wants of its own
    queued       its value in the heap, None where it has no entry
    """

    __slots__ = (
        "children",
        "claims",
        "depth",
        "is_noted",
        "key",
        "parent",
        "queued",
        "refs",
        "serial",
        "slots",
        "used",
        "wants",
    )

    def __init__(self, parent: RadixNode | None, key: Int32, slots: Int32, serial: int, used: int) -> None:
        self.parent = parent
        self.key = key
        self.slots = slots
        self.depth: int = (parent.depth if parent else 0) + len(key)
        self.children: dict[PageKey, RadixNode] = {}
        self.claims: dict[PageKey, Claim] = {}
        self.refs = 0
        self.serial = serial
        self.used = used
        self.is_noted = False
        self.queued: Value | None = None
        self.wants: NextUses | None = None

    @property
    def is_evictable(self) -> bool:
        """An unlocked leaf; a root is never one."""
        return self.parent is not None and not self.refs and not self.children

    @property
    def value(self) -> Value:
        """What goes first has the least."""
        due = self.wants.nearest if self.wants is not None else None
        return (False, 0.0, self.used) if due is None else (True, -due, self.used)

    def path(self) -> Iterator[RadixNode]:
        """This node and its ancestors, the root last."""
        node: RadixNode | None = self
        while node is not None:
            yield node
            node = node.parent


class Claim:
    """A mark on a node: the tokens of a first page below it are being computed. Knows who waits for the end of that."""

    __slots__ = ("key", "node", "waiters")

    def __init__(self, node: RadixNode, key: PageKey) -> None:
        self.node = node
        self.key = key
        self.waiters: list[Callable[[], None]] = []
        node.claims[key] = self

    def end(self) -> None:
        """Take the claim off and wake every waiter."""
        del self.node.claims[self.key]
        waiters, self.waiters = self.waiters, []
        for wake in waiters:
            wake()


@dataclass(frozen=True, slots=True)
class Match:
    """The longest resident prefix.

    length   tokens found, a multiple of page_size
    slots    [length] int32
    node     deepest node reached, node.depth == length; lock it before the slots are used
    """

    length: int
    slots: Int32
    node: RadixNode


@dataclass(frozen=True, slots=True)
class Inserted:
    """What `insert` did: the first `found` tokens were there already; `slots` are the tree's for all of them."""

    found: int
    slots: Int32
    node: RadixNode


class RadixTree:
    """Resident prefixes of all namespaces."""

    def __init__(self, page_size: int = 1) -> None:
        self.page_size = page_size
        self.num_tokens = 0
        self.num_locked = 0
        self._roots: dict[str, RadixNode] = {}
        self._heap: list[tuple[Value, int, RadixNode]] = []  # (value, serial, node); one that is not `queued` is stale
        self._num_queued = 0
        self._wanted: dict[Who, NextUses] = {}
        self._serials = count()
        self._tick = 0

    @property
    def num_evictable(self) -> int:
        """Tokens that `evict` could free now: all that no handle locks."""
        return self.num_tokens - self.num_locked

    def floor(self, length: int) -> int:
        """`length` cut to whole pages."""
        return length - length % self.page_size

    def page_key(self, tokens: Int32, at: int) -> PageKey:
        """What a child whose tokens begin at tokens[at] is found under."""
        if self.page_size == 1:
            return int(tokens[at])
        return tokens[at : at + self.page_size].tobytes()

    def match(self, namespace: str, tokens: Int32) -> Match:
        """The longest resident prefix of `tokens`; splits the node it ends in and marks the path as used."""
        node = self._root(namespace)
        self._tick += 1
        length, found = self.floor(len(tokens)), [_EMPTY]
        while node.depth < length:
            child = node.children.get(self.page_key(tokens, node.depth))
            if child is None:
                break
            same = self._common(child, tokens[node.depth : length])
            whole = same == len(child.key)
            node = child if whole else self._split(child, same)
            node.used = self._tick
            found.append(node.slots)
            if not whole:
                break
        return Match(node.depth, np.concatenate(found), node)

    def peek(self, namespace: str, tokens: Int32) -> int:
        """How many tokens `match` would find; changes nothing."""
        node = self._roots.get(namespace)
        length = self.floor(len(tokens))
        while node is not None and node.depth < length:
            child = node.children.get(self.page_key(tokens, node.depth))
            if child is None:
                return node.depth
            same = self._common(child, tokens[node.depth : length])
            if same < len(child.key):
                return node.depth + same
            node = child
        return node.depth if node else 0

    def insert(self, node: RadixNode, tokens: Int32, slots: Int32) -> Inserted:
        """Put whole pages of tokens below `node`; where they are resident already the tree keeps its own slots."""
        assert len(tokens) == len(slots) and len(tokens) % self.page_size == 0
        self._tick += 1
        at, found = 0, [_EMPTY]
        while at < len(tokens):
            child = node.children.get(self.page_key(tokens, at))
            if child is None:
                node = self._leaf(node, tokens[at:].copy(), slots[at:].copy())
                return Inserted(at, np.concatenate([*found, slots[at:]]), node)
            same = self._common(child, tokens[at:])
            node = child if same == len(child.key) else self._split(child, same)
            node.used = self._tick
            found.append(node.slots)
            at += same
        return Inserted(at, np.concatenate(found), node)

    def lock(self, node: RadixNode) -> None:
        """One more handle at `node`: it and its ancestors stay."""
        for above in node.path():
            if not above.refs:
                self.num_locked += len(above.key)
            above.refs += 1

    def unlock(self, node: RadixNode) -> None:
        """One handle at `node` less."""
        for above in node.path():
            assert above.refs > 0
            above.refs -= 1
            if not above.refs:
                self.num_locked -= len(above.key)
                self._queue(above)

    @property
    def now(self) -> int:
        """Ticks so far: one a match, one an insertion."""
        return self._tick

    def want(self, who: Who, node: RadixNode, due: float) -> None:
        """`who` is going to use the prefix that ends with `node` at that tick; what it wanted before is forgotten."""
        self.unwant(who)
        if node.wants is None:
            node.wants = NextUses(node)
        node.wants.put(who, due)
        self._wanted[who] = node.wants

    def unwant(self, who: Who) -> None:
        """`who` wants nothing more; nothing happens where it wanted nothing, or all of it has been evicted."""
        wants = self._wanted.pop(who, None)
        if wants is not None:
            wants.drop(who)
            self._queue(wants.node)

    def wanted_at(self, who: Who) -> RadixNode | None:
        """The end of what is left of the prefix that `who` wants."""
        wants = self._wanted.get(who)
        return wants.node if wants is not None else None

    @property
    def namespaces(self) -> list[str]:
        """Those that anything was asked in."""
        return list(self._roots)

    def evict(self, num: int, note: Callable[[str, Int32], None] | None = None) -> Int32:
        """Slots of at least `num` unlocked tokens (fewer if there are not so many), those of least value first.

        note  is told once of the tokens of each prefix of which something goes, with its namespace
        """
        freed: list[Int32] = [_EMPTY]
        while num > 0 and self._heap:
            value, _, node = heapq.heappop(self._heap)
            if node.queued is not value:
                continue
            self._unqueue(node)
            # a value that has grown is looked at only here: who uses a node pays nothing for that
            if node.is_evictable and node.value <= value:
                if note is not None and not node.is_noted:
                    note(*self._spelled(node))
                freed.append(self._trim(node, num))
                num -= len(freed[-1])
            self._queue(node)
        return np.concatenate(freed)

    def nodes(self) -> Iterator[RadixNode]:
        """Every node, roots included, parents before children."""
        stack = list(self._roots.values())
        while stack:
            node = stack.pop()
            yield node
            stack.extend(node.children.values())

    def check(self, handles: Iterable[RadixNode] = ()) -> None:
        """Audit everything; `handles` are the nodes that have been locked, one entry a lock."""
        refs: dict[RadixNode, int] = {}
        for handle in handles:
            for above in handle.path():
                refs[above] = refs.get(above, 0) + 1
        tokens = locked = 0
        owned: list[Int32] = [_EMPTY]
        for node in self.nodes():
            self._check_node(node)
            assert node.refs == refs.pop(node, 0), "a lock is a handle at the node or below"
            tokens += len(node.key)
            locked += len(node.key) if node.refs else 0
            owned.append(node.slots)
        assert not refs, "no handle at a node that has left the tree"
        assert (tokens, locked) == (self.num_tokens, self.num_locked), "totals are sums"
        slots = np.concatenate(owned)
        assert len(np.unique(slots)) == len(slots), "no two nodes own a slot"

    def _check_node(self, node: RadixNode) -> None:
        assert len(node.key) == len(node.slots) and len(node.key) % self.page_size == 0
        assert (node.parent is None) == (not len(node.key)), "only a root is empty"
        assert node.depth == len(node.key) + (node.parent.depth if node.parent else 0)
        assert node.queued is not None or not node.is_evictable, "an unlocked leaf is up for eviction"
        assert node.queued is None or not node.is_evictable or node.queued <= node.value, "and not too late"
        if node.wants is not None:
            assert node.wants.node is node and (node.parent is not None or not len(node.wants))
            assert all(self._wanted[who] is node.wants for who in node.wants), "who wants something is known"
        assert node.refs or not node.claims, "a claim's owner locks the node it hangs from"
        for key, child in node.children.items():
            assert child.parent is node and self.page_key(child.key, 0) == key
            assert child.refs <= node.refs

    def _root(self, namespace: str) -> RadixNode:
        root = self._roots.get(namespace)
        if root is None:
            root = self._roots[namespace] = RadixNode(None, _EMPTY, _EMPTY, next(self._serials), 0)
        return root

    def _common(self, child: RadixNode, tokens: Int32) -> int:
        """Tokens of `child` that `tokens` begins with, in whole pages."""
        length = min(len(child.key), len(tokens))
        differ = child.key[:length] != tokens[:length]
        at = int(differ.argmax()) if length else 0
        return self.floor(at if length and differ[at] else length)

    def _split(self, node: RadixNode, length: int) -> RadixNode:
        """Cut `node` after `length` tokens; it keeps the tail (handles to it stay right), the new node the head."""
        assert node.parent is not None and 0 < length < len(node.key)
        parent = node.parent
        head = RadixNode(parent, node.key[:length], node.slots[:length], next(self._serials), node.used)
        head.refs, head.is_noted = node.refs, node.is_noted
        parent.children[self.page_key(head.key, 0)] = head
        node.parent, node.key, node.slots = head, node.key[length:], node.slots[length:]
        head.children[self.page_key(node.key, 0)] = node
        return head

    def _leaf(self, parent: RadixNode, key: Int32, slots: Int32) -> RadixNode:
        leaf = RadixNode(parent, key, slots, next(self._serials), self._tick)
        parent.children[self.page_key(key, 0)] = leaf
        self.num_tokens += len(key)
        self._queue(leaf)
        return leaf

    def _trim(self, node: RadixNode, num: int) -> Int32:
        """Take the last `num` tokens of an unlocked leaf (rounded up to pages), the whole leaf if it has no more."""
        assert node.parent is not None
        keep = max(0, self.floor(len(node.key) - num))
        gone = node.slots[keep:]
        self.num_tokens -= len(gone)
        first = self.page_key(node.key, 0)
        node.key, node.slots = node.key[:keep], node.slots[:keep]
        node.depth -= len(gone)
        if not keep:
            parent, node.parent = node.parent, None
            del parent.children[first]
            self._hand_up(node, parent)
            self._queue(parent)
        return gone

    def _hand_up(self, node: RadixNode, parent: RadixNode) -> None:
        """Who wanted a node that has gone wants what is left of its prefix: the smaller set goes into the larger."""
        gone, node.wants = node.wants, None
        if gone is None:
            return
        if parent.parent is None:
            for who in gone:
                del self._wanted[who]
            return
        if parent.wants is None:
            parent.wants, gone.node = gone, parent
            return
        small, large = sorted((gone, parent.wants), key=len)
        for who, due in small.items():
            large.put(who, due)
            self._wanted[who] = large
        parent.wants, large.node = large, parent

    def _spelled(self, node: RadixNode) -> tuple[str, Int32]:
        """The namespace and all tokens of a prefix, which need not be told again."""
        path = list(node.path())[::-1]
        for above in path:
            above.is_noted = True
        name = next(name for name, root in self._roots.items() if root is path[0])
        return name, np.concatenate([above.key for above in path])

    def _queue(self, node: RadixNode) -> None:
        """Put an unlocked leaf up for eviction, or again where its value has fallen."""
        if not node.is_evictable:
            return
        value = node.value
        if node.queued is not None and node.queued <= value:
            return
        self._num_queued += node.queued is None
        node.queued = value
        heapq.heappush(self._heap, (value, node.serial, node))
        if len(self._heap) > 2 * self._num_queued + SPARE_ENTRIES:
            self._heap = [entry for entry in self._heap if entry[2].queued is entry[0]]
            heapq.heapify(self._heap)

    def _unqueue(self, node: RadixNode) -> None:
        node.queued = None
        self._num_queued -= 1
