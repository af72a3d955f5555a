"""Rows of an automaton's states in one array, each made when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from lmc.backend.masks.words import Ints

Row = Sequence[int] | Ints


class RowTable:
    """Rows of `width` numbers by state."""

    def __init__(self, width: int, make: Callable[[int], Row]) -> None:
        self._width = width
        self._make = make
        self._rows = np.zeros(0, dtype=np.int32)  # [states * width]
        self._made = np.zeros(0, dtype=bool)

    def after(self, states: Ints, columns: Ints) -> Ints:
        """What the row of each state has in a column."""
        self._fill(states)
        return self._rows.take(states.astype(np.int64) * self._width + columns)

    def row(self, state: int) -> Ints:
        """The row of one state."""
        self._fill(np.array([state], dtype=np.int32))
        return self._rows[state * self._width : (state + 1) * self._width]

    def _fill(self, states: Ints) -> None:
        """Make sure that the rows of these states are there."""
        if len(states) and int(states.max()) >= len(self._made):
            self._grow(int(states.max()) + 1)
        made = self._made.take(states)
        if made.all():
            return
        for state in np.unique(states[~made]).tolist():
            self._rows[state * self._width : (state + 1) * self._width] = self._make(state)
            self._made[state] = True

    def _grow(self, size: int) -> None:
        more = max(2 * len(self._made), size, 64) - len(self._made)
        self._rows = np.concatenate([self._rows, np.zeros(more * self._width, dtype=np.int32)])
        self._made = np.concatenate([self._made, np.zeros(more, dtype=bool)])
