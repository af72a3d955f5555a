"""Jump-forward under grammars and schemas within themselves: what is forced is what the tokenizer writes."""

from __future__ import annotations

import json
import random
import re
from functools import cache

import pytest

from lmc.backend.masks import grammar_bytes, grammar_jumps
from lmc.backend.masks.ebnf import regex_ebnf
from lmc.backend.masks.factory import ConstraintMasks
from lmc.backend.masks.rehearse import Rehearsal, rehearse
from lmc.backend.masks.xgrammar import XGrammarMasks
from lmc.ir.constraint import Constraint, Grammar
from lmc.parser.regex.parse import parse_regex
from lmc.parser.schema.parse import parse_schema
from scripts.support.vocabularies import MAKES, corpus, trained
from tests.backend.masks.test_jumps import records, spelt

NODE = {
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "value": {"type": "integer"},
                "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
            },
            "required": ["name", "value", "children"],
            "additionalProperties": False,
        }
    },
    "$ref": "#/$defs/node",
}
SEPARATORS = {"compact": (",", ":"), "spaced": (", ", ": ")}


@pytest.fixture(scope="module", params=MAKES)
def tokenizer(request, tmp_path_factory):
    """A tokenizer of each make."""
    return trained(request.param, tmp_path_factory.mktemp("tokenizer"))


@pytest.fixture(scope="module")
def exact(tokenizer):
    """The masks that the engine uses."""
    return ConstraintMasks(tokenizer, tokenizer.vocab_size)


def rehearsed(masks: ConstraintMasks, constraint: Constraint, text: str) -> Rehearsal:
    return rehearse(masks.make(constraint), masks.encoder, masks.spellings, text)


def quoted(text: str) -> str:
    return json.dumps(text)


@cache
def words() -> list[str]:
    """Words and marks."""
    return sorted(set(re.findall(r"[A-Za-z_]{2,14}|[.,:(){}\"' ]{1,3}", corpus()[0])) | {"naïve", "日本語", "Été à"})


def random_case(rng: random.Random, words: list[str]) -> tuple[str, list[str]]:
    """A grammar that contains itself, of words that share beginnings, and texts of it."""
    begin, middle, end = ("".join(rng.choices(words, k=rng.randint(1, 3))) for _ in range(3))
    comma, names = rng.choice([",", ", ", "; ", " and "]), [rng.choice(words)]
    names += [names[0][: rng.randint(1, len(names[0]))] + rng.choice(["s", "Styles", "é", ""]) for _ in range(2)]
    grammar = (
        f"root ::= {quoted(begin)} name {quoted(middle)} list {quoted(end)}\n"
        f"name ::= {' | '.join(map(quoted, dict.fromkeys(names)))} | [0-9]{{1,3}}\n"
        f'list ::= "none" | value ({quoted(comma)} value)*\n'
        'value ::= root | "<" [a-zé ]* ">"\n'
    )

    def text(depth: int) -> str:
        name = rng.choice([*names, str(rng.randrange(1000))])
        values = [value(depth - 1) for _ in range(rng.randint(0, 2))]
        return begin + name + middle + (comma.join(values) or "none") + end

    def value(depth: int) -> str:
        return text(depth) if depth > 0 and rng.random() < 0.5 else f"<{''.join(rng.choices('abcé ', k=6))}>"

    return grammar, [text(2) for _ in range(4)]


def node(rng: random.Random, depth: int = 2) -> dict[str, object]:
    name = "".join(rng.choices('abcdehilno é日"\\', k=rng.randint(0, 12)))
    children = [node(rng, depth - 1) for _ in range(rng.randint(0, 2) if depth else 0)]
    return {"name": name, "value": rng.randint(-5, 500), "children": children}


# --- what is forced is canonical -----------------------------------------------------------------------------


def test_forced_runs_of_random_grammars_are_what_the_tokenizer_writes(exact) -> None:
    """T1, T2, T10, T15: behind canonical tokens the forced ones are canonical in the whole text."""
    rng, forced, total = random.Random(2), 0, 0
    for _ in range(25):
        grammar, texts = random_case(rng, words())
        for text in texts:
            found = rehearsed(exact, Grammar(grammar), text)
            assert not found.num_strange, (grammar, text)
            assert list(found.ids) == exact.encoder.encode(text)
            forced, total = forced + found.num_forced, total + len(found.ids)
    assert forced > total / 10


@pytest.mark.parametrize("spacing", ["compact", "spaced"])
def test_forced_runs_of_a_recursive_schema_are_what_the_tokenizer_writes(exact, spacing: str) -> None:
    """Keys and marks at every depth, a third of the tokens or more."""
    rng, forced, total = random.Random(3), 0, 0
    for _ in range(15):
        text = json.dumps(node(rng), separators=SEPARATORS[spacing], ensure_ascii=False)
        found = rehearsed(exact, parse_schema(NODE, spacing=spacing), text)
        assert not found.num_strange, text
        forced, total = forced + found.num_forced, total + len(found.ids)
    assert forced > total / 3


def test_a_regular_grammar_forces_what_its_automaton_forces(exact) -> None:
    """The same language by either way: token for token."""
    for pattern, text in records(random.Random(5), 25):
        regex = parse_regex(pattern)
        assert rehearsed(exact, Grammar(regex_ebnf(regex.tree)), text) == rehearsed(exact, regex, text)


def test_naive_jumps_are_not(tokenizer) -> None:
    """The same check finds what goes wrong where all that is forced is jumped over."""
    naive, rng, strange = ConstraintMasks(tokenizer, tokenizer.vocab_size, "naive"), random.Random(2), 0
    for _ in range(25):
        grammar, texts = random_case(rng, words())
        strange += sum(rehearsed(naive, Grammar(grammar), text).num_strange for text in texts)
    assert strange > 20


def test_tokens_that_are_not_canonical_are_never_revised(exact) -> None:
    """T2: sampled letter by letter, what follows is still the grammar's text."""
    matcher, ids = exact.make(Grammar('root ::= "\\"" ("parser" | "argument") "\\": (" (root | "no") ")"')), []
    text = '"parser": ("argument": (no))'
    letters = {spelling: id for id, spelling in enumerate(exact.spellings) if len(spelling) == 1}
    while not matcher.is_done():
        run = matcher.forced(ids)
        for id in run or (letters[text[len(spelt(exact, ids)) :][:1].encode()],):
            assert matcher.accept(id)
            ids.append(id)
    assert spelt(exact, ids) == text


# --- what is not forced --------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["éx", "èx", "霍格x", "霍比x"])
def test_characters_that_share_bytes_are_not_split(exact, text: str) -> None:
    """T4: é and è have a byte in common, 霍格 and 霍比 a character and a byte."""
    grammar = Grammar('root ::= "= " ("é" | "è" | "霍格" | "霍比") "x" (root | "!")')
    found = rehearsed(exact, grammar, f"= {text}!")
    assert not found.num_strange
    for begin, run in found.runs:
        assert spelt(exact, found.ids[: begin + len(run)])  # decodes: no run ends within a character


def test_control_tokens_are_never_forced(exact) -> None:
    """T6: their text is spelt with ordinary tokens."""
    control = {i for i, spelling in enumerate(exact.spellings) if not spelling}
    run = exact.make(Grammar('root ::= "<|im_start|>assistant<|end|>" ("a" | root)')).forced([])
    assert run and not control & set(run)
    assert "<|im_start|>assistant".startswith(spelt(exact, run)[:10])


def test_nothing_is_forced_where_the_text_may_end(exact) -> None:
    """T7: an end token competes."""
    matcher = exact.make(Grammar('root ::= "a" ("bcdef" root)?'))
    (a,) = exact.encoder.encode("a")[-1:]
    assert matcher.accept(a) and matcher.can_stop()
    assert not matcher.forced([a])


@pytest.mark.parametrize(
    "text",
    [
        'root ::= ("parser" | Token(7)) "argument argument"',
        'root ::= "parser argument" ExcludeToken(2,3) "argument argument"',
        'root ::= "parser argument" TokenTagDispatch((7, b))\nb ::= "q"\n',
        'root ::= x "argument"\nx[max_tokens=3] ::= "parser" "argument"*',
    ],
)
def test_nothing_is_forced_beside_a_token_that_is_named(exact, text: str) -> None:
    """The bytes alone would say `parser` or `argument`."""
    matcher = exact.make(Grammar(text))
    ids: list[int] = []
    for id in exact.encoder.encode("parser"):
        assert not matcher.forced(ids) and matcher.accept(id)
        ids.append(id)
    assert not matcher.forced(ids)


def test_off_forces_nothing_and_reads_no_grammar(tokenizer, monkeypatch) -> None:
    """One pass a token."""
    monkeypatch.setattr(grammar_bytes.GrammarBytes, "__init__", None)
    off = ConstraintMasks(tokenizer, tokenizer.vocab_size, "off")
    found = rehearsed(off, Grammar('root ::= "parser argument" | "(" root ")"'), "(parser argument)")
    assert found.num_asked == len(found.ids) and not found.runs


def test_logits_narrower_than_the_vocabulary_force_only_what_they_have(tokenizer) -> None:
    """A checkpoint with a cut head: tokens past it do not exist, by either way."""
    narrow = ConstraintMasks(tokenizer, 400)
    for constraint in (parse_regex("parser arguments [ab]"), Grammar('root ::= "parser arguments " [ab]')):
        matcher = narrow.make(constraint)
        assert all(id < 400 and matcher.accept(id) for id in matcher.forced([]))


# --- one automaton for all -----------------------------------------------------------------------------------


def test_a_fork_goes_its_own_way(exact) -> None:
    """Both from the same place; the masks and what is forced stay in step."""
    matcher, ids = exact.make(Grammar('root ::= ("x" "argument" | "y" "parser") (";" | root)')), []
    for text in ("x", "y"):
        fork, (id,) = matcher.fork(), exact.encoder.encode(text)[-1:]
        assert fork.accept(id)
        run = fork.forced([*ids, id])
        assert {"x": "argument", "y": "parser"}[text].startswith(spelt(exact, run))
        assert all(map(fork.accept, run))


def test_a_second_text_asks_the_tokenizer_hardly_anything(tokenizer) -> None:
    """What was found for one request is there for the others, whatever they write between."""
    masks, calls = ConstraintMasks(tokenizer, tokenizer.vocab_size), []
    encode = tokenizer.encode
    masks.encoder = type("Counted", (), {"encode": staticmethod(lambda text: calls.append(text) or encode(text))})()
    counts = []
    for name in ("first", "another", "a longer one", "x" * 50):
        text = json.dumps({"name": name, "value": 12, "children": []}, separators=(",", ":"))
        before = len(calls)
        rehearse(masks.make(parse_schema(NODE)), tokenizer, masks.spellings, text)
        counts.append(len(calls) - before)
    assert counts[0] > 20 and all(count < counts[0] / 2 for count in counts[1:])


def test_a_text_that_leaves_the_automaton_goes_on_unforced(exact, monkeypatch) -> None:
    """Too many states: no error, nothing more is forced in this text; the next begins anew."""
    grammar = Grammar('root ::= "(" root ")" | "argument argument"  # deep')
    letter = exact.spellings.index(b"(")
    monkeypatch.setattr(grammar_bytes, "MAX_STATES", 60)
    matcher, ids = exact.make(grammar), [letter] * 100
    assert all(map(matcher.accept, ids)) and matcher.forced(ids) == ()
    assert matcher.mask().any() and matcher.forced(ids) == ()
    found = rehearsed(exact, Grammar('root ::= "x argument" | "(" root ")"'), "(x argument)")
    assert not found.num_strange


def test_masks_without_jumps_force_nothing(tokenizer) -> None:
    """xgrammar's masks can be had alone."""
    assert XGrammarMasks(tokenizer, tokenizer.vocab_size).make(Grammar('root ::= "parser"')).forced([]) == ()


def test_automata_of_grammars_are_bounded_in_bytes(tokenizer, monkeypatch):
    """They grow while they are walked, and are counted anew; the one used longest ago goes."""
    monkeypatch.setattr(grammar_jumps, "MAX_GRAMMAR_BYTES", 100_000)
    masks = ConstraintMasks(tokenizer, tokenizer.vocab_size)
    kept = masks.grammars._jumps._known
    for number, letter in enumerate("adefghij"):
        grammar = Grammar(f'root ::= "{letter}" root "b" | "c"')
        masks.make(grammar)
        fresh = kept.num_bytes
        rehearsed(masks, grammar, letter * 5 + "c" + "b" * 5)
        masks.make(grammar)
        assert kept.num_bytes <= 100_000
        assert kept.num_bytes > fresh or number
    assert 0 < len(kept) < 8
