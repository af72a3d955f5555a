"""The tasks, one file each, and how often each is drawn."""

from __future__ import annotations

from importlib import import_module

from scripts.tiny.item import Item, Task
from scripts.tiny.world import World

# task -> its share of the items, in parts
SHARES = {
    "qa": 20,
    "extract": 20,
    "choice": 20,
    "recall": 12,
    "classify": 14,
    "tools": 14,
    "rating": 7,
    "essay": 6,
    "lists": 8,
    "arithmetic": 9,
    "guide": 8,
    "describe": 5,
}


def task(name: str) -> Task:
    """The generator of that name."""
    return getattr(import_module(f"scripts.tiny.tasks.{name}"), name)


TASKS: dict[str, Task] = {name: task(name) for name in SHARES}


def draw(w: World) -> Item:
    """An item of a task drawn by its share."""
    (name,) = w.rng.choices(list(SHARES), weights=list(SHARES.values()))
    return TASKS[name](w)
