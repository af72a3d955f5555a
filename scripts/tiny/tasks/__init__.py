"""The tasks, one file each, and how often each is drawn."""

from __future__ import annotations

from importlib import import_module

from scripts.tiny.item import Item, Task
from scripts.tiny.world import World

# the steps at which the stages of the training begin: everything, then more of the closed questions, then those in bulk
STAGES = (0, 2000, 2400)

# task -> its share of the items, in parts: in stage 0, and later
SHARES = {
    "qa": (20, 10),
    "extract": (20, 14),
    "choice": (20, 44),
    "recall": (12, 8),
    "classify": (14, 20),
    "tools": (14, 14),
    "rating": (7, 9),
    "essay": (6, 6),
    "lists": (8, 8),
    "arithmetic": (9, 11),
    "guide": (8, 10),
    "describe": (5, 3),
}

def task(name: str) -> Task:
    """The generator of that name."""
    return getattr(import_module(f"scripts.tiny.tasks.{name}"), name)


TASKS: dict[str, Task] = {name: task(name) for name in SHARES}


def stage_of(step: int) -> int:
    """The stage that a step of the training is in."""
    return sum(step >= begin for begin in STAGES) - 1


def draw(w: World) -> Item:
    """An item of a task drawn by its share."""
    (name,) = w.rng.choices(list(SHARES), weights=[parts[w.stage > 0] for parts in SHARES.values()])
    return TASKS[name](w)
