"""How far an end may be: what a search from every state says."""

from __future__ import annotations

import pytest

from lmc.ir.automaton.algebra import shortest_path, states
from lmc.ir.automaton.dfa import DEAD, CharDfa
from lmc.ir.automaton.ends import MAX_SEEN, FarthestEnds
from lmc.parser.regex.parse import parse_regex
from scripts.support.begun import Begun


@pytest.mark.parametrize("pattern", ["", "a", "(abc)*", "a{3,9}b|c", "(?!ab)[a-d]{2,}", "x(a|b{7})*y", "[a-c]{20,40}"])
def test_the_farthest_end_is_that_of_the_state_that_needs_most(pattern: str) -> None:
    dfa = CharDfa(parse_regex(pattern).tree)
    every = list(states(dfa))
    farthest = max(len(shortest_path(Begun(dfa, state)) or ()) for state in every)
    assert FarthestEnds(dfa).of(dfa.start) == farthest
    known = FarthestEnds(dfa)
    assert all(len(shortest_path(Begun(dfa, state)) or ()) <= (known.of(state) or 0) for state in every)


def test_nothing_is_said_of_many_states() -> None:
    dfa = CharDfa(parse_regex(f"(ab){{{MAX_SEEN}}}").tree)
    assert FarthestEnds(dfa).of(dfa.start) is None


def test_nothing_is_far_from_where_no_text_is() -> None:
    assert FarthestEnds(CharDfa(parse_regex("a").tree)).of(DEAD) == 0
