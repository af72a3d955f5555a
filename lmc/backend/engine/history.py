"""What was evicted, and what was asked and never inserted, so that a prompt can be told why it found no more.

Token ids only, in two bounded trees beside the real one; the least recently used are forgotten first. They are written
where something is evicted, and where a request ends whose prompt is not all in the cache: an engine with room enough
pays for nothing. What has been forgotten is not guessed at: a prompt then missed nothing that anybody knows of.
"""

from __future__ import annotations

from collections.abc import Iterable

from lmc.backend.base import Missed
from lmc.backend.cache.radix import RadixTree
from lmc.backend.engine.tokens import Int32

MAX_TOKENS = 1 << 18  # that each of the two trees remembers: 2 MiB


class History:
    """Of one engine's cache, in pages of its size."""

    def __init__(self, page_size: int = 1, max_tokens: int = MAX_TOKENS) -> None:
        self._max_tokens, self._page_size = max_tokens, page_size
        self.clear()

    def clear(self) -> None:
        """Forget all, as the cache has been flushed: what was in it is missed by nobody."""
        self._evicted, self._left_out = RadixTree(self._page_size), RadixTree()

    def note_evicted(self, namespace: str, ids: Int32) -> None:
        """Keys and values of the last of these tokens are about to go."""
        self._note(self._evicted, namespace, ids)

    def note_left_out(self, namespace: str, ids: Int32) -> None:
        """A prompt was asked, and not all of it came into the cache."""
        self._note(self._left_out, namespace, ids)

    def missed(self, tree: RadixTree | None, namespace: str, ids: Int32, cached: int) -> Missed | None:
        """Why no more than `cached` tokens of a prompt were found in the real tree: of several reasons the nearest."""
        if (had := self._evicted.peek(namespace, ids)) > cached:
            return Missed("evicted", had - cached)
        if (asked := self._left_out.peek(namespace, ids)) > cached:
            return Missed("never-inserted", asked - cached)
        others = {*self._left_out.namespaces, *(tree.namespaces if tree else ())} - {namespace}
        elsewhere = max((self.longest(tree, (other,), ids) for other in others), default=0)
        return Missed("namespace", elsewhere - cached) if elsewhere > cached else None

    def missed_of_models(
        self, others: Iterable[tuple[RadixTree | None, History]], ids: Int32, cached: int
    ) -> Missed | None:
        """Whether engines of other models have had more of a prompt. They may be at work: the number is advice."""
        found = max((history.longest(tree, history.namespaces(tree), ids) for tree, history in others), default=0)
        return Missed("model", found - cached) if found > cached else None

    def namespaces(self, tree: RadixTree | None) -> set[str]:
        """All that prompts were asked in."""
        trees = (self._evicted, self._left_out, *([tree] if tree else []))
        return {name for each in trees for name in each.namespaces}

    def longest(self, tree: RadixTree | None, namespaces: Iterable[str], ids: Int32) -> int:
        """How much of a prompt has been asked in some namespaces, resident or not."""
        trees = (self._evicted, self._left_out, *([tree] if tree else []))
        return max((each.peek(name, ids) for name in namespaces for each in trees), default=0)

    def _note(self, tree: RadixTree, namespace: str, ids: Int32) -> None:
        found = tree.match(namespace, ids)
        rest = ids[found.length : tree.floor(len(ids))]
        if len(rest):
            tree.insert(found.node, rest, rest)  # the slots are of no use here
        if tree.num_tokens > self._max_tokens:
            tree.evict(tree.num_tokens - self._max_tokens)
