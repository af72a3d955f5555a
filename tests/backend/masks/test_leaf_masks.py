"""Masks of JSON texts, made of what strings and numbers say of a vocabulary: the same as each token's bytes say."""

from __future__ import annotations

import random
import re
from itertools import islice, product

import numpy as np
import pytest

from lmc.backend.masks import leaf_masks, shape_walk, token_walk
from lmc.backend.masks.token_masks import TokenMasks
from lmc.backend.masks.trie import TokenTrie
from lmc.ir.automaton.algebra import states
from lmc.ir.automaton.dfa import DEAD, CharDfa
from lmc.ir.json_schema.regular import regular_tree
from lmc.parser.regex.parse import parse_regex
from lmc.parser.schema.parse import parse_schema
from scripts.support.vocabularies import odd_vocabulary

PIECES = ['"', '":"', '",', '"}', '","', '{"', "},", "]", "[", ":", "-", "0", "12", "3.5", "e5", "e", "null", "tr",
          "ue", "name", "na", "id", "x", "\\", '\\"', '\\n', "\\u00", "1f", " ", "é", "日本", "\u2028", "[1,", '"a"',
          'a","b', '1,"', "7}",
          "7]", '"a":1', "-1", "0.", "Ab", "zz9", "\\u", "abc\"", "abc\":", "\\\\\"", "--"]  # fmt: skip
LONG = ["a" * n for n in (31, 32, 33, 34, 40, 64, 90)] + ["x" * 35 + '"', "b" * 34 + '",', "A" * 40 + '"}', "12" * 20]
STRINGS: list[object] = [
    {}, {"maxLength": 40}, {"maxLength": 35, "minLength": 3}, {"minLength": 50}, {"pattern": "^[a-z]{1,60}$"},
    {"pattern": "^[a-f0-9]{8}(-[a-f0-9]{4}){3}$"}, {"pattern": "a.*b", "maxLength": 60}, {"pattern": "^(?!na).*$"},
    {"pattern": "^[^x]{2,}$", "maxLength": 80}, {"not": {"const": "name"}}, {"enum": ["name", "na", "id", "é\n"]},
    {"format": "date"}, {"pattern": "^[a-z]+$", "minLength": 36, "maxLength": 70}, {"pattern": "^(ab|[xA]{40})$"},
    {"pattern": "^([a-z]{5}|[a-zA]{300})$", "minLength": 10, "maxLength": 200},
    {"pattern": "^(?!na).*$", "minLength": 1, "maxLength": 66}, {"pattern": "[a-z]{2,64}", "maxLength": 90},
    {"pattern": "^(?!n)([a-z]{12})*$", "minLength": 13, "maxLength": 50}, {"pattern": "^[ab]{1,64}x{0,3}$"},
    {"not": {"pattern": "^[^A]{1,40}$"}, "maxLength": 128}, {"pattern": "^[a-z]{3,}(-[a-z]{30,34})?$", "maxLength": 70},
]  # fmt: skip
NUMBERS: list[object] = [{}, {"minimum": -3}, {"multipleOf": 0.5}, {"minimum": 10, "maximum": 120}]


@pytest.fixture(scope="module")
def vocab() -> list[bytes | None]:
    bytes_alone = [bytes((byte,)) for byte in range(256)]
    return [*odd_vocabulary(), *(each.encode() for each in PIECES + LONG), *bytes_alone]


@pytest.fixture(scope="module")
def trie(vocab: list[bytes | None]) -> TokenTrie:
    return TokenTrie(vocab)


def random_schema(rng: random.Random, depth: int = 2) -> object:
    """A schema of any kind of value."""
    kind = rng.choice(["string", "string", "number", "object", "object", "array", "any"] if depth else ["string"])
    if kind == "string":
        return {"type": "string", **rng.choice(STRINGS)}
    if kind == "number":
        return {"type": rng.choice(["integer", "number"]), **rng.choice(NUMBERS)}
    if kind == "array":
        return {"type": "array", "items": random_schema(rng, depth - 1), "maxItems": rng.choice([2, 40])}
    if kind == "any":
        return rng.choice([True, {"type": ["string", "null"]}, {"anyOf": [random_schema(rng, 0), {"type": "integer"}]}])
    names = rng.sample(["name", "na", "id", "n", "x-1", "é", "naïve"], rng.randrange(4))
    found = {"type": "object", "properties": {name: random_schema(rng, depth - 1) for name in names}}
    found["required"] = [name for name in names if rng.random() < 0.5]
    if rng.random() < 0.3:
        found["patternProperties"] = {rng.choice(["[a-z]{1,64}", "^x", "."]): random_schema(rng, 0)}
    return found | ({"additionalProperties": rng.choice([False, random_schema(rng, 0)])} if rng.random() < 0.7 else {})


def check(vocab: list[bytes | None], masks: TokenMasks, rng: random.Random, num_steps: int) -> None:
    """Every mask along a random walk against the bytes of every token."""
    state = masks.start
    for _ in range(num_steps):
        allowed = np.flatnonzero(masks.allowed(state)).tolist()
        assert allowed == [i for i, spelt in enumerate(vocab) if spelt and masks.dfa.run(spelt, state)]
        if not allowed:
            break
        state = masks.next(state, rng.choice(allowed))


@pytest.mark.parametrize("seed", [*range(12), *(pytest.param(n, marks=pytest.mark.slow) for n in range(12, 300))])
def test_masks_of_schemas_are_what_bytes_say(vocab, trie, seed: int) -> None:
    """Objects, arrays, strings and numbers, compact and with any spaces."""
    rng = random.Random(seed)
    schema = {"type": "object", "properties": {"name": random_schema(rng), "x": random_schema(rng)}}
    masks = TokenMasks(trie, regular_tree(parse_schema(schema, spacing=rng.choice(["compact", "any"]))))
    for _ in range(3):
        check(vocab, masks, rng, 12)


@pytest.mark.parametrize("schema", STRINGS)
def test_masks_of_strings_are_what_bytes_say(vocab, trie, schema: dict[str, object]) -> None:
    """Near the ends of counts and far from them, for tokens that are longer than most."""
    masks, rng = TokenMasks(trie, regular_tree(parse_schema({"type": "string", **schema}))), random.Random(5)
    for _ in range(4):
        check(vocab, masks, rng, 10)


@pytest.mark.parametrize("limit", ["MAX_VISITS", "SMALL", "LARGE", "OTHERS"])
def test_every_way_gives_the_same_masks(vocab, trie, monkeypatch, limit: str) -> None:
    """What is followed one by one, and what is swept, and what is known of strings."""
    module = leaf_masks if limit in ("LARGE", "OTHERS") else token_walk
    monkeypatch.setattr(module, limit, 1 << 30 if limit in ("SMALL", "OTHERS") else 0)
    monkeypatch.setattr(leaf_masks, "LARGE", 0)
    schema = {"type": "object", "properties": {"id": STRINGS[5] | {"type": "string"}, "x": {"type": "number"}}}
    for pattern in (regular_tree(parse_schema(schema)), parse_regex('"[a-f]{2,50}-[a-z0-9]*"[0-9]{2}').tree):
        check(vocab, TokenMasks(TokenTrie(vocab), pattern), random.Random(3), 14)


@pytest.mark.parametrize(
    "head", [None, "[a-z]+", "[A-Fa-f0-9-]*", r"[^x\\\\]*", r'([^"\\\\]|\\\\[nu"]|\\\\u[0-9a-f]{4})*']
)
def test_tokens_below_a_beginning_are_the_same_by_shape(vocab, trie, monkeypatch, head: str | None) -> None:
    """Node by node, and all at once by their shapes: below every beginning of a few characters."""
    tree = regular_tree(parse_schema({"type": "string"})) if head is None else parse_regex(f'"{head}"').tree
    chars = CharDfa(tree)
    monkeypatch.setattr(leaf_masks, "CharDfa", lambda alphabet: chars)
    walk = leaf_masks.LeafWalk(trie, chars.alphabet)
    num_seen = 0
    for first in trie.root.kids.values():
        for node in (first, *first.kids.values()):
            for state in islice(states(chars), 1, 8):
                ends = walk._shapes.ends_below(node.text, state, 1 << 30)
                if ends is not None:
                    visited = walk._visited(node, state)
                    num_seen += len(visited.ids)
                    assert np.flatnonzero(walk._shapes.live(ends)).tolist() == sorted(visited.ids.tolist())
                    assert walk._pairs(ends[trie.size :]).tolist() == sorted(visited.pairs.tolist())
    assert num_seen


@pytest.mark.parametrize("pattern", ["[a-z]{1,60}", "[^x]{2,9}", "[-a-f0-9]{1,99}"])
def test_what_is_behind_first_characters_is_asked_for_once(vocab, monkeypatch, pattern: str) -> None:
    """First characters of a text behind which one string goes on: all of them together, where the rest is the same."""
    monkeypatch.setattr(token_walk, "TOGETHER", 0)
    monkeypatch.setattr(token_walk, "SMALL", 0)
    monkeypatch.setattr(token_walk, "MANY", 1 << 30)
    asked = []
    learn = leaf_masks.LeafWalk.tokens_behind_first
    monkeypatch.setattr(
        leaf_masks.LeafWalk, "tokens_behind_first", lambda walk, state: asked.append(state) or learn(walk, state)
    )
    masks = TokenMasks(TokenTrie(vocab), parse_regex(f'[Aabnz]({pattern})","[0-9]+').tree)
    check(vocab, masks, random.Random(4), 8)

    assert asked


def test_what_strings_say_is_learnt_once_for_all_schemas(vocab, monkeypatch) -> None:
    """Whatever comes after them."""
    trie, asked = TokenTrie(vocab), []
    learn = shape_walk.ShapeWalk.ends
    monkeypatch.setattr(shape_walk.ShapeWalk, "ends", lambda walk, state: asked.append(state) or learn(walk, state))
    for name in ("name", "id", "x"):
        schema = {
            "type": "object",
            "properties": {name: {"type": "string"}},
            "required": [name],
            "additionalProperties": False,
        }
        masks = TokenMasks(trie, regular_tree(parse_schema(schema)))
        masks.mask(masks.dfa.run(f'{{"{name}":"'.encode()))

    assert len(asked) == 1


@pytest.mark.parametrize("seed", range(60))
def test_states_are_live_where_a_text_is_accepted(seed: int) -> None:
    """Chains of intersections with counts, against all texts of two letters that are not too long."""
    rng = random.Random(seed)
    pieces = [piece(rng) for _ in range(2)]
    dfa = CharDfa(parse_regex("(?&)" + "a".join(f"(({kept})&({count}))" for kept, count in pieces)).tree)
    texts = ["".join(each) for length in range(10) for each in product("ab", repeat=length)]
    has_text = [any(re.fullmatch(kept, t) and re.fullmatch(count, t) for t in texts) for kept, count in pieces]

    assert (dfa.start != DEAD) == all(has_text)
    assert all(dfa.is_accepting(state) or dfa.moves(state) for state in islice(states(dfa), 200))


def piece(rng: random.Random) -> tuple[str, str]:
    """A pattern, and how many of its characters (or pairs of them) are wanted."""
    item = rng.choice(["a", "ab", "[ab]b", "(a|bb)", "(ab?)"])
    kept = f"{item}{rng.choice(['*', '+', '{3}', '{2,3}', '{0,2}'])}{rng.choice(['', 'b', 'a?'])}"
    low = rng.randrange(6)
    return kept, f"{rng.choice(['a', '[ab]', '(a|b|ba)', '(ab)'])}{{{low},{rng.choice(['', low, low + 1])}}}"
