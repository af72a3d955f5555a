"""The forward passes of a run, joined to the calls that sat in them: `run(..., timeline=True)` keeps it."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from lmc.backend.base import ForwardPass, Session
    from lmc.executor import Outcome, RunEvent

MAX_ROWS = 200_000  # of passes, and requests that are known by their calls: some tens of megabytes


class Asked(NamedTuple):
    """Who asked a request: an item of the batch, and the numbers of its calls in `result.calls`; a form has several.

    position  in the program: node, turn, node, ...; the last one is the call's node in the plan, where there is one
    """

    item: int
    calls: tuple[int, ...]
    position: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Timeline:
    """The forward passes of a run, in order; `begin_s` of each is in seconds since the run began, as that of calls is.

    asked        by the `rid` of a row; one that is not there belongs to an attempt that was run again whole, or to an
                 item that has not ended
    num_dropped  passes before the first one that were not kept
    """

    passes: tuple[ForwardPass, ...]
    asked: Mapping[int, Asked]
    num_dropped: int = 0

    def as_dict(self) -> dict[str, Any]:
        """All of it, fit for JSON: a row has its `item` and `calls`."""
        return {"num_dropped": self.num_dropped, "passes": [self._pass(each) for each in self.passes]}

    def _pass(self, each: ForwardPass) -> dict[str, Any]:
        rows = []
        for row in each.rows:
            asked = self.asked.get(row.rid)
            who = {"item": None, "calls": []} if asked is None else {"item": asked.item, "calls": list(asked.calls)}
            rows.append({**who, **row._asdict()})
        return {**asdict(replace(each, rows=())), "rows": rows}


class TimelineKeeper:
    """What a launch keeps for the timeline of its run: the last passes of its session, and who asked for what.

    begin_s  when the run began, on the clock of the passes
    """

    def __init__(self, session: Session, begin_s: float) -> None:
        self._session, self._begin_s = session, begin_s
        self._passes: deque[ForwardPass] = deque()
        self._num_rows = 0
        self._asked: dict[int, Asked] = {}
        session.record_passes(MAX_ROWS)

    def heard(self, event: RunEvent) -> None:
        """Where an item of the batch has ended, its calls have their numbers."""
        from lmc.executor import ItemEnded

        if type(event) is ItemEnded:
            self._ended(event.item, event.outcome)

    def _ended(self, item: int, outcome: Outcome) -> None:
        number = 0
        for call in sorted(outcome.made or (), key=lambda each: each.position):
            num = len(call.params.calls) or 1  # of a form each call has a number
            asked = Asked(item, tuple(range(number, number + num)), call.position)
            self._asked.update(dict.fromkeys(call.rids, asked))
            number += num
        while len(self._asked) > MAX_ROWS:
            del self._asked[next(iter(self._asked))]

    def fetch(self) -> list[ForwardPass]:
        """The passes that nobody has fetched; they are kept, too."""
        new = self._session.take_passes()
        for each in new:
            self._passes.append(replace(each, begin_s=each.begin_s - self._begin_s))
            self._num_rows += len(each.rows)
        while self._num_rows > MAX_ROWS and len(self._passes) > 1:
            self._num_rows -= len(self._passes.popleft().rows)
        return new

    def timeline(self) -> Timeline:
        """What there is so far."""
        self.fetch()
        num_dropped = self._passes[0].number if self._passes else 0
        return Timeline(tuple(self._passes), dict(self._asked), num_dropped)
