"""Calls of builtins that have rules of their own, as they may be given states or functions of the program."""

from collections.abc import Callable
from typing import Any

from lmc.parser.capture.special import lazy, making, ordering, reflection, wrapping

SPECIAL: dict[Callable[..., Any], Callable[..., Any]] = {
    **making.RULES, **lazy.RULES, **ordering.RULES, **reflection.RULES, **wrapping.RULES,
}  # fmt: skip
