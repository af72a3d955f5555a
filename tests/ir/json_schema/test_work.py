"""What lowering one schema may cost: counted steps, and what takes more is refused with the numbers."""

from __future__ import annotations

import pytest

from lmc.backend.masks.call_walk import CallWalk
from lmc.errors import ConstraintError
from lmc.ir import work
from lmc.ir.automaton.calls import call_dfa, mark, marks, rewritten
from lmc.ir.automaton.dfa import CharDfa
from lmc.ir.json_schema import regular
from lmc.ir.json_schema.lower import lower
from lmc.ir.json_schema.values import Objects, complement, only, weight
from lmc.ir.regex import Alt, Chars, Seq
from lmc.parser.schema.parse import parse_schema

LIST = {"$defs": {"n": {"properties": {"a": {"$ref": "#/$defs/n"}}}}, "$ref": "#/$defs/n", "title": "steps"}


def test_a_schema_that_takes_too_many_steps_is_refused_with_their_number(monkeypatch):
    monkeypatch.setattr(regular, "MAX_STEPS", 30)
    schema = parse_schema(LIST | {"title": "of reading"})
    with pytest.raises(ConstraintError, match="reading the schema takes more than 30 steps of work"):
        regular.texts_of(schema)


def test_automata_that_take_too_many_steps_are_refused_with_their_number(monkeypatch):
    monkeypatch.setattr("lmc.ir.automaton.calls.MAX_STEPS", 30)
    places = regular.texts_of(parse_schema(LIST)).places
    assert places
    with pytest.raises(ConstraintError, match="making the automata of a JSON schema takes more than 10 steps"):
        call_dfa(places)


def test_steps_of_one_schema_are_the_same_each_time():
    """Whatever was lowered before: else a schema at the border would be refused now and then."""

    def cost(schema):
        with work.bounded("it", 10**6):
            lower(parse_schema(schema))
            purse = work._purse.get()
            return purse.limit - purse.left

    schema = {"properties": {"a": {"pattern": "^x+$", "minLength": 2}, "b": {"not": {"enum": ["p", "q"]}}}}
    first = cost(schema)
    assert first == cost(schema) > 10


def test_nothing_is_counted_outside():
    work.steps(10**9)
    with work.bounded("inner", 3):
        work.steps(3)
    work.steps(10**9)


def test_what_sets_have_in_common_is_complemented_and_weighed_once():
    """Each of 60 levels holds the one below twice: 2 ** 60 descriptions, 60 complements."""
    values = only("string")
    for _ in range(60):
        values = only("object", Objects({"a": values, "b": values}))
    known, weights = {}, {}
    with work.bounded("it", 5_000):
        assert weight(values, weights) > 2**60
        found = complement(values, known)
    assert found is complement(values, known)
    assert len(known) < 1_000


def test_parts_without_calls_stay_the_same_when_calls_are_rewritten():
    key, tree = Seq((Chars(((97, 97),)),) * 3), mark(1)
    both = Alt((Seq((key, tree)), Seq((key, key))))
    found = rewritten(both, lambda called: marks(place + 1 for place in called))
    assert found == Alt((Seq((key, mark(2))), Seq((key, key))))
    assert found.options[1] is both.options[1] and found.options[0].items[0] is key


@pytest.mark.parametrize("inner", [{"type": "object"}, {"$ref": "#"}])
def test_a_chain_of_conditions_on_one_constant_is_as_long_as_it_is_written(inner):
    """Twelve `if`s that exclude each other are fourteen kinds of objects, not two to the twelfth."""
    names = [f"kind{at}" for at in range(12)]
    ways = [
        {
            "if": {"properties": {"kind": {"const": name}}, "required": ["kind"]},
            "then": {"properties": {"is": {"required": [name], "properties": {name: inner}}}, "required": ["is"]},
        }
        for name in names
    ]
    schema = parse_schema({"type": "object", "properties": {"kind": {"type": "string"}}, "allOf": ways})

    lowered = regular.texts_of(schema)
    places = CallWalk(call_dfa(lowered.places)) if lowered.places else None
    dfa = CharDfa(lowered.tree)

    def accepts(text):
        return dfa.accepts(text) if places is None else places.is_accepting(places.run(text.encode()))

    assert accepts('{"kind":"kind3","is":{"kind3":{}}}') and accepts('{"kind":"other"}') and accepts("{}")
    assert not accepts('{"kind":"kind3","is":{"kind4":{}}}') and not accepts('{"kind":"kind3"}')
