"""`lmc.State`: what a program's first parameter is, for whoever annotates it; and the names of types around it.

A program may run as a graph or as Python, so this says what both of them give, and nothing of how.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

from lmc.parser.primitives import LEFT_OUT, Expr

if TYPE_CHECKING:
    from typing_extensions import ParamSpec, TypeVar

    P = ParamSpec("P", default=...)
    R = TypeVar("R", default=Any)
else:
    from typing import ParamSpec, TypeVar

    P, R = ParamSpec("P"), TypeVar("R")


class State(Protocol):
    """A program state: `s += text`, `s += gen(...)`, `s["name"]`, turns, forks.

    ret_value  what the program returned, of one that was called inside another
    """

    ret_value: Any

    def __iadd__(self, x: str | Expr, /) -> State:
        """Append text, or what a primitive of the language makes."""

    def __getitem__(self, name: str, /) -> Any:
        """The value of that name; raises KeyError."""

    def __setitem__(self, name: str, value: object, /) -> None:
        """Give a name a value."""

    def __contains__(self, name: str, /) -> bool:
        """Whether that name has a value."""

    def get_var(self, name: str) -> Any:
        """The value of that name."""

    def set_var(self, name: str, value: object) -> None:
        """Give a name a value."""

    def get_meta_info(self, name: str) -> Any:
        """How the value of that name came to be: tokens, finish reason, scores."""

    def text(self) -> str:
        """The whole prompt so far."""

    def messages(self) -> list[dict[str, str]]:
        """The closed turns, as role and content."""

    def sync(self) -> None:
        """Wait for every call so far."""

    def system(self, expr: object = LEFT_OUT) -> Any:
        """A whole system turn, or a `with` block of one."""

    def user(self, expr: object = LEFT_OUT) -> Any:
        """A whole user turn, or a `with` block of one."""

    def assistant(self, expr: object = LEFT_OUT) -> Any:
        """A whole assistant turn, or a `with` block of one."""

    def var_scope(self, name: str) -> AbstractContextManager[State]:
        """A `with` block whose text will be the value of that name."""

    def fork(self, size: int = 1, position_ids_offset: object = None) -> Forks:
        """States that go on from here, each by itself."""

    def copy(self, position_ids_offset: object = None) -> Copy:
        """One fork; as a `with` block it is joined at the end."""


class Copy(State, Protocol):
    """What `copy` gives: a state, and a `with` block of it."""

    def __enter__(self) -> State:
        """The state itself."""

    def __exit__(self, *raised: object) -> None:
        """Give the parent what it has set."""


class Forks(Protocol):
    """What `fork` gives: a list of states that knows their parent."""

    def __iter__(self) -> Iterator[State]:
        """Each state, the first child first."""

    def __reversed__(self) -> Iterator[State]:
        """Each state, the last child first."""

    def __len__(self) -> int:
        """How many there are."""

    def __getitem__(self, index: int, /) -> State:
        """One of them."""

    def __setitem__(self, index: int, state: State, /) -> None:
        """`forks[i] += ...` appends to one of them."""

    def __iadd__(self, x: object, /) -> Forks:
        """Append to each: one part of a list each, what a function gives for its number, or the same to all."""

    def join(self, mode: str = "gather_variable") -> None:
        """Give the parent what its children have set, a list a name; or, by "concate_and_append", their text."""
