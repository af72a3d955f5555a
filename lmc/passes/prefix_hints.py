"""What a plan's prefixes advise at once: which calls go together. What is kept until when is `liveness`'s to say.

    #0 gen prompt "Doc" %doc "A" prefix p0        #0 ... hints gang g0
    #1 gen prompt "Doc" %doc "B" prefix p0   ->   #1 ... hints gang g0

Calls with the same deepest prefix are a gang, one for all items where nothing in the prefix depends on the item.
"""

from __future__ import annotations

from dataclasses import replace

from lmc.ir.graph import Lit
from lmc.ir.hints import Hint
from lmc.ir.plan import Plan, Step


def with_gangs(plan: Plan) -> Plan:
    """The plan with a gang for each prefix that is the deepest of some call; the hints it had are left out."""
    shared = shared_prefixes(plan)
    return replace(plan, steps=tuple(_with_gang(step, shared) for step in plan.steps))


def _with_gang(step: Step, shared: frozenset[int]) -> Step:
    hints = () if step.prefix is None else (Hint("gang", step.prefix, is_shared=step.prefix in shared),)
    return replace(step, hints=hints) if hints != step.hints else step


def shared_prefixes(plan: Plan) -> frozenset[int]:
    """The prefixes that are the same text for every item: there is no hole in them, nor in what is above."""
    found: set[int] = set()
    for prefix in plan.prefixes:
        above = prefix.parent is None or prefix.parent in found
        if above and all(isinstance(piece, Lit) for piece in prefix.pieces):
            found.add(prefix.id)
    return frozenset(found)
