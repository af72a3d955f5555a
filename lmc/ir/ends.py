"""What else may end a text under a constraint: stops, and a least number of tokens, are kept or refused.

A stop is kept where what stands before it is a whole text of the constraint, wherever it may occur: a stop that would
leave half a JSON text behind is refused. A least number of tokens is kept where every text can go on, and refused where
the constraint ends one by itself. One rule for compiler, engine and echo, and for what is known only at run time.
"""

from __future__ import annotations

from functools import lru_cache

from lmc.codes import TOO_LARGE
from lmc.errors import ConstraintError
from lmc.ir.automaton.algebra import one_of, states
from lmc.ir.automaton.dfa import DEAD, CharDfa
from lmc.ir.constraint import Choices, Constraint, JsonSchema, Regex
from lmc.ir.json_schema.findings import NotRegular
from lmc.ir.json_schema.regular import regular_tree
from lmc.ir.regex import RegexTree
from lmc.ir.sampling import Sampling

MAX_STATES = 20_000
_HELP = "leave it out, as the constraint says where the text ends; or write the end into the constraint"
_LENGTH = "say the least length in the constraint: `{20,}` in a regex, minLength or minItems in a schema"


def check_ends(constraint: Constraint | None, sampling: Sampling) -> None:
    """Raises ConstraintError where a stop or `min_tokens` cannot be kept under the constraint."""
    if constraint is None or not (sampling.stop or sampling.stop_regex or sampling.min_tokens):
        return
    if sampling.stop_regex:
        what = f"stop_regex={sampling.stop_regex[0]!r} under a constraint: it may end the text within"
        raise ConstraintError(what, help="write the pattern into the constraint")
    for stop in sampling.stop:
        if why := _cut(constraint, stop):
            raise ConstraintError(f"stop={stop!r} under a constraint: {why}", help=_HELP)
    if sampling.min_tokens and (why := _ending(constraint)):
        raise ConstraintError(f"min_tokens={sampling.min_tokens} under a constraint: {why}", help=_LENGTH)


def never_occurs(constraint: Constraint, stop: str) -> bool:
    """Whether surely no text of the constraint holds a stop, nor ends in its beginning."""
    return _cut(constraint, stop) == "" and not _occurs(constraint, stop)


@lru_cache(maxsize=256)
def _cut(constraint: Constraint, stop: str) -> str:
    """Why a stop may leave less than a text of the constraint behind, "" where it does not."""
    if _is_no_json(constraint, stop):
        return ""
    try:
        dfa = _automaton(constraint)
        if dfa is None:
            return "nobody knows what it would leave of the text"
        half = any(dfa.run(stop, state) != DEAD for state in states(dfa) if not dfa.is_accepting(state))
    except ConstraintError as error:
        if error.code != TOO_LARGE:
            raise
        return "the constraint is too large to tell what it would leave of the text"
    return "it may cut the text where it is not complete" if half else ""


@lru_cache(maxsize=256)
def _occurs(constraint: Constraint, stop: str) -> bool:
    if _is_no_json(constraint, stop):
        return False
    dfa = _automaton(constraint)
    return dfa is None or any(dfa.run(stop, state) != DEAD for state in states(dfa))


@lru_cache(maxsize=256)
def _ending(constraint: Constraint) -> str:
    """Why a text may be over before it has so many tokens, "" where each can go on."""
    try:
        dfa = _automaton(constraint) if isinstance(constraint, Regex) else None
        if dfa is not None and all(dfa.moves(state) for state in states(dfa) if dfa.is_accepting(state)):
            return ""
    except ConstraintError as error:
        if error.code != TOO_LARGE:
            raise
    return "a text may be complete before it has so many, and nothing can follow"


def _is_no_json(constraint: Constraint, stop: str) -> bool:
    """Control characters stand in no JSON that is written without free spaces."""
    return isinstance(constraint, JsonSchema) and constraint.spacing != "any" and min(stop) < " "


def _automaton(constraint: Constraint) -> CharDfa | None:
    tree = _tree(constraint)
    return None if tree is None else CharDfa(tree, max_states=MAX_STATES)


def _tree(constraint: Constraint) -> RegexTree | None:
    match constraint:
        case Regex(_, tree):
            return tree
        case Choices(options):
            return one_of(options)
        case JsonSchema():
            try:
                return regular_tree(constraint)
            except NotRegular:
                return None
        case _:
            return None
