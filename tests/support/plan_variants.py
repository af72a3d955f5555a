"""A plan said otherwise: its steps in another order that is allowed, and hints at random that fit it."""

from __future__ import annotations

import random
from dataclasses import replace

from lmc.ir.hints import HINTS, Hint
from lmc.ir.ops import OPS
from lmc.ir.plan import Plan, Step
from lmc.ir.verify import verify_plan


def without_hints(plan: Plan) -> Plan:
    """The same plan, with no hint at all."""
    return replace(plan, steps=tuple(replace(step, hints=()) for step in plan.steps))


def shuffled(plan: Plan, rng: random.Random) -> Plan:
    """Its steps in any order in which each stands behind its region and those that it waits for."""
    left, done = list(plan.steps), list[Step]()
    placed: set[int | None] = {None}
    while left:
        ready = [step for step in left if placed.issuperset((step.inside, *step.after))]
        done.append(rng.choice(ready))
        left.remove(done[-1])
        placed.add(done[-1].id)
    made = replace(plan, steps=tuple(done))
    verify_plan(made)
    return made


def with_random_hints(plan: Plan, rng: random.Random) -> Plan:
    """Any hints that the verifier takes: pins without a release, releases of nothing, gangs of strangers."""
    made = replace(plan, steps=tuple(replace(step, hints=_hints(step, plan, rng)) for step in plan.steps))
    verify_plan(made)
    return made


def _hints(step: Step, plan: Plan, rng: random.Random) -> tuple[Hint, ...]:
    if OPS[step.op].kind != "model":
        return ()
    hints = [Hint("gang", rng.randrange(3), is_shared=rng.random() < 0.5)] if rng.random() < 0.6 else []
    hints += [Hint("priority", rng.randrange(-2, 3))] if rng.random() < 0.6 else []
    hints += [Hint("again", rng.randrange(1, 5))] if rng.random() < 0.6 else []
    for prefix in plan.prefixes:
        for kind in ("prefetch", "pin", "release"):
            if rng.random() < 0.4 and (step.id in prefix.steps or not HINTS[kind].needs_own):
                ttl_s, waves = (rng.choice((0.001, 60.0)), rng.randrange(1, 5)) if kind == "pin" else (None, 1)
                hints.append(Hint(kind, prefix.id, ttl_s, waves=waves))  # type: ignore[arg-type]
    return tuple(hints)
