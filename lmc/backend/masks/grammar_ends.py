"""Where a text of a grammar may end soonest: for every state of its bytes a shortest rest, without walking it.

What is cheapest of a rule is found once, for every node of its automaton (Knuth's generalization of Dijkstra, 1977); a
state then is what is left of its rule and of those around it.
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush

from lmc.backend.masks.grammar_bytes import ROOT, GrammarBytes, Item
from lmc.backend.masks.grammar_nfa import Nfa

NEVER = 1 << 40  # bytes: there is no end
Step = tuple[int, int, int]  # a byte or SILENT or CALL, the rule that is called, and the node behind it
SILENT, CALL = -1, -2
END: Step = (-3, -1, -1)


class GrammarEnds:
    """The shortest rests of one grammar. For one thread at a time."""

    def __init__(self, walk: GrammarBytes) -> None:
        self._walk = walk
        self._nfa = walk.nfa
        self._costs, self._steps = _cheapest(walk.nfa)
        self._contexts: dict[int, tuple[int, Item | None]] = {ROOT: (0, None)}
        self._open: set[int] = set()
        self._is_round = False  # whether a context was come back to while it was looked at

    def length(self, state: int) -> int:
        """How many bytes a shortest rest has, NEVER where there is none."""
        return self._best(self._walk.kernel(state))[0]

    def rest(self, state: int) -> bytes | None:
        """A shortest rest of the text; None where there is none."""
        length, item = self._best(self._walk.kernel(state))
        if length >= NEVER:
            return None
        said = bytearray()
        while item is not None:
            node, context = item
            self._say(node, said)
            item = self._around(context)[1]
        return bytes(said)

    def _best(self, items: Iterable[Item]) -> tuple[int, Item | None]:
        best: tuple[int, Item | None] = (NEVER, None)
        for node, context in sorted(items):  # in one order wherever they come from
            cost = self._costs[node]
            if cost < best[0]:
                cost += self._around(context)[0]
                if cost < best[0]:
                    best = (cost, (node, context))
        return best

    def _around(self, context: int) -> tuple[int, Item | None]:
        """What comes behind a rule that was called in a context, at its cheapest."""
        found = self._contexts.get(context)
        if found is not None:
            return found
        if context in self._open:
            self._is_round = True
            return NEVER, None
        self._open.add(context)
        outer, self._is_round = self._is_round, False
        found = self._best(self._walk.behind(context))
        self._open.discard(context)
        if not self._is_round or not self._open:
            self._contexts[context] = found
        self._is_round = outer or self._is_round
        return found

    def _say(self, node: int, said: bytearray) -> None:
        pending = [node]
        while pending:
            step = self._steps[pending.pop()]
            if step is None:
                continue
            kind, rule, behind = step
            pending.append(behind)
            if kind == CALL:
                pending.append(self._nfa.starts[rule])
            elif kind != SILENT:
                said.append(kind)


def _cheapest(nfa: Nfa) -> tuple[list[int], list[Step | None]]:
    """By node the bytes to the end of its rule, and the first step of a shortest way."""
    into: list[list[tuple[int, int]]] = [[] for _ in nfa.edges]  # (a byte or SILENT, the node before)
    calls: list[list[tuple[int, int]]] = [[] for _ in nfa.edges]  # by the node behind: (the node before, rule)
    of_rule: list[list[tuple[int, int]]] = [[] for _ in nfa.starts]  # (the node before, the node behind)
    for node, edges in enumerate(nfa.edges):
        for low, _, target in edges:
            into[target].append((low, node))
        for target in nfa.silent[node]:
            into[target].append((SILENT, node))
        for rule, target in nfa.calls[node]:
            calls[target].append((node, rule))
            of_rule[rule].append((node, target))
    starts: dict[int, list[int]] = {}
    for rule, start in enumerate(nfa.starts):
        starts.setdefault(start, []).append(rule)
    costs, steps = [NEVER] * len(nfa.edges), list[Step | None]([None]) * len(nfa.edges)
    pending: list[tuple[int, int, Step]] = [(0, node, END) for node, ends in enumerate(nfa.is_end) if ends]
    while pending:
        cost, node, step = heappop(pending)
        if costs[node] < NEVER:
            continue
        costs[node], steps[node] = cost, None if step == END else step
        for kind, before in into[node]:
            heappush(pending, (cost + (kind != SILENT), before, (kind, -1, node)))
        for before, rule in calls[node]:
            called = costs[nfa.starts[rule]]
            if called < NEVER:
                heappush(pending, (cost + called, before, (CALL, rule, node)))
        for rule in starts.get(node, ()):
            for before, behind in of_rule[rule]:
                if costs[behind] < NEVER:
                    heappush(pending, (cost + costs[behind], before, (CALL, rule, behind)))
    return costs, steps
