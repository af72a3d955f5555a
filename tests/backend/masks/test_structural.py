"""Structural tags: the language is xgrammar's, JSON and regexes mean what they do in `gen`, control tokens are ids."""

import json

import numpy as np
import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from lmc.backend.masks.lowering import Controls, source_of
from lmc.backend.masks.xgrammar import XGrammarMasks
from lmc.errors import ConstraintError
from lmc.parser.structural_tag import parse_structural_tag
from lmc.tokenizer import load_tokenizer

CONTROLS = ["<|end|>", "<think>", "</think>", "<tool_call>", "</tool_call>"]


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    """Bytes, and control tokens; the end token is <|end|>, `<think>` and `<tool_call>` are not special."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer, bpe.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=CONTROLS[:1], initial_alphabet=alphabet, show_progress=False
    )
    bpe.train_from_iterator(["ab <tool tool_call> 12 12"] * 3, trainer)
    bpe.add_tokens(CONTROLS[1:])
    folder = tmp_path_factory.mktemp("tokenizer")
    bpe.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text('{"eos_token": "<|end|>"}')
    return load_tokenizer(folder)


@pytest.fixture(scope="module")
def masks(tokenizer):
    """Logits are wider than the vocabulary."""
    return XGrammarMasks(tokenizer, tokenizer.vocab_size + 5)


def tag(format, **options):
    """A structural tag."""
    return parse_structural_tag({"type": "structural_tag", "format": format}, **options)


def text(value):
    """A literal."""
    return {"type": "const_string", "value": value}


def row(*elements):
    """A sequence."""
    return {"type": "sequence", "elements": list(elements)}


def begun(begin, content, end):
    """A tag."""
    return {"type": "tag", "begin": begin, "content": content, "end": end}


ANY = {"type": "any_text"}
NUMBER = {"type": "json_schema", "json_schema": {"type": "integer"}}
CALLS = [begun("<a>", text("1"), "</a>"), begun("<b>", text("2"), "</b>")]


def accepts(masks, tokenizer, constraint, text, *, control=False):
    """Whether `text`, token by token, is in the masks and may end there; with `control` its control tokens by id."""
    matcher = masks.make(constraint)
    for token in tokenizer.encode(text, control=control):
        bits = np.unpackbits(matcher.mask().view(np.uint8), bitorder="little")
        assert bits[token] == matcher.accept(token)
        if not bits[token]:
            return False
    return matcher.can_stop()


# --- the language --------------------------------------------------------------------------------------------

TEXTS = (
    "", "x", "1", "12", "<", "<a", "<a>", "<a>1", "<a>1</a>", "<a>2</a>", "x<a>1</a>", "<a>1</a>y", "<<a>1</a>",
    "<a>1</a><b>2</b>", "<a>1</a>x<b>2</b>z", "<a>1</a>,<b>2</b>", "<a>1</a>,", "<a></a>", "<a>x</a>", "<a>x</a></a>",
    "<a>xx</a>", "<a>bad</a>", "bad", "ba", "ab", "abab", "ababab", "<a>x<b>2</b>y</a>", "<a>1</b>", "aab", "aaab",
)  # fmt: skip


@pytest.mark.parametrize(
    "format",
    [
        text("ab"),
        ANY,
        ANY | {"excludes": ["bad", "x"]},
        ANY | {"max_chars": 2},
        ANY | {"max_chars": 2, "excludes": ["x"]},
        row(text("<a>"), text("1"), text("</a>")),
        {"type": "or", "elements": [text("ab"), text("x"), text("")]},
        {"type": "optional", "content": text("ab")},
        {"type": "star", "content": text("ab")},
        {"type": "plus", "content": text("ab")},
        {"type": "repeat", "min": 1, "max": 2, "content": text("ab")},
        {"type": "repeat", "min": 2, "max": -1, "content": text("ab")},
        begun("<a>", ANY, "</a>"),
        begun("<a>", row(text("1"), ANY), ["</a>", "</b>"]),
        begun("<a>", {"type": "or", "elements": [text("1"), ANY | {"excludes": ["bad"]}]}, "</a>"),
        begun("<a>", {"type": "triggered_tags", "triggers": ["<b"], "tags": CALLS[1:]}, "</a>"),
        {"type": "grammar", "grammar": 'root ::= "a" root | "b"'},
        *(
            {"type": "triggered_tags", "triggers": ["<a", "<b"], "tags": CALLS, "at_least_one": one,
             "stop_after_first": stop, "excludes": ["bad"]}
            for one in (True, False) for stop in (True, False)
        ),
        {"type": "triggered_tags", "triggers": ["<"], "tags": CALLS},
        {"type": "triggered_tags", "triggers": ["aa"], "tags": [begun("aab", text(""), "")]},
        *(
            {"type": "tags_with_separator", "separator": sep, "tags": CALLS, "at_least_one": one,
             "stop_after_first": stop}
            for one in (True, False) for stop in (True, False) for sep in ("", ",")
        ),
        {"type": "dispatch", "rules": [["<a>", text("1")], ["<b>", text("2")]], "loop": False},
        {"type": "dispatch", "rules": [["<a>", text("1</a>")], ["<b>", text("2</b>")]], "excludes": ["x"]},
    ],
)  # fmt: skip
def test_a_format_means_what_xgrammar_says(masks, tokenizer, format):
    """Oracle: xgrammar's own reading of it, by characters."""
    from xgrammar import Grammar
    from xgrammar.testing import _is_grammar_accept_string

    theirs = Grammar.from_structural_tag({"type": "structural_tag", "format": format})

    for each in TEXTS:
        assert accepts(masks, tokenizer, tag(format), each) == _is_grammar_accept_string(theirs, each), each


def test_a_format_may_be_open_on_both_sides(masks, tokenizer):
    """xgrammar refuses it; it means what it says."""
    assert accepts(masks, tokenizer, tag(begun("", ANY, "")), "<a>x")


@pytest.mark.parametrize("pattern", [r"a.c", r"(?i)ab", r"(?!ab)[a-c]{2}", r"\d+", r"^a$"])
@pytest.mark.parametrize("each", ["abc", "a\nc", "AB", "ab", "ba", "١", "12", "a"])
def test_a_regex_means_what_python_says(masks, tokenizer, pattern, each):
    """Not what xgrammar's front end makes of it."""
    import re

    whole = tag(row(text("<"), {"type": "regex", "pattern": pattern}, text(">")))

    assert accepts(masks, tokenizer, whole, f"<{each}>") == bool(re.fullmatch(pattern, each))


@pytest.mark.parametrize(
    "spacing, yes, no",
    [
        ("compact", '{"a":1,"b":[2,3]}', '{"a": 1, "b": [2, 3]}'),
        ("spaced", '{"a": 1, "b": [2, 3]}', '{"a":1,"b":[2,3]}'),
        ("any", '{ "a":1 ,\n"b": [2, 3]}', '{"a":1,"b":[2,"3"]}'),
    ],
)
def test_json_is_that_of_gen(masks, tokenizer, spacing, yes, no):
    """With every keyword that `gen(json_schema=...)` keeps, spaced as asked."""
    schema = {
        "type": "object",
        "properties": {"a": {"type": "integer", "not": {"const": 7}}, "b": {"type": "array", "uniqueItems": True}},
        "required": ["a"],
        "additionalProperties": False,
    }
    schema["properties"]["b"]["items"] = {"enum": [1, 2, 3]}
    whole = tag(begun("<a>", {"type": "json_schema", "json_schema": schema}, "</a>"), spacing=spacing)

    assert accepts(masks, tokenizer, whole, f"<a>{yes}</a>")
    assert not accepts(masks, tokenizer, whole, f"<a>{no}</a>")
    for wrong in ('{"a":7}', '{"a":1,"b":[2,2]}'):
        assert not accepts(masks, tokenizer, whole, f"<a>{wrong}</a>")


def test_a_schema_that_recurs_may_stand_in_a_tag(masks, tokenizer):
    """With all that it says, at every depth."""
    tree = {"type": "object", "properties": {"v": {"type": "integer"}, "next": {"$ref": "#"}}, "required": ["v"]}
    whole = tag(begun("<a>", {"type": "json_schema", "json_schema": tree}, "</a>"))

    assert accepts(masks, tokenizer, whole, '<a>{"v":1,"next":{"v":2}}</a>')
    assert not accepts(masks, tokenizer, whole, '<a>{"v":1,"next":{}}</a>')
    short = tree | {"properties": {**tree["properties"], "s": {"type": "string", "pattern": "é", "maxLength": 3}}}
    whole = tag(begun("<a>", {"type": "json_schema", "json_schema": short | {"not": {"maxProperties": 1}}}, "</a>"))
    assert accepts(masks, tokenizer, whole, '<a>{"v":1,"next":{"v":2,"s":"\\"é"}}</a>')
    for wrong in (
        '{"v":1}',
        '{"v":1,"next":{"v":2}}',
        '{"v":1,"s":"ab"}',
        '{"v":1,"s":"éabc"}',
        '{"v":1,"s":"é"","x":1}',
    ):
        assert not accepts(masks, tokenizer, whole, f"<a>{wrong}</a>")


def test_a_large_schema_may_stand_in_a_tag(masks, tokenizer):
    """By its places."""
    many = {f"f{i}": {"type": "string", "maxLength": 300} for i in range(12)}
    large = {"type": "object", "properties": {**many, "b": {"pattern": "^é", "type": "string"}}, "required": ["b"]}
    whole = tag(begun("<a>", {"type": "json_schema", "json_schema": large | {"additionalProperties": False}}, "</a>"))

    assert accepts(masks, tokenizer, whole, '<a>{"f1":"%s","b":"é"}</a>' % ("x" * 300))
    assert not accepts(masks, tokenizer, whole, '<a>{"f1":"%s","b":"é"}</a>' % ("x" * 301))
    assert not accepts(masks, tokenizer, whole, '<a>{"b":"é","x":1}</a>')


@pytest.mark.parametrize("value", ["éa", "\u0085f", "ÿF0", "日b", "\\xe9a", "é"])
def test_a_schema_that_recurs_keeps_its_texts(masks, tokenizer, value):
    """Whatever stands behind a character that xgrammar prints as an escape."""
    tree = {"type": "object", "properties": {"v": {"const": value}, "next": {"$ref": "#"}}, "required": ["v"]}
    whole = tag(begun("<a>", {"type": "json_schema", "json_schema": tree}, "</a>"))
    written = json.dumps({"v": value}, ensure_ascii=False, separators=(",", ":"))

    assert accepts(masks, tokenizer, whole, f"<a>{written}</a>")
    assert not accepts(masks, tokenizer, whole, f"<a>{written.replace(value[-1], 'z')}</a>")


def test_what_is_checked_late_elsewhere_is_refused_in_a_tag(masks):
    """Nobody would look at it."""
    schema = {"type": "array", "items": {"type": "string"}, "uniqueItems": True}
    with pytest.raises(ConstraintError, match="uniqueItems"):
        masks.make(tag(begun("<a>", {"type": "json_schema", "json_schema": schema}, "</a>")))


# --- control tokens ------------------------------------------------------------------------------------------

CALL = begun("<tool_call>\n", NUMBER, "\n</tool_call>")
AROUND = {"type": "triggered_tags", "triggers": ["<tool_call>"], "tags": [CALL], "excludes": ["<think>"]}


def test_a_tag_that_is_a_control_token_is_that_token(masks, tokenizer):
    """By its id, and by nothing that only spells it."""
    for format in (CALL, AROUND, row(text("<tool_call>\n"), NUMBER, text("\n</tool_call>"))):
        assert accepts(masks, tokenizer, tag(format), "<tool_call>\n12\n</tool_call>", control=True)
        assert not accepts(masks, tokenizer, tag(format), "<tool_call>\n12\n</tool_call>")


def test_free_text_around_calls(masks, tokenizer):
    """Any text, but for what would look like a call, and for what is excluded."""
    whole = tag(AROUND)

    assert accepts(
        masks, tokenizer, whole, "Well: <tool_call>\n1\n</tool_call>é<tool_call>\n2\n</tool_call>.", control=True
    )
    assert accepts(masks, tokenizer, whole, "< tool_call")
    for wrong in ("a <tool_call>", "a <think>"):
        assert not accepts(masks, tokenizer, whole, wrong)
        assert not accepts(masks, tokenizer, whole, wrong, control=True)


def test_a_control_token_within_a_trigger(masks, tokenizer):
    """The text before it belongs to the tag, and cannot be told from free text; the token can."""
    call = begun("\n<tool_call>f", text("()"), "</tool_call>")
    whole = tag({"type": "triggered_tags", "triggers": ["\n<tool_call>"], "tags": [call]})

    assert accepts(masks, tokenizer, whole, "x\ny\n<tool_call>f()</tool_call>", control=True)
    assert not accepts(masks, tokenizer, whole, "x<tool_call>f()</tool_call>", control=True)
    assert accepts(masks, tokenizer, whole, "x\n")


def control_ids(tokenizer):
    """Ids that no text is made of."""
    return {i for i, spelt in enumerate(tokenizer.vocab_bytes()) if not spelt}


@pytest.mark.parametrize(
    "format",
    [
        AROUND,
        ANY | {"excludes": ["<think>"]},
        begun("<a>", ANY, "</a>"),
        begun("<tool_call>", ANY, "</tool_call>"),
        row({"type": "regex", "pattern": "(?s:.*)"}, text("<tool_call>")),
        {"type": "json_schema", "json_schema": {"type": "string"}},
        {"type": "grammar", "grammar": "root ::= [a-zé]*"},
    ],
)
def test_random_walks_meet_a_control_token_only_where_a_tag_has_it(masks, tokenizer, format):
    """And what comes out between them is UTF-8: the bytes that stand for control tokens are in no text."""
    import random

    rng, asked = random.Random(3), json.dumps(format)
    names = {id: name for name, id in tokenizer.control_tokens().items()}
    for _ in range(8):
        matcher, spelt = masks.make(tag(format)), b""
        for _step in range(60):
            bits = np.unpackbits(matcher.mask().view(np.uint8), bitorder="little")
            allowed = set(np.flatnonzero(bits).tolist()) - masks.eos_ids
            controls = allowed & control_ids(tokenizer)
            assert {names[i] for i in controls} <= {name for name in CONTROLS if name in asked and name != "<think>"}
            if not allowed:
                break
            token = rng.choice(sorted(controls if controls and rng.random() < 0.3 else allowed))
            assert matcher.accept(token)
            spelt += b"|" if token in controls else masks.spellings[token]
        spelt.decode("utf-8", "strict" if matcher.can_stop() else "ignore")


def test_the_end_token_in_a_tag_is_refused(masks):
    """No text comes after it, so nothing could be said to follow."""
    with pytest.raises(ConstraintError, match=r"LMC-CN018.*'<\|end\|>', which ends every generation"):
        masks.make(tag(begun("<a>", ANY, "<|end|>")))


@pytest.mark.parametrize("macro", ["Token(5)", "ExcludeToken(5)", 'TagDispatch(("<a>", x))'])
def test_macros_that_let_control_tokens_through_are_refused(masks, macro):
    """Their free text is any token."""
    with pytest.raises(ConstraintError, match="may let control tokens in"):
        masks.make(tag({"type": "grammar", "grammar": f'root ::= {macro}\nx ::= "a"'}))


def test_what_is_compiled_is_free_of_xgrammars_own_free_text():
    """It takes any bytes; with our vocabulary those of control tokens too."""
    controls = Controls({"<tool_call>": 3}, frozenset())
    for format in (AROUND, begun("<a>", ANY, "</a>"), {"type": "dispatch", "rules": [["<a>", ANY]]}):
        source = source_of(tag(format), controls)
        assert source is not None and source.kind == "tag"
        assert not any(f'"{kind}"' in source.text for kind in ("any_text", "triggered_tags", "tag", "regex"))


# --- hazards -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "format, what",
    [
        ({"type": "grammar", "grammar": 'root ::= "a" root'}, "never ends"),
        ({"type": "grammar", "grammar": 'root ::= Regex("a(?=b).")'}, "not valid|in part"),
        ({"type": "regex", "pattern": "(?&)a&b"}, "no text is possible at `#/format/content`"),
        ({"type": "json_schema", "json_schema": False}, "LMC-CN001"),
    ],
)
def test_what_cannot_be_followed_is_refused(masks, tokenizer, capfd, format, what):
    """Each time, silently on standard error, and without harm to the next."""
    for _ in range(2):
        with pytest.raises(ConstraintError, match=what):
            masks.make(tag(begun("<a>", format, "</a>")))
    assert accepts(masks, tokenizer, tag(text("a")), "a")
    assert capfd.readouterr().err == ""


def test_forced_text_within_a_character_raises_nothing(masks, tokenizer):
    """A byte at a time."""
    whole = tag(row(text("霍"), {"type": "or", "elements": [text("é"), text("è")]}))

    assert accepts(masks, tokenizer, whole, "霍é") and not accepts(masks, tokenizer, whole, "霍e")


def test_a_tag_is_read_back_from_disk(tokenizer, tmp_path, monkeypatch):
    """With its control tokens, and not by masks of another spacing."""
    from lmc.backend.masks.disk import DiskCache

    XGrammarMasks(tokenizer, tokenizer.vocab_size, DiskCache(tmp_path)).make(tag(CALL))
    again = XGrammarMasks(tokenizer, tokenizer.vocab_size, DiskCache(tmp_path))
    monkeypatch.setattr(XGrammarMasks, "_lowered", None)

    assert accepts(again, tokenizer, tag(CALL), "<tool_call>\n12\n</tool_call>", control=True)
    with pytest.raises(TypeError):
        again.make(tag(CALL, spacing="spaced"))


# --- marks ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "end, value, yes",
    [
        ("</f>", '{"a":"</f>"}', False),
        ("</f>", '{"a":"\\u003c/f>"}', True),
        ("}\n</f>", '{"a":"</f>"}', False),
        ("}\n</f>", '{"a":"}"}', True),
        ("}", '{"a":"}"}', True),
        ("END", '{"a":"\\u0045ND"}', True),
        ("END", '{"a":"END"}', False),
        (["</f>", "</g>"], '{"a":"</g>"}', False),
        ("<<end>>", '{"a":"<<<end>>"}', False),
        ("<<end>>", '{"a":"\\u003c\\u003c\\u003cend>>"}', True),
    ],
)
def test_a_string_does_not_hold_the_end_of_its_tag(masks, tokenizer, end, value, yes):
    """It is written with an escape; of an end that other JSON holds too, what JSON has in strings alone."""
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False}
    inner = begun("<g>", row({"type": "json_schema", "json_schema": schema}, text("!")), "</g>")
    whole = tag(begun("<f>", inner if isinstance(end, list) else inner["content"]["elements"][0], end))
    last = end[0] if isinstance(end, list) else end
    written = f"<g>{value}!</g>" if isinstance(end, list) else value

    assert accepts(masks, tokenizer, whole, f"<f>{written}{last}") is yes


def test_a_control_token_is_no_text_of_a_value(masks, tokenizer):
    """Where a tag is a control token, its id stands in no string; its text spelt out does not either."""
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    whole = tag(begun("<tool_call>", {"type": "json_schema", "json_schema": schema}, "</tool_call>"))
    value = '{"a":"x</tool_call>"}'
    (begin,), (end,) = (tokenizer.encode(text, control=True) for text in ("<tool_call>", "</tool_call>"))

    for inner, yes in ((value, False), (value.replace("<", "\\u003c"), True)):
        matcher = masks.make(whole)
        tokens = (begin, *tokenizer.encode(inner), end)
        assert all(map(matcher.accept, tokens)) is yes
    assert not accepts(masks, tokenizer, whole, f"<tool_call>{value}</tool_call>", control=True)
