"""Guards that hold: in a file of its own, where no code binds a name that it makes while it runs."""

from __future__ import annotations

import lmc

NUMBER = 1
TABLE = (1, "a")


class Settings:
    level = 1

    @classmethod
    def named(cls, name: str) -> str:
        return f"{cls.level}{name}"


def helper(x: str, more: int = 1) -> str:
    return f"{x}{more}"


def test_nothing_changed_is_not_traced_again():
    """Every kind of read at once."""

    value = ("v", 1.5)

    @lmc.function
    def program(s):
        s += f"{NUMBER}{Settings.level}{len('a')}{value}{TABLE}" + helper("x") + Settings.named("n")

    assert program.trace().trace is program.trace().trace


def test_a_name_is_guarded_once():
    """However often an unrolled loop reads it."""

    value = "v"

    @lmc.function
    def program(s):
        for _ in range(20):
            s += f"{NUMBER}{value}{Settings.level}" + helper("x")

    @lmc.function
    def once(s):
        s += f"{NUMBER}{value}{Settings.level}" + helper("x") + f"{range}"

    assert len(program.trace().trace.guards) == len(once.trace().trace.guards)
