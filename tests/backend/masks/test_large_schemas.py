"""Schemas whose automaton has more states than anybody would make: only those are made that a text comes to."""

from __future__ import annotations

import json

import pytest

import lmc
from lmc.backend.masks import token_masks
from lmc.backend.masks.ending_masks import PlacesMasks
from lmc.backend.masks.factory import ConstraintMasks
from lmc.backend.masks.matcher import AutomatonMatcher
from lmc.errors import ConstraintError
from lmc.ir.automaton.algebra import states
from lmc.ir.automaton.calls import call_dfa
from lmc.ir.automaton.dfa import CharDfa
from lmc.ir.constraint import Blank, Fused
from lmc.ir.json_schema.findings import NotRegular
from lmc.ir.json_schema.regular import placed, regular
from lmc.parser.regex.parse import parse_regex
from lmc.parser.schema.parse import parse_schema

LONG = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 5000},
        "notes": {"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": 300}, "maxItems": 50},
    },
    "required": ["name"],
    "additionalProperties": False,
}


@pytest.fixture
def automata(tokenizer):
    return ConstraintMasks(tokenizer, tokenizer.vocab_size)


def test_a_list_of_long_strings_runs_on_our_automata(automata, tokenizer):
    """Its 15,000 states and more are no reason to hand it on."""
    matcher = automata.make(parse_schema(LONG))
    text = json.dumps({"name": "n" * 400, "notes": ["abc", "é" * 300]}, ensure_ascii=False, separators=(",", ":"))

    assert isinstance(matcher, AutomatonMatcher)
    assert all(matcher.accept(id) for id in tokenizer.encode(text)) and matcher.is_done()
    longer = automata.make(parse_schema(LONG))
    assert not all(longer.accept(id) for id in tokenizer.encode(text.replace("é" * 300, "é" * 301)))


def test_an_automaton_that_many_texts_have_walked_is_made_anew(automata, tokenizer, monkeypatch):
    """The texts that are under way go on in the old one."""
    constraint = parse_regex("[a-z]{1,900}")
    first = automata.make(constraint)
    assert first.fork()._masks is automata.make(constraint)._masks
    monkeypatch.setattr(token_masks, "WORN", 40)
    assert all(first.accept(id) for id in tokenizer.encode("ab" * 50))
    second = automata.make(constraint)

    assert second._masks is not first._masks
    assert first.accept(tokenizer.encode("a")[0]) and second.accept(tokenizer.encode("a")[0])


def test_a_schema_with_too_many_parts_is_handed_on():
    """In a bounded time, whatever complements are in it."""
    maximum = {"maxProperties": 1}
    choice = {"if": maximum, "then": {"required": ["a"]}, "else": {"contains": True}}
    branches = [{"additionalProperties": maximum}, choice]
    schema: object = {"not": {"oneOf": branches}}
    for _ in range(3):
        schema = {"not": {"oneOf": [schema, {"additionalProperties": schema}, *branches]}}
    with pytest.raises(NotRegular, match="size"):
        regular(parse_schema(schema))


def test_states_that_are_too_large_are_not_made():
    """What a state costs grows with its nodes: an automaton may have few states and take for ever."""
    tree = parse_regex("(?&)(.*a.{0,9}b.*)&(.*b.{0,9}c.*)&(.*c.{0,9}a.*)").tree
    with pytest.raises(ConstraintError, match="too large"):
        for _ in states(CharDfa(tree, max_nodes=500)):
            pass


@pytest.mark.slow
def test_objects_in_a_row_are_told_apart_without_a_search():
    """JSON says where an object ends, however many states it has; a number is another matter."""

    @lmc.function
    def pair(s):
        s += "One: " + lmc.gen("one", json_schema=LONG_TEXT) + lmc.gen("two", json_schema=LONG_TEXT)

    @lmc.function
    def spaced(s):
        s += "One: " + lmc.gen("one", json_schema=LONG_TEXT) + "0" + lmc.gen("two", json_schema=LONG_TEXT)

    @lmc.function
    def numbers(s):
        s += "One: " + lmc.gen("one", json_schema='{"type":"integer"}') + "0" + lmc.gen("two", json_schema=LONG_TEXT)

    fused = ["forms fused 1" in lmc.compile(each, opt_level=3).explain() for each in (pair, spaced, numbers)]
    assert fused == [False, True, False]


def test_a_form_writes_in_places_what_is_written_so_by_itself(automata, tokenizer):
    """A schema whose automaton is too large, however late in the form it comes."""
    names = [{"properties": {f"{name}{at}": True for name in "abc"}, "required": [f"a{at}"]} for at in range(3)]
    schema = parse_schema({"type": "object", "anyOf": names})
    automata._compiled.put(schema, automata._calling(call_dfa(placed(schema).places)))
    matcher = automata.make(Fused(("So: ", Blank(schema), "; ", Blank(parse_regex("[a-z]")), ".")))

    assert isinstance(matcher._masks, PlacesMasks)
    assert all(matcher.accept(id) for id in tokenizer.encode('So: {"a1":[],"b1":2}; x.')) and matcher.is_done()
    assert [each.text for each in matcher.filled()] == ['{"a1":[],"b1":2}', "x"]


LONG_TEXT = json.dumps(LONG)
