"""What a run tells of its items as they go on: text that grew, calls and items that ended.

Streaming, a server or a progress bar are made of these; they are in the order in which things happened.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from lmc.executor.call_params import CallParams
    from lmc.executor.instance import Outcome

# how much is told: the ends of items; those of calls too; the text of calls as it grows too
Detail = Literal["items", "calls", "text"]


@dataclass(frozen=True, slots=True)
class TextGrew:
    """A call wrote more text, which is never taken back: all of a sample's together are its value.

    A call that may be asked a second time, and a fused form, grow only when they end.
    """

    item: int
    call: CallParams
    sample: int
    text: str


@dataclass(frozen=True, slots=True)
class CallEnded:
    """A model call has its value, a list where it has several samples; `error` says why there is none."""

    item: int
    call: CallParams
    value: object
    error: BaseException | None = None


@dataclass(frozen=True, slots=True)
class ItemEnded:
    """An item is over, well or with an error; nothing more comes of it."""

    item: int
    outcome: Outcome


RunEvent = TextGrew | CallEnded | ItemEnded
