"""What is known to go wrong with xgrammar (0.2.8), behind the wrapper: an error that says so, or the right masks."""

from __future__ import annotations

import threading
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

import lmc.backend.masks as package
from lmc.backend.masks.disk import DiskCache
from lmc.backend.masks.factory import AutomatonMatcher, ConstraintMasks
from lmc.backend.masks.productive import endless_rule
from lmc.backend.masks.xgrammar import XGrammarMasks
from lmc.errors import ConstraintError
from lmc.ir.constraint import Grammar, Lark
from lmc.ir.json_schema.audit import audit
from lmc.parser.schema.parse import parse_schema

TREE = {
    "type": "object",
    "properties": {"value": {"type": "integer"}, "next": {"$ref": "#"}},
    "required": ["value"],
}


def allowed(matcher):
    """The ids whose bit is set."""
    bits = np.unpackbits(matcher.mask().view(np.uint8), bitorder="little")
    return set(np.flatnonzero(bits).tolist())


def accepts(masks, tokenizer, constraint, text):
    """Whether a text, token by token, is allowed and may end there."""
    matcher = masks.make(constraint)
    return all(matcher.accept(token) for token in tokenizer.encode(text)) and matcher.can_stop()


def one_by_one(masks, text):
    """The tokens of a text's bytes, a byte each."""
    return [masks.spellings.index(bytes((byte,))) for byte in text.encode()]


@pytest.mark.parametrize("text", ["éx", "èx", "霍格", "霍比"])
def test_forced_bytes_within_a_character_raise_nothing(grammars, text):
    """find_jump_forward_string would raise UnicodeDecodeError after each of these bytes."""
    matcher = grammars.make(Grammar('root ::= ("é" | "è") "x" | "霍格" | "霍比"'))
    for token in one_by_one(grammars, text):
        assert token in allowed(matcher) and matcher.accept(token)
    assert matcher.is_done()


def test_jump_forward_of_xgrammar_is_never_asked():
    """It ignores token edges, and raises within a character."""
    sources = Path(str(package.__file__)).parent.glob("*.py")
    assert not [path.name for path in sources if "find_jump_forward" in path.read_text()]


def test_control_tokens_are_never_text(grammars, tokenizer):
    """Their ids are blank, so that no rule spells them."""
    matcher = grammars.make(Grammar('root ::= [^"]* "!"'))
    control = {i for i, text in enumerate(tokenizer.vocab_bytes()) if not text}

    assert control and not control & allowed(matcher)
    assert not any(matcher.accept(token) for token in control)


@pytest.mark.parametrize("pattern", ["(?!ab)[a-c]{2}", "a(?=b)."])
def test_a_lookahead_in_a_grammar_is_refused_or_followed(grammars, tokenizer, pattern):
    """xgrammar ignores it with a warning on file descriptor 2."""
    with pytest.raises(ConstraintError, match=r"LMC-CN00[23]"):
        grammars.make(Grammar(f'root ::= Regex("{pattern}")'))


def test_a_lookahead_in_a_schema_is_followed(engine_masks, tokenizer):
    """By our automata."""
    schema = parse_schema({"type": "string", "pattern": "^(?!ab)[a-c]{2}$"})

    assert accepts(engine_masks, tokenizer, schema, '"ba"')
    assert not accepts(engine_masks, tokenizer, schema, '"ab"')


@pytest.mark.parametrize(
    "text, rule",
    [
        ('root ::= "a" root', "root"),
        ('root ::= "b" | x\nx ::= "a" x', "x"),
        ('root ::= x "b"\nx ::= y\ny ::= x', "y"),
        ('root ::= x{2,3}\nx ::= "(" x ")"', "x"),
    ],
)
def test_recursion_without_an_end_is_refused(grammars, text, rule):
    """It compiles, and a generation under it would run to its limit."""
    with pytest.raises(ConstraintError, match=f"LMC-CN007.*`{rule}`"):
        grammars.make(Grammar(text))


@pytest.mark.parametrize(
    "text",
    [
        'root ::= "a" root | "b"',
        'root ::= x{0,3} "b" | "c"\nx ::= "q"',
        'root ::= "(" root ")" | ""',
        'root ::= x\nx ::= [^|)(] | "\\"" x | "|" x',
    ],
)
def test_recursion_with_an_end_is_taken(grammars, text):
    """Brackets, quotes and bars in texts and classes are not those of the grammar."""
    assert grammars.make(Grammar(text)) is not None


def test_what_is_not_known_in_a_printed_grammar_ends():
    """Macros and lookaheads of xgrammar are skipped, brackets and all."""
    assert endless_rule('root ::= ((Token(1) "a") | (x)) (=([a-z] "("))\nx ::= ((TagDispatch(("<a>", root))))') is None
    assert endless_rule('root ::= (("a" x{0, -1}))\nx ::= (("b" x))') == "x"


@pytest.mark.parametrize("schema", [{"$ref": "#"}, {"allOf": [{"$ref": "#"}]}, TREE | {"required": ["value", "next"]}])
def test_a_schema_that_only_contains_itself_is_refused(engine_masks, schema):
    """No value of it is finite, or none is meant."""
    with pytest.raises(ConstraintError, match=r"no text satisfies|leads back to itself"):
        engine_masks.make(parse_schema(schema))


def test_a_schema_within_itself_runs_on_our_automata(engine_masks, tokenizer):
    """As all others do."""
    schema = parse_schema(TREE)

    assert isinstance(engine_masks.make(schema), AutomatonMatcher)
    assert isinstance(engine_masks.make(parse_schema({"type": "object"})), AutomatonMatcher)
    assert accepts(engine_masks, tokenizer, schema, '{"value":1,"next":{"value":2,"next":{"value":3}}}')
    assert not accepts(engine_masks, tokenizer, schema, '{"value":1,"next":{"next":{"value":3}}}')


def test_a_property_in_another_spelling_does_not_get_around_its_schema(engine_masks, tokenizer):
    """xgrammar takes it for a further property; a reader takes the last one of a name."""
    schema = parse_schema(TREE)

    assert not accepts(engine_masks, tokenizer, schema, '{"value":1,"\\u0076alue":"x"}')
    assert accepts(engine_masks, tokenizer, schema, '{"value":1,"further":"x"}')


def test_a_keyword_that_xgrammar_would_ignore_is_kept_in_a_schema_within_itself(engine_masks, tokenizer):
    """At every depth."""
    schema = parse_schema(TREE | {"not": {"required": ["x"]}})

    assert all(finding.verdict == "exact" for finding in audit(schema) if finding.keyword != "(names)")
    assert accepts(engine_masks, tokenizer, schema, '{"value":1,"next":{"value":1,"y":1}}')
    assert not accepts(engine_masks, tokenizer, schema, '{"value":1,"next":{"value":1,"x":1}}')


def test_open_objects_stay_open(grammars, tokenizer):
    """xgrammar's strict mode would close them, and so change what the schema means."""
    schema = parse_schema({"type": "object", "additionalProperties": {"type": "integer"}})

    assert accepts(grammars, tokenizer, schema, '{"x":1}')


def test_no_bit_past_the_vocabulary_is_set(grammars):
    """Logits are wider than the vocabulary, and no multiple of 32."""
    matcher = grammars.make(Grammar("root ::= [^a]*"))

    assert matcher.mask().shape == (-(-grammars.vocab_size // 32),)
    assert max(allowed(matcher)) < len([text for text in grammars.spellings if text]) + 10


def test_xgrammar_is_new_enough():
    """Older ones crash on lazy masks."""
    assert tuple(map(int, version("xgrammar").split(".")[:3])) >= (0, 2, 8)


def test_one_bad_grammar_in_many_threads_poisons_nothing(tokenizer):
    """Good ones compile beside it, and the bad one is bad each time."""
    masks = ConstraintMasks(tokenizer, tokenizer.vocab_size)
    outcomes: list[str] = []

    def make(text):
        try:
            masks.make(Grammar(text))
            outcomes.append("made")
        except ConstraintError:
            outcomes.append("refused")

    texts = ['root ::= "a"', "root ::= b", 'root ::= "a" root', 'root ::= "c"'] * 3
    threads = [threading.Thread(target=make, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["made"] * 6 + ["refused"] * 6


def test_a_compiled_grammar_is_read_back_from_disk(tokenizer, tmp_path, monkeypatch):
    """By another process too: the key is the content, the vocabulary and xgrammar's version."""
    schema = parse_schema(TREE)
    XGrammarMasks(tokenizer, tokenizer.vocab_size, DiskCache(tmp_path)).make(schema)
    again = XGrammarMasks(tokenizer, tokenizer.vocab_size, DiskCache(tmp_path))
    monkeypatch.setattr(again, "_lowered", None)

    assert accepts(again, tokenizer, schema, '{"value":1}')
    assert not accepts(again, tokenizer, schema, '{"value":"x"}')


@pytest.mark.parametrize(
    "damage", [lambda text: text[: len(text) // 2], lambda text: "eulav".join(text.rsplit("value", 1)), lambda text: ""]
)
def test_a_damaged_file_is_a_miss(tokenizer, tmp_path, damage):
    """Whatever is wrong with it."""
    schema = parse_schema(TREE)
    XGrammarMasks(tokenizer, tokenizer.vocab_size, DiskCache(tmp_path)).make(schema)
    (file,) = tmp_path.iterdir()
    file.write_text(damage(file.read_text()))

    assert accepts(
        XGrammarMasks(tokenizer, tokenizer.vocab_size, DiskCache(tmp_path)), tokenizer, schema, '{"value":1}'
    )


@pytest.mark.parametrize(
    "schema, text",
    [
        ({"type": "string", "maxLength": 500}, '"' + "a" * 500 + '"'),
        ({"type": "string", "pattern": "é|日"}, '"xé"'),
        ({"type": "array", "items": {"enum": ["<|end|>", "<|start|>"]}}, '["<|end|>","<|start|>"]'),
        ({"const": {"日": ["\u0001", '"']}}, '{"日":["\\u0001","\\""]}'),
    ],
)
def test_odd_texts_come_out(engine_masks, schema, text):
    """Text that looks like a control token is text, a byte at a time if need be."""
    matcher = engine_masks.make(parse_schema(schema))
    for token in one_by_one(engine_masks, text):
        assert matcher.accept(token)
    assert matcher.can_stop()


# --- Lark ----------------------------------------------------------------------------------------------------


def test_a_lark_grammar_is_followed(engine_masks, tokenizer):
    """Rules, terminals, repeats and ignored spaces; what no regex can."""
    lark = Lark('start: "a" | "(" start ")" | N\nN: /[0-9]{2}/\n%ignore / +/')

    for text in ("a", "((a))", "( 12 )"):
        assert accepts(engine_masks, tokenizer, lark, text), text
    for text in ("", "(a", "1", "b"):
        assert not accepts(engine_masks, tokenizer, lark, text), text


def test_control_tokens_are_no_text_of_a_lark_grammar(grammars, tokenizer):
    """By no character of a terminal."""
    matcher = grammars.make(Lark('start: /[^"]*/ "!"'))
    control = {i for i, text in enumerate(tokenizer.vocab_bytes()) if not text}

    assert control and not control & allowed(matcher)


@pytest.mark.parametrize(
    "text, what",
    [
        ('start: "a" start', "LMC-CN007"),
        ('start: "a" x\nx: "b" x', "LMC-CN007"),
        ("start: b", r"the Lark grammar is not valid: (?!.*cpp)"),
        ("start: A\nA: /(?=a)b/", "not valid"),
        ("start: A & B\nA: /a/\nB: /b/", "not supported"),
        ("start: <|end|>", "not valid"),
        ("start: <[1]>", "not valid|no text satisfies"),
        ("", "not valid"),
    ],
)
def test_a_lark_grammar_that_cannot_be_followed_is_refused(grammars, capfd, text, what):
    """Each time, with nothing on standard error, and the next one compiles."""
    for _ in range(2):
        with pytest.raises(ConstraintError, match=what):
            grammars.make(Lark(text))
    assert grammars.make(Lark('start: "a"')) is not None
    assert capfd.readouterr().err == ""


def test_forced_bytes_of_a_lark_grammar_within_a_character(grammars):
    """A byte at a time."""
    matcher = grammars.make(Lark('start: "霍" ("é" | "è")'))
    for token in one_by_one(grammars, "霍é"):
        assert token in allowed(matcher) and matcher.accept(token)
    assert matcher.is_done()


def test_a_lark_grammar_is_read_back_from_disk(tokenizer, tmp_path, monkeypatch):
    """And is no EBNF grammar of the same text."""
    text = 'start: "a"'
    XGrammarMasks(tokenizer, tokenizer.vocab_size, DiskCache(tmp_path)).make(Lark(text))
    again = XGrammarMasks(tokenizer, tokenizer.vocab_size, DiskCache(tmp_path))
    monkeypatch.setattr(again, "_lowered", None)

    assert accepts(again, tokenizer, Lark(text), "a")
    with pytest.raises(TypeError):
        again.make(Grammar(text))
