"""Token tables as the kernels take them: the automata of a batch in two tensors, with what ends a text.

    automata, starts = device_automata(tables, eos_ids, device)     a row under tables[i]: state starts[i], which = i

A device's runner masks and steps its rows by `lmc.kernels.automaton`, without the host between two tokens.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch

from lmc.backend.masks.token_table import TokenTable
from lmc.backend.masks.words import Ints
from lmc.kernels.automaton import Automata


def device_automata(
    tables: Sequence[TokenTable], eos_ids: Iterable[int], device: torch.device | str = "cpu"
) -> tuple[Automata, tuple[int, ...]]:
    """The automata of these tables over one vocabulary, and the state of each before any token.

    State 0 is dead for all of them. An end token may come where a text may end, and leaves the state as it is.
    """
    ends = sorted(eos_ids)
    offsets = np.cumsum([0, *(len(table.next) - 1 for table in tables)]).tolist()  # row 0 is shared
    width = max(table.next.shape[1] for table in tables) + 1
    next_state = np.zeros((offsets[-1] + 1, width), dtype=np.int32)
    classes = np.zeros((len(tables), len(tables[0].class_of)), dtype=np.int32)
    for i, (table, offset) in enumerate(zip(tables, offsets)):
        own = slice(offset + 1, offset + len(table.next))
        next_state[own, : table.next.shape[1]] = _moved(table.next[1:], offset)
        next_state[own, -1] = np.where(table.accepting[1:], np.arange(own.start, own.stop), 0)
        classes[i] = table.class_of
        classes[i, ends] = width - 1
    kind = torch.uint8 if width <= 1 << 8 else torch.int16 if width <= 1 << 15 else torch.int32
    automata = Automata(
        torch.from_numpy(classes).to(kind).to(device),
        torch.from_numpy(next_state).to(device),
    )
    return automata, tuple(table.start and table.start + offset for table, offset in zip(tables, offsets))


def _moved(states: Ints, offset: int) -> Ints:
    """States numbered from another place on; dead is dead everywhere."""
    moved: Ints = np.where(states != 0, states + offset, 0).astype(np.int32)
    return moved
