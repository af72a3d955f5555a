"""What a run is told of one call: its text as it grows, and its end.

Text goes out as it comes only where it is the program's, and stays: not that of a fused form, whose tokens belong to
several calls and to the texts between them, nor of a generation that may be asked for a second time.
"""

from __future__ import annotations

from collections.abc import Sequence

from lmc.backend.base import Delta, Gen, Segment
from lmc.executor.call_params import CallParams
from lmc.executor.events import CallEnded, TextGrew
from lmc.executor.future import Cell
from lmc.executor.instance import Instance
from lmc.ir.constraint import Fused

FINAL = (None, "warn")  # wishes about distortion under which the first answer is the last


class Telling:
    """Tells of one call.

    asked   the first segment of its request
    wanted  that segment as the program has it
    """

    __slots__ = ("_grows", "_inst", "_num_told", "_params")

    def __init__(self, inst: Instance, params: CallParams, asked: Segment, wanted: Segment, num_samples: int) -> None:
        self._inst = inst
        self._params = params
        self._num_told = [-_num_healed(asked)] * num_samples  # characters of each sample; below 0, still to be left out
        is_final = isinstance(wanted, Gen) and wanted.sampling.on_distortion in FINAL
        self._grows = is_final and not params.parts and inst.shared.detail == "text"

    def grew(self, delta: Delta) -> None:
        """More text has come. A healed generation begins with the prompt's last word, which is nothing new."""
        if not self._grows or self._inst.is_over:
            return
        before = self._num_told[delta.sample]
        self._num_told[delta.sample] = before + len(delta.text)
        text = delta.text[-before:] if before < 0 else delta.text
        if text:
            self._inst.shared.told.append(TextGrew(self._inst.id, self._params, delta.sample, text))

    def ended(self, values: Sequence[Cell], error: BaseException | None) -> None:
        """The call has its value, or a form one for each of its calls; what was not told of it is told before."""
        told, id, has_text = self._inst.shared.told, self._inst.id, self._inst.shared.detail == "text"
        for call, value in zip(self._params.calls or (self._params,), values, strict=True):
            if has_text and error is None:
                told += self._rest(call, value)
            told.append(CallEnded(id, call, value if error is None else None, error))

    def _rest(self, call: CallParams, value: Cell) -> list[TextGrew]:
        texts = value if isinstance(value, list) else [value]
        rests = [text[max(told, 0) :] if self._grows else text for text, told in zip(texts, self._num_told)]
        return [TextGrew(self._inst.id, call, sample, rest) for sample, rest in enumerate(rests) if rest]


def _num_healed(asked: Segment) -> int:
    """Characters of the prompt's last word that a healed generation writes again (see boundary.py)."""
    constraint = asked.constraint if isinstance(asked, Gen) else None
    word = constraint.parts[0] if isinstance(constraint, Fused) else None
    return len(word) if isinstance(word, str) else 0
