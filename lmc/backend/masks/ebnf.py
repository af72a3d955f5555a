"""A regex tree as xgrammar EBNF, for exactly the language of Python's `re.fullmatch`.

xgrammar's own regex front end reads another dialect (`.` takes a newline, `^` in the middle is ignored), so it is
never used: every character class is written out as ranges of code points, every escape has eight digits.
"""

from __future__ import annotations

from itertools import groupby

from lmc.ir.automaton.algebra import states
from lmc.ir.automaton.calls import places_of
from lmc.ir.automaton.dfa import DEAD, CharDfa
from lmc.ir.ranges import LAST, SURROGATES, Ranges
from lmc.ir.regex import Alt, Chars, RegexTree, Repeat, Seq, is_plain

MAX_RULES = 20_000


def regex_ebnf(tree: RegexTree, name: str = "root") -> str | None:
    """A grammar whose rule `name` is the tree's language; None where that is empty.

    Raises ConstraintError where looks or complements need an automaton, and that has too many states.
    """
    if not is_plain(tree):
        return _automaton_ebnf(CharDfa(tree, max_states=MAX_RULES), name)
    kept = productive(tree)
    return None if kept is None else f"{name} ::= {expression(kept)}\n"


def _automaton_ebnf(dfa: CharDfa, name: str) -> str | None:
    """One rule for each state."""
    if dfa.start == DEAD:
        return None
    prefix = "s" if name == "root" else f"{name}_"
    rules = [f"{name} ::= {prefix}{dfa.start}"]
    for state in states(dfa):
        ways = ['""'] if dfa.is_accepting(state) else []
        for mask, target in dfa.moves(state):
            # an automaton over characters does not tell surrogates apart: no byte of a text reaches them there
            if written := ranges_ebnf(dfa.alphabet.ranges(mask)):
                ways.append(f"{written} {prefix}{target}")
        rules.append(f"{prefix}{state} ::= " + " | ".join(ways))
    return "\n".join(rules) + "\n"


def productive(tree: RegexTree) -> RegexTree | None:
    """A plain tree without the parts that match nothing at all; None where nothing is left."""
    match tree:
        case Chars(ranges):
            kept = tuple(part for low, high in ranges for part in _without_surrogates(low, high))
            return Chars(kept) if kept else None
        case Seq(items):
            parts = [productive(item) for item in items]
            return None if None in parts else Seq(tuple(p for p in parts if p is not None))
        case Alt(options):
            left = tuple(p for p in map(productive, options) if p is not None)
            return Alt(left) if left else None
        case Repeat(item, least, most):
            inner = productive(item) if most != 0 else Seq(())
            if inner is None:
                return Seq(()) if least == 0 else None
            return Repeat(inner, least, most)
        case _:
            raise AssertionError(tree)  # not plain


def _without_surrogates(low: int, high: int) -> list[tuple[int, int]]:
    first, last = SURROGATES
    parts = [(low, min(high, first - 1)), (max(low, last + 1), high)]
    return [(a, b) for a, b in parts if a <= b]


def expression(tree: RegexTree) -> str:
    """A plain tree; a call of a place is one of its rule."""
    match tree:
        case Chars(ranges) if places := places_of(ranges):
            return "(" + " | ".join(f"p{place}" for place in places) + ")"
        case Chars(ranges):
            return _literal([tree]) if _is_single(tree) else ranges_ebnf(ranges)
        case Seq(items):
            return _sequence(items)
        case Alt(options):
            return "(" + " | ".join(map(expression, options)) + ")"
        case Repeat(item, least, most):
            return f"({expression(item)}){{{least},{'' if most is None else most}}}"
        case _:
            raise AssertionError(tree)  # not plain


def _sequence(items: tuple[RegexTree, ...]) -> str:
    runs = [(single, list(run)) for single, run in groupby(items, _is_single)]
    parts = [_literal(run) if single else " ".join(map(expression, run)) for single, run in runs]
    return " ".join(parts) or '""'


def _is_single(tree: RegexTree) -> bool:
    if not isinstance(tree, Chars) or len(tree.ranges) != 1:
        return False
    low, high = tree.ranges[0]
    return low == high <= LAST


def _literal(run: list[RegexTree]) -> str:
    return '"' + "".join(_escape(c.ranges[0][0]) for c in run if isinstance(c, Chars)) + '"'


def ranges_ebnf(ranges: Ranges) -> str:
    """One character of a set; "" where there is none."""
    spans = [part for span in ranges for part in _without_surrogates(*span)]
    return "[" + "".join(map(char_range, spans)) + "]" if spans else ""


def char_range(span: tuple[int, int]) -> str:
    """A range of characters in a class."""
    return f"{_escape(span[0])}-{_escape(span[1])}"


def _escape(code: int) -> str:
    character = chr(code)
    return character if character.isascii() and character.isalnum() else f"\\U{code:08x}"
