"""Random forms over two letters, and what they mean, by trying everything."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product

from lmc.ir.automaton.parts import Hole, Literal, Part, Until
from lmc.ir.regex import RegexTree
from lmc.parser.regex.parse import parse_regex

# written over a and b; other letters are put in their place
PATTERNS = (
    "a*", "b*", "a+", "[ab]*", "[ab]+", "a?", "b?", "a", "b", "ab", "(?:ab)*", "(?:aa)*", "a|ab", "a|ba|", "[ab]",
    "[ab]{2}", "a{1,2}", "b{0,2}a", "a*b", "ba*", "(?:a|bb)+", "[ab]{1,3}", "(?:ab|b)*", "b+a+", "",
)  # fmt: skip
LOOKING = (
    "(?!ab)[ab]+", "[ab]*(?<!ba)", "a*+b?", "(?>a|ab)b?", "[ab]+(?=b|$)b*", r"(?:a|\Bb)*", "a(?=$)|b", "b(?!a)a*",
)  # fmt: skip
ANYTHING = "(?s:.*)"
TEXTS = ("a", "b", "ab", "ba", "aa", "bb", "aba", "", "bab")


@dataclass(frozen=True, slots=True)
class RandomForm:
    """Parts, and each of them as `re` has it; `is_isolated`: no part looks at what is around it."""

    parts: tuple[Part, ...]
    patterns: tuple[str, ...]
    is_isolated: bool


def random_form(rng: random.Random, letters: str = "ab", most: int = 4) -> RandomForm:
    """One to `most` parts of all kinds; a stop string and its literal are one."""
    return form_of([part for _ in range(rng.randint(1, most)) for part in _random_parts(rng)], letters)


def _random_parts(rng: random.Random) -> list[tuple[str, str]]:
    """Parts as (kind, what is written)."""
    kind = rng.random()
    if kind < 0.35:
        return [("literal", rng.choice(TEXTS))]
    if kind < 0.5:
        stop = rng.choice([text for text in TEXTS if text])
        return [(stop, rng.choice((ANYTHING, *PATTERNS))), ("literal", stop + rng.choice(TEXTS))]
    return [("looking", rng.choice(LOOKING)) if kind < 0.6 else ("hole", rng.choice(PATTERNS))]


def form_of(written: list[tuple[str, str]], letters: str) -> RandomForm:
    """The form of such parts, with other letters; any other kind is a stop string."""
    table = str.maketrans("ab", letters)
    parts: list[Part] = []
    patterns: list[str] = []
    for kind, over_ab in written:
        text = over_ab.translate(table)
        match kind:
            case "literal":
                parts.append(Literal(text))
                patterns.append(text)
            case "hole" | "looking":
                parts.append(Hole(_tree(text)))
                patterns.append(text)
            case stop:
                parts.append(Until(stop.translate(table), None if over_ab == ANYTHING else _tree(text)))
                patterns.append(_before(stop).translate(table) + f"(?:{text})")
    return RandomForm(tuple(parts), tuple(patterns), all(kind in ("literal", "hole") for kind, _ in written))


def _before(stop: str) -> str:
    """A text after which `stop` occurs for the first time, as a look-ahead at its begin."""
    begun = "|".join(stop[:at] for at in range(1, len(stop)) if stop.startswith(stop[at:]))
    return f"(?!{ANYTHING}{stop})" + (rf"(?!{ANYTHING}(?:{begun})\Z)" if begun else "")


@cache
def _tree(pattern: str) -> RegexTree:
    return parse_regex(pattern).tree


@cache
def _matches(pattern: str, text: str) -> bool:
    return re.fullmatch(pattern, text) is not None


def splits_of(form: RandomForm, text: str) -> Iterator[tuple[int, ...]]:
    """Where each part ends, in every split of a text, the leftmost-shortest first."""
    return _ends(form.patterns, text, 0, 0)


def _ends(patterns: tuple[str, ...], text: str, part: int, begin: int) -> Iterator[tuple[int, ...]]:
    if part == len(patterns):
        if begin == len(text):
            yield ()
        return
    for end in range(begin, len(text) + 1):
        if _matches(patterns[part], text[begin:end]):
            for later in _ends(patterns, text, part + 1, end):
                yield end, *later


def captures_of(form: RandomForm, text: str, ends: tuple[int, ...]) -> tuple[str, ...]:
    """The texts of the generations in a split."""
    pairs = zip(form.parts, (0, *ends), ends)
    return tuple(text[begin:end] for part, begin, end in pairs if not isinstance(part, Literal))


@cache
def texts_up_to(alphabet: str, length: int) -> list[str]:
    """Every text, shorter ones first."""
    return ["".join(chars) for count in range(length + 1) for chars in product(alphabet, repeat=count)]
