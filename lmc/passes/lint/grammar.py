"""A grammar that says less than it seems to: rules out of reach, terminals without a text, terminals that run over.

Where a terminal is followed by something that could go on with it, a lexer that takes the longest match reads the text
in another way than it was written; a parser that the grammar is also given to may then refuse it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import islice

from lmc.codes import EMPTY, NO_TEXT, RUNS_OVER, UNREACHED
from lmc.errors import ConstraintError, RefusedConstraint
from lmc.ir.automaton.algebra import readable, shortest_path, states
from lmc.ir.automaton.dfa import DEAD, CharDfa
from lmc.ir.constraint import Grammar, Lark
from lmc.ir.grammar import GrammarRules, LeafPart, ending, flattened, neighbours, walk
from lmc.passes.base import Note
from lmc.passes.lint.call import LintedCall, quoted
from lmc.source import span_in_string

MAX_PAIRS = 400  # of terminals that are held against each other
MAX_STATES = 2_000  # of two of them
MAX_NOTES = 4
LOOKS = "a look sees the text of its own terminal only"


def grammar(call: LintedCall) -> Iterator[Note]:
    """Notes on a grammar whose rules are known."""
    constraint = call.constraint
    if not isinstance(constraint, Grammar | Lark) or constraint.rules is None:
        return
    rules = constraint.rules
    yield from _unreached(call, constraint.text, rules)
    yield from _without_text(call, constraint.text, rules)
    known = flattened(rules) if isinstance(constraint, Grammar) else rules
    yield from islice(_running_over(call, constraint.text, known), MAX_NOTES)


def refuse_textless(call: LintedCall) -> None:
    """Raises RefusedConstraint (LMC-CN001) where surely no text is of a grammar."""
    constraint = call.constraint
    if not isinstance(constraint, Grammar | Lark) or constraint.rules is None:
        return
    if constraint.rules.start not in ending(constraint.rules, _empty(constraint.rules)):
        raise RefusedConstraint(
            "no text satisfies the grammar",
            span=call.node.span,
            code=EMPTY,
            help="a generation under it could not begin; allow at least one text",
            notes=tuple(f"{quoted(each.shown)} matches no text: {LOOKS}" for each in _in_order(constraint.rules)[:3]),
        )


def _unreached(call: LintedCall, text: str, rules: GrammarRules) -> Iterator[Note]:
    reached = set(rules.reached())
    for rule in rules.rules:
        if rule.name not in reached:
            what = f"nothing leads from `{rules.start}` to the rule `{rule.name}`: none of its texts comes out"
            yield _note(call, UNREACHED, f"{what}; name it where it belongs, or take it out", text, rule.place)


def _without_text(call: LintedCall, text: str, rules: GrammarRules) -> Iterator[Note]:
    for leaf in _in_order(rules):
        what = f"{quoted(leaf.shown)} matches no text, so that what it stands in never comes out"
        yield _note(call, NO_TEXT, f"{what}; {LOOKS}", text, leaf.place)


def _in_order(rules: GrammarRules) -> list[LeafPart]:
    return sorted(_empty(rules), key=lambda leaf: leaf.place)


def _empty(rules: GrammarRules) -> frozenset[LeafPart]:
    leaves = {part for rule in rules.rules for part in walk(rule.body) if isinstance(part, LeafPart)}
    return frozenset(leaf for leaf in leaves if CharDfa(leaf.tree).start == DEAD)


def _running_over(call: LintedCall, text: str, rules: GrammarRules) -> Iterator[Note]:
    for one, other in islice(neighbours(rules, _is_nullable), MAX_PAIRS):
        found = _shared(one, other)
        if found is not None:
            begin, more = found
            what = f"{quoted(one.shown)} and {quoted(other.shown)} behind it can share a text"
            why = f"in {quoted(begin + more)} a lexer takes {quoted(more)} for more of {quoted(one.shown)}"
            way = "put something between them that neither holds, or leave out of the first what begins the second"
            yield _note(call, RUNS_OVER, f"{what}: {why}; {way}", text, one.place)


def _is_nullable(leaf: LeafPart) -> bool:
    dfa = CharDfa(leaf.tree)
    return dfa.is_accepting(dfa.start)


def _shared(one: LeafPart, other: LeafPart) -> tuple[str, str] | None:
    """A text of the first, and what goes on with it although the second begins so; None where there is none."""
    try:
        dfa = CharDfa(one.tree, other.tree, max_states=MAX_STATES)
        ends = [state for state in states(dfa) if dfa.is_accepting(state)]
        return _longer(dfa, ends, one)
    except ConstraintError:
        return None  # too large to say


def _longer(dfa: CharDfa, ends: list[int], one: LeafPart) -> tuple[str, str] | None:
    pending = deque((end, dfa.starts[1], end, "") for end in ends)
    seen = {(state, behind) for state, behind, _, _ in pending}
    while pending:
        state, behind, end, more = pending.popleft()
        after, next_to = dfa.row(state), dfa.row(behind)
        for cls, target in enumerate(after):
            if target == DEAD or next_to[cls] == DEAD:
                continue
            longer = more + readable(dfa.alphabet, 1 << cls)
            if dfa.is_accepting(target):
                return _text_to(dfa, end), longer
            if (target, next_to[cls]) not in seen:
                seen.add((target, next_to[cls]))
                pending.append((target, next_to[cls], end, longer))
    return None


class _Until:
    """An automaton that accepts in one state alone."""

    def __init__(self, dfa: CharDfa, end: int) -> None:
        self.start, self.moves, self._end = dfa.start, dfa.moves, end

    def is_accepting(self, state: int) -> bool:
        return state == self._end


def _text_to(dfa: CharDfa, end: int) -> str:
    return "".join(readable(dfa.alphabet, mask) for mask in shortest_path(_Until(dfa, end)) or ())


def _note(call: LintedCall, code: str, said: str, text: str, place: tuple[int, int]) -> Note:
    note = call.note(code, said)
    there = span_in_string(text, place, call.node.span)
    return Note(note.text, there or note.span, code)
