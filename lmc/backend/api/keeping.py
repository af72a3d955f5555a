"""Whether an answer keeps its constraint: held against the text, as a server's word for it is not enough.

What is not known of a constraint here (grammars, structural tags, calls of tools, schemas that recur) is left to the
server, and said to be.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import lru_cache
from typing import TypeVar

from lmc.errors import LMError
from lmc.ir.automaton.dfa import DEAD, CharDfa
from lmc.ir.constraint import Choices, Constraint, JsonSchema, Regex
from lmc.ir.json_schema.findings import NotRegular
from lmc.ir.json_schema.regular import regular_tree

MAX_KEPT = 64  # automata


async def is_known(constraint: Constraint) -> bool:
    """Whether `breaks` can tell. On the loop, which is not held up."""
    if not isinstance(constraint, JsonSchema | Regex):
        return isinstance(constraint, Choices)
    return await _aside(lambda: _automaton(_spaced(constraint)) is not None)


async def breaks(constraint: Constraint, text: str) -> str:
    """How a whole text breaks it, "" where it does not or nobody knows. On the loop, which is not held up."""
    if not isinstance(constraint, JsonSchema | Regex):
        return how_broken(constraint, text)
    return await _aside(lambda: how_broken(constraint, text))


Found = TypeVar("Found")
_workers: dict[asyncio.AbstractEventLoop, ThreadPoolExecutor] = {}


async def _aside(work: Callable[[], Found]) -> Found:
    """Do something on a thread of its own: automata are large, and others wait for their next word meanwhile.

    There is one thread, as an automaton that is walked grows.
    """
    loop = asyncio.get_running_loop()
    if loop not in _workers:
        _workers.clear()
        _workers[loop] = ThreadPoolExecutor(1, thread_name_prefix="lmc-keeping")
    return await loop.run_in_executor(_workers[loop], work)


def how_broken(constraint: Constraint, text: str) -> str:
    """How a whole text breaks it, "" where it does not or nobody knows."""
    if isinstance(constraint, Choices):
        return "" if text in constraint.options else "it is none of the choices"
    if not isinstance(constraint, JsonSchema | Regex):
        return ""
    if isinstance(constraint, JsonSchema):
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            return "it is no JSON"
    automaton = _automaton(_spaced(constraint))
    if automaton is None or _accepts(automaton, text):
        return ""
    return "it does not match the pattern" if isinstance(constraint, Regex) else "it breaks the JSON schema"


def _spaced(constraint: Regex | JsonSchema) -> Regex | JsonSchema:
    """A server spaces JSON as it likes."""
    return replace(constraint, spacing="any") if isinstance(constraint, JsonSchema) else constraint


@lru_cache(MAX_KEPT)
def _automaton(constraint: Regex | JsonSchema) -> CharDfa | None:
    try:
        return CharDfa(constraint.tree if isinstance(constraint, Regex) else regular_tree(constraint))
    except (NotRegular, LMError):
        return None


def _accepts(automaton: CharDfa, text: str) -> bool:
    state = automaton.start
    try:
        for char in text:
            cls = automaton.alphabet.class_of(ord(char))
            state = automaton.row(state)[cls] if cls >= 0 else DEAD
            if state == DEAD:
                return False
        return automaton.is_accepting(state)
    except LMError:
        return True  # it grew too large: nobody knows
