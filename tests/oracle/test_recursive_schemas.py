"""Random schemas that contain themselves, with every keyword, on our masks against the letter of the standard.

Both ways: what is drawn by walking masks is valid, and of random values those come out that are valid, and no others.
"""

from __future__ import annotations

import json
import random
from collections import Counter

import numpy as np
import pytest

from lmc.backend.masks.ending_masks import Ends, PlacesMasks
from lmc.backend.masks.matcher import AutomatonMatcher
from lmc.backend.masks.trie import TokenTrie
from lmc.errors import ConstraintError
from lmc.ir.automaton.calls import call_dfa
from lmc.ir.json_schema.findings import SchemaError
from lmc.ir.json_schema.regular import placed
from lmc.parser.schema.parse import parse_schema
from tests.oracle.json_standard import is_valid
from tests.support.told_order import ordered

CHUNK = 500
LONGER = ['{"', '":', '","', '"},', "}}", "]]", '{"a":', '"b"', "[{", "[[", "],[", '":{"', "null", '","b":', "},{", "é"]
VOCABULARY = [*(bytes((byte,)) for byte in range(256)), *(text.encode() for text in LONGER)]
LEAVES = [
    True, False, {"type": "integer"}, {"type": ["string", "null"]}, {"minimum": 1}, {"maxLength": 1}, {"multipleOf": 2},
    {"enum": [1, "a", {"a": 1}]}, {"required": ["a"]}, {"maxProperties": 1}, {"minProperties": 1}, {"minItems": 1},
    {"const": [1]}, {"type": "object"}, {"type": "array"}, {"pattern": "^a"}, {"pattern": "é"}, {"maxItems": 1},
    {"type": "string", "minLength": 2, "pattern": "b$"}, {"uniqueItems": True}, {"dependentRequired": {"a": ["b"]}},
    {"propertyNames": {"maxLength": 1}}, {"propertyNames": {"enum": ["a", "c"]}}, {"exclusiveMaximum": 2.5},
    {"minimum": 2, "maximum": 1}, {"minLength": 2, "maxLength": 1}, {"minItems": 2, "maxItems": 1}, {"multipleOf": 1.5},
]  # fmt: skip
HOLDERS = (
    *("anyOf", "oneOf", "allOf", "not", "if", "dependentSchemas", "items", "items", "contains", "additionalProperties"),
    *("properties", "object", "object", "patternProperties", "prefixItems", "ref", "ref", "bounded contains"),
    *("unevaluatedProperties", "unevaluatedItems"),
)
SCALARS = [None, True, 0, 1, 2, 3.5, -1, "", "a", "ab", "bb", "é"]


def random_schema(rng, depth, is_inner=False):
    """A schema whose references lead back; `is_inner`: for values within values."""
    key = rng.choice(HOLDERS) if depth or is_inner else ""
    if rng.random() < 0.25 or not (depth or key == "ref"):
        return rng.choice(LEAVES)

    def some(inner):
        return random_schema(rng, depth - 1, inner)

    count = rng.randint(1, 3)
    names = rng.sample("abc", count)
    match key:
        case "ref":
            return {"$ref": f"#/$defs/n{rng.randint(0, 2)}"} if is_inner else rng.choice(LEAVES)
        case "anyOf" | "oneOf" | "allOf":
            return {key: [some(is_inner) for _ in range(count)]}
        case "not":
            return {key: some(is_inner)}
        case "if":
            return dict(zip(("if", "then", "else"), (some(is_inner) for _ in range(count))))
        case "dependentSchemas":
            return {key: {names[0]: some(is_inner)}}
        case "properties":
            return {key: {name: some(True) for name in names}}
        case "object":
            closed = {"additionalProperties": False} if rng.random() < 0.6 else {}
            told = {"properties": {name: some(True) for name in names}, "required": names[: rng.randint(0, count)]}
            return {"type": "object", **told, **closed}
        case "patternProperties":
            return {key: {rng.choice(["^a", "b", "^[ab]$"]): some(True)}, "additionalProperties": some(True)}
        case "prefixItems":
            return {key: [some(True) for _ in range(count)], **({"items": some(True)} if count > 1 else {})}
        case "bounded contains":
            return {"contains": some(True), "maxContains": rng.randint(0, 2), "minContains": rng.randint(0, 1)}
        case "unevaluatedProperties" | "unevaluatedItems":
            base = some(is_inner)
            return {**(base if isinstance(base, dict) else {}), key: rng.choice([False, some(True)])}
        case _:
            return {key: some(True)}


def random_document(rng):
    """Three definitions that may hold each other, and a root that has one of them."""
    definitions = {f"n{at}": random_schema(rng, 2) for at in range(3)}
    return {"$defs": definitions, "allOf": [random_schema(rng, 2), {"$ref": "#/$defs/n0"}]}


def random_value(rng, depth):
    """A value of few names, texts and numbers."""
    if depth and rng.random() < 0.6:
        inner = [random_value(rng, depth - 1) for _ in range(rng.randint(0, 3))]
        return inner if rng.random() < 0.5 else dict(zip(rng.sample("abcd", len(inner)), inner))
    return rng.choice(SCALARS)


def masks_of(lowered):
    """Masks over single bytes and what often stands together."""
    vocabulary = [*VOCABULARY, b""]
    eos = len(VOCABULARY)
    mask = np.zeros(-(-len(vocabulary) // 32), dtype=np.int32)
    mask[eos // 32] = 1 << eos % 32
    return PlacesMasks(TokenTrie(vocabulary), call_dfa(lowered.places), Ends(frozenset({eos}), mask, None, "off"))


def drawn(masks, rng, limit=60):
    """A text that masks let out, what ends things preferred; None where it gets long."""
    matcher, text = AutomatonMatcher(masks), b""
    while len(text) < limit:
        allowed = [token for token in np.flatnonzero(masks.allowed(matcher._state)).tolist() if token < len(VOCABULARY)]
        if matcher.can_stop() and (not allowed or rng.random() < 0.4):
            return text.decode()
        assert allowed, (text, "begun and cannot be ended")
        marks = [token for token in allowed if VOCABULARY[token][0] in b'{}[],:"01-ntfabc']
        token = rng.choice(marks or allowed)
        assert matcher.accept(token)
        text += VOCABULARY[token]
    return None


def repeats_a_name(text):
    """Whether an object has a name twice, of which a reader keeps one."""
    found = []
    json.loads(text, object_pairs_hook=lambda pairs: found.append(len(dict(pairs)) < len(pairs)))
    return any(found)


def judge(seed):
    """What was seen of one random schema."""
    rng = random.Random(seed)
    document = random_document(rng)
    seen = Counter()
    try:
        lowered = placed(parse_schema(json.dumps(document)))
        masks = masks_of(lowered)
    except ConstraintError as error:
        assert isinstance(error, SchemaError), (seed, error)
        return Counter(refused=1)
    for _ in range(4 if masks.start else 0):
        text = drawn(masks, rng)
        if text is not None and not repeats_a_name(text) and lowered.broken_by(text) is None:
            assert is_valid(document, json.loads(text)), (seed, text, document)
            seen["drawn"] += 1
    for _ in range(30):
        value = random_value(rng, 3)
        text = json.dumps(ordered(value, lowered.shape), separators=(",", ":"), ensure_ascii=False)
        walk = masks.dfa
        comes_out = walk.is_accepting(walk.run(text.encode())) and lowered.broken_by(text) is None
        valid = is_valid(document, value)
        assert comes_out == valid, (seed, text, document)
        seen["accepted" if comes_out else "rejected"] += 1
    return seen


def test_a_recursive_schema_means_what_the_standard_says():
    """A sample."""
    seen = sum(map(judge, range(28)), Counter())
    assert seen["drawn"] > 60 and min(seen["accepted"], seen["rejected"]) > 150 and seen["refused"] < 4, seen


@pytest.mark.slow
@pytest.mark.parametrize("first", range(1000, 21_000, CHUNK))
def test_recursive_schemas_mean_what_the_standard_says(first):
    """Thousands."""
    seen = sum(map(judge, range(first, first + CHUNK)), Counter())
    assert seen["refused"] < 0.05 * CHUNK, seen
