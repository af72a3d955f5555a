"""What a program of the corpus says about itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, eq=False)
class Case:
    """A program, the arguments it is run with, and what capture must make of it.

    fn       an undecorated `def f(s, ...)`
    args     one dict of keyword arguments for each run; copied deeply before each
    expects  equal: it is captured, and says what an eager run says; break: it cannot be captured;
             either: both are right, a wrong answer is not
    code     the code of the break, where it matters which
    log      a list that the program writes to; emptied before a run, compared after it
    reset    puts back what else the program changes
    raises   every run ends in an exception
    needs_structure  may break where nothing is known of the arguments, not even their lengths
    runs     False where the function cannot be run eagerly (it never ends, or is no plain function)
    """

    fn: Callable[..., Any]
    args: tuple[dict[str, Any], ...] = ({},)
    expects: Literal["equal", "break", "either"] = "equal"
    code: str | None = None
    log: list[Any] | None = None
    reset: Callable[[], None] | None = None
    raises: bool = False
    needs_structure: bool = False
    runs: bool = True

    @property
    def has_effects(self) -> bool:
        """True where runs of the program would disturb one another."""
        return self.log is not None or self.reset is not None

    def __str__(self) -> str:
        return f"{self.fn.__module__.rsplit('.', 1)[-1]}.{self.fn.__name__}"

    def prepare(self) -> None:
        """Make the program's surroundings as they were before its first run."""
        if self.log is not None:
            self.log.clear()
        if self.reset is not None:
            self.reset()
