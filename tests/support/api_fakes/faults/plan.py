"""When faults happen: to the k-th request, to a share of them, or as a function says."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence

from ..recorded import Recorded
from .fault import Fault

Rule = Callable[[Recorded], "Fault | Sequence[Fault] | None"]
Faults = Mapping[int, "Fault | Sequence[Fault]"] | Fault | Rule | Sequence["Fault | Rule | Mapping[int, Fault]"] | None


class Plan:
    """Which faults befall a request.

    {k: fault}        the k-th POST, from 0; a list of faults befalls it together
    fault             every POST
    share(p, fault)   a share of them, by a seed
    a function        from what was recorded of the request to a fault, several, or None
    a list of these   all of them, in order
    """

    def __init__(self, faults: Faults) -> None:
        parts = faults if isinstance(faults, Sequence) else [faults] if faults is not None else []
        self._rules = [_rule(part) for part in parts]

    def __bool__(self) -> bool:
        return bool(self._rules)

    def of(self, request: Recorded) -> list[Fault]:
        """Those of this request."""
        found: list[Fault] = []
        for rule in self._rules:
            told = rule(request)
            found += [] if told is None else [told] if isinstance(told, Fault) else told
        return found


def _rule(part: object) -> Rule:
    if isinstance(part, Fault):
        return lambda request: part if request.number >= 0 else None
    if isinstance(part, Mapping):
        return lambda request: part.get(request.number)
    assert callable(part), f"{part!r} is no rule"
    return part


def share(p: float, fault: Fault, seed: int = 0) -> Rule:
    """The fault befalls a share `p` of the POSTs, which ones is drawn by the seed and the request's number."""
    return lambda r: fault if r.number >= 0 and random.Random(f"{seed} {r.number}").random() < p else None


def each(k: int, fault: Fault) -> Rule:
    """The fault befalls every k-th POST, the first included."""
    return lambda request: fault if request.number >= 0 and request.number % k == 0 else None
