"""What the matcher of an automaton says of a text, by its ways of taking a token."""

from __future__ import annotations

import random

import pytest

from lmc.backend.masks.factory import ConstraintMasks
from lmc.parser.regex.parse import parse_regex

PATTERNS = ["(cat|category|catalogue)s?", "[ab]{2,6}", "(name|nab): (日|é)+", "a*"]


@pytest.mark.parametrize("jump", ["exact", "off"])
@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_token_is_continued_where_text_may_follow_and_none_is_forced(tokenizer, pattern: str, jump) -> None:
    """Every token in the states of some walks: taken as by `accept` where nothing ends or is forced, else not."""
    masks = ConstraintMasks(tokenizer, tokenizer.vocab_size, jump)
    rng, num_continued = random.Random(1), 0
    for _ in range(4):
        matcher = masks.make(parse_regex(pattern))
        for _ in range(6):
            allowed = []
            for id in range(-1, tokenizer.vocab_size + 1):
                short, long = matcher.fork(), matcher.fork()
                if id not in masks.eos_ids and long.accept(id):
                    allowed.append(id)
                    long.mask()  # before somebody has asked for it no token is continued there
                if short.continued(id):
                    num_continued += 1
                    assert id in allowed and not long.is_done() and not long.forced((id,))
                    assert short.fork().__dict__ == long.__dict__
                else:
                    assert short.__dict__ == matcher.__dict__
                    assert id not in allowed or jump == "exact" or long.is_done()
            if not allowed:
                break
            matcher.accept(rng.choice(allowed))
    assert num_continued
