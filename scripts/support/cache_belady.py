"""What a cache could have done with what was asked of it: Belady on the prefix tree, greedy and offline, and LRU.

A trace says which prompt began to run when, and which sequence ended when. It is replayed over the tree of all that was
ever asked, cut into stretches at every place where two of its prompts part: a stretch is resident from its start up to
some token, leaves go first, from their ends. Belady takes the stretch whose next use lies farthest, LRU the one whose
last use does. With tree and sizes the true optimum is NP-hard; greedy is the ceiling that can be computed.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence as Seq
from dataclasses import dataclass, field
from math import inf
from typing import Literal

from lmc.passes.prefix_tree import PrefixTree, TreeNode

Policy = Literal["belady", "lru"]


@dataclass
class Use:
    """A sequence that ran.

    prompt_len   tokens that were looked up
    ids          all of its tokens when it ended, and its prompt where it never did
    begun, ended places in the trace
    cached       of its prompt, in the run that was traced
    """

    prompt_len: int
    ids: tuple[int, ...]
    begun: int
    ended: int = -1
    cached: int = 0


@dataclass
class Trace:
    """What a run asked of its cache, in order."""

    uses: list[Use] = field(default_factory=list)
    length: int = 0

    def tick(self) -> int:
        """The next place."""
        self.length += 1
        return self.length - 1

    @property
    def prompt_tokens(self) -> int:
        """Tokens that were looked up."""
        return sum(use.prompt_len for use in self.uses)

    @property
    def hits(self) -> int:
        """Tokens that the run found."""
        return sum(use.cached for use in self.uses)

    @property
    def working_set(self) -> int:
        """Distinct tokens of all that ran."""
        return Replay(self, 0).distinct


class Replay:
    """A trace on a cache of `num_slots` tokens."""

    def __init__(self, trace: Trace, num_slots: int) -> None:
        self._trace = trace
        self._free = num_slots
        tree = PrefixTree()
        ends = [(tree.put(tree.root, use.ids[: use.prompt_len]), tree.put(tree.root, use.ids)) for use in trace.uses]
        self.distinct = tree.num_distinct
        self._paths = [(_path(prompt), _path(whole)) for prompt, whole in ends]
        self._next: dict[TreeNode, list[int]] = {}
        for use, (prompt, _) in zip(trace.uses, self._paths):
            for node in prompt:
                self._next.setdefault(node, []).append(use.begun)
        self._resident: dict[TreeNode, int] = {}
        self._locks: dict[TreeNode, int] = {}
        self._last: dict[TreeNode, int] = {}
        self._below: dict[TreeNode, int] = {}  # how many of the stretches below are resident

    def hits(self, policy: Policy) -> int:
        """Prompt tokens that are found."""
        at = {use.begun: number for number, use in enumerate(self._trace.uses)}
        ends = {use.ended: number for number, use in enumerate(self._trace.uses)}
        found = 0
        for now in range(self._trace.length):
            if now in at:
                found += self._begin(at[now], now, policy)
            elif now in ends:
                self._end(ends[now])
        return found

    def _begin(self, number: int, now: int, policy: Policy) -> int:
        prompt, whole = self._paths[number]
        found = 0
        for node in prompt:
            found += self._resident.get(node, 0)
            if self._resident.get(node, 0) < len(node.ids):
                break
        for node in whole:
            self._locks[node] = self._locks.get(node, 0) + 1
            self._last[node] = now
        need = sum(len(node.ids) - self._resident.get(node, 0) for node in whole)
        self._make_room(need, now, policy)
        for node in whole:
            self._set(node, len(node.ids))
        return found

    def _end(self, number: int) -> None:
        for node in self._paths[number][1]:
            self._locks[node] -= 1

    def _make_room(self, need: int, now: int, policy: Policy) -> None:
        while self._free < need:
            leaves = [n for n in self._resident if not self._below.get(n) and not self._locks.get(n)]
            if not leaves:
                return  # those that run hold more than there is: the run had them one after another
            value = self._next_use if policy == "belady" else self._idle
            victim = max(leaves, key=lambda node: value(node, now))
            self._set(victim, max(0, self._resident[victim] - (need - self._free)))

    def _next_use(self, node: TreeNode, now: int) -> float:
        uses = self._next.get(node, [])
        at = bisect_right(uses, now)
        return uses[at] if at < len(uses) else inf

    def _idle(self, node: TreeNode, now: int) -> float:
        return now - self._last[node]

    def _set(self, node: TreeNode, length: int) -> None:
        before = self._resident.pop(node, 0)
        self._free -= length - before
        if length:
            self._resident[node] = length
        if node.above is not None and bool(length) != bool(before):
            self._below[node.above] = self._below.get(node.above, 0) + (1 if length else -1)


def _path(node: TreeNode) -> Seq[TreeNode]:
    """From below the root to a node."""
    found: list[TreeNode] = []
    at: TreeNode | None = node
    while at is not None and at.above is not None:
        found.append(at)
        at = at.above
    return found[::-1]
