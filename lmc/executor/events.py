"""What a run tells of its items as they go on: text that grew, calls and items that ended.

Streaming, a server or a progress bar are made of these; they are in the order in which things happened.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from lmc.executor.call_params import CallParams
    from lmc.executor.instance import Outcome

# how much is told: the ends of items; those of calls too; the text of calls as it grows too
Detail = Literal["items", "calls", "text"]


@dataclass(frozen=True, slots=True)
class TextGrew:
    """A branch of an item has more text, which is never taken back (see branches.py).

    A call that may be asked a second time, and a fused form, grow only when they end.

    branch  the path of the branch
    call    which call of the item wrote it, by number; None for text that no model wrote
    name    of that call
    sample  of several samples of a call the first goes into the prompt; all texts of one are its value
    """

    item: int
    branch: str
    text: str
    call: int | None = None
    name: str | None = None
    sample: int = 0


@dataclass(frozen=True, slots=True)
class CallStarted:
    """A model call was asked for; `call` is its number in the item, `params` what it asks."""

    item: int
    branch: str
    call: int
    name: str | None
    params: CallParams


@dataclass(frozen=True, slots=True)
class CallEnded:
    """A model call has its value, a list where it has several samples; `error` says why there is none.

    meta  what `get_meta_info` gives for its name; None where it has no name
    """

    item: int
    branch: str
    call: int
    name: str | None
    params: CallParams
    value: object
    error: BaseException | None = None
    meta: Any = None


@dataclass(frozen=True, slots=True)
class ItemEnded:
    """An item is over, well or with an error; nothing more comes of it."""

    item: int
    outcome: Outcome


RunEvent = TextGrew | CallStarted | CallEnded | ItemEnded
