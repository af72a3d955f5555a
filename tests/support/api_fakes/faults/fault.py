"""A fault, as changes of an answer on its way out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from ..answer import Frame
from ..asked import Completion
from ..encode import PLAIN, Style
from ..http.acts import Act


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to one answer, stage by stage; a stage that is None changes nothing.

    error       the dialect's error of this name comes instead of an answer
    headers     put on whatever comes
    completion  changes what was generated, before it is written in the dialect's words
    frames      changes the frames of a stream, or the one document of a whole answer; floats are pauses. An Ellipsis
                stands for an error of the dialect: `stream_error` says which
    style       how events are spelt
    payload     changes the bytes of the body, before they are put into chunks
    wire        changes everything that goes out, the head first
    whole       sends a stream with a content-length instead of in chunks
    close_next  the connection stays open, and is reset when the client uses it again
    """

    name: str
    error: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    completion: Callable[[Completion], Completion] | None = None
    frames: Callable[[Iterator[Frame | float], Callable[[str], Frame]], Iterable[Frame | float]] | None = None
    style: Style = PLAIN
    payload: Callable[[Iterator[Act]], Iterable[Act]] | None = None
    wire: Callable[[Iterator[Act]], Iterable[Act]] | None = None
    whole: bool = False
    close_next: bool = False
