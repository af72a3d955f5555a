"""Random regexes in Python's syntax, nested and with every construct that is regular, and texts that come near them."""

from __future__ import annotations

import random

ATOMS = (
    "a", "b", "c", "ab", "ba", ".", r"\d", r"\w", r"\s", r"\W", "[ab]", "[^a]", "[a-c1]", r"[\s_]", "é", r"\n", "1",
    "-", "(?i:b)", "(?i:[a-b])", "(?a:\\w)", "(?s:.)", "A", "",
)  # fmt: skip
ZERO_WIDTH = ("^", "$", r"\A", r"\Z", r"\b", r"\B", "(?m:^)", "(?m:$)")
FIXED = ("a", "b", "ab", ".", r"\w", "[ab]", r"\W", "a|b", "ab|ba", r"\bab", "a$", "(?=a)", "^a", "(?<=b)a", "")
QUANTIFIERS = ("*", "+", "?", "*?", "+?", "??", "{2}", "{1,2}", "{,2}", "{1,}", "{0,1}?", "{2,3}", "{2,3}?", "{3,}")
POSSESSIVE = ("*+", "++", "?+", "{1,2}+", "{2}+", "{,2}+")
ALPHABET = "aabbcB1é\n_ -A"


def random_pattern(rng: random.Random, depth: int, *, looks: bool = True, atomic: bool = True) -> str:
    """A pattern of nesting `depth`; `looks` and `atomic` say whether it may hold such parts."""

    def part(depth: int) -> str:
        kind = rng.random()
        if depth == 0 or kind < 0.2:
            return rng.choice(ZERO_WIDTH) if looks and rng.random() < 0.15 else rng.choice(ATOMS)
        if kind < 0.5:
            return part(depth - 1) + part(depth - 1)
        if kind < 0.65:
            return f"({part(depth - 1)}|{part(depth - 1)})"
        if looks and kind < 0.72:
            return rng.choice(("(?=", "(?!")) + part(depth - 1) + ")"
        if looks and kind < 0.76:
            return rng.choice(("(?<=", "(?<!")) + rng.choice(FIXED) + ")"
        if atomic and kind < 0.80:
            return f"(?>{part(depth - 1)})"
        if atomic and kind < 0.84:
            return f"(?:{part(depth - 1)}){rng.choice(POSSESSIVE)}"
        return f"(?:{part(depth - 1)}){rng.choice(QUANTIFIERS)}"

    return part(depth)


def random_text(rng: random.Random, longest: int = 7) -> str:
    """A text over a small alphabet."""
    return "".join(rng.choices(ALPHABET, k=rng.randint(0, longest)))
