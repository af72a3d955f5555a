"""Forced tokens: those that every continuation agrees on, found without trying them all."""

from __future__ import annotations

import json
import random
import re

import pytest

from lmc.backend.masks.disk import DiskCache
from lmc.backend.masks.forced_edges import forced_edges
from lmc.backend.masks.stable import StableTokens
from lmc.backend.masks.trie import TokenTrie
from lmc.ir.automaton.bytes import ByteDfa
from lmc.ir.automaton.compress import forced
from lmc.ir.automaton.dfa import CharDfa
from lmc.parser.regex.parse import parse_regex
from scripts.support.vocabularies import MAKES, corpus, trained

CASES = 60


@pytest.fixture(scope="module", params=MAKES)
def make(request, tmp_path_factory):
    """A tokenizer of each make, with its vocabulary's tree."""
    tokenizer = trained(request.param, tmp_path_factory.mktemp("tokenizer"))
    return tokenizer, TokenTrie([spelt or None for spelt in tokenizer.vocab_bytes()])


def stable(make, pattern: str) -> StableTokens:
    tokenizer, trie = make
    return StableTokens(ByteDfa(CharDfa(parse_regex(pattern).tree)), tokenizer, trie)


def agreed(make, label: str, endings: list[str], before: str) -> list[int]:
    """The rule itself: encode every text, keep the first tokens that all share, within the label."""
    tokenizer, trie = make
    known = tokenizer.encode(before) if before else []
    shared: list[int] | None = None
    for ending in endings:
        tokens = tokenizer.encode(before + label + ending)
        if tokens[: len(known)] != known:
            return []
        kept, length = [], 0
        for token in tokens[len(known) :]:
            length += len(trie.vocab[token] or b"")
            if length > len(label.encode()):
                break
            kept.append(token)
        if shared is None:
            shared = kept
        shared = [a for i, a in enumerate(shared) if shared[: i + 1] == kept[: i + 1]]
    return shared or []


def random_case(rng: random.Random, words: list[str]) -> tuple[str, list[str]]:
    """A text that is forced, and two or more ways to go on after it that begin differently."""
    while True:
        word = rng.choice(words)
        cut = rng.randint(1, len(word) - 1)
        others = [other[rng.randint(0, len(other) - 1) :] for other in rng.choices(words, k=rng.randint(1, 5))]
        endings = list(dict.fromkeys([word[cut:], *others, *([""] if rng.random() < 0.2 else [])]))
        if len({ending[:1] for ending in endings}) > 1:
            return word[:cut], endings


def test_forced_tokens_are_those_that_all_continuations_share(make) -> None:
    """Finite languages, every text encoded: never a token too many, hardly ever one too few."""
    words = [w for w in re.findall(r"\S+(?:[ \n]+\S+){0,3}", corpus()[0]) if 3 < len(w) < 40]
    words += ["façade naïve", "日本語の文章。"]
    rng = random.Random(3)
    fewer = 0
    for _ in range(CASES):
        label, endings = random_case(rng, words)
        before = rng.choice(["", "x = ", '{"', "The "])
        found = stable(make, re.escape(label) + "(?:" + "|".join(map(re.escape, endings)) + ")")
        expected = agreed(make, label, endings, before)
        tokens = list(found.after(found.dfa.start, before).tokens)
        assert forced(found.dfa, found.dfa.start)[0].startswith(label.encode())
        assert tokens == expected[: len(tokens)], (label, endings, before)
        fewer += tokens != expected

    assert fewer <= CASES // 20


def test_state_after_forced_tokens_is_behind_them(make) -> None:
    """Not behind all that is forced."""
    _, trie = make
    found = stable(make, '\\{"name": "[a-z]+"\\}')
    after = found.after(found.dfa.start)

    spelt = b"".join(trie.vocab[token] or b"" for token in after.tokens)
    assert b'{"name": "'.startswith(spelt) and spelt
    assert after.state == found.dfa.run(spelt)


def test_nothing_is_forced_where_the_text_may_end_or_go_two_ways(make) -> None:
    """No token, the same state."""
    for pattern in ("(abc)?", "[ab]c"):
        found = stable(make, pattern)
        after = found.after(found.dfa.start)
        assert (after.tokens, after.state) == ((), found.dfa.start)


def test_no_forced_token_ends_within_a_character(make) -> None:
    """é and è share a first byte, and no more than that is certain."""
    _, trie = make
    found = stable(make, "x = (é|è)!")
    spelt = b"".join(trie.vocab[token] or b"" for token in found.after(found.dfa.start).tokens)

    assert b"x = ".startswith(spelt)


def test_control_text_is_forced_as_text(make) -> None:
    """What looks like a control token is spelt out."""
    tokenizer, _ = make
    found = stable(make, re.escape("<|im_start|>") + "[ab]")
    tokens = found.after(found.dfa.start).tokens

    assert tokens and tokenizer.control_ids.isdisjoint(tokens)


# --- edges and the disk --------------------------------------------------------------------------------------

RECORD = '\\{"name": "[a-z]+", "kind": "(cat|dog)", "id": [0-9]{1,3}\\}'


def test_edges_come_from_the_disk_the_second_time(make, tmp_path, monkeypatch) -> None:
    """Nothing is encoded again."""
    tokenizer, trie = make
    tree = parse_regex(RECORD).tree
    first = forced_edges(tree, tokenizer, trie, tokenizer.key, DiskCache(tmp_path))
    monkeypatch.setattr(StableTokens, "after", None)
    second = forced_edges(parse_regex(RECORD).tree, tokenizer, trie, tokenizer.key, DiskCache(tmp_path))

    assert first == second
    assert any(first.tokens) and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("content", ["", "{", "[]", '{"key": [], "value": 1}', "\x00"])
def test_a_corrupt_file_is_a_miss(make, tmp_path, content: str) -> None:
    """The answer is made again, and the file with it."""
    tokenizer, trie = make
    tree = parse_regex(RECORD).tree
    first = forced_edges(tree, tokenizer, trie, tokenizer.key, DiskCache(tmp_path))
    (file,) = tmp_path.iterdir()
    whole = file.read_text()
    file.write_text(content)

    assert forced_edges(tree, tokenizer, trie, tokenizer.key, DiskCache(tmp_path)) == first
    assert file.read_text() == whole


def test_a_file_that_says_too_much_is_a_miss(make, tmp_path) -> None:
    """Tokens that do not spell what is forced are not believed."""
    tokenizer, trie = make
    tree = parse_regex(RECORD).tree
    first = forced_edges(tree, tokenizer, trie, tokenizer.key, DiskCache(tmp_path))
    (file,) = tmp_path.iterdir()
    kept = json.loads(file.read_text())
    kept["value"][-2] = [5]
    file.write_text(json.dumps(kept))

    assert forced_edges(tree, tokenizer, trie, tokenizer.key, DiskCache(tmp_path)) == first


def test_another_tokenizer_or_pattern_is_another_file(make, tmp_path) -> None:
    """By content: the key of the tokenizer counts too."""
    tokenizer, trie = make
    for pattern, key in ((RECORD, "one"), (RECORD, "two"), (RECORD + "x", "one")):
        forced_edges(parse_regex(pattern).tree, tokenizer, trie, key, DiskCache(tmp_path))

    assert len(list(tmp_path.iterdir())) == 3
