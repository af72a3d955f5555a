"""The tasks, one file each, and how often each is drawn."""

from __future__ import annotations

from importlib import import_module

from scripts.tiny.item import Item, Task
from scripts.tiny.world import World

# the steps at which the stages of the training begin: short texts and more of the tasks that find and copy; everything;
# then mostly questions that compare what a text says with what is asked; at last JSON as lmc spaces it
STAGES = (0, 1200, 3600, 6000)

# task -> its share of the items, in parts, by stage
SHARES = {
    "qa": (20, 10, 6, 4),
    "extract": (20, 14, 10, 40),
    "choice": (20, 26, 48, 20),
    "recall": (12, 8, 6, 4),
    "classify": (14, 22, 22, 36),
    "tools": (14, 20, 18, 30),
    "rating": (7, 9, 8, 12),
    "essay": (6, 9, 6, 6),
    "lists": (8, 10, 7, 4),
    "arithmetic": (9, 10, 5, 8),
    "guide": (8, 9, 6, 10),
    "describe": (5, 3, 3, 2),
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
    (name,) = w.rng.choices(list(SHARES), weights=[parts[w.stage] for parts in SHARES.values()])
    return TASKS[name](w)
