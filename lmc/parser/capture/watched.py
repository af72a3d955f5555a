"""What a walk goes over, and whether it changed meanwhile: in a loop's body, or before a one-pass iterable begins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lmc.codes import CHANGED_WHILE_WALKED
from lmc.errors import CaptureError
from lmc.ir.graph import Value
from lmc.parser.capture.breaks import graph_break
from lmc.parser.capture.tracer import MakeLive, Tracer
from lmc.parser.capture.values import Container, DictView, Generator, Once, StandIn, Sym
from lmc.source import Span


class Watched:
    """The containers and live objects that a loop walks over, which its body may change."""

    def __init__(self, t: Tracer, sources: Iterable[tuple[StandIn, int]]) -> None:
        sources = list(sources)
        boxes = [(x.container if isinstance(x, DictView) else x, way) for x, way in sources]
        self.before = [
            (container, self._mark(container), way) for container, way in boxes if isinstance(container, Container)
        ]
        self.live = {t.origin(x.value) for x, _ in sources if isinstance(x, Sym)}
        self.live |= {t.origin(mark) for _, mark, _ in self.before if isinstance(mark, Value)}
        self.log, self.begun = t.changed, len(t.changed)
        self.t = t

    def _mark(self, container: Container) -> StandIn:
        """What stands for the content: a list of states has not changed where its states have."""
        return (
            container.fields.get("$resized")
            if container.holds_states and not container.is_static
            else container.fields["content"]
        )

    def changed(self) -> bool:
        """True where one of them is not what it was."""
        if not self.live.isdisjoint(self.log[self.begun :]):
            return True
        return any(self._mark(container) is not mark for container, mark, _ in self.before)

    def refusal(self, span: Span | None) -> MakeLive | CaptureError:
        """Why a change cannot be followed: as a live object it can, where it is data."""
        error = graph_break(CHANGED_WHILE_WALKED, span)
        for container, mark, _ in self.before:
            if self._mark(container) is not mark and not container.holds_states and not container.is_live:
                need = self.t.make_live(container)
                need.error = error
                return need
        return error

    def changed_ahead(self, at: int) -> bool:
        """True where a change is seen by a walk that has done `at` turns."""
        if not self.changed():
            return False
        for container, mark, way in self.before:
            num = len(mark) if isinstance(mark, tuple | dict) else 0
            if _ahead(mark, at, num, way) != _ahead(container.content, at, num, way):
                return True
        return False


def sources_of(given: StandIn, way: int = 1) -> Iterator[tuple[StandIn, int]]:
    """What is walked over at the bottom of zip, enumerate and the like, and which way: 1, or -1 from the end."""
    if isinstance(given, Generator):
        yield from sources_of(given.first, way)
    elif isinstance(given, Once):
        for source in given.sources:
            yield from sources_of(source, -way if given.name == "reversed" else way)
    else:
        yield given, way


def _ahead(content: StandIn, at: int, num: int, way: int) -> object:
    """What is left of `num` items after `at` turns, by identity; a dict keeps all its keys."""
    if isinstance(content, dict):
        items = tuple(content.values())
        return tuple(content), _ahead(items, at, num, way)
    if not isinstance(content, tuple):
        return content
    return [id(i) for i in (content[at:] if way > 0 else content[: num - at])]


def since_made(t: Tracer, sources: Iterable[StandIn]) -> Watched:
    """What a one-pass iterable is made of, as it is when it is made, but for lists that are walked over from the start.

    Python's iterator of a dict, set or deque does not go on where that has changed since, and one from the end of a
    list knows where that was. In a trace the items come about when somebody begins to walk.
    """
    found = (pair for source in sources for pair in sources_of(source))
    return Watched(t, ((x, way) for x, way in found if way < 0 or not _is_list(x)))


def _is_list(x: StandIn) -> bool:
    return isinstance(x, Container) and x.kind == "list"
