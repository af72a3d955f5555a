"""The tasks, one file each, and how often each is drawn."""

from __future__ import annotations

from importlib import import_module

from scripts.tiny.item import Item, Task
from scripts.tiny.world import World

# task -> its share of the items, in parts: at first, and in later steps, when reading has been learnt
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
LATE = 2000  # the step from which the second column counts


def task(name: str) -> Task:
    """The generator of that name."""
    return getattr(import_module(f"scripts.tiny.tasks.{name}"), name)


TASKS: dict[str, Task] = {name: task(name) for name in SHARES}


def draw(w: World, is_late: bool = False) -> Item:
    """An item of a task drawn by its share."""
    (name,) = w.rng.choices(list(SHARES), weights=[parts[is_late] for parts in SHARES.values()])
    return TASKS[name](w)
