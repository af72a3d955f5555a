"""Masks by xgrammar: what may come out is exactly what the constraint says."""

import json
import random
import re

import numpy as np
import pytest

from lmc.backend.masks.xgrammar import XGrammarMasks
from lmc.errors import ConstraintError
from lmc.ir.constraint import Choices, Grammar, Regex
from lmc.ir.regex import Alt, Chars, Repeat, Seq
from lmc.parser.regex.parse import parse_regex
from lmc.parser.schema.parse import parse_schema


def allowed(matcher) -> set[int]:
    """The ids whose bit is set."""
    bits = np.unpackbits(matcher.mask().view(np.uint8), bitorder="little")
    return set(np.flatnonzero(bits).tolist())


def accepts(masks, tokenizer, constraint, text: str) -> bool:
    """Whether `text`, token by token, is allowed by the masks and may end there."""
    matcher = masks.make(constraint)
    for token in tokenizer.encode(text):
        in_mask = token in allowed(matcher)
        assert in_mask == matcher.accept(token)
        if not in_mask:
            return False
    assert matcher.can_stop() == masks.eos_ids.issubset(allowed(matcher))
    return matcher.can_stop()


def compact(value) -> str:
    """Without spaces."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def random_pattern(rng: random.Random, depth: int) -> str:
    """A regex over a, b, é and newline in the dialect that `re` and lmc share."""
    if depth == 0:
        return rng.choice(["a", "b", "é", ".", "[ab]", "[^a]", "[a-b\\n]", r"\w", r"\S", "日", r"\.", ""])
    inner = [random_pattern(rng, depth - 1) for _ in range(rng.randint(1, 3))]
    match rng.randint(0, 3):
        case 0:
            return "(?:" + "|".join(inner) + ")"
        case 1:
            return "(?:" + inner[0] + ")" + rng.choice(["*", "+", "?", "{2}", "{1,3}", "{0,2}", "{2,}"])
        case _:
            return "".join(inner)


def random_text(rng: random.Random) -> str:
    return "".join(rng.choices("aab\né日. ", k=rng.randint(0, 6)))


# --- regexes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(60))
def test_a_random_regex_accepts_what_python_accepts(masks, tokenizer, seed):
    """Oracle: re.fullmatch, on random texts. Most are refused; the next test draws accepted ones."""
    rng = random.Random(seed)
    pattern = random_pattern(rng, 3)
    constraint = parse_regex(pattern)

    for text in {random_text(rng) for _ in range(15)} | {""}:
        assert accepts(masks, tokenizer, constraint, text) == bool(re.fullmatch(pattern, text)), (pattern, text)


@pytest.mark.parametrize("seed", range(60))
def test_what_random_masks_let_out_matches_in_python(masks, tokenizer, seed):
    """A random walk over allowed tokens ends in a text that re.fullmatch accepts."""
    rng = random.Random(1000 + seed)
    pattern = random_pattern(rng, 3)
    matcher = masks.make(parse_regex(pattern))
    spelt = b""
    for step in range(40):
        tokens = sorted(allowed(matcher) - masks.eos_ids)
        if not tokens or (matcher.can_stop() and rng.random() < step / 20):
            break
        token = rng.choice(tokens)
        assert matcher.accept(token)
        spelt += masks.spellings[token]

    if matcher.can_stop():  # a walk through `.*` may be cut before its end
        assert re.fullmatch(pattern, spelt.decode()), (pattern, spelt)


@pytest.mark.parametrize(
    "pattern, yes, no",
    [
        (r"\d{4}-\d{2}", ["2026-11"], ["2026-1", "x", "2026-111"]),
        (r".", ["a", "\x00", "日"], ["\n", "", "ab"]),
        (r"[\]\\^\-\"]+", ['^-]\\"'], ["a"]),
        (r"\x00f", ["\x00f"], ["\x0f"]),
        (r"(cat|category)", ["cat", "category"], ["cate", "c"]),
        (r"a{0}b", ["b"], ["ab", "a"]),
        (r"[^\n]*\Z", ["", "é" * 5], ["\n"]),
        (r"(?i)straße", ["STRAßE"], ["strase"]),
    ],
)
def test_a_regex_means_what_python_means(masks, tokenizer, pattern, yes, no):
    """The places where xgrammar's own regex reading differs."""
    constraint = parse_regex(pattern)

    assert [accepts(masks, tokenizer, constraint, text) for text in yes] == [True] * len(yes)
    assert [accepts(masks, tokenizer, constraint, text) for text in no] == [False] * len(no)


def test_the_empty_text_ends_at_once(masks):
    """Only an end token may come."""
    matcher = masks.make(parse_regex(""))

    assert matcher.can_stop() and matcher.is_done()
    assert allowed(matcher) == masks.eos_ids


@pytest.mark.parametrize(
    "tree",
    [
        Chars(()),
        Seq((Chars(((97, 97),)), Chars(()))),
        Repeat(Chars(()), 1, None),
        Alt((Chars(()),)),
        Chars(((0xD800, 0xDFFF),)),
    ],
)
def test_a_regex_that_nothing_matches_is_an_error(masks, tree):
    """Before a token is sampled; lone surrogates are in no UTF-8 text."""
    with pytest.raises(ConstraintError, match=r"LMC-CN001.*no text satisfies the regex 'x'"):
        masks.make(Regex("x", tree))


def test_an_empty_part_leaves_the_rest(masks, tokenizer):
    """`(nothing)*a|nothing` is `a`."""
    nothing, a = Chars(()), Chars(((97, 97),))
    tree = Alt((Seq((Repeat(nothing, 0, None), a)), nothing))

    assert accepts(masks, tokenizer, Regex("y", tree), "a")


# --- the state -----------------------------------------------------------------------------------------------


def test_no_mask_allows_a_control_or_padding_token(masks, tokenizer):
    """Not even where their text would match: `(?s).*` could spell <|start|>, with ordinary tokens."""
    matcher = masks.make(parse_regex("(?s).*"))
    start = tokenizer.encode("<|start|>", control=True)[0]

    assert start not in allowed(matcher)
    assert max(allowed(matcher)) < tokenizer.vocab_size
    assert not matcher.accept(start) and not matcher.accept(tokenizer.vocab_size + 3) and not matcher.accept(-1)
    assert accepts(masks, tokenizer, parse_regex("(?s).*"), "<|start|>")


def test_a_mask_is_as_wide_as_the_logits(masks):
    """One bit a logit, in whole words."""
    assert masks.make(Choices(("a",))).mask().shape == (-(-masks.vocab_size // 32),)


def test_logits_narrower_than_the_vocabulary_are_masked_too(tokenizer):
    """A checkpoint with a cut head: ids past it do not exist."""
    masks = XGrammarMasks(tokenizer, 300)

    assert max(allowed(masks.make(parse_regex("(?s).*")))) < 300


def test_a_refused_token_changes_nothing(masks, tokenizer):
    """And prints nothing."""
    matcher = masks.make(Choices(("ab",)))
    before = allowed(matcher)

    assert not matcher.accept(tokenizer.encode("z")[0])
    assert allowed(matcher) == before


def test_a_fork_goes_its_own_way(masks, tokenizer):
    """Both from the same state, in either order."""
    matcher = masks.make(Choices(("xay", "xbz")))
    assert matcher.accept(tokenizer.encode("x")[0])
    fork = matcher.fork()

    assert matcher.accept(tokenizer.encode("a")[0])
    assert fork.accept(tokenizer.encode("b")[0])
    assert allowed(matcher) == set(tokenizer.encode("y")) and allowed(fork) == set(tokenizer.encode("z"))


def test_a_choice_that_begins_another_may_stop_or_go_on(masks, tokenizer):
    """After `cat`: the end, or `egory`; after `category`: only the end."""
    matcher = masks.make(Choices(("cat", "category")))
    for token in tokenizer.encode("cat"):
        assert matcher.accept(token)
    assert matcher.can_stop() and not matcher.is_done()

    rest = [i for byte in b"egory" for i, text in enumerate(masks.spellings) if text == bytes((byte,))]
    assert all(matcher.accept(token) for token in rest)
    assert matcher.is_done() and allowed(matcher) == masks.eos_ids


def test_an_end_token_is_taken_only_where_the_text_may_end(masks):
    """It changes nothing, so the mask can still be asked for."""
    matcher = masks.make(parse_regex("a?"))
    (eos,) = masks.eos_ids

    assert matcher.accept(eos) and matcher.mask().any()
    assert not masks.make(parse_regex("a")).accept(eos)


@pytest.mark.parametrize("options", [("yes", "no"), ('"', "\\", "\n"), ("é", "日本", "e"), (" a", "a ")])
def test_choices_are_exactly_their_texts(masks, tokenizer, options):
    """Quotes, newlines, spaces and all."""
    for text in (*options, "", "yesno", "nothing", "a"):
        assert accepts(masks, tokenizer, Choices(options), text) == (text in options)


# --- grammars ------------------------------------------------------------------------------------------------


def test_a_grammar_counts_brackets(masks, tokenizer):
    """What no regex can."""
    grammar = Grammar('root ::= "a" | "(" root ")"')

    assert accepts(masks, tokenizer, grammar, "(((a)))")
    assert not accepts(masks, tokenizer, grammar, "((a)")


@pytest.mark.parametrize("text", ["root ::= b", 'root ::= "a', "nothing", ""])
def test_a_bad_grammar_says_what_is_wrong(masks, text):
    """xgrammar's own sentence, without its clock and C++ file; the next grammar compiles."""
    with pytest.raises(ConstraintError, match=r"the grammar is not valid: (?!.*cpp)"):
        masks.make(Grammar(text))
    masks.make(Grammar('root ::= "a"'))


def test_a_grammar_without_a_first_token_is_empty(masks):
    """It compiles, and would mask everything."""
    with pytest.raises(ConstraintError, match="`root`, which never ends"):
        masks.make(Grammar("root ::= root"))


def test_equal_constraints_compile_once(masks, monkeypatch):
    """By content; an error is not kept."""
    masks.make(Choices(("once",)))
    monkeypatch.setattr(masks, "_checked", None)

    masks.make(Choices(("once",)))
    with pytest.raises(TypeError):
        masks.make(Choices(("twice",)))


# --- JSON schemas --------------------------------------------------------------------------------------------

PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 0}, "tag": {"enum": ["a", None]}},
    "required": ["name", "tag"],
    "additionalProperties": False,
}
NODE = {
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "value": {"type": "integer"},
                "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
            },
            "required": ["value"],
            "additionalProperties": False,
        }
    },
    "$ref": "#/$defs/node",
}

SHAPES = {
    "$defs": {
        name: {"type": "object", "properties": {"kind": {"const": name, "type": "string"}}, "required": ["kind"]}
        for name in ("square", "circle")
    },
    "oneOf": [{"$ref": "#/$defs/square"}, {"$ref": "#/$defs/circle"}],
    "discriminator": {"propertyName": "kind"},
}


@pytest.mark.parametrize(
    "schema, yes, no",
    [
        (SHAPES, [{"kind": "square"}, {"kind": "circle"}], [{"kind": "line"}, {}]),
        (PERSON, [{"name": "x", "tag": "a"}, {"name": 'é"', "age": 3, "tag": None}], [{"name": "x"}, {}, 3]),
        (PERSON, [], [{"name": "x", "age": -1, "tag": "a"}, {"name": "x", "tag": "a", "more": 1}]),
        (NODE, [{"value": 1, "next": {"value": 2, "next": None}}], [{"next": None}]),
        ({"type": "object", "required": ["a"]}, [{"a": [1]}], [{}, {"b": 1}, 3]),
        ({"required": ["a"], "additionalProperties": {"type": "integer"}}, [{"a": 1}], [{"a": "x"}, {}]),
        ({"maxLength": 2}, ["ab"], ["abc"]),
        ({"minimum": 2}, [2, 31], [1]),
        ({"type": ["string", "null"]}, ["a", None], [1]),
        ({"type": "string", "enum": ["a", "b"]}, ["a"], ["c"]),
        ({"type": "array", "items": {"type": "boolean"}, "minItems": 1}, [[True, False]], [[], [1]]),
        ({"allOf": [{"$ref": "#/$defs/x"}], "title": "T", "$defs": {"x": {"const": 1}}}, [1], [2]),
        ({"oneOf": [{"type": "string"}, {"type": "integer"}]}, ["a", 1], [None]),
        ({"type": "string", "pattern": "b"}, ["b", "abc"], ["ac", ""]),
        ({"type": "string", "pattern": "^b|c$"}, ["b", "bx", "xc"], ["x", "cb"]),
        ({"type": "string", "pattern": r"^[A-Z]{2}-\d+$"}, ["AB-12"], ["xAB-12", "AB-12 "]),
        ({"type": "string", "pattern": r"^\S+$"}, ["aé"], ["a\u2003b", ""]),
        (True, [{"a": {}}, [1], None], []),
        (True, [[1, "b", [True, {"a": 1, "b": []}]], {"a": 1, "b": [1, 2]}], []),
        ({"type": ["array", "object"]}, [[1, 2], {"a": 1, "b": 2}], [3]),
        (
            {"$defs": {"any": {"type": "null"}}, "items": {"anyOf": [{"$ref": "#/$defs/any"}, {"type": "array"}]}},
            [[None, [1, {}]]],
            [[1]],
        ),
    ],
)
def test_a_schema_accepts_what_it_says(masks, tokenizer, schema, yes, no):
    """Without spaces, property order as written."""
    constraint = parse_schema(schema) if isinstance(schema, dict) else parse_schema(json.dumps(schema))

    for value in yes:
        assert accepts(masks, tokenizer, constraint, compact(value)), value
    for value in no:
        assert not accepts(masks, tokenizer, constraint, compact(value)), value


@pytest.mark.parametrize("spacing, text", [("spaced", '{"value": 1, "next": {"value": 2}}'), ("any", '{ "value" :1}')])
def test_a_recursive_schema_is_spaced_as_asked(masks, tokenizer, spacing, text):
    """By both makers."""
    constraint = parse_schema(NODE, spacing=spacing)

    assert accepts(masks, tokenizer, constraint, text)


@pytest.mark.parametrize(
    "schema, what",
    [
        ({"$ref": "http://example.com/x"}, "not in this document"),
        ({"$ref": "#/$defs/none"}, "not in this document"),
        ({"type": "object", "required": ["a"], "additionalProperties": False}, "no (value|text) satisfies"),
        ({"type": "array", "uniqueItems": True}, "uniqueItems"),
    ],
)
def test_a_schema_that_cannot_be_kept_in_a_grammar_is_refused(grammars, schema, what):
    """Never silently wrong: the keyword and its place are named."""
    with pytest.raises(ConstraintError, match=what):
        grammars.make(parse_schema(schema))


def test_a_property_called_like_a_keyword_is_a_property(masks, tokenizer):
    """Names of properties are not keywords."""
    schema = {"type": "object", "properties": {"not": {"type": "null"}, "if": {"type": "null"}}, "required": ["not"]}

    assert accepts(masks, tokenizer, parse_schema(schema), '{"not":null}')


def test_nothing_is_printed_on_standard_error(masks, grammars, capfd):
    """xgrammar's warnings are caught at the file descriptor; what others print there comes through."""
    with pytest.raises(ConstraintError):
        grammars.make(Grammar('root ::= Regex("a(?=b)b")'))
    matcher = masks.make(parse_regex("a"))
    matcher.accept(1), matcher.accept(10**6)

    assert capfd.readouterr().err == ""


def test_random_walks_through_a_schema_are_valid_json(masks):
    """Whatever the masks let out parses and has the types it should."""
    rng = random.Random(5)
    for _ in range(20):
        matcher, spelt = masks.make(parse_schema(PERSON)), b""
        while not matcher.is_done() and len(spelt) < 4000:
            tokens = sorted(allowed(matcher) - masks.eos_ids)
            quote = [t for t in tokens if masks.spellings[t].startswith(b'"')]
            token = rng.choice(quote if quote and rng.random() < 0.4 else tokens)
            assert matcher.accept(token)
            spelt += masks.spellings[token]
        value = json.loads(spelt)

        assert isinstance(value["name"], str) and value["tag"] in ("a", None) and value.get("age", 0) >= 0
