"""Values that depend on what only the run decides: a tree of questions, the values at its leaves.

Two values that hang on the same question stay together: what a loop counts where it goes on is known, however a turn
may end. A question is a number, and stands above those that were asked later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

MAX_LEAVES = 8


@dataclass(frozen=True, slots=True, eq=False)
class OpenChoice:
    """One value where the answer is yes, another where it is no; either may be one again."""

    question: int
    yes: Any
    no: Any


class TooMany(Exception):
    """More leaves than are told apart."""


def leaves(value: Any) -> Iterator[Any]:
    """The values that it may be, the same one maybe more than once."""
    if isinstance(value, OpenChoice):
        yield from leaves(value.yes)
        yield from leaves(value.no)
    else:
        yield value


Way = frozenset[tuple[int, bool]]  # questions with their answers
EVERY_WAY: Way = frozenset()


def ways(value: Any, way: Way = EVERY_WAY) -> Iterator[Way]:
    """What leads to each of `leaves`."""
    if isinstance(value, OpenChoice):
        yield from ways(value.yes, way | {(value.question, True)})
        yield from ways(value.no, way | {(value.question, False)})
    else:
        yield way


def combined(values: Sequence[Any], make: Callable[..., Any]) -> Any:
    """What is made of the leaves of several values that go together. Raises TooMany."""
    asked = [value.question for value in values if isinstance(value, OpenChoice)]
    if not asked:
        return make(*values)
    first = min(asked)
    yes = combined([_side(value, first, True) for value in values], make)
    no = combined([_side(value, first, False) for value in values], make)
    return split(first, yes, no)


def split(question: int, yes: Any, no: Any) -> Any:
    """The value that hangs on a question, or the one value that it is either way. Raises TooMany."""
    if is_same(yes, no):
        return yes
    found = OpenChoice(question, yes, no)
    if sum(1 for _ in leaves(found)) > MAX_LEAVES:
        raise TooMany
    return found


def is_same(a: Any, b: Any) -> bool:
    """Whether two values are surely the same."""
    if isinstance(a, OpenChoice) and isinstance(b, OpenChoice):
        return a.question == b.question and is_same(a.yes, b.yes) and is_same(a.no, b.no)
    return a is b or (type(a) is type(b) and not isinstance(a, OpenChoice) and bool(a == b))


NEVER: Any = object()


def where(decides: Any, wanted: bool, value: Any) -> Any:
    """A value as it is where something is so; NEVER where that cannot be. A leaf that is no bool may be either."""

    def kept(decided: Any, leaf: Any) -> Any:
        return NEVER if isinstance(decided, bool) and decided is not wanted else leaf

    return _without_never(_paired(decides, value, kept))


def _paired(decides: Any, value: Any, make: Callable[[Any, Any], Any]) -> Any:
    asked = [each.question for each in (decides, value) if isinstance(each, OpenChoice)]
    if not asked:
        return make(decides, value)
    first = min(asked)
    yes = _paired(_side(decides, first, True), _side(value, first, True), make)
    no = _paired(_side(decides, first, False), _side(value, first, False), make)
    return OpenChoice(first, yes, no)


def _without_never(value: Any) -> Any:
    if not isinstance(value, OpenChoice):
        return value
    yes, no = _without_never(value.yes), _without_never(value.no)
    if yes is NEVER or no is NEVER:
        return no if yes is NEVER else yes
    return yes if is_same(yes, no) else OpenChoice(value.question, yes, no)


def _side(value: Any, question: int, is_yes: bool) -> Any:
    """A value where the answer is known."""
    if not isinstance(value, OpenChoice) or value.question != question:
        return value
    return value.yes if is_yes else value.no
