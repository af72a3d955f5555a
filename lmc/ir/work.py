"""Work on one constraint, counted in steps: what takes too many ends with an error.

Steps are counted and not time, so that what one machine refuses is refused on all of them. A step is a part of a
schema, a set or a tree that is looked at or made: some microseconds. Standard library only.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from lmc.codes import TOO_LARGE
from lmc.errors import ConstraintError

MAX_STEPS = 1_500_000  # from two to fifteen seconds were seen, by what they are and by the machine


class TooMuchWork(ConstraintError):
    """The steps are over."""

    def __init__(self, what: str, limit: int) -> None:
        super().__init__(
            f"{what} takes more than {limit:,} steps of work",
            code=TOO_LARGE,
            help="leave out the parts that are not needed: large unions of large schemas take most",
        )


class _Purse:
    """The steps that are left."""

    __slots__ = ("left", "limit", "what")

    def __init__(self, what: str, limit: int) -> None:
        self.what, self.limit, self.left = what, limit, limit


_purse: ContextVar[_Purse | None] = ContextVar("_purse", default=None)


@contextmanager
def bounded(what: str, limit: int) -> Iterator[None]:
    """What is done inside may take so many steps. Raises TooMuchWork."""
    token = _purse.set(_Purse(what, limit))
    try:
        yield
    finally:
        _purse.reset(token)


def steps(count: int = 1) -> None:
    """So many steps are taken."""
    purse = _purse.get()
    if purse is not None:
        purse.left -= count
        if purse.left < 0:
            raise TooMuchWork(purse.what, purse.limit)
