"""A JSON schema's pattern, printed for xgrammar: it must match the whole string."""

from __future__ import annotations

import json
import random
import re

import pytest

from lmc.backend.masks.xgrammar_pattern import PrintedPattern, print_pattern
from lmc.parser.schema.parse import parse_schema
from lmc.parser.schema.pattern import pattern_tree
from lmc.tokenizer import load_tokenizer
from tests.support.tokenizer_folder import byte_tokenizer_folder


def printed(pattern: str) -> PrintedPattern | None:
    """The pattern as JSON Schema reads it, printed."""
    tree = pattern_tree(pattern)
    return None if isinstance(tree, str) else print_pattern(tree)


@pytest.mark.parametrize(
    "pattern, whole",
    [
        ("^b$", "^[b]$"),
        ("^(a|b)$", "^(?:[a]|[b])$"),
        ("^[a-c]{2,}$", "^(?:[a-c]{2,})$"),
        (r"^\]\-\^$", r"^(?:[\]][\-][\^])$"),
        ("^[é-í😀]$", "^[é-í😀]$"),
    ],
)
def test_a_tree_is_printed_in_ranges_groups_and_counts(pattern, whole):
    """With what means something in a class behind a backslash."""
    assert printed(pattern) == PrintedPattern(whole, True)


@pytest.mark.parametrize("pattern", ["(?=b)a", r"\bx", "a$b", "(^a|b)c^", '"', r"\n", "[^\\u0000-\\uffff]a^"])
def test_what_is_not_plain_or_needs_escapes_is_refused(pattern):
    """Looks inside, and strings that all hold a character that JSON escapes."""
    assert printed(pattern) is None


def test_random_patterns_find_what_python_finds():
    """Oracle: re.search against re.fullmatch of the printed pattern, over characters without escapes."""
    rng = random.Random(3)
    bits = ["a", "b", "[^a]", r"\d", "(?:", "(", ")", "|", "*", "+?", "{2}", "^", "$", r"\.", "."]
    taken = 0
    for _ in range(1200):
        pattern = "".join(rng.choices(bits, k=rng.randint(1, 6)))
        whole = printed(pattern)
        if whole is None:
            continue
        taken += 1
        for text in ("", "a", "ab", "ba", "1a.", "aab", "b1b"):
            assert bool(re.fullmatch(whole.text, text)) == bool(re.search(pattern, text)), (pattern, whole, text)

    assert taken > 300


@pytest.fixture(scope="module")
def compiler(tmp_path_factory: pytest.TempPathFactory):
    """xgrammar's own, for one token a byte."""
    from lmc.backend.masks.xgrammar import XGrammarMasks

    tokenizer = load_tokenizer(byte_tokenizer_folder(tmp_path_factory.mktemp("bytes")))
    return tokenizer, XGrammarMasks(tokenizer, len(tokenizer.vocab_bytes()))


PATTERNS = {  # in Python's syntax
    "^a+$": r"^a+\Z",
    "b": "b",
    "^[^a]$": r"^[^a]\Z",
    r"^\d{2}-\w$": r"^[0-9]{2}-[A-Za-z0-9_]\Z",
    r"^\S+$": r"^\S+\Z",
    "^[é-í]|日$": r"^[é-í]|日\Z",
    r"^[\]\-\^\[]+$": r"^[\]\-\^\[]+\Z",
    r"^\$\{x\}$": r"^\$\{x\}\Z",
    "^.$": r"^.\Z",
    "^(?:ab|c)*$": r"^(?:ab|c)*\Z",
    "^[!-~]+$": r"^[!-~]+\Z",
}
TEXTS = (
    *(
        "",
        "a",
        "aa",
        "b",
        "xbx",
        "12-_",
        "1-a",
        "a b",
        "é",
        "日",
        "x日",
        "]-^[",
        "${x}",
        "😀",
        "abcab",
        "abca",
        "#!/()",
    ),
    *("\n", '"', "\\"),
)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_xgrammar_reads_it_so(compiler, pattern):
    """Oracle: of the strings in which the pattern is found, those without escapes, and no other text."""
    tokenizer, masks = compiler
    schema = {"type": "object", "properties": {"x": {"$ref": "#"}, "s": {"type": "string", "pattern": pattern}}}
    constraint = parse_schema({**schema, "required": ["s"], "additionalProperties": False})
    for text in TEXTS:
        matcher = masks.make(constraint)
        spelt = json.dumps({"s": text}, ensure_ascii=False, separators=(",", ":"))
        is_taken = all(map(matcher.accept, tokenizer.encode(spelt))) and matcher.can_stop()
        is_raw = json.dumps(text, ensure_ascii=False) == f'"{text}"'
        assert is_taken == (is_raw and bool(re.search(PATTERNS[pattern], text))), text
