"""What a run is told of one call: its text as it grows, and its end.

Text goes out as it comes only where it is the program's, and stays: not that of a fused form, whose tokens belong to
several calls and to the texts between them, nor of a generation that may be asked for a second time.
"""

from __future__ import annotations

from collections.abc import Sequence

from lmc.backend.base import Delta, Gen, Segment
from lmc.executor.branches import Branches
from lmc.executor.call_params import CallParams
from lmc.executor.events import CallEnded, CallStarted, TextGrew
from lmc.executor.future import Cell
from lmc.executor.instance import Instance
from lmc.executor.state import ProgramState
from lmc.ir.constraint import Fused
from lmc.ir.fused import FusedGen, FusedSelect

FINAL = (None, "warn")  # wishes about distortion under which the first answer is the last


class Telling:
    """Tells of one call, or of each call of a fused form.

    branches  those of its item
    state     what it goes on from
    asked     the first segment of its request
    wanted    that segment as the program has it
    """

    __slots__ = ("_branches", "_calls", "_first", "_grows", "_inst", "_num_told", "_params", "_path")

    def __init__(
        self,
        inst: Instance,
        branches: Branches,
        params: CallParams,
        state: ProgramState,
        asked: Segment,
        wanted: Segment,
        num_samples: int,
    ) -> None:
        self._inst = inst
        self._branches = branches
        self._params = params
        self._num_told = [-_num_healed(asked)] * num_samples  # characters of each sample; below 0, still to be left out
        is_final = isinstance(wanted, Gen) and wanted.sampling.on_distortion in FINAL
        self._grows = is_final and not params.parts and branches.has_text
        branches.reached(state)
        self._path = branches.path(state)
        # the name of a call may be known only when the program runs: the segment has it
        names = [(call, call.name) for call in params.calls] or [(params, getattr(wanted, "name", None))]
        self._calls = [(branches.next_call(), name if isinstance(name, str) else None, call) for call, name in names]
        told = inst.shared.told
        told += (CallStarted(inst.id, self._path, number, name, call) for number, name, call in self._calls)

    def grew(self, delta: Delta) -> None:
        """More text has come. A healed generation begins with the prompt's last word, which is nothing new."""
        if not self._grows or self._inst.is_over:
            return
        before = self._num_told[delta.sample]
        self._num_told[delta.sample] = before + len(delta.text)
        text = delta.text[-before:] if before < 0 else delta.text
        if text:
            self._tell(0, text, delta.sample)

    def failed(self, error: BaseException) -> None:
        """The call has no value."""
        told = self._inst.shared.told
        for number, name, call in self._calls:
            told.append(CallEnded(self._inst.id, self._path, number, name, call, None, error))

    def ended(self, state: ProgramState, values: Sequence[Cell], texts: Sequence[Sequence[str]]) -> None:
        """The call has its value, or a form one for each of its calls; what was not told of it is told before.

        texts  by call, of each sample; of a form, those of its parts, the texts between its calls among them
        """
        if self._branches.has_text:
            if self._params.parts:
                self._tell_parts(texts)
            else:
                for sample, text in enumerate(texts[0]):
                    rest = text[max(self._num_told[sample], 0) :] if self._grows else text
                    if rest:
                        self._tell(0, rest, sample)
            self._branches.said(state)
        told = self._inst.shared.told
        for (number, name, call), value in zip(self._calls, values, strict=True):
            meta = None if name is None else state.names.meta.get(name)
            told.append(CallEnded(self._inst.id, self._path, number, name, call, value, meta=meta))

    def _tell(self, index: int, text: str, sample: int = 0) -> None:
        number, name, _ = self._calls[index]
        self._inst.shared.told.append(TextGrew(self._inst.id, self._path, text, number, name, sample))

    def _tell_parts(self, texts: Sequence[Sequence[str]]) -> None:
        index = 0
        for part, (text,) in zip(self._params.parts, texts, strict=True):
            if isinstance(part, FusedGen | FusedSelect):
                if text:
                    self._tell(index, text)
                index += 1
            elif text:
                self._inst.shared.told.append(TextGrew(self._inst.id, self._path, text))


def _num_healed(asked: Segment) -> int:
    """Characters of the prompt's last word that a healed generation writes again (see boundary.py)."""
    constraint = asked.constraint if isinstance(asked, Gen) else None
    word = constraint.parts[0] if isinstance(constraint, Fused) else None
    return len(word) if isinstance(word, str) else 0
