"""Constraints are compiled once, by whoever asks first, and nobody waits for another one's."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from lmc import giving_way
from lmc.backend.masks.factory import ConstraintMasks
from lmc.backend.masks.leaf_masks import leaves_of
from lmc.backend.masks.shapes import shapes_of
from lmc.caches import estimated_bytes
from lmc.errors import ConstraintError
from lmc.ir.constraint import Choices
from lmc.ir.json_schema.regular import texts_of
from lmc.parser.regex.parse import parse_regex
from lmc.parser.schema.parse import parse_schema


def test_a_constraint_is_compiled_once_beside_others(tokenizer, monkeypatch):
    """Four threads ask for one that takes long; a fifth has another one meanwhile."""
    masks = ConstraintMasks(tokenizer, tokenizer.vocab_size)
    slow, quick = Choices(("abc", "abd")), Choices(("x", "y"))
    real, compiled, begun, go_on = masks._checked, [], threading.Event(), threading.Event()

    def checked(constraint):
        compiled.append(constraint)
        if constraint == slow:
            begun.set()
            assert go_on.wait(60)
        return real(constraint)

    monkeypatch.setattr(masks, "_checked", checked)
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(masks.make, slow) for _ in range(4)]
        assert begun.wait(60)
        assert masks.make(quick).mask() is not None
        go_on.set()
        made = [each.result(60) for each in waiting]

    assert compiled.count(slow) == compiled.count(quick) == 1
    assert len({id(each._masks) for each in made}) == 1 and not masks._making


def test_one_that_cannot_be_compiled_is_refused_each_time(tokenizer):
    """And leaves nothing behind that others would wait for."""
    masks = ConstraintMasks(tokenizer, tokenizer.vocab_size)
    for _ in range(2):
        with pytest.raises(ConstraintError):
            masks.make(Choices(("<|end|>\ud800",)))
        assert not masks._making


def test_the_size_of_an_automaton_is_about_what_it_holds(tokenizer) -> None:
    """Within a factor of three of a walk over all of it."""
    masks = ConstraintMasks(tokenizer, tokenizer.vocab_size)
    kinds = {f"key{i}": {"type": "string"} for i in range(4)}
    schema = parse_schema({"type": "object", "properties": kinds, "required": list(kinds)})
    for constraint in (schema, parse_regex(r"[a-z]{1,40} costs \d+\.\d\d"), Choices(tuple(map(str, range(300))))):
        matcher = masks.make(constraint)
        matcher.mask()
        (made,) = masks._compiled.values()[-1:]
        shared = [masks, masks.trie, *vars(masks.trie).values(), tokenizer, masks.eos_ids, masks.eos_mask]
        learnt = leaves_of(masks.trie)  # of the vocabulary, for all constraints
        shared += [each for walk in learnt._walks.values() for each in (walk, walk.chars)]
        shared += [learnt, shapes_of(masks.trie), *vars(shapes_of(masks.trie)).values()]
        walked = estimated_bytes([made], shared)
        assert walked / 3 < made.num_bytes < walked * 3


def test_a_large_schema_says_often_that_an_engine_may_go_first(tokenizer, monkeypatch) -> None:
    """While it is read, while it is lowered, and while its automaton is made."""
    counted = [0]
    monkeypatch.setattr(giving_way._road, "is_taken", True)
    monkeypatch.setattr(giving_way._road, "wait", lambda: counted.__setitem__(0, counted[0] + 1))
    kinds = [{"type": "string", "pattern": f"^[a-z]{{{n}}}x$"} for n in range(1, 41)]
    given = {"type": "object", "properties": {f"key{n}": kind for n, kind in enumerate(kinds)}}
    masks = ConstraintMasks(tokenizer, tokenizer.vocab_size)
    schema = parse_schema(given)
    read = counted[0]
    texts_of(schema)
    lowered = counted[0] - read
    masks.make(schema)
    assert min(read, lowered, counted[0] - lowered - read) > 3 * len(kinds)
