"""Schemas and values at their borders, against a judge that reckons in fractions: both ways.

Texts drawn from a schema's automata are valid, or an error when they are complete; values that are valid have a text.
"""

from __future__ import annotations

import json
import random
from decimal import Decimal

import pytest

from lmc.errors import ConstraintError
from lmc.ir.automaton.dfa import CharDfa
from lmc.ir.automaton.drawn import drawn
from lmc.ir.json_schema.exact import repeated_name
from lmc.ir.json_schema.findings import NotRegular, SchemaError
from lmc.ir.json_schema.lower import lower
from lmc.parser.schema.parse import parse_schema
from tests.support.border_schemas import instance, schema, text_of
from tests.support.json_judge import RepeatedName, is_valid, read
from tests.support.told_order import ordered

MAX_STATES = 6_000
MAX_NODES = 400_000  # of all states together; a mask alone may need 60,000
MAX_ORDERS = 60


def looked_at(seed, count=12, *, closed=None):
    """(accepted texts that are wrong, valid texts that are refused, how many were asked) of one random schema.

    None are asked of one that is refused, says that it has no value, or is too large for a test.
    """
    rng = random.Random(seed)
    made = schema(rng)
    told = text_of(made)
    try:
        lowered = lower(parse_schema(told, closed=closed))
        dfa = CharDfa(lowered.tree, max_states=MAX_STATES, max_nodes=MAX_NODES)
        texts = [*drawn(dfa, count), *(instance(rng, made) for _ in range(count))]
        found = [(text, _comes_out(lowered, dfa, text), _is_right(text, read(told))) for text in texts]
        wrong = [(told, text) for text, comes_out, right in found if comes_out and not right]
        missing = [text for text, comes_out, right in found if right and not comes_out and closed is None]
        missing = [(told, text) for text in missing if not any(map(dfa.accepts, _orders(rng, text, lowered.shape)))]
    except (NotRegular, SchemaError):
        return [], [], 0
    except ConstraintError as error:
        assert error.code == "LMC-CN004", (told, error)
        return [], [], 0
    return wrong, missing, len(found)


def _comes_out(lowered, dfa, text):
    """Whether a text is one of the schema's, and no error of its call when it is complete."""
    return dfa.accepts(text) and repeated_name(text) is None and lowered.broken_by(text) is None


def _orders(rng, text, shape):
    """The same value with its members in the order that a schema tells, and in others."""
    value = json.loads(text, parse_int=Decimal, parse_float=Decimal)
    yield text_of(ordered(value, shape))
    yield from (text_of(_shuffled(rng, value)) for _ in range(MAX_ORDERS if "," in text else 0))


def _shuffled(rng, value):
    if isinstance(value, list):
        return [_shuffled(rng, each) for each in value]
    if isinstance(value, dict):
        return {name: _shuffled(rng, value[name]) for name in rng.sample([*value], len(value))}
    return value


def _is_right(text, judged):
    try:
        return is_valid(read(text), judged)
    except RepeatedName:
        return False


def checked(seeds, count=12):
    """Nothing is wrong either way, and enough was asked."""
    asked = 0
    for seed in seeds:
        wrong, missing, found = looked_at(seed, count)
        assert wrong == [] and missing == [], seed
        asked += found
    assert asked > count * len(seeds)


def test_border_schemas_are_kept_both_ways():
    """A sample."""
    checked(range(6), 4)


def test_closed_border_schemas_accept_nothing_that_open_ones_do_not():
    """Fewer texts, and no wrong ones."""
    for seed in range(1000, 1008):
        wrong, _, _ = looked_at(seed, 4, closed=True)
        assert wrong == []


@pytest.mark.slow
@pytest.mark.parametrize("part", range(40))
def test_many_border_schemas_are_kept_both_ways(part):
    """All of them."""
    checked(range(10_000 + 100 * part, 10_100 + 100 * part))
