"""One thing that is lacking, as it is said."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lack:
    """Something that a call asks for and the backend has not got, or does otherwise.

    what      a sentence about the call
    help      the ways out
    instead   what lmc does where the user chose to have it emulated; "" where it cannot
    is_sure   True where the call asks for it whenever it runs
    is_note   nothing is lacking, but it is to be known
    facts     further sentences
    """

    what: str
    help: str
    instead: str = ""
    code: str | None = None
    is_sure: bool = True
    is_note: bool = False
    facts: tuple[str, ...] = ()
