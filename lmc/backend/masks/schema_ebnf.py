"""A JSON schema as a grammar, for what stands beside other texts in one: the parts of structural tags.

The texts are those of our automata, place by place (see `json_schema.places`): a rule for each place, or for each state
of its automaton where intersections and complements are in it.
"""

from __future__ import annotations

from collections.abc import Iterator

from lmc.backend.masks.ebnf import MAX_RULES, expression, productive, ranges_ebnf
from lmc.codes import EMPTY
from lmc.errors import ConstraintError
from lmc.ir.automaton.calls import CallDfa, call_dfa, called
from lmc.ir.automaton.dfa import DEAD
from lmc.ir.constraint import JsonSchema
from lmc.ir.json_schema.findings import Finding, NotRegular, SchemaError, refuse
from lmc.ir.json_schema.lower import APART, NAMES, Lowered, lower
from lmc.ir.json_schema.regular import placed
from lmc.ir.regex import RegexTree, is_plain


def schema_ebnf(schema: JsonSchema) -> str:
    """A grammar whose `root` are the texts of a schema.

    Raises ConstraintError where a keyword cannot be kept in a grammar, where it is too large, or where there are none.
    """
    texts = _texts(schema)
    _refuse_checked(texts)
    text = places_ebnf(call_dfa(texts.places or (texts.tree,), max_states=MAX_RULES))
    if not text:
        _refuse_apart(texts)
        raise ConstraintError(f"no value satisfies the JSON schema {schema.text}", code=EMPTY)
    return text


def _texts(schema: JsonSchema) -> Lowered:
    """Places, of which a grammar is small; one tree where only that keeps every keyword.

    Nobody holds a part of a structural tag against its schema when it is complete: names are told apart beforehand.
    """
    try:
        found = placed(schema, tells_apart=True)
        if not any(map(_is_late, found.findings)):
            return found
    except SchemaError:
        pass
    try:
        return lower(schema, tells_apart=True)
    except NotRegular:
        return placed(schema, tells_apart=True)


def places_ebnf(dfa: CallDfa) -> str:
    """A grammar of places that call each other; "" where the first one has no text."""
    if dfa.start == DEAD:
        return ""
    rules = ["root ::= p0"]
    places = [0]  # grows
    starts: list[int] = []
    for place in places:
        tree = dfa.trees[place]
        places += [other for other in called(tree) if other not in places]
        plain = _plain(tree)
        if plain is None:
            starts.append(dfa.starts[place])
        rules.append(f"p{place} ::= " + (f"s{dfa.starts[place]}" if plain is None else plain))
    return "\n".join([*rules, *_of_states(dfa, starts)]) + "\n"


def _plain(tree: RegexTree) -> str | None:
    """An expression; None where only an automaton says it."""
    if not is_plain(tree):
        return None
    kept = productive(tree)
    assert kept is not None
    return expression(kept)


def _of_states(dfa: CallDfa, starts: list[int]) -> Iterator[str]:
    """A rule for each state that is reached."""
    reached = list(dict.fromkeys(starts))  # grows
    seen = set(reached)
    for state in reached:
        more = [target for _, target in dfa.moves(state)]
        reached += [target for target in dict.fromkeys(more) if target not in seen]
        seen.update(more)
        yield f"s{state} ::= " + " | ".join(_ways(dfa, state))


def _ways(dfa: CallDfa, state: int) -> Iterator[str]:
    if dfa.is_accepting(state):
        yield '""'
    for mask, target in dfa.moves(state):
        if written := ranges_ebnf(dfa.alphabet.ranges(mask)):
            yield f"{written} s{target}"
    for place, target in dfa.calls(state):
        yield f"p{place} s{target}"


def _is_late(finding: Finding) -> bool:
    return finding.verdict == "checked" and finding.keyword != NAMES


def _refuse_checked(texts: Lowered) -> None:
    for finding in filter(_is_late, texts.findings):
        why = "in a structural tag only items of a few known values can be told apart"
        refuse(finding.place, finding.keyword, why, "give the items an `enum`")


def _refuse_apart(texts: Lowered) -> None:
    """Nothing is left of a schema by what is asked of names, not by the schema."""
    for finding in texts.findings:
        if finding.why == APART:
            why = "in a structural tag names that are counted have different first letters"
            refuse(finding.place, finding.keyword, why, "name the properties in `properties`")
