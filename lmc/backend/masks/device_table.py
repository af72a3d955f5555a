"""A TokenTable on a device: masks and moves of a whole batch as gathers, without the host."""

from __future__ import annotations

import torch
from torch import Tensor

from lmc.backend.masks.token_table import TokenTable
from lmc.ir.automaton.dfa import DEAD


class DeviceTable:
    """The tensors of a table; states stay on the device from step to step.

    class_of   [V] int32
    next       [states, classes] int32
    accepting  [states] bool
    """

    def __init__(self, table: TokenTable, device: torch.device | str = "cpu") -> None:
        self.class_of = torch.from_numpy(table.class_of).to(device)
        self.next = torch.from_numpy(table.next).to(device)
        self.accepting = torch.from_numpy(table.accepting).to(device)
        self.start = table.start

    def begin(self, count: int) -> Tensor:
        """[B] int32, the state before any token, for each of `count` texts."""
        return torch.full((count,), self.start, dtype=torch.int32, device=self.next.device)

    def allowed(self, states: Tensor) -> Tensor:
        """[B, V] bool, whether each token may come next, for states [B]."""
        live = self.next.index_select(0, states) != DEAD
        return live.index_select(1, self.class_of)

    def mask_(self, logits: Tensor, states: Tensor) -> Tensor:
        """[B, V] logits with what may not come next at -inf, in place."""
        return logits.masked_fill_(~self.allowed(states), float("-inf"))

    def advance(self, states: Tensor, tokens: Tensor) -> Tensor:
        """[B] int32, the states after one token each; DEAD where it may not come."""
        return self.next[states, self.class_of[tokens]]
