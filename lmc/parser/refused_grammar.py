"""What is wrong with a grammar, and where, before it is known in which file the grammar stands."""

from __future__ import annotations

from lmc.ir.grammar import Place


class GrammarRefused(Exception):
    """What cannot be kept of a grammar, where, and what to write instead."""

    def __init__(self, problem: str, place: Place | None, help: str = "", code: str = "") -> None:
        super().__init__(problem)
        self.problem, self.place, self.help, self.code = problem, place, help, code
