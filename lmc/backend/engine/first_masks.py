"""Masks that are made for the first time: so many a step, so that a step stays short.

A row whose next mask is not made yet, in a step that has made its share, waits for the next one, and the others go on.
They are counted, not timed: what is planned does not depend on how fast a machine is.
"""

from __future__ import annotations

from contextlib import suppress

from lmc.backend.engine.sequence import Sequence

MOST = 8  # in a step


class FirstMasks:
    """Those of one step after another. On a device that runs ahead all may go: there masks are made beside the pass."""

    def __init__(self, depth: int) -> None:
        self._is_counted = depth == 1
        self._left = MOST

    def begin(self) -> None:
        """A step begins."""
        self._left = MOST

    def may_go(self, seq: Sequence) -> bool:
        """Whether the next mask of a sequence is there, or has been made just now."""
        generation = seq.generation
        if not self._is_counted or generation is None or generation.matcher is None or generation.matcher.has_mask:
            return True
        if self._left == 0:
            return False
        self._left -= 1
        with suppress(Exception):  # it is raised again where the sequence alone is failed for it
            generation.matcher.mask()
        return True
