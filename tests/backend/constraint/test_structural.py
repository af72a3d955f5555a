"""Structural tags: the language is xgrammar's, JSON and regexes mean what they mean in `gen`, control tokens are ids."""

import json

import numpy as np
import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from lmc.backend.constraint.lowering import Controls, source_of
from lmc.backend.constraint.xgrammar import XGrammarMasks
from lmc.backend.tokenizer import load_tokenizer
from lmc.errors import ConstraintError
from lmc.parser.structural_tag import parse_structural_tag

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
            {"type": "tags_with_separator", "separator": sep, "tags": CALLS, "at_least_one": one, "stop_after_first": stop}
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
