"""The tasks, one file each, and how often each is drawn."""

from __future__ import annotations

from importlib import import_module

from scripts.tiny.item import Item, Task
from scripts.tiny.world import World

EASY_STEPS = 1200  # of the training: more short texts, and more of the tasks that find and copy

# task -> its share of the items, in parts: in the easy steps, and later
SHARES = {
    "qa": (20, 10),
    "extract": (20, 14),
    "choice": (20, 26),
    "recall": (12, 8),
    "classify": (14, 22),
    "tools": (14, 20),
    "rating": (7, 9),
    "essay": (6, 9),
    "lists": (8, 10),
    "arithmetic": (9, 10),
    "guide": (8, 9),
    "describe": (5, 3),
}


def task(name: str) -> Task:
    """The generator of that name."""
    return getattr(import_module(f"scripts.tiny.tasks.{name}"), name)


TASKS: dict[str, Task] = {name: task(name) for name in SHARES}


def draw(w: World) -> Item:
    """An item of a task drawn by its share."""
    (name,) = w.rng.choices(list(SHARES), weights=[parts[not w.easy] for parts in SHARES.values()])
    return TASKS[name](w)
