"""Where text is shown: how wide it may get and whether it is coloured."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_WIDTH = 100


@dataclass(frozen=True, slots=True)
class Terminal:
    """How wide a table or tree may get, in columns, and whether it is coloured (for a terminal)."""

    width: int = DEFAULT_WIDTH
    color: bool = False


PLAIN = Terminal()
