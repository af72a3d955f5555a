"""Texts that hold no mark and are counted far, as a grammar that counts only between what may begin a mark.

To count exactly beside telling marks apart takes states by their product: thousands, each with a mask of its own. So
each run of other characters is counted, and a text that nowhere begins a mark is counted exactly. One that begins
some may be too long or too short; whoever uses this holds a complete text against its bounds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lmc.backend.masks.ebnf import ranges_ebnf
from lmc.backend.masks.free_text import without
from lmc.ir.automaton.algebra import states
from lmc.ir.automaton.dfa import CharDfa


def counted_ebnf(marks: Sequence[str], least: int, most: int | None, newlines: bool = False) -> str:
    """Texts of so many characters without the marks; `newlines` where one at either end is none of the text's.

    These may be left out, but where a text has a least length: it would be counted with them.
    """
    dfa = CharDfa(without(tuple(marks)))
    ways = {state: _ways(dfa, state) for state in states(dfa)}
    (run,) = (written for written, to in ways[dfa.start] if to == dfa.start)
    high = "" if most is None else most
    newline = ('"\\n"' if least else '("" | "\\n")') if newlines else '""'
    rules = [
        f"root ::= {newline} first {newline}",
        f"first ::= {run}{{{least},{high}}} | {run}{{0,{high}}} leaving",
        f"leaving ::= {_choice((w, to) for w, to in ways[dfa.start] if to != dfa.start)}",
        f"s{dfa.start} ::= {run}{{0,{high}}} | {run}{{0,{high}}} leaving",
    ]
    others = (state for state in ways if state != dfa.start)
    rules += [
        f"s{state} ::= " + ('"" | ' if dfa.is_accepting(state) else "") + _choice(ways[state]) for state in others
    ]
    return "\n".join(rules) + "\n"


def _ways(dfa: CharDfa, state: int) -> list[tuple[str, int]]:
    written = ((ranges_ebnf(dfa.alphabet.ranges(mask)), to) for mask, to in dfa.moves(state))
    return [(ranges, to) for ranges, to in written if ranges]


def _choice(ways: Iterable[tuple[str, int]]) -> str:
    return " | ".join(f"{written} s{to}" for written, to in ways)
